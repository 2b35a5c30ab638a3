"""Writing to picked places in native code, against NumPy's words: every form of key, order of adding, indices outside."""

import numpy as np
import pytest

from tests.compile.words import native_and_numpy

pytest.importorskip("llvmlite")

rng = np.random.default_rng(7)
DTYPES = [np.float32, np.float64, np.int64, np.int32]


def numbers(shape, dtype=np.float32):
    """Small whole numbers: their sums are exact, whatever their order."""
    return rng.integers(-9, 10, shape).astype(dtype)


def places(n, shape, dtype=np.int64):
    """Indices into n places, negative ones among them where the dtype has them."""
    return rng.integers(-n if np.dtype(dtype).kind == "i" else 0, n, shape).astype(dtype)


def same(found):
    assert found is not None
    for got, want in zip(*found):
        np.testing.assert_array_equal(got, want)


KEYS = [
    ((11, 37), lambda: (places(11, 23),)),
    ((11, 40), lambda: (places(11, (4, 6)),)),
    ((300, 16), lambda: (places(300, 2000, np.int32),)),
    ((9,), lambda: (places(9, 50, np.uint8),)),
    ((40000,), lambda: (places(40000, 3000),)),
    ((5, 7, 33), lambda: (slice(None), places(7, 12))),
    ((12, 7, 3), lambda: (slice(None), places(7, (2, 5)), slice(0, 3, 2))),
    ((12, 7, 3), lambda: (..., places(3, 8))),
    ((4, 5, 6), lambda: (places(4, 9), places(5, 9))),
    ((4, 5, 6), lambda: (places(4, (9, 1)), places(5, (1, 7)))),
    ((4, 5, 6), lambda: (places(4, 9), slice(None, None, -1), places(6, 9))),
    ((4, 5, 6), lambda: (slice(1, 3), places(5, 3), 2)),
    ((4, 5, 6), lambda: (1, slice(None), places(6, 4))),
    ((4, 5, 6), lambda: (slice(1, 3), slice(None, None, 2), 2)),
    ((4, 5, 6), lambda: (-1,)),
    ((4, 5), lambda: (places(4, 0),)),
    ((1, 1), lambda: (np.zeros(5, np.int64),)),
    ((20, 3), lambda: (np.array(-2),)),
    ((20, 3), lambda: (np.int64(-2), slice(None, -1))),
    ((0, 3), lambda: (np.zeros(0, np.int64),)),
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_index_add(dtype):
    for shape, key in KEYS:
        key = key()
        picked = np.zeros(shape, dtype)[key].shape
        same(native_and_numpy("index_add", shape, key, numbers(picked, dtype)))


def test_index_add_of_places_that_differ():
    key, v = (rng.permutation(30)[:20],), numbers((20, 5))
    v[0] = -0.0
    got, want = native_and_numpy("index_add", (30, 5), key, v, True)
    assert got[0].tobytes() == want[0].tobytes()


def test_order_of_adding_is_numpys():
    index = rng.integers(0, 3, 400)
    for width in (48, 5, 1):
        v = (rng.standard_normal((400, width)) * 10.0 ** rng.integers(-3, 4, (400, width))).astype(np.float32)
        (got,), _ = native_and_numpy("index_add", (3, width), (index,), v)
        plain = np.zeros((3, width), np.float32)
        np.add.at(plain, index, v)
        np.testing.assert_array_equal(got, plain)


@pytest.mark.parametrize("dtype", [*DTYPES, np.bool_, np.uint8])
def test_index_set(dtype):
    for shape, key in KEYS:
        key = key()
        x = numbers(shape, dtype)
        picked = x[key].shape
        for v in (numbers(picked, dtype), numbers((), dtype), numbers(picked[-1:], dtype)):
            same(native_and_numpy("index_set", x, key, v))
    same(native_and_numpy("index_set", numbers((4, 3)), (places(4, 2),), 2.5))


@pytest.mark.parametrize("word", ["scatter_add", "scatter_set", "scatter_prod"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_along_an_axis(word, dtype):
    for shape, part, axis in [
        ((6, 35), (9, 35), 0), ((6, 35), (4, 80), 1), ((6, 35), (3, 20), 1), ((5,), (50,), 0), ((4, 5, 6), (4, 3, 6), 1),
        ((4, 5, 6), (2, 9, 3), 1), ((3, 2), (0, 2), 0), ((20000,), (500,), 0),
    ]:  # fmt: skip
        index, x = places(shape[axis], part), numbers(shape, dtype)
        v = numbers(part, dtype)
        if word == "scatter_prod":
            v = np.sign(v)
        elif axis == len(shape) - 1:
            same(native_and_numpy(word, x, index, v, -1))
        same(native_and_numpy(word, x, index, v, axis))
        same(native_and_numpy(word, x, index, numbers((), dtype), axis))


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8])
def test_extremes(largest, dtype):
    x, v, index = numbers((6, 20), dtype), numbers((9, 20), dtype), places(6, (9, 20))
    if dtype == np.float32:
        x[2, 3] = v[4, 4] = np.nan
    same(native_and_numpy("scatter_extreme", x, index, v, 0, largest))


def test_put_along_axis():
    for shape, axis in [((4, 50), 1), ((50, 4), 0), ((3, 7, 2), 1), ((9,), 0)]:
        index = np.argsort(rng.random(shape), axis=axis)
        index = np.take(index, np.arange(max(shape[axis] // 2, 1)), axis)
        same(native_and_numpy("put_along_axis", shape, index, numbers(index.shape), axis))
        one = np.take(index, [0], axis)
        same(native_and_numpy("put_along_axis", shape, one, numbers(()), axis))


def test_windows_of_any_strides():
    for shape, part, strides, offset in [
        ((10,), (8, 3), (1, 1), 0), ((30, 40), (10, 40), (80, 1), 40), ((6, 5), (2, 3), (-5, -1), 20), ((7,), (4, 3), (0, 2), 1),
        ((20000,), (100, 64), (150, 1), 7), ((3, 3), (0, 2), (1, 1), 0), ((4,), (), (), 3), ((60,), (5, 40), (3, 1), 0),
    ]:  # fmt: skip
        v = numbers(part)
        same(native_and_numpy("strided_add", shape, v, strides, offset))
        if 0 not in strides and len({offset + int(np.dot(i, strides)) for i in np.ndindex(part)}) == v.size:
            same(native_and_numpy("strided_set", numbers(shape), v, strides, offset))


def test_nothing_is_written_for_an_index_outside():
    v, x = numbers((5, 20)), numbers((4, 20))
    index = np.array([0, 4, -5, 2**40, -1])
    inside = [0, 4]
    want = np.zeros((4, 20), np.float32)
    np.add.at(want, index[inside], v[inside])
    same(native_and_numpy("index_add", (4, 20), (index,), v, reference=want))
    want = x.copy()
    want[index[inside]] = v[inside]
    same(native_and_numpy("index_set", x, (index,), v, reference=want))
    wild = np.full((30, 40), 2**62)
    same(
        native_and_numpy(
            "scatter_add", np.ones((30, 40), np.float32), wild, np.ones((30, 40), np.float32), 1, reference=np.ones((30, 40), np.float32)
        )
    )
    two = (np.array([0, 9, 1]), np.array([-9, 0, 1]))
    want = np.zeros((3, 3), np.float32)
    want[1, 1] = 3
    same(native_and_numpy("index_add", (3, 3), two, np.array([1, 2, 3], np.float32), reference=want))


def test_large_enough_for_several_threads():
    for shape, index, width in [((1000, 64), places(1000, 700), 64), ((30000, 3), places(30000, 9000), 3), ((64, 1000), None, 0)]:
        if index is not None:
            same(native_and_numpy("index_add", shape, (index,), numbers((index.size, width))))
        else:
            same(native_and_numpy("index_add", shape, (slice(None), places(1000, 300)), numbers((64, 300))))


def test_what_has_no_native_code():
    half = numbers((4, 3)).astype(np.float16)
    assert native_and_numpy("index_add", (4, 3), (places(4, 4),), half) is None
    assert native_and_numpy("index_add", (4, 3), (np.array([True, False, True, True]),), numbers((3, 3))) is None
    assert native_and_numpy("index_set", numbers((4, 3)), (places(4, 2),), numbers((2, 3), np.float64)) is None
    assert native_and_numpy("index_add", (4, 3), (None, slice(0, 2)), numbers((1, 2, 3))) is None
