"""Distances and angles between vectors."""

import math

from ...errors import traced
from ...errors.teaching import RuntimeError, TypeError
from ...ops.choose import where
from ...ops.distances import cdist, pdist
from ...tensor import Tensor, make

__all__ = ["cdist", "cosine_similarity", "pairwise_distance", "pdist"]


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """x₁·x₂/(max(‖x₁‖, eps)·max(‖x₂‖, eps)) along `dim`; both broadcast.

    >>> import lightwell as torch
    >>> torch.nn.functional.cosine_similarity(torch.tensor([[1., 0.]]), torch.tensor([[1., 1.]]))
    tensor([0.7071])
    """
    for argument, x in (("x1", x1), ("x2", x2)):
        if not isinstance(x, Tensor):
            raise TypeError(f"cosine_similarity(): argument '{argument}' must be Tensor, not {type(x).__name__}")
        if not x.is_floating_point() and not x.is_complex():
            raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {x.dtype}")
    return ((x1 / _length(x1, dim, eps)) * (x2 / _length(x2, dim, eps))).sum(dim)


def _length(x, dim, eps):
    """max(‖x‖, eps) along `dim`, with a gradient of 0 at 0."""
    return _root((x * x).sum(dim, keepdim=True)).clamp_min(eps)


def _root(squares):
    """√squares with a gradient of 0 where squares is 0."""
    zero = squares._a == 0
    if not traced(zero) and not zero.any():
        return squares.sqrt()
    zero = make(zero)
    return where(zero, squares * 0, where(zero, 1.0, squares).sqrt())


def _norm(d, p: float, dim: int, keepdim: bool = False):
    """‖d‖ₚ along a dimension, with a gradient of 0 at 0."""
    if p == 0:
        return ((d != 0).to(d.dtype) + d * 0).sum(dim, keepdim=keepdim)  # d·0: a gradient of 0, not none
    if p == 1:
        return d.abs().sum(dim, keepdim=keepdim)
    if p == math.inf:
        return d.abs().amax(dim, keepdim=keepdim)
    if p == 2:
        return _root((d * d).sum(dim, keepdim=keepdim))
    powers = (d.abs() ** p).sum(dim, keepdim=keepdim)
    zero = make(powers._a == 0)
    return where(zero, powers * 0, where(zero, 1.0, powers) ** (1 / p))


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """‖x₁ - x₂ + eps‖ₚ along the last dimension.

    >>> import lightwell as torch
    >>> torch.nn.functional.pairwise_distance(torch.tensor([[3., 4.]]), torch.zeros(1, 2))
    tensor([5.0000])
    """
    d = x1 - x2 + eps
    return _norm(d, p, max(d._a.ndim - 1, 0), keepdim) if d._a.ndim else d.abs()
