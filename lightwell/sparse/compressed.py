"""Sparse matrices compressed by rows (CSR, BSR) or columns (CSC, BSC): entries, or blocks, in order, with where each row or column begins."""

import numpy as np

from .. import dtypes
from ..errors.teaching import RuntimeError
from ..ops.from_data import array_of
from ..tensor import Tensor, layout, sparse_csr, wrap
from .base import Sparse
from .coordinates import _new, coo, from_dense

sparse_csc, sparse_bsr, sparse_bsc = layout("sparse_csc"), layout("sparse_bsr"), layout("sparse_bsc")
LAYOUTS = {kind.name: kind for kind in (sparse_csr, sparse_csc, sparse_bsr, sparse_bsc)}
_TURNED = {sparse_csr: sparse_csc, sparse_csc: sparse_csr, sparse_bsr: sparse_bsc, sparse_bsc: sparse_bsr}
_BY_ROWS = (sparse_csr, sparse_bsr)


class SparseCompressed(Sparse):
    """A matrix as (starts, plain indices, values): of CSR, row r has the entries starts[r] to starts[r + 1].

    The values of BSR and BSC are blocks (nnz, height, width), their rows and columns are rows and columns of blocks.
    """

    @property
    def layout(self):
        """torch.sparse_csr, sparse_csc, sparse_bsr or sparse_bsc."""
        return self._layout

    @property
    def is_sparse_csr(self) -> bool:
        """Whether the layout is torch.sparse_csr."""
        return self._layout is sparse_csr

    def _like(self, values, pattern=None):
        return compressed(self._starts, self._plain, values, self._size, self._layout)

    def _merged(self):
        return self

    @staticmethod
    def zero_like(x):
        """No entries at all, of x's size and dtype."""
        values = wrap(np.empty((0, *x._v._a.shape[1:]), x._v._a.dtype))
        return compressed(np.zeros_like(x._starts), x._plain[:0], values, x._size, x._layout)

    def _part(self, array, by_rows, name):
        if (self._layout in _BY_ROWS) is not by_rows:
            wanted = "row" if by_rows else "column"
            raise RuntimeError(f"{name} expected {wanted} compressed tensor layout but got {self._layout.name}")
        return wrap(array)

    def sparse_dim(self) -> int:
        """Two: rows and columns."""
        return 2

    def dense_dim(self) -> int:
        """None: the values are numbers."""
        return 0

    def crow_indices(self) -> Tensor:
        """Where each row of a CSR matrix begins among the entries."""
        return self._part(self._starts, True, "crow_indices")

    def col_indices(self) -> Tensor:
        """Each entry's column, of a CSR matrix."""
        return self._part(self._plain, True, "col_indices")

    def ccol_indices(self) -> Tensor:
        """Where each column of a CSC matrix begins among the entries."""
        return self._part(self._starts, False, "ccol_indices")

    def row_indices(self) -> Tensor:
        """Each entry's row, of a CSC matrix."""
        return self._part(self._plain, False, "row_indices")

    def values(self) -> Tensor:
        """The entries, in order of rows (columns)."""
        return self._v

    def to_sparse(self, sparse_dim=None, *, layout=None, **options):
        """In coordinates, or in `layout`."""
        wanted = layout or (sparse_dim if not isinstance(sparse_dim, int) else None)
        if wanted is not None and wanted.name != "sparse_coo":
            return compress(self, wanted.name, options.get("blocksize"))
        outer = np.repeat(np.arange(len(self._starts) - 1), np.diff(self._starts))
        rows = self._layout in _BY_ROWS
        indices = np.stack([outer, self._plain] if rows else [self._plain, outer])
        if self._v.ndim == 1:
            return coo(indices, self._v, self._size, rows)
        n, h, w = self._v.shape
        inside = np.stack(np.meshgrid(np.arange(h), np.arange(w), indexing="ij")).reshape(2, 1, h * w)
        every = (indices[:, :, None] * np.array([h, w])[:, None, None] + inside).reshape(2, n * h * w)
        return coo(every, self._v.reshape(-1), self._size, False).coalesce()

    def to_dense(self, dtype=None, *, masked_grad=None) -> Tensor:
        """All elements, zeros included."""
        return self.to_sparse().to_dense(dtype)

    def mask_of(self, x):
        """The elements of x at this matrix's entries, in its layout."""
        return self._like(self.to_sparse().mask_of(x)._v)

    def t(self):
        """The transpose: CSR becomes CSC of the same arrays, and the reverse."""
        values = self._v if self._v.ndim == 1 else self._v.transpose(1, 2)
        return compressed(self._starts, self._plain, values, self._size[::-1], _TURNED[self._layout])

    T = property(t)

    def transpose(self, dim0, dim1):
        """The transpose, or the matrix itself."""
        return self if dim0 % 2 == dim1 % 2 else self.t()

    def _through(self, made):
        return compress(made, self._layout.name, tuple(self._v.shape[1:]))

    def add(self, other, *, alpha=1):
        """self + alpha·other, both sparse: in this layout; RuntimeError for a dense tensor."""
        if not isinstance(other, Sparse):
            raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
        return self._through(self.to_sparse().add(other.to_sparse(), alpha=alpha))

    def sub(self, other, *, alpha=1):
        """self - alpha·other, both sparse."""
        return self.add(other, alpha=-alpha)

    def mul(self, other):
        """The product with a number, a dense or a sparse tensor, element by element."""
        if isinstance(other, Tensor) and (isinstance(other, Sparse) or other.ndim):
            return self._through(self.to_sparse().mul(other.to_sparse() if isinstance(other, Sparse) else other))
        return self._like(self._v * other)

    __add__, __sub__, __mul__, __rmul__ = add, sub, mul, mul

    def __radd__(self, other):
        return other + self.to_dense()

    def __rsub__(self, other):
        return other - self.to_dense()

    def sum(self, dim=None, keepdim=False, *, dtype=None):
        """The sum of all elements (dense), or over one dimension, which stays with size 1: in this layout."""
        if dim is None:
            return self.to_sparse().sum(dtype=dtype)
        if not keepdim:
            raise RuntimeError(
                "reduction operations on CSR tensors with keepdim=False is unsupported: say keepdim=True, or use to_sparse()"
            )
        d = (dim if isinstance(dim, int) else dim[0]) % 2
        return self._through(self.to_sparse().sum(d, dtype=dtype).unsqueeze(d))

    def matmul(self, other):
        """The product with a dense matrix or vector (dense), or with a sparse matrix (sparse, in this layout)."""
        made = self.to_sparse().matmul(other)
        return self._through(made) if isinstance(made, Sparse) else made

    mm = mv = __matmul__ = matmul

    def __rmatmul__(self, other):
        return self.to_sparse().__rmatmul__(other)

    def __getitem__(self, key):
        return self.to_sparse()[key]

    def select(self, dim, index):
        """One row or column, in coordinates."""
        return self.to_sparse().select(dim, index)

    def __repr__(self, *, tensor_contents=None):
        from ..printing import sparse_repr

        fn = self.grad_fn
        return sparse_repr(
            (self._starts, self._plain), self._v._a, self._size, self._nnz(), layout=f"torch.{self._layout.name}",
            dtype_name=f"torch.{self.dtype.name}", default_dtype=f"torch.{dtypes._default.name}",
            grad_fn_name=None if fn is None else fn.name(), requires_grad=self.requires_grad,
        )  # fmt: skip

    def parts(self) -> tuple:
        """What a file holds: starts, plain indices, values, size."""
        return wrap(self._starts), wrap(self._plain), self._v.detach(), self.shape

    def __reduce_ex__(self, protocol):
        leaf = self.requires_grad and self.is_leaf
        return _rebuild, (self._starts, self._plain, self._v.detach().numpy(), self._size, self._layout.name, leaf)


def compressed(starts, plain, values, size, kind) -> SparseCompressed:
    """A SparseCompressed of its arrays and a values tensor, unchecked."""
    out = _new(SparseCompressed)._fields(values, size)
    out._starts, out._plain, out._layout = starts, plain, kind
    return out


def _rebuild(starts, plain, values, size, name, requires_grad):
    kind = LAYOUTS[name]
    return compressed(starts, plain, wrap(values).requires_grad_(requires_grad), size, kind)


def compress(x, name, blocksize=None) -> Tensor:
    """A dense or sparse matrix in the layout `name`: "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc" (or "sparse_coo")."""
    if x.ndim != 2:
        raise RuntimeError(f"to_{name}: expected a matrix, got size {list(x.shape)}")
    if name not in LAYOUTS and name != "sparse_coo":
        raise RuntimeError(
            f"to_sparse: layout torch.{name} is not among torch.sparse_coo, sparse_csr, sparse_csc, sparse_bsr and sparse_bsc"
        )
    if name in ("sparse_bsr", "sparse_bsc"):
        return _blocks(x, name, blocksize)
    if isinstance(x, SparseCompressed) and x._layout.name == name:
        return x
    c = (x.to_sparse() if isinstance(x, Sparse) else from_dense(x)).coalesce()
    if name == "sparse_coo":
        return c
    outer, plain, values = c._i[0], c._i[1], c._v
    if name == "sparse_csc":
        order = np.lexsort((c._i[0], c._i[1]))
        outer, plain, values = c._i[1][order], c._i[0][order], c._v.index_select(0, wrap(order))
    n = c._size[0 if name == "sparse_csr" else 1]
    starts = np.searchsorted(outer, np.arange(n + 1)).astype(np.int64)
    return compressed(starts, plain, values, c._size, sparse_csr if name == "sparse_csr" else sparse_csc)


def _blocks(x, name, blocksize):
    """A matrix in blocks: those with at least one entry, in order of rows (BSR) or columns (BSC) of blocks."""
    if blocksize is None:
        raise RuntimeError(f"to_{name}: blocksize=(height, width) is needed")
    h, w = (blocksize, blocksize) if isinstance(blocksize, int) else blocksize
    if h < 1 or w < 1 or x.shape[0] % h or x.shape[1] % w:
        raise RuntimeError(
            f"dense_to_{name}: tensor sparse size ({x.shape[0]},{x.shape[1]}) must be divisible by given blocksize ({h},{w})"
        )
    c = (x.to_sparse() if isinstance(x, Sparse) else from_dense(x)).coalesce()
    across = c._size[1] // w
    outer, plain = c._i[0] // h, c._i[1] // w
    if name == "sparse_bsc":
        outer, plain, across = plain, outer, c._size[0] // h
    which, place = np.unique(outer * across + plain, return_inverse=True)
    at = (place.reshape(-1) * h + c._i[0] % h) * w + c._i[1] % w
    values = wrap(np.zeros(len(which) * h * w, c._v._a.dtype)).index_add(0, wrap(at), c._v).reshape(len(which), h, w)
    n = c._size[0] // h if name == "sparse_bsr" else c._size[1] // w
    starts = np.searchsorted(which // max(across, 1), np.arange(n + 1)).astype(np.int64)
    return compressed(starts, which % max(across, 1), values, c._size, LAYOUTS[name])


def _made(name, starts, plain, values, size, dtype, requires_grad, kind):
    starts, plain = (t._a if isinstance(t, Tensor) else np.asarray(t, np.int64) for t in (starts, plain))
    v = values if isinstance(values, Tensor) else wrap(np.asarray(array_of(values, dtype)))
    v = v if dtype is None else v.to(dtype)
    blocks = kind in (sparse_bsr, sparse_bsc)
    if blocks and v.ndim != 3:
        raise RuntimeError(f"{name}: values must have dimensionality 3 (blocks, height, width), got {list(v.shape)}")
    if starts.ndim != 1 or plain.ndim != 1 or (v.ndim != 1 and not blocks):
        raise RuntimeError(
            f"{name}: the indices and values of a matrix must be 1-dimensional, got {list(starts.shape)}, {list(plain.shape)}, {list(v.shape)}"
        )
    if len(plain) != v.shape[0] or (len(starts) and (starts[0] != 0 or starts[-1] != len(plain) or (np.diff(starts) < 0).any())):
        raise RuntimeError(
            f"{name}: the compressed indices must rise from 0 to the number of entries, got {starts.tolist()} for {len(plain)} plain "
            f"indices and {v.shape[0]} values"
        )
    if size is None:
        other = int(plain.max()) + 1 if plain.size else 0
        size = (len(starts) - 1, other) if kind in _BY_ROWS else (other, len(starts) - 1)
        size = tuple(k * b for k, b in zip(size, v.shape[1:])) if blocks else size
    size = tuple(size)
    counts = tuple(k // b for k, b in zip(size, v.shape[1:])) if blocks else size
    n, m = counts if kind in _BY_ROWS else counts[::-1]
    if len(starts) != n + 1 or (plain.size and (plain.min() < 0 or plain.max() >= m)):
        raise RuntimeError(
            f"{name}: size {list(size)} doesn't fit {len(starts)} compressed indices and plain indices up to {plain.max(initial=-1)}"
        )
    if requires_grad:
        v = v.detach().clone().requires_grad_()
    elif v.requires_grad:
        v = v.view(v.shape)
    return compressed(starts, plain, v, size, kind)


def sparse_csr_tensor(
    crow_indices, col_indices, values, size=None, *, dtype=None, device=None, pin_memory=False, requires_grad=False,
    check_invariants=None,
) -> SparseCompressed:  # fmt: skip
    """A matrix compressed by rows: row r has the entries crow_indices[r] to crow_indices[r + 1] of col_indices and values.

    RuntimeError where the arrays don't fit one another or `size`.

    >>> import lightwell as torch
    >>> torch.sparse_csr_tensor([0, 1, 2], [1, 0], [3., 4.]).to_dense()
    tensor([[0., 3.],
            [4., 0.]])
    """
    return _made("sparse_csr_tensor", crow_indices, col_indices, values, size, dtype, requires_grad, sparse_csr)


def sparse_csc_tensor(
    ccol_indices, row_indices, values, size=None, *, dtype=None, device=None, pin_memory=False, requires_grad=False,
    check_invariants=None,
) -> SparseCompressed:  # fmt: skip
    """A matrix compressed by columns: see `sparse_csr_tensor`."""
    return _made("sparse_csc_tensor", ccol_indices, row_indices, values, size, dtype, requires_grad, sparse_csc)


def sparse_bsr_tensor(
    crow_indices, col_indices, values, size=None, *, dtype=None, device=None, pin_memory=False, requires_grad=False,
    check_invariants=None,
) -> SparseCompressed:  # fmt: skip
    """A matrix in blocks compressed by rows of blocks; `values` is (blocks, height, width). See `sparse_csr_tensor`.

    >>> import lightwell as torch
    >>> torch.sparse_bsr_tensor([0, 1], [1], [[[1., 2.]]]).to_dense()
    tensor([[0., 0., 1., 2.]])
    """
    return _made("sparse_bsr_tensor", crow_indices, col_indices, values, size, dtype, requires_grad, sparse_bsr)


def sparse_bsc_tensor(
    ccol_indices, row_indices, values, size=None, *, dtype=None, device=None, pin_memory=False, requires_grad=False,
    check_invariants=None,
) -> SparseCompressed:  # fmt: skip
    """A matrix in blocks compressed by columns of blocks: see `sparse_bsr_tensor`."""
    return _made("sparse_bsc_tensor", ccol_indices, row_indices, values, size, dtype, requires_grad, sparse_bsc)


def sparse_compressed_tensor(
    compressed_indices, plain_indices, values, size=None, *, dtype=None, layout=None, device=None, pin_memory=False,
    requires_grad=False, check_invariants=None,
) -> SparseCompressed:  # fmt: skip
    """A matrix in the layout torch.sparse_csr, sparse_csc, sparse_bsr or sparse_bsc; RuntimeError for another.

    >>> import lightwell as torch
    >>> torch.sparse_compressed_tensor([0, 1], [1], [3.], layout=torch.sparse_csr).to_dense()
    tensor([[0., 3.]])
    """
    if layout is None or layout.name not in LAYOUTS:
        raise RuntimeError(f"sparse_compressed_tensor: layout must be one of {', '.join(map(str, LAYOUTS.values()))}, got {layout}")
    return _made("sparse_compressed_tensor", compressed_indices, plain_indices, values, size, dtype, requires_grad, layout)
