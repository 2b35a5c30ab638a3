"""Searches and counts, told by indices: places of extremes, ranks, membership, histograms. None of them has a gradient."""

from typing import Any

import numpy as np

from .derivation import Derivation, Line
from .indexed import at
from .indexed_calculus import Letters, NotIndexed
from .indexed_meanings import element
from .reader import Reading
from .terms import Term, call, index, symbol, total

_WHY = {
    "truth": (
        "The result is true or false. A small change of the input leaves it as it is, except where it jumps: its derivative is 0 or doesn't exist, so no gradient passes.",
        "结果只有真或假。输入的微小变化不会改变它，只在某些点发生跳变：导数要么为 0，要么不存在，因此没有梯度通过。",
    ),
    "place": (
        "The result counts places. A small change of the values leaves them as they are, except where it jumps: the derivative is 0 or doesn't exist, so no gradient passes.",
        "结果是位置编号。数值的微小变化不会改变它，只在某些点发生跳变：导数要么为 0，要么不存在，因此没有梯度通过。",
    ),
    "counts": (
        "It counts, and counts jump by 1 as values move from one box to the next: the derivative is 0 or doesn't exist. PyTorch gives none for the weights either.",
        "它在计数，当数值从一个区间移到另一个区间时计数以 1 跳变：导数要么为 0，要么不存在。PyTorch 对权重也不提供梯度。",
    ),
}  # fmt: skip

_COUNTS = frozenset("bincount bincount_weighted histogram count_nonzero".split())


def family(reading: Reading) -> Derivation | None:
    """The definition of a search or a count; None for others (elementwise ones are in nogradient.py)."""
    record = reading.record
    if reading.gradients or (record.name not in _TOLD and record.name not in ("all", "any", "count_nonzero", "histogram")):
        return None
    (name,) = record.outputs
    truth = reading.symbols[name].value.dtype.kind == "b"
    idea = _WHY["counts" if record.name in _COUNTS else "truth" if truth else "place"]
    return Derivation(record.name, idea, _definition(reading, name), [], {n: s.value for n, s in reading.symbols.items()})


def _definition(reading: Reading, name: str) -> list[Line]:
    y, formula = reading.symbols[name], reading.outputs[name]
    told = _TOLD.get(reading.record.name)
    if told is not None:
        found = told(reading, y)
        if found is not None:
            return found
    letters = Letters()
    places = tuple(letters.fresh(n, "ijkl") for n in y.value.shape)
    text = ("the definition, element by element", "按元素写出的定义")
    try:
        return [Line(at(y, places), element(formula, places, letters), text, checked=y.value)]
    except (NotIndexed, TypeError):
        return [Line(y, formula, ("the definition", "定义"), checked=y.value)]


# ---- definitions that say more than the record's own word -------------------------------------------------------------------


def _iverson(t: Term) -> Term:
    return Term("iverson", (t,))


def _bincount(reading: Reading, y: Term) -> list[Line]:
    x = reading.inputs["x"]
    v, i = index("v", y.value.size), index("i", x.value.size)
    hit = _iverson(call("equal", Term("at", (x, i)), v))
    if "w" in reading.inputs and reading.inputs["w"] is not None:
        hit = hit * Term("at", (reading.inputs["w"], i))
    return [
        Line(
            Term("at", (y, v)),
            total([i], hit),
            ("how many of x equal v (or their weights, added up)", "x 中等于 v 的个数（或其权重之和）"),
            checked=y.value,
        )
    ]


def _isin(reading: Reading, y: Term) -> list[Line] | None:
    x, t = reading.inputs["x"], reading.inputs["t"]
    if not isinstance(t, Term) or not isinstance(x, Term) or reading.params.get("invert"):
        return None
    letters = Letters()
    places = tuple(letters.fresh(n, "ijkl") for n in x.value.shape)
    among = tuple(letters.fresh(n, "mnop") for n in t.value.shape)
    hits = total(among, _iverson(call("equal", at(x, places), at(t, among)))) if among else _iverson(call("equal", at(x, places), t))
    return [
        Line(
            at(y, places),
            call("greater", hits, 0),
            ("whether at least one element of t equals it", "t 中是否至少有一个元素与它相等"),
            checked=y.value,
        )
    ]


def _searchsorted(reading: Reading, y: Term) -> list[Line] | None:
    s, v = reading.inputs["s"], reading.inputs["v"]
    if not isinstance(v, Term):
        return None
    letters = Letters()
    places = tuple(letters.fresh(n, "ijkl") for n in v.value.shape)
    k = letters.fresh(s.value.shape[-1], "mn")
    lane = places[:-1] if s.value.ndim > 1 else ()
    word = "less" if reading.params.get("side") == "left" else "less_equal"
    below = _iverson(call(word, at(s, (*lane, k)), at(v, places)))
    return [
        Line(
            at(y, places),
            total([k], below),
            ("how many of the sorted s stand before it", "有序的 s 中排在它前面的元素个数"),
            checked=y.value,
        )
    ]


def _argument(best: str) -> Any:
    def told(reading: Reading, y: Term) -> list[Line] | None:
        """The first place whose element is the extreme one: every earlier element is worse."""
        x = reading.inputs["x"]
        n = x.value.ndim
        axis = reading.params.get("axis")
        axes = range(n) if axis is None else [a % n for a in (axis if isinstance(axis, (tuple, list)) else (axis,))] if n else []
        if not n or (len(list(axes)) > 1 and n > 1):
            flat = symbol("x_flat", x.value.reshape(-1))
            top = symbol("m", np.max(flat.value) if best == "max" else np.min(flat.value))
            return [
                Line(top, call(best, x), ("the extreme value", "极值"), checked=top.value),
                Line(top, Term("at", (flat, y)), ("y is the first place at which it stands, counted in order", "y 是按顺序数第一个取到它的位置"), checked=top.value),
            ]  # fmt: skip
        (axis,) = list(axes)
        letters = Letters()
        keep = y.value.ndim == n
        lane = tuple(letters.fresh(m, "ijkl") for d, m in enumerate(x.value.shape) if d != axis)
        flat = y.value.reshape([m for d, m in enumerate(x.value.shape) if d != axis])
        where = y if not keep else symbol("y_flat", flat)
        chosen = Term("at", (where, *lane)) if lane else where
        inner = (*lane[:axis], chosen, *lane[axis:])
        extreme = (x.value.max if best == "max" else x.value.min)(axis)
        word = ("largest", "最大") if best == "max" else ("smallest", "最小")
        top = symbol("m", extreme)
        return [
            Line(top, Term(best, (x,), {"axis": axis}), (f"the {word[0]} element of each lane", f"每一组中{word[1]}的元素"), checked=extreme),
            Line(Term("at", (symbol("m", extreme), *lane)) if lane else symbol("m", extreme), Term("at", (x, *inner)), (f"y is the first place of the {word[0]} element m of each lane", f"y 是每一组中{word[1]}元素 m 第一次出现的位置"), checked=extreme),
        ]  # fmt: skip

    return told


_TOLD = {
    "bincount": _bincount, "bincount_weighted": _bincount, "isin": _isin, "searchsorted": _searchsorted, "argmax": _argument("max"), "argmin": _argument("min"),
}  # fmt: skip
