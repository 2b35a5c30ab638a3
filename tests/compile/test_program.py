"""Programs from plans made by hand, native and by NumPy."""

import math
import os
import signal
import threading

import numpy as np
import pytest

from lightwell.backend import threads as setting
from lightwell.compile import calls, native, runtime
from lightwell.compile.ir import Function
from lightwell.compile.nest import Buffer, Call, Expr, Gemm, Host, Nest, Pass, Plan, Reduce, Ref, Side, Store
from lightwell.compile.program import Program

F, D, I = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
WAYS = [pytest.param(False, id="native"), pytest.param(True, id="numpy")]


@pytest.fixture(params=WAYS)
def interpret(request):
    if not request.param:
        pytest.importorskip("llvmlite")
    return request.param


@pytest.fixture(autouse=True, params=[1, 2])
def count(request):
    old = setting.get_num_threads()
    setting.set_num_threads(request.param)
    yield request.param
    setting.set_num_threads(old)


def strides(shape):
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def load(operand, shape, dtype=F):
    return Expr("load", (operand, 0, strides(shape)), dtype)


def flat_map(operands, shape, expr, dtype=F, label=""):
    """operands[-1] = expr, element by element."""
    return Nest(operands, shape, (), [Pass([Store(len(operands) - 1, 0, strides(shape), expr)])], label=label)


def number(slot, dtype=F):
    return Expr("cast", (Expr("number", (slot,), D),), dtype)


def dense(buffer, rows, cols, transposed=False):
    return Side(buffer, 0, 1, rows) if transposed else Side(buffer, 0, cols, 1)


def mlp(b=8, i=12, h=10, o=3, rate=True):
    """relu(x·w1 + b1)·w2; w2 -= rate · hᵀ·y; the sum of squares of y, by row."""
    dims = {
        "x": (b, i), "w1": (i, h), "b1": (h,), "w2": (h, o),
        "z": (b, h), "a": (b, h), "y": (b, o), "g": (h, o), "s": (b,),
    }  # fmt: skip
    kinds = {"x": "input", "w1": "input", "b1": "input", "w2": "input", "z": "temp", "a": "temp", "g": "temp", "y": "result", "s": "result"}
    n = {name: k for k, name in enumerate(dims)}
    slots = {"x": 0, "w1": 1, "b1": 2, "w2": 3, "y": 0, "s": 1}
    buffers = [Buffer(kinds[name], shape, F, slots.get(name, -1), name=name) for name, shape in dims.items()]
    zero = Expr("const", (0.0,), F)
    bias = Expr("load", (1, 0, (0, 1)), F)
    relu = Expr("maximum", (Expr("add", (load(0, (b, h)), bias), F), zero), F)
    step = Expr("subtract", (load(0, (h, o)), Expr("multiply", (number(0), load(1, (h, o))), F)), F)
    y = Expr("load", (0, 0, (o, 1)), F)
    squares = Reduce("sum", Expr("multiply", (y, y), F), F)
    steps = [
        Gemm(dense(n["x"], b, i), dense(n["w1"], i, h), dense(n["z"], b, h), b, h, i, F),
        flat_map([n["z"], n["b1"], n["a"]], (b, h), relu, label="relu"),
        Gemm(dense(n["a"], b, h), dense(n["w2"], h, o), dense(n["y"], b, o), b, o, h, F),
        Gemm(dense(n["a"], h, b, True), dense(n["y"], b, o), dense(n["g"], h, o), h, o, b, F),
        Nest([n["w2"], n["g"]], (h, o), (), [Pass([Store(0, 0, strides((h, o)), step)])], label="update"),
        Nest([n["y"], n["s"]], (b,), (o,), [Pass(reduces=[squares])], [Store(1, 0, (1,), Expr("reduced", (squares,), F))]),
    ]
    return Plan(buffers, steps, [n["y"], n["w2"], n["s"]], 1)


def mlp_inputs(b=8, i=12, h=10, o=3, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(s).astype(F) for s in ((b, i), (i, h), (h,), (h, o))]


def mlp_expected(arrays, rate):
    x, w1, b1, w2 = arrays
    a = np.maximum(x @ w1 + b1, 0)
    y = a @ w2
    return y, w2 - F.type(rate) * (a.T @ y), (y * y).sum(1)


def near(some, others):
    for s, o in zip(some, others):
        np.testing.assert_allclose(s, o, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("sizes", [(8, 12, 10, 3), (1, 1, 1, 1), (150, 130, 140, 70)])
def test_a_training_step_by_hand(interpret, sizes):
    program = Program(mlp(*sizes), interpret).verify()
    arrays = mlp_inputs(*sizes)
    for call in range(4):
        arrays[0] = mlp_inputs(*sizes, seed=call)[0]
        expected = mlp_expected(arrays, 0.1 * call)
        w2 = arrays[3]
        made = program(arrays, [0.1 * call])
        near(made, expected)
        assert made[1] is w2
        arrays[3] = np.ascontiguousarray(np.clip(w2, -1, 1))


def test_fresh_results_each_time(interpret):
    program = Program(mlp(), interpret)
    arrays = mlp_inputs()
    first = program(arrays, [0.5])
    kept = [first[0].copy(), first[2].copy()]
    second = program(arrays, [0.5])
    assert second[0] is not first[0] and not np.shares_memory(second[0], first[0])
    near([first[0], first[2]], kept)


def test_given_memory(interpret):
    program = Program(mlp(), interpret)
    arrays, y = mlp_inputs(), np.full((8, 3), np.nan, F)
    expected = mlp_expected(arrays, 0.0)
    made = program(arrays, [0.0], {0: y})
    assert made[0] is y
    near(made, expected)
    for bad in (np.zeros((8, 3)), np.zeros((3, 8), F), np.zeros((3, 8), F).T, [1]):
        with pytest.raises(ValueError, match="result 0"):
            program(arrays, [0.0], {0: bad})


def test_inputs_of_another_form_are_told(interpret):
    program, arrays = Program(mlp(), interpret), mlp_inputs()
    for bad, error, told in (
        (np.zeros((8, 12)), ValueError, r"input 0 must be float32\[8, 12\], not float64"),
        (np.zeros((12, 8), F).T, ValueError, "C order"),
        (np.zeros((8, 11), F), ValueError, r"not float32\[8, 11\]"),
        (np.zeros(8 * 12 * 4 + 1, np.uint8)[1:].view(F).reshape(8, 12), ValueError, "memory"),
        ([[1.0]], TypeError, "NumPy array, not list"),
    ):
        with pytest.raises(error, match=told):
            program([bad, *arrays[1:]], [0.0])
    with pytest.raises(ValueError, match="needs 4 inputs"):
        program(arrays[:3], [0.0])
    near(program(arrays, [0.0]), mlp_expected(arrays, 0.0))


def test_host_steps_between(interpret):
    """A sort in NumPy amid native steps, on temporaries, inputs, results and numbers."""
    n = 1000
    buffers = [
        Buffer("input", (n,), F, 0), Buffer("temp", (n,), F), Buffer("temp", (10, 100), F), Buffer("result", (n,), F, 0),
        Buffer("constant", (n,), F, array=np.arange(n, dtype=F)), Buffer("result", (100, 10), D, 1), Buffer("result", (), F, 2),
    ]  # fmt: skip
    twice = Expr("add", (load(0, (n,)), load(0, (n,))), F)
    total = Expr("add", (load(0, (n,)), load(1, (n,))), F)
    steps = [
        flat_map([0, 1], (n,), twice),
        Host("sort", (Ref(1, (10, 100)),), {}, [2]),
        flat_map([2, 4, 3], (n,), total),
        Host("multiply", (Ref(3, (100, 10)), Ref(-1, (), 0)), {}, [5]),
        Host("sum", (Ref(0, (n,)),), {}, [6]),
    ]
    program = Program(Plan(buffers, steps, [3, 5, 6], 1), interpret)
    x = np.random.default_rng(0).standard_normal(n).astype(F)
    a, b, c = program([x], [3.0])
    expected = np.sort((x + x).reshape(10, 100)).reshape(-1) + np.arange(n, dtype=F)
    np.testing.assert_array_equal(a, expected)
    np.testing.assert_allclose(b, 3.0 * expected.reshape(100, 10).astype(D), rtol=1e-6)
    np.testing.assert_allclose(c, x.sum(), rtol=1e-4)
    assert [r[1] for r in program.report()] == (["host"] * 5 if interpret else ["nest", "host", "nest", "host", "host"])


def test_only_host_steps_and_none_at_all(interpret):
    buffers = [Buffer("input", (4,), F, 0), Buffer("result", (4,), F, 0), Buffer("constant", (2,), F, array=np.ones(2, F))]
    x = np.arange(4, dtype=F)
    one = Program(Plan(buffers, [Host("negative", (Ref(0, (4,)),), {}, [1])], [1]), interpret)
    np.testing.assert_array_equal(one([x])[0], -x)
    none = Program(Plan(buffers, [], [0, 2, 0]), interpret)
    a, b, c = none([x])
    assert a is x and c is x and b.tolist() == [1, 1]
    b[:] = 5
    assert none([x])[1].tolist() == [1, 1]


def test_several_results_of_a_host_step(interpret):
    buffers = [Buffer("input", (6, 2), F, 0), Buffer("result", (1, 2), F, 0), Buffer("temp", (1, 2), F), Buffer("result", (1, 2), F, 1)]
    double = Expr("add", (load(0, (1, 2)), load(0, (1, 2))), F)
    plan = Plan(buffers, [Host("moments", (Ref(0, (6, 2)), (0,), 1e-5), {}, [1, 2, None]), flat_map([2, 3], (1, 2), double)], [1, 3])
    x = np.random.default_rng(0).standard_normal((6, 2)).astype(F)
    from lightwell.backend import numpy as NP

    expected = NP.moments(x, (0,), 1e-5)
    mean, twice = Program(plan, interpret)([x])
    np.testing.assert_allclose(mean, expected[0], rtol=1e-6)
    np.testing.assert_allclose(twice, 2 * expected[1], rtol=1e-6)


def chain(n, length, offsets):
    """x → temps one after the other, each the neighbour of the one before plus one; temporaries lie where `offsets` say."""
    buffers = [Buffer("input", (n,), I, 0), *(Buffer("temp", (n,), I, offset=offsets[k % len(offsets)]) for k in range(length - 1))]
    buffers.append(Buffer("result", (n,), I, 0))
    return Plan(buffers, [Call("neighbours", (Ref(k, (n,)),), {}, [k + 1]) for k in range(length)], [length])


@pytest.fixture
def neighbours(monkeypatch):
    """A word with native code: y[i] = x[i - 1] + 1; wrong where a thread begins before all have finished what it reads."""

    def build():
        f = Function()
        x, y, scratch, n = f.slot(1), f.slot(2), f.slot(3), f.slot(4, "i64")
        start, stop = f.share(n)
        with f.loop(start, stop) as i:
            before = f.op("srem", "i64", f.op("add", "i64", f.op("add", "i64", i, n), "-1"), n)
            f.store("i64", f.op("add", "i64", f.load("i64", f.at(x, "i64", before)), "1"), f.at(scratch, "i64", i))
        with f.loop(start, stop) as i:
            f.store("i64", f.load("i64", f.at(scratch, "i64", i)), f.at(y, "i64", i))
        return f.text()

    def lower(call, shapes):
        (shape, dtype), (x,) = shapes(call.args[0]), call.args
        assert dtype == I and shapes(call.outs[0]) == (shape, dtype)
        return calls.Kernel(
            "test neighbours", build, [x.buffer, call.outs[0]], [shape[0]], 8 * shape[0], threads=shape[0] > 20, operations=shape[0]
        )

    calls.load()
    monkeypatch.setitem(calls.NATIVE, "neighbours", lower)


@pytest.mark.parametrize("n", [7, 1001])
@pytest.mark.parametrize("offsets", [(-1,), (0, 8192), (8192, 0, 16384)])
def test_waiting_where_it_is_needed(neighbours, n, offsets, count):
    pytest.importorskip("llvmlite")
    program = Program(chain(n, 30, offsets)).verify()
    barriers = [bool(f & runtime.BARRIER) for f in program.flags]
    assert barriers == ([False] + [True] * 29 if n > 20 else [False] * 30)
    for _ in range(50):
        np.testing.assert_array_equal(program([np.arange(n)])[0], np.roll(np.arange(n), 30) + 30)
    assert program.report()[0][:4] == ("neighbours", "call", n, 16 * n)


def test_a_missing_barrier_is_found(neighbours):
    pytest.importorskip("llvmlite")
    program = Program(chain(1001, 3, (-1,)))
    program.flags[1] = 0
    with pytest.raises(AssertionError, match="doesn't wait"):
        program.verify()


def test_independent_steps_do_not_wait(interpret):
    if interpret:
        pytest.skip("there are no threads to wait for")
    n = 100_000
    buffers = [Buffer("input", (n,), F, 0), *(Buffer("result", (n,), F, k) for k in range(4)), Buffer("result", (n,), F, 4)]
    double = Expr("add", (load(0, (n,)), load(0, (n,))), F)
    both = Expr("add", (load(0, (n,)), load(1, (n,))), F)
    plan = Plan(buffers, [*(flat_map([0, k], (n,), double) for k in range(1, 5)), flat_map([1, 2, 5], (n,), both)], [1, 2, 3, 4, 5])
    program = Program(plan).verify()
    assert [f & runtime.BARRIER for f in program.flags] == [0, 0, 0, 0, runtime.BARRIER]
    x = np.random.default_rng(0).standard_normal(n).astype(F)
    for result, times in zip(program([x]), (2, 2, 2, 2, 4)):
        np.testing.assert_array_equal(result, times * x)


def test_seconds_of_steps(interpret):
    program = Program(mlp(64, 50, 40, 30), interpret)
    assert all(r[4] is None for r in program.report())
    report = program.profile(mlp_inputs(64, 50, 40, 30), [0.0])
    assert [r[0] for r in report] == ["gemm", "relu", "gemm", "gemm", "update", "nest"]
    assert [r[2] for r in report] == [2 * 64 * 50 * 40, 2 * 64 * 40, 2 * 64 * 40 * 30, 2 * 64 * 40 * 30, 2 * 40 * 30, 2 * 64 * 30]
    assert report[1][3] == 4 * (2 * 64 * 40 + 40) and report[4][3] == 4 * 3 * 40 * 30
    assert all(0 < r[4] < 1 for r in report) and not program.profiling


def test_two_python_threads_in_one_program(interpret):
    program = Program(mlp(), interpret)
    wrong = []

    def work(seed):
        arrays = mlp_inputs(seed=seed)
        expected = mlp_expected(arrays, 0.0)
        for _ in range(200 if not interpret else 20):
            for made, right in zip(program(arrays, [0.0]), expected):
                if not np.allclose(made, right, rtol=1e-4, atol=1e-4):
                    wrong.append(seed)

    crowd = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for t in crowd:
        t.start()
    for t in crowd:
        t.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_a_fork(interpret):
    program, arrays = Program(mlp(100, 90, 80, 70), interpret), mlp_inputs(100, 90, 80, 70)
    expected = mlp_expected(arrays, 0.0)
    near(program(arrays, [0.0]), expected)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(20)
            near(program(arrays, [0.0]), expected)
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_without_native_code(monkeypatch):
    monkeypatch.setattr(native, "available", lambda: False)
    program, arrays = Program(mlp()), mlp_inputs()
    assert not program.native
    near(program(arrays, [0.0]), mlp_expected(arrays, 0.0))


def test_without_blas(monkeypatch):
    pytest.importorskip("llvmlite")
    monkeypatch.setattr(runtime, "has_blas", lambda: False)
    program, arrays = Program(mlp()), mlp_inputs()
    assert [r[1] for r in program.report()] == ["host", "nest", "host", "host", "nest", "nest"]
    near(program(arrays, [0.0]), mlp_expected(arrays, 0.0))


def test_empty_arrays(interpret):
    program, arrays = Program(mlp(0, 12, 10, 3), interpret), mlp_inputs(0, 12, 10, 3)
    y, w2, s = program(arrays, [1.0])
    assert y.shape == (0, 3) and s.shape == (0,) and np.array_equal(w2, mlp_inputs(0, 12, 10, 3)[3])


def test_batches_are_not_kept_alive(interpret):
    import weakref

    program, arrays = Program(mlp(), interpret), mlp_inputs()
    told = []
    for seed in range(5):
        x = mlp_inputs(seed=seed)[0]
        told.append(weakref.ref(x))
        program([x, *arrays[1:]], [0.0])
    del x
    assert sum(r() is not None for r in told) <= 1 and told[-1]() is None
