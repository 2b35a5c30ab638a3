"""Deformable convolution: each tap of the kernel looks at a place of its own (Dai et al. 2017; with masks Zhu et al. 2019)."""

import math

import lightwell
from lightwell import nn
from lightwell.errors.teaching import RuntimeError, ValueError

__all__ = ["DeformConv2d", "deform_conv2d"]


def _two(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _interpolated(x, y, column):
    """x (N, C, H, W) at the places (y, column), each (N, P), bilinearly with zeros outside: (N, C, P)."""
    n, c, h, w = x.shape
    flat = x.reshape(n, c, h * w)
    near = (y > -1) & (y < h) & (column > -1) & (column < w)
    top, left = y.floor(), column.floor()
    down, right = y - top, column - left
    total = 0
    for dy, share_y in ((0, 1 - down), (1, down)):
        for dx, share_x in ((0, 1 - right), (1, right)):
            row, col = (top + dy).long(), (left + dx).long()
            inside = near & (row >= 0) & (row < h) & (col >= 0) & (col < w)
            place = (row.clamp(0, h - 1) * w + col.clamp(0, w - 1)).unsqueeze(1).expand(n, c, -1)
            share = lightwell.where(inside, share_y * share_x, lightwell.zeros((), dtype=x.dtype))
            total = total + flat.gather(2, place) * share.unsqueeze(1)
    return total


def deform_conv2d(input, offset, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), mask=None):
    """y[p] = Σ_k w_k · m_k(p) · x(p·s + k·d + Δ_k(p)), x interpolated bilinearly, 0 outside.

    ``offset`` (N, 2 · groups · taps, out_h, out_w) holds (Δy, Δx) for each tap, ``mask`` (N, groups · taps, out_h, out_w);
    gradients go to input, offset, mask, weight and bias. Raises RuntimeError for shapes that do not fit.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import deform_conv2d
    >>> x, w = torch.ones(1, 1, 4, 4), torch.ones(2, 1, 3, 3)
    >>> deform_conv2d(x, torch.zeros(1, 18, 2, 2), w)[0, 0]
    tensor([[9., 9.],
            [9., 9.]])
    """
    (sy, sx), (py, px), (dy, dx) = _two(stride), _two(padding), _two(dilation)
    n, channels, height, width = input.shape
    out_channels, part, ky, kx = weight.shape
    taps = ky * kx
    groups, offset_groups = channels // part, offset.shape[1] // (2 * taps)
    out_h = (height + 2 * py - dy * (ky - 1) - 1) // sy + 1
    out_w = (width + 2 * px - dx * (kx - 1) - 1) // sx + 1
    if offset_groups == 0 or offset.shape[1] % (2 * taps):
        raise RuntimeError(
            f"deform_conv2d: offset should have 2 * groups * {ky} * {kx} channels, got {offset.shape[1]}: "
            "the shape of the offset tensor at dimension 1 is not valid"
        )
    if tuple(offset.shape[2:]) != (out_h, out_w) or offset.shape[0] != n:
        raise RuntimeError(f"deform_conv2d: offset should be ({n}, ..., {out_h}, {out_w}), got {tuple(offset.shape)}")
    if mask is not None and tuple(mask.shape) != (n, offset_groups * taps, out_h, out_w):
        raise RuntimeError(
            f"deform_conv2d: mask should be ({n}, {offset_groups * taps}, {out_h}, {out_w}) for this offset, got {tuple(mask.shape)}"
        )
    if channels % part or out_channels % groups or channels % offset_groups:
        raise RuntimeError(
            f"deform_conv2d: {channels} input channels do not fit weight {tuple(weight.shape)} and {offset_groups} offset groups"
        )
    batch, kind = n * offset_groups, dict(dtype=input.dtype)
    shift = offset.reshape(batch, taps, 2, out_h, out_w)
    tap_y = (lightwell.arange(ky, **kind) * dy).repeat_interleave(kx).view(1, taps, 1, 1)
    tap_x = (lightwell.arange(kx, **kind) * dx).repeat(ky).view(1, taps, 1, 1)
    y = shift[:, :, 0] + tap_y + (lightwell.arange(out_h, **kind) * sy - py).view(1, 1, out_h, 1)
    x = shift[:, :, 1] + tap_x + (lightwell.arange(out_w, **kind) * sx - px).view(1, 1, 1, out_w)
    seen = _interpolated(input.reshape(batch, channels // offset_groups, height, width), y.flatten(1), x.flatten(1))
    seen = seen.view(batch, channels // offset_groups, taps, out_h * out_w)
    if mask is not None:
        seen = seen * mask.reshape(batch, 1, taps, out_h * out_w)
    columns = seen.reshape(n, groups, part * taps, out_h * out_w)
    out = (weight.reshape(1, groups, out_channels // groups, part * taps) @ columns).reshape(n, out_channels, out_h, out_w)
    return out if bias is None else out + bias.view(1, -1, 1, 1)


class DeformConv2d(nn.Module):
    """`deform_conv2d` with its weight and bias; offsets and masks are given at each call.

    >>> import lightwell as torch
    >>> from lightwell.vision.ops import DeformConv2d
    >>> DeformConv2d(3, 8, 3, padding=1)(torch.zeros(1, 3, 5, 5), torch.zeros(1, 18, 5, 5)).shape
    torch.Size([1, 8, 5, 5])
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True):
        super().__init__()
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = _two(kernel_size), _two(stride)
        self.padding, self.dilation = _two(padding), _two(dilation)
        self.weight = nn.Parameter(lightwell.empty(out_channels, in_channels // groups, *self.kernel_size))
        if bias:
            self.bias = nn.Parameter(lightwell.empty(out_channels))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        """Weight and bias as of a convolution."""
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = self.weight[0].numel()
            nn.init.uniform_(self.bias, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))

    def forward(self, input, offset, mask=None):
        how = dict(stride=self.stride, padding=self.padding, dilation=self.dilation, mask=mask)
        return deform_conv2d(input, offset, self.weight, self.bias, **how)

    def __repr__(self):
        text = f"{type(self).__name__}({self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        text += f", padding={self.padding}" if self.padding != (0, 0) else ""
        text += f", dilation={self.dilation}" if self.dilation != (1, 1) else ""
        text += f", groups={self.groups}" if self.groups != 1 else ""
        return text + (", bias=False)" if self.bias is None else ")")
