"""Channels to pixels and back, and channels exchanged between groups: rearrangements of one tensor's elements."""

from __future__ import annotations

from ...errors.teaching import RuntimeError
from ._sizes import tensor

__all__ = ["channel_shuffle", "native_channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]


def pixel_shuffle(input, upscale_factor):
    r"""r² channels become an r×r block of pixels: (*, C·r², H, W) to (*, C, H·r, W·r), y[c, hr+i, wr+j] = x[cr²+ir+j, h, w].

    RuntimeError where r² does not divide the channels, or r is not positive (Shi et al., "Real-time single image and video
    super-resolution using an efficient sub-pixel convolutional neural network", 2016).

    >>> import lightwell as torch
    >>> torch.nn.functional.pixel_shuffle(torch.arange(4.).reshape(4, 1, 1), 2)
    tensor([[[0., 1.],
             [2., 3.]]])
    """
    tensor("pixel_shuffle", "input", 1, input)
    r = upscale_factor
    if input._a.ndim < 3:
        raise RuntimeError(f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input._a.ndim} dimension(s)")
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = input._a.shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
            f"input.size(-3)={c} is not divisible by {r * r}"
        )
    d = len(lead)
    parts = input.reshape(*lead, c // (r * r), r, r, h, w)
    return parts.permute(*range(d), d, d + 3, d + 1, d + 4, d + 2).reshape(*lead, c // (r * r), h * r, w * r)


def pixel_unshuffle(input, downscale_factor):
    r"""Each r×r block of pixels becomes r² channels: (*, C, H·r, W·r) to (*, C·r², H, W); undoes pixel_shuffle.

    RuntimeError where r does not divide height and width, or is not positive.

    >>> import lightwell as torch
    >>> torch.nn.functional.pixel_unshuffle(torch.arange(4.).reshape(1, 2, 2), 2).flatten()
    tensor([0., 1., 2., 3.])
    """
    tensor("pixel_unshuffle", "input", 1, input)
    r = downscale_factor
    if input._a.ndim < 3:
        raise RuntimeError(f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {input._a.ndim} dimension(s)")
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = input._a.shape
    for name, size, at in (("height", h, -2), ("width", w, -1)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({at})={size} is not divisible by {r}"
            )
    d = len(lead)
    parts = input.reshape(*lead, c, h // r, r, w // r, r)
    return parts.permute(*range(d), d, d + 2, d + 4, d + 1, d + 3).reshape(*lead, c * r * r, h // r, w // r)


def channel_shuffle(input, groups):
    r"""Channels dealt out over the groups: (N, g·C', *) with channel i·C'+j moved to j·g+i (Zhang et al., "ShuffleNet", 2018).

    RuntimeError where `groups` does not divide the channels.

    >>> import lightwell as torch
    >>> torch.nn.functional.channel_shuffle(torch.arange(4.).reshape(1, 4, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    tensor("channel_shuffle", "input", 1, input)
    if input._a.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    n, c, *space = input._a.shape
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if c % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups.")
    return input.reshape(n, groups, c // groups, *space).transpose(1, 2).reshape(n, c, *space)


native_channel_shuffle = channel_shuffle
