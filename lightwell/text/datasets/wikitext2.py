"""WikiText2: articles of Wikipedia, two million words (Merity et al. 2017)."""

import os

from lightwell.text.datasets._rows import Rows, for_splits, found, lines_of

URL = "https://s3.amazonaws.com/research.metamind.io/wikitext/wikitext-2-v1.zip"
MD5 = "542ccefacc6c27f945fb54453812b3cd"
NUM_LINES = {"train": 36718, "valid": 3760, "test": 4358}
DATASET_NAME = "WikiText2"


def WikiText2(root=None, split=("train", "valid", "test")):
    """Lines with their newlines, from wikitext-2/wiki.train.tokens and so on."""

    def make(name):
        path = os.path.join("wikitext-2", f"wiki.{name}.tokens")
        return Rows(lambda: lines_of(found(root, DATASET_NAME, path, URL, MD5, True), strip=False))

    return for_splits(tuple(NUM_LINES), split, make)
