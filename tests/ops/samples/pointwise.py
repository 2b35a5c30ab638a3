"""Samples of the elementwise functions, comparisons, logic, choices, complex parts and special functions."""

from tests.ops.samples import T, sample


def _one(name, *specs, call=None, **options):
    """Samples of torch.<name>(x) on several inputs."""
    function = call or (lambda f, x: getattr(f, name)(x))
    return [sample(name, function, spec, **options) for spec in specs]


def _range(lo, hi):
    return T(3, 4, lo=lo, hi=hi), T(lo=lo, hi=hi, seed=1), T(2, 3, lo=lo, hi=hi, transposed=True)


def _two(name, a, b, *more, **options):
    return [sample(name, lambda f, x, y: getattr(f, name)(x, y), *pair, **options) for pair in ((a, b), *more)]


ALL, UNIT, POSITIVE = _range(-2, 2), _range(-0.9, 0.9), _range(0.2, 3)
C = T(3, 4, dtype="complex128")
INT = T(3, 4, dtype="int64", lo=-9, hi=9)
BOOL = T(3, 4, dtype="bool")

SAMPLES = []
for _name in "exp exp2 expm1 sin cos sinh cosh tanh atan asinh sigmoid sinc erf erfc i0 deg2rad rad2deg abs angle".split():
    SAMPLES += _one(_name, *ALL)
for _name in "log log2 log10 log1p sqrt rsqrt lgamma digamma".split():
    SAMPLES += _one(_name, *POSITIVE)
for _name in "asin acos atanh erfinv".split():
    SAMPLES += _one(_name, *UNIT)
SAMPLES += _one("tan", *_range(-1, 1)) + _one("acosh", *_range(1.2, 3))
for _name in "exp log sin cos tan tanh sinh cosh sqrt abs sgn angle asin atan".split():
    SAMPLES += _one(_name, C)
SAMPLES += [
    sample("sgn", lambda f, x: f.sgn(x) + x, T(3, 4)),
    sample("real", lambda f, x: x.real * 2, C, dtypes=False),
    sample("imag", lambda f, x: x.imag * 2, C, dtypes=False),
    sample("conj", lambda f, x: x.conj() * 2, C, dtypes=False),
    sample("view_as_real", lambda f, x: f.view_as_real(x) * 2, C, dtypes=False),
    sample("view_as_complex", lambda f, x: f.view_as_complex(x) * 2, T(3, 4, 2), dtypes=False, vary=False),
]
for _name in "floor ceil trunc round sign".split():
    SAMPLES += _one(_name, *ALL)
SAMPLES += _one("frac", *ALL)
for _name in "isnan isinf isfinite signbit logical_not".split():
    SAMPLES += _one(_name, T(3, 4), T(), INT, nondiff=True)
for _name in "eq ne lt le gt ge".split():
    SAMPLES += _two(_name, T(3, 4), T(4), (INT, INT), nondiff=True)
    SAMPLES.append(sample(_name, lambda f, x, name=_name: getattr(f, name)(x, 0.5), T(3, 4), nondiff=True))
for _name in "logical_and logical_or logical_xor".split():
    SAMPLES += _two(_name, INT, T(4, dtype="int64"), (BOOL, BOOL), nondiff=True)
for _name in "bitwise_and bitwise_or bitwise_xor".split():
    SAMPLES += _two(_name, INT, INT, (BOOL, BOOL), nondiff=True, dtypes=False)
for _name in "bitwise_left_shift bitwise_right_shift".split():
    SAMPLES += _two(_name, INT, T(3, 4, dtype="int64", lo=0, hi=5), nondiff=True, dtypes=False)
SAMPLES += _one("bitwise_not", INT, BOOL, nondiff=True, dtypes=False)
for _name in "gcd lcm".split():
    SAMPLES += _two(_name, INT, T(4, dtype="int64", lo=1, hi=9), nondiff=True, dtypes=False)

for _name in "maximum minimum fmax fmin atan2 hypot copysign logaddexp logaddexp2".split():
    SAMPLES += _two(_name, T(3, 4), T(4), (T(), T()))
SAMPLES += [
    *_two("nextafter", T(3, 4), T(4), nondiff=True, dtypes=False),
    *_two("heaviside", T(3, 4), T(4), nondiff=True),
    *_two("xlogy", T(3, 4), T(4, lo=0.2, hi=3)),
    sample("xlogy", lambda f, x: f.xlogy(x, 2.0), T(3, 4)),
    sample("clamp", lambda f, x: x.clamp(-1, 0.5), T(3, 4)),
    sample("clamp", lambda f, x: x.clamp(max=0.5), T(3, 4, transposed=True)),
    sample("clamp_min", lambda f, x: f.clamp_min(x, 0.25), T(3, 4), dtypes=False),
    sample("clamp_max", lambda f, x: f.clamp_max(x, 0.25), T(3, 4), dtypes=False),
    sample("clamp_between", lambda f, x, a, b: f.clamp(x, a, b), T(3, 4), T(4, hi=0), T(3, 1, lo=0), dtypes=False),
    sample("clamp_between", lambda f, x, a: f.clamp(x, max=a), T(3, 4), T(4)),
    sample("where", lambda f, c, x, y: f.where(c, x, y), BOOL, T(3, 4), T(4)),
    sample("where", lambda f, c, x: f.where(c, x, 0.5), BOOL, T(3, 1), dtypes=False),
    sample("threshold", lambda f, x: f.threshold(x, 0.5, 2.0), T(3, 4), dtypes=False),
    sample("nan_to_num", lambda f, x: f.nan_to_num(x, nan=2.0) ** 2, T(3, 4), dtypes=False, vary=False),
    sample("frexp", lambda f, x: f.frexp(x)[0], T(3, 4), dtypes=False),
    sample("polygamma", lambda f, x: f.polygamma(2, x), T(3, 4, lo=0.5, hi=4), rtol=1e-4),
    sample("polygamma", lambda f, x: f.polygamma(1, x), T(lo=0.5, hi=4)),
    sample("logit", lambda f, x: f.logit(x), T(3, 4, lo=0.1, hi=0.9), rtol=1e-4),
    sample("logit", lambda f, x: f.logit(x, 0.2), T(3, 4, lo=0.01, hi=0.99)),
]
for _name in "ndtr erfcx i0e i1 i1e".split():
    SAMPLES.append(sample(f"special_{_name}", lambda f, x, name=_name: getattr(f.special, name)(x), T(3, 4), dtypes=False))
SAMPLES += [
    sample("special_log_ndtr", lambda f, x: f.special.log_ndtr(x), T(3, 4), dtypes=False),
    sample("special_ndtri", lambda f, x: f.special.ndtri(x), T(3, 4, lo=0.1, hi=0.9), dtypes=False),
    sample("special_entr", lambda f, x: f.special.entr(x), T(3, 4, lo=0.1, hi=2), dtypes=False),
    sample("special_xlog1py", lambda f, x, y: f.special.xlog1py(x, y), T(3, 4), T(4, lo=-0.5), dtypes=False),
    sample("special_zeta", lambda f, x, y: f.special.zeta(x, y), T(3, 4, lo=1.5, hi=4, grad=False), T(4, lo=0.5, hi=3), dtypes=False),
]
# PyTorch's own Bessel functions are good to 10⁻⁷ only, so these are compared in their ranges by tests/ops/test_special.py too.
for _name, _torch in (
    ("bessel_j0", "bessel_j0"), ("bessel_j1", "bessel_j1"), ("bessel_y0", "bessel_y0"), ("bessel_y1", "bessel_y1"),
    ("bessel_k0", "modified_bessel_k0"), ("bessel_k1", "modified_bessel_k1"),
    ("bessel_k0e", "scaled_modified_bessel_k0"), ("bessel_k1e", "scaled_modified_bessel_k1"),
):  # fmt: skip
    SAMPLES.append(
        sample(
            f"special_{_torch}", lambda f, x, name=_torch: getattr(f.special, name)(x), T(3, 4, lo=0.3, hi=4), nondiff=True, dtypes=False
        )
    )
