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
SMALL = 4096  # elements below which the order of adding isn't worth a thought
_ones = {d: np.ones(4 * BLOCK, d) for d in (_float32, _float64)}


def is_half(dtype) -> bool:
    """Whether sums and products of this dtype are taken in float32 and rounded once."""
    return dtype.num >= 256 or dtype.char == "e"


def sum(x, axis=None, dtype=None, keepdims=False):  # noqa: A001
    """Σ x over `axis` (all for None); integers and bools as int64, halves accumulated in float32."""
    d = x.dtype
    if dtype is not None:
        if d != dtype or d in _integers:
            return _add(x, axis, dtype, None, keepdims) if dtype.num < 256 else sum(x.astype(dtype), axis, None, keepdims)
    elif d is _float32 or d is _float64:
        if x.size < SMALL or axis is None and x.flags.c_contiguous:
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
    if n < 16 or outer > 64 and inner > 256:
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
            return np.asarray(_multiply(x.astype(_float32), axis, None, None, keepdims)).astype(d)
    return _multiply(x, axis, dtype, None, keepdims)


def max(x, axis=None, keepdims=False):  # noqa: A001
    """The largest value over `axis`; NaN wins."""
    return _maximum(x, axis, None, None, keepdims)


def min(x, axis=None, keepdims=False):  # noqa: A001
    """The smallest value over `axis`; NaN wins."""
    return _minimum(x, axis, None, None, keepdims)


def any(x, axis=None, keepdims=False):  # noqa: A001
    """Whether some value over `axis` is nonzero (NaN is)."""
    return _or(x, axis, _bool, None, keepdims)


def all(x, axis=None, keepdims=False):  # noqa: A001
    """Whether every value over `axis` is nonzero (NaN is)."""
    return _and(x, axis, _bool, None, keepdims)


def var(x, axis=None, correction=0.0, keepdims=False):
    """Σ (x - mean)² / max(n - correction, 0) over `axis`, in two passes."""
    d = x.dtype
    if is_half(d):
        return np.asarray(var(x.astype(_float32), axis, correction, keepdims)).astype(d)
    centred = x - mean(x, axis, None, True)
    total = sum(centred * centred, axis, None, keepdims)
    n = x.size if axis is None else _size([x.shape[a] for a in ((axis,) if isinstance(axis, int) else axis)]) if x.ndim else 1
    freedom = n - correction
    if freedom <= 0:
        with np.errstate(all="ignore"):
            return np.divide(total, 0.0, dtype=d)
    return total / freedom


def cumulative_sum(x, axis=None, dtype=None, include_initial=False):
    """Running sums along `axis`; integers and bools as int64, halves accumulated in float32."""
    return _running(np.add, x, axis, dtype, include_initial, 0)


def cumulative_prod(x, axis=None, dtype=None, include_initial=False):
    """Running products along `axis`; integers and bools as int64, halves accumulated in float32."""
    return _running(np.multiply, x, axis, dtype, include_initial, 1)


def _running(ufunc, x, axis, dtype, include_initial, first):
    axis = 0 if axis is None else axis
    d = x.dtype
    wanted = dtype or (_int64 if d in _integers else d)
    if not x.ndim:
        return x.astype(wanted)
    if is_half(d) and wanted == d:
        out = ufunc.accumulate(x.astype(_float32), axis).astype(d)
    else:
        out = ufunc.accumulate(x, axis, wanted)
    if include_initial:
        shape = list(out.shape)
        shape[axis] = 1
        out = np.concatenate((np.full(shape, first, out.dtype), out), axis)
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
