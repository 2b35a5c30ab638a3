"""The lexicon's special functions: integrals, series and inverses, whose derivatives are a theorem or a definition."""

import math

from .lexicon import BY_ROOT_2PI, PI, TWO_BY_ROOT_PI, absolute, bell, erf, exp, known, log, sgn, square, word
from .terms import call

_FUNDAMENTAL = (
    "fundamental theorem of calculus: an integral's derivative by its upper end is the integrand there",
    "微积分基本定理：积分对上限的导数等于被积函数在该处的值",
)
_SERIES = ("differentiate the series term by term", "对级数逐项求导")


def _known_as(en: str, zh: str):
    return (f"the definition of {en}", f"{zh}的定义")


# ---- the error function and the normal distribution -----------------------------------------------------------------

word(
    "erf", lambda a: (TWO_BY_ROOT_PI * exp(-square(a)),), _FUNDAMENTAL, idea=("erf x = 2/√π·∫₀ˣ e^(-t²) dt", "erf x = 2/√π·∫₀ˣ e^(-t²) dt")
)
word("erfc", lambda a: (-TWO_BY_ROOT_PI * exp(-square(a)),), _FUNDAMENTAL, meaning=lambda a: 1 - erf(a),
     steps=lambda a, y: [(-(TWO_BY_ROOT_PI * exp(-square(a))), ("(erf x)′ = 2/√π·e^(-x²), " + _FUNDAMENTAL[0], "(erf x)′ = 2/√π·e^(-x²)，" + _FUNDAMENTAL[1]))])  # fmt: skip
word("erfinv", lambda a: (exp(square(call("erfinv", a))) / TWO_BY_ROOT_PI,), known("the inverse of erf", "erf 的反函数"),
     steps=lambda a, y: [(1 / (TWO_BY_ROOT_PI * exp(-square(y))), ("x = erf y: the inverse function's slope is the reciprocal, 1/(erf y)′", "x = erf y：反函数的导数是倒数，1/(erf y)′")),
                         (exp(square(y)) / TWO_BY_ROOT_PI, ("1/e^(-u) = eᵘ", "1/e^(-u) = eᵘ"))])  # fmt: skip
word("ndtr", lambda a: (bell(a),), _FUNDAMENTAL, meaning=lambda a: (1 + erf(a / math.sqrt(2))) / 2,
     because=("Φ(x) = 1/√(2π)·∫₋∞ˣ e^(-t²/2) dt, by erf", "Φ(x) = 1/√(2π)·∫₋∞ˣ e^(-t²/2) dt，用 erf 表示"),
     steps=lambda a, y: [(bell(a), _FUNDAMENTAL)])  # fmt: skip
word("ndtri", lambda a: (math.sqrt(2 * PI) * exp(square(call("ndtri", a)) / 2),), known("the inverse of Φ", "Φ 的反函数"),
     steps=lambda a, y: [(1 / (BY_ROOT_2PI * exp(-(square(y) / 2))), ("x = Φ(y): the inverse function's slope is the reciprocal, 1/Φ′(y)", "x = Φ(y)：反函数的导数是倒数，1/Φ′(y)")),
                         (math.sqrt(2 * PI) * exp(square(y) / 2), ("1/e^(-u) = eᵘ", "1/e^(-u) = eᵘ"))])  # fmt: skip
_R2 = math.sqrt(2)
word("log_ndtr", lambda a: (bell(a) / call("ndtr", a),), known("log Φ", "log Φ "), meaning=lambda a: log(call("ndtr", a)),
     steps=lambda a, y: [(bell(a) / call("ndtr", a), ("chain rule: (log u)′ = u′/u, and Φ′ is the bell curve", "链式法则：(log u)′ = u′/u，Φ′ 是钟形曲线")),
                         (math.sqrt(2 / PI) / call("erfcx", -a / _R2), ("Φ(x) = e^(-x²/2)·erfcx(-x/√2)/2: the exponentials cancel, nothing underflows",
                                                                       "Φ(x) = e^(-x²/2)·erfcx(-x/√2)/2：指数项约去，不会下溢"))])  # fmt: skip
word("erfcx", lambda a: (2 * a * call("erfcx", a) - TWO_BY_ROOT_PI,), known("e^(x²)·erfc x", "e^(x²)·erfc x "), meaning=lambda a: exp(square(a)) * call("erfc", a),
     steps=lambda a, y: [(2 * a * exp(square(a)) * call("erfc", a) + exp(square(a)) * (-TWO_BY_ROOT_PI * exp(-square(a))), ("product rule", "乘法法则")),
                         (2 * a * y - TWO_BY_ROOT_PI, ("the first product holds y; e^(x²)·e^(-x²) = 1", "前一项含 y；e^(x²)·e^(-x²) = 1"))])  # fmt: skip

# ---- the Gamma function's family ------------------------------------------------------------------------------------

word("lgamma", lambda a: (call("digamma", a),), _known_as("the digamma function, ψ = (log Γ)′", "双伽玛函数 ψ = (log Γ)′ "))
word("digamma", lambda a: (call("polygamma", a, n=1),), _known_as("the trigamma function, ψ′", "三伽玛函数 ψ′ "))
word(
    "polygamma",
    lambda a, n=0: (call("polygamma", a, n=n + 1),),
    ("ψ⁽ⁿ⁾ is the n-th derivative of ψ: one more gives ψ⁽ⁿ⁺¹⁾", "ψ⁽ⁿ⁾ 是 ψ 的 n 阶导数：再求一次得 ψ⁽ⁿ⁺¹⁾"),
)
word(
    "zeta",
    lambda a, b: (None, -a * call("zeta", a + 1, b)),
    ("(k + y)^(-x) gives -x·(k + y)^(-x-1): " + _SERIES[0], "(k + y)^(-x) 的导数是 -x·(k + y)^(-x-1)：" + _SERIES[1]),
)

# ---- Bessel functions (DLMF 10.29) ----------------------------------------------------------------------------------

_BESSEL = ("a recurrence of the Bessel functions (DLMF 10.29)", "贝塞尔函数的递推公式（DLMF 10.29）")
_RECIPROCAL_0 = ("; at x = 0 its limit 1/2", "；x = 0 处取极限 1/2")


word("i0", lambda a: (call("i1", a),), _BESSEL)
word("i1", lambda a: (call("i0", a) - call("i1", a) / a,), (_BESSEL[0] + _RECIPROCAL_0[0], _BESSEL[1] + _RECIPROCAL_0[1]))
word("i0e", lambda a: (call("i1e", a) - sgn(a) * call("i0e", a),), _BESSEL, meaning=lambda a: exp(-absolute(a)) * call("i0", a),
     steps=lambda a, y: [(exp(-absolute(a)) * call("i1", a) - sgn(a) * exp(-absolute(a)) * call("i0", a), ("product rule; I₀′ = I₁, |x|′ = sgn x", "乘法法则；I₀′ = I₁，|x|′ = sgn x")),
                         (call("i1e", a) - sgn(a) * y, ("e^(-|x|)·I₁ and e^(-|x|)·I₀ again", "又出现 e^(-|x|)·I₁ 与 e^(-|x|)·I₀"))])  # fmt: skip
word("i1e", lambda a: (call("i0e", a) - call("i1e", a) * (sgn(a) + 1 / a),), _BESSEL, meaning=lambda a: exp(-absolute(a)) * call("i1", a),
     steps=lambda a, y: [(exp(-absolute(a)) * (call("i0", a) - call("i1", a) / a) - sgn(a) * exp(-absolute(a)) * call("i1", a), ("product rule; I₁′ = I₀ - I₁/x", "乘法法则；I₁′ = I₀ - I₁/x")),
                         (call("i0e", a) - y / a - sgn(a) * y, ("y = e^(-|x|)·I₁(x)", "y = e^(-|x|)·I₁(x)"))])  # fmt: skip
