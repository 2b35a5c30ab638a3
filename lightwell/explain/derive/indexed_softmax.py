"""Softmax, its logarithm and cross-entropy, as they are derived at the blackboard: ∂y_i/∂x_j = y_i·(δ_ij - y_j), and p - onehot.

Every lane along the axis is a softmax of its own; δ between the other indices says so.
"""

import numpy as np

from .derivation import Derivation, Line, Part
from .differences import jacobian
from .indexed_calculus import Letters, added, contracted, delta, times
from .reader import Reading
from .terms import Term, call, symbol, term


def family(reading: Reading) -> Derivation | None:
    """The derivation of a record whose formula is softmax, log_softmax, or a loss that reads log_softmax at an index."""
    formula = next(iter(reading.outputs.values()), None)
    x = reading.inputs.get("x")
    if formula is None or x is None or not isinstance(x, Term) or not x.value.ndim or "x" not in reading.gradients:
        return None
    lanes = _Lanes(reading, x, _axis(formula))
    if formula.word == "softmax":
        return lanes.softmax()
    if formula.word == "log_softmax":
        return lanes.log_softmax()
    return lanes.cross_entropy(formula) if _is_cross_entropy(reading, formula) else None


def _axis(formula: Term):
    while formula.word not in ("softmax", "log_softmax") and formula.args:
        formula = formula.args[0]
    return formula.params.get("axis", -1) if formula.word in ("softmax", "log_softmax") else -1


def _is_cross_entropy(reading: Reading, formula: Term) -> bool:
    """Whether the formula is log_softmax(x), taken at `index` along the axis, times c, summed or not."""
    inner = formula.args[0] if formula.word in ("sum", "squeeze") and formula.args else None
    if inner is None or inner.word != "multiply" or inner.args[0].word != "take_along_axis":
        return False
    picked = inner.args[0]
    known = {"index", "c"} <= reading.symbols.keys()
    return known and picked.args[0].word == "log_softmax" and picked.args[1].word == inner.args[1].word == "symbol"


class _Lanes:
    """x with names for its indices: i runs along the lane, the others tell the lanes apart."""

    def __init__(self, reading: Reading, x: Term, axis: int):
        self.reading, self.x = reading, x
        n = x.value.ndim
        self.axis = axis % n
        letters = Letters()
        sizes = x.value.shape
        self.i, self.j, self.k = (letters.fresh(sizes[self.axis], name) for name in "ijk")
        self.lane = tuple(letters.fresh(m, "nouvw") for d, m in enumerate(sizes) if d != self.axis)
        self.other = tuple(letters.fresh(m, "mrsth") for d, m in enumerate(sizes) if d != self.axis)
        self.same = times(*(delta(a, b) for a, b in zip(self.lane, self.other)))
        self.gx = np.asarray(reading.gradients["x"].value)

    def at(self, a: Term, i: Term, lane: tuple | None = None) -> Term:
        """a at i of a lane."""
        lane = self.lane if lane is None else lane
        return Term("at", (a, *lane[: self.axis], i, *lane[self.axis :]))

    def of(self, a: Term, lane: tuple) -> Term:
        """What has one value per lane."""
        return Term("at", (a, *lane)) if lane else a

    def total(self, lane: tuple | None = None) -> Term:
        """Σ_k e^{x_k} of a lane."""
        return added([self.k], call("exp", self.at(self.x, self.k, lane)))

    def sum_line(self) -> tuple[Term, Line]:
        with np.errstate(over="ignore"):
            s = symbol("s", np.exp(self.x.value).sum(self.axis))
        reason = ("name the sum that all entries of a lane share", "给同一行各元素共有的那个和起个名字")
        return s, Line(self.of(s, self.lane), self.total(), reason, checked=s.value)

    def derivation(self, idea, definition, lines, more=()) -> Derivation:
        bindings = {n: t.value for n, t in self.reading.symbols.items()} | {t.params["name"]: t.value for t in more}
        return Derivation(self.reading.record.name, idea, definition, [Part("x", lines)], bindings)

    def record(self) -> Line:
        """The record's own rule."""
        reason = (
            "in one word of the vocabulary, which needs no further memory: what the record computes",
            "词汇表里对应的一个词，不需要额外内存：这就是算子记录所计算的",
        )
        return Line(symbol("gx", self.gx), self.reading.gradients["x"], reason, checked=self.gx)

    def softmax(self) -> Derivation:
        y, gy = self.reading.symbols["y"], self.reading.gys["y"]
        i, j = self.i, self.j
        s, s_line = self.sum_line()
        y_i, y_j, s_n = self.at(y, i), self.at(y, j), self.of(s, self.lane)
        e_i, e_j = call("exp", self.at(self.x, i)), call("exp", self.at(self.x, j))
        local = times(self.same, y_i, call("subtract", delta(i, j), y_j))
        slope = Term("partial", (y_i, self.at(self.x, j, self.other)), {"is": local})
        found = jacobian(self.reading, "x")
        quotient = times(self.same, call("divide", delta(i, j) * e_i * s_n - e_i * e_j, call("square", s_n)))
        split = times(self.same, delta(i, j) * call("divide", e_i, s_n) - call("divide", e_i, s_n) * call("divide", e_j, s_n))
        gx = self.at(symbol("gx", self.gx), j, self.other)
        g_i, y_i_other = self.at(gy, i, self.other), self.at(y, i, self.other)
        y_other = self.at(y, j, self.other)
        inner = added([i], times(g_i, y_i_other))
        whole = y * (gy - Term("sum", (gy * y,), {"axis": self.axis, "keepdims": True}))
        lines = [
            Line(slope, quotient, ("the quotient rule, with ∂e^x_i/∂x_j = δ_ij·e^x_i and ∂s/∂x_j = e^x_j", "商的求导法则，其中 ∂e^x_i/∂x_j = δ_ij·e^x_i，∂s/∂x_j = e^x_j"), checked=found),
            Line(slope, split, ("cancel s", "约去一个 s"), checked=found),
            Line(slope, local, ("e^x/s is y again", "e^x/s 就是 y 本身"), checked=found),
            Line(gx, added([*self.lane, i], times(self.at(gy, i), slope)), ("the chain rule: x_j moves every y_i of its lane", "链式法则：x_j 会影响同一行的每个 y_i"), checked=self.gx),
            Line(gx, added([i], times(g_i, y_i_other, call("subtract", delta(i, j), y_other))), ("put the local derivative in", "代入局部导数"), checked=self.gx),
            Line(gx, times(g_i_at(g_i, i, j), y_other) - times(y_other, inner), ("δ_ij keeps i = j in the first part; y_j doesn't depend on i and leaves the second sum", "第一部分中 δ_ij 只保留 i = j；第二部分中 y_j 与 i 无关，可提到求和号外"), checked=self.gx),
            Line(gx, times(y_other, g_i_at(g_i, i, j) - inner), ("factor y_j out", "提出公因子 y_j"), checked=self.gx),
            Line(symbol("gx", self.gx), whole, ("written with whole arrays", "写成整个数组的形式"), checked=self.gx),
            self.record(),
        ]  # fmt: skip
        definition = [
            Line(y_i, call("divide", call("exp", self.at(self.x, i)), self.total()), ("the definition: positive numbers that add up to 1 in each lane", "定义：每一行都是正数且和为 1"), checked=y.value),
            s_line,
        ]  # fmt: skip
        idea = (
            "Every y_i depends on all x_j of its lane through the sum below it: differentiate the quotient, and what comes out is made of y alone.",
            "每个 y_i 都通过分母里的和依赖于同一行的所有 x_j：对商求导，结果只用 y 就能表示。",
        )
        return self.derivation(idea, definition, [line for line in lines if line is not None], [s])

    def log_softmax(self) -> Derivation:
        y, gy = self.reading.symbols["y"], self.reading.gys["y"]
        i, j = self.i, self.j
        s, s_line = self.sum_line()
        y_i, s_n = self.at(y, i), self.of(s, self.lane)
        local = times(self.same, call("subtract", delta(i, j), call("exp", self.at(y, j))))
        slope = Term("partial", (y_i, self.at(self.x, j, self.other)), {"is": local})
        found = jacobian(self.reading, "x")
        first = times(self.same, call("subtract", delta(i, j), call("divide", call("exp", self.at(self.x, j)), s_n)))
        gx = self.at(symbol("gx", self.gx), j, self.other)
        g_i, e_j = self.at(gy, i, self.other), call("exp", self.at(y, j, self.other))
        inner = added([i], g_i)
        whole = gy - call("exp", y) * Term("sum", (gy,), {"axis": self.axis, "keepdims": True})
        lines = [
            Line(slope, first, ("the derivative of log s is ∂s/s, and ∂s/∂x_j = e^x_j", "log s 的导数是 ∂s/s，而 ∂s/∂x_j = e^x_j"), checked=found),
            Line(slope, local, ("e^x/s is the softmax, e^y", "e^x/s 就是 softmax，即 e^y"), checked=found),
            Line(gx, added([*self.lane, i], times(self.at(gy, i), slope)), ("the chain rule: x_j moves every y_i of its lane", "链式法则：x_j 会影响同一行的每个 y_i"), checked=self.gx),
            Line(gx, added([i], times(g_i, call("subtract", delta(i, j), e_j))), ("put the local derivative in", "代入局部导数"), checked=self.gx),
            Line(gx, g_i_at(g_i, i, j) - times(e_j, inner), ("δ_ij keeps i = j; e^y_j leaves the sum", "δ_ij 只保留 i = j；e^y_j 提到求和号外"), checked=self.gx),
            Line(symbol("gx", self.gx), whole, ("written with whole arrays", "写成整个数组的形式"), checked=self.gx),
            self.record(),
        ]  # fmt: skip
        reason = (
            "the logarithm of the softmax, without its division: nothing overflows or vanishes",
            "softmax 的对数，无需做除法，也就不会上溢或下溢",
        )
        definition = [Line(y_i, self.at(self.x, i) - call("log", self.total()), reason, checked=y.value), s_line]
        idea = (
            "The logarithm turns the quotient into a difference: only log s couples the entries of a lane.",
            "取对数后商变成差：同一行的元素只通过 log s 相互关联。",
        )
        return self.derivation(idea, definition, lines, [s])

    def cross_entropy(self, formula: Term) -> Derivation | None:
        reading, i, j = self.reading, self.i, self.j
        y, gy, index, c = reading.symbols["y"], reading.gys["y"], reading.symbols["index"], reading.symbols["c"]
        logp = reading.symbols.get("logp") or symbol("logp", next(iter(reading.keeps.values())).value)
        if (index.value < 0).any():
            return None
        p = symbol("p", np.exp(logp.value))
        t = symbol("t", np.squeeze(index.value, self.axis))
        weights = np.asarray(c.value)
        cs = symbol("w", np.squeeze(np.broadcast_to(weights, index.value.shape), self.axis)) if weights.ndim else c
        reduced = not y.value.ndim
        n, m, lane = self.lane, self.other, self.of(t, self.lane)
        c_n, c_m = (self._weight(cs, lane_) for lane_ in (n, m))
        p_j = self.at(p, j, m)
        log_p = call("log", self.at(p, i))
        local = times(self.same, call("subtract", delta(i, j), self.at(p, j)))
        at_t = Term(
            "partial",
            (call("log", self.at(p, lane)), self.at(self.x, j, m)),
            {"is": times(self.same, call("subtract", delta(lane, j), self.at(p, j)))},
        )
        hot = call("subtract", delta(self.of(t, m), j), p_j)
        found = jacobian(reading, "x")
        slope_log = Term("partial", (log_p, self.at(self.x, j, m)), {"is": local})
        total = lambda body: added(n, body) if reduced else body
        y_n = y if reduced else self.of(y, n)
        whole_slope = contracted(total(times(c_n, self.same, call("subtract", delta(lane, j), self.at(p, j)))))
        if not reduced:
            whole_slope = times(c_n, self.same, call("subtract", delta(lane, j), self.at(p, j)))
        slope = Term("partial", (y_n, self.at(self.x, j, m)), {"is": whole_slope})
        gx = self.at(symbol("gx", self.gx), j, m)
        g_m = gy if reduced else self.of(gy, m)
        lines = [
            Line(slope_log, local, ("log p_i = x_i - log s, and ∂(log s)/∂x_j = e^x_j/s = p_j", "log p_i = x_i - log s，而 ∂(log s)/∂x_j = e^x_j/s = p_j"), checked=_log_jacobian(self)),
            Line(slope, total(times(c_n, at_t)), ("only the log-probability of the right class enters the loss", "只有正确类别的对数概率进入损失"), checked=found),
            Line(slope, times(c_m, hot) if reduced else whole_slope, ("the examples don't mix: only n = m is left" if reduced else "put it in", "样本之间互不相干：只剩 n = m" if reduced else "代入"), checked=found),
        ]  # fmt: skip
        if not reduced:
            lines.append(Line(gx, added(n, times(self.of(gy, n), slope)), ("the chain rule", "链式法则"), checked=self.gx))
        onehot = (
            "the chain rule. In words: the one-hot target minus the probabilities, times c; with the mean over N examples c = -1/N, "
            "and the gradient of the logits is (p - onehot)/N",
            "链式法则。也就是：独热目标减去概率，再乘以 c；对 N 个样本取平均时 c = -1/N，于是 logits 的梯度就是 (p - onehot)/N",
        )
        lines += [Line(gx, times(g_m, c_m, hot), onehot, checked=self.gx), self.record()]
        definition = [
            Line(self.at(p, i), call("divide", call("exp", self.at(self.x, i)), self.total()), ("the probabilities: softmax of the logits", "概率：logits 的 softmax"), checked=p.value),
            Line(lane, self._index(index), ("the right class of each example", "每个样本的正确类别"), checked=t.value),
            *([Line(self.of(cs, n), self._index(c), ("its weight: minus the class weight over the sum of all", "它的权重：负的类别权重除以权重总和"), checked=cs.value)] if weights.shape == index.value.shape else []),
            Line(y_n, total(times(c_n, call("log", self.at(p, lane)))), ("minus the logarithm of the right class's probability; the factor holds the sign, the class weights and the division by N", "正确类别概率的负对数；前面的因子包含负号、类别权重以及除以 N"), checked=y.value),
        ]  # fmt: skip
        if not weights.ndim and np.isclose(weights * p.value.size, -p.value.shape[self.axis]):
            count = p.value.size // p.value.shape[self.axis]
            average = ("the mean over the examples, with the sign of the negative logarithm", "对样本取平均，并带上负对数的符号")
            definition.append(Line(c, call("divide", -1, count), average, checked=weights))
        idea = (
            "Softmax and logarithm undo each other almost entirely: the gradient is the probabilities minus the one-hot target.",
            "softmax 与对数几乎相互抵消：梯度就是概率减去独热目标。",
        )
        return self.derivation(idea, definition, lines, [p, t, cs])

    def _weight(self, c: Term, lane: tuple) -> Term:
        return self.of(c, lane) if np.ndim(c.value) else c

    def _index(self, index: Term) -> Term:
        return Term("at", (index, *self.lane[: self.axis], term(0), *self.lane[self.axis :]))


def g_i_at(g: Term, i: Term, j: Term) -> Term:
    """An element with j in the place of i."""
    return Term("at", tuple(j if a is i else a for a in g.args))


def _log_jacobian(lanes: _Lanes):
    """∂log p/∂x by differences."""
    from ...backend import numpy as NP
    from .differences import Lazy

    def compute():
        x, axis = lanes.x.value, lanes.axis
        out = np.zeros((*x.shape, *x.shape))
        for place in np.ndindex(x.shape):
            up, down = x.copy(), x.copy()
            up[place] += 1e-6
            down[place] -= 1e-6
            out[(..., *place)] = (NP.log_softmax(up, axis) - NP.log_softmax(down, axis)) / (up[place] - down[place])
        return out

    return Lazy(compute)
