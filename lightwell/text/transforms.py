"""Modules from tokens to tensors."""

import lightwell as lw
from lightwell import nn
from lightwell.errors.teaching import AssertionError, TypeError

__all__ = ["AddToken", "LabelToIndex", "PadTransform", "Sequential", "StrToIntTransform", "ToTensor", "Truncate", "VocabTransform"]


def _each(function, input, leaf):
    """`function` of one list, or of each of a batch of lists."""
    if input and not isinstance(input[0], leaf):
        return [function(part) for part in input]
    return function(input)


class VocabTransform(nn.Module):
    """Tokens, or a batch of lists of them, to numbers.

    >>> from lightwell.text import transforms
    >>> from lightwell.text.vocab import build_vocab_from_iterator
    >>> transforms.VocabTransform(build_vocab_from_iterator([["a", "b"]]))([["a", "b"], ["b"]])
    [[0, 1], [1]]
    """

    def __init__(self, vocab):
        super().__init__()
        self.vocab = vocab

    def forward(self, input):
        """Numbers."""
        return _each(self.vocab.lookup_indices, input, str)


class ToTensor(nn.Module):
    """Numbers, or a batch of lists of them padded with `padding_value`, to a tensor; TypeError for ragged lists without one."""

    def __init__(self, padding_value=None, dtype=lw.long):
        super().__init__()
        self.padding_value, self.dtype = padding_value, dtype

    def forward(self, input):
        """A tensor."""
        if input and isinstance(input[0], (list, tuple)):
            lengths = {len(row) for row in input}
            if len(lengths) > 1:
                if self.padding_value is None:
                    raise TypeError(f"ToTensor: rows of lengths {sorted(lengths)} need a padding_value")
                rows = [lw.tensor(row, dtype=self.dtype) for row in input]
                return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=float(self.padding_value))
        return lw.tensor(input, dtype=self.dtype)


class Truncate(nn.Module):
    """The first `max_seq_len` of each list."""

    def __init__(self, max_seq_len: int):
        super().__init__()
        self.max_seq_len = max_seq_len

    def forward(self, input):
        """Shorter lists."""
        return _each(lambda row: row[: self.max_seq_len], input, (str, int))


class AddToken(nn.Module):
    """A token at the beginning (or end) of each list."""

    def __init__(self, token, begin: bool = True):
        super().__init__()
        self.token, self.begin = token, begin

    def forward(self, input):
        """Longer lists."""
        return _each(lambda row: [self.token, *row] if self.begin else [*row, self.token], input, (str, int))


class PadTransform(nn.Module):
    """A tensor's last dimension filled up to `max_length` with `pad_value`."""

    def __init__(self, max_length: int, pad_value: int):
        super().__init__()
        self.max_length, self.pad_value = max_length, float(pad_value)

    def forward(self, x):
        """The longer tensor."""
        missing = self.max_length - x.size(-1)
        return nn.functional.pad(x, (0, missing), value=self.pad_value) if missing > 0 else x


class StrToIntTransform(nn.Module):
    """Strings, or lists of them, to integers."""

    def forward(self, input):
        """Integers."""
        return _each(lambda row: [int(text) for text in row], input, str)


class LabelToIndex(nn.Module):
    """Labels to their places in a list of names (or in a file with one a line), sorted with `sort_names`."""

    def __init__(self, label_names=None, label_path=None, sort_names=False):
        super().__init__()
        if (label_names is None) == (label_path is None):
            raise AssertionError("LabelToIndex: give label_names or label_path")
        if label_path is not None:
            with open(label_path, encoding="utf-8") as file:
                label_names = [line.strip() for line in file if line.strip()]
        self._label_names = sorted(label_names) if sort_names else list(label_names)
        self._numbers = {name: i for i, name in enumerate(self._label_names)}

    @property
    def label_names(self):
        """The names in order."""
        return self._label_names

    def forward(self, input):
        """A number, or a list of them."""
        return self._numbers[input] if isinstance(input, str) else [self._numbers[name] for name in input]


class Sequential(nn.Sequential):
    """Transforms one after another."""
