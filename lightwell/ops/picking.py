"""Picking elements out: by index along a dimension, by flat place, by mask; and where the nonzero ones are."""

import builtins

import numpy as np

from .. import errors
from ..errors import traced
from ..errors.teaching import IndexError, RuntimeError, TypeError
from ..tensor import Tensor, make
from .broadcasting import broadcast_shapes, expand
from .op import op
from .public import public
from .shape import need_tensor, one_dim, reshape

__all__ = ["argwhere", "gather", "index_select", "masked_select", "nonzero", "take", "take_along_dim"]


# ---- records --------------------------------------------------------------------------------------------------------


@op
class index_select_:
    r"""y[…, j, …] = x[…, index[j], …] along `dim`.   gx[…, index[j], …] += gy[…, j, …]."""

    def forward(xp, x, index, /, dim):
        return xp.take(x, index, axis=dim)

    def grad_x(xp, gy, index, x_shape, dim):
        return xp.index_add(x_shape, (slice(None),) * dim + (index,), gy)


@op
class gather_:
    r"""y[i, j, …] = x[i, index[i, j, …], …] along `dim`.   gx[i, index[i, j, …], …] += gy[i, j, …]."""

    def forward(xp, x, index, /, dim):
        return xp.take_along_axis(x, index, axis=dim)

    def grad_x(xp, gy, index, x_shape, dim):
        return xp.scatter_add(_zeros(xp, x_shape, gy), index, gy, axis=dim)


def _zeros(xp, shape, like):
    """Zeros of a shape in the dtype of `like`."""
    return xp.broadcast_to(xp.zeros_like(xp.sum(like)), shape)


@op
class take_:
    r"""y[…] = x's element at the flat place index[…].   gx[index[…]] += gy[…], over flat places."""

    def forward(xp, x, index, /):
        return xp.getitem(xp.reshape(x, (-1,)), (index,))

    def grad_x(xp, gy, index, x_shape):
        size = 1
        for n in x_shape:
            size *= n
        return xp.reshape(xp.index_add((size,), (index,), gy), x_shape)


@op
class masked_select_:
    r"""y = the elements of x where the mask is true, in order.   gx = gy at those places, 0 elsewhere."""

    promotes = False

    def forward(xp, x, mask, /):
        return xp.getitem(x, (mask,))

    def grad_x(xp, gy, mask, x_shape):
        return xp.index_add(x_shape, (mask,), gy)


_least = np.minimum.reduce

# ---- along a dimension ----------------------------------------------------------------------------------------------


def need_index(index, name: str, kinds=("int64", "int32")) -> None:
    """TypeError or RuntimeError where an index isn't an integer tensor."""
    if not isinstance(index, Tensor):
        raise TypeError(f"{name}(): argument 'index' must be Tensor, not {type(index).__name__}")
    if index._a.dtype.name not in kinds:
        raise RuntimeError(
            f"{name}(): Expected dtype int64 for index, got {index.dtype} of shape {list(index.shape)}: convert it with .long()"
        )


def check_range(a, n: int, name: str, error=IndexError, negative=False) -> None:
    """IndexError where an index lies outside 0 … n - 1."""
    if traced(a):
        a.recorder.bounded(a.read(), -n if negative else 0, n)
    elif a.size:
        low, high = a.min(), a.max()
        if low < (-n if negative else 0) or high >= n:
            where = f"the dimension has size {n}"
            raise error(errors.outside(f"{name}(): index", a, -n if negative else 0, n - 1, where))


@public
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of `input` at `index` (a vector, or one number) along `dim`, as a copy.

    IndexError: an index outside, or not a vector. RuntimeError: not an integer tensor.

    >>> import lightwell as torch
    >>> torch.index_select(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([1, 1]))
    tensor([[2, 2],
            [4, 4]])
    """
    need_tensor(input, "index_select")
    need_index(index, "index_select")
    if index._a.ndim > 1:
        raise IndexError(f"index_select(): Index is supposed to be a vector, but got shape {list(index.shape)}")
    d = one_dim(dim, input._a.ndim)
    i = index._a
    if traced(i):
        i.recorder.bounded(i.read(), 0, input._a.shape[d] if input._a.ndim else 1)
    elif i.size and (_least(i) < 0 if i.ndim else i < 0):
        check_range(i, input._a.shape[d] if input._a.ndim else 1, "index_select")
    if not input._a.ndim:
        return reshape(index_select_(reshape(input, (1,)), reshape(index, (-1,)), 0), ())
    if not index._a.ndim:
        index = reshape(index, (1,))
    try:
        return index_select_(input, index, d)
    except builtins.IndexError:
        check_range(i, input._a.shape[d], "index_select")
        raise


@public
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """y[i, j, …] = x[i, index[i, j, …], …], the index standing in for dimension `dim`; y has the index's shape.

    RuntimeError: another number of dimensions, an index larger than the input elsewhere, an entry outside, not int64.

    >>> import lightwell as torch
    >>> torch.gather(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """
    need_tensor(input, "gather")
    need_index(index, "gather")
    n = input._a.ndim
    d = one_dim(dim, n)
    i = index._a
    if not i.size:
        if not (i.ndim == n or not n):
            return reshape(gather_(reshape(input, (input._a.size,)), reshape(index, (0,)), 0), i.shape)
    if max(n, 1) != max(i.ndim, 1):
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as input tensor: "
            f"gather() of shapes {list(input.shape)} and {list(index.shape)}"
        )
    if not n or not i.ndim:
        flat, index = reshape(input, (input._a.size,)), reshape(index, (i.size,))
        check_range(index._a, flat._a.size, "gather", RuntimeError)
        return reshape(gather_(flat, index, 0), i.shape)
    if i.size:
        for k, (small, large) in enumerate(zip(i.shape, input._a.shape)):
            if k != d and small > large:
                raise RuntimeError(
                    f"gather(): Size does not match at dimension {k} expected index {list(i.shape)} to be no larger than self "
                    f"{list(input.shape)} apart from dimension {d}"
                )
        check_range(i, input._a.shape[d], "gather", RuntimeError)
    return gather_(input, index, d)


@public
def take_along_dim(input: Tensor, indices: Tensor, dim=None) -> Tensor:
    """`gather` with broadcasting between input and indices; over flat elements where dim is None.

    >>> import lightwell as torch
    >>> torch.take_along_dim(torch.tensor([3, 1, 2]), torch.tensor([1, 2, 0]), 0)
    tensor([1, 2, 3])
    """
    need_tensor(input, "take_along_dim")
    if not isinstance(indices, Tensor) or indices._a.dtype != np.int64:
        raise RuntimeError(
            "torch.take_along_dim(): dtype of indices should be Long but got " + str(getattr(indices, "dtype", type(indices).__name__))
        )
    if dim is None:
        return gather(reshape(input, (input._a.size,)), 0, reshape(indices, (indices._a.size,)))
    if input._a.ndim != indices._a.ndim:
        raise RuntimeError(
            f"torch.take_along_dim(): input and indices should have the same number of dimensions, but got {input._a.ndim} "
            f"dimensions for input, and {indices._a.ndim} dimensions for indices"
        )
    d = one_dim(dim, input._a.ndim)
    one = lambda shape: (*shape[:d], 1, *shape[d + 1 :])
    both = tuple(broadcast_shapes(one(input._a.shape), one(indices._a.shape)))
    wide = lambda x: expand(x, (*both[:d], x._a.shape[d], *both[d + 1 :]))
    return gather(wide(input), d, wide(indices))


@public
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at flat places `index`, in the index's shape; IndexError outside.

    >>> import lightwell as torch
    >>> torch.take(torch.tensor([[1, 2], [3, 4]]), torch.tensor([3, 0]))
    tensor([4, 1])
    """
    need_tensor(input, "take")
    need_index(index, "take", ("int64",))
    n = input._a.size
    if index._a.size:
        if not n:
            raise IndexError("take(): tried to take from an empty tensor")
        low, high = (index._a.min(), index._a.max()) if not traced(index._a) else (0, 0)
        if low < -n or high >= n:
            raise IndexError(errors.outside("take(): out of range: index", index._a, -n, n - 1, f"the tensor has {n} elements"))
    return take_(input, index)


# ---- masks ----------------------------------------------------------------------------------------------------------


def mask_with(input: Tensor, mask, name: str):
    """Input and mask in their common shape."""
    need_tensor(input, name)
    if not isinstance(mask, Tensor):
        raise TypeError(f"{name}(): argument 'mask' (position 2) must be Tensor, not {type(mask).__name__}")
    if mask._a.dtype.kind != "b":
        raise RuntimeError(f"{name}: expected BoolTensor for mask, got {mask.dtype}: compare or convert it first, with .bool()")
    if input._a.shape != mask._a.shape:
        try:
            both = tuple(broadcast_shapes(input._a.shape, mask._a.shape))
        except builtins.RuntimeError:
            raise errors.broadcast_error(input._a.shape, mask._a.shape, name) from None
        input, mask = expand(input, both), expand(mask, both)
    return input, mask


@public
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where `mask` (broadcast) is true, in order, as a vector.

    >>> import lightwell as torch
    >>> torch.masked_select(torch.tensor([1, 2, 3]), torch.tensor([True, False, True]))
    tensor([1, 3])
    """
    input, mask = mask_with(input, mask, "masked_select")
    if not input._a.ndim:
        input, mask = reshape(input, (1,)), reshape(mask, (1,))
    return masked_select_(input, mask)


@public
def nonzero(input: Tensor, *, as_tuple: bool = False):
    """The places of the nonzero elements: one row per element, or (`as_tuple`) one index vector per dimension.

    >>> import lightwell as torch
    >>> torch.nonzero(torch.tensor([0, 5, 7])).tolist()
    [[1], [2]]
    """
    need_tensor(input, "nonzero")
    a = input._a
    if as_tuple:
        return tuple(make(i) for i in np.nonzero(a if a.ndim else a.reshape(1)))
    if not a.ndim:
        return make(np.zeros((int(bool(a)), 0), np.int64))
    return make(np.ascontiguousarray(np.argwhere(a)))


@public
def argwhere(input: Tensor) -> Tensor:
    """`nonzero` under NumPy's name: one row per nonzero element.

    >>> import lightwell as torch
    >>> torch.argwhere(torch.tensor([0, 2, 3]))
    tensor([[1],
            [2]])
    """
    return nonzero(input)
