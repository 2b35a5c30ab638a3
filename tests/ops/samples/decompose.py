"""Samples of the matrix operations, the Fourier transforms and the sparse product."""

from tests.ops.samples import T, sample

C = "complex128"


def _spd(x):
    return x @ x.mH + 2 * x.new_ones(x.shape[-1]).diag()


def _signless(f, x, full=False):
    """Singular values and what of the vectors doesn't depend on their signs."""
    u, s, vh = f.linalg.svd(x, full_matrices=full)
    k = s.shape[-1]
    return s, u[..., :k] @ vh[..., :k, :], (u[..., :k] * s.unsqueeze(-2) ** 2) @ u[..., :k].mH


def _eigh(f, x, uplo="L"):
    w, v = f.linalg.eigh(x + x.mH, uplo)
    return w, (v * w.exp().unsqueeze(-2)) @ v.mH


def _sparse_extreme(f, v, x):
    s = f.sparse_coo_tensor(f.tensor([[0, 0, 1, 1, 2], [0, 3, 1, 2, 0]]), v, (4, 4)).to_sparse_csr()
    return f.sparse.mm(s, x, "amax")


def _sparse_mm(f, v, x):
    return f.sparse.mm(f.sparse_coo_tensor(f.tensor([[0, 0, 2, 2, 2], [0, 3, 1, 1, 2]]), v, (3, 4)), x)


def one(name, call, *specs, **options):
    return sample(name, call, *specs, vary=False, **{"rtol": 2e-3, **options})


SAMPLES = [
    one("linalg_det", lambda f, x: f.linalg.det(x), T(3, 3)),
    one("linalg_det", lambda f, x: f.det(x), T(2, 2, 2)),
    one("linalg_det", lambda f, x: f.det(x), T(2, 2, dtype=C)),
    one("linalg_det", lambda f, x: f.det(x @ x.mT), T(3, 2)),  # singular
    one("linalg_det", lambda f, x: f.det(x), T(0, 0), dtypes=False),
    one("linalg_slogdet", lambda f, x: f.linalg.slogdet(x), T(3, 3)),
    one("linalg_slogdet", lambda f, x: f.slogdet(x), T(2, 2, 2, transposed=True)),
    one("linalg_slogdet", lambda f, x: f.slogdet(x), T(2, 2, dtype=C)),
    one("linalg_slogdet", lambda f, x: f.logdet(_spd(x)), T(3, 3)),
    one("linalg_inv", lambda f, x: f.linalg.inv(x), T(3, 3)),
    one("linalg_inv", lambda f, x: f.inverse(x), T(2, 2, 2)),
    one("linalg_inv", lambda f, x: f.linalg.inv(x), T(2, 2, dtype=C)),
    one("linalg_inv", lambda f, x: f.linalg.inv(x), T(2, 0, 0)),
    one("linalg_solve", lambda f, a, b: f.linalg.solve(a, b), T(3, 3), T(3, 2)),
    one("linalg_solve", lambda f, a, b: f.linalg.solve(a, b), T(2, 3, 3), T(3)),
    one("linalg_solve", lambda f, a, b: f.linalg.solve(a, b, left=False), T(2, 1, 2, 2), T(3, 2, 2, dtype="float64")),
    one("linalg_solve", lambda f, a, b: f.linalg.solve(a, b), T(2, 2, dtype=C), T(2, 1, dtype=C)),
    one("linalg_solve_triangular", lambda f, a, b: f.linalg.solve_triangular(a, b, upper=True), T(3, 3, lo=1), T(3, 2)),
    one("linalg_solve_triangular", lambda f, a, b: f.linalg.solve_triangular(a, b, upper=False, unitriangular=True), T(3, 3), T(2, 3, 2)),
    one("linalg_solve_triangular", lambda f, a, b: f.linalg.solve_triangular(a, b, upper=True, left=False), T(2, 2, 2, lo=1), T(3, 2)),
    one("linalg_solve_triangular", lambda f, a, b: f.linalg.solve_triangular(a, b, upper=False), T(2, 2, lo=1, dtype=C), T(2, 2, dtype=C)),
    one("linalg_cholesky", lambda f, x: f.linalg.cholesky(_spd(x)), T(3, 3)),
    one("linalg_cholesky", lambda f, x: f.linalg.cholesky(_spd(x), upper=True), T(2, 2, 2)),
    one("linalg_cholesky", lambda f, x: f.linalg.cholesky(_spd(x)), T(2, 2, dtype=C), dtypes=False),
    one("linalg_lu_factor", lambda f, x: f.linalg.lu_factor(x).LU, T(3, 3)),
    one("linalg_lu_factor", lambda f, x: f.linalg.lu(x)[1:], T(2, 2, 3)),
    one("linalg_lu_factor", lambda f, x: f.linalg.lu(x)[1:], T(3, 2)),
    one("linalg_lu_factor", lambda f, x: f.linalg.lu(x)[1:], T(2, 2, dtype=C)),
    one("linalg_qr", lambda f, x: f.linalg.qr(x), T(3, 3)),
    one("linalg_qr", lambda f, x: f.linalg.qr(x), T(2, 3, 2)),
    one("linalg_qr", lambda f, x: f.qr(x), T(2, 3)),
    one("linalg_qr", lambda f, x: f.linalg.qr(x, mode="complete"), T(2, 3)),
    one("linalg_qr", lambda f, x: f.linalg.qr(x), T(3, 2, dtype=C)),
    one("linalg_svd", _signless, T(3, 3)),
    one("linalg_svd", _signless, T(2, 3, 2)),
    one("linalg_svd", lambda f, x: _signless(f, x, True), T(2, 3)),
    one("linalg_svd", _signless, T(2, 2, dtype=C)),
    one("linalg_svd", lambda f, x: f.linalg.matrix_norm(x, "nuc"), T(3, 2)),
    one("linalg_svdvals", lambda f, x: f.linalg.svdvals(x.detach()), T(2, 3, 2), nondiff=True),
    one("linalg_eigh", _eigh, T(3, 3)),
    one("linalg_eigh", lambda f, x: _eigh(f, x, "U"), T(2, 2, 2)),
    one("linalg_eigh", _eigh, T(2, 2, dtype=C)),
    one("linalg_eigvalsh", lambda f, x: f.linalg.eigvalsh(x.detach()), T(2, 3, 3), nondiff=True),
    one("linalg_eig", lambda f, x: f.linalg.eigvals(x).abs().sum(-1), T(3, 3)),
    one("linalg_eig", lambda f, x: f.linalg.eig(x)[1].abs().sum((-2, -1)), T(2, 2, 2)),
    one("linalg_eig", lambda f, x: f.linalg.eig(x)[1].abs().sum((-2, -1)), T(3, 3, dtype=C)),
    one("linalg_eigvals", lambda f, x: f.linalg.eigvals(x.detach()).abs().sum(-1), T(2, 3, 3), nondiff=True),
    one("linalg_pinv", lambda f, x: f.linalg.pinv(x), T(3, 2)),
    one("linalg_pinv", lambda f, x: f.linalg.pinv(x), T(2, 2, 3)),
    one("linalg_pinv", lambda f, x: f.linalg.pinv(x + x.mT, hermitian=True), T(3, 3), dtypes=False),
    one("linalg_pinv", lambda f, a, b: f.linalg.lstsq(a, b).solution, T(3, 2), T(3, 1)),
    one("linalg_pinv", lambda f, x: f.linalg.pinv(x), T(2, 3, dtype=C)),
    one("linalg_matrix_exp", lambda f, x: f.linalg.matrix_exp(x), T(3, 3), dtypes=False),  # half precision: PyTorch rounds every step
    one("linalg_matrix_exp", lambda f, x: f.matrix_exp(x * 5), T(2, 2, 2), dtypes=False),
    one("linalg_matrix_exp", lambda f, x: f.matrix_exp(x), T(2, 2, dtype=C)),
    one("fft_c2c", lambda f, x: f.fft.fft(x), T(2, 5)),
    one("fft_c2c", lambda f, x: f.fft.ifftn(x, s=(4, 2), norm="ortho"), T(3, 3, dtype=C)),
    one("fft_c2c", lambda f, x: f.fft.fft(x, n=4, dim=0, norm="forward"), T(3, 2, transposed=True)),
    one("fft_r2c", lambda f, x: f.fft.rfft(x), T(2, 5)),
    one("fft_r2c", lambda f, x: f.fft.rfftn(x, norm="ortho"), T(2, 4)),
    one("fft_r2c", lambda f, x: f.stft(x, 4, 2, window=f.ones(4, dtype=x.dtype), return_complex=True), T(10), dtypes=False),
    one("fft_c2r", lambda f, x: f.fft.irfft(x), T(2, 4, dtype=C)),
    one("fft_c2r", lambda f, x: f.fft.irfft(x, n=5, norm="forward"), T(2, 3, dtype=C)),
    one("fft_c2r", lambda f, x: f.fft.hfft(x, dim=0), T(4, 2)),
    one("sparse_mm", _sparse_mm, T(5), T(4, 2)),
    one("segment_extreme", _sparse_extreme, T(5), T(4, 2)),
    one("sparse_mm", _sparse_mm, T(5, dtype=C), T(4, 2, dtype=C)),
]
