"""Distances and angles between vectors."""

import math

import numpy as np

from ...ops.choose import where
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
    if not zero.any():
        return squares.sqrt()
    zero = make(zero)
    return where(zero, squares * 0, where(zero, 1.0, squares).sqrt())


def _norm(d, p: float, dim: int, keepdim: bool = False):
    """‖d‖ₚ along a dimension, with a gradient of 0 at 0."""
    if p == 0:
        return (d != 0).to(d.dtype).sum(dim, keepdim=keepdim)
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


def cdist(x1, x2, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary"):
    """‖x₁ᵢ - x₂ⱼ‖ₚ of every row of x₁ (…, P, M) with every row of x₂ (…, R, M): shape (…, P, R).

    The Euclidean distance of more than 25 rows goes by ‖x‖² + ‖y‖² - 2x·y, unless `compute_mode` says
    "donot_use_mm_for_euclid_dist". RuntimeError for fewer than two dimensions, or two row lengths.

    >>> import lightwell as torch
    >>> torch.cdist(torch.tensor([[0., 0.]]), torch.tensor([[3., 4.], [1., 0.]]))
    tensor([[5., 1.]])
    """
    for argument, x in (("X1", x1), ("X2", x2)):
        if x._a.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {argument} got: {x._a.ndim}D")
        if not x.is_floating_point():
            raise RuntimeError(f"cdist only supports floating-point dtypes, {argument} got: {x.dtype}")
    if x1._a.shape[-1] != x2._a.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1._a.shape[-1]} X2: {x2._a.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    modes = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
    if compute_mode not in modes:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode: use one of {', '.join(modes)}")
    by_product = compute_mode == modes[1] or (compute_mode == modes[0] and max(x1._a.shape[-2], x2._a.shape[-2]) > 25)
    if p == 2 and by_product:
        squares = (x1 * x1).sum(-1, keepdim=True) + (x2 * x2).sum(-1).unsqueeze(-2) - (x1 @ x2.transpose(-1, -2)) * 2
        return _root(squares.clamp_min(0))
    return _norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), float(p), -1)


def pdist(input, p=2.0):
    """‖xᵢ - xⱼ‖ₚ of every pair of rows i < j of a matrix: shape (N·(N-1)/2,).

    RuntimeError for anything but two dimensions.

    >>> import lightwell as torch
    >>> torch.nn.functional.pdist(torch.tensor([[0., 0.], [3., 4.], [0., 1.]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    if input._a.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input._a.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    i, j = np.triu_indices(input._a.shape[0], 1)
    return _norm(input[make(i)] - input[make(j)], float(p), -1)
