"""Derivations with indices: from what an element of the result is, by ∂x[i]/∂x[a] = δ and the chain rule, to the record's rule.

    z_ij = Σ_k x_ik·y_kj
    ∂z_ij/∂x_ab = Σ_k δ_ia·δ_kb·y_kj = δ_ia·y_bj
    gx_ab = Σ_ij gz_ij·∂z_ij/∂x_ab = Σ_j gz_aj·y_bj = (gz·yᵀ)_ab

Nothing here knows an operation: what the words of a record's formula mean with indices stands in indexed_meanings.py.
"""

from typing import Any

import numpy as np

from . import indexed_windows  # noqa: F401  registers its words
from .derivation import Derivation, Line, Part
from .differences import jacobian
from .indexed_calculus import ONE, Letters, NotIndexed, added, contracted, derivative, is_number, mentions, opened, times
from .indexed_meanings import ELEMENTWISE, element
from .reader import Reading
from .terms import Term, same, symbol, term

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
    "weighted": (
        "the chain rule, with each row's gradient weighted by scale: 0 for the padding row, or one over how often a row was taken. "
        "That is the layer's convention, not part of the derivative",
        "链式法则，并用 scale 给每一行的梯度加权：填充行为 0，或者除以该行被取用的次数。这是该层的约定，并非导数的一部分",
    ),
    "shorten": ("Σ over a δ: only the terms with equal indices are left", "对 δ 求和：只剩下下标相等的项"),
    "solve": (
        "which windows contain this place? Solve the equation in δ for the window's index; what lies outside an array counts as 0",
        "哪些窗口包含这个位置？由 δ 中的等式解出窗口的下标；超出数组范围的按 0 计",
    ),
    "meet": (
        "which windows contain this place? Those for which the condition holds",
        "哪些窗口包含这个位置？就是满足条件的那些",
    ),
    "place": (
        "solve the equation in δ for the result's index: where this element went; outside the result it counts as 0",
        "由 δ 中的等式解出结果的下标：该元素去了哪里；超出结果范围的按 0 计",
    ),
    "back": (
        "each gradient goes back to where its value came from: a place taken twice adds up, a place not taken gets 0",
        "每个梯度回到其取值的来源：被取两次的位置累加，未被取到的位置为 0",
    ),
    "condition": (
        "the condition in brackets says which results the element is in",
        "方括号里的条件说明该元素出现在哪些结果中",
    ),
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
                parts.append(part(reading, x, y, places, body, formula, inner, wanted[1 + nr] if len(wanted) > 1 + nr else "rstuv"))
    except NotIndexed:
        return None
    left = at(y, places)
    return Derivation(
        record.name,
        _idea(body, formula),
        [*_given(reading, body), Line(left, body, why("definition"), checked=y.value)],
        parts,
        {name: s.value for name, s in reading.symbols.items()},
    )


def reduction(reading: Reading) -> Derivation | None:
    """The derivation of a plain sum or mean; None for others."""
    formula = next(iter(reading.outputs.values()), None)
    plain = formula is not None and formula.word in ("sum", "mean") and formula.args[0].word == "symbol"
    return family(reading) if plain else None


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


def part(reading: Reading, x: str, y: Term, places: tuple, body: Term, formula: Term, letters: Letters, wanted: str) -> Part:
    """How the gradient reaches the input x of y[places] = body."""
    target = reading.inputs[x]
    own = tuple(letters.fresh(n, wanted) for n in np.shape(target.value))
    raw = derivative(body, x, own)
    local = contracted(raw)
    lines: list[Line] = []
    slope = Term("partial", (at(y, places), at(target, own)), {"is": local})
    found = jacobian(reading, x)
    linear = not mentions(local, x)
    if not _alike(raw, local):
        lines.append(Line(slope, raw, why("delta" if linear else "rules", x=x), checked=found))
        lines.append(Line(slope, local, why("contract"), checked=found))
    else:
        lines.append(Line(slope, local, why("delta" if linear else "rules", x=x), checked=found))
    gy, (value, rule) = reading.gys[y.params["name"]], gradient(reading, x)
    gx = at(symbol("g" + x, value), own)
    chain = added(places, times(at(gy, places), slope))
    weights = reading.symbols.get("scale")
    if weights is not None and mentions(rule, "scale") and not mentions(formula, "scale"):
        raw, local = (
            _weighted(raw, weights, own[0]),
            _weighted(local, weights, own[0]),
        )  # what is handed back is not the plain derivative here
    else:
        weights = None
        lines.append(Line(gx, chain, why("chain", x=x, y=y.params["name"]), checked=value))
    key = _reason(raw, formula)
    slope_in = raw if key == "solve" and "total" in words_of(raw) else local  # to solve for the window, its index must be there
    put = added(places, times(at(gy, places), slope_in))
    short = contracted(put)
    if not _alike(put, short):
        if weights is not None or local.word not in ("number", "delta", "at", "symbol"):
            lines.append(Line(gx, put, why("put" if weights is None else "weighted"), checked=value))
        if key == "solve" and words_of(short) & {"delta", "iverson"}:
            key = "meet"
        lines.append(Line(gx, short, why(key), checked=value))
    else:
        lines.append(Line(gx, put, why("put"), checked=value))
    if not same(rule, short):
        if np.shape(reading.gradients[x].value) != np.shape(value):
            reason = why("summed", x=x)
        else:
            reason = next((text for word, text in _NAMED.items() if word in words_of(rule)), why("record"))
        lines.append(Line(symbol("g" + x, value), rule, reason, checked=value))
    return Part(x, lines)


def _weighted(t: Term, weights: Term, row: Term) -> Term:
    """The term with every choice of a row by an index weighted, as an embedding weighs its rows' gradients."""
    if t.word == "delta":
        index = next((a for a in t.args if a.word == "at"), None)
        return t if index is None or not any(same(a, row) for a in t.args) else times(t, Term("at", (weights, *index.args[1:], term(0))))
    return Term(t.word, tuple(_weighted(a, weights, row) for a in t.args), t.params) if t.args else t


_WINDOWS = frozenset("convolve convolve_adjoint convolve_weight windows unwindow window_sum window_spread sliding".split())

# What the whole-array form of a gradient is called.
_NAMED = {
    "convolve_adjoint": (
        "the transposed convolution: every gy times the kernel, added up where its window lay. This is what the record computes",
        "转置卷积：每个 gy 乘以卷积核，加回其窗口所在的位置。这正是算子记录所计算的",
    ),
    "convolve_weight": (
        "a convolution of the input with the gradient: over all places, input times gradient. This is what the record computes",
        "输入与梯度的卷积：在所有位置上把输入与梯度相乘再求和。这正是算子记录所计算的",
    ),
    "cumulative_sum": (
        "a running sum from the far end: turn round, add up, turn back. This is what the record computes",
        "从末端开始的累积和：翻转、累加、再翻转回来。这正是算子记录所计算的",
    ),
    "scatter_add": (
        "adding gy up where the values were taken from: this is what the record computes",
        "把 gy 累加到取值的位置：这正是算子记录所计算的",
    ),
    "index_add": (
        "adding gy up where the values were taken from: this is what the record computes",
        "把 gy 累加到取值的位置：这正是算子记录所计算的",
    ),
    "broadcast_to": (
        "the same gradient for every element of the sum, repeated: this is what the record computes",
        "求和中的每个元素得到同样的梯度，重复铺开即可：这正是算子记录所计算的",
    ),
    "window_spread": (
        "each window's share spread over its places, overlaps added up: this is what the record computes",
        "把每个窗口的份额分给它覆盖的各个位置，重叠处相加：这正是算子记录所计算的",
    ),
    "matmul": (
        "as a product of matrices: the sum runs over neighbouring indices, so one factor is transposed. This is what the record computes",
        "写成矩阵乘积：求和的下标要相邻，因此其中一个因子要转置。这正是算子记录所计算的",
    ),
}


def _reason(raw: Term, formula: Term) -> str:
    """Why a sum over δ came out as it did."""
    met = [d for d in _deltas(raw) if any(a.word not in ("index", "number") for a in d.args)]
    if any(a.word == "at" for d in met for a in d.args):
        return "back"
    if met:
        return "solve" if words_of(formula) & _WINDOWS else "place"
    return "condition" if "iverson" in words_of(raw) else "shorten"


def _deltas(t: Any) -> list:
    return [] if not isinstance(t, Term) else [t] if t.word == "delta" else [d for a in t.args for d in _deltas(a)]


def words_of(t: Any) -> set:
    """All words in a term."""
    return {t.word}.union(*map(words_of, t.args)) if isinstance(t, Term) else set()


def _alike(a: Term, b: Term) -> bool:
    """The same sum of the same factors, however they are bracketed."""
    (i, p), (j, q) = opened(a), opened(b)
    return len(p) == len(q) and [k.params["name"] for k in i] == [k.params["name"] for k in j] and all(map(same, p, q))


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


_IDEAS = {
    "matmul": (
        "Every element of the product is a row times a column: an element of a factor meets one row (or column) of the other factor, and its gradient adds up along it.",
        "乘积的每个元素都是一行乘一列：因子中的一个元素只与另一个因子的一行（或一列）相遇，它的梯度沿着那里累加。",
    ),
    "convolve": (
        "An input element lies in several windows; each window it is in hands back its gradient, times the weight under which it lay.",
        "一个输入元素落在若干个窗口里；每个窗口把自己的梯度乘以覆盖它的那个权重交还给它。",
    ),
    "convolve_adjoint": (
        "The transposed convolution spreads every element over a window: its gradient collects from that window, which is a convolution.",
        "转置卷积把每个元素铺到一个窗口上：它的梯度就从该窗口收集回来，也就是一次卷积。",
    ),
    "window_sum": (
        "Every element of a window counts the same: the window's gradient, divided among them, goes back to each; overlapping windows add up.",
        "窗口中每个元素的作用相同：窗口的梯度均分给它们；重叠的窗口相加。",
    ),
    "cumulative_sum": (
        "An element is in every running sum from its own place on: its gradient is the sum of theirs, a running sum from the far end.",
        "元素出现在从自己位置开始的每个累积和中：它的梯度是那些梯度之和，即从末端开始的累积和。",
    ),
    "mean": (
        "Every element counts 1/n: each gets the gradient of the mean, divided by n.",
        "每个元素的作用都是 1/n：各得到均值的梯度除以 n。",
    ),
    "sum": ("Every element counts 1: each gets the gradient of its sum, unchanged.", "每个元素的作用都是 1：各原样得到所属之和的梯度。"),
    "broadcast_to": (
        "One element is shown at many places: the gradients of all of them add up.",
        "一个元素在多处出现：所有这些位置的梯度相加。",
    ),
    "resample": (
        "Every result is a weighted sum of its neighbours: each neighbour gets the gradient back under the same weight.",
        "每个结果都是邻近元素的加权和：每个邻近元素按同样的权重取回梯度。",
    ),
    "constant_pad": (
        "What was put around has no gradient; the kept elements take theirs back from where they stand now.",
        "填充进来的部分没有梯度；保留的元素从现在的位置取回各自的梯度。",
    ),
}
_MOVES = (
    "Only places change, values don't: each gradient goes back to where its value came from, and adds up where a value was taken more than once.",
    "改变的只是位置，数值不变：每个梯度回到其取值的来源，被多次取用的位置累加。",
)
_GENERAL = (
    "Write one element of the result with indices, differentiate it by one element of the input, and add up over all results (the chain rule).",
    "用下标写出结果的一个元素，对输入的一个元素求导，再按链式法则对所有结果求和。",
)


def _idea(body: Term, formula: Term) -> tuple[str, str]:
    """One sentence on the way taken."""
    words = words_of(formula)
    found = next((text for word, text in _IDEAS.items() if word in words), None)
    return found or (_MOVES if body.word == "at" else _GENERAL)


SHOWN = 24  # elements up to which an index array is written out


def _given(reading: Reading, body: Term) -> list[Line]:
    """The index arrays that the formula reads, where they are small."""
    lines = []
    for name, s in reading.symbols.items():
        a = np.asarray(s.value)
        if a.dtype.kind in "iu" and a.ndim and 0 < a.size <= SHOWN and name not in reading.record.outputs and _reads(body, name):
            lines.append(Line(s, term(nested(a)), ("the places here", "这里的位置"), checked=a))
    return lines


def nested(a: np.ndarray) -> Any:
    """An array of whole numbers as tuples."""
    return tuple(map(nested, a)) if a.ndim else int(a)


def _reads(t: Any, name: str) -> bool:
    return isinstance(t, Term) and ((t.word == "symbol" and t.params["name"] == name) or any(_reads(a, name) for a in t.args))


__all__ = ["ONE", "at", "family", "gradient", "is_number", "part", "why"]
