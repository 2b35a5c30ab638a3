"""The largest and smallest, and where they are: max, min, amax, amin, aminmax, argmax, argmin."""

from ..errors import traced
from ..errors.teaching import IndexError, NotImplementedError, RuntimeError, TypeError
from ..tensor import Tensor
from .dims import axes_of, need_tensor, one_axis, with_dims
from .op import op
from .public import public
from .return_types import named

__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "min"]

_max, _min, _aminmax = (
    named("max", "values", "indices"),
    named("min", "values", "indices"),
    named("aminmax", "min", "max"),
)


def shared(xp, g, x, y, axis=None):
    """A gradient of the extreme value y (size-1 dimensions in place) split evenly among the elements that have it."""
    hit = x == y
    if traced(y) or bool(xp.any(y != y)):  # NaN is the extreme where there is one, but equals nothing
        hit = hit | ((x != x) & (y != y))
    hit = xp.astype(hit, x.dtype)
    return hit * (g / xp.sum(hit, axis=axis, keepdims=axis is not None))


@op
class max_full:
    r"""y = maxᵢ xᵢ.   The n elements that equal y share its gradient:   gxᵢ = gy·[xᵢ = y]/n."""

    node_name = "MaxBackward1"

    def forward(xp, x):
        return xp.max(x)

    def grad_x(xp, gy, x, y):
        return shared(xp, gy, x, y)


@op
class min_full:
    r"""y = minᵢ xᵢ.   The n elements that equal y share its gradient:   gxᵢ = gy·[xᵢ = y]/n."""

    node_name = "MinBackward1"

    def forward(xp, x):
        return xp.min(x)

    def grad_x(xp, gy, x, y):
        return shared(xp, gy, x, y)


@op
class amax_:
    r"""y = max x over some dimensions.   The elements that equal y share its gradient:   gx = gy·[x = y]/Σ[x = y]."""

    def forward(xp, x, /, axis, keepdim):
        return xp.max(x, axis=axis, keepdims=keepdim)

    def grad_x(xp, gy, x, y, x_shape, axis, keepdim):
        y, gy = with_dims(xp, y, x_shape, axis, keepdim), with_dims(xp, gy, x_shape, axis, keepdim)
        return shared(xp, gy, x, y, axis)


@op
class amin_:
    r"""y = min x over some dimensions.   The elements that equal y share its gradient:   gx = gy·[x = y]/Σ[x = y]."""

    def forward(xp, x, /, axis, keepdim):
        return xp.min(x, axis=axis, keepdims=keepdim)

    def grad_x(xp, gy, x, y, x_shape, axis, keepdim):
        y, gy = with_dims(xp, y, x_shape, axis, keepdim), with_dims(xp, gy, x_shape, axis, keepdim)
        return shared(xp, gy, x, y, axis)


@op
class aminmax_:
    r"""(min x, max x) over some dimensions; each gradient shared by the elements that equal the value, and added up."""

    outputs = ("low", "high")

    def forward(xp, x, /, axis, keepdim):
        return xp.min(x, axis=axis, keepdims=keepdim), xp.max(x, axis=axis, keepdims=keepdim)

    def grad_x(xp, glow, ghigh, x, low, high, x_shape, axis, keepdim):
        low, glow = with_dims(xp, low, x_shape, axis, keepdim), with_dims(xp, glow, x_shape, axis, keepdim)
        high, ghigh = with_dims(xp, high, x_shape, axis, keepdim), with_dims(xp, ghigh, x_shape, axis, keepdim)
        return shared(xp, glow, x, low, axis) + shared(xp, ghigh, x, high, axis)


@op
class max_dim:
    r"""(max x, its first place) along a dimension.   gx = gvalues at that place, 0 elsewhere."""

    node_name, outputs = "MaxBackward0", ("values", "indices")

    def forward(xp, x, /, axis, keepdim):
        axis = axis if x.ndim else None
        return xp.max(x, axis=axis, keepdims=keepdim), xp.argmax(x, axis=axis, keepdims=keepdim)

    def grad_x(xp, gvalues, indices, x_shape, axis, keepdim):
        return picked(xp, gvalues, indices, x_shape, axis, keepdim)


@op
class min_dim:
    r"""(min x, its first place) along a dimension.   gx = gvalues at that place, 0 elsewhere."""

    node_name, outputs = "MinBackward0", ("values", "indices")

    def forward(xp, x, /, axis, keepdim):
        axis = axis if x.ndim else None
        return xp.min(x, axis=axis, keepdims=keepdim), xp.argmin(x, axis=axis, keepdims=keepdim)

    def grad_x(xp, gvalues, indices, x_shape, axis, keepdim):
        return picked(xp, gvalues, indices, x_shape, axis, keepdim)


def picked(xp, g, indices, shape, axis, keepdim):
    """The gradient of one value per lane, taken at `indices`: put back at its place."""
    if shape and not keepdim:
        axes = (axis,)
        g, indices = with_dims(xp, g, shape, axes, False), with_dims(xp, indices, shape, axes, False)
    return xp.put_along_axis(shape, indices, g, axis)


@op
class argmax_:
    r"""y = the first place of the largest element, counted in the flat input, or along a dimension."""

    def forward(xp, x, /, axis, keepdim):
        return xp.argmax(x, axis=axis if x.ndim else None, keepdims=keepdim and x.ndim > 0)


@op
class argmin_:
    r"""y = the first place of the smallest element, counted in the flat input, or along a dimension."""

    def forward(xp, x, /, axis, keepdim):
        return xp.argmin(x, axis=axis if x.ndim else None, keepdims=keepdim and x.ndim > 0)


# ---- public ---------------------------------------------------------------------------------------------------------


def _ordered(input, name, kind=NotImplementedError):
    need_tensor(input, name)
    if input._a.dtype.kind == "c":
        raise kind(f'{name}(): does not support complex input: "{name}" not implemented for {input.dtype}, which has no order')


def _not_empty(input, axis, name, kind=RuntimeError):
    """The errors of an extreme of nothing; `axis` None means all dimensions, asked for as such."""
    shape = input._a.shape
    if axis is None:
        if not input._a.size:
            raise kind(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0: the input has shape {list(shape)}. "
                "Specify the reduction dim with the 'dim' argument."
            )
        return
    for a in axis:
        if shape and not shape[a]:
            raise IndexError(f"{name}(): Expected reduction dim {a} to have non-zero size; the input has shape {list(shape)}.")


def _extreme(name, full, along, result, pairwise):
    def call(input, dim=None, keepdim=False, other=None):
        if dim is None and other is None:
            if type(input) is not Tensor or input._a.dtype.kind == "c" or not input._a.size:
                _ordered(input, name)
                _not_empty(input, None, name)
            return full(input)
        if other is not None or isinstance(dim, Tensor):
            need_tensor(input, name)
            return getattr(Tensor, pairwise)(input, dim if other is None else other)
        if isinstance(dim, (tuple, list)):
            raise TypeError(f"{name}(): argument 'dim' must be int, not {type(dim).__name__}: a{name}() takes several dimensions")
        _ordered(input, name)
        axis = one_axis(input, dim, name)
        _not_empty(input, (axis,), name)
        return result(*along(input, axis, keepdim))

    return call


_max_call = _extreme("max", max_full, max_dim, _max, "maximum")
_min_call = _extreme("min", min_full, min_dim, _min, "minimum")


@public
def max(input: Tensor, dim=None, keepdim=False, *, other=None):
    """The largest element; with `dim`, (values, indices) along it; with `other`, the larger of each pair.

    y = max x; NaN where there is one. Equal elements share the gradient, but along `dim` the first takes it.
    RuntimeError, IndexError: nothing to choose from; NotImplementedError: complex input.

    >>> import lightwell as torch
    >>> torch.max(torch.tensor([[1., 5.], [7., 3.]]), 1).indices
    tensor([1, 0])
    """
    return _max_call(input, dim, keepdim, other)


@public
def min(input: Tensor, dim=None, keepdim=False, *, other=None):
    """The smallest element; with `dim`, (values, indices) along it; with `other`, the smaller of each pair.

    y = min x; NaN where there is one. Equal elements share the gradient, but along `dim` the first takes it.
    RuntimeError, IndexError: nothing to choose from; NotImplementedError: complex input.

    >>> import lightwell as torch
    >>> torch.min(torch.tensor([[1., 5.], [7., 3.]]), 1).values
    tensor([1., 3.])
    """
    return _min_call(input, dim, keepdim, other)


def _over(name, record, input, dim, keepdim):
    _ordered(input, name)
    axis = axes_of(input, dim, name)
    _not_empty(input, None if dim is None or dim == () or dim == [] else axis, name)
    return record(input, axis, keepdim)


@public
def amax(input: Tensor, dim=(), keepdim=False) -> Tensor:
    """The largest element over the dimensions `dim` (an int or several, all by default); equal ones share the gradient.

    y = max x; NaN where there is one. IndexError, RuntimeError: nothing to choose from.

    >>> import lightwell as torch
    >>> torch.amax(torch.tensor([[1., 5.], [7., 3.]]), (0, 1))
    tensor(7.)
    """
    return _over("amax", amax_, input, dim, keepdim)


@public
def amin(input: Tensor, dim=(), keepdim=False) -> Tensor:
    """The smallest element over the dimensions `dim` (an int or several, all by default); equal ones share the gradient.

    y = min x; NaN where there is one. IndexError, RuntimeError: nothing to choose from.

    >>> import lightwell as torch
    >>> torch.amin(torch.tensor([[1., 5.], [7., 3.]]), 0)
    tensor([1., 3.])
    """
    return _over("amin", amin_, input, dim, keepdim)


@public
def aminmax(input: Tensor, *, dim=None, keepdim=False):
    """The smallest and the largest element, in all or along dimension `dim`, as a named tuple (min, max).

    RuntimeError, IndexError: nothing to choose from.

    >>> import lightwell as torch
    >>> torch.aminmax(torch.tensor([3., 1., 2.])).max
    tensor(3.)
    """
    _ordered(input, "aminmax")
    if dim is None:
        if not input._a.size:
            raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.")
        return _aminmax(*aminmax_(input, tuple(range(input._a.ndim)), keepdim))
    axis = one_axis(input, dim, "aminmax")
    _not_empty(input, (axis,), "aminmax")
    return _aminmax(*aminmax_(input, (axis,) if input._a.ndim else (), keepdim))


def _where(name, record, input, dim, keepdim):
    _ordered(input, name, RuntimeError)
    if input._a.dtype.kind == "b":
        raise RuntimeError(f"{name}(): does not support bool input: convert it first, with .int()")
    if dim is None:
        _not_empty(input, None, name, IndexError)
        return record(input, None, keepdim)
    axis = one_axis(input, dim, name)
    _not_empty(input, (axis,), name)
    return record(input, axis, keepdim)


@public
def argmax(input: Tensor, dim=None, keepdim=False) -> Tensor:
    """The place of the largest element: in the flattened input, or along dimension `dim`; the first of several.

    int64. IndexError: nothing to choose from; RuntimeError: bool or complex input.

    >>> import lightwell as torch
    >>> torch.argmax(torch.tensor([[1., 5.], [7., 3.]]), dim=1)
    tensor([1, 0])
    """
    return _where("argmax", argmax_, input, dim, keepdim)


@public
def argmin(input: Tensor, dim=None, keepdim=False) -> Tensor:
    """The place of the smallest element: in the flattened input, or along dimension `dim`; the first of several.

    int64. IndexError: nothing to choose from; RuntimeError: bool or complex input.

    >>> import lightwell as torch
    >>> torch.argmin(torch.tensor([[1., 5.], [7., 3.]]), dim=1)
    tensor([0, 1])
    """
    return _where("argmin", argmin_, input, dim, keepdim)
