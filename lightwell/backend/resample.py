"""Resampling arrays along dimensions by index and weight, and padding them: linear maps with their adjoints.

A plan is (axis, size of x there, index, weight): y[o] = Σ_t weight[t, o]·x[index[t, o]] along the axis. A weight of None
means ones; an index that is a pair (starts, stops) means the averages over x[starts[o]:stops[o]].
"""

import numpy as np


def _half(x) -> bool:
    return x.dtype.num >= 256 or x.dtype.char == "e"


def resample(x, plans):
    """x resampled by each plan in turn."""
    if _half(x) and any(weight is not None or isinstance(index, tuple) for _, _, index, weight in plans):
        return resample(x.astype(np.float32), plans).astype(x.dtype)
    for axis, _, index, weight in plans:
        if isinstance(index, tuple):
            x = _averages(x, axis, *index)
            continue
        y = None
        for t in range(len(index)):
            v = x.take(index[t], axis)
            if weight is not None:
                v *= _along(weight[t], axis, x)
            y = v if y is None else np.add(y, v, out=y)
        x = y
    return x


def resample_adjoint(g, plans):
    """The adjoint of `resample`."""
    if _half(g):
        return resample_adjoint(g.astype(np.float32), plans).astype(g.dtype)
    for axis, n, index, weight in reversed(plans):
        shape = g.shape[:axis] + (n,) + g.shape[axis + 1 :]
        x = np.zeros(shape, g.dtype)
        lead = (slice(None),) * axis
        if not g.size:
            g = x
        elif isinstance(index, tuple):
            for o, (a, b) in enumerate(zip(*index)):
                x[(*lead, slice(a, b))] += g[(*lead, slice(o, o + 1))] / (b - a).item()
            g = x
        else:
            flat = index.reshape(-1)
            order = np.argsort(flat, kind="stable")
            rows = g.take(np.tile(np.arange(index.shape[1]), len(index))[order], axis)
            if weight is not None:
                rows *= _along(weight.reshape(-1)[order], axis, rows)
            flat = flat[order]
            starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
            x[(*lead, flat[starts])] = np.add.reduceat(rows, starts, axis)
            g = x
    return g


def _averages(x, axis, starts, stops):
    """Means of x over [start, stop) along one axis, for windows in ascending order."""
    if not x.size:
        return np.empty(x.shape[:axis] + (len(starts),) + x.shape[axis + 1 :], x.dtype)
    # reduceat adds from each given place up to the next: every second sum is one of ours.
    places = np.stack((starts, stops), 1).reshape(-1)[:-1]
    if places[:-1].size and places[:-1].max() == x.shape[axis]:  # several windows reach the end, which must then be a place
        x = np.concatenate((x, np.zeros(x.shape[:axis] + (1,) + x.shape[axis + 1 :], x.dtype)), axis)
    total = np.add.reduceat(x, places, axis)
    total = total[(*(slice(None),) * axis, slice(None, None, 2))]
    return total / _along((stops - starts), axis, x)


def _along(v, axis, x):
    """A vector as an array that lies along `axis` of x, of x's dtype."""
    return v.astype(x.real.dtype, copy=False).reshape(-1, *[1] * (x.ndim - axis - 1))


def divide_by(x, divisor):
    """x / divisor, for a number or an array of numbers, in x's dtype."""
    if isinstance(divisor, np.ndarray):
        divisor = divisor.astype(x.dtype, copy=False)
        return (x / divisor).astype(x.dtype, copy=False)
    if x.dtype.kind in "iu":
        return np.trunc(x / divisor).astype(x.dtype)
    if x.dtype.kind == "f" and np.log2(abs(divisor) or 3).is_integer():
        return x * (1 / divisor)  # exact, and quicker
    return x / x.dtype.type(divisor) if x.dtype.num >= 256 else x / divisor


def constant_pad(x, pad, value):
    """x with `value` around it: a pair for each dimension; negative numbers take places away."""
    keep = tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, pad))
    x = x[keep]
    shape = tuple(n + max(a, 0) + max(b, 0) for n, (a, b) in zip(x.shape, pad))
    if shape == x.shape:
        return x.copy()
    y = np.zeros(shape, x.dtype) if not value else np.full(shape, value, x.dtype)
    y[tuple(slice(max(a, 0), max(a, 0) + n) for n, (a, _) in zip(x.shape, pad))] = x
    return y
