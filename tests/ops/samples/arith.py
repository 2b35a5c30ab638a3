"""Samples of arithmetic."""

from tests.ops.samples import T, sample

POSITIVE = {"lo": 0.3, "hi": 2.0}

SAMPLES = [
    sample("add", lambda f, x, y: x + y, T(3, 4), T(3, 4)),
    sample("add", lambda f, x, y: f.add(x, y, alpha=2), T(3, 1), T(4)),
    sample("add", lambda f, x, y: x + y, T(), T(2, 3, transposed=True)),
    sample("add", lambda f, x: x + 3, T(3)),
    sample("add", lambda f, x, y: x + y, T(2, 2, dtype="complex128"), T(2)),
    sample("sub", lambda f, x, y: x - y, T(3, 4), T(4)),
    sample("sub", lambda f, x: x - 1.5, T(0, 3)),
    sample("rsub", lambda f, x: 2 - x, T(3, 4)),
    sample("rsub", lambda f, x, y: f.rsub(x, y, alpha=3), T(3, 1), T(4)),
    sample("mul", lambda f, x, y: x * y, T(3, 4), T(4)),
    sample("mul", lambda f, x, y: x * y, T(3, 4, transposed=True), T(3, 1)),
    sample("mul", lambda f, x: x * 2, T()),
    sample("mul", lambda f, x, y: x * y, T(2, 2, dtype="complex128"), T(2, dtype="complex128")),
    sample("mul", lambda f, x: x * x, T(3)),
    sample("div", lambda f, x, y: x / y, T(3, 4), T(4, **POSITIVE)),
    sample("reciprocal", lambda f, x: 1.5 / x, T(3, **POSITIVE)),
    sample("div", lambda f, x, y: x / y, T(3, dtype="complex128"), T(3, dtype="complex128", lo=0.5)),
    sample("pow", lambda f, x, y: x**y, T(3, 4, **POSITIVE), T(4)),
    sample("pow", lambda f, x: x**3, T(3, 4)),
    sample("pow", lambda f, x: 2.5**x, T(3)),
    sample("pow", lambda f, x: f.float_power(x, 1.5), T(3, **POSITIVE), dtypes=False),
    sample("square", lambda f, x: x**2, T(3, 4)),
    sample("square", lambda f, x: f.square(x), T(3, 4, transposed=True)),
    sample("power_half", lambda f, x: x**0.5, T(3, **POSITIVE)),
    sample("reciprocal", lambda f, x: x.reciprocal(), T(3, 4, **POSITIVE)),
    sample("neg", lambda f, x: -x, T(3, 4)),
    sample("neg", lambda f, x: -x, T(2, dtype="complex128")),
    sample("floor_divide", lambda f, x, y: x // y, T(3, 4), T(4, **POSITIVE), nondiff=True, dtypes=False),
    sample("floor_divide", lambda f, x, y: x // y, T(5, dtype="int64", lo=-9, hi=9), T(5, dtype="int64", lo=1, hi=5)),
    sample("remainder", lambda f, x, y: x % y, T(3, 4), T(4, **POSITIVE), dtypes=False),
    sample("remainder", lambda f, x, y: x % y, T(5, dtype="int64", lo=-9, hi=9), T(5, dtype="int64", lo=1, hi=5)),
    sample("fmod", lambda f, x, y: f.fmod(x, y), T(3, 4), T(4, **POSITIVE), dtypes=False),
    sample("fmod", lambda f, x: f.fmod(x, 0.7), T(3), dtypes=False),
]
