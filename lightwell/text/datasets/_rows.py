"""What the datasets share: splits, files found or fetched, rows read anew by each iteration."""

import os

from lightwell.errors.teaching import ValueError
from lightwell.text._files import data_folder, fetch, member
from lightwell.utils.data import IterableDataset


class Rows(IterableDataset):
    """The rows that `read()` yields, from the beginning each time."""

    def __init__(self, read):
        self._read = read

    def __iter__(self):
        return iter(self._read())

    def map(self, fn):
        """The rows, each through a function."""
        return Rows(lambda: (fn(row) for row in self))

    def filter(self, fn):
        """The rows for which a function holds."""
        return Rows(lambda: (row for row in self if fn(row)))


def for_splits(known, split, make):
    """`make(split)` for one split, a tuple of them for several; ValueError for one that isn't there."""
    names = (split,) if isinstance(split, str) else tuple(split)
    for name in names:
        if name not in known:
            raise ValueError(f"split {name!r} is not one of {known}")
    made = tuple(make(name) for name in names)
    return made[0] if isinstance(split, str) else made


def found(root, name: str, path: str, url: str, checksum, archive: bool) -> str:
    """The file `path` in the dataset's folder, or in `root` itself where a user put it; else downloaded, alone or in an archive."""
    folder = data_folder(root, name)
    for base in (folder, *([os.path.expanduser(os.fspath(root))] if root is not None else [])):
        if os.path.exists(os.path.join(base, path)):
            return os.path.join(base, path)
    if not archive:
        return fetch(url, os.path.join(folder, path), checksum)
    pack = fetch(url, os.path.join(folder, os.path.basename(url)), checksum)
    return member(pack, path.replace(os.sep, "/"), os.path.join(folder, path))


def lines_of(path: str, strip: bool = True):
    """The lines of a UTF-8 file, ended by newlines alone."""
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.rstrip("\r\n") if strip else line
