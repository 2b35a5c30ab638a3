"""Softmax and its logarithm on NumPy arrays: rows in blocks that fit the cache, written in place, by all threads."""

import numpy as np

from .threads import parallel_rows

_BLOCK = 1 << 16  # elements that stay in a core's cache between the passes


def _rows(kernel, x, axis):
    """Run `kernel(x, out)` over rows along the last axis, where there are enough for blocks; `kernel` takes an axis too."""
    if x.dtype.itemsize < 4 and x.dtype.kind != "c":
        return _rows(kernel, x.astype(np.float32), axis).astype(x.dtype)
    out = np.empty(x.shape, x.dtype)
    if not x.size:
        return out
    if not x.ndim:
        x, axis = x.reshape(1), 0
        kernel(x, out.reshape(1), 0)
        return out
    last = axis % x.ndim == x.ndim - 1
    if x.size <= _BLOCK or not last or not x.flags.c_contiguous:
        if last or x.size <= _BLOCK:
            kernel(x, out, axis)
            return out
        # Over another axis: blocks along the first dimension (or, for axis 0, along the last one).
        cut = 0 if axis % x.ndim else x.ndim - 1
        per = max(1, _BLOCK // max(x.size // x.shape[cut], 1))
        a, b = np.moveaxis(x, cut, 0), np.moveaxis(out, cut, 0)
        inner = axis % x.ndim if not cut else 1

        def pieces(start, stop):
            for i in range(start, stop, per):
                j = min(i + per, stop)
                kernel(a[i:j], b[i:j], inner)

        parallel_rows(pieces, a.shape[0], per)
        return out
    n = x.shape[-1]
    a, b = x.reshape(-1, n), out.reshape(-1, n)
    per = max(1, _BLOCK // n)

    def rows(start, stop):
        for i in range(start, stop, per):
            j = min(i + per, stop)
            kernel(a[i:j], b[i:j], 1)

    parallel_rows(rows, a.shape[0], per)
    return out


_greatest, _total = np.maximum.reduce, np.add.reduce


def _shifted(x, out, axis):
    """x less its largest value along the axis (0 where that is -∞), into out."""
    if x.ndim == 2 and x.shape[1] <= 32 <= len(x) and axis in (1, -1):  # NumPy is slow along short rows, quick along columns
        top = _greatest(np.ascontiguousarray(x.T), 0).reshape(-1, 1)
    else:
        top = _greatest(x, axis, None, None, True)
    np.subtract(x, top, out=out)
    return top


def _softmax(x, out, axis):
    _shifted(x, out, axis)
    np.exp(out, out=out)
    total = _total(out, axis, None, None, True)
    np.multiply(out, np.reciprocal(total, out=total), out=out)


def _log_softmax(x, out, axis):
    _shifted(x, out, axis)
    total = _total(np.exp(out), axis, None, None, True)
    np.subtract(out, np.log(total, out=total), out=out)


def softmax(x, axis):
    """exp(xᵢ)/Σⱼ exp(xⱼ) along an axis."""
    return _rows(_softmax, x, axis)


def log_softmax(x, axis):
    """xᵢ - log Σⱼ exp(xⱼ) along an axis."""
    return _rows(_log_softmax, x, axis)


def softmax_pull(gy, y, axis):
    """y·(gy - Σ gy·y) along an axis."""
    g = gy * y
    total = _total(g, axis, None, None, True) if g.ndim else g
    if type(g) is np.ndarray:
        g -= y * total
        return g
    return g - y * total


def log_softmax_pull(gy, y, axis):
    """gy - exp(y)·Σ gy along an axis."""
    total = _total(gy, axis, None, None, True) if gy.ndim else gy
    p = np.exp(y)
    if type(p) is not np.ndarray:
        return gy - p * total
    p *= total
    return np.subtract(gy, p, out=p)


def nll_pull(logp, index, c, axis):
    """c·onehot(index) - c·exp(logp): the gradient of Σ c·logp[index] for what logp is the log-softmax of."""
    g = np.exp(logp)
    if type(g) is not np.ndarray:
        g = np.asarray(g)
    np.multiply(g, -c, out=g)
    index = getattr(index, "_a", index)
    if g.ndim == 2 and axis == 1:
        g[np.arange(g.shape[0]), index[:, 0]] += c if not np.ndim(c) else np.broadcast_to(c, index.shape)[:, 0]
    else:
        from .moving import along

        g[along(g, index, axis)] += c
    return g
