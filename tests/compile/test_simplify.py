"""What simplify takes away, and what it must leave."""

import numpy as np
import pytest

from lightwell.compile.graph import Graph, run
from lightwell.compile.simplify import simplify


def words(graph):
    return [v.word for v in graph.values if v.word not in ("input", "number")]


def one(build, *shapes, dtype="float32"):
    """The graph of one result."""
    g = Graph()
    g.results.append((None, build(g, *(g.input(s, dtype) for s in shapes))))
    return g


def same(graph, seed=0):
    """The simplified graph, whose results on random numbers are the graph's, bit for bit."""
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(v.shape).astype(v.dtype) for v in graph.inputs]
    numbers = [0.5] * len(graph.numbers)
    small = simplify(graph)
    for a, b in zip(run(small, arrays, numbers), run(graph, arrays, numbers)):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return small


def test_what_nobody_needs_is_gone():
    g = one(lambda g, x: (g.call("exp", x), g.call("tanh", x))[1], (3,))
    assert words(same(g)) == ["tanh"]


def test_the_same_line_stands_once():
    g = one(lambda g, x: g.call("add", g.call("tanh", x), g.call("tanh", x)), (3,))
    assert words(same(g)) == ["tanh", "add"]


def test_numbers_of_other_types_are_other_numbers():
    def build(g, x):
        a = g.call("multiply", x, 2)
        b = g.call("multiply", x, 2.0)
        return g.call("concat", [g.call("astype", a, np.dtype(np.float64)), b], 0)

    g = one(build, (3,), dtype="int64")
    assert words(same(g)).count("multiply") == 2


def test_zero_and_minus_zero_stay_apart():
    def build(g, x):
        return g.call("stack", [g.call("divide", x, 0.0), g.call("divide", x, -0.0)], 0)

    with np.errstate(all="ignore"):
        assert words(same(one(build, (3,)))).count("divide") == 2


@pytest.mark.parametrize(
    "build",
    [
        lambda g, x: g.call("reshape", g.call("reshape", x, (6, 4)), (2, 3, 4)),
        lambda g, x: g.call("squeeze", g.call("expand_dims", x, 1), 1),
        lambda g, x: g.call("permute_dims", g.call("permute_dims", x, (2, 0, 1)), (1, 2, 0)),
        lambda g, x: g.call("matrix_transpose", g.call("matrix_transpose", x)),
        lambda g, x: g.call("getitem", x, (slice(None), slice(0, 3), Ellipsis)),
        lambda g, x: g.call("broadcast_to", x, (2, 3, 4)),
        lambda g, x: g.call("astype", x, np.dtype(np.float32)),
        lambda g, x: g.call("asarray", x, copy=True),
        lambda g, x: g.call("multiply", x, 1.0),
        lambda g, x: g.call("divide", x, 1),
        lambda g, x: g.call("subtract", x, 0.0),
        lambda g, x: g.call("pow", x, 1),
        lambda g, x: g.call("negative", g.call("negative", x)),
        lambda g, x: g.call("real", x),
    ],
)
def test_what_changes_nothing_is_gone(build):
    assert words(same(one(build, (2, 3, 4)))) == []


def test_a_sum_with_zero_is_left_alone():
    """-0 + 0 is 0."""
    assert words(simplify(one(lambda g, x: g.call("add", x, 0.0), (3,)))) == ["add"]


def test_one_that_widens_is_left():
    g = one(lambda g, x: g.call("multiply", x, g.constant(np.ones((2, 3), np.float32))), (3,))
    assert same(g).results[0][1].shape == (2, 3)
    g = one(lambda g, x: g.call("multiply", x, 1.0), (3,), dtype="int64")
    assert same(g).results[0][1].dtype == np.float64


def test_small_constants_are_computed():
    def build(g, x):
        mask = g.call("tril", g.constant(np.ones((4, 4), bool)), 0)
        return g.call("where", g.call("bitwise_invert", mask), 0.0, x)

    small = same(one(build, (4, 4)))
    assert words(small) == ["constant", "where"]


def test_permutation_of_thin_dimensions_is_a_reshape():
    g = one(lambda g, x: g.call("permute_dims", x, (1, 0, 2)), (1, 3, 4))
    assert words(same(g)) == ["reshape"]


def test_squares_and_cubes_are_products():
    assert words(simplify(one(lambda g, x: g.call("pow", x, 2.0), (3,)))) == ["multiply"]
    assert words(simplify(one(lambda g, x: g.call("pow", x, 3), (3,)))) == ["multiply", "multiply"]
    assert words(simplify(one(lambda g, x: g.call("pow", x, 2.5), (3,)))) == ["pow"]


def test_inputs_numbers_and_writes_stay():
    g = Graph()
    x, y, s = g.input((3,), "float32"), g.input((3,), "float32"), g.number()
    g.results = [("y", g.call("multiply", y, s))]
    g.writes = {0: 1}
    small = simplify(g)
    assert len(small.inputs) == 2 and len(small.numbers) == 1 and small.writes == {0: 1}
    assert small.results[0][0] == "y" and x.word == "input"
