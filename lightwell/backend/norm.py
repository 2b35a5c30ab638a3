"""Mean and variance for normalisation, and the scaling by them, on NumPy arrays: few passes, stable."""

import numpy as np


def moments(x, axes, eps):
    """(mean, 1/√(variance + eps), variance) over `axes`, kept as dimensions of size 1; the variance from deviations."""
    work = x.astype(np.float32) if x.dtype.itemsize < 4 else x
    n = 1
    for k in axes:
        n *= work.shape[k]
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


def scaled(x, m, r, w, b, view, wide, wshape):
    """((x - m)·r in `wide`)·w + b."""
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
