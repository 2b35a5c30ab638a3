"""A batch norm in eval mode folded into the convolution or linear layer before it: w·γ/√(v + ε) and (b - m)·γ/√(v + ε) + β."""

import copy

from ...errors.teaching import AssertionError
from ..parameter import Parameter

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]


def _eval_only(first, bn) -> None:
    if first.training or bn.training:
        raise AssertionError("Fusion only for eval! Call eval() on both modules first: in training the batch's statistics are used")


def fuse_conv_bn_eval(conv, bn, transpose: bool = False):
    """A copy of `conv` that does what conv and then `bn` do, both in eval mode; AssertionError in training mode.

    >>> import lightwell as torch
    >>> conv, bn = torch.nn.Conv2d(2, 3, 3).eval(), torch.nn.BatchNorm2d(3).eval()
    >>> x = torch.randn(1, 2, 5, 5)
    >>> torch.allclose(torch.nn.utils.fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-5)
    True
    """
    _eval_only(conv, bn)
    fused = copy.deepcopy(conv)
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("fuse_conv_bn_eval(): the batch norm has no running statistics to fold in (track_running_stats=False)")
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_conv_bn_weights(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, transpose: bool = False):
    """(weight, bias) of the convolution with the batch norm folded in; `transpose`: output channels are dimension 1."""
    import lightwell as lw

    zeros, ones = lw.zeros_like(bn_rm), lw.ones_like(bn_rm)
    b, gamma, beta = zeros if conv_b is None else conv_b, ones if bn_w is None else bn_w, zeros if bn_b is None else bn_b
    scale = gamma * lw.rsqrt(bn_rv + bn_eps)
    shape = [1] * conv_w.dim()
    shape[1 if transpose else 0] = -1
    w = (conv_w * scale.reshape(shape)).to(conv_w.dtype)
    b = ((b - bn_rm) * scale + beta).to(conv_w.dtype if conv_b is None else conv_b.dtype)
    return Parameter(w.detach(), conv_w.requires_grad), Parameter(
        b.detach(), conv_w.requires_grad if conv_b is None else conv_b.requires_grad
    )


def fuse_linear_bn_eval(linear, bn):
    """A copy of `linear` that does what linear and then `bn` do, both in eval mode; AssertionError in training mode, or for sizes that differ."""
    _eval_only(linear, bn)
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError("To fuse, linear.out_features == bn.num_features or bn.num_features == 1")
    fused = copy.deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias)
    return fused


def fuse_linear_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b):
    """(weight, bias) of the linear layer with the batch norm folded in."""
    import lightwell as lw

    b = lw.zeros_like(bn_rm) if linear_b is None else linear_b
    scale = bn_w * lw.rsqrt(bn_rv + bn_eps)
    w = (linear_w * scale.unsqueeze(-1)).to(linear_w.dtype)
    b = ((b - bn_rm) * scale + bn_b).to(b.dtype)
    return Parameter(w.detach(), linear_w.requires_grad), Parameter(
        b.detach(), linear_w.requires_grad if linear_b is None else linear_b.requires_grad
    )
