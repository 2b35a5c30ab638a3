"""Elementary functions of kernels against long doubles (functions that NumPy lacks: against the backend's in double)."""

import math

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from lightwell.backend import numpy as NP
from lightwell.compile.emit_words import supported

from .kernels import Store, call, load, mapped, op

L = np.longdouble
pytestmark = pytest.mark.skipif(np.finfo(L).nmant < 63, reason="no long double to compare with")


@pytest.fixture(autouse=True)
def no_disk(monkeypatch):
    """Kernels of tests are compiled here and now."""
    monkeypatch.setenv("LIGHTWELL_CACHE", "")


def points(dtype):
    """Numbers of all sizes, those near the ends of functions' ranges, and the special ones."""
    rng, info = np.random.default_rng(3), np.finfo(dtype)
    words = np.int32 if dtype == np.float32 else np.int64
    any_bits = rng.integers(np.iinfo(words).min, np.iinfo(words).max, 4000, dtype=words).view(dtype)
    special = [0.0, -0.0, 1, -1, 2, 0.5, -0.5, info.tiny, -info.tiny, info.smallest_subnormal, info.max, info.min, np.inf, -np.inf, np.nan]
    ends = [88.7, 88.8, -87.4, -103.9, -104.1, 709.7, 709.9, -708.5, -745.1, -745.2, 1e22, 22.0, math.pi, math.pi / 2, 1048575.5, 1048576.5]
    uniform = [rng.uniform(-a, a, 3000) for a in (1, 1.5, 6, 100, 750)]
    with np.errstate(all="ignore"):
        parts = [
            any_bits,
            rng.standard_normal(3000),
            rng.uniform(0.9, 1.1, 3000),
            10.0 ** rng.uniform(-12, 12, 3000),
            *uniform,
            special,
            ends,
        ]
        return np.concatenate([np.asarray(p).astype(dtype) for p in parts])


def worst(got, want):
    """The largest error in units of the last place; equal infinities and NaNs are right."""
    info = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        rounded = np.asarray(want, L).astype(got.dtype)
        same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
        unit = np.spacing(np.minimum(np.abs(rounded), info.max)).astype(L)
        error = np.where(same, 0, np.abs(got.astype(L) - want) / unit)
    error = np.where(np.isnan(error), np.inf, error)
    return error.max(), np.argmax(error)


def computed(word, *xs):
    """The kernel's values of a word."""
    out = np.zeros_like(xs[0])
    arguments = [load(i, (1,), xs[0].dtype) for i in range(len(xs))]
    call(mapped(out.shape, list(range(len(xs) + 1)), [Store(len(xs), 0, (1,), op(word, *arguments))]), [*xs, out])
    return out


def check(word, exact, dtype, limit=4.0, *xs):
    """The error of a word stays below the limit."""
    xs = xs or (points(dtype),)
    with np.errstate(all="ignore"):
        want = exact(*(x.astype(L) for x in xs))
    got = computed(word, *xs)
    error, at = worst(got, want)
    assert error <= limit, f"{word}({[x[at] for x in xs]}) = {got[at]}, not {want[at]}: {error} units"


EXACT = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "sin": np.sin,
    "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "reciprocal": lambda x: 1 / x,
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("word", EXACT)
def test_functions_of_one_number(word, dtype):
    check(word, EXACT[word], dtype)


def test_erf_in_float():
    x = points(np.float32)
    with np.errstate(all="ignore"):
        wide = x.astype(np.float64)
    for word in ("erf", "erfc"):
        error, at = worst(computed(word, x), getattr(NP, word)(wide))
        assert error <= 4, (word, x[at], error)


def test_erf_in_double():
    """math.erf is exact to one unit."""
    x = points(np.float64)
    for word in ("erf", "erfc"):
        want = np.array([getattr(math, word)(v) for v in x])
        error, at = worst(computed(word, x), want)
        assert error <= 5, (word, x[at], error)


def pairs(dtype):
    """Pairs of numbers: all pairs of special ones, and others of many sizes."""
    rng = np.random.default_rng(4)
    special = np.array([0, -0.0, 1, -1, 2, 0.5, -0.5, 3, -3, 4, 5, 1e-40, -1e-40, 1e-310, 1e300, 1e38, np.inf, -np.inf, np.nan, -2, -7])
    n, count = 3000, len(special)
    size = 10.0 ** rng.uniform(-30, 30, (2, n)) * rng.choice([-1, 1], (2, n))
    x = [np.repeat(special, count), rng.uniform(0, 100, n), rng.standard_normal(n), size[0], rng.uniform(0.9, 1.1, n)]
    y = [np.tile(special, count), rng.uniform(-20, 20, n), np.rint(rng.uniform(-20, 20, n)), size[1], rng.uniform(-5000, 5000, n)]
    with np.errstate(all="ignore"):
        return np.concatenate(x).astype(dtype), np.concatenate(y).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("word", ["pow", "atan2", "hypot", "fmod", "remainder", "copysign", "maximum", "minimum", "fmax", "fmin"])
def test_functions_of_two_numbers(word, dtype):
    x, y = pairs(dtype)
    exact = {"pow": np.power, "atan2": np.arctan2}.get(word) or getattr(np, word)
    check(word, exact, dtype, 4.0, x, y)
    if word not in ("fmax", "fmin", "maximum", "minimum"):  # of 0 and -0 either may be the larger
        with np.errstate(all="ignore"):
            got, want = computed(word, x, y), exact(x, y)
        there = ~np.isnan(want)
        np.testing.assert_array_equal(np.signbit(got)[there], np.signbit(want)[there])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floor_divide(dtype):
    x, y = pairs(dtype)
    with np.errstate(all="ignore"):
        want = np.floor_divide(x, y)
    np.testing.assert_allclose(computed("floor_divide", x, y), want, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logaddexp(dtype):
    x, y = pairs(dtype)
    for word in ("logaddexp", "logaddexp2"):
        with np.errstate(all="ignore"):
            want = getattr(np, word)(x, y)
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(computed(word, x, y), want, rtol=4 * eps, atol=8 * eps)


LIKE_NUMPY = (
    "abs negative sign sgn square round floor ceil trunc relu sigmoid softplus log_sigmoid erf_gelu tanh_gelu nan_to_num entr angle sinc "
    "lgamma digamma".split()
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("word", LIKE_NUMPY)
def test_words_as_the_backend_computes_them(word, dtype):
    x = points(dtype)
    if word == "sinc":  # sin(πx) of a large x is that of another one
        x = x[np.abs(x) < 50]
    if word in ("lgamma", "digamma"):  # between poles, where both cancel, only so many digits are there
        x = x[~(np.abs(x) > 1e6)]
    if word.endswith("gelu"):
        x = x[~(np.abs(x) > 1e6)]
    with np.errstate(all="ignore"):
        want = np.asarray(getattr(NP, word)(x))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(computed(word, x), want, rtol=8 * eps, atol=16 * eps if word in ("sinc", "lgamma", "digamma", *GELU) else 0)


GELU = ("erf_gelu", "tanh_gelu")


def test_parameters():
    for dtype in (np.float32, np.float64):
        x = np.array([-30, -3, -0.5, 0, 0.1, 2, 9.9, 10.1, 30, np.inf, -np.inf, np.nan], dtype)
        out = np.zeros_like(x)
        for word, params in (
            ("softplus", (2.0, 20.0)),
            ("softplus", (0.5, 3.0)),
            ("nan_to_num", (1.5, None, -3.0)),
            ("nan_to_num", (None, 2.0, None)),
        ):
            call(mapped(x.shape, [0, 1], [Store(1, 0, (1,), op(word, load(0, (1,), dtype), *params))]), [x, out])
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(out, getattr(NP, word)(x, *params), rtol=8 * np.finfo(dtype).eps)


def test_known_exponents():
    from .kernels import const

    for dtype in (np.float32, np.float64, np.int64):
        x = np.array([-3, -1, 0, 1, 2, 5, 7], dtype)
        if dtype != np.int64:
            x = np.concatenate([x, np.array([-0.0, 0.25, np.inf, -np.inf, np.nan, 1e-3], dtype)])
        for n in (0, 1, 2, 3, 4) if dtype == np.int64 else (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 4.0, 7.0, math.inf):
            out = np.zeros_like(x)
            call(mapped(x.shape, [0, 1], [Store(1, 0, (1,), op("pow", load(0, (1,), dtype), const(n, dtype)))]), [x, out])
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(out, x ** np.asarray(n, dtype), rtol=1e-6 if dtype == np.float32 else 1e-15)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
def test_integers(dtype):
    info = np.iinfo(dtype)
    some = np.array([info.min, info.min + 1, 0, 1, 2, 3, 7, 8, info.max - 1, info.max] + ([-1, -2, -7] if info.min else [5]), dtype)
    x, y = np.repeat(some, len(some)), np.tile(some, len(some))
    two = (
        "add subtract multiply floor_divide remainder fmod maximum minimum bitwise_and bitwise_or bitwise_xor bitwise_left_shift "
        "bitwise_right_shift".split()
    )
    for word in two:
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(computed(word, x, y), getattr(NP, word)(x, y), err_msg=word)
    for word in ("negative", "abs", "square", "sign", "bitwise_invert", "relu", "floor"):
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(computed(word, x), getattr(NP, word)(x), err_msg=word)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float32, np.float64])
def test_conditions(dtype):
    some = np.array([0, 1] if dtype == np.bool_ else [0, 1, 2, 200], dtype)
    if np.dtype(dtype).kind == "f":
        some = np.concatenate([some, np.array([-0.0, -1, np.nan, np.inf, -np.inf], dtype)])
    x, y = np.repeat(some, len(some)), np.tile(some, len(some))
    a, b = load(0, (1,), dtype), load(1, (1,), dtype)
    for word in "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor".split():
        out = np.zeros(x.shape, bool)
        call(mapped(x.shape, [0, 1, 2], [Store(2, 0, (1,), op(word, a, b, dtype=bool))]), [x, y, out])
        np.testing.assert_array_equal(out, getattr(np, word)(x, y), err_msg=word)
    for word in "logical_not isnan isinf isfinite signbit".split():
        if supported(word, dtype):
            out = np.zeros(x.shape, bool)
            call(mapped(x.shape, [0, 1], [Store(1, 0, (1,), op(word, a, dtype=bool))]), [x, out])
            np.testing.assert_array_equal(out, getattr(NP, word)(x), err_msg=word)
    if dtype == np.bool_:
        for word in "add multiply maximum minimum bitwise_and bitwise_or bitwise_xor".split():
            np.testing.assert_array_equal(computed(word, x, y), getattr(np, word)(x, y), err_msg=word)


def test_what_is_supported():
    assert supported("exp", np.float32) and supported("where", bool) and supported("pow", np.int64, 2)
    assert not supported("exp", np.int64) and not supported("erfinv", np.float32) and not supported("add", np.complex64)
    assert not supported("pow", np.int64) and not supported("subtract", bool) and not supported("bitwise_and", np.float32)
