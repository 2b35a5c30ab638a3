"""Padding: values around a tensor, constant or taken from it."""

from __future__ import annotations

import numpy as np

from ...errors.teaching import NotImplementedError, RuntimeError
from ...ops.pool import RESAMPLING, constant_pad_nd_
from ._sizes import tensor

__all__ = ["pad"]


def pad(input, pad, mode="constant", value=None):
    r"""`input` with places added around it: `pad` = (left, right) of the last dimension, then of the one before it, and so on.

    mode "constant" puts `value` (0) there, in any number of dimensions; "reflect" mirrors the values without repeating the
    edge, "replicate" repeats the edge, "circular" goes on at the other end: these pad the last 1, 2 or 3 dimensions of a
    (batched or unbatched) input. Negative numbers take places away. RuntimeError where the padding doesn't fit.

    >>> import lightwell as torch
    >>> torch.nn.functional.pad(torch.tensor([[1, 2, 3]]), (2, 2), mode="reflect")
    tensor([[3, 2, 1, 2, 3, 2, 1]])
    """
    tensor("pad", "input", 1, input)
    pad = [int(p) for p in pad]
    shape, d = input._a.shape, input._a.ndim
    if len(pad) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2: pad() got {pad}, which should hold a pair for each dimension")
    n = len(pad) // 2
    if n > d:
        raise RuntimeError(
            f"Padding length should be less than or equal to two times the input dimension but got padding length {len(pad)} "
            f"and input of dimension {d}"
        )
    pairs = tuple((pad[2 * i], pad[2 * i + 1]) for i in reversed(range(n)))  # first dimension first
    whole = ((0, 0),) * (d - n) + pairs
    for size, (a, b) in zip(shape, whole):
        if size + a + b < 0 or (mode != "constant" and size + a + b <= 0):
            raise RuntimeError(
                f"pad(): the input size {list(shape)}, plus negative padding {pad}, would result in a negative output size: take less away"
            )
    if mode == "constant":
        return constant_pad_nd_(input, whole, 0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}: it should be constant, reflect, replicate or circular")
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if not (n in (1, 2, 3) and d in (n + 1, n + 2)):
        raise NotImplementedError(
            f"Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: pad() got {n} padded dimensions "
            f"and an input of size {list(shape)}; the padded ones must be all but one (channels) or two (batch, channels)"
        )
    plans = []
    for axis, (size, (a, b)) in enumerate(zip(shape, whole)):
        if (a, b) == (0, 0):
            continue
        if mode == "reflect" and (a >= size or b >= size):
            raise RuntimeError(
                f"Argument #4: Padding size should be less than the corresponding input dimension, but got: padding ({a}, {b}) "
                f"at dimension {axis} of input {list(shape)}"
            )
        if mode == "circular" and (a > size or b > size):
            raise RuntimeError(
                f"Padding value causes wrapping around more than once: padding ({a}, {b}) at dimension {axis} of input {list(shape)}"
            )
        if size == 0:
            raise RuntimeError(f"Expected non-zero size of the padded dimensions: pad() got input {list(shape)}")
        if mode == "circular":  # what negative padding takes away is gone before the rest goes round
            kept = size + min(a, 0) + min(b, 0)
            places = max(-a, 0) + np.arange(-max(a, 0), kept + max(b, 0)) % kept
        else:
            places = _PLACES[mode](np.arange(-a, size + b), size)
        plans.append((axis, size, places[None], None))
    if not plans:
        return input.clone()
    name = {"reflect": f"reflection_pad{n}d", "replicate": f"replication_pad{n}d", "circular": "circular_pad"}[mode]
    return RESAMPLING[name](input, tuple(plans))


def _mirror(places, n):
    places = np.abs(places)
    return np.where(places >= n, 2 * (n - 1) - places, places)


_PLACES = {"reflect": _mirror, "replicate": lambda places, n: np.clip(places, 0, n - 1)}
