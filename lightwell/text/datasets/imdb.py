"""IMDB: film reviews, half of them for, half against (Maas et al. 2011)."""

import os

from lightwell.text._files import data_folder, extract, fetch
from lightwell.text.datasets._rows import Rows, for_splits

URL = "http://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
MD5 = "7c2ac02c03563afcf9b574c7e56c153a"
NUM_LINES = {"train": 25000, "test": 25000}
DATASET_NAME = "IMDB"


def reviews_folder(root) -> str:
    """The folder aclImdb, below `root` or fetched."""
    folder = data_folder(root, DATASET_NAME)
    for base in (folder, *([os.path.expanduser(os.fspath(root))] if root is not None else [])):
        if os.path.isdir(os.path.join(base, "aclImdb")):
            return os.path.join(base, "aclImdb")
    extract(fetch(URL, os.path.join(folder, os.path.basename(URL)), MD5), folder)
    return os.path.join(folder, "aclImdb")


def reviews(folder: str, split: str, label: str):
    """The reviews of one label, in the order of their files' names."""
    folder = os.path.join(folder, split, label)
    for name in sorted(os.listdir(folder)):
        if name.endswith(".txt"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                yield file.read()


def IMDB(root=None, split=("train", "test")):
    """(1 for "neg" or 2 for "pos", review), the negative ones first."""

    def make(name):
        def read():
            folder = reviews_folder(root)
            for number, label in ((1, "neg"), (2, "pos")):
                for review in reviews(folder, name, label):
                    yield number, review

        return Rows(read)

    return for_splits(tuple(NUM_LINES), split, make)
