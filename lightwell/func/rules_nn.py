"""The batching rules of networks: convolutions, windows, pooling, resampling, normalisation."""

from .rules import FUNCTIONS, _places, _words, rule


@rule(
    *_words(
        "max_pool2d max_pool3d max_pool2d_with_indices max_pool3d_with_indices avg_pool2d avg_pool3d window_sum window_spread "
        "upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_nearest_exact1d upsample_nearest_exact2d "
        "upsample_nearest_exact3d upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d upsample_bilinear2d_aa "
        "upsample_bicubic2d_aa reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d "
        "circular_pad adaptive_avg_pool2d adaptive_avg_pool3d resample_adjoint im2col col2im windows unwindow max_pool_back"
    )
)
def folded(b, *args):
    """(N, C, …) whose samples don't know of each other: the batch is more samples."""
    n = len(b.call.record.inputs)
    tensors = [b.full(x).flatten(0, 1) for x in args[:n]]
    made = b.call(*tensors, *args[n:])
    lead = (b.size, args[0].shape[0])
    return tuple(y.unflatten(0, lead) for y in made) if type(made) is tuple else made.unflatten(0, lead)


@rule("constant_pad_nd")
def constant_pad(b, x, pad, value):
    """Padding of the last dimensions."""
    return b.call(b.whole(x), ((0, 0), *pad), value)


def _side_by_side(t, dim: int):
    """The batch moved into a dimension (of the examples), as the slower part of its index."""
    return t.movedim(0, dim).flatten(dim, dim + 1)


@rule("convolution", "convolution_transpose")
def convolution(b, x, w, bias, *params):
    """Shared weights: the batch is more samples. Weights of their own: the batch is more groups."""
    if b.whole(w) is None and (bias is None or b.whole(bias) is None):
        whole = b.whole(x)
        return b.call(whole.flatten(0, 1), w, bias, *params).unflatten(0, (b.size, x.shape[0]))
    *params, groups = params
    y = b.call(
        _side_by_side(b.full(x), 1), b.full(w).flatten(0, 1), None if bias is None else b.full(bias).reshape(-1), *params, groups * b.size
    )
    return y.unflatten(1, (b.size, y.shape[1] // b.size)).movedim(1, 0)


@rule("convolution_weight")
def convolution_weight(b, x, v, *params):
    """The gradient of each example's weights: the batch is more groups."""
    *params, groups = params
    return b.call(_side_by_side(b.full(x), 1), _side_by_side(b.full(v), 1), *params, groups * b.size).unflatten(0, (b.size, -1))


@rule("native_batch_norm", "native_layer_norm", "native_group_norm")
def norm(b, x, w, bias, view, axes, wide, wshape, eps, stats=None):
    """Each example by its own moments, then scaled; the moments of training are the batch's."""
    found = None if stats is None else []
    own = (w is not None and b.whole(w) is not None) or (bias is not None and b.whole(bias) is not None)
    axes, over = _places(axes, len(view)), (1, *wshape) if wshape else wshape
    if not own:
        y = b.call(b.full(x), w, bias, (b.size, *view), axes, (b.size, *wide), over, eps, found)
    else:
        y = b.call(b.full(x), None, None, (b.size, *view), axes, (b.size, *wide), over, eps, found).reshape(b.size, *wide)
        if w is not None:
            y = y * b.full(w).reshape(b.size, *(1,) * (len(wide) - len(wshape)), *wshape)
        if bias is not None:
            y = y + b.full(bias).reshape(b.size, *(1,) * (len(wide) - len(wshape)), *wshape)
        y = y.reshape(b.size, *x.shape)
    if stats is not None:
        from ..tensor import make
        from .example import example

        stats.extend(example(b.level, make(a))._a for a in found)
    return y


# ---- functions that look at class numbers and indices: the batch is more rows -----------------------------------------


def _classes(b, input, target, weight, size_average, ignore_index, reduce, reduction, **options):
    """cross_entropy and nll_loss of class numbers: every example's rows in one call, and its mean or sum behind it."""
    if target.dtype.is_floating_point or size_average is not None or reduce is not None or reduction not in ("mean", "sum", "none"):
        return None
    if weight is not None and b.whole(weight) is not None:
        return None
    x, t = b.full(input), b.full(target)
    if target.ndim == 0:  # one row each
        rows = b.call(x, t, weight, None, ignore_index, None, "none", **options)
    else:
        rows = b.call(x.flatten(0, 1), t.flatten(0, 1), weight, None, ignore_index, None, "none", **options).unflatten(0, t.shape[:2])
    if reduction == "none":
        return rows
    total = rows.reshape(b.size, -1).sum(1)
    if reduction == "sum":
        return total
    counted = (t != ignore_index).to(x.dtype)
    if weight is not None:
        counted = counted * weight[t.clamp(0, len(weight) - 1)]
    return total / counted.reshape(b.size, -1).sum(1)


FUNCTIONS["cross_entropy"] = FUNCTIONS["nll_loss"] = _classes


def _embedded(b, input, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse):
    """Rows of one table for all; of a table for each, by indices with the example's number."""
    if max_norm is not None or scale_grad_by_freq or sparse:
        return None
    if b.whole(weight) is None:
        return b.call(b.whole(input), weight, padding_idx)
    if padding_idx is not None:
        return None
    from .. import arange

    i = b.full(input)
    flat = i + (arange(b.size) * weight.shape[0]).reshape(b.size, *(1,) * input.ndim)
    inside = ((i >= 0) & (i < weight.shape[0])).all()
    return b.call(flat, b.whole(weight).flatten(0, 1)) if inside.item() else None


FUNCTIONS["embedding"] = _embedded


def _one_hot(b, tensor, num_classes):
    """With the number of classes given, all at once."""
    return None if num_classes == -1 else b.call(b.whole(tensor), num_classes)


FUNCTIONS["one_hot"] = _one_hot
