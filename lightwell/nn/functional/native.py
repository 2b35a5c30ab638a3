"""The functions of nn.functional that PyTorch also has at its top level with another order of arguments.

`torch.conv2d`, `torch.max_pool2d` and others have one order in both places; the front door takes them from here too.
"""

from ...errors import refusing_all
from ...errors.teaching import RuntimeError
from .adaptive_pooling import adaptive_avg_pool1d
from .adaptive_pooling import adaptive_max_pool1d as _adaptive_max_pool1d
from .conv import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d
from .embedding import embedding as _embedding
from .embedding import embedding_bag as _embedding_bag
from .grid import affine_grid as _affine_grid
from .grid import grid_sample as _grid_sample
from .norm import batch_norm as _batch_norm
from .norm import group_norm, layer_norm
from .norm import instance_norm as _instance_norm
from .pad import pad as _pad
from .pixel_shuffle import channel_shuffle, pixel_shuffle, pixel_unshuffle
from .pooling import avg_pool1d, max_pool1d, max_pool2d, max_pool3d

__all__ = [
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "affine_grid_generator", "avg_pool1d", "batch_norm", "channel_shuffle",
    "constant_pad_nd", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "convolution",
    "embedding", "embedding_bag", "embedding_renorm_", "grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "group_norm",
    "instance_norm", "layer_norm", "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool3d", "native_batch_norm",
    "native_channel_shuffle", "native_dropout", "native_group_norm", "native_layer_norm", "pixel_shuffle", "pixel_unshuffle",
    "segment_reduce",
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


# ---- the kernels' own signatures ------------------------------------------------------------------------------------


def embedding_bag(
    weight, indices, offsets, scale_grad_by_freq=False, mode=0, sparse=False, per_sample_weights=None, include_last_offset=False,
    padding_idx=None,
):  # fmt: skip
    """(bags, the bag of each index, the size of each bag, the place of each maximum); mode 0, 1, 2: sum, mean, max.

    The last three are what PyTorch's kernel keeps for its backward. Indices are flat, with offsets.

    >>> import lightwell as torch
    >>> w = torch.tensor([[1., 2.], [3., 4.]])
    >>> torch.embedding_bag(w, torch.tensor([0, 1, 1]), torch.tensor([0, 2]))[0]
    tensor([[4., 6.],
            [3., 4.]])
    """
    import lightwell as lw

    padding_idx = None if padding_idx is not None and padding_idx < 0 else padding_idx
    out = _embedding_bag(
        indices, weight, offsets, mode=("sum", "mean", "max")[int(mode)], scale_grad_by_freq=scale_grad_by_freq, sparse=sparse,
        per_sample_weights=per_sample_weights, include_last_offset=include_last_offset, padding_idx=padding_idx,
    )  # fmt: skip
    starts = offsets[:-1] if include_last_offset else offsets
    bag = lw.searchsorted(starts, lw.arange(indices.numel()), right=True) - 1
    counted = lw.ones_like(indices) if padding_idx is None else (indices != padding_idx).to(indices.dtype)
    sizes = lw.zeros(out.shape[0], dtype=indices.dtype).index_add(0, bag, counted)
    places = sizes
    if int(mode) == 2:
        rows = [[i for i in range(indices.numel()) if bag[i] == b and counted[i]] for b in range(out.shape[0])]
        best = [weight[indices[r]].argmax(0) if r else None for r in rows]
        places = lw.stack([lw.full((weight.shape[1],), -1) if at is None else indices[lw.tensor(r)][at] for r, at in zip(rows, best)])
    return out, bag, sizes, places


def embedding_renorm_(self, indices, max_norm, norm_type=2.0):
    """Shorten, in place, the rows of a table that `indices` name and whose norm is larger than max_norm; returns the table.

    >>> import lightwell as torch
    >>> torch.embedding_renorm_(torch.tensor([[3., 4.], [3., 4.]]), torch.tensor([1]), 1.0, 2.0)
    tensor([[3.0000, 4.0000],
            [0.6000, 0.8000]])
    """
    from .embedding import _index, _renorm

    _renorm(self, _index("embedding_renorm_", indices), max_norm, norm_type)
    return self


_SAMPLING, _PADDING = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


def grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners):
    """`nn.functional.grid_sample` with numbers: 0, 1, 2 for bilinear, nearest, bicubic; zeros, border, reflection."""
    return _grid_sample(input, grid, _SAMPLING[interpolation_mode], _PADDING[padding_mode], align_corners)


def grid_sampler_2d(input, grid, interpolation_mode, padding_mode, align_corners):
    """`grid_sampler` of (N, C, H, W)."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def grid_sampler_3d(input, grid, interpolation_mode, padding_mode, align_corners):
    """`grid_sampler` of (N, C, D, H, W)."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def affine_grid_generator(theta, size, align_corners):
    """`nn.functional.affine_grid`."""
    return _affine_grid(theta, list(size), align_corners)


def convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    """Convolution in as many dimensions as the input has, or its transpose.

    >>> import lightwell as torch
    >>> torch.convolution(torch.ones(1, 1, 4), torch.ones(1, 1, 2), None, [1], [0], [1], False, [0], 1)
    tensor([[[2., 2., 2.]]])
    """
    n = weight.dim() - 2
    if transposed:
        call = (conv_transpose1d, conv_transpose2d, conv_transpose3d)[n - 1]
        return call(input, weight, bias, _sized(stride, n), _sized(padding, n), _sized(output_padding, n), groups, _sized(dilation, n))
    return (conv1d, conv2d, conv3d)[n - 1](input, weight, bias, _sized(stride, n), _sized(padding, n), _sized(dilation, n), groups)


def _sized(value, n: int):
    value = (value,) if isinstance(value, int) else tuple(value)
    return value * n if len(value) == 1 else value


def native_channel_shuffle(input, groups):
    """`channel_shuffle`."""
    return channel_shuffle(input, groups)


def native_dropout(input, p, train):
    """(dropout of input, the mask of what stayed); all stays where not `train`."""
    import lightwell as lw

    if train is False:
        return input, lw.ones_like(input, dtype=lw.bool)
    if p == 1:
        return input * 0, lw.zeros_like(input, dtype=lw.bool)
    kept = lw.empty_like(input).bernoulli_(1 - p)
    return input * kept / (1 - p), kept.bool()


def native_layer_norm(input, normalized_shape, weight, bias, eps):
    """(layer_norm, mean, 1/√(variance + eps)) over the last dimensions."""
    dims = tuple(range(input.dim() - len(normalized_shape), input.dim()))
    x = input.detach()  # the moments are the kernel's: no gradient passes through them
    mean = x.mean(dims, keepdim=True)
    rstd = (x.var(dims, correction=0, keepdim=True) + eps).rsqrt()
    return layer_norm(input, normalized_shape, weight, bias, eps), mean, rstd


def native_group_norm(input, weight, bias, N, C, HxW, group, eps):
    """(group_norm, mean (N, group), 1/√(variance + eps))."""
    x = input.reshape(N, group, -1)
    return group_norm(input, group, weight, bias, eps), x.mean(2), (x.var(2, correction=0) + eps).rsqrt()


def native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps):
    """(batch_norm, mean, 1/√(variance + eps)) of the channels; the last two are empty in evaluation."""
    out = batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)
    if not training:
        return out, input.new_empty(0), input.new_empty(0)
    x = input.detach().transpose(0, 1).flatten(1)
    return out, x.mean(1), (x.var(1, correction=0) + eps).rsqrt()


def segment_reduce(data, reduce, *, lengths=None, indices=None, offsets=None, axis=0, unsafe=False, initial=None):
    """Runs of rows along `axis`, `lengths` of them each (or ending at `offsets`), reduced by "sum", "mean", "max", "min" or "prod".

    Empty runs give `initial`, or 0 (sum), 1 (prod), NaN (mean), ∓∞ (max, min).

    >>> import lightwell as torch
    >>> torch.segment_reduce(torch.tensor([1., 2., 3.]), "sum", lengths=torch.tensor([2, 1]))
    tensor([3., 3.])
    """
    import lightwell as lw

    if (lengths is None) == (offsets is None):
        raise RuntimeError("segment_reduce(): Expected either `lengths` or `offsets`, and not both")
    if reduce not in ("sum", "mean", "max", "min", "prod"):
        raise RuntimeError(f"segment_reduce(): unsupported reduction '{reduce}'; use sum, mean, max, min or prod")
    if (lengths is not None and lengths.dim() > 1) or (offsets is not None and offsets.dim() > 1):
        rows = zip(data.unbind(0), (lengths if lengths is not None else offsets).unbind(0))
        name = "lengths" if lengths is not None else "offsets"
        return lw.stack([segment_reduce(d, reduce, **{name: at}, axis=axis - 1, unsafe=unsafe, initial=initial) for d, at in rows])
    sizes = (offsets.diff() if lengths is None else lengths).tolist()
    if not unsafe and (any(n < 0 for n in sizes) or sum(sizes) != data.shape[axis]):
        raise RuntimeError(
            f"segment_reduce(): lengths {sizes} must be positive and add up to {data.shape[axis]}, the size of dimension {axis}"
        )
    start = (
        {"sum": 0.0, "prod": 1.0, "max": -float("inf"), "min": float("inf"), "mean": float("nan")}[reduce] if initial is None else initial
    )
    out = []
    for part in data.split(sizes, axis):
        if not part.shape[axis]:
            out.append(data.new_full([n for d, n in enumerate(data.shape) if d != axis], start))
            continue
        value = getattr(part, {"max": "amax", "min": "amin"}.get(reduce, reduce))(axis)
        if initial is not None:
            first = lw.full_like(value, initial)
            value = {
                "sum": lambda v: v + first, "prod": lambda v: v * first, "max": lambda v: v.maximum(first), "min": lambda v: v.minimum(first),
                "mean": lambda v: v + first / part.shape[axis],
            }[reduce](value)  # fmt: skip
        out.append(value)
    return lw.stack(out, axis)


refusing_all(globals(), __all__)
