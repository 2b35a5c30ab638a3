"""Convolution of arrays: its value, its adjoint and its weight's gradient, packed in pieces that stay in the cache.

A convolution is a matrix product of the weight with the windows of x laid out as columns. Laying out all of them costs
k₁·k₂·… times x's memory, so the batch is taken in chunks whose columns fit the cache, on several threads; only the
windows along the trailing dimensions are laid out, while the first dimension's taps are slices of the same columns
(where its stride is 1), whose products are added up. "High performance convolutional neural networks for document
processing" (Chellapilla, Puri, Simard, 2006) describes the full layout.
"""

import math
import threading

import numpy as np

from . import threads
from .blas import one_thread
from .windows import inner, outputs, padded, unwindow, windows

CHUNK = 600_000  # bytes of columns made at a time: with the product they fit a core's second-level cache
SPREAD_CHUNK = 1_200_000  # the same for columns that are added up into x, which is larger than the product
MERGED_CHUNK = 4_000_000  # where whole chunks go through one product, the weight is read once for each
MERGED = 64  # windows per sample below which the samples of a chunk share one product
SPLIT = 200_000  # multiplications below which a second thread costs more than it brings


def convolve(x, w, b, stride, padding, dilation, groups):
    """y[n, o] = b[o] + Σ_c w[o, c] ⋆ x[n, c]: (N, C, *space), (O, C/groups, *kernel) to (N, O, *out)."""
    if _half(x):
        wide = convolve(_wide(x), _wide(w), None if b is None else _wide(b), stride, padding, dilation, groups)
        return wide.astype(x.dtype)
    n, o, kernel = len(x), len(w), w.shape[2:]
    out = outputs(x.shape[2:], kernel, stride, padding, dilation)
    y = np.empty((n, o, *out), np.result_type(x, w))
    if not y.size or not w.size:
        y[...] = 0 if b is None else b.reshape(-1, *[1] * len(out))
        return y
    area = math.prod(out)
    plan = _Columns(x, kernel, stride, padding, dilation, groups, out, loops=o <= 2 * w[0].size // kernel[0])
    weight = plan.weight(w)
    bias = None if b is None else b.reshape(groups, -1, 1)
    first, row = weight[0], 0
    if bias is not None and plan.copies and groups == 1 and not plan.merged:  # a row of ones brings the bias along
        first, row, bias = np.concatenate((first, bias), 2), 1, None

    def part(start, stop):
        cols = plan.buffers(stop - start, row)
        more = None
        for s in range(start, stop, plan.chunk):
            e = min(s + plan.chunk, stop)
            pieces = cols(s, e)
            if plan.merged:
                made = np.matmul(first, pieces[0]).reshape(groups, -1, e - s, area)
                if bias is not None:
                    made += bias[:, :, None]
                y[s:e].reshape(e - s, groups, -1, area)[...] = made.transpose(2, 0, 1, 3)
                continue
            part_y = y[s:e].reshape(e - s, groups, -1, area)
            np.matmul(first, pieces[0], out=part_y)
            for i in range(1, len(pieces)):
                if more is None:
                    more = np.empty_like(part_y)
                part_y += np.matmul(weight[i], pieces[i], out=more[: e - s])
            if bias is not None:
                part_y += bias

    _share(part, n, y.size * w[0].size)
    return y


def convolve_weight(x, g, kernel, stride, padding, dilation, groups):
    """The weight's gradient, v[o, c, k] = Σ_{n, p} g[n, o, p]·x[n, c, p·stride + k·dilation - padding]."""
    if _half(x):
        return convolve_weight(_wide(x), _wide(g), kernel, stride, padding, dilation, groups).astype(x.dtype)
    n, o, out = len(x), g.shape[1], g.shape[2:]
    shape = (o, x.shape[1] // groups, *kernel)
    if not g.size or not x.size:
        return np.zeros(shape, np.result_type(x, g))
    plan = _Columns(x, kernel, stride, padding, dilation, groups, out, loops=True)
    area = math.prod(out)
    sums, lock = [], threading.Lock()

    def part(start, stop):
        cols = plan.buffers(stop - start)
        total = None
        for s in range(start, stop, plan.chunk):
            e = min(s + plan.chunk, stop)
            grad = g[s:e].reshape(e - s, groups, -1, area)
            if plan.merged:
                grad = grad.transpose(1, 2, 0, 3).reshape(groups, -1, (e - s) * area)
                found = [np.matmul(grad, f.swapaxes(-1, -2)) for f in cols(s, e)]
            else:
                found = [np.add.reduce(np.matmul(grad, f.swapaxes(-1, -2)), 0) for f in cols(s, e)]
            if total is None:
                total = found
            else:
                for had, new in zip(total, found):
                    had += new
        with lock:
            sums.append((start, total))

    _share(part, n, g.size * math.prod(shape[1:]))
    sums.sort(key=lambda pair: pair[0])  # the same order of adding in every run
    total = sums[0][1]
    for _, more in sums[1:]:
        for had, new in zip(total, more):
            had += new
    if len(total) == 1:
        return total[0].reshape(shape)
    v = np.stack(total).reshape(kernel[0], o, shape[1], *kernel[1:])
    return np.ascontiguousarray(np.moveaxis(v, 0, 2))


def convolve_adjoint(g, w, b, space, stride, padding, dilation, groups):
    """The transpose of x ↦ convolve(x, w): (N, O, *out), (O, C/groups, *kernel) to (N, C, *space), plus b[c]."""
    if _half(g):
        wide = convolve_adjoint(_wide(g), _wide(w), None if b is None else _wide(b), space, stride, padding, dilation, groups)
        return wide.astype(g.dtype)
    n, kernel, space = len(g), w.shape[2:], tuple(space)
    c = w.shape[1] * groups
    x = np.empty((n, c, *space), np.result_type(g, w))
    if not x.size:
        return x
    if not g.size or not w.size:
        x[...] = 0
    else:
        area = math.prod(g.shape[2:])
        full = tuple(m + 2 * p for m, p in zip(space, padding))
        if len(space) == 2 and stride == (1, 1) and area >= MERGED and n * area * kernel[0] * kernel[1] > 20_000:
            part = _adjoint_rows(g, w, x, full, padding, dilation, groups)
        else:
            part = _adjoint_columns(g, w, x, full, stride, padding, dilation, groups)
        _share(part, n, g.size * w[0].size)
    if b is not None:
        x += b.reshape(-1, *[1] * len(space))
    return x


def _adjoint_columns(g, w, x, full, stride, padding, dilation, groups):
    """Any geometry: all columns by one product, then added up where their windows lie."""
    kernel, out = w.shape[2:], g.shape[2:]
    area, rows = math.prod(out), w[0].size * groups
    weight = np.ascontiguousarray(w.reshape(groups, -1, w[0].size).swapaxes(-1, -2))
    merged = area < MERGED
    chunk = max(1, (MERGED_CHUNK if merged else SPREAD_CHUNK) // (rows * area * x.itemsize))
    direct = math.prod(kernel) == 1 and set(stride) == {1} and not any(padding)
    k = len(kernel)

    def part(start, stop):
        for s in range(start, stop, chunk):
            e = min(s + chunk, stop)
            grad = g[s:e].reshape(e - s, groups, -1, area)
            if merged:
                cols = np.matmul(weight, grad.transpose(1, 2, 0, 3).reshape(groups, -1, (e - s) * area))
                cols = cols.reshape(-1, *kernel, e - s, *out)
                order = (k + 1, 0, *range(k + 2, 2 * k + 2), *range(1, k + 1))
            elif direct:
                np.matmul(weight, grad, out=x[s:e].reshape(e - s, groups, -1, area))
                continue
            else:
                cols = np.matmul(weight, grad).reshape(e - s, -1, *kernel, *out)
                order = (0, 1, *range(k + 2, 2 * k + 2), *range(2, k + 2))
            x[s:e] = unwindow(cols.transpose(order), full, stride, dilation)[inner(x.shape[2:], padding)]

    return part


def _adjoint_rows(g, w, x, full, padding, dilation, groups):
    """Two dimensions, stride 1: the columns' taps packed as shifts of flat rows, the first dimension's added at the end.

    g's rows, padded with zeros to the width of x, form one long row in which a tap along the width is a shift; so
    packing copies long runs, and the product gives for each tap along the height a slice to add into x.
    """
    (k1, k2), (d1, d2), (h, _), (_, wide) = w.shape[2:], dilation, g.shape[2:], full
    o, c = w.shape[:2]
    o //= groups
    length, tail = h * wide, d2 * (k2 - 1)
    # rows (tap along the height, channel), columns (output channel, tap along the width)
    weight = np.ascontiguousarray(w.reshape(groups, o, c, k1, k2).transpose(3, 0, 2, 1, 4)).reshape(k1, groups, c, o * k2)
    chunk = max(1, CHUNK // (groups * o * k2 * length * x.itemsize))
    crop = inner(x.shape[2:], padding)

    def part(start, stop):
        m = min(chunk, stop - start)
        flat = np.zeros((m, groups * o, tail + length), x.dtype)
        packed = np.empty((m, groups, o * k2, length), x.dtype)
        made = np.empty((m, groups, c, length), x.dtype)
        whole = np.empty((m, groups, c, full[0] * wide), x.dtype) if any(padding) else None
        for s in range(start, stop, m):
            e = min(s + m, stop)
            q = e - s
            flat[:q, :, tail:].reshape(q, -1, h, wide)[..., : g.shape[3]] = g[s:e]
            for j in range(k2):
                packed[:q].reshape(q, groups * o, k2, length)[:, :, j] = flat[:q, :, tail - j * d2 : tail - j * d2 + length]
            into = x[s:e].reshape(q, groups, c, -1) if whole is None else whole[:q]
            into[..., length:] = 0
            for i in range(k1):
                np.matmul(weight[i], packed[:q], out=made[:q])
                at = i * d1 * wide
                if i:
                    into[..., at : at + length] += made[:q]
                else:
                    into[..., :length] = made[:q]
            if whole is not None:
                x[s:e] = into.reshape(q, -1, *full)[crop]

    return part


class _Columns:
    """How x's windows become matrices (N, groups, K, windows): one per tap of the first dimension, or one for all."""

    def __init__(self, x, kernel, stride, padding, dilation, groups, out, loops):
        self.x, self.kernel, self.stride, self.padding, self.dilation = x, kernel, stride, padding, dilation
        self.groups, self.out, self.area = groups, out, math.prod(out)
        self.full = tuple(m + 2 * p for m, p in zip(x.shape[2:], padding))
        self.merged = self.area < MERGED and len(x) > 1
        self.loop = loops and not self.merged and stride[0] == 1 and kernel[0] > 1
        if self.loop:
            self.taken = (1, *kernel[1:])
            self.lines = (self.full[0], *out[1:])
        else:
            self.taken, self.lines = kernel, out
        self.copies = self.merged or math.prod(self.taken) > 1 or self.lines != self.full
        rows = x.shape[1] * math.prod(self.taken) * math.prod(self.lines) * x.itemsize
        self.chunk = max(1, (MERGED_CHUNK if self.merged else CHUNK) // max(rows, 1))

    def weight(self, w):
        """The weight as matrices that go with the pieces: (pieces, groups, O/groups, K)."""
        grouped = w.reshape(self.groups, -1, *w.shape[1:])
        if self.loop:
            k = self.kernel[0]
            return np.ascontiguousarray(np.moveaxis(grouped, 3, 0)).reshape(k, self.groups, grouped.shape[1], -1)
        return grouped.reshape(1, self.groups, grouped.shape[1], -1)

    def buffers(self, n, ones=0):
        """A function that packs samples [s, e) into memory of its own and returns the pieces, the first with `ones` rows of 1."""
        x, c, k, m = self.x, self.x.shape[1], len(self.kernel), min(self.chunk, n)
        pad = np.zeros((m, c, *self.full), x.dtype) if any(self.padding) else None
        stride = (1, *self.stride[1:]) if self.loop else self.stride
        if self.merged:
            cols, order = np.empty((c, *self.taken, m, *self.lines), x.dtype), (1, *range(k + 2, 2 * k + 2), 0, *range(2, k + 2))
        else:
            rows, wide = c * math.prod(self.taken), math.prod(self.lines)
            whole = np.empty((m, rows + ones, wide), x.dtype) if self.copies else None
            if self.copies:
                whole[:, rows:] = 1
                cols = whole[:, :rows].reshape(m, c, *self.taken, *self.lines)
            order = (0, 1, *range(k + 2, 2 * k + 2), *range(2, k + 2))
        rest = math.prod(self.out[1:])
        reach, step = self.area, self.dilation[0] * rest

        def pack(s, e):
            part = padded(x[s:e], self.padding, buffer=pad)
            if self.copies:
                seen = windows(part, self.taken, stride, self.dilation).transpose(order)
                if self.merged:
                    flat = cols if e - s == m else np.empty(seen.shape, x.dtype)
                    np.copyto(flat, seen)
                    return [flat.reshape(self.groups, -1, (e - s) * self.area)]
                np.copyto(cols[: e - s], seen)
                part = whole[: e - s]
            lines = part.reshape(e - s, self.groups, -1, math.prod(self.lines))
            if not self.loop:
                return [lines]
            full = lines.shape[2] - ones
            return [lines[:, :, : full + (not i) * ones, i * step : i * step + reach] for i in range(self.kernel[0])]

        return pack


def _half(x) -> bool:
    return x.dtype.char == "e" or x.dtype.num >= 256


def _wide(x):
    return x.astype(np.float32)


# ---- threads --------------------------------------------------------------------------------------------------------


def _share(part, n, work):
    """part(start, stop) over n samples: on all threads where the work is worth it, each with a BLAS of one thread."""
    if n < 2 or work < SPLIT or threads.get_num_threads() == 1:
        part(0, n)
        return
    with one_thread():
        threads.parallel_rows(part, n)
