"""Everything but the elementwise functions against NumPy: all dtypes, 0-d, empty and broadcast shapes, every axis."""

import numpy as np
import pytest

import lightwell.array_api as xp

INTS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
REAL = (*INTS, "float32", "float64")
ALL = ("bool", *REAL, "complex64", "complex128")
SHAPES = [(), (0,), (1,), (5,), (2, 3), (3, 0), (2, 1, 4)]


def data(shape, d, seed=0):
    rng = np.random.default_rng([seed, len(shape), ALL.index(d)])
    if d == "bool":
        return np.asarray(rng.random(shape) < 0.5)
    if d in INTS:
        return np.asarray(rng.integers(0 if d[0] == "u" else -4, 6, shape), d)
    a = rng.normal(size=shape)
    return np.asarray(a + 1j * rng.normal(size=shape) if d[0] == "c" else a, d)


def agree(got, want, what=""):
    if isinstance(want, (tuple, list)):
        assert len(got) == len(want), what
        for g, w in zip(got, want):
            agree(g, w, what)
        return
    assert type(got) is xp.Array, what
    want = np.asarray(want)
    assert (got._a.dtype, got._a.shape) == (want.dtype, want.shape), (what, got._a.dtype, want.dtype, got._a.shape, want.shape)
    np.testing.assert_allclose(
        got._a, want, 1e-4 if want.dtype.itemsize == 4 or want.dtype == np.complex64 else 1e-10, 1e-6, err_msg=str(what)
    )


def axes(shape, pairs=True):
    n = len(shape)
    return [None, *range(-n, n), *([(0, 1), ()] if pairs and n > 1 else [])]


both = pytest.mark.parametrize("d", ALL)


@both
def test_reductions(d):
    for shape in SHAPES:
        a = data(shape, d)
        x = xp.asarray(a)
        names = (
            ["all", "any", "count_nonzero"] + ["sum", "prod"] * (d != "bool") + ["mean"] * (d[0] in "fc") + ["std", "var"] * (d[0] == "f")
        )
        for name in names + ["max", "min"] * (d in REAL):
            for axis in axes(shape):
                for keepdims in (False, True):
                    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning) if _empty_mean(name, a, axis) else _nothing():
                        try:
                            want = np.asarray(getattr(np, name)(a, axis=axis, keepdims=keepdims))
                        except ValueError:
                            with pytest.raises(ValueError, match="nothing to choose"):
                                getattr(xp, name)(x, axis=axis, keepdims=keepdims)
                            continue
                    want = want.astype(np.int64) if name == "count_nonzero" else want
                    agree(getattr(xp, name)(x, axis=axis, keepdims=keepdims), want, (name, shape, axis, keepdims))
    if d in INTS:
        assert xp.sum(x).dtype is xp.prod(x).dtype is (xp.uint64 if d[0] == "u" else xp.int64)
    assert xp.sum(x, dtype=xp.float64).dtype is xp.float64 if d[0] != "c" else True


class _nothing:
    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False


def _empty_mean(name, a, axis):
    ks = range(a.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return name in ("mean", "std", "var") and not all(a.shape[k] for k in ks)


def test_spread():
    a = data((4, 3), "float64")
    x = xp.asarray(a)
    agree(xp.var(x, axis=0, correction=1), a.var(0, ddof=1))
    agree(xp.std(x, correction=1.5), np.asarray(a.std(ddof=1.5)))
    assert np.isnan(xp.var(x, axis=0, correction=4)._a).all()


@both
def test_running_and_differences(d):
    for shape in SHAPES[1:]:
        a = data(shape, d)
        x = xp.asarray(a)
        for axis in axes(shape, False)[1:]:
            if d != "bool":
                for name in ("cumulative_sum", "cumulative_prod"):
                    for first in (False, True):
                        want = getattr(np, name)(a, axis=axis, include_initial=first)
                        agree(getattr(xp, name)(x, axis=axis, include_initial=first), want, (name, shape, axis))
                agree(xp.cumulative_sum(x, axis=axis, dtype=xp.complex128), np.cumulative_sum(a, axis=axis, dtype=np.complex128))
                agree(xp.diff(x, axis=axis), np.diff(a, axis=axis))
                agree(xp.diff(x, axis=axis, n=2, prepend=x, append=x), np.diff(a, axis=axis, n=2, prepend=a, append=a))
    for f in (xp.cumulative_sum, xp.cumulative_prod):
        with pytest.raises(ValueError, match="axis is needed"):
            f(xp.ones((2, 2)))


@both
def test_sorting_searching_sets(d):
    for shape in SHAPES:
        a = data(shape, d)
        x = xp.asarray(a)
        agree(xp.unique_all(x)[:1] + xp.unique_all(x)[2:], np.unique_all(a)[:1] + np.unique_all(a)[2:], shape)
        values, first, inverse, _counts = xp.unique_all(x)
        agree(values, a.ravel()[first._a])
        assert inverse.shape == x.shape
        agree(xp.unique_counts(x), np.unique_counts(a))
        agree(xp.unique_inverse(x), np.unique_inverse(a))
        agree(xp.unique_values(x), np.unique(a))
        if shape:
            agree(xp.nonzero(x), np.nonzero(a))
        if d not in REAL:
            continue
        for axis in axes(shape, False):
            if a.size and all(shape):
                agree(xp.argmax(x, axis=axis, keepdims=True), np.argmax(a, axis=axis, keepdims=True))
                agree(xp.argmin(x, axis=axis), np.argmin(a, axis=axis))
            if axis is not None:
                agree(xp.sort(x, axis=axis), np.sort(a, axis=axis))
                agree(xp.sort(x, axis=axis, descending=True), np.flip(np.sort(a, axis=axis), axis))
                agree(xp.argsort(x, axis=axis), np.argsort(a, axis=axis, stable=True))
                down = xp.argsort(x, axis=axis, descending=True)
                agree(xp.take_along_axis(x, down, axis=axis), np.flip(np.sort(a, axis=axis), axis))


def test_stability_nans_and_errors_of_searching():
    x = xp.asarray([1, 0, 1, 0, 1])
    assert xp.argsort(x, descending=True).tolist() == [0, 2, 4, 1, 3] and xp.argsort(x).tolist() == [1, 3, 0, 2, 4]
    nan = float("nan")
    values, _first, inverse, counts = xp.unique_all(xp.asarray([[nan, 1.0], [nan, 1.0]]))
    assert counts.tolist() == [2, 1, 1] and inverse.shape == (2, 2) and values.shape == (3,)
    assert xp.unique_all(x)._fields == ("values", "indices", "inverse_indices", "counts")
    assert xp.unique_counts(x)._fields == ("values", "counts") and xp.unique_inverse(x)._fields == ("values", "inverse_indices")
    for f in (xp.sort, xp.argsort, xp.argmax, xp.max):
        with pytest.raises(TypeError, match="no order"):
            f(xp.ones(2, dtype=xp.complex64))
    with pytest.raises(ValueError, match="no indices"):
        xp.nonzero(xp.asarray(1))
    with pytest.raises(ValueError, match="nothing to choose"):
        xp.argmax(xp.ones(0))


@pytest.mark.parametrize("d", REAL)
@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(d, side):
    a, v = data((6,), d), data((2, 3), d, 1)
    order = np.argsort(a)
    agree(xp.searchsorted(xp.asarray(np.sort(a)), xp.asarray(v), side=side), np.searchsorted(np.sort(a), v, side))
    got = xp.searchsorted(xp.asarray(a), xp.asarray(v), side=side, sorter=xp.asarray(order))
    agree(got, np.searchsorted(a, v, side, order))


@both
def test_manipulation(d):
    for shape in SHAPES:
        a = data(shape, d)
        x = xp.asarray(a)
        for axis in axes(shape, False):
            agree(xp.flip(x, axis=axis), np.flip(a, axis))
            agree(xp.roll(x, -2, axis=axis), np.roll(a, -2, axis))
            for n in (0, 2):
                agree(xp.repeat(x, n, axis=axis), np.repeat(a, n, axis))
            if axis is not None:
                agree(xp.unstack(x, axis=axis), np.unstack(a, axis=axis))
                agree(xp.repeat(x, xp.arange(shape[axis]), axis=axis), np.repeat(a, np.arange(shape[axis]), axis))
                agree(xp.take(x, xp.asarray([], dtype=xp.int64), axis=axis), a.take(np.empty(0, int), axis))
                if shape[axis]:
                    agree(xp.take(x, xp.asarray([0, -1, 0]), axis=axis), np.take(a, [0, -1, 0], axis))
                agree(xp.concat([x, x], axis=axis), np.concat([a, a], axis=axis))
        agree(xp.concat([x, x], axis=None), np.concat([a, a], axis=None))
        for axis in range(-len(shape) - 1, len(shape) + 1):
            agree(xp.expand_dims(x, axis), np.expand_dims(a, axis))
            agree(xp.stack([x, x], axis=axis), np.stack([a, a], axis=axis))
        for reps in ((), (2,), (2, 1, 3), (0,)):
            agree(xp.tile(x, reps), np.tile(a, reps))
        agree(xp.reshape(x, (-1,)), a.reshape(-1))
        agree(xp.reshape(x, shape[::-1], copy=True), a.reshape(shape[::-1]))
        agree(xp.broadcast_to(x, (2, *shape)), np.broadcast_to(a, (2, *shape)))
        agree(xp.permute_dims(x, tuple(range(len(shape)))[::-1]), a.transpose())
        if len(shape) > 1:
            agree(xp.moveaxis(x, (0, 1), (1, 0)), np.moveaxis(a, (0, 1), (1, 0)))
            agree(xp.roll(x, (1, -1), axis=(0, 1)), np.roll(a, (1, -1), (0, 1)))
            for k in (-1, 0, 1):
                agree(xp.tril(x, k=k), np.tril(a, k))
                agree(xp.triu(x, k=k), np.triu(a, k))
        b = data((2, 1), "int8")
        if shape in ((), (1,), (5,), (2, 3)):
            agree(xp.broadcast_arrays(x, xp.asarray(b)), np.broadcast_arrays(a, b))
    agree(xp.squeeze(xp.asarray(data((2, 1, 4), d)), 1), data((2, 1, 4), d).squeeze(1))
    agree(xp.squeeze(xp.ones((1, 2, 1)), (0, -1)), np.ones(2, np.float32))


def test_errors_of_manipulation():
    x = xp.ones((2, 3))
    for error, text, f in (
        (IndexError, "out of range", lambda: xp.expand_dims(x, 4)),
        (IndexError, "out of range", lambda: xp.concat([x, x], axis=2)),
        (ValueError, "not 1", lambda: xp.squeeze(x, 0)),
        (ValueError, "equal but for", lambda: xp.concat([x, xp.ones((2, 2))], axis=0)),
        (ValueError, "must be equal", lambda: xp.stack([x, xp.ones(2)])),
        (ValueError, "broadcast", lambda: xp.broadcast_to(x, (3, 3))),
        (ValueError, "broadcast", lambda: xp.broadcast_to(x, (3,))),
        (ValueError, "don't fill", lambda: xp.reshape(x, (4,))),
        (ValueError, "without a copy", lambda: xp.reshape(xp.permute_dims(x, (1, 0)), (6,), copy=False)),
        (ValueError, "once", lambda: xp.permute_dims(x, (0, 0))),
        (ValueError, "needed", lambda: xp.take(x, xp.asarray([0]))),
        (IndexError, "lies outside", lambda: xp.take(x, xp.asarray([2]), axis=0)),
        (ValueError, "don't fit", lambda: xp.repeat(x, xp.asarray([1, 2, 3]), axis=0)),
        (ValueError, "2 dimensions", lambda: xp.tril(xp.ones(2))),
        (ValueError, "one array", lambda: xp.concat([])),
        (IndexError, "out of range", lambda: xp.sum(x, axis=2)),
        (ValueError, "twice", lambda: xp.sum(x, axis=(0, 0))),
    ):
        with pytest.raises(error, match=text):
            f()
    assert xp.reshape(x, (3, 2), copy=False)._a.base is not None and xp.reshape(x, (3, 2), copy=True).data_ptr() != x.data_ptr()
    assert xp.concat([x, xp.ones((1, 3), dtype=xp.float64)]).dtype is xp.float64


def test_take_along_axis():
    a, i = data((3, 1, 4), "int16"), np.array([[[0, -1]], [[3, 1]], [[2, 2]]])
    agree(xp.take_along_axis(xp.asarray(a), xp.asarray(i)), np.take_along_axis(a, i, -1))
    many = np.broadcast_to(a, (3, 2, 4))
    j = np.array([[[0], [1]]])
    agree(xp.take_along_axis(xp.asarray(a), xp.asarray(j)), np.take_along_axis(many, np.broadcast_to(j, (3, 2, 1)), -1))
    with pytest.raises(IndexError, match="lies outside"):
        xp.take_along_axis(xp.asarray(a), xp.asarray(i + 4))


# ---- creation -------------------------------------------------------------------------------------------------------


def test_arange_and_linspace():
    for args in ((5,), (0,), (5, 1), (1, 6, 2), (6, 1, -2), (0, -5, -1), (-3,), (1, 10, -1)):
        agree(xp.arange(*args), np.arange(*args))
        agree(xp.arange(*args, dtype=xp.float64), np.arange(*args, dtype=np.float64))
    agree(xp.arange(1, 1.5, 0.1), np.arange(1, 1.5, 0.1, dtype=np.float32))
    agree(xp.arange(2**64 - 2, 2**64 - 1, dtype=xp.uint64), np.array([2**64 - 2], np.uint64))
    for start, stop, num in ((0, 1, 5), (0, 1, 1), (0, 1, 0), (5, -5, 4), (1, 1, 3), (0.5, 2.0, 7)):
        for endpoint in (True, False):
            agree(xp.linspace(start, stop, num, endpoint=endpoint), np.linspace(start, stop, num, endpoint=endpoint, dtype=np.float32))
    agree(xp.linspace(0, 2j, 3), np.array([0, 1j, 2j], np.complex64))
    agree(xp.linspace(0, 2**62, 3, dtype=xp.int64), np.array([0, 2**61, 2**62]))
    with pytest.raises(ValueError, match="step"):
        xp.arange(0, 1, 0)
    with pytest.raises(OverflowError, match="lies outside"):
        xp.arange(300, dtype=xp.uint8)


def test_shapes_filled():
    for shape in (3, (), (2, 0), (2, 3)):
        agree(xp.zeros(shape), np.zeros(shape, np.float32))
        agree(xp.ones(shape, dtype=xp.bool), np.ones(shape, bool))
        assert xp.empty(shape, dtype=xp.int8).shape == np.empty(shape).shape
        for value, d in ((True, "bool"), (2, "int64"), (2.5, "float32"), (1j, "complex64")):
            agree(xp.full(shape, value), np.full(shape, value, d))
            agree(xp.full(shape, value, dtype=xp.complex128), np.full(shape, value, np.complex128))
    for args in ((3,), (2, 3), (3, 2), (0,)):
        for k in (0, 1, -1, 5):
            agree(xp.eye(*args, k=k, dtype=xp.int8), np.eye(*args, k=k, dtype=np.int8))
    x = xp.asarray(data((2, 3), "int16"))
    for like in (xp.zeros_like(x), xp.ones_like(x), xp.full_like(x, 7), xp.empty_like(x)):
        assert like.dtype is xp.int16 and like.shape == (2, 3) and type(like) is xp.Array
    assert xp.full_like(x, 1.5, dtype=xp.float64).tolist() == [[1.5] * 3] * 2
    with pytest.raises(AssertionError, match="cuda"):
        xp.zeros(1, device="cuda")


def test_asarray():
    for obj, d in ((True, "bool"), (1, "int64"), (1.5, "float32"), (1j, "complex64"), ([True, 2], "int64"), ([1, 2.5], "float32"),
                   ([1, 2.5, 1j], "complex64"), ([[1], [2]], "int64"), ([], "float32"), ((1, 2), "int64")):  # fmt: skip
        agree(xp.asarray(obj), np.asarray(obj, d))
        with pytest.raises(ValueError, match="copy"):
            xp.asarray(obj, copy=False)
    a = np.arange(3)
    x = xp.asarray(a)
    a[0] = 9
    assert x.tolist() == [9, 1, 2] and xp.asarray(x) is x and xp.asarray(x, copy=False) is x
    assert xp.asarray(x, copy=True).data_ptr() != x.data_ptr()
    with pytest.raises(ValueError, match="without a copy"):
        xp.asarray(x, dtype=xp.float32, copy=False)
    for obj, d in ((-1, xp.uint8), (256, xp.uint8), (2**63, None), ([2**64], xp.uint64)):
        with pytest.raises(OverflowError, match="lies outside"):
            xp.asarray(obj, dtype=d)
    agree(xp.asarray(memoryview(bytearray(b"ab"))), np.array([97, 98], np.uint8))
    agree(xp.asarray([xp.asarray(1.0), 2]), np.array([1, 2], np.float32))
    for bad in ("a", None, {1: 2}, [["a"]]):
        with pytest.raises(TypeError):
            xp.asarray(bad)


def test_dlpack():
    a = np.arange(3.0)
    x = xp.from_dlpack(a)
    a[0] = 7
    assert type(x) is xp.Array and x.tolist() == [7, 1, 2] and xp.from_dlpack(a, copy=True).data_ptr() != x.data_ptr()
    assert np.from_dlpack(x)[0] == 7 and x.__dlpack_device__() == (1, 0) and x.__dlpack_device__()[0].name == "kDLCPU"
    for options in ({}, {"stream": None}, {"max_version": (1, 0)}, {"dl_device": (1, 0)}, {"copy": True}):
        assert "dltensor" in repr(x.__dlpack__(**options))
    with pytest.raises(BufferError, match="CPU"):
        x.__dlpack__(dl_device=(2, 0))
    with pytest.raises(AttributeError, match="__dlpack__"):
        xp.from_dlpack([1, 2])
    frozen = np.arange(2)
    frozen.flags.writeable = False
    with pytest.raises(BufferError):
        xp.from_dlpack(frozen, copy=False)


def test_meshgrid():
    parts = [np.arange(2), np.arange(3), np.arange(1)]
    for indexing in ("xy", "ij"):
        for n in (1, 2, 3):
            agree(xp.meshgrid(*map(xp.asarray, parts[:n]), indexing=indexing), list(np.meshgrid(*parts[:n], indexing=indexing)))
    assert xp.meshgrid() == []
    with pytest.raises(ValueError, match="indexing"):
        xp.meshgrid(xp.ones(1), indexing="zz")
    with pytest.raises(ValueError, match="dtype"):
        xp.meshgrid(xp.ones(1), xp.arange(2))


# ---- dtypes ---------------------------------------------------------------------------------------------------------


def test_promotion_table():
    for a in ALL:
        for b in ALL:
            da, db, want = getattr(xp, a), getattr(xp, b), np.result_type(a, b)
            kinds = {np.dtype(a).kind, np.dtype(b).kind}
            if kinds <= {"i", "u"} and want.kind == "f":
                with pytest.raises(TypeError, match="no common"):
                    xp.result_type(da, db)
                assert not xp.can_cast(da, db)
            elif kinds <= {"i", "u"} or kinds <= {"f", "c"} or kinds == {"b"}:
                assert xp.result_type(da, db) is xp.result_type(xp.ones(1, dtype=da), db) is getattr(xp, want.name)
                assert xp.can_cast(da, db) is bool(want == np.dtype(b))
                assert (xp.ones((), dtype=da) == xp.ones(2, dtype=db)).dtype is xp.bool
                if kinds != {"b"}:
                    assert (xp.ones((), dtype=da) + xp.ones(2, dtype=db)).dtype is getattr(xp, want.name)
    assert xp.result_type(xp.int8, 1000) is xp.int8 and xp.result_type(xp.float64, 1j, 2) is xp.complex128
    with pytest.raises(ValueError, match="at least one"):
        xp.result_type(1, 2.0)


def test_isdtype_finfo_iinfo_astype():
    kinds = {"bool": "b", "signed integer": "i", "unsigned integer": "u", "integral": "iu", "real floating": "f", "complex floating": "c",
             "numeric": "iufc"}  # fmt: skip
    for d in ALL:
        for kind, letters in kinds.items():
            assert xp.isdtype(getattr(xp, d), kind) is (np.dtype(d).kind in letters)
        assert xp.isdtype(getattr(xp, d), (getattr(xp, d), "bool"))
        for to in ALL:
            a = data((4,), d)
            if d[0] == "c" and to in REAL:
                with pytest.raises(TypeError, match="real"):
                    xp.astype(xp.asarray(a), getattr(xp, to))
            else:
                with np.errstate(invalid="ignore"):
                    agree(
                        xp.astype(xp.asarray(abs(a) if a.dtype.kind == "f" else a), getattr(xp, to)),
                        (abs(a) if a.dtype.kind == "f" else a).astype(to),
                    )
    with pytest.raises(ValueError, match="unknown kind"):
        xp.isdtype(xp.int8, "int")
    i, f = xp.iinfo(xp.uint16), xp.finfo(xp.ones(1, dtype=xp.complex64))
    assert (i.bits, i.min, i.max, i.dtype) == (16, 0, 65535, xp.uint16)
    n = np.finfo(np.float32)
    assert (f.bits, f.eps, f.min, f.max, f.smallest_normal, f.dtype) == (32, n.eps, n.min, n.max, n.smallest_normal, xp.float32)
    assert all(type(v) is float for v in (f.eps, f.min, f.max, f.smallest_normal))
    x = xp.ones(2)
    assert xp.astype(x, xp.float32, copy=False) is x and xp.astype(x, xp.float32).data_ptr() != x.data_ptr()


def test_where():
    c = xp.asarray([True, False])
    agree(xp.where(c, xp.asarray([1, 2], dtype=xp.int8), xp.asarray([[5]], dtype=xp.uint8)), np.array([[1, 5]], np.int16))
    assert xp.where(c, 1.5, xp.zeros(2, dtype=xp.float64)).tolist() == [1.5, 0.0]
    assert xp.where(c, xp.asarray(1.0), xp.zeros(2, dtype=xp.float64)).dtype is xp.float64
