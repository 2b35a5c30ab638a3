"""WikiText103: articles of Wikipedia, 103 million words (Merity et al. 2017)."""

import os

from lightwell.text.datasets._rows import Rows, for_splits, found, lines_of

URL = "https://s3.amazonaws.com/research.metamind.io/wikitext/wikitext-103-v1.zip"
MD5 = "9ddaacaf6af0710eda8c456decff7832"
NUM_LINES = {"train": 1801350, "valid": 3760, "test": 4358}
DATASET_NAME = "WikiText103"


def WikiText103(root=None, split=("train", "valid", "test")):
    """Lines with their newlines, from wikitext-103/wiki.train.tokens and so on."""

    def make(name):
        path = os.path.join("wikitext-103", f"wiki.{name}.tokens")
        return Rows(lambda: lines_of(found(root, DATASET_NAME, path, URL, MD5, True), strip=False))

    return for_splits(tuple(NUM_LINES), split, make)
