"""The records of recurrent layers: beside PyTorch, beside the same written out, and their derivatives of two orders."""

import numpy as np
import pytest

import lightwell as lw
from lightwell.autograd.gradcheck import gradcheck, gradgradcheck
from lightwell.nn.functional import recurrent as functional
from lightwell.ops import recurrent

torch = pytest.importorskip("torch")

KINDS = {"RNN_TANH": (1, 1), "RNN_RELU": (1, 1), "GRU": (3, 1), "LSTM": (4, 2)}  # gates, states
KIND = pytest.mark.parametrize("kind", KINDS)
REVERSE = pytest.mark.parametrize("reverse", [False, True])


def arrays(kind, steps=4, batch=3, size=3, hidden=5, biased=True, dtype="float64", seed=0):
    """x (without its steps if there are none), the states, and the weights of one direction."""
    gates, states = KINDS[kind]
    rng = np.random.default_rng(seed)
    shapes = [(steps, batch, size) if steps else (batch, size), *[(batch, hidden)] * states]
    shapes += [(gates * hidden, size), (gates * hidden, hidden), *[(gates * hidden,)] * (2 * biased)]
    return [rng.uniform(-1, 1, shape).astype(dtype) for shape in shapes]


def leaves(lib, values):
    return [lib.tensor(v, requires_grad=True) for v in values]


def layer(kind, tensors, reverse, run=recurrent.layer):
    """(y, *last states) by a function of the internal form."""
    states = KINDS[kind][1]
    weights = [*tensors[1 + states :], None, None][:4]
    extra = (None, reverse)
    y, last = run(kind, tensors[0], tuple(tensors[1 : 1 + states]), *weights, *extra)
    return (y, *last)


def theirs(kind, tensors, reverse):
    """PyTorch's, which has no reversed direction alone: time runs backwards in and out."""
    states = KINDS[kind][1]
    x, hx, weights = tensors[0], [s[None] for s in tensors[1 : 1 + states]], tensors[1 + states :]
    x = x.flip(0) if reverse else x
    run = getattr(torch, kind.lower())
    y, *last = run(x, hx if states == 2 else hx[0], weights, len(weights) == 4, 1, 0.0, True, False, False)
    return (y.flip(0) if reverse else y, *(s[0] for s in last))


def gradients(outs, tensors, lib):
    """The gradients of a weighted sum of all outputs."""
    total = sum((y * lib.tensor(np.cos(np.arange(y.numel())).reshape(y.shape), dtype=y.dtype)).sum() for y in outs)
    return lib.autograd.grad(total, tensors)


def close(ours, others, rtol, atol):
    for a, b in zip(ours, others, strict=True):
        assert str(a.dtype) == str(b.dtype)
        assert tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=rtol, atol=atol)


@KIND
@REVERSE
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", [{}, {"biased": False}, {"steps": 1, "batch": 1}, {"steps": 9, "batch": 1, "hidden": 1}])
def test_beside_pytorch(kind, reverse, dtype, options):
    values = arrays(kind, dtype=dtype, **options)
    ours, others = leaves(lw, values), leaves(torch, values)
    mine, reference = layer(kind, ours, reverse), theirs(kind, others, reverse)
    tolerance = (1e-5, 2e-6) if dtype == "float32" else (1e-12, 1e-13)
    close(mine, reference, *tolerance)
    close(gradients(mine, ours, lw), gradients(reference, others, torch), *tolerance)


@KIND
def test_larger_in_float32(kind):
    values = [v * np.float32(0.25) for v in arrays(kind, 20, 16, 24, 32, dtype="float32")]
    ours, others = leaves(lw, values), leaves(torch, values)
    with lw.no_grad():
        assert layer(kind, ours, False)[0].grad_fn is None
    mine, reference = layer(kind, ours, False), theirs(kind, others, False)
    close(mine, reference, 1e-5, 2e-6)
    exact = leaves(torch, [v.astype("float64") for v in values])
    wanted, got = gradients(theirs(kind, exact, False), exact, torch), gradients(mine, ours, lw)
    others = gradients(reference, others, torch)
    for w, a, b in zip(wanted, got, others, strict=True):  # no farther from the truth than PyTorch's rounding
        error, allowed = np.abs(w.numpy() - a.numpy()).max(), np.abs(w.numpy() - b.numpy()).max()
        assert error <= 4 * allowed + 1e-6 * np.abs(w.numpy()).max()


@KIND
@REVERSE
def test_both_orders(kind, reverse):
    tensors = leaves(lw, arrays(kind, 3, 2, 2, 2))

    def run(*tensors):
        return layer(kind, tensors, reverse)

    assert gradcheck(run, tensors)
    assert gradgradcheck(run, tensors)


@KIND
@REVERSE
def test_gradients_with_a_graph_are_the_same(kind, reverse):
    tensors = leaves(lw, arrays(kind))
    outs = layer(kind, tensors, reverse)
    total = sum((y * y).sum() for y in outs)
    plain = lw.autograd.grad(total, tensors, retain_graph=True)
    again = lw.autograd.grad(total, tensors, retain_graph=True)
    graphed = lw.autograd.grad(total, tensors, create_graph=True)
    close(plain, again, 0, 0)
    close(plain, graphed, 1e-12, 1e-13)
    assert all(g.requires_grad for g in graphed)
    written = layer(kind, tensors, reverse, recurrent.unrolled)
    close(plain, lw.autograd.grad(sum((y * y).sum() for y in written), tensors), 1e-12, 1e-13)


@KIND
def test_second_order_of_tied_tensors_beside_pytorch(kind):
    values = arrays(kind, size=4, hidden=4)
    states = KINDS[kind][1]

    def program(lib, run):
        tensors = leaves(lib, values)
        tensors[2 + states] = tensors[1 + states]  # one weight for x and h, one bias
        tensors[4 + states] = tensors[3 + states]
        tensors[states] = tensors[1]  # and one state
        tensors[0] = x = tensors[0] * 1
        mixed = sum((y * y).sum() for y in run(kind, tensors, False))
        wanted = [x, tensors[1], tensors[1 + states], tensors[3 + states]]
        first = lib.autograd.grad(mixed, wanted, create_graph=True)
        return first, lib.autograd.grad(sum((g * g).sum() for g in first), wanted)

    for mine, reference in zip(program(lw, layer), program(torch, theirs), strict=True):
        close(mine, reference, 1e-9, 1e-10)


@KIND
def test_each_input_alone(kind):
    values = arrays(kind)
    everything = leaves(lw, values)
    wanted = gradients(layer(kind, everything, True), everything, lw)
    for i, full in enumerate(wanted):
        tensors = [lw.tensor(v, requires_grad=i == j) for j, v in enumerate(values)]
        outs = layer(kind, tensors, True)
        close(gradients(outs, [tensors[i]], lw), [full], 1e-12, 1e-13)
        (graphed,) = lw.autograd.grad(sum(y.sum() for y in layer(kind, tensors, True)), tensors[i], create_graph=True)
        (plain,) = lw.autograd.grad(sum(y.sum() for y in layer(kind, tensors, True)), tensors[i])
        close([graphed], [plain], 1e-12, 1e-13)


@KIND
def test_only_the_last_state(kind):
    tensors = leaves(lw, arrays(kind))
    others = leaves(torch, [t.detach().numpy() for t in tensors])
    last, reference = layer(kind, tensors, False)[-1], theirs(kind, others, False)[-1]
    close(gradients([last], tensors, lw), gradients([reference], others, torch), 1e-12, 1e-13)


@KIND
def test_cells(kind):
    states = KINDS[kind][1]
    name = kind.lower() + "_cell"
    for biased in (True, False):
        values = arrays(kind, 0, biased=biased)

        def run(lib, *tensors):
            hx = tensors[1 : 1 + states]
            f = getattr(torch if lib is torch else functional, name)
            out = f(tensors[0], hx if states == 2 else hx[0], *tensors[1 + states :])
            return out if states == 2 else (out,)

        ours, others = leaves(lw, values), leaves(torch, values)
        mine, reference = run(lw, *ours), run(torch, *others)
        assert mine[0].grad_fn.name() == reference[0].grad_fn.name()
        close(mine, reference, 1e-12, 1e-13)
        close(gradients(mine, ours, lw), gradients(reference, others, torch), 1e-12, 1e-13)
        assert gradgradcheck(lambda *t: run(lw, *t), leaves(lw, arrays(kind, 0, 2, 2, 2, biased)))


@KIND
def test_a_node_called_by_hand(kind):
    tensors = leaves(lw, arrays(kind))
    y = layer(kind, tensors, False)[0]
    g = lw.ones_like(y)
    wanted = lw.autograd.grad(y, tensors, g, retain_graph=True)
    states = [lw.zeros(3, 5, dtype=lw.float64)] * KINDS[kind][1]
    with lw.no_grad():
        close(y.grad_fn(g, *states), wanted, 1e-12, 1e-13)


@KIND
def test_what_is_kept(kind):
    tensors = leaves(lw, arrays(kind))
    y = layer(kind, tensors, False)[0]
    y.mul_(2)  # the derivative does not read the output
    (g,) = lw.autograd.grad(y.sum(), tensors[0], retain_graph=True)
    close([g], lw.autograd.grad(2 * layer(kind, tensors, False)[0].sum(), tensors[0]), 1e-12, 1e-13)
    with lw.no_grad():
        tensors[-3].mul_(2)  # but it reads the weights
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@KIND
def test_saturated_gates(kind):
    if kind == "RNN_RELU":
        return
    values = [v * 1e4 for v in arrays(kind, dtype="float32")]
    ours, others = leaves(lw, values), leaves(torch, values)
    mine, reference = layer(kind, ours, False), theirs(kind, others, False)
    close(mine, reference, 1e-5, 1e-5)
    close(gradients(mine, ours, lw), gradients(reference, others, torch), 1e-5, 1e-5)


def test_names_and_fallbacks():
    x = lw.zeros(4, 2, 3)
    y, (h, _) = lw.nn.LSTM(3, 5)(x)
    other, _ = torch.nn.LSTM(3, 5)(torch.zeros(4, 2, 3))
    assert (y.grad_fn.name(), h.grad_fn.name()) == (other.grad_fn.name(), "StackBackward0")
    assert lw.nn.GRU(3, 5)(x)[0].grad_fn.name() == "StackBackward0"
    for dtype in (lw.bfloat16, lw.float16):  # step by step, rounded after each operation
        assert lw.nn.GRU(3, 5, dtype=dtype)(x.to(dtype))[0].dtype == dtype
    y, h = lw.nn.RNN(3, 5)(lw.zeros(4, 0, 3))
    assert y.shape == (4, 0, 5)
    assert h.shape == (1, 0, 5)
    with pytest.raises(RuntimeError):
        lw.nn.RNN(3, 5)(lw.zeros(0, 2, 3))
    with pytest.raises(RuntimeError, match="hidden0 has shape"):
        functional.rnn_tanh_cell(lw.ones(2, 4), lw.ones(1, 3), lw.ones(3, 4), lw.ones(3, 3))
    with pytest.raises(RuntimeError, match="weight of the input has shape"):
        functional.lstm_cell(lw.ones(2, 4), (lw.ones(2, 3), lw.ones(2, 3)), lw.ones(12, 5), lw.ones(12, 3))
