"""Operations that move or choose elements, and linear maps: every line against numbers, the gradients against the engine."""

import numpy as np
import pytest

from lightwell.explain.derive import linear, selections
from lightwell.explain.derive.evaluate import error_of

from .captured import agree, told
from .captured import call as captured

rng = np.random.default_rng(1)


def R(*shape):
    return rng.standard_normal(shape)


def T(name):
    import lightwell

    return getattr(lightwell, name)


INDEX = np.array([[0, 2, 1], [1, 1, 0]])
TIES = np.array([[1.0, 3, 3, 0], [2, 2, 2, 2]])
MOVED = {
    "view": (lambda x: x.view(6, 4), R(2, 3, 4)),
    "reshape": (lambda x: x.t().reshape(-1), R(3, 4)),
    "roll": (lambda x: x.roll((1, 2), (0, 1)), R(3, 4)),
    "repeat": (lambda x: x.repeat(2, 2), R(2, 3)),
    "cat": (lambda x, y: T("cat")((x, y), 1), R(2, 2), R(2, 3)),
    "stack": (lambda x, y: T("stack")((x, y), 1), R(2, 2), R(2, 2)),
    "split": (lambda x: x.split(2), R(5, 2)),
    "unbind": (lambda x: x.unbind(1), R(2, 3)),
    "index": (lambda x, i: x[i], R(3, 2), np.array([2, 0, 2])),
    "take": (lambda x, i: x.take(i), R(3, 4), INDEX),
    "masked_select": (lambda x: T("masked_select")(x, x > 0), R(3, 4)),
    "masked_scatter": (lambda x, v: x.masked_scatter(x > 0, v), R(3, 4), R(12)),
    "scatter": (lambda x, i, v: x.scatter(1, i, v), R(2, 4), np.array([[0, 2, 1], [1, 3, 0]]), R(2, 3)),
    "index_copy": (lambda x, i, v: x.index_copy(0, i, v), R(3, 2), np.array([2, 0]), R(2, 2)),
    "as_strided": (lambda x: x.as_strided((3, 3), (1, 2), 1), R(4, 4)),
}
CHOSEN = {
    "sort": (lambda x: x.sort(1, descending=True), R(3, 4)),
    "topk": (lambda x: x.topk(2, 0), R(4, 2)),
    "kthvalue": (lambda x: x.kthvalue(2, 1), R(3, 4)),
    "median_dim": (lambda x: x.median(1, keepdim=True), R(3, 4)),
    "mode": (lambda x: x.mode(1), R(3, 4)),
    "max_dim": (lambda x: x.max(1), R(3, 4)),
    "min_dim": (lambda x: x.min(0, keepdim=True), R(2, 3, 2)),
    "cummax": (lambda x: x.cummax(1), R(2, 5)),
    "max_pool2d": (lambda x: F().max_pool2d(x, 2, stride=1), R(1, 2, 3, 3)),
    "max_pool2d_with_indices": (lambda x: F().max_pool2d(x, 2, return_indices=True), R(2, 1, 4, 4)),
}
SHARED = {
    "max_full": (lambda x: x.max(), TIES),
    "amax": (lambda x: x.amax(1), TIES),
    "amin": (lambda x: x.amin((0, 1), keepdim=True), TIES),
    "aminmax": (lambda x: tuple(x.aminmax(dim=1)), TIES),
    "median": (lambda x: x.median(), TIES),
}


def F():
    import lightwell.nn.functional as functional

    return functional


@pytest.mark.parametrize("name", [*MOVED, *CHOSEN, *SHARED])
def test_selections(name):
    f, *arrays = {**MOVED, **CHOSEN, **SHARED}[name]
    reading, gradients = captured(name, f, *arrays)
    agree(selections.family(reading), reading, gradients)


def test_places_are_shown_and_a_place_taken_twice_adds_up():
    reading, gradients = captured("index", lambda x, i: x[i], R(3, 1), np.array([2, 0, 2]))
    d = selections.family(reading)
    assert told(d)[0] == "p = (2, 0, 2)"
    assert "adds up" in d.parts[0].lines[-2].why[0]
    gy = reading.gys["y"].value
    np.testing.assert_allclose(gradients["x"], [gy[1], [0], gy[0] + gy[2]])


def test_places_come_from_the_formula_not_from_equal_values():
    same_values = np.ones((2, 3))
    reading, gradients = captured("roll", lambda x: x.roll(1, 1), same_values)
    agree(selections.family(reading), reading, gradients)


def test_a_tie_is_shared_and_said():
    reading, gradients = captured("amax", lambda x: x.amax(1), TIES)
    d = selections.family(reading)
    assert "tie" in d.idea[0]
    np.testing.assert_allclose(gradients["x"][1], reading.gys["y"].value[1] / 4)


def test_a_wrong_rule_is_found_out():
    reading, _ = captured("max_dim", lambda x: x.max(1), R(3, 4))
    reading.gradients["x"].value = np.roll(reading.gradients["x"].value, 1, 1)
    d = selections.family(reading)
    assert error_of(d.parts[0].lines[1], d.bindings) > 0.1


def test_arithmetic_is_no_selection():
    reading, _ = captured("mm", lambda x, y: x @ y, np.eye(3), R(3, 2))  # the values are y's own, and yet they were computed
    assert selections.family(reading) is None


PLANS = [(0, 0, rng.random((2, 2)), 1, rng.random((3, 3))), (1, 1, rng.random((2, 3)), 0, rng.random((3, 4)))]


def _regions(x):
    from lightwell.ops.regions import region_resample_

    return region_resample_(x, PLANS, (2, 3))


LINEAR = [
    ("region_resample", _regions, R(2, 1, 4, 4)),
    ("col2im", lambda x: F().fold(x, (3, 3), 2), R(1, 4, 4)),
    ("index_place", lambda x: T("diag_embed")(x, 1), R(2, 3)),
]


@pytest.mark.parametrize(("name", "f", "array"), LINEAR)
def test_linear_maps(name, f, array):
    reading, gradients = captured(name, f, array)
    agree(linear.family(reading), reading, gradients)


def test_what_is_not_linear_is_no_linear_map():
    reading, _ = captured("softmax", lambda x: x.softmax(0), R(3))
    assert linear.family(reading) is None
    reading, _ = captured("amax", lambda x: x.amax(0), R(3))
    assert linear.family(reading) is None
