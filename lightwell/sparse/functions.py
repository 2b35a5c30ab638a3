"""PyTorch's functions on sparse tensors: what a public function does when its argument has entries instead of an array."""

import numpy as np

from .. import dtypes
from ..errors import NotStrided
from ..errors.teaching import IndexError, NotImplementedError, RuntimeError
from ..ops.sparse import segment_extreme_
from ..tensor import Tensor, wrap
from .base import Sparse
from .coordinates import SparseTensor, coo

__all__ = ["hspmm", "resize_as_sparse_", "smm", "sspaddmm"]


def elsewhere(name: str, args: tuple, kwargs: dict, error: NotStrided):
    """What the function `name` gives on sparse arguments: the function here, or the sparse class's own method."""
    if not args:
        for key in ("input", "tensors", "self"):
            if key in kwargs:
                kwargs = dict(kwargs)
                args = (kwargs.pop(key),)
                break
    f = _FUNCTIONS.get(name)
    if f is None and args and isinstance(args[0], Sparse):
        f = next((c.__dict__[name] for c in type(args[0]).__mro__[: -len(Tensor.__mro__)] if name in c.__dict__), None)
    if f is None:
        raise NotImplementedError(*error.args) from None
    return f(*args, **kwargs)


NotStrided.elsewhere = elsewhere


# ---- sums and differences with dense tensors ------------------------------------------------------------------------


def _add(x, other, *, alpha=1):
    if isinstance(x, Sparse):
        return x.add(other, alpha=alpha)
    other = other.to_dense()
    return x + (other if alpha == 1 else other * alpha)


def _sub(x, other, *, alpha=1):
    return _add(x, other, alpha=-alpha)


def _mul(x, other):
    return x.mul(other) if isinstance(x, Sparse) else other.mul(x)


def _add_(x, other, *, alpha=1):
    return x.add_(other.to_dense(), alpha=alpha)


def _sub_(x, other, *, alpha=1):
    return x.sub_(other.to_dense(), alpha=alpha)


def _copy_(x, other, non_blocking=False):
    return x.copy_(other.to_dense())


# ---- joining --------------------------------------------------------------------------------------------------------


def _cat(tensors, dim=0):
    """One behind the other along `dim`: along a dense dimension the values are filled up with zeros."""
    tensors = list(tensors)
    if not all(isinstance(t, Sparse) for t in tensors):
        raise RuntimeError("Concatenating sparse tensors, but a dense tensor was found: make it sparse, with to_sparse()")
    parts = [t.to_sparse() for t in tensors]
    first = parts[0]
    d, sd = dim % first.ndim, first.sparse_dim()
    for t in parts:
        if t.ndim != first.ndim or t.sparse_dim() != sd:
            raise RuntimeError(f"All tensors must have the same shape and sparse_dim: got {[list(t.shape) for t in parts]}")
        if any(a != b for k, (a, b) in enumerate(zip(t._size, first._size)) if k != d):
            raise RuntimeError(f"All tensors must have the same shape but for dimension {d}: got {[list(t.shape) for t in parts]}")
    from ..ops.join import cat

    size, at, indices, values = list(first._size), 0, [], []
    size[d] = sum(t._size[d] for t in parts)
    for t in parts:
        i, v = t._i, t._v
        if d < sd:
            i = i.copy()
            i[d] += at
        else:
            k = d - sd + 1
            sides = [wrap(np.zeros((*v.shape[:k], n, *v.shape[k + 1 :]), v._a.dtype)) for n in (at, size[d] - at - t._size[d])]
            v = cat([sides[0], v, sides[1]], k)
        at += t._size[d]
        indices.append(i)
        values.append(v)
    return coo(np.concatenate(indices, 1), cat(values), size, False)


def _stack(tensors, dim=0):
    tensors = list(tensors)
    return _cat([t.to_sparse().unsqueeze(dim) for t in tensors], dim % (tensors[0].ndim + 1))


# ---- products -------------------------------------------------------------------------------------------------------


def _bmm(x, mat2):
    """The products of pairs of matrices, the first of each sparse."""
    if not isinstance(x, SparseTensor):
        raise NotStrided("bmm: the first factor is to be the sparse one")
    b, n, m = x._size
    flat = coo(np.stack([x._i[0] * n + x._i[1], x._i[0] * m + x._i[2]]), x._v, (b * n, b * m), False)
    return flat.matmul(mat2.reshape(b * m, -1)).reshape(b, n, -1)


def smm(input, mat) -> Tensor:
    """The product of a sparse with a dense matrix, as a sparse matrix.

    >>> import lightwell as torch
    >>> torch.smm(torch.eye(2).to_sparse(), torch.ones(2, 1)).to_dense()
    tensor([[1.],
            [1.]])
    """
    return sspaddmm(coo(np.empty((2, 0), np.int64), wrap(np.empty(0, input._v._a.dtype)), (input._size[0], mat.shape[1]), True), input, mat)


def sspaddmm(input, mat1, mat2, *, beta=1, alpha=1) -> Tensor:
    """beta·input + alpha·mat1·mat2 with sparse input and mat1 and a dense mat2: sparse, with the entries of both terms, unmerged.

    >>> import lightwell as torch
    >>> e = torch.eye(1).to_sparse()
    >>> torch.sspaddmm(e, e, torch.ones(1, 1), alpha=2).to_dense()
    tensor([[3.]])
    """
    from ..ops.join import cat

    product = hspmm(mat1, mat2)
    rows, width = product._i[0], mat2.shape[1]
    indices = np.stack([np.repeat(rows, width), np.tile(np.arange(width), len(rows))])
    values = [input._v * beta, product._v.reshape(-1) * alpha]
    return coo(np.concatenate([input._i, indices], 1), cat(values), (mat1._size[0], width), False)


def hspmm(mat1, mat2) -> Tensor:
    """The product of a sparse with a dense matrix, as a hybrid tensor: the rows that are not empty, each a dense row.

    >>> import lightwell as torch
    >>> torch.hspmm(torch.tensor([[0., 0.], [0., 2.]]).to_sparse(), torch.ones(2, 3))
    tensor(indices=tensor([[1]]),
           values=tensor([[2., 2., 2.]]),
           size=(2, 3), nnz=1, layout=torch.sparse_coo)
    """
    rows = np.unique(mat1._i[0])
    dense = mat1.matmul(mat2)
    return coo(rows[None], dense.index_select(0, wrap(rows)), dense.shape, False)


def reduced_product(x, mat2, reduce: str) -> Tensor:
    """The product of a CSR with a dense matrix, where each row takes the mean, the largest or the smallest of its products."""
    c = x.to_sparse()
    rows, n = c._i[0], x.shape[0]
    if reduce == "mean":
        count = np.maximum(np.bincount(rows, minlength=n), 1).astype(c._v._a.dtype)
        return c.matmul(mat2) / wrap(count[:, None])
    products = c._v.unsqueeze(1) * mat2.index_select(0, wrap(c._i[1]))
    return segment_extreme_(products, rows, n, reduce == "amax")


# ---- shape and parts ------------------------------------------------------------------------------------------------


def _zeros_like(x, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False, memory_format=None):
    made = type(x).zero_like(x)
    return made if dtype is None else made.to(dtype)


def _any(x, dim=None, keepdim=False):
    if dim is not None:
        raise NotImplementedError("any of a sparse tensor is over all dimensions: use to_dense() for any(dim=...)")
    return wrap(np.asarray(bool(np.any(x._v._a))))


def resize_as_sparse_(input, the_template) -> Tensor:
    """Give a sparse tensor the size of another, in place."""
    return input.sparse_resize_(the_template._size, the_template.sparse_dim(), the_template.dense_dim())


def _linear(input, weight, bias=None):
    """input·weightᵀ + bias with a sparse weight."""
    rows = input.reshape(-1, input.shape[-1])
    out = weight.to_sparse().matmul(rows.t()).t().reshape(*input.shape[:-1], weight.shape[0])
    return out if bias is None else out + bias


_FUNCTIONS = {
    "add": _add, "sub": _sub, "subtract": _sub, "mul": _mul, "multiply": _mul, "add_": _add_, "sub_": _sub_, "copy_": _copy_,
    "cat": _cat, "concat": _cat, "concatenate": _cat, "stack": _stack, "bmm": _bmm, "zeros_like": _zeros_like,
    "empty_like": _zeros_like, "any": _any, "linear": _linear,
    "hstack": lambda tensors: _cat(tensors, 0 if tensors[0].ndim == 1 else 1), "vstack": lambda tensors: _cat(tensors, 0),
}  # fmt: skip


def made_empty(size, dtype, layout):
    """A sparse tensor without entries, of a layout."""
    size = tuple(size)
    x = coo(np.empty((len(size), 0), np.int64), wrap(np.empty(0, (dtype or dtypes.get_default_dtype()).np)), size, True)
    return x if layout.name == "sparse_coo" else x.to_sparse(layout=layout)


def selected(x, dim: int, index: int):
    """x at one place along a dimension: sparse while a sparse dimension remains."""
    d = dim % x.ndim
    n = x._size[d]
    if not -n <= index < n:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(x._size)} at dimension {dim}")
    sd, size = x.sparse_dim(), [s for k, s in enumerate(x._size) if k != d]
    if d >= sd:
        return coo(x._i, x._v.select(d - sd + 1, index), size, x._coalesced)
    found = np.flatnonzero(x._i[d] == index % n)
    values = x._v.index_select(0, wrap(found))
    if sd == 1:
        return values.sum(0)
    return coo(np.delete(x._i[:, found], d, 0), values, size, x._coalesced)


def picked(x, key):
    """x[key] of integers, full slices, None and `...`; NotImplementedError for anything else."""
    entries = list(key) if type(key) is tuple else [key]
    used = sum(k is not None and k is not ... for k in entries)
    if used > x.ndim:
        raise IndexError(f"too many indices for tensor of dimension {x.ndim}")
    if ... in entries:
        at = entries.index(...)
        entries[at : at + 1] = [slice(None)] * (x.ndim - used)
    d = 0
    for k in entries:
        if k is None:
            x = x.unsqueeze(d)
        elif isinstance(k, slice) and k == slice(None):
            pass
        elif isinstance(k, (int, np.integer)) or (isinstance(k, Tensor) and not k.ndim and k.dtype.category == dtypes.INT):
            k = int(k)
            if not -x.shape[d] <= k < x.shape[d]:
                raise IndexError(f"index {k} is out of bounds for dimension {d} with size {x.shape[d]}")
            x = x.select(d, k)
            continue
        else:
            raise NotImplementedError(
                "a sparse tensor is indexed by integers, full slices and None: use index_select(), or to_dense() first"
            )
        d += 1
    return x


def narrowed(x, dim: int, start: int, length: int):
    """A copy of the part start … start + length - 1 along a dimension."""
    d, sd = dim % x.ndim, x.sparse_dim()
    size = [length if k == d else s for k, s in enumerate(x._size)]
    if start < 0:
        start += x._size[d]
    if not 0 <= start <= start + length <= x._size[d]:
        raise RuntimeError(f"Invalid range to narrow. range(start, start+length) must be a subset of range(0, {x._size[d]}).")
    if d >= sd:
        return coo(x._i, x._v.narrow(d - sd + 1, start, length), size, x._coalesced)
    found = np.flatnonzero((x._i[d] >= start) & (x._i[d] < start + length))
    indices = x._i[:, found].copy()
    indices[d] -= start
    return coo(indices, x._v.index_select(0, wrap(found)), size, x._coalesced)


def permuted(x, dims):
    """The dimensions in another order; sparse ones stay before dense ones."""
    sd = x.sparse_dim()
    order = [d % x.ndim for d in dims]
    if sorted(order) != list(range(x.ndim)):
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions: {list(dims)}"
        )
    if any(d >= sd for d in order[:sd]):
        raise RuntimeError(f"permute of sparse tensors can't mix sparse and dense dimensions, got {list(dims)} with {sd} sparse ones")
    values = x._v.permute(0, *[d - sd + 1 for d in order[sd:]]) if x.ndim > sd else x._v
    same = order[:sd] == list(range(sd))
    return coo(x._i[order[:sd]], values, [x._size[d] for d in order], x._coalesced and same)


def resized(x, size, sparse_dim: int, dense_dim: int, keep: bool):
    """x written over with another size, its entries kept or dropped."""
    size = tuple(size)
    if len(size) != sparse_dim + dense_dim:
        raise RuntimeError(f"number of dimensions must be sparse_dim ({sparse_dim}) + dense_dim ({dense_dim}), but got {len(size)}")
    if not keep or not x._nnz():
        return coo(np.empty((sparse_dim, 0), np.int64), wrap(np.empty((0, *size[sparse_dim:]), x._v._a.dtype)), size, not keep)
    if sparse_dim != x.sparse_dim() or dense_dim != x.dense_dim():
        raise RuntimeError("changing the number of sparse or dense dimensions on a non-empty sparse tensor is not supported")
    if any(n < m for n, m in zip(size, x._size)):
        raise RuntimeError(f"shrinking the size of a non-empty sparse tensor is not supported: {list(x._size)} to {list(size)}")
    grown = [(0, n - m) for n, m in zip(size[sparse_dim:], x._size[sparse_dim:])]
    return coo(x._i, wrap(np.pad(x._v._a, [(0, 0), *grown])) if any(g[1] for g in grown) else x._v, size, x._coalesced)
