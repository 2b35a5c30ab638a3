"""Joining tensors and taking them apart: cat, stack, split, unbind and their relatives."""

import math
from operator import index as as_int

import numpy as np

from .. import dtypes, errors
from ..autograd import modes
from ..autograd.node import Node, Port, tick
from ..backend import numpy as NP
from ..tensor import Tensor, view_of
from . import op as core
from .op import Record, op, registry
from .public import public
from .shape import broadcast_tensors, need_tensor, one_dim, reshape, unsqueeze

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "cartesian_prod", "cat", "chunk", "column_stack",
    "combinations", "concat", "concatenate", "dsplit", "dstack", "hsplit", "hstack", "meshgrid", "row_stack", "split",
    "split_with_sizes", "stack", "tensor_split", "unbind", "unsafe_chunk", "unsafe_split", "vsplit", "vstack",
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


class Parts(Node):
    """The node of an operation that shows one tensor as several views; `outputs` is their number."""

    __slots__ = ("outputs",)

    def pull(self, grads, create_graph):
        """The gradient of the tensor that was taken apart; parts without a gradient count as zero."""
        from ..autograd.engine import freed

        if self.saved is None:
            raise freed(self)
        xp = NP
        if create_graph:
            from . import reader as xp
        return [self.rule(xp, grads, *self.saved)]


def several(spec: type):
    """Register an operation that gives several views of x: `forward` lists them, `grad_x` joins their gradients."""
    rec = registry[spec.__name__.rstrip("_")] = Record(spec)
    rec.view = True
    title = type(rec.node.__name__, (Parts,), {"__slots__": (), "rule": staticmethod(spec.grad_x), "parts": rec})
    title.__module__ = "torch.autograd.function"

    def call(x, *params):
        if x._base is not None:
            x._refresh()
        if core.active:
            done = core._interposed(rec, call, (x, *params))
            if done is not core._Plain:
                return done
        a = x._a
        outs = tuple([view_of(x, part) for part in rec.forward(NP, a, *params)])
        if x._rg and outs and (modes.all_on or modes.state.grad):
            node = object.__new__(title)
            node.edges, node.saved, node.cells, node.fit, node.extra = (x._node or x,), (a.shape, *params), (), None, None
            node.outputs, node.seq = len(outs), tick()
            for i, out in enumerate(outs):
                out._node, out._rg = (Port(node, i) if len(outs) > 1 else node), True
        return outs

    call.record, call.__name__, call.__doc__ = rec, rec.name, rec.doc
    return call


def _parts(xp, x, /, sizes, dim):
    lead, start, out = (slice(None),) * dim, 0, []
    for n in sizes:
        out.append(x[lead + (slice(start, start + n),)])
        start += n
    return out


def _parts_grad(xp, gys, x_shape, sizes, dim):
    gys = gys if isinstance(gys, list) else [gys]
    like = next(g for g in gys if g is not None)
    full = []
    for g, n in zip(gys, sizes):
        if g is None:
            none = (slice(0, 0),) * (dim + 1)
            g = xp.index_add((*x_shape[:dim], n, *x_shape[dim + 1 :]), none, like[none])
        full.append(g)
    return full[0] if len(full) == 1 else xp.concat(full, axis=dim)


@several
class split_:
    r"""yᵢ = the next slices of x along `dim`, of one size, as views.   gx is the gyᵢ behind one another."""

    forward, grad_x = _parts, _parts_grad


@several
class split_with_sizes_:
    r"""yᵢ = the next nᵢ slices of x along `dim`, as views.   gx is the gyᵢ behind one another."""

    forward, grad_x = _parts, _parts_grad


@several
class unbind_:
    r"""yᵢ = x[…, i, …] along `dim`, as views.   gx is the gyᵢ side by side."""

    def forward(xp, x, /, dim):
        lead = (slice(None),) * dim
        return [x[(*lead, i, ...)] for i in range(x.shape[dim])]

    def grad_x(xp, gys, x_shape, dim):
        gys = gys if isinstance(gys, list) else [gys]
        like = next(g for g in gys if g is not None)
        return xp.stack([xp.zeros_like(like) if g is None else g for g in gys], axis=dim)


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
    except ValueError:
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
            raise RuntimeError(f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and {list(x._a.shape)} at entry {i}")
    d = one_dim(dim, len(shape) + 1)
    return stack_(_one_dtype(tensors), d)


def atleast_1d(*tensors):
    """Each tensor with at least one dimension: 0-dim ones become shape (1,)."""
    return _each(tensors, lambda x: reshape(x, (1,)) if not x._a.ndim else x)


def atleast_2d(*tensors):
    """Each tensor with at least two dimensions, new ones in front."""
    return _each(tensors, lambda x: reshape(x, (1, 1)) if not x._a.ndim else unsqueeze(x, 0) if x._a.ndim == 1 else x)


def atleast_3d(*tensors):
    """Each tensor with at least three dimensions: (n) becomes (1, n, 1), (m, n) becomes (m, n, 1)."""

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
    """Tensors joined along the second dimension (the first of vectors)."""
    tensors = atleast_1d(*_listed(tensors, "hstack"))
    tensors = (tensors,) if isinstance(tensors, Tensor) else tensors
    if not tensors:
        raise RuntimeError("hstack expects a non-empty TensorList")
    return _cat(tensors, 0 if tensors[0]._a.ndim == 1 else 1, "hstack")


@public(method=False)
def vstack(tensors) -> Tensor:
    """Tensors joined along the first dimension; vectors count as rows."""
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
    """Tensors joined along the third dimension."""
    tensors = [atleast_3d(x) for x in _listed(tensors, "dstack")]
    if not tensors:
        raise RuntimeError("dstack expects a non-empty TensorList")
    return _cat(tensors, 2, "dstack")


@public(method=False)
def column_stack(tensors) -> Tensor:
    """Tensors joined along the second dimension; vectors count as columns."""
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
        from ..tensor import make

        return make(np.empty((1, 0), dtypes._default.np))
    tensors = _one_dtype([atleast_2d(x) for x in tensors])
    rows, cols = sum(x._a.shape[0] for x in tensors), sum(x._a.shape[1] for x in tensors)
    out, r, c = [], 0, 0
    for x in tensors:
        h, w = x._a.shape
        out.append(index_place(x, (h, cols), (slice(None), slice(c, c + w)), True))
        r, c = r + h, c + w
    return _cat(out, 0, "block_diag") if rows else out[0]


# ---- taking apart ---------------------------------------------------------------------------------------------------


def _split(x: Tensor, sizes, dim: int) -> tuple:
    return split_(x, tuple(sizes), dim)


@public(out=False)
def split(tensor: Tensor, split_size_or_sections=None, dim: int = 0, *, split_size=None) -> tuple:
    """Views of consecutive parts along `dim`: of one size each (the last may be smaller), or of the listed sizes.

    RuntimeError: a negative size; sizes that don't add up to the dimension's size.

    >>> import lightwell as torch
    >>> torch.split(torch.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    need_tensor(tensor, "split", 1, "tensor")
    wanted = split_size_or_sections if split_size_or_sections is not None else split_size
    if isinstance(wanted, (tuple, list)):
        return split_with_sizes(tensor, wanted, dim)
    if wanted is None or isinstance(wanted, float):
        raise TypeError(f"split(): argument 'split_size_or_sections' (position 2) must be int or list of ints, not {type(wanted).__name__}")
    step = as_int(wanted)
    if not tensor._a.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    d = one_dim(dim, tensor._a.ndim)
    n = tensor._a.shape[d]
    if step < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={step}")
    if step == 0 and n:
        raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}")
    if n == 0:
        return _split(tensor, (0,), d)
    return _split(tensor, [min(step, n - i) for i in range(0, n, step)], d)


@public(out=False)
def split_with_sizes(input: Tensor, split_sizes, dim: int = 0) -> tuple:
    """Views of consecutive parts of the listed sizes along `dim`; RuntimeError where they don't add up."""
    if not input._a.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    d = one_dim(dim, input._a.ndim)
    sizes = [as_int(s) for s in split_sizes]
    if any(s < 0 for s in sizes):
        raise RuntimeError(f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={sizes}")
    if sum(sizes) != input._a.shape[d]:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {input._a.shape[d]} (input tensor's size at dimension {dim}), "
            f"but got split_sizes={sizes}"
        )
    return split_with_sizes_(input, tuple(sizes), d)


@public(out=False)
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple:
    """At most `chunks` views of parts of equal size (the last may be smaller) along `dim`.

    RuntimeError for chunks ≤ 0.

    >>> import lightwell as torch
    >>> [c.tolist() for c in torch.chunk(torch.arange(5), 3)]
    [[0, 1], [2, 3], [4]]
    """
    need_tensor(input, "chunk")
    if not input._a.ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    d = one_dim(dim, input._a.ndim)
    n = input._a.shape[d]
    if n == 0:
        return _split(input, (0,) * chunks, d)
    return split(input, -(-n // chunks), d)


unsafe_split, unsafe_chunk = split, chunk


@public(out=False)
def unbind(input: Tensor, dim: int = 0) -> tuple:
    """All slices along `dim`, as views without that dimension.

    >>> import lightwell as torch
    >>> torch.unbind(torch.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    need_tensor(input, "unbind")
    if not input._a.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    return unbind_(input, one_dim(dim, input._a.ndim))


@public(out=False)
def tensor_split(input: Tensor, indices_or_sections=None, dim: int = 0, *, indices=None, sections=None) -> tuple:
    """Views of parts along `dim`: `n` nearly equal ones (the first ones larger by one), or cut at the listed indices.

    RuntimeError: no dimension to split, or sections ≤ 0.

    >>> import lightwell as torch
    >>> [c.tolist() for c in torch.tensor_split(torch.arange(5), 2)]
    [[0, 1, 2], [3, 4]]
    """
    need_tensor(input, "tensor_split")
    where = next((v for v in (indices_or_sections, indices, sections) if v is not None), None)
    if not input._a.ndim:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    d = one_dim(dim, input._a.ndim)
    n = input._a.shape[d]
    if isinstance(where, Tensor):
        if where._a.dtype != np.int64 or where._a.ndim > 1:
            raise RuntimeError(f"tensor_split expected tensor_indices_or_sections to be a zero- or one-dimensional int64 tensor, got {where.dtype} of shape {list(where.shape)}")
        where = where.tolist()
    if isinstance(where, (tuple, list)):
        return _cut(input, [0, *[as_int(i) for i in where], n], d)
    k = as_int(where)
    if k <= 0:
        raise RuntimeError(f"number of sections must be larger than 0, got {k}")
    small, more = divmod(n, k)
    return _split(input, [small + 1] * more + [small] * (k - more), d)


def _cut(x: Tensor, cuts, d: int) -> tuple:
    """The slices between neighbouring cuts, which need not be in order (as NumPy's array_split)."""
    from .indexing import slice_

    lead = (slice(None),) * d
    last = len(cuts) - 2
    return tuple(
        slice_(x, lead + (slice(a, None if i == last else b),)) for i, (a, b) in enumerate(zip(cuts, cuts[1:]))
    )


def _axis_split(name: str, least: int, axis):
    def call(input: Tensor, indices_or_sections) -> tuple:
        need_tensor(input, name)
        n = input._a.ndim
        if n < least:
            raise RuntimeError(f"torch.{name} requires a tensor with at least {least} dimension{'s' * (least > 1)}, but got a tensor with {n} dimensions!")
        d = axis(n)
        if not isinstance(indices_or_sections, (tuple, list, Tensor)):
            k = as_int(indices_or_sections)
            if k <= 0 or input._a.shape[d] % k:
                raise RuntimeError(f"torch.{name} attempted to split along dimension {d}, but the size of the dimension {input._a.shape[d]} is not divisible by the split_size {k}!")
        return tensor_split(input, indices_or_sections, d)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`tensor_split` along the dimension of {name[0]}stack; a number of sections must divide the size (RuntimeError)."
    return public(call, out=False)


hsplit = _axis_split("hsplit", 1, lambda n: 0 if n == 1 else 1)
vsplit = _axis_split("vsplit", 2, lambda n: 0)
dsplit = _axis_split("dsplit", 3, lambda n: 2)


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
    from ..tensor import make
    from .indexing import picked

    return picked(input, (make(np.fromiter(flat, np.int64, count * r).reshape(count, r)),))
