"""Loss functions with a margin: scores, distances or cosines that should differ by enough."""

import numpy as np

from ... import errors
from ...errors.teaching import RuntimeError, ValueError
from ...ops import loss_ops as L
from ...ops.choose import minimum, where
from ...ops.op import readable
from ...ops.precision import float32
from ...tensor import make
from .activation import logsigmoid
from .distance import pairwise_distance
from .loss import chosen, elements, reduced, same

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss", "multilabel_margin_loss",
    "multilabel_soft_margin_loss", "soft_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip


@float32
def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """log(1 + exp(-y·x)) for answers y = ±1.

    >>> import lightwell as torch
    >>> torch.nn.functional.soft_margin_loss(torch.tensor([2., 0.]), torch.tensor([1., -1.]))
    tensor(0.4100)
    """
    reduction = chosen(size_average, reduce, reduction)
    errors.same_or_broadcast("soft_margin_loss", input, target)
    return L.soft_margin_loss_(*same(input, target), elements(reduction, input, target))


@float32
def hinge_embedding_loss(input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"):
    """x where y = 1, max(0, margin - x) where y = -1.

    >>> import lightwell as torch
    >>> torch.nn.functional.hinge_embedding_loss(torch.tensor([0.5, 0.2]), torch.tensor([1., -1.]))
    tensor(0.6500)
    """
    reduction = chosen(size_average, reduce, reduction)
    apart = where(target == 1, 0.0, (margin - input).clamp_min(0))
    near = where(target == -1, 0.0, input)
    return reduced(apart + near, reduction)


@float32
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
    return reduced((-target * (input1 - input2) + margin).clamp_min(0), reduction)


@float32
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
    return reduced(near + apart, reduction)


@float32
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
    return reduced((near - apart + margin).clamp_min(0), reduction)


def multilabel_soft_margin_loss(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """-(y·log σ(x) + (1-y)·log σ(-x)), averaged over the classes (the last dimension).

    >>> import lightwell as torch
    >>> torch.nn.functional.multilabel_soft_margin_loss(torch.tensor([[2., 0.]]), torch.tensor([[1., 0.]]))
    tensor(0.4100)
    """
    reduction = chosen(size_average, reduce, reduction)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced(loss.sum(-1) / input._a.shape[-1], reduction)


@readable
@float32
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
    if errors.traced(t._a):
        t._a.within(0, classes)
    elif t._a.size and not (t._a.min() >= 0 and t._a.max() < classes):
        raise RuntimeError(
            errors.outside("target out of range: class", t._a, 0, classes - 1, f"multi_margin_loss()'s input has {classes} classes")
        )
    column = t.reshape(-1, 1)
    terms = (x - x.gather(1, column) + margin).clamp_min(0)
    if p == 2:
        terms = terms * terms
    if weight is not None:
        terms = terms * weight[t].reshape(-1, 1)
    others = np.ones(x._a.shape, x._a.dtype)
    np.put_along_axis(others, column._a, 0, 1)
    loss = (terms * make(others)).sum(1) / classes
    return reduced(loss.reshape(()) if single else loss, reduction)


@readable
@float32
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
        raise RuntimeError(
            errors.outside("target out of range: class", t, -1, classes - 1, f"multilabel_margin_loss()'s input has {classes} classes")
        )
    live = np.cumprod(t >= 0, axis=1).astype(bool)
    places = np.where(live, t, 0)
    is_target = np.zeros(t.shape, bool)
    rows = np.broadcast_to(np.arange(t.shape[0])[:, None], t.shape)
    is_target[rows[live], places[live]] = True
    # terms[n, j, i] = 1 - x[n, y_j] + x[n, i] for live j and i outside the targets
    gap = (1 - x.gather(1, make(places)).unsqueeze(2) + x.unsqueeze(1)).clamp_min(0)
    mask = (live[:, :, None] & ~is_target[:, None, :]).astype(x._a.dtype)
    loss = (gap * make(mask)).sum((1, 2)) / classes
    return reduced(loss.reshape(()) if single else loss, reduction)
