"""Recurrent layers: the equations of one step, their adjoints, and the recursion through time that joins the steps.

Steps are counted from 1 to T, as in textbooks: H₀ is the state that was given, X_t the input of step t. A cell is one step, without
the index. What the equations come to is computed by running them, step by step.
"""

from typing import Any

import numpy as np

from .derivation import Derivation, Line, Part
from .differences import Lazy
from .elementwise import bindings_of
from .evaluate import evaluate
from .reader import Reading
from .recurrent_cells import CELLS, Equations
from .terms import Term, call, index, symbol, term

_IDEA = (
    "Write down one step, find the adjoints of one step, and let them run from the last step to the first: backpropagation through "
    "time. A weight is used in every step, so its gradient is a sum over the steps.",
    "先写出一个时间步，再求一个时间步的伴随量，然后从最后一步递推到第一步：这就是通过时间反向传播。权重在每一步都被使用，因此它的梯度是各步之和。",
)
_ONE = (
    "One step: name its gates, and go back through them in reverse order.",
    "只有一个时间步：给各个门起名，再按相反的顺序逐个求导。",
)
_RECORD = ("what lightwell computes: all of this in one function", "lightwell 实际计算的内容：以上全部合成一个函数")


def family(reading: Reading) -> Derivation | None:
    """The derivation of a recurrent layer or cell; None for any other operation."""
    name = reading.record.name
    if name.removesuffix("_cell") not in CELLS:
        return None
    return _Layer(reading, CELLS[name.removesuffix("_cell")]).derivation()


class _Layer:
    """A layer's quantities at step t, or a cell's, which has no t."""

    def __init__(self, reading: Reading, equations: type[Equations]):
        self.reading, self.bindings = reading, bindings_of(reading)
        self.one = reading.record.name.endswith("_cell")
        self.steps = 1 if self.one else len(reading.value("x"))
        self.t = index("t", self.steps)
        self.t.params["start"] = 1
        self.last = term(self.steps)
        self.cell = equations(self)
        self.forwards: list = []  # (name, right side, why), in the order in which a step computes them
        self.backwards: list = []

    # -- naming

    def now(self, name: str) -> Term:
        """A quantity at this step."""
        return symbol(name) if self.one else Term("at", (symbol(name), self.t))

    def before(self, name: str) -> Term:
        """A state before this step."""
        return self.reading.symbols[name.lower()] if self.one else Term("at", (symbol(name), self.t - 1))

    def after(self, name: str) -> Term:
        """A quantity at the next step."""
        return Term("at", (symbol(name), self.t + 1))

    def given(self, name: str) -> Term | None:
        """An input's symbol, None where it is missing."""
        return self.reading.symbols.get(name) if self.reading.inputs.get(name) is not None else None

    def at_end(self, gradient: str) -> Term:
        """The gradient of a last state, which arrives at the last step only."""
        g = self.reading.gys[gradient]
        return g if self.one else call("iverson", call("equal", self.t, self.last)) * g

    # -- running

    def _run(self, changed: tuple | None = None) -> dict:
        """All quantities of the forward pass; `changed` is (name, step, array) that replaces what the equations give."""
        b = dict(self.bindings)
        x = b["x"]
        if self.one:
            for name, right, _ in self.forwards:
                b[name] = changed[2] if changed and changed[0] == name else np.asarray(evaluate(right, b))
            return b
        for name in self.cell.states:
            b[name] = self._room(b[name.lower()])
            b[name][0] = b[name.lower()]
        b["X"] = np.zeros((self.steps + 2, *x.shape[1:]))
        b["X"][1:-1] = x[::-1] if self.reading.params["reverse"] else x
        for t in range(1, self.steps + 1):
            for name, right, _ in self.forwards:
                v = changed[2] if changed and changed[:2] == (name, t) else np.asarray(evaluate(right, b, {"t": t}))
                if t == 1:
                    b[name] = self._room(v) if name not in self.cell.states else b[name]
                b[name][t] = v
        return b

    def _room(self, like) -> np.ndarray:
        return np.zeros((self.steps + 2, *np.shape(like)))

    def _loss(self, b: dict) -> float:
        last = {"hn": "H", "cn": "C"}
        total = 0.0
        for name, g in self.reading.gys.items():
            if name == "y":
                h = b["H"][1:-1]
                total += float(np.sum(g.value * (h[::-1] if self.reading.params["reverse"] else h)))
            else:
                v = b[last[name]]
                total += float(np.sum(g.value * (v if self.one else v[self.steps])))
        return total

    def _truth(self, name: str) -> np.ndarray:
        """The adjoint of a quantity at every step, by differences of the equations."""
        base = self._run()
        value = base[name] if self.one else base[name][1 : self.steps + 1]
        out = np.zeros(value.shape)
        for place in np.ndindex(value.shape):
            sides = []
            for h in (1e-6, -1e-6):
                if self.one:
                    v = value.copy()
                    v[place] += h
                    sides.append(self._loss(self._run((name, 0, v))))
                else:
                    v = value[place[0]].copy()
                    v[place[1:]] += h
                    sides.append(self._loss(self._run((name, place[0] + 1, v))))
            out[place] = (sides[0] - sides[1]) / 2e-6
        return out

    # -- writing

    def derivation(self) -> Derivation:
        """Definition, adjoints and weights' gradients, as lines."""
        self.cell.forward()
        self.bindings = self._run()
        d = Derivation(self.reading.record.name, _ONE if self.one else _IDEA, self._definition(), [], self.bindings)
        self.cell.backward()
        adjoints = self._adjoints()
        for name in self.reading.gradients:
            d.parts.append(self._part(name, adjoints if not d.parts else []))
        return d

    def _definition(self) -> list:
        lines, b, rows = [], self.bindings, slice(1, self.steps + 1)
        if not self.one:
            reverse = self.reading.params["reverse"]
            place = self.last - self.t if reverse else self.t - 1
            why = (
                ("the input of step t; the steps run backwards here", "第 t 步的输入；这里按时间倒序")
                if reverse
                else ("the input of step t", "第 t 步的输入")
            )
            lines.append(Line(self.now("X"), Term("at", (self.reading.symbols["x"], place)), why, checked=b["X"][rows]))
            for name in self.cell.states:
                why = ("the state it starts from", "初始状态")
                lines.append(Line(Term("at", (symbol(name), term(0))), self.reading.symbols[name.lower()], why, checked=b[name][0]))
        for name, right, why in self.forwards:
            lines.append(Line(self.now(name), right, why, checked=b[name] if self.one else b[name][rows]))
        for out, s in self.reading.symbols.items():
            if out in self.reading.outputs:
                lines.append(self._output(out, s))
        return lines

    def _output(self, out: str, s: Term) -> Line:
        state = "C" if out == "cn" else "H"
        if out == "y":
            place = self.last - self.t if self.reading.params["reverse"] else self.t - 1
            rows = self.bindings["H"][1 : self.steps + 1]
            return Line(
                self.now("H"),
                Term("at", (s, place)),
                ("put out at every step: y holds them all", "每一步都输出：y 收集了它们"),
                checked=rows,
            )
        right = symbol(state) if self.one else Term("at", (symbol(state), self.last))
        return Line(s, right, ("the last state", "最后的状态"), checked=s.value)

    def _adjoints(self) -> list:
        """The lines of one step backwards; runs the recursion from the last step to the first."""
        b = self.bindings
        for t in range(self.steps, 0, -1):
            for name, right, _ in self.backwards:
                v = np.asarray(evaluate(right, b) if self.one else evaluate(right, b, {"t": t}))
                if self.one:
                    b["g" + name] = v
                else:
                    b.setdefault("g" + name, self._room(v))[t] = v
        return [
            Line(self.now("g" + name), right, why, checked=Lazy(lambda name=name: self._truth(name))) for name, right, why in self.backwards
        ]

    def start(self, name: str, like: Any) -> None:
        """Room for an adjoint that the recursion reads one step ahead, where there is nothing yet."""
        self.bindings["g" + name] = self._room(like)

    def _part(self, name: str, adjoints: list) -> Part:
        part = Part(name, list(adjoints))
        want = np.asarray(self.reading.gradients[name].value)
        g = symbol("g" + name, want)
        self.bindings["g" + name] = want
        if name == "x" and not self.one:
            right, why = self.cell.of_input()
            values = want[::-1] if self.reading.params["reverse"] else want
            place = self.last - self.t if self.reading.params["reverse"] else self.t - 1
            part.lines.append(Line(self.now("gX"), right, why, checked=values))
            self.bindings["gX"] = self._room(values[0])
            self.bindings["gX"][1:-1] = values
            why = ("collected over the steps", "汇集各步")
            part.lines.append(Line(self.now("gX"), Term("at", (g, place)), why, checked=values))
        else:
            right, why = self.cell.of_input() if name == "x" else self.cell.of(name)
            part.lines.append(Line(g, right, why, checked=want))
        part.lines.append(Line(g, self.reading.gradients[name], _RECORD, checked=want))
        return part

    def over_time(self, body: Term) -> Term:
        """Σ over the steps."""
        return body if self.one else Term("total", (body,), {"over": (self.t,)})
