"""Sampling an image at the places of a grid, and the grid of an affine map."""

from __future__ import annotations

import numpy as np

from ... import dtypes
from ...errors.teaching import NotImplementedError, RuntimeError, ValueError
from ...ops.precision import float32
from ...tensor import wrap
from ._sizes import tensor

__all__ = ["affine_grid", "grid_sample"]

_A = -0.75  # Keys' cubic kernel, as in interpolate


def _line(n, d, align):
    """The places of n pixels in [-1, 1]: the pixels' centres, or with `align` the ends included."""
    from ...ops.ranges import linspace

    x = linspace(-1, 1, n, dtype=dtypes.from_np(d))._a
    x = x if n > 1 else np.zeros(1, d)
    # In the steps of PyTorch, rounded as there: at pixels' centres the last bit says between which pixels a place lies.
    return x if align else x * d.type(n - 1) / d.type(n)


def affine_grid(theta, size, align_corners=None):
    r"""The places θ·(x, y, 1) for each output pixel: θ (N, 2, 3), size (N, C, H, W) to (N, H, W, 2); 3-D: (N, 3, 4) to (N, D, H, W, 3).

    Places run over [-1, 1]: with `align_corners` from centre to centre of the outer pixels, otherwise from edge to edge.
    RuntimeError or ValueError where shapes don't fit (Jaderberg et al., "Spatial transformer networks", 2015).

    >>> import lightwell as torch
    >>> theta = torch.tensor([[[1., 0., 0.], [0., 1., 0.]]])
    >>> torch.nn.functional.affine_grid(theta, (1, 1, 1, 2), align_corners=False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    tensor("affine_grid", "theta", 1, theta)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    size = tuple(int(s) for s in size)
    n = len(size) - 2
    if n not in (2, 3):
        raise NotImplementedError(f"affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms. Got size {list(size)}.")
    if theta._a.ndim != 3 or theta._a.shape[1:] != (n, n + 1):
        raise ValueError(f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {list(size)}. Got {list(theta.shape)}.")
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {list(size)}")
    space, d = size[2:], theta._a.dtype
    lines = np.meshgrid(*[_line(m, d, bool(align_corners)) for m in space], indexing="ij")
    base = np.stack((*reversed(lines), np.ones(space, d)), -1).reshape(1, -1, n + 1)
    return wrap(base).matmul(theta.transpose(1, 2)).reshape(size[0], *space, n)


def _placed(x, n, align):
    """Places in [-1, 1] as pixel numbers."""
    return (x + 1) * ((n - 1) / 2) if align else ((x + 1) * n - 1) / 2


def _folded(x, low, high):
    """Places mirrored at `low` and `high` (twice the real numbers, so that they are whole)."""
    if low == high:
        return x * 0
    low, span = low / 2, (high - low) / 2
    a = (x - low).abs()
    turns = np.floor(a._a / span)
    rest = a - wrap((turns * span).astype(a._a.dtype))
    even = wrap(turns % 2 == 0)
    return rest.where(even, span - rest) + low


def _kept(x, n, mode, align):
    """Places moved inside as `padding_mode` says."""
    if mode == "reflection":
        x = _folded(x, 0, 2 * (n - 1)) if align else _folded(x, -1, 2 * n - 1)
    return x if mode == "zeros" else x.clamp(0, n - 1)


def _values(input, places, inside):
    """input (N, C, *space) at whole places (one array a dimension), 0 where not inside: (N, C, *out)."""
    space = input._a.shape[2:]
    flat = 0
    for at, n in zip(places, space):
        flat = flat * n + np.clip(at, 0, n - 1)
    count, channels = input._a.shape[:2]
    index = np.broadcast_to(flat.reshape(count, 1, -1), (count, channels, flat[0].size))
    found = input.reshape(count, channels, -1).gather(2, wrap(np.ascontiguousarray(index)))
    found = found.reshape(count, channels, *flat.shape[1:])
    return found if inside is None or inside.all() else found * wrap(inside[:, None].astype(input._a.dtype))


def _whole(a):
    """Real places as integers; those that are no numbers, or beyond any image, lie outside."""
    return np.nan_to_num(a, nan=-1e9, posinf=1e9, neginf=-1e9).clip(-1e9, 1e9).astype(np.int64)


def _within(places, space):
    inside = None
    for at, n in zip(places, space):
        here = (at >= 0) & (at < n)
        inside = here if inside is None else inside & here
    return inside


def _cubic_weights(t):
    """The four weights of neighbours at distances 1+t, t, 1-t, 2-t."""

    def near(x):
        return ((_A + 2) * x - (_A + 3)) * x * x + 1

    def far(x):
        return ((_A * x - 5 * _A) * x + 8 * _A) * x - 4 * _A

    return far(t + 1), near(t), near(1 - t), far(2 - t)


@float32
def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    r"""`input` (N, C, H, W) at the places `grid` (N, H', W', 2), (x, y) in [-1, 1]: (N, C, H', W'); in 3-D grid (N, D', H', W', 3).

    mode "bilinear", "nearest" or "bicubic" (2-D); `padding_mode` "zeros", "border" or "reflection" for places outside;
    `align_corners` puts ±1 at the centres of the outer pixels instead of their edges. ValueError for another mode,
    RuntimeError where shapes don't fit (Jaderberg et al., "Spatial transformer networks", 2015).

    >>> import lightwell as torch
    >>> x = torch.tensor([[[[1., 2.], [3., 4.]]]])
    >>> torch.nn.functional.grid_sample(x, torch.zeros(1, 1, 1, 2), align_corners=False)
    tensor([[[[2.5000]]]])
    """
    tensor("grid_sample", "input", 1, input)
    tensor("grid_sample", "grid", 2, grid)
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            f"nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: '{padding_mode}'"
        )
    shape, gshape = input._a.shape, grid._a.shape
    n = len(shape) - 2
    if n not in (2, 3) or len(gshape) != len(shape):
        raise RuntimeError(
            f"grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with sizes {list(shape)} "
            f"and grid with sizes {list(gshape)}"
        )
    if shape[0] != gshape[0] or gshape[-1] != n:
        raise RuntimeError(
            f"grid_sampler(): expected input and grid to have same batch size and grid {n} numbers in its last dimension, but got input "
            f"with sizes {list(shape)} and grid with sizes {list(gshape)}"
        )
    if 0 in shape[2:]:
        raise RuntimeError(f"grid_sampler(): expected input to have non-empty spatial dimensions, but got sizes {list(shape)}")
    if mode == "bicubic" and n == 3:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    align, space = bool(align_corners), shape[2:]
    at = [_placed(grid.select(-1, n - 1 - i), m, align) for i, m in enumerate(space)]  # the grid names x before y
    zeros = padding_mode == "zeros"
    if mode == "nearest":
        places = [_whole(np.rint(_kept(x, m, padding_mode, align)._a)) for x, m in zip(at, space)]
        return _values(input, places, _within(places, space) if zeros else None)
    if mode == "bicubic":
        low = [np.floor(v._a) for v in at]
        ty, tx = (v - wrap(f) for v, f in zip(at, low))
        total = None
        for i, wy in enumerate(_cubic_weights(ty)):
            for j, wx in enumerate(_cubic_weights(tx)):
                raw = [wrap(f + k - 1) for f, k in zip(low, (i, j))]
                places = [_whole(np.rint(_kept(v, m, padding_mode, align)._a)) for v, m in zip(raw, space)]
                found = _values(input, places, _within(places, space) if zeros else None)
                found = found * (wy * wx).unsqueeze(1)
                total = found if total is None else total + found
        return total
    at = [_kept(x, m, padding_mode, align) for x, m in zip(at, space)]
    low = [np.floor(x._a) for x in at]
    parts = [x - wrap(f) for x, f in zip(at, low)]
    total = None
    for corner in np.ndindex(*(2,) * n):
        places = [_whole(f) + k for f, k in zip(low, corner)]
        weight = None
        for t, k in zip(parts, corner):
            w = t if k else 1 - t
            weight = w if weight is None else weight * w
        found = _values(input, places, _within(places, space)) * weight.unsqueeze(1)
        total = found if total is None else total + found
    return total
