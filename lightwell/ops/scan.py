"""Running sums, products and extremes along a dimension; differences; the trapezoidal rule."""

import math

import numpy as np

from ..errors import traced
from ..errors.teaching import IndexError, NotImplementedError, RuntimeError, TypeError
from ..tensor import Tensor
from .dims import need_tensor, one_axis
from .op import op
from .public import public
from .reduce import _in_dtype
from .return_types import named

__all__ = [
    "cummax", "cummin", "cumprod", "cumsum", "cumulative_trapezoid", "diff", "logcumsumexp", "trapezoid", "trapz",
]  # fmt: skip

_cummax, _cummin = named("cummax", "values", "indices"), named("cummin", "values", "indices")


def along(axis, start, stop) -> tuple:
    """The key of a slice along one axis."""
    return (slice(None),) * axis + (slice(start, stop),)


def turned(xp, x, axis):
    """The running sum from the far end."""
    return xp.flip(xp.cumulative_sum(xp.flip(x, axis=axis), axis=axis), axis=axis)


def backward_scan(xp, a, b, axis):
    """S with S_k = b_k + a_k·S_{k+1} along an axis (S = 0 behind the end), in log₂ n steps.

    Let S_k = B_k + A_k·S_{k+d}. Putting in the same for S_{k+d} gives S_k = (B_k + A_k·B_{k+d}) + A_k·A_{k+d}·S_{k+2d}
    (W. D. Hillis, G. L. Steele, "Data parallel algorithms", CACM 29, 1986).
    """
    n, d = a.shape[axis], 1
    while d < n:
        nothing = xp.zeros_like(a[along(axis, 0, d)])
        far_a, far_b = a[along(axis, d, None)], b[along(axis, d, None)]
        b = b + a * xp.concat((far_b, nothing), axis=axis)
        a = a * xp.concat((far_a, nothing), axis=axis)
        d *= 2
    return b


@op
class cumsum_:
    r"""yₖ = Σ_{i≤k} xᵢ.   xₖ is in every yᵢ from i = k on:   gxₖ = Σ_{i≥k} gyᵢ, a running sum from the far end."""

    def forward(xp, x, /, axis, dtype=None):
        return xp.cumulative_sum(x, axis=axis, dtype=dtype)

    def grad_x(xp, gy, x_shape, axis):
        return turned(xp, gy, axis) if x_shape else gy


@op
class cumprod_:
    r"""yₖ = Π_{i≤k} xᵢ.   gxₖ = Σ_{i≥k} gyᵢ·yᵢ/xₖ;   with a 0 in x, without dividing:

    gxₖ = Lₖ·Sₖ with Lₖ = Π_{i<k} xᵢ and Sₖ = Σ_{i≥k} gyᵢ·Π_{k<j≤i} xⱼ, for which Sₖ = gyₖ + x_{k+1}·S_{k+1}.
    """

    def forward(xp, x, /, axis, dtype=None):
        return xp.cumulative_prod(x, axis=axis, dtype=dtype)

    def grad_x(xp, gy, x, y, x_shape, axis):
        if not x_shape or not math.prod(x_shape):
            return gy
        if not (traced(x) or bool(xp.any(x == 0))):
            return turned(xp, gy * y, axis) / x
        one = xp.ones_like(x[along(axis, 0, 1)])
        before = xp.concat((one, y[along(axis, None, -1)]), axis=axis)
        after = xp.concat((x[along(axis, 1, None)], xp.zeros_like(one)), axis=axis)
        return before * backward_scan(xp, after, gy, axis)


@op
class logcumsumexp_:
    r"""yₖ = log Σ_{i≤k} e^(xᵢ).   ∂yᵢ/∂xₖ = e^(xₖ-yᵢ) for i ≥ k, hence   gxₖ = Σ_{i≥k} gyᵢ·e^(xₖ-yᵢ) = e^(xₖ-yₖ)·Sₖ

    with Sₖ = gyₖ + e^(yₖ-y_{k+1})·S_{k+1}: as y never falls, no exponent is positive and nothing overflows.
    """

    def forward(xp, x, /, axis):
        if not x.ndim:
            return x.copy()
        return running_logsumexp(x, axis)

    def grad_x(xp, gy, x, y, x_shape, axis):
        if not x_shape or not math.prod(x_shape):
            return gy
        low = xp.real(y) == -math.inf  # there x is -inf too, and moves nothing
        zero = xp.zeros_like(y)
        safe = xp.where(low, zero, y)
        after = xp.concat((safe[along(axis, 1, None)], safe[along(axis, -1, None)]), axis=axis)
        ratio = xp.where(low, zero, xp.exp(safe - after))
        return xp.where(low, zero, xp.exp(x - safe)) * backward_scan(xp, ratio, gy, axis)


def running_logsumexp(x, axis):
    """log of the running sums of eˣ, each step by logaddexp, which can't overflow; complex by the running maximum."""
    if x.dtype.kind == "c":
        out = np.empty_like(x)
        step, so_far = np.moveaxis(x, axis, 0), None
        with np.errstate(divide="ignore", invalid="ignore"):
            for k, v in enumerate(step):
                if so_far is None:
                    so_far = v
                else:
                    high = np.where(so_far.real >= v.real, so_far, v)
                    low = np.where(so_far.real >= v.real, v, so_far)
                    so_far = np.where(np.isneginf(low.real), high, high + np.log1p(np.exp(low - high)))
                np.moveaxis(out, axis, 0)[k] = so_far
        return out
    if x.dtype.itemsize <= 2:
        return np.logaddexp.accumulate(x.astype(np.float32), axis).astype(x.dtype)
    return np.logaddexp.accumulate(x, axis)


def _running_places(x, values, axis):
    """Where the running extreme stands: the latest place that equals it (NaN equals NaN)."""
    if not x.ndim:
        return np.zeros((), np.int64)
    hit = x == values
    if x.dtype.kind not in "iub":
        hit |= x != x
    places = np.arange(x.shape[axis]).reshape((-1,) + (1,) * (x.ndim - axis - 1))
    return np.maximum.accumulate(np.where(hit, places, 0), axis)


@op
class cummax_:
    r"""(yₖ = max_{i≤k} xᵢ, its latest place iₖ).   xᵢ is the maximum of every k with iₖ = i:   gxᵢ = Σ gyₖ of those."""

    outputs = ("values", "indices")

    def forward(xp, x, /, axis):
        values = np.maximum.accumulate(x, axis) if x.ndim else x.copy()
        return values, _running_places(x, values, axis)

    def grad_x(xp, gvalues, indices, x_shape, axis):
        return xp.scatter_add(xp.zeros_like(gvalues), indices, gvalues, axis) if x_shape else gvalues


@op
class cummin_:
    r"""(yₖ = min_{i≤k} xᵢ, its latest place iₖ).   xᵢ is the minimum of every k with iₖ = i:   gxᵢ = Σ gyₖ of those."""

    outputs = ("values", "indices")

    def forward(xp, x, /, axis):
        values = np.minimum.accumulate(x, axis) if x.ndim else x.copy()
        return values, _running_places(x, values, axis)

    def grad_x(xp, gvalues, indices, x_shape, axis):
        return xp.scatter_add(xp.zeros_like(gvalues), indices, gvalues, axis) if x_shape else gvalues


# ---- public ---------------------------------------------------------------------------------------------------------


@public(inplace=True)
def cumsum(input: Tensor, dim, *, dtype=None) -> Tensor:
    """The running sum along dimension `dim`: yₖ = Σ_{i≤k} xᵢ.

    Integers and bools add up as int64; `dtype` converts before adding. IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.cumsum(torch.tensor([1, 2, 3]), 0)
    tensor([1, 3, 6])
    """
    input, told = _in_dtype(input, dtype, "cumsum")
    return cumsum_(input, one_axis(input, dim, "cumsum"), told)


@public(inplace=True)
def cumprod(input: Tensor, dim, *, dtype=None) -> Tensor:
    """The running product along dimension `dim`: yₖ = Π_{i≤k} xᵢ.

    Integers and bools multiply as int64; `dtype` converts before multiplying. IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.cumprod(torch.tensor([1, 2, 3]), 0)
    tensor([1, 2, 6])
    """
    input, told = _in_dtype(input, dtype, "cumprod")
    return cumprod_(input, one_axis(input, dim, "cumprod"), told)


@public
def logcumsumexp(input: Tensor, dim) -> Tensor:
    """log of the running sum of exp(x) along dimension `dim`, without overflow: yₖ = log Σ_{i≤k} exp(xᵢ).

    NotImplementedError: integers, bools; IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.logcumsumexp(torch.tensor([0., 0., 0.]), 0)
    tensor([0.0000, 0.6931, 1.0986])
    """
    axis = one_axis(input, dim, "logcumsumexp")
    if input._a.dtype.kind in "iub":
        raise NotImplementedError(f'logcumsumexp(): "logcumsumexp" not implemented for {input.dtype}: convert it, with .float()')
    return logcumsumexp_(input, axis)


def _running_extreme(record, result, input, dim, name):
    axis = one_axis(input, dim, name)
    if input._a.dtype.kind == "c":
        raise NotImplementedError(f"{name}(): complex input of dtype {input.dtype} has no order")
    return result(*record(input, axis))


@public
def cummax(input: Tensor, dim):
    """The largest element so far along dimension `dim`, and its latest place, as (values, indices); NaN stays.

    NotImplementedError: complex input; IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.cummax(torch.tensor([1., 3., 2.]), 0).values
    tensor([1., 3., 3.])
    """
    return _running_extreme(cummax_, _cummax, input, dim, "cummax")


@public
def cummin(input: Tensor, dim):
    """The smallest element so far along dimension `dim`, and its latest place, as (values, indices); NaN stays.

    NotImplementedError: complex input; IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.cummin(torch.tensor([2., 3., 1.]), 0).values
    tensor([2., 2., 1.])
    """
    return _running_extreme(cummin_, _cummin, input, dim, "cummin")


@public
def diff(input: Tensor, n=1, dim=-1, prepend=None, append=None) -> Tensor:
    """The n-th difference along dimension `dim`: yₖ = x_{k+1} - xₖ, n times; exclusive or for bools.

    `prepend` and `append` are joined to the input first. RuntimeError: a 0-dim input, negative n, other shapes.

    >>> import lightwell as torch
    >>> torch.diff(torch.tensor([1, 4, 9]))
    tensor([3, 5])
    """
    need_tensor(input, "diff")
    if not input._a.ndim:
        raise RuntimeError("diff(): diff expects input to be at least one-dimensional: unsqueeze(0) it")
    if n < 0:
        raise RuntimeError(f"diff(): order must be non-negative but got {n}")
    axis = one_axis(input, dim, "diff")
    parts = [t for t in (prepend, input, append) if t is not None]
    for t in parts:
        if t._a.ndim != input._a.ndim:
            raise RuntimeError(
                f"diff(): expects prepend and append to have the number of dimensions of the input, {input._a.ndim}, got {t._a.ndim}"
            )
    if len(parts) > 1:
        from .join import cat

        input = cat(parts, axis)
    else:
        input = input.clone() if not n else input
    for _ in range(min(n, input._a.shape[axis])):
        size = input._a.shape[axis]
        after, before = input.narrow(axis, 1, size - 1), input.narrow(axis, 0, size - 1)
        input = after.logical_xor(before) if input._a.dtype.kind == "b" else after - before
    return input


def _steps(y, x, dx, dim, name):
    """(sums of neighbours, half their distances) along the axis, and the axis."""
    axis = one_axis(y, dim, name)
    if not y._a.ndim:
        raise IndexError(f"{name}(): Dimension specified as {dim} but tensor has no dimensions: unsqueeze(0) it")
    if y._a.dtype.kind == "b" or (x is not None and x._a.dtype.kind == "b"):
        raise RuntimeError(f"{name}(): received a bool input: convert it, with .int() or .float()")
    size = y._a.shape[axis]
    inner = max(size - 1, 0)
    start = min(1, size)
    both = y.narrow(axis, start, inner) + y.narrow(axis, 0, inner)
    if x is None:
        return both, dx, axis
    if x._a.ndim == 1:
        if x._a.shape[0] != size:
            raise RuntimeError(f"{name}(): There must be one `x` value for each sample point: {x._a.shape[0]} for {size}")
        step = diff(x).reshape((-1,) + (1,) * (y._a.ndim - axis - 1))
    else:
        step = diff(x, 1, axis - y._a.ndim)
    return both * step, None, axis


@public(out=False, method=False)
def trapezoid(y: Tensor, x=None, *, dx=None, dim=-1) -> Tensor:
    """The integral of samples y along dimension `dim` by the trapezoidal rule, at points `x` or at distance `dx` (1).

    Σ (y_{k+1} + yₖ)·(x_{k+1} - xₖ)/2. RuntimeError: bools, as many points as samples missing; TypeError: both x and dx.

    >>> import lightwell as torch
    >>> torch.trapezoid(torch.tensor([1., 2., 4.]))
    tensor(4.5000)
    """
    return _trapezoid("trapezoid", y, x, dx, dim)


@public(out=False, method=False)
def trapz(y: Tensor, x=None, *, dx=None, dim=-1) -> Tensor:
    """Another name of `trapezoid`.

    >>> import lightwell as torch
    >>> torch.trapz(torch.tensor([1., 2., 4.]), dx=2)
    tensor(9.)
    """
    return _trapezoid("trapz", y, x, dx, dim)


def _both(x, dx, name):
    if x is not None and dx is not None:
        raise TypeError(f"{name}(): give either x or dx, not both")
    return 1 if dx is None else dx


def _trapezoid(name, y, x, dx, dim):
    both, step, axis = _steps(y, x, _both(x, dx, name), dim, name)
    total = both.sum(axis)
    return total / 2 if step is None else total * (step / 2)


@public(out=False, method=False)
def cumulative_trapezoid(y: Tensor, x=None, *, dx=None, dim=-1) -> Tensor:
    """The running integral of samples y along dimension `dim` by the trapezoidal rule; one entry fewer than samples.

    >>> import lightwell as torch
    >>> torch.cumulative_trapezoid(torch.tensor([1., 2., 4.]))
    tensor([1.5000, 4.5000])
    """
    both, step, axis = _steps(y, x, _both(x, dx, "cumulative_trapezoid"), dim, "cumulative_trapezoid")
    return both.cumsum(axis) / 2 if step is None else (both * (step / 2)).cumsum(axis)
