"""Native pooling against NumPy's: exactly the same maxima and places, NaN and infinities among them, and sums to rounding."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from lightwell.backend.windows import outputs
from lightwell.compile import convolution_parts, native, pooling

from .words import native_and_numpy

if not native.available():
    pytest.skip("no native code here", allow_module_level=True)


def check(word, *args, exact=True):
    """The native result of a word is NumPy's: to the last bit, or to rounding."""
    found = native_and_numpy(word, *args)
    assert found is not None, f"no native code for {word}"
    (got,), (wanted,) = found
    if exact:
        np.testing.assert_array_equal(got, wanted)
    else:
        tolerance = 1e-5 if wanted.dtype == np.float32 else 1e-12
        np.testing.assert_allclose(got, wanted, tolerance, tolerance)
    return wanted


def _maxima(x, kernel, stride, padding, dilation, out=None):
    out = outputs(x.shape[2:], kernel, stride, padding, dilation) if out is None else out
    rng = np.random.default_rng(9)
    # Small whole numbers: sums of them are exact in any order.
    g = rng.integers(-9, 10, (*x.shape[:2], *out)).astype(x.dtype)
    y = check("max_pool", x, kernel, stride, padding, dilation, out)
    check("max_pool_indices", x, y, kernel, stride, padding, dilation)
    check("max_pool_back", g, x, y, kernel, stride, padding, dilation)


def _sums(x, kernel, stride, padding, out=None):
    out = outputs(x.shape[2:], kernel, stride, padding, (1,) * len(kernel)) if out is None else out
    g = np.random.default_rng(9).standard_normal((*x.shape[:2], *out)).astype(x.dtype)
    check("window_sum", x, kernel, stride, padding, out, exact=False)
    check("window_spread", g, kernel, stride, padding, x.shape[2:], exact=False)


def _values(rng, shape, dtype, special):
    """Numbers with many ties; among them NaN and infinities."""
    x = rng.integers(-3, 4, shape).astype(dtype)
    if special:
        flat = x.reshape(-1)
        some = rng.integers(0, flat.size, max(3, flat.size // 15))
        flat[some] = rng.choice([np.nan, np.inf, -np.inf, -0.0], some.size)
    return x


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_random_windows(n, seed):
    rng = np.random.default_rng(10 * n + seed)
    while True:
        kernel = tuple(int(k) for k in rng.integers(1, 4, n))
        stride = tuple(int(s) for s in rng.integers(1, 5, n))
        dilation = tuple(int(d) for d in rng.choice([1, 1, 1, 2], n))
        padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
        space = tuple(int(s) for s in rng.integers(2, (90, 45, 9)[n - 1], n))
        if all(m >= 1 for m in outputs(space, kernel, stride, padding, dilation)):
            break
    x = _values(rng, (2, 3, *space), np.float64 if seed % 2 else np.float32, seed > 2)
    _maxima(x, kernel, stride, padding, dilation)
    if all(m >= 1 for m in outputs(space, kernel, stride, padding, (1,) * n)):
        _sums(rng.standard_normal((2, 3, *space)).astype(x.dtype), kernel, stride, padding)


@pytest.mark.parametrize("space", [(28, 28), (10, 10), (7, 9), (5, 36), (64, 2), (3, 67)])
@pytest.mark.parametrize("special", [False, True])
def test_side_by_side(space, special):
    rng = np.random.default_rng(3)
    _maxima(_values(rng, (3, 4, *space), np.float32, special), (2, 2), (2, 2), (0, 0), (1, 1))
    _sums(rng.standard_normal((3, 4, *space)), (2, 2), (2, 2), (0, 0))


def test_one_and_three_dimensions_side_by_side():
    rng = np.random.default_rng(4)
    _maxima(_values(rng, (2, 3, 41), np.float32, True), (2,), (2,), (0,), (1,))
    _maxima(_values(rng, (2, 3, 6, 5, 34), np.float64, True), (2, 2, 2), (2, 2, 2), (0, 0, 0), (1, 1, 1))
    _sums(rng.standard_normal((2, 3, 6, 5, 34)).astype(np.float32), (2, 2, 2), (2, 2, 2), (0, 0, 0))


def test_overlapping_windows_as_resnet_has_them():
    rng = np.random.default_rng(5)
    for special in (False, True):
        _maxima(_values(rng, (2, 5, 48, 48), np.float32, special), (3, 3), (2, 2), (1, 1), (1, 1))
    _sums(rng.standard_normal((2, 5, 17, 19)).astype(np.float32), (3, 3), (2, 2), (1, 1))
    _sums(rng.standard_normal((2, 5, 17, 19)).astype(np.float32), (5, 4), (1, 1), (2, 2))


def test_windows_beyond_the_end():
    # As ceil_mode makes them: the last window reaches over the border.
    rng = np.random.default_rng(6)
    _maxima(_values(rng, (2, 3, 9, 36), np.float32, True), (2, 2), (2, 2), (0, 0), (1, 1), out=(5, 18))
    _maxima(_values(rng, (2, 3, 9, 35), np.float32, True), (3, 2), (2, 2), (1, 0), (1, 1), out=(5, 18))
    _sums(rng.standard_normal((2, 3, 9, 35)).astype(np.float32), (2, 2), (2, 2), (0, 0), out=(5, 18))


@pytest.mark.parametrize("size", [16, 32])
def test_narrow_vectors(size, monkeypatch):
    # As processors without AVX-512 have them.
    for module in (pooling, convolution_parts):
        monkeypatch.setattr(module, "register_bytes", lambda: size)
    rng = np.random.default_rng(7)
    for dtype in (np.float32, np.float64):
        _maxima(_values(rng, (2, 3, 9, 21), dtype, True), (2, 2), (2, 2), (0, 0), (1, 1))
        _maxima(_values(rng, (2, 3, 9, 21), dtype, True), (3, 3), (2, 2), (1, 1), (1, 1))
        _sums(rng.standard_normal((2, 3, 9, 21)).astype(dtype), (2, 2), (2, 2), (0, 0))
        _sums(rng.standard_normal((2, 3, 9, 21)).astype(dtype), (3, 3), (2, 2), (1, 1))


def test_all_minus_infinity():
    x = np.full((1, 1, 6, 7), -np.inf, np.float32)
    _maxima(x, (3, 3), (2, 2), (1, 1), (1, 1))
    _maxima(x, (2, 2), (2, 2), (0, 0), (1, 1))


def test_gradients_that_are_no_numbers_reach_only_their_places():
    x = np.arange(32, dtype=np.float32).reshape(1, 1, 4, 8)
    y = x[:, :, 1::2, 1::2]
    g = np.array([[np.nan, 1, np.inf, 2], [3, -np.inf, 4, 5]], np.float32).reshape(1, 1, 2, 4)
    check("max_pool_back", g, x, y, (2, 2), (2, 2), (0, 0), (1, 1))


def test_what_is_left_to_numpy():
    x = np.ones((1, 2, 6, 6), np.int64)
    assert native_and_numpy("max_pool", x, (2, 2), (2, 2), (0, 0), (1, 1), (3, 3)) is None
    assert native_and_numpy("max_pool", np.ones((0, 2, 6, 6), np.float32), (2, 2), (2, 2), (0, 0), (1, 1), (3, 3)) is None
