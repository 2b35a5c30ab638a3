"""Multi30k: descriptions of pictures in English and German (Elliott et al. 2016)."""

from lightwell.errors.teaching import AssertionError
from lightwell.text.datasets._rows import Rows, for_splits, found, lines_of

# tables that programs may change before the first reading, where the files have moved; the sums are SHA-256
URL = {
    "train": "http://www.quest.dcs.shef.ac.uk/wmt16_files_mmt/training.tar.gz",
    "valid": "http://www.quest.dcs.shef.ac.uk/wmt16_files_mmt/validation.tar.gz",
    "test": "http://www.quest.dcs.shef.ac.uk/wmt16_files_mmt/mmt16_task1_test.tar.gz",
}
MD5 = {
    "train": "20140d013d05dd9a72dfde46478663ba05737ce983f478f960c1123c6671be5e",
    "valid": "a7aa20e9ebd5ba5adce7909498b94410996040857154dab029851af3a866da8c",
    "test": "0681be16a532912288a91ddd573594fbdd57c0fbb81486eff7c55247e35326c2",
}
NUM_LINES = {"train": 29000, "valid": 1014, "test": 1000}
DATASET_NAME = "Multi30k"
_PREFIX = {"train": "train", "valid": "val", "test": "test"}


def Multi30k(root=None, split=("train", "valid", "test"), language_pair=("de", "en")):
    """Pairs of sentences in two languages, ("de", "en") or ("en", "de").

    Files train.de, val.en … are read from `root` or its datasets/Multi30k where they are there, else downloaded.
    """
    if sorted(language_pair) != ["de", "en"]:
        raise AssertionError(f"language_pair must be either ('de','en') or ('en', 'de'), got {language_pair}")

    def make(name):
        def read():
            paths = [found(root, DATASET_NAME, f"{_PREFIX[name]}.{language}", URL[name], MD5[name], True) for language in language_pair]
            return zip(*map(lines_of, paths))

        return Rows(read)

    return for_splits(tuple(URL), split, make)
