"""The same elements under another shape, without copying where the layout allows it; and copies."""

import builtins
import math
from operator import index as as_int

from .. import dtypes, errors
from ..errors.teaching import RuntimeError, TypeError, ValueError
from ..tensor import Tensor, channels_last, channels_last_3d, contiguous_format, dim_error, preserve_format
from .op import op
from .public import public

__all__ = ["clone", "flatten", "ravel", "reshape", "squeeze", "unflatten", "unsqueeze"]


def one_dim(dim, ndim: int, what: str = "Dimension") -> int:
    """A dimension as a number from 0; IndexError where it isn't there (a 0-dim tensor counts as having one)."""
    if type(dim) is not int:
        dim = as_int(dim)
    if dim < 0:
        dim += ndim or 1
    if not 0 <= dim < (ndim or 1):
        raise dim_error(dim - (ndim or 1) if dim < 0 else dim, ndim, what)
    return dim


def sizes_of(sizes) -> tuple:
    """Sizes that were given one by one or as one sequence, as a tuple of int; TypeError for what is no integer."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = sizes[0]
    for s in sizes:
        if type(s) is not int:
            return _checked(sizes)
    return tuple(sizes)


def _checked(sizes) -> tuple:
    """Sizes that are no plain integers, one by one."""
    found = []
    for i, s in enumerate(sizes):
        if isinstance(s, (str, float)) or s is None:
            raise TypeError(f"argument 'size' must be tuple of ints, but found element of type {type(s).__name__} at pos {i}")
        found.append(as_int(s))
    return tuple(found)


def need_tensor(value, op_name: str, position: int = 1, name: str = "input") -> None:
    """TypeError where an operation was given something else than a tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{op_name}(): argument '{name}' (position {position}) must be Tensor, not {type(value).__name__}")


def inverse_order(order) -> tuple:
    out = [0] * len(order)
    for i, k in enumerate(order):
        out[k] = i
    return tuple(out)


# ---- records --------------------------------------------------------------------------------------------------------


@op
class view_:
    r"""y has x's elements, in order, under another shape.   gx is gy under x's shape."""

    view = True

    def forward(xp, x, /, shape):
        return xp.reshape(x, shape)

    def grad_x(xp, gy, x_shape):
        return xp.reshape(gy, x_shape)


@op
class reshape_:
    r"""As view, for a layout that no strides can show under the new shape: y is a copy.   gx is gy under x's shape."""

    node_name = "UnsafeViewBackward0"

    def forward(xp, x, /, shape):
        return xp.reshape(x, shape)

    def grad_x(xp, gy, x_shape):
        return xp.reshape(gy, x_shape)


@op
class unsqueeze_:
    r"""y is x with a dimension of size 1 more.   gx is gy under x's shape."""

    view = True

    def forward(xp, x, /, dim):
        return xp.expand_dims(x, axis=dim)

    def grad_x(xp, gy, x_shape):
        return xp.reshape(gy, x_shape)


def _squeeze_forward(xp, x, /, dims):
    return xp.squeeze(x, axis=dims)


def _squeeze_grad(xp, gy, x_shape):
    return xp.reshape(gy, x_shape)


@op
class squeeze_:
    r"""y is x without its dimensions of size 1.   gx is gy under x's shape."""

    view = True
    forward, grad_x = _squeeze_forward, _squeeze_grad


@op
class squeeze_dim_:
    r"""y is x without one dimension, if its size is 1.   gx is gy under x's shape."""

    view, node_name = True, "SqueezeBackward1"
    forward, grad_x = _squeeze_forward, _squeeze_grad


@op
class squeeze_dims_:
    r"""y is x without those of the given dimensions that have size 1.   gx is gy under x's shape."""

    view, node_name = True, "SqueezeBackward2"
    forward, grad_x = _squeeze_forward, _squeeze_grad


@op
class alias_:
    r"""y = x, the same memory under another name.   gx = gy."""

    view = True

    def forward(xp, x, /):
        return xp.reshape(x, x.shape)

    def grad_x(xp, gy):
        return gy


@op
class clone_:
    r"""y = x, in memory of its own.   gx = gy."""

    def forward(xp, x, /, order=None):
        if order is None:
            return xp.asarray(x, copy=True)
        return xp.permute_dims(xp.asarray(xp.permute_dims(x, order), copy=True, order="C"), inverse_order(order))

    def grad_x(xp, gy):
        return gy


@op
class view_dtype_:
    r"""y has x's bytes, read as another dtype. No derivative: neighbouring numbers have unrelated bytes."""

    view = True

    def forward(xp, x, /, dtype):
        return xp.bitcast(x, dtype)


# ---- view, reshape --------------------------------------------------------------------------------------------------


def _bad_shape(a, shape, name) -> RuntimeError:
    unknown = [s for s in shape if s < 0]
    if any(s < -1 for s in unknown):
        return RuntimeError(f"{name}(): invalid shape dimension {min(unknown)} in {list(shape)}")
    if len(unknown) > 1:
        return RuntimeError(f"{name}(): only one dimension can be inferred (-1), got shape {list(shape)}")
    if unknown and not a.size and 0 in shape:
        return RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension size -1 can be "
            "any value and is ambiguous"
        )
    return RuntimeError(
        f"shape '{list(shape)}' is invalid for input of size {a.size}: {name}() keeps all elements of a tensor of shape {list(a.shape)}"
    )


def shows(a, shape) -> bool:
    """Whether strides can show `a` under `shape` without a copy; ValueError where the sizes don't multiply up."""
    if a.flags.c_contiguous:
        return True
    wanted = a.size // max(1, -math.prod(shape)) if -1 in shape else 0
    full = tuple(wanted if s == -1 else s for s in shape)
    if math.prod(full) != a.size:
        raise ValueError("sizes")
    try:
        a.reshape(full, copy=False)
    except builtins.ValueError:
        return False
    return True


def view(self: Tensor, *shape, dtype=None, size=None) -> Tensor:
    """The same memory under another shape, or (`view(dtype)`) its bytes read as another dtype.

    One size may be -1: it follows from the others. A dtype of another width scales the last dimension.
    RuntimeError: sizes that don't multiply up to the number of elements; a layout that no strides can show under
    the new shape (`reshape` copies then).

    >>> import lightwell as torch
    >>> torch.arange(6).view(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    if size is not None:
        shape = (size,)
    if dtype is not None or (len(shape) == 1 and isinstance(shape[0], dtypes.dtype)):
        return _view_dtype(self, dtype or shape[0])
    if not shape:
        raise TypeError("view() received no arguments: expected the new shape, or a dtype")
    shape = sizes_of(shape)
    if shape and min(shape) < -1:
        raise RuntimeError(f"view(): invalid shape dimension {min(shape)} at index {shape.index(min(shape))} of shape {list(shape)}")
    a = self._a
    try:
        if not a.flags.c_contiguous and not shows(a, shape):
            raise RuntimeError(
                f"view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
                f"contiguous subspaces): a tensor of shape {list(a.shape)} and stride {list(self.stride())} can't be seen "
                f"as {list(shape)}. Use .reshape(...) instead."
            )
        return view_(self, shape)
    except builtins.ValueError:
        raise _bad_shape(a, shape, "view") from None


Tensor.view = view


def _view_dtype(x: Tensor, d) -> Tensor:
    old = x._a.itemsize
    if d.itemsize != old:
        if not x._a.ndim:
            raise RuntimeError(f"self.dim() cannot be 0 to view {x.dtype} as {d} (different element sizes)")
        if x._a.strides[-1] != old and x._a.shape[-1] != 1:
            raise RuntimeError(f"self.stride(-1) must be 1 to view {x.dtype} as {d} (different element sizes), but got {x.stride(-1)}")
        if d.itemsize > old and x._a.shape[-1] * old % d.itemsize:
            raise RuntimeError(
                f"self.size(-1) must be divisible by {d.itemsize // old} to view {x.dtype} as {d} (different element sizes), "
                f"but got {x._a.shape[-1]}"
            )
    try:
        return view_dtype_(x, d.np)
    except (builtins.ValueError, builtins.TypeError) as error:
        raise RuntimeError(f"view(dtype): {x.dtype} of shape {list(x.shape)} can't be seen as {d}: {error}") from None


@public
def reshape(input: Tensor, *sizes, shape=None) -> Tensor:
    """The same elements, in order, under another shape: a view where the layout allows it, otherwise a copy.

    One size may be -1: it follows from the others. RuntimeError where the sizes don't multiply up.

    >>> import lightwell as torch
    >>> torch.reshape(torch.arange(4.), (2, 2))
    tensor([[0., 1.],
            [2., 3.]])
    """
    shape = sizes_of(sizes if shape is None else (shape,))
    try:
        a = input._a
        if shape and min(shape) < -1:  # NumPy takes any negative size for -1
            raise RuntimeError(f"reshape(): invalid shape dimension {min(shape)} at index {shape.index(min(shape))} of shape {list(shape)}")
        if a.flags.c_contiguous or shows(a, shape):
            return view_(input, shape)
        return reshape_(input, shape)
    except builtins.ValueError:
        raise _bad_shape(a, shape, "reshape") from None
    except AttributeError:
        raise errors.not_a_tensor(reshape_.record, 0, input) from None


def view_as(self: Tensor, other: Tensor) -> Tensor:
    """`view(other.size())`."""
    return view(self, other._a.shape)


def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """`reshape(other.size())`."""
    return reshape(self, other._a.shape)


Tensor.view_as, Tensor.reshape_as = view_as, reshape_as


@public
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Dimensions start_dim … end_dim (inclusive) merged into one; the tensor itself where there is nothing to merge.

    IndexError: no such dimension. RuntimeError: end_dim before start_dim.

    >>> import lightwell as torch
    >>> torch.flatten(torch.zeros(2, 3, 4), 1).shape
    torch.Size([2, 12])
    """
    need_tensor(input, "flatten")
    shape = input._a.shape
    first, last = one_dim(start_dim, len(shape)), one_dim(end_dim, len(shape))
    if first > last:
        raise RuntimeError(f"flatten() has invalid args: start_dim ({start_dim}) cannot come after end_dim ({end_dim})")
    if not shape:
        return reshape(input, (1,))
    if first == last:
        return input
    return reshape(input, shape[:first] + (math.prod(shape[first : last + 1]),) + shape[last + 1 :])


@public
def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension; a view where the layout allows it.

    >>> import lightwell as torch
    >>> torch.ravel(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])
    """
    return view_(contiguous(input), (input._a.size,))


@public
def unflatten(input: Tensor, dim: int, sizes) -> Tensor:
    """Dimension `dim` split into `sizes` (one of which may be -1), as a view.

    RuntimeError: sizes that don't multiply up to the dimension's size.

    >>> import lightwell as torch
    >>> torch.unflatten(torch.zeros(3, 4), 1, (2, 2)).shape
    torch.Size([3, 2, 2])
    """
    shape = input._a.shape
    d, sizes = one_dim(dim, len(shape)), sizes_of((sizes,))
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    rest = -math.prod(sizes)
    full = tuple(shape[d] // rest if s == -1 and rest else s for s in sizes)
    if math.prod(full) != shape[d]:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} ({shape[d]}) in the input tensor"
        )
    return view(input, shape[:d] + full + shape[d + 1 :])


@public
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A view with a dimension of size 1 put in at `dim`; IndexError unless -ndim-1 ≤ dim ≤ ndim.

    >>> import lightwell as torch
    >>> torch.unsqueeze(torch.zeros(3), 0).shape
    torch.Size([1, 3])
    """
    try:
        n = input._a.ndim + 1
    except AttributeError:
        raise errors.not_a_tensor(unsqueeze_.record, 0, input) from None
    if type(dim) is not int:
        dim = as_int(dim)
    if dim < 0:
        dim += n
    if not 0 <= dim < n:
        raise dim_error(dim - n if dim < 0 else dim, n)
    return unsqueeze_(input, dim)


@public
def squeeze(input: Tensor, dim=None) -> Tensor:
    """A view without the dimensions of size 1: all of them, or those among `dim` (an int or a tuple).

    IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.squeeze(torch.zeros(1, 3, 1)).shape, torch.squeeze(torch.zeros(1, 3, 1), 0).shape
    (torch.Size([3]), torch.Size([3, 1]))
    """
    need_tensor(input, "squeeze")
    shape = input._a.shape
    if dim is None:
        return squeeze_(input, tuple([i for i, n in enumerate(shape) if n == 1]))
    if isinstance(dim, (tuple, list)):
        dims = {one_dim(d, len(shape)) for d in dim}
        return squeeze_dims_(input, tuple(sorted(d for d in dims if d < len(shape) and shape[d] == 1)))
    d = one_dim(dim, len(shape))
    return squeeze_dim_(input, (d,) if d < len(shape) and shape[d] == 1 else ())


# ---- copies ---------------------------------------------------------------------------------------------------------


def _order_of(memory_format, a):
    """The order of dimensions, slowest first, that a copy has; None where it keeps the tensor's own."""
    if memory_format is None or memory_format is preserve_format:
        return None
    if memory_format is contiguous_format:
        return tuple(range(a.ndim))
    for fmt, order in ((channels_last, (0, 2, 3, 1)), (channels_last_3d, (0, 2, 3, 4, 1))):
        if memory_format is fmt:
            if a.ndim != len(order):
                raise RuntimeError(f"required rank {len(order)} tensor to use {fmt!r} format, got {a.ndim} dimensions")
            return order
    raise TypeError(f"memory_format must be torch.memory_format, not {type(memory_format).__name__}")


@public
def clone(input: Tensor, *, memory_format=preserve_format) -> Tensor:
    """A copy in memory of its own, through which gradients flow; `memory_format` is the order of its dimensions there.

    >>> import lightwell as torch
    >>> x = torch.ones(2); y = x.clone(); y[0] = 5.; x
    tensor([1., 1.])
    """
    if memory_format is preserve_format:
        return clone_(input)
    need_tensor(input, "clone")
    return clone_(input, _order_of(memory_format, input._a))


def contiguous(self: Tensor, memory_format=contiguous_format) -> Tensor:
    """The tensor itself if its elements lie in memory in the order of their indices, otherwise a copy that does so."""
    if self._a.flags.c_contiguous if memory_format is contiguous_format else self.is_contiguous(memory_format):
        return self
    return clone_(self, _order_of(memory_format, self._a))


Tensor.contiguous = contiguous
