"""Derivations by real rules, for complex numbers: the rules run on conjugates, as the engine runs them.

A record's rule is the plain derivative. For a loss L of z = a + bi the gradient that is handed on is ∂L/∂a + i·∂L/∂b, the conjugate of
the plain derivative's product: so the engine conjugates gy before the rule and what comes out behind it. A derivation made with
real numbers in mind becomes one for complex numbers by the same change.
"""

import numpy as np

from .complexes import family as by_complex_rules
from .derivation import Derivation, Line, Part
from .evaluate import evaluate
from .reader import Reading, read
from .simplify import put
from .terms import Term, call, symbol

_BOTH = ("complex numbers: take the conjugate of both sides", "复数情形：两边取共轭")
_REAL = ("x is real: the imaginary part has nowhere to go", "x 是实数：虚部舍去")


def _needed(reading: Reading) -> bool:
    complex_ = any(g.value.dtype.kind == "c" for g in reading.gys.values())
    return (
        complex_
        and len(reading.gys) == 1
        and not reading.record.conj_aware
        and bool(reading.gradients)
        and by_complex_rules(reading) is None
    )


def before(reading: Reading) -> Reading:
    """The reading that a family for real rules is to see: with the conjugate of a complex gradient."""
    if not _needed(reading):
        return reading
    inputs = {n: v.value if isinstance(v, Term) else v for n, v in reading.inputs.items()}
    return read(reading.record, inputs, reading.params, {n: np.conj(g.value) for n, g in reading.gys.items()})


def after(reading: Reading, d: Derivation) -> Derivation:
    """The derivation with the conjugates written in; and real inputs get the real part."""
    if _needed(reading):
        d = _conjugated(reading, d)
    for part in d.parts:
        x = reading.symbols.get(part.input)
        if x is None or x.value.dtype.kind == "c" or not part.lines:
            continue
        last = part.lines[-1]
        value = np.asarray(evaluate(last.right, d.bindings))
        if value.dtype.kind == "c":
            part.lines.append(Line(symbol("g" + part.input), call("real", last.right), _REAL, checked=value.real))
    return d


def _conjugated(reading: Reading, d: Derivation) -> Derivation:
    changes = {}
    for g in reading.gys.values():
        changes[g.params["name"]] = call("conj", g)
        d.bindings[g.params["name"]] = g.value
    for part in d.parts:
        name = "g" + part.input
        if name in d.bindings:
            d.bindings[name] = np.conj(d.bindings[name])
        changes[name] = call("conj", symbol(name))
    parts = []
    for part in d.parts:
        lines = [_changed(line, changes) for line in part.lines]
        last = lines[-1]
        value = np.conj(np.asarray(evaluate(last.right, d.bindings)))
        d.bindings.setdefault("g" + part.input, value)
        lines.append(Line(symbol("g" + part.input), call("conj", last.right), _BOTH, checked=value))
        parts.append(Part(part.input, lines, part.conventions))
    d.parts = parts
    return d


def _changed(line: Line, changes: dict) -> Line:
    left = None if line.left is None else put(line.left, changes)
    return Line(left, put(line.right, changes), line.why, line.relation, line.checked)
