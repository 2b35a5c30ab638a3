"""Products of matrices of every form, against NumPy's."""

import itertools

import numpy as np
import pytest

from lightwell.backend import threads as setting
from lightwell.compile import gemm, native, runtime
from lightwell.compile.nest import Gemm, Side

pytest.importorskip("llvmlite")


def side(buffer, rows, cols, batch, transposed, offset=0, broadcast=False):
    """A dense matrix, or a batch of them, from `offset` on; and how many elements its buffer needs."""
    strides, size = [], rows * cols
    for e in reversed(batch):
        strides.append(0 if broadcast else size)
        size *= 1 if broadcast else e
    return Side(buffer, offset, *((1, rows) if transposed else (cols, 1)), tuple(reversed(strides))), size + offset


def product(m, n, k, ta=0, tb=0, tc=0, batch=(), add=False, dtype=np.float32, offset=0, broadcast=False):
    """A step and its three arrays; what must be overwritten is NaN before."""
    rng = np.random.default_rng(m + 10 * n + 100 * k)
    a, an = side(0, m, k, batch, ta, offset)
    b, bn = side(1, k, n, batch, tb, offset, broadcast)
    c, cn = side(2, m, n, batch, tc, offset)
    arrays = [rng.standard_normal(an).astype(dtype), rng.standard_normal(bn).astype(dtype), np.full(cn, 0.5 if add else np.nan, dtype)]
    return Gemm(a, b, c, m, n, k, np.dtype(dtype), batch, add), arrays


def execute(step, arrays, count):
    kernel = gemm.lower(step, count)
    assert kernel is not None
    slots = np.array([0, *[arrays[b].ctypes.data for b in kernel.operands], *kernel.integers], np.int64)
    entry = (native.function(kernel.key, kernel.build), slots.ctypes.data, 0 if kernel.threads else runtime.ALONE)
    runtime.Job([entry], most=count)()


def agrees(step, arrays, count):
    expected = [x.copy() for x in arrays]
    gemm.reference(step, dict(enumerate(expected)))
    execute(step, arrays, count)
    close = 2e-5 if step.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(arrays[2], expected[2], rtol=close, atol=close * max(step.k, 1) ** 0.5)
    assert np.array_equal(arrays[0], expected[0]) and np.array_equal(arrays[1], expected[1])


@pytest.fixture(autouse=True, params=[1, 2, 3])
def count(request, monkeypatch):
    old = setting.get_num_threads()
    setting.set_num_threads(request.param)
    monkeypatch.setattr(gemm, "ONE_THREAD", 0)  # divide even the smallest
    yield request.param
    setting.set_num_threads(old)


SIZES = [
    (5, 7, 3),
    (1, 9, 4),
    (9, 1, 4),
    (1, 1, 5),
    (1, 1, 1),
    (4, 4, 0),
    (0, 3, 2),
    (3, 0, 2),
    (64, 33, 17),
    (1, 300, 200),
    (300, 1, 200),
    (130, 70, 90),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m, n, k", SIZES)
def test_forms(m, n, k, dtype, count):
    for ta, tb, tc, add in itertools.product((0, 1), (0, 1), (0, 1), (False, True)):
        agrees(*product(m, n, k, ta, tb, tc, add=add, dtype=dtype), count)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m, n, k", [*SIZES, (16, 256, 784), (4, 6, 16), (8, 12, 32), (3, 17, 31), (33, 8, 47), (6, 10, 400)])
def test_rows_times_rows_without_blas(m, n, k, dtype, count, monkeypatch):
    """x·Wᵀ by the kernel of its own, whatever the size."""
    monkeypatch.setattr(gemm, "_few", lambda *sizes: True)
    for add, batch in itertools.product((False, True), ((), (3,))):
        step, arrays = product(m, n, k, 0, 1, batch=batch, add=add, dtype=dtype)
        if m > 1 and n > 1 and k > 1:
            assert gemm.lower(step, count).key.split()[2:3] == ["dots"]
        agrees(step, arrays, count)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m, n, k", [*SIZES, (32, 16, 16), (33, 17, 15), (64, 64, 32), (40, 100, 70), (5, 8, 90)])
def test_a_matrix_turned_before(m, n, k, dtype, count, monkeypatch):
    if -(-n // 16) * -(-k // 16) * 256 > gemm.MOST:
        pytest.skip("too large to be turned")
    monkeypatch.setattr(gemm, "_few", lambda *sizes: False)
    monkeypatch.setattr(gemm, "_fits", lambda *sizes: True)
    for ta, add, batch in itertools.product((0, 1), (False, True), ((), (3,))):
        step, arrays = product(m, n, k, ta, 1, batch=batch, add=add, dtype=dtype)
        if m > 1 and n > 1 and k > 1:
            assert gemm.lower(step, count).key.split()[2:3] == ["turned"]
        agrees(step, arrays, count)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m, n, k", [*SIZES, (16, 256, 784), (8, 48, 16), (17, 50, 15), (6, 95, 40)])
def test_few_rows(m, n, k, dtype, count, monkeypatch):
    monkeypatch.setattr(gemm, "_flat", lambda *sizes: True)
    for ta, add, batch in itertools.product((0, 1), (False, True), ((), (3,))):
        step, arrays = product(m, n, k, ta, 0, batch=batch, add=add, dtype=dtype)
        if m > 1 and n > 1 and k > 1:
            assert gemm.lower(step, count).key.split()[2:3] == ["outer"]
        agrees(step, arrays, count)


def test_few_rows_inside_larger_arrays(count, monkeypatch):
    """Nothing is read or written beyond the matrices."""
    monkeypatch.setattr(gemm, "_flat", lambda *sizes: True)
    rng = np.random.default_rng(0)
    x, w, out = (np.full((30, 40), np.nan, np.float32) for _ in "xwo")
    x[2:7, 3:22], w[1:20, 5:14] = rng.standard_normal((5, 19)), rng.standard_normal((19, 9))
    step = Gemm(Side(0, 83, 40, 1), Side(1, 45, 40, 1), Side(2, 124, 40, 1), 5, 9, 19, np.dtype(np.float32))
    execute(step, [x, w, out], count)
    np.testing.assert_allclose(out[3:8, 4:13], x[2:7, 3:22] @ w[1:20, 5:14], rtol=1e-5, atol=1e-5)
    out[3:8, 4:13] = np.nan
    assert np.isnan(out).all()


@pytest.mark.parametrize("few", [True, False])
def test_rows_times_rows_inside_larger_arrays(count, few, monkeypatch):
    """Nothing is read or written beyond the matrices."""
    monkeypatch.setattr(gemm, "_few", lambda *sizes: few)
    monkeypatch.setattr(gemm, "_fits", lambda *sizes: True)
    rng = np.random.default_rng(0)
    x, w, out = (np.full((12, 40), np.nan, np.float32) for _ in "xwo")
    x[2:7, 3:22], w[1:10, 5:24] = rng.standard_normal((5, 19)), rng.standard_normal((9, 19))
    step = Gemm(Side(0, 83, 40, 1), Side(1, 45, 1, 40), Side(2, 124, 40, 1), 5, 9, 19, np.dtype(np.float32))
    execute(step, [x, w, out], count)
    np.testing.assert_allclose(out[3:8, 4:13], x[2:7, 3:22] @ w[1:10, 5:24].T, rtol=1e-5, atol=1e-5)
    out[3:8, 4:13] = np.nan
    assert np.isnan(out).all()


@pytest.mark.parametrize("batch", [(1,), (2,), (3,), (8,), (2, 3), (3, 1, 2), (2, 1, 3, 2)])
def test_batches(batch, count):
    for (ta, tb), broadcast in itertools.product(((0, 0), (0, 1), (1, 0)), (False, True)):
        agrees(*product(9, 6, 5, ta, tb, batch=batch, offset=3, broadcast=broadcast), count)


def test_batch_axes_that_cannot_be_joined(count):
    # C[i, j, h, l] = A[i, h] · B[j, h]: heads lie between the rows of a matrix, as attention has them.
    batch, heads, length, size = 2, 3, 7, 4
    rng = np.random.default_rng(1)
    q, k = (rng.standard_normal((batch, length, heads, size)).astype(np.float32) for _ in "qk")
    out = np.zeros((batch, heads, length, length), np.float32)
    along = (length * heads * size, size)
    step = Gemm(
        Side(0, 0, heads * size, 1, along), Side(1, 0, 1, heads * size, along), Side(2, 0, length, 1, (heads * length * length, length * length)),
        length, length, size, np.dtype(np.float32), (batch, heads),
    )  # fmt: skip
    execute(step, [q, k, out], count)
    np.testing.assert_allclose(out, np.einsum("bihd,bjhd->bhij", q, k), rtol=1e-4, atol=1e-5)


def test_part_of_a_larger_array(count):
    whole, b = np.arange(60, dtype=np.float64).reshape(6, 10), np.arange(8, dtype=np.float64).reshape(4, 2)
    out = np.full((6, 5), -1.0)
    step = Gemm(Side(0, 13, 10, 1), Side(1, 0, 2, 1), Side(2, 6, 5, 1), 4, 2, 4, np.dtype(np.float64))
    execute(step, [whole, b, out], count)
    expected = np.full((6, 5), -1.0)
    expected[1:5, 1:3] = whole[1:5, 3:7] @ b
    np.testing.assert_array_equal(out, expected)


def test_what_blas_cannot_read_is_left_to_numpy(count):
    step, arrays = product(4, 5, 6)
    wide = np.zeros(200, np.float32)
    for a in (Side(0, 0, 12, 2), Side(0, 0, 2, 1), Side(0, 0, 0, 1)):  # spread out, overlapping, repeated rows
        assert gemm.lower(Gemm(a, step.b, step.c, 4, 5, 6, step.dtype), count) is None
    deep, _ = product(2, 2, 2, batch=(2, 2, 2, 2, 2))
    for s, way in zip((deep.a, deep.b, deep.c), ((64, 1), (1, 64), (8, 2))):
        s.batch = (4, way[0], 16, way[1], 8)
    assert gemm.lower(deep, count) is None
    out = np.zeros(20, np.float32)
    gemm.reference(Gemm(Side(0, 0, 2, 1), step.b, step.c, 4, 5, 6, step.dtype), {0: wide + 1, 1: arrays[1], 2: out})
    np.testing.assert_allclose(out.reshape(4, 5), np.ones((4, 6), np.float32) @ arrays[1].reshape(6, 5), rtol=1e-5)


def test_infinite_and_nan(count):
    step, arrays = product(6, 6, 6)
    arrays[0][7], arrays[1][3] = np.inf, np.nan
    with np.errstate(invalid="ignore"):
        expected = arrays[0].reshape(6, 6) @ arrays[1].reshape(6, 6)
    execute(step, arrays, count)
    np.testing.assert_allclose(arrays[2].reshape(6, 6), expected, rtol=1e-4)


def test_the_way_goes_by_the_sizes(count):
    def way(*form, **more):
        return (gemm.lower(product(*form, **more)[0], count).key.split() + ["blas"])[2]

    assert way(16, 256, 784, 0, 1) == "dots" and way(256, 10, 256, 0, 1) == "dots"
    assert way(64, 64, 32, 0, 1, batch=(48,)) == "turned"
    assert way(16, 256, 784) == way(16, 784, 256) == way(256, 784, 16, 1, 0) == "outer"
    assert way(256, 784, 64, 1, 0) == way(256, 256, 784, 0, 1) == way(64, 64, 32, 1, 0) == way(16, 256, 784, 1, 1) == "blas"


def test_small_products_stay_in_one_thread(count, monkeypatch):
    monkeypatch.setattr(gemm, "ONE_THREAD", 1 << 17)
    assert not gemm.lower(product(16, 10, 256)[0], count).threads
    assert gemm.lower(product(256, 256, 64)[0], count).threads == (count > 1)
