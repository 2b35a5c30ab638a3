"""Every registered operation has a derivation, and every line of it holds: its value, the local derivative, autograd's gradient."""

import itertools
import re

import numpy as np
import pytest

from lightwell.explain.derive import derivation as made
from lightwell.explain.derive.derive import FAMILIES, derive, derive_reading
from lightwell.explain.derive.evaluate import error_of, evaluate
from lightwell.explain.derive.reader import read
from lightwell.explain.derive.terms import call, symbol, term
from lightwell.ops.op import registry
from tests.explain.derive.calls import calls

TOLERANCE = 1e-8  # of what is computed twice
ENGLISH = re.compile(r"\b[a-z]{3,} [a-z]{3,} [a-z]{2,}\b")  # prose, where Chinese (or a formula) is expected
DIFFERENCES = 3e-5  # of what is compared with differences of values


def lines_of(d):
    """All lines of a derivation with where they stand."""
    yield from (("definition", line) for line in d.definition)
    for part in d.parts:
        yield from ((part.input, line) for line in (*part.lines, *part.conventions))


def problems(d, reading=None, gradients=None) -> list:
    """What is wrong with a derivation: lines that don't hold, ends that aren't the gradient, reasons that are missing."""
    found = []
    with np.errstate(all="ignore"):
        for where, line in lines_of(d):
            if not line.why[0] or not line.why[1] or ENGLISH.search(line.why[1]):
                found.append(f"{where}: no reason in both languages for {line.right!r}")
            if line.checked is None:
                continue
            lazy = not isinstance(line.checked, (np.ndarray, np.generic, float, int))
            error = error_of(line, d.bindings)
            if not error <= (DIFFERENCES if lazy else TOLERANCE):
                found.append(f"{where}: {line.left!r} = {line.right!r} is off by {error:.1e}")
        for part in d.parts:
            if reading is not None:
                found += slope_problems(d, part, reading)
            want = (gradients or {}).get(part.input)
            if want is None:
                continue
            last = part.lines[-1]
            have = np.asarray(evaluate(last.right, d.bindings))
            if last.left is None or last.left.params.get("name") != "g" + part.input:
                found.append(f"{part.input}: ends with {last.left!r}, not with g{part.input}")
            elif (have.ndim and have.shape != want.shape) or not np.allclose(have, want, 1e-9, 1e-10, equal_nan=True):
                found.append(f"{part.input}: the last line isn't the gradient that autograd computes")
    return found


def slope_problems(d, part, reading) -> list:
    """Where a local derivative ∂e/∂x of whole symbols isn't the slope of e's definition."""
    line = next(
        (v for v in part.lines if v.left is not None and v.left.word == "partial" and {a.word for a in v.left.args} == {"symbol"}), None
    )
    if line is None:
        return []
    e, x = (a.params["name"] for a in line.left.args)
    formula = next(v.right for v in d.definition if v.left is not None and v.left.word == "symbol" and v.left.params["name"] == e)
    at = np.asarray(d.bindings[x])
    if at.dtype.kind not in "fc":
        return []
    h = 1e-6 * np.maximum(1, np.abs(at))

    def moved(step):
        value = at + step
        return np.asarray(evaluate(formula, {**d.bindings, x: value})) * 1.0, value - at

    (right, up), (left, down), here = moved(h), moved(-h), np.asarray(evaluate(formula, d.bindings)) * 1.0
    both = (right - left) / (up - down)
    one_side, other_side = (right - here) / up, (here - left) / -down
    smooth = np.abs(one_side - other_side) < 1e-3 * (1 + np.abs(both))  # corners have a convention instead
    have = np.broadcast_to(np.asarray(evaluate(line.right, d.bindings)), both.shape)
    smooth &= np.isfinite(have) & np.isfinite(both)
    if not np.allclose(have[smooth], both[smooth], DIFFERENCES, DIFFERENCES):
        return [f"{part.input}: ∂{e}/∂{x} isn't the slope of {e}: {have[smooth]} for {both[smooth]}"]
    return []


@pytest.mark.parametrize("name", sorted(registry))
def test_derivation(name):
    found = calls()[name]
    assert found, f"no call of {name} was seen in its samples"
    for call_ in found:
        d = derive_reading(call_.reading)
        assert d.op == name and d.idea[0] and d.idea[1] and not d.idea[1].isascii()
        assert d.definition or not call_.reading.symbols["y"].value.size
        assert not problems(d, call_.reading, call_.gradients)
        parts = {p.input for p in d.parts}
        wanted = set(call_.gradients or ())
        assert wanted <= parts, f"{name}: no part for {sorted(wanted - parts)}"
        for part in d.parts:
            texts = [(repr(v.left), repr(v.right)) for v in part.lines]
            assert not [a for a, b in itertools.pairwise(texts) if a == b], f"{name}: two lines in a row say the same"


def test_no_part_without_a_gradient():
    for found in calls().values():
        for call_ in found:
            if call_.gradients == {} and not call_.reading.gys:
                assert not derive_reading(call_.reading).parts


# ---- the checker itself ---------------------------------------------------------------------------------------------


def tanh():
    reading = read(registry["tanh"], [np.linspace(-1, 1, 5)])
    return reading, derive_reading(reading)


def test_a_wrong_line_is_found():
    reading, d = tanh()
    assert not problems(d, reading, {"x": np.asarray(reading.gradients["x"].value)})
    y = symbol("y", reading.value("y"))
    d.parts[0].lines[2].right = term(1) + y * y
    (problem,) = problems(d, reading)
    assert "is off by" in problem


def test_a_wrong_local_derivative_is_found_though_it_claims_to_be_right():
    reading, d = tanh()
    x = symbol("x", reading.value("x"))
    wrong = call("cos", x)
    for line in d.parts[0].lines:
        if line.left.word == "partial":
            line.right, line.checked = wrong, np.cos(reading.value("x"))
    assert any("isn't the slope" in p for p in problems(d, reading))


def test_a_wrong_gradient_is_found():
    reading, d = tanh()
    right = np.asarray(reading.gradients["x"].value)
    assert any("isn't the gradient" in p for p in problems(d, reading, {"x": right + 1e-3}))
    d.parts[0].lines.pop()
    d.parts[0].lines.append(made.Line(symbol("gz"), symbol("gy", reading.gys["y"].value), ("x", "无"), checked=None))
    assert any("ends with" in p for p in problems(d, reading, {"x": right}))


def test_a_missing_reason_is_found():
    reading, d = tanh()
    d.parts[0].lines[0].why = ("because", "")
    assert any("no reason" in p for p in problems(d, reading))


def test_derive_by_name_by_function_and_by_record():
    from lightwell.ops.activations import silu_

    for op in ("silu", silu_, registry["silu"]):
        assert [p.input for p in derive(op).parts] == ["x"]
    with pytest.raises(KeyError):
        derive("no such operation")
    assert all(callable(family) for family in FAMILIES)
