"""Pooling to a size that is asked for: windows that cover the input evenly, or by irregular (fractional) steps."""

from __future__ import annotations

import numpy as np

from ...errors import opaque
from ...errors.teaching import RuntimeError, ValueError
from ...ops import pool as P
from ...ops.op import readable
from ...tensor import wrap
from ._sizes import batched, sizes
from .pooling import with_indices

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices", "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices",
    "fractional_max_pool2d", "fractional_max_pool2d_with_indices", "fractional_max_pool3d", "fractional_max_pool3d_with_indices",
]  # fmt: skip


def _adaptive_size(op, value, space):
    """The output's size, None meaning the input's own."""
    n = len(space)
    value = (value,) * n if value is None or isinstance(value, int) else tuple(value)
    if len(value) == 1:
        value *= n
    if len(value) != n:
        raise RuntimeError(f"{op}(): output_size must be {n} ints, but got {list(value)}")
    value = tuple(s if v is None else int(v) for v, s in zip(value, space))
    if any(v < 0 for v in value):
        raise RuntimeError(f"{op}(): elements of output_size must be greater than or equal to 0, but got {list(value)}")
    if 0 in space:
        raise RuntimeError(f"{op}(): Expected input to have non-zero size for non-batch dimensions, but got {list(space)}")
    return value


def _bounds(n, out):
    """The windows of an adaptive pool: from ⌊o·n/out⌋ up to ⌈(o+1)·n/out⌉."""
    o = np.arange(out)
    return o * n // out, -(-(o + 1) * n // out)


def _adaptive_avg_pool(op, n, input, output_size):
    input, single = batched(op, input, n)
    space = input._a.shape[2:]
    out = _adaptive_size(op, output_size, space)
    if set(out) == {1}:
        y = input.mean(tuple(range(2, n + 2)), keepdim=True)
        return y.squeeze(0) if single else y
    if n == 1:
        input, space, out = input.unsqueeze(-2), (1, *space), (1, *out)
    plans = tuple((2 + a, m, _bounds(m, o), None) for a, (m, o) in enumerate(zip(space, out)) if m != o)
    y = P.RESAMPLING["adaptive_avg_pool3d" if n == 3 else "adaptive_avg_pool2d"](input, plans)
    if n == 1:
        y = y.squeeze(-2)
    return y.squeeze(0) if single else y


def adaptive_avg_pool1d(input, output_size):
    r"""Averages over `output_size` windows that cover L evenly, [⌊oL/L'⌋, ⌈(o+1)L/L'⌉): (N, C, L) to (N, C, L').

    >>> import lightwell as torch
    >>> torch.nn.functional.adaptive_avg_pool1d(torch.tensor([[1., 2., 3., 4., 5.]]), 2)
    tensor([[2., 4.]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input, output_size):
    r"""Averages over windows that cover the input evenly: (N, C, H, W) to (N, C, *output_size); None keeps a size. See adaptive_avg_pool1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.adaptive_avg_pool2d(torch.arange(16.).reshape(1, 4, 4), (1, 2))
    tensor([[[6.5000, 8.5000]]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input, output_size):
    r"""Averages over windows that cover the input evenly: (N, C, D, H, W) to (N, C, *output_size). See adaptive_avg_pool1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.adaptive_avg_pool3d(torch.ones(1, 2, 5, 5, 5), 2).shape
    torch.Size([1, 2, 2, 2, 2])
    """
    return _adaptive_avg_pool("adaptive_avg_pool3d", 3, input, output_size)


def _places(a, starts, size):
    """For windows with corners `starts` (arrays, one per dimension) and own sizes: the flat place of each maximum."""
    out = tuple(len(s) for s in starts)
    space = a.shape[2:]
    index = np.empty((*a.shape[:2], *out), np.int64)
    for o in np.ndindex(*out):
        low = [s[i] for s, i in zip(starts, o)]
        box = a[(..., *[slice(b, b + k[i]) for b, k, i in zip(low, size, o)])]
        rows = box.reshape(*a.shape[:2], -1)
        where = rows.argmax(-1)
        if a.dtype.kind == "f" and np.isnan(rows).any():  # the last NaN wins, as in PyTorch
            nan = np.isnan(rows)
            where = np.where(nan.any(-1), rows.shape[-1] - 1 - nan[..., ::-1].argmax(-1), where)
        inside = np.unravel_index(where, box.shape[2:])
        flat = 0
        for b, i, m in zip(low, inside, space):
            flat = flat * m + b + i
        index[(..., *o)] = flat
    return index


def _adaptive_max_pool(op, n, input, output_size, return_indices):
    input, single = batched(op, input, n)
    space = input._a.shape[2:]
    out = _adaptive_size(op, output_size, space)
    bounds = [_bounds(m, o) for m, o in zip(space, out)]
    a = input._a.astype(np.float32) if input._a.dtype.num >= 256 else input._a
    index = wrap(opaque(_places, a, [s for s, _ in bounds], [e - s for s, e in bounds]))
    if n == 1:
        y = P.TAKES["adaptive_max_pool2d"](input.unsqueeze(-2), index.unsqueeze(-2)).squeeze(-2)
    else:
        y = P.TAKES[f"adaptive_max_pool{n}d"](input, index)
    if single:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


@readable
def adaptive_max_pool1d(input, output_size, return_indices=False):
    r"""The largest values of `output_size` windows that cover L evenly: (N, C, L) to (N, C, L'). See adaptive_avg_pool1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.adaptive_max_pool1d(torch.tensor([[1., 2., 3., 4., 5.]]), 2)
    tensor([[3., 5.]])
    """
    return _adaptive_max_pool("adaptive_max_pool1d", 1, input, output_size, return_indices)


@readable
def adaptive_max_pool2d(input, output_size, return_indices=False):
    r"""The largest values of windows that cover the input evenly: (N, C, H, W) to (N, C, *output_size). See adaptive_avg_pool1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.adaptive_max_pool2d(torch.arange(16.).reshape(1, 4, 4), (1, 2))
    tensor([[[13., 15.]]])
    """
    return _adaptive_max_pool("adaptive_max_pool2d", 2, input, output_size, return_indices)


@readable
def adaptive_max_pool3d(input, output_size, return_indices=False):
    r"""The largest values of windows that cover the input evenly: (N, C, D, H, W) to (N, C, *output_size).

    >>> import lightwell as torch
    >>> torch.nn.functional.adaptive_max_pool3d(torch.ones(1, 2, 5, 5, 5), 2).shape
    torch.Size([1, 2, 2, 2, 2])
    """
    return _adaptive_max_pool("adaptive_max_pool3d", 3, input, output_size, return_indices)


adaptive_max_pool1d_with_indices = with_indices(adaptive_max_pool1d)
adaptive_max_pool2d_with_indices = with_indices(adaptive_max_pool2d)
adaptive_max_pool3d_with_indices = with_indices(adaptive_max_pool3d)


def _fractional(op, n, input, kernel, output_size, output_ratio, return_indices, samples):
    """Maxima over windows whose starts step by irregular amounts (Graham, "Fractional max-pooling", 2014)."""
    if (output_size is None) == (output_ratio is None):
        raise ValueError(f"{op} requires specifying either an output_size or an output_ratio, and only one of them")
    input, single = batched(op, input, n)
    space, kernel = input._a.shape[2:], sizes(op, "kernel_size", kernel, n)
    if output_size is None:
        ratio = (output_ratio,) * n if isinstance(output_ratio, (int, float)) else tuple(output_ratio)
        output_size = tuple(int(m * r) for m, r in zip(space, ratio))
    out = sizes(op, "output_size", output_size, n)
    for m, k, o in zip(space, kernel, out):
        if o + k - 1 > m:
            raise RuntimeError(f"{op}(): pool size ({k}) too large relative to input size ({m}) for output size {o}")
    count, channels = input._a.shape[:2]
    if samples is None:
        from ...ops.creation import empty

        samples = empty(count, channels, n, dtype=input.dtype).uniform_()
    index = wrap(opaque(_fractional_places, input._a, samples._a, space, kernel, out))
    y = P.TAKES[f"fractional_max_pool{n}d"](input, index)
    if single:
        y, index = y.squeeze(0), index.squeeze(0)
    return (y, index) if return_indices else y


def _fractional_places(a, u, space, kernel, out):
    """The flat place of the maximum of each window; u are the random shifts."""
    count, channels, n = *a.shape[:2], len(space)
    index = np.empty((count, channels, *out), np.int64)
    for i in range(count):
        for c in range(channels):
            starts = []
            for d in range(n):  # in two dimensions the width comes first, as in PyTorch
                m, k, o, r = space[d], kernel[d], out[d], u[i, c, d if n == 3 else 1 - d]
                alpha = u.dtype.type((m - k) / (o - 1)) if o > 1 else 0
                steps = ((np.arange(o, dtype=u.dtype) + r) * alpha).astype(np.int64) - int(r * alpha)
                steps[-1] = m - k
                starts.append(steps)
            index[i, c] = _places(a[i : i + 1, c : c + 1], starts, [np.full(o, k) for o, k in zip(out, kernel)])[0, 0]
    return index


@readable
def fractional_max_pool2d(input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None):
    r"""Maxima over windows whose starts step by random amounts: (N, C, H, W) to (N, C, *output_size).

    With u drawn from [0, 1) for each channel and dimension and α = (n - k)/(n' - 1), window o starts at ⌊α(o + u)⌋ - ⌊αu⌋,
    the last at n - k (Graham, "Fractional max-pooling", 2014). Give `output_size` or `output_ratio`, otherwise ValueError.

    >>> import lightwell as torch
    >>> torch.nn.functional.fractional_max_pool2d(torch.ones(1, 2, 9, 9), 3, output_size=(4, 5)).shape
    torch.Size([1, 2, 4, 5])
    """
    return _fractional("fractional_max_pool2d", 2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


@readable
def fractional_max_pool3d(input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None):
    r"""Maxima over windows whose starts step by random amounts: (N, C, D, H, W) to (N, C, *output_size). See fractional_max_pool2d.

    >>> import lightwell as torch
    >>> torch.nn.functional.fractional_max_pool3d(torch.ones(1, 2, 6, 6, 6), 2, output_ratio=0.5).shape
    torch.Size([1, 2, 3, 3, 3])
    """
    return _fractional("fractional_max_pool3d", 3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


fractional_max_pool2d_with_indices = with_indices(fractional_max_pool2d)
fractional_max_pool3d_with_indices = with_indices(fractional_max_pool3d)
