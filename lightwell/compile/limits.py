"""Between which numbers the integers of a graph lie: so that indices need no look at each call, or which inputs must be looked at.

Native code doesn't check indices. An index that is an input (or a view of one) is a condition under which the program is right;
one that is computed may be bounded by what computes it (`x % 5`, `argmax`); with any other, Python picks at each call, and raises.
"""

import math
from typing import Any

import numpy as np

from .graph import Value, compute, replace
from .infer import VIEWS

INF = math.inf
_ARITHMETIC = frozenset("add subtract multiply floor_divide remainder minimum maximum negative abs where concat stack".split())
_SAME = VIEWS - {"bitcast", "real", "imag", "view_as_real", "view_as_complex"}


def limits(v: Any) -> tuple:
    """(low, high): every number of the integer value v lies between them, both included; infinite where nothing is known."""
    if isinstance(v, (bool, int, np.integer, np.bool_)):
        return int(v), int(v)
    if not isinstance(v, Value) or v.dtype is None or v.dtype.kind not in "iub":
        return -INF, INF
    if v.dtype.kind == "b":
        return 0, 1
    low, high = _of(v)
    if v.dtype.kind == "u":
        low = max(low, 0)
    return (low, high) if v.dtype.itemsize > 1 else (max(low, np.iinfo(v.dtype).min), min(high, np.iinfo(v.dtype).max))


def _of(v: Value) -> tuple:
    word, args = v.word, v.args
    if word == "constant":
        a = args[0]
        return (int(a.min()), int(a.max())) if a.size else (0, 0)
    if word in _SAME or word in ("take", "take_along_axis", "sort", "tile", "roll", "astype", "copy"):
        return limits(args[0])
    if word in ("zeros", "zeros_like"):
        return 0, 0
    if word in ("ones", "ones_like"):
        return 1, 1
    if word == "full":
        return limits(args[1])
    if word == "arange":
        a = compute(word, replace(args, lambda w: w), v.kwargs)
        return (int(a.min()), int(a.max())) if a.size else (0, 0)
    if word in ("argmax", "argmin", "argsort"):
        axis = v.kwargs.get("axis", args[1] if len(args) > 1 else None)
        return 0, max((args[0].size if axis is None else args[0].shape[axis]) - 1, 0)
    if word in _ARITHMETIC:
        return _arithmetic(v)
    return -INF, INF


def _arithmetic(v: Value) -> tuple:
    parts = v.args[0] if v.word in ("concat", "stack") else v.args[1:] if v.word == "where" else v.args
    told = [limits(p) for p in parts]
    (a, b), (c, d) = told[0], told[-1]
    if v.word in ("where", "concat", "stack"):
        return min(low for low, _ in told), max(high for _, high in told)
    if v.word == "add":
        return a + c, b + d
    if v.word == "subtract":
        return a - d, b - c
    if v.word == "minimum":
        return min(a, c), min(b, d)
    if v.word == "maximum":
        return max(a, c), max(b, d)
    if v.word == "negative":
        return -b, -a
    if v.word == "abs":
        return 0, max(abs(a), abs(b))
    if v.word == "remainder":
        return (0, d - 1) if c > 0 else (-INF, INF)
    if any(math.isinf(n) for n in (a, b, c, d)):
        return -INF, INF
    if v.word == "multiply":
        ends = [x * y for x in (a, b) for y in (c, d)]
        return min(ends), max(ends)
    return (min(a // c, a // d), max(b // c, b // d)) if c > 0 else (-INF, INF)


def source(v: Value) -> Value | None:
    """The input whose numbers an integer value shows, None where it is computed."""
    while v.word != "input":
        if not (v.word in _SAME or v.word == "astype") or not isinstance(v.args[0], Value) or v.args[0].dtype.kind not in "iu":
            return None
        v = v.args[0]
    return v


_ALONG = {"take": (0, 1, 2), "take_along_axis": (0, 1, 2), "scatter_add": (0, 1, 3), "scatter_set": (0, 1, 3), "put_along_axis": (0, 1, 3),
          "scatter_prod": (0, 1, 3), "scatter_extreme": (0, 1, 3)}  # fmt: skip


def picks(word: str, args: tuple, kwargs: dict) -> list[tuple]:
    """(index, n) of each computed index among a word's arguments: it must lie between -n and n - 1."""
    if word in ("getitem", "index_set", "index_add"):
        shape = args[0].shape if isinstance(args[0], Value) else tuple(args[0])
        key = args[1] if type(args[1]) is tuple else (args[1],)
        return _of_key(shape, key)
    if word not in _ALONG:
        return []
    at, where, last = _ALONG[word]
    shape = args[at].shape if isinstance(args[at], Value) else tuple(args[at])
    axis = kwargs.get("axis", args[last] if len(args) > last else -1)
    if not isinstance(args[where], Value) or not shape:
        return []
    return [(args[where], math.prod(shape) if axis is None else shape[axis])]


def _of_key(shape, key) -> list[tuple]:
    used = sum(1 if not isinstance(k, Value) or k.dtype.kind != "b" else k.ndim for k in key if k is not None and k is not Ellipsis)
    out, axis = [], 0
    for k in key:
        if k is None:
            continue
        if k is Ellipsis:
            axis += len(shape) - used
            continue
        if isinstance(k, Value) and k.dtype.kind == "b":
            axis += k.ndim
            continue
        if isinstance(k, Value):
            out.append((k, shape[axis]))
        axis += 1
    return out
