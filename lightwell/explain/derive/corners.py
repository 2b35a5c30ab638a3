"""Where a formula has no derivative: its corners and steps, and what the record gives there."""

import numpy as np

from .calculus import differentiate
from .derivation import Line
from .evaluate import evaluate
from .reader import Reading, read
from .simplify import depends, number_of
from .terms import Term, term

_STEP = 1e-6


def conventions(reading: Reading, name: str, body: Term, y: Term) -> list:
    """The corners of a formula in one input, each as a line: the derivative that the record takes there, and why.

    A corner is a place where the slopes from the left and from the right differ; the line's number is read from the record.
    """
    found, x = [], reading.symbols[name]
    for place, other, words in _places(reading, name, body):
        left, right, at, jump = _around(reading, name, body, place, other)
        if at is None or not np.isfinite([left, right, at]).all() or abs(left - right) < 1e-4:
            continue
        slopes = f"{_round(left)}", f"{_round(right)}", f"{_round(at)}"
        what = ("the value jumps", "函数值跳变") if jump > 1e-4 else ("there is a corner", "有折点")
        why = (
            f"{words[0]} {what[0]}: slope {slopes[0]} from the left, {slopes[1]} from the right, so no derivative; by convention {slopes[2]} is taken",
            f"{words[1]} 处{what[1]}：左侧斜率 {slopes[0]}，右侧斜率 {slopes[1]}，故不可导；约定取 {slopes[2]}",
        )
        found.append(Line(Term("partial", (y, x), {}, np.asarray(at)), term(_plain(at)), why, checked=np.asarray(at)))
    return found


def _round(v: float):
    v = round(float(v), 6)
    return int(v) if v.is_integer() else v


def _plain(v: float):
    return int(v) if float(v).is_integer() else float(v)


def _places(reading, name: str, body: Term) -> list:
    """Where conditions turn: (x's value, the other inputs' value, words for it)."""
    found: dict = {}
    given = {n: float(np.ravel(s.value)[0]) for n, s in reading.symbols.items() if n in reading.given and np.size(s.value)}

    def turn(u: Term, v: Term):
        others = {n for n in reading.inputs if n != name and (depends(u, n) or depends(v, n))}
        if others:
            if {u.word, v.word} == {"symbol"} and len(others) == 1:
                found.setdefault(
                    ("tie", next(iter(others))), (1.0, 1.0, (f"Where {name} = {next(iter(others))}", f"{name} = {next(iter(others))}"))
                )
            return
        line = []
        for at in (0.0, 1.0, 2.0):
            try:
                line.append(float(evaluate(u, {**given, name: np.float64(at)})) - float(evaluate(v, {**given, name: np.float64(at)})))
            except (KeyError, TypeError, ValueError):
                return
        slope = line[1] - line[0]
        if slope and np.isfinite(line).all() and abs(line[2] - line[1] - slope) < 1e-9:
            place = -line[0] / slope
            found.setdefault(round(place, 9), (place, None, (f"At {name} = {_round(place)}", f"{name} = {_round(place)}")))

    def walk(t: Term):
        if not depends(t, name):
            return
        if t.word in ("greater", "less", "greater_equal", "less_equal", "maximum", "minimum", "fmax", "fmin"):
            turn(*t.args)
        if t.word in ("relu", "abs"):
            turn(t.args[0], term(0))
        if (
            t.word in ("greater", "less_equal", "less", "greater_equal")
            and t.args[0].word == "abs"
            and number_like(t.args[1], given) is not None
        ):
            for sign in (1, -1):
                turn(t.args[0].args[0], term(sign * number_like(t.args[1], given)))
        for a in t.args:
            walk(a)

    walk(body)
    return list(found.values())


def number_like(t: Term, given: dict):
    """A number, or a parameter's value."""
    if number_of(t) is not None:
        return number_of(t)
    return given.get(t.params.get("name")) if t.word == "symbol" else None


def _around(reading, name: str, body: Term, place: float, other) -> tuple:
    """(slope from the left, from the right, what the record's rule gives at the place, how far the value jumps)."""
    slope = differentiate(body, name)
    values = {}
    for n, s in reading.symbols.items():
        if n in reading.given:
            values[n] = s.value
        elif n in reading.inputs:
            values[n] = np.full((1,), 1.0 if other is None else other)
    with np.errstate(all="ignore"):
        ends = [float(np.ravel(evaluate(body, {**values, name: np.full((1,), place + h)}))[0]) for h in (-_STEP, _STEP)]
        sides = [float(np.ravel(evaluate(slope, {**values, name: np.full((1,), place + h)}))[0]) for h in (-_STEP, _STEP)]
        inputs = {
            n: v if not isinstance(v, Term) else np.full((1,), place if n == name else values[n][0]) for n, v in reading.inputs.items()
        }
        for v in reading.inputs.values():
            if isinstance(v, Term) and v.value.dtype.kind not in "f":
                return (*sides, None, 0.0)
        params = {n: v for n, v in reading.params.items()}
        if params.get("n"):
            params["n"] = 1
        (out,) = reading.outputs
        there = read(reading.record, inputs, params, {out: np.ones_like(_shape_one(reading, inputs, params))})
        at = np.ravel(np.asarray(there.gradients[name].value, dtype=np.float64))[0]
    return (*sides, float(at), abs(ends[1] - ends[0]))


def _shape_one(reading, inputs, params):
    """The output of the operation at the place, for its shape."""
    return next(iter(read(reading.record, inputs, params).outputs.values())).value
