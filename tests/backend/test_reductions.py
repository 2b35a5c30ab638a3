"""The array reductions against NumPy's in float64, over shapes, memory orders, axes and sizes around their thresholds."""

import numpy as np
import pytest

from lightwell.backend import reductions as R

SHAPES = [
    (5,),
    (4096,),
    (70_001,),
    (1, 9000),
    (9000, 1),
    (129, 40),
    (64, 65),
    (3, 1500, 2),
    (200, 30, 3),
    (2, 2100, 1),
    (17, 16, 16, 3),
    (40_000, 2),
]
PAIRS = {
    "sum": (R.sum, np.sum),
    "mean": (R.mean, np.mean),
    "max": (R.max, np.max),
    "min": (R.min, np.min),
    "var": (R.var, np.var),
    "square_sum": (R.square_sum, lambda x, axis, keepdims: np.sum(x * x, axis=axis, keepdims=keepdims)),
    "prod": (R.prod, np.prod),
}


def layouts(x):
    """The same values in several memory orders."""
    yield x
    yield np.asfortranarray(x)
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    yield wide[..., ::2]
    yield x[::-1]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_against_numpy(name, shape):
    ours, numpys = PAIRS[name]
    rng = np.random.default_rng(len(shape))
    x = rng.random(shape, dtype=np.float32)
    if name == "prod":
        x = x * 1e-3 + 1 - 5e-4
    axes = [None, 0, -1, (0,), tuple(range(len(shape)))] + ([(0, len(shape) - 1), (1,)] if len(shape) > 2 else [])
    for a in layouts(x):
        for axis in axes:
            for keepdims in (False, True):
                want = numpys(a.astype(np.float64), axis=axis, keepdims=keepdims)
                have = ours(a, axis=axis, keepdims=keepdims)
                assert np.shape(have) == np.shape(want)
                assert have.dtype == np.float32
                np.testing.assert_allclose(have, want, rtol=1e-3 if name == "prod" else 3e-6, atol=1e-6)


def test_repeated_memory():
    x = np.broadcast_to(np.arange(5, dtype=np.float32), (3000, 5))
    np.testing.assert_allclose(R.sum(x, (0,)), 3000.0 * np.arange(5))
    np.testing.assert_allclose(R.sum(x.T, (1,), None, True)[:, 0], 3000.0 * np.arange(5))


@pytest.mark.parametrize("n", [7, R.CHUNK, R.CHUNK + 1, 3 * R.CHUNK + 5])
def test_running_sums_do_not_drift(n):
    x = np.random.default_rng(0).random(n, dtype=np.float32)
    np.testing.assert_array_equal(R.cumulative_sum(x, 0), np.cumsum(x, dtype=np.float64).astype(np.float32))
    y = x * 1e-3 + 1 - 5e-4
    np.testing.assert_allclose(R.cumulative_prod(y, 0), np.cumprod(y, dtype=np.float64).astype(np.float32), rtol=1e-6)


def test_initial_value():
    assert R.cumulative_sum(np.arange(4.0), 0, include_initial=True).tolist() == [0.0, 0.0, 1.0, 3.0, 6.0]
    assert R.cumulative_prod(np.arange(1.0, 4.0), 0, include_initial=True).tolist() == [1.0, 1.0, 2.0, 6.0]
