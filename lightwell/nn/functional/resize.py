"""Resizing images: interpolation in one, two and three dimensions by separable gathers with weights."""

from __future__ import annotations

import functools
import math
import warnings

import numpy as np

from ...errors.level import users_level
from ...errors.teaching import NotImplementedError, RuntimeError, ValueError
from ...ops.pool import RESAMPLING
from ._sizes import tensor

__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]

_DIMS = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}


def interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None, antialias=False):
    r"""`input` (N, C, *space) resampled to `size`, or to ⌊n·scale_factor⌋ along each spatial dimension.

    Output place o lies at (o + ½)·n/n' - ½ of the input, with `align_corners` at o·(n-1)/(n'-1). mode: "nearest" (⌊o·n/n'⌋),
    "nearest-exact", "linear" (3-D input), "bilinear", "bicubic" (4-D; Keys, 1981, a = -¾), "trilinear" (5-D), "area"
    (adaptive averages). The scale is 1/scale_factor if given, unless `recompute_scale_factor`; `antialias` (bilinear, bicubic)
    widens the filter when shrinking. ValueError for arguments that contradict one another, NotImplementedError for a mode
    and a number of dimensions that don't go together.

    >>> import lightwell as torch
    >>> torch.nn.functional.interpolate(torch.tensor([[[1., 3.]]]), size=4, mode="linear")
    tensor([[[1.0000, 1.5000, 2.5000, 3.0000]]])
    """
    tensor("interpolate", "input", 1, input)
    d = input._a.ndim
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError("align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear")
    elif align_corners is None:
        align_corners = False
    n, space = d - 2, input._a.shape[2:]
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    scales = None
    if size is not None:
        out = tuple(int(s) for s in size) if hasattr(size, "__iter__") else (int(size),) * n
        if len(out) != n:
            raise ValueError(
                f"Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of {list(space)} "
                f"and output size of {size}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format."
            )
        if recompute_scale_factor:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    else:
        scales = tuple(float(s) for s in scale_factor) if hasattr(scale_factor, "__iter__") else (float(scale_factor),) * n
        if len(scales) != n:
            raise ValueError(
                f"Input and scale_factor must have the same number of spatial dimensions, but got input with spatial dimensions of {list(space)} "
                f"and scale_factor of shape {scale_factor}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and scale_factor in "
                "(s1, s2, ...,sK) format."
            )
        out = tuple(math.floor(m * s) for m, s in zip(space, scales))
        if recompute_scale_factor or mode == "area":
            scales = None
    if antialias and not (mode in ("bilinear", "bicubic") and d == 4):
        raise ValueError("Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input")
    if any(o <= 0 for o in out) or 0 in space:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(space)} and output {list(out)} (interpolate())"
        )
    scales = scales or (None,) * n
    if mode in ("nearest", "nearest-exact"):
        if n not in (1, 2, 3):
            raise NotImplementedError(_refusal(d, mode))
        name = f"upsample_nearest{'_exact' if mode == 'nearest-exact' else ''}{n}d"
        make = functools.partial(_nearest, exact=mode == "nearest-exact")
    elif mode == "area":
        from . import adaptive_pooling

        if n not in (1, 2, 3):
            raise NotImplementedError(_refusal(d, mode))
        return getattr(adaptive_pooling, f"adaptive_avg_pool{n}d")(input, out)
    elif mode in _DIMS:
        if d != _DIMS[mode]:
            raise NotImplementedError(_refusal(d, mode))
        name = f"upsample_{mode}{n}d"
        if antialias:
            name += "_aa"
            make = functools.partial(_widened, cubic=mode == "bicubic", align=align_corners)
        else:
            make = functools.partial(_cubic if mode == "bicubic" else _linear, align=align_corners)
    else:
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported (got "
            f"{d}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got {mode})"
        )
    d_np = input._a.dtype
    precise = "d" if d_np.char in "dD" else "f"
    plans = tuple(
        (2 + a, m, *make(m, o, s, precise)) for a, (m, o, s) in enumerate(zip(space, out, scales)) if m != o or s not in (None, 1.0)
    )
    if not plans:
        return RESAMPLING[name](input, ((2, space[0], np.arange(space[0])[None], None),))
    # The last dimension first: the neighbours along a row lie together.
    return RESAMPLING[name](input, plans[::-1])


def _refusal(d, mode) -> str:
    wanted = _DIMS.get(mode)
    return (
        f"Got {d}D input, but {mode} mode needs {wanted}D input" if wanted else f"Got {d}D input, but {mode} mode needs 3D, 4D or 5D input"
    )


def _scale(n, out, scale, align, precise):
    """Input places for one output place."""
    real = np.dtype(precise).type
    if align:
        return real(n - 1) / real(out - 1) if out > 1 else real(0)
    return real(1.0 / scale) if scale else real(n) / real(out)


def _nearest(n, out, scale, precise, exact):
    step = _scale(n, out, scale, False, "f")  # PyTorch takes these places in float32 for every dtype
    o = np.arange(out, dtype=np.float32)
    places = np.floor((o + np.float32(0.5)) * step if exact else o * step).astype(np.int64)
    return np.minimum(places, n - 1)[None], None


def _source(n, out, scale, align, precise):
    """Where the output places lie in the input, as real numbers."""
    step = _scale(n, out, scale, align, precise)
    o = np.arange(out, dtype=precise)
    return o * step if align else (o + o.dtype.type(0.5)) * step - o.dtype.type(0.5)


def _linear(n, out, scale, precise, align):
    at = np.maximum(_source(n, out, scale, align, precise), 0)
    low = np.minimum(at.astype(np.int64), n - 1)
    t = np.clip(at - low, 0, 1).astype(precise)
    return np.stack((low, np.minimum(low + 1, n - 1))), np.stack((1 - t, t))


def _keys(x, a):
    """The cubic convolution kernel at distances x (Keys, 1981)."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _cubic(n, out, scale, precise, align):
    at = _source(n, out, scale, align, precise)
    low = np.floor(at)
    t = at - low
    index = np.clip(low.astype(np.int64) + np.arange(-1, 3)[:, None], 0, n - 1)
    return index, _keys(t - np.arange(-1, 3, dtype=precise)[:, None], -0.75).astype(precise)


def _widened(n, out, scale, precise, cubic, align):
    """The filter widened to the step when shrinking, its weights made to sum to 1."""
    step = float(_scale(n, out, scale, align, precise))
    wide = max(step, 1.0)
    reach = (2.0 if cubic else 1.0) * wide
    centre = step * (np.arange(out) + 0.5)
    first = np.maximum((centre - reach + 0.5).astype(np.int64), 0)
    last = np.minimum((centre + reach + 0.5).astype(np.int64), n)
    width = int((last - first).max())
    index = first + np.arange(width)[:, None]
    x = (index - centre + 0.5) / wide
    weight = _keys(x, -0.5) if cubic else np.maximum(1 - np.abs(x), 0)
    weight = np.where(index < last, weight, 0)
    return np.minimum(index, n - 1), (weight / weight.sum(0)).astype(precise)


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """`interpolate` under its former name.

    >>> import lightwell as torch
    >>> torch.nn.functional.upsample(torch.tensor([[[1., 3.]]]), scale_factor=2)
    tensor([[[1., 1., 3., 3.]]])
    """
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None):
    """`interpolate(mode="nearest")` under its former name; warns.

    >>> import lightwell as torch
    >>> torch.nn.functional.upsample_nearest(torch.ones(1, 1, 2, 2), scale_factor=2).shape  # doctest: +SKIP
    torch.Size([1, 1, 4, 4])
    """
    warnings.warn("`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=users_level())
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input, size=None, scale_factor=None):
    """`interpolate(mode="bilinear", align_corners=True)` under its former name; warns.

    >>> import lightwell as torch
    >>> torch.nn.functional.upsample_bilinear(torch.ones(1, 1, 2, 2), scale_factor=2).shape  # doctest: +SKIP
    torch.Size([1, 1, 4, 4])
    """
    warnings.warn("`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=users_level())
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)
