"""Normalisation layers as functions: batch, layer, group, instance, RMS and local response."""

import math

import numpy as np

from ...errors.teaching import NotImplementedError, RuntimeError, TypeError, ValueError
from ...ops import norm_ops as N
from ...ops.op import readable
from ...tensor import Tensor

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm"]


def _need_float(name: str, x) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}")
    if x._a.dtype.kind in "iubc":
        raise NotImplementedError(f'"{name}" not implemented for {x.dtype}: it takes real floating-point tensors; convert with .float()')


def _per_channel(name: str, channels: int, **values) -> None:
    for argument, v in values.items():
        if v is not None and v._a.size != channels:
            raise RuntimeError(
                f"{argument} should contain {channels} elements not {v._a.size}: {name}() of an input with {channels} channels"
            )


def _one_dtype(name: str, x, **values) -> None:
    """RuntimeError where weights or statistics have another dtype than x, unless they are float32 and x has 16 bits."""
    kind = x._a.dtype
    for argument, v in values.items():
        if v is not None and v._a.dtype != kind and not (kind.itemsize == 2 and v._a.dtype == np.float32):
            raise RuntimeError(
                f"mixed dtype: {name}() of an input of dtype {x.dtype} got {argument} of dtype {v.dtype}: convert the input, with .to(dtype)"
            )


def _run(record, x, w, b, *rest):
    """The record's y; a 16-bit x with weights of either kind is computed in float32 and rounded once."""
    if x._a.dtype.itemsize >= 4:
        return record(x, w, b, *rest)
    return record(*[t if t is None else t.float() for t in (x, w, b)], *rest).to(x.dtype)


def _follow(running: Tensor, value: np.ndarray, momentum: float) -> None:
    """running ← (1 - momentum)·running + momentum·value, in place."""
    a = running._a
    if type(value) is not np.ndarray and type(a) is np.ndarray:
        raise RuntimeError(
            "vmap: batch_norm got a mapped input, while running_mean or running_var, which training updates in place, are one for all "
            "examples. Use a norm without running statistics (track_running_stats=False, GroupNorm, "
            "torch.func.replace_all_batch_norm_modules_), or eval()"
        )
    np.add(a * (1 - momentum), value.reshape(-1) * momentum, out=a, casting="unsafe")
    running._bump()


@readable
def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    """(x - m)/√(v + eps)·weight + bias for each channel (dimension 1), m and v the mean and variance of the channel.

    In training they are the batch's, and the running statistics follow: r ← (1-momentum)·r + momentum·new, with the
    variance over n-1. Otherwise the running ones are used. ValueError for a training batch with one value per channel
    (Ioffe & Szegedy, 2015).

    >>> import lightwell as torch
    >>> torch.nn.functional.batch_norm(torch.tensor([[1.], [3.]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    _need_float("batch_norm", input)
    shape = input._a.shape
    if len(shape) < 2:
        raise ValueError(f"batch_norm(): expected an input of at least 2 dimensions, (N, C, ...), got shape {list(shape)}")
    channels = shape[1]
    count = input._a.size // channels if channels else 0
    if training and count <= 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    _per_channel("batch_norm", channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    _one_dtype("batch_norm", input, weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when training=False: pass them, or training=True")
        wshape = (1, channels) + (1,) * (len(shape) - 2)
        kind = input._a.dtype
        real = np.float32 if kind.itemsize < 4 else kind
        m = running_mean._a.astype(real, copy=False).reshape(wshape)
        r = 1 / np.sqrt(running_var._a.astype(real, copy=False).reshape(wshape) + eps)
        over = tuple(i for i in range(len(shape)) if i != 1)
        return _run(N.fixed_batch_norm_, input, weight, bias, m, r, over, wshape)
    view = (shape[0], channels, math.prod(shape[2:]))
    stats = [] if running_mean is not None or running_var is not None else None
    out = _run(N.native_batch_norm_, input, weight, bias, view, (0, 2), view, (1, channels, 1), eps, stats)
    if stats:
        m, v = stats[:2]
        if momentum is None:
            momentum = 0.0
        if running_mean is not None:
            _follow(running_mean, m, momentum)
        if running_var is not None:
            _follow(running_var, v * (count / (count - 1)), momentum)
    return out


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """(x - m)/√(v + eps)·weight + bias, m and v the mean and variance over the last dimensions, `normalized_shape`.

    RuntimeError where the input doesn't end in `normalized_shape`, or the weights have another shape (Ba et al., 2016).

    >>> import lightwell as torch
    >>> torch.nn.functional.layer_norm(torch.tensor([[1., 2., 3.]]), (3,))
    tensor([[-1.2247,  0.0000,  1.2247]])
    """
    _need_float("layer_norm", input)
    _, n = _ending("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    _one_dtype("layer_norm", input, weight=weight, bias=bias)
    rows = input._a.size // n if n else 0
    return _run(N.native_layer_norm_, input, weight, bias, (rows, n), (1,), (rows, n), (1, n), eps)


def _ending(name: str, input, normalized_shape, **weights):
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape:
        raise RuntimeError(
            f"Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = {list(shape)}"
        )
    for argument, w in weights.items():
        if w is not None and w._a.shape != shape:
            raise RuntimeError(
                f"Expected {argument} to be of same shape as normalized_shape, but got {argument} of shape {list(w._a.shape)} and "
                f"normalized_shape = {list(shape)}"
            )
    had = input._a.shape
    if len(had) < len(shape) or had[len(had) - len(shape) :] != shape:
        stars = "".join(f", {s}" for s in shape)
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*{stars}], but got input of size{list(had)} in {name}()"
        )
    return shape, math.prod(shape)


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """(x - m)/√(v + eps)·weight + bias, m and v taken over each of `num_groups` groups of channels (Wu & He, 2018).

    RuntimeError where the channels can't be divided into the groups.

    >>> import lightwell as torch
    >>> torch.nn.functional.group_norm(torch.tensor([[1., 3., 10., 20.]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    _need_float("group_norm", input)
    shape = input._a.shape
    if len(shape) < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {len(shape)}")
    n, channels = shape[:2]
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if channels % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape {list(shape)} and "
            f"num_groups={num_groups}"
        )
    if n * (channels // num_groups) * math.prod(shape[2:]) == 1 and input._a.size:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
    _per_channel("group_norm", channels, weight=weight, bias=bias)
    _one_dtype("group_norm", input, weight=weight, bias=bias)
    view = (n * num_groups, (channels // num_groups) * math.prod(shape[2:]))
    wide = (n, channels, math.prod(shape[2:]))
    return _run(N.native_group_norm_, input, weight, bias, view, (1,), wide, (1, channels, 1), eps)


@readable
def instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5):
    """Normalisation of every channel of every sample by itself (Ulyanov et al., 2016).

    Running statistics, where given, follow the mean over the samples; `use_input_stats=False` uses them instead.
    ValueError for a single position per channel.

    >>> import lightwell as torch
    >>> torch.nn.functional.instance_norm(torch.tensor([[[0., 2.], [1., 5.]]]))
    tensor([[[-1.0000,  1.0000],
             [-1.0000,  1.0000]]])
    """
    _need_float("instance_norm", input)
    shape = input._a.shape
    if use_input_stats and math.prod(shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    n, channels = shape[:2]
    _per_channel("instance_norm", channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    _one_dtype("instance_norm", input, weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
    count = math.prod(shape[2:])
    wide, stats = (n, channels, count), [] if running_mean is not None else None
    out = _run(N.native_batch_norm_, input, weight, bias, (n * channels, count), (1,), wide, (1, channels, 1), eps, stats)
    if stats:
        m, v = (s.reshape(n, channels).mean(0) for s in stats[:2])
        _follow(running_mean, m, momentum)
        _follow(running_var, v * (count / (count - 1)), momentum)
    return out


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """x/√(mean x² + eps)·weight, the mean over the last dimensions, `normalized_shape` (Zhang & Sennrich, 2019).

    `eps` is the dtype's machine epsilon where None. RuntimeError where the input doesn't end in `normalized_shape`.

    >>> import lightwell as torch
    >>> torch.nn.functional.rms_norm(torch.tensor([[3., 4.]]), (2,))
    tensor([[0.8485, 1.1314]])
    """
    ending, _ = _ending("rms_norm", input, normalized_shape, weight=weight)
    if eps is None:
        from ... import dtypes

        eps = dtypes.finfo(input.dtype).eps
    x = input.float() if input._a.dtype.itemsize < 4 else input
    dims = tuple(range(-len(ending), 0))
    out = x * ((x * x).mean(dims, keepdim=True) + eps).rsqrt()
    out = out.to(input.dtype)
    return out if weight is None else (out * weight).to(input.dtype)


def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """x/(k + α·(mean of x² over `size` neighbouring channels))^β (Krizhevsky et al., 2012).

    ValueError for fewer than 3 dimensions.

    >>> import lightwell as torch
    >>> torch.nn.functional.local_response_norm(torch.ones(1, 3, 1), 2, alpha=1.0).flatten()
    tensor([0.7378, 0.5946, 0.5946])
    """
    dim = input.dim()
    if dim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {dim} dimensions)")
    if input._a.size == 0:
        return input
    squares = input * input
    before, channels = size // 2, input._a.shape[1]
    total = None
    # Channel c sums channels c - size//2 … c + (size-1)//2, zeros outside.
    zeros = [0] * (2 * (dim - 2))
    from .pad import pad

    wide = pad(squares, [*zeros, before, (size - 1) // 2])
    for i in range(size):
        part = wide.narrow(1, i, channels)
        total = part if total is None else total + part
    return input / (total / size * alpha + k) ** beta
