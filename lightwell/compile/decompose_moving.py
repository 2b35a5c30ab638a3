"""Words that move elements, in simpler ones: rolling, tiling, joining, writing into windows; and products by names."""

import math
from typing import Any

import numpy as np

from .graph import Value, replace
from .layout import full_key, sliced, strides_of
from .simplify import reshape


def real(x) -> bool:
    """Whether nests compute in the operand's dtype: float32 or float64."""
    return isinstance(x, Value) and x.dtype is not None and x.dtype.kind == "f" and 4 <= x.dtype.itemsize <= 8 and x.word != "number"


def _roll(b, v, x, shift, axis=None):
    if axis is None:
        total = shift if isinstance(shift, int) else sum(shift)
        return reshape(b, _roll(b, v, reshape(b, x, (x.size,)), total, 0), v.shape)
    shifts, axes = [s if isinstance(s, (tuple, list)) else (s,) for s in (shift, axis)]
    if len(shifts) != len(axes):
        return None
    for s, a in zip(shifts, axes):
        a %= x.ndim
        n = x.shape[a]
        s = s % n if n else 0
        if s:
            x = b.value("concat", ([b.piece(x, a, n - s, n), b.piece(x, a, 0, n - s)], a), {}, x.shape, x.dtype)
    return x


def _tile(b, v, x, reps):
    reps = (reps,) if isinstance(reps, int) else tuple(reps)
    n = max(len(reps), x.ndim)
    reps = (1,) * (n - len(reps)) + reps
    shape = (1,) * (n - x.ndim) + x.shape
    wide = tuple(m for r, s in zip(reps, shape) for m in (r, s))
    thin = tuple(m for s in shape for m in (1, s))
    return reshape(b, b.wide(reshape(b, x, thin), wide), v.shape)


def _joined(b, v, xs, axis=0):
    if not isinstance(axis, int) or any(not isinstance(x, Value) or x.word == "number" for x in xs):
        return None
    made = [b.cast(x, v.dtype) for x in xs]
    return b.value(v.word, (made, axis % v.ndim), {}, v.shape, v.dtype)


def _index_add(b, v, shape, key, w, unique=False):
    found = sliced(key, tuple(shape))
    if found is None or v.dtype.kind not in "fiub" or 0 in shape or any(step < 0 for _, step, _, _ in found):
        return None
    if any(k is None for k in full_key(key, len(shape)) or ()):
        return None
    picked = tuple(n for _, _, n, stays in found if stays)
    if 0 in picked:
        return b.full(v.shape, 0, v.dtype)
    w = b.wide(w, picked) if w.ndim <= len(picked) else reshape(b, w, picked) if w.size == math.prod(picked) else None
    if w is None:
        return None
    if all(step == 1 or n == 1 for _, step, n, _ in found):
        w = reshape(b, w, tuple(n for _, _, n, _ in found))
        pad = tuple((start, m - start - n) for (start, _, n, _), m in zip(found, shape))
        return b.value("constant_pad", (w, pad, 0), {}, v.shape, v.dtype)
    return b.value("index_set", (b.full(v.shape, 0, v.dtype), key, w), {}, v.shape, v.dtype)


def _index_set(b, v, x, key, w):
    found = sliced(key, x.shape)
    if found is None or any(k is None for k in full_key(key, x.ndim) or ()):
        return None
    picked = tuple(n for _, _, n, stays in found if stays)
    if 0 in picked:
        return x
    if not isinstance(w, Value):
        w = b.full(picked, w, x.dtype) if isinstance(w, (bool, int, float)) else None
    elif w.word == "number":
        w = b.full(picked, w, x.dtype)
    else:
        w = b.cast(w, x.dtype)
        w = b.wide(w, picked) if w.ndim <= len(picked) else reshape(b, w, picked) if w.size == math.prod(picked) else None
    if w is None:
        return None
    if picked == x.shape and all(step > 0 for _, step, _, _ in found):
        return w
    return b.value("index_set", (x, key, w), {}, v.shape, v.dtype)


def _apart(shape, strides) -> bool:
    """Whether no two places of a window are one."""
    reach = 1
    for s, n in sorted((abs(s), n) for s, n in zip(strides, shape) if n != 1):
        if s < reach:
            return False
        reach = s * (n - 1) + reach
    return True


def _strided(b, v, x, shape, strides, offset=0):
    if tuple(strides) == strides_of(v.shape) and offset == 0 and v.size == x.size:
        return reshape(b, x, v.shape)
    return b.value("strided", (x, v.shape, tuple(strides), offset), {}, v.shape, v.dtype)


def _strided_set(b, v, x, w, strides, offset=0):
    if not isinstance(w, Value) or w.word == "number" or not _apart(w.shape, strides):
        return None
    if not w.size:
        return x
    w = b.cast(w, x.dtype)
    if w.size == x.size and tuple(strides) == strides_of(w.shape) and not offset:
        return reshape(b, w, v.shape)
    return b.value("strided_set", (x, w, tuple(strides), offset), {}, v.shape, v.dtype)


def _strided_add(b, v, shape, w, strides, offset=0):
    if v.dtype.kind not in "fiub" or not _apart(w.shape, strides):
        return None
    if not w.size:
        return b.full(v.shape, 0, v.dtype)
    if w.size == v.size and tuple(strides) == strides_of(w.shape) and not offset:
        return reshape(b, w, v.shape)
    return b.value("strided_set", (b.full(v.shape, 0, v.dtype), w, tuple(strides), offset), {}, v.shape, v.dtype)


def _einsum(b, v, equation, *xs):
    """A product of two arrays is a matrix product of permuted views; of one a permutation and a sum."""
    if not isinstance(equation, str) or "." in equation or len(xs) not in (1, 2) or not all(real(x) and x.dtype == v.dtype for x in xs):
        return None
    left, arrow, out = equation.replace(" ", "").partition("->")
    names = left.split(",")
    if not arrow:
        out = "".join(sorted(c for c in set(left) - {","} if left.count(c) == 1))
    if any(len(set(n)) != len(n) for n in names) or len(names) != len(xs):
        return None
    terms = []
    for i, (n, x) in enumerate(zip(names, xs)):  # what only one operand has and nobody asks for is summed at once
        others = out + "".join(names[:i] + names[i + 1 :])
        alone = [d for d, c in enumerate(n) if c not in others]
        if alone:
            x = b.reduce("sum", x, alone, keepdims=False)
            n = "".join(c for c in n if c in others)
        terms.append((n, x))
    if len(terms) == 1:
        n, x = terms[0]
        return b.permute(x, [n.index(c) for c in out])
    (m, x), (n, y) = terms
    sizes = dict(zip(m + n, x.shape + y.shape))
    if any(x.shape[m.index(c)] != y.shape[n.index(c)] for c in m if c in n):
        return None
    shared = [c for c in m if c in n]
    batch = [c for c in out if c in shared]
    over = [c for c in shared if c not in out]
    rows, columns = [c for c in out if c in m and c not in n], [c for c in out if c in n and c not in m]
    if 0 in x.shape or 0 in y.shape:
        return None

    def size(names):
        return math.prod(sizes[c] for c in names)

    x = b.permute(x, [m.index(c) for c in batch + rows + over])
    y = b.permute(y, [n.index(c) for c in batch + over + columns])
    if not over:
        shape = tuple(sizes[c] for c in batch + rows + columns)
        lead = tuple(sizes[c] for c in batch)
        made = b.op("multiply", reshape(b, x, lead + tuple(sizes[c] for c in rows) + (1,) * len(columns)),
                    reshape(b, y, lead + (1,) * len(rows) + tuple(sizes[c] for c in columns)))  # fmt: skip
        assert made.shape == shape
    else:
        lead = tuple(sizes[c] for c in batch)
        p = reshape(b, x, (*lead, size(rows), size(over)))
        q = reshape(b, y, (*lead, size(over), size(columns)))
        made = b.value("matmul", (p, q), {}, (*lead, size(rows), size(columns)), v.dtype)
        made = reshape(b, made, lead + tuple(sizes[c] for c in rows + columns))
    order = batch + rows + columns
    return b.permute(made, [order.index(c) for c in out])


# ---- resampling -----------------------------------------------------------------------------------------------------

TAPS = 16  # how many elements a resampled one may be made of, each told by name


def _told(plans):
    """The plans with arrays in place of constants; None where they are not known."""
    values = Value("", tuple(plans)).operands()
    return None if any(o.word != "constant" for o in values) else replace(plans, lambda o: o.args[0])


def _resample(b, v, x, plans):
    """Each element is a sum of few, picked by known indices: y[o] = Σ_t weight[t, o]·x[index[t, o]]; or a mean of neighbours."""
    plans = _told(plans)
    if not real(x) or not v.size or plans is None:
        return None
    for axis, _, index, weight in plans:
        if isinstance(index, tuple):
            x = _averages(b, x, axis, *index)
        elif len(index) > TAPS:
            return None
        else:
            x = _taps(b, x, axis, index, weight)
        if x is None:
            return None
    return x


def _averages(b, x, axis, starts, stops):
    widths, steps = stops - starts, np.diff(starts)
    k = int(widths[0])
    if (widths == k).all() and (not steps.size or (steps == steps[0]).all()):
        step = int(steps[0]) if steps.size else 1
        shape = (*x.shape[:axis], len(starts), *x.shape[axis + 1 :], k)
        if starts[0]:
            x = b.piece(x, axis, int(starts[0]), x.shape[axis])
        n = (x.shape[axis] - k) // step + 1
        y = b.value("sliding", (x, axis, k, step), {}, (*x.shape[:axis], n, *x.shape[axis + 1 :], k), x.dtype)
        y = y if n == len(starts) else b.piece(y, axis, 0, len(starts))
        y = b.op("divide", b.reduce("sum", y, len(shape) - 1), float(k))
        return reshape(b, y, shape[:-1])
    if widths.max() > TAPS:
        return None
    index = starts + np.minimum(np.arange(widths.max())[:, None], widths - 1)
    held = np.arange(widths.max())[:, None] < widths
    return _taps(b, x, axis, index, np.where(held, 1 / widths, 0.0), held)


def _taps(b, x, axis, index, weight, held=None):
    """Σ_t weight[t]·x[index[t]] along an axis, of those that are `held`."""
    along = (-1, *[1] * (x.ndim - axis - 1))
    total = None
    for t in range(len(index)):
        places = b.constant(np.ascontiguousarray(index[t], np.int64))
        y = b.value("take", (x, places, axis), {}, (*x.shape[:axis], places.size, *x.shape[axis + 1 :]), x.dtype)
        if weight is not None:
            y = b.op("multiply", y, b.constant(np.ascontiguousarray(weight[t], x.dtype).reshape(along)))
        if held is not None and not held[t].all():
            y = b.op("where", b.constant(np.ascontiguousarray(held[t]).reshape(along)), y, b.full((), 0, x.dtype), dtype=x.dtype)
        total = y if total is None else b.op("add", total, y)
    return total


def _resample_adjoint(b, v, g, plans):
    """The same seen from the other side: each place takes from the few that were made of it."""
    plans = _told(plans)
    if not real(g) or not v.size or not g.size or plans is None:
        return None
    factor: Any
    for axis, n, index, weight in reversed(plans):
        if isinstance(index, tuple):
            starts, stops = index
            where = np.concatenate([np.arange(a, c) for a, c in zip(starts, stops)])
            widths = stops - starts
            which, factor = np.repeat(np.arange(len(starts)), widths), np.repeat(1 / widths, widths)
        else:
            where, which = index.reshape(-1), np.tile(np.arange(index.shape[1]), len(index))
            factor = None if weight is None else weight.reshape(-1)
        counts = np.bincount(where, minlength=n)
        m = int(counts.max())
        if m > TAPS:
            return None
        order = np.argsort(where, kind="stable")
        rank = np.arange(len(where)) - np.concatenate(([0], np.cumsum(counts)))[where[order]]
        places, held = np.zeros((m, n), np.int64), np.zeros((m, n), bool)
        places[rank, where[order]], held[rank, where[order]] = which[order], True
        factors = None
        if factor is not None:
            factors = np.zeros((m, n))
            factors[rank, where[order]] = factor[order]
        g = _taps(b, g, axis, places, factors, held)
    return g


# ---- picking by masks, replacing ------------------------------------------------------------------------------------


def _getitem(b, v, x, key):
    """A mask that is known is an array of indices."""
    if x.parts is not None or not isinstance(key, (tuple, list)):
        return None
    masks = [k for k in key if isinstance(k, Value) and k.dtype is not None and k.dtype.kind == "b"]
    if not masks or any(k.word != "constant" or not k.ndim for k in masks):
        return None
    new: list = []
    for k in key:
        new += [b.constant(np.ascontiguousarray(i)) for i in np.nonzero(k.args[0])] if any(k is m for m in masks) else [k]
    return b.value("getitem", (x, tuple(new)), {}, v.shape, v.dtype)


def _nan_to_num(b, v, x, nan=None, posinf=None, neginf=None):
    if not real(x):
        return None
    top = float(np.finfo(x.dtype).max)
    inf = b.op("where", b.op("equal", x, -math.inf), -top if neginf is None else float(neginf), x, dtype=x.dtype)
    inf = b.op("where", b.op("equal", x, math.inf), top if posinf is None else float(posinf), inf, dtype=x.dtype)
    return b.op("where", b.op("isnan", x, dtype=np.dtype(bool)), 0.0 if nan is None else float(nan), inf, dtype=x.dtype)


RULES: dict[str, Any] = {
    "roll": _roll, "tile": _tile, "concat": _joined, "stack": _joined, "index_add": _index_add, "index_set": _index_set,
    "getitem": _getitem, "nan_to_num": _nan_to_num, "resample": _resample, "resample_adjoint": _resample_adjoint,
    "strided": _strided, "strided_set": _strided_set, "strided_add": _strided_add, "einsum": _einsum,
}  # fmt: skip
