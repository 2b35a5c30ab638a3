"""Anomaly mode, hooks on saved tensors, the profiler, modes, Variable, checkpointing."""

import json

import numpy as np
import pytest

import lightwell as lw
from lightwell.autograd import detect_anomaly, graph, profiler, set_detect_anomaly
from lightwell.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential


def leaf(*values):
    return lw.tensor(list(values), dtype=lw.float64, requires_grad=True)


# ---- anomaly mode ---------------------------------------------------------------------------------------------------


def test_anomaly_mode_names_node_and_line():
    x = leaf(0.0, 1.0)
    with detect_anomaly():
        y = x.sqrt()  # the culprit
        with pytest.raises(RuntimeError, match=r"'SqrtBackward0' returned nan.*0th output.*test_tools.py, line \d+: y = x.sqrt\(\)"):
            (y * 0).sum().backward()
    (x.sqrt() * 0).sum().backward()
    assert np.isnan(x.grad[0].item()) and not lw.autograd.is_anomaly_enabled()


def test_anomaly_mode_without_check_or_around_backward_only():
    x = leaf(0.0)
    with detect_anomaly(check_nan=False):
        (x.sqrt() * 0).sum().backward()
    loss = (x.sqrt() * 0).sum()
    with set_detect_anomaly(True), pytest.raises(RuntimeError, match="Run the forward pass under detect_anomaly"):
        loss.backward()


# ---- saved tensors --------------------------------------------------------------------------------------------------


def test_saved_tensors_go_through_hooks():
    packed, unpacked = [], []

    def pack(t):
        packed.append(tuple(t.shape))
        return t.numpy().copy()

    def unpack(a):
        unpacked.append(a.shape)
        return lw.from_numpy(a)

    x = leaf(1.0, 2.0, 3.0)
    with graph.saved_tensors_hooks(pack, unpack):
        y = (x.exp() * x).sum()
    with lw.no_grad():
        x.zero_()  # what was packed is safe from writes
    y.backward(retain_graph=True)
    np.testing.assert_allclose(x.grad.numpy(), [np.e * 2, np.e**2 * 3, np.e**3 * 4])
    assert packed == [(3,)] * 3 and unpacked == [(3,)] * 3
    (x.exp()).sum().backward()
    assert len(packed) == 3, "outside the hooks nothing is packed"


def test_hooks_see_what_functions_save_and_can_be_forbidden():
    class Square(lw.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0]

    x = leaf(3.0)
    with graph.saved_tensors_hooks(lambda t: t * 10, lambda t: t / 10):
        y = Square.apply(x)
    y.backward()
    assert x.grad.item() == 6
    with graph.disable_saved_tensors_hooks("not here"), pytest.raises(RuntimeError, match="not here"):
        with graph.save_on_cpu():
            pass
    with graph.save_on_cpu():
        y = x.exp()
    with lw.no_grad():
        y.zero_()
    y.sum().backward()
    assert np.isclose(x.grad.item(), 6 + np.exp(3))


def test_double_backward_through_hooks():
    x = leaf(0.5)
    with graph.saved_tensors_hooks(lambda t: t.numpy().copy(), lw.from_numpy):
        y = x.exp() * x
    (g,) = lw.autograd.grad(y, x, create_graph=True)
    (h,) = lw.autograd.grad(g, x)
    assert np.isclose(h.item(), np.exp(0.5) * 2.5)


# ---- checkpointing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoint_recomputes_with_the_same_random_numbers(reentrant):
    runs = []

    def part(x, k):
        runs.append(1)
        return (x * w).exp() * lw.rand(3, dtype=lw.float64) * k

    results = []
    for wrapped in (False, True):
        lw.manual_seed(4)
        x, w = leaf(1.0, 2.0, 3.0), leaf(0.1, 0.2, 0.3)
        y = checkpoint(part, x, 2.0, use_reentrant=reentrant) if wrapped else part(x, 2.0)
        after = lw.rand(1).item()
        y.sum().backward()
        results.append((x.grad.tolist(), w.grad.tolist(), after, lw.rand(1).item()))
    assert results[0] == results[1] and len(runs) == 3


def test_checkpoint_keeps_nothing_and_works_with_grad():
    kept = []
    x = leaf(1.0, 2.0)

    def part(t, *, power):
        y = (t * t).exp()
        kept.append(y)
        return y**power

    y = checkpoint(part, x, use_reentrant=False, power=3)
    import weakref

    memory = weakref.ref(kept.pop()._a)
    assert memory() is None
    (g,) = lw.autograd.grad(y.sum(), x)
    np.testing.assert_allclose(g.numpy(), 6 * np.array([1, 2]) * np.exp(3 * np.array([1.0, 4.0])))
    z = checkpoint(lambda t: t.exp(), x, use_reentrant=True)
    with pytest.raises(RuntimeError, match="use_reentrant=False"):
        lw.autograd.grad(z.sum(), x)


def test_checkpoint_notices_another_second_run():
    state = []

    def part(x):
        state.append(1)
        return x.exp() if len(state) == 1 else x * 2

    y = checkpoint(part, leaf(1.0), use_reentrant=False)
    with pytest.raises(CheckpointError, match="different number of tensors"):
        y.sum().backward()

    def reshaped(x):
        state.append(1)
        return (x if len(state) % 2 else x[:1]).exp().sum()

    state.clear()
    y = checkpoint(reshaped, leaf(1.0, 2.0), use_reentrant=False)
    with pytest.raises(CheckpointError, match="different metadata"):
        y.backward()
    with pytest.raises(ValueError, match="Unexpected keyword"):
        checkpoint(part, leaf(1.0), use_reentrant=True, nonsense=1)
    with pytest.warns(UserWarning, match="use_reentrant"):
        checkpoint(part, leaf(1.0))


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoint_sequential(reentrant):
    x = leaf(0.1, 0.2)
    fs = [lw.exp, lw.sin, lw.tanh, lambda t: t * 3]
    checkpoint_sequential(fs, 2, x, use_reentrant=reentrant).sum().backward()
    z = leaf(0.1, 0.2)
    (lw.tanh(lw.sin(lw.exp(z))) * 3).sum().backward()
    assert x.grad.tolist() == z.grad.tolist()


# ---- profiler, modes, Variable --------------------------------------------------------------------------------------


def test_profiler_counts_and_times(tmp_path):
    x = leaf(1.0, 2.0)
    with profiler.profile(record_shapes=True) as prof:
        with profiler.record_function("part"):
            y = (x * 2).exp()
        y = y * x
        y.sum().backward()
    rows = {row.key: row for row in prof.key_averages()}
    assert rows["mul"].count == 2 and rows["exp"].count == rows["MulBackward0"].count // 2 == 1
    assert rows["part"].cpu_time_total >= rows["exp"].cpu_time_total > 0
    assert rows["part"].self_cpu_time_total < rows["part"].cpu_time_total
    text = prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=2)
    assert "Self CPU time total" in text and len(text.splitlines()) == 7
    prof.export_chrome_trace(tmp_path / "trace.json")
    assert {e["name"] for e in json.loads((tmp_path / "trace.json").read_text())["traceEvents"]} >= {"exp", "part"}
    count = len(prof.function_events)
    x.exp()
    assert len(prof.function_events) == count


def test_modes():
    x = leaf(1.0)
    with lw.no_grad():
        assert not (x * 2).requires_grad
        with lw.enable_grad():
            assert (x * 2).requires_grad
        with lw.set_grad_enabled(True):
            assert lw.is_grad_enabled()

    @lw.no_grad()
    def f():
        return x * 2

    @lw.inference_mode()
    def g():
        yield x * 2
        yield lw.is_inference_mode_enabled()

    assert not f().requires_grad and lw.is_grad_enabled()
    steps = g()
    assert not next(steps).requires_grad
    assert (x * 2).requires_grad, "a suspended generator leaves the mode as it was"
    assert next(steps) is True
    lw.set_grad_enabled(False)
    assert not lw.is_grad_enabled()
    lw.set_grad_enabled(True)


def test_variable():
    t = lw.ones(2)
    v = lw.autograd.Variable(t, requires_grad=True)
    assert isinstance(v, lw.autograd.Variable) and isinstance(t, lw.autograd.Variable)
    assert v.requires_grad and not t.requires_grad and v.data_ptr() == t.data_ptr()
    with pytest.raises(TypeError, match="has to be a tensor"):
        lw.autograd.Variable([1.0])


# ---- one hook for several gradients, hooks for one saved value ----------------------------------------------------------


def test_a_hook_over_several_tensors_waits_for_all_of_them():
    a, b, seen = leaf(1.0), leaf(2.0), []
    handle = graph.register_multi_grad_hook((a, b), lambda grads: seen.append([None if g is None else g.item() for g in grads]))
    (a * b).sum().backward()
    (a * 3).sum().backward()
    lw.autograd.grad((a * b * 2).sum(), (a, b))
    assert seen == [[2, 1], [3, None], [4, 2]]
    handle.remove()
    (a * b).sum().backward()
    assert len(seen) == 3
    graph.register_multi_grad_hook((a, b), seen.append, mode="any")
    (a * b).sum().backward()
    assert len(seen) == 4 and isinstance(seen[3], lw.Tensor)
    with pytest.raises(ValueError, match="mode"):
        graph.register_multi_grad_hook((a,), seen.append, mode="some")
    with pytest.raises(AssertionError, match="require grad"):
        graph.register_multi_grad_hook((lw.ones(1),), seen.append)


def test_callbacks_queued_by_hooks_run_when_backward_ends():
    a, seen = leaf(1.0), []
    a.register_hook(lambda g: lw.autograd.Variable._execution_engine.queue_callback(lambda: seen.append(a.grad.item())))
    (a * 5).sum().backward()
    assert seen == [5]


def test_a_saved_value_takes_hooks_of_its_own():
    x = leaf(1.0, 2.0)
    y = x**3
    assert y.grad_fn._saved_exponent == 3 and (x**2).grad_fn._saved_exponent == 2
    saved = y.grad_fn._raw_saved_self
    saved.register_hooks(lambda t: t.tolist(), lambda v: lw.tensor(v, dtype=lw.float64) * 2)
    with pytest.raises(RuntimeError, match="already been set"):
        saved.register_hooks(lambda t: t, lambda t: t)
    y.sum().backward()
    assert x.grad.tolist() == [12, 48]
    with pytest.raises(RuntimeError, match="freed"):
        y.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t)


def test_saved_tensors_may_be_written_over_where_allowed():
    a = leaf(0.5, 2.0)
    with graph.allow_mutation_on_saved_tensors():
        b = a.clone()
        y = (b**2).sum()
        b.sin_()
    y.backward()
    assert a.grad.tolist() == [1, 4]
