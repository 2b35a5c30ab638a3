"""Composite words in simpler ones, which fuse with their neighbours: softmax as exp, sums and quotients, and so on."""

import math
from typing import Any

import numpy as np

from .decompose_moving import RULES as MOVING
from .decompose_moving import real as _real
from .fuse_words import COMPARISONS, reduced_axes
from .graph import Graph, Value
from .simplify import Builder, reshape

LARGE = 1 << 16  # elements from which a reduction to few is taken in two steps
INT = np.dtype(np.int64)


def decompose(graph: Graph) -> Graph:
    """The same results in words that nests compute."""
    b = Simple(graph)
    for v in graph.values:
        if v.word in ("input", "number"):
            continue
        b.where = v.where
        if v.word == "constant":
            b.new[v] = b.constant(v.args[0])
        elif v.word == "part" and v.args[0] in b.parts:
            b.new[v] = b.parts[v.args[0]][v.args[1]]
        else:
            b.new[v] = _plain(b, v)
    return b.done()


class Simple(Builder):
    """The words that rules are written in."""

    def __init__(self, old: Graph):
        super().__init__(old)
        self.parts: dict[Value, tuple] = {}

    def op(self, word: str, *args, dtype=None) -> Value:
        """An elementwise word; the result has the first operand's dtype unless given."""
        shapes = [a.shape for a in args if isinstance(a, Value)]
        if dtype is None:
            dtype = np.dtype(bool) if word in COMPARISONS else next(a.dtype for a in args if isinstance(a, Value) and a.word != "number")
        return self.value(word, args, {}, np.broadcast_shapes(*shapes), dtype)

    def reduce(self, word: str, x: Value, axes, dtype=None, keepdims=True) -> Value:
        """A reduction that keeps its axes."""
        axes = tuple(sorted({a % x.ndim for a in ((axes,) if isinstance(axes, int) else axes)})) if x.ndim else ()
        shape = tuple(1 if d in axes else n for d, n in enumerate(x.shape) if keepdims or d not in axes)
        if all(x.shape[d] == 1 for d in axes):
            return reshape(self, self.cast(x, dtype or x.dtype), shape)
        return self.value(word, (x,), {"axis": axes, "keepdims": keepdims}, shape, dtype or x.dtype)

    def full(self, shape, number, dtype) -> Value:
        """An array of one number."""
        return self.value("full", (tuple(shape), number), {"dtype": np.dtype(dtype)}, tuple(shape), np.dtype(dtype))

    def count(self, n: int, axis: int, ndim: int) -> Value:
        """0, 1, ..., n-1 along one axis."""
        x = self.value("arange", (n,), {}, (n,), INT)
        return reshape(self, x, (1,) * axis + (n,) + (1,) * (ndim - axis - 1))

    def cast(self, x: Value, dtype) -> Value:
        """x in a dtype."""
        dtype = np.dtype(dtype)
        return x if x.dtype == dtype and x.word != "number" else self.value("astype", (x, dtype), {}, x.shape, dtype)

    def wide(self, x: Value, shape) -> Value:
        """x broadcast."""
        shape = tuple(shape)
        return x if x.shape == shape else self.value("broadcast_to", (x, shape), {}, shape, x.dtype)

    def permute(self, x: Value, order) -> Value:
        """x with its dimensions in another order."""
        if list(order) == list(range(x.ndim)):
            return x
        return self.value("permute_dims", (x, tuple(order)), {}, tuple(x.shape[d] for d in order), x.dtype)

    def piece(self, x: Value, axis: int, start: int, stop: int) -> Value:
        """x's places start … stop along an axis."""
        key = (slice(None),) * axis + (slice(start, stop),)
        return self.value("getitem", (x, key), {}, (*x.shape[:axis], stop - start, *x.shape[axis + 1 :]), x.dtype)


def _plain(b: Simple, v: Value) -> Value:
    args, kwargs = b.given(v.args), b.given(v.kwargs)
    rule = RULES.get(v.word)
    if rule is not None:
        found = rule(b, v, *args, **kwargs)
        if isinstance(found, tuple):
            b.parts[v] = found
            assert v.parts is not None
            for f, p in zip(found, v.parts):
                assert p is None or (f.shape == tuple(p[0]) and f.dtype == p[1]), (v, f)
            return found[0]
        if found is not None:
            assert found.shape == v.shape and found.dtype == v.dtype, (v, found)
            return found
    return b.value(v.word, args, kwargs, v.shape, v.dtype, v.parts)


# ---- softmax and its relatives --------------------------------------------------------------------------------------


def _softmax(b, v, x, axis):
    if not _real(x) or not x.ndim or not x.size:
        return None
    e = b.op("exp", b.op("subtract", x, b.reduce("max", x, axis)))
    return b.op("multiply", e, b.op("divide", 1.0, b.reduce("sum", e, axis)))


def _log_softmax(b, v, x, axis):
    if not _real(x) or not x.ndim or not x.size:
        return None
    d = b.op("subtract", x, b.reduce("max", x, axis))
    return b.op("subtract", d, b.op("log", b.reduce("sum", b.op("exp", d), axis)))


def _softmax_pull(b, v, gy, y, axis):
    if not _real(gy) or gy.dtype != y.dtype or gy.shape != y.shape or not y.ndim:
        return None
    g = b.op("multiply", gy, y)
    return b.op("subtract", g, b.op("multiply", y, b.reduce("sum", g, axis)))


def _log_softmax_pull(b, v, gy, y, axis):
    if not _real(gy) or gy.dtype != y.dtype or gy.shape != y.shape or not y.ndim:
        return None
    return b.op("subtract", gy, b.op("multiply", b.op("exp", y), b.reduce("sum", gy, axis)))


def _one_hot(b, shape, index, axis):
    """Where x's place along the axis is the one that `index` (of size 1 along it) names."""
    axis %= len(shape)
    if not isinstance(index, Value) or index.dtype.kind not in "iu" or len(index.shape) != len(shape):
        return None
    if any(m != (1 if d == axis else n) for d, (m, n) in enumerate(zip(index.shape, shape))):
        return None
    return b.op("equal", b.count(shape[axis], axis, len(shape)), b.cast(index, INT))


def _nll_pull(b, v, logp, index, c, axis):
    if not _real(logp) or not logp.ndim or (isinstance(c, Value) and c.dtype != logp.dtype and c.word != "number"):
        return None
    hot = _one_hot(b, logp.shape, index, axis)
    if hot is None:
        return None
    if isinstance(c, Value):
        t = b.op("multiply", b.op("exp", logp), b.op("negative", c), dtype=logp.dtype)
    else:
        t = b.op("multiply", b.op("exp", logp), -c)
    if t.shape != logp.shape:
        return None
    return b.op("where", hot, b.op("add", t, c), t, dtype=logp.dtype)


def _scatter_add(b, v, x, index, w, axis):
    hot = _one_hot(b, x.shape, index, axis) if x.ndim else None
    if hot is None or not isinstance(w, Value) or w.dtype != x.dtype or x.dtype.kind not in "fiu":
        return None
    return b.op("where", hot, b.op("add", x, b.wide(w, index.shape)), x, dtype=x.dtype)


def _scatter_set(b, v, x, index, w, axis):
    hot = _one_hot(b, x.shape, index, axis) if x.ndim else None
    if hot is None or not isinstance(w, Value) or w.dtype != x.dtype:
        return None
    return b.op("where", hot, b.wide(w, index.shape), x, dtype=x.dtype)


def _put_along_axis(b, v, shape, index, w, axis):
    hot = _one_hot(b, tuple(shape), index, axis) if shape else None
    if hot is None or not isinstance(w, Value) or w.dtype != v.dtype:
        return None
    return b.op("where", hot, b.wide(w, index.shape), b.full((), 0, v.dtype), dtype=v.dtype)


# ---- normalisation --------------------------------------------------------------------------------------------------


def _count(x: Value, axes) -> int:
    return math.prod(x.shape[a] for a in axes)


def _averaged(b, x, axes, keepdims=True):
    return b.op("divide", b.reduce("sum", x, axes, keepdims=keepdims), float(_count(x, axes)))


def _moments(b, v, x, axes, eps):
    axes = tuple(a % x.ndim for a in axes)
    if not _real(x) or not _count(x, axes):
        return None
    m = _averaged(b, x, axes)
    d = b.op("subtract", x, m)
    var = _averaged(b, b.op("multiply", d, d), axes)
    return m, b.op("divide", 1.0, b.op("sqrt", b.op("add", var, float(eps)))), var


def _scaled(b, v, x, m, r, w, shift, view, wide, wshape):
    if not all(_real(a) and a.dtype == x.dtype for a in (x, m, r, w, shift) if a is not None):
        return None
    y = b.op("subtract", x, m)
    if w is not None and tuple(wide) == tuple(view) and all(a == c for a, c in zip(m.shape, wshape)):
        y = b.op("multiply", y, b.op("multiply", r, reshape(b, w, wshape)))
    else:
        y = reshape(b, b.op("multiply", y, r), wide)
        y = y if w is None else b.op("multiply", y, reshape(b, w, wshape))
    return y if shift is None else b.op("add", y, reshape(b, shift, wshape))


def _rows_pull(b, v, g, h, r):
    n = g.shape[1]
    if not all(_real(a) and a.dtype == g.dtype for a in (g, h, r)) or not n:
        return None
    along = b.op("multiply", h, b.op("multiply", b.reduce("sum", b.op("multiply", g, h), 1), -1 / n))
    return b.op("multiply", b.op("subtract", b.op("add", along, g), b.op("multiply", b.reduce("sum", g, 1), 1 / n)), r)


# ---- reductions -----------------------------------------------------------------------------------------------------


def _mean(b, v, x, *args, **kwargs):
    axes = reduced_axes(Value("mean", (x, *args), kwargs))
    if v.dtype.kind != "f" or v.dtype.itemsize < 4 or not _count(x, axes) or (len(args) > 1 or kwargs.get("dtype") is not None):
        return None
    if x.dtype.kind != "f":
        total = b.reduce("sum", x, axes, INT)
    else:
        total = b.reduce("sum", x, axes)
    return reshape(b, b.op("divide", total, float(_count(x, axes)), dtype=v.dtype), v.shape)


def _var(b, v, x, axis=None, correction=0.0, keepdims=False):
    axes = reduced_axes(Value("var", (x,), {"axis": axis}))
    freedom = _count(x, axes) - correction if _real(x) else 0
    if not isinstance(freedom, (int, float)) or freedom <= 0:
        return None
    d = b.op("subtract", x, _averaged(b, x, axes))
    return reshape(b, b.op("divide", b.reduce("sum", b.op("multiply", d, d), axes), float(freedom)), v.shape)


def _square_sum(b, v, x, axis=None, keepdims=False):
    if not _real(x):
        return None
    axes = reduced_axes(Value("sum", (x,), {"axis": axis}))
    return reshape(b, _split(b, "sum", b.op("multiply", x, x), axes, x.dtype), v.shape)


def _reduction(b, v, x, *args, **kwargs):
    """Over axes of one element there is nothing to be done; down to few elements it takes two steps."""
    if not isinstance(x, Value) or x.word == "number":
        return None
    axes = reduced_axes(Value(v.word, (x, *args), kwargs))
    over = [a for a in axes if x.shape[a] != 1]
    if not x.size:
        empty = {"sum": 0, "prod": 1, "any": False, "all": True}
        return b.full(v.shape, empty[v.word], v.dtype) if v.word in empty and v.dtype.kind in "fiub" else None
    if not over:
        if v.word in ("argmax", "argmin"):
            return b.full(v.shape, 0, v.dtype)
        return reshape(b, b.cast(x, v.dtype), v.shape) if v.dtype.kind in "fiub" else None
    if v.word in ("argmax", "argmin") or not (v.dtype.kind in "iub" or _real(x)) or (v.dtype.kind == "f" and v.dtype != x.dtype):
        return None
    return reshape(b, _split(b, v.word, x, axes, v.dtype), v.shape)


def _split(b, word, x, axes, dtype) -> Value:
    """A reduction; of a large array to few elements in two steps, so that threads share it: of chunks, then of their results."""
    axes = tuple(a % x.ndim for a in axes)
    kept = [d for d in range(x.ndim) if d not in axes and x.shape[d] != 1]
    over = [d for d in axes if x.shape[d] != 1]
    few = math.prod(x.shape[d] for d in kept)
    if x.size >= LARGE and few <= 64 and (not kept or min(kept) > max(over)) and x.size // few >= 64:
        n = x.size // few
        done = tuple(1 if d in axes else m for d, m in enumerate(x.shape))
        chunks = _chunks([x.shape[d] for d in over])
        if chunks:
            y = b.reduce(word, reshape(b, x, (chunks, n // chunks, few)), 1, dtype)
            return reshape(b, b.reduce(word, y, 0, dtype), done)
        rest = x.shape[over[0]] % 16
        main = x.shape[over[0]] - rest
        if main:
            pair = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum", "any": "logical_or", "all": "logical_and"}[word]
            left, right = _split(b, word, b.piece(x, over[0], 0, main), axes, dtype), b.piece(x, over[0], main, main + rest)
            return b.op(pair, left, b.reduce(word, right, axes, dtype), dtype=dtype)
    return b.reduce(word, x, axes, dtype)


def _chunks(sizes) -> int:
    """About 32 parts of an array of these dimensions, that lie one after the other: whole first dimensions, and equal parts of the next."""
    found, n = [], 1
    for size in sizes:
        found += [n * d for d in range(1, min(size, 256 // n + 1) + 1) if size % d == 0]
        n *= size
        if n > 256:
            break
    found = [c for c in found if 4 <= c <= 512]
    return min(found, key=lambda c: abs(math.log2(c / 32)), default=0)


# ---- making arrays --------------------------------------------------------------------------------------------------


def _made(number):
    def rule(b, v, *args, **kwargs):
        return b.full(v.shape, number, v.dtype) if v.dtype.kind in "fiub" else None

    return rule


def _full(b, v, shape, number, dtype=None):
    if isinstance(number, Value) and number.size != 1:
        return None
    if v.dtype.kind not in "fiub" or isinstance(number, complex):
        return None
    if isinstance(number, Value) and number.word != "number":
        number = reshape(b, number, ())
    return b.full(v.shape, number, v.dtype)


def _full_like(b, v, x, number, dtype=None):
    return _full(b, v, v.shape, number, dtype)


def _eye(b, v, *args, **kwargs):
    k = args[2] if len(args) > 2 else kwargs.get("k", 0)
    if v.dtype.kind not in "fiub" or not isinstance(k, int):
        return None
    row = b.count(v.shape[0], 0, 2)
    return b.cast(b.op("equal", b.op("add", row, k) if k else row, b.count(v.shape[1], 1, 2)), v.dtype)


def _triangle(word):
    def rule(b, v, x, k=0):
        if x.ndim < 2 or not isinstance(k, int) or x.dtype.kind not in "fiub":
            return None
        row, column = b.count(x.shape[-2], 0, 2), b.count(x.shape[-1], 1, 2)
        edge = b.op("add", row, k) if k else row
        inside = b.op("greater_equal", edge, column) if word == "tril" else b.op("less_equal", edge, column)
        return b.op("where", inside, x, b.full((), 0, x.dtype), dtype=x.dtype)

    return rule


def _test(answer):
    def rule(b, v, x):
        return b.full(v.shape, answer, v.dtype) if isinstance(x, Value) and x.word != "number" and x.dtype.kind in "iub" else None

    return rule


# ---- arithmetic and products ----------------------------------------------------------------------------------------


def _divide_by(b, v, x, divisor):
    if isinstance(divisor, Value) and divisor.word != "number":
        return b.op("divide", x, b.cast(divisor, x.dtype)) if _real(x) else None
    if _real(x) and not isinstance(divisor, Value):
        if np.log2(abs(divisor) or 3).is_integer():
            return b.op("multiply", x, float(1 / divisor))
        return b.op("divide", x, float(divisor))
    return b.op("divide", x, divisor) if _real(x) else None


def _add_into(b, v, x, y):
    return b.op("add", x, y, dtype=v.dtype)


RULES: dict[str, Any] = {
    "softmax": _softmax, "log_softmax": _log_softmax, "softmax_pull": _softmax_pull, "log_softmax_pull": _log_softmax_pull,
    "nll_pull": _nll_pull, "scatter_add": _scatter_add, "scatter_set": _scatter_set, "put_along_axis": _put_along_axis,
    "moments": _moments, "scaled": _scaled, "rows_pull": _rows_pull, "mean": _mean, "var": _var, "square_sum": _square_sum,
    **dict.fromkeys("sum prod max min any all argmax argmin".split(), _reduction),
    "zeros": _made(0), "zeros_like": _made(0), "empty": _made(0), "ones": _made(1), "ones_like": _made(1), "full": _full, "full_like": _full_like,
    "eye": _eye, "tril": _triangle("tril"), "triu": _triangle("triu"), "isnan": _test(False), "isinf": _test(False), "isfinite": _test(True),
    "divide_by": _divide_by, "add_into": _add_into, **MOVING,
}  # fmt: skip
