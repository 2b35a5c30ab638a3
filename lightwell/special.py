"""Special functions under PyTorch's names, torch.special: the gamma and error functions and their kin, Bessel functions."""

import math

import numpy as np

from .errors import refusing_all
from .errors.teaching import TypeError
from .ops import pointwise as _p
from .ops import special_ops as _s
from .ops.public import write_out
from .ops.unary import as_float
from .tensor import Tensor, make

digamma = psi = _p.digamma
erf, erfc, erfinv, exp2, expm1 = _p.erf, _p.erfc, _p.erfinv, _p.exp2, _p.expm1
expit, gammaln, i0, log1p, logit = _p.sigmoid, _p.lgamma, _p.i0, _p.log1p, _p.logit
multigammaln, polygamma, round, sinc, xlogy = _p.mvlgamma, _p.polygamma, _p.round, _p.sinc, _p.xlogy


def _one(name: str, record, doc: str, argument: str = "", shown: str = ""):
    """A public function of one tensor, integers computed as floating-point numbers."""

    def call(input, *, out=None):
        if not isinstance(input, Tensor):
            raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
        result = record(as_float(input))
        return result if out is None else write_out(f"special_{name}", out, result)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    if argument:
        call.__doc__ += f"\n\n>>> import lightwell as torch\n>>> torch.special.{name}(torch.tensor({argument}))\n{shown}\n"
    return call


entr = _one("entr", _s.special_entr_, "-x·log x: 0 at 0, -∞ below.", "[0., 0.5]", "tensor([0.0000, 0.3466])")
erfcx = _one("erfcx", _s.special_erfcx_, "exp(x²)·erfc(x).", "[0., 10.]", "tensor([1.0000, 0.0561])")
i0e = _one(
    "i0e", _s.special_i0e_, "exp(-|x|)·I₀(x), I₀ the modified Bessel function of the first kind.", "[0., 1.]", "tensor([1.0000, 0.4658])"
)
i1 = _one("i1", _s.special_i1_, "I₁(x), the modified Bessel function of the first kind of order 1.", "[0., 1.]", "tensor([0.0000, 0.5652])")
i1e = _one("i1e", _s.special_i1e_, "exp(-|x|)·I₁(x).", "[0., 1.]", "tensor([0.0000, 0.2079])")
ndtr = _one("ndtr", _s.special_ndtr_, "Φ(x), the standard normal distribution function.", "[0., 1.]", "tensor([0.5000, 0.8413])")
ndtri = _one("ndtri", _s.special_ndtri_, "The inverse of Φ: ∓∞ at 0 and 1, nan beyond.", "[0.5, 0.975]", "tensor([0.0000, 1.9600])")
log_ndtr = _one(
    "log_ndtr", _s.special_log_ndtr_, "log Φ(x), also where Φ(x) underflows.", "[0., -50.]", "tensor([-6.9315e-01, -1.2548e+03])"
)
_WORDS = {
    "bessel_j0": "J₀(x), the Bessel function of the first kind of order 0.", "bessel_j1": "J₁(x), of order 1.",
    "bessel_y0": "Y₀(x), the Bessel function of the second kind of order 0.", "bessel_y1": "Y₁(x), of order 1.",
    "modified_bessel_k0": "K₀(x), the modified Bessel function of the second kind of order 0.",
    "modified_bessel_k1": "K₁(x), of order 1.", "scaled_modified_bessel_k0": "eˣ·K₀(x).", "scaled_modified_bessel_k1": "eˣ·K₁(x).",
}  # fmt: skip
bessel_j0, bessel_j1, bessel_y0, bessel_y1, modified_bessel_k0, modified_bessel_k1, scaled_modified_bessel_k0, scaled_modified_bessel_k1 = (
    _one(name, _s.bessel[name], words) for name, words in _WORDS.items()
)
modified_bessel_i0 = _one("modified_bessel_i0", _p.i0, "I₀(x). See `i0`.")
modified_bessel_i1 = _one("modified_bessel_i1", _s.special_i1_, "I₁(x). See `i1`.")


def spherical_bessel_j0(input, *, out=None):
    """sin x/x, 1 at 0: the spherical Bessel function of order 0."""
    result = _p.sinc(as_float(input) / math.pi)
    return result if out is None else write_out("special_spherical_bessel_j0", out, result)


def _two(name: str, record, doc: str):
    def call(input, other, *, out=None):
        if not any(isinstance(v, Tensor) and v._a.dtype.kind not in "iub" for v in (input, other)):
            input, other = as_float(input), as_float(other)
        result = record(input, other)
        return result if out is None else write_out(f"special_{name}", out, result)

    call.__name__, call.__doc__ = name, doc
    return call


zeta = _two("zeta", _s.special_zeta_, "Hurwitz's ζ(x, q) = Σₖ (k + q)⁻ˣ, k = 0, 1, …")
xlog1py = _two("xlog1py", _s.special_xlog1py_, "x·log(1 + y), 0 where x is 0 (nan where y is nan).")


def logsumexp(input, dim, keepdim=False, *, out=None):
    """log Σ exp(x) along `dim`. See `torch.logsumexp`."""
    import lightwell

    return lightwell.logsumexp(input, dim, keepdim, **({} if out is None else {"out": out}))


def softmax(input, dim, *, dtype=None):
    """exp(xᵢ)/Σⱼ exp(xⱼ) along `dim`. See `torch.softmax`."""
    from .ops.softmax import softmax as call

    return call(input, dim, dtype)


def log_softmax(input, dim, *, dtype=None):
    """log softmax(x) along `dim`. See `torch.log_softmax`."""
    from .ops.softmax import log_softmax as call

    return call(input, dim, dtype)


# ---- the incomplete gamma functions ---------------------------------------------------------------------------------


def _gamma_parts(a, x):
    """(P, Q) on float64 arrays: the series below x < a + 1 (DLMF 8.7.1), Lentz's continued fraction above (8.9.2)."""
    from .backend import special as S

    a, x = np.broadcast_arrays(a, x)
    with np.errstate(all="ignore"):
        front = np.exp(a * np.log(x) - x - S.lgamma(a))
        low = x < a + 1
        term = total = 1 / a
        k = a
        for _ in range(3000):
            k = k + 1
            term = np.where(low, term * x / k, 0)
            total = total + term
            if not (np.abs(term) > 1e-17 * np.abs(total)).any():
                break
        p_low = total * front
        tiny = 1e-300
        b = x + 1 - a
        c, d = np.full(x.shape, 1 / tiny), 1 / np.where(b == 0, tiny, b)
        h = d
        for i in range(1, 3000):
            an = -i * (i - a)
            b = b + 2
            d = an * d + b
            d = 1 / np.where(np.abs(d) < tiny, tiny, d)
            c = b + an / c
            c = np.where(np.abs(c) < tiny, tiny, c)
            step = d * c
            h = h * np.where(low, 1, step)
            if not (np.abs(np.where(low, 0, step - 1)) > 1e-16).any():
                break
        q_high = front * h
        p = np.where(low, p_low, 1 - q_high)
        q = np.where(low, 1 - p_low, q_high)
        bad = (x < 0) | (a < 0) | np.isnan(x) | np.isnan(a) | ((a == 0) & (x == 0)) | (np.isinf(a) & np.isinf(x))
        p = np.where(bad, np.nan, np.where(a == 0, 1, np.where((x == 0) | np.isinf(a), 0, np.where(np.isinf(x), 1, p))))
        q = np.where(bad, np.nan, np.where(a == 0, 0, np.where((x == 0) | np.isinf(a), 1, np.where(np.isinf(x), 0, q))))
    return p, q


def _incomplete(name: str, which: int, input, other, out):
    x, y = as_float(input), as_float(other)
    kind = np.promote_types(x._a.dtype, y._a.dtype)
    result = make(np.asarray(_gamma_parts(x._a.astype(np.float64), y._a.astype(np.float64))[which]).astype(kind))
    return result if out is None else write_out(name, out, result)


def gammainc(input, other, *, out=None):
    """P(a, x) = 1/Γ(a) ∫₀ˣ t^(a-1) e⁻ᵗ dt, the regularized lower incomplete gamma function (DLMF 8.2.4).

    >>> import lightwell as torch
    >>> torch.special.gammainc(torch.tensor([4.]), torch.tensor([3., 4.]))
    tensor([0.3528, 0.5665])
    """
    return _incomplete("gammainc", 0, input, other, out)


def gammaincc(input, other, *, out=None):
    """Q(a, x) = 1 - P(a, x), the regularized upper incomplete gamma function (DLMF 8.2.4).

    >>> import lightwell as torch
    >>> torch.special.gammaincc(torch.tensor([4.]), torch.tensor([3., 4.]))
    tensor([0.6472, 0.4335])
    """
    return _incomplete("gammaincc", 1, input, other, out)


# ---- orthogonal polynomials, by their recurrences (DLMF 18.9) -------------------------------------------------------


def _polynomial(name: str, doc: str, first, step):
    """p₀ = 1, p₁ = first(x), pₖ₊₁ = step(k, x, pₖ, pₖ₋₁)."""

    def call(input, n, *, out=None):
        x = as_float(input) if isinstance(input, Tensor) else make(np.asarray(input, np.float32))
        a = x._a
        orders = n._a if isinstance(n, Tensor) else np.asarray(n)
        a, orders = np.broadcast_arrays(a, orders)
        before, now = np.ones_like(a), np.asarray(first(a), a.dtype)
        found = np.where(orders < 0, 0, np.where(orders == 0, before, now)).astype(a.dtype)
        for k in range(1, int(orders.max(initial=0))):
            before, now = now, np.asarray(step(k, a, now, before), a.dtype)
            found = np.where(orders == k + 1, now, found)
        result = make(np.asarray(found))
        return result if out is None else write_out(f"special_{name}", out, result)

    call.__name__ = name
    call.__doc__ = doc
    return call


def _twice(k, x, now, before):
    return 2 * x * now - before


def _shifted_twice(k, x, now, before):
    return 2 * (2 * x - 1) * now - before


chebyshev_polynomial_t = _polynomial("chebyshev_polynomial_t", "Tₙ(x), Chebyshev's polynomial of the first kind.", lambda x: x, _twice)
chebyshev_polynomial_u = _polynomial("chebyshev_polynomial_u", "Uₙ(x), Chebyshev's polynomial of the second kind.", lambda x: 2 * x, _twice)
chebyshev_polynomial_v = _polynomial(
    "chebyshev_polynomial_v", "Vₙ(x), Chebyshev's polynomial of the third kind.", lambda x: 2 * x - 1, _twice
)
chebyshev_polynomial_w = _polynomial(
    "chebyshev_polynomial_w", "Wₙ(x), Chebyshev's polynomial of the fourth kind.", lambda x: 2 * x + 1, _twice
)
shifted_chebyshev_polynomial_t = _polynomial("shifted_chebyshev_polynomial_t", "Tₙ(2x - 1).", lambda x: 2 * x - 1, _shifted_twice)
shifted_chebyshev_polynomial_u = _polynomial("shifted_chebyshev_polynomial_u", "Uₙ(2x - 1).", lambda x: 4 * x - 2, _shifted_twice)
shifted_chebyshev_polynomial_v = _polynomial("shifted_chebyshev_polynomial_v", "Vₙ(2x - 1).", lambda x: 4 * x - 3, _shifted_twice)
shifted_chebyshev_polynomial_w = _polynomial("shifted_chebyshev_polynomial_w", "Wₙ(2x - 1).", lambda x: 4 * x - 1, _shifted_twice)
hermite_polynomial_h = _polynomial(
    "hermite_polynomial_h", "Hₙ(x), the physicists' Hermite polynomial.", lambda x: 2 * x, lambda k, x, p, q: 2 * x * p - 2 * k * q
)
hermite_polynomial_he = _polynomial(
    "hermite_polynomial_he", "Heₙ(x), the probabilists' Hermite polynomial.", lambda x: x, lambda k, x, p, q: x * p - k * q
)
laguerre_polynomial_l = _polynomial(
    "laguerre_polynomial_l", "Lₙ(x), Laguerre's polynomial.", lambda x: 1 - x, lambda k, x, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1)
)
legendre_polynomial_p = _polynomial(
    "legendre_polynomial_p", "Pₙ(x), Legendre's polynomial.", lambda x: x, lambda k, x, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1)
)

__all__ = [name for name, value in list(globals().items()) if callable(value) and not name.startswith("_")]
__all__ = [name for name in sorted(__all__) if name not in ("Tensor", "as_float", "make", "refusing_all", "write_out")]

refusing_all(globals(), __all__)
