"""Loss functions: how far an input is from its targets."""

import math
import warnings

import numpy as np

from ... import dtypes
from ...ops import loss_ops as L
from ...ops.choose import minimum, where
from ...ops.softmax import class_terms, cross_entropy_, log_softmax_, nll_loss_
from ...tensor import Tensor, make
from .distance import pairwise_distance

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cross_entropy", "gaussian_nll_loss",
    "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss", "mse_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss",
    "soft_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip


def chosen(size_average, reduce, reduction: str) -> str:
    """The reduction in force: the old pair of flags goes first where one is given."""
    if size_average is not None or reduce is not None:
        average, whole = size_average is None or size_average, reduce is None or reduce
        reduction = "mean" if average and whole else "sum" if whole else "none"
        warnings.warn(f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.", stacklevel=4)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction: use 'none', 'mean' or 'sum'")
    return reduction


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def _count(reduction: str, *tensors):
    """How a record is told the reduction: None, 0 for a sum, the number of elements for a mean."""
    if reduction != "mean":
        return None if reduction == "none" else 0
    a = np.broadcast(*[t._a for t in tensors]) if len({t._a.shape for t in tensors}) > 1 else tensors[0]._a
    return a.size or math.nan


def _need_tensors(name: str, **values) -> None:
    for argument, value in values.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}(): argument '{argument}' must be Tensor, not {type(value).__name__}")


def _broadcast_warning(name: str, input, target, level: int = 3) -> None:
    _need_tensors(name, input=input, target=target)
    if input._a.shape != target._a.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will likely lead to "
            "incorrect results due to broadcasting. Please ensure they have the same size.",
            stacklevel=level,
        )


def _weighted(loss: Tensor, weight, reduction: str) -> Tensor:
    """Element losses times weights; a mean divides by the sum of the weights."""
    if weight is None:
        return _reduced(loss, reduction)
    weight = weight.expand_as(loss) if weight._a.shape != loss._a.shape else weight
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else _reduced(loss, reduction)


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """(input - target)², averaged, summed (`reduction`) or as it is ("none"); `weight` weights the elements.

    Warns where the shapes differ (they broadcast).

    >>> import lightwell as torch
    >>> torch.nn.functional.mse_loss(torch.tensor([1., 2.]), torch.tensor([0., 0.]))
    tensor(2.5000)
    """
    reduction = chosen(size_average, reduce, reduction)
    _broadcast_warning("mse_loss", input, target)
    a, b = input._a, target._a
    if weight is None and reduction != "none" and a.shape == b.shape and a.dtype is b.dtype and a.dtype.kind == "f":
        scale = 1.0 if reduction == "sum" else 1 / a.size if a.size else math.nan
        return L.mean_square_(input, target, scale)
    return _weighted(L.mse_loss_(input, target), weight, reduction)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """|input - target|, averaged, summed or as it is. Warns where the shapes differ.

    >>> import lightwell as torch
    >>> torch.nn.functional.l1_loss(torch.tensor([1., 2.]), torch.tensor([0., 0.]))
    tensor(1.5000)
    """
    reduction = chosen(size_average, reduce, reduction)
    _broadcast_warning("l1_loss", input, target)
    return _weighted((input - target).abs(), weight, reduction)


def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """d²/(2β) where |d| < β, else |d| - β/2, d = input - target (Girshick, 2015); β = 0 is `l1_loss`.

    RuntimeError for negative β.

    >>> import lightwell as torch
    >>> torch.nn.functional.smooth_l1_loss(torch.tensor([0.5, 3.]), torch.tensor([0., 0.]))
    tensor(1.3125)
    """
    reduction = chosen(size_average, reduce, reduction)
    _broadcast_warning("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    return L.smooth_l1_loss_(*_same(input, target), beta, _count(reduction, input, target))


def _same(x: Tensor, y: Tensor):
    """Both in their common dtype."""
    if x._a.dtype is y._a.dtype:
        return x, y
    d = dtypes.promote_types(x.dtype, y.dtype)
    return x.to(d), y.to(d)


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """d²/2 where |d| < δ, else δ·(|d| - δ/2), d = input - target (Huber, 1964); RuntimeError for δ ≤ 0.

    >>> import lightwell as torch
    >>> torch.nn.functional.huber_loss(torch.tensor([0.5, 3.]), torch.tensor([0., 0.]))
    tensor(1.3125)
    """
    reduction = chosen(None, None, reduction)
    _broadcast_warning("huber_loss", input, target)
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta: got {delta}")
    if weight is None:
        return L.huber_loss_(*_same(input, target), delta, _count(reduction, input, target))
    return _weighted(L.huber_loss_(*_same(input, target), delta, None), weight, reduction)


def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """-(y·log x + (1-y)·log(1-x)) for probabilities x in [0, 1]; logarithms are not taken below -100.

    ValueError for two shapes, RuntimeError for an input outside [0, 1].

    >>> import lightwell as torch
    >>> torch.nn.functional.binary_cross_entropy(torch.tensor([0.9, 0.2]), torch.tensor([1., 0.]))
    tensor(0.1643)
    """
    reduction = chosen(size_average, reduce, reduction)
    _need_tensors("binary_cross_entropy", input=input, target=target)
    if input._a.shape != target._a.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    a = input._a
    if a.size and not (a.min() >= 0 and a.max() <= 1):
        raise RuntimeError(
            "all elements of input should be between 0 and 1: binary_cross_entropy takes probabilities; for scores use "
            "binary_cross_entropy_with_logits"
        )
    if input._a.dtype != target._a.dtype:
        raise RuntimeError(f"Found dtype {target.dtype} but expected {input.dtype}: convert the target, with .to(input.dtype)")
    if weight is None:
        return L.binary_cross_entropy_(input, target, _count(reduction, input))
    return _reduced(L.binary_cross_entropy_(input, target, None) * weight, reduction)


def binary_cross_entropy_with_logits(input, target, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None):
    """Binary cross-entropy of sigmoid(input), computed without leaving the logarithms; `pos_weight` weights positive answers.

    ValueError for two shapes.

    >>> import lightwell as torch
    >>> torch.nn.functional.binary_cross_entropy_with_logits(torch.tensor([100., 0.]), torch.tensor([1., 1.]))
    tensor(0.3466)
    """
    reduction = chosen(size_average, reduce, reduction)
    _need_tensors("binary_cross_entropy_with_logits", input=input, target=target)
    if input._a.shape != target._a.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    x, y = _same(input, target)
    if weight is None:
        return L.binary_cross_entropy_with_logits_(x, y, pos_weight, _count(reduction, x))
    return _reduced(L.binary_cross_entropy_with_logits_(x, y, pos_weight, None) * weight, reduction)


# ---- classes --------------------------------------------------------------------------------------------------------


def nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
    """-weight[t]·input[n, t], t the class of row n; a mean divides by the sum of the weights taken.

    `input` holds log-probabilities, (N, C, ...) or (C); targets equal to `ignore_index` count for nothing. ValueError for
    shapes that don't fit, IndexError for a class that isn't there.

    >>> import lightwell as torch
    >>> logp = torch.log_softmax(torch.tensor([[2., 0.], [0., 0.]]), 1)
    >>> torch.nn.functional.nll_loss(logp, torch.tensor([0, 1]))
    tensor(0.4100)
    """
    reduction = chosen(size_average, reduce, reduction)
    _need_tensors("nll_loss", input=input, target=target)
    index, c, axis = class_terms("nll_loss", input, target, weight, ignore_index, reduction)
    return nll_loss_(input, index, c, axis, reduction != "none")


def cross_entropy(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean", label_smoothing=0.0):
    """-weight[t]·log softmax(input)[n, t] for class indices t; -Σ weight·t·log softmax(input) for class probabilities t.

    `input` holds scores, (N, C, ...) or (C). `label_smoothing` ε mixes the targets with the uniform distribution:
    (1-ε)·t + ε/C (Szegedy et al., 2016). A mean divides by the sum of the weights taken (by N for probabilities).
    ValueError for shapes that don't fit, IndexError for a class that isn't there.

    >>> import lightwell as torch
    >>> torch.nn.functional.cross_entropy(torch.tensor([[2., 0.], [0., 0.]]), torch.tensor([0, 1]))
    tensor(0.4100)
    """
    reduction = chosen(size_average, reduce, reduction)
    _need_tensors("cross_entropy", input=input, target=target)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if input._a.shape == target._a.shape and target.is_floating_point():
        return _soft_targets(input, target, weight, reduction, label_smoothing)
    if target.is_floating_point():
        raise RuntimeError(
            f"expected scalar type Long but found {target.dtype}: cross_entropy takes class indices (integers), or probabilities of "
            f"the input's shape {list(input._a.shape)}; the target has shape {list(target._a.shape)}"
        )
    index, c, axis = class_terms("cross_entropy", input, target, weight, ignore_index, reduction)
    if not label_smoothing:
        return cross_entropy_(input, index, c, axis, reduction != "none")
    logp = log_softmax_(input, axis)
    exact = nll_loss_(logp, index, c, axis, reduction != "none")
    classes = input._a.shape[axis]
    spread = (logp if weight is None else logp * weight.reshape((-1,) + (1,) * (input._a.ndim - 1 - axis))).sum(axis)
    # The uniform part leaves out ignored positions; its mean has the divisor of the exact part.
    valid = (target._a != ignore_index).astype(c.dtype)
    if reduction == "mean":
        total = valid.sum() if weight is None else (weight.detach()._a[np.where(valid > 0, target._a, 0)] * valid).sum()
        valid = valid / total
    spread = -(spread * make(np.asarray(valid, c.dtype)))
    spread = spread.sum() if reduction != "none" else spread
    return exact * (1 - label_smoothing) + spread * (label_smoothing / classes)


def _soft_targets(x, t, weight, reduction, smoothing):
    axis = 1 if x._a.ndim > 1 else 0
    if smoothing:
        t = t * (1 - smoothing) + smoothing / x._a.shape[axis]
    terms = log_softmax_(x, axis) * t
    if weight is not None:
        terms = terms * weight.reshape((-1,) + (1,) * (x._a.ndim - 1 - axis))
    if reduction == "none":
        return -terms.sum(axis)
    total = -terms.sum()
    return total if reduction == "sum" else total / max(x._a.size // x._a.shape[axis], 1)


def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """y·(log y - x), x log-probabilities and y probabilities (logarithms of them where `log_target`).

    `reduction="batchmean"` divides the sum by the batch size, which is the Kullback-Leibler divergence per row.

    >>> import lightwell as torch
    >>> x = torch.tensor([[0.5, 0.5]]).log()
    >>> torch.nn.functional.kl_div(x, torch.tensor([[0.25, 0.75]]), reduction="batchmean")
    tensor(0.1308)
    """
    batch = reduction == "batchmean"
    reduction = chosen(size_average, reduce, "sum" if batch else reduction)
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            stacklevel=2,
        )
    loss = target.exp() * (target - input) if log_target else target.xlogy(target) - target * input
    loss = _reduced(loss, reduction)
    return loss / input._a.shape[0] if batch and input._a.ndim else loss


def poisson_nll_loss(input, target, log_input=True, full=False, size_average=None, eps=1e-8, reduce=None, reduction="mean"):
    """exp(x) - y·x for log-rates x, x - y·log(x + eps) for rates; `full` adds Stirling's y·log y - y + log(2πy)/2 where y > 1.

    >>> import lightwell as torch
    >>> torch.nn.functional.poisson_nll_loss(torch.tensor([0., 1.]), torch.tensor([1., 2.]))
    tensor(0.8591)
    """
    reduction = chosen(size_average, reduce, reduction)
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + (target * (2 * math.pi)).log() * 0.5
        loss = loss + where(target > 1, stirling, 0.0)
    return _reduced(loss, reduction)


def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """(log v + (x-y)²/v)/2, v = max(var, eps); `full` adds log(2π)/2 (Nix & Weigend, 1994).

    ValueError where var has a negative entry, or neither the input's shape nor size 1 (or nothing) in its last dimension.

    >>> import lightwell as torch
    >>> torch.nn.functional.gaussian_nll_loss(torch.tensor([0., 1.]), torch.tensor([1., 1.]), torch.tensor([1., 4.]))
    tensor(0.5966)
    """
    if not isinstance(var, Tensor):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = input.new_full((), var).expand_as(input)
    elif var._a.shape != input._a.shape:
        if input._a.shape[:-1] == var._a.shape:
            var = var.unsqueeze(-1)
        elif not (input._a.shape[:-1] == var._a.shape[:-1] and var._a.shape[-1:] == (1,)):
            try:
                np.broadcast_to(var._a, input._a.shape)
            except ValueError:
                raise ValueError("var is of incorrect size") from None
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    if (var._a < 0).any():
        raise ValueError("var has negative entry/entries")
    # The gradient reaches var as if it had not been raised to eps.
    raised = var + make(np.maximum(np.asarray(eps, var._a.dtype) - var._a, 0))
    loss = (raised.log() + (input - target) ** 2 / raised) * 0.5
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return _reduced(loss, reduction)


# ---- margins --------------------------------------------------------------------------------------------------------


def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """log(1 + exp(-y·x)) for answers y = ±1.

    >>> import lightwell as torch
    >>> torch.nn.functional.soft_margin_loss(torch.tensor([2., 0.]), torch.tensor([1., -1.]))
    tensor(0.4100)
    """
    reduction = chosen(size_average, reduce, reduction)
    return L.soft_margin_loss_(*_same(input, target), _count(reduction, input, target))


def hinge_embedding_loss(input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"):
    """x where y = 1, max(0, margin - x) where y = -1.

    >>> import lightwell as torch
    >>> torch.nn.functional.hinge_embedding_loss(torch.tensor([0.5, 0.2]), torch.tensor([1., -1.]))
    tensor(0.6500)
    """
    reduction = chosen(size_average, reduce, reduction)
    apart = where(target == 1, 0.0, (margin - input).clamp_min(0))
    near = where(target == -1, 0.0, input)
    return _reduced(apart + near, reduction)


def margin_ranking_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """max(0, -y·(x₁ - x₂) + margin): x₁ should be the larger where y = 1; RuntimeError where the dimensions differ.

    >>> import lightwell as torch
    >>> torch.nn.functional.margin_ranking_loss(torch.tensor([1., 3.]), torch.tensor([2., 1.]), torch.tensor([1., 1.]))
    tensor(0.5000)
    """
    reduction = chosen(size_average, reduce, reduction)
    if input1.dim() != input2.dim() or input1.dim() != target.dim():
        raise RuntimeError(
            f"margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: {input1.size()}, "
            f"input2: {input2.size()}, target: {target.size()} "
        )
    return _reduced((-target * (input1 - input2) + margin).clamp_min(0), reduction)


def cosine_embedding_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """1 - cos(x₁, x₂) where y = 1, max(0, cos(x₁, x₂) - margin) where y = -1.

    >>> import lightwell as torch
    >>> torch.nn.functional.cosine_embedding_loss(torch.tensor([[1., 0.]]), torch.tensor([[1., 1.]]), torch.tensor([1.]))
    tensor(0.2929)
    """
    reduction = chosen(size_average, reduce, reduction)
    if target._a.ndim > 1 or target._a.ndim + 1 != max(input1._a.ndim, input2._a.ndim):
        if target._a.ndim > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        raise RuntimeError(
            f"{target._a.ndim}D target tensor expects {target._a.ndim + 1}D input tensors, but found inputs with sizes "
            f"{list(input1._a.shape)} and {list(input2._a.shape)}."
        )
    eps = 1e-12
    cos = (input1 * input2).sum(-1) / (((input1 * input1).sum(-1) + eps) * ((input2 * input2).sum(-1) + eps)).sqrt()
    near = where(target == 1, 1 - cos, 0.0)
    apart = where(target == -1, (cos - margin).clamp_min(0), 0.0)
    return _reduced(near + apart, reduction)


def triplet_margin_loss(
    anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False, size_average=None, reduce=None, reduction="mean"
):
    """max(0, d(a, p) - d(a, n) + margin), d the p-norm distance; `swap` uses d(p, n) where it is the smaller.

    ValueError for margin ≤ 0, RuntimeError where the numbers of dimensions differ (Balntas et al., 2016).

    >>> import lightwell as torch
    >>> a, p, n = torch.tensor([[0., 0.]]), torch.tensor([[0., 1.]]), torch.tensor([[1.5, 0.]])
    >>> torch.nn.functional.triplet_margin_loss(a, p, n)
    tensor(0.5000)
    """
    reduction = chosen(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    return _triplet(anchor, positive, negative, lambda x, y: pairwise_distance(x, y, p, eps), margin, swap, reduction)


def triplet_margin_with_distance_loss(anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False, reduction="mean"):
    """max(0, d(a, p) - d(a, n) + margin) for any distance function d; the Euclidean distance where none is given.

    >>> import lightwell as torch
    >>> a, p, n = torch.tensor([[0., 0.]]), torch.tensor([[0., 1.]]), torch.tensor([[1.5, 0.]])
    >>> far = lambda x, y: (x - y).abs().amax(1)
    >>> torch.nn.functional.triplet_margin_with_distance_loss(a, p, n, distance_function=far)
    tensor(0.5000)
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"'{reduction}' is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    return _triplet(anchor, positive, negative, distance_function or pairwise_distance, margin, swap, reduction)


def _triplet(a, p, n, distance, margin, swap, reduction):
    if not a.dim() == p.dim() == n.dim():
        raise RuntimeError(
            f"The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor "
            f"{a.dim()}D, positive {p.dim()}D, and negative {n.dim()}D inputs"
        )
    near, apart = distance(a, p), distance(a, n)
    if swap:
        apart = minimum(apart, distance(p, n))
    return _reduced((near - apart + margin).clamp_min(0), reduction)


def multilabel_soft_margin_loss(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """-(y·log σ(x) + (1-y)·log σ(-x)), averaged over the classes (the last dimension).

    >>> import lightwell as torch
    >>> torch.nn.functional.multilabel_soft_margin_loss(torch.tensor([[2., 0.]]), torch.tensor([[1., 0.]]))
    tensor(0.4100)
    """
    from .activation import logsigmoid

    reduction = chosen(size_average, reduce, reduction)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return _reduced(loss.sum(-1) / input._a.shape[-1], reduction)


def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"):
    """Σ_{i≠t} max(0, margin - x[t] + x[i])ᵖ/C, times weight[t]; p is 1 or 2 (ValueError otherwise).

    RuntimeError where the target's shape doesn't fit, or a weight is missing.

    >>> import lightwell as torch
    >>> torch.nn.functional.multi_margin_loss(torch.tensor([[0.1, 0.2, 0.8]]), torch.tensor([2]))
    tensor(0.2333)
    """
    reduction = chosen(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    single = input._a.ndim <= 1
    x, t = (input.reshape(1, -1), target.reshape(1)) if single else (input, target)
    if x._a.ndim != 2 or t._a.shape != x._a.shape[:1]:
        raise RuntimeError(f"inconsistent target size, expected {list(x._a.shape[:1])} but got {list(t._a.shape)}")
    classes = x._a.shape[1]
    if t._a.size and not (t._a.min() >= 0 and t._a.max() < classes):
        raise RuntimeError(f"target out of range: classes are 0 to {classes - 1}")
    column = t.reshape(-1, 1)
    terms = (x - x.gather(1, column) + margin).clamp_min(0)
    if p == 2:
        terms = terms * terms
    if weight is not None:
        terms = terms * weight[t].reshape(-1, 1)
    others = np.ones(x._a.shape, x._a.dtype)
    np.put_along_axis(others, column._a, 0, 1)
    loss = (terms * make(others)).sum(1) / classes
    return _reduced(loss.reshape(()) if single else loss, reduction)


def multilabel_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """Σ_j Σ_{i not a target} max(0, 1 - (x[y_j] - x[i]))/C over the targets y_j before the first -1.

    RuntimeError where the target's shape is not the input's.

    >>> import lightwell as torch
    >>> torch.nn.functional.multilabel_margin_loss(torch.tensor([[0.1, 0.2, 0.4, 0.8]]), torch.tensor([[3, 0, -1, 1]]))
    tensor(0.8500)
    """
    reduction = chosen(size_average, reduce, reduction)
    if input._a.shape != target._a.shape:
        raise RuntimeError(f"inconsistent target size: {list(target._a.shape)} for input of size: {list(input._a.shape)}")
    single = input._a.ndim <= 1
    x, t = (input.reshape(1, -1), target._a.reshape(1, -1)) if single else (input, target._a)
    classes = x._a.shape[1]
    if t.size and (t.min() < -1 or t.max() >= classes):
        raise RuntimeError("argument #2 to multilabel_margin_loss has target out of range")
    live = np.cumprod(t >= 0, axis=1).astype(bool)
    places = np.where(live, t, 0)
    is_target = np.zeros(t.shape, bool)
    rows = np.broadcast_to(np.arange(t.shape[0])[:, None], t.shape)
    is_target[rows[live], places[live]] = True
    # terms[n, j, i] = 1 - x[n, y_j] + x[n, i] for live j and i outside the targets
    gap = (1 - x.gather(1, make(places)).unsqueeze(2) + x.unsqueeze(1)).clamp_min(0)
    mask = (live[:, :, None] & ~is_target[:, None, :]).astype(x._a.dtype)
    loss = (gap * make(mask)).sum((1, 2)) / classes
    return _reduced(loss.reshape(()) if single else loss, reduction)
