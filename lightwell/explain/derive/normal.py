"""Batch, layer and group normalisation: mean, deviation, variance, scale and shift, and the way back through all of them."""

import numpy as np

from .derivation import Derivation
from .programs import Program, with_shape
from .reader import Reading
from .terms import Term, call, symbol

_IDEA = (
    "x enters three times: as itself, in the mean and in the variance. Name each step, go back step by step, and collect: what "
    "remains of gh is what neither shifts all elements alike nor stretches them.",
    "x 出现三次：它本身、均值之中、方差之中。给每一步起名，再逐步往回求导并合并：gh 中只留下既不整体平移、也不整体伸缩的部分。",
)
_FIXED = (
    "Mean and deviation are given numbers here (as in evaluation): one straight line for each channel.",
    "这里均值与标准差是给定的数（如评估模式）：每个通道只是一条直线。",
)


def mean(t, axes):
    """The mean over dimensions, which stay with size 1."""
    return Term("mean", (t,), {"axis": axes, "keepdims": True})


def family(reading: Reading) -> Derivation | None:
    """The derivation of a normalisation; None for any other operation."""
    if any(t.word == "moments" for o in reading.outputs.values() if o is not None for t in _within(o)):
        return _normalised(reading)
    if reading.record.name == "fixed_batch_norm":
        return _fixed(reading)
    return None


def _within(t):
    yield t
    for a in t.args:
        yield from _within(a)


def _normalised(reading: Reading) -> Derivation:
    given, params = reading.given, reading.params
    view, axes, wide, wshape = (tuple(params[k]) if params[k] is not None else None for k in ("view", "axes", "wide", "wshape"))
    axes = tuple(a for a in axes if view[a] != 1) or axes
    p, x = Program(reading, _IDEA), reading.symbols["x"]
    shape, eps = x.value.shape, given["eps"].term if hasattr(given["eps"], "term") else given["eps"]
    u = x
    if with_shape(x, shape, view).word == "reshape":
        u = p.let("u", with_shape(x, shape, view), (f"x seen as {'×'.join(map(str, view))}", f"把 x 看成 {'×'.join(map(str, view))}"))
    else:
        u = with_shape(x, shape, view)
    m = p.let("m", mean(u, axes), ("the mean", "均值"))
    d = p.let("d", u - m, ("the deviations from it", "与均值之差"))
    v = p.let("v", mean(call("square", d), axes), ("the variance: the mean of the squares", "方差：平方的均值"))
    r = p.let("r", 1 / call("sqrt", v + eps), ("one over the standard deviation; ε keeps it finite", "标准差的倒数；ε 防止除以 0"))
    h = p.let("h", d * r, ("normalised: mean 0, variance 1", "标准化：均值 0、方差 1"))
    y, seen = with_shape(h, view, wide), []
    for name, word in (("w", "multiply"), ("b", "add")):
        if reading.inputs.get(name) is not None:
            s = reading.symbols[name]
            y = call(word, y, with_shape(s, s.value.shape, wshape))
            seen.append(name)
    p.let("y", with_shape(y, wide, shape), ("scale and shift" if seen else "the result", "缩放与平移" if seen else "结果"))
    if "x" in reading.gradients:
        _back(p, u, axes, int(np.prod([view[a] for a in axes])))
    for name in ("w", "b"):
        if name in reading.gradients:
            why = {
                "w": ("w multiplies h everywhere: add up over all places it is used", "w 处处与 h 相乘：对用到它的所有位置求和"),
                "b": ("b is added everywhere: the gradients add up", "b 处处相加：梯度求和"),
            }[name]
            p.part(name, [p.adjoint(name, why)])
    return p.derivation


def _back(p: Program, u: Term, axes, n: int) -> None:
    h, r = (Term("symbol", (), {"name": k}, p.bindings[k]) for k in "hr")
    gh = p.adjoint("h")
    g = gh.left
    order = [
        gh,
        p.adjoint("r", ("h = d·r: r scales every deviation", "h = d·r：r 缩放每个偏差")),
        p.adjoint("v", ("r = (v + ε)^(-1/2), so ∂r/∂v = -r³/2", "r = (v + ε)^(-1/2)，故 ∂r/∂v = -r³/2"), symbol("gr") * (-call("pow", r, 3) / 2)),
        p.adjoint("d", ("d is used in v, which averages d² over n elements, and in h", "d 用于 v（对 n 个元素的 d² 取平均）和 h")),
        p.adjoint("m", ("d = u - m: every deviation moves against m" if "u" in p.bindings else "d = x - m: every deviation moves against m", "每个偏差都随 m 反向变化")),
    ]  # fmt: skip
    name = "u" if "u" in p.bindings else "x"
    order.append(
        p.adjoint(
            name,
            (
                "directly through d, and through the mean, to which each of the n elements adds 1/n",
                "直接经 d，以及经过均值（n 个元素各占 1/n）",
            ),
        )
    )
    view = np.shape(p.bindings["h"])
    shape = np.shape(p.bindings[name])
    apart = r * g - mean(r * g, axes) - h * r * mean(g * h, axes)
    whole = r * (g - mean(g, axes) - h * mean(g * h, axes))
    collected = [
        (with_shape(apart, view, shape), ("collect: Σd = 0, so v's part adds nothing to gm; and gv·2d/n = -r·h·mean(gh·h)", "合并：因 Σd = 0，v 的部分对 gm 无贡献；且 gv·2d/n = -r·h·mean(gh·h)")),
        (with_shape(whole, view, shape), ("factor r out", "提出公因子 r")),
    ]  # fmt: skip
    if name == "u":
        from .derivation import Line

        order += [Line(order[-1].left, t, why, checked=order[-1].checked) for t, why in collected]
        collected = []
        order.append(p.adjoint("x", ("back in x's shape", "恢复 x 的形状")))
    p.part("x", order, *collected)


def _fixed(reading: Reading) -> Derivation:
    p = Program(reading, _FIXED)
    x, m, r = (reading.symbols[k] for k in ("x", "m", "r"))
    wshape = tuple(reading.params["wshape"]) if reading.params["wshape"] is not None else None
    h = p.let("h", (x - m) * r, ("normalised with the given mean and deviation", "用给定的均值和标准差标准化"))
    y = h
    for name, word in (("w", "multiply"), ("b", "add")):
        if reading.inputs.get(name) is not None:
            s = reading.symbols[name]
            y = call(word, y, with_shape(s, s.value.shape, wshape))
    p.let("y", y, ("scale and shift", "缩放与平移"))
    p.adjoint("h")
    for name in reading.gradients:
        p.part(name, ["h", "x"] if name == "x" else [name])
    return p.derivation
