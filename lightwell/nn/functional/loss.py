"""Loss functions: how far an input is from its targets (those with a margin stand in margin_loss.py)."""

import builtins
import math
import warnings

import numpy as np

from ... import dtypes, errors
from ...errors import traced
from ...errors.level import users_level
from ...errors.teaching import NotImplementedError, RuntimeError, TypeError, ValueError
from ...ops import loss_ops as L
from ...ops.choose import where
from ...ops.op import readable
from ...ops.precision import float32
from ...ops.softmax import class_terms, cross_entropy_, log_softmax_, nll_loss_
from ...tensor import Tensor, make

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "gaussian_nll_loss", "huber_loss", "kl_div", "l1_loss",
    "mse_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss",
]  # fmt: skip


def chosen(size_average, reduce, reduction: str) -> str:
    """The reduction in force: the old pair of flags goes first where one is given."""
    if size_average is not None or reduce is not None:
        average, whole = size_average is None or size_average, reduce is None or reduce
        reduction = "mean" if average and whole else "sum" if whole else "none"
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.", stacklevel=users_level()
        )
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction: use 'none', 'mean' or 'sum'")
    return reduction


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """Element losses averaged, summed, or as they are."""
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def elements(reduction: str, *tensors):
    """How a record is told the reduction: None, 0 for a sum, the number of elements for a mean."""
    if reduction != "mean":
        return None if reduction == "none" else 0
    a = np.broadcast(*[t._a for t in tensors]) if len({t._a.shape for t in tensors}) > 1 else tensors[0]._a
    return a.size or math.nan


def _need_tensors(name: str, **values) -> None:
    for argument, value in values.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}(): argument '{argument}' must be Tensor, not {type(value).__name__}")


def _broadcast_warning(name: str, input, target) -> None:
    _need_tensors(name, input=input, target=target)
    if input._a.shape != target._a.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will likely lead to "
            "incorrect results due to broadcasting. Please ensure they have the same size.",
            stacklevel=users_level(),
        )


def _weighted(loss: Tensor, weight, reduction: str) -> Tensor:
    """Element losses times weights; a mean divides by the sum of the weights."""
    if weight is None:
        return reduced(loss, reduction)
    weight = weight.expand_as(loss) if weight._a.shape != loss._a.shape else weight
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else reduced(loss, reduction)


@float32
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


@float32
def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """|input - target|, averaged, summed or as it is. Warns where the shapes differ.

    >>> import lightwell as torch
    >>> torch.nn.functional.l1_loss(torch.tensor([1., 2.]), torch.tensor([0., 0.]))
    tensor(1.5000)
    """
    reduction = chosen(size_average, reduce, reduction)
    _broadcast_warning("l1_loss", input, target)
    return _weighted((input - target).abs(), weight, reduction)


@float32
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
    return L.smooth_l1_loss_(*same(input, target), beta, elements(reduction, input, target))


def same(x: Tensor, y: Tensor):
    """Both in their common dtype."""
    if x._a.dtype is y._a.dtype:
        return x, y
    d = dtypes.promote_types(x.dtype, y.dtype)
    return x.to(d), y.to(d)


@float32
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
        return L.huber_loss_(*same(input, target), delta, elements(reduction, input, target))
    return _weighted(L.huber_loss_(*same(input, target), delta, None), weight, reduction)


@readable
@float32
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
    if a.size and not traced(a) and not (a.min() >= 0 and a.max() <= 1):
        raise RuntimeError(
            "all elements of input should be between 0 and 1: binary_cross_entropy takes probabilities; for scores use "
            "binary_cross_entropy_with_logits"
        )
    if input._a.dtype != target._a.dtype:
        raise RuntimeError(f"Found dtype {target.dtype} but expected {input.dtype}: convert the target, with .to(input.dtype)")
    if weight is None:
        return L.binary_cross_entropy_(input, target, elements(reduction, input))
    return reduced(L.binary_cross_entropy_(input, target, None) * weight, reduction)


@float32
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
    for other in (weight, pos_weight):
        if other is not None:
            errors.same_or_broadcast("binary_cross_entropy_with_logits", input, other)
    x, y = same(input, target)
    if weight is None:
        return L.binary_cross_entropy_with_logits_(x, y, pos_weight, elements(reduction, x))
    return reduced(L.binary_cross_entropy_with_logits_(x, y, pos_weight, None) * weight, reduction)


# ---- classes --------------------------------------------------------------------------------------------------------


@readable
@float32
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


@readable
@float32
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
        if not input.is_floating_point():
            raise NotImplementedError(
                f'"log_softmax_lastdim_kernel_impl" not implemented for {input.dtype}: cross_entropy(input, target) takes the scores '
                "first, and they are floats; are prediction and target swapped?"
            )
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
    spread = -(spread * make(valid.astype(c.dtype, copy=False)))
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


@readable
@float32
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
            stacklevel=users_level(),
        )
    loss = target.exp() * (target - input) if log_target else target.xlogy(target) - target * input
    loss = reduced(loss, reduction)
    return loss / input._a.shape[0] if batch and input._a.ndim else loss


@readable
@float32
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
    return reduced(loss, reduction)


@readable
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
            except builtins.ValueError:
                raise ValueError("var is of incorrect size") from None
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    if not traced(var._a) and (var._a < 0).any():
        raise ValueError("var has negative entry/entries")
    # The gradient reaches var as if it had not been raised to eps.
    raised = var + make(np.maximum(np.asarray(eps, var._a.dtype) - var._a, 0))
    loss = (raised.log() + (input - target) ** 2 / raised) * 0.5
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced(loss, reduction)
