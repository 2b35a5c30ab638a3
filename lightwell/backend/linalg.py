"""Decompositions and solvers of (batches of) matrices as NumPy arrays: `xp.linalg` of the vocabulary on the CPU.

NumPy's LAPACK does what it offers; what it lacks (LU with its pivots, triangular solves, the matrix exponential, the matrix
of cofactors) stands here in blocks, so that BLAS does the work.
"""

import math

import numpy as np
from numpy.linalg import LinAlgError, det, eig, eigh, eigvals, eigvalsh, inv, slogdet, svd  # noqa: F401

_BASE = 48  # triangles up to this size go to LAPACK whole


def solve(a, b):
    """X with a·X = b, for a matrix or batches of them on either side."""
    return np.linalg.solve(a, b)


def diagonal(x):
    """The main diagonals of the matrices in the last two dimensions."""
    return np.diagonal(x, axis1=-2, axis2=-1)


def cholesky(a, upper=False):
    """The lower factor L with a = L·Lᴴ, or the upper one with a = Uᴴ·U; LinAlgError where there is none, or nan."""
    factor = np.linalg.cholesky(a, upper=upper)
    if np.isnan(diagonal(factor)).any():  # NumPy's LAPACK compares nan with 0 and goes on
        raise np.linalg.LinAlgError("nan on the diagonal")
    return factor


def svdvals(a):
    """The singular values, largest first."""
    return np.linalg.svd(a, compute_uv=False)


def qr(a, mode="reduced"):
    """(Q, R); Q is empty in mode "r"."""
    if mode == "r":
        return np.empty(0, a.dtype), np.linalg.qr(a, "r")
    q, r = np.linalg.qr(a, mode)
    return q, r


# ---- triangles --------------------------------------------------------------------------------------------------------


def solve_triangular(a, b, *, upper, unitriangular=False):
    """X with T·X = b, T the upper or lower triangle of a (with ones on the diagonal if `unitriangular`).

    The triangle is halved until a block is small: X₂ first, then X₁ from b₁ - T₁₂·X₂. A zero on the diagonal gives inf.
    """
    n = a.shape[-1]
    if n <= _BASE:
        t = np.triu(a) if upper else np.tril(a)
        if unitriangular:
            t = np.array(t)
            t[..., range(n), range(n)] = 1
        try:
            return np.linalg.solve(t, b)
        except LinAlgError:
            return _substitute(t, b, upper)
    h = n // 2
    first, last = (slice(h, n), slice(0, h)) if upper else (slice(0, h), slice(h, n))
    x_first = solve_triangular(a[..., first, first], b[..., first, :], upper=upper, unitriangular=unitriangular)
    rest = b[..., last, :] - np.matmul(a[..., last, first], x_first)
    x_last = solve_triangular(a[..., last, last], rest, upper=upper, unitriangular=unitriangular)
    return np.concatenate((x_last, x_first) if upper else (x_first, x_last), axis=-2)


def _substitute(t, b, upper):
    """Row by row, dividing by zero where the diagonal has one, as BLAS's trsm does."""
    n = t.shape[-1]
    x = np.array(np.broadcast_to(b, np.broadcast_shapes(t.shape[:-2], b.shape[:-2]) + b.shape[-2:]))
    with np.errstate(divide="ignore", invalid="ignore"):
        for i in range(n - 1, -1, -1) if upper else range(n):
            x[..., i, :] /= t[..., i, i, None]
            rows = slice(0, i) if upper else slice(i + 1, n)
            x[..., rows, :] -= t[..., rows, i, None] * x[..., i, None, :]
    return x


# ---- LU -----------------------------------------------------------------------------------------------------------------


def lu_factor(a):
    """(LU, pivots) with rows exchanged for the largest pivot: L below the diagonal (ones on it not stored), U above.

    Row i was exchanged with row pivots[i] - 1, in this order, as LAPACK's getrf counts. Right-looking, in panels of columns:
    within a panel one column after the other, the rest of the matrix by one product per panel.
    """
    shape, (m, n) = a.shape, a.shape[-2:]
    k = min(m, n)
    a = np.array(a, order="C").reshape(math.prod(shape[:-2]), m, n)
    batch = np.arange(len(a))
    pivots = np.zeros((len(a), k), np.int32)
    width = k if k <= 64 else 32
    for j0 in range(0, k, max(width, 1)):
        j1 = min(j0 + width, k)
        for j in range(j0, j1):
            column = a[:, j:, j]
            size = abs(column.real) + abs(column.imag) if a.dtype.kind == "c" else abs(column)
            p = size.argmax(axis=1) + j
            pivots[:, j] = p + 1
            if (p != j).any():
                row = a[batch, p]
                a[batch, p] = a[:, j]
                a[:, j] = row
            pivot = a[:, j, j]
            a[:, j + 1 :, j] /= np.where(pivot == 0, 1, pivot)[:, None].astype(a.dtype)
            a[:, j + 1 :, j + 1 : j1] -= a[:, j + 1 :, j, None] * a[:, j, None, j + 1 : j1]
        if j1 < n:
            a[:, j0:j1, j1:] = solve_triangular(a[:, j0:j1, j0:j1], a[:, j0:j1, j1:], upper=False, unitriangular=True)
            a[:, j1:, j1:] -= np.matmul(a[:, j1:, j0:j1], a[:, j0:j1, j1:])
    return a.reshape(shape), pivots.reshape(shape[:-2] + (k,))


def permutation(pivots, m):
    """The rows' order after the exchanges that `pivots` counts: row i of P⁻¹·A is row order[i] of A."""
    flat = pivots.reshape(math.prod(pivots.shape[:-1]), pivots.shape[-1])
    order = np.tile(np.arange(m), (len(flat), 1))
    batch = np.arange(len(flat))
    for i in range(flat.shape[1]):
        p = flat[:, i] - 1
        held = order[batch, p]
        order[batch, p] = order[:, i]
        order[:, i] = held
    return order.reshape(pivots.shape[:-1] + (m,))


def permutation_matrix(pivots, m, dtype):
    """P with P·L·U = A: P[order[i], i] = 1."""
    order = permutation(pivots, m)
    p = np.zeros(order.shape + (m,), dtype)
    np.put_along_axis(p, order[..., None, :], 1, axis=-2)
    return p


# ---- functions of matrices ------------------------------------------------------------------------------------------------

_PADE = (64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
         670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1)  # fmt: skip


def matrix_exp(x):
    """e^X by scaling and squaring: the Padé approximant of degree 13 at X/2ˢ, squared s times.

    Higham, "The scaling and squaring method for the matrix exponential revisited" (2005), whose bound on the norm is 5.37.
    """
    n = x.shape[-1]
    if not x.size:
        return x.copy()
    flat = x.reshape(-1, n, n)
    norm = abs(flat).sum(axis=1).max(axis=1)
    norm = np.where(np.isfinite(norm), norm, 0)
    s = np.maximum(np.ceil(np.log2(np.maximum(norm, 1e-30) / 5.37)), 0).astype(int)
    a = flat / np.ldexp(np.ones(len(s), flat.real.dtype), s)[:, None, None]
    one = np.eye(n, dtype=x.dtype)
    # Coefficients relative to the first: they stay within the range of float32.
    c = [v / _PADE[0] for v in _PADE]
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    u = a @ (a6 @ (c[13] * a6 + c[11] * a4 + c[9] * a2) + c[7] * a6 + c[5] * a4 + c[3] * a2 + c[1] * one)
    v = a6 @ (c[12] * a6 + c[10] * a4 + c[8] * a2) + c[6] * a6 + c[4] * a4 + c[2] * a2 + c[0] * one
    y = np.linalg.solve(v - u, v + u)
    for step in range(int(s.max(initial=0))):
        more = s > step
        if more.all():
            y = y @ y
        else:
            y[more] = y[more] @ y[more]
    return y.reshape(x.shape)


def regular_inverse(x):
    """x⁻¹, or None where a matrix of the batch is singular, or too nearly so for its inverse to be worth anything."""
    if not x.size:
        return None
    try:
        y = inv(x)
    except LinAlgError:
        return None
    condition = abs(x).sum(-1).max(-1) * abs(y).sum(-1).max(-1)
    return y if (condition < 0.01 / np.finfo(x.dtype).eps).all() else None


def cofactor(x):
    """The matrix of cofactors, d(det X)/dX: det X·X⁻ᵀ, and for a singular X, from X = U·S·Vᴴ, det U·det Vᴴ·U′·S′·V′ᴴ.

    S′ has at i the product of all singular values but the i-th, so nothing is divided; U′ and V′ are conjugates.
    """
    y = regular_inverse(x)
    if y is not None:
        return det(x)[..., None, None] * y.swapaxes(-2, -1)
    if not x.size:
        return np.zeros_like(x)
    u, s, vh = svd(x)
    n = s.shape[-1]
    others = np.repeat(s[..., None, :], n, axis=-2)
    others[..., range(n), range(n)] = 1
    others = others.prod(axis=-1)
    return (det(u) * det(vh))[..., None, None] * ((u.conj() * others[..., None, :]) @ vh.conj())
