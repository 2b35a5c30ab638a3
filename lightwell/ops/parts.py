"""Taking tensors apart into views: split, chunk, unbind and their relatives."""

import itertools
from operator import index as as_int

import numpy as np

from ..autograd import engine, modes
from ..autograd.node import Node, Port, tick
from ..backend import numpy as NP
from ..errors.teaching import IndexError, RuntimeError, TypeError
from ..tensor import Tensor, view_of
from . import op as core
from .op import Record, registry
from .public import public
from .shape import need_tensor, one_dim

__all__ = [
    "chunk", "dsplit", "hsplit", "split", "split_with_sizes", "tensor_split", "unbind", "unsafe_chunk", "unsafe_split",
    "vsplit",
]  # fmt: skip


class Parts(Node):
    """The node of an operation that shows one tensor as several views; `outputs` is their number."""

    __slots__ = ("outputs",)

    def pull(self, grads, create_graph):
        """The gradient of the tensor that was taken apart; parts without a gradient count as zero."""
        if self.saved is None:
            raise engine.freed(self)
        xp = engine.traced() if engine.traced is not None else None  # type: ignore[misc]
        if xp is None:
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
        return show(NP, x, *params)

    def show(xp, x, *params):
        a = x._a
        outs = tuple([view_of(x, part) for part in rec.forward(xp, a, *params)])
        if x._rg and outs and (modes.all_on or modes.state.grad):
            node = object.__new__(title)
            node.edges, node.saved, node.cells, node.fit, node.extra = (x._node or x,), (a.shape, *params), (), None, None
            node.outputs, node.seq = len(outs), tick()
            for i, out in enumerate(outs):
                out._node, out._rg = (Port(node, i) if len(outs) > 1 else node), True
        return outs

    call.record, call.__name__, call.__doc__ = rec, rec.name, rec.doc
    rec.show = show  # for an interposer that reads the formula in its own way
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
    """Views of consecutive parts of the listed sizes along `dim`; RuntimeError where they don't add up.

    >>> import lightwell as torch
    >>> torch.split_with_sizes(torch.tensor([1, 2, 3]), [1, 2])
    (tensor([1]), tensor([2, 3]))
    """
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
            raise RuntimeError(
                f"tensor_split expected tensor_indices_or_sections to be a zero- or one-dimensional int64 tensor, "
                f"got {where.dtype} of shape {list(where.shape)}"
            )
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
    return tuple(slice_(x, lead + (slice(a, None if i == last else b),)) for i, (a, b) in enumerate(itertools.pairwise(cuts)))


def _axis_split(name: str, least: int, axis):
    def call(input: Tensor, indices_or_sections) -> tuple:
        need_tensor(input, name)
        n = input._a.ndim
        if n < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension{'s' * (least > 1)}, but got a tensor with {n} dimensions!"
            )
        d = axis(n)
        if not isinstance(indices_or_sections, (tuple, list, Tensor)):
            k = as_int(indices_or_sections)
            if k <= 0 or input._a.shape[d] % k:
                raise RuntimeError(
                    f"torch.{name} attempted to split along dimension {d}, but the size of the dimension "
                    f"{input._a.shape[d]} is not divisible by the split_size {k}!"
                )
        return tensor_split(input, indices_or_sections, d)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`tensor_split` along the dimension of {name[0]}stack; a number of sections must divide the size (RuntimeError)."
    return public(call, out=False)


hsplit = _axis_split("hsplit", 1, lambda n: 0 if n == 1 else 1)
vsplit = _axis_split("vsplit", 2, lambda n: 0)
dsplit = _axis_split("dsplit", 3, lambda n: 2)

Tensor.unsafe_chunk, Tensor.unsafe_split = chunk, split
