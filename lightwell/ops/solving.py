"""Determinants, inverses, linear systems (general and triangular) and the Cholesky factorization."""

import numpy as np

from ..backend import linalg as LA
from ..errors import traced
from ..errors.teaching import RuntimeError
from ..tensor import Tensor, wrap
from .matrices import COMPLEX, LinAlgError, check_matrix, eye_like, fails, hermitian, same_type, zero_pivots
from .op import op, readable
from .precision import float32
from .public import public
from .return_types import named

# ---- determinants ---------------------------------------------------------------------------------------------------------


@op
class linalg_det_:
    r"""y = det X.   ∂y/∂xᵢⱼ is the cofactor of xᵢⱼ (det expanded along row i), det X·(X⁻ᵀ)ᵢⱼ where X⁻¹ exists:   gX = gy·cof X."""

    node_name = "LinalgDetBackward0"

    def forward(xp, x, /):
        return xp.linalg.det(x)

    def grad_x(xp, gy, x):
        return gy[..., None, None] * xp.linalg.cofactor(x)


@op
class linalg_slogdet_:
    r"""det X = sign·e^logabsdet.   d log det X = tr(X⁻¹ dX) = z;  d logabsdet = Re z,  d sign = i·sign·Im z:

    gX = (glogabsdet - i·Im(conj(gsign)·sign))·X⁻ᴴ, the second part only for complex numbers.
    """

    outputs = ("sign", "logabsdet")
    conj_aware = True

    def forward(xp, x, /):
        return xp.linalg.slogdet(x)

    def grad_x(xp, gsign, glogabsdet, x, sign):
        c = glogabsdet
        if x.dtype in COMPLEX:
            c = c - xp.imag(xp.conj(gsign) * sign) * 1j
        return c[..., None, None] * hermitian(xp, xp.linalg.inv(x))


def cofactor(x) -> Tensor:
    """The cofactors of x, differentiable: det·X⁻ᵀ, or where a matrix is singular by the characteristic polynomial.

    M₁ = 1, cₖ = -tr(X·Mₖ)/k, Mₖ₊₁ = X·Mₖ + cₖ (Faddeev and LeVerrier); adj X = (-1)ⁿ⁻¹·Mₙ, and the cofactors are its transpose.
    """
    if LA.regular_inverse(x._a) is not None:
        return linalg_det_(x)[..., None, None] * linalg_inv_(x).mT
    n = x.shape[-1]
    one = wrap(np.eye(n, dtype=x._a.dtype))
    m = one.expand(x.shape)
    for k in range(1, n):
        xm = x @ m
        m = xm - one * (xm.diagonal(0, -2, -1).sum(-1)[..., None, None] / k)
    return (m if n % 2 else -m).mT


@public(method=False)
def det(A) -> Tensor:
    """The determinant of a square matrix, or of each of a batch: (…, n, n) → (…).

    Differentiable for singular matrices too: its derivative is the matrix of cofactors. RuntimeError: not square, integers.

    >>> import lightwell as torch
    >>> torch.linalg.det(torch.tensor([[1., 2.], [3., 5.]]))
    tensor(-1.)
    """
    return linalg_det_(check_matrix("linalg.det", A, low="lu_cpu"))


def slogdet_as(A, result):
    check_matrix("linalg.slogdet", A, low="lu_cpu")
    return result(*linalg_slogdet_(A))


@public(method=False)
def slogdet(A):
    """(sign, logabsdet) with det A = sign·exp(logabsdet): no overflow where the determinant itself has one.

    sign is 0 and logabsdet -inf for a singular matrix. RuntimeError: not square, integers.

    >>> import lightwell as torch
    >>> torch.linalg.slogdet(torch.eye(2) * 2).logabsdet
    tensor(1.3863)
    """
    return slogdet_as(A, named("linalg_slogdet", "sign", "logabsdet"))


@readable
def logdet(input) -> Tensor:
    """log det of a square matrix or of each of a batch: -inf for a singular one, NaN where the determinant is negative.

    >>> import lightwell as torch
    >>> torch.logdet(torch.eye(2) * 2)
    tensor(1.3863)
    """
    sign, value = linalg_slogdet_(check_matrix("logdet", input, low="lu_cpu"))
    if sign.is_complex():
        return value + sign.log()
    return value if not traced(sign._a) and not (sign._a < 0).any() else value.masked_fill(sign < 0, float("nan"))


# ---- inverse and solve ------------------------------------------------------------------------------------------------------


@op
class linalg_inv_:
    r"""Y = X⁻¹.   From XY = 1: dX·Y + X·dY = 0, dY = -Y·dX·Y,   hence   gX = -Yᵀ·gY·Yᵀ."""

    node_name = "LinalgInvExBackward0"

    def forward(xp, x, /):
        return xp.linalg.inv(x)

    def grad_x(xp, gy, y):
        t = xp.matrix_transpose(y)
        return -xp.matmul(xp.matmul(t, gy), t)


@op
class linalg_solve_:
    r"""Y with AY = B.   dA·Y + A·dY = dB,   hence   gB = A⁻ᵀ·gY   and   gA = -gB·Yᵀ."""

    node_name = "LinalgSolveExBackward0"
    outputs = ("y",)
    broadcasts = True

    def forward(xp, a, b, /):
        return xp.linalg.solve(a, b)

    def grad_a(xp, gy, a, y):
        return -xp.matmul(xp.linalg.solve(xp.matrix_transpose(a), gy), xp.matrix_transpose(y))

    def grad_b(xp, gy, a):
        return xp.linalg.solve(xp.matrix_transpose(a), gy)


@op
class linalg_solve_triangular_:
    r"""Y with TY = B for the triangle T of A.   As for solve: gB = T⁻ᵀ·gY, and gA = -gB·Yᵀ within the triangle, 0 outside."""

    outputs = ("y",)
    broadcasts = True

    def forward(xp, a, b, /, upper, unitriangular):
        return xp.linalg.solve_triangular(a, b, upper=upper, unitriangular=unitriangular)

    def grad_a(xp, gy, a, y, upper, unitriangular):
        t = xp.matrix_transpose(a)
        g = -xp.matmul(xp.linalg.solve_triangular(t, gy, upper=not upper, unitriangular=unitriangular), xp.matrix_transpose(y))
        return xp.triu(g, k=int(unitriangular)) if upper else xp.tril(g, k=-int(unitriangular))

    def grad_b(xp, gy, a, upper, unitriangular):
        return xp.linalg.solve_triangular(xp.matrix_transpose(a), gy, upper=not upper, unitriangular=unitriangular)


def _singular(name: str, A, what: str) -> LinAlgError:
    """The error of a singular matrix, with the batch element and the zero pivot."""
    infos = zero_pivots(A._a).reshape(-1)
    first = int(np.argmax(infos != 0)) if infos.any() else 0
    where = f"(Batch element {first}): " if A._a.ndim > 2 else ""
    return LinAlgError(f"{name}: {where}" + what.format(k=int(infos[first])))


@float32
@public(method=False)
def inv(A) -> Tensor:
    """The inverse of a square matrix, or of each of a batch; prefer `solve` where the inverse is only multiplied.

    LinAlgError for a singular matrix, naming the batch element; RuntimeError: not square, integers, float16.

    >>> import lightwell as torch
    >>> torch.linalg.inv(torch.tensor([[2., 0.], [0., 4.]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    check_matrix("linalg.inv", A)
    try:
        return linalg_inv_(A)
    except np.linalg.LinAlgError:
        what = "The diagonal element {k} is zero, the inversion could not be completed because the input matrix is singular."
        raise _singular("linalg.inv", A, what) from None


@float32
def inverse(input) -> Tensor:
    """The inverse of a square matrix: see `torch.linalg.inv`.

    >>> import lightwell as torch
    >>> torch.inverse(torch.tensor([[2., 0.], [0., 4.]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return inv(input)


@float32
@public(method=False)
def inv_ex(A, *, check_errors=False):
    """(inverse, info): as `inv`, but a singular matrix is told by info (the zero pivot's number) and gives NaN.

    >>> import lightwell as torch
    >>> torch.linalg.inv_ex(torch.zeros(1, 1)).info
    tensor(1, dtype=torch.int32)
    """
    result = named("linalg_inv_ex", "inverse", "info")
    check_matrix("linalg.inv", A)
    if check_errors:
        return result(inv(A), wrap(np.zeros(A._a.shape[:-2], np.int32)))
    try:
        return result(linalg_inv_(A), wrap(np.zeros(A._a.shape[:-2], np.int32)))
    except np.linalg.LinAlgError:
        return result(*_each(A, linalg_inv_))


def _each(A, f, *others):
    """f of every regular matrix of a batch, NaN for the singular ones; and LAPACK's info."""
    info = zero_pivots(A._a)
    bad = wrap(info != 0)[..., None, None]
    one = wrap(np.eye(A._a.shape[-1], dtype=A._a.dtype))
    result = f(one.where(bad, A), *others)
    return result.masked_fill(bad, float("nan")), wrap(info)


def _as_columns(name, A, B, left):
    """(B as a matrix, whether it was a vector), checked: AX = B, or XA = B."""
    same_type(name, A, B)
    a, b = A._a.shape, B._a.shape
    vector = len(b) == 1 or (len(a) - 1 == len(b) and b == a[:-1])
    if vector:
        if not left:
            raise RuntimeError(f"{name}: Vector broadcasting of the left hand side is not supported for left=False")
        return B.unsqueeze(-1), True
    if a[-1] != b[-2 if left else -1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({a[-2]}x{a[-1]} and {b[-2]}x{b[-1]})"
        )
    return B, False


def _solved(name, f, A, B, left, *params):
    try:
        if left:
            return f(A, B, *params)
        return f(A.mT, B.mT, *params).mT
    except np.linalg.LinAlgError:  # which is a ValueError
        raise
    except ValueError:
        if A.shape[-1] != B.shape[-2 if left else -1]:
            raise RuntimeError(
                f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
                f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
            ) from None
        raise RuntimeError(
            f"{name}: the batches of A and B, of shapes {list(A.shape)} and {list(B.shape)}, don't broadcast: leading sizes "
            "must be equal or 1"
        ) from None


@float32
@public(method=False)
def solve(A, B, *, left=True) -> Tensor:
    """X with A·X = B (X·A = B if not `left`); batches broadcast, and B may be a vector (or a batch of them).

    LinAlgError for a singular matrix, naming the batch element; RuntimeError: shapes, dtypes that differ, integers.

    >>> import lightwell as torch
    >>> torch.linalg.solve(torch.tensor([[2., 0.], [0., 4.]]), torch.tensor([2., 2.]))
    tensor([1.0000, 0.5000])
    """
    check_matrix("linalg.solve", A)
    B, vector = _as_columns("linalg.solve", A, B, left)
    try:
        x = _solved("linalg.solve", linalg_solve_, A, B, left)
    except np.linalg.LinAlgError:
        raise _singular("torch.linalg.solve", A, "The solver failed because the input matrix is singular.") from None
    return x.squeeze(-1) if vector else x


@float32
@public(method=False)
def solve_ex(A, B, *, left=True, check_errors=False):
    """(result, info): as `solve`, but a singular matrix is told by info (the zero pivot's number) and gives NaN."""
    made = named("linalg_solve_ex", "result", "info")
    check_matrix("linalg.solve", A)
    columns, vector = _as_columns("linalg.solve", A, B, left)
    info = wrap(zero_pivots(A._a))
    if check_errors or not info._a.any():
        return made(solve(A, B, left=left), info)
    x = _each(A, lambda a, b: _solved("linalg.solve", linalg_solve_, a, b, left), columns)[0]
    return made(x.squeeze(-1) if vector else x, info)


@public(method=False)
def solve_triangular(A, B, *, upper, left=True, unitriangular=False) -> Tensor:
    """X with T·X = B (X·T = B if not `left`), T the `upper` or lower triangle of A.

    `unitriangular` takes the diagonal as ones. A zero on the diagonal gives inf or NaN. RuntimeError: shapes, dtypes.

    >>> import lightwell as torch
    >>> torch.linalg.solve_triangular(torch.tensor([[2., 2.], [0., 4.]]), torch.tensor([[4.], [4.]]), upper=True)
    tensor([[1.],
            [1.]])
    """
    name = "linalg.solve_triangular"
    check_matrix(name, A)
    same_type(name, A, B)
    if B._a.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor B must have at least 2 dimensions, but it has shape {list(B.shape)}")
    B, _ = _as_columns(name, A, B, left) if B._a.ndim != A._a.ndim - 1 else (B, False)
    return _solved(name, linalg_solve_triangular_, A, B, left, upper if left else not upper, unitriangular)


def triangular_solve(b, A, upper=True, transpose=False, unitriangular=False):
    """(solution, cloned_coefficient) of A·X = b for a triangular A: see `torch.linalg.solve_triangular`."""
    check_matrix("triangular_solve", A)
    T = A.mT if transpose else A
    x = solve_triangular(T, b, upper=upper != bool(transpose), unitriangular=unitriangular)
    return named("triangular_solve", "solution", "cloned_coefficient")(x, A.clone())


# ---- Cholesky -------------------------------------------------------------------------------------------------------------------


@op
class linalg_cholesky_:
    r"""L, lower triangular, with A = L·Lᴴ (U = Lᴴ if upper).   L⁻¹·dA·L⁻ᴴ = L⁻¹dL + (L⁻¹dL)ᴴ, and L⁻¹dL is lower triangular:

    dL = L·Φ(L⁻¹·dA·L⁻ᴴ), Φ keeping the lower triangle and half the diagonal.   gA = S symmetrized, S = L⁻ᴴ·Φ(Lᴴ·gL)·L⁻¹.
    """

    node_name = "LinalgCholeskyExBackward0"
    conj_aware = True

    def forward(xp, a, /, upper):
        return xp.linalg.cholesky(a, upper=upper)

    def grad_a(xp, gy, y, upper):
        if upper:
            y, gy = hermitian(xp, y), hermitian(xp, gy)
        h = hermitian(xp, y)
        p = xp.tril(xp.matmul(h, gy))
        p = p - p * (eye_like(xp, p) * 0.5)
        p = (p + hermitian(xp, p)) * 0.5
        s = xp.linalg.solve_triangular(h, p, upper=True)
        return hermitian(xp, xp.linalg.solve_triangular(h, hermitian(xp, s), upper=True))


def _minor(m, upper) -> int:
    """The order of the first leading minor that isn't positive-definite; 0 for a positive-definite matrix."""
    bad = fails(lambda a: LA.cholesky(a, upper=upper))
    if not bad(m):
        return 0
    low, high = 0, len(m)  # positive-definite up to `low`, not from `high` on
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if bad(m[:middle, :middle]) else (middle, high)
    return high


def _not_positive(name, A, upper) -> LinAlgError:
    flat = A._a.reshape(-1, *A._a.shape[-2:])
    first, k = next(((i, k) for i, m in enumerate(flat) if (k := _minor(m, upper))), (0, 0))
    where = f"(Batch element {first}): " if A._a.ndim > 2 else ""
    return LinAlgError(
        f"{name}: {where}The factorization could not be completed because the input is not positive-definite "
        f"(the leading minor of order {k} is not positive-definite)."
    )


def _cholesky(name, A, upper):
    check_matrix(name, A, low="cholesky_cpu")
    try:
        return linalg_cholesky_(A, bool(upper))
    except np.linalg.LinAlgError:
        raise _not_positive(name, A, bool(upper)) from None


@float32
@public(method=False, name="cholesky")
def linalg_cholesky(A, *, upper=False) -> Tensor:
    """L, lower triangular with A = L·Lᴴ for a Hermitian positive-definite A (U with A = Uᴴ·U if `upper`).

    Only that triangle of A is read; the gradient is the symmetric one. LinAlgError where A isn't positive-definite.

    >>> import lightwell as torch
    >>> torch.linalg.cholesky(torch.tensor([[4., 2.], [2., 5.]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    return _cholesky("linalg.cholesky", A, upper)


@float32
@public(method=False)
def cholesky_ex(A, *, upper=False, check_errors=False):
    """(L, info): as `cholesky`, but info tells the order of the first leading minor that isn't positive-definite."""
    made = named("linalg_cholesky_ex", "L", "info")
    check_matrix("linalg.cholesky", A, low="cholesky_cpu")
    try:
        return made(linalg_cholesky_(A, bool(upper)), wrap(np.zeros(A._a.shape[:-2], np.int32)))
    except np.linalg.LinAlgError:
        if check_errors:
            raise _not_positive("linalg.cholesky", A, bool(upper)) from None
    flat = A._a.reshape(-1, *A._a.shape[-2:])
    info = np.array([_minor(m, bool(upper)) for m in flat], np.int32).reshape(A._a.shape[:-2])
    bad = wrap(info != 0)[..., None, None]
    one = wrap(np.eye(A._a.shape[-1], dtype=A._a.dtype))
    return made(linalg_cholesky_(one.where(bad, A), bool(upper)).masked_fill(bad, float("nan")), wrap(info))


@float32
@public
def cholesky(input, upper=False) -> Tensor:
    """The Cholesky factor of a positive-definite matrix: see `torch.linalg.cholesky`.

    >>> import lightwell as torch
    >>> torch.cholesky(torch.tensor([[4., 2.], [2., 5.]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    return _cholesky("linalg.cholesky", input, upper)


@float32
@public
def cholesky_solve(input, L, upper=False) -> Tensor:
    """X with A·X = input, A given by its Cholesky factor: A = L·Lᴴ (Uᴴ·U if `upper`): two triangular solves.

    >>> import lightwell as torch
    >>> torch.cholesky_solve(torch.tensor([[4.]]), torch.tensor([[2.]]))
    tensor([[1.]])
    """
    check_matrix("cholesky_solve", L, what="L")
    check_matrix("cholesky_solve", input, square=False, what="b")
    if upper:
        return solve_triangular(L, solve_triangular(L.mH, input, upper=False), upper=True)
    return solve_triangular(L.mH, solve_triangular(L, input, upper=False), upper=True)


@float32
@public
def cholesky_inverse(L, upper=False) -> Tensor:
    """A⁻¹ from the Cholesky factor of A: see `cholesky_solve`.

    >>> import lightwell as torch
    >>> torch.cholesky_inverse(torch.tensor([[2., 0.], [1., 2.]]))
    tensor([[ 0.3125, -0.1250],
            [-0.1250,  0.2500]])
    """
    check_matrix("cholesky_inverse", L, what="L")
    return cholesky_solve(wrap(np.eye(L._a.shape[-1], dtype=L._a.dtype)), L, upper)
