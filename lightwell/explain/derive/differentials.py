"""Differentials: how a small change of a matrix goes through an expression, and how a gradient goes back through the same expression.

`pulled(g, e)` is the adjoint, made mechanically: if e is linear in dX, then Σ g·e = Σ pulled(g, e)·dX, by moving one factor
after the other to the other side (Σ G·(A·E) = Σ (Aᵀ·G)·E). For complex numbers Re Σ conj(g)·e, and conjugate transposes.
"""

import numpy as np

from ...errors.teaching import ValueError
from .differences import Lazy, forward
from .reader import Reading, compute
from .terms import Term, call, same, symbol


class Pull:
    """The adjoint of expressions linear in a change; `hermitian`: the inner product conjugates its first factor."""

    def __init__(self, hermitian: bool):
        self.hermitian = hermitian

    def turned(self, a: Term) -> Term:
        """aᵀ, or its conjugate."""
        if a.word == "matrix_transpose":
            return self.conj(a.args[0])
        if a.word == "conj" and a.args[0].word == "matrix_transpose" and self.hermitian:
            return a.args[0].args[0]
        return self.conj(known(call("matrix_transpose", a)))

    def conj(self, a: Term) -> Term:
        """a's conjugate, where the inner product asks for it and a is complex."""
        if not self.hermitian or value_of(a).dtype.kind != "c":
            return a
        return a.args[0] if a.word == "conj" else known(call("conj", a))

    def pulled(self, g: Term, e: Term) -> Term | None:
        """The term that Σ g·e = Σ pulled·dX; None where dX isn't in e."""
        if e.word == "change":
            return g
        if not moves(e):
            return None
        if e.word == "negative":
            return self.pulled(minus(g), e.args[0])
        if e.word in ("add", "subtract"):
            parts = [self.pulled(g, e.args[0]), self.pulled(g if e.word == "add" else minus(g), e.args[1])]
            kept = [p for p in parts if p is not None]
            return kept[0] if len(kept) == 1 else known(kept[0] + kept[1])
        if e.word == "matmul":
            a, b = e.args
            if moves(b):
                return self.pulled(product(self.turned(a), g), b)
            return self.pulled(product(g, self.turned(b)), a)
        if e.word == "matrix_transpose":
            return self.pulled(known(call("matrix_transpose", g)), e.args[0])
        if e.word == "conj":
            return self.pulled(known(call("conj", g)), e.args[0])
        if e.word == "real":
            return self.pulled(known(call("real", g)), e.args[0])
        if e.word in ("tril", "triu"):
            return self.pulled(known(Term(e.word, (g,), e.params)), e.args[0])
        if e.word == "multiply":
            a, b = e.args
            return self.pulled(known(self.conj(a) * g), b) if moves(b) else self.pulled(known(self.conj(b) * g), a)
        if e.word == "divide":
            return self.pulled(known(g / self.conj(e.args[1])), e.args[0])
        if e.word == "linalg.diagonal":
            return self.pulled(
                known(symbol("I", np.eye(value_of(e).shape[-1])) * known(Term("expand_dims", (g,), {"axis": -2}))), e.args[0]
            )
        if e.word == "expand_dims":
            return self.pulled(known(Term("sum", (g,), {"axis": e.params["axis"]})), e.args[0])
        if e.word == "sum":
            n, axis = value_of(e.args[0]).ndim, e.params["axis"]
            for a in sorted(a % n for a in (axis if isinstance(axis, tuple) else (axis,))):
                g = known(Term("expand_dims", (g,), {"axis": a}))
            return self.pulled(g, e.args[0])
        if e.word == "linalg.solve":
            return self.pulled(known(Term("linalg.solve", (self.turned(e.args[0]), g))), e.args[1])
        if e.word == "linalg.solve_triangular":
            params = {**e.params, "upper": not e.params["upper"]}
            return self.pulled(known(Term("linalg.solve_triangular", (self.turned(e.args[0]), g), params)), e.args[1])
        if e.word == "getitem":
            shape = value_of(e.args[0]).shape
            return self.pulled(known(Term("index_add", (g,), {"shape": shape, "key": e.params["key"]})), e.args[0])
        if e.word == "index_add":
            return self.pulled(known(Term("getitem", (g,), {"key": e.params["key"]})), e.args[0])
        raise ValueError(f"no adjoint of {e.word}")


def moves(e: Term) -> bool:
    """Whether a change is in the expression."""
    return e.word == "change" or any(moves(a) for a in e.args if isinstance(a, Term))


def minus(a: Term) -> Term:
    """-a, with its value."""
    return a.args[0] if a.word == "negative" else known(call("negative", a))


def product(a: Term, b: Term) -> Term:
    """a·b of matrices, a sign in front of it."""
    if b.word == "negative":
        return minus(product(a, b.args[0]))
    if a.word == "negative":
        return minus(product(a.args[0], b))
    short = _cancelled(a, b)
    return short if short is not None else known(call("matmul", a, b))


def _cancelled(a: Term, b: Term) -> Term | None:
    """a·b where a ends with the inverse of b (both transposed or not): a without it."""
    if a.word != "matmul":
        return None
    front, last = a.args
    if last.word == "matmul":
        inner = _cancelled(last, b)
        return None if inner is None else known(call("matmul", front, inner))
    (one, how), (other, way) = _bare(last), _bare(b)
    inverse = (one.word == "linalg.inv" and same(one.args[0], other)) or (other.word == "linalg.inv" and same(other.args[0], one))
    return front if how == way and inverse else None


def _bare(t: Term) -> tuple[Term, tuple]:
    """A matrix without its transposition, and what was taken off."""
    off: list[str] = []
    while t.word in ("matrix_transpose", "conj"):
        off.append(t.word)
        t = t.args[0]
    return t, tuple(off)


def known(t: Term) -> Term:
    """The term with its value worked out, so that its shape and kind are there."""
    if t.value is None:
        t.value = value_of(t)
    return t


def value_of(t: Term) -> np.ndarray:
    """The value of a term of whole arrays."""
    if t.value is not None:
        return np.asarray(t.value)
    if t.word == "number":
        return np.asarray(t.params["number"])
    with np.errstate(all="ignore"):
        return np.asarray(compute(t.word, [value_of(a) for a in t.args], t.params))


def inner(a: Term, b: Term, hermitian: bool) -> Term:
    """Σ a·b over all elements; Re Σ conj(a)·b where the inner product conjugates."""
    if not hermitian or (value_of(a).dtype.kind != "c" and value_of(b).dtype.kind != "c"):
        return Term("sum", (a * b,), {})
    return call("real", Term("sum", (call("conj", a) * b if value_of(a).dtype.kind == "c" else a * b,), {}))


class Direction:
    """A direction in which one input is changed: its change, and the changes of the outputs, by differences."""

    def __init__(self, reading: Reading, name: str, symmetric: bool = False, align=None, seed: int = 3):
        self.reading, self.name, self.align = reading, name, align
        at = reading.inputs[name].value
        rng = np.random.default_rng(seed)
        v = rng.standard_normal(at.shape)
        if at.dtype.kind == "c":
            v = v + 1j * rng.standard_normal(at.shape)
        if symmetric:
            v = (v + np.conj(np.swapaxes(v, -1, -2))) / 2
        self.v = v.astype(at.dtype) if at.dtype.kind == "c" else v
        self.change = Term("change", (reading.inputs[name],), {}, self.v)
        self._found: list | None = None

    def of(self, output: str, value=None) -> Term:
        """The change of an output (or of `value(outputs)`, a quantity made of them)."""
        place = [*self.reading.record.outputs, *self.reading.record.keeps].index(output)
        return Term("change", (self.reading.symbols[output],), {}, Lazy(lambda: self.changes()[place]))

    def changes(self) -> list:
        """d of all outputs: central differences along the direction."""
        if self._found is None:
            x, h = self.reading.inputs[self.name].value, 1e-6
            up, down = (forward(self.reading, {self.name: x + s * h * self.v}) for s in (1, -1))
            if self.align is not None:
                here = [s.value for s in (self.reading.symbols[o] for o in self.reading.record.outputs)]
                up, down = self.align(here, up), self.align(here, down)
            self._found = [(a - b) / (2 * h) if a is not None and a.dtype.kind in "fc" else None for a, b in zip(up, down)]
        return self._found


def identity(n: int) -> Term:
    """The unit matrix."""
    return symbol("I", np.eye(n))
