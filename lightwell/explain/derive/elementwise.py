"""Derivations of elementwise operations: one element of the result depends on one element of each input.

The local derivative comes by the rules of calculus from the formula; then the chain rule, the sum over what was broadcast,
and last what the record computes. Losses, whose elements are summed or averaged at the end, belong here too.
"""

import numpy as np

from . import corners
from .calculus import Unknown, is_elementwise, negative, single, steps, times
from .derivation import Derivation, Line, Part
from .evaluate import evaluate
from .lexicon import WORDS
from .naming import name_repeated
from .reader import Reading
from .simplify import alike, assume, depends, key, number_of, put, simplify
from .terms import Term, call, symbol, term

CASES = ("where", "maximum", "minimum", "fmax", "fmin", "relu", "abs", "softplus")
WORTH_TELLING = ("sigmoid", "softplus", "log_sigmoid", "ndtr", "expm1", "log1p", "relu")


def elementwise(reading: Reading) -> Derivation | None:
    """The derivation of an elementwise operation, or of a sum or mean of one; None for any other."""
    if len(reading.outputs) != 1 or reading.record.joint is not None or reading.record.variadic:
        return None
    ((name, formula),) = reading.outputs.items()
    if any(s.value is not None and np.asarray(s.value).dtype.kind == "c" for s in reading.symbols.values()):
        return None
    body, fold = _folded(formula)
    if not is_elementwise(body) or not reading.gradients:
        return None
    try:
        return _derive(reading, name, formula, body, fold)
    except Unknown:
        return None


def _folded(t: Term):
    """(the elements, how they are folded): Σ e, mean e, s·Σ e; (t, None) where nothing is folded."""
    if t.word in ("sum", "mean") and "axis" not in t.params:
        return t.args[0], t
    if t.word == "multiply" and t.args[0].word == "sum" and t.args[1].word in ("symbol", "number"):
        return t.args[0].args[0], t
    return t, None


def bindings_of(reading: Reading) -> dict:
    """Every symbol of a reading with its array."""
    return {n: s.value for n, s in reading.symbols.items()}


def _derive(reading, name, formula, body, fold) -> Derivation:
    bindings = bindings_of(reading)
    y = reading.symbols[name]
    definition = []
    if fold is not None:
        e = symbol("e", np.asarray(evaluate(body, bindings)))
        bindings["e"] = e.value
        outer = Term(fold.word, (e,), fold.params) if fold.word != "multiply" else call("multiply", fold.args[1], Term("sum", (e,)))
        how = (
            ("the mean of all elements' losses", "所有元素损失的均值")
            if fold.word == "mean"
            else ("the elements' losses added up", "各元素损失之和")
        )
        definition.append(Line(y, outer, how, checked=y.value))
    else:
        e = y
    definition += _definition(e, tidy(body), bindings)
    d = Derivation(reading.record.name, _idea(body, fold, reading), definition, [], bindings)
    for input_name in reading.gradients:
        d.parts.append(_part(reading, d, input_name, body, fold, e))
    return name_repeated(d)


def _definition(y: Term, body: Term, bindings: dict) -> list:
    value = np.asarray(evaluate(body, bindings))
    first = ("what it computes, element by element", "逐元素计算")
    lines = [Line(y, body, first, checked=value)]
    entry = WORDS.get(body.word)
    if entry is not None and entry.meaning is not None and body.word not in ("subtract",):
        meaning = entry.meaning(*body.args, **body.params)
        if not looks_alike(meaning, body):
            lines.append(Line(y, meaning, entry.because, checked=value))
    elif entry is not None and entry.idea is not None:
        lines[0].why = entry.idea
    else:
        seen = set()
        for t in _within(body):
            if t.word in WORTH_TELLING and t is not body and t.word not in seen:
                seen.add(t.word)
                meaning = WORDS[t.word].meaning(*t.args, **t.params)
                lines.append(Line(t, meaning, WORDS[t.word].because, checked=np.asarray(evaluate(t, bindings))))
    return lines


def _within(t: Term):
    yield t
    for a in t.args:
        yield from _within(a)


def _idea(body: Term, fold, reading) -> tuple:
    from .calculus import used

    flat = all(number_of(simplify(g)) == 0 for g in reading.gradients.values())
    if flat:
        return (
            "The value stays the same until it jumps: its slope is 0 wherever it has one, so nothing flows back.",
            "函数值要么不变要么跳变：凡可导处斜率都是 0，因此没有梯度传回。",
        )
    if fold is not None:
        return (
            "Each element has its own loss e; all of them are folded into one number, so each receives the same share of its gradient.",
            "每个元素有各自的损失 e，最后合成一个数，因此每个元素得到相同份额的梯度。",
        )
    if body.word == "where" or any(
        w in ("maximum", "minimum", "relu", "abs", "fmax", "fmin") for n in reading.gradients for w in used(body, n)
    ):
        return (
            "The formula has cases: differentiate each case on its own; where two meet, a choice is made.",
            "公式分情形：对每种情形分别求导；在交界处约定一个取值。",
        )
    if body.word in ("symbol",) or single(body):
        return (
            "Each element of the result depends on one element of the input: the local derivative is one number for each element.",
            "结果的每个元素只依赖输入的对应元素：局部导数对每个元素是一个数。",
        )
    return (
        "Element by element, from the outermost operation inwards: at each step one rule, and the chain rule joins them.",
        "逐元素、由外向内：每一步用一条法则，再用链式法则连起来。",
    )


def _part(reading, d, name, body, fold, e) -> Part:
    bindings, x = d.bindings, reading.symbols[name]
    (out,) = reading.outputs
    gy = reading.gys[out]
    gradient = reading.gradients[name]
    if gradient.word == "sum" and "axis" not in gradient.params:  # the rule adds up by itself what was broadcast
        gradient = gradient.args[0]
    rule = tidy(gradient)
    share = _share(reading, fold, gy)
    local = simplify(put(rule, {gy.params["name"]: _unit(fold, reading)}))  # what the rule gives for gy = 1
    value = np.asarray(evaluate(local, bindings))
    left = Term("partial", (e, x), {}, None)
    part = Part(name, [], corners.conventions(reading, name, body, e))
    found = [(t, why) for t, why in steps(tidy(body), x, e, bindings)]
    if found and not alike(found[-1][0], local):
        why = ("the same, as lightwell computes it", "等价的写法，lightwell 按此计算")
        if part.conventions:
            why = ("the same but where the cases meet, as lightwell computes it", "除交界处的约定外与上式等价，lightwell 按此计算")
        if local.word == "where" and not any(t.word in CASES for t in _within(body)):
            why = ("the same; where the formula would fail, that case is told apart", "等价的写法；公式失效的情形单独给出")
        if any(t.word == "less" and t.args[0].word == "abs" for t in _within(local)) and single(tidy(body)):
            why = (
                "the same; near 0 by its series or limit, where the formula would lose its digits",
                "等价的写法；在 0 附近改用级数或极限，避免相消误差",
            )
        if depends(local, out) and fold is None:
            short = d.definition[0].right
            why = ("written with the result: y is there already", "用结果表示：y 已经算好了") if out == "y" else _with_result(out)
            if short.word == "relu":
                why = ("y > 0 exactly where x > 0", "y > 0 当且仅当 x > 0")
            if short.word in ("tanh", "sigmoid", "exp", "tan", "rsqrt", "sqrt"):
                why = _since(e, short)
        found.append((local, why))
    for t, why in found:
        _append(part.lines, Line(left, t, why, checked=value))
    left.value = value
    best = part.lines[-1].right
    whole = negative(times(share, best.args[0])) if best.word == "negative" else times(share, best)
    product = np.asarray(evaluate(whole, bindings))
    g = symbol("g" + name)
    raw, want = np.asarray(evaluate(gradient, bindings)), final_value(reading, name)
    d_e, mark = f"∂{e.params['name']}/∂{name}", gy.params["name"]
    rule_name = (f"chain rule: {mark} times {d_e}", f"链式法则：{mark} 乘以 {d_e}")
    shown = whole if number_of(whole) == 0 else spread(whole, np.shape(product), x.value.shape)
    if number_of(whole) == 0:
        rule_name = ("chain rule: with a slope of 0, nothing arrives", "链式法则：斜率为 0，没有梯度传到")
    elif shown is not whole:
        rule_name = (
            rule_name[0] + f"; broadcasting used one element of {name} several times, so its gradients add up",
            rule_name[1] + f"；广播使 {name} 的一个元素被用了多次，其梯度相加",
        )
    elif fold is not None:
        rule_name = (f"chain rule: each element's share of {mark}, times {d_e}", f"链式法则：每个元素分得的 {mark} 乘以 {d_e}")
    _append(part.lines, Line(g, shown, rule_name, checked=want))
    recorded = rule if number_of(rule) == 0 else spread(rule, raw.shape, x.value.shape)
    line = Line(g, recorded, ("what lightwell computes", "lightwell 实际计算的式子"), checked=want)
    if not looks_alike(recorded, shown):
        part.lines.append(line)
    return part


def _with_result(out: str):
    return f"written with the result {out}, which is there already", f"用已经算好的结果 {out} 表示"


def _since(y: Term, formula: Term):
    from .notation import write

    text = f"{write(y)} = {write(formula)}"
    return f"since {text}", f"因为 {text}"


def _unit(fold, reading) -> Term:
    """The gradient that makes each element's share 1."""
    if fold is None:
        return term(1)
    if fold.word == "multiply":
        return call("divide", 1, fold.args[1])
    return term(1) if fold.word == "sum" else term(int(np.size(fold.args[0].value)))


def _share(reading, fold, gy: Term) -> Term:
    if fold is None or fold.word == "sum":
        return gy
    if fold.word == "multiply":
        return call("multiply", gy, fold.args[1])
    return call("divide", gy, int(np.size(fold.args[0].value)))


def _append(lines: list, line: Line) -> None:
    """Add a line that says something new."""
    if lines and lines[-1].left is not None and key(lines[-1].left) == key(line.left) and looks_alike(lines[-1].right, line.right):
        return
    lines.append(line)


def looks_alike(a: Term, b: Term) -> bool:
    """Whether a reader sees the same formula."""
    from .notation import write

    return flat(a) == flat(b) or write(a) == write(b)


def flat(t: Term):
    """What two formulas that look the same to a reader have in common: order and brackets within products and sums don't count."""
    if t.word in ("add", "multiply"):
        parts: list = []

        def walk(u):
            if u.word == t.word:
                walk(u.args[0])
                walk(u.args[1])
            else:
                parts.append(flat(u))

        walk(t)
        return (t.word, tuple(sorted(parts, key=repr)))
    if t.word == "square":
        return flat(call("multiply", t.args[0], t.args[0]))
    if t.word in ("asarray", "astype"):
        return flat(t.args[0])
    if not t.args:
        return key(t)
    return (t.word, tuple(flat(a) for a in t.args), tuple(sorted((k, key(v)) for k, v in t.params.items())))


def tidy(t: Term) -> Term:
    """A formula as the record writes it, with plain numbers for arrays of zeros and ones."""
    if t.word == "zeros_like":
        return term(0)
    if t.word == "ones_like":
        return term(1)
    if t.word == "full_like":
        return term(number_of(t.params["fill_value"])) if number_of(t.params.get("fill_value")) is not None else t.args[-1]
    if t.word in ("asarray",) or (t.word == "astype" and np.dtype(t.params["dtype"]).kind in "fc"):
        return tidy(t.args[0])
    if t.word == "relu_pull":
        return call("where", call("greater", t.args[1], 0), tidy(t.args[0]), 0)
    if t.word == "pow" and number_of(t.args[1]) is not None and float(number_of(t.args[1])).is_integer():
        return Term("pow", (tidy(t.args[0]), term(int(number_of(t.args[1])))))
    if not t.args:
        return t
    args = tuple(tidy(a) for a in t.args)
    if t.word == "where":  # what guards a formula against the other case needs no telling
        args = (args[0], assume(args[1], args[0], True), assume(args[2], args[0], False))
    if t.word == "multiply" and key(args[0]) == key(args[1]):
        return call("square", args[0])
    if t.word == "multiply":
        args = tuple(
            call("iverson", a) if a.word in ("greater", "less", "logical_and", "greater_equal", "less_equal", "equal") else a for a in args
        )
    return Term(t.word, args, t.params)


def spread(t: Term, shape: tuple, wanted: tuple) -> Term:
    """A gradient brought to the input's shape: summed where the input was broadcast, repeated where the rule gave one number."""
    if shape == wanted:
        return t
    if t.word == "number":
        return Term("broadcast_to", (t,), {"shape": wanted})
    extra = len(shape) - len(wanted)
    axes = tuple(range(max(extra, 0))) + tuple(i + extra for i, n in enumerate(wanted) if extra >= 0 and n == 1 and shape[i + extra] != 1)
    if axes:
        t = Term("sum", (t,), {"axis": axes, "keepdims": False})
        shape = tuple(n for i, n in enumerate(shape) if i not in axes)
    if shape == wanted:
        return t
    return (
        Term("reshape", (t,), {"shape": wanted})
        if int(np.prod(shape)) == int(np.prod(wanted))
        else Term("broadcast_to", (t,), {"shape": wanted})
    )


def final_value(reading: Reading, name: str) -> np.ndarray:
    """The gradient that arrives at an input: the rule's, brought to the input's shape as the engine does."""
    bindings = bindings_of(reading)
    raw = np.asarray(evaluate(reading.gradients[name], bindings))
    wanted = reading.symbols[name].value.shape
    return np.asarray(evaluate(spread(symbol("g", raw), raw.shape, wanted)))
