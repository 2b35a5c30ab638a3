"""Spread and size: variance, standard deviation, norms, distances, log-sum-exp."""

import math
import warnings

import numpy as np

from .. import dtypes
from ..errors import traced
from ..errors.level import users_level
from ..errors.teaching import RuntimeError, TypeError
from ..tensor import Tensor
from .dims import axes_of, count, need_tensor, with_dims
from .extremes import shared
from .op import op
from .public import public
from .reduce import _in_dtype

__all__ = ["dist", "logsumexp", "norm", "std", "std_mean", "var", "var_mean"]


def _centred(xp, x, axis):
    return x - xp.mean(x, axis=axis, keepdims=True)


def _freedom(shape, axis, correction):
    """Degrees of freedom; NaN stands for a division by nothing."""
    return max(count(shape, axis) - correction, 0) or math.nan


@op
class var_:
    r"""y = Σ(x - m)²/f with m = Σx/n and f = n - correction.   As Σ(x - m) = 0, m's part vanishes: gx = gy·2(x - m)/f."""

    def forward(xp, x, /, axis, correction, keepdim):
        return xp.var(x, axis=axis, correction=correction, keepdims=keepdim)

    def grad_x(xp, gy, x, x_shape, axis, correction, keepdim):
        return with_dims(xp, gy, x_shape, axis, keepdim) * (_centred(xp, x, axis) * (2 / _freedom(x_shape, axis, correction)))


@op
class std_:
    r"""y = √var.   ∂y/∂var = 1/(2y), hence   gx = gy·(x - m)/(f·y), and 0 where y = 0."""

    def forward(xp, x, /, axis, correction, keepdim):
        if x.dtype.itemsize <= 2:  # one rounding at the end
            return xp.astype(xp.sqrt(xp.var(xp.astype(x, np.float32), axis=axis, correction=correction, keepdims=keepdim)), x.dtype)
        return xp.sqrt(xp.var(x, axis=axis, correction=correction, keepdims=keepdim))

    def grad_x(xp, gy, x, y, x_shape, axis, correction, keepdim):
        scale = _slope(xp, gy, y, _freedom(x_shape, axis, correction))
        return with_dims(xp, scale, x_shape, axis, keepdim) * _centred(xp, x, axis)


def _slope(xp, gy, y, freedom):
    """gy/(f·y), 0 where y = 0."""
    zero = y == 0
    return xp.where(zero, xp.zeros_like(gy), gy / (xp.where(zero, xp.ones_like(y), y) * freedom))


@op
class var_mean_:
    r"""(v, m) = (Σ(x - m)²/f, Σx/n).   gx = gv·2(x - m)/f + gm/n."""

    outputs = ("v", "m")

    def forward(xp, x, /, axis, correction, keepdim):
        return xp.var(x, axis=axis, correction=correction, keepdims=keepdim), xp.mean(x, axis=axis, keepdims=keepdim)

    def grad_x(xp, gv, gm, x, x_shape, axis, correction, keepdim):
        gv, gm = with_dims(xp, gv, x_shape, axis, keepdim), with_dims(xp, gm, x_shape, axis, keepdim)
        slope = _centred(xp, x, axis) * (2 / _freedom(x_shape, axis, correction))
        return gv * slope + gm / (count(x_shape, axis) or math.nan)


@op
class std_mean_:
    r"""(s, m) = (√(Σ(x - m)²/f), Σx/n).   gx = gs·(x - m)/(f·s) + gm/n, the first part 0 where s = 0."""

    outputs = ("s", "m")

    def forward(xp, x, /, axis, correction, keepdim):
        return std_.record.forward(xp, x, axis, correction, keepdim), xp.mean(x, axis=axis, keepdims=keepdim)

    def grad_x(xp, gs, gm, x, s, x_shape, axis, correction, keepdim):
        scale = _slope(xp, gs, s, _freedom(x_shape, axis, correction))
        scale, gm = with_dims(xp, scale, x_shape, axis, keepdim), with_dims(xp, gm, x_shape, axis, keepdim)
        return scale * _centred(xp, x, axis) + gm / (count(x_shape, axis) or math.nan)


@op
class logsumexp_:
    r"""y = log Σ eˣ = m + log Σ e^(x-m) with m = max x, which can't overflow.   ∂y/∂x = eˣ/Σeˣ:   gx = gy·e^(x-y)."""

    floats = True

    def forward(xp, x, /, axis, keepdim):
        if x.dtype.kind in "iub":
            x = xp.astype(x, dtypes.get_default_dtype().np)
        d = x.dtype
        if d.itemsize <= 2:
            x = xp.astype(x, np.float32)
        if not x.size:
            with np.errstate(divide="ignore"):
                return xp.astype(xp.log(xp.sum(x, axis=axis, keepdims=keepdim)), d)
        m = xp.max(xp.real(x) if x.dtype.kind == "c" else x, axis=axis, keepdims=True)
        if traced(m) or not np.isfinite(m).all():  # log 0 = -inf is meant there
            m = xp.where(xp.isinf(m), xp.zeros_like(m), m)
            with np.errstate(divide="ignore", over="ignore"):
                y = xp.log(xp.sum(xp.exp(x - m), axis=axis, keepdims=keepdim))
        else:
            y = x - m
            y = xp.log(xp.sum(np.exp(y, out=y if type(y) is np.ndarray else None), axis=axis, keepdims=keepdim))
        y = y + (m if keepdim else m.reshape(np.shape(y)))
        return y if y.dtype == d else y.astype(d)

    def grad_x(xp, gy, x, y, x_shape, axis, keepdim):
        y, gy = with_dims(xp, y, x_shape, axis, keepdim), with_dims(xp, gy, x_shape, axis, keepdim)
        return gy * xp.exp(x - y)


@op
class linalg_vector_norm:
    r"""y = (Σ|x|ᵖ)^(1/p); p = ∞: max|x|; p = -∞: min|x|; p = 0: how many x ≠ 0.

    ∂y/∂x = sign x·(|x|/y)^(p-1), in particular x/y for p = 2; 0 where x or y is 0. p = ±∞: equal ones share. p = 0: 0.
    """

    conj_aware = True

    def forward(xp, x, /, p, axis, keepdim):
        d = xp.real(x).dtype
        if d.itemsize <= 2:
            x = xp.astype(x, np.float32)
        size = x if x.dtype.kind == "f" and p == 2 else xp.abs(x)
        with np.errstate(divide="ignore"):
            if p == math.inf or p == -math.inf:
                y = (xp.max if p > 0 else xp.min)(size, axis=axis, keepdims=keepdim)
            elif p == 0:
                y = xp.sum(size != 0, axis=axis, keepdims=keepdim)
            elif p == 1:
                y = xp.sum(size, axis=axis, keepdims=keepdim)
            elif p == 2:
                y = xp.sqrt(xp.square_sum(size, axis=axis, keepdims=keepdim))
            else:
                y = xp.pow(xp.sum(xp.pow(size, p), axis=axis, keepdims=keepdim), 1 / p)
        return y if y.dtype == d else y.astype(d)

    def grad_x(xp, gy, x, y, x_shape, p, axis, keepdim):
        y, gy = with_dims(xp, y, x_shape, axis, keepdim), with_dims(xp, gy, x_shape, axis, keepdim)
        if p == 2:
            zero = y == 0
            return x * xp.where(zero, xp.zeros_like(gy), gy / xp.where(zero, xp.ones_like(y), y))
        if p == 0:
            return xp.zeros_like(x) * gy
        sign = xp.sign(x)
        if p == 1:
            return sign * gy
        size = xp.abs(x)
        if p == math.inf or p == -math.inf:
            return sign * shared(xp, gy, size, y, axis)
        zero = (size == 0) | (y == 0)
        ratio = xp.where(zero, xp.ones_like(size), size) / xp.where(y == 0, xp.ones_like(y), y)
        return sign * gy * xp.where(zero, xp.zeros_like(size), xp.pow(ratio, p - 1))


# ---- public ---------------------------------------------------------------------------------------------------------


def _spread_arguments(input, dim, unbiased, correction, name):
    """(axis, correction) of var and std: `unbiased` may stand where `dim` does."""
    need_tensor(input, name)
    if input._a.dtype.kind in "iub":
        what = "std and var" if name in ("std", "var") else name
        raise RuntimeError(f"{what} only support floating point and complex dtypes, got {input.dtype}: convert it, with .float()")
    if dim is True or dim is False:
        unbiased, dim = dim, None
    if unbiased is not None and correction is not None:
        raise TypeError(f"{name}(): give either unbiased or correction, not both")
    if correction is None:
        correction = 0 if unbiased is False else 1
    axis = axes_of(input, dim, name)
    if count(input._a.shape, axis) <= correction or not input._a.size:
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor "
            "(input numel divided by output numel).",
            UserWarning,
            stacklevel=users_level(),
        )
    return axis, correction


def _complex_var(input, axis, correction, keepdim):
    """E|x - m|² of complex numbers: the parts' variances added up."""
    return var_(input.real, axis, correction, keepdim) + var_(input.imag, axis, correction, keepdim)


@public
def var(input: Tensor, dim=None, unbiased=None, keepdim=False, *, correction=None) -> Tensor:
    """The variance of all elements, or over the dimensions `dim`.

    y = Σ|x - mean|² / max(n - correction, 0); `correction` is 1 (unbiased) unless given; `unbiased=False` means 0.
    UserWarning where the divisor is 0; RuntimeError: integers, bools.

    >>> import lightwell as torch
    >>> torch.var(torch.tensor([1., 2., 3., 4.]))
    tensor(1.6667)
    """
    axis, correction = _spread_arguments(input, dim, unbiased, correction, "var")
    if input._a.dtype.kind == "c":
        return _complex_var(input, axis, correction, keepdim)
    return var_(input, axis, correction, keepdim)


@public
def std(input: Tensor, dim=None, unbiased=None, keepdim=False, *, correction=None) -> Tensor:
    """The standard deviation of all elements, or over the dimensions `dim`.

    y = √(Σ|x - mean|² / max(n - correction, 0)); `correction` is 1 (unbiased) unless given; `unbiased=False` means 0.
    UserWarning where the divisor is 0; RuntimeError: integers, bools.

    >>> import lightwell as torch
    >>> torch.std(torch.tensor([1., 2., 3., 4.]))
    tensor(1.2910)
    """
    axis, correction = _spread_arguments(input, dim, unbiased, correction, "std")
    if input._a.dtype.kind == "c":
        return _complex_var(input, axis, correction, keepdim).sqrt()
    return std_(input, axis, correction, keepdim)


@public(method=False, out=False)
def var_mean(input: Tensor, dim=None, unbiased=None, keepdim=False, *, correction=None) -> tuple:
    """The variance (see `var`) and the mean of all elements, or over the dimensions `dim`, as a pair.

    >>> import lightwell as torch
    >>> torch.var_mean(torch.tensor([1., 3.]))
    (tensor(2.), tensor(2.))
    """
    axis, correction = _spread_arguments(input, dim, unbiased, correction, "var_mean")
    if input._a.dtype.kind == "c":
        return _complex_var(input, axis, correction, keepdim), input.mean(axis, keepdim)
    return var_mean_(input, axis, correction, keepdim)


@public(method=False, out=False)
def std_mean(input: Tensor, dim=None, unbiased=None, keepdim=False, *, correction=None) -> tuple:
    """The standard deviation (see `std`) and the mean of all elements, or over the dimensions `dim`, as a pair.

    >>> import lightwell as torch
    >>> torch.std_mean(torch.tensor([1., 3.]))
    (tensor(1.4142), tensor(2.))
    """
    axis, correction = _spread_arguments(input, dim, unbiased, correction, "std_mean")
    if input._a.dtype.kind == "c":
        return _complex_var(input, axis, correction, keepdim).sqrt(), input.mean(axis, keepdim)
    return std_mean_(input, axis, correction, keepdim)


@public
def logsumexp(input: Tensor, dim, keepdim=False) -> Tensor:
    """log Σ exp(x) over the dimensions `dim`, without overflow; integers are taken as the default floating-point dtype.

    y = m + log Σ exp(x - m) with m = max x. IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.logsumexp(torch.tensor([100., 100.]), 0)
    tensor(100.6931)
    """
    return logsumexp_(input, axes_of(input, dim, "logsumexp"), bool(keepdim))


def vector_norm(input: Tensor, p, dim, keepdim, dtype, name="linalg.vector_norm") -> Tensor:
    """(Σ|x|ᵖ)^(1/p) over the dimensions `dim`, checked as PyTorch checks it."""
    need_tensor(input, name)
    if input._a.dtype.kind in "iub":
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {input.dtype.tensor_type[:-6]}: convert it, with .float()"
        )
    if dtype is not None:
        input = _in_dtype(input, dtype, name)[0]
    axis, p = axes_of(input, dim, name), float(p)
    if (p < 0 or p == math.inf) and not count(input._a.shape, axis):
        raise RuntimeError(
            f"{name} cannot compute the {p:g} norm on an empty tensor because the operation does not have an identity; "
            f"the input has shape {list(input._a.shape)}"
        )
    return linalg_vector_norm(input, p, axis, bool(keepdim))


@public
def norm(input: Tensor, p="fro", dim=None, keepdim=False, dtype=None) -> Tensor:
    """The p-norm of the elements taken as a vector, or over the dimensions `dim`; "nuc" the sum of singular values.

    y = (Σ|x|ᵖ)^(1/p); "fro" (and None) mean p = 2; ±inf the largest and smallest |x|; 0 how many are nonzero.
    RuntimeError: integers, bools, an unknown p.

    >>> import lightwell as torch
    >>> torch.norm(torch.tensor([3., 4.]))
    tensor(5.)
    """
    if p == "nuc":
        from ..linalg import matrix_norm

        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    if p is None or p == "fro":
        p = 2.0
    elif isinstance(p, str):
        raise RuntimeError(f"norm(): Order {p} not supported: give a number, 'fro' or 'nuc'")
    elif isinstance(p, Tensor):
        p = p.item()
    return vector_norm(input, p, dim, keepdim, dtype)


@public(out=False)
def dist(input: Tensor, other: Tensor, p=2) -> Tensor:
    """The p-norm of input - other, which broadcast: y = (Σ|x - z|ᵖ)^(1/p).

    >>> import lightwell as torch
    >>> torch.dist(torch.tensor([1., 2.]), torch.tensor([4., 6.]))
    tensor(5.)
    """
    need_tensor(input, "dist")
    need_tensor(other, "dist", "other")
    return vector_norm(input - other, p, None, False, None, "dist")
