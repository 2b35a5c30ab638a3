"""torch.sparse: products, sums and softmax of sparse tensors; the tensors themselves are made in `coordinates.py` and `compressed.py`."""

import numpy as np

from ..errors.teaching import AttributeError, RuntimeError
from ..ops.sparse import flat_places
from ..tensor import Tensor, wrap
from .base import Sparse
from .compressed import (
    SparseCompressed,
    sparse_bsc,
    sparse_bsc_tensor,
    sparse_bsr,
    sparse_bsr_tensor,
    sparse_compressed_tensor,
    sparse_csc,
    sparse_csc_tensor,
    sparse_csr_tensor,
)  # fmt: skip
from .coordinates import SparseTensor, coo, sparse_coo_tensor
from .functions import hspmm, reduced_product, resize_as_sparse_, smm, sspaddmm

__all__ = ["addmm", "check_sparse_tensor_invariants", "log_softmax", "mm", "sampled_addmm", "softmax", "spdiags", "sum"]


def mm(input, mat2, reduce="sum") -> Tensor:
    """The product of two matrices, at least one of them sparse; gradients reach both. Sparse times sparse is sparse.

    `reduce` "mean", "amax" or "amin" takes the mean (of the entries), the largest or the smallest product in the sum's place.
    RuntimeError: sizes, dtypes that differ, another reduce.

    >>> import lightwell as torch
    >>> s = torch.sparse_coo_tensor([[0, 1], [1, 0]], [2., 3.], (2, 2))
    >>> torch.sparse.mm(s, torch.ones(2, 1))
    tensor([[2.],
            [3.]])
    """
    if reduce == "sum":
        return input @ mat2
    if reduce not in ("mean", "amax", "amin"):
        raise RuntimeError(f"sparse.mm: reduce must be 'sum', 'mean', 'amax' or 'amin', got '{reduce}'")
    return reduced_product(input, mat2, reduce)


def addmm(mat, mat1, mat2, *, beta=1.0, alpha=1.0) -> Tensor:
    """beta·mat + alpha·mat1·mat2 with a sparse mat1.

    >>> import lightwell as torch
    >>> torch.sparse.addmm(torch.ones(1, 1), torch.ones(1, 1).to_sparse(), torch.ones(1, 1))
    tensor([[2.]])
    """
    product = mat1 @ mat2
    return mat * beta + product * alpha if beta != 0 else product * alpha


def sampled_addmm(input, mat1, mat2, *, beta=1.0, alpha=1.0) -> Tensor:
    """beta·input + alpha·(mat1·mat2 at the entries of the sparse input): sparse, computed at those places alone."""
    c = input.to_sparse()
    rows, cols = (wrap(row) for row in c._i)
    product = (mat1.index_select(0, rows) * mat2.t().index_select(0, cols)).sum(1)
    return input._like(c._v * beta + product * alpha)


def sum(input, dim=None, dtype=None) -> Tensor:
    """The sum of all elements (dense), or over the dimensions `dim` (sparse while a sparse dimension remains).

    >>> import lightwell as torch
    >>> torch.sparse.sum(torch.eye(2).to_sparse())
    tensor(2.)
    """
    return input.sum(dim, dtype=dtype)


def _softmax(name, input, dim, dtype, log):
    if not isinstance(input, SparseTensor):
        raise RuntimeError(f"sparse.{name}: expected a sparse COO tensor, got {type(input).__name__}: make it so, with to_sparse()")
    x = input.coalesce()
    v = x._v if dtype is None else x._v.to(dtype)
    d, sd = dim % x.ndim, x.sparse_dim()
    if d >= sd:
        k = d - sd + 1
        return x._like(v.log_softmax(k) if log else v.softmax(k))
    rest = [r for r in range(sd) if r != d]
    groups = np.unique(flat_places(x._i[rest], [x._size[r] for r in rest]), return_inverse=True)[1].reshape(-1)
    count = int(groups.max()) + 1 if groups.size else 0
    top = np.full((count, *v._a.shape[1:]), -np.inf, v._a.dtype)
    np.maximum.at(top, groups, v._a)
    where = wrap(groups)
    shifted = v - wrap(top[groups])  # the largest of each group is 0: no overflow
    total = wrap(np.zeros_like(top)).index_add(0, where, shifted.exp())
    y = shifted - total.log().index_select(0, where) if log else shifted.exp() / total.index_select(0, where)
    return x._like(y)


def softmax(input, dim, *, dtype=None) -> Tensor:
    """softmax along a dimension of a sparse tensor, over its entries alone: what isn't stored counts as -inf and stays away.

    >>> import lightwell as torch
    >>> torch.sparse.softmax(torch.tensor([[0., 3., 3.]]).to_sparse(), 1).values()
    tensor([0.5000, 0.5000])
    """
    return _softmax("softmax", input, dim, dtype, False)


def log_softmax(input, dim, *, dtype=None) -> Tensor:
    """The logarithm of `softmax`, over the entries alone."""
    return _softmax("log_softmax", input, dim, dtype, True)


def spdiags(diagonals, offsets, shape, layout=None) -> Tensor:
    """A sparse matrix with the rows of `diagonals` on the diagonals `offsets`; column j takes element j of a row.

    RuntimeError: an offset twice, other ranks.

    >>> import lightwell as torch
    >>> torch.sparse.spdiags(torch.tensor([[1., 2.]]), torch.tensor([0]), (2, 2)).to_dense()
    tensor([[1., 0.],
            [0., 2.]])
    """
    diagonals = diagonals if diagonals.ndim == 2 else diagonals.unsqueeze(0)
    where = np.atleast_1d(offsets._a if isinstance(offsets, Tensor) else np.asarray(offsets))
    if len(where) != diagonals.shape[0]:
        raise RuntimeError(f"Number of diagonals ({diagonals.shape[0]}) does not match the number of offsets ({len(where)})")
    if len(set(where.tolist())) != len(where):
        raise RuntimeError("Offset tensor contains duplicate values")
    k, cols = np.meshgrid(np.arange(len(where)), np.arange(diagonals.shape[1]), indexing="ij")
    rows = cols - where[:, None]
    keep = (rows >= 0) & (rows < shape[0]) & (cols < shape[1])
    values = diagonals[wrap(k[keep]), wrap(cols[keep])]
    made = coo(np.stack([rows[keep], cols[keep]]), values, shape, False)
    return made if layout is None else made.to_sparse(layout=layout)


class check_sparse_tensor_invariants:
    """Whether constructors are asked to check indices against sizes. Here they always do: the switch only remembers its place.

    >>> import lightwell as torch
    >>> with torch.sparse.check_sparse_tensor_invariants():
    ...     torch.sparse.check_sparse_tensor_invariants.is_enabled()
    True
    """

    _on = False

    def __init__(self, enable=True):
        self._wanted = enable

    @classmethod
    def is_enabled(cls) -> bool:
        """Whether the checks were asked for."""
        return cls._on

    @classmethod
    def enable(cls) -> None:
        """Ask for the checks."""
        check_sparse_tensor_invariants._on = True

    @classmethod
    def disable(cls) -> None:
        """Ask for no checks; they cost little and stay on."""
        check_sparse_tensor_invariants._on = False

    def __enter__(self):
        self._was = self._on
        check_sparse_tensor_invariants._on = self._wanted
        return self

    def __exit__(self, *exc):
        check_sparse_tensor_invariants._on = self._was

    def __call__(self, function):
        """`function`, run with the switch set."""
        import functools

        @functools.wraps(function)
        def call(*args, **kwargs):
            with type(self)(self._wanted):
                return function(*args, **kwargs)

        return call


class _Legacy(type):
    """The type of torch.sparse.FloatTensor and its kin: called, they make a COO tensor of one dtype."""

    def __call__(cls, *args):
        if args and isinstance(args[0], Tensor):
            return sparse_coo_tensor(args[0], args[1].to(cls.dtype), *args[2:])
        return sparse_coo_tensor(args[0] if len(args) == 1 and not isinstance(args[0], int) else args, dtype=cls.dtype)

    def __instancecheck__(cls, value):
        return isinstance(value, SparseTensor) and value.dtype is cls.dtype


def __getattr__(name: str):
    from .. import dtypes

    for d in dtypes.ALL:
        if d.tensor_type == name:
            found = _Legacy(name, (), {"dtype": d, "__module__": "torch.sparse", "__doc__": f"COO tensors of {d}."})
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
