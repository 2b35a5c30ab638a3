"""Small functions over datasets."""

import re

from lightwell.utils.data import Dataset

__all__ = ["custom_replace", "numericalize_tokens_from_iterator", "simple_space_split", "to_map_style_dataset"]


class _Rows(Dataset):
    def __init__(self, rows):
        self._rows = rows

    def __getitem__(self, index):
        return self._rows[index]

    def __len__(self):
        return len(self._rows)


def to_map_style_dataset(iter_data) -> Dataset:
    """The rows of an iterable dataset in memory, with len() and numbers.

    >>> from lightwell.text.data.functional import to_map_style_dataset
    >>> to_map_style_dataset(iter("ab"))[1]
    'b'
    """
    return _Rows(list(iter_data))


def simple_space_split(iterator):
    """Each line split at white space."""
    return (line.split() for line in iterator)


def custom_replace(replace_pattern):
    """A function over lines that replaces (pattern, replacement) pairs in turn.

    >>> from lightwell.text.data.functional import custom_replace
    >>> list(custom_replace([("S", "s")])(["Sentence"]))
    ['sentence']
    """
    patterns = [(re.compile(pattern), by) for pattern, by in replace_pattern]

    def replace(lines):
        for line in lines:
            for pattern, by in patterns:
                line = pattern.sub(by, line)
            yield line

    return replace


def numericalize_tokens_from_iterator(vocab, iterator, removed_tokens=None):
    """For each list of tokens an iterator over their numbers, without those of `removed_tokens`."""
    removed = set(removed_tokens or ())
    for tokens in iterator:
        yield iter([vocab[token] for token in tokens if token not in removed])
