"""LU, QR and products of reflections; and the names that the whole family of matrix operations gives the front door.

Determinants and solvers stand in `solving.py`, singular values and eigenvalues in `spectral.py`, torch.linalg's names in
`lightwell/linalg.py`.
"""

import numpy as np

from ..backend import linalg as LA
from ..errors import opaque, traced
from ..tensor import Tensor, wrap
from . import solving, sparse, spectral  # noqa: F401  (sparse: attaches its Tensor methods)
from .lowrank import pca_lowrank, svd_lowrank
from .matrices import check_matrix, hermitian, kind, same_type
from .op import op
from .precision import float32
from .public import public
from .return_types import named
from .solving import (  # noqa: F401
    cholesky, cholesky_ex, cholesky_inverse, cholesky_solve, inv, inv_ex, inverse, linalg_cholesky, logdet, solve,
    solve_ex, solve_triangular, triangular_solve,
)  # fmt: skip
from .fourier import istft, stft
from .spectral import *
from ..errors.teaching import RuntimeError

__all__ = ["cholesky", "cholesky_inverse", "cholesky_solve", "det", "geqrf", "inverse", "istft", "logdet", "lu", "lu_solve", "lu_unpack",
           "orgqr", "ormqr", "pca_lowrank", "qr", "slogdet", "stft", "svd_lowrank", "triangular_solve"]  # fmt: skip
__all__ += spectral.__all__


# ---- LU -----------------------------------------------------------------------------------------------------------------


@op
class linalg_lu_factor_:
    r"""L below and U on and above the diagonal of one matrix, with PA = LU for rows exchanged as `pivots` says.

    L⁻¹·PdA·U⁻¹ = L⁻¹dL + dU·U⁻¹, the first strictly lower, the second upper:   gA = Pᵀ·L⁻ᴴ·Φ·U⁻ᴴ with
    Φ = stril(Lᴴ·gL) + triu(gU·Uᴴ). Columns beyond a square: U₂ = L⁻¹PA₂ takes gA₂ = L⁻ᴴgU₂, and stril loses gU₂·U₂ᴴ.
    Rows beyond a square: L₂ = PA₂·U⁻¹ takes gA₂ = gL₂·U⁻ᴴ, and triu loses L₂ᴴ·gL₂.
    """

    outputs = ("lu", "pivots")
    conj_aware = True
    node_name = "LinalgLuFactorExBackward0"

    def forward(xp, a, /):
        return xp.linalg.lu_factor(a)

    def grad_a(xp, glu, lu, pivots):
        m, n = lu.shape[-2:]
        k = min(m, n)
        square, g = lu[..., :k, :k], glu[..., :k, :k]
        low = xp.tril(square, k=-1) + xp.eye(k, dtype=lu.dtype)
        lh, uh = hermitian(xp, low), hermitian(xp, xp.triu(square))
        left, right = xp.matmul(lh, xp.tril(g, k=-1)), xp.matmul(xp.triu(g), uh)
        if n > k:
            left = left - xp.matmul(glu[..., :, k:], hermitian(xp, lu[..., :, k:]))
        if m > k:
            right = right - xp.matmul(hermitian(xp, lu[..., k:, :]), glu[..., k:, :])
        phi = xp.tril(left, k=-1) + xp.triu(right)

        def over_u(x):  # X·U⁻ᴴ = (U⁻¹·Xᴴ)ᴴ
            return hermitian(xp, xp.linalg.solve_triangular(hermitian(xp, uh), hermitian(xp, x), upper=True))

        out = over_u(xp.linalg.solve_triangular(lh, phi, upper=True, unitriangular=True))
        if n > k:
            rest = xp.linalg.solve_triangular(lh, glu[..., :, k:], upper=True, unitriangular=True)
            out = xp.concat([out, rest], axis=-1)
        if m > k:
            out = xp.concat([out, over_u(glu[..., k:, :])], axis=-2)
        return xp.matmul(xp.linalg.permutation_matrix(pivots, m, lu.dtype), out)


def _factored(name, A, pivot):
    check_matrix(name, A, square=False, low="lu_cpu")
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")
    return linalg_lu_factor_(A)


def _zero_pivot(lu) -> np.ndarray:
    zero = LA.diagonal(lu) == 0
    if not zero.shape[-1]:
        return np.zeros(zero.shape[:-1], np.int32)
    return np.where(zero.any(-1), zero.argmax(-1) + 1, 0).astype(np.int32)


@public(method=False)
def lu_factor(A, *, pivot=True):
    """(LU, pivots): the factors P·L·U = A in one matrix, L without its ones, and the exchanges of rows, as `lu_solve` takes them.

    RuntimeError where U has a zero on its diagonal, for `pivot=False`, integers, float16.

    >>> import lightwell as torch
    >>> torch.linalg.lu_factor(torch.tensor([[1., 2.], [2., 2.]])).LU
    tensor([[2.0000, 2.0000],
            [0.5000, 1.0000]])
    """
    LU, pivots = _factored("linalg.lu_factor", A, pivot)
    info = opaque(_zero_pivot, LU._a).reshape(-1)
    if not traced(info) and info.any():
        first = int(np.argmax(info != 0))
        where = f"(Batch element {first}): " if A._a.ndim > 2 else ""
        raise RuntimeError(  # no LinAlgError in PyTorch either
            f"torch.linalg.lu_factor: {where}U[{info[first]},{info[first]}] is zero and using it on lu_solve would result in a "
            "division by zero. If you still want to perform the factorization, consider calling linalg.lu(A, pivot) or "
            "linalg.lu_factor_ex(A, pivot)"
        )
    return named("linalg_lu_factor", "LU", "pivots")(LU, pivots)


@public(method=False)
def lu_factor_ex(A, *, pivot=True, check_errors=False):
    """(LU, pivots, info): as `lu_factor`, but a zero on U's diagonal is told by info, its number from 1."""
    if check_errors:
        lu_factor(A, pivot=pivot)
    LU, pivots = _factored("linalg.lu_factor_ex", A, pivot)
    return named("linalg_lu_factor_ex", "LU", "pivots", "info")(LU, pivots, wrap(opaque(_zero_pivot, LU._a)))


def _unpack(LU, pivots):
    m, n = LU._a.shape[-2:]
    k = min(m, n)
    L = LU[..., :, :k].tril(-1) + wrap(np.eye(m, k, dtype=LU._a.dtype))
    return wrap(opaque(LA.permutation_matrix, pivots._a, m, LU._a.dtype)), L, LU[..., :k, :].triu()


@public(method=False)
def linalg_lu(A, *, pivot=True):
    """(P, L, U) with A = P·L·U: a permutation, ones on L's diagonal, U upper triangular.

    >>> import lightwell as torch
    >>> torch.linalg.lu(torch.tensor([[1., 2.], [2., 2.]])).U
    tensor([[2., 2.],
            [0., 1.]])
    """
    return named("linalg_lu", "P", "L", "U")(*_unpack(*_factored("linalg.lu", A, pivot)))


@public(method="lu")
def lu(A, pivot=True, get_infos=False, out=None):
    """(LU, pivots), or (LU, pivots, info) with `get_infos`: the older form of `torch.linalg.lu_factor`."""
    LU, pivots = _factored("linalg.lu_factor", A, pivot)
    return (LU, pivots, wrap(_zero_pivot(LU))) if get_infos else (LU, pivots)


def lu_unpack(LU_data, LU_pivots, unpack_data=True, unpack_pivots=True):
    """(P, L, U) from `lu_factor`'s result; what isn't unpacked is empty.

    >>> import lightwell as torch
    >>> torch.lu_unpack(*torch.linalg.lu_factor(torch.tensor([[1., 2.], [2., 2.]])))[1]
    tensor([[1.0000, 0.0000],
            [0.5000, 1.0000]])
    """
    none = wrap(np.empty(0, LU_data._a.dtype))
    P, L, U = _unpack(LU_data, LU_pivots)
    return named("lu_unpack", "P", "L", "U")(P if unpack_pivots else none, *((L, U) if unpack_data else (none, none)))


@public(method=False)
def linalg_lu_solve(LU, pivots, B, *, left=True, adjoint=False) -> Tensor:
    """X with A·X = B (X·A = B if not `left`; Aᴴ for A if `adjoint`), A given by `lu_factor`: two triangular solves.

    >>> import lightwell as torch
    >>> LU, pivots = torch.linalg.lu_factor(torch.tensor([[1., 2.], [2., 2.]]))
    >>> torch.linalg.lu_solve(LU, pivots, torch.tensor([[3.], [4.]]))
    tensor([[1.],
            [1.]])
    """
    check_matrix("linalg.lu_solve", LU, what="LU")
    same_type("linalg.lu_solve", LU, B)
    if not left:  # X·A = B: Aᴴ·Xᴴ = Bᴴ
        return linalg_lu_solve(LU, pivots, B.mH, adjoint=not adjoint).mH
    if B._a.ndim < 2 or B._a.shape[-2] != LU._a.shape[-1]:
        raise RuntimeError(
            f"linalg.lu_solve: Incompatible shapes of LU and B for the equation AX = B ({LU._a.shape[-2]}x{LU._a.shape[-1]} and {list(B.shape)})"
        )
    P = wrap(LA.permutation_matrix(pivots._a, LU._a.shape[-1], LU._a.dtype))
    if adjoint:  # Aᴴ = Uᴴ·Lᴴ·Pᵀ
        return P @ solve_triangular(LU.mH, solve_triangular(LU.mH, B, upper=False), upper=True, unitriangular=True)
    return solve_triangular(LU, solve_triangular(LU, P.mT @ B, upper=False, unitriangular=True), upper=True)


@public
def lu_solve(input, LU_data, LU_pivots) -> Tensor:
    """X with A·X = input, A given by its LU factors: see `torch.linalg.lu_solve`."""
    return linalg_lu_solve(LU_data, LU_pivots, input)


# ---- QR -----------------------------------------------------------------------------------------------------------------


@op
class linalg_qr_:
    r"""Q (orthonormal columns), R (upper triangular) with A = QR.   Qᴴ·dQ is antisymmetric, dR·R⁻¹ upper triangular:

    gA = (gQ + Q·sym(M))·R⁻ᴴ with M = R·gRᴴ - gQᴴ·Q, sym(M) = stril M + (stril M)ᴴ + Re diag M. A wide A = (X Y) has X = QU,
    Y's part of R is QᴴY: gY = Q·gV, and gQ gains Y·gVᴴ.
    """

    outputs = ("q", "r")
    conj_aware = True

    def forward(xp, a, /, mode):
        return xp.linalg.qr(a, mode)

    def grad_a(xp, gq, gr, a, q, r, mode):
        m, n = a.shape[-2:]
        if mode == "r":
            raise RuntimeError("The derivative of linalg.qr depends on Q, which is not computed when mode='r': use mode='reduced'")
        if mode == "complete" and m > n:
            raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols: use mode='reduced'")
        wide = n > m
        if wide:
            gv, r, gr = gr[..., m:], r[..., :m], gr[..., :m]
            gq = gq + xp.matmul(a[..., m:], hermitian(xp, gv))
        p = xp.matmul(r, hermitian(xp, gr)) - xp.matmul(hermitian(xp, gq), q)
        low = xp.tril(p, k=-1)
        middle = xp.tril(p) - low  # the diagonal
        sym = low + hermitian(xp, low) + (middle + hermitian(xp, middle)) * 0.5
        g = gq + xp.matmul(q, sym)
        gx = hermitian(xp, xp.linalg.solve_triangular(r, hermitian(xp, g), upper=True))
        return xp.concat([gx, xp.matmul(q, gv)], axis=-1) if wide else gx


def _qr(A, mode, result):
    check_matrix("linalg.qr", A, square=False, low="geqrf_cpu")
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'")
    return result(*linalg_qr_(A, mode))


@float32
@public(method=False)
def linalg_qr(A, mode="reduced"):
    """(Q, R) with A = Q·R, Q's columns orthonormal, R upper triangular; signs as LAPACK's reflections give them.

    mode "reduced": Q is m×k, R k×n with k = min(m, n); "complete": Q m×m, R m×n; "r": R alone, Q empty.
    RuntimeError: another mode; a gradient where the mode has none.

    >>> import lightwell as torch
    >>> torch.linalg.qr(torch.tensor([[3.], [4.]])).R
    tensor([[-5.]])
    """
    return _qr(A, mode, named("linalg_qr", "Q", "R"))


@float32
@public
def qr(input, some=True):
    """(Q, R) with input = Q·R, complete unless `some`: see `torch.linalg.qr`."""
    return _qr(input, "reduced" if some else "complete", named("qr", "Q", "R"))


@float32
@public
def geqrf(input):
    """(a, tau): R on and above the diagonal of `a`, below it the vectors of the reflections whose product is Q."""
    check_matrix("geqrf", input, square=False, low="geqrf_cpu")
    a, tau = np.linalg.qr(input._a, mode="raw")
    return named("geqrf", "a", "tau")(wrap(np.ascontiguousarray(a.swapaxes(-2, -1))), wrap(tau))


def _reflect(A, tau, C, adjoint=False):
    """H₁·H₂···Hₖ·C (its adjoint times C), Hᵢ = 1 - tauᵢ·vᵢ·vᵢᴴ, vᵢ below the diagonal of A's column i, 1 on it, 0 above."""
    k = tau.shape[-1]
    V = A[..., :, :k].tril(-1) + wrap(np.eye(A.shape[-2], k, dtype=A._a.dtype))
    for i in range(k) if adjoint else reversed(range(k)):
        v, t = V[..., :, i : i + 1], tau[..., i, None, None]
        C = C - (t.conj() if adjoint and t.is_complex() else t) * (v @ (v.mH @ C))
    return C


@float32
@public(method=False)
def householder_product(A, tau) -> Tensor:
    """The first n columns of H₁·H₂···Hₖ with Hᵢ = 1 - tauᵢ·vᵢ·vᵢᴴ, vᵢ being column i of A below the diagonal, 1 on it.

    With `geqrf`'s result it is QR's Q. RuntimeError: more columns than rows, more taus than columns, dtypes that differ.

    >>> import lightwell as torch
    >>> torch.linalg.householder_product(torch.ones(2, 1), torch.tensor([2.]))
    tensor([[-1.],
            [-2.]])
    """
    name = "linalg.householder_product"
    check_matrix(name, A, square=False, low="orgqr_cpu")
    if A.shape[-2] < A.shape[-1]:
        raise RuntimeError(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1], got {list(A.shape)}")
    if tau.ndim < 1 or A.shape[-1] < tau.shape[-1]:
        raise RuntimeError(
            f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1], got {list(A.shape)}, {list(tau.shape)}"
        )
    if A.dtype is not tau.dtype:
        raise RuntimeError(f"{name}: tau dtype {kind(tau)} does not match input dtype {kind(A)}")
    return _reflect(A, tau, wrap(np.eye(*A.shape[-2:], dtype=A._a.dtype)).expand(A.shape))


@float32
@public
def orgqr(input, input2) -> Tensor:
    """The orthonormal Q of `geqrf`'s result: see `torch.linalg.householder_product`."""
    return householder_product(input, input2)


@public
def ormqr(input, tau, other, left=True, transpose=False) -> Tensor:
    """Q·other (other·Q if not `left`; Qᴴ for Q if `transpose`), Q the product of `geqrf`'s reflections."""
    check_matrix("ormqr", input, square=False, low="ormqr_cpu")
    if left:
        return _reflect(input, tau, other, transpose)
    return _reflect(input, tau, other.mH, not transpose).mH


# ---- torch.det and torch.slogdet -----------------------------------------------------------------------------------------


@public
def det(input) -> Tensor:
    """The determinant of a square matrix: see `torch.linalg.det`.

    >>> import lightwell as torch
    >>> torch.det(torch.tensor([[2., 1.], [1., 3.]]))
    tensor(5.)
    """
    return solving.det(input)


@public
def slogdet(input):
    """(sign, logabsdet) of a square matrix's determinant: see `torch.linalg.slogdet`.

    >>> import lightwell as torch
    >>> torch.slogdet(torch.tensor([[2., 0.], [0., 3.]])).sign
    tensor(1.)
    """
    return solving.slogdet_as(input, named("slogdet", "sign", "logabsdet"))


Tensor.logdet, Tensor.inverse, Tensor.triangular_solve = logdet, inverse, triangular_solve
