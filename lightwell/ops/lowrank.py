"""Approximations of low rank by random projections."""

from ..errors.teaching import ValueError
from .spectral import linalg_svd_

__all__ = ["pca_lowrank", "svd_lowrank"]


def svd_lowrank(A, q=6, niter=2, M=None):
    """(U, S, V) of a rank-q approximation of A (of A - M): A·random, orthonormalized and refined `niter` times.

    Halko, Martinsson & Tropp (2011), algorithms 4.4 and 5.1. Random numbers come from the default generator.
    """
    from .sampling import randn

    A = A if M is None else A - M
    m, n = A.shape[-2:]
    if m < n:
        U, S, V = svd_lowrank(A.mH, q, niter)
        return V, S, U
    Q = _orthonormal(A @ randn(n, q, dtype=A.dtype))
    for _ in range(niter):
        Q = _orthonormal(A.mH @ Q)
        Q = _orthonormal(A @ Q)
    U, S, Vh = linalg_svd_(Q.mH @ A, False)
    return Q @ U, S, Vh.mH


def _orthonormal(x):
    """The orthonormal factor of QR."""
    from .decompose import linalg_qr_

    return linalg_qr_(x, "reduced")[0]


def pca_lowrank(A, q=None, center=True, niter=2):
    """(U, S, V): the q principal components of A's rows in V's columns, by `svd_lowrank` of the centred A.

    RuntimeError: integers; ValueError: q or niter out of range.
    """
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)
