"""What the elementwise words of the vocabulary mean in schoolbook mathematics, and how their derivatives are found.

One entry per word, not per operation. `slopes` gives the partial derivatives, as the chain rule uses them; `meaning` a
definition in simpler words; `steps` the way from that definition to the derivative, each step with its reason. Every one
of these formulas is evaluated by the tests.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .simplify import number_of
from .terms import call, term

Why = tuple[str, str]


@dataclass
class Word:
    """An elementwise word: its name in a sentence, its partial derivatives, its definition, the steps to its derivative."""

    slopes: Callable  # (*arguments) -> one term for each argument; None for a word that isn't differentiated by it
    rule: Why = ("", "")
    meaning: Callable | None = None
    because: Why = ("by definition", "由定义")
    steps: Callable | None = None  # (*arguments, y) -> [(term, why)]
    idea: Why | None = None
    options: tuple = field(default=())


WORDS: dict[str, Word] = {}


def word(name: str, slopes: Callable, rule: Why, **more: Any) -> None:
    """Put a word into the lexicon."""
    WORDS[name] = Word(slopes, rule, **more)


def _f(name):
    return lambda *args, **params: call(name, *args, **params)


exp, log, sqrt, square, sin, cos, tan, sinh, cosh = map(_f, "exp log sqrt square sin cos tan sinh cosh".split())
tanh, sigmoid, where, erf, ndtr, absolute, sgn = map(_f, "tanh sigmoid where erf ndtr abs sgn".split())
greater, less, equal, both, iverson = map(_f, "greater less equal logical_and iverson".split())
HALF_DOWN = call("negative", call("divide", 1, 2))
PI, TWO_BY_ROOT_PI, BY_ROOT_2PI = math.pi, 2 / math.sqrt(math.pi), 1 / math.sqrt(2 * math.pi)


def known(en: str, zh: str) -> Why:
    """The reason of a derivative that one knows by heart."""
    return f"derivative of {en}", f"{zh}的导数"


# ---- arithmetic -----------------------------------------------------------------------------------------------------

_SUM = ("sum rule: term by term", "加法法则：逐项求导")
word("add", lambda a, b: (term(1), term(1)), _SUM)
word("subtract", lambda a, b: (term(1), term(-1)), _SUM)
word("negative", lambda a: (term(-1),), ("a constant factor stays", "常数因子保留"))
word("multiply", lambda a, b: (b, a), ("product rule: (u·v)′ = u′·v + u·v′", "乘法法则：(u·v)′ = u′·v + u·v′"))
word(
    "divide",
    lambda a, b: (1 / b, -a / square(b)),
    ("quotient rule: (u/v)′ = (u′·v - u·v′)/v²", "除法法则：(u/v)′ = (u′·v - u·v′)/v²"),
)
_POWER = ("power rule: (uⁿ)′ = n·uⁿ⁻¹·u′", "幂法则：(uⁿ)′ = n·uⁿ⁻¹·u′")
word("square", lambda a: (2 * a,), _POWER)
word(
    "reciprocal",
    lambda a: (-1 / square(a),),
    _POWER,
    meaning=lambda a: call("pow", a, -1),
    because=("a power with exponent -1", "指数为 -1 的幂"),
)
word(
    "sqrt", lambda a: (1 / (2 * sqrt(a)),), _POWER,
    meaning=lambda a: call("pow", a, call("divide", 1, 2)), because=("a power with exponent 1/2", "指数为 1/2 的幂"),
    steps=lambda a, y: [(call("pow", a, HALF_DOWN) / 2, _POWER), (1 / (2 * sqrt(a)), ("x^(-1/2) = 1/√x", "x^(-1/2) = 1/√x"))],
)  # fmt: skip
word(
    "rsqrt", lambda a: (-call("pow", a, -1.5) / 2,), _POWER,
    meaning=lambda a: call("pow", a, HALF_DOWN), because=("a power with exponent -1/2", "指数为 -1/2 的幂"),
    steps=lambda a, y: [(-(call("pow", a, call("negative", call("divide", 3, 2))) / 2), _POWER), (-(call("pow", y, 3) / 2), ("x^(-3/2) = (x^(-1/2))³ = y³", "x^(-3/2) = (x^(-1/2))³ = y³"))],
)  # fmt: skip
word(
    "pow", lambda a, b: (b * call("pow", a, b - 1), call("pow", a, b) * log(a)),
    ("power rule for the base; aᵇ = e^(b·log a) for the exponent", "对底数用幂法则；对指数写成 aᵇ = e^(b·log a)"),
)  # fmt: skip

# ---- exponentials and logarithms ------------------------------------------------------------------------------------

word("exp", lambda a: (exp(a),), ("eˣ is its own derivative", "eˣ 的导数是它自己"))
word("exp2", lambda a: (call("exp2", a) * math.log(2),), known("2ˣ", "2ˣ "),
     meaning=lambda a: exp(a * math.log(2)), because=("2 = e^(log 2)", "2 = e^(log 2)"),
     steps=lambda a, y: [(exp(a * math.log(2)) * math.log(2), ("chain rule: the exponent's derivative is log 2", "链式法则：指数的导数是 log 2"))])  # fmt: skip
word("expm1", lambda a: (exp(a),), known("eˣ - 1", "eˣ - 1 "), meaning=lambda a: exp(a) - 1,
     steps=lambda a, y: [(exp(a), ("(eˣ)′ = eˣ; the constant falls away", "(eˣ)′ = eˣ，常数的导数为 0")), (y + 1, ("since y = eˣ - 1", "因为 y = eˣ - 1"))])  # fmt: skip
word("log", lambda a: (1 / a,), known("log", "log "),
     steps=lambda a, y: [(1 / exp(y), ("x = e^y; the inverse function's slope is the reciprocal: 1/(e^y)′", "x = e^y；反函数的导数是倒数：1/(e^y)′")),
                         (1 / a, ("since e^y = x", "因为 e^y = x"))])  # fmt: skip
for _name, _base in (("log2", 2), ("log10", 10)):
    word(_name, lambda a, _base=_base: (1 / (a * math.log(_base)),), known(_name, _name + " "),
         meaning=lambda a, _base=_base: log(a) / math.log(_base), because=("change of base", "换底公式"),
         steps=lambda a, y, _base=_base: [(1 / (a * math.log(_base)), ("(log x)′ = 1/x; the constant stays", "(log x)′ = 1/x，常数保留"))])  # fmt: skip
word("log1p", lambda a: (1 / (1 + a),), known("log(1 + x)", "log(1 + x) "), meaning=lambda a: log(1 + a),
     steps=lambda a, y: [(1 / (1 + a), ("chain rule: (log u)′ = u′/u with u = 1 + x", "链式法则：(log u)′ = u′/u，u = 1 + x"))])  # fmt: skip
word("logaddexp", lambda a, b: (sigmoid(a - b), sigmoid(b - a)), known("log(eˣ + eʸ)", "log(eˣ + eʸ) "),
     meaning=lambda a, b: log(exp(a) + exp(b)),
     steps=lambda a, b, y: ([(exp(a) / (exp(a) + exp(b)), ("chain rule: (log u)′ = u′/u", "链式法则：(log u)′ = u′/u")),
                             (1 / (1 + exp(b - a)), ("divide above and below by the numerator", "分子分母同除以分子"))],
                            [(exp(b) / (exp(a) + exp(b)), ("chain rule: (log u)′ = u′/u", "链式法则：(log u)′ = u′/u")),
                             (1 / (1 + exp(a - b)), ("divide above and below by the numerator", "分子分母同除以分子"))]))  # fmt: skip
_L2 = math.log(2)
word("logaddexp2", lambda a, b: (sigmoid((a - b) * _L2), sigmoid((b - a) * _L2)), known("log₂(2ˣ + 2ʸ)", "log₂(2ˣ + 2ʸ) "),
     meaning=lambda a, b: call("log2", call("exp2", a) + call("exp2", b)),
     steps=lambda a, b, y: tuple([(call("exp2", u) / (call("exp2", a) + call("exp2", b)), ("chain rule; log 2 cancels", "链式法则；log 2 约去")),
                                  (1 / (1 + call("exp2", v - u)), ("divide above and below by the numerator", "分子分母同除以分子"))] for u, v in ((a, b), (b, a))))  # fmt: skip
word("xlogy", lambda a, b: (log(b), a / b), ("x·log y, and 0 where x = 0", "x·log y，x = 0 处取 0"), meaning=lambda a, b: where(equal(a, 0), 0, a * log(b)),
     because=("x·log y, and 0 where x = 0", "x·log y，x = 0 处取 0"))  # fmt: skip
word("xlog1py", lambda a, b: (call("log1p", b), a / (1 + b)), ("x·log(1 + y), and 0 where x = 0", "x·log(1 + y)，x = 0 处取 0"),
     meaning=lambda a, b: where(equal(a, 0), 0, a * log(1 + b)), because=("x·log(1 + y), and 0 where x = 0", "x·log(1 + y)，x = 0 处取 0"))  # fmt: skip
word("entr", lambda a: (-log(a) - 1,), known("-x·log x", "-x·log x "), meaning=lambda a: -a * log(a),
     steps=lambda a, y: [(-log(a) - a * (1 / a), ("product rule", "乘法法则")), (-(log(a) + 1), ("x/x = 1", "x/x = 1"))])  # fmt: skip

# ---- circular and hyperbolic functions --------------------------------------------------------------------------------

word("sin", lambda a: (cos(a),), known("sin", "sin "))
word("cos", lambda a: (-sin(a),), known("cos", "cos "))
word("tan", lambda a: (1 + square(tan(a)),), known("tan", "tan "), meaning=lambda a: sin(a) / cos(a),
     steps=lambda a, y: [((cos(a) * cos(a) + sin(a) * sin(a)) / square(cos(a)), ("quotient rule; (sin x)′ = cos x, (cos x)′ = -sin x", "除法法则；(sin x)′ = cos x，(cos x)′ = -sin x")),
                         (1 + square(sin(a) / cos(a)), ("divide each term by cos²x", "逐项除以 cos²x")),
                         (1 + square(tan(a)), ("sin x/cos x = tan x", "sin x/cos x = tan x"))])  # fmt: skip


def _inverse(name: str, of: str, outer: Callable, inner: Callable, identity: Why, slope: Callable, en: str):
    turned = (f"x = {en} y: the inverse function's slope is the reciprocal, 1/({en} y)′", f"x = {en} y：反函数的导数是倒数，1/({en} y)′")
    word(name, lambda a: (slope(a),), known(name, name + " "),
         steps=lambda a, y: [(outer(y), turned), (inner(y), identity), (slope(a), (f"since {en} y = x", f"因为 {en} y = x"))])  # fmt: skip


_PYTHAGORAS = ("sin²y + cos²y = 1", "sin²y + cos²y = 1")
_HYPERBOLA = ("cosh²y - sinh²y = 1", "cosh²y - sinh²y = 1")
_inverse("asin", "sin", lambda y: 1 / cos(y), lambda y: 1 / sqrt(1 - square(sin(y))), _PYTHAGORAS, lambda a: 1 / sqrt(1 - square(a)), "sin")
_inverse(
    "acos", "cos", lambda y: -1 / sin(y), lambda y: -1 / sqrt(1 - square(cos(y))), _PYTHAGORAS, lambda a: -1 / sqrt(1 - square(a)), "cos"
)
_inverse(
    "asinh", "sinh", lambda y: 1 / cosh(y), lambda y: 1 / sqrt(square(sinh(y)) + 1), _HYPERBOLA, lambda a: 1 / sqrt(square(a) + 1), "sinh"
)
_inverse(
    "acosh", "cosh", lambda y: 1 / sinh(y), lambda y: 1 / sqrt(square(cosh(y)) - 1), _HYPERBOLA, lambda a: 1 / sqrt(square(a) - 1), "cosh"
)
_inverse(
    "atan",
    "tan",
    lambda y: square(cos(y)),
    lambda y: 1 / (1 + square(tan(y))),
    ("cos²y = 1/(1 + tan²y)", "cos²y = 1/(1 + tan²y)"),
    lambda a: 1 / (1 + square(a)),
    "tan",
)
_inverse(
    "atanh",
    "tanh",
    lambda y: square(cosh(y)),
    lambda y: 1 / (1 - square(tanh(y))),
    ("cosh²y = 1/(1 - tanh²y)", "cosh²y = 1/(1 - tanh²y)"),
    lambda a: 1 / (1 - square(a)),
    "tanh",
)
_E = ("(eˣ)′ = eˣ and (e⁻ˣ)′ = -e⁻ˣ", "(eˣ)′ = eˣ，(e⁻ˣ)′ = -e⁻ˣ")
word("sinh", lambda a: (cosh(a),), known("sinh", "sinh "), meaning=lambda a: (exp(a) - exp(-a)) / 2,
     steps=lambda a, y: [((exp(a) + exp(-a)) / 2, _E), (cosh(a), ("this is cosh x", "这正是 cosh x"))])  # fmt: skip
word("cosh", lambda a: (sinh(a),), known("cosh", "cosh "), meaning=lambda a: (exp(a) + exp(-a)) / 2,
     steps=lambda a, y: [((exp(a) - exp(-a)) / 2, _E), (sinh(a), ("this is sinh x", "这正是 sinh x"))])  # fmt: skip
word("tanh", lambda a: (1 - square(tanh(a)),), known("tanh", "tanh "), meaning=lambda a: (exp(a) - exp(-a)) / (exp(a) + exp(-a)),
     steps=lambda a, y: [((square(exp(a) + exp(-a)) - square(exp(a) - exp(-a))) / square(exp(a) + exp(-a)), ("quotient rule; (eˣ)′ = eˣ, (e⁻ˣ)′ = -e⁻ˣ", "除法法则；(eˣ)′ = eˣ，(e⁻ˣ)′ = -e⁻ˣ")),
                         (1 - square((exp(a) - exp(-a)) / (exp(a) + exp(-a))), ("divide each term by the denominator", "逐项除以分母")),
                         (1 - square(tanh(a)), ("the bracket is tanh x", "括号里就是 tanh x"))])  # fmt: skip
word("sinc", lambda a: ((cos(PI * a) - call("sinc", a)) / a,), known("sin(πx)/(πx)", "sin(πx)/(πx) "),
     meaning=lambda a: where(equal(a, 0), 1, sin(PI * a) / (PI * a)), because=("1 at x = 0, where it is continued", "x = 0 处按极限取 1"),
     steps=lambda a, y: [(where(equal(a, 0), 0, (cos(PI * a) * PI * (PI * a) - sin(PI * a) * PI) / square(PI * a)), ("quotient rule; 0 at x = 0, the top of an even function", "除法法则；偶函数在 x = 0 处取到极大，导数为 0")),
                         (where(equal(a, 0), 0, (cos(PI * a) - sin(PI * a) / (PI * a)) / a), ("cancel π", "约去 π"))])  # fmt: skip
word("atan2", lambda a, b: (b / (square(a) + square(b)), -a / (square(a) + square(b))), ("the angle's derivative", "辐角的导数"),
     steps=lambda a, b, y: ([(1 / (1 + square(a / b)) * (1 / b), ("tan z = x/y, so z = arctan(x/y) up to a constant: chain rule", "tan z = x/y，故 z = arctan(x/y) + 常数：链式法则")),
                             (b / (square(a) + square(b)), ("multiply above and below by y²", "分子分母同乘 y²"))],
                            [(1 / (1 + square(a / b)) * (-a / square(b)), ("tan z = x/y, so z = arctan(x/y) up to a constant: chain rule", "tan z = x/y，故 z = arctan(x/y) + 常数：链式法则")),
                             (-a / (square(a) + square(b)), ("multiply above and below by y²", "分子分母同乘 y²"))]))  # fmt: skip


def _leg(mine, a, b, y):
    return [(1 / (2 * sqrt(square(a) + square(b))) * (2 * mine), ("chain rule: (√u)′ = u′/(2√u)", "链式法则：(√u)′ = u′/(2√u)")),
            (mine / sqrt(square(a) + square(b)), ("2 cancels", "约去 2")), (mine / y, ("the root is z", "根式就是 z"))]  # fmt: skip


word("hypot", lambda a, b: (a / call("hypot", a, b), b / call("hypot", a, b)), known("√(x² + y²)", "√(x² + y²) "), meaning=lambda a, b: sqrt(square(a) + square(b)),
     because=("Pythagoras: the hypotenuse", "勾股定理：斜边"), steps=lambda a, b, y: (_leg(a, a, b, y), _leg(b, a, b, y)))  # fmt: skip

# ---- the S-shaped and the bent ones ---------------------------------------------------------------------------------

word("sigmoid", lambda a: (sigmoid(a) * (1 - sigmoid(a)),), known("σ", "σ "), meaning=lambda a: 1 / (1 + exp(-a)),
     steps=lambda a, y: [(exp(-a) / square(1 + exp(-a)), ("chain rule: (1/u)′ = -u′/u², u = 1 + e⁻ˣ, u′ = -e⁻ˣ", "链式法则：(1/u)′ = -u′/u²，u = 1 + e⁻ˣ，u′ = -e⁻ˣ")),
                         (1 / (1 + exp(-a)) * (1 - 1 / (1 + exp(-a))), ("e⁻ˣ/(1 + e⁻ˣ) = 1 - 1/(1 + e⁻ˣ)", "e⁻ˣ/(1 + e⁻ˣ) = 1 - 1/(1 + e⁻ˣ)")),
                         (sigmoid(a) * (1 - sigmoid(a)), ("1/(1 + e⁻ˣ) = σ(x)", "1/(1 + e⁻ˣ) = σ(x)"))])  # fmt: skip
word("log_sigmoid", lambda a: (sigmoid(-a),), known("log σ", "log σ "), meaning=lambda a: -log(1 + exp(-a)), because=("log(1/u) = -log u", "log(1/u) = -log u"),
     steps=lambda a, y: [(exp(-a) / (1 + exp(-a)), ("chain rule: (log u)′ = u′/u", "链式法则：(log u)′ = u′/u")),
                         (1 / (1 + exp(a)), ("multiply above and below by eˣ", "分子分母同乘 eˣ")), (sigmoid(-a), ("this is σ(-x)", "这正是 σ(-x)"))])  # fmt: skip


def _soft(a, b, t, curved):
    """By cases: beyond the threshold softplus is the straight line."""
    bent = t if number_of(t) is None else float(number_of(t))
    return where(greater(_times(b, a), bent), 1, curved)


def _times(b, a):
    return a if number_of(b) == 1 else b * a


word("softplus", lambda a, b, t: (_soft(a, b, t, sigmoid(_times(b, a))), None, None), known("softplus", "softplus "),
     meaning=lambda a, b, t: where(greater(_times(b, a), t), a, _over(log(1 + exp(_times(b, a))), b)),
     because=("by definition; beyond the threshold the line y = x, which it hugs there", "由定义；超过阈值后取它所贴近的直线 y = x"),
     steps=lambda a, b, t, y: [(_soft(a, b, t, _over(_times(b, exp(_times(b, a))) / (1 + exp(_times(b, a))), b)), ("by cases; (log u)′ = u′/u", "分情形求导；(log u)′ = u′/u")),
                               (_soft(a, b, t, 1 / (1 + exp(-_times(b, a)))), ("divide above and below by the exponential", "分子分母同除以指数项")),
                               (_soft(a, b, t, sigmoid(_times(b, a))), ("1/(1 + e⁻ᵘ) = σ(u)", "1/(1 + e⁻ᵘ) = σ(u)"))])  # fmt: skip


def _over(a, b):
    return a if number_of(b) == 1 else a / b


def bell(a):
    """The density of the normal distribution."""
    return BY_ROOT_2PI * exp(-(square(a) / 2))


_GAUSS = ("Φ′(x) = φ(x) = e^(-x²/2)/√(2π), by the fundamental theorem of calculus", "由微积分基本定理，Φ′(x) = φ(x) = e^(-x²/2)/√(2π)")
word("erf_gelu", lambda a: (ndtr(a) + a * bell(a),), known("x·Φ(x)", "x·Φ(x) "), meaning=lambda a: a * ndtr(a),
     because=("x times the chance that a standard normal number is below x", "x 乘以标准正态变量小于 x 的概率"),
     steps=lambda a, y: [(ndtr(a) + a * bell(a), ("product rule, with " + _GAUSS[0], "乘法法则，其中" + _GAUSS[1])),
                         ((1 + erf(a / math.sqrt(2))) / 2 + a * bell(a), ("Φ(x) = (1 + erf(x/√2))/2", "Φ(x) = (1 + erf(x/√2))/2"))])  # fmt: skip
_K, _C = math.sqrt(2 / PI), 0.044715


def _inner(a):
    return _K * (a + _C * call("pow", a, 3))


word("tanh_gelu", lambda a: ((1 + tanh(_inner(a))) / 2 + a / 2 * (1 - square(tanh(_inner(a)))) * (_K * (1 + 3 * _C * square(a))),), known("gelu", "gelu "),
     meaning=lambda a: a / 2 * (1 + tanh(_inner(a))), because=("x·Φ(x), Φ approximated by a hyperbolic tangent", "x·Φ(x)，其中 Φ 用双曲正切近似"),
     steps=lambda a, y: [((1 + tanh(_inner(a))) / 2 + a / 2 * (1 - square(tanh(_inner(a)))) * (_K * (1 + 3 * _C * square(a))),
                          ("product rule; (tanh u)′ = (1 - tanh²u)·u′ with u the argument, u′ = √(2/π)·(1 + 3c·x²)", "乘法法则；(tanh u)′ = (1 - tanh²u)·u′，u 为括号内的量，u′ = √(2/π)·(1 + 3c·x²)"))])  # fmt: skip

CASES = ("by cases", "分情形")
_EDGE = ("by cases: slope 1 on one side, 0 on the other", "分情形：一侧斜率为 1，另一侧为 0")
word("relu", lambda a: (iverson(greater(a, 0)),), _EDGE, meaning=lambda a: where(greater(a, 0), a, 0), because=CASES,
     steps=lambda a, y: [(where(greater(a, 0), 1, 0), _EDGE)])  # fmt: skip
word("abs", lambda a: (sgn(a),), ("slope 1 right of 0, -1 left of it", "0 右侧斜率为 1，左侧为 -1"), meaning=lambda a: where(greater(a, 0), a, -a), because=CASES,
     steps=lambda a, y: [(sgn(a), ("slope 1 where x > 0, -1 where x < 0", "x > 0 处斜率为 1，x < 0 处为 -1"))])  # fmt: skip
_LARGER = ("by cases: the larger one moves the result", "分情形：较大者决定结果")
_SMALLER = ("by cases: the smaller one moves the result", "分情形：较小者决定结果")
for _name, _mine, _why in (
    ("maximum", greater, _LARGER),
    ("fmax", greater, _LARGER),
    ("minimum", less, _SMALLER),
    ("fmin", less, _SMALLER),
):
    word(_name, lambda a, b, _m=_mine: (iverson(_m(a, b)), iverson(_m(b, a))), _why, meaning=lambda a, b, _m=_mine: where(_m(a, b), a, b), because=CASES,
         steps=lambda a, b, y, _m=_mine, _why=_why: ([(where(_m(a, b), 1, 0), _why)], [(where(_m(b, a), 1, 0), _why)]))  # fmt: skip

# ---- steps ----------------------------------------------------------------------------------------------------------

_FLAT = ("piecewise constant: the slope is 0 wherever there is one", "分段常数：凡可导处导数都为 0")
for _name in "floor ceil trunc round sign sgn heaviside".split():
    word(_name, lambda *a: tuple(term(0) for _ in a), _FLAT)
word("remainder", lambda a, b: (term(1), -call("floor", a / b)), ("between the jumps the quotient's floor is constant", "在跳跃点之间，商的整数部分不变"),
     meaning=lambda a, b: a - b * call("floor", a / b))  # fmt: skip
word("fmod", lambda a, b: (term(1), -call("trunc", a / b)), ("between the jumps the quotient's integer part is constant", "在跳跃点之间，商的整数部分不变"),
     meaning=lambda a, b: a - b * call("trunc", a / b))  # fmt: skip
word("copysign", lambda a, b: (sgn(a) * sgn(call("copysign", 1, b)), term(0)), ("|x| with y's sign: only |x| has a slope", "|x| 取 y 的符号：只有 |x| 有斜率"),
     meaning=lambda a, b: absolute(a) * call("copysign", 1, b))  # fmt: skip
word(
    "nan_to_num",
    lambda a, *r: (iverson(call("isfinite", a)), *[None] * len(r)),
    ("finite numbers pass unchanged, the others become constants", "有限数原样通过，其余替换为常数"),
)
