"""Derivations with indices: from what an element of the result is, by ∂x[i]/∂x[a] = δ and the chain rule, to the record's rule.

    z_ij = Σ_k x_ik·y_kj
    ∂z_ij/∂x_ab = Σ_k δ_ia·δ_kb·y_kj = δ_ia·y_bj
    gx_ab = Σ_ij gz_ij·∂z_ij/∂x_ab = Σ_j gz_aj·y_bj = (gz·yᵀ)_ab

Nothing here knows an operation: what the words of a record's formula mean with indices stands in indexed_meanings.py.
"""

from typing import Any

import numpy as np

from .derivation import Derivation, Line, Part
from .differences import jacobian
from .indexed_calculus import ONE, Letters, NotIndexed, added, contracted, derivative, free, is_number, opened, times
from .indexed_meanings import ELEMENTWISE, element
from .reader import Reading
from .terms import Term, same, symbol

# The letters that teachers use: for the result's places, and for the places of the inputs in their order.
_LETTERS = {
    "convolve": ("nopqr", "meuvt", "afghe", "a"),
    "convolve_adjoint": ("ncuvt", "mapqr", "afghe", "a"),
    "convolve_weight": ("ockls", "mefgh", "abuvt"),
    "windows": ("ncpqrkls", "meuvt"),
    "unwindow": ("ncuvt", "mepqrkls"),
    "window_sum": ("ncpqr", "meuvt"),
    "window_spread": ("ncuvt", "mepqr"),
}

WHY = {
    "definition": ("the definition, element by element", "按元素写出的定义"),
    "delta": ("an element of {x} moves only with itself: its derivative by an element of {x} is δ, 1 if they are the same, else 0", "{x} 的每个元素只随自身变化：它对 {x} 的元素求导得 δ，同一元素为 1，否则为 0"),
    "rules": ("the rules of calculus, element by element", "逐元素应用求导法则"),
    "contract": ("δ keeps one term of the sum: the one where its indices are equal", "δ 只保留求和中两个下标相等的那一项"),
    "chain": (
        "the chain rule: {x} at one place reaches the loss through every {y} that it is in",
        "链式法则：{x} 的每个元素通过它所影响的每个 {y} 作用于损失",
    ),
    "put": ("put the local derivative in", "代入局部导数"),
    "shorten": ("Σ over a δ: only the terms with equal indices are left", "对 δ 求和：只剩下下标相等的项"),
    "solve": (
        "which windows contain this place? Solve the equation in δ for the window; a window outside the result counts as 0",
        "哪些窗口包含这个位置？由 δ 中的等式解出窗口位置；超出结果范围的窗口按 0 计",
    ),
    "meet": ("left are the terms in which the window's place meets this one", "只剩下窗口覆盖到该位置的那些项"),
    "record": ("written with whole arrays: this is what the record computes", "写成整个数组的形式：这正是算子记录所计算的"),
    "summed": (
        "written with whole arrays, summed over the dimensions along which {x} was broadcast: what the record and the engine compute",
        "写成整个数组的形式，并沿 {x} 被广播的维度求和：这正是算子记录与引擎所计算的",
    ),
}  # fmt: skip


def why(key: str, **names) -> tuple[str, str]:
    """A reason, in both languages."""
    return tuple(text.format(**names) for text in WHY[key])  # type: ignore[return-value]


def family(reading: Reading) -> Derivation | None:
    """The derivation with indices of an operation whose words all have a meaning with indices; None for others."""
    record = reading.record
    if len(record.outputs) != 1 or record.keeps or not reading.gradients:
        return None
    output = record.outputs[0]
    formula = reading.outputs.get(output)
    if formula is None or not _numbers(reading) or not _has_structure(formula) or _regrouped(formula):
        return None
    letters = Letters()
    wanted = _wanted(formula)
    y = reading.symbols[output]
    places = tuple(letters.fresh(n, wanted[0]) for n in np.shape(y.value))
    try:
        body = element(formula, places, letters)
        parts = []
        for nr, x in enumerate(reading.inputs):
            if x in reading.gradients:
                inner = Letters()
                inner.used = set(letters.used)
                parts.append(part(reading, x, y, places, body, inner, wanted[1 + nr] if len(wanted) > 1 + nr else "rstuv"))
    except NotIndexed:
        return None
    left = at(y, places)
    return Derivation(
        record.name,
        _idea(body, reading),
        [Line(left, body, why("definition"), checked=y.value)],
        parts,
        {name: s.value for name, s in reading.symbols.items()},
    )


def _has_structure(t: Term) -> bool:
    """Whether a formula is more than one of single elements (those are for scalar calculus)."""
    return (t.word not in ELEMENTWISE and t.word not in ("symbol", "number", "astype")) or any(_has_structure(a) for a in t.args)


def _regrouped(t: Term) -> bool:
    """Whether a formula is a reshape that joins or splits dimensions: told better by places in the flattened array."""
    return (
        t.word == "reshape"
        and t.args[0].word == "symbol"
        and [n for n in np.shape(t.value) if n != 1] != [n for n in np.shape(t.args[0].value) if n != 1]
    )


def _numbers(reading) -> bool:
    """Whether the operation works on real numbers, or treats complex ones as if they were real."""
    complex_ = any(isinstance(t, Term) and t.value.dtype.kind == "c" for t in reading.inputs.values())
    return not (complex_ and reading.record.conj_aware)


def _wanted(formula: Term) -> tuple:
    stack = [formula]
    while stack:
        t = stack.pop()
        if t.word in _LETTERS:
            return _LETTERS[t.word]
        stack.extend(a for a in t.args if isinstance(a, Term))
    return ("ijklmn", *["rstuv"] * 4)


def at(x: Term, places: tuple) -> Term:
    """x at the places; x itself where it has no dimensions."""
    return Term("at", (x, *places)) if places else x


def part(reading: Reading, x: str, y: Term, places: tuple, body: Term, letters: Letters, wanted: str) -> Part:
    """How the gradient reaches the input x of y[places] = body."""
    target = reading.inputs[x]
    own = tuple(letters.fresh(n, wanted) for n in np.shape(target.value))
    raw = derivative(body, x, own)
    local = contracted(raw)
    lines: list[Line] = []
    slope = Term("partial", (at(y, places), at(target, own)), {"is": local})
    found = jacobian(reading, x)
    linear = not _mentions_inside(local, x)
    if not same(raw, local):
        lines.append(Line(slope, raw, why("delta" if linear else "rules", x=x), checked=found))
        lines.append(Line(slope, local, why("contract"), checked=found))
    else:
        lines.append(Line(slope, local, why("delta" if linear else "rules", x=x), checked=found))
    gy, value, rule = (
        reading.gys["g" + y.params["name"]] if "g" + y.params["name"] in reading.gys else reading.gys[y.params["name"]],
        *gradient(reading, x),
    )
    gx = at(symbol("g" + x, value), own)
    chain = added(places, times(at(gy, places), slope))
    lines.append(Line(gx, chain, why("chain", x=x, y=y.params["name"]), checked=value))
    put = added(places, times(at(gy, places), local))
    short = contracted(put)
    if not same(put, short):
        if local.word not in ("number", "delta", "at", "symbol"):
            lines.append(Line(gx, put, why("put"), checked=value))
        lines.append(Line(gx, short, why(_reason(short, local, places)), checked=value))
    else:
        lines.append(Line(gx, put, why("put"), checked=value))
    if not same(rule, short):
        summed = np.shape(reading.gradients[x].value) != np.shape(value)
        lines.append(Line(symbol("g" + x, value), rule, why("summed" if summed else "record", x=x), checked=value))
    return Part(x, lines)


def _mentions_inside(t: Any, x: str) -> bool:
    from .indexed_calculus import mentions

    return mentions(t, x)


def _reason(short: Term, local: Term, places: tuple) -> str:
    """Why a sum over δ came out as it did."""
    left = [p for p in opened(short)[1] if p.word == "delta"]
    if left and any(a.word != "index" for p in left for a in p.args):
        return "meet"
    solved = [p for p in opened(local)[1] if p.word == "delta" and any(a.word not in ("index", "number", "at") for a in p.args)]
    return "solve" if solved and free(local).keys() & {p.params["name"] for p in places} else "shorten"


def gradient(reading: Reading, x: str) -> tuple[np.ndarray, Term]:
    """(value, term) of the gradient of x: the record's rule, with the engine's sum over what was broadcast."""
    t = reading.gradients[x]
    wanted, have = np.shape(reading.inputs[x].value), np.shape(t.value)
    if wanted == have:
        return np.asarray(t.value), t
    lead = len(have) - len(wanted)
    if lead < 0:
        return np.broadcast_to(t.value, wanted), Term("broadcast_to", (t,), {"shape": wanted}, np.broadcast_to(t.value, wanted))
    axes = tuple(range(lead)) + tuple(lead + d for d, n in enumerate(wanted) if n == 1 and have[lead + d] != 1)
    value = np.asarray(t.value).sum(axes).reshape(wanted)
    if not axes:
        return np.broadcast_to(t.value, wanted), Term("broadcast_to", (t,), {"shape": wanted}, np.broadcast_to(t.value, wanted))
    made = Term("sum", (t,), {"axis": axes}, np.asarray(t.value).sum(axes))
    return value, made if made.value.shape == wanted else Term("reshape", (made,), {"shape": wanted}, value)


def _idea(body: Term, reading: Reading) -> tuple[str, str]:
    return (
        "Write one element of the result with indices, differentiate it by one element of the input, and add up over all results (the chain rule).",
        "用下标写出结果的一个元素，对输入的一个元素求导，再按链式法则对所有结果求和。",
    )


__all__ = ["ONE", "at", "family", "gradient", "is_number", "part", "why"]
