"""Mean and variance for normalisation, and the scaling by them, on NumPy arrays: few passes, stable."""

import numpy as np

from .threads import parallel_rows


def moments(x, axes, eps):
    """(mean, 1/√(variance + eps), variance) over `axes`, kept as dimensions of size 1; the variance from deviations."""
    work = x.astype(np.float32) if x.dtype.itemsize < 4 else x
    n = 1
    for k in axes:
        n *= work.shape[k]
    if axes == (1,) and work.ndim == 2 and work.size > 1 << 17:
        return _row_moments(x, work, eps)
    if axes == (1,) and work.ndim == 2:
        m = np.add.reduce(work, 1, None, None, True)
        m /= n
        d = work - m
        var = np.einsum("ij,ij->i", d, d)[:, None]
    elif axes == (0, 2) and work.ndim == 3:
        m = np.add.reduce(work, 2)
        m = np.add.reduce(m, 0, None, None, True)[:, :, None]
        m /= n
        d = work - m
        var = np.add.reduce(np.einsum("ijk,ijk->ij", d, d), 0, None, None, True)[:, :, None]
    else:
        m = np.mean(work, axis=axes, keepdims=True)
        d = work - m
        var = np.sum(d * d, axis=axes, keepdims=True)
    var = var / n if n else var * np.nan
    r = 1 / np.sqrt(var + eps)
    return m.astype(x.dtype, copy=False), r.astype(x.dtype, copy=False), var


def _row_moments(x, work, eps):
    count, n = work.shape
    m, var = np.empty((count, 1), work.dtype), np.empty((count, 1), work.dtype)
    per = max(1, 65536 // n)

    def rows(start, stop):
        for i in range(start, stop, per):
            j = min(i + per, stop)
            a, to = work[i:j], m[i:j]
            np.add.reduce(a, 1, None, to, True)
            to /= n
            d = a - to
            np.divide(np.einsum("ij,ij->i", d, d)[:, None], n, out=var[i:j])

    parallel_rows(rows, count, per)
    r = 1 / np.sqrt(var + eps)
    return m.astype(x.dtype, copy=False), r.astype(x.dtype, copy=False), var


def _row_scaled(x, m, r, w, b):
    out = np.empty(x.shape, x.dtype)
    per = max(1, 65536 // x.shape[1])

    def rows(start, stop):
        for i in range(start, stop, per):
            j = min(i + per, stop)
            to = out[i:j]
            np.subtract(x[i:j], m[i:j], out=to)
            to *= r[i:j]
            if w is not None:
                to *= w
            if b is not None:
                to += b

    parallel_rows(rows, x.shape[0], per)
    return out


def scaled(x, m, r, w, b, view, wide, wshape):
    """((x - m)·r in `wide`)·w + b."""
    if x.ndim == 2 and wide == view and x.size > 1 << 17 and wshape == (1, x.shape[1]):
        return _row_scaled(x, m, r, None if w is None else w.reshape(wshape), None if b is None else b.reshape(wshape))
    if w is not None and wide == view and all(a == c for a, c in zip(m.shape, wshape)):
        y = x - m
        y *= r * w.reshape(wshape)
    else:
        y = x - m
        y *= r
        y = y.reshape(wide)
        if w is not None:
            y *= w.reshape(wshape)
    if b is not None:
        y += b.reshape(wshape)
    return y


def rows_pull(g, h, r):
    """r·(g - mean g - h·mean(g·h)) along rows, block by block."""
    n = g.shape[1]
    out = np.empty(g.shape, g.dtype)
    per = max(1, 65536 // max(n, 1))

    def rows(start, stop):
        for i in range(start, stop, per):
            j = min(i + per, stop)
            a, b, to = g[i:j], h[i:j], out[i:j]
            np.multiply(b, np.einsum("ij,ij->i", a, b)[:, None] * (-1 / n), out=to)
            to += a
            to -= np.add.reduce(a, 1, None, None, True) * (1 / n)
            to *= r[i:j]

    parallel_rows(rows, g.shape[0], per)
    return out
