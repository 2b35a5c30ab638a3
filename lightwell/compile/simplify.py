"""The graph with less in it: nothing dead, nothing twice, constants computed, views of views made one."""

from typing import Any

import numpy as np

from .graph import Graph, Value, compute, replace
from .layout import RESHAPES, sliced

SMALL = 1 << 16  # elements up to which constants are computed here
PYTHON = "opaque"  # a function of the user's: called as often as it stands there
FRESH = frozenset("zeros ones full empty arange broadcast_to zeros_like ones_like full_like".split())  # nothing to be gained


class Builder:
    """A new graph, line by line: the same word on the same arguments is one value."""

    def __init__(self, old: Graph):
        self.graph = Graph()
        self.new: dict[Value, Value] = {}
        self.known: dict[Any, Value] = {}
        self.where = None
        for v in old.inputs:
            self.new[v] = self.graph.input(v.shape, v.dtype)
        for v in old.numbers:
            self.new[v] = self.graph.number()
        self.old = old

    def given(self, x):
        """An argument with the new graph's values in place of the old ones."""
        return replace(x, self.new.__getitem__)

    def value(self, word: str, args: tuple, kwargs: dict, shape, dtype, parts=None) -> Value:
        """A line of which shape and dtype are known."""
        key = _key((word, args, kwargs))
        v = self.known.get(key)
        if v is None or word == PYTHON:
            v = self.known[key] = Value(word, args, kwargs, shape, dtype, parts, self.where)
            self.graph.values.append(v)
        return v

    def constant(self, array: np.ndarray) -> Value:
        """An array; small ones with equal content are one."""
        key = ("constant", array.dtype.str, array.shape, array.tobytes()) if array.size <= 64 else ("constant", id(array))
        v = self.known.get(key)
        if v is None:
            v = self.known[key] = self.graph.constant(array)
        return v

    def done(self) -> Graph:
        """The graph, without what no result depends on."""
        g = self.graph
        g.results = [(target, self.new[v]) for target, v in self.old.results]
        g.writes = dict(self.old.writes)
        live = g.live()
        g.values = [v for v in g.values if v in live or v.word in ("input", "number")]
        return g.verify()


def simplify(graph: Graph) -> Graph:
    """The same results with fewer values."""
    b = Builder(graph)
    live = graph.live()
    for v in graph.values:
        if v.word in ("input", "number") or v not in live:
            continue
        b.where = v.where
        b.new[v] = b.constant(v.args[0]) if v.word == "constant" else _simple(b, v)
    return b.done()


def _key(x):
    """The arguments as something that can be looked up: numbers with their type, arrays by identity."""
    t = type(x)
    if t is Value:
        return id(x)
    if t is int or t is str or x is None:
        return x, t
    if t is tuple or t is list:
        return (t, *[_key(v) for v in x])
    if t is dict:
        return tuple((k, _key(v)) for k, v in x.items())
    if t is slice:
        return t, _key(x.start), _key(x.stop), _key(x.step)
    if isinstance(x, (float, np.generic, complex)):
        return t, repr(x)
    if isinstance(x, (tuple, list)):
        return (t, *[_key(v) for v in x])
    if isinstance(x, np.dtype) or isinstance(x, type):
        return "dtype", str(x)
    try:
        hash(x)
    except TypeError:
        return t, id(x)
    return (t, x) if not isinstance(x, np.ndarray) else (t, id(x))


def _simple(b: Builder, v: Value) -> Value:
    args, kwargs = b.given(v.args), b.given(v.kwargs)
    word = v.word
    rule = RULES.get(word)
    if rule is not None and v.parts is None:
        found = rule(b, v, *args, **kwargs)
        if found is not None:
            assert found.shape == v.shape and found.dtype == v.dtype, (word, found, v)
            return found
    if v.parts is None and v.dtype is not None and v.size <= SMALL and word not in FRESH and word not in ("part", PYTHON):
        made = folded(word, args, kwargs, v)
        if made is not None:
            return b.constant(made)
    return b.value(word, args, kwargs, v.shape, v.dtype, v.parts)


def folded(word: str, args, kwargs, v: Value) -> np.ndarray | None:
    """The array that a word makes of constants; None where not all its operands are small ones."""
    operands = Value(word, args, kwargs).operands()
    if not operands or any(o.word != "constant" or o.size > SMALL for o in operands):
        return None
    with np.errstate(all="ignore"):
        made = np.asarray(compute(word, replace(args, _array), replace(kwargs, _array)))
    return np.array(made, v.dtype, order="C") if made.shape == v.shape else None


def _array(v: Value):
    return v.args[0]


# ---- rules: what a word on these arguments is in simpler words; None where there is nothing simpler ------------------


def reshape(b: Builder, x: Value, shape) -> Value:
    """x in another shape, reshapes before it skipped."""
    while x.word in RESHAPES:
        x = x.args[0]
    return x if x.shape == tuple(shape) else b.value("reshape", (x, tuple(shape)), {}, tuple(shape), x.dtype)


def _reshape(b, v, x, *args, **kwargs):
    if not isinstance(x, Value) or x.dtype is None:
        return None
    if x.word == "constant" and x.size > 1:
        return b.constant(x.args[0].reshape(v.shape))
    return reshape(b, x, v.shape)


def _permute(b, v, x, axes=None):
    if v.word == "matrix_transpose":
        axes = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
    order = [a % x.ndim for a in axes]
    if x.word == "permute_dims":
        order, x = [x.args[1][a] for a in order], x.args[0]
    moved = [a for a in order if x.shape[a] != 1]
    if moved == sorted(moved):
        return reshape(b, x, v.shape)
    return b.value("permute_dims", (x, tuple(order)), {}, v.shape, x.dtype)


def _broadcast(b, v, x, shape):
    if x.word == "number":
        return None
    while x.word == "broadcast_to":
        x = x.args[0]
    if x.size == v.size:
        return reshape(b, x, v.shape)
    return b.value("broadcast_to", (x, v.shape), {}, v.shape, x.dtype)


def _getitem(b, v, x, key):
    if x.parts is not None:
        return None
    found = sliced(key, x.shape)
    if found is None:
        return None
    if v.size == x.size and all(n == m and (step == 1 or n == 1) for (_, step, n, _), m in zip(found, x.shape)):
        return reshape(b, x, v.shape)
    return None


def _astype(b, v, x, dtype, copy=True):
    return x if isinstance(x, Value) and x.word != "number" and x.dtype == v.dtype else None


def _asarray(b, v, x, dtype=None, copy=None, order=None):
    if not isinstance(x, Value) or x.word == "number":
        return None
    return x if x.dtype == v.dtype else b.value("astype", (x, v.dtype), {}, v.shape, v.dtype)


def _itself(b, v, x, *args):
    return x if isinstance(x, Value) and x.dtype == v.dtype and x.dtype.kind in "fiub" and x.word != "number" else None


def is_number(x, n) -> bool:
    """Whether an argument is the number n, as a Python number or a constant of one element."""
    if isinstance(x, Value):
        return x.word == "constant" and x.size == 1 and x.args[0].dtype.kind in "fiu" and x.args[0].item() == n
    return isinstance(x, (int, float)) and not isinstance(x, bool) and x == n


def _same(v: Value, x) -> bool:
    return isinstance(x, Value) and x.word != "number" and x.shape == v.shape and x.dtype == v.dtype


def _multiply(b, v, x, y):
    if is_number(y, 1) and _same(v, x):
        return x
    return y if is_number(x, 1) and _same(v, y) else None


def _divide(b, v, x, y):
    return x if is_number(y, 1) and _same(v, x) else None


def _subtract(b, v, x, y):
    return x if is_number(y, 0) and _same(v, x) and (not isinstance(y, Value) or not np.signbit(y.args[0].item())) else None


def _pow(b, v, x, y):
    if not _same(v, x) or v.dtype.kind != "f":
        return None
    if is_number(y, 1):
        return x
    if is_number(y, 2):
        return b.value("multiply", (x, x), {}, v.shape, v.dtype)
    if is_number(y, 3):
        return b.value("multiply", (b.value("multiply", (x, x), {}, v.shape, v.dtype), x), {}, v.shape, v.dtype)
    return None


def _negative(b, v, x):
    return x.args[0] if isinstance(x, Value) and x.word == "negative" else None


RULES: dict[str, Any] = {
    "reshape": _reshape, "squeeze": _reshape, "expand_dims": _reshape, "permute_dims": _permute, "matrix_transpose": _permute,
    "broadcast_to": _broadcast, "getitem": _getitem, "astype": _astype, "asarray": _asarray, "real": _itself, "conj": _itself,
    "multiply": _multiply, "divide": _divide, "subtract": _subtract, "pow": _pow, "negative": _negative,
}  # fmt: skip
