"""Convolutions and transposed convolutions in one, two and three dimensions."""

from __future__ import annotations

from ...errors.teaching import RuntimeError
from ...ops.conv import convolution_, convolution_transpose_
from ...ops.precision import lowering
from ._sizes import batched, positive, sizes, tensor

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def _operands(op, input, weight, bias, n, groups, transposed):
    """The batched input, checked against the weight and the bias."""
    tensor(op, "weight", 2, weight)
    input, single = batched(op, input, n)
    if bias is not None:
        tensor(op, "bias", 3, bias)
    shape, had = weight._a.shape, input._a.shape
    if len(shape) != n + 2:
        raise RuntimeError(
            f"{op}(): expected {n + 2}-dimensional weight, (out_channels, in_channels/groups, *kernel_size), but got weight of "
            f"size {list(shape)}"
        )
    if groups <= 0:
        raise RuntimeError(f"{op}(): non-positive groups is not supported, got groups={groups}")
    c = shape[0] if transposed else shape[1] * groups
    if had[1] != c:
        raise RuntimeError(
            f"Given {'transposed=1' if transposed else f'groups={groups}'}, weight of size {list(shape)}, expected input{list(had)} "
            f"to have {c} channels, but got {had[1]} channels instead: in {op}() channels are dimension 1 of a batched input, "
            "dimension 0 of an unbatched one; permute() moves them there."
        )
    if shape[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size "
            f"{list(shape)} instead ({op}())"
        )
    made = shape[1] * groups if transposed else shape[0]
    if bias is not None and bias._a.shape != (made,):
        raise RuntimeError(
            f"Given weight of size {list(shape)}, expected bias to be 1-dimensional with {made} elements, but got bias of size "
            f"{list(bias.shape)} instead ({op}())"
        )
    if input._a.dtype is not weight._a.dtype and input._a.dtype != weight._a.dtype and not lowering():
        raise RuntimeError(
            f"{op}(): input type ({input.dtype}) and weight type ({weight.dtype}) should be the same: convert one with .to(dtype)"
        )
    if bias is not None and input._a.dtype != bias._a.dtype and not lowering():
        raise RuntimeError(
            f"Input type ({input.dtype}) and bias type ({bias.dtype}) should be the same: convert one with .to(dtype) ({op}())"
        )
    return input, single


def _conv(op, n, input, weight, bias, stride, padding, dilation, groups):
    """The convolution over n spatial dimensions."""
    if not isinstance(padding, str) and type(padding) is not int:
        padding = sizes(op, "padding", padding, n)
    input, single = _operands(op, input, weight, bias, n, groups, False)
    stride, dilation = sizes(op, "stride", stride, n), sizes(op, "dilation", dilation, n)
    positive(op, "stride", stride)
    positive(op, "dilation", dilation)
    kernel = weight._a.shape[2:]
    if isinstance(padding, str):
        if padding == "valid":
            padding = (0,) * n
        elif padding == "same":
            if any(s != 1 for s in stride):
                raise RuntimeError("padding='same' is not supported for strided convolutions")
            total = [d * (k - 1) for d, k in zip(dilation, kernel)]
            if any(t % 2 for t in total):  # the odd place goes behind
                from .pad import pad

                input = pad(input, [v for t in reversed(total) for v in (0, t % 2)])
            padding = tuple(t // 2 for t in total)
        else:
            raise RuntimeError(f"Invalid padding string: '{padding}', should be one of 'valid', 'same' ({op}())")
    else:
        padding = sizes(op, "padding", padding, n)
        if any(p < 0 for p in padding):
            raise RuntimeError(f"negative padding is not supported: {op}() got padding={padding}")
    space = input._a.shape[2:]
    for m, k, p, d in zip(space, kernel, padding, dilation):
        if m + 2 * p < d * (k - 1) + 1:
            padded = tuple(m + 2 * p for m, p in zip(space, padding))
            raise RuntimeError(
                f"Calculated padded input size per channel: {padded}. Kernel size: {tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation))}. "
                f"Kernel size can't be greater than actual input size ({op}() of input {list(input.shape)}, weight "
                f"{list(weight.shape)}): pad the input, or take a smaller kernel or dilation."
            )
    y = convolution_(input, weight, bias, stride, padding, dilation, groups)
    return y.squeeze(0) if single else y


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    r"""The cross-correlation of (N, C, L) with a weight (O, C/groups, K): y[n,o,p] = b[o] + Σ w[o,c,k]·x[n,c,p·stride+k·dilation-padding].

    L' = ⌊(L + 2·padding - dilation·(K-1) - 1)/stride⌋ + 1; `padding` may be 'valid' or (stride 1) 'same'. The batch
    dimension may be missing. RuntimeError where shapes or dtypes don't fit.

    >>> import lightwell as torch
    >>> torch.nn.functional.conv1d(torch.tensor([[1., 2., 3., 4.]]), torch.tensor([[[1., -1.]]]))
    tensor([[-1., -1., -1.]])
    """
    return _conv("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    r"""The cross-correlation of (N, C, H, W) with a weight (O, C/groups, K₁, K₂), plus a bias (O): (N, O, H', W'). See conv1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2), stride=1, padding='same')
    tensor([[[[4., 4., 2.],
              [4., 4., 2.],
              [2., 2., 1.]]]])
    """
    return _conv("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    r"""The cross-correlation of (N, C, D, H, W) with a weight (O, C/groups, K₁, K₂, K₃): (N, O, D', H', W'). See conv1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.conv3d(torch.ones(1, 1, 4, 4, 4), torch.ones(2, 1, 3, 3, 3)).shape
    torch.Size([1, 2, 2, 2, 2])
    """
    return _conv("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def _conv_transpose(op, n, input, weight, bias, stride, padding, output_padding, groups, dilation):
    """The transposed convolution over n spatial dimensions."""
    input, single = _operands(op, input, weight, bias, n, groups, True)
    stride, dilation = sizes(op, "stride", stride, n), sizes(op, "dilation", dilation, n)
    padding, extra = sizes(op, "padding", padding, n), sizes(op, "output_padding", output_padding, n)
    positive(op, "stride", stride)
    positive(op, "dilation", dilation)
    if any(p < 0 for p in padding) or any(p < 0 for p in extra):
        raise RuntimeError(f"negative padding is not supported: {op}() got padding={padding}, output_padding={extra}")
    for e, s, d in zip(extra, stride, dilation):
        if e >= max(s, d):
            raise RuntimeError(
                f"output padding must be smaller than either stride or dilation, but got output_padding={extra}, stride={stride}, "
                f"dilation={dilation} ({op}())"
            )
    kernel, had = weight._a.shape[2:], input._a.shape[2:]
    # Where the windows of the convolution would fit once more into the larger output, the rest is bias alone.
    within = tuple(min(e, s - 1) for e, s in zip(extra, stride))
    space = tuple((m - 1) * s - 2 * p + d * (k - 1) + e + 1 for m, s, p, d, k, e in zip(had, stride, padding, dilation, kernel, within))
    beyond = tuple(e - w for e, w in zip(extra, within))
    if any(m + b <= 0 for m, b in zip(space, beyond)):
        raise RuntimeError(
            f"Given input size per channel: {had}. Calculated output size per channel: {space}. Output size is too small ({op}())"
        )
    if any(beyond) or any(m <= 0 for m in space):
        from .pad import pad

        space = tuple(m + 2 * p for m, p in zip(space, padding))
        y = convolution_transpose_(input, weight, None, space, stride, (0,) * n, dilation, groups)
        y = pad(y, [v for p, b in zip(reversed(padding), reversed(beyond)) for v in (-p, b - p)])
        y = y if bias is None else y + bias.reshape(-1, *[1] * n)
    else:
        y = convolution_transpose_(input, weight, bias, space, stride, padding, dilation, groups)
    return y.squeeze(0) if single else y


def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    r"""The transpose of conv1d as a linear map: (N, C, L), weight (C, O/groups, K) to (N, O, L').

    L' = (L-1)·stride - 2·padding + dilation·(K-1) + output_padding + 1. RuntimeError where shapes or dtypes don't fit.

    >>> import lightwell as torch
    >>> torch.nn.functional.conv_transpose1d(torch.tensor([[1., 2.]]), torch.tensor([[[1., 10.]]]), stride=2)
    tensor([[ 1., 10.,  2., 20.]])
    """
    return _conv_transpose("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    r"""The transpose of conv2d as a linear map: (N, C, H, W), weight (C, O/groups, K₁, K₂) to (N, O, H', W'). See conv_transpose1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.conv_transpose2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2))
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """
    return _conv_transpose("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    r"""The transpose of conv3d as a linear map: (N, C, D, H, W) to (N, O, D', H', W'). See conv_transpose1d.

    >>> import lightwell as torch
    >>> torch.nn.functional.conv_transpose3d(torch.ones(1, 2, 2, 2, 2), torch.ones(2, 3, 3, 3, 3), stride=2).shape
    torch.Size([1, 3, 5, 5, 5])
    """
    return _conv_transpose("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation)
