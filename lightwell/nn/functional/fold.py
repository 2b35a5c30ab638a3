"""Sliding blocks as columns, and columns added up into an image."""

from __future__ import annotations

import math

from ...errors.teaching import RuntimeError
from ...ops.conv import col2im_, im2col_
from ._sizes import batched, positive, sizes, tensor

__all__ = ["fold", "unfold"]


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    r"""Every block that a convolution would see, as a column: (N, C, H, W) to (N, C·K₁·K₂, L), L the number of blocks.

    (C, H, W) gives (C·K₁·K₂, L). RuntimeError where no block fits.

    >>> import lightwell as torch
    >>> torch.nn.functional.unfold(torch.arange(9.).reshape(1, 1, 3, 3), 2)
    tensor([[[0., 1., 3., 4.],
             [1., 2., 4., 5.],
             [3., 4., 6., 7.],
             [4., 5., 7., 8.]]])
    """
    input, single = batched("unfold", input, 2)
    kernel, dilation = sizes("unfold", "kernel_size", kernel_size, 2), sizes("unfold", "dilation", dilation, 2)
    padding, stride = sizes("unfold", "padding", padding, 2), sizes("unfold", "stride", stride, 2)
    for name, v in (("kernel_size", kernel), ("dilation", dilation), ("stride", stride)):
        positive("unfold", name, v)
    if any(p < 0 for p in padding):
        raise RuntimeError(f"unfold(): padding should be non-negative, but got {list(padding)}")
    out = _blocks(input._a.shape[2:], kernel, dilation, padding, stride)
    if any(o < 1 for o in out):
        raise RuntimeError(
            f"Given input with spatial size {tuple(input.shape[2:])}, kernel_size={kernel}, dilation={dilation}, padding={padding}, "
            f"calculated shape of the array of sliding blocks as {out}, but its components must be at least one (unfold())"
        )
    y = im2col_(input, kernel, stride, padding, dilation)
    return y.squeeze(0) if single else y


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    r"""Columns of blocks added up where they lie: (N, C·K₁·K₂, L) to (N, C, *output_size); the adjoint of unfold.

    fold(unfold(x)) = x times the number of blocks that see each place. RuntimeError where the columns don't fit.

    >>> import lightwell as torch
    >>> torch.nn.functional.fold(torch.ones(1, 4, 4), (3, 3), 2)
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """
    tensor("fold", "input", 1, input)
    if input._a.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size, but got: {list(input.shape)} (fold())"
        )
    single = input._a.ndim == 2
    if single:
        input = input.unsqueeze(0)
    space = sizes("fold", "output_size", output_size, 2)
    kernel, dilation = sizes("fold", "kernel_size", kernel_size, 2), sizes("fold", "dilation", dilation, 2)
    padding, stride = sizes("fold", "padding", padding, 2), sizes("fold", "stride", stride, 2)
    for name, v in (("kernel_size", kernel), ("dilation", dilation), ("stride", stride)):
        positive("fold", name, v)
    _, rows, columns = input._a.shape
    if rows % math.prod(kernel):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={rows} and kernel_size={kernel} (fold())"
        )
    out = _blocks(space, kernel, dilation, padding, stride)
    if any(o < 1 for o in out):
        raise RuntimeError(
            f"Given output_size={space}, kernel_size={kernel}, dilation={dilation}, padding={padding}, stride={stride}, the shape of the "
            f"array of sliding blocks is {out}, which must be positive (fold())"
        )
    if columns != math.prod(out):
        raise RuntimeError(
            f"Given output_size={space}, kernel_size={kernel}, dilation={dilation}, padding={padding}, stride={stride}, expected size of "
            f"input's dimension 2 to match the calculated number of sliding blocks {out[0]} * {out[1]} = {math.prod(out)}, but got "
            f"input.size(2)={columns} (fold())"
        )
    y = col2im_(input, space, kernel, stride, padding, dilation)
    return y.squeeze(0) if single else y


def _blocks(space, kernel, dilation, padding, stride) -> tuple:
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in zip(space, kernel, dilation, padding, stride))
