"""Operations that only move elements: y[i] is one element of an input, the one at p[i]. Each gradient goes back the same way.

p is found by running the operation's formula on positions instead of values. Where the values themselves decide (sort, topk,
max pooling), the operation tells the places in its second output, and the derivation reads them from there.
"""

import math
from typing import Any

import numpy as np

from .derivation import Derivation, Line, Part
from .differences import Lazy, jacobian
from .indexed import at, gradient, nested, why
from .indexed_calculus import Letters, added, contracted, derivative, shifted
from .reader import Reading, compute
from .terms import Term, call, index, symbol, term

# Words that leave every element as it is.
MOVING = frozenset(
    "reshape permute_dims matrix_transpose squeeze expand_dims flip roll broadcast_to tile getitem take take_along_axis strided sliding "
    "windows diagonal pool_take concat stack index_set scatter_set strided_set put_along_axis constant_pad where asarray astype zeros_like "
    "zeros full_like view_as_complex".split()
)
SHOWN = 24  # elements up to which p is written out
LARGEST = 4_000_000  # elements up to which p is worked out

WHY = {
    "p": ("found by running the same operation on the positions 0, 1, 2, … instead of the values", "把同一个操作作用在位置编号 0, 1, 2, … 上（而不是数值上）即可得到"),
    "none": ("-1 marks what came from elsewhere", "-1 表示该元素来自别处"),
    "moved": ("elements counted in order: every element of {y} is an element of {x}, unchanged", "按顺序给元素编号：{y} 的每个元素都原封不动地取自 {x}"),
    "some": ("elements counted in order: these elements of {y} are elements of {x}, unchanged", "按顺序给元素编号：{y} 的这些元素原封不动地取自 {x}"),
    "local": ("1 where the element comes from there, else 0", "该元素取自那里则为 1，否则为 0"),
    "chain": ("the chain rule", "链式法则"),
    "once": ("each gradient goes back to where its value came from: a place not taken gets 0", "每个梯度回到其取值的来源；未被取到的位置为 0"),
    "twice": (
        "each gradient goes back to where its value came from: a place taken several times adds up, a place not taken gets 0",
        "每个梯度回到其取值的来源：被取多次的位置把梯度相加，未被取到的位置为 0",
    ),
    "record": ("under the input's shape: what the record computes", "恢复成输入的形状：这正是算子记录所计算的"),
    "pool": ("where the largest element of each window lies (the first of equal ones), counted in the flattened picture", "每个窗口中最大元素的位置（并列时取第一个），按展平后的图像编号"),
    "flat": ("counted in the flattened picture", "按展平后的图像编号"),
    "unflat": ("row and column from the flat place: the quotient and the remainder by the width", "由展平位置求行列：除以宽度的商与余数"),
    "taken": ("the value is the element of x at that place", "该值就是 x 在那个位置上的元素"),
    "whole": ("every element keeps its value; only its place changes", "每个元素的数值不变，改变的只是位置"),
    "gone": ("nothing of {x} is left in the result", "结果里不含 {x} 的任何元素"),
    "indices": ("the second output tells where each value was found", "第二个输出说明每个值取自哪里"),
}  # fmt: skip

IDEA = {
    "moved": (
        "Only places change, values don't: find out where each result came from, and send its gradient back there.",
        "改变的只是位置，数值不变：找出每个结果来自哪里，再把梯度送回那里。",
    ),
    "chosen": (
        "Which element wins depends on the values, but a small change doesn't alter the choice: the derivative is 1 at the winner and 0 elsewhere. Where several tie, the one that the operation reports counts.",
        "选中哪个元素取决于数值，但微小的变化不会改变选择：被选中者的导数为 1，其余为 0。并列时以操作报告的那个为准。",
    ),
    "tie": (
        "A small change moves only the extreme value itself. Where several elements tie for it, they share the gradient evenly: a convention, as the function has a corner there.",
        "微小变化只影响取到极值的元素。若有多个元素并列取到极值，则平分梯度：函数在那里有尖点，这是一种约定。",
    ),
}  # fmt: skip


def say(key: str, **names) -> tuple[str, str]:
    """A reason, in both languages."""
    return tuple(text.format(**names) for text in WHY[key])  # type: ignore[return-value]


def family(reading: Reading) -> Derivation | None:
    """The derivation of an operation that moves or chooses elements; None for any other."""
    if not reading.gradients:
        return None
    return _chosen(reading) or _extreme(reading) or _large(reading) or _moved(reading)


# ---- p found by running the operation on positions ------------------------------------------------------------------------


def words_of(t: Any) -> set:
    """The words of a term, without those that its integer arguments were computed with."""
    if not isinstance(t, Term):
        return set()
    if t.value is not None and getattr(t.value, "dtype", np.dtype(float)).kind in "iub":
        return set()
    return {t.word}.union(*map(words_of, t.args))


def origins(reading: Reading, t: Term | None, name: str, words=MOVING) -> dict[str, np.ndarray] | None:
    """For each input the array of places in it that the elements of an output come from, -1 for what comes from elsewhere."""
    if t is None or not words_of(t) - {"symbol", "number"} <= words:
        return None
    sources = {n: s for n, s in reading.inputs.items() if isinstance(s, Term) and s.value.dtype.kind in "fc"}
    count = sum(s.value.size for s in sources.values())
    if not sources or max(count, np.size(t.value)) > LARGEST:
        return None
    first, starts, start = {}, {}, 0
    for n, s in sources.items():
        starts[n] = start
        first[n] = np.arange(start, start + s.value.size, dtype=np.float64).reshape(s.value.shape)
        start += s.value.size
    second = {n: a + count for n, a in first.items()}
    try:
        a, b = (np.asarray(run(t, places)) for places in (first, second))
    except (TypeError, ValueError, IndexError):
        return None
    step = np.nan_to_num(b - a)
    if a.shape != np.shape(t.value) or not np.isin(step, (0, count)).all():
        return None
    found = np.where(step == count, a, -1).astype(np.int64)
    out = {}
    for n, s in sources.items():
        mine = (found >= starts[n]) & (found < starts[n] + s.value.size)
        out[n] = np.where(mine, found - starts[n], -1)
        if mine.any() and not np.array_equal(s.value.reshape(-1)[out[n][mine]], np.asarray(t.value)[mine], equal_nan=True):
            return None
    return out


def run(t: Any, values: dict) -> Any:
    """A term's value with other arrays for some symbols."""
    if not isinstance(t, Term):
        return type(t)(run(a, values) for a in t) if type(t) in (list, tuple) else t
    if t.word == "symbol":
        return values.get(t.params["name"], t.value)
    if t.word == "number":
        return t.params["number"]
    if t.value is not None and getattr(t.value, "dtype", np.dtype(float)).kind in "iub":
        return t.value  # an index, a mask: no value that moves
    if t.word == "part":
        return run(t.args[0], values)[t.params["nr"]]
    if t.word in ("astype", "asarray"):
        return run(t.args[0], values)
    if t.word in ("zeros_like", "full_like", "zeros"):
        return t.value
    return compute(t.word, [run(a, values) for a in t.args], {k: run(v, values) for k, v in t.params.items()})


def _large(reading: Reading) -> Derivation | None:
    """The same for arrays whose places nobody wants to see one by one: the formula, and the gradient's way back."""
    names = [n for n, t in reading.outputs.items() if t is not None and "g" + n in reading.symbols]
    formulas = [reading.outputs[n] for n in names]
    if not names or not all(words_of(t) - {"symbol", "number"} <= MOVING for t in formulas):
        return None
    if max(np.size(t.value) for t in formulas) <= LARGEST and all(np.size(s.value) <= LARGEST for s in reading.symbols.values()):
        return None
    definition = [Line(reading.symbols[n], t, say("whole"), checked=t.value) for n, t in zip(names, formulas)]
    parts = []
    for x in reading.gradients:
        value, rule = gradient(reading, x)
        parts.append(Part(x, [Line(symbol("g" + x, value), rule, say("twice"), checked=value)]))
    return Derivation(reading.record.name, IDEA["moved"], definition, parts, {n: s.value for n, s in reading.symbols.items()})


def _moved(reading: Reading) -> Derivation | None:
    found, definition, bindings = {}, [], {n: s.value for n, s in reading.symbols.items()}
    for name, t in reading.outputs.items():
        places = origins(reading, t, name)
        if places is None:
            return None
        found[name] = places
    if not found:
        return None
    several = len(found) > 1
    parts: dict[str, Part] = {}
    told: dict[str, list] = {}
    for name, places in found.items():
        y = reading.symbols[name]
        for x, p in places.items():
            if x not in reading.gradients or not p.size or ((p < 0).all() and (several or x not in _only(places))):
                continue
            told.setdefault(x, []).append((y, p))
    for x in reading.gradients:
        pairs = told.get(x, [])
        lines, extra = _moved_part(reading, x, pairs, definition, bindings, several or len(reading.gradients) > 1)
        parts[x] = Part(x, lines)
        bindings.update(extra)
    return Derivation(reading.record.name, IDEA["moved"], definition, list(parts.values()), bindings)


def _only(places: dict) -> list:
    return [n for n, p in places.items() if (p >= 0).any()]


def _moved_part(reading, x: str, pairs: list, definition: list, bindings: dict, marked: bool) -> tuple[list, dict]:
    """The lines of one input: where its elements went, and how the gradients come back."""
    target = reading.inputs[x]
    value, rule = gradient(reading, x)
    flat_x = symbol(x + "_flat", target.value.reshape(-1))
    extra = {x + "_flat": flat_x.value}
    lines: list = []
    j = index("j", target.value.size)
    gx = Term("at", (symbol(f"g{x}_flat"), j))
    chain: Term | None = None
    back: Term | None = None
    repeated = False
    for nr, (y, p) in enumerate(pairs):
        name = y.params["name"]
        mark = f"{name}_{x}" if len(pairs) > 1 else x if marked else ""
        where = symbol("p_" + mark if mark else "p", p.reshape(-1))
        flat_y = symbol(name + "_flat", np.asarray(y.value).reshape(-1))
        gy = symbol(f"g{name}_flat", reading.gys[name].value.reshape(-1))
        extra.update({s.params["name"]: s.value for s in (where, flat_y, gy)})
        whole = bool((p >= 0).all())
        if p.size <= SHOWN:
            reason = say("p") if whole else tuple(a + sep + b for a, sep, b in zip(say("p"), ("; ", "；"), say("none")))
            definition.append(Line(where, term(tuple(int(v) for v in where.value)), reason, checked=where.value))
        i = index("i", p.size)
        p_i = Term("at", (where, i))
        if whole:
            definition.append(Line(Term("at", (flat_y, i)), Term("at", (flat_x, p_i)), say("moved", x=x, y=name), checked=flat_y.value))
        else:
            shown = np.where(where.value >= 0, flat_y.value, 0)
            came = Term("iverson", (call("greater_equal", p_i, 0),))
            definition.append(Line(came * Term("at", (flat_y, i)), Term("at", (flat_x, p_i)), say("some", x=x, y=name), checked=shown))
        slope = Term("partial", (Term("at", (flat_y, i)), Term("at", (flat_x, j))), {"is": Term("delta", (p_i, j))})
        if not nr:
            lines.append(Line(slope, Term("delta", (p_i, j)), say("local"), checked=_spread(where.value, target.value.size)))
        one, two = added([i], Term("at", (gy, i)) * slope), added([i], Term("at", (gy, i)) * Term("delta", (p_i, j)))
        chain, back = (one, two) if chain is None else (chain + one, back + two)  # type: ignore[operator]
        taken = where.value[where.value >= 0]
        repeated = repeated or len(np.unique(taken)) < len(taken)
    flat = value.reshape(-1)
    if chain is not None and back is not None:
        lines.append(Line(gx, chain, say("chain"), checked=flat))
        lines.append(Line(gx, back, say("twice" if repeated or len(pairs) > 1 else "once"), checked=flat))
    lines.append(Line(symbol("g" + x, value), rule, say("record") if pairs else say("gone", x=x), checked=value))
    return lines, extra


def _spread(p: np.ndarray, n: int):
    """[p_i = j] as an array, computed when asked for."""
    return Lazy(lambda: (p[:, None] == np.arange(n)).astype(float))


# ---- the values choose; the second output says where ---------------------------------------------------------------------


def _chosen(reading: Reading) -> Derivation | None:
    """sort, topk, max along a dimension, max pooling: values[…] = x at indices[…]."""
    record, x = reading.record, reading.inputs.get("x")
    if not isinstance(x, Term) or len(reading.inputs) != 1:
        return None
    pooling = next((t for t in reading.outputs.values() if t.word == "max_pool"), None)
    if set(record.outputs) == {"values", "indices"} and "indices" in reading.symbols:
        y, where, first = reading.symbols["values"], reading.symbols["indices"], None
    elif pooling is not None:
        y = reading.symbols[record.outputs[0]]
        params = {k: v for k, v in pooling.params.items() if k != "out"}
        told = Term("max_pool_indices", (x, y), params)
        where = symbol("indices", compute("max_pool_indices", [x.value, y.value], params))
        first = Line(where, told, say("pool"), checked=where.value)
    else:
        return None
    letters = Letters()
    n, own = x.value.ndim, np.shape(y.value)
    if not n:
        places, inner = (), ()
    elif "axis" not in record.params:
        places = tuple(letters.fresh(m, "ncpqr") for m in own)
        inner = (*places[:2], *_unflat(x.value.shape[2:], Term("at", (where, *places))))
    else:
        axis = reading.params["axis"] % n
        places = tuple(letters.fresh(m, "ijklm") for m in own)
        lanes = list(places) if len(own) == n else [*places[:axis], None, *places[axis:]]
        inner = tuple(Term("at", (where, *places)) if d == axis else p for d, p in enumerate(lanes))
    body = at(x, inner)
    pooled = pooling is not None or "kernel" in record.params
    definition = [] if first is None else [_windows(reading, pooling, x, y, places, letters), first]
    if where.value.size <= SHOWN and n:
        definition.append(Line(where, term(nested(where.value)), say("flat" if pooled else "indices"), checked=where.value))
    definition.append(Line(at(y, places), body, say("unflat" if pooled and n else "taken"), checked=y.value))
    bindings = {name: s.value for name, s in reading.symbols.items()} | {"indices": where.value}
    overlapping = pooled or record.name.startswith("cum")
    lines = _chosen_lines(reading, x, y, places, body, letters, "meuvt" if pooled else "rstuv", overlapping)
    return Derivation(record.name, IDEA["chosen"], definition, [Part("x", lines)], bindings)


def _windows(reading: Reading, t: Term, x: Term, y: Term, places: tuple, letters: Letters) -> Line:
    """The largest element of each window; places outside the picture don't count."""
    pairs = lambda name, usual: _each(t.params.get(name, usual), len(places) - 2)
    kernel, stride, padding, dilation = (pairs(n, u) for n, u in (("kernel", 1), ("stride", 1), ("padding", 0), ("dilation", 1)))
    ks = [letters.fresh(m, "klsm") for m in kernel]
    seen = [shifted((s, p), (d, k), constant=-q) for p, k, s, d, q in zip(places[2:], ks, stride, dilation, padding)]
    body = Term("at", (x, *places[:2], *seen))
    inside: Term | None = None
    for place, n, o, k, s, d, q in zip(seen, x.value.shape[2:], y.value.shape[2:], kernel, stride, dilation, padding):
        checks = [call("less_equal", 0, place)] if q else []
        checks += [call("less", place, n)] if (o - 1) * s + (k - 1) * d - q >= n else []
        for c in checks:
            inside = c if inside is None else call("logical_and", inside, c)
    body = body if inside is None else call("where", inside, body, -math.inf)
    reason = ("the definition: the largest element of each window", "定义：每个窗口中最大的元素")
    return Line(at(y, places), Term("greatest", (body,), {"over": tuple(ks)}), reason, checked=y.value)


def _each(v, n: int) -> tuple:
    return tuple(v) if isinstance(v, (tuple, list)) else (v,) * n


def _unflat(sizes, flat: Term) -> tuple:
    """Places in the space from a place in the flattened space."""
    out = []
    for d, n in enumerate(sizes):
        step = math.prod(sizes[d + 1 :])
        p = flat if step == 1 else call("floor_divide", flat, step)
        out.append(p if d == 0 else call("remainder", p, n))
    return tuple(out)


def _chosen_lines(reading, x, y, places, body, letters, wanted, several) -> list:
    own = tuple(letters.fresh(m, wanted) for m in x.value.shape)
    local = contracted(derivative(body, "x", own))
    slope = Term("partial", (at(y, places), at(x, own)), {"is": local})
    value, rule = gradient(reading, "x")
    gx, gy = at(symbol("gx", value), own), at(reading.gys[y.params["name"]], places)
    back = contracted(added(places, gy * local)) if places else gy * local
    return [
        Line(slope, local, say("local"), checked=jacobian(reading, "x")),
        Line(gx, added(places, gy * slope), say("chain"), checked=value),
        Line(gx, back, say("twice" if several else "once"), checked=value),
        Line(symbol("gx", value), rule, why("record"), checked=value),
    ]


# ---- extreme values shared by all that are equal to them -------------------------------------------------------------------


def _extreme(reading: Reading) -> Derivation | None:
    """max, amax, median, ...: y is one of the elements; those that equal it share its gradient."""
    record, x = reading.record, reading.inputs.get("x")
    if not isinstance(x, Term) or len(reading.inputs) != 1 or not x.value.size or not _shares(reading):
        return None
    letters = Letters()
    n = x.value.ndim
    sized = any(t.args[0].word == "abs" for t in reading.outputs.values())  # the norm with p = ∞: the largest |x|
    size = (lambda t: call("abs", t)) if sized else (lambda t: t)
    values = np.abs(x.value) if sized else x.value
    axis = reading.params.get("axis")
    axes = tuple(range(n)) if axis is None or not n else tuple(a % n for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    keep = bool(reading.params.get("keepdim")) and n > 0
    value, rule = gradient(reading, "x")
    own = tuple(letters.fresh(m, "rstuv") for m in x.value.shape)
    definition, lines = [], []
    total: Term | None = None
    bindings = {name: s.value for name, s in reading.symbols.items()}
    names = [o for o in record.outputs if "g" + o in reading.symbols]
    for o in names:
        y, gy = reading.symbols[o], reading.gys[o]
        flat = np.asarray(y.value).reshape(tuple(m for d, m in enumerate(x.value.shape) if d not in axes))
        label = o + "_n" if len(names) > 1 else "n"
        hits = (values == np.expand_dims(flat, axes) if axes else values == flat).sum(axes) if n else np.asarray(1)
        m = symbol(label, hits)
        bindings[label] = hits
        lane = tuple(p for d, p in enumerate(own) if d not in axes)
        seen = tuple(own[d] if d not in axes else term(0) for d in range(n)) if keep else lane
        inner = tuple(letters.fresh(k, "klmo") if d in axes else own[d] for d, k in enumerate(x.value.shape))
        count = added([k for d, k in enumerate(inner) if d in axes], Term("iverson", (call("equal", size(at(x, inner)), at(y, seen)),)))
        definition.append(
            Line(
                at(y, lane) if not keep else at(y, seen),
                _whole(reading, o, y, seen, lane, keep),
                _extreme_why(reading, o),
                checked=flat if keep else y.value,
            )
        )
        definition.append(
            Line(
                at(m, lane),
                count,
                ("how many elements are equal to it: 1, unless there is a tie", "有多少个元素等于它：没有并列时为 1"),
                checked=hits,
            )
        )
        share = call("divide", Term("iverson", (call("equal", size(at(x, own)), at(y, seen)),)), at(m, lane))
        if sized:
            share = call("sign", at(x, own)) * share
        slope = Term("partial", (at(y, seen), at(x, own)), {"is": share})
        lines.append(
            Line(
                slope,
                share,
                (
                    "a small change of x changes y only where x is y; elements that tie share it evenly",
                    "x 的微小变化只有在 x 等于 y 处才影响 y；并列者平分",
                ),
                checked=_own_slopes(reading, names.index(o), axes) if (hits == 1).all() else None,  # at a tie there is no slope
            )
        )
        piece = at(gy, seen) * share
        total = piece if total is None else total + piece
    gx = at(symbol("gx", value), own)
    assert total is not None
    lines.append(
        Line(
            gx,
            total,
            (
                "the chain rule: each element belongs to one result" if len(names) == 1 else "the chain rule, once for each output",
                "链式法则：每个元素只属于一个结果" if len(names) == 1 else "链式法则，对每个输出各用一次",
            ),
            checked=value,
        )
    )
    lines.append(Line(symbol("gx", value), rule, why("record"), checked=value))
    return Derivation(record.name, IDEA["tie"], definition, [Part("x", lines)], bindings)  # fmt: skip


def _own_slopes(reading: Reading, output: int, axes: tuple):
    """∂y/∂x of each element with the result of its own lane, by differences: lanes first, then the dimensions reduced."""

    def compute():
        shape = reading.inputs["x"].value.shape
        lanes = [d for d in range(len(shape)) if d not in axes]
        whole = np.asarray(jacobian(reading, "x", output)).reshape((*(shape[d] for d in lanes), *shape))
        places = np.indices(shape)
        found = whole[(*(places[d] for d in lanes), *places)]
        return found.transpose([*lanes, *axes])

    return Lazy(compute)


def _shares(reading: Reading) -> bool:
    """Whether the rule splits a gradient evenly among the elements that equal the value."""
    text = repr(reading.gradients.get("x"))
    formulas = [t for o, t in reading.outputs.items() if "g" + o in reading.symbols]
    picks = all(
        t.word in ("max", "min", "op.median", "op.nanmedian")
        and t.args[0].word in ("symbol", "abs")
        and t.args[0].args[:1] in ((), (reading.inputs["x"],))
        for t in formulas
    )
    return picks and "equal(" in text and "sum(" in text


def _whole(reading, o: str, y: Term, seen, lane, keep) -> Term:
    return at(reading.outputs[o], seen if keep else lane)


def _extreme_why(reading, o: str) -> tuple[str, str]:
    word = {"max": ("largest", "最大"), "min": ("smallest", "最小")}.get(reading.outputs[o].word)
    if word is None:
        return (
            "the middle value in order: of an even number of elements the lower of the two",
            "排序后居中的值：元素个数为偶数时取较小的那个",
        )
    return f"the {word[0]} element of each lane", f"每一组中{word[1]}的元素"
