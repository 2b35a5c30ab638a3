"""The top-level names of kernels (torch.lstm, torch.embedding_bag, ...), adaptive softmax, Muon, against PyTorch."""

import warnings

import numpy as np
import pytest

import lightwell as lw

torch = pytest.importorskip("torch")
rng = np.random.default_rng(0)


def draw(*shape):
    return rng.standard_normal(shape)


def both(call, *arrays):
    """The call by both libraries: results and gradients of the floating-point inputs."""
    made = []
    for m in (lw, torch):
        tensors = [m.from_numpy(np.array(a)) for a in arrays]
        for t in tensors:
            if t.is_floating_point():
                t.requires_grad_()
        out = call(m, *tensors)
        out = [t for t in (out if isinstance(out, (tuple, list)) else [out]) if t is not None]
        live = [t for t in out if t.requires_grad]
        if live:
            sum((t * t.cos()).sum() for t in live).backward()
        made.append((out, [t.grad for t in tensors]))
    for part in (0, 1):
        for a, b in zip(made[0][part], made[1][part], strict=True):
            if a is None or b is None:  # PyTorch gives zeros for some of what has no influence
                assert not any(np.any(t.numpy()) for t in (a, b) if t is not None)
            else:
                assert tuple(a.shape) == tuple(b.shape) and str(a.dtype) == str(b.dtype)
                np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-8, atol=1e-9)


def weights(gates, i, h, directions=1):
    return [a for _ in range(directions) for a in (draw(gates * h, i), draw(gates * h, h), draw(gates * h), draw(gates * h))]


@pytest.mark.parametrize("name, gates", [("rnn_tanh", 1), ("rnn_relu", 1), ("gru", 3), ("lstm", 4)])
def test_recurrent(name, gates):
    x, w = draw(4, 2, 3), weights(gates, 3, 5, 2)
    states = [draw(2, 2, 5)] * (2 if name == "lstm" else 1)

    def call(m, x, *rest):
        hx, params = rest[: len(states)], list(rest[len(states) :])
        return getattr(m, name)(x, hx if name == "lstm" else hx[0], params, True, 1, 0.0, False, True, False)

    both(call, x, *states, *w)

    def packed(m, x, *rest):
        hx, params = rest[: len(states)], list(rest[len(states) :])
        return getattr(m, name)(x, m.tensor([2, 2, 1]), hx if name == "lstm" else hx[0], params, True, 1, 0.0, False, True)

    both(packed, draw(5, 3), *states, *w)


@pytest.mark.parametrize("name, gates", [("rnn_tanh_cell", 1), ("rnn_relu_cell", 1), ("gru_cell", 3), ("lstm_cell", 4)])
def test_cells(name, gates):
    n = 2 if name == "lstm_cell" else 1
    call = lambda m, x, *r: getattr(m, name)(x, r[:n] if n == 2 else r[0], *r[n:])
    both(call, draw(2, 3), *[draw(2, 5)] * n, *weights(gates, 3, 5))


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_embedding_bag(mode):
    i, o = np.array([1, 0, 4, 4, 2, 1]), np.array([0, 2, 2])
    both(lambda m, w: m.embedding_bag(w, m.from_numpy(i), m.from_numpy(o), False, mode)[0], draw(5, 3))
    rest = [m.embedding_bag(m.from_numpy(np.eye(5)), m.from_numpy(i), m.from_numpy(o), False, mode) for m in (lw, torch)]
    assert rest[0][2].tolist() == rest[1][2].tolist() if mode else True


def test_others():
    both(lambda m, x, g: m.grid_sampler(x, g, 0, 1, False), draw(1, 2, 4, 5), rng.uniform(-1, 1, (1, 3, 3, 2)))
    both(lambda m, x, g: m.grid_sampler_2d(x, g, 2, 2, True), draw(1, 2, 4, 5), rng.uniform(-1, 1, (1, 3, 3, 2)))
    both(lambda m, x, g: m.grid_sampler_3d(x, g, 1, 0, True), draw(1, 2, 4, 5, 3), rng.uniform(-1, 1, (1, 3, 3, 2, 3)))
    both(lambda m, t: m.affine_grid_generator(t, [1, 2, 3, 4], False), draw(1, 2, 3))
    both(lambda m, x, w, b: m.convolution(x, w, b, [2], [1], [1], False, [0], 1), draw(2, 3, 8), draw(4, 3, 3), draw(4))
    both(lambda m, x, w: m.convolution(x, w, None, [2, 1], [1, 0], [1, 1], True, [1, 0], 1), draw(2, 3, 4, 4), draw(3, 2, 3, 3))
    both(lambda m, x, w, b: m.native_layer_norm(x, [4], w, b, 1e-5), draw(3, 4), draw(4), draw(4))
    both(lambda m, x, w, b: m.native_group_norm(x, w, b, 2, 4, 6, 2, 1e-5), draw(2, 4, 6), draw(4), draw(4))
    both(lambda m, x, w, b: m.native_batch_norm(x, w, b, None, None, True, 0.1, 1e-5), draw(5, 4), draw(4), draw(4))
    both(lambda m, x, w, b: m.conv_tbc(x, w, b, 1), draw(5, 2, 3), draw(3, 3, 4), draw(4))
    both(lambda m, x: m.native_channel_shuffle(x.detach(), 2), draw(1, 4, 3, 3))
    both(lambda m, x: m.native_dropout(x, 0.5, False), draw(4))
    both(lambda m, w: m.embedding_renorm_(w.detach().clone(), m.tensor([0, 2]), 0.5, 2.0), draw(3, 4))
    for how in ("sum", "mean", "max", "min", "prod"):
        both(lambda m, x: m.segment_reduce(x, how, lengths=m.tensor([2, 0, 3])).nan_to_num(), draw(5, 2))
        both(lambda m, x: m.segment_reduce(x, how, lengths=m.tensor([2, 3]), initial=0.5), draw(5))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_of_convolutions(n):
    x, w = draw(2, 4, *[7] * n), draw(6, 2, *[3] * n)
    g = draw(2, 6, *[4] * n)
    options = dict(stride=2, padding=1, groups=2)
    made = []
    for m in (lw, torch):
        tx, tw, tg = (m.from_numpy(a.copy()) for a in (x, w, g))
        made.append(
            [
                getattr(m.nn.grad, f"conv{n}d_input")(tx.shape, tw, tg, **options).numpy(),
                getattr(m.nn.grad, f"conv{n}d_weight")(tx, tw.shape, tg, **options).numpy(),
            ]
        )
    for a, b in zip(*made):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


def test_rnn_base_methods():
    layer = lw.nn.LSTM(3, 4)
    x = lw.zeros(5, 2, 3)
    layer.check_forward_args(x, (lw.zeros(1, 2, 4), lw.zeros(1, 2, 4)))
    with pytest.raises(RuntimeError, match=r"Expected hidden\[1\] size"):
        layer.check_forward_args(x, (lw.zeros(1, 2, 4), lw.zeros(1, 2, 5)))
    h = lw.arange(2.0).reshape(1, 2, 1).expand(1, 2, 4)
    assert layer.permute_hidden((h, h), lw.tensor([1, 0]))[0][0, 0, 0] == 1


@pytest.mark.parametrize("options", [{}, {"nesterov": False, "weight_decay": 0.0}, {"adjust_lr_fn": "match_rms_adamw", "ns_steps": 3}])
def test_muon(options):
    losses = []
    for m in (lw, torch):
        m.manual_seed(0)
        net = m.nn.Sequential(m.nn.Linear(8, 16, bias=False), m.nn.Tanh(), m.nn.Linear(16, 4, bias=False))
        opt = m.optim.Muon(net.parameters(), lr=0.02, **options)
        x, y = m.randn(32, 8), m.randn(32, 4)
        row = []
        for _ in range(20):
            opt.zero_grad()
            loss = m.nn.functional.mse_loss(net(x), y)
            loss.backward()
            opt.step()
            row.append(loss.item())
        losses.append(row)
        assert list(opt.state_dict()["state"][0]) == ["momentum_buffer"]
    np.testing.assert_allclose(*losses, rtol=5e-3)
    assert losses[0][-1] < losses[0][0]
    for bad in ({"lr": -1}, {"momentum": -1}, {"adjust_lr_fn": "x"}):
        with pytest.raises(ValueError):
            lw.optim.Muon([lw.zeros(2, 2)], **bad)
    with pytest.raises(ValueError, match="2D"):
        lw.optim.Muon([lw.zeros(2)])


@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")
@pytest.mark.parametrize("bag", [False, True])
@pytest.mark.parametrize("optimizer", ["SGD", "SparseAdam", "Adagrad", "momentum"])
def test_sparse_embeddings_train_as_in_pytorch(bag, optimizer):
    losses = []
    for m in (lw, torch):
        m.manual_seed(0)
        table = m.nn.EmbeddingBag(7, 4, mode="sum", sparse=True) if bag else m.nn.Embedding(7, 4, sparse=True, padding_idx=1)
        kinds = {"SGD": m.optim.SGD, "momentum": m.optim.SGD, "SparseAdam": m.optim.SparseAdam, "Adagrad": m.optim.Adagrad}
        opt = kinds[optimizer](table.parameters(), lr=0.1, **({"momentum": 0.9} if optimizer == "momentum" else {}))
        row = []
        for k in range(5):
            loss = table(m.tensor([[0, 1, 1], [k, 3, 3]])).square().sum()
            opt.zero_grad()
            loss.backward()
            assert table.weight.grad.is_sparse
            opt.step()
            row.append(loss.item())
        losses.append([*row, *table.weight.detach().flatten().tolist()])
    np.testing.assert_allclose(*losses, rtol=1e-4, atol=1e-6)


def test_adaptive_softmax_refusals():
    for cutoffs in ([], [0], [5, 2], [3, 3], [12]):
        with pytest.raises(ValueError, match="cutoffs"):
            lw.nn.AdaptiveLogSoftmaxWithLoss(6, 12, cutoffs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m = lw.nn.AdaptiveLogSoftmaxWithLoss(6, 12, [2, 5])
    with pytest.raises(RuntimeError, match=r"in \[0, 11\]"):
        m(lw.randn(3, 6), lw.tensor([0, 3, 12]))
    with pytest.raises(RuntimeError, match="same size"):
        m(lw.randn(3, 6), lw.tensor([0, 3]))
    with pytest.raises(RuntimeError, match="0D target"):
        m(lw.randn(3, 6), lw.tensor(1))


def test_linear_cross_entropy_loss():
    for options in (None, {"batch_chunk_size": 2}):
        made = []
        for m in (lw, torch):
            m.manual_seed(1)
            given = None if options is None or m is torch else m.nn.LinearCrossEntropyOptions(**options)
            layer = m.nn.LinearCrossEntropyLoss(3, 4, out_features=() if options else (2,), bias=True, options=given)
            x = m.randn(5, 3)
            t = m.randint(0, 4, (5,) if options else (5, 2))
            made.append([layer(x, t).item(), {k: tuple(v.shape) for k, v in layer.state_dict().items()}])
        np.testing.assert_allclose(made[0][0], made[1][0], rtol=1e-5)
        assert made[0][1] == made[1][1]


def test_old_names():
    with pytest.warns(FutureWarning):
        c = lw.nn.Container(a=lw.nn.ReLU())
    assert [n for n, _ in c.named_children()] == ["a"]
    with pytest.warns(FutureWarning):
        old = lw.nn.NLLLoss2d()
    x = lw.randn(2, 3, 4).log_softmax(1)
    assert old(x, lw.zeros(2, 4, dtype=lw.int64)).equal(lw.nn.NLLLoss()(x, lw.zeros(2, 4, dtype=lw.int64)))
    x = lw.randn(2, 5, 3, 3)
    np.testing.assert_allclose(lw.nn.CrossMapLRN2d(3, 0.5)(x).numpy(), lw.nn.LocalResponseNorm(3, 0.5)(x).numpy(), rtol=1e-6)
