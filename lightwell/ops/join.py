"""Joining tensors: cat, stack and their relatives, and the grids that vectors span."""

import builtins
import math
from operator import index as as_int

import numpy as np

from .. import dtypes
from ..errors.teaching import RuntimeError, TypeError, ValueError
from ..tensor import Tensor, make
from .broadcasting import broadcast_tensors
from .op import op
from .public import public
from .shape import need_tensor, one_dim, reshape, unsqueeze

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "cartesian_prod", "cat", "column_stack", "combinations",
    "concat", "concatenate", "dstack", "hstack", "meshgrid", "row_stack", "stack", "vstack",
]  # fmt: skip


# ---- records --------------------------------------------------------------------------------------------------------


@op
class cat_:
    r"""y = the xᵢ behind one another along `dim`.   gxᵢ is the part of gy that came from xᵢ."""

    def forward(xp, xs, /, dim):
        return xp.concat(xs, axis=dim)

    def grad_xs(xp, gy, shapes, dim):
        out, start = [], 0
        for shape in shapes:
            out.append(gy[(slice(None),) * dim + (slice(start, start + shape[dim]),)])
            start += shape[dim]
        return out


@op
class stack_:
    r"""y[…, i, …] = xᵢ along the new dimension `dim`.   gxᵢ = gy[…, i, …]."""

    def forward(xp, xs, /, dim):
        return xp.stack(xs, axis=dim)

    def grad_xs(xp, gy, shapes, dim):
        return [gy[(slice(None),) * dim + (i, ...)] for i in range(len(shapes))]


# ---- joining --------------------------------------------------------------------------------------------------------


def _listed(tensors, name: str) -> list:
    if isinstance(tensors, Tensor):
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor")
    tensors = list(tensors)
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}: {name}() joins tensors")
    return tensors


def _one_dtype(tensors: list) -> list:
    """The tensors in the dtype that all of them promote to."""
    first = tensors[0]._a.dtype
    for x in tensors:
        if x._a.dtype is not first:
            full = [x.dtype for x in tensors if x._a.ndim]
            wanted = dtypes.result_of(full, [x.dtype for x in tensors if not x._a.ndim], [])
            return [x if x.dtype is wanted else x.to(wanted) for x in tensors]
    return tensors


def _cat(tensors, dim, name: str) -> Tensor:
    tensors = _listed(tensors, name)
    if not tensors:
        raise ValueError(f"{name}(): expected a non-empty list of Tensors")
    tensors = _one_dtype(tensors)
    shape = tensors[0]._a.shape
    n = len(shape)
    if type(dim) is not int:
        dim = as_int(dim)
    for i, x in enumerate(tensors):
        if not x._a.ndim:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated: stack() makes a new dimension")
    if any(x._a.shape == (0,) for x in tensors):  # PyTorch lets the plain empty tensor stand for nothing
        rest = [x for x in tensors if x._a.shape != (0,)]
        if rest:
            tensors, n = rest, rest[0]._a.ndim
    try:
        return cat_(tensors, dim + n if dim < 0 else dim)
    except IndexError:
        raise one_dim_error(dim, n) from None
    except builtins.ValueError:
        raise _cat_error(tensors, one_dim(dim, n), name) from None


def one_dim_error(dim, n):
    """The error of a dimension that isn't there."""
    try:
        one_dim(dim, n)
    except IndexError as error:
        return error


def _cat_error(tensors, dim, name) -> RuntimeError:
    first = tensors[0]._a.shape
    for i, x in enumerate(tensors):
        shape = x._a.shape
        if len(shape) != len(first):
            return RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)} in {name}()")
        for d, (a, b) in enumerate(zip(first, shape)):
            if d != dim and a != b:
                return RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {a} but got size {b} for tensor "
                    f"number {i} in the list ({name}() of shapes {list(first)} and {list(shape)} differs in dimension {d})."
                )
    return RuntimeError(f"{name}(): shapes {[list(x._a.shape) for x in tensors]} can't be joined along dimension {dim}")


@public(method=False)
def cat(tensors, dim: int = 0) -> Tensor:
    """Tensors behind one another along `dim`; all other sizes must agree, dtypes are promoted.

    RuntimeError: sizes that differ elsewhere, 0-dim tensors. ValueError: no tensors. IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.cat((torch.zeros(1, 2), torch.ones(1, 2)))
    tensor([[0., 0.],
            [1., 1.]])
    """
    return _cat(tensors, dim, "cat")


@public(method=False)
def concat(tensors, dim: int = 0) -> Tensor:
    """`cat` under another name."""
    return _cat(tensors, dim, "concat")


@public(method=False)
def concatenate(tensors, dim: int = 0) -> Tensor:
    """`cat` under NumPy's name."""
    return _cat(tensors, dim, "concatenate")


@public(method=False)
def stack(tensors, dim: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new dimension `dim`; dtypes are promoted.

    RuntimeError: shapes that differ, or no tensors. IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    tensors = _listed(tensors, "stack")
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    shape = tensors[0]._a.shape
    for i, x in enumerate(tensors):
        if x._a.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and {list(x._a.shape)} at entry {i}"
            )
    d = one_dim(dim, len(shape) + 1)
    return stack_(_one_dtype(tensors), d)


def atleast_1d(*tensors):
    """Each tensor with at least one dimension: 0-dim ones become shape (1,).

    >>> import lightwell as torch
    >>> torch.atleast_1d(torch.tensor(2))
    tensor([2])
    """
    return _each(tensors, lambda x: reshape(x, (1,)) if not x._a.ndim else x)


def atleast_2d(*tensors):
    """Each tensor with at least two dimensions, new ones in front.

    >>> import lightwell as torch
    >>> torch.atleast_2d(torch.tensor([1, 2]))
    tensor([[1, 2]])
    """
    return _each(tensors, lambda x: reshape(x, (1, 1)) if not x._a.ndim else unsqueeze(x, 0) if x._a.ndim == 1 else x)


def atleast_3d(*tensors):
    """Each tensor with at least three dimensions: (n) becomes (1, n, 1), (m, n) becomes (m, n, 1).

    >>> import lightwell as torch
    >>> torch.atleast_3d(torch.tensor([1, 2])).shape
    torch.Size([1, 2, 1])
    """

    def grown(x):
        n = x._a.ndim
        if n >= 3:
            return x
        return reshape(x, (1, 1, 1)) if n == 0 else unsqueeze(unsqueeze(x, 0), -1) if n == 1 else unsqueeze(x, -1)

    return _each(tensors, grown)


def _each(tensors, f):
    if len(tensors) == 1:
        only = tensors[0]
        return f(only) if isinstance(only, Tensor) else tuple(f(x) for x in only)
    return tuple(f(x) for x in tensors)


@public(method=False)
def hstack(tensors) -> Tensor:
    """Tensors joined along the second dimension (the first of vectors).

    >>> import lightwell as torch
    >>> torch.hstack((torch.tensor([1, 2]), torch.tensor([3])))
    tensor([1, 2, 3])
    """
    tensors = atleast_1d(*_listed(tensors, "hstack"))
    tensors = (tensors,) if isinstance(tensors, Tensor) else tensors
    if not tensors:
        raise RuntimeError("hstack expects a non-empty TensorList")
    return _cat(tensors, 0 if tensors[0]._a.ndim == 1 else 1, "hstack")


@public(method=False)
def vstack(tensors) -> Tensor:
    """Tensors joined along the first dimension; vectors count as rows.

    >>> import lightwell as torch
    >>> torch.vstack((torch.tensor([1, 2]), torch.tensor([3, 4])))
    tensor([[1, 2],
            [3, 4]])
    """
    tensors = [atleast_2d(x) for x in _listed(tensors, "vstack")]
    if not tensors:
        raise RuntimeError("vstack expects a non-empty TensorList")
    return _cat(tensors, 0, "vstack")


@public(method=False)
def row_stack(tensors) -> Tensor:
    """`vstack` under another name."""
    return vstack(tensors)


@public(method=False)
def dstack(tensors) -> Tensor:
    """Tensors joined along the third dimension.

    >>> import lightwell as torch
    >>> torch.dstack((torch.tensor([1, 2]), torch.tensor([3, 4])))
    tensor([[[1, 3],
             [2, 4]]])
    """
    tensors = [atleast_3d(x) for x in _listed(tensors, "dstack")]
    if not tensors:
        raise RuntimeError("dstack expects a non-empty TensorList")
    return _cat(tensors, 2, "dstack")


@public(method=False)
def column_stack(tensors) -> Tensor:
    """Tensors joined along the second dimension; vectors count as columns.

    >>> import lightwell as torch
    >>> torch.column_stack((torch.tensor([1, 2]), torch.tensor([3, 4])))
    tensor([[1, 3],
            [2, 4]])
    """
    tensors = [x if x._a.ndim > 1 else reshape(x, (-1 if x._a.size else 0, 1)) for x in _listed(tensors, "column_stack")]
    if not tensors:
        raise RuntimeError("column_stack expects a non-empty TensorList")
    return _cat(tensors, 1, "column_stack")


def block_diag(*tensors) -> Tensor:
    """The block-diagonal matrix of matrices; vectors count as rows, scalars as 1×1.

    >>> import lightwell as torch
    >>> torch.block_diag(torch.tensor([[1, 2]]), torch.tensor(3))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    for i, x in enumerate(tensors):
        need_tensor(x, "block_diag", i + 1, "tensors")
        if x._a.ndim > 2:
            raise RuntimeError(f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {x._a.ndim} dimensions")
    from .indexing import index_place

    if not tensors:
        return make(np.empty((1, 0), dtypes._default.np))
    tensors = _one_dtype([atleast_2d(x) for x in tensors])
    rows, cols = sum(x._a.shape[0] for x in tensors), sum(x._a.shape[1] for x in tensors)
    out, r, c = [], 0, 0
    for x in tensors:
        h, w = x._a.shape
        out.append(index_place(x, (h, cols), (slice(None), slice(c, c + w)), True))
        r, c = r + h, c + w
    return _cat(out, 0, "block_diag") if rows else out[0]


# ---- grids ----------------------------------------------------------------------------------------------------------


def meshgrid(*tensors, indexing=None) -> tuple:
    """The coordinates of a grid: outᵢ[k₀, k₁, …] = tensorsᵢ[kᵢ], as views; `indexing="xy"` exchanges the first two dimensions.

    RuntimeError: tensors of more than one dimension, or of different dtypes.

    >>> import lightwell as torch
    >>> x, y = torch.meshgrid(torch.tensor([1, 2]), torch.tensor([3, 4]), indexing="ij")
    >>> x.tolist(), y.tolist()
    ([[1, 1], [2, 2]], [[3, 4], [3, 4]])
    """
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for i, x in enumerate(tensors):
        need_tensor(x, "meshgrid", i + 1, "tensors")
        if x._a.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: shape {list(x.shape)}")
        if x.dtype is not tensors[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    swap = indexing == "xy" and len(tensors) > 1
    if swap:
        tensors = (tensors[1], tensors[0], *tensors[2:])
    n = len(tensors)
    wide = [reshape(x, (1,) * i + (x._a.size,) + (1,) * (n - i - 1)) for i, x in enumerate(tensors)]
    out = list(broadcast_tensors(*wide))
    if swap:
        out[0], out[1] = out[1], out[0]
    return tuple(out)


def cartesian_prod(*tensors) -> Tensor:
    """All tuples of one element of each vector, as rows (the vector itself for one).

    >>> import lightwell as torch
    >>> torch.cartesian_prod(torch.tensor([1, 2]), torch.tensor([3, 4])).tolist()
    [[1, 3], [1, 4], [2, 3], [2, 4]]
    """
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    for i, x in enumerate(tensors):
        need_tensor(x, "cartesian_prod", i + 1, "tensors")
        if x._a.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(x, (-1,) if x._a.size else (0,)) for x in meshgrid(*tensors)], 1)


@public
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All ways to choose `r` elements of a vector, in order, as rows of shape (count, r).

    RuntimeError: not a vector, or a negative `r`.

    >>> import lightwell as torch
    >>> torch.combinations(torch.tensor([1, 2, 3])).tolist()
    [[1, 2], [1, 3], [2, 3]]
    """
    import itertools

    need_tensor(input, "combinations")
    if input._a.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input[:0]
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    count = math.comb(len(input) + (r - 1 if with_replacement else 0), r) if len(input) else 0
    flat = itertools.chain.from_iterable(choose(range(len(input)), r))
    from .indexing import picked

    return picked(input, (make(np.fromiter(flat, np.int64, count * r).reshape(count, r)),))
