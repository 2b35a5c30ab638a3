"""Derivations over the complex numbers.

A real loss L of z = a + bi is minimised by walking against gz = ∂L/∂a + i·∂L/∂b: that is the gradient which PyTorch and lightwell
hand on. For a holomorphic y = f(x) it is gx = gy·conj(f′(x)); for |x|, Re x, arg x, which are not holomorphic, the two real
directions are looked at on their own.
"""

import numpy as np

from .calculus import Unknown, is_elementwise, steps, times
from .derivation import Derivation, Line, Part
from .elementwise import bindings_of, flat, spread, tidy
from .evaluate import evaluate
from .reader import Reading
from .simplify import number_of, put, simplify
from .terms import Term, call, symbol, term

_HOLOMORPHIC = (
    "The formula is holomorphic: the derivative is found as for real numbers, and the gradient takes its complex conjugate.",
    "函数是全纯的：导数的求法与实数相同，而梯度取其共轭。",
)
_PARTS = (
    "Not holomorphic: move the real and the imaginary part of x on their own and see how y follows; gx = ∂L/∂a + i·∂L/∂b for x = a + b·i.",
    "不是全纯函数：分别移动 x 的实部和虚部，看 y 如何变化；x = a + b·i 时 gx = ∂L/∂a + i·∂L/∂b。",
)
_WHAT = ("what it computes, element by element", "逐元素计算")
_RECORD = ("what lightwell computes", "lightwell 实际计算的式子")


def family(reading: Reading) -> Derivation | None:
    """The derivation of an elementwise operation on complex numbers; None for any other."""
    if len(reading.outputs) != 1 or not reading.gradients or reading.record.joint is not None or reading.record.variadic:
        return None
    ((name, formula),) = reading.outputs.items()
    if reading.record.name in _SPECIAL:
        return _by_parts(reading, name, formula)
    if not any(np.asarray(s.value).dtype.kind == "c" for s in reading.symbols.values()) or reading.record.conj_aware:
        return None
    if not is_elementwise(formula):
        return None
    try:
        return _holomorphic(reading, name, formula)
    except Unknown:
        return None


def _holomorphic(reading, name, formula) -> Derivation:
    bindings, y, gy = bindings_of(reading), reading.symbols[name], reading.gys[name]
    d = Derivation(reading.record.name, _HOLOMORPHIC, [Line(y, tidy(formula), _WHAT, checked=y.value)], [], bindings)
    turned = y.value.dtype.kind == "c"
    for n, gradient in reading.gradients.items():
        x, rule = reading.symbols[n], tidy(gradient)
        local = simplify(put(rule, {gy.params["name"]: term(1)}))
        left, part = Term("partial", (y, x), {}, None), Part(n)
        value = np.asarray(evaluate(local, bindings))
        found = steps(tidy(formula), x, y, bindings)
        if flat(found[-1][0]) != flat(local):
            found.append((local, ("the same, as lightwell computes it", "等价的写法，lightwell 按此计算")))
        seen = None
        for t, why in found:
            if flat(t) != seen:
                part.lines.append(Line(left, t, why, checked=value))
            seen = flat(t)
        left.value = value
        best = part.lines[-1].right
        whole = times(gy, best if evaluate_kind(best, bindings) != "c" else call("conj", best))
        recorded = call("conj", put(rule, {gy.params["name"]: call("conj", gy)})) if turned else rule
        want = np.asarray(evaluate(recorded, bindings))
        shape = want.shape
        why = ("chain rule, with the conjugate of the derivative", "链式法则，乘以导数的共轭")
        if x.value.dtype.kind != "c" and want.dtype.kind == "c":
            whole, want = call("real", whole), want.real
            why = (why[0] + "; x is real: the imaginary part has nowhere to go", why[1] + "；x 是实数，虚部舍去")
        want = np.asarray(evaluate(spread(symbol("g", want), shape, x.value.shape)))
        part.lines.append(Line(symbol("g" + n), spread(whole, shape, x.value.shape), why, checked=want))
        d.parts.append(part)
    return d


def evaluate_kind(t: Term, bindings: dict) -> str:
    """The kind of number that a term's value is."""
    return np.asarray(evaluate(t, bindings)).dtype.kind


# ---- not holomorphic: how y follows the two parts of x --------------------------------------------------------------

I = term(1j)


def _abs(x, gy):
    a, b = call("real", x), call("imag", x)
    r = call("abs", x)
    return [
        (gy * (a / r) + I * (gy * (b / r)), ("r = √(a² + b²): ∂r/∂a = a/r, ∂r/∂b = b/r", "r = √(a² + b²)：∂r/∂a = a/r，∂r/∂b = b/r")),
        (gy * (x / r), ("a + b·i = x", "a + b·i = x")),
        (gy * call("sgn", x), ("x/|x| = sgn x, and 0 at 0", "x/|x| = sgn x，在 0 处取 0")),
    ]


def _angle(x, gy):
    a, b = call("real", x), call("imag", x)
    r2 = call("square", call("abs", x))
    return [
        (gy * (-b / r2) + I * (gy * (a / r2)), ("tan φ = b/a: ∂φ/∂a = -b/r², ∂φ/∂b = a/r²", "tan φ = b/a：∂φ/∂a = -b/r²，∂φ/∂b = a/r²")),
        (gy * (I * x / r2), ("-b + a·i = i·x: only a turn changes the angle", "-b + a·i = i·x：只有旋转改变辐角")),
    ]


def _sgn(x, gy):
    r = call("abs", x)
    y = x / r
    along = call("real", gy * call("conj", y))
    return [
        ((gy - y * along) / r, ("y lies on the unit circle: the part of gy along y has no effect, a turn counts 1/|x|", "y 在单位圆上：gy 沿 y 方向的分量不起作用，旋转的贡献为 1/|x|")),
    ]  # fmt: skip


_SPECIAL = {
    "abs": _abs,
    "angle": _angle,
    "sgn": _sgn,
    "real": lambda x, gy: [(gy * (1 + 0j), ("∂y/∂a = 1, ∂y/∂b = 0: gx = gy + 0·i", "∂y/∂a = 1，∂y/∂b = 0：gx = gy + 0·i"))],
    "imag": lambda x, gy: [(gy * 1j, ("∂y/∂a = 0, ∂y/∂b = 1: gx = 0 + gy·i", "∂y/∂a = 0，∂y/∂b = 1：gx = 0 + gy·i"))],
    "conj": lambda x, gy: [
        (call("real", gy) + I * -call("imag", gy), ("Re y = a, Im y = -b: the imaginary part counts the other way round", "Re y = a，Im y = -b：虚部的贡献反号")),
        (call("conj", gy), ("this is the conjugate", "这就是共轭")),
    ],
    "view_as_real": lambda x, gy: [
        (_pick(gy, 0) + I * _pick(gy, 1), ("y holds a and b side by side: each hands its gradient back to its part", "y 并排存放 a 与 b：各自的梯度传回对应的部分")),
    ],
    "view_as_complex": lambda x, gy: [
        (Term("stack", (call("real", gy), call("imag", gy)), {"axis": -1}), ("x holds the two parts of y side by side", "x 并排存放 y 的实部与虚部")),
    ],
}  # fmt: skip


def _pick(gy: Term, k: int) -> Term:
    return Term("getitem", (gy,), {"key": (Ellipsis, k)})


def _by_parts(reading, name, formula) -> Derivation | None:
    bindings, y, gy = bindings_of(reading), reading.symbols[name], reading.gys[name]
    (n,) = reading.gradients
    x = reading.symbols[n]
    if x.value.dtype.kind != "c" and reading.record.name != "view_as_complex":
        return _of_real(reading, name, formula)
    d = Derivation(reading.record.name, _PARTS, [Line(y, formula, _WHAT, checked=y.value)], [], bindings)
    recorded = tidy(reading.gradients[n])
    want = np.asarray(evaluate(reading.gradients[n], bindings))
    part, g = Part(n), symbol("g" + n)
    for t, why in _SPECIAL[reading.record.name](x, gy):
        part.lines.append(Line(g, t, why, checked=want))
    if flat(part.lines[-1].right) != flat(recorded):
        part.lines.append(Line(g, recorded, _RECORD, checked=want))
    d.parts.append(part)
    return d


def _of_real(reading, name, formula) -> Derivation:
    """Of a real number: its angle is 0 or π, its real part itself."""
    bindings, y = bindings_of(reading), reading.symbols[name]
    (n,) = reading.gradients
    idea = (
        "For real numbers it is constant, but for a jump at 0; or the number itself.",
        "对实数而言，它除在 0 处跳变外是常数，或者就是该数本身。",
    )
    want = np.asarray(evaluate(reading.gradients[n], bindings))
    rule = tidy(reading.gradients[n])
    shown = rule if number_of(rule) == 0 else spread(rule, np.shape(evaluate(rule, bindings)), reading.symbols[n].value.shape)
    line = Line(symbol("g" + n), shown, ("what lightwell computes", "lightwell 实际计算的式子"), checked=want)
    return Derivation(reading.record.name, idea, [Line(y, formula, _WHAT, checked=y.value)], [Part(n, [line])], bindings)
