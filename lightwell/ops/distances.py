"""Norms and distances said in terms of the vector norm: renorm, norms by dimension, distances between points."""

import math

import numpy as np

from ..errors.teaching import RuntimeError, ValueError
from ..tensor import Tensor, wrap
from .dims import need_tensor, one_axis
from .moments import norm, vector_norm
from .precision import float32
from .public import public

__all__ = ["cdist", "frobenius_norm", "norm_except_dim", "nuclear_norm", "pdist", "renorm"]


@public(inplace=True)
def renorm(input: Tensor, p, dim, maxnorm) -> Tensor:
    """The input with each slice along `dim` whose p-norm is above `maxnorm` scaled down to it.

    y = x·maxnorm/(|x|ₚ + 1e-7) where |x|ₚ > maxnorm, otherwise x. RuntimeError: p ≤ 0, a negative maxnorm, fewer than
    two dimensions.

    >>> import lightwell as torch
    >>> torch.renorm(torch.tensor([[3., 4.], [0., 1.]]), 2, 0, 1)
    tensor([[0.6000, 0.8000],
            [0.0000, 1.0000]])
    """
    axis = one_axis(input, dim, "renorm")
    if p <= 0:
        raise RuntimeError(f"renorm(): non-positive-norm not supported, got p = {p}")
    if maxnorm < 0:
        raise RuntimeError(f"renorm(): expected maxnorm to be >= 0 but got {maxnorm}")
    if input._a.ndim < 2:
        raise RuntimeError(f"renorm(): input needs at least 2 dimensions, got {input._a.ndim} dimensions")
    size = vector_norm(input, p, [i for i in range(input._a.ndim) if i != axis], True, None, "renorm")
    scale = maxnorm / (size + 1e-7)
    return input * scale.where(size > maxnorm, wrap(np.ones((), size._a.dtype)))


@public(method=False, out=False)
def norm_except_dim(v: Tensor, pow=2, dim=0) -> Tensor:
    """The p-norm (p = `pow`) over all dimensions but `dim` (-1: over all), which stay as size 1.

    >>> import lightwell as torch
    >>> torch.norm_except_dim(torch.tensor([[3., 4.], [0., 1.]]))
    tensor([[5.],
            [1.]])
    """
    need_tensor(v, "norm_except_dim", "v")
    if dim == -1:
        return norm(v, pow)
    axis = one_axis(v, dim, "norm_except_dim")
    return vector_norm(v, pow, [i for i in range(v._a.ndim) if i != axis], True, None, "norm_except_dim")


@public(method=False)
def frobenius_norm(input: Tensor, dim, keepdim=False) -> Tensor:
    """√Σ|x|² over the dimensions `dim`.

    >>> import lightwell as torch
    >>> torch.frobenius_norm(torch.tensor([[3., 4.]]), (0, 1))
    tensor(5.)
    """
    return vector_norm(input, 2, dim, keepdim, None, "frobenius_norm")


@public(method=False)
def nuclear_norm(input: Tensor, dim=(-2, -1), keepdim=False) -> Tensor:
    """The sum of the singular values of the matrices that `dim` names.

    >>> import lightwell as torch
    >>> torch.nuclear_norm(torch.tensor([[3., 0.], [0., 4.]]))
    tensor(7.)
    """
    return norm(input, "nuc", dim, keepdim)


@float32
@public(method=False, out=False)
def cdist(x1: Tensor, x2: Tensor, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """The distance of each point (row) of x1 to each of x2: yᵢⱼ = |x1ᵢ - x2ⱼ|ₚ; leading dimensions broadcast.

    With many points and p = 2, |a - b|² = |a|² + |b|² - 2a·b, a matrix product, as `compute_mode` allows.
    RuntimeError: other numbers of coordinates, dtypes, fewer than two dimensions, negative p.

    >>> import lightwell as torch
    >>> torch.cdist(torch.tensor([[0., 0.]]), torch.tensor([[3., 4.], [1., 0.]]))
    tensor([[5., 1.]])
    """
    need_tensor(x1, "cdist", "x1")
    need_tensor(x2, "cdist", "x2")
    modes = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
    if compute_mode not in modes:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    for name, x in (("X1", x1), ("X2", x2)):
        if x._a.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x._a.ndim}D")
        if x._a.dtype.kind in "iub":
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: {x.dtype}: convert it, with .float()")
    if x1._a.shape[-1] != x2._a.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1._a.shape[-1]} X2: {x2._a.shape[-1]} in cdist()")
    if p < 0:
        raise RuntimeError(f"cdist only supports non-negative p values, got {p}")
    many = max(x1._a.shape[-2], x2._a.shape[-2]) > 25
    if p == 2 and (compute_mode == modes[1] or (compute_mode == modes[0] and many)):
        square = (x1 * x1).sum(-1, True) + (x2 * x2).sum(-1).unsqueeze(-2) - 2 * (x1 @ x2.mT)
        zero = square._a <= 0  # rounding may go below 0, and √ has no slope at 0
        return square.masked_fill(wrap(zero), 1).sqrt().masked_fill(wrap(zero), 0) if zero.any() else square.sqrt()
    return vector_norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), p, -1, False, None, "cdist")


@public(method=False, out=False)
def pdist(input: Tensor, p=2) -> Tensor:
    """The distances between the n rows, each pair once: |xᵢ - xⱼ|ₚ for i < j, n(n - 1)/2 of them.

    RuntimeError: anything but two dimensions, negative p.

    >>> import lightwell as torch
    >>> torch.pdist(torch.tensor([[0., 0.], [3., 4.], [3., 0.]]))
    tensor([5., 3., 4.])
    """
    need_tensor(input, "pdist")
    if input._a.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input._a.ndim}D")
    if not (p >= 0 or p == math.inf):
        raise RuntimeError(f"pdist only supports non-negative p values, got {p}")
    i, j = np.triu_indices(input._a.shape[0], 1)
    return vector_norm(input[wrap(i)] - input[wrap(j)], p, -1, False, None, "pdist")
