"""Python functions over the elements, and small questions and forms that few need."""

import builtins

import numpy as np

from .. import dtypes
from ..errors.teaching import RuntimeError, TypeError, ValueError
from ..tensor import Tensor, make
from .inplace import check_writable, writing

__all__ = ["is_same_size", "nonzero_static", "unravel_index", "unsafe_split_with_sizes"]


def _each(self, name, function, *others):
    """Write function(x, y, …) over every element x."""
    if self.requires_grad or any(o.requires_grad for o in others):
        raise RuntimeError(f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead.")
    check_writable(self, name, False)
    try:
        columns = [np.broadcast_to(o._a, self._a.shape).ravel().tolist() for o in others]
    except builtins.ValueError:
        shapes = [list(o.shape) for o in others]
        raise RuntimeError(f"{name}(): the shapes {shapes} must broadcast to the tensor's own, {list(self.shape)}") from None
    values = [function(*row) for row in zip(self._a.ravel().tolist(), *columns)]
    for v in values:
        if not isinstance(v, (int, float, complex, np.generic)):
            raise TypeError(f"must be real number, not {type(v).__name__}: {name}() needs a function that returns a number")
    self._a[...] = np.array(values).reshape(self._a.shape).astype(self._a.dtype) if values else self._a
    writing(self, name)
    return self


def apply_(self, callable):
    """Write callable(x) over every element x, one after another in Python: for what no operation does.

    >>> import lightwell as torch
    >>> torch.tensor([1., 2.]).apply_(lambda x: x + 10)
    tensor([11., 12.])
    """
    return _each(self, "apply_", callable)


def map_(self, tensor, callable):
    """Write callable(x, y) over every element x, y from `tensor`, broadcast to this tensor's shape.

    >>> import lightwell as torch
    >>> torch.zeros(2).map_(torch.tensor([1., 2.]), lambda a, b: b)
    tensor([1., 2.])
    """
    return _each(self, "map_", callable, tensor)


def map2_(self, x, y, callable):
    """Write callable(a, b, c) over every element a, b and c from `x` and `y`."""
    return _each(self, "map2_", callable, x, y)


def is_same_size(input, other) -> bool:
    """Whether the shapes are equal.

    >>> import lightwell as torch
    >>> torch.is_same_size(torch.ones(2), torch.zeros(2))
    True
    """
    return input._a.shape == other._a.shape


def nonzero_static(input, *, size, fill_value=-1, out=None):
    """`nonzero` with exactly `size` rows: cut off, or filled up with `fill_value`.

    >>> import lightwell as torch
    >>> torch.nonzero_static(torch.tensor([1, 0, 2]), size=3)
    tensor([[ 0],
            [ 2],
            [-1]])
    """
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    found = np.full((size, input.ndim), fill_value, np.int64)
    rows = np.argwhere(input._a)[:size]
    found[: len(rows)] = rows
    from .public import write_out

    return make(found) if out is None else write_out("nonzero_static", out, make(found))


def unravel_index(indices, shape) -> tuple:
    """The coordinates, one tensor per dimension of `shape`, of flat indices.

    TypeError where the indices are no integers, ValueError where they are out of range.

    >>> import lightwell as torch
    >>> torch.unravel_index(torch.tensor([5, 3]), (2, 3))
    (tensor([1, 1]), tensor([2, 0]))
    """
    if indices.dtype.category != dtypes.INT:
        raise TypeError(f"unravel_index(): expected 'indices' to be an integer tensor, but got {indices.dtype}")
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    try:
        found = np.unravel_index(indices._a, shape)
    except builtins.ValueError as error:
        raise ValueError(f"unravel_index(): {error}") from None
    return tuple(make(np.array(f, indices._a.dtype)) for f in found)


def unsafe_split_with_sizes(input, split_sizes, dim=0):
    """`split_with_sizes` whose parts are no views."""
    return tuple(part.clone() for part in input.split_with_sizes(split_sizes, dim))


def is_nonzero(self) -> bool:
    """Whether the one element is not zero; RuntimeError for more or fewer elements.

    >>> import lightwell as torch
    >>> torch.is_nonzero(torch.tensor([2]))
    True
    """
    return bool(self)


def dim_order(self, *, ambiguity_check=False) -> tuple:
    """The dimensions from the slowest in memory to the fastest."""
    strides = self.stride()
    return tuple(sorted(range(self.ndim), key=lambda k: (-strides[k], k)))


def as_subclass(self, cls):
    """This tensor as an instance of a subclass of Tensor, sharing memory and history."""
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise RuntimeError(f"as_subclass expected type cls to be a subclass of Tensor, got {cls!r}")
    from ..tensor import make as made

    out = made(self._a, cls)
    out._rg, out._node, out._cell, out._base = self.requires_grad, self._node, self._cell_now(), self._base
    if self._base is not None:
        out._seen = self._seen
    return out


Tensor.apply_, Tensor.map_, Tensor.map2_, Tensor.as_subclass = apply_, map_, map2_, as_subclass
Tensor.is_same_size, Tensor.is_nonzero, Tensor.dim_order = is_same_size, is_nonzero, dim_order
Tensor.nonzero_static, Tensor.unsafe_split_with_sizes = nonzero_static, unsafe_split_with_sizes
Tensor.const_data_ptr = Tensor.data_ptr
Tensor.storage_type = lambda self: type(self.storage())
Tensor.record_stream = lambda self, stream: None
Tensor.is_distributed = lambda self: False
for _name in ("is_ipu", "is_maia", "is_mtia", "is_vulkan", "is_xla"):
    setattr(Tensor, _name, False)
