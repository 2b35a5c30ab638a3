"""Gradients of convolutions for their inputs and weights, given the gradient of the output."""

from ..autograd.engine import grad
from ..autograd.modes import enable_grad, is_grad_enabled
from . import functional as F

__all__ = ["conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight"]


def _make(n: int):
    conv = getattr(F, f"conv{n}d")

    def gradient(free, x, w, given, grad_output, settings):
        wanted = is_grad_enabled() and (given.requires_grad or grad_output.requires_grad)
        with enable_grad():
            y = conv(x, w, None, *settings)
        return grad(y, free, grad_output, create_graph=wanted)[0]

    def for_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
        x = weight.new_zeros(tuple(input_size)).requires_grad_()
        return gradient(x, x, weight, weight, grad_output, (stride, padding, dilation, groups))

    def for_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
        w = input.new_zeros(tuple(weight_size)).requires_grad_()
        return gradient(w, input, w, input, grad_output, (stride, padding, dilation, groups))

    for_input.__name__ = for_input.__qualname__ = f"conv{n}d_input"
    for_input.__doc__ = f"""The gradient of conv{n}d for its input, of shape `input_size`: Σ over the outputs of weight·grad_output."""
    for_weight.__name__ = for_weight.__qualname__ = f"conv{n}d_weight"
    for_weight.__doc__ = f"""The gradient of conv{n}d for its weight, of shape `weight_size`: Σ over places of input·grad_output."""
    return for_input, for_weight


conv1d_input, conv1d_weight = _make(1)
conv2d_input, conv2d_weight = _make(2)
conv3d_input, conv3d_weight = _make(3)
