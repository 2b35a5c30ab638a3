"""Softmax, its logarithm, and the negative log-likelihood losses on top of them."""

import numpy as np

from .. import errors
from ..errors.teaching import IndexError, NotImplementedError, RuntimeError, TypeError, ValueError
from ..tensor import Tensor, dim_error, make
from .op import op
from .public import public

__all__ = ["log_softmax", "softmax"]


@op
class softmax_:
    r"""yᵢ = exp(xᵢ)/Σⱼ exp(xⱼ).   ∂yᵢ/∂xⱼ = yᵢ·(δᵢⱼ - yⱼ),   hence   gx = y·(gy - Σ gy·y)."""

    def forward(xp, x, /, axis):
        return xp.softmax(x, axis)

    def grad_x(xp, gy, y, axis):
        return xp.softmax_pull(gy, y, axis)


@op
class log_softmax_:
    r"""yᵢ = xᵢ - log Σⱼ exp(xⱼ).   ∂yᵢ/∂xⱼ = δᵢⱼ - exp(yⱼ),   hence   gx = gy - exp(y)·Σ gy."""

    def forward(xp, x, /, axis):
        return xp.log_softmax(x, axis)

    def grad_x(xp, gy, y, axis):
        return xp.log_softmax_pull(gy, y, axis)


@op
class nll_loss_:
    r"""y = Σₙ cₙ·x[n, indexₙ] (or the terms of the sum), c = -weight/divisor.   gx = gy·c at the indices, 0 elsewhere."""

    def forward(xp, x, /, index, c, axis, reduced):
        picked = xp.take_along_axis(x, index, axis) * c
        return xp.sum(picked) if reduced else xp.squeeze(picked, axis)

    def grad_x(xp, gy, x_shape, index, c, axis, reduced):
        gy = gy if reduced else xp.expand_dims(gy, axis)
        zeros = xp.zeros_like(xp.broadcast_to(xp.sum(gy), x_shape))
        return xp.scatter_add(zeros, index, xp.broadcast_to(gy * c, tuple(index.shape)), axis)


@op
class cross_entropy_:
    r"""y = Σₙ cₙ·log pₙ[indexₙ], p = softmax(x), c = -weight/divisor.   ∂log pᵢ/∂xⱼ = δᵢⱼ - pⱼ,   hence
    gx = gy·c·(onehot(index) - p)."""

    node_name = "NllLossBackward0"
    keeps = ("logp",)

    def forward(xp, x, /, index, c, axis, reduced):
        logp = xp.log_softmax(x, axis)
        picked = xp.take_along_axis(logp, index, axis) * c
        return (xp.sum(picked) if reduced else xp.squeeze(picked, axis)), logp

    def grad_x(xp, gy, x, logp, index, c, axis, reduced):
        gy = gy if reduced else xp.expand_dims(gy, axis)
        return xp.nll_pull(logp, index, gy * c, axis)


def _prepared(name: str, input, dim, dtype) -> tuple:
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if dtype is not None:
        if isinstance(dtype, (str, int)) and not isinstance(dtype, type):
            raise TypeError(f"{name}(): argument 'dtype' must be torch.dtype, not {type(dtype).__name__}")
        input = input.to(dtype)
    if input._a.dtype.kind in "iub":
        raise NotImplementedError(f'"{name}_lastdim_kernel_impl" not implemented for {input.dtype}: convert it first, with .float()')
    ndim = input._a.ndim
    if isinstance(dim, str) or not hasattr(dim, "__index__"):
        raise TypeError(f"{name}(): argument 'dim' (position 2) must be int, not {type(dim).__name__}")
    dim = dim.__index__()
    if not -max(ndim, 1) <= dim < max(ndim, 1):
        raise dim_error(dim, ndim)
    return input, dim


@public
def softmax(input, dim, dtype=None):
    """exp(xᵢ)/Σⱼ exp(xⱼ) along `dim`, computed from x less its largest value so that nothing overflows.

    `dtype` converts the input first. IndexError for a dimension that isn't there.

    >>> import lightwell as torch
    >>> torch.softmax(torch.tensor([0., 0., 1000.]), 0)
    tensor([0., 0., 1.])
    """
    return softmax_(*_prepared("softmax", input, dim, dtype))


@public
def log_softmax(input, dim, dtype=None):
    """xᵢ - log Σⱼ exp(xⱼ) along `dim`: the logarithm of softmax, exact where softmax itself rounds to 0 or 1.

    `dtype` converts the input first. IndexError for a dimension that isn't there.

    >>> import lightwell as torch
    >>> torch.log_softmax(torch.tensor([0., 1000.]), 0)
    tensor([-1000.,     0.])
    """
    return log_softmax_(*_prepared("log_softmax", input, dim, dtype))


# ---- losses of class indices (public in nn/functional/loss.py) ------------------------------------------------------


def class_terms(name: str, x: Tensor, target: Tensor, weight, ignore_index: int, reduction: str):
    """(index, c, axis) of a loss Σ c·x[index]: the targets checked, the weights and the divisor of a mean in c."""
    a, t = x._a, target._a
    axis = 1 if a.ndim > 1 else 0
    if not a.ndim:
        raise ValueError(f"{name}(): expected the input to have at least one dimension, (C) or (N, C, ...), got a 0-dim tensor")
    if a.ndim == 1 and t.shape == (1,):
        t = t.reshape(())
    expected = a.shape[:axis] + a.shape[axis + 1 :]
    if t.shape != expected:
        if a.ndim > 1 and (t.shape[0] if t.ndim else 0) != a.shape[0]:
            raise ValueError(
                f"Expected input batch_size ({a.shape[0]}) to match target batch_size ({t.shape[0] if t.ndim else 0}): {name}() of an input "
                f"of shape {list(a.shape)} and a target of shape {list(t.shape)}"
            )
        if a.ndim == 1 and t.ndim == 1:
            raise ValueError(f"{name}(): For 1D input, 1D target must have size 1, but got target size: {t.size}")
        if t.shape == a.shape and name == "cross_entropy":
            raise RuntimeError(
                f"Expected floating point type for target with class probabilities, got {target.dtype}: cross_entropy takes one-hot rows as "
                f"floats, target.float(), or class indices of shape {list(expected)}"
            )
        if a.ndim == t.ndim == 2:
            raise RuntimeError(
                f"0D or 1D target tensor expected, multi-target not supported: {name}() of an input of shape {list(a.shape)} takes class "
                f"indices of shape {list(expected)}, not {list(t.shape)}"
            )
        raise RuntimeError(
            f"Expected target size {list(expected)}, got {list(t.shape)}: {name}() of an input of shape {list(a.shape)} takes one "
            f"class index per position (the input's shape without dimension {axis})"
        )
    if t.dtype != np.int64 and t.dtype != np.uint8:
        raise RuntimeError(
            f"{name}(): expected target dtype to be Long or Byte, but got {target.dtype}: class indices are int64; convert with .long()"
        )
    classes = a.shape[axis]
    if weight is not None and weight._a.shape != (classes,):
        raise RuntimeError(
            f"{name}(): weight should have one element for each of the {classes} classes, but got weight of shape {list(weight._a.shape)}"
        )
    flat = t.reshape(-1)
    if errors.traced(flat):  # being traced: the range is a condition of the compiled program
        low, high = flat.within(0, classes, ignore_index)
    else:
        low, high = (np.minimum.reduce(flat), np.maximum.reduce(flat)) if t.size else (0, -1)
    ignored = None
    if low < 0 or high >= classes or 0 <= ignore_index < classes:
        ignored = t == ignore_index
        t = np.where(ignored, 0, t)
        if t.size and not errors.traced(t) and not (t.min() >= 0 and t.max() < classes):
            where = f"{name}() of an input of shape {list(a.shape)} has {classes} classes"
            raise IndexError(errors.outside("Target", t, 0, classes - 1, where))
    real = a.dtype if a.dtype.itemsize >= 4 else np.dtype(np.float32)
    if weight is None and ignored is None:
        divisor = t.size if reduction == "mean" else 1
        c = np.asarray(-1 / divisor if divisor else np.nan, real)
    else:
        c = np.ones(t.shape, real) if weight is None else np.take(weight.detach()._a.astype(real), t, 0)
        if ignored is not None:
            c = np.where(ignored, real.type(0), c)
        c = -c / c.sum() if reduction == "mean" else -c
        c = np.expand_dims(c, axis)
    index = t if t.dtype == np.int64 else t.astype(np.int64)
    return make(index.reshape(t.shape[:axis] + (1,) + t.shape[axis:])), c if c.dtype == a.dtype else c.astype(a.dtype), axis
