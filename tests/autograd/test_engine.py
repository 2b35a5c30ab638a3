"""The engine: order, accumulation, hooks, retained and freed graphs, long chains, memory, threads."""

import gc
import threading
import weakref

import numpy as np
import pytest

import lightwell as lw
from lightwell.autograd import grad


def leaf(*values):
    return lw.tensor(list(values), dtype=lw.float64, requires_grad=True)


# ---- long graphs and memory -----------------------------------------------------------------------------------------


def test_a_chain_of_100000_nodes_runs_and_is_freed():
    x = leaf(1.0, 2.0)
    y, middle = x, None
    for k in range(100_000):
        y = y + 1e-6
        if k == 50_000:
            middle = weakref.ref(y.grad_fn)
    y.sum().backward()
    assert x.grad.tolist() == [1, 1]
    gc.disable()
    try:
        assert middle() is not None
        del y
        assert middle() is None, "a graph is freed by reference counts alone"
    finally:
        gc.enable()


def test_a_chain_of_100000_nodes_twice_differentiated():
    x = leaf(0.5)
    y = x * 1
    for _ in range(20_000):
        y = y * 1.00001
    (g,) = grad((y * y).sum(), x, create_graph=True)
    (h,) = grad(g.sum(), x)
    assert np.isclose(h.item(), 2 * 1.00001**40_000)


def test_backward_frees_saved_values():
    x = leaf(1.0, 2.0)
    y = x.exp()
    saved = weakref.ref(y._a)
    z = y.sum()
    del y
    assert saved() is not None
    z.backward()
    assert saved() is None


def test_a_training_loop_makes_no_cycles():
    x = leaf(1.0, 2.0)
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            y = (x * 2).tanh()
            y.retain_grad()
            node = weakref.ref(y.grad_fn)
            y.sum().backward()
            del y
            assert node() is None
    finally:
        gc.enable()


def test_second_backward_needs_retain_graph():
    x = leaf(1.0)
    y = x.exp()
    y.backward(retain_graph=True)
    y.backward()
    assert np.isclose(x.grad.item(), 2 * np.e)
    with pytest.raises(RuntimeError, match=r"second time.*ExpBackward0.*retain_graph=True"):
        y.backward()


def test_a_graph_that_saved_nothing_runs_again():
    x = leaf(1.0, 2.0)
    y = (x + 3).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2, 2]


# ---- accumulation ---------------------------------------------------------------------------------------------------


def test_gradients_accumulate_into_the_same_memory():
    x = leaf(1.0, 2.0)
    (x * 2).sum().backward()
    g = x.grad
    (x * 3).sum().backward()
    assert x.grad is g and g.tolist() == [5, 5]


def test_leaves_never_share_a_gradient():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = lw.ones(2, dtype=lw.float64)
    (x + y).backward(seed)
    x.grad.add_(10)
    assert y.grad.tolist() == [1, 1] and seed.tolist() == [1, 1]


def test_a_gradient_is_laid_out_as_its_leaf():
    x = lw.ones(3, 4).t().requires_grad_()
    (x * 2).sum().backward()
    assert x.grad.stride() == x.stride() == (1, 4)


def test_grad_of_chosen_inputs():
    x, y = leaf(2.0), leaf(3.0)
    m = x * y
    gm, gx = grad(m * m, [m, x])
    assert gm.item() == 12 and gx.item() == 36 and x.grad is None
    with pytest.raises(RuntimeError, match=r"not have been used.*inputs\[1\]"):
        grad(x * 2, [x, y])
    assert grad(x * 2, [x, y], allow_unused=True)[1] is None
    assert grad(x * 2, [x, y], materialize_grads=True)[1].item() == 0
    parts = (x * lw.ones(3, dtype=lw.float64)).unbind()
    g = grad(parts[0] * 2 + parts[2] * 5, [parts[2], x], materialize_grads=True)
    assert g[0].item() == 5 and g[1].item() == 7
    rows = grad(x * lw.ones(2, dtype=lw.float64), x, lw.eye(2, dtype=lw.float64), is_grads_batched=True)
    assert rows[0].tolist() == [[1.0], [1.0]]


def test_backward_into_chosen_inputs():
    x, y = leaf(2.0), leaf(3.0)
    m = x * y
    m.retain_grad()
    (m * m).backward(inputs=[x, m])
    assert x.grad.item() == 36 and y.grad is None and m.grad.item() == 12
    with pytest.raises(RuntimeError, match="cannot be empty"):
        (x * 2).backward(inputs=[])


def test_gradient_of_another_dtype_is_cast():
    x = leaf(1.0, 2.0)
    (x * 2).backward(lw.ones(2, dtype=lw.float32))
    assert x.grad.dtype == lw.float64
    z = lw.ones(2, dtype=lw.complex64, requires_grad=True)
    with pytest.raises(RuntimeError, match="real scalar outputs"):
        (z * 2).sum().backward()


def test_promoted_inputs_differentiate_twice_in_their_own_dtype():
    x = lw.tensor([1.0, 2.0], requires_grad=True)
    y = leaf(3.0, 4.0)
    (g,) = grad((x * x * y).sum(), x, create_graph=True)
    assert g.dtype == lw.float32
    (h,) = grad(g.sum(), y)
    assert h.dtype == lw.float64 and h.tolist() == [2, 4]


# ---- hooks ----------------------------------------------------------------------------------------------------------


def test_hooks_run_in_order():
    told = []
    x = leaf(1.0, 2.0)
    y = x * 3
    y.retain_grad()
    y.register_hook(lambda g: told.append("first") or g * 2)
    y.register_hook(lambda g: told.append(("second", g.tolist())))
    node = y.grad_fn
    node.register_prehook(lambda gs: told.append(("before", gs[0].tolist())))
    node.register_hook(lambda into, out: told.append(("after", into[0].tolist())))
    x.register_hook(lambda g: told.append(("leaf", g.tolist())))
    x.register_post_accumulate_grad_hook(lambda t: told.append(("accumulated", t.grad.tolist())))
    y.sum().backward()
    assert told == [
        "first", ("second", [2, 2]), ("before", [2, 2]), ("after", [6, 6]), ("leaf", [6, 6]), ("accumulated", [6, 6]),
    ]  # fmt: skip
    assert y.grad.tolist() == [2, 2], "the retained gradient is what the hooks made of it"


def test_hooks_can_be_removed_and_replace_gradients():
    x = leaf(1.0, 2.0)
    y = x * 3
    handle = y.register_hook(lambda g: g * 0)
    handle.remove()
    with y.register_hook(lambda g: g * 10):
        y.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [30, 30]
    y.sum().backward()
    assert x.grad.tolist() == [33, 33]
    y = x * 3
    y.register_hook(lambda g: g.sum())
    with pytest.raises(RuntimeError, match="changed the size"):
        y.sum().backward()


def test_captured_gradients_see_tensor_hooks_and_not_the_nodes():
    x = leaf(1.0)
    y = x * 3
    y.register_hook(lambda g: g * 2)
    y.grad_fn.register_prehook(lambda gs: (gs[0] * 100,))
    gy, gx = grad(y * 1, [y, x])
    assert gy.item() == 2 and gx.item() == 600


def test_a_retained_gradient_follows_an_inplace_write():
    x = leaf(1.0, 2.0)
    y = x + 2
    y.retain_grad()
    y.mul_(3)
    (y * 2).sum().backward()
    assert y.grad.tolist() == [2, 2] and x.grad.tolist() == [6, 6]


# ---- in-place writes ------------------------------------------------------------------------------------------------


def test_a_stale_value_is_refused_with_op_and_line():
    x = leaf(1.0, 2.0)
    y = x.exp()
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"ExpBackward0 saved.*add_ at .*test_engine.py, line \d+"):
        y.sum().backward()


@pytest.mark.parametrize("write", ["no_grad", "detach", "view", "data_ptr"])
def test_every_kind_of_write_makes_a_saved_output_stale(write):
    x = leaf(1.0, 2.0)
    y = x.exp()
    if write == "no_grad":
        with lw.no_grad():
            y.add_(1)
    elif write == "detach":
        y.detach()[0].zero_()
    elif write == "view":
        y.view(2, 1)[1] = 5.0
    else:
        lw.autograd.graph.increment_version(y)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        (y * 1).sum().backward()


def test_writes_through_views_reach_the_base():
    x = lw.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=lw.float64, requires_grad=True)
    y = x * 1
    first, column = y[0], y[:, 1]
    first.mul_(3)
    column.sin_()
    assert y.grad_fn.name() == "CopySlices" and first.grad_fn.name() == "AsStridedBackward0"
    (y * first).sum().backward()
    c = np.cos
    s = np.sin
    # y = [[3a, sin 3b], [c, sin d]], first = y[0]: loss = 9a² + sin²3b + 3ac + sin 3b·sin d
    a, b, cc, d = 1.0, 2.0, 3.0, 4.0
    expected = [[18 * a + 3 * cc, 6 * s(3 * b) * c(3 * b) + 3 * c(3 * b) * s(d)], [3 * a, s(3 * b) * c(d)]]
    np.testing.assert_allclose(x.grad.numpy(), expected)


def test_writes_through_the_parts_of_complex_numbers():
    z = lw.ones(2, dtype=lw.complex128, requires_grad=True)
    y = z * (1 + 2j)
    y.real.mul_(3)
    lw.view_as_real(y)[0, 1] = 0.0
    assert y.tolist() == [3 + 0j, 3 + 2j]
    (y.real * 2 + y.imag).sum().backward()
    # Re y = 3(Re z - 2 Im z) and, but for the first, Im y = 2 Re z + Im z
    assert z.grad.tolist() == [6 - 12j, 8 - 11j]


def test_composed_twins_keep_what_they_saved():
    x = leaf(1.0, 2.0)
    y = x.clone()
    y.addcmul_(y, y)  # y + y²
    y.sum().backward()
    assert x.grad.tolist() == [3, 5]


def test_a_view_copied_after_its_base_was_written():
    x = leaf(1.0, 2.0)
    y = x * 1
    v = y[0]
    y.mul_(3)
    z = lw.zeros(1, dtype=lw.float64) + x[1]
    z.copy_(v)
    z.sum().backward()
    assert x.grad.tolist() == [3, 0]


def test_writes_that_are_refused():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"a leaf Variable that requires grad.*add_.*no_grad"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="a view of a leaf"):
        x[0].mul_(2)
    y = x * 1
    with lw.no_grad():
        v = y[0]
    with pytest.raises(RuntimeError, match="created in no_grad mode"):
        v.add_(1)
    with pytest.raises(RuntimeError, match="single memory location"):
        lw.zeros(1).expand(3).add_(1)


def test_versions_count_writes():
    t = lw.zeros(3)
    assert t._version == 0
    t.add_(1)
    t[0] = 5
    t.view(3, 1).zero_()
    assert t._version == t.detach()._version == 3


# ---- threads --------------------------------------------------------------------------------------------------------


def test_threads_have_their_own_modes_and_graphs():
    results, errors = {}, []

    def work(k):
        try:
            x = lw.full((50,), float(k), dtype=lw.float64, requires_grad=True)
            for _ in range(30):
                with lw.no_grad():
                    assert not (x * 2).requires_grad
                y = x
                for _ in range(20):
                    y = y.sin() * 1.01
                (g,) = grad(y.sum(), x)
            results[k] = g[0].item()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
    for k in range(4):
        y, d = float(k), 1.0
        for _ in range(20):
            y, d = np.sin(y) * 1.01, d * np.cos(y) * 1.01
        assert np.isclose(results[k], d)


def test_next_functions_and_saved_values():
    x, y = leaf(2.0), leaf(3.0)
    z = x * y.exp()
    (a, i), (b, j) = z.grad_fn.next_functions
    assert a.name() == "torch::autograd::AccumulateGrad" and a.variable is x and (i, j) == (0, 0)
    assert b.name() == "ExpBackward0" and np.isclose(b._saved_result.item(), np.e**3)
    assert z.grad_fn._saved_self.item() == 2 and z.grad_fn._saved_other.grad_fn is b
    with pytest.raises(AttributeError, match="saves nothing called"):
        b._saved_nonsense
    assert z.grad_fn(lw.ones(1, dtype=lw.float64))[1].tolist() == [2]


def test_gradient_edges_stand_for_tensors():
    x = leaf(2.0, 3.0)
    y = x.exp()
    edge = lw.autograd.graph.get_gradient_edge(y)
    assert edge.node is y.grad_fn and edge.output_nr == 0
    (g,) = grad((y * y).sum(), edge)
    np.testing.assert_allclose(g.numpy(), 2 * y.detach().numpy())
    (g,) = grad((x * x).sum(), lw.autograd.graph.get_gradient_edge(x))
    assert g.tolist() == [4, 6]


# ---- results written over after their operation -----------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [3, -1, 1.5, 0.5, 0])
def test_a_power_may_be_written_over(exponent):
    x = leaf(1.0, 4.0)
    y = x**exponent
    y += 1
    y.sum().backward()
    assert np.allclose(x.grad.numpy(), exponent * np.array([1.0, 4.0]) ** (exponent - 1))


def test_a_power_with_a_wanted_exponent_may_not():
    x, e = leaf(2.0), leaf(3.0)
    y = x**e
    y += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


@pytest.mark.parametrize("stride", [2, 1])
@pytest.mark.parametrize("write", [lambda y: y.relu_(), lambda y: y.flatten().relu_(), lambda y: lw.nn.ReLU(True)(y)])
def test_maxima_of_windows_may_be_written_over(write, stride):
    x = lw.tensor([[[[-3.0, -1.0, 2.0, 5.0], [-2.0, -4.0, 7.0, 6.0], [1.0, 0.0, -1.0, -2.0]]]], requires_grad=True)
    y = lw.nn.functional.max_pool2d(x, 2, stride)
    write(y)
    y.sum().backward()
    twin = x.detach().clone().requires_grad_()
    lw.nn.functional.max_pool2d(twin, 2, stride).relu().sum().backward()
    assert x.grad.equal(twin.grad) and x.grad.abs().sum() > 0


def test_maxima_of_an_input_that_was_written_over_are_refused():
    x = lw.rand(1, 1, 4, 4, requires_grad=True) * 1
    y = lw.nn.functional.max_pool2d(x, 2)
    x.mul_(2)
    y.relu_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_gradients_without_dimensions_are_tensors_to_write_on():
    """What is summed down to a scalar, and what two paths bring to one, is an array like every other gradient."""
    w = lw.zeros((), requires_grad=True)
    for times in (1, 2):
        (lw.ones(3) + w).sum().backward()
        assert w.grad.item() == 3.0 * times
    w.grad.zero_()
    (lw.ones(3) - w).sum().backward()
    assert w.grad.item() == -3.0
    for f in (lambda v: (lw.ones(3) + v).sum(), lambda v: v * v + v, lambda v: v.exp() + v.sin() + v):
        v = lw.full((), 2.0, requires_grad=True)
        (g,) = lw.autograd.grad(f(v), v)
        before = g.item()
        g += 1
        assert g.item() == pytest.approx(before + 1) and isinstance(g.numpy(), np.ndarray)
        seen = []
        u = v * 1
        u.retain_grad()
        u.register_hook(lambda g, seen=seen: seen.append(g.clone().mul_(2)))
        f(u).backward()
        assert u.grad.item() == pytest.approx(before) and seen[0].item() == pytest.approx(2 * before)
        u.grad.mul_(3)
        assert u.grad.item() == pytest.approx(3 * before)
