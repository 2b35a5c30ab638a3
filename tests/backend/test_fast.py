"""Eager operations by native code: the same results as by NumPy, made in the background, given up where they don't pay."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import lightwell as torch
from lightwell.backend import fast

F = torch.nn.functional


@pytest.fixture
def made(monkeypatch):
    """Kernels are trusted as soon as they are there; `made(f)` calls f by NumPy, then by kernels, and gives both results."""
    pytest.importorskip("llvmlite")
    from lightwell.backend import fast_make

    if os.environ.get("LIGHTWELL_NATIVE") == "0":
        pytest.skip("native code is turned off")
    fast.clear()
    monkeypatch.setattr(fast, "CALM", 0.0)
    before = fast.enable(True)

    monkeypatch.setattr(fast_make, "FIRST", 3600.0)

    def run(f):
        fast.enable(False)
        plain = f()
        fast.enable(True)
        for _ in range(fast.SEEN):
            f()
        assert fast_make.wait()
        for entry in fast._table.values():
            if entry.made is not None:
                entry.call, entry.epoch = entry.made, fast.epoch
        return plain, f()

    yield run
    fast.enable(before)
    fast.clear()


def kernels():
    return [e for e in fast._table.values() if e.call is not None]


def close(plain, native, tolerance=2e-5):
    plain, native = (v.detach().numpy() if isinstance(v, torch.Tensor) else np.asarray(v) for v in (plain, native))
    assert plain.dtype == native.dtype
    assert plain.shape == native.shape
    if plain.dtype.kind != "f":
        np.testing.assert_array_equal(native, plain)
    else:
        scale = np.abs(plain[np.isfinite(plain)]).max(initial=0.0)
        np.testing.assert_allclose(native, plain, rtol=tolerance, atol=tolerance * scale)


def numbers(*shape, dtype=torch.float32, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape)).to(dtype)


ELEMENTWISE = {
    "exp": torch.exp, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "gelu": F.gelu, "silu": F.silu, "erf": torch.erf, "relu": F.relu,
    "softplus": F.softplus, "log": lambda x: (x.abs() + 0.5).log(), "sin": torch.sin, "elu": F.elu,
    "gelu, tanh": lambda x: F.gelu(x, approximate="tanh"),
}  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_elementwise(made, name, dtype):
    x = numbers(133, 129, dtype=dtype)
    x[0, :3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
    plain, native = made(lambda: ELEMENTWISE[name](x))
    close(plain, native, 2e-6 if dtype is torch.float32 else 1e-14)
    assert kernels()


def gradients(f, *inputs):
    def run():
        xs = [x.detach().clone().requires_grad_() for x in inputs]
        y = f(*xs)
        (y * numbers(*y.shape, dtype=y.dtype, seed=9)).sum().backward()
        return [y.detach(), *[x.grad for x in xs]]

    return run


OPERATIONS = {
    "softmax": (lambda x: F.softmax(x, 1), (150, 131)),
    "softmax 0": (lambda x: F.softmax(x, 0), (150, 131)),
    "log_softmax": (lambda x: F.log_softmax(x, -1), (150, 131)),
    "gelu": (F.gelu, (150, 131)),
    "tanh": (torch.tanh, (150, 131)),
    "sigmoid of a transposed": (lambda x: torch.sigmoid(x.t().contiguous()), (150, 131)),
    "softmax of a part": (lambda x: F.softmax(x[:, 3:120], 1), (200, 131)),
    "layer norm": (lambda x, w, b: F.layer_norm(x, (131,), w, b), (150, 131), (131,), (131,)),
    "layer norm, bare": (lambda x: F.layer_norm(x, (131,)), (150, 131)),
    "group norm": (lambda x, w, b: F.group_norm(x, 3, w, b), (5, 9, 21, 23), (9,), (9,)),
    "batch norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), (5, 9, 21, 23), (9,), (9,)),
    "sum": (lambda x: x.sum(0), (150, 131)),
    "mean": (lambda x: x.mean((0, 2)), (15, 11, 131)),
    "var": (lambda x: x.var(1), (150, 131)),
    "linear": (F.linear, (67, 301), (43, 301), (43,)),
    "matmul": (torch.matmul, (67, 301), (301, 43)),
    "bmm": (torch.matmul, (4, 3, 67, 31), (4, 3, 31, 43)),
    "conv2d": (lambda x, w, b: F.conv2d(x, w, b, padding=2), (7, 3, 31, 29), (5, 3, 5, 5), (5,)),
    "conv2d, strided": (lambda x, w: F.conv2d(x, w, None, 2, 1), (7, 4, 31, 29), (6, 4, 3, 3)),
    "conv transposed": (lambda x, w: F.conv_transpose2d(x, w, None, 2, 1), (7, 4, 15, 17), (4, 6, 4, 4)),
    "max pool": (lambda x: F.max_pool2d(x, 2), (7, 3, 32, 30)),
    "max pool, overlapping": (lambda x: F.max_pool2d(x, 3, 2, 1), (7, 3, 33, 31)),
    "average pool": (lambda x: F.avg_pool2d(x, 2), (7, 3, 32, 30)),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_operations_and_their_gradients(made, name, dtype):
    f, *shapes = OPERATIONS[name]
    plain, native = made(gradients(f, *[numbers(*s, dtype=dtype, seed=i) for i, s in enumerate(shapes)]))
    assert kernels()
    for p, n in zip(plain, native, strict=True):
        close(p, n, 3e-5 if dtype is torch.float32 else 1e-11)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_recurrent_layers(made, kind):
    torch.manual_seed(0)
    layer = getattr(torch.nn, kind)(40, 48)
    x = numbers(13, 34, 40)

    def run():
        layer.zero_grad()
        y, _ = layer(x)
        (y * y).sum().backward()
        return [y.detach(), *[p.grad.clone() for p in layer.parameters()]]

    plain, native = made(run)
    for p, n in zip(plain, native, strict=True):
        close(p, n, 1e-4)


def test_batch_norm_tells_its_moments(made):
    norm = torch.nn.BatchNorm2d(9)
    x = numbers(5, 9, 21, 23) * 3 + 1

    def run():
        norm.reset_running_stats()
        norm(x)
        return [norm.running_mean.clone(), norm.running_var.clone()]

    for p, n in zip(*made(run), strict=True):
        close(p, n)
    assert any(e.owner[1] == "forward" for e in kernels())


def test_signs_and_types_of_numbers_are_told_apart(made):
    x = numbers(200, 100)
    for value in (0.0, -0.0, 1, True, 1.0):
        plain, native = made(lambda value=value: F.threshold(x, 0.25, value))
        close(plain, native)
        np.testing.assert_array_equal(np.signbit(plain.numpy()), np.signbit(native.numpy()))


def test_results_are_arrays_of_their_own(made):
    x = numbers(300, 100)
    made(lambda: F.gelu(x))
    assert kernels()
    one, two = F.gelu(x), F.gelu(x)
    two.fill_(7.0)
    assert not (one == 7.0).any()
    assert one._a.flags.owndata


def test_inputs_are_let_go(made):
    import weakref

    x = numbers(300, 100)
    made(lambda: F.gelu(x))
    assert kernels()
    a = np.ones((300, 100), np.float32)
    gone = weakref.ref(a)
    F.gelu(torch.from_numpy(a))
    del a
    assert gone() is None


def test_out_of_range_classes_are_refused(made):
    x, y = numbers(300, 100), torch.arange(300) % 100
    plain, native = made(gradients(lambda x: F.cross_entropy(x, y, reduction="none"), x))
    close(plain[0], native[0])
    close(plain[1], native[1])
    y = y.clone()
    y[7] = 100
    with pytest.raises((IndexError, RuntimeError)):
        F.cross_entropy(x, y, reduction="none")


OPTIMIZERS = [
    ("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}), ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adam", {"weight_decay": 0.1}), ("Adam", {"amsgrad": True, "maximize": True}), ("AdamW", {}), ("RMSprop", {"momentum": 0.5, "centered": True}),
    ("Adagrad", {"lr_decay": 0.1}), ("Adadelta", {}), ("NAdam", {}), ("RAdam", {}), ("Adamax", {}), ("Rprop", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_optimizers(made, name, options, dtype):
    from lightwell.backend import fast_make

    def run(native):
        fast.enable(native)
        p = numbers(fast.SIZE + 3, dtype=dtype).requires_grad_()
        optimizer = getattr(torch.optim, name)([p], **options)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        for i in range(9):
            p.grad = numbers(fast.SIZE + 3, dtype=dtype, seed=i + 1)
            optimizer.step()
            schedule.step()
            fast_make.wait()
        return p

    plain = run(False)
    native = run(True)
    assert kernels()
    close(plain, native, 3e-6 if dtype is torch.float32 else 1e-13)


def test_shapes_that_always_change_are_given_up(made, monkeypatch):
    monkeypatch.setattr(fast, "FORMS", 3)
    for n in range(8):
        x = numbers(fast.SIZE + n)
        made(lambda x=x: torch.tanh(x))
    assert len(kernels()) == 3
    monkeypatch.setattr(fast, "MOST", 5)
    for n in range(8, 30):
        torch.tanh(numbers(fast.SIZE + n))
        assert len(fast._table) <= 6


def test_the_quicker_way_is_taken_and_tried_anew(made, monkeypatch):
    from lightwell.backend import fast_make

    x = numbers(400, 300)
    for _ in range(fast.SEEN):
        F.softmax(x, 1)
    assert fast_make.wait()
    (entry,) = fast._table.values()
    for way in (2, 0, 1):  # NumPy, all threads, one: whoever seems to take the least time
        monkeypatch.setattr(fast, "_median", _Medians(way))
        for _ in range(3 * fast.TRIALS):
            assert entry.epoch != fast.epoch
            F.softmax(x, 1)
        assert entry.epoch == fast.epoch
        assert (entry.call is None) == (way == 2)
        assert entry.made.most == (1 if way == 1 else None) or way == 2
        monkeypatch.setattr(fast, "epoch", fast.epoch + 1)


class _Medians:
    """Says in turn of the three ways how long they took."""

    def __init__(self, best):
        self.best, self.asked = best, -1

    def __call__(self, times):
        assert len(times) == fast.TRIALS
        self.asked += 1
        return 1.0 if self.asked == self.best else 2.0


def test_two_threads_at_once(made):
    x = numbers(300, 200)
    want, _ = made(lambda: F.softmax(x, 1))
    wrong = []

    def work():
        for _ in range(50):
            if not np.allclose(F.softmax(x, 1).numpy(), want.numpy(), rtol=1e-4, atol=1e-6):
                wrong.append(1)

    helpers = [threading.Thread(target=work) for _ in range(4)]
    for t in helpers:
        t.start()
    for t in helpers:
        t.join()
    assert not wrong


def test_meta_tensors_have_no_kernels(made):
    for _ in range(4):
        assert F.gelu(torch.empty(300, 300, device="meta")).is_meta
    assert not fast._table


def test_deterministic_algorithms_are_numpy_s():
    before = fast.on
    try:
        torch.use_deterministic_algorithms(True)
        assert not fast.on
        torch.use_deterministic_algorithms(False)
        assert fast.on == before
    finally:
        torch.use_deterministic_algorithms(False)


# ---- processes -------------------------------------------------------------------------------------------------------

PROGRAM = """
import os, sys
import lightwell as torch
assert "llvmlite" not in sys.modules
F = torch.nn.functional
x = torch.randn(500, 300)
{body}
"""


def process(body, **environment):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body)], capture_output=True, text=True, timeout=120, env=os.environ | environment
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def test_the_process_may_end_while_a_kernel_is_made():
    for body in ("for _ in range(3): F.gelu(x)", "for i in range(12): [F.softmax(x[:, i:].contiguous(), 1) for _ in range(3)]"):
        process(body, LIGHTWELL_CACHE="")


def test_turned_off():
    body = "for _ in range(9): F.gelu(x)\nimport time; time.sleep(.3)\nprint('llvmlite' in sys.modules)"
    assert process(body, LIGHTWELL_EAGER_NATIVE="0") == "False\n"
    assert process(body, LIGHTWELL_NATIVE="0") == "False\n"


def test_small_work_needs_no_compiler():
    body = "for _ in range(9): F.gelu(x[:4]); torch.nn.Linear(8, 8)(torch.ones(3, 8)).sum().backward()\nprint('llvmlite' in sys.modules)"
    assert process(body) == "False\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_makes_its_own():
    pytest.importorskip("llvmlite")
    body = """
for _ in range(2): F.gelu(x)
pid = os.fork()
from lightwell.backend import fast, fast_make
for _ in range(4): y = F.gelu(x); fast_make.wait()
known = [e for e in fast._table.values() if e.call is not None or e.made is not None]
assert known
import numpy as np
fast.enable(False)
assert np.allclose(F.gelu(x).numpy(), y.numpy(), atol=1e-5)
if not pid: os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
print("well")
"""
    assert process(body, LIGHTWELL_NATIVE="1") == "well\n"
