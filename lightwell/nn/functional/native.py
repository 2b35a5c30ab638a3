"""The functions of nn.functional that PyTorch also has at its top level with another order of arguments.

`torch.conv2d`, `torch.max_pool2d` and others have one order in both places; the front door takes them from here too.
"""

from .adaptive_pooling import adaptive_avg_pool1d
from .adaptive_pooling import adaptive_max_pool1d as _adaptive_max_pool1d
from .conv import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d
from .embedding import embedding as _embedding
from .norm import batch_norm as _batch_norm
from .norm import group_norm, layer_norm
from .norm import instance_norm as _instance_norm
from .pad import pad as _pad
from .pixel_shuffle import channel_shuffle, pixel_shuffle, pixel_unshuffle
from .pooling import avg_pool1d, max_pool1d, max_pool2d, max_pool3d

__all__ = [
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "avg_pool1d", "batch_norm", "channel_shuffle", "constant_pad_nd", "conv1d",
    "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "embedding", "group_norm", "instance_norm",
    "layer_norm", "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool3d", "pixel_shuffle", "pixel_unshuffle",
]  # fmt: skip


def batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled=True):
    """`nn.functional.batch_norm`, weight and bias before the running statistics; `cudnn_enabled` changes nothing here."""
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled=True):
    """`nn.functional.instance_norm`, weight and bias before the running statistics; `cudnn_enabled` changes nothing here."""
    return _instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    """`nn.functional.embedding`, the table first; padding_idx -1 means none.

    >>> import lightwell as torch
    >>> torch.embedding(torch.tensor([[1., 2.], [3., 4.]]), torch.tensor([1]))
    tensor([[3., 4.]])
    """
    none = padding_idx is None or padding_idx < 0
    return _embedding(indices, weight, None if none else padding_idx, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def adaptive_max_pool1d(input, output_size):
    """The maxima of `nn.functional.adaptive_max_pool1d` and their places.

    >>> import lightwell as torch
    >>> torch.adaptive_max_pool1d(torch.tensor([[1., 2., 5., 4.]]), 2)
    (tensor([[2., 5.]]), tensor([[1, 2]]))
    """
    return _adaptive_max_pool1d(input, output_size, return_indices=True)


def max_pool1d_with_indices(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The maxima of `nn.functional.max_pool1d` and their places."""
    return max_pool1d(input, kernel_size, stride or None, padding, dilation, ceil_mode, return_indices=True)


def constant_pad_nd(input, pad, value=0):
    """`nn.functional.pad` with a constant; negative widths crop.

    >>> import lightwell as torch
    >>> torch.constant_pad_nd(torch.ones(2), (1, 0), 7)
    tensor([7., 1., 1.])
    """
    return _pad(input, pad, "constant", value)
