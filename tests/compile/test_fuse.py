"""What is fused into what, and that it computes what the graph does."""

import numpy as np
import pytest

from lightwell.compile.graph import Graph
from lightwell.compile.layout import Split, Unfit, refined, reshaped, strides_of, unflatten, whole, window_of
from lightwell.compile.nest import Call, Gemm, Host, Nest

from .graphs import Maker, compare

F, I8 = np.dtype(np.float32), np.dtype(np.int64)


def normal(*shape, dtype=F, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def planned(build, *arrays, writes=None, numbers=(), tolerance=2e-5):
    """The plan of a graph of some inputs; its results are those of the graph."""
    g = Graph()
    made = build(g, *(g.input(a.shape, a.dtype) for a in arrays))
    g.results = [(None, v) for v in (made if isinstance(made, (tuple, list)) else [made])]
    g.writes = writes or {}
    return compare(g, arrays, numbers, tolerance)


def kinds(plan):
    return [type(s) for s in plan.steps]


# ---- places -------------------------------------------------------------------------------------------------------------


def test_places():
    assert strides_of((2, 3, 4)) == (12, 4, 1)
    assert refined([6, 4], (3, 8)) == [3, 2, 4]
    assert refined([6], (4,)) is None and refined([4, 6], (6, 4)) is None
    assert whole((6, 4), [2, 3, 4]) == ((0, (3, 1, 0)), (0, (0, 0, 1)))
    with pytest.raises(Split) as e:
        whole((2, 3, 4), [6, 4])
    assert (e.value.axis, e.value.inner) == (0, 3)
    with pytest.raises(Unfit):
        unflatten((1, (4, 1)), (3, 4), [3, 4])
    assert unflatten((5, (0,)), (3, 4), [1]) == ((1, (0,)), (1, (0,)))
    assert reshaped(((0, (4, 1, 0)), (0, (0, 0, 1))), (8, 5), (2, 4, 5), [2, 4, 5]) == ((0, (1, 0, 0)), (0, (0, 1, 0)), (0, (0, 0, 1)))


def test_windows_into_arrays():
    g = Graph()
    x = g.input((4, 6, 8), "float32")
    y = g.call("getitem", g.call("permute_dims", x, (2, 0, 1)), (slice(1, 7, 2), 3))
    base, offset, strides = window_of(y, lambda v: v is x)
    a = np.arange(4 * 6 * 8).reshape(4, 6, 8)
    window = np.lib.stride_tricks.as_strided(a.reshape(-1)[offset:], y.shape, [s * a.itemsize for s in strides])
    assert base is x and np.array_equal(window, a.transpose(2, 0, 1)[1:7:2, 3])
    assert window_of(g.call("take", x, g.constant(np.array([1, 2])), 0), lambda v: v is x) is None


# ---- nests --------------------------------------------------------------------------------------------------------------


def test_elementwise_chains_are_one_nest():
    plan = planned(lambda g, x, y: g.call("tanh", g.call("add", g.call("multiply", x, 2.0), y)), normal(4, 5), normal(5))
    assert kinds(plan) == [Nest] and plan.arena == 0


def test_views_cost_nothing():
    def build(g, x):
        y = g.call("permute_dims", g.call("negative", x), (2, 0, 1))
        y = g.call("reshape", g.call("flip", y, 0), (4, 6))
        y = g.call("getitem", y, (slice(0, 4, 3), slice(None)))
        return g.call("broadcast_to", g.call("expand_dims", y, 0), (2, 2, 6))

    plan = planned(build, normal(2, 3, 4))
    assert kinds(plan) == [Nest]


def test_several_results_of_one_space_are_one_nest():
    def build(g, x, y):
        a = g.call("add", x, y)
        return g.call("exp", a), g.call("tanh", a), g.call("reshape", g.call("sin", a), (20,))

    assert kinds(planned(build, normal(4, 5), normal(4, 5))) == [Nest]


def test_maps_over_different_arrays_stay_apart():
    def build(g, x, y):
        return g.call("multiply", x, 2.0), g.call("multiply", y, 2.0)

    assert kinds(planned(build, normal(4, 5), normal(4, 5))) == [Nest, Nest]


def test_softmax_is_one_nest_of_three_passes():
    plan = planned(lambda g, x: g.call("softmax", g.call("multiply", x, 3.0), 1), normal(20, 7))
    (nest,) = plan.steps
    assert nest.outer == (20,) and nest.inner == (7,) and len(nest.passes) == 3 and nest.lanes == 1
    assert len(nest.operands) == 2 and plan.arena == 0, "exp(x - max) is kept where the result will lie"


def test_softmax_over_other_axes():
    plan = planned(lambda g, x: g.call("softmax", x, 1), normal(6, 7, 5))
    (nest,) = plan.steps
    assert nest.inner == (7,) and nest.lanes == len(nest.outer) - 1


def test_cross_entropy_with_its_gradient():
    def build(g, x, index):
        logp = g.call("log_softmax", x, 1)
        loss = g.call("sum", g.call("take_along_axis", logp, index, 1))
        return loss, g.call("nll_pull", logp, index, -1.0, 1)

    index = np.random.default_rng(0).integers(0, 5, (30, 1))
    plan = planned(build, normal(30, 5), index)
    assert kinds(plan) == [Nest, Nest], "all of the rows in one nest, the sum of the losses in another"


@pytest.mark.parametrize("rows", [1, 6, 40])
def test_layer_norm_and_its_gradient(rows):
    def build(g, x, w, b, gy):
        parts = g.call("moments", x, (1,), 1e-5)
        m, r = g.part(parts, 0), g.part(parts, 1)
        y = g.call("scaled", x, m, r, w, b, x.shape, x.shape, (1, 16))
        h = g.call("multiply", g.call("subtract", x, m), r)
        gx = g.call("rows_pull", g.call("multiply", gy, w), h, r)
        return y, gx, g.call("sum", g.call("multiply", gy, h), axis=(0,)), g.call("sum", gy, axis=(0,))

    plan = planned(build, normal(rows, 16), normal(16), normal(16), normal(rows, 16))
    assert set(kinds(plan)) == {Nest} and len(plan.steps) <= 4


def test_batch_norm():
    def build(g, x, w, b):
        parts = g.call("moments", x, (0, 2), 1e-5)
        m, r, var = (g.part(parts, i) for i in range(3))
        y = g.call("scaled", x, m, r, w, b, x.shape, x.shape, (1, 8, 1))
        return g.call("relu", y), m, var

    plan = planned(build, normal(4, 8, 9), normal(8), normal(8))
    assert kinds(plan) == [Nest] and plan.steps[0].outer == (8,) and plan.steps[0].inner == (4, 9)


def test_a_gradient_of_a_bias_runs_by_columns():
    plan = planned(lambda g, x: g.call("sum", x, axis=(0,)), normal(50, 24))
    (nest,) = plan.steps
    assert nest.outer == (24,) and nest.inner == (50,) and nest.lanes == 0


def test_large_sums_are_shared():
    plan = planned(lambda g, x: g.call("sum", g.call("multiply", x, x)), normal(300, 400), tolerance=1e-3)
    assert len(plan.steps) == 2 and plan.steps[0].outer[0] >= 4


def test_gathers():
    def build(g, w, index):
        return g.call("multiply", g.call("take", w, index, 0), 2.0), g.call("getitem", w, (slice(None), index))

    plan = planned(build, normal(6, 6), np.array([[0, -1, 5], [2, 2, -6]]))
    assert set(kinds(plan)) == {Nest}


def test_padding_reads_nothing_outside():
    plan = planned(lambda g, x: g.call("constant_pad", g.call("exp", x), ((1, 2), (0, -1)), 3.0), normal(3, 4))
    assert kinds(plan) == [Nest]
    plan = planned(
        lambda g, x: g.call("constant_pad", g.call("constant_pad", x, ((1, 2), (0, 1)), 3.0), ((-1, 1), (2, 0)), 1.0), normal(3, 4)
    )
    assert kinds(plan) == [Nest]


def test_concatenation_writes_each_part_to_its_place():
    def build(g, x, y):
        return g.call("concat", [g.call("exp", x), y, g.call("tanh", x)], 1)

    plan = planned(build, normal(3, 4), normal(3, 2))
    assert kinds(plan) == [Nest] * 2 and plan.arena == 0, "exp and tanh of x in one"


def test_writing_over_a_part():
    def build(g, x):
        y = g.call("index_set", x, (slice(None), slice(0, 4, 2)), g.call("exp", g.call("getitem", x, (slice(None), slice(1, 5, 2)))))
        return g.call("add", y, x)

    planned(build, normal(3, 6))


def test_what_costs_is_not_computed_twice():
    """Exponentials that two products need are stored once; the sum of two arrays is computed again."""

    def build(g, x, a, b):
        e = g.call("exp", g.call("sin", g.call("tanh", x)))
        return g.call("matmul", e, a), g.call("sum", g.call("multiply", e, b), axis=(0,))

    plan = planned(build, normal(8, 8), normal(8, 8), normal(8, 8))
    assert sum("exp" in s.label for s in plan.steps) == 1


# ---- products -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x, y",
    [((4, 5), (5, 6)), ((5,), (5, 6)), ((4, 5), (5,)), ((5,), (5,)), ((2, 4, 5), (5, 6)), ((2, 4, 5), (2, 5, 6)), ((3, 1, 4, 5), (2, 5, 6)),
     ((1, 5), (5, 1)), ((2, 1, 5), (5, 6)), ((2, 4, 1), (2, 1, 6)), ((4, 5), (3, 5, 6))],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products(x, y, dtype):
    plan = planned(lambda g, a, b: g.call("matmul", a, b), normal(*x, dtype=dtype), normal(*y, dtype=dtype))
    assert kinds(plan) == [Gemm]


def test_batches_become_rows():
    (gemm,) = planned(lambda g, a, b: g.call("matmul", a, b), normal(2, 3, 4), normal(4, 5)).steps
    assert (gemm.m, gemm.n, gemm.k, gemm.batch) == (6, 5, 4, ())


def test_transposed_operands_are_read_as_they_lie():
    def build(g, x, y):
        return g.call("matmul", g.call("matrix_transpose", x), g.call("permute_dims", y, (1, 0))), g.call(
            "matmul", y, g.call("matrix_transpose", y)
        )

    assert kinds(planned(build, normal(4, 5), normal(6, 4))) == [Gemm, Gemm]


def test_attention_copies_nothing():
    """Heads are read from, and written to, arrays of (batch, time, channels)."""

    def build(g, qkv):
        b, t, c = 2, 6, 8
        parts = [g.call("getitem", qkv, (Ellipsis, slice(i * c, (i + 1) * c))) for i in range(3)]
        q, k, v = (g.call("permute_dims", g.call("reshape", p, (b, t, 2, 4)), (0, 2, 1, 3)) for p in parts)
        s = g.call("matmul", q, g.call("matrix_transpose", k))
        s = g.call("where", g.constant(np.tril(np.ones((t, t), bool))), s, -np.inf)
        y = g.call("matmul", g.call("softmax", s, -1), v)
        return g.call("reshape", g.call("permute_dims", y, (0, 2, 1, 3)), (b, t, c))

    plan = planned(build, normal(2, 6, 24))
    assert kinds(plan) == [Gemm, Nest, Gemm]


@pytest.mark.parametrize("first", ["matmul", "exp"])
def test_what_is_read_as_it_lies_stays_where_it_lies(first):
    """A product that one step reads through a view isn't written into the view that another one stores."""

    def build(g, a, b, w):
        y = g.call("matmul", a, b)
        r = g.call("reshape", g.call("permute_dims", y, (0, 2, 1, 3)), (2, 6, 2))
        return (g.call("matmul", r, w) if first == "matmul" else g.call("sum", g.call("flip", r, 0), axis=2)), g.call("add", r, 1.0), r

    planned(build, normal(2, 2, 6, 3), normal(2, 2, 3, 1), normal(2, 4))


def test_products_of_integers_are_left_to_numpy():
    x = np.arange(12).reshape(3, 4)
    assert kinds(planned(lambda g, a, b: g.call("matmul", a, b), x, x.T.copy())) == [Host]


def test_biases_are_added_in_place():
    def build(g, x, w, b):
        y = g.call("relu", g.call("add_into", g.call("matmul", x, w), b))
        return g.call("matmul", y, w)

    plan = planned(build, normal(4, 4), normal(4, 4), normal(4))
    assert kinds(plan) == [Gemm, Nest, Gemm]
    assert plan.steps[0].c.buffer == plan.steps[2].a.buffer


# ---- what nests can't do ------------------------------------------------------------------------------------------------


def test_other_words_and_types_are_left_to_numpy():
    plan = planned(lambda g, x: g.call("exp", g.call("cumulative_sum", g.call("tanh", x), axis=1)), normal(3, 4))
    assert kinds(plan) == [Nest, Host, Nest]
    half = normal(3, 4).astype(np.float16)
    plan = planned(lambda g, x: g.call("astype", g.call("add", x, x), F), half, tolerance=1e-3)
    assert Host in kinds(plan)
    z = (normal(3) + 1j * normal(3, seed=1)).astype(np.complex64)
    planned(lambda g, x: g.call("real", g.call("multiply", x, x)), z)


def test_results_in_parts():
    def build(g, x, h, c, w, v, b, d):
        made = g.call("lstm", x, h, c, w, v, b, d, False)
        return g.call("tanh", g.part(made, 0)), g.part(made, 2)

    t, n, i, s = 3, 2, 4, 5
    plan = planned(build, normal(t, n, i), normal(n, s), normal(n, s), normal(4 * s, i), normal(4 * s, s), normal(4 * s), normal(4 * s))
    assert {Call, Nest} & set(kinds(plan))


def test_numbers_of_all_kinds():
    def build(g, x, i, b):
        return (
            g.call("divide", i, 2), g.call("multiply", b, x), g.call("add", i, b), g.call("logical_and", x, i), g.call("add", b, b),
            g.call("where", b, i, 0.5), g.call("less", i, 1.5), g.call("astype", g.call("multiply", x, 3.0), np.dtype(np.int32)),
            g.call("isnan", i), g.call("isnan", x), g.call("maximum", b, False), g.call("sum", b, axis=0), g.call("mean", i, axis=0),
            g.call("astype", x, np.dtype(bool)), g.call("equal", b, b), g.call("floor_divide", i, 3), g.call("remainder", i, 3),
        )  # fmt: skip

    x = np.array([[0.0, -1, np.nan], [np.inf, 2, -0.0]], np.float32)
    with np.errstate(all="ignore"):
        plan = planned(build, np.nan_to_num(x, posinf=7), np.array([[0, 1, -2], [5, -7, 3]]), np.array([[True, False, True]] * 2))
        planned(
            lambda g, x: (g.call("isnan", x), g.call("astype", x, np.dtype(bool)), g.call("max", x, axis=1), g.call("argmax", x, axis=1)), x
        )
    assert Nest in kinds(plan)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 4, 2)])
def test_arrays_of_no_elements(shape):
    def build(g, x):
        y = g.call("exp", x)
        full = g.call("sum", y)
        return y, full, g.call("sum", y, axis=0), g.call("concat", [x, y], 0), g.call("softmax", x, -1)

    planned(build, normal(*shape))


def test_products_of_no_elements():
    planned(lambda g, x, y: g.call("matmul", x, y), normal(3, 0), normal(0, 4))
    planned(lambda g, x, y: g.call("matmul", x, y), normal(0, 3), normal(3, 4))


def test_long_chains_are_cut():
    def build(g, x):
        for i in range(300):
            x = g.call("multiply", g.call("add", x, 0.001 * i), 0.9)
        return x

    plan = planned(build, normal(5), tolerance=1e-3)
    assert 2 <= len(plan.steps) < 40


@pytest.mark.parametrize("seed", range(0, 300, 20))
def test_random_graphs(seed):
    for s in range(seed, seed + 20):
        made = Maker(s, "float64" if s % 2 else "float32")
        with np.errstate(all="ignore"):
            compare(made.g, made.inputs, made.numbers, 1e-6 if s % 2 else 2e-3)
