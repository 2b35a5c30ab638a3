"""The product of a sparse with a dense matrix, and the Tensor methods that make sparse tensors of dense ones."""

import numpy as np

from ..errors.teaching import RuntimeError
from ..tensor import Tensor
from .op import op

__all__ = []


@op
class sparse_mm_:
    r"""zᵢ = Σₖ vₖ·x[colsₖ] over the entries k of row i.   gvₖ = ⟨gz[rowsₖ], x[colsₖ]⟩;   gx[j] = Σ vₖ·gz[rowsₖ] over k of column j."""

    promotes = False
    outputs = ("z",)
    node_name = "SparseAddmmBackward0"

    def forward(xp, v, x, /, rows, cols, n):
        return xp.index_add((n, x.shape[1]), (rows,), v[:, None] * xp.getitem(x, (cols,)))

    def grad_v(xp, gz, x, rows, cols, n):
        return xp.sum(xp.getitem(gz, (rows,)) * xp.getitem(x, (cols,)), axis=1)

    def grad_x(xp, gz, v, x_shape, rows, cols, n):
        return xp.index_add(x_shape, (cols,), v[:, None] * xp.getitem(gz, (rows,)))


@op
class segment_extreme_:
    r"""z[i, j] = the largest (smallest) v[k]·x[colsₖ, j] over the entries k of row i, 0 for an empty row; the gradient goes to those."""

    promotes = False
    outputs = ("z",)
    node_name = "SparseMmReduceImplBackward0"

    def forward(xp, p, /, rows, n, largest):
        out = np.full((n, p.shape[1]), -np.inf if largest else np.inf, p.dtype)
        (np.maximum if largest else np.minimum).at(out, rows, p)
        out[np.bincount(rows, minlength=n) == 0] = 0
        return out

    def grad_p(xp, gz, p, z, rows):
        hit = p == xp.getitem(z, (rows,))
        return xp.where(hit, xp.getitem(gz, (rows,)), xp.zeros_like(p))


def to_sparse(self, sparse_dim=None, *, layout=None, blocksize=None, dense_dim=None):
    """The nonzero elements as a sparse tensor: COO of `sparse_dim` dimensions (all by default), or `layout` torch.sparse_csr.

    Gradients flow to the elements kept. RuntimeError: sparse_dim out of range.

    >>> import lightwell as torch
    >>> torch.tensor([[0., 3.]]).to_sparse()
    tensor(indices=tensor([[0],
                           [1]]),
           values=tensor([3.]),
           size=(1, 2), nnz=1, layout=torch.sparse_coo)
    """
    from ..sparse.coordinates import from_dense

    if isinstance(sparse_dim, int) or sparse_dim is None:
        name = "sparse_coo" if layout is None else layout.name
        if name == "sparse_coo":
            return from_dense(self, sparse_dim)
    else:
        name = sparse_dim.name
    from ..sparse.compressed import compress

    return compress(self, name, blocksize)


def to_sparse_coo(self):
    """The nonzero elements in coordinates."""
    return to_sparse(self)


def _blocked(name):
    def method(self, blocksize, dense_dim=None):
        from ..sparse.compressed import compress

        return compress(self, name, blocksize)

    method.__name__ = f"to_{name}"
    method.__doc__ = (
        f"The blocks of a matrix that are not zero, in the layout torch.{name}. RuntimeError: sizes that the blocks don't divide."
    )
    return method


def _compressed(name):
    def method(self, dense_dim=None):
        from ..sparse.compressed import compress

        return compress(self, name)

    method.__name__ = f"to_{name}"
    method.__doc__ = f"The nonzero elements of a matrix in the layout torch.{name}. RuntimeError: not 2 dimensions."
    return method


def sparse_mask(self, mask):
    """The elements at the places where the sparse tensor `mask` has entries, as a sparse tensor with its indices."""
    return mask.mask_of(self)


def to_dense(self, dtype=None, *, masked_grad=None):
    """The tensor itself: it is dense already (in `dtype` if given)."""
    return self if dtype is None else self.to(dtype)


def _not_sparse(name):
    def method(self):
        raise RuntimeError(f"{name} expected sparse coordinate tensor layout but got Strided: make it sparse first, with to_sparse()")

    method.__name__, method.__doc__ = name, f"`{name}` of a sparse tensor; RuntimeError for a dense one."
    return method


Tensor.to_sparse, Tensor.sparse_mask, Tensor.to_dense = to_sparse, sparse_mask, to_dense
Tensor.to_sparse_csr, Tensor.to_sparse_csc = _compressed("sparse_csr"), _compressed("sparse_csc")
Tensor.to_sparse_bsr, Tensor.to_sparse_bsc, Tensor.to_sparse_coo = _blocked("sparse_bsr"), _blocked("sparse_bsc"), to_sparse_coo
Tensor.is_sparse_csr = False
for _name in ("coalesce", "is_coalesced", "indices", "values", "_indices", "_values", "_nnz", "crow_indices", "col_indices"):
    setattr(Tensor, _name, _not_sparse(_name))
Tensor.sparse_dim = lambda self: 0
Tensor.dense_dim = lambda self: self.ndim


def flat_places(indices, size) -> np.ndarray:
    """One number for each column of `indices`: its place among the elements of a tensor of `size`, in C order."""
    flat = np.zeros(indices.shape[1], np.int64)
    for row, n in zip(indices, size):
        flat = flat * n + row
    return flat
