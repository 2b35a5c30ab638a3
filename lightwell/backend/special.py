"""Special functions on NumPy arrays, without SciPy: float64 to a few units in the last place, narrower floats rounded once. Long: one function after the other.

Each function is a set of pieces: intervals with a rational approximation computed for this file
(tools/make_special_tables.py), series, and reflections (Abramowitz & Stegun, Handbook of Mathematical Functions, 1964,
and DLMF, https://dlmf.nist.gov, whose equation numbers are given). Arrays are worked through in blocks that fit the cache.
"""

import math

import numpy as np

from ..errors.teaching import TypeError
from . import special_tables as T
from .threads import parallel_rows

_BLOCK = 32768
_PI_ROOT = 1.7724538509055160273


def elementwise(kernel, float_kernel=None):
    """`kernel`, a function of 1-D float64 arrays that returns a new one, as a function of arrays of any real dtype.

    Integers are computed as float64; narrower floats in float64 and rounded once, or float32 by `float_kernel`.
    """

    def call(*args):
        arrays = [np.asarray(a) for a in args]
        if any(a.dtype.kind == "c" for a in arrays):
            raise TypeError(f"ufunc {kernel.__name__.strip('_')} is not defined for complex numbers")
        floats = [a.dtype for a, given in zip(arrays, args) if a.dtype.kind not in "iub" and hasattr(given, "dtype")]
        dtype = floats[0] if floats else np.dtype(np.float64)
        for other in floats[1:]:
            dtype = dtype if other == dtype else np.promote_types(dtype, other)
        if len(arrays) > 1:
            arrays = np.broadcast_arrays(*arrays)
        shape = arrays[0].shape
        out = np.empty(shape, dtype)
        flat, parts = out.reshape(-1), [a.reshape(-1) for a in arrays]
        use, work = (float_kernel, np.float32) if float_kernel and dtype.itemsize < 8 else (kernel, np.float64)

        def rows(start, stop):
            with np.errstate(all="ignore"):
                for i in range(start, stop, _BLOCK):
                    j = min(i + _BLOCK, stop)
                    flat[i:j] = use(*[p[i:j].astype(work) for p in parts])

        parallel_rows(rows, flat.size, 2 * _BLOCK)
        return out

    call.__name__ = call.__qualname__ = kernel.__name__.strip("_")
    call.__doc__ = kernel.__doc__
    return call


def _ratio(table, x):
    """The rational approximation of `table` at x."""
    base, width, p, q = table
    s = (x - base) * (1 / width)
    top, bottom = s * p[-1], s * q[-1]
    for c in p[-2:0:-1]:
        top += c
        top *= s
    for c in q[-2:0:-1]:
        bottom += c
        bottom *= s
    top += p[0]
    bottom += q[0]
    top /= bottom
    return top


def _pieces(x, *cases, fill=np.nan):
    """An array that takes, where each case's mask first holds, that case's function of the values there."""
    out = np.full(x.shape, fill, x.dtype)
    left = None
    for mask, f in cases:
        if left is not None:
            mask = mask & left
        n = np.count_nonzero(mask)
        if n == x.size:
            return f(x)
        if n:
            out[mask] = f(x[mask])
        left = ~mask if left is None else left & ~mask
    return out


# ---- the error function and its kin ---------------------------------------------------------------------------------


def _exp_minus_square(x):
    """exp(-x²), with the rounding error of x² put back: x = h + l, h exact in 26 bits."""
    h = x * 134217729.0
    h = h - (h - x)
    return np.exp(-h * h) * np.exp(-(x - h) * (x + h))


def _erfcx_positive(x):
    """exp(x²)·erfc(x) for x ≥ 1/2."""
    return _pieces(x, (x < 4, lambda x: _ratio(T.ERFCX_MID, x)), (x >= 4, lambda x: _ratio(T.ERFCX_LARGE, (1 / x) ** 2) / x))


def _erfc_positive(x):
    """erfc(x) for x ≥ 1/2."""
    x = np.minimum(x, 27.5)
    return _exp_minus_square(x) * _erfcx_positive(x)


def _erf_small(x):
    return x * _ratio(T.ERF_SMALL, x * x)


def _erf(x):
    """2/√π ∫₀ˣ exp(-t²) dt (DLMF 7.2.1)."""
    return _pieces(
        x,
        (np.abs(x) <= 0.5, _erf_small),
        (x == x, lambda x: np.copysign(1 - _erfc_positive(np.minimum(np.abs(x), 6)), x)),
    )


def _erf_float(x):
    """erf in float32: one rational function of x², exact to half a unit before rounding."""
    x = np.clip(x, np.float32(-4), np.float32(4))
    return x * _ratio(T.ERF_FLOAT, x * x)


def _erfc(x):
    """1 - erf(x), without cancellation (DLMF 7.2.2)."""
    return _pieces(
        x,
        (x > 0.5, _erfc_positive),
        (x >= -0.5, lambda x: 1 - _erf_small(x)),
        (x < -0.5, lambda x: 2 - _erfc_positive(-x)),
    )


def _erfcx(x):
    """exp(x²)·erfc(x), which for large x goes as 1/(x√π)."""
    return _pieces(
        x,
        (x > 0.5, lambda x: np.where(x > 1e8, 1 / (_PI_ROOT * x), _erfcx_positive(np.minimum(x, 1e8)))),
        (x >= -0.5, lambda x: np.exp(x * x) * (1 - _erf_small(x))),
        (x < -0.5, lambda x: (2 - _erfc_positive(-x)) / _exp_minus_square(np.maximum(x, -27))),
    )


def _erfinv_start(w):
    """A first guess of |erfinv(y)| from w = -log(1 - y²) (Winitzki's formula, relative error 2·10⁻³)."""
    a = 0.147
    b = 2 / (np.pi * a) - w / 2
    return np.sqrt(np.maximum(np.sqrt(b * b + w / a) - b, 0))


def _erfcinv_tail(q):
    """x ≥ 0 with erfc(x) = q for 0 < q ≤ 1/2: Halley's method on log erfc."""
    x = _erfinv_start(-np.log(q * (2 - q)))
    for _ in range(3):
        # erfc' = -2/√π exp(-x²); r = (erfc(x) - q)/erfc'(x) computed through erfcx so that nothing underflows.
        e = _erfcx(x)
        r = -(e - q / _exp_minus_square(x)) * (_PI_ROOT / 2)
        big = x > 25
        if big.any():  # there q itself is near the smallest numbers: compare logarithms
            r = np.where(big, -(np.log(e) - x * x - np.log(q)) * e * (_PI_ROOT / 2), r)
        x = x - r / (1 + x * r)
    return x


def _erfinv_body(y):
    """erfinv(y) for |y| ≤ 1/2: Halley's method on erf."""
    x = np.copysign(_erfinv_start(-np.log1p(-y * y)), y)
    x = np.where(np.abs(y) < 1e-4, y * (_PI_ROOT / 2), x)
    for _ in range(3):
        r = (_erf(x) - y) * np.exp(x * x) * (_PI_ROOT / 2)
        x = x - r / (1 + x * r)
    return x


def _erfinv(y):
    """The inverse of erf: ±∞ at ±1, nan outside (DLMF 7.17)."""
    a = np.abs(y)
    return _pieces(
        y,
        (a <= 0.5, _erfinv_body),
        (a < 1, lambda y: np.copysign(_erfcinv_tail(1 - np.abs(y)), y)),
        (a == 1, lambda y: np.copysign(np.inf, y)),
    )


def _erfcinv(q):
    """The inverse of erfc on (0, 2)."""
    return _pieces(
        q,
        ((q > 0) & (q < 0.5), _erfcinv_tail),
        ((q >= 0.5) & (q <= 1.5), lambda q: _erfinv_body(1 - q)),
        ((q > 1.5) & (q < 2), lambda q: -_erfcinv_tail(2 - q)),
        (q == 0, lambda q: q + np.inf),
        (q == 2, lambda q: q - np.inf),
    )


_HALF_ROOT = 0.70710678118654752440


def _ndtr_left(x):
    """Φ(x) for x < -1: exp(-x²/2)·erfcx(-x/√2)/2, with the rounding of x²/2 put back."""
    x = np.maximum(x, -40.0)
    h = x * 134217729.0
    h = h - (h - x)
    return np.exp(-h * h / 2) * np.exp(-(x - h) * (x + h) / 2) * _erfcx(-x * _HALF_ROOT) * 0.5


def _ndtr(x):
    """Φ(x), the standard normal distribution function: erfc(-x/√2)/2."""
    return _pieces(x, (x < -1, _ndtr_left), (x == x, lambda x: 0.5 * _erfc(-x * _HALF_ROOT)))


def _ndtri(p):
    """The inverse of Φ: -√2·erfcinv(2p)."""
    return 0.0 - _erfcinv(2 * p) / _HALF_ROOT


def _log_ndtr(x):
    """log Φ(x), also where Φ(x) underflows."""
    return _pieces(
        x,
        (x < -1, lambda x: np.log(_erfcx(-x * _HALF_ROOT) / 2) - x * x / 2),
        (x == x, lambda x: np.log1p(-_ndtr(-x))),
    )


# ---- the gamma function and its kin ---------------------------------------------------------------------------------

_STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400]  # B₂ₖ/(2k(2k-1))
_PSI_TAIL = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160]  # B₂ₖ/(2k)


def _series(coefficients, u):
    total = np.full(u.shape, coefficients[-1])
    for c in coefficients[-2::-1]:
        total *= u
        total += c
    return total


def _lgamma_large(x):
    """Stirling's series (DLMF 5.11.1) for x ≥ 8."""
    return np.where(np.isinf(x), x, (x - 0.5) * (np.log(x) - 1) + 0.41893853320467274178 + _series(_STIRLING, (1 / x) ** 2) / x)


def _lgamma_positive(x):
    return _pieces(
        x,
        (x >= 8, _lgamma_large),
        (x > 2.75, lambda x: _ratio(T.LGAMMA_3, x)),
        (x > 1.5, lambda x: _ratio(T.LGAMMA_2, x) * (x - 2)),
        (x >= 0.5, lambda x: _ratio(T.LGAMMA_1, x) * (x - 1) + 0.0),  # + 0.0: no -0 at 1
        (x > 0, lambda x: _ratio(T.LGAMMA_1, x + 1) * x - np.log(x)),
        (x == 0, lambda x: np.full(x.shape, np.inf)),
    )


def _sin_pi(x):
    """sin πx with the integer part taken off first."""
    r = x - 2 * np.round(x / 2)
    r = np.where(r > 0.5, 1 - r, np.where(r < -0.5, -1 - r, r))
    return np.sin(np.pi * r)


def _lgamma(x):
    """log |Γ(x)|: rational pieces below 8, Stirling's series above, reflection (DLMF 5.5.3) below 0."""

    def reflected(x):
        s = np.abs(_sin_pi(x))
        return np.where(np.isinf(x) | (s == 0), np.inf, np.log(np.pi / (s * -x)) - _lgamma_positive(-x))

    return _pieces(x, (x >= 0, _lgamma_positive), (x < 0, reflected))


def _digamma_positive(x):
    head, tail = T.DIGAMMA_ROOT
    return _pieces(
        x,
        (x >= 10, lambda x: np.log(x) - 0.5 / x - _series(_PSI_TAIL, (1 / x) ** 2) / x / x),
        (x > 3, lambda x: _ratio(T.DIGAMMA_2, x)),
        (x >= 1, lambda x: _ratio(T.DIGAMMA_1, x) * ((x - head) - tail)),
        (x > 0, lambda x: _ratio(T.DIGAMMA_1, x + 1) * ((x + (1 - head)) - tail) - 1 / x),
        (x == 0, lambda x: np.copysign(np.inf, -x)),
    )


def _digamma(x):
    """ψ(x) = d log Γ(x)/dx; ψ(1-x) - ψ(x) = π cot πx below 0 (DLMF 5.5.4), nan at negative integers."""

    def reflected(x):
        r = x - np.round(x)
        at_pole = r == 0
        r = np.where(at_pole, 0.25, r)
        return np.where(at_pole, np.nan, _digamma_positive(1 - x) - np.pi / np.tan(np.pi * r))

    return _pieces(x, (x >= 0, _digamma_positive), (x < 0, reflected))


_BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330]


def _zeta(s, q):
    """Hurwitz's ζ(s, q) = Σ (k+q)⁻ˢ, by the Euler-Maclaurin formula from k + q ≥ 10 on (DLMF 25.11.43)."""
    total = np.zeros(s.shape)
    bad = (s < 1) | ((q <= 0) & (s != np.floor(s)))
    pole = (s == 1) | ((q <= 0) & (q == np.floor(q)))
    a = np.where(bad | pole, 10.0, q)
    while True:
        low = a < 10
        if not low.any():
            break
        term = np.where(low, np.power(np.where(low, a, 10.0), -s), 0)
        total += term
        a = np.where(low, a + 1, a)
    p = np.power(a, -s)
    total += p * a / np.where(s == 1, 1, s - 1) + 0.5 * p
    factor, p = s.copy(), p / a
    fact = 2.0
    for k, b in enumerate(_BERNOULLI, 1):
        total += factor * p * (b / fact)
        factor *= (s + 2 * k - 1) * (s + 2 * k)
        p = p / (a * a)
        fact *= (2 * k + 1) * (2 * k + 2)
    total = np.where(np.isinf(q) & (q > 0), 0.0, total)
    return np.where(np.isnan(s) | np.isnan(q), np.nan, np.where(pole & ~(s < 1), np.inf, np.where(bad, np.nan, total)))


def _trigamma(x):
    """ψ′(x); ψ′(1-x) + ψ′(x) = (π/sin πx)² below 1/2 (DLMF 5.15.6)."""
    flip = x < 0.5
    z = np.where(flip, 1 - x, x)
    v = _zeta(np.full(x.shape, 2.0), z)
    return np.where(flip, (np.pi / _sin_pi(np.where(flip, x, 0.25))) ** 2 - v, v)


# ---- Bessel functions -----------------------------------------------------------------------------------------------


def _even(small, middle, huge):
    """exp(-|x|)·I(|x|) pieces: a rational function of x² up to 8, of 1/x beyond."""

    def pieces(x):
        return _pieces(
            x,
            (x <= 8, small),
            (x <= 40, lambda x: _ratio(middle, 1 / x) / np.sqrt(x)),
            (x > 40, lambda x: _ratio(huge, 1 / x) / np.sqrt(x)),
        )

    return pieces


_i0e_positive = _even(lambda x: np.exp(-x) * _ratio(T.I0_SMALL, x * x), T.I0_LARGE, T.I0_HUGE)
_i1e_positive = _even(lambda x: np.exp(-x) * x * _ratio(T.I1_SMALL, x * x), T.I1_LARGE, T.I1_HUGE)


def _times_exp(v, a):
    """v·exp(a), overflowing only where the product does."""
    h = np.exp(a / 2)
    return v * h * h


def _i0e(x):
    """exp(-|x|)·I₀(x)."""
    return np.where(np.isinf(x), 0.0, _i0e_positive(np.abs(x)))


def _i0(x):
    """I₀(x), the modified Bessel function of the first kind (DLMF 10.25.2)."""
    a = np.abs(x)
    return _pieces(
        a, (a <= 8, lambda a: _ratio(T.I0_SMALL, a * a)), (a == np.inf, lambda a: a), (a > 8, lambda a: _times_exp(_i0e_positive(a), a))
    )


def _i1e(x):
    """exp(-|x|)·I₁(x)."""
    return np.copysign(np.where(np.isinf(x), 0.0, _i1e_positive(np.abs(x))), x)


def _i1(x):
    """I₁(x) = I₀′(x)."""
    a = np.abs(x)
    v = _pieces(
        a, (a <= 8, lambda a: a * _ratio(T.I1_SMALL, a * a)), (a == np.inf, lambda a: a), (a > 8, lambda a: _times_exp(_i1e_positive(a), a))
    )
    return np.copysign(v, x)


def _by_phase(p, q, nu, which):
    """J or Y for x > 8 as √(2/πx)·(P cos χ ∓ Q sin χ), χ = x - (2ν+1)π/4 (DLMF 10.17)."""

    def f(x):
        u = (8 / x) ** 2
        a, b = _ratio(p, u), _ratio(q, u) * (8 / x)
        s, c = np.sin(x), np.cos(x)
        # cos χ and sin χ from sin x and cos x: no rounding of x - π/4.
        cos_chi, sin_chi = ((c + s), (s - c)) if nu == 0 else ((s - c), -(s + c))
        v = a * cos_chi - b * sin_chi if which == "J" else a * sin_chi + b * cos_chi
        return np.where(np.isinf(x), 0.0, v / np.sqrt(np.pi * x))

    return f


def _bessel_j0(x):
    """J₀(x), the Bessel function of the first kind."""
    a = np.abs(x)

    def small(a):
        u = a * a
        return _ratio(T.J0_SMALL, u) * ((u - T.J0_ZERO_1[0]) - T.J0_ZERO_1[1]) * ((u - T.J0_ZERO_2[0]) - T.J0_ZERO_2[1])

    return _pieces(a, (a <= 8, small), (a > 8, _by_phase(T.J0_P, T.J0_Q, 0, "J")))


def _bessel_j1(x):
    """J₁(x) = -J₀′(x)."""
    a = np.abs(x)

    def small(a):
        u = a * a
        return a * _ratio(T.J1_SMALL, u) * ((u - T.J1_ZERO_1[0]) - T.J1_ZERO_1[1]) * ((u - T.J1_ZERO_2[0]) - T.J1_ZERO_2[1])

    v = _pieces(a, (a <= 8, small), (a > 8, _by_phase(T.J1_P, T.J1_Q, 1, "J")))
    return np.where(x < 0, -v, v)


def _bessel_y0(x):
    """Y₀(x), the Bessel function of the second kind: -∞ at 0, nan below."""
    return _pieces(
        x,
        (x == 0, lambda x: x - np.inf),
        ((x > 0) & (x <= 8), lambda x: _ratio(T.Y0_SMALL, x * x) + 2 / np.pi * np.log(x) * _bessel_j0(x)),
        (x > 8, _by_phase(T.J0_P, T.J0_Q, 0, "Y")),
    )


def _bessel_y1(x):
    """Y₁(x) = -Y₀′(x)."""
    return _pieces(
        x,
        (x == 0, lambda x: x - np.inf),
        ((x > 0) & (x <= 8), lambda x: x * _ratio(T.Y1_SMALL, x * x) + 2 / np.pi * (np.log(x) * _bessel_j1(x) - 1 / x)),
        (x > 8, _by_phase(T.J1_P, T.J1_Q, 1, "Y")),
    )


def _k0e_large(x):
    return _ratio(T.K0_LARGE, 1 / x) / np.sqrt(x)


def _k1e_large(x):
    return _ratio(T.K1_LARGE, 1 / x) / np.sqrt(x)


def _k0_small(x):
    return _ratio(T.K0_SMALL, x * x) - np.log(x / 2) * _i0(x)


def _k1_small(x):
    return _ratio(T.K1_SMALL, x * x) / x + np.log(x / 2) * _i1(x)


def _k(small, large, scaled):
    def kernel(x):
        return _pieces(
            x,
            (x == 0, lambda x: x + np.inf),
            ((x > 0) & (x <= 2), lambda x: small(x) * np.exp(x) if scaled else small(x)),
            (x == np.inf, lambda x: np.zeros(x.shape)),
            (x > 2, lambda x: large(x) if scaled else _times_exp(large(x), -x)),
        )

    return kernel


# ---- entropy and products with logarithms ---------------------------------------------------------------------------


def _entr(x):
    """-x·log x: 0 at 0, -∞ below."""
    return _pieces(x, (x > 0, lambda x: -x * np.log(x)), (x == 0, np.zeros_like), (x < 0, lambda x: np.full(x.shape, -np.inf)))


erf = elementwise(_erf, _erf_float)
erfc, erfcx, erfinv = elementwise(_erfc), elementwise(_erfcx), elementwise(_erfinv)
ndtr, ndtri, log_ndtr = elementwise(_ndtr), elementwise(_ndtri), elementwise(_log_ndtr)
lgamma, digamma, zeta = elementwise(_lgamma), elementwise(_digamma), elementwise(_zeta)
i0, i0e, i1, i1e = elementwise(_i0), elementwise(_i0e), elementwise(_i1), elementwise(_i1e)
bessel_j0, bessel_j1 = elementwise(_bessel_j0), elementwise(_bessel_j1)
bessel_y0, bessel_y1 = elementwise(_bessel_y0), elementwise(_bessel_y1)
bessel_k0, bessel_k1 = elementwise(_k(_k0_small, _k0e_large, False)), elementwise(_k(_k1_small, _k1e_large, False))
bessel_k0e, bessel_k1e = elementwise(_k(_k0_small, _k0e_large, True)), elementwise(_k(_k1_small, _k1e_large, True))
entr = elementwise(_entr)
_trigamma_all = elementwise(_trigamma)


def polygamma(n: int, x):
    """The n-th derivative of ψ: (-1)ⁿ⁺¹ n! ζ(n+1, x) for n ≥ 1 (DLMF 5.15.1)."""
    if n == 0:
        return digamma(x)
    if n == 1:
        return _trigamma_all(x)

    def kernel(x):
        return (-1.0) ** (n + 1) * math.factorial(n) * _zeta(np.full(x.shape, n + 1.0), x)

    return elementwise(kernel)(x)
