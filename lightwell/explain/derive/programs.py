"""Formulas of several steps: named quantities one after the other, then their adjoints one after the other, backwards.

    m = mean x,   d = x - m,   y = Σ d²/f
    gd = gy·2d/f,   gm = -Σ gd,   gx = gd + gm/n

gq of a quantity q is ∂L/∂q. It gathers one part from every quantity that q was used for. The parts are found here by the rules of
calculus; what they come to is compared with differences of the program itself.
"""

from typing import Any

import numpy as np

from .calculus import differentiate, plus, times
from .derivation import Derivation, Line, Part
from .differences import Lazy
from .elementwise import bindings_of, flat, looks_alike
from .evaluate import evaluate
from .reader import Reading
from .simplify import depends, simplify
from .terms import Term, call, symbol, term

RECORD = ("what lightwell computes", "lightwell 实际计算的式子")


def with_shape(t: Term, shape: tuple, wanted: tuple) -> Term:
    """A term brought to a shape of as many elements; where only dimensions of size 1 come or go, by words that need no writing."""
    if shape == wanted:
        return t
    if [n for n in shape if n != 1] != [n for n in wanted if n != 1]:
        return Term("reshape", (t,), {"shape": wanted})
    for i in reversed(range(len(shape))):
        if shape[i] == 1:
            t = Term("squeeze", (t,), {"axis": i})
    for i, n in enumerate(wanted):
        if n == 1:
            t = Term("expand_dims", (t,), {"axis": i})
    return t


def summed(t: Term, shape: tuple, wanted: tuple) -> Term:
    """A gradient of `shape` brought to what was broadcast to it: added up over the repeated dimensions."""
    if shape == wanted:
        return t
    extra = len(shape) - len(wanted)
    axes = tuple(i for i, n in enumerate(shape) if i < extra or (wanted[i - extra] == 1 and n != 1))
    if axes:
        kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
        t = Term("sum", (t,), {"axis": axes, "keepdims": True})
        shape = kept
    return with_shape(t, shape, wanted)


class Program:
    """Named quantities in the order in which they are computed, and the derivation that grows from them."""

    def __init__(self, reading: Reading, idea: tuple[str, str]):
        self.reading = reading
        self.derivation = Derivation(reading.record.name, idea, [], [], bindings_of(reading))
        self.bindings = self.derivation.bindings
        self.steps: list[tuple[str, Term]] = []
        self.adjoints: dict[str, Line] = {}
        self.parts: dict[str, Part] = {}

    def let(self, name: str, t: Any, why: tuple[str, str]) -> Term:
        """Name a quantity; returns its symbol."""
        value = np.asarray(evaluate(t, self.bindings))
        given = self.reading.symbols.get(name)
        if given is not None and name not in self.reading.inputs and given.value.shape == value.shape:
            value = given.value
        self.bindings[name] = value
        self.steps.append((name, t))
        s = symbol(name, value)
        self.derivation.definition.append(Line(s, t, why, checked=value))
        return s

    def say(self, left: Term, right: Term, why: tuple[str, str]) -> None:
        """A line of the definition that says an earlier quantity in another way."""
        self.derivation.definition.append(Line(left, right, why, checked=np.asarray(evaluate(left, self.bindings))))

    def shape(self, t: Any) -> tuple:
        """A term's shape."""
        return np.shape(evaluate(t, self.bindings))

    # -- backwards

    def adjoint(self, name: str, why: tuple[str, str] | None = None, given: Term | None = None) -> Line:
        """The line of g<name>, from the quantities that use it; `given` writes it in a way of one's own."""
        uses = [(s, t) for s, t in self.steps if depends(t, name) and self.bindings[s].dtype.kind not in "iub"]
        right = given
        if right is None:
            for s, t in reversed(uses):
                g = symbol("g" + s, self.bindings.get("g" + s))
                part = self._part_of(t, name, g)
                right = plus(right, part) if right is not None else part
        value = np.asarray(evaluate(right, self.bindings))
        value = np.broadcast_to(value, np.shape(self.bindings[name]))
        self.bindings["g" + name] = value
        why = why or self._reason([s for s, _ in uses], name)
        line = Line(symbol("g" + name, value), right, why, checked=Lazy(lambda: self.truth(name)))
        self.adjoints[name] = line
        return line

    def _reason(self, used: list, name: str) -> tuple[str, str]:
        if len(used) == 1:
            return f"chain rule: {name} is used in {used[0]}", f"链式法则：{name} 用于 {used[0]}"
        return f"{name} is used in {' and '.join(used)}: their parts add up", f"{name} 用于 {'、'.join(used)}：各部分相加"

    def _part_of(self, t: Term, name: str, g: Term) -> Term:
        """What the adjoint g of the quantity t hands to `name`."""
        if t.word in ("expand_dims", "squeeze", "reshape"):
            return self._part_of(t.args[0], name, with_shape(g, self.shape(t), self.shape(t.args[0])))
        if t.word in ("mean", "sum"):
            inner = t.args[0]
            shape, axis = self.shape(inner), t.params.get("axis")
            axes = tuple(range(len(shape))) if axis is None else tuple(a % len(shape) for a in ((axis,) if isinstance(axis, int) else axis))
            count = int(np.prod([shape[a] for a in axes]))
            g = with_shape(g, self.shape(t), tuple(1 if i in axes else n for i, n in enumerate(shape)))
            return self._part_of(inner, name, g if t.word == "sum" else call("divide", g, count))
        if t.word == "divide" and t.args[0].word == "sum" and not depends(t.args[1], name):
            return self._part_of(t.args[0], name, call("divide", g, t.args[1]))
        shape = self.shape(t)
        seen: dict[str, Term] = {}
        flattened = self._leaves(t, name, seen)
        result = None
        for leaf, original in seen.items():
            slope = simplify(differentiate(flattened, leaf))
            part = times(g, slope)
            have = np.broadcast_shapes(
                self.shape(g), np.shape(evaluate(slope, {**self.bindings, **{k: evaluate(v, self.bindings) for k, v in seen.items()}}))
            )
            part = self._restore(part, seen)
            if len(have) and have != shape:
                have = np.broadcast_shapes(have, shape)
            mine = self.shape(original)
            part = summed(part, have, mine) if np.prod(have) >= np.prod(mine) else part
            part = with_shape(part, mine, self.shape(symbol(name))) if original.word != "symbol" and have else part
            result = part if result is None else plus(result, part)
        return result if result is not None else term(0)

    def _leaves(self, t: Term, name: str, seen: dict) -> Term:
        """The term with every change of `name`'s shape as a symbol of its own."""
        if t.word == "symbol" and t.params["name"] == name:
            seen.setdefault(name, t)
            return t
        if t.word in ("reshape", "expand_dims", "squeeze") and depends(t, name):
            leaf = next((k for k, v in seen.items() if flat(v) == flat(t)), f"{name}*{len(seen)}")
            seen[leaf] = t
            return symbol(leaf)
        return Term(t.word, tuple(self._leaves(a, name, seen) for a in t.args), t.params, t.value) if t.args else t

    def _restore(self, t: Term, seen: dict) -> Term:
        if t.word == "symbol" and t.params["name"] in seen:
            return seen[t.params["name"]]
        return Term(t.word, tuple(self._restore(a, seen) for a in t.args), t.params) if t.args else t

    def truth(self, name: str) -> np.ndarray:
        """∂L/∂name for L = Σ gy·y over the outputs, by differences of the program itself."""
        base = dict(self.bindings)
        at = np.array(base[name], dtype=np.float64)
        out = np.zeros(at.shape)

        def loss(value):
            now, seen = {**base, name: value}, name in self.reading.inputs
            total = 0.0
            for s, t in self.steps:
                if s == name:
                    seen = True
                elif seen and any(depends(t, k) for k in now.get("__changed__", {name})):
                    now[s] = np.asarray(evaluate(t, now))
                    now["__changed__"] = now.get("__changed__", {name}) | {s}
            for o in self.reading.gys:
                total += float(np.sum(base["g" + o] * now[o]))
            return total

        for place in np.ndindex(at.shape):
            h = 1e-6 * max(1.0, abs(at[place]))
            up, down = at.copy(), at.copy()
            up[place] += h
            down[place] -= h
            out[place] = (loss(up) - loss(down)) / (up[place] - down[place])
        return out

    # -- the parts

    def part(self, name: str, order: list, *collected: tuple) -> Part:
        """The way to an input: the adjoints in `order` (names, or ready lines), then `collected` (term, why), then the record's rule."""
        part = Part(name)
        for q in order:
            line = q if isinstance(q, Line) else self.adjoints.get(q) or self.adjoint(q)
            part.lines.append(line)
        g = symbol("g" + name)
        want = np.asarray(self.want(name))
        for right, why in (*collected, (self.recorded(name), RECORD)):
            if part.lines and looks_alike(part.lines[-1].right, right):
                continue
            part.lines.append(Line(g, right, why, checked=want))
        if part.lines[-1].left is not None and part.lines[-1].left.params.get("name") == "g" + name:
            part.lines[-1].checked = want
        self.derivation.parts.append(part)
        return part

    def want(self, name: str):
        """The gradient that the engine hands to an input."""
        from .elementwise import final_value

        return final_value(self.reading, name)

    def recorded(self, name: str) -> Term:
        """The record's own rule, in the input's shape."""
        from .elementwise import spread, tidy

        rule = self.reading.gradients[name]
        raw = np.shape(evaluate(rule, self.bindings))
        return spread(tidy(rule), raw, self.reading.symbols[name].value.shape)
