"""Products, the linalg and fft extensions against NumPy: stacks, empty matrices, broadcasting, errors."""

import numpy as np
import pytest

import lightwell.array_api as xp
from tests.array_api.test_functions import INTS, REAL, agree, data

NUMERIC = (*REAL, "complex64", "complex128")
FLOATS = ("float32", "float64", "complex64", "complex128")
la = xp.linalg


def test_products():
    for d in NUMERIC:
        for s1, s2 in (
            ((3,), (3,)),
            ((2, 3), (3,)),
            ((3,), (3, 2)),
            ((4, 2, 3), (3, 2)),
            ((1, 2, 3), (4, 3, 2)),
            ((0, 3), (3, 2)),
            ((2, 0), (0, 2)),
        ):
            a, b = data(s1, d), data(s2, d, 1)
            x, y = xp.asarray(a), xp.asarray(b)
            agree(xp.matmul(x, y), np.matmul(a, b), (d, s1, s2))
            agree(x @ y, np.matmul(a, b))
            if len(s1) <= 2 and len(s2) <= 2:
                agree(xp.tensordot(x, y, axes=1), np.tensordot(a, b, 1))
                agree(xp.tensordot(x, y, axes=0), np.tensordot(a, b, 0))
                agree(xp.tensordot(x, y, axes=([-1], [0])), np.tensordot(a, b, ([-1], [0])))
        for s1, s2 in (((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (4, 3)), ((0,), (0,))):
            a, b = data(s1, d), data(s2, d, 1)
            agree(xp.vecdot(xp.asarray(a), xp.asarray(b)), np.vecdot(a, b), (d, s1, s2))
        agree(la.outer(xp.asarray(data((2,), d)), xp.asarray(data((3,), d))), np.outer(data((2,), d), data((3,), d)))
        agree(
            la.cross(xp.asarray(data((3, 2), d)), xp.asarray(data((3, 2), d, 1)), axis=-2),
            np.cross(data((3, 2), d), data((3, 2), d, 1), axis=0),
        )
    assert xp.matmul(xp.ones((2, 2)), xp.ones((2, 2), dtype=xp.float64)).dtype is xp.float64
    assert xp.matmul(xp.ones(2, dtype=xp.uint8), xp.ones(2, dtype=xp.int8)).dtype is xp.int16


def test_errors_of_products():
    x = xp.ones((2, 3))
    for f in (
        lambda: xp.matmul(x, x), lambda: xp.matmul(x, xp.asarray(1.0)), lambda: x @ x, lambda: xp.tensordot(x, x, axes=1), lambda: xp.tensordot(x, x, axes=3),
        lambda: xp.vecdot(x, xp.ones(2)), lambda: xp.matrix_transpose(xp.ones(2)), lambda: la.outer(x, x), lambda: la.cross(xp.ones(2), xp.ones(2)),
        lambda: la.solve(x, x), lambda: la.matrix_rank(xp.ones(2)), lambda: la.matrix_norm(xp.ones(2)), lambda: la.qr(x, mode="raw"),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            f()
    with pytest.raises(TypeError):
        x @ 2


@pytest.mark.parametrize("d", FLOATS)
@pytest.mark.parametrize("shape", [(2, 2), (4, 3, 3), (0, 0), (2, 0, 0)])
def test_square(d, shape):
    a = data(shape, d)
    h = (a @ np.conj(a.swapaxes(-1, -2)) + 3 * np.eye(shape[-1])).astype(d)
    x, y = xp.asarray(a), xp.asarray(h)
    agree(la.det(x), np.linalg.det(a))
    agree(la.slogdet(y), tuple(np.linalg.slogdet(h)))
    agree(la.inv(y), np.linalg.inv(h))
    agree(la.cholesky(y), np.linalg.cholesky(h))
    agree(la.cholesky(y, upper=True), np.conj(np.linalg.cholesky(h)).swapaxes(-1, -2))
    agree(la.eigvalsh(y), np.linalg.eigvalsh(h))
    values, vectors = la.eigh(y)
    assert la.eigh(y)._fields == ("eigenvalues", "eigenvectors")
    np.testing.assert_allclose((vectors._a * values._a[..., None, :]) @ np.conj(vectors._a).swapaxes(-1, -2), h, 1e-3, 1e-4)
    for n in (-2, 0, 1, 3):
        agree(la.matrix_power(y, n), np.linalg.matrix_power(h, n))
    b = data((*shape[:-1], 2), d, 1)
    agree(la.solve(y, xp.asarray(b)), np.linalg.solve(h, b))
    v = data(shape[-1:], d, 2)
    agree(la.solve(y, xp.asarray(v)), np.linalg.solve(h, np.broadcast_to(v[:, None], (*shape[:-1], 1)))[..., 0])


def test_solve_takes_two_dimensions_for_a_matrix():
    a, b = np.stack([np.eye(3, dtype=np.float32) * k for k in (1, 2, 4)]), np.arange(9, dtype=np.float32).reshape(3, 3)
    agree(la.solve(xp.asarray(a), xp.asarray(b)), b / np.array([1, 2, 4], np.float32)[:, None, None])


@pytest.mark.parametrize("d", FLOATS)
@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (2, 3), (4, 2, 3), (0, 2), (2, 0)])
def test_any_matrix(d, shape):
    a = data(shape, d)
    x = xp.asarray(a)
    agree(la.svdvals(x), np.linalg.svdvals(a))
    for full in (False, True):
        u, s, vh = la.svd(x, full_matrices=full)
        want = np.linalg.svd(a, full_matrices=full)
        assert [m._a.shape for m in (u, s, vh)] == [m.shape for m in want]
        k = s.shape[-1]
        np.testing.assert_allclose((u._a[..., :k] * s._a[..., None, :]) @ vh._a[..., :k, :], a, 1e-4, 1e-5)
    for mode in ("reduced", "complete"):
        q, r = la.qr(x, mode=mode)
        assert [m._a.shape for m in (q, r)] == [m.shape for m in np.linalg.qr(a, mode=mode)]
        np.testing.assert_allclose(q._a @ r._a, a, 1e-4, 1e-5)
    agree(la.pinv(x), np.linalg.pinv(a))
    agree(la.pinv(x, rtol=0.5), np.linalg.pinv(a, rtol=0.5) if a.size else np.linalg.pinv(a))
    if a.size:
        agree(la.matrix_rank(x), np.linalg.matrix_rank(a))
        agree(la.matrix_rank(x, rtol=xp.full(shape[:-2], 0.9)), np.linalg.matrix_rank(a, rtol=np.full(shape[:-2], 0.9)))
    else:
        assert la.matrix_rank(x).tolist() == 0
    for ord in ("fro", "nuc", 1, 2, np.inf, -1, -2, -np.inf):
        if not a.size and ord in (-1, -2, -np.inf):
            with pytest.raises(ValueError, match="the least"):
                la.matrix_norm(x, ord=ord)
            continue
        want = np.zeros((), a.real.dtype) if not a.size else np.asarray(np.linalg.matrix_norm(a, ord=ord))
        agree(la.matrix_norm(x, ord=ord), want, ord)
        assert la.matrix_norm(x, ord=ord, keepdims=True).shape == (*shape[:-2], 1, 1)
    for ord in (0, 1, 2, -1, 3, 2.5, np.inf, -np.inf):
        for axis in (None, 0, -1, (0, 1)):
            if a.size:
                want = np.asarray(np.linalg.vector_norm(a, ord=ord, axis=axis, keepdims=True))
                agree(la.vector_norm(x, ord=ord, axis=axis, keepdims=True), want.astype(a.real.dtype), (ord, axis))
    agree(la.trace(x, offset=1), np.linalg.trace(a, offset=1))
    agree(la.diagonal(x, offset=-1), np.linalg.diagonal(a, offset=-1))
    agree(la.matrix_transpose(x), np.linalg.matrix_transpose(a))


def test_trace_of_integers():
    for d in INTS:
        assert la.trace(xp.ones((2, 2), dtype=getattr(xp, d))).dtype is (xp.uint64 if d[0] == "u" else xp.int64)
    assert la.trace(xp.ones((2, 2)), dtype=xp.float64).dtype is xp.float64


@pytest.mark.parametrize("d", FLOATS)
def test_fft(d):
    for shape in ((5,), (4, 6), (3, 1, 2)):
        a = data(shape, d)
        x = xp.asarray(a)
        names = ("fft", "ifft", "irfft", "hfft") + (("rfft", "ihfft") if d[0] == "f" else ())
        for name in names:
            for n in (None, 3, 7):
                if name in ("irfft", "hfft") and n is None and shape[-1] == 1:
                    continue
                for axis in (0, -1):
                    for norm in ("backward", "ortho", "forward"):
                        if name in ("irfft", "hfft") and n is None and shape[axis] == 1:
                            continue
                        got = getattr(xp.fft, name)(x, n=n, axis=axis, norm=norm)
                        agree(got, getattr(np.fft, name)(a, n=n, axis=axis, norm=norm), (name, n, axis, norm))
        for name in ("fftn", "ifftn", "irfftn") + (("rfftn",) if d[0] == "f" else ()):
            for options in ({"axes": (0,)}, {"s": (3,), "axes": (0,)}):
                agree(getattr(xp.fft, name)(x, **options), getattr(np.fft, name)(a, **options))
        agree(xp.fft.fftn(x), np.fft.fftn(a))
        for name in ("fftshift", "ifftshift"):
            for axes in (None, 0, (-1,)):
                agree(getattr(xp.fft, name)(x, axes=axes), getattr(np.fft, name)(a, axes=axes))
    with pytest.raises(ValueError, match="norm"):
        xp.fft.fft(x, norm="zz")
    with pytest.raises(TypeError, match="real"):
        xp.fft.rfft(xp.ones(2, dtype=xp.complex64))


def test_frequencies():
    for n in (1, 2, 5, 8):
        agree(xp.fft.fftfreq(n, d=0.5, dtype=xp.float64), np.fft.fftfreq(n, 0.5))
        agree(xp.fft.rfftfreq(n), np.fft.rfftfreq(n).astype(np.float32))
