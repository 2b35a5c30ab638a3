"""torch.linalg and its older names, against PyTorch: values, both derivatives, shapes, errors."""

import math
import pickle

import numpy as np
import pytest

import lightwell as lw
from lightwell.autograd.gradcheck import gradgradcheck
from tests.compare import positive, random, same, same_error

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:torch.* is deprecated")

both = pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
batched = pytest.mark.parametrize("batch", [(), (2,)], ids=["one", "batch"])
WIDE, TALL, SQUARE = (2, 3), (3, 2), (3, 3)


def _svd(f, x):
    u, s, vh = f.linalg.svd(x, full_matrices=False)
    return s, u.abs(), vh.abs()


def _eigh(f, x):
    w, v = f.linalg.eigh(x + x.mH)
    return w, v.abs()


def _eig(f, x):
    w, v = f.linalg.eig(x)
    return w.abs(), v.abs()


ONE = {  # functions of one square matrix
    "det": lambda f, x: f.linalg.det(x),
    "slogdet": lambda f, x: f.linalg.slogdet(x),
    "torch.slogdet": lambda f, x: f.slogdet(x),
    "inv": lambda f, x: f.linalg.inv(x),
    "inverse": lambda f, x: x.inverse(),
    "inv_ex": lambda f, x: f.linalg.inv_ex(x)[0],
    "matrix_exp": lambda f, x: f.linalg.matrix_exp(x),
    "matrix_power": lambda f, x: f.linalg.matrix_power(x, 5),
    "negative power": lambda f, x: x.matrix_power(-3),
    "power 0": lambda f, x: f.linalg.matrix_power(x, 0) + 0 * x,
    "lu": lambda f, x: f.linalg.lu(x),
    "lu_factor": lambda f, x: f.linalg.lu_factor(x)[0],
    "lu_unpack": lambda f, x: f.lu_unpack(*f.linalg.lu_factor(x)),
    "eigh": _eigh,
    "eigvalsh U": lambda f, x: f.linalg.eigvalsh(x, UPLO="U"),
    "eig": _eig,
    "eigvals": lambda f, x: f.linalg.eigvals(x).abs(),
    "cond nuc": lambda f, x: f.linalg.cond(x, "nuc"),
    "cholesky_inverse": lambda f, x: f.cholesky_inverse((x @ x.mH).tril().real + x.real * 0),
    "trace": lambda f, x: x.diagonal(dim1=-2, dim2=-1).sum(-1),
}


@both
@batched
@pytest.mark.parametrize("name", ONE)
def test_square(name, batch, is_complex):
    same(torch, ONE[name], random(*batch, *SQUARE, is_complex=is_complex))


ANY = {  # functions of one matrix
    "svd": _svd,
    "svdvals": lambda f, x: f.linalg.svdvals(x),
    "qr": lambda f, x: f.linalg.qr(x),
    "lu": lambda f, x: f.linalg.lu(x),
    "pinv": lambda f, x: f.linalg.pinv(x),
    "pinverse": lambda f, x: f.pinverse(x),
    "fro": lambda f, x: f.linalg.matrix_norm(x),
    "nuc": lambda f, x: f.linalg.matrix_norm(x, "nuc", dim=(-1, -2), keepdim=True),
    "norm 2": lambda f, x: f.linalg.matrix_norm(x, 2),
    "norm -2": lambda f, x: f.linalg.norm(x, -2, dim=(-2, -1)),
    "cond": lambda f, x: f.linalg.cond(x),
    "cond -2": lambda f, x: f.linalg.cond(x, -2),
    "vector 3": lambda f, x: f.linalg.vector_norm(x, 3, dim=-1),
    "norm": lambda f, x: f.linalg.norm(x),
    "vander": lambda f, x: f.linalg.vander(x, N=4),
}


@both
@batched
@pytest.mark.parametrize("shape", [SQUARE, TALL, WIDE], ids=["square", "tall", "wide"])
@pytest.mark.parametrize("name", ANY)
def test_rectangular(name, shape, batch, is_complex):
    same(torch, ANY[name], random(*batch, *shape, is_complex=is_complex))


@both
@pytest.mark.parametrize("order", [1, -1, math.inf, -math.inf])
def test_row_and_column_norms(order, is_complex):
    x = random(2, 3, 4, is_complex=is_complex)
    for options in ({}, {"keepdim": True}, {"dim": (0, 2)}, {"dim": (2, 1)}):
        same(torch, lambda f, x: f.linalg.matrix_norm(x, order, **options), x, second=False)
    for m in (random(3, 3, is_complex=is_complex), np.ones((2, 2))):
        same(torch, lambda f, x: f.linalg.cond(x, order), m, grad=False)


@both
@batched
def test_values_only(batch, is_complex):
    x = random(*batch, 5, 3, is_complex=is_complex)
    same(torch, lambda f, x: f.linalg.svd(x), x, grad=False)
    same(torch, lambda f, x: f.svd(x, some=False), x, grad=False)
    same(torch, lambda f, x: f.svd(x, compute_uv=False), x, grad=False)
    same(torch, lambda f, x: f.linalg.qr(x, mode="complete"), x, grad=False)
    same(torch, lambda f, x: f.linalg.qr(x, mode="r"), x, grad=False)
    same(torch, lambda f, x: f.qr(x, some=False), x, grad=False)
    same(torch, lambda f, x: f.geqrf(x), x, grad=False)
    same(torch, lambda f, x: f.linalg.matrix_rank(x @ x.mH), x, grad=False)
    same(torch, lambda f, x: f.linalg.matrix_rank(x @ x.mH, hermitian=True), x, grad=False)
    same(torch, lambda f, x: f.linalg.matrix_rank(x, atol=1.5), x, grad=False)
    same(torch, lambda f, x: f.linalg.pinv(x, rtol=0.5), x, grad=False)
    same(torch, lambda f, x: [v.abs() for v in f.linalg.eigh(x.mH @ x, "U")], x, grad=False)
    same(torch, lambda f, x: f.linalg.lu_factor_ex(x), x, grad=False)


@both
@batched
def test_cholesky(batch, is_complex):
    a = positive(3, batch, is_complex)
    same(torch, lambda f, a: f.linalg.cholesky(a), a)
    same(torch, lambda f, a: f.linalg.cholesky(a, upper=True), a)
    same(torch, lambda f, a: f.logdet(a), a)
    b = random(*batch, 3, 2, is_complex=is_complex)
    same(torch, lambda f, a, b: f.cholesky_solve(b, f.linalg.cholesky(a)), a, b)
    same(torch, lambda f, a, b: f.cholesky_solve(b, f.linalg.cholesky(a, upper=True), upper=True), a, b)


@both
@batched
def test_solvers(batch, is_complex):
    a = random(*batch, 3, 3, is_complex=is_complex)
    b = random(*batch, 3, 2, seed=1, is_complex=is_complex)
    vector = random(3, seed=2, is_complex=is_complex)
    same(torch, lambda f, a, b: f.linalg.solve(a, b), a, b)
    same(torch, lambda f, a, b: f.linalg.solve(a, b), a, b[..., 0])
    same(torch, lambda f, a, b: f.linalg.solve(a, b.mT, left=False), a, b)
    if not batch:
        same(torch, lambda f, a, b: f.linalg.solve(a, b), a, vector)
    same(torch, lambda f, a, b: f.linalg.solve(a, b), a, random(4, *[1] * len(batch), 3, 1, is_complex=is_complex))
    same(torch, lambda f, a, b: f.linalg.lu_solve(*f.linalg.lu_factor(a), b), a, b)
    same(torch, lambda f, a, b: f.linalg.lu_solve(*f.linalg.lu_factor(a), b, adjoint=True), a, b)
    same(torch, lambda f, a, b: f.linalg.lu_solve(*f.linalg.lu_factor(a), b.mT, left=False), a, b)
    same(torch, lambda f, a, b: f.triangular_solve(b, a, transpose=True), a, b)
    for upper in (True, False):
        for unit in (True, False):
            options = {"upper": upper, "unitriangular": unit}
            same(torch, lambda f, a, b: f.linalg.solve_triangular(a, b, **options), a, b)
            same(torch, lambda f, a, b: f.linalg.solve_triangular(a, b.mT, left=False, **options), a, b)
    for shape in (TALL, WIDE):
        m = a[..., : shape[0], : shape[1]]
        same(torch, lambda f, a, b: f.linalg.lstsq(a, b).solution, m, b[..., : shape[0], :])
    for driver in ("gels", "gelsy", "gelsd", "gelss"):
        same(torch, lambda f, a, b: f.linalg.lstsq(a, b, driver=driver), a[..., :2], b, grad=False)


@both
def test_reflections(is_complex):
    a, tau, c = (random(*s, is_complex=is_complex) for s in ((2, 4, 3), (2, 3), (2, 4, 2)))
    same(torch, lambda f, a, t: f.linalg.householder_product(a, t), a, tau)
    same(torch, lambda f, a, t: f.orgqr(a, t), a, tau[..., :2])
    same(torch, lambda f, a, t, c: f.ormqr(a, t, c), a, tau, c)
    same(torch, lambda f, a, t, c: f.ormqr(a, t, c.mT, left=False, transpose=True), a, tau, c)


@both
def test_indefinite_factorization(is_complex):
    a, b = random(6, 6, is_complex=is_complex), random(6, 2, is_complex=is_complex)
    for m, hermitian in ((a + a.T, False), (a + a.conj().T, True)):
        m[0, 0] = 0  # asks for a block of two
        same(torch, lambda f, m: f.linalg.ldl_factor(m, hermitian=hermitian), m, grad=False)
        same(
            torch,
            lambda f, m, b: f.linalg.ldl_solve(*f.linalg.ldl_factor(m, hermitian=hermitian), b, hermitian=hermitian),
            m,
            b,
            grad=False,
        )


@both
def test_vectors_and_tensors(is_complex):
    x, y = random(2, 3, is_complex=is_complex), random(2, 3, seed=1, is_complex=is_complex)
    same(torch, lambda f, x, y: f.linalg.cross(x, y), x, y)
    same(torch, lambda f, x, y: f.linalg.vecdot(x, y, dim=0), x, y)
    same(torch, lambda f, x, y: f.linalg.multi_dot([x, y.mT, x, y.mT[:, 0]]), x, y)
    same(torch, lambda f, x: f.linalg.tensorinv(x, ind=1), random(4, 2, 2, is_complex=is_complex))
    same(torch, lambda f, a, b: f.linalg.tensorsolve(a, b), random(2, 3, 6, is_complex=is_complex), x)
    same(torch, lambda f, x: f.linalg.diagonal(x), random(2, 3, 3, is_complex=is_complex))


def test_singular_determinants_have_derivatives():
    one = np.outer([1.0, 2.0, 3.0], [1.0, 0.0, 2.0])
    x = random(3, 3)
    x[2] = x[0] + x[1]
    for m in (one, x, np.zeros((3, 3)), np.stack([x, np.eye(3)])):
        same(torch, lambda f, x: f.linalg.det(x), m, second=False)
    assert gradgradcheck(lw.linalg.det, lw.tensor(x, requires_grad=True))


def test_equal_singular_values_leave_the_values_derivative_finite():
    x = lw.eye(3, dtype=lw.float64, requires_grad=True)
    lw.linalg.svd(x).S.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.eye(3), atol=1e-12)


@pytest.mark.parametrize("shape", [(0, 0), (2, 0, 0), (0, 3, 3)])
def test_empty(shape):
    x = np.zeros(shape)
    for f in (
        lambda f, x: f.linalg.det(x), lambda f, x: f.linalg.inv(x), lambda f, x: f.linalg.matrix_exp(x),
        lambda f, x: f.linalg.svdvals(x), lambda f, x: f.linalg.lu(x), lambda f, x: f.linalg.cholesky(x),
        lambda f, x: f.linalg.solve(x, x), lambda f, x: f.linalg.matrix_rank(x), lambda f, x: f.linalg.pinv(x),
    ):  # fmt: skip
        same(torch, f, x, grad=False)


def test_large_matrices_go_by_blocks():
    a, b = random(150, 150), random(150, 3)
    same(torch, lambda f, a: f.linalg.lu_factor(a), a, grad=False)
    same(torch, lambda f, a, b: f.linalg.solve_triangular(a + 40 * f.eye(150, dtype=f.float64), b, upper=False), a, b, grad=False)


def test_float32_stays_float32():
    x = random(3, 3, dtype="float32")
    for f in (lambda f, x: f.linalg.inv(x), lambda f, x: f.linalg.matrix_exp(x), _svd, _eig, lambda f, x: f.linalg.lu(x)):
        same(torch, f, x, second=False, tolerance=1e-4)


ERRORS = [
    lambda f: f.linalg.inv(f.zeros(2, 2)),
    lambda f: f.linalg.inv(f.stack([f.eye(2), f.zeros(2, 2)])),
    lambda f: f.inverse(f.ones(2, 3)),
    lambda f: f.linalg.inv(f.eye(2).half()),
    lambda f: f.linalg.inv(f.eye(2).long()),
    lambda f: f.linalg.inv([1]),
    lambda f: f.linalg.det(f.ones(3)),
    lambda f: f.linalg.det(f.eye(2).half()),
    lambda f: f.linalg.svd(f.eye(2).half()),
    lambda f: f.linalg.svd(f.tensor([[math.nan, 1.0], [1.0, 2.0]])),
    lambda f: f.linalg.solve(f.zeros(2, 2), f.ones(2, 2)),
    lambda f: f.linalg.solve(f.eye(2), f.ones(3, 3)),
    lambda f: f.linalg.solve(f.eye(2), f.ones(2).double()),
    lambda f: f.linalg.cholesky(-f.eye(2)),
    lambda f: f.linalg.cholesky(f.diag(f.tensor([1.0, float("nan"), 1.0]))),
    lambda f: f.linalg.cholesky(f.stack([f.eye(2), -f.eye(2)])),
    lambda f: f.linalg.cholesky_ex(-f.eye(2), check_errors=True),
    lambda f: f.linalg.qr(f.eye(2), mode="x"),
    lambda f: f.linalg.qr(f.ones(3, 2, requires_grad=True), mode="complete")[0].sum().backward(),
    lambda f: f.linalg.qr(f.ones(3, 2, requires_grad=True), mode="r")[1].sum().backward(),
    lambda f: f.linalg.eigh(f.ones(2, 3)),
    lambda f: f.linalg.eigh(f.eye(2), UPLO="X"),
    lambda f: f.linalg.eig(f.tensor([[math.nan, 1.0], [1.0, 2.0]])),
    lambda f: f.linalg.lstsq(f.ones(3, 2), f.ones(2, 2)),
    lambda f: f.linalg.lstsq(f.ones(3, 2), f.ones(3, 2), driver="x"),
    lambda f: f.linalg.lu_factor(f.zeros(2, 2)),
    lambda f: f.linalg.lu(f.eye(2), pivot=False),
    lambda f: f.linalg.cond(f.ones(2, 3), 1),
    lambda f: f.linalg.matrix_norm(f.ones(2, 3), 3),
    lambda f: f.linalg.matrix_norm(f.ones(3)),
    lambda f: f.linalg.matrix_norm(f.ones(3, 3), dim=(0, 0)),
    lambda f: f.linalg.norm(f.ones(2, 2, 2), "fro"),
    lambda f: f.linalg.vecdot(f.ones(3), f.ones(2)),
    lambda f: f.linalg.multi_dot([f.ones(2)]),
    lambda f: f.linalg.tensorinv(f.ones(2, 3), ind=1),
    lambda f: f.linalg.cross(f.ones(2), f.ones(2)),
    lambda f: f.linalg.matrix_power(f.ones(2, 3), 2),
    lambda f: f.linalg.matrix_exp(f.ones(2, 3)),
    lambda f: f.linalg.pinv(f.ones(3)),
    lambda f: f.linalg.householder_product(f.ones(2, 3), f.ones(2)),
]


@pytest.mark.parametrize("call", ERRORS, ids=range(len(ERRORS)))
def test_errors(call):
    same_error(torch, call)


def test_messages_name_the_batch_element_and_the_shape():
    assert "(Batch element 1)" in same_error(torch, ERRORS[1])
    assert "2 by 3" in same_error(torch, ERRORS[2])
    assert "leading minor of order 1" in same_error(torch, ERRORS[13])
    with pytest.raises(RuntimeError) as caught:
        lw.linalg.inv(lw.zeros(2, 2))
    assert isinstance(caught.value, lw.linalg.LinAlgError)


def test_info_instead_of_errors():
    stack = np.stack([np.eye(2), np.zeros((2, 2)), [[1.0, 2.0], [2.0, 1.0]]])
    for name, k in (("inv_ex", 1), ("cholesky_ex", 1), ("lu_factor_ex", 2), ("ldl_factor_ex", 2)):
        ours = getattr(lw.linalg, name)(lw.tensor(stack))[k]
        theirs = getattr(torch.linalg, name)(torch.from_numpy(stack))[k]
        assert ours.tolist() == theirs.tolist() and ours.dtype == lw.int32, name
    result, info = lw.linalg.solve_ex(lw.tensor(stack), lw.ones(3, 2, 1, dtype=lw.float64))
    assert info.tolist() == [0, 1, 0] and result[0].flatten().tolist() == [1, 1] and result[1].isnan().all()


def test_named_tuples_print_as_pytorchs():
    for f in (torch.linalg.svd, torch.linalg.lu, torch.linalg.slogdet, torch.linalg.eigh):
        ours = getattr(lw.linalg, f.__name__.removeprefix("linalg_"))
        assert repr(ours(lw.eye(2))) == repr(f(torch.eye(2)))
    assert repr(lw.svd(lw.eye(2))) == repr(torch.svd(torch.eye(2)))
    assert pickle.loads(pickle.dumps(lw.linalg.qr(lw.eye(2)))).R.tolist() == lw.linalg.qr(lw.eye(2)).R.tolist()


def test_every_name_of_pytorchs_is_there():
    names = {n for n in dir(torch.linalg) if not n.startswith("_") and callable(getattr(torch.linalg, n))}
    assert not names - set(dir(lw.linalg))


def test_out():
    x = lw.tensor(random(3, 3))
    out = lw.empty(3, 3, dtype=lw.float64)
    assert lw.linalg.inv(x, out=out) is out
    np.testing.assert_allclose((out @ x).numpy(), np.eye(3), atol=1e-10)


def test_low_rank():
    lw.manual_seed(0)
    a = lw.tensor(random(8, 2) @ random(2, 6))
    u, s, v = lw.svd_lowrank(a, q=3)
    np.testing.assert_allclose((u * s @ v.mT).numpy(), a.numpy(), atol=1e-9)
    u, s, v = lw.pca_lowrank(a, q=2)
    np.testing.assert_allclose((u * s @ v.mT).numpy(), (a - a.mean(0)).numpy(), atol=1e-9)
