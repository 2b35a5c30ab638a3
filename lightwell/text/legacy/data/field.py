"""Fields: how a column of a dataset becomes tensors."""

from collections import Counter
from itertools import chain

import lightwell as lw
from lightwell.errors.teaching import ValueError
from lightwell.text.data.utils import get_tokenizer
from lightwell.text.vocab import Vocab

__all__ = ["Field", "LabelField", "RawField"]


class RawField:
    """A column of any objects: `preprocessing` of each, `postprocessing` of a batch's list."""

    def __init__(self, preprocessing=None, postprocessing=None, is_target=False):
        self.preprocessing, self.postprocessing, self.is_target = preprocessing, postprocessing, is_target

    def preprocess(self, x):
        """An example's value."""
        return x if self.preprocessing is None else self.preprocessing(x)

    def process(self, batch, *args, **kwargs):
        """A batch's value."""
        return batch if self.postprocessing is None else self.postprocessing(batch)


class Field(RawField):
    """A column of text (`sequential`) or of labels, with its tokenizer and its vocabulary.

    Batches are tensors (length, batch), or (batch, length) with `batch_first`; with `include_lengths` pairs of them and
    the lengths. Sequences get init_token and eos_token, and are padded to the longest or to `fix_length`.

    >>> from lightwell.text.legacy import data
    >>> field = data.Field(lower=True, batch_first=True)
    >>> lines = [field.preprocess(line) for line in ("A cat", "The")]
    >>> field.build_vocab(lines)
    >>> field.process(lines)
    tensor([[2, 3],
            [4, 1]])
    """

    vocab_cls = Vocab

    def __init__(
        self,
        sequential=True,
        use_vocab=True,
        init_token=None,
        eos_token=None,
        fix_length=None,
        dtype=lw.long,
        preprocessing=None,
        postprocessing=None,
        lower=False,
        tokenize=None,
        tokenizer_language="en",
        include_lengths=False,
        batch_first=False,
        pad_token="<pad>",
        unk_token="<unk>",
        pad_first=False,
        truncate_first=False,
        stop_words=None,
        is_target=False,
    ):
        super().__init__(preprocessing, postprocessing, is_target)
        self.sequential, self.use_vocab, self.init_token, self.eos_token = sequential, use_vocab, init_token, eos_token
        self.fix_length, self.dtype, self.lower, self.include_lengths = fix_length, dtype, lower, include_lengths
        self.tokenize = get_tokenizer(tokenize, tokenizer_language)
        self.batch_first, self.unk_token, self.pad_token = batch_first, unk_token, pad_token if sequential else None
        self.pad_first, self.truncate_first = pad_first, truncate_first
        try:
            self.stop_words = None if stop_words is None else set(stop_words)
        except TypeError:
            raise ValueError(f"Stop words must be convertible to a set, got {type(stop_words).__name__}") from None

    def preprocess(self, x):
        """An example's tokens, or its label."""
        if self.sequential and isinstance(x, str):
            x = self.tokenize(x.rstrip("\n"))
        if self.lower:
            x = [token.lower() for token in x] if isinstance(x, list) else x.lower()
        if self.sequential and self.use_vocab and self.stop_words is not None:
            x = [token for token in x if token not in self.stop_words]
        return super().preprocess(x)

    def process(self, batch, device=None):
        """A batch as a tensor."""
        return self.numericalize(self.pad(batch), device=device)

    def pad(self, minibatch):
        """Sequences of one length, with `include_lengths` also how long they were; labels as they are."""
        minibatch = list(minibatch)
        if not self.sequential:
            return minibatch
        first = [] if self.init_token is None else [self.init_token]
        last = [] if self.eos_token is None else [self.eos_token]
        longest = max(map(len, minibatch)) if self.fix_length is None else self.fix_length - len(first) - len(last)
        padded, lengths = [], []
        for x in minibatch:
            kept = list(x[-longest:] if self.truncate_first else x[:longest])
            missing = [self.pad_token] * (longest - len(kept))
            padded.append(missing + first + kept + last if self.pad_first else first + kept + last + missing)
            lengths.append(len(first) + len(kept) + len(last))
        return (padded, lengths) if self.include_lengths else padded

    def build_vocab(self, *args, **kwargs):
        """Make `vocab` from the columns of datasets that use this field, or from iterables of tokens; keywords go to Vocab."""
        from lightwell.text.legacy.data.dataset import Dataset

        sources = []
        for arg in args:
            own = isinstance(arg, Dataset)
            sources += [getattr(arg, name) for name, field in arg.fields.items() if field is self] if own else [arg]
        counter: Counter = Counter()
        for x in chain.from_iterable(sources):
            counter.update(x if self.sequential else [x])
        special = [self.unk_token, self.pad_token, self.init_token, self.eos_token, *kwargs.pop("specials", [])]
        special = list(dict.fromkeys(token for token in special if token is not None))
        self.vocab = self.vocab_cls(counter, specials=special, **kwargs)

    def numericalize(self, arr, device=None):
        """Padded sequences, or labels, as a tensor; ValueError where lengths are to be included and are missing."""
        lengths = None
        if self.include_lengths:
            if not isinstance(arr, tuple):
                raise ValueError("Field has include_lengths set to True, but input data is not a tuple of (data batch, batch lengths).")
            arr, lengths = arr
            lengths = lw.tensor(lengths, dtype=self.dtype, device=device)
        if self.use_vocab:
            arr = [[self.vocab.stoi[x] for x in row] for row in arr] if self.sequential else [self.vocab.stoi[x] for x in arr]
        elif not self.sequential:
            number = float if self.dtype.is_floating_point else int
            arr = [number(x) if isinstance(x, str) else x for x in arr]
        if self.postprocessing is not None:
            arr = self.postprocessing(arr, self.vocab if self.use_vocab else None)
        out = lw.tensor(arr, dtype=self.dtype, device=device)
        if self.sequential and not self.batch_first:
            out = out.t().contiguous()
        return out if lengths is None else (out, lengths)


class LabelField(Field):
    """A column of labels: not sequential, without unknown ones, and a target."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "sequential": False, "unk_token": None, "is_target": True})
