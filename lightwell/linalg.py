"""torch.linalg: norms, condition numbers, vector products and tensor equations, and the names of the matrix operations in `ops/`."""

import itertools
import math

import numpy as np

from .ops.contractions import chain_matmul as _chain
from .ops.decompose import (
    householder_product, linalg_lu as lu, linalg_lu_solve as lu_solve, linalg_qr as qr, lu_factor, lu_factor_ex,
)  # fmt: skip
from .ops.dims import one_axis
from .ops.matrices import LinAlgError, check_matrix, check_type, kind
from .ops.moments import vector_norm as _vector_norm
from .ops.precision import float32, lower
from .ops.public import public
from .ops.solving import (
    cholesky_ex, det, inv, inv_ex, linalg_cholesky as cholesky, slogdet, solve, solve_ex, solve_triangular,
)  # fmt: skip
from .ops.spectral import (
    eig, eigh, eigvals, eigvalsh, linalg_matrix_exp as matrix_exp, linalg_matrix_power as matrix_power, linalg_svd as svd,
    lstsq, matrix_rank, pinv, svdvals,
)  # fmt: skip
from .tensor import Tensor, wrap
from .errors.teaching import RuntimeError

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh",
    "householder_product", "inv", "inv_ex", "ldl_factor", "ldl_factor_ex", "ldl_solve", "lstsq", "lu", "lu_factor",
    "lu_factor_ex", "lu_solve", "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm",
    "pinv", "qr", "slogdet", "solve", "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander",
    "vecdot", "vector_norm",
]  # fmt: skip


# ---- norms --------------------------------------------------------------------------------------------------------------


@public(method=False)
def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None) -> Tensor:
    """(Σ|x|ᵒʳᵈ)^(1/ord) of all elements, or over the dimensions `dim`; ±inf: the largest, the smallest |x|; 0: how many ≠ 0.

    RuntimeError: integers, an empty reduction without identity.

    >>> import lightwell as torch
    >>> torch.linalg.vector_norm(torch.tensor([3., 4.]))
    tensor(5.)
    """
    return _vector_norm(x, ord, dim, keepdim, dtype)


def _two_axes(name, A, dim):
    dim = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    if len(dim) != 2:
        raise RuntimeError(f"{name}: dim must be a 2-tuple. Got {' '.join(map(str, dim))}")
    r, c = (one_axis(A, d, name) for d in dim)
    if r == c:
        raise RuntimeError(f"{name}: dims must be different. Got ({dim[0]}, {dim[1]})")
    return r, c


@public(method=False)
def matrix_norm(A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None) -> Tensor:
    """The norm of matrices: "fro" √Σ|a|², "nuc" the sum of singular values, ±2 the largest, the smallest of them,
    ±inf the largest, the smallest row sum of |a|, ±1 column sum.

    RuntimeError: fewer than 2 dimensions, another ord, integers.

    >>> import lightwell as torch
    >>> torch.linalg.matrix_norm(torch.tensor([[1., -2.], [3., 4.]]), 1)
    tensor(6.)
    """
    name = "linalg.matrix_norm"
    check_matrix(name, A, square=False) if not isinstance(A, Tensor) or A._a.dtype.itemsize > 2 else None
    r, c = _two_axes(name, A, dim)
    if isinstance(ord, str):
        if ord not in ("fro", "nuc"):
            raise RuntimeError(f"{name}: Order {ord} not supported.")
        if ord == "fro":
            return _vector_norm(A, 2, (r, c), keepdim, dtype, name)
    elif abs(ord) not in (1, 2, math.inf):
        raise RuntimeError(f"{name}: Order {ord} not supported.")
    if dtype is not None:
        A = A.to(dtype)
    if isinstance(ord, str) or abs(ord) == 2:
        s = svdvals(A.movedim((r, c), (-2, -1)))
        y = s.sum(-1) if ord == "nuc" else s.amax(-1) if ord > 0 else s.amin(-1)
        return y.unsqueeze(min(r, c)).unsqueeze(max(r, c)) if keepdim else y
    summed, other = (c, r) if abs(ord) == math.inf else (r, c)
    sums = A.abs().sum(summed, keepdim=True)
    y = sums.amax(other, keepdim=True) if ord > 0 else sums.amin(other, keepdim=True)
    return y if keepdim else y.squeeze((r, c))


@public(method=False)
def norm(A, ord=None, dim=None, keepdim=False, *, dtype=None) -> Tensor:
    """A vector's norm (`vector_norm`) where dim is one dimension or A a vector, a matrix's (`matrix_norm`) where it is two.

    Without `ord` the 2-norm of all elements over `dim`. RuntimeError: an ord without dim for more than 2 dimensions.

    >>> import lightwell as torch
    >>> torch.linalg.norm(torch.tensor([[3., 4.]]))
    tensor(5.)
    """
    if dim is not None:
        dims = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
        if ord is not None and len(dims) not in (1, 2):
            raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
    elif ord is not None:
        if A.ndim not in (1, 2):
            raise RuntimeError(f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D: say dim=")
        dims = tuple(range(A.ndim))
    else:
        dims = None
    if ord is not None and len(dims) == 2:
        return matrix_norm(A, ord, dims, keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: Order {ord} is a matrix's: dim must name two dimensions, got {list(dims)}")
    return _vector_norm(A, 2 if ord is None else ord, dims, keepdim, dtype, "linalg.vector_norm")


@float32
@public(method=False)
def cond(A, p=None) -> Tensor:
    """The condition number ‖A‖ₚ·‖A⁻¹‖ₚ; p None or 2: the largest singular value over the smallest, -2: the reverse.

    inf for a singular matrix. RuntimeError: not square (but for p None, ±2), another p, integers.

    >>> import lightwell as torch
    >>> torch.linalg.cond(torch.tensor([[2., 0.], [0., 4.]]))
    tensor(2.)
    """
    if p in (None, 2, -2):
        check_matrix("linalg.cond", A, square=False)
        s = svdvals(A)
        if not s.shape[-1]:
            return s.sum(-1)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    check_matrix(f"linalg.cond(ord={p})", A)
    if p == "nuc":
        s = svdvals(A)
        return s.sum(-1) * (1 / s).sum(-1)
    inverse, info = inv_ex(A)
    y = matrix_norm(A, p) * matrix_norm(inverse, p)
    return y.masked_fill(info != 0, math.inf) if info._a.any() else y


# ---- vectors ------------------------------------------------------------------------------------------------------------


@public(method=False)
def cross(input, other, *, dim=-1) -> Tensor:
    """The vector product along a dimension of size 3; the other dimensions broadcast.

    RuntimeError: another size, numbers of dimensions that differ.

    >>> import lightwell as torch
    >>> torch.linalg.cross(torch.tensor([1., 0., 0.]), torch.tensor([0., 1., 0.]))
    tensor([0., 0., 1.])
    """
    if input.ndim != other.ndim:
        raise RuntimeError(f"linalg.cross: inputs must have the same number of dimensions, got {input.ndim} and {other.ndim}.")
    axis = one_axis(input, dim, "linalg.cross")
    if input.shape[axis] != 3 or other.shape[axis] != 3:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[axis]} and {other.shape[axis]}")
    return input.roll(-1, axis) * other.roll(-2, axis) - input.roll(-2, axis) * other.roll(-1, axis)


@lower
@public(method=False)
def vecdot(x, y, *, dim=-1) -> Tensor:
    """Σ conj(x)·y over one dimension, the others broadcast.

    >>> import lightwell as torch
    >>> torch.linalg.vecdot(torch.tensor([1., 2.]), torch.tensor([3., 4.]))
    tensor(11.)
    """
    for t in (x, y):
        check_type("linalg.vecdot", t) if t._a.dtype.itemsize > 2 or not t.is_floating_point() else None
    if x.shape[dim] != y.shape[dim]:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{x.shape[dim]}] and src [{y.shape[dim]}] to have the same number of elements, "
            f"but got {x.shape[dim]} and {y.shape[dim]} elements respectively: linalg.vecdot sums over dim {dim}"
        )
    return ((x.conj() if x.is_complex() else x) * y).sum(dim)


@public(method=False)
def diagonal(A, *, offset=0, dim1=-2, dim2=-1) -> Tensor:
    """The diagonals of matrices, as a view: `torch.diagonal` with the last two dimensions for defaults."""
    return A.diagonal(offset, dim1, dim2)


@public(method=False)
def vander(x, N=None) -> Tensor:
    """The Vandermonde matrix 1, x, x², …, x^(N-1) of each vector in the last dimension; N is its length unless given.

    >>> import lightwell as torch
    >>> torch.linalg.vander(torch.tensor([2., 3.]), N=3)
    tensor([[1., 2., 4.],
            [1., 3., 9.]])
    """
    if not x.ndim:
        raise RuntimeError("linalg.vander: x must have at least one dimension")
    n = x.shape[-1] if N is None else N
    if n <= 1 and N is not None and N <= 1:
        raise RuntimeError(f"linalg.vander: N must be greater than 1, got {N}")
    from .ops.join import cat

    one = wrap(np.ones((*x._a.shape, 1), x._a.dtype if x._a.dtype.kind != "b" else np.int64))
    return cat([one, x.unsqueeze(-1).expand(*x._a.shape, max(n - 1, 0)).cumprod(-1)], -1)[..., :n]


@public(method=False)
def matmul(input, other) -> Tensor:
    """The matrix product: see `torch.matmul`."""
    return input.matmul(other)


def multi_dot(tensors, *, out=None) -> Tensor:
    """The product of several matrices in the cheapest order; the first and the last may be vectors.

    RuntimeError: fewer than two, other ranks, sizes that don't fit.

    >>> import lightwell as torch
    >>> torch.linalg.multi_dot([torch.ones(2), torch.ones(2, 3), torch.ones(3)])
    tensor(6.)
    """
    tensors = list(tensors)
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    for i, t in enumerate(tensors):
        ends = i in (0, len(tensors) - 1)
        if t.ndim != 2 and not (ends and t.ndim == 1):
            which = "the first and last tensors must be 1D or 2D" if ends else "tensors other than the first and last must be 2D"
            raise RuntimeError(f"multi_dot(): {which}, but tensor {i} has shape {list(t.shape)}")
    first, last = tensors[0].ndim == 1, tensors[-1].ndim == 1
    if first:
        tensors[0] = tensors[0].unsqueeze(0)
    if last:
        tensors[-1] = tensors[-1].unsqueeze(1)
    for i, (a, b) in enumerate(itertools.pairwise(tensors)):
        if a.shape[1] != b.shape[0]:
            raise RuntimeError(f"multi_dot(): tensors {i} and {i + 1} with shapes {list(a.shape)} and {list(b.shape)} cannot be multiplied")
    y = _chain(*tensors)
    y = y.squeeze(-1) if last else y
    y = y.squeeze(0) if first else y
    if out is not None:
        from .ops.public import write_out

        return write_out("multi_dot", out, y)
    return y


# ---- tensors as matrices --------------------------------------------------------------------------------------------------


@float32
@public(method=False)
def tensorinv(A, ind=2) -> Tensor:
    """The inverse of A as a map from its dimensions from `ind` on to those before.

    RuntimeError: the two products of sizes differ, ind < 1; LinAlgError: no inverse.

    >>> import lightwell as torch
    >>> torch.linalg.tensorinv(torch.eye(4).reshape(2, 2, 4), ind=2).shape
    torch.Size([4, 2, 2])
    """
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', got {ind}")
    rows, columns = math.prod(A.shape[:ind]), math.prod(A.shape[ind:])
    if rows != columns:
        raise RuntimeError(
            f"Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got {columns} != {rows}"
        )
    return inv(A.reshape(rows, columns)).reshape(*A.shape[ind:], *A.shape[:ind])


@float32
@public(method=False)
def tensorsolve(A, B, dims=None) -> Tensor:
    """X with tensordot(A, X, X.ndim) = B, A's dimensions `dims` moved to its end before.

    RuntimeError: A's sizes don't make a square matrix; LinAlgError: singular.

    >>> import lightwell as torch
    >>> torch.linalg.tensorsolve(torch.eye(4).reshape(2, 2, 4), torch.ones(2, 2))
    tensor([1., 1., 1., 1.])
    """
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    shape = A.shape[B.ndim :]
    rows, columns = math.prod(A.shape[: B.ndim]), math.prod(shape)
    if rows != columns:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), "
            f"but got {columns} != {rows}"
        )
    return solve(A.reshape(rows, columns), B.reshape(-1)).reshape(shape)


# ---- LDLᵀ -------------------------------------------------------------------------------------------------------------------


def _bunch_kaufman(a, is_hermitian):
    """LAPACK's sytf2/hetf2 on the lower triangle of one matrix: L below the diagonal, D's 1×1 and 2×2 blocks on it.

    Pivots count from 1; a pair of equal negative ones marks a 2×2 block. Bunch & Kaufman (1977), with their α = (1 + √17)/8.
    """
    a, n = a.copy(), len(a)
    pivots = np.zeros(n, np.int32)
    info, k, alpha = 0, 0, (1 + math.sqrt(17)) / 8

    def size(v):
        return abs(v.real) + abs(v.imag) if a.dtype.kind == "c" else abs(v)

    def conj(v):
        return v.conj() if is_hermitian else v

    while k < n:
        step, p = 1, k
        here = abs(a[k, k].real) if is_hermitian else size(a[k, k])
        far = k + 1 + int(size(a[k + 1 :, k]).argmax()) if k + 1 < n else k
        largest = size(a[far, k]) if k + 1 < n else 0
        if max(here, largest) == 0:
            info = info or k + 1
        else:
            if here < alpha * largest:
                row = max(size(a[far, k:far]).max(initial=0), size(a[far + 1 :, far]).max(initial=0))
                if here >= alpha * largest * (largest / row):
                    p = k
                elif (abs(a[far, far].real) if is_hermitian else size(a[far, far])) >= alpha * row:
                    p = far
                else:
                    step, p = 2, far
            q = k + step - 1
            if p != q:  # exchange rows and columns p and q of what is left
                held = a[p + 1 :, q].copy()
                a[p + 1 :, q] = a[p + 1 :, p]
                a[p + 1 :, p] = held
                held = a[q + 1 : p, q].copy()
                a[q + 1 : p, q] = conj(a[p, q + 1 : p])
                a[p, q + 1 : p] = conj(held)
                a[p, q] = conj(a[p, q])
                a[q, q], a[p, p] = a[p, p], a[q, q]
                if step == 2:
                    a[k + 1, k], a[p, k] = a[p, k], a[k + 1, k]
            rest = slice(k + step, n)
            if step == 1:
                column = a[rest, k] / a[k, k]
                a[rest, rest] -= np.tril(np.outer(column, conj(a[rest, k])))
                a[rest, k] = column
            elif k + 2 < n:
                low = a[k + 1, k]
                d = np.array([[a[k, k], conj(low)], [low, a[k + 1, k + 1]]])
                w = a[rest, k : k + 2].copy()
                columns = w @ np.linalg.inv(d)
                a[rest, rest] -= np.tril(columns @ conj(w).T)
                a[rest, k : k + 2] = columns
        pivots[k : k + step] = p + 1 if step == 1 else -(p + 1)
        k += step
    return a, pivots, info


def _ldl(A, hermitian):
    check_matrix("linalg.ldl_factor", A, low="ldl_factor_cpu")
    flat = A._a.reshape(-1, *A._a.shape[-2:])
    parts = [_bunch_kaufman(np.tril(m), hermitian and A.is_complex()) for m in flat]
    shape = A._a.shape
    LD = np.array([p[0] for p in parts], A._a.dtype).reshape(shape)
    pivots = np.array([p[1] for p in parts], np.int32).reshape(shape[:-1])
    return wrap(LD), wrap(pivots), wrap(np.array([p[2] for p in parts], np.int32).reshape(shape[:-2]))


def ldl_factor_ex(A, *, hermitian=False, check_errors=False, out=None):
    """(LD, pivots, info): as `ldl_factor`, but a zero on D's diagonal is told by info, its number from 1."""
    from .ops.public import write_out
    from .ops.return_types import named

    result = named("linalg_ldl_factor_ex", "LD", "pivots", "info")(*_ldl(A, hermitian))
    if check_errors and result.info._a.any():
        raise LinAlgError("torch.linalg.ldl_factor_ex: D has a zero on its diagonal: the matrix is singular")
    return result if out is None else write_out("linalg_ldl_factor_ex", out, result)


def ldl_factor(A, *, hermitian=False, out=None):
    """(LD, pivots) with P·A·Pᵀ = L·D·Lᵀ (Lᴴ if `hermitian`) for a symmetric A, D of 1×1 and 2×2 blocks; reads the lower triangle.

    No gradient. RuntimeError: not square, integers. Bunch & Kaufman (1977).

    >>> import lightwell as torch
    >>> torch.linalg.ldl_factor(torch.tensor([[4., 2.], [2., 2.]])).LD
    tensor([[4.0000, 0.0000],
            [0.5000, 1.0000]])
    """
    from .ops.public import write_out
    from .ops.return_types import named

    result = named("linalg_ldl_factor", "LD", "pivots")(*_ldl(A, hermitian)[:2])
    return result if out is None else write_out("linalg_ldl_factor", out, result)


@public(method=False)
def ldl_solve(LD, pivots, B, *, hermitian=False) -> Tensor:
    """X with A·X = B, A given by `ldl_factor`: solves with L, D and Lᵀ in turn.

    >>> import lightwell as torch
    >>> LD, pivots = torch.linalg.ldl_factor(torch.tensor([[4., 2.], [2., 2.]]))
    >>> torch.linalg.ldl_solve(LD, pivots, torch.tensor([[6.], [4.]]))
    tensor([[1.],
            [1.]])
    """
    check_matrix("linalg.ldl_solve", LD, what="LD")
    if LD.dtype is not B.dtype:
        raise RuntimeError(f"torch.linalg.ldl_solve: LD dtype {kind(LD)} does not match b dtype {kind(B)}")
    n, conj = LD._a.shape[-1], np.conj if hermitian and LD.is_complex() else lambda v: v
    batch = np.broadcast_shapes(LD._a.shape[:-2], B._a.shape[:-2])
    matrices = np.broadcast_to(LD._a, (*batch, n, n)).reshape(-1, n, n)
    orders = np.broadcast_to(pivots._a, (*batch, n)).reshape(-1, n)
    x = np.array(np.broadcast_to(B._a, (*batch, *B._a.shape[-2:])))
    for ld, piv, b in zip(matrices, orders, x.reshape(-1, *x.shape[-2:])):
        steps, k = [], 0
        while k < n:
            steps.append((k, 1 if piv[k] > 0 else 2))
            k += steps[-1][1]
        for k, s in steps:  # each step's exchange and elimination, then D's block
            q, p = k + s - 1, abs(piv[k]) - 1
            b[[q, p]] = b[[p, q]]
            b[k + s :] -= ld[k + s :, k : k + s] @ b[k : k + s]
            d = ld[k : k + s, k : k + s]
            b[k : k + s] = np.linalg.solve(np.tril(d) + conj(np.tril(d, -1)).T, b[k : k + s])
        for k, s in reversed(steps):
            b[k : k + s] -= conj(ld[k + s :, k : k + s]).T @ b[k + s :]
            q, p = k + s - 1, abs(piv[k]) - 1
            b[[q, p]] = b[[p, q]]
    return wrap(x)
