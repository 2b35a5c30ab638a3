"""Activations, losses, dropout, embeddings, distances and normalisation against PyTorch: values, gradients, second order."""

import warnings

import numpy as np
import pytest

import lightwell as lw

torch = pytest.importorskip("torch")
rng = np.random.default_rng(0)
X, Y, P = (rng.uniform(-4, 4, (3, 4, 6)), rng.uniform(-2, 2, (3, 4, 6)), rng.uniform(0.1, 0.9, (3, 4, 6)))
X2, Y2 = X[:, :, 0].copy(), Y[:, :, 0].copy()
W4, B4 = rng.normal(size=4), rng.normal(size=4)
F32 = dict(rtol=1e-6, atol=1e-6)


def both(call, *arrays, second=True, rtol=1e-8, atol=1e-9):
    """call(namespace, *tensors) in both libraries: values, dtypes, first derivatives and their derivatives agree."""
    found = []
    for f in (lw, torch):
        tensors = [f.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
        f.manual_seed(3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = call(f, *tensors)
        values = [y]
        wanted = [t for t in tensors if t.requires_grad]
        if y.requires_grad:
            weight = f.tensor(np.random.default_rng(1).normal(size=tuple(y.shape)))
            grads = f.autograd.grad(y, wanted, weight.to(y.dtype), create_graph=second, allow_unused=True)
            values += grads
            live = [g for g in grads if second and g is not None and g.requires_grad]
            if live:
                values += f.autograd.grad(sum((g * g).sum() for g in live), wanted, allow_unused=True)
        found.append([None if v is None else v.detach().numpy() for v in values])
    ours, theirs = found
    for a, b in zip(ours, theirs):
        if a is None or b is None:
            assert not np.any(a if b is None else b)
            continue
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol, atol)


ACTIVATIONS = (
    "relu relu6 leaky_relu elu selu celu gelu silu mish softplus softsign softshrink hardshrink hardtanh hardswish tanhshrink "
    "logsigmoid glu sigmoid tanh normalize rrelu"
).split()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    both(lambda f, x: getattr(f.nn.functional, name)(x), X)


@pytest.mark.parametrize("name", "relu relu6 leaky_relu elu selu celu silu mish hardtanh hardsigmoid hardswish".split())
def test_inplace_activation_writes_over_its_input(name):
    x = lw.tensor(X)
    expected = getattr(lw.nn.functional, name)(x)
    y = getattr(lw.nn.functional, name)(x, inplace=True)
    assert y is x and lw.equal(x, expected)


def test_activation_options():
    both(lambda f, x: f.nn.functional.gelu(x, approximate="tanh"), X)
    both(lambda f, x: f.nn.functional.celu(x, 2.0), X)
    both(lambda f, x: f.nn.functional.softplus(x, 2, 3), X)
    both(lambda f, x, w: f.nn.functional.prelu(x, w), X, np.array([0.1, 0.2, 0.3, 0.4]))
    both(lambda f, x: f.nn.functional.softmin(x, 1), X)
    both(lambda f, x: f.nn.functional.softmax(x, 1, dtype=f.float32), X, second=False, **F32)
    both(lambda f, x: f.nn.functional.gumbel_softmax(x, 0.7), X, second=False, **F32)
    with pytest.raises(RuntimeError, match="approximate"):
        lw.nn.functional.gelu(lw.ones(2), "exact")
    with pytest.warns(UserWarning, match="Implicit dimension"):
        lw.nn.functional.softmax(lw.ones(2, 2))


DROPOUTS = "dropout alpha_dropout feature_alpha_dropout dropout1d dropout2d dropout3d".split()


@pytest.mark.parametrize("name", DROPOUTS)
@pytest.mark.parametrize("kind", (np.float64, np.float32))
def test_dropout_draws_what_pytorch_draws(name, kind):
    both(lambda f, x: getattr(f.nn.functional, name)(x, 0.3, True), X.astype(kind), **({} if kind is np.float64 else F32))


def test_dropout_of_a_transposed_tensor_draws_in_memory_order():
    both(lambda f, x: f.nn.functional.dropout(x.transpose(0, 2), 0.3), X)


def test_dropout_edges():
    x = lw.ones(3)
    assert lw.nn.functional.dropout(x, training=False) is x
    assert lw.nn.functional.dropout(x, 1.0).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="between 0 and 1"):
        lw.nn.functional.dropout(x, 1.5)


REDUCTIONS = ("mean", "sum", "none")


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", "mse_loss smooth_l1_loss huber_loss kl_div poisson_nll_loss".split())
def test_loss_of_two(name, reduction):
    both(lambda f, x, y: getattr(f.nn.functional, name)(x, y, reduction=reduction), X, Y)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_losses(reduction):
    r = dict(reduction=reduction)
    sign = np.sign(Y)
    both(lambda f, x, y: f.nn.functional.l1_loss(x, y, **r), X, Y, second=False)
    both(lambda f, x: f.nn.functional.soft_margin_loss(x, f.tensor(sign), **r), X)
    both(lambda f, x, y: f.nn.functional.binary_cross_entropy(x, y, **r), P, P[::-1].copy())
    both(lambda f, x, y: f.nn.functional.binary_cross_entropy_with_logits(x, y, **r), X, P)
    both(lambda f, x, y: f.nn.functional.binary_cross_entropy_with_logits(x, y, pos_weight=f.tensor(P[0, 0]), **r), X, P)
    both(lambda f, x: f.nn.functional.hinge_embedding_loss(x, f.tensor(sign), **r), X)
    both(lambda f, x, y: f.nn.functional.margin_ranking_loss(x, y, f.tensor(sign), 0.3, **r), X, Y)
    both(lambda f, x, y: f.nn.functional.cosine_embedding_loss(x, y, f.tensor([1, -1, 1]), 0.1, **r), X2, Y2)
    both(lambda f, a, p, n: f.nn.functional.triplet_margin_loss(a, p, n, 2.0, swap=True, **r), X2, Y2, Y2[::-1].copy())
    both(lambda f, x, y: f.nn.functional.multilabel_soft_margin_loss(x, y, **r), X2, P[:, :, 0].copy())
    both(lambda f, x: f.nn.functional.multi_margin_loss(x, f.tensor([0, 3, 1]), p=2, **r), X2, second=False)
    labels = [[0, 2, -1, 1], [3, -1, -1, -1], [0, 1, 2, 3]]
    both(lambda f, x: f.nn.functional.multilabel_margin_loss(x, f.tensor(labels), **r), X2, second=False)
    both(lambda f, x, y, v: f.nn.functional.gaussian_nll_loss(x, y, v, full=True, **r), X, Y, P)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", (0.0, 0.1))
@pytest.mark.parametrize("ignore", (-100, 1))
@pytest.mark.parametrize("weighted", (False, True))
def test_cross_entropy(reduction, smoothing, ignore, weighted):
    target, weight = np.random.default_rng(2).integers(0, 4, (3, 6)), np.array([0.5, 1.0, 2.0, 1.5])
    both(
        lambda f, x: f.nn.functional.cross_entropy(
            x, f.tensor(target), f.tensor(weight) if weighted else None, reduction=reduction, label_smoothing=smoothing, ignore_index=ignore
        ),
        X,
    )


def test_cross_entropy_of_probabilities_and_of_one_row():
    both(lambda f, x, t: f.nn.functional.cross_entropy(x, t, f.tensor([0.5, 1.0, 2.0, 1.5]).double(), label_smoothing=0.1), X, P)
    both(lambda f, x: f.nn.functional.cross_entropy(x, f.tensor(2)), X[0, 0])
    with pytest.raises(IndexError, match="Target 4 is out of bounds"):
        lw.nn.functional.cross_entropy(lw.ones(1, 4), lw.tensor([4]))
    with pytest.raises(ValueError, match="batch_size"):
        lw.nn.functional.cross_entropy(lw.ones(2, 4), lw.tensor([1]))
    assert type(lw.nn.functional.cross_entropy(lw.ones(1, 4, requires_grad=True), lw.tensor([1])).grad_fn).__name__ == "NllLossBackward0"


def test_mse_loss_warns_of_broadcasting():
    with pytest.warns(UserWarning, match="different to the input size"):
        lw.nn.functional.mse_loss(lw.ones(3, 1), lw.ones(3))


def test_linear_and_distances():
    w, b = rng.normal(size=(5, 6)), rng.normal(size=5)
    for x in (X, X[0], X[0, 0]):
        both(lambda f, x, w, b: f.nn.functional.linear(x, w, b), x, w, b)
        both(lambda f, x, w: f.nn.functional.linear(x, w), x, w)
    both(lambda f, x, y, w, b: f.nn.functional.bilinear(x, y, w, b), X, Y, rng.normal(size=(5, 6, 6)), b)
    both(lambda f, x, y: f.nn.functional.cosine_similarity(x, y), X, Y)
    both(lambda f, x, y: f.nn.functional.pairwise_distance(x, y), X, Y)
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes"):
        lw.nn.functional.linear(lw.ones(2, 3), lw.ones(4, 5))


@pytest.mark.parametrize("training", (True, False))
@pytest.mark.parametrize("shape", ((3, 4, 6), (3, 4), (2, 4, 3, 3)))
def test_batch_norm(training, shape):
    def run(f, x, w, b, what=0):
        mean, var = f.tensor(W4 * 0.1), f.tensor(np.abs(B4) + 1)
        return (f.nn.functional.batch_norm(x, mean, var, w, b, training, 0.3, 1e-4), mean, var)[what]

    x = np.random.default_rng(5).normal(size=shape)
    both(run, x, W4, B4)
    for what in (1, 2):
        both(lambda f, *t, what=what: run(f, *t, what), x, W4, B4)


def test_other_norms():
    w, b = rng.normal(size=6), rng.normal(size=6)
    both(lambda f, x, w, b: f.nn.functional.layer_norm(x, (6,), w, b), X, w, b)
    both(lambda f, x: f.nn.functional.layer_norm(x, (4, 6)), X)
    both(lambda f, x, w, b: f.nn.functional.group_norm(x, 2, w, b), X, W4, B4)
    both(lambda f, x, w, b: f.nn.functional.instance_norm(x, None, None, w, b), X, W4, B4)
    both(lambda f, x, w: f.nn.functional.rms_norm(x, (6,), w), X, w)
    both(lambda f, x: f.nn.functional.local_response_norm(x, 3, alpha=0.1), X)
    large = np.random.default_rng(6).normal(size=(300, 700))  # by blocks, on all threads
    both(lambda f, x, w, b: f.nn.functional.layer_norm(x, (700,), w, b), large, large[0].copy(), large[1].copy(), second=False)


def test_embeddings():
    table, index = rng.normal(size=(7, 3)), np.array([[1, 2, 2], [0, 6, 1]])
    for options in ({}, {"padding_idx": 2}, {"padding_idx": -1, "scale_grad_by_freq": True}):
        both(lambda f, w, o=options: f.nn.functional.embedding(f.tensor(index), w, **o), table)
    both(lambda f, w: f.nn.functional.embedding(f.tensor(index), w * 1, max_norm=1.0), table, second=False, **F32)
    for mode in ("sum", "mean", "max"):
        both(lambda f, w, m=mode: f.nn.functional.embedding_bag(f.tensor(index), w, mode=m), table, second=False)
        both(
            lambda f, w, m=mode: f.nn.functional.embedding_bag(f.tensor(index.ravel()), w, f.tensor([0, 2, 2, 5]), mode=m, padding_idx=2),
            table, second=False,
        )  # fmt: skip
    both(lambda f, i: f.nn.functional.one_hot(i, 9), index)
    with pytest.raises(IndexError, match="out of range"):
        lw.nn.functional.embedding(lw.tensor([7]), lw.ones(7, 3))


@pytest.mark.parametrize("name", "gelu silu mish softplus".split())
def test_large_arrays_go_by_blocks(name):
    x = np.random.default_rng(7).normal(size=(400, 500)).astype(np.float32)
    both(lambda f, x: getattr(f.nn.functional, name)(x), x, second=False, rtol=2e-5, atol=2e-6)
