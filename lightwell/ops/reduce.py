"""Sums, products, means, and what is true of any or all elements."""

import math

import numpy as np

from .. import dtypes
from ..errors import traced
from ..errors.teaching import RuntimeError, TypeError
from ..tensor import Tensor
from .dims import axes_of, count, need_tensor, one_axis, spread, with_dims
from .op import op
from .public import public

__all__ = ["all", "any", "count_nonzero", "mean", "nanmean", "nansum", "prod", "sum", "trace"]


@op
class sum_:
    r"""y = Σᵢ xᵢ.   ∂y/∂xᵢ = 1,   hence   gxᵢ = gy."""

    def forward(xp, x, /, dtype=None):
        return xp.sum(x, dtype=dtype)

    def grad_x(xp, gy, x_shape):
        return xp.broadcast_to(gy, x_shape)


@op
class sum_dim:
    r"""y = Σ x over some dimensions.   Each x counts once in its sum:   gx = gy, repeated over them."""

    node_name = "SumBackward1"

    def forward(xp, x, /, axis, keepdim, dtype=None):
        return xp.sum(x, axis=axis, keepdims=keepdim, dtype=dtype)

    def grad_x(xp, gy, x_shape, axis, keepdim):
        return spread(xp, gy, x_shape, axis, keepdim)


@op
class trace_:
    r"""y = Σᵢ xᵢᵢ.   Only the diagonal counts:   gx = gy · I."""

    def forward(xp, x):
        return xp.sum(xp.diagonal(x, 0, 0, 1))

    def grad_x(xp, gy, x_shape):
        return gy * xp.eye(*x_shape, dtype=gy.dtype)


@op
class nansum_:
    r"""y = Σ x over some dimensions, NaN counted as 0.   gx = gy where x is a number, 0 where it is NaN."""

    def forward(xp, x, /, axis, keepdim):
        return xp.sum(xp.where(xp.isnan(x), xp.zeros_like(x), x), axis=axis, keepdims=keepdim)

    def grad_x(xp, gy, x, x_shape, axis, keepdim):
        g = spread(xp, gy, x_shape, axis, keepdim)
        return xp.where(xp.isnan(x), xp.zeros_like(g), g)


@op
class mean_:
    r"""y = Σᵢ xᵢ / n.   ∂y/∂xᵢ = 1/n,   hence   gxᵢ = gy/n."""

    def forward(xp, x):
        return xp.mean(x)

    def grad_x(xp, gy, x_shape):
        return xp.broadcast_to(gy / (math.prod(x_shape) or math.nan), x_shape)


@op
class mean_dim:
    r"""y = Σ x / n over some dimensions of n elements together.   gx = gy/n, repeated over them."""

    node_name = "MeanBackward1"

    def forward(xp, x, /, axis, keepdim):
        return xp.mean(x, axis=axis, keepdims=keepdim)

    def grad_x(xp, gy, x_shape, axis, keepdim):
        return spread(xp, gy / (count(x_shape, axis) or math.nan), x_shape, axis, keepdim)


def _others(xp, x, axis):
    """For each element the product of all others along one axis, without dividing: those before times those behind."""
    one = xp.ones_like(x[_along(x, axis, slice(0, 1))])
    before = xp.cumulative_prod(xp.concat((one, x[_along(x, axis, slice(None, -1))]), axis=axis), axis=axis)
    turned = xp.flip(x, axis=axis)
    behind = xp.cumulative_prod(xp.concat((one, turned[_along(x, axis, slice(None, -1))]), axis=axis), axis=axis)
    return before * xp.flip(behind, axis=axis)


def _along(x, axis, part) -> tuple:
    return (slice(None),) * axis + (part,)


@op
class prod_:
    r"""y = Πᵢ xᵢ.   ∂y/∂xᵢ = Π of the others, which is y/xᵢ unless xᵢ is 0 (then: those before times those behind)."""

    def forward(xp, x, /, dtype=None):
        return xp.prod(x, dtype=dtype)

    def grad_x(xp, gy, x, y):
        if not math.prod(x.shape) or not (traced(x) or bool(xp.any(x == 0))):
            return gy * (y / x)
        return gy * xp.reshape(_others(xp, xp.reshape(x, (-1,)), 0), x.shape)


@op
class prod_dim:
    r"""y = Π x along a dimension.   ∂y/∂x = the product of the others: y/x, or without dividing where a 0 is in it."""

    node_name = "ProdBackward1"

    def forward(xp, x, /, axis, keepdim, dtype=None):
        return xp.prod(x, axis=axis, keepdims=keepdim, dtype=dtype)

    def grad_x(xp, gy, x, y, x_shape, axis, keepdim):
        gy = with_dims(xp, gy, x_shape, axis, keepdim)
        if not math.prod(x_shape) or not (traced(x) or bool(xp.any(x == 0))):
            return gy * (with_dims(xp, y, x_shape, axis, keepdim) / x)
        if not axis:
            return gy * xp.ones_like(x)
        return gy * _others(xp, x, axis[0])


@op
class all_:
    r"""y = x₁ ∧ x₂ ∧ … over some dimensions, where a number counts as true unless it is 0."""

    def forward(xp, x, /, axis, keepdim):
        return xp.all(x, axis=axis, keepdims=keepdim)


@op
class any_:
    r"""y = x₁ ∨ x₂ ∨ … over some dimensions, where a number counts as true unless it is 0."""

    def forward(xp, x, /, axis, keepdim):
        return xp.any(x, axis=axis, keepdims=keepdim)


@op
class count_nonzero_:
    r"""y = how many x ≠ 0 over some dimensions."""

    def forward(xp, x, /, axis):
        return xp.sum(x != 0, axis=axis)


# ---- public ---------------------------------------------------------------------------------------------------------


def _in_dtype(input, dtype, name):
    """The input in the dtype that the reduction is asked to run in, and what forward must be told for integers."""
    need_tensor(input, name)
    if dtype is None:
        return input, None
    if not isinstance(dtype, dtypes.dtype):
        raise TypeError(f"{name}(): argument 'dtype' must be torch.dtype, not {type(dtype).__name__}")
    if input._a.dtype != dtype.np:
        from .convert import cast

        input = cast(input, dtype)
    return input, dtype.np if dtype.category < dtypes.FLOAT else None


@public
def sum(input: Tensor, dim=None, keepdim=False, *, dtype=None) -> Tensor:
    """The sum of all elements, or over the dimensions `dim` (an int or several).

    y = Σ x. Integers and bools add up as int64; `dtype` converts before adding; the sum of nothing is 0.
    IndexError: no such dimension; RuntimeError: a dimension named twice.

    >>> import lightwell as torch
    >>> torch.sum(torch.tensor([[1., 2.], [3., 4.]]), 0)
    tensor([4., 6.])
    """
    told = None
    if dtype is not None:
        input, told = _in_dtype(input, dtype, "sum")
    if dim is None and not keepdim:
        return sum_(input) if told is None else sum_(input, told)
    return sum_dim(input, axes_of(input, dim, "sum"), keepdim, told)


@public
def nansum(input: Tensor, dim=None, keepdim=False, *, dtype=None) -> Tensor:
    """The sum of all elements that are not NaN, or over the dimensions `dim`.

    y = Σ x over x ≠ NaN. RuntimeError: complex input.

    >>> import lightwell as torch
    >>> torch.nansum(torch.tensor([1., float('nan'), 2.]))
    tensor(3.)
    """
    input, told = _in_dtype(input, dtype, "nansum")
    if input._a.dtype.kind == "c":
        raise RuntimeError(f"nansum(): argument 'input' is {input.dtype}; complex inputs are not supported: sum the parts")
    if input._a.dtype.kind in "iub":
        return sum_dim(input, axes_of(input, dim, "nansum"), keepdim, told)
    return nansum_(input, axes_of(input, dim, "nansum"), keepdim)


def _mean_dtype(input, dtype, name):
    if dtype is not None:
        if isinstance(dtype, dtypes.dtype) and dtype.category < dtypes.FLOAT:
            raise RuntimeError(
                f"{name}(): could not infer output dtype. Optional dtype must be either a floating point or complex dtype. "
                f"Got: {dtype.tensor_type[:-6]}"
            )
        return _in_dtype(input, dtype, name)[0]
    need_tensor(input, name)
    if input._a.dtype.kind in "iub":
        raise RuntimeError(
            f"{name}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {input.dtype.tensor_type[:-6]}. Convert it first, with .float(), or pass dtype=."
        )
    return input


@public
def mean(input: Tensor, dim=None, keepdim=False, *, dtype=None) -> Tensor:
    """The mean of all elements, or over the dimensions `dim` (an int or several).

    y = Σ x / n; NaN where there is nothing to average. RuntimeError: integers or bools without a floating-point `dtype`,
    a dimension named twice; IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.mean(torch.tensor([[1., 2.], [3., 4.]]), 1)
    tensor([1.5000, 3.5000])
    """
    if dtype is not None or type(input) is not Tensor or input._a.dtype.kind != "f":
        input = _mean_dtype(input, dtype, "mean")
    if dim is None and not keepdim:
        return mean_(input)
    return mean_dim(input, axes_of(input, dim, "mean"), keepdim)


@public
def nanmean(input: Tensor, dim=None, keepdim=False, *, dtype=None) -> Tensor:
    """The mean of all elements that are not NaN, or over the dimensions `dim`.

    y = Σ x / n over x ≠ NaN; NaN where there is none. RuntimeError: integers, bools.

    >>> import lightwell as torch
    >>> torch.nanmean(torch.tensor([1., float('nan'), 2.]))
    tensor(1.5000)
    """
    input = _mean_dtype(input, dtype, "nanmean")
    axis = axes_of(input, dim, "nanmean")
    number = Tensor.to(nanmask(input), input.dtype)
    return nansum_(input, axis, keepdim) / sum_dim(number, axis, keepdim)


def nanmask(input: Tensor) -> Tensor:
    """Where the input is not NaN, outside any graph."""
    from ..tensor import wrap

    return wrap(~np.isnan(input._a))


@public
def prod(input: Tensor, dim=None, keepdim=False, *, dtype=None) -> Tensor:
    """The product of all elements, or along dimension `dim`.

    y = Π x. Integers and bools multiply as int64; `dtype` converts before multiplying; the product of nothing is 1.
    IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.prod(torch.tensor([[1., 2.], [3., 4.]]), 1)
    tensor([ 2., 12.])
    """
    input, told = _in_dtype(input, dtype, "prod")
    if dim is None and not keepdim:
        return prod_(input, told)
    axis = one_axis(input, dim, "prod")
    return prod_dim(input, (axis,) if input._a.ndim else (), keepdim, told)


def _truth(record, input, dim, keepdim, name):
    need_tensor(input, name)
    if dim == () or dim == []:  # PyTorch reduces nothing here, unlike elsewhere
        axis = ()
    else:
        axis = axes_of(input, dim, name)
    out = record(input, axis, keepdim)
    return out.to(dtypes.uint8) if input._a.dtype == np.uint8 else out


@public
def all(input: Tensor, dim=None, keepdim=False) -> Tensor:
    """Whether all elements are nonzero, or all over the dimensions `dim`; True where there are none.

    bool, but uint8 for uint8 input. IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.all(torch.tensor([[True, False], [True, True]]), dim=1)
    tensor([False,  True])
    """
    return _truth(all_, input, dim, keepdim, "all")


@public
def any(input: Tensor, dim=None, keepdim=False) -> Tensor:
    """Whether some element is nonzero, or some over the dimensions `dim`; False where there are none.

    bool, but uint8 for uint8 input. IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.any(torch.tensor([[0., 0.], [0., 2.]]), dim=1)
    tensor([False,  True])
    """
    return _truth(any_, input, dim, keepdim, "any")


@public(out=False)
def count_nonzero(input: Tensor, dim=None) -> Tensor:
    """How many elements are nonzero, in all or over the dimensions `dim`, as int64.

    IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.count_nonzero(torch.tensor([[0, 1], [2, 3]]), 0)
    tensor([1, 2])
    """
    return count_nonzero_(input, axes_of(input, dim, "count_nonzero"))


def sum_to_size(self: Tensor, *size) -> Tensor:
    """The tensor summed to `size`, to which its shape must be broadcastable back; RuntimeError where it isn't.

    >>> import lightwell as torch
    >>> torch.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
    have = self._a.shape
    extra = len(have) - len(shape)
    if extra < 0 or [1 for n, m in zip(shape, have[extra:]) if n != m and n != 1]:
        raise RuntimeError(
            f"sum_to_size(): size {list(shape)} is not expandable to size {list(have)}: each size must be 1 or the tensor's, "
            "counted from the last dimension"
        )
    axis = tuple(range(extra)) + tuple(extra + i for i, n in enumerate(shape) if n == 1 and have[extra + i] != 1)
    if not axis:
        return self
    out = sum_dim(self, axis, True)
    return out.reshape(shape) if extra else out


Tensor.sum_to_size = sum_to_size


@public(out=False)
def trace(input):
    """The sum of a matrix's diagonal, as a 0-dim tensor; integers are summed as int64.

    RuntimeError where the input is no matrix.

    >>> import lightwell as torch
    >>> torch.trace(torch.tensor([[1., 2.], [3., 4.]]))
    tensor(5.)
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}: sum diagonal(dim1=-2, dim2=-1) for a batch")
    return trace_(input)
