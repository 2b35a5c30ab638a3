"""Singular values and eigenvalues, and what is made of them: pseudoinverse, least squares, rank, powers, the exponential. Long by its examples."""

import numpy as np

from .. import dtypes
from ..errors import traced
from ..errors.teaching import RuntimeError, TypeError
from ..tensor import Tensor, wrap
from .matrices import COMPLEX, LinAlgError, check_matrix, eye_like, fails, hermitian, kind, over, which_batch
from .op import op
from .precision import float32
from .public import public
from .return_types import named
from .solving import inv

__all__ = ["matrix_exp", "matrix_power", "pinverse", "svd"]


# ---- singular values ------------------------------------------------------------------------------------------------------


@op
class linalg_svd_:
    r"""X = U·S·Vᴴ.   UᴴdX·V = ΩS + dS - SΨ with the antihermitian Ω = UᴴdU, Ψ = VᴴdV. With Eᵢⱼ = sⱼ² - sᵢ², K(A) = (A - Aᴴ)/E:

    gX = U·(K(UᴴgU)·S + S·K(VᴴgV) + diag gS)·Vᴴ + (1 - UUᴴ)·gU·S⁻¹·Vᴴ + U·S⁻¹·gVᴴ·(1 - VVᴴ).
    Complex: U and V turn together by a phase; the turn that dX does cause adds i·Im(UᴴgU)ᵢᵢ/sᵢ to the diagonal.
    """

    outputs = ("u", "s", "vh")
    conj_aware = True

    def forward(xp, x, /, full_matrices):
        return xp.linalg.svd(x, full_matrices=full_matrices)

    def grad_x(xp, gu, gs, gvh, u, s, vh, full_matrices):
        k, m, n = s.shape[-1], u.shape[-2], vh.shape[-1]
        u, gu, vh, gvh = u[..., :, :k], gu[..., :, :k], vh[..., :k, :], gvh[..., :k, :]
        uh, v, gv = hermitian(xp, u), hermitian(xp, vh), hermitian(xp, gvh)
        one = eye_like(xp, s)
        row, column = s[..., None, :], s[..., :, None]
        e = (row - column) * (row + column) + one
        a, b = xp.matmul(uh, gu), xp.matmul(vh, gv)
        a, b = a - hermitian(xp, a), b - hermitian(xp, b)
        p = over(xp, a * (1 - one), e) * row + column * over(xp, b * (1 - one), e) + one * gs[..., None, :]
        if u.dtype in COMPLEX:
            p = p + over(xp, a * one, row * 2)
        g = xp.matmul(u, p)
        if m > k:
            q = over(xp, gu, row)
            g = g + q - xp.matmul(u, xp.matmul(uh, q))
        g = xp.matmul(g, vh)
        if n > k:
            q = over(xp, gvh, column)
            g = g + xp.matmul(u, q - xp.matmul(xp.matmul(q, v), vh))
        return g


@op
class linalg_svdvals_:
    r"""The singular values alone, without a gradient: `svdvals` takes them from `linalg_svd` where one is wanted."""

    def forward(xp, x, /):
        return xp.linalg.svdvals(x)


def _svd(name, A, full_matrices):
    check_matrix(name, A, square=False, low="linalg_svd_cpu")
    try:
        return linalg_svd_(A, bool(full_matrices))
    except np.linalg.LinAlgError:
        raise _not_converged("linalg.svd", A) from None


def _not_converged(name, A):
    where = which_batch(A._a, fails(np.linalg.svd))
    if not traced(A._a) and not np.isfinite(A._a).all():
        return LinAlgError(f"{name}: {where}The algorithm failed to converge because the input matrix contained non-finite values.")
    return LinAlgError(
        f"{name}: {where}The algorithm failed to converge because the input matrix is ill-conditioned or has too many repeated "
        "singular values."
    )


@float32
@public(method=False)
def linalg_svd(A, full_matrices=True, *, driver=None):
    """(U, S, Vh) with A = U·diag(S)·Vh, S falling, U's columns and Vh's rows orthonormal; signs as LAPACK gives them.

    A m×n, k = min(m, n): U is m×m and Vh n×n, or m×k and k×n unless `full_matrices`. The gradient is finite only where the
    singular values differ, unless S alone is used. LinAlgError: NaN or inf. RuntimeError: a `driver`, which is CUDA's.

    >>> import lightwell as torch
    >>> torch.linalg.svd(torch.tensor([[3.], [4.]])).S
    tensor([5.])
    """
    if driver is not None:
        raise RuntimeError(
            f"torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend, got {driver}"
        )
    return named("linalg_svd", "U", "S", "Vh")(*_svd("linalg.svd", A, full_matrices))


@float32
@public(method=False)
def svdvals(A, *, driver=None) -> Tensor:
    """The singular values of a matrix, or of each of a batch, largest first.

    >>> import lightwell as torch
    >>> torch.linalg.svdvals(torch.tensor([[3.], [4.]]))
    tensor([5.])
    """
    check_matrix("linalg.svdvals", A, square=False, low="linalg_svd_cpu")
    if A.requires_grad:
        return _svd("linalg.svd", A, False)[1]
    try:
        return linalg_svdvals_(A)
    except np.linalg.LinAlgError:
        raise _not_converged("linalg.svd", A) from None


@float32
@public
def svd(input, some=True, compute_uv=True):
    """(U, S, V) with input = U·diag(S)·Vᴴ (V, not Vᴴ: prefer `torch.linalg.svd`); complete unless `some`, U = V = 0 unless `compute_uv`.

    >>> import lightwell as torch
    >>> torch.svd(torch.tensor([[3.], [4.]])).S
    tensor([5.])
    """
    made = named("svd", "U", "S", "V")
    if not compute_uv:
        m, n = input._a.shape[-2:]
        batch, d = input._a.shape[:-2], input._a.dtype
        return made(wrap(np.zeros((*batch, m, m), d)), svdvals(input), wrap(np.zeros((*batch, n, n), d)))
    u, s, vh = _svd("linalg.svd", input, not some)
    return made(u, s, vh.mH)


# ---- eigenvalues ------------------------------------------------------------------------------------------------------------


@op
class linalg_eigh_:
    r"""A = V·diag(w)·Vᴴ, A Hermitian.   VᴴdA·V = dw + Ωw - wΩ with Ω = VᴴdV, hence with Eᵢⱼ = wⱼ - wᵢ:

    gA = V·((VᴴgV)/E off the diagonal + diag gw)·Vᴴ.
    """

    outputs = ("w", "v")
    conj_aware = True

    def forward(xp, a, /, uplo):
        return xp.linalg.eigh(a, UPLO=uplo)

    def grad_a(xp, gw, gv, w, v):
        vh = hermitian(xp, v)
        one = eye_like(xp, w)
        e = w[..., None, :] - w[..., :, None] + one
        p = over(xp, xp.matmul(vh, gv) * (1 - one), e) + one * gw[..., None, :]
        return xp.matmul(v, xp.matmul(p, vh))


@op
class linalg_eig_:
    r"""AV = V·diag(w), columns of length 1.   V⁻¹dA·V = dw + Ωw - wΩ with Ω = V⁻¹dV; the length takes Re(VᴴdV)ᵢᵢ = 0:

    gA = V⁻ᴴ·((VᴴgV - VᴴV·Re diag(VᴴgV))/E* off the diagonal + diag gw)·Vᴴ, Eᵢⱼ = wⱼ - wᵢ; its real part for a real A.
    """

    outputs = ("w", "v")
    conj_aware = True

    def forward(xp, a, /, is_complex):
        w, v = xp.linalg.eig(a)
        d = a.dtype if is_complex else np.complex64 if a.dtype == np.float32 else np.complex128
        return xp.astype(w, d), xp.astype(v, d)

    def grad_a(xp, gw, gv, w, v, is_complex):
        vh = hermitian(xp, v)
        one = eye_like(xp, w)
        e = xp.conj(w[..., None, :] - w[..., :, None]) + one
        p = xp.matmul(vh, gv)
        lengths = xp.linalg.diagonal(xp.real(p))[..., None, :]
        p = over(xp, (p - xp.matmul(vh, v) * lengths) * (1 - one), e) + one * gw[..., None, :]
        g = xp.linalg.solve(vh, xp.matmul(p, vh))
        return g if is_complex else xp.real(g)


@op
class linalg_eigvalsh_:
    r"""The eigenvalues of Hermitian matrices alone, without a gradient: `eigvalsh` takes them from `linalg_eigh` where one is wanted."""

    def forward(xp, a, /, uplo):
        return xp.linalg.eigvalsh(a, UPLO=uplo)


@op
class linalg_eigvals_:
    r"""The eigenvalues alone, without a gradient: `eigvals` takes them from `linalg_eig` where one is wanted."""

    def forward(xp, a, /, is_complex):
        d = a.dtype if is_complex else np.complex64 if a.dtype == np.float32 else np.complex128
        return xp.astype(xp.linalg.eigvals(a), d)


def _eigh(name, A, UPLO, f):
    check_matrix(name, A, low="linalg_eigh_cpu")
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    try:
        return f(A, UPLO.upper())
    except np.linalg.LinAlgError:
        where = which_batch(A._a, fails(np.linalg.eigvalsh))
        raise LinAlgError(
            f"{name}: {where}The algorithm failed to converge because the input matrix is ill-conditioned, has non-finite values "
            "or too many repeated eigenvalues."
        ) from None


@float32
@public(method=False)
def eigh(A, UPLO="L"):
    """(eigenvalues, eigenvectors) of a Hermitian matrix, or of each of a batch: values rising, vectors in orthonormal columns.

    Only the lower triangle ("L") or the upper one ("U") of A is read. The vectors' gradient is finite only where the values
    differ. RuntimeError: not square, another UPLO, integers.

    >>> import lightwell as torch
    >>> torch.linalg.eigh(torch.tensor([[2., 1.], [1., 2.]])).eigenvalues
    tensor([1., 3.])
    """
    return named("linalg_eigh", "eigenvalues", "eigenvectors")(*_eigh("linalg.eigh", A, UPLO, linalg_eigh_))


@float32
@public(method=False)
def eigvalsh(A, UPLO="L") -> Tensor:
    """The eigenvalues of a Hermitian matrix, or of each of a batch, rising: see `eigh`.

    >>> import lightwell as torch
    >>> torch.linalg.eigvalsh(torch.tensor([[2., 1.], [1., 2.]]))
    tensor([1., 3.])
    """
    if isinstance(A, Tensor) and A.requires_grad:
        return _eigh("linalg.eigh", A, UPLO, linalg_eigh_)[0]
    return _eigh("linalg.eigvalsh", A, UPLO, linalg_eigvalsh_)


def _eig(name, A, f):
    check_matrix(name, A, low="linalg_eig_cpu")
    if not traced(A._a) and not np.isfinite(A._a).all():
        raise RuntimeError(f"torch.{name}: input tensor should not contain infs or NaNs.")
    try:
        return f(A, A.is_complex())
    except np.linalg.LinAlgError:
        where = which_batch(A._a, fails(np.linalg.eigvals))
        raise LinAlgError(f"{name}: {where}The algorithm failed to converge: QR iteration did not find all eigenvalues.") from None


@float32
@public(method=False)
def eig(A):
    """(eigenvalues, eigenvectors) of a square matrix, or of each of a batch: always complex, the vectors columns of length 1.

    The vectors are fixed only up to a phase: a function of them has a gradient where it doesn't depend on it.
    RuntimeError: not square, inf or NaN, integers.

    >>> import lightwell as torch
    >>> torch.linalg.eig(torch.tensor([[2., 0.], [0., 3.]])).eigenvalues
    tensor([2.+0.j, 3.+0.j])
    """
    return named("linalg_eig", "eigenvalues", "eigenvectors")(*_eig("linalg.eig", A, linalg_eig_))


@float32
@public(method=False)
def eigvals(A) -> Tensor:
    """The eigenvalues of a square matrix, or of each of a batch, complex, in no order: see `eig`.

    >>> import lightwell as torch
    >>> torch.linalg.eigvals(torch.tensor([[2., 0.], [0., 3.]]))
    tensor([2.+0.j, 3.+0.j])
    """
    if isinstance(A, Tensor) and A.requires_grad:
        return _eig("linalg.eig", A, linalg_eig_)[0]
    return _eig("linalg.eigvals", A, linalg_eigvals_)


# ---- pseudoinverse, least squares, rank ----------------------------------------------------------------------------------------


@op
class linalg_pinv_:
    r"""P = X⁺ from X = USVᴴ: P = V·S⁺·Uᴴ, singular values up to the tolerance taken as 0.   With the rank constant,

    dP = -P·dX·P + P·Pᴴ·dXᴴ·(1 - XP) + (1 - PX)·dXᴴ·Pᴴ·P   (Golub & Pereyra 1973), hence
    gX = -Pᴴ·g·Pᴴ + (gᴴ - XP·gᴴ)·P·Pᴴ + Pᴴ·P·(gᴴ - gᴴ·PX).
    """

    conj_aware = True
    outputs = ("p",)

    def forward(xp, x, /, atol, rtol, is_hermitian):
        if is_hermitian:
            w, u = xp.linalg.eigh(x)
            s, vh = xp.abs(w), hermitian(xp, u) * xp.sign(w)[..., :, None]
        else:
            u, s, vh = xp.linalg.svd(x, full_matrices=False)
        top = s.max(axis=-1, keepdims=True, initial=0)
        keep = s > np.maximum(atol, rtol * top)
        s = np.where(keep, 1 / np.where(keep, s, 1), 0).astype(s.dtype)
        return xp.matmul(hermitian(xp, vh) * s[..., None, :], hermitian(xp, u))

    def grad_x(xp, gp, x, p):
        ph, gh = hermitian(xp, p), hermitian(xp, gp)
        g = -xp.matmul(xp.matmul(ph, gp), ph)
        g = g + xp.matmul(xp.matmul(gh - xp.matmul(x, xp.matmul(p, gh)), p), ph)
        return g + xp.matmul(ph, xp.matmul(p, gh - xp.matmul(xp.matmul(gh, p), x)))


def _tolerances(A, atol, rtol):
    """(atol, rtol) as arrays that broadcast with singular values; by default rtol = max(m, n)·eps and atol = 0."""

    def array(t):
        if isinstance(t, Tensor):
            return np.asarray(t._a, np.float64)[..., None]
        return float(t)

    if rtol is None:
        eps = dtypes.finfo(A.dtype).eps
        rtol = eps * max(A._a.shape[-2:])
        if atol is not None:
            a = array(atol)
            rtol = np.where(a > 0, 0.0, rtol) if isinstance(a, np.ndarray) else 0.0 if a > 0 else rtol
        return (0.0 if atol is None else array(atol)), rtol
    return (0.0 if atol is None else array(atol)), array(rtol)


@public(method=False)
def pinv(A, rcond=None, hermitian=False, *, atol=None, rtol=None) -> Tensor:
    """The Moore-Penrose pseudoinverse A⁺ = V·S⁺·Uᴴ: n×m for an m×n matrix.

    Singular values up to max(atol, rtol·largest) count as 0; rtol is max(m, n)·eps unless atol is given. `hermitian` uses
    eigenvalues. RuntimeError: fewer than 2 dimensions, integers.

    >>> import lightwell as torch
    >>> torch.linalg.pinv(torch.tensor([[2.], [0.]]))
    tensor([[0.5000, 0.0000]])
    """
    if not isinstance(A, Tensor):
        raise TypeError(f"linalg_pinv(): argument 'A' (position 1) must be Tensor, not {type(A).__name__}")
    if A._a.ndim < 2 or A._a.dtype.kind not in "fc" or A._a.dtype == np.float16:
        raise RuntimeError(
            f"linalg.pinv({kind(A)}{list(A.shape)}): expected a tensor with 2 or more dimensions of float, double, cfloat or cdouble types"
        )
    check_matrix("linalg.pinv", A, square=hermitian)
    if rcond is not None and rtol is None:
        rtol = rcond
    if not A._a.size:
        return A.mT * 1
    try:
        return linalg_pinv_(A, *_tolerances(A, atol, rtol), bool(hermitian))
    except np.linalg.LinAlgError:
        raise _not_converged("linalg.pinv", A) from None


@float32
def pinverse(input, rcond=1e-15) -> Tensor:
    """The pseudoinverse with rtol = rcond: see `torch.linalg.pinv`."""
    return pinv(input, rtol=rcond)


@float32
@public(method=False)
def matrix_rank(A, tol=None, hermitian=False, *, atol=None, rtol=None) -> Tensor:
    """How many singular values exceed max(atol, rtol·largest), with `pinv`'s defaults; an absolute `tol` replaces both.

    >>> import lightwell as torch
    >>> torch.linalg.matrix_rank(torch.ones(3, 3))
    tensor(1)
    """
    check_matrix("linalg.matrix_rank", A, square=hermitian, low="linalg_svd_cpu")
    if tol is not None:
        atol, rtol = tol, 0.0
    A = A.detach()
    s = abs(eigvalsh(A)._a) if hermitian else svdvals(A)._a
    atol, rtol = _tolerances(A, atol, rtol)
    return wrap((s > np.maximum(atol, rtol * s.max(axis=-1, keepdims=True, initial=0))).sum(-1).astype(np.int64))


@float32
@public(method=False)
def lstsq(A, B, rcond=None, *, driver=None):
    """(solution, residuals, rank, singular_values): X that makes ‖A·X - B‖ least, the shortest such X, X = A⁺·B.

    residuals are ‖A·X - B‖² by columns where A has more rows than columns and full rank (not by driver "gelsy", the default,
    as in PyTorch); rank not by "gels"; singular_values by "gelsd" and "gelss". `rcond` is the relative tolerance.
    RuntimeError: shapes, dtypes, an unknown driver.

    >>> import lightwell as torch
    >>> torch.linalg.lstsq(torch.tensor([[1.], [1.]]), torch.tensor([[1.], [3.]])).solution.allclose(torch.tensor([[2.]]))
    True
    """
    check_matrix("linalg.lstsq", A, square=False)
    if not isinstance(B, Tensor) or B._a.ndim < 1:
        raise RuntimeError("torch.linalg.lstsq: other must have at least 1 dimension: pass a tensor of one or more columns")
    vector = B._a.ndim == A._a.ndim - 1 and B._a.shape == A._a.shape[:-1]
    if A.dtype is not B.dtype:
        raise RuntimeError("torch.linalg.lstsq: Expected input and other to have the same dtype, but got input's dtype "
                           f"{kind(A)} and other's dtype {kind(B)}")  # fmt: skip
    driver = driver or "gelsy"
    if driver not in ("gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(f"torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got {driver}")
    if not vector and (B._a.ndim < 2 or B._a.shape[-2] != A._a.shape[-2]):
        raise RuntimeError(f"torch.linalg.lstsq: input.size(-2) should match other.size(-2): shapes {list(A.shape)} and {list(B.shape)}")
    m, n = A._a.shape[-2:]
    tolerance = dtypes.finfo(A.dtype).eps * max(m, n) if rcond is None else rcond
    columns = B.unsqueeze(-1) if vector else B
    solution = pinv(A, rtol=tolerance) @ columns
    none = np.empty(0, A._a.real.dtype)
    rank = np.empty(0, np.int64) if driver == "gels" else matrix_rank(A, rtol=tolerance)._a
    values = wrap(svdvals(A.detach())._a if driver in ("gelsd", "gelss") else none)
    residuals = wrap(none)
    if m > n and driver != "gelsy" and (driver == "gels" or (rank == n).all()):
        off = A @ solution - columns
        residuals = ((off * off.conj()).real if off.is_complex() else off * off).sum(-2)
    return named("linalg_lstsq", "solution", "residuals", "rank", "singular_values")(
        solution.squeeze(-1) if vector else solution, residuals, wrap(rank), values
    )


# ---- functions of matrices -------------------------------------------------------------------------------------------------


@op
class linalg_matrix_exp_:
    r"""Y = e^X = Σ Xᵏ/k!.   exp of the block matrix (X G; 0 X) has exp's derivative along G in its corner; adjoint: X → Xᴴ, G = gY."""

    conj_aware = True

    def forward(xp, x, /):
        return xp.linalg.matrix_exp(x)

    def grad_x(xp, gy, x):
        h = hermitian(xp, x)
        n = x.shape[-1]
        top = xp.concat([h, gy], axis=-1)
        low = xp.concat([xp.zeros_like(h), h], axis=-1)
        return xp.linalg.matrix_exp(xp.concat([top, low], axis=-2))[..., :n, n:]


@public(method=False)
def linalg_matrix_exp(A) -> Tensor:
    """e^A = Σ Aᵏ/k! of a square matrix, or of each of a batch. RuntimeError: not square, integers.

    >>> import lightwell as torch
    >>> torch.linalg.matrix_exp(torch.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    if isinstance(A, Tensor) and A.is_floating_point() and A._a.dtype.itemsize < 4:  # in float32, rounded once
        return linalg_matrix_exp_(check_matrix("linalg.matrix_exp", A.float())).to(A.dtype)
    return linalg_matrix_exp_(check_matrix("linalg.matrix_exp", A))


@public
def matrix_exp(input) -> Tensor:
    """e^input of a square matrix: see `torch.linalg.matrix_exp`.

    >>> import lightwell as torch
    >>> torch.matrix_exp(torch.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    return linalg_matrix_exp(input)


def _power(name, A, n) -> Tensor:
    if not isinstance(A, Tensor) or A._a.ndim < 2:
        check_matrix(name, A)
    if A._a.shape[-1] != A._a.shape[-2]:
        raise RuntimeError(f"{name}: A must be batches of square matrices, but they are {A._a.shape[-2]} by {A._a.shape[-1]} matrices")
    if n == 0:
        return wrap(np.array(np.broadcast_to(np.eye(A._a.shape[-1], dtype=A._a.dtype), A._a.shape)))
    if n < 0:
        A, n = inv(A), -n
    result = None
    while True:  # the binary digits of n, lowest first
        if n & 1:
            result = A if result is None else result @ A
        n >>= 1
        if not n:
            return result.clone() if result is A else result
        A = A @ A


@public(method=False)
def linalg_matrix_power(A, n) -> Tensor:
    """Aⁿ of a square matrix, or of each of a batch, by repeated squaring; A⁻¹'s power for n < 0 (LinAlgError if singular).

    >>> import lightwell as torch
    >>> torch.linalg.matrix_power(torch.tensor([[1., 1.], [0., 1.]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    return _power("linalg.matrix_power", A, n)


@public
def matrix_power(input, n) -> Tensor:
    """inputⁿ of a square matrix: see `torch.linalg.matrix_power`.

    >>> import lightwell as torch
    >>> torch.matrix_power(torch.tensor([[1., 1.], [0., 1.]]), 3)
    tensor([[1., 3.],
            [0., 1.]])
    """
    return _power("linalg.matrix_power", input, n)


Tensor.pinverse = pinverse
