"""Reductions and scans of NumPy arrays: thin over ufunc.reduce, with sums in an order that keeps rounding errors small.

Error of adding n numbers of one sign in steps of b: about (b/2 + n/b)·ε instead of n·ε (Higham, "The accuracy of
floating point summation", SIAM J. Sci. Comput. 14, 1993). NumPy adds pairwise along the last dimension only; along
others it adds row by row, so there blocks of rows are added by matrix products with ones, which is also faster.
"""

import numpy as np

_add, _multiply, _maximum, _minimum = np.add.reduce, np.multiply.reduce, np.maximum.reduce, np.minimum.reduce
_or, _and = np.logical_or.reduce, np.logical_and.reduce
_float32, _float64, _int64, _bool = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64), np.dtype(bool)
_integers = {np.dtype(t) for t in "bBhHiIlLqQ?"}

BLOCK = 64  # rows added by one product with ones
CHUNK = 1 << 15  # elements that stay in a core's cache between two steps
SMALL = 4096  # elements below which the order of adding isn't worth a thought
_ones = {d: np.ones(4 * BLOCK, d) for d in (_float32, _float64)}


def is_half(dtype) -> bool:
    """Whether sums and products of this dtype are taken in float32 and rounded once."""
    return dtype.num >= 256 or dtype.char == "e"


def sum(x, axis=None, dtype=None, keepdims=False):
    """Σ x over `axis` (all for None); integers and bools as int64, halves accumulated in float32."""
    d = x.dtype
    if dtype is not None:
        if d != dtype or d in _integers:
            return _add(x, axis, dtype, None, keepdims) if dtype.num < 256 else sum(x.astype(dtype), axis, None, keepdims)
    elif d is _float32 or d is _float64:
        if x.size < SMALL or (axis is None and x.flags.c_contiguous):
            return _add(x, axis, None, None, keepdims)
        return _ordered(x, axis, keepdims)
    elif d in _integers:
        return _add(x, axis, _int64, None, keepdims)
    if is_half(d):
        return np.asarray(sum(x.astype(_float32), axis, None, keepdims)).astype(d)
    return _add(x, axis, None, None, keepdims)


def _ordered(x, axis, keepdims):
    """A float sum over some axes, the innermost first: pairwise within rows, by blocks across them."""
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = {a + x.ndim if a < 0 else a for a in axes}
    if not axes or not x.size:
        return _add(x, axis, None, None, keepdims)
    if not x.flags.c_contiguous:
        # The sum does not care for the order of dimensions: take them as they lie in memory.
        order = sorted(range(x.ndim), key=lambda k: -abs(x.strides[k]))
        turned = x.transpose(order)
        if not turned.flags.c_contiguous:
            return _add(x, axis, None, None, keepdims)
        kept = _ordered(turned, tuple(i for i, k in enumerate(order) if k in axes), True)
        back = sorted(range(x.ndim), key=order.__getitem__)
        out = kept.transpose(back)
        return out if keepdims else out.reshape([n for i, n in enumerate(x.shape) if i not in axes])
    shape = x.shape
    groups = []  # runs of neighbouring summed axes: (start, stop)
    for a in sorted(axes):
        if groups and groups[-1][1] == a:
            groups[-1][1] = a + 1
        else:
            groups.append([a, a + 1])
    y, dims = x, list(shape)
    for start, stop in reversed(groups):
        outer, n, inner = _size(dims[:start]), _size(dims[start:stop]), _size(dims[stop:])
        y = _middle(y.reshape(outer, n, inner))
        dims[start:stop] = [1] * (stop - start)
    return y.reshape(dims if keepdims else [n for i, n in enumerate(shape) if i not in axes])


def _size(shape) -> int:
    n = 1
    for s in shape:
        n *= s
    return n


def _middle(x):
    """Σ over the middle axis of a contiguous (outer, n, inner) array."""
    outer, n, inner = x.shape
    if inner == 1:
        if n <= 2 * BLOCK and outer > 16:  # many short rows: a matrix-vector product beats many short sums
            return np.matmul(x.reshape(outer, n), _ones[x.dtype][:n])
        return _add(x, 1)
    if n < 16 or (outer > 64 and inner > 256):
        return _add(x, 1)
    while n > 2 * BLOCK:
        blocks = n // BLOCK
        main = blocks * BLOCK
        rest = x[:, main:]
        y = np.matmul(_ones[x.dtype][:BLOCK], x[:, :main].reshape(outer, blocks, BLOCK, inner))
        if n - main:
            y = np.concatenate((y, np.matmul(_ones[x.dtype][: n - main], rest)[:, None]), 1)
        x, n = y, y.shape[1]
    return np.matmul(_ones[x.dtype][:n], x)


def mean(x, axis=None, dtype=None, keepdims=False):
    """Σ x / n over `axis`; NaN where there is nothing to average."""
    if dtype is not None and x.dtype != dtype:
        x = x.astype(dtype)
    d = x.dtype
    if is_half(d):
        return np.asarray(mean(x.astype(_float32), axis, None, keepdims)).astype(d)
    total = sum(x, axis, None, keepdims)
    if axis is None:
        n = x.size
    elif type(axis) is int:
        n = x.shape[axis] if x.ndim else 1
    else:
        n = 1
        for a in axis:
            n *= x.shape[a] if x.ndim else 1
    if not n:
        return np.full(np.shape(total), np.nan, total.dtype)
    return total / n


def prod(x, axis=None, dtype=None, keepdims=False):
    """Π x over `axis`; integers and bools as int64, halves accumulated in float32."""
    d = x.dtype
    if dtype is None:
        if d in _integers:
            dtype = _int64
        elif is_half(d):
            return np.asarray(prod(x.astype(_float32), axis, None, keepdims)).astype(d)
        elif x.size >= SMALL and x.flags.c_contiguous and (axis is None or axis == (x.ndim - 1,)):
            return _folded(x, axis, keepdims)
    return _multiply(x, axis, dtype, None, keepdims)


def _folded(x, axis, keepdims):
    """Products along the last axis (or of all), half by half: NumPy's own go one by one there."""
    y = x.reshape(-1) if axis is None else x
    while y.shape[-1] > 32:
        half = y.shape[-1] // 2
        left = y[..., 2 * half :]
        y = y[..., :half] * y[..., half : 2 * half]
        if left.shape[-1]:
            y[..., :1] *= left
    out = _multiply(y, -1, None, None, keepdims)
    return out.reshape((1,) * x.ndim) if axis is None and keepdims else out


def max(x, axis=None, keepdims=False):
    """The largest value over `axis`; NaN wins."""
    if x.size >= SMALL and x.shape[-1] <= 32 and (axis == (x.ndim - 1,) or axis == x.ndim - 1):
        return _columns(np.maximum, x, keepdims)
    return _maximum(x, axis, None, None, keepdims)


def min(x, axis=None, keepdims=False):
    """The smallest value over `axis`; NaN wins."""
    if x.size >= SMALL and x.shape[-1] <= 32 and (axis == (x.ndim - 1,) or axis == x.ndim - 1):
        return _columns(np.minimum, x, keepdims)
    return _minimum(x, axis, None, None, keepdims)


def _columns(ufunc, x, keepdims):
    """Many short rows, column by column: NumPy's reduction starts anew for every row."""
    y = x[..., 0].copy()
    for k in range(1, x.shape[-1]):
        ufunc(y, x[..., k], out=y)
    return y[..., None] if keepdims else y


def argmax(x, axis=None, keepdims=False):
    """The first place of the largest value; NaN wins."""
    return x.argmax(axis, keepdims=keepdims)


def argmin(x, axis=None, keepdims=False):
    """The first place of the smallest value; NaN wins."""
    return x.argmin(axis, keepdims=keepdims)


def any(x, axis=None, keepdims=False):
    """Whether some value over `axis` is nonzero (NaN is)."""
    return _or(x, axis, _bool, None, keepdims)


def all(x, axis=None, keepdims=False):
    """Whether every value over `axis` is nonzero (NaN is)."""
    return _and(x, axis, _bool, None, keepdims)


def var(x, axis=None, correction=0.0, keepdims=False):
    """Σ (x - mean)² / max(n - correction, 0) over `axis`, in two passes."""
    d = x.dtype
    if is_half(d):
        return np.asarray(var(x.astype(_float32), axis, correction, keepdims)).astype(d)
    if axis is None or (type(axis) is tuple and len(axis) == x.ndim):
        n = x.size
    elif type(axis) is int:
        n = x.shape[axis]
    else:
        n = _size([x.shape[a] for a in axis])
    freedom = n - correction
    if x.size < SMALL and freedom > 0 and d.kind == "f":
        centred = x - _add(x, axis, None, None, True) / n
        return _add(centred * centred, axis, None, None, keepdims) / freedom
    if freedom <= 0:
        with np.errstate(all="ignore"):
            return np.divide(square_sum(x - mean(x, axis, None, True), axis, keepdims), 0.0, dtype=d)
    if n == x.size and n > CHUNK and x.flags.c_contiguous and d.kind == "f":
        middle, flat = mean(x), x.reshape(-1)
        total = _add(np.array([square_sum(flat[i : i + CHUNK] - middle) for i in range(0, n, CHUNK)]))
        return (total / d.type(freedom)).reshape((1,) * x.ndim if keepdims else ())
    centred = x - sum(x, axis, None, True) / n
    return square_sum(centred, axis, keepdims) / freedom


def square_sum(x, axis=None, keepdims=False):
    """Σ x² over `axis`; of everything in blocks, without room for the squares."""
    if type(axis) is int:
        axis = (axis,)
    if x.size < SMALL or x.dtype.kind != "f" or not x.flags.c_contiguous or not (axis is None or len(axis) == x.ndim):
        return sum(x * x, axis, None, keepdims)
    flat = x.reshape(-1)
    main = flat.size // BLOCK // 8 * BLOCK * 8
    rows = flat[:main].reshape(-1, 1, BLOCK * 8)
    rest = flat[main:]
    total = _add(np.matmul(rows, rows.transpose(0, 2, 1)), None) + _add(rest * rest)
    return total.reshape((1,) * x.ndim) if keepdims else total


def cumulative_sum(x, axis=None, dtype=None, include_initial=False):
    """Running sums along `axis`; integers and bools as int64, float32 and halves accumulated in float64."""
    return _running(np.add, x, axis, dtype, include_initial, 0)


def cumulative_prod(x, axis=None, dtype=None, include_initial=False):
    """Running products along `axis`; integers and bools as int64, float32 and halves accumulated in float64."""
    return _running(np.multiply, x, axis, dtype, include_initial, 1)


def _running(ufunc, x, axis, dtype, include_initial, first):
    axis = 0 if axis is None else axis
    d = x.dtype
    wanted = dtype or (_int64 if d in _integers else d)
    if not x.ndim:
        return x.astype(wanted)
    if wanted == d and (d is _float32 or is_half(d)):
        out = _running_wide(ufunc, x, axis)
    else:
        out = ufunc.accumulate(x, axis, wanted)
    if include_initial:
        shape = list(out.shape)
        shape[axis] = 1
        out = np.concatenate((np.full(shape, first, out.dtype), out), axis)
    return out


def _running_wide(ufunc, x, axis):
    """Running float32 sums and products, kept in float64 on the way, as n roundings in a row would show."""
    if x.ndim != 1 or x.size <= CHUNK:
        return ufunc.accumulate(x.astype(_float32) if is_half(x.dtype) else x, axis, _float64).astype(x.dtype)
    out, wide = np.empty_like(x), np.empty(CHUNK + 1)
    wide[0] = ufunc.identity
    for i in range(0, x.size, CHUNK):
        part = x[i : i + CHUNK]
        wide[1 : part.size + 1] = part
        ufunc.accumulate(wide[: part.size + 1], out=wide[: part.size + 1])
        out[i : i + CHUNK] = wide[1 : part.size + 1]
        wide[0] = wide[part.size]
    return out


def put_along_axis(shape, index, v, axis):
    """Zeros of `shape` with v written where `index` says, along `axis`: the adjoint of taking distinct places."""
    v = np.asarray(v)
    out = np.zeros(shape, v.dtype)
    if not out.ndim:
        return v.reshape(())
    if v.size:
        np.put_along_axis(out, np.asarray(index), v, axis)
    return out
