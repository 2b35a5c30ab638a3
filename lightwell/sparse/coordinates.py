"""SparseTensor: a tensor in coordinates, the nonzero elements with their indices; gradients flow through the values."""

import math

import numpy as np

from .. import dtypes
from ..errors.teaching import RuntimeError
from ..ops.from_data import array_of
from ..ops.sparse import flat_places, sparse_mm_
from ..tensor import Tensor, sparse_coo, wrap
from .base import Sparse

_new = object.__new__


class SparseTensor(Sparse):
    """A tensor as (indices, values): element indices[:, k] is values[k], others 0; repeated indices add up.

    indices is (sparse_dim, nnz), values (nnz, *dense dimensions). Coalesced: indices sorted, none repeated.
    """

    is_sparse = True
    layout = sparse_coo

    # ---- parts ------------------------------------------------------------------------------------------------

    def _like(self, values, pattern=None):
        """`values` at the indices of this tensor (of `pattern`)."""
        pattern = self if pattern is None else pattern
        return coo(pattern._i, values, self._size, pattern._coalesced)

    @staticmethod
    def zero_like(x):
        """No entries at all, of x's size and dtype."""
        dense = x._v._a.shape[1:]
        return coo(np.empty((x._i.shape[0], 0), np.int64), wrap(np.empty((0, *dense), x._v._a.dtype)), x._size, True)

    def _indices(self):
        """The indices as they are stored, coalesced or not."""
        return wrap(self._i)

    def _values(self):
        """The values as they are stored, coalesced or not."""
        return self._v

    def _need_coalesced(self, what):
        if not self._coalesced:
            raise RuntimeError(f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first")

    def indices(self) -> Tensor:
        """The indices (sparse_dim, nnz) of a coalesced tensor; RuntimeError for an uncoalesced one."""
        self._need_coalesced("indices")
        return wrap(self._i)

    def values(self) -> Tensor:
        """The values (nnz, *dense sizes) of a coalesced tensor, with their gradient; RuntimeError for an uncoalesced one."""
        self._need_coalesced("values")
        return self._v

    def is_coalesced(self) -> bool:
        """Whether the indices are known to be sorted, none repeated."""
        return self._coalesced

    def sparse_dim(self) -> int:
        """How many dimensions the indices name."""
        return self._i.shape[0]

    def dense_dim(self) -> int:
        """How many dimensions each value has."""
        return len(self._size) - self._i.shape[0]

    def coalesce(self):
        """The same tensor with indices sorted, and the values of repeated ones added up; itself if it is that already."""
        if self._coalesced:
            return self
        flat = flat_places(self._i, self._size)
        unique, inverse = np.unique(flat, return_inverse=True)
        if len(unique) == len(flat):
            order = np.argsort(flat)
            return coo(self._i[:, order], self._v.index_select(0, wrap(order)), self._size, True)
        first = np.zeros(len(unique), np.int64)
        first[inverse[::-1]] = np.arange(len(flat))[::-1]
        zeros = wrap(np.zeros((len(unique), *self._v._a.shape[1:]), self._v._a.dtype))
        return coo(self._i[:, first], zeros.index_add(0, wrap(inverse.reshape(-1)), self._v), self._size, True)

    _merged = coalesce

    def _coalesced_(self, flag):
        """Say that the tensor is coalesced (or not)."""
        self._coalesced = bool(flag)
        return self

    def to_dense(self, dtype=None, *, masked_grad=None) -> Tensor:
        """All elements, zeros included."""
        sd = self.sparse_dim()
        v = self._v if dtype is None else self._v.to(dtype)
        zeros = wrap(np.zeros((math.prod(self._size[:sd]), *self._size[sd:]), v._a.dtype))
        return zeros.index_add(0, wrap(flat_places(self._i, self._size)), v).reshape(self._size)

    def to_sparse(self, sparse_dim=None, *, layout=None, **options):
        """Itself, or in another layout."""
        if layout is None and (sparse_dim is None or isinstance(sparse_dim, int)):
            return self
        from .compressed import compress

        return compress(self, (layout or sparse_dim).name)

    def mask_of(self, x):
        """The elements of x at this tensor's indices, as a sparse tensor."""
        if tuple(x.shape) != self._size:
            raise RuntimeError(
                f"sparse_mask(): operands have incompatible sizes; self has size {list(x.shape)} but mask has size {list(self._size)}"
            )
        x = x.to_dense() if isinstance(x, Sparse) else x
        return self._like(x[tuple(wrap(row) for row in self._i)])

    def __repr__(self, *, tensor_contents=None):
        from ..printing import sparse_repr

        fn = self.grad_fn
        return sparse_repr(
            self._i, self._v._a, self._size, self._nnz(), dtype_name=f"torch.{self.dtype.name}",
            default_dtype=f"torch.{dtypes._default.name}", grad_fn_name=None if fn is None else fn.name(),
            requires_grad=self.requires_grad,
        )  # fmt: skip

    def parts(self) -> tuple:
        """What a file holds: indices, values, size, whether coalesced."""
        return wrap(self._i), self._v.detach(), self.shape, self._coalesced

    def __reduce_ex__(self, protocol):
        return _rebuild, (self._i, self._v.detach().numpy(), self._size, self._coalesced, self.requires_grad and self.is_leaf)

    # ---- arithmetic -------------------------------------------------------------------------------------------

    def _same_size(self, other, name):
        if tuple(other.shape) != self._size:
            raise RuntimeError(
                f"{name}: expected sizes of 'self' and 'other' to match, but {list(self._size)} != {list(other.shape)}: sparse tensors don't broadcast"
            )

    def add(self, other, *, alpha=1):
        """self + alpha·other of two sparse tensors of one size."""
        if not isinstance(other, SparseTensor):
            raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
        self._same_size(other, "add")
        from ..ops.join import cat

        d = dtypes.promote_types(self.dtype, other.dtype)
        second = other._v if alpha == 1 else other._v * alpha
        if np.array_equal(self._i, other._i):
            return coo(self._i, self._v.to(d) + second.to(d), self._size, self._coalesced and other._coalesced)
        return coo(np.concatenate([self._i, other._i], 1), cat([self._v.to(d), second.to(d)]), self._size, False).coalesce()

    def sub(self, other, *, alpha=1):
        """self - alpha·other of two sparse tensors of one size."""
        return self.add(other, alpha=-alpha)

    def mul(self, other):
        """The product with a number, with a dense tensor (at the stored places), or with a sparse one (where both have entries)."""
        if isinstance(other, SparseTensor):
            self._same_size(other, "mul")
            a, b = self.coalesce(), other.coalesce()
            _, ia, ib = np.intersect1d(flat_places(a._i, a._size), flat_places(b._i, b._size), return_indices=True)
            values = a._v.index_select(0, wrap(ia)) * b._v.index_select(0, wrap(ib))
            return coo(a._i[:, ia], values, self._size, True)
        if isinstance(other, Tensor) and other.ndim:
            return self._like(self._v * other.expand(self._size)[tuple(wrap(row) for row in self._i)])
        return self._like(self._v * other)

    __sub__, __mul__, __rmul__ = sub, mul, mul

    def __add__(self, other):
        if isinstance(other, np.ndarray):  # inside backward, gradients are arrays
            return other + self.to_dense()._a
        return self.add(other)

    def __radd__(self, other):
        return self + other if isinstance(other, np.ndarray) else other + self.to_dense()

    def __rsub__(self, other):
        return other - self.to_dense()

    def _write(self, made):
        self.__dict__.update(made.__dict__)
        return self

    def add_(self, other, *, alpha=1):
        """`add`, in place."""
        return self._write(self.add(other, alpha=alpha))

    def mul_(self, other):
        """`mul`, in place."""
        return self._write(self.mul(other))

    def div_(self, other):
        """`div`, in place."""
        return self._write(self.div(other))

    __iadd__, __imul__, __itruediv__ = add_, mul_, div_

    def sum(self, dim=None, keepdim=False, *, dtype=None):
        """The sum of all elements (a dense 0-dim tensor), or over `dim`: sparse while a sparse dimension remains."""
        v = self._v if dtype is None else self._v.to(dtype)
        if dim is None:
            return v.sum()
        dims = {d % self.ndim for d in ((dim,) if isinstance(dim, int) else dim)}
        sd = self.sparse_dim()
        dense = [d - sd + 1 for d in sorted(dims) if d >= sd]
        if dense:
            v = v.sum(dense)
        rows = [d for d in range(sd) if d not in dims]
        size = [n for d, n in enumerate(self._size) if d not in dims]
        if not rows:
            return v.sum(0)
        if keepdim:
            raise RuntimeError("sum of a sparse tensor has no keepdim: unsqueeze() the result")
        return coo(self._i[rows], v, size, self._coalesced and len(rows) == sd).coalesce()

    # ---- products -----------------------------------------------------------------------------------------------

    def _need_matrix(self, name):
        if self.ndim != 2 or self.sparse_dim() != 2:
            raise RuntimeError(f"{name}: the sparse factor must be a matrix with 2 sparse dimensions, got size {list(self._size)}")

    def matmul(self, other):
        """The product with a dense matrix or vector (dense), or with a sparse matrix (sparse); gradients reach both."""
        self._need_matrix("sparse.mm")
        if self._size[1] != other.shape[0]:
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({self._size[0]}x{self._size[1]} and {'x'.join(map(str, other.shape))}) in sparse.mm()"
            )
        if self.dtype is not other.dtype:
            raise RuntimeError(f"sparse.mm(): expected both factors to have one dtype, got {self.dtype} and {other.dtype}")
        if isinstance(other, Sparse):
            return _sparse_product(self, other.to_sparse())
        rows, cols = self._i
        if other.ndim == 1:
            return sparse_mm_(self._v, other.unsqueeze(1), rows, cols, self._size[0]).squeeze(1)
        return sparse_mm_(self._v, other, rows, cols, self._size[0])

    mm = mv = __matmul__ = matmul

    def __rmatmul__(self, other):
        self._need_matrix("sparse.mm")
        if other.ndim == 1:
            return self.t().matmul(other)
        return self.t().matmul(other.t()).t()

    # ---- shape ----------------------------------------------------------------------------------------------------

    def transpose(self, dim0, dim1):
        """Two dimensions exchanged: both sparse, or both dense."""
        a, b = dim0 % self.ndim, dim1 % self.ndim
        sd = self.sparse_dim()
        size = list(self._size)
        size[a], size[b] = size[b], size[a]
        if a < sd and b < sd:
            order = list(range(sd))
            order[a], order[b] = order[b], order[a]
            return coo(self._i[order], self._v, size, self._coalesced and a == b)
        if a >= sd and b >= sd:
            return coo(self._i, self._v.transpose(a - sd + 1, b - sd + 1), size, self._coalesced)
        raise RuntimeError(f"transpose: can't exchange sparse dimension {min(a, b)} with dense dimension {max(a, b)}: use to_dense()")

    def t(self):
        """The transpose of a matrix."""
        if self.ndim > 2:
            raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self.ndim}D")
        return self.transpose(0, 1) if self.ndim == 2 else self

    T = property(t)

    def unsqueeze(self, dim):
        """A dimension of size 1 put in."""
        d = dim % (self.ndim + 1)
        size = [*self._size[:d], 1, *self._size[d:]]
        if d <= self.sparse_dim():
            return coo(np.insert(self._i, d, 0, axis=0), self._v, size, self._coalesced)
        return coo(self._i, self._v.unsqueeze(d - self.sparse_dim() + 1), size, self._coalesced)

    def index_select(self, dim, index):
        """The slices at `index` along a sparse dimension, in that order."""
        d = dim % self.ndim
        if d >= self.sparse_dim():
            return self._like(self._v.index_select(d - self.sparse_dim() + 1, index))._resized(d, len(index))
        wanted = index._a
        entry, place = np.nonzero(self._i[d][:, None] == np.where(wanted < 0, wanted + self._size[d], wanted))
        order = np.lexsort((entry, place))
        entry, place = entry[order], place[order]
        indices = self._i[:, entry].copy()
        indices[d] = place
        size = [len(wanted) if k == d else n for k, n in enumerate(self._size)]
        return coo(indices, self._v.index_select(0, wrap(entry)), size, False)

    def _resized(self, d, n):
        self._size = tuple(n if k == d else s for k, s in enumerate(self._size))
        return self

    def __getitem__(self, key):
        from .functions import picked

        return picked(self, key)

    def select(self, dim, index):
        """The part at one place along a dimension."""
        from .functions import selected

        return selected(self, dim, index)

    def narrow_copy(self, dim, start, length):
        """A copy of the part start … start + length - 1 along a dimension."""
        from .functions import narrowed

        return narrowed(self, dim, start, length)

    def permute(self, *dims):
        """The dimensions in another order; sparse ones stay before dense ones."""
        from .functions import permuted

        return permuted(self, dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims)

    def sparse_resize_(self, size, sparse_dim, dense_dim):
        """Another size, in place; entries stay, so that no size may shrink."""
        from .functions import resized

        return self._write(resized(self, size, sparse_dim, dense_dim, True))

    def sparse_resize_and_clear_(self, size, sparse_dim, dense_dim):
        """Another size without entries, in place."""
        from .functions import resized

        return self._write(resized(self, size, sparse_dim, dense_dim, False))

    def resize_as_sparse_(self, the_template):
        """The size of another sparse tensor, in place."""
        return self.sparse_resize_(the_template._size, the_template.sparse_dim(), the_template.dense_dim())

    resize_as_ = resize_as_sparse_

    def copy_(self, src, non_blocking=False):
        """Write another sparse tensor over this one."""
        self._same_size(src, "copy_")
        return self._write(src.to_sparse().to(self.dtype))

    def squeeze(self, dim=None):
        """Without the dimensions of size 1 (or without `dim`, if that is one)."""
        dims = range(self.ndim) if dim is None else {d % self.ndim for d in ((dim,) if isinstance(dim, int) else dim)}
        for d in sorted((d for d in dims if self._size[d] == 1), reverse=True):
            self = self.select(d, 0)
        return self

    def smm(self, mat):
        """See `torch.smm`."""
        from .functions import smm

        return smm(self, mat)

    def sspaddmm(self, mat1, mat2, *, beta=1, alpha=1):
        """See `torch.sspaddmm`."""
        from .functions import sspaddmm

        return sspaddmm(self, mat1, mat2, beta=beta, alpha=alpha)


def coo(indices, values, size, coalesced) -> SparseTensor:
    """A SparseTensor of an index array and a values tensor, unchecked."""
    out = _new(SparseTensor)._fields(values, size)
    out._i, out._coalesced = indices, bool(coalesced)
    return out


def _rebuild(indices, values, size, coalesced, requires_grad):
    return coo(indices, wrap(values).requires_grad_(requires_grad), size, coalesced)


def _sparse_product(a, b):
    """The product of two sparse matrices: each entry (i, k) of a meets the entries of row k of b."""
    b = b.coalesce()
    b._need_matrix("sparse.mm")
    starts = np.searchsorted(b._i[0], np.arange(b._size[0] + 1))
    k = a._i[1]
    count = starts[k + 1] - starts[k]
    left = np.repeat(np.arange(len(k)), count)
    right = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count) + starts[k][left]
    values = a._v.index_select(0, wrap(left)) * b._v.index_select(0, wrap(right))
    return coo(np.stack([a._i[0][left], b._i[1][right]]), values, (a._size[0], b._size[1]), False).coalesce()


def from_dense(x, sparse_dim=None) -> SparseTensor:
    """The nonzero elements of a dense tensor (nonzero slices where `sparse_dim` leaves dense dimensions)."""
    sd = x.ndim if sparse_dim is None else sparse_dim
    if not 0 <= sd <= x.ndim:
        raise RuntimeError(f"to_sparse: sparse_dim must be between 0 and {x.ndim}, got {sd}")
    a = x._a
    filled = (a != 0).any(axis=tuple(range(sd, a.ndim))) if sd < a.ndim else a != 0
    indices = np.stack(np.nonzero(filled)) if sd else np.empty((0, 1), np.int64)
    values = x[tuple(wrap(row) for row in indices)] if sd else x.unsqueeze(0)
    return coo(indices, values, x.shape, True)


def sparse_coo_tensor(
    indices=None, values=None, size=None, *, dtype=None, device=None, pin_memory=False, requires_grad=False,
    check_invariants=None, is_coalesced=None,
) -> SparseTensor:  # fmt: skip
    """A sparse tensor of indices (sparse_dim, nnz) and values (nnz, …); size is found from the largest indices unless given.

    `sparse_coo_tensor(size)` has no entries. Where `values` requires grad, gradients reach it. RuntimeError: unequal numbers
    of entries, an index out of range.

    >>> import lightwell as torch
    >>> torch.sparse_coo_tensor([[0, 1], [2, 0]], [3., 4.], (2, 3)).to_dense()
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """
    if values is None or (size is None and not isinstance(values, (Tensor, list, tuple, np.ndarray, int, float))):
        size = tuple(indices) if size is None else size
        indices, values = np.empty((len(size), 0), np.int64), wrap(np.empty(0, (dtype or dtypes.get_default_dtype()).np))
    i = indices._a if isinstance(indices, Tensor) else np.asarray(indices)
    if i.ndim == 1 and size is not None and len(size) == 1:
        i = i[None]
    v = values if isinstance(values, Tensor) else wrap(np.asarray(array_of(values, dtype)))
    if dtype is not None:
        v = v.to(dtype)
    if i.ndim != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(i.shape)}")
    i = i.astype(np.int64)
    if v.ndim == 0 and i.shape[1]:
        v = v.expand(i.shape[1])
    if v.shape[0] != i.shape[1]:
        raise RuntimeError(f"indices and values must have same nnz, but got nnz from indices: {i.shape[1]}, nnz from values: {v.shape[0]}")
    if i.size and i.min() < 0:
        row = int(np.argmax((i < 0).any(1)))
        raise RuntimeError(f"found negative index {i[row].min()} for dim {row}")
    if size is None:
        size = tuple(int(n) for n in (i.max(1) + 1 if i.shape[1] else np.zeros(len(i)))) + tuple(v.shape[1:])
    size = tuple(size)
    if len(size) != i.shape[0] + v.ndim - 1:
        raise RuntimeError(f"number of dimensions must be sparse_dim ({i.shape[0]}) + dense_dim ({v.ndim - 1}), but got {len(size)}")
    for d, (row, n) in enumerate(zip(i, size)):
        if row.size and row.max() >= n:
            raise RuntimeError(f"size is inconsistent with indices: for dim {d}, size is {n} but found index {row.max()}")
    if tuple(v.shape[1:]) != size[i.shape[0] :]:
        raise RuntimeError(f"values has incorrect size, expected {[i.shape[1], *size[i.shape[0] :]]}, got {list(v.shape)}")
    if requires_grad:
        v = v.detach().clone().requires_grad_()
    elif v.requires_grad:
        v = v.view(v.shape)  # a step of the graph: the sparse tensor is no leaf
    return coo(i, v, size, bool(is_coalesced))
