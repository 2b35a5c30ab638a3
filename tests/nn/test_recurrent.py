"""Recurrent layers and packed sequences: values, states and gradients beside PyTorch's."""

import numpy as np
import pytest

import lightwell as lw

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # PyTorch's own

LAYERS = [
    "RNN(3,4)",
    "RNN(3,4,2,'relu',bidirectional=True)",
    "LSTM(3,4,2,bidirectional=True)",
    "LSTM(3,4,bias=False,batch_first=True)",
    "LSTM(3,5,2,proj_size=2,bidirectional=True)",
    "GRU(3,4,2)",
    "GRU(3,4,bidirectional=True,batch_first=True)",
]


def flat(value):
    """Every tensor in a nest of tuples, as arrays."""
    if isinstance(value, (tuple, list)):
        return [a for v in value for a in flat(v)]
    return [] if value is None else [value.detach().numpy()]


def compare(program, rtol=1e-5, atol=1e-6):
    ours, theirs = flat(program(lw)), flat(program(torch))
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def make(lib, case):
    lib.manual_seed(2)
    net = eval(f"nn.{case}", {"nn": lib.nn})
    return net, lib.randn(5, 6, 3)


def first(state):
    return state[0] if isinstance(state, tuple) else state


@pytest.mark.parametrize("case", LAYERS)
def test_padded(case):
    def program(lib):
        net, x = make(lib, case)
        x.requires_grad_()
        y, h = net(x)
        ((y * y).sum() + first(h).sum()).backward()
        y2, h2 = net(x.detach(), h)
        return [y, h, y2, h2, x.grad, [p.grad for p in net.parameters()], net(x.detach()[0])]

    compare(program)


@pytest.mark.parametrize("sort", [True, False])
@pytest.mark.parametrize("case", LAYERS)
def test_packed(case, sort):
    def program(lib):
        net, x = make(lib, case)
        rnn = lib.nn.utils.rnn
        lengths = [5, 5, 3, 3, 2, 1] if sort else [2, 5, 1, 3, 5, 4]
        x.requires_grad_()
        packed = rnn.pack_padded_sequence(x, lengths, enforce_sorted=sort)
        y, h = net(packed)
        out, n = rnn.pad_packed_sequence(y)
        ((out * out).sum() + first(h).sum()).backward()
        return [tuple(y), h, out, n, x.grad, [p.grad for p in net.parameters()], tuple(net(packed, h)[0])]

    compare(program)


@pytest.mark.parametrize("case", ["RNNCell(3,4)", "RNNCell(3,4,nonlinearity='relu')", "LSTMCell(3,4)", "GRUCell(3,4,False)"])
def test_cells(case):
    def program(lib):
        net, x = make(lib, case)
        state = None
        for row in x:
            state = net(row, state)
        return [state, net(x[0, 0])]

    compare(program)


def test_dropout_between_layers_draws_pytorchs_masks():
    def program(lib):
        net, x = make(lib, "LSTM(3,4,3,dropout=0.4)")
        return net(x)

    compare(program)


@pytest.mark.parametrize(
    ("program", "error"),
    [
        (lambda lib: lib.nn.LSTM(3, 4)(lib.zeros(2, 2, 5)), RuntimeError),
        (lambda lib: lib.nn.LSTM(3, 4)(lib.zeros(2, 2, 2, 3)), ValueError),
        (lambda lib: lib.nn.GRU(3, 4)(lib.zeros(2, 2, 3), lib.zeros(1, 3, 4)), RuntimeError),
        (lambda lib: lib.nn.GRU(3, 4)(lib.zeros(2, 2, 3), lib.zeros(3, 4)), RuntimeError),
        (lambda lib: lib.nn.RNN(3, 4)(lib.zeros(2, 2, 3).double()), ValueError),
        (lambda lib: lib.nn.LSTMCell(3, 4)(lib.zeros(2, 5)), RuntimeError),
        (lambda lib: lib.nn.RNNCell(3, 4)(lib.zeros(1, 2, 3)), ValueError),
        (lambda lib: lib.nn.RNNCell(3, 4, nonlinearity="sin")(lib.zeros(2, 3)), RuntimeError),
        (lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(3, 2), [1, 3]), RuntimeError),
        (lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(3, 2), [3, 0]), RuntimeError),
        (lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(3, 2), [3]), RuntimeError),
        (lambda lib: lib.nn.utils.rnn.pad_sequence([]), RuntimeError),
        (lambda lib: lib.nn.utils.rnn.pad_sequence(3), RuntimeError),
    ],
)
def test_errors(program, error):
    for lib in (torch, lw):
        with pytest.raises(error):
            program(lib)


def test_sequences():
    def program(lib):
        rnn = lib.nn.utils.rnn
        seqs = [lib.arange(4.0), lib.arange(2.0), lib.arange(3.0)]
        padded = rnn.pad_sequence(seqs, batch_first=True, padding_value=-1)
        packed = rnn.pack_sequence(seqs, enforce_sorted=False)
        return [padded, rnn.pad_sequence(seqs, padding_side="left"), tuple(packed), rnn.unpack_sequence(packed),
                rnn.unpad_sequence(padded, lib.tensor([4, 2, 3]), batch_first=True), tuple(packed.double()),
                rnn.pad_packed_sequence(packed, True, 7.0, 6)]  # fmt: skip

    compare(program)


def test_clipping_and_vectors():
    def program(lib):
        u = lib.nn.utils
        lib.manual_seed(0)
        net = lib.nn.Linear(3, 2)
        (net.weight.sum() * 3 + net.bias.sum()).backward()
        out = [u.clip_grad_norm_(net.parameters(), 2.0), *[p.grad.clone() for p in net.parameters()]]
        out.append(u.clip_grad_norm_(net.weight, 0.5, norm_type=float("inf")))
        u.clip_grad_value_(net.parameters(), 0.1)
        out += [*[p.grad for p in net.parameters()], u.get_total_norm([p.grad for p in net.parameters()], 1.0)]
        vec = u.parameters_to_vector(net.parameters())
        u.vector_to_parameters(vec * 2, net.parameters())
        return [*out, vec, *net.parameters(), u.get_total_norm([])]

    compare(program)
    w = lw.zeros(1, requires_grad=True)
    w.grad = lw.full((1,), float("nan"))
    with pytest.raises(RuntimeError, match="non-finite"):
        lw.nn.utils.clip_grad_norm_(w, 1.0, error_if_nonfinite=True)
