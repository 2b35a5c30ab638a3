"""Elementwise functions: every dtype on special values against NumPy, and the standard's special cases where NumPy departs from them."""

import math

import numpy as np
import pytest

import lightwell.array_api as xp

INTS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS, COMPLEX = ("float32", "float64"), ("complex64", "complex128")
KINDS = {"b": ("bool",), "i": INTS, "f": FLOATS, "c": COMPLEX}
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 1.5, 2.5, -1.5, 3.0, math.inf, -math.inf, math.nan, 1e-30, -1e-30, 1e30]
UNARY = {
    "abs": "ifc", "acos": "fc", "acosh": "fc", "asin": "fc", "asinh": "fc", "atan": "fc", "atanh": "fc", "bitwise_invert": "bi",
    "ceil": "if", "conj": "c", "cos": "fc", "cosh": "fc", "exp": "fc", "expm1": "f", "floor": "if", "imag": "c", "isfinite": "ifc",
    "isinf": "ifc", "isnan": "ifc", "log": "fc", "log1p": "fc", "log2": "fc", "log10": "fc", "logical_not": "b", "negative": "ifc",
    "positive": "ifc", "real": "c", "reciprocal": "fc", "round": "ifc", "sign": "if", "signbit": "f", "sin": "fc", "sinh": "fc",
    "sqrt": "fc", "square": "ifc", "tan": "fc", "tanh": "fc", "trunc": "if",
}  # fmt: skip
BINARY = {
    "add": "ifc", "atan2": "f", "bitwise_and": "bi", "bitwise_or": "bi", "bitwise_xor": "bi", "copysign": "f", "divide": "fc",
    "equal": "bifc", "floor_divide": "i", "greater": "if", "greater_equal": "if", "hypot": "f", "less": "if", "less_equal": "if",
    "logaddexp": "f", "logical_and": "b", "logical_or": "b", "logical_xor": "b", "maximum": "if", "minimum": "if", "multiply": "ifc",
    "nextafter": "f", "not_equal": "bifc", "pow": "fc", "remainder": "if", "subtract": "ifc",
}  # fmt: skip


def values(d):
    if d == "bool":
        return np.array([True, False])
    if d in INTS:
        i = np.iinfo(d)
        return np.array([0, 1, 2, 3, 5, i.max] + ([-1, -2, -3, i.min] if i.min else []), d)
    if d in FLOATS:
        return np.array(SPECIAL, d)
    return np.array([complex(a, b) for a in SPECIAL for b in SPECIAL], d)


def agree(got, want, what=""):
    """Equal dtype, shape, values to rounding, and signs of zeros."""
    assert type(got) is xp.Array
    a, b = got._a, np.asarray(want)
    assert a.dtype == b.dtype and a.shape == b.shape, what
    if a.dtype.kind in "biu":
        assert np.array_equal(a, b), what
        return
    tol = 1e-5 if a.dtype.itemsize == 4 or a.dtype == np.complex64 else 1e-12
    for x, y in ((a.real, b.real), (a.imag, b.imag)) if a.dtype.kind == "c" else ((a, b),):
        np.testing.assert_allclose(x, y, rtol=tol, atol=0, err_msg=str(what))
        zero = y == 0
        assert np.array_equal(np.signbit(x[zero]), np.signbit(y[zero])), what


def dtypes_of(kinds):
    return [d for k in kinds for d in KINDS[k]]


@pytest.mark.parametrize("name", UNARY)
def test_one_operand(name):
    for d in dtypes_of(UNARY[name]):
        x = values(d)
        with np.errstate(all="ignore"):
            agree(getattr(xp, name)(xp.asarray(x)), getattr(np, name)(x), (name, d))


@pytest.mark.parametrize("name", BINARY)
def test_two_operands(name):
    for kind in BINARY[name]:
        for d in KINDS[kind]:
            for other in KINDS[kind]:
                if np.result_type(d, other).kind == "f" and kind == "i":
                    with pytest.raises(TypeError, match="common integer dtype"):
                        getattr(xp, name)(xp.asarray(values(d)), xp.asarray(values(other)[:1]))
                    continue
                x, y = values(d)[:, None], values(other)[None]
                if kind == "c":
                    x, y = x[::23], y[:, ::17]
                with np.errstate(all="ignore"):
                    agree(getattr(xp, name)(xp.asarray(x), xp.asarray(y)), getattr(np, name)(x, y), (name, d, other))


INF, NAN = math.inf, math.nan
CASES = {  # (x1, x2, result), as the standard lists them
    "floor_divide": [
        (INF, 2.0, INF), (INF, -2.0, -INF), (-INF, 2.0, -INF), (-INF, -2.0, INF), (INF, INF, NAN), (0.0, 0.0, NAN), (1.0, 0.0, INF),
        (-1.0, 0.0, -INF), (1.0, -0.0, -INF), (0.0, 2.0, 0.0), (-0.0, 2.0, -0.0), (0.0, -2.0, -0.0), (-0.0, -2.0, 0.0), (2.0, INF, 0.0),
        (2.0, -INF, -1.0), (-2.0, INF, -1.0), (-2.0, -INF, 0.0), (NAN, 1.0, NAN), (7.0, 2.0, 3.0), (-7.0, 2.0, -4.0),
    ],
    "remainder": [
        (INF, 2.0, NAN), (-INF, INF, NAN), (1.0, 0.0, NAN), (0.0, 2.0, 0.0), (-0.0, 2.0, 0.0), (0.0, -2.0, -0.0), (-0.0, -2.0, -0.0),
        (2.0, INF, 2.0), (2.0, -INF, -INF), (-2.0, INF, INF), (-2.0, -INF, -2.0), (4.0, 2.0, 0.0), (-4.0, 2.0, 0.0), (4.0, -2.0, -0.0),
        (5.0, -3.0, -1.0), (NAN, 1.0, NAN),
    ],
    "pow": [
        (2.0, 0.0, 1.0), (NAN, 0.0, 1.0), (NAN, -0.0, 1.0), (1.0, NAN, 1.0), (2.0, INF, INF), (0.5, INF, 0.0), (1.0, INF, 1.0),
        (-1.0, INF, 1.0), (2.0, -INF, 0.0), (0.5, -INF, INF), (INF, 2.0, INF), (INF, -2.0, 0.0), (-INF, 3.0, -INF), (-INF, 2.0, INF),
        (-INF, 0.5, INF), (-INF, -3.0, -0.0), (-INF, -2.0, 0.0), (0.0, 2.0, 0.0), (0.0, -1.0, INF), (-0.0, 3.0, -0.0), (-0.0, 0.5, 0.0),
        (-0.0, -3.0, -INF), (-0.0, -2.0, INF), (-2.0, 0.5, NAN),
    ],
    "atan2": [
        (0.0, 1.0, 0.0), (0.0, 0.0, 0.0), (0.0, -0.0, math.pi), (-0.0, -0.0, -math.pi), (-0.0, 1.0, -0.0), (1.0, 0.0, math.pi / 2),
        (1.0, INF, 0.0), (1.0, -INF, math.pi), (-1.0, INF, -0.0), (INF, 1.0, math.pi / 2), (INF, INF, math.pi / 4),
        (INF, -INF, 3 * math.pi / 4), (-INF, INF, -math.pi / 4), (-INF, -INF, -3 * math.pi / 4), (NAN, 1.0, NAN),
    ],
    "hypot": [(INF, NAN, INF), (NAN, -INF, INF), (3.0, 4.0, 5.0), (0.0, -0.0, 0.0), (NAN, 1.0, NAN)],
    "logaddexp": [(NAN, 1.0, NAN), (INF, 1.0, INF), (-INF, -INF, -INF), (-INF, 1.0, 1.0)],
    "copysign": [(3.0, -0.0, -3.0), (-3.0, 0.0, 3.0), (3.0, -NAN, -3.0 if math.copysign(1, -NAN) < 0 else 3.0)],
    "nextafter": [(0.0, 0.0, 0.0), (0.0, -0.0, -0.0), (NAN, 1.0, NAN), (0.0, 1.0, 5e-324)],
    "maximum": [(NAN, 1.0, NAN), (1.0, NAN, NAN), (INF, 1.0, INF)],
    "minimum": [(NAN, 1.0, NAN), (1.0, NAN, NAN), (-INF, 1.0, -INF)],
}  # fmt: skip
SYMBOLS = {"floor_divide": "__floordiv__", "remainder": "__mod__", "pow": "__pow__"}


@pytest.mark.parametrize("name", CASES)
def test_special_cases(name):
    for x1, x2, want in CASES[name]:
        a, b = xp.asarray(x1, dtype=xp.float64), xp.asarray(x2, dtype=xp.float64)
        agree(getattr(xp, name)(a, b), np.float64(want), (name, x1, x2))
        agree(getattr(xp, name)(a, x2), np.float64(want), (name, x1, "number", x2))
        agree(getattr(xp, name)(x1, b), np.float64(want), (name, "number", x1, x2))
        if name in SYMBOLS:
            op = SYMBOLS[name]
            agree(getattr(a, op)(x2), np.float64(want), (op, x1, x2))
            c = a + 0 if x1 else xp.positive(a)
            agree(getattr(c, op.replace("__", "__i", 1))(b), np.float64(want), ("in place", op, x1, x2))


def test_expm1_of_complex_numbers():
    def same(z, want):
        got = complex(xp.expm1(xp.asarray(z, dtype=xp.complex128)))
        for g, w in ((got.real, want.real), (got.imag, want.imag)):
            assert (g != g and w != w) or (g == w and math.copysign(1, g) == math.copysign(1, w)), (z, got)

    for z, want in (
        (complex(0, 0), complex(0, 0)), (complex(-0.0, 0), complex(0, 0)), (complex(INF, 0), complex(INF, 0)), (complex(-INF, 0), complex(-1, 0)),
        (complex(-INF, INF), complex(-1, 0)), (complex(-INF, NAN), complex(-1, 0)), (complex(INF, NAN), complex(INF, NAN)),
        (complex(1, INF), complex(NAN, NAN)), (complex(1, NAN), complex(NAN, NAN)), (complex(NAN, 0), complex(NAN, 0)),
        (complex(NAN, 1), complex(NAN, NAN)), (complex(NAN, NAN), complex(NAN, NAN)), (complex(INF, 1), complex(INF, INF)),
    ):  # fmt: skip
        same(z, want)


def test_shifts_by_any_number_of_places():
    x = xp.asarray([1, -8, 100], dtype=xp.int8)
    assert xp.bitwise_left_shift(x, 9).tolist() == [0, 0, 0]
    assert xp.bitwise_right_shift(x, 9).tolist() == [0, -1, 0] and (x >> 1).tolist() == [0, -4, 50]
    assert (xp.asarray([1], dtype=xp.uint16) << xp.asarray([15], dtype=xp.uint8)).dtype is xp.uint16


def test_clip():
    x = xp.asarray([[-3, 0, 300]], dtype=xp.int16)
    assert xp.clip(x, -1, xp.asarray([[1], [2]], dtype=xp.int16)).tolist() == [[-1, 0, 1], [-1, 0, 2]]
    assert xp.clip(x, max=10**9).tolist() == x.tolist() and xp.clip(x) is not x
    assert xp.clip(x, min=0).dtype is xp.int16
    f = xp.asarray([NAN, -INF, 2.0])
    assert str(xp.clip(f, min=-1.0, max=1.0).tolist()) == "[nan, -1.0, 1.0]"
    assert str(xp.clip(f, xp.asarray(NAN)).tolist()) == "[nan, nan, nan]"
    with pytest.raises(TypeError, match="order"):
        xp.clip(xp.ones(1, dtype=xp.complex64), 0)


def test_numbers_as_operands():
    assert xp.add(1, xp.asarray([1.5])).tolist() == [2.5]
    assert xp.subtract(xp.asarray([1], dtype=xp.uint8), 1).dtype is xp.uint8
    assert xp.multiply(xp.ones(2, dtype=xp.float64), 2j).dtype is xp.complex128
    assert xp.logical_and(xp.asarray([True]), True).tolist() == [True]
    with pytest.raises(TypeError, match="two arrays"):
        xp.add(1, 2)
    with pytest.raises(OverflowError, match="lies outside"):
        xp.add(xp.asarray([1], dtype=xp.int8), 128)
    with pytest.raises(TypeError, match="expected an array"):
        xp.exp(1.0)


def test_gradients():
    x = xp.asarray([0.5, -1.5])
    x.requires_grad = True
    y = xp.sum(xp.exp(x) * x[::-1] + xp.where(x > 0, x, 0.0) + xp.cumulative_sum(x) ** 2)
    assert isinstance(y, xp.Array)
    y.backward()
    a = np.array([0.5, -1.5])
    want = np.exp(a) * a[::-1] + np.exp(a[::-1]) + (a > 0) + np.array([2 * a[0] + 2 * (a[0] + a[1]), 2 * (a[0] + a[1])])
    np.testing.assert_allclose(x.grad.numpy(), want, rtol=1e-5)


def test_comparisons_with_integers_beyond_the_dtype():
    x = xp.asarray([1, -1], dtype=xp.int8)
    assert (x == 1000).tolist() == [False, False] and (x < 1000).tolist() == (-1000 < x).tolist() == [True, True]
    assert xp.equal(xp.asarray([1.5]), 1).tolist() == [False] and (x == "a") is False
    with pytest.raises(TypeError):
        x < "a"
    with pytest.raises(TypeError, match="two arrays"):
        xp.less(1, 2)


def test_sign_of_complex_zeros_and_nans():
    z = xp.sign(xp.asarray([complex(-0.0, -0.0), complex(NAN, 1), 3 + 4j]))
    assert math.copysign(1, z._a[0].real) == math.copysign(1, z._a[0].imag) == 1
    assert np.isnan(z._a[1].real) and np.isnan(z._a[1].imag) and abs(complex(z[2]) - (0.6 + 0.8j)) < 1e-6


@pytest.mark.parametrize("d", [xp.float32, xp.float64])
def test_arrays_that_hypothesis_makes(d):
    extra = pytest.importorskip("hypothesis.extra.array_api")
    from hypothesis import given, settings

    xps = extra.make_strategies_namespace(xp, api_version="2024.12")

    @settings(max_examples=30, deadline=None, database=None)
    @given(xps.arrays(d, xps.array_shapes(min_dims=0, min_side=0)))
    def check(x):
        assert type(x) is xp.Array and x.dtype is d
        assert bool(xp.all((x == x) ^ xp.isnan(x)))

    check()
