"""What mathematics is made of here: terms, each a word applied to terms. Everything that derives or writes formulas works on these.

A term's `word` is one of the vocabulary (`backend/vocabulary.py`) or one of the few that only calculus needs:

    symbol    a named quantity: x, gy, m
    number    a plain number (or None, a string, a tuple: an argument that is no quantity)
    index     a running index with its range: i = 0 … size-1 (from params["start"] on, where that is given)
    at        args[0] at the index terms args[1:]: x[i, k]
    total     Σ over the indices params["over"] of args[0]; product is the same with Π, greatest with max
    delta     Kronecker's δ: 1 where its two arguments are equal, else 0
    iverson   [condition]: 1 where it holds, else 0
    partial   ∂args[0]/∂args[1], as a name (its value is what a derivation is about to say)
    change    dX, a small change of args[0], as a name
    part      part params["nr"] of a word with several values: (u, s, vh) of a decomposition
    all_ones  an array of ones of the shape params["shape"]
    onehot    rows of 0 with a 1 at the places args[0] along params["axis"], of the shape of args[1]
    op.NAME   a whole operation by its record's name, where its formula is no word's (op.sort)

`value` is the array that the term stands for, where that is known; then shape and dtype are too.
"""

from typing import Any

import numpy as np

WORDS_OF_CALCULUS = ("symbol", "number", "index", "at", "total", "product", "greatest", "delta", "iverson", "partial", "change", "part")


class Term:
    """A word applied to terms; compared by identity (`same` compares by form)."""

    __slots__ = ("args", "params", "value", "word")

    def __init__(self, word: str, args: tuple = (), params: dict | None = None, value: Any = None):
        self.word, self.args, self.params, self.value = word, tuple(args), params or {}, value

    def __repr__(self) -> str:
        if self.word in ("symbol", "index"):
            return self.params["name"]
        if self.word == "number":
            return repr(self.params["number"])
        return f"{self.word}({', '.join(map(repr, self.args))}{''.join(f', {k}={v!r}' for k, v in self.params.items())})"

    # Writing terms by hand, in lexicons and tests: operators give the vocabulary's words.
    def __add__(self, other):
        return Term("add", (self, term(other)))

    def __radd__(self, other):
        return Term("add", (term(other), self))

    def __sub__(self, other):
        return Term("subtract", (self, term(other)))

    def __rsub__(self, other):
        return Term("subtract", (term(other), self))

    def __mul__(self, other):
        return Term("multiply", (self, term(other)))

    def __rmul__(self, other):
        return Term("multiply", (term(other), self))

    def __truediv__(self, other):
        return Term("divide", (self, term(other)))

    def __rtruediv__(self, other):
        return Term("divide", (term(other), self))

    def __pow__(self, other):
        return Term("pow", (self, term(other)))

    def __neg__(self):
        return Term("negative", (self,))

    def __getitem__(self, indices):
        return Term("at", (self, *map(term, indices if isinstance(indices, tuple) else (indices,))))


def term(value) -> Term:
    """The value itself if it is a term, else a number."""
    return value if isinstance(value, Term) else Term("number", (), {"number": value}, value)


def symbol(name: str, value=None) -> Term:
    """A named quantity."""
    return Term("symbol", (), {"name": name}, value)


def index(name: str, size: int) -> Term:
    """A running index: 0 ≤ name < size."""
    return Term("index", (), {"name": name, "size": size})


def total(over, body: Term) -> Term:
    """Σ over the indices `over` of body."""
    return Term("total", (body,), {"over": tuple(over)})


def call(word: str, *args, **params) -> Term:
    """A word applied: call("tanh", x)."""
    return Term(word, tuple(a if isinstance(a, (list, tuple)) else term(a) for a in args), params)


def same(a: Term, b: Term) -> bool:
    """Whether two terms have the same form: the same words, names and numbers at the same places."""
    if a is b:
        return True
    if not (isinstance(a, Term) and isinstance(b, Term)):
        return type(a) is type(b) and _equal(a, b)
    return (
        a.word == b.word
        and len(a.args) == len(b.args)
        and a.params.keys() == b.params.keys()
        and all(_equal(a.params[k], b.params[k]) for k in a.params)
        and all(same(x, y) for x, y in zip(a.args, b.args))
    )


def _equal(a, b) -> bool:
    if isinstance(a, Term) and isinstance(b, Term):
        return same(a, b)
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(_equal(x, y) for x, y in zip(a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b)
