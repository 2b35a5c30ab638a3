"""Products and running sums of exponentials, with indices: the product of all the others, and sums from one end."""

import numpy as np

from .derivation import Derivation, Line, Part
from .differences import jacobian
from .indexed import gradient
from .indexed_calculus import Letters, added, delta, times
from .reader import Reading
from .shortened import all_shortened
from .terms import Term, call, symbol, term

WHY = {
    "definition": ("the definition, element by element", "按元素写出的定义"),
    "others": (
        "the product is linear in each factor: what is left is the product of all the others (no division, so zeros do no harm)",
        "乘积对每个因子都是线性的：剩下的是其余所有因子之积（不用除法，因此出现 0 也没有问题）",
    ),
    "divide": ("as no factor is 0, that is the whole product divided by this factor", "由于没有因子为 0，这就是整个乘积除以该因子"),
    "chain": ("the chain rule", "链式法则"),
    "put": ("put the local derivative in; elements of other lanes don't enter", "代入局部导数；其他行的元素不参与"),
    "record": ("written with whole arrays: this is what the record computes", "写成整个数组的形式：这正是算子记录所计算的"),
}  # fmt: skip

IDEA = {
    "product": ("A product is linear in each of its factors: its derivative by one is the product of the others.", "乘积对每个因子都是线性的：对其中一个因子的导数就是其余因子之积。"),
    "running": ("An element is in every running product from its own place on: its gradient adds up from there.", "元素出现在从自己位置开始的每个累积乘积中：梯度从那里开始累加。"),
    "logsum": ("An element is in every running sum from its own place on, with its share of that sum.", "元素出现在从自己位置开始的每个累积和中，所占的份额就是导数。"),
}  # fmt: skip


def product_over(indices, body: Term) -> Term:
    """Π over indices, of which there may be none."""
    return Term("product", (body,), {"over": tuple(indices)}) if indices else body


def iverson(word: str, a, b) -> Term:
    """[a word b]."""
    return Term("iverson", (call(word, a, b),))


def at(x: Term, places: tuple) -> Term:
    """x at the places."""
    return Term("at", (x, *places)) if places else x


def family(reading: Reading) -> Derivation | None:
    """The derivation of a product, a running product or a running log-sum-exp; None for others."""
    x = reading.inputs.get("x")
    told = {"prod": _prod, "prod_dim": _prod, "cumprod": _cumprod, "logcumsumexp": _logcumsumexp}.get(reading.record.name)
    if told is None or not isinstance(x, Term) or "x" not in reading.gradients or not x.value.size:
        return None
    found = told(reading, x, reading.symbols["y"], reading.gys["y"])
    return found and all_shortened(found)


def _bindings(reading: Reading, *more: Term) -> dict:
    return {n: s.value for n, s in reading.symbols.items()} | {s.params["name"]: s.value for s in more}


def _prod(reading: Reading, x: Term, y: Term, gy: Term) -> Derivation:
    letters = Letters()
    shape = x.value.shape
    axis = reading.params.get("axis")
    axes = tuple(range(len(shape))) if axis is None or not shape else tuple(a % len(shape) for a in axis)
    keep = bool(reading.params.get("keepdim"))
    run = tuple(letters.fresh(n, "ijkl") if d in axes else letters.fresh(n, "nmop") for d, n in enumerate(shape))
    own = tuple(letters.fresh(n, "rstuv") for n in shape)
    lane = tuple(p for d, p in enumerate(run) if d not in axes)
    places = tuple(term(0) if d in axes else p for d, p in enumerate(run)) if keep else lane
    seen = tuple(term(0) if d in axes else p for d, p in enumerate(own)) if keep else tuple(p for d, p in enumerate(own) if d not in axes)
    inner = [run[d] for d in axes]
    y_lane = np.asarray(y.value).reshape([n for d, n in enumerate(shape) if d not in axes])
    value, rule = gradient(reading, "x")
    # every factor but the one at `own`: 1 stands in for it
    differs = [call("not_equal", run[d], own[d]) for d in axes]
    unlike = differs[0] if differs else None
    for d in differs[1:]:
        unlike = call("logical_or", unlike, d)
    other = tuple(run[d] if d in axes else own[d] for d in range(len(shape)))
    body = lambda places_: call("where", unlike, at(x, places_), 1) if unlike is not None else term(1)
    apart = times(*(delta(run[d], own[d]) for d in range(len(shape)) if d not in axes))
    local = times(apart, product_over(inner, body(run)))
    slope = Term("partial", (at(y, places), at(x, own)), {"is": local})
    gx = at(symbol("gx", value), own)
    found = jacobian(reading, "x")
    if keep:
        from .differences import Lazy

        found = Lazy(lambda full=jacobian(reading, "x"): np.asarray(full).reshape(*y_lane.shape, *shape))
    lines = [
        Line(slope, local, WHY["others"], checked=found),
        Line(gx, added([p for p in lane], at(gy, places) * slope), WHY["chain"], checked=value),
        Line(gx, times(at(gy, seen), product_over(inner, body(other))), WHY["put"], checked=value),
    ]
    if (x.value != 0).all():
        lines.append(Line(gx, call("divide", at(gy, seen) * at(y, seen), at(x, own)), WHY["divide"], checked=value))
    lines.append(Line(symbol("gx", value), rule, WHY["record"], checked=value))
    definition = [Line(at(y, places), product_over(inner, at(x, run)), WHY["definition"], checked=y_lane)]
    return Derivation(reading.record.name, IDEA["product"], definition, [Part("x", lines)], _bindings(reading))


def _lanes(reading: Reading, x: Term) -> tuple:
    """(result's places, the summed index's places, the input's places, the gradient's) of a scan, and the axis."""
    letters = Letters()
    shape = x.value.shape
    axis = reading.params["axis"] % max(len(shape), 1)
    lane = tuple(letters.fresh(n, "nmop") if d != axis else None for d, n in enumerate(shape))
    other = tuple(letters.fresh(n, "rstuv") if d != axis else None for d, n in enumerate(shape))
    i, j, k = (letters.fresh(shape[axis], name) for name in "ijk") if shape else (None, None, None)
    put = lambda places, p: tuple(p if d == axis else q for d, q in enumerate(places))
    apart = times(*(delta(a, b) for a, b in zip(lane, other) if a is not None))
    return put, lane, other, i, j, k, apart


def _cumprod(reading: Reading, x: Term, y: Term, gy: Term) -> Derivation | None:
    if not x.value.ndim:
        return _scalar(reading, x, y, gy)
    put, lane, other, i, j, k, apart = _lanes(reading, x)
    value, rule = gradient(reading, "x")
    own = put(other, j)
    up_to = call("where", call("less_equal", i, k), at(x, put(lane, i)), 1)
    rest = lambda places: product_over(
        [i], call("where", call("logical_and", call("less_equal", i, k), call("not_equal", i, j)), at(x, put(places, i)), 1)
    )
    local = times(apart, iverson("less_equal", j, k), rest(lane))
    slope = Term("partial", (at(y, put(lane, k)), at(x, own)), {"is": local})
    gx = at(symbol("gx", value), own)
    lines = [
        Line(slope, local, ("x_j is in y_k from k = j on; the product is linear in it", "从 k = j 起 x_j 出现在 y_k 中；乘积对它是线性的"), checked=jacobian(reading, "x")),
        Line(gx, added([p for p in put(lane, k)], at(gy, put(lane, k)) * slope), WHY["chain"], checked=value),
        Line(gx, added([k], times(iverson("less_equal", j, k), at(gy, put(other, k)), rest(other))), WHY["put"], checked=value),
    ]  # fmt: skip
    if (x.value != 0).all():
        shorter = call("divide", added([k], times(iverson("less_equal", j, k), at(gy, put(other, k)), at(y, put(other, k)))), at(x, own))
        lines.append(Line(gx, shorter, WHY["divide"], checked=value))
    end = (
        "a running sum from the far end: what the record computes (around zeros by a recursion that doesn't divide)",
        "从末端开始的累积和：这正是算子记录所计算的（有 0 时改用不做除法的递推）",
    )
    lines.append(Line(symbol("gx", value), rule, end, checked=value))
    definition = [Line(at(y, put(lane, k)), product_over([i], up_to), WHY["definition"], checked=y.value)]
    return Derivation(reading.record.name, IDEA["running"], definition, [Part("x", lines)], _bindings(reading))


def _scalar(reading: Reading, x: Term, y: Term, gy: Term) -> Derivation:
    """A scan over a single number: y = x."""
    value, rule = gradient(reading, "x")
    one = ("a single number is its own running result", "单个数的累积结果就是它自己")
    lines = [
        Line(Term("partial", (y, x), {"is": term(1)}), term(1), one, checked=np.asarray(1.0)),
        Line(symbol("gx", value), rule, WHY["chain"], checked=value),
    ]
    return Derivation(reading.record.name, IDEA["running"], [Line(y, x, one, checked=y.value)], [Part("x", lines)], _bindings(reading))


def _logcumsumexp(reading: Reading, x: Term, y: Term, gy: Term) -> Derivation:
    if not x.value.ndim:
        return _scalar(reading, x, y, gy)
    put, lane, other, i, j, k, apart = _lanes(reading, x)
    value, rule = gradient(reading, "x")
    own = put(other, j)
    total = added([i], times(iverson("less_equal", i, k), call("exp", at(x, put(lane, i)))))
    first = times(apart, iverson("less_equal", j, k), call("divide", call("exp", at(x, put(lane, j))), total))
    local = times(apart, iverson("less_equal", j, k), call("exp", at(x, put(lane, j)) - at(y, put(lane, k))))
    slope = Term("partial", (at(y, put(lane, k)), at(x, own)), {"is": local})
    found = jacobian(reading, "x")
    gx = at(symbol("gx", value), own)
    share = call("exp", at(x, own) - at(y, put(other, k)))
    lines = [
        Line(slope, first, ("x_j is in the sum from k = j on; the logarithm divides by the sum", "从 k = j 起 x_j 出现在和中；对数的导数是除以该和"), checked=found),
        Line(slope, local, ("the sum is e^y_k: a share between 0 and 1, and no exponent is positive", "该和就是 e^y_k：得到 0 与 1 之间的份额，且指数不会为正"), checked=found),
        Line(gx, added([p for p in put(lane, k)], at(gy, put(lane, k)) * slope), WHY["chain"], checked=value),
        Line(gx, added([k], times(iverson("less_equal", j, k), at(gy, put(other, k)), share)), WHY["put"], checked=value),
        Line(symbol("gx", value), rule, ("as a recursion from the far end, S_k = gy_k + e^(y_k - y_(k+1))·S_(k+1): what the record computes", "写成从末端开始的递推 S_k = gy_k + e^(y_k - y_(k+1))·S_(k+1)：这正是算子记录所计算的"), checked=value),
    ]  # fmt: skip
    definition = [Line(at(y, put(lane, k)), call("log", total), WHY["definition"], checked=y.value)]
    return Derivation(reading.record.name, IDEA["logsum"], definition, [Part("x", lines)], _bindings(reading))
