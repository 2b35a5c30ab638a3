"""The driver and its threads: every step by all, in order, however often and from wherever it is called."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from lightwell.backend import threads as setting
from lightwell.compile import native, runtime
from lightwell.compile.ir import Function

pytest.importorskip("llvmlite")


@pytest.fixture(autouse=True, params=[1, 2, 3])
def count(request):
    old = setting.get_num_threads()
    setting.set_num_threads(request.param)
    yield request.param
    setting.set_num_threads(old)


def neighbours():
    """y[i] = x[i - 1] + 1 (around the corner), each thread on its part: right only if all had finished x."""
    f = Function()
    x, y, n = f.slot(1), f.slot(2), f.slot(3, "i64")
    start, stop = f.share(n)
    with f.loop(start, stop) as i:
        before = f.op("srem", "i64", f.op("add", "i64", f.op("add", "i64", i, n), "-1"), n)
        f.store("i64", f.op("add", "i64", f.load("i64", f.at(x, "i64", before)), "1"), f.at(y, "i64", i))
    return f.text()


def who():
    """out[tid] += 1000 + nt; a barrier inside; out[8] = the sum, by each thread that sees it."""
    f = Function()
    out = f.slot(1)
    place = f.at(out, "i64", "%tid")
    f.store("i64", f.op("add", "i64", f.load("i64", place), f.op("add", "i64", "%nt", "1000")), place)
    f.barrier()
    total = f.variable("i64", "0")
    with f.loop("0", "%nt") as i:
        f.store("i64", f.op("add", "i64", f.load("i64", total), f.load("i64", f.at(out, "i64", i))), total)
    with f.when(f.op("icmp eq", "i64", "%tid", f.op("sub", "i64", "%nt", "1"))):
        f.store("i64", f.load("i64", total), f.at(out, "i64", "8"))
    return f.text()


def table(slots):
    return np.array(slots, np.int64)


def relay(n, steps, flags=runtime.BARRIER):
    """A job of `steps` steps to and fro between two arrays, and the array where the end lies."""
    address = native.function("neighbours", neighbours)
    x, y = np.arange(n, dtype=np.int64), np.zeros(n, np.int64)
    tables = [table([0, x.ctypes.data, y.ctypes.data, n]), table([0, y.ctypes.data, x.ctypes.data, n])]
    job = runtime.Job([(address, tables[i % 2].ctypes.data, flags) for i in range(steps)])
    return job, x, (x, y, tables)


def test_barriers_between_steps(count):
    job, x, _keep = relay(101, 400)
    for call in range(1, 6):
        job()
        assert np.array_equal(x, np.roll(np.arange(101), 400 * call) + 400 * call)


def test_steps_of_one_thread(count):
    for owner in (0, 1):
        job, x, _keep = relay(17, 6, runtime.BARRIER | runtime.ALONE | owner << 8)
        job.most = count  # in spite of its steps: so that owners other than the first are asked
        job()
        assert np.array_equal(x, np.roll(np.arange(17), 6) + 6)


def test_each_thread_once_and_the_kernels_own_barrier(count):
    out = np.zeros(9, np.int64)
    slots = table([0, out.ctypes.data])
    job = runtime.Job([(native.function("who", who), slots.ctypes.data, runtime.BARRIER | runtime.TOGETHER)] * 3)
    job()
    assert out[:count].tolist() == [3 * (1000 + count)] * count and not out[count:8].any() and out[8] == out[:count].sum()


def parts():
    """out[tid] += 1000 + nt."""
    f = Function()
    place = f.at(f.slot(1), "i64", "%tid")
    f.store("i64", f.op("add", "i64", f.load("i64", place), f.op("add", "i64", "%nt", "1000")), place)
    return f.text()


@pytest.mark.parametrize("patience", [0, 10_000, 1_000_000_000])
def test_whoever_comes_the_work_is_divided_alike(count, patience):
    out = np.zeros(9, np.int64)
    slots = table([0, out.ctypes.data])
    job = runtime.Job([(native.function("parts", parts), slots.ctypes.data, 0)] * 2)
    relays, x, _keep = relay(101, 20)
    for call in range(1, 121):
        job._block[5] = relays._block[5] = patience
        job()
        relays()
        if call % 30 == 0:
            time.sleep(0.02)  # so that helpers sleep, and come late
        assert out[:count].tolist() == [2 * call * (1000 + count)] * count and not out[count:].any()
        assert np.array_equal(x, np.roll(np.arange(101), 20 * call % 101) + 20 * call)


def test_alone_while_others_have_the_pool(count):
    out = np.zeros(9, np.int64)
    slots = table([0, out.ctypes.data])
    job = runtime.Job([(native.function("parts", parts), slots.ctypes.data, 0)])
    whole = runtime.Job([(native.function("who", who), slots.ctypes.data, runtime.TOGETHER)])
    with runtime.yard().busy:
        job()
        assert out[:count].tolist() == [1000 + count] * count
        out[:] = 0
        whole()
        assert out.tolist() == [1001, 0, 0, 0, 0, 0, 0, 0, 1001]


def test_helpers_that_sleep_are_woken(count):
    job, x, _keep = relay(11, 2)
    for call in range(1, 5):
        job()
        assert np.array_equal(x, np.roll(np.arange(11), 2 * call) + 2 * call)
        time.sleep(0.03)


def test_many_short_calls(count):
    job, x, _keep = relay(5, 2)
    for _ in range(5000):
        job()
    assert np.array_equal(x, np.roll(np.arange(5), 10000 % 5) + 10000)


def test_fewer_and_more_threads(count):
    job, x, _keep = relay(11, 2)
    for call, now in enumerate((1, 4, 2, 1, 3), 1):
        setting.set_num_threads(now)
        job()
        assert np.array_equal(x, np.roll(np.arange(11), 2 * call) + 2 * call)


def test_several_python_threads(count):
    wrong = []

    def work():
        job, x, _keep = relay(13, 4)
        for call in range(1, 200):
            job()
            if not np.array_equal(x, np.roll(np.arange(13), 4 * call) + 4 * call):
                wrong.append(call)

    crowd = [threading.Thread(target=work) for _ in range(4)]
    for t in crowd:
        t.start()
    for t in crowd:
        t.join()
    assert not wrong


def test_python_primitives_where_the_system_has_no_semaphores(count, monkeypatch):
    made = runtime.Yard(portable=True)
    monkeypatch.setattr(runtime, "_yard", made)
    job, x, _keep = relay(11, 2)
    for call in range(1, 4):
        job()
        assert np.array_equal(x, np.roll(np.arange(11), 2 * call) + 2 * call)
        time.sleep(0.05)
    assert len(made.helpers) == count - 1 and all(t >= 0 for t in job.timed())
    helpers = list(made.helpers)
    made.stop()
    assert not any(t.is_alive() for t in helpers)


def test_a_stopped_pool_starts_again(count):
    job, x, _keep = relay(11, 2)
    job()
    helpers = list(runtime.yard().helpers)
    assert len(helpers) >= count - 1
    runtime.yard().stop()
    assert not any(t.is_alive() for t in helpers)
    job()
    assert np.array_equal(x, np.roll(np.arange(11), 4) + 4)


def test_seconds_of_each_step(count):
    job, *_keep = relay(200_000, 4)
    job()
    job.timed()
    seconds = job.timed()
    assert len(seconds) == 4 and all(1e-6 < s < 1 for s in seconds)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_its_own_pool(count):
    job, x, _keep = relay(11, 2)
    job()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(20)
            job()
            code = (
                0
                if np.array_equal(x, np.roll(np.arange(11), 4) + 4) and len(runtime._yard.helpers if count > 1 else []) == count - 1
                else 2
            )
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    job()
    assert np.array_equal(x, np.roll(np.arange(11), 4) + 4)


EXIT = """
import threading
import numpy as np
from lightwell.backend import threads
threads.set_num_threads(3)
from lightwell.compile import native, runtime
from lightwell.compile.ir import Function
job = runtime.Job([(native.function("nothing", lambda: Function().text()), 0, 0)])
for _ in range(100):
    job()
print("end")
"""


def test_the_interpreter_exits_in_silence(count):
    if count > 1:
        pytest.skip("once is enough")
    done = subprocess.run([sys.executable, "-W", "error", "-c", EXIT], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("end\n", "", 0)


NUMPYS = """
import sys
import numpy as np
from lightwell.backend import blas, threads
threads.set_num_threads(2)
from lightwell.compile import gemm, native, runtime
from lightwell.compile.nest import Gemm, Side
every = runtime._libraries
runtime._libraries = lambda: (p for p in every() if runtime._of_numpy(p))
runtime.prepare()
if not runtime.has_blas():
    sys.exit("no OpenBLAS beside NumPy")
a, b, c = np.random.rand(300, 200).astype("f"), np.random.rand(200, 100).astype("f"), np.zeros((300, 100), "f")
kernel = gemm.lower(Gemm(Side(0, 0, 200, 1), Side(1, 0, 100, 1), Side(2, 0, 100, 1), 300, 100, 200, np.dtype("f")), 2)
slots = np.array([0, a.ctypes.data, b.ctypes.data, c.ctypes.data, *kernel.integers])
seen = []
put = blas._set
blas._set = lambda n: (seen.append(n), put(n))
blas._threads_now = 2
runtime.Job([(native.function(kernel.key, kernel.build), slots.ctypes.data, 0)])()
np.testing.assert_allclose(c, a @ b, rtol=1e-4)
assert seen == [1, 2], seen
"""


def test_numpys_own_blas_where_there_is_no_other(count):
    if count > 1:
        pytest.skip("once is enough")
    done = subprocess.run([sys.executable, "-c", NUMPYS], capture_output=True, text=True, timeout=60)
    if "no OpenBLAS beside NumPy" in done.stderr:
        pytest.skip("this NumPy has no OpenBLAS of its own")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("letter, dtype, real", [("s", np.float32, ctypes.c_float), ("d", np.float64, ctypes.c_double)])
def test_products_by_address(letter, dtype, real, count):
    runtime.prepare()
    assert runtime.has_blas()
    i, p = ctypes.c_int64, ctypes.c_void_p
    gemm = ctypes.CFUNCTYPE(None, i, i, i, i, i, real, p, i, p, i, real, p, i)(runtime._ready[f"lw_{letter}gemm"])
    rng = np.random.default_rng(0)
    a, b, c = rng.standard_normal((4, 3)).astype(dtype), rng.standard_normal((5, 4)).astype(dtype), np.ones((3, 5), dtype)
    expected = 2 * (a.T @ b.T) + 3 * c
    gemm(1, 1, 3, 5, 4, 2.0, a.ctypes.data, 3, b.ctypes.data, 4, 3.0, c.ctypes.data, 5)
    np.testing.assert_allclose(c, expected, rtol=1e-5)
