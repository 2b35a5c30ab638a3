"""Repeating, turning, diagonals, windows, and the tensor's place in its storage. Long by its examples."""

import math
from operator import index as as_int

import numpy as np

from ..errors.level import users_level
from ..errors.teaching import RuntimeError
from ..tensor import Tensor, make, view_of
from .axes import becoming, movedim, permute_
from .indexing import index_place
from .inplace import as_strided_, geometry
from .op import op
from .public import public
from .shape import clone, need_tensor, one_dim, reshape, sizes_of

__all__ = [
    "as_strided", "diag", "diag_embed", "diagflat", "diagonal", "flip", "fliplr", "flipud", "repeat_interleave", "roll",
    "rot90", "tile", "unfold_copy",
]  # fmt: skip


# ---- records --------------------------------------------------------------------------------------------------------


def _between(a, b) -> tuple:
    """a₀, b₀, a₁, b₁, …"""
    return tuple(n for pair in zip(a, b) for n in pair)


@op
class repeat_:
    r"""y = x laid side by side, rₖ times along dimension k.   gx is the sum of gy over the repetitions."""

    def forward(xp, x, /, reps):
        return xp.tile(x, reps)

    def grad_x(xp, gy, x_shape, reps):
        shape = (1,) * (len(reps) - len(x_shape)) + tuple(x_shape)
        parts = xp.reshape(gy, _between(reps, shape))
        return xp.reshape(xp.sum(parts, axis=tuple(range(0, 2 * len(shape), 2))), x_shape) if shape else gy


@op
class flip_:
    r"""y is x turned round along `dims`.   Turning is its own inverse: gx is gy turned round."""

    def forward(xp, x, /, dims):
        return xp.flip(x, axis=dims)

    def grad_x(xp, gy, dims):
        return xp.flip(gy, axis=dims)


@op
class roll_:
    r"""y[i + s mod n] = x[i].   gx[i] = gy[i + s mod n]: gy rolled back by s."""

    def forward(xp, x, /, shifts, dims):
        return xp.roll(x, shifts, axis=dims)

    def grad_x(xp, gy, shifts, dims):
        return xp.roll(gy, tuple(-s for s in shifts), axis=dims)


@op
class diagonal_:
    r"""y[…, k] = x[…, k, k + offset], a view.   gx = gy on the diagonal, 0 elsewhere."""

    view = True

    def forward(xp, x, /, offset, dim1, dim2):
        return xp.diagonal(x, offset, dim1, dim2)

    def grad_x(xp, gy, x_shape, offset, dim1, dim2):
        order = [d for d in range(len(x_shape)) if d not in (dim1, dim2)] + [dim1, dim2]
        k = np.arange(gy.shape[-1])
        key = (..., make(k + max(-offset, 0)), make(k + max(offset, 0)))
        wide = xp.index_add(tuple(x_shape[d] for d in order), key, gy, unique=True)
        return xp.permute_dims(wide, tuple(order.index(d) for d in range(len(order))))


@op
class unfold_:
    r"""y[…, w, …, j] = x[…, w·step + j, …] along `dim`, a view.   An element in several windows gets all their gradients."""

    view = True

    def forward(xp, x, /, dim, size, step):
        return xp.sliding(x, dim, size, step)

    def grad_x(xp, gy, x_shape, dim, size, step):
        places = np.arange(gy.shape[dim])[:, None] * step + np.arange(size)
        last = gy.ndim - 1
        gy = xp.permute_dims(gy, (*range(dim + 1), last, *range(dim + 1, last)))
        return xp.index_add(x_shape, (slice(None),) * dim + (make(places),), gy)


# ---- repeating ------------------------------------------------------------------------------------------------------


def repeat(self: Tensor, *sizes, repeats=None) -> Tensor:
    """The tensor laid side by side sizes[k] times along dimension k (new leading dimensions where there are more sizes).

    RuntimeError: fewer sizes than dimensions, or a negative one.

    >>> import lightwell as torch
    >>> torch.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    reps = sizes_of(sizes if repeats is None else (repeats,))
    if len(reps) < self._a.ndim:
        raise RuntimeError(
            f"Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: got repeat({list(reps)}) "
            f"of shape {list(self._a.shape)}"
        )
    if any(r < 0 for r in reps):
        raise RuntimeError(f"Trying to create tensor with negative dimension: repeat({list(reps)})")
    return repeat_(self, reps)


Tensor.repeat = repeat


@public
def tile(input: Tensor, *sizes, dims=None) -> Tensor:
    """`repeat`, which takes fewer counts than dimensions too: they count from the last dimension.

    >>> import lightwell as torch
    >>> torch.tile(torch.tensor([1, 2]), (2,))
    tensor([1, 2, 1, 2])
    """
    need_tensor(input, "tile")
    reps = sizes_of(sizes if dims is None else (dims,))
    return repeat(input, (1,) * (input._a.ndim - len(reps)) + reps)


@public(out=False)
def repeat_interleave(input: Tensor, repeats=None, dim=None, *, output_size=None) -> Tensor:
    """Each slice along `dim` repeated in place, `repeats` times (a number, or one count per slice); flat where dim is None.

    With one argument: the index tensor 0…0 1…1 … in which i stands `input[i]` times.
    RuntimeError: negative counts, or not one per slice.

    >>> import lightwell as torch
    >>> torch.repeat_interleave(torch.tensor([5, 6]), torch.tensor([1, 2]))
    tensor([5, 6, 6])
    """
    from .picking import index_select

    need_tensor(input, "repeat_interleave")
    if repeats is None:
        counts = _counts(input, None)
        return make(np.repeat(np.arange(len(counts), dtype=input._a.dtype), counts))
    if dim is None:
        input, dim = reshape(input, (-1,) if input._a.size else (0,)), 0
    d = one_dim(dim, input._a.ndim)
    if not input._a.ndim:
        input = reshape(input, (1,))
    n = input._a.shape[d]
    if isinstance(repeats, Tensor):
        counts = _counts(repeats, n)
    else:
        if as_int(repeats) < 0:
            raise RuntimeError(f"Repeats must be non-negative, got {repeats}")
        counts = as_int(repeats)
    places = np.repeat(np.arange(n), counts)
    if output_size is not None and len(places) != output_size:
        raise RuntimeError(
            f"repeat_interleave: allocated size does not match required size: output_size={output_size}, needed {len(places)}"
        )
    return index_select(input, d, make(places))


def _counts(repeats: Tensor, n):
    a = repeats._a
    if a.dtype not in (np.int32, np.int64):
        raise RuntimeError(f"repeats has to be Long or Int tensor, got {repeats.dtype}")
    if a.ndim > 1:
        raise RuntimeError("repeat_interleave: repeats must be 0-dim or 1-dim tensor")
    if a.size and a.min() < 0:
        raise RuntimeError("repeats can not be negative")
    if n is not None and a.size != 1 and a.size != n:
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {a.size} and input.size(dim) = {n}"
        )
    return np.broadcast_to(a.reshape(-1), n) if n is not None else a.reshape(-1)


# ---- turning --------------------------------------------------------------------------------------------------------


@public(out=False)
def flip(input: Tensor, *sizes, dims=None) -> Tensor:
    """A copy with the order of elements reversed along `dims`; RuntimeError for a dimension given twice.

    >>> import lightwell as torch
    >>> torch.flip(torch.tensor([1, 2, 3]), [0])
    tensor([3, 2, 1])
    """
    need_tensor(input, "flip")
    n = input._a.ndim
    dims = tuple([one_dim(d, n) for d in sizes_of(sizes if dims is None else ((dims,) if isinstance(dims, int) else tuple(dims),))])
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"dim {next(d for d in dims if dims.count(d) > 1)} appears multiple times in the list of dims")
    return flip_(input, tuple(d for d in dims if d < n))


@public(out=False)
def fliplr(input: Tensor) -> Tensor:
    """A copy with the columns in reverse order; RuntimeError for less than two dimensions.

    >>> import lightwell as torch
    >>> torch.fliplr(torch.tensor([[1, 2], [3, 4]]))
    tensor([[2, 1],
            [4, 3]])
    """
    if input._a.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@public(out=False)
def flipud(input: Tensor) -> Tensor:
    """A copy with the rows in reverse order; RuntimeError for a 0-dim tensor.

    >>> import lightwell as torch
    >>> torch.flipud(torch.tensor([[1, 2], [3, 4]]))
    tensor([[3, 4],
            [1, 2]])
    """
    if input._a.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@public(out=False)
def rot90(input: Tensor, k: int = 1, dims=(0, 1)) -> Tensor:
    """A copy turned by k·90° in the plane of `dims`, from the first towards the second.

    RuntimeError unless `dims` are two different dimensions.

    >>> import lightwell as torch
    >>> torch.rot90(torch.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    need_tensor(input, "rot90")
    n = input._a.ndim
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if n < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {n}")
    a, b = [d + n if d < 0 else d for d in dims]
    if a == b:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    for d in dims:
        if not -n <= d < n:
            raise RuntimeError(f"Rotation dim{'01'[d == dims[1]]} out of range, dim = {d}")
    k %= 4
    if k == 0:
        return clone(input)
    if k == 2:
        return flip(input, a, b)
    out = flip(input, b if k == 1 else a)
    order = list(range(n))
    order[a], order[b] = b, a
    return clone(permute_(out, tuple(order)))


@public(out=False)
def roll(input: Tensor, shifts, dims=()) -> Tensor:
    """A copy shifted along `dims` (as one flat sequence without them): what leaves at one end enters at the other.

    RuntimeError: not one shift per dimension.

    >>> import lightwell as torch
    >>> torch.roll(torch.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
    """
    need_tensor(input, "roll")
    shifts = sizes_of((tuple(shifts) if isinstance(shifts, (tuple, list)) else (shifts,),))
    dims = (dims,) if not isinstance(dims, (tuple, list)) else tuple(dims)
    if not shifts:
        raise RuntimeError("`shifts` required")
    if not dims:
        if len(shifts) != 1:
            raise RuntimeError(f"roll(): shifts and dimensions must align. shifts: {len(shifts)}, dims:0")
        return roll_(input, shifts, None)
    if len(dims) != len(shifts):
        raise RuntimeError(f"roll(): shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    n = input._a.ndim
    dims = tuple([one_dim(d, n) for d in dims])
    return roll_(input, shifts, dims) if n else clone(input)


# ---- diagonals ------------------------------------------------------------------------------------------------------


@public(out=False)
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of the diagonal of two dimensions, as the last dimension; `offset` > 0 lies above the main one.

    RuntimeError where dim1 and dim2 are the same.

    >>> import lightwell as torch
    >>> torch.diagonal(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    need_tensor(input, "diagonal")
    n = input._a.ndim
    a, b = one_dim(dim1, n), one_dim(dim2, n)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return diagonal_(input, as_int(offset), a, b)


@public(out=False)
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Zeros with the last dimension of `input` on the diagonal of the dimensions dim1 and dim2 of the result.

    RuntimeError where dim1 and dim2 are the same.

    >>> import lightwell as torch
    >>> torch.diag_embed(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    need_tensor(input, "diag_embed")
    if not input._a.ndim:
        input = reshape(input, (1,))
    n = input._a.ndim + 1
    a, b = one_dim(dim1, n), one_dim(dim2, n)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    k = np.arange(input._a.shape[-1])
    side = len(k) + abs(offset)
    out = index_place(input, (*input._a.shape[:-1], side, side), (..., make(k + max(-offset, 0)), make(k + max(offset, 0))), True)
    return out if (a, b) == (n - 2, n - 1) else movedim(out, (-2, -1), (a, b))


@public
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A matrix's diagonal as a new vector, or the matrix that has a vector on its diagonal.

    RuntimeError for other numbers of dimensions.

    >>> import lightwell as torch
    >>> torch.diag(torch.tensor([1, 2]), 1)
    tensor([[0, 1, 0],
            [0, 0, 2],
            [0, 0, 0]])
    """
    need_tensor(input, "diag")
    if input._a.ndim == 1:
        return diag_embed(input, diagonal)
    if input._a.ndim == 2:
        return clone(diagonal_(input, as_int(diagonal), 0, 1))
    raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input._a.ndim}D")


@public(out=False)
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix that has all elements of `input`, in order, on its diagonal.

    >>> import lightwell as torch
    >>> torch.diagflat(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    return diag_embed(reshape(input, (input._a.size,)), offset)


# ---- windows and memory ---------------------------------------------------------------------------------------------


def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """A view of all windows of `size` along a dimension, `step` apart, as a new last dimension.

    RuntimeError: a size greater than the dimension's, a step ≤ 0.

    >>> import lightwell as torch
    >>> torch.arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """
    d = one_dim(dimension, self._a.ndim)
    n = self._a.shape[d] if self._a.ndim else 1
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > n:
        raise RuntimeError(f"unfold(): maximum size for tensor at dimension {dimension} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not self._a.ndim:
        return reshape(self, (1,))[:size]
    return unfold_(self, d, as_int(size), as_int(step))


Tensor.unfold = unfold


def unfold_copy(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """`Tensor.unfold` into memory of its own."""
    return clone(unfold(input, dimension, size, step))


@public(out=False)
def as_strided(input: Tensor, size, stride, storage_offset=None) -> Tensor:
    """A view of the storage behind `input`: element (i₀, i₁, …) is at storage_offset + Σ iₖ·stride[k], in elements.

    RuntimeError: not one stride per size, negative ones, or a window that reaches beyond the storage.

    >>> import lightwell as torch
    >>> torch.as_strided(torch.arange(4), (2, 2), (1, 1))
    tensor([[0, 1],
            [1, 2]])
    """
    need_tensor(input, "as_strided")
    if type(input._a) is not np.ndarray and hasattr(input, "level"):  # an example of a vmap: each from memory of its own
        return input.level.each(lambda x: as_strided(x.clone(), size, stride, storage_offset), (input,), {})
    size, stride = sizes_of((tuple(size),)), sizes_of((tuple(stride),))
    if len(size) != len(stride):
        raise RuntimeError(f"mismatch in length of strides and shape: size {list(size)}, stride {list(stride)}")
    if any(s < 0 for s in stride):
        raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}")
    offset = input.storage_offset() if storage_offset is None else as_int(storage_offset)
    reach = offset + sum((n - 1) * s for n, s in zip(size, stride)) + 1 if 0 not in size else 0
    held = input._storage_owner().nbytes // input._a.itemsize
    if reach > held or offset < 0:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} reach {reach} elements, which are "
            f"out of bounds for storage of {held} elements"
        )
    for x in (input, input._base):
        if x is None:
            continue
        own, total = x.storage_offset(), x._a.size
        if own <= offset and reach <= own + total and _dense(x._a):
            out = as_strided_(x, size, stride, offset - own, geometry(x._a, x._a)[2])
            if np.shares_memory(out._a, x._a) or not out._a.size:
                cell = out._cell = x._cell or x._cell_now()
                out._base, out._seen = x if x._base is None else x._base, cell[3]
                return out
    owner, item = input._storage_owner(), input._a.itemsize
    a = np.ndarray(
        size, input._a.dtype, owner.reshape(-1).view(np.uint8).data if owner.size else None, offset * item, tuple(s * item for s in stride)
    )
    return view_of(input, a)


def _dense(a) -> bool:
    return a.flags.c_contiguous or a.transpose(sorted(range(a.ndim), key=lambda k: (-a.strides[k], k))).flags.c_contiguous


def sum_to_size(self: Tensor, *size) -> Tensor:
    """The tensor summed over the dimensions in which it is larger than `size`: the adjoint of `expand`.

    RuntimeError where `size` doesn't broadcast to the tensor's shape.
    """
    size = sizes_of(size)
    had = self._a.shape
    lead = len(had) - len(size)
    if lead < 0 or any(n not in (1, m) for n, m in zip(size, had[lead:])):
        raise RuntimeError(f"size {{{list(size)}}} is not expandable to size {{{list(had)}}}.")
    dims = [*range(lead), *(lead + i for i, n in enumerate(size) if n == 1 and had[lead + i] != 1)]
    return reshape(self.sum(dims), size) if dims else self


Tensor.sum_to_size = sum_to_size


def resize_(self: Tensor, *sizes, memory_format=None) -> Tensor:
    """Give the tensor another shape over its storage, which grows (its new elements undefined) where it is too small.

    RuntimeError for a tensor that requires grad.
    """
    shape = sizes_of(sizes)
    if shape and min(shape) < 0:
        raise RuntimeError(f"resize_(): sizes can't be negative, but got {list(shape)}: nothing is inferred here, unlike in view()")
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    wanted, item = math.prod(shape), self._a.itemsize
    owner, offset = self._storage_owner(), self.storage_offset()
    if (offset + wanted) * item <= owner.nbytes and owner.flags.c_contiguous and wanted:
        self._a = np.ndarray(shape, self._a.dtype, owner.reshape(-1).view(np.uint8).data, offset * item)
    else:
        fresh = np.zeros(wanted, self._a.dtype)
        flat = self._a.reshape(-1)[:wanted]
        fresh[: flat.size] = flat
        self._a = fresh.reshape(shape)
    self._bump()
    return self


def resize(self: Tensor, *sizes) -> Tensor:
    """`view(*sizes)` of the contiguous tensor, under the name PyTorch deprecated: warns; RuntimeError for another number of elements
    (sizes of -1 included).

    >>> import warnings, lightwell as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.arange(4).resize(2, 2)
    tensor([[0, 1],
            [2, 3]])
    """
    import warnings

    warnings.warn("non-inplace resize is deprecated: use reshape(), or resize_() to change the tensor itself", stacklevel=users_level())
    shape = sizes_of(sizes)
    if math.prod(shape) != self._a.size:
        raise RuntimeError(
            f"resize(): a tensor of shape {list(self._a.shape)} has {self._a.size} elements and can't be shown as {list(shape)}, which needs "
            f"{math.prod(shape)}: the number of elements must stay. resize_() changes it"
        )
    return reshape(self, shape)


def resize_as_(self: Tensor, the_template: Tensor, *, memory_format=None) -> Tensor:
    """`resize_(the_template.size())`."""
    return resize_(self, the_template._a.shape)


def set_(self: Tensor, source=None, storage_offset=0, size=None, stride=None) -> Tensor:
    """Let the tensor show the storage of `source` (a tensor or a storage), with the given place, sizes and strides."""
    if source is None:
        self._a = np.empty(0, self._a.dtype)
    elif isinstance(source, Tensor) and size is None:
        self._a, self._cell = source._a, source._cell_now()
    else:
        a = source._a if isinstance(source, Tensor) else source._array(self._a.dtype)
        if size is None:
            size = (a.size,)
        whole = make(a)
        if stride is None:
            stride = make(np.broadcast_to(np.empty((), np.int8), tuple(size))).contiguous().stride()
        self._a = as_strided(whole, size, stride, storage_offset)._a
    self._bump()
    return self


Tensor.resize, Tensor.resize_, Tensor.resize_as_, Tensor.set_ = resize, resize_, resize_as_, set_


def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both tensors show the same memory with the same sizes and strides."""
    same = self._storage_owner() is tensor._storage_owner() and self.storage_offset() == tensor.storage_offset()
    return same and self._a.shape == tensor._a.shape and self.stride() == tensor.stride()


Tensor.is_set_to = is_set_to


Tensor.as_strided_ = becoming(as_strided)
