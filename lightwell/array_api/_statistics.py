"""Reductions and running sums, by the array API standard: https://data-apis.org/array-api/2024.12/API_specification/statistical_functions.html"""

import numpy as np

from .. import dtypes, ops
from ..errors.teaching import TypeError, ValueError
from ..tensor import make
from ._array import function, named_dtype, pair
from ._manipulation import one_axis

__all__ = ["all", "any", "cumulative_prod", "cumulative_sum", "diff", "max", "mean", "min", "prod", "std", "sum", "var"]


def axes_of(name: str, x, axis) -> tuple:
    """The dimensions to reduce, counted from the front; IndexError for one that isn't there, ValueError for one named twice."""
    if axis is None:
        return tuple(range(x.ndim))
    axes = tuple(one_axis(name, a, x.ndim) for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    if len(set(axes)) < len(axes):
        raise ValueError(f"{name}(): axis {axis} names a dimension twice")
    return axes


def total_dtype(x, dtype) -> dtypes.dtype:
    """The dtype of a sum: `dtype`; x's; or for small integers the widest of their kind."""
    if dtype is not None:
        return named_dtype(dtype)
    d = x.dtype
    if d.category >= dtypes.FLOAT:
        return d
    return dtypes.uint64 if d.category == dtypes.INT and not d.is_signed else dtypes.int64


def _shape_without(x, axes, keepdims):
    return tuple(1 if k in axes else n for k, n in enumerate(x.shape) if keepdims or k not in axes)


def _lanes(x, axes):
    """x with the reduced dimensions as one, the last."""
    rest = [k for k in range(x.ndim) if k not in axes]
    size = int(np.prod([x.shape[k] for k in axes], dtype=np.int64))
    return ops.permute(x, (*rest, *axes)).reshape((*[x.shape[k] for k in rest], size))


@function
def sum(x, /, *, axis=None, dtype=None, keepdims=False):
    """The sum over all dimensions or `axis`, 0 of none; integers are summed in the widest dtype of their kind.

    >>> import lightwell.array_api as xp
    >>> xp.sum(xp.asarray([200, 100], dtype=xp.uint8)).dtype
    torch.uint64
    """
    axes, x = axes_of("sum", x, axis), x.to(total_dtype(x, dtype))
    if not axes:
        return x.clone()
    if x.requires_grad or x._a.dtype.num >= 256 or x.dtype is dtypes.float16:
        return ops.sum(x, axes, keepdims)
    return make(np.asarray(np.sum(x._a, axis=axes, keepdims=keepdims, dtype=x._a.dtype)))


@function
def prod(x, /, *, axis=None, dtype=None, keepdims=False):
    """The product over all dimensions or `axis`, 1 of none; integers are multiplied in the widest dtype of their kind."""
    axes, x = axes_of("prod", x, axis), x.to(total_dtype(x, dtype))
    shape = _shape_without(x, axes, keepdims)
    if not axes:
        return x.clone()
    if x.requires_grad:
        return ops.prod(_lanes(x, axes), -1).reshape(shape)
    return make(np.asarray(np.prod(x._a, axis=axes, keepdims=keepdims, dtype=x._a.dtype)))


def _extreme(name, f, x, axis, keepdims):
    if x.is_complex():
        raise TypeError(f"{name}(): complex numbers have no order")
    axes = axes_of(name, x, axis)
    if any_empty(x, axes):
        raise ValueError(f"{name}(): there is nothing to choose from in shape {tuple(x.shape)} over axis {axis}")
    return f(x, axes, keepdims) if axes else x.clone()


def any_empty(x, axes) -> bool:
    """Whether a reduced dimension has no elements while the result has some, or everything is reduced."""
    return not np.prod([x.shape[k] for k in axes], dtype=np.int64)


@function
def max(x, /, *, axis=None, keepdims=False):
    """The greatest element over all dimensions or `axis`, NaN where there is one; ValueError where there are none."""
    return _extreme("max", ops.amax, x, axis, keepdims)


@function
def min(x, /, *, axis=None, keepdims=False):
    """The least element over all dimensions or `axis`, NaN where there is one; ValueError where there are none."""
    return _extreme("min", ops.amin, x, axis, keepdims)


def _floating(name, x):
    return x if x.dtype.category >= dtypes.FLOAT else x.to(dtypes.get_default_dtype())


@function
def mean(x, /, *, axis=None, keepdims=False):
    """Σx/n over all dimensions or `axis`; NaN of none."""
    x, axes = _floating("mean", x), axes_of("mean", x, axis)
    return ops.mean(x, axes, keepdims) if axes else x.clone()


@function
def var(x, /, *, axis=None, correction=0.0, keepdims=False):
    """Σ(x - mean)²/(n - correction) over all dimensions or `axis`; NaN where n ≤ correction.

    >>> import lightwell.array_api as xp
    >>> xp.var(xp.asarray([1.0, 3.0]), correction=1)
    tensor(2.)
    """
    x, axes = _floating("var", x), axes_of("var", x, axis)
    n = int(np.prod([x.shape[k] for k in axes], dtype=np.int64))
    apart = x - (ops.mean(x, axes, True) if axes else x)
    squares = ops.abs(apart) ** 2 if x.is_complex() else apart * apart
    total = ops.sum(squares, axes, keepdims) if axes else squares
    return total / (n - correction) if n > correction else total * float("nan")


@function
def std(x, /, *, axis=None, correction=0.0, keepdims=False):
    """√var: the standard deviation over all dimensions or `axis`."""
    return ops.sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def _running(name, f, start, x, axis, dtype, include_initial):
    if not x.ndim:
        raise ValueError(f"{name}(): an array of no dimensions has nothing to run over")
    if axis is None:
        if x.ndim > 1:
            raise ValueError(f"{name}(): axis is needed for shape {tuple(x.shape)}")
        axis = 0
    axis = one_axis(name, axis, x.ndim)
    x = x.to(total_dtype(x, dtype))
    out = f(x, axis) if x.requires_grad else make(np.asarray(_NUMPY[f](x._a, axis, x._a.dtype)))
    if include_initial:
        first = make(np.full((*x.shape[:axis], 1, *x.shape[axis + 1 :]), start, x._a.dtype))
        out = ops.cat([first, out], axis)
    return out


_NUMPY = {ops.cumsum: np.cumsum, ops.cumprod: np.cumprod}


@function
def cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False):
    """The sums of the first 1, 2, … elements along `axis` (needed unless x is 1-D), with 0 before them where `include_initial`.

    >>> import lightwell.array_api as xp
    >>> xp.cumulative_sum(xp.asarray([1, 2, 3]), include_initial=True)
    tensor([0, 1, 3, 6])
    """
    return _running("cumulative_sum", ops.cumsum, 0, x, axis, dtype, include_initial)


@function
def cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False):
    """The products of the first 1, 2, … elements along `axis` (needed unless x is 1-D), with 1 before them where `include_initial`."""
    return _running("cumulative_prod", ops.cumprod, 1, x, axis, dtype, include_initial)


@function
def all(x, /, *, axis=None, keepdims=False):
    """Whether every element over all dimensions or `axis` is not zero; true of none."""
    return make(np.asarray(np.all(x._a, axis=axes_of("all", x, axis), keepdims=keepdims)))


@function
def any(x, /, *, axis=None, keepdims=False):
    """Whether some element over all dimensions or `axis` is not zero; false of none."""
    return make(np.asarray(np.any(x._a, axis=axes_of("any", x, axis), keepdims=keepdims)))


@function
def diff(x, /, *, axis=-1, n=1, prepend=None, append=None):
    """x[i + 1] - x[i] along `axis`, n times over, after joining `prepend` before and `append` behind."""
    axis = one_axis("diff", axis, x.ndim)
    if n < 0:
        raise ValueError(f"diff(): n must not be negative, got {n}")
    for k, extra in enumerate((prepend, append)):
        if extra is not None:
            extra, x = pair("diff", extra, x)
            x = ops.cat([x, extra] if k else [extra, x], axis)
    if not n:
        return x.clone()
    return ops.diff(x, n, axis) if x.shape[axis] > 0 else x.clone()
