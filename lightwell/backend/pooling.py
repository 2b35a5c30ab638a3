"""Pooling of arrays (N, C, *space): maxima and sums over windows, dimension by dimension, and their adjoints.

A window's maximum (or sum) is taken along one dimension after the other: k₁ + k₂ passes instead of k₁·k₂.
"""

import numpy as np

from .threads import parallel_rows
from .windows import inner, taps

CHUNK = 150_000  # elements of x taken at a time, so that passes find them in the cache
_words = {2: np.int16, 4: np.int32, 8: np.int64}


def _reach(kernel, stride, dilation, out) -> tuple:
    """How far the windows reach along each dimension."""
    return tuple((o - 1) * s + d * (k - 1) + 1 for k, s, d, o in zip(kernel, stride, dilation, out))


def _framed(x, padding, reach, value):
    """x with `value` around it, so that windows of this reach, starting `padding` before it, lie inside."""
    space = x.shape[2:]
    full = tuple(max(r, n + p) for r, n, p in zip(reach, space, padding))
    if full == space:
        return x
    buffer = np.full(x.shape[:2] + full, value, x.dtype)
    buffer[inner(space, padding)] = x
    return buffer


def _lowest(dtype):
    return -np.inf if dtype.kind not in "iub" else False if dtype.kind == "b" else np.iinfo(dtype).min


def _chunked(f, x, out_size) -> None:
    """f(start, stop) over x's samples, in chunks that fit the cache, on all threads where there is enough to do."""
    n, each = len(x), max(x[0].size if len(x) else 1, out_size, 1)
    size = max(1, CHUNK // each)

    def part(start, stop):
        for s in range(start, stop, size):
            f(s, min(s + size, stop))

    parallel_rows(part, n, max(1, 2 * CHUNK // each))


def _passes(combine, x, kernel, stride, dilation, out, result):
    """`combine` over each window of x, along one dimension after the other; the last pass writes `result`."""
    todo = [a for a in range(len(kernel)) if kernel[a] > 1 or stride[a] > 1 or x.shape[2 + a] != out[a]]
    if not todo:
        result[...] = x
        return
    # Rows first: those passes run along whole contiguous lines.
    for step, a in enumerate(todo):
        lead = (slice(None),) * (2 + a)
        views = [x[(*lead, slice(i * dilation[a], i * dilation[a] + (out[a] - 1) * stride[a] + 1, stride[a]))] for i in range(kernel[a])]
        target = result if step == len(todo) - 1 else np.empty(views[0].shape, x.dtype)
        if len(views) == 1:
            target[...] = views[0]
        else:
            combine(views[0], views[1], out=target)
            for v in views[2:]:
                combine(target, v, out=target)
        x = target


def max_pool(x, kernel, stride, padding, dilation, out):
    """The largest value in each window; NaN wins."""
    y = np.empty(x.shape[:2] + out, x.dtype)
    reach = _reach(kernel, stride, dilation, out)
    low = _lowest(x.dtype)

    def part(s, e):
        _passes(np.maximum, _framed(x[s:e], padding, reach, low), kernel, stride, dilation, out, y[s:e])

    if y.size:
        _chunked(part, x, y[0].size)
    return y


def _hits(x, y, kernel, stride, padding, dilation):
    """For each position in the window: its key, and where it holds the maximum y (possibly not as the first)."""
    out = y.shape[2:]
    reach = _reach(kernel, stride, dilation, out)
    framed = _framed(x, padding, reach, _lowest(x.dtype))
    real = None
    if framed is not x and (y == _lowest(x.dtype)).any():  # then the frame's own values look like maxima
        real = _framed(np.ones((1, 1, *x.shape[2:]), bool), padding, reach, False)
    nans = x.dtype.kind not in "iub" and np.isnan(y).any()
    found = []
    for k, at in taps(kernel, stride, dilation, out):
        v = framed[(..., *at)]
        hit = v == y
        if nans:
            hit |= v != v
        if real is not None:
            hit &= real[(..., *at)]
        found.append((k, at, hit))
    return found, nans


def max_pool_indices(x, y, kernel, stride, padding, dilation):
    """Where each window's maximum y lies in x's flattened space: the first of equal ones, the last NaN."""
    out, space = y.shape[2:], x.shape[2:]
    index = np.zeros(y.shape, np.int64)
    found, nans = _hits(x, y, kernel, stride, padding, dilation)
    grids = [np.arange(o) * s - p for o, s, p in zip(out, stride, padding)]

    def place(k):
        flat = np.zeros((1,) * len(out), np.int64)
        for a, (n, grid) in enumerate(zip(space, grids)):
            flat = flat * n + (grid + k[a] * dilation[a]).reshape(-1, *[1] * (len(out) - a - 1))
        return flat

    for k, _, hit in reversed(found):
        np.copyto(index, place(k), where=hit)
    if nans:
        last = np.isnan(y)
        for k, _, hit in found:
            np.copyto(index, place(k), where=hit & last)
    return index


def max_pool_back(g, x, y, kernel, stride, padding, dilation):
    """The adjoint of taking the maxima y of x: each window's gradient goes to where its maximum lies."""
    gx = np.empty(x.shape, g.dtype)
    if not g.size:
        gx[...] = 0
        return gx
    out, space = y.shape[2:], x.shape[2:]
    reach = _reach(kernel, stride, dilation, out)
    apart = all(d == 1 and s >= k for k, s, d in zip(kernel, stride, dilation))
    tiled = apart and tuple(stride) == tuple(kernel) and reach == space and not any(padding)
    word = _words.get(g.itemsize) if g.dtype.kind in "fV" else None

    def part(s, e):
        gs, xs, ys = g[s:e], x[s:e], y[s:e]
        if (xs.dtype.kind not in "iub" and np.isnan(ys).any()) or (any(padding) and (ys == _lowest(x.dtype)).any()):
            gx[s:e] = _scatter(gs, max_pool_indices(xs, ys, kernel, stride, padding, dilation), space)
            return
        framed = _framed(xs, padding, reach, _lowest(x.dtype))
        into = gx[s:e] if framed is xs else np.empty(framed.shape, g.dtype)
        if not tiled:
            into[...] = 0
        if word is not None:  # the bits times 0 or 1: a gradient that is infinite or NaN stays in its place
            gs, target = gs.view(word), into.view(word) if apart else None
        hit, left = np.empty(ys.shape, bool), None
        # All but the first position need to know whether an earlier one was taken.
        for _, at in taps(kernel, stride, dilation, out):
            np.equal(framed[(..., *at)], ys, out=hit)
            if left is None:
                left = ~hit
            else:
                np.logical_and(hit, left, out=hit)
                np.not_equal(left, hit, out=left)
            if word is None:
                into[(..., *at)] += np.where(hit, gs, gs.dtype.type(0))
            elif apart:
                np.multiply(gs, hit, out=target[(..., *at)], dtype=word)
            else:
                into[(..., *at)] += np.multiply(gs, hit, dtype=word).view(g.dtype)
        if framed is not xs:
            gx[s:e] = into[inner(space, padding)]

    if not g.flags.c_contiguous:
        g = np.ascontiguousarray(g)
    _chunked(part, x, y[0].size)
    return gx


def _scatter(g, index, space):
    """g added up at flat positions of an array (N, C, *space)."""
    n, c = g.shape[:2]
    size = int(np.prod(space))
    flat = np.zeros(n * c * size, g.dtype)
    base = (np.arange(n * c) * size).reshape(n, c, *[1] * (index.ndim - 2))
    np.add.at(flat, (index + base).reshape(-1), g.reshape(-1))
    return flat.reshape(n, c, *space)


def unpool(g, index, space):
    """Zeros (N, C, *space) with g added at the flat positions `index`."""
    return _scatter(g, getattr(index, "_a", index), tuple(space))


def pool_take(x, index):
    """x's values at flat positions of its space: (N, C, *space), (N, C, *out) to (N, C, *out)."""
    index = getattr(index, "_a", index)
    n, c = x.shape[:2]
    return np.take_along_axis(x.reshape(n, c, -1), index.reshape(n, c, -1), 2).reshape(index.shape)


def window_sum(x, kernel, stride, padding, out):
    """The sum of each window, zeros standing outside x."""
    if x.dtype.num >= 256 or x.dtype.char == "e":
        return window_sum(x.astype(np.float32), kernel, stride, padding, out).astype(x.dtype)
    y = np.empty(x.shape[:2] + tuple(out), x.dtype)
    ones = (1,) * len(kernel)
    reach = _reach(kernel, stride, ones, out)

    def part(s, e):
        _passes(np.add, _framed(x[s:e], padding, reach, 0), kernel, stride, ones, out, y[s:e])

    if y.size:
        _chunked(part, x, y[0].size)
    return y


def window_spread(g, kernel, stride, padding, space):
    """The adjoint of `window_sum`: each window's value added to all the places of (N, C, *space) that it sees."""
    if g.dtype.num >= 256 or g.dtype.char == "e":
        return window_spread(g.astype(np.float32), kernel, stride, padding, space).astype(g.dtype)
    space, out = tuple(space), g.shape[2:]
    x = np.empty(g.shape[:2] + space, g.dtype)
    if not g.size:
        x[...] = 0
        return x
    reach = _reach(kernel, stride, (1,) * len(kernel), out)
    full = tuple(max(r, n + p) for r, n, p in zip(reach, space, padding))

    def part(s, e):
        part_g, done = g[s:e], False
        for a in reversed(range(len(kernel))):  # whole lines last
            if kernel[a] == 1 and stride[a] == 1 and full[a] == out[a]:
                continue
            shape = part_g.shape[: 2 + a] + (full[a],) + part_g.shape[3 + a :]
            lead = (slice(None),) * (2 + a)
            last = a == 0 and full == space
            tiled = kernel[a] == stride[a] and reach[a] == full[a]
            done = last
            wide = x[s:e] if last else np.empty(shape, g.dtype)
            if not tiled:
                wide[...] = 0
            for i in range(kernel[a]):
                at = (*lead, slice(i, i + (out[a] - 1) * stride[a] + 1, stride[a]))
                if tiled:
                    wide[at] = part_g
                else:
                    wide[at] += part_g
            part_g = wide
        if not done:
            x[s:e] = part_g[inner(space, padding)]

    _chunked(part, x, g[0].size)
    return x
