"""Vocab: numbers for tokens, and tokens for numbers."""

from collections import Counter, OrderedDict

import lightwell as lw
from lightwell import nn
from lightwell.errors.teaching import AssertionError, RuntimeError, ValueError

__all__ = ["Vocab", "build_vocab_from_iterator", "vocab"]


class _Numbers(dict):
    """Token to number; where `default` is a number, that for unknown tokens."""

    default = None

    def __missing__(self, token):
        if self.default is None:
            raise KeyError(token)
        return self.default


class Vocab(nn.Module):
    """Tokens in order: `itos` lists them, `stoi` numbers them.

    From a Counter, as in torchtext up to 0.8: `specials` first, then the tokens by falling frequency, then by alphabet,
    at most `max_size` of them and none rarer than `min_freq`; unknown tokens have the number of "<unk>". `vectors` (an
    alias, a Vectors, or a list of them) are loaded into `vectors`, one row a token.

    The functions `vocab` and `build_vocab_from_iterator` make the newer kind: unknown tokens raise RuntimeError unless
    `set_default_index` says otherwise.

    >>> from collections import Counter
    >>> from lightwell.text.vocab import Vocab
    >>> v = Vocab(Counter("the cat the mat".split()), specials=("<unk>",))
    >>> v.itos, v["the"], v["dog"]
    (['<unk>', 'the', 'cat', 'mat'], 1, 0)
    """

    UNK = "<unk>"

    def __init__(
        self,
        counter,
        max_size=None,
        min_freq=1,
        specials=("<unk>", "<pad>"),
        vectors=None,
        unk_init=None,
        vectors_cache=None,
        specials_first=True,
    ):
        super().__init__()
        specials, min_freq = list(specials), max(min_freq, 1)
        words = sorted((token for token in counter if token not in set(specials)), key=lambda token: (-counter[token], token))
        words = [token for token in words if counter[token] >= min_freq]
        if max_size is not None:
            words = words[:max_size]
        self.freqs, self.vectors = counter, None
        self._take(specials + words if specials_first else words + specials)
        if self.UNK in specials:
            self.set_default_index(self.stoi[self.UNK])
        if vectors is not None:
            self.load_vectors(vectors, unk_init=unk_init, cache=vectors_cache)
        elif unk_init is not None or vectors_cache is not None:
            raise ValueError("Vocab: unk_init and vectors_cache say how to load vectors; give vectors= too")

    @classmethod
    def _of(cls, tokens, freqs=None):
        """A vocabulary of just these tokens, without a default."""
        new = cls.__new__(cls)
        nn.Module.__init__(new)
        new.freqs, new.vectors = freqs, None
        new._take(list(tokens))
        return new

    def _take(self, tokens):
        self.itos, self.stoi = tokens, _Numbers((token, i) for i, token in enumerate(tokens))
        if len(self.stoi) != len(tokens):
            twice = [token for token, n in Counter(tokens).items() if n > 1]
            raise RuntimeError(f"Vocab: duplicate tokens {twice[:5]}")

    # ---- looking up --------------------------------------------------------------------------------------------

    def __len__(self):
        return len(self.itos)

    def __contains__(self, token):
        return token in self.stoi

    def __getitem__(self, token: str) -> int:
        try:
            return self.stoi[token]
        except KeyError:
            raise RuntimeError(f"Token {token} not found and default index is not set: call set_default_index(number)") from None

    def forward(self, tokens) -> list:
        """The numbers of tokens."""
        return [self[token] for token in tokens]

    lookup_indices = forward

    def lookup_token(self, index: int) -> str:
        """The token of a number; RuntimeError for one outside the vocabulary."""
        if not 0 <= index < len(self.itos):
            raise RuntimeError(f"Specified index {index} is out of bounds for vocab of size {len(self.itos)}")
        return self.itos[index]

    def lookup_tokens(self, indices) -> list:
        """The tokens of numbers."""
        return [self.lookup_token(i) for i in indices]

    def get_itos(self) -> list:
        """A copy of the list of tokens."""
        return list(self.itos)

    def get_stoi(self) -> dict:
        """A copy of the dict from token to number."""
        return dict(self.stoi)

    # ---- changing ----------------------------------------------------------------------------------------------

    def set_default_index(self, index) -> None:
        """The number for unknown tokens; None: they raise."""
        self.stoi.default = index

    def get_default_index(self):
        """The number for unknown tokens, or None."""
        return self.stoi.default

    def insert_token(self, token: str, index: int) -> None:
        """Put a token to a place and move the others up; RuntimeError where it is there already or the place isn't."""
        if token in self.stoi:
            raise RuntimeError(f"Token {token} already exists in the Vocab with index: {self.stoi[token]}")
        if not 0 <= index <= len(self.itos):
            raise RuntimeError(f"Specified index {index} is out of bounds for vocab of size {len(self.itos)}")
        default = self.stoi.default
        self._take([*self.itos[:index], token, *self.itos[index:]])
        self.stoi.default = default

    def append_token(self, token: str) -> None:
        """Add a token at the end; RuntimeError where it is there already."""
        self.insert_token(token, len(self.itos))

    def extend(self, v, sort=False) -> None:
        """Add the tokens of another vocabulary that are new."""
        for token in sorted(v.itos) if sort else v.itos:
            if token not in self.stoi:
                self.stoi[token] = len(self.itos)
                self.itos.append(token)

    # ---- vectors -----------------------------------------------------------------------------------------------

    def load_vectors(self, vectors, **kwargs) -> None:
        """Fill `vectors` from pretrained ones, several side by side; ValueError for an unknown alias or type."""
        from lightwell.text.vocab.vectors import Vectors, pretrained_aliases

        loaded = []
        for v in vectors if isinstance(vectors, list) else [vectors]:
            if isinstance(v, str):
                if v not in pretrained_aliases:
                    raise ValueError(f"Got string input vector {v}, but allowed pretrained vectors are {list(pretrained_aliases)}")
                v = pretrained_aliases[v](**kwargs)
            elif not isinstance(v, Vectors):
                raise ValueError(f"Got input vectors of type {type(v)}, expected str or Vectors object")
            loaded.append(v)
        rows = [lw.cat([v[token.strip()].reshape(-1) for v in loaded]) for token in self.itos]
        self.vectors = lw.stack(rows) if rows else lw.zeros(0, sum(v.dim for v in loaded))

    def set_vectors(self, stoi, vectors, dim, unk_init=None) -> None:
        """Fill `vectors` with vectors[stoi[token]], zeros (or unk_init of them) where stoi lacks the token."""
        self.vectors = lw.zeros(len(self), dim)
        for i, token in enumerate(self.itos):
            if token in stoi:
                self.vectors[i] = lw.as_tensor(vectors[stoi[token]])
            elif unk_init is not None:
                self.vectors[i] = unk_init(self.vectors[i])

    def __eq__(self, other):
        if not isinstance(other, Vocab):
            return NotImplemented
        same = (self.vectors is None) == (other.vectors is None) and (self.vectors is None or lw.equal(self.vectors, other.vectors))
        return same and (self.itos, self.freqs, self.stoi.default) == (other.itos, other.freqs, other.stoi.default)

    __hash__ = nn.Module.__hash__


def vocab(ordered_dict, min_freq: int = 1, specials=None, special_first: bool = True) -> Vocab:
    """A vocabulary of the dict's tokens in its order, without those rarer than `min_freq`, and of special tokens.

    >>> from collections import OrderedDict
    >>> from lightwell.text.vocab import vocab
    >>> v = vocab(OrderedDict([("b", 3), ("a", 1)]), specials=["<unk>"])
    >>> v(["a", "b", "<unk>"])
    [2, 1, 0]
    """
    specials = list(specials or [])
    tokens = [token for token, n in ordered_dict.items() if n >= min_freq and token not in set(specials)]
    return Vocab._of(specials + tokens if special_first else tokens + specials, Counter(ordered_dict))


def build_vocab_from_iterator(iterator, min_freq: int = 1, specials=None, special_first: bool = True, max_tokens=None) -> Vocab:
    """The vocabulary of an iterator over lists of tokens: by falling frequency, then by alphabet; at most `max_tokens`.

    >>> from lightwell.text.vocab import build_vocab_from_iterator
    >>> v = build_vocab_from_iterator([["a", "b", "b"]], specials=["<unk>"]); v.set_default_index(v["<unk>"])
    >>> v(["b", "a", "c"])
    [1, 2, 0]
    """
    counter: Counter = Counter()
    for tokens in iterator:
        counter.update(tokens)
    specials = list(specials or [])
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    if max_tokens is not None:
        if len(specials) >= max_tokens:
            raise AssertionError(
                f"len(specials) >= max_tokens, so the vocab will be entirely special tokens: {len(specials)}, {max_tokens}"
            )
        ordered = ordered[: max_tokens - len(specials)]
    return vocab(OrderedDict(ordered), min_freq, specials, special_first)
