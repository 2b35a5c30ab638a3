"""The order of steps, memory, and writing into inputs."""

import itertools
import time

import numpy as np
import pytest

from lightwell.compile.graph import Graph
from lightwell.compile.nest import Buffer, Expr, Gemm, Nest, Pass, Plan, Reduce, Store
from lightwell.compile.plan import _Room, barriers, cost, execute, memory, plan, reads, show, verify, writes

from .graphs import compare

F = np.dtype(np.float32)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(F)


def network(depth=3, batch=16, width=32, classes=5):
    """A training step of a network, its inputs and numbers."""
    g = Graph()
    x, index, rate = g.input((batch, width), F), g.input((batch, 1), "int64"), g.number()
    sizes = [width] * depth + [classes]
    params = [(g.input((n, m), F), g.input((n,), F)) for m, n in itertools.pairwise(sizes)]
    values = [x]
    for i, (w, b) in enumerate(params):
        y = g.call("add_into", g.call("matmul", values[-1], g.call("matrix_transpose", w)), b)
        values.append(y if i == depth - 1 else g.call("relu", y))
    logp = g.call("log_softmax", values[-1], 1)
    g.results.append(("loss", g.call("multiply", g.call("sum", g.call("take_along_axis", logp, index, 1)), -1 / batch)))
    gy = g.call("nll_pull", logp, index, -1 / batch, 1)
    steps = []
    for i in range(depth - 1, -1, -1):
        w, b = params[i]
        steps += [(b, g.call("sum", gy, axis=(0,))), (w, g.call("matmul", g.call("permute_dims", gy, (1, 0)), values[i]))]
        gy = g.call("relu_pull", g.call("matmul", gy, w), values[i]) if i else gy
    for p, gp in steps:
        g.writes[len(g.results)] = p.args[0]
        g.results.append((p, g.call("subtract", p, g.call("multiply", gp, rate))))
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, classes, v.shape) if v.dtype.kind == "i" else 0.3 * normal(*v.shape, seed=i) for i, v in enumerate(g.inputs)]
    return g, [a.astype(v.dtype) for a, v in zip(arrays, g.inputs)], [0.1]


def test_a_training_step():
    g, arrays, numbers = network()
    made = compare(g, arrays, numbers)
    assert all(made.buffers[b].kind == "input" for b in made.results[1:]), "parameters are written where they lie"
    assert "copy" not in [s.label for s in made.steps]


def test_it_is_planned_quickly():
    g, _, _ = network()
    plan(g)
    best = min(_seconds(lambda: plan(g)) for _ in range(5))
    assert best < 0.1  # about 5 ms on an idle machine


def _seconds(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def test_a_deep_network_takes_time_by_its_length():
    short, long = (network(d, 2, 3)[0] for d in (10, 40))
    plan(short)
    a, b = (min(_seconds(lambda g=g: plan(g)) for _ in range(3)) for g in (short, long))
    assert b < 10 * a


def test_temporaries_share_memory():
    g = Graph()
    x = w = g.input((64, 64), F)
    for _ in range(10):
        x = g.call("tanh", g.call("matmul", x, w))
    g.results = [(None, x)]
    made = compare(g, [normal(64, 64) / 8])
    assert made.arena <= 2 * 64 * 64 * 4, "two arrays at a time"


def test_a_result_of_several_names_is_several_arrays():
    g = Graph()
    x = g.input((4,), F)
    y = g.call("exp", x)
    g.results = [(None, y), (None, g.call("reshape", y, (2, 2))), (None, x), (None, x)]
    made = compare(g, [normal(4)])
    assert len(set(made.results)) == 4


def test_constants_and_numbers_as_results():
    g = Graph()
    c, n = g.constant(np.arange(3.0)), g.number()
    g.results = [(None, c), (None, g.call("add", c, n)), (None, g.call("multiply", n, 2.0)), (None, g.call("full", (2, 2), 3.0, dtype=F))]
    compare(g, [], [1.5])


# ---- writing into inputs ------------------------------------------------------------------------------------------------


def written(build, arrays, writes):
    g = Graph()
    made = build(g, *(g.input(a.shape, a.dtype) for a in arrays))
    g.results = [(None, v) for v in made]
    g.writes = writes
    return compare(g, arrays)


def test_writing_over_what_is_read_at_the_same_place():
    made = written(lambda g, x, y: [g.call("add", x, y)], [normal(5), normal(5, seed=1)], {0: 0})
    assert len(made.steps) == 1


def test_writing_over_what_is_read_elsewhere_goes_through_a_temporary():
    made = written(lambda g, x: [g.call("flip", g.call("exp", x), 0)], [normal(5)], {0: 0})
    assert len(made.steps) == 2 and made.arena > 0
    made = written(lambda g, x: [g.call("softmax", x, 1)], [normal(3, 5)], {0: 0})
    assert len(made.steps) == 2 or len(made.steps[0].passes) == 3
    made = written(lambda g, x: [g.call("matmul", x, x)], [normal(4, 4)], {0: 0})
    assert [type(s) for s in made.steps] == [Gemm, Nest]


def test_swapping():
    written(lambda g, x, y: [y, x], [normal(5), normal(5, seed=1)], {0: 0, 1: 1})
    written(lambda g, x, y: [g.call("exp", y), g.call("tanh", x)], [normal(5), normal(5, seed=1)], {0: 0, 1: 1})
    written(lambda g, x, y, z: [y, z, x], [normal(5), normal(5, seed=1), normal(5, seed=2)], {0: 0, 1: 1, 2: 2})


def test_later_readers_of_the_old_value_come_first():
    def build(g, x, y):
        new = g.call("add", x, y)
        return [new, g.call("multiply", g.call("matmul", x, x), new), g.call("sum", x)]

    made = written(build, [normal(4, 4), normal(4, 4, seed=1)], {0: 0})
    assert made.buffers[made.results[0]].kind == "input"


def test_a_written_value_that_is_returned_too():
    written(lambda g, x: [g.call("exp", x)] * 2, [normal(4)], {0: 0})
    written(lambda g, x, y: [g.call("exp", x)] * 3, [normal(4), normal(4)], {0: 0, 1: 1})
    written(lambda g, x: [x], [normal(4)], {0: 0})


def test_running_averages():
    def build(g, x, m):
        new = g.call("add", g.call("multiply", m, 0.9), g.call("multiply", g.call("mean", x, axis=(0, 2)), 0.1))
        return [g.call("subtract", x, g.call("reshape", m, (1, 8, 1))), new]

    made = written(build, [normal(4, 8, 5), normal(8, seed=1)], {1: 1})
    assert made.buffers[made.results[1]].kind == "input" and all("copy" not in s.label for s in made.steps)


# ---- memory -------------------------------------------------------------------------------------------------------------


def test_room():
    room = _Room()
    a, b, c = room.take(64), room.take(128), room.take(64)
    assert (a, b, c, room.top) == (0, 64, 192, 256)
    room.free(b, 128)
    assert room.take(64) == 64 and room.take(64) == 128 and room.take(64) == 256
    room.free(a, 64)
    room.free(64, 64)
    assert room.holes == [[0, 128]]
    assert room.take(192) == 320
    room.free(320, 192)
    assert room.take(256) == 320 and room.top == 576


def by_hand():
    """exp in two steps over three buffers."""
    buffers = [Buffer("input", (8,), F, 0, name="x"), Buffer("temp", (8,), F, name="t"), Buffer("result", (8,), F, 0, name="y")]

    def step(a, b, word):
        return Nest([a, b], (8,), (), [Pass([Store(1, 0, (1,), Expr(word, (Expr("load", (0, 0, (1,)), F),), F))])], label=word)

    return Plan(buffers, [step(0, 1, "exp"), step(1, 2, "tanh")], [2])


def test_a_nest_takes_over_its_operand():
    made = verify(memory(by_hand()))
    assert made.arena == 0 and made.steps[0].operands == [0, 2] and made.steps[1].operands == [2]
    x = normal(8)
    np.testing.assert_allclose(execute(made, [x])[0], np.tanh(np.exp(x)), rtol=1e-6)


def test_verify_finds_mistakes():
    broken = memory(by_hand())
    broken.steps.reverse()
    with pytest.raises(AssertionError, match="before it is written"):
        verify(broken)
    broken = memory(by_hand())
    broken.steps[1].passes[0].stores[0].offset = 1
    with pytest.raises(AssertionError, match="outside"):
        verify(broken)
    broken = by_hand()
    broken.steps = broken.steps[:1]
    with pytest.raises(AssertionError, match="never written"):
        verify(memory(broken))


def test_reads_writes_and_barriers():
    made = by_hand()
    assert (reads(made.steps[0]), writes(made.steps[0])) == ({0}, {1})
    assert barriers(made.steps) == [False, True]
    assert barriers([made.steps[0], made.steps[0]]) == [False, True]


def test_cost():
    made = memory(by_hand())
    assert cost(made.steps[0], made)[1] == 64
    gemm = compare(_product(), [normal(4, 5), normal(5, 6)])
    assert cost(gemm.steps[0], gemm) == (2 * 4 * 5 * 6, 4 * (20 + 30 + 24))
    rows = Reduce("sum", Expr("load", (0, 0, (8, 1)), F), F)
    nest = Nest([0, 1], (4,), (8,), [Pass([], [rows])], [Store(1, 0, (1,), Expr("reduced", (rows,), F))])
    buffers = [Buffer("input", (4, 8), F, 0), Buffer("result", (4,), F, 0)]
    assert cost(nest, Plan(buffers, [nest], [1])) == (32, 4 * 36)


def _product():
    g = Graph()
    g.results = [(None, g.call("matmul", g.input((4, 5), F), g.input((5, 6), F)))]
    return g


def test_show():
    g, _, _ = network()
    text = show(plan(g))
    lines = text.splitlines()
    assert len(lines) == len(plan(g).steps) + 1 and lines[-1].startswith("arena ")
    assert all(line.startswith(("nest", "gemm")) for line in lines[:-1]) and str(plan(g)) == text
