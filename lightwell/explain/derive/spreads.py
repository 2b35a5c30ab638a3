"""Variance, standard deviation, norms and log-sum-exp: a reduction of something elementwise, by named quantities."""

import math

import numpy as np

from .derivation import Derivation
from .lexicon import exp, log, sqrt, square
from .programs import Program, with_shape
from .reader import Reading
from .terms import Term, call, symbol

_SPREAD = (
    "x enters directly and through the mean; but the deviations add up to 0, so the mean's part vanishes.",
    "x 既直接出现，又通过均值出现；但偏差之和为 0，所以均值的那部分消失。",
)
_LOG_SUM = (
    "Name the sum of exponentials: log, then sum, then exp; what comes out is the softmax of x.",
    "给指数之和起名：依次对 log、求和、exp 求导；得到的正是 x 的 softmax。",
)
_NORM = ("Name the sum under the root: root, then sum, then power.", "给根号下的和起名：依次对根、求和、幂求导。")


def family(reading: Reading) -> Derivation | None:
    """The derivation of a variance, deviation, norm or log-sum-exp; None for any other operation."""
    made = {
        "var": _spread,
        "std": _spread,
        "var_mean": _spread,
        "std_mean": _spread,
        "logsumexp": _log_sum_exp,
        "linalg_vector_norm": _norm,
    }
    found = made.get(reading.record.name)
    x = reading.inputs.get("x")
    if found is None or not isinstance(x, Term) or x.value.dtype.kind != "f" or not x.value.size or "x" not in reading.gradients:
        return None
    return found(reading)


def _axes(reading) -> tuple:
    n, axis = reading.symbols["x"].value.ndim, reading.params["axis"]
    if axis is None or axis == ():
        return tuple(range(n))
    return tuple(a % n for a in ((axis,) if isinstance(axis, int) else axis))


def _kept(reading) -> tuple:
    axes = _axes(reading)
    return tuple(1 if i in axes else n for i, n in enumerate(reading.symbols["x"].value.shape))


def _sum(t: Term, axes: tuple) -> Term:
    return Term("sum", (t,), {"axis": axes, "keepdims": True})


def _spread(reading: Reading) -> Derivation:
    p, x, axes = Program(reading, _SPREAD), reading.symbols["x"], _axes(reading)
    kept, n = _kept(reading), int(np.prod([reading.symbols["x"].value.shape[a] for a in axes]))
    correction = reading.params["correction"]
    freedom = max(n - (correction if correction is not None else 1), 0) or math.nan
    freedom = int(freedom) if float(freedom).is_integer() else freedom
    root, outputs = reading.record.name.startswith("std"), list(reading.outputs)
    spread = outputs[0]
    shape = reading.symbols[spread].value.shape
    both = len(outputs) == 2
    c = p.let("c" if both else "m", Term("mean", (x,), {"axis": axes, "keepdims": True}), ("the mean", "均值"))
    mean_name = "c" if both else "m"
    d = p.let("d", x - c, ("the deviations from it", "与均值之差"))
    squares = _sum(square(d), axes) / freedom
    why = (
        f"the mean of the squares, with {n} - {n - freedom if freedom == freedom else n} degrees of freedom",
        f"平方的均值，自由度为 {n} - {n - freedom if freedom == freedom else n}",
    )
    if root:
        v = p.let("q" if both else "v", squares, why)
        vname = v.params["name"]
        p.let(spread, with_shape(sqrt(v), kept, shape), ("its root: the standard deviation", "开方：标准差"))
    else:
        p.let(spread, with_shape(squares, kept, shape), why)
    if both:
        p.let(outputs[1], with_shape(c, kept, shape), ("and the mean itself", "以及均值本身"))
    order = []
    y = with_shape(symbol(spread, p.bindings[spread]), shape, kept)
    gy = with_shape(symbol("g" + spread, p.bindings["g" + spread]), shape, kept)
    if root:
        given = gy / (2 * y)
        order.append(p.adjoint(vname, (f"(√v)′ = 1/(2√v), and √v is {spread}", f"(√v)′ = 1/(2√v)，而 √v 就是 {spread}"), given))
    order.append(p.adjoint("d"))
    gm = p.adjoint(mean_name)
    order.append(gm)
    if not both:
        from .derivation import Line
        from .terms import term

        order.append(Line(gm.left, term(0), ("the deviations from the mean add up to 0", "偏差之和为 0"), checked=gm.checked))
    order.append(
        p.adjoint(
            "x", ("directly, and through the mean, of which each element is the n-th part", "直接经 d，以及经过均值（每个元素占 1/n）")
        )
    )
    slope = gy * (d / (freedom * y)) if root else gy * (2 * d / freedom)
    collected = [
        (
            slope + with_shape(symbol("gm"), shape, kept) / n if both else slope,
            ("put in; what came through the deviations' mean is 0", "代入；偏差之和为 0，这一部分消失")
            if both
            else ("put gd in", "代入 gd"),
        )
    ]
    p.part("x", order, *collected)
    return p.derivation


def _log_sum_exp(reading: Reading) -> Derivation:
    p, x, axes = Program(reading, _LOG_SUM), reading.symbols["x"], _axes(reading)
    y, kept = reading.symbols["y"], _kept(reading)
    s = p.let("s", _sum(exp(x), axes), ("the sum of exponentials", "指数之和"))
    p.let("y", with_shape(log(s), kept, y.value.shape), ("its logarithm", "取对数"))
    m = Term("max", (x,), {"axis": axes, "keepdims": True})
    p.say(y, with_shape(m + log(_sum(exp(x - m), axes)), kept, y.value.shape),
          ("computed so: with the largest value m drawn out, e^(x - m) can't overflow, and the value stays the same", "实际这样计算：提出最大值 m 后 e^(x - m) 不会溢出，而值不变"))  # fmt: skip
    gy, wide = with_shape(reading.gys["y"], y.value.shape, kept), with_shape(y, y.value.shape, kept)
    order = [
        p.adjoint("s", ("(log s)′ = 1/s", "(log s)′ = 1/s")),
        p.adjoint("x", ("each eˣ is one term of the sum, and (eˣ)′ = eˣ", "每个 eˣ 是和中的一项，且 (eˣ)′ = eˣ")),
    ]
    p.part(
        "x",
        order,
        (gy * (exp(x) / s), ("put gs in: the softmax of x appears", "代入 gs：出现 x 的 softmax")),
        (gy * exp(x - wide), ("s = e^y, and eˣ/e^y = e^(x - y)", "s = e^y，eˣ/e^y = e^(x - y)")),
    )
    return p.derivation


def _norm(reading: Reading) -> Derivation | None:
    x, y, axes, kept = reading.symbols["x"], reading.symbols["y"], _axes(reading), _kept(reading)
    power = float(reading.params["p"])
    program = Program(reading, _NORM)
    gy, wide = with_shape(reading.gys["y"], y.value.shape, kept), with_shape(y, y.value.shape, kept)
    size, sign = call("abs", x), call("sgn", x)
    if power == 0:
        program.derivation.idea = (
            "How many elements aren't 0: a whole number, constant almost everywhere.",
            "不为 0 的元素个数：整数，几乎处处不变。",
        )
        program.let(
            "y", with_shape(_sum(call("not_equal", x, 0), axes), kept, y.value.shape), ("how many elements aren't 0", "不为 0 的元素个数")
        )
        program.part("x", [])
        return program.derivation
    if math.isinf(power):
        word = "max" if power > 0 else "min"
        program.derivation.idea = (
            "Only the elements of the extreme size move the result; where several share it, they share its gradient.",
            "只有达到极值的元素影响结果；若有几个并列，则平分梯度。",
        )
        program.let(
            "y",
            with_shape(Term(word, (size,), {"axis": axes, "keepdims": True}), kept, y.value.shape),
            ("the extreme size", "绝对值的极值"),
        )
        hits = call("iverson", call("equal", size, wide))
        program.part(
            "x",
            [],
            (
                sign * (gy * hits / _sum(hits, axes)),
                (
                    "∂y/∂x is sgn x at the extreme element and 0 elsewhere; equal ones share",
                    "极值元素处 ∂y/∂x 为 sgn x，其余为 0；并列者平分",
                ),
            ),
        )
        return program.derivation
    if power == 1:
        program.let("y", with_shape(_sum(size, axes), kept, y.value.shape), ("the sum of the sizes", "绝对值之和"))
        program.part("x", [program.adjoint("x", ("|x|′ = sgn x", "|x|′ = sgn x"))])
        return program.derivation
    squares = power == 2
    s = program.let(
        "s",
        _sum(square(x) if squares else call("pow", size, power), axes),
        ("the sum of the squares" if squares else "the sum of the powers", "平方和" if squares else "幂之和"),
    )
    program.let("y", with_shape(sqrt(s) if squares else call("pow", s, 1 / power), kept, y.value.shape), ("its root", "开方"))
    if squares:
        gs = program.adjoint("s", ("(√s)′ = 1/(2√s), and √s is y", "(√s)′ = 1/(2√s)，而 √s 就是 y"), gy / (2 * wide))
        order, last = [gs, program.adjoint("x", ("(x²)′ = 2x, one term of the sum each", "(x²)′ = 2x，各是和中的一项"))], x * (gy / wide)
        program.part("x", order, (last, ("put gs in; 2 cancels", "代入 gs，约去 2")))
        return program.derivation
    gs = program.adjoint("s", ("power rule, and s = yᵖ", "幂法则，且 s = yᵖ"), gy * call("pow", wide, 1 - power) / power)
    gx = program.adjoint(
        "x",
        ("(|x|ᵖ)′ = p·|x|ᵖ⁻¹·sgn x", "(|x|ᵖ)′ = p·|x|ᵖ⁻¹·sgn x"),
        symbol("gs", program.bindings["gs"]) * (power * call("pow", size, power - 1) * sign),
    )
    program.part("x", [gs, gx], (sign * gy * call("pow", size / wide, power - 1), ("put gs in; p cancels", "代入 gs，约去 p")))
    return program.derivation
