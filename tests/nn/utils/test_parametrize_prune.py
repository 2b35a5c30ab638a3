"""nn.utils: parametrizations, norms of weights, pruning, fusion, stateless calls: by themselves and against PyTorch."""

import copy
import warnings

import numpy as np
import pytest

import lightwell as lw
import lightwell.nn.utils.prune as prune
from lightwell import nn
from lightwell.nn.utils import parametrizations, parametrize


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).mT

    def right_inverse(self, a):
        return a.triu()


class Double(nn.Module):
    def forward(self, x):
        return x * 2


class TwoParts(nn.Module):
    def forward(self, a, b):
        return a + b

    def right_inverse(self, w):
        return w / 2, w / 2


def close(a, b, rtol=1e-5, atol=1e-6):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=rtol, atol=atol)


def test_parametrization_and_back():
    m = nn.Linear(3, 3)
    before = m.weight
    parametrize.register_parametrization(m, "weight", Symmetric())
    assert type(m).__name__ == "ParametrizedLinear" and isinstance(m, nn.Linear)
    assert sorted(m.state_dict()) == ["bias", "parametrizations.weight.original"]
    assert m.parametrizations.weight.original is before
    close(m.weight, m.weight.mT)
    m.weight = lw.eye(3)
    close(m.weight, lw.eye(3))
    m(lw.randn(2, 3)).sum().backward()
    assert before.grad is not None
    parametrize.register_parametrization(m, "weight", Double())
    close(m.weight, 2 * lw.eye(3))
    with pytest.raises(RuntimeError, match="does not implement right_inverse"):
        m.weight = lw.eye(3)
    twin = copy.deepcopy(m)
    close(twin(lw.ones(1, 3)), m(lw.ones(1, 3)))
    with pytest.raises(RuntimeError, match="state_dict"):
        import pickle

        pickle.dumps(m)
    with parametrize.cached():
        assert m.weight is m.weight
    assert m.weight is not m.weight
    assert parametrize.is_parametrized(m, "weight") and not parametrize.is_parametrized(m, "bias")
    assert parametrize.type_before_parametrizations(m) is nn.Linear
    parametrize.remove_parametrizations(m, "weight")
    assert type(m) is nn.Linear and type(m.weight) is nn.Parameter and m.weight is before
    close(m.weight, 2 * lw.eye(3))


def test_several_originals_and_buffers():
    m = nn.Linear(2, 2)
    w = m.weight.detach().clone()
    parametrize.register_parametrization(m, "weight", TwoParts())
    assert [n for n, _ in m.named_parameters()] == ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]
    close(m.weight, w)
    with pytest.raises(ValueError, match="sequence of tensors"):
        parametrize.remove_parametrizations(m, "weight", leave_parametrized=False)
    parametrize.remove_parametrizations(m, "weight")
    close(m.weight, w)
    m.register_buffer("b", lw.ones(2))
    parametrize.register_parametrization(m, "b", Double())
    close(m.b, lw.full((2,), 2.0))
    assert "parametrizations.b.original" in dict(m.named_buffers())
    other = parametrize.transfer_parametrizations_and_params(m, nn.Linear(2, 2))
    close(other.b, m.b)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda m: parametrize.register_parametrization(m, "w", Double()), "does not have a parameter"),
        (lambda m: parametrize.register_parametrization(m, "weight", nn.Linear(2, 3)), "may not change the shape"),
        (lambda m: parametrize.remove_parametrizations(m, "weight"), "does not have a parametrization"),
        (lambda m: parametrizations.orthogonal(m, orthogonal_map="x"), "orthogonal_map has to be one of"),
        (lambda m: parametrizations.spectral_norm(m, n_power_iterations=0), "n_power_iterations"),
        (lambda m: parametrizations.orthogonal(m, "bias"), "Expected a matrix"),
        (lambda m: nn.utils.remove_weight_norm(m), "weight_norm of 'weight' not found"),
        (lambda m: nn.utils.remove_spectral_norm(m), "spectral_norm of 'weight' not found"),
        (lambda m: prune.l1_unstructured(m, "weight", 1.5), r"range \[0, 1\]"),
        (lambda m: prune.l1_unstructured(m, "weight", 9), "number of parameters to prune"),
        (lambda m: prune.ln_structured(m, "bias", 1, 2, 0), "multidimensional"),
        (lambda m: prune.remove(m, "weight"), "has to be pruned"),
    ],
)
def test_errors(call, text):
    m = nn.Linear(2, 2)
    before = dict(m.state_dict())
    with pytest.raises(ValueError, match=text):
        call(m)
    assert m(lw.ones(1, 2)).shape == (1, 2)
    assert list(m.state_dict()) == list(before)


@pytest.mark.parametrize("how", [None, "matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
@pytest.mark.parametrize("relative", [True, False])
def test_orthogonal(how, shape, relative):
    m = parametrizations.orthogonal(nn.Linear(*shape[::-1]), orthogonal_map=how, use_trivialization=relative)
    w = m.weight
    q = w @ w.mT if shape[0] <= shape[1] else w.mT @ w
    close(q, lw.eye(min(shape)), atol=2e-5)
    w.sum().backward()
    with lw.no_grad():
        original = m.parametrizations.weight.original
        original -= 0.1 * original.grad
        w = m.weight
        close(w @ w.mT if shape[0] <= shape[1] else w.mT @ w, lw.eye(min(shape)), atol=2e-5)


def test_weight_norm_trains_direction_and_length():
    m = parametrizations.weight_norm(nn.Linear(3, 4))
    g = m.parametrizations.weight.original0
    close(m.weight.norm(dim=1), g[:, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = nn.utils.weight_norm(nn.Linear(3, 4))
    fresh = parametrizations.weight_norm(nn.Linear(3, 4))
    fresh.load_state_dict(old.state_dict())
    close(fresh.weight, old.weight)
    old(lw.ones(1, 3)).sum().backward()
    assert old.weight_g.grad is not None
    nn.utils.remove_weight_norm(old)
    close(old.weight, fresh.weight)
    assert type(old.weight) is nn.Parameter
    with pytest.warns(FutureWarning):
        nn.utils.weight_norm(nn.Linear(1, 1))


def test_pruning():
    m = nn.Linear(4, 3)
    orig = m.weight
    prune.l1_unstructured(m, "weight", amount=5)
    assert m.weight_orig is orig and (m.weight_mask == 0).sum() == 5 and prune.is_pruned(m)
    prune.random_unstructured(m, "weight", amount=0.5)
    assert (m.weight_mask == 0).sum() == 5 + round(0.5 * 7)
    assert isinstance(next(iter(m._forward_pre_hooks.values())), prune.PruningContainer)
    m(lw.ones(1, 4)).sum().backward()
    assert (orig.grad[m.weight_mask == 0] == 0).all()
    kept = m.weight.detach().clone()
    prune.remove(m, "weight")
    assert m.weight is orig and not prune.is_pruned(m)
    close(m.weight, kept)
    c = nn.Conv2d(2, 4, 3)
    prune.ln_structured(c, "weight", amount=2, n=2, dim=0)
    assert (c.weight.abs().sum((1, 2, 3)) == 0).sum() == 2
    prune.random_structured(c, "weight", amount=1, dim=1)
    assert (c.weight.abs().sum((0, 2, 3)) == 0).sum() == 1
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    prune.global_unstructured([(a, "weight"), (b, "weight")], prune.L1Unstructured, amount=7)
    assert (a.weight == 0).sum() + (b.weight == 0).sum() == 7
    d = prune.custom_from_mask(nn.Linear(2, 2), "bias", lw.tensor([0, 1]))
    assert d.bias[0] == 0
    prune.identity(d, "weight")
    assert (d.weight_mask == 1).all()


def test_fusion():
    x = lw.randn(2, 3, 8, 8)
    conv, up, bn = nn.Conv2d(3, 4, 3, bias=False).eval(), nn.ConvTranspose2d(3, 4, 3).eval(), nn.BatchNorm2d(4).eval()
    with lw.no_grad():
        for t in (bn.running_mean, bn.running_var, bn.weight, bn.bias):
            t.uniform_(0.5, 2)
    close(nn.utils.fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), 1e-4, 1e-5)
    close(nn.utils.fuse_conv_bn_eval(up, bn, transpose=True)(x), bn(up(x)), 1e-4, 1e-5)
    lin, b1 = nn.Linear(3, 4).eval(), nn.BatchNorm1d(4).eval()
    b1.load_state_dict(bn.state_dict())
    y = lw.randn(5, 3)
    close(nn.utils.fuse_linear_bn_eval(lin, b1)(y), b1(lin(y)), 1e-4, 1e-5)
    with pytest.raises(AssertionError, match="eval"):
        nn.utils.fuse_conv_bn_eval(conv.train(), bn)


def test_stateless_and_formats():
    from lightwell.nn.utils import stateless

    with pytest.warns(FutureWarning):
        y = stateless.functional_call(nn.Linear(2, 1), {"weight": lw.ones(1, 2), "bias": lw.zeros(1)}, lw.ones(3, 2))
    close(y, lw.full((3, 1), 2.0))
    m = nn.utils.convert_conv2d_weight_memory_format(nn.Sequential(nn.Conv2d(2, 3, 3)), lw.channels_last)
    assert m[0].weight.is_contiguous(memory_format=lw.channels_last)
    m(lw.randn(1, 2, 4, 4)).sum().backward()


# ---- against PyTorch ------------------------------------------------------------------------------------------------

NORMS = {
    "parametrizations.spectral_norm": lambda m: m.nn.utils.parametrizations.spectral_norm(m.nn.Linear(5, 4)),
    "parametrizations.spectral_norm conv": lambda m: m.nn.utils.parametrizations.spectral_norm(
        m.nn.ConvTranspose2d(2, 3, 3), n_power_iterations=2
    ),
    "parametrizations.weight_norm": lambda m: m.nn.utils.parametrizations.weight_norm(m.nn.Linear(5, 4), dim=1),
    "parametrizations.weight_norm all": lambda m: m.nn.utils.parametrizations.weight_norm(m.nn.Linear(5, 4), dim=None),
    "spectral_norm": lambda m: m.nn.utils.spectral_norm(m.nn.Conv2d(2, 3, 3)),
    "weight_norm": lambda m: m.nn.utils.weight_norm(m.nn.Conv2d(2, 3, 3)),
    "orthogonal": lambda m: m.nn.utils.parametrizations.orthogonal(m.nn.Linear(5, 5)),
    "orthogonal wide": lambda m: m.nn.utils.parametrizations.orthogonal(m.nn.Linear(5, 3)),
    "orthogonal cayley": lambda m: m.nn.utils.parametrizations.orthogonal(m.nn.Linear(3, 5), orthogonal_map="cayley"),
    "orthogonal absolute": lambda m: m.nn.utils.parametrizations.orthogonal(
        m.nn.Linear(4, 4), orthogonal_map="householder", use_trivialization=False
    ),
    "prune l1": lambda m: _prune(m).l1_unstructured(m.nn.Linear(5, 4), "weight", 0.4),
    "prune random": lambda m: _prune(m).random_unstructured(m.nn.Linear(5, 4), "weight", 7),
    "prune ln": lambda m: _prune(m).ln_structured(m.nn.Conv2d(2, 3, 3), "weight", 1, 1, 0),
    "prune random structured": lambda m: _prune(m).random_structured(m.nn.Conv2d(2, 4, 3), "weight", 2, 0),
    "prune twice": lambda m: _prune(m).ln_structured(_prune(m).l1_unstructured(m.nn.Linear(5, 4), "weight", 6), "weight", 2, 2, 1),
}


def _prune(m):
    import importlib

    return importlib.import_module(f"{m.__name__}.nn.utils.prune")


@pytest.mark.parametrize("name", NORMS)
def test_same_numbers_as_pytorch(name):
    torch = pytest.importorskip("torch")
    import torch.nn.utils.parametrizations
    import torch.nn.utils.prune

    made = []
    for m in (lw, torch):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            m.manual_seed(4)
            layer = NORMS[name](m)
            opt = m.optim.SGD(layer.parameters(), lr=0.1)
            shape = (2, 2, 6, 6) if "Conv" in type(layer).__name__ else (2, layer.in_features)
            losses = []
            for _ in range(5):
                loss = layer(m.sin(m.arange(float(np.prod(shape))).reshape(shape))).square().mean()
                opt.zero_grad()
                loss.backward()
                opt.step()
                losses.append(loss.item())
            layer.eval()
            made.append((losses, {k: v.numpy() for k, v in layer.state_dict().items()}, repr(layer)))
    (a, sa, ra), (b, sb, rb) = made
    np.testing.assert_allclose(a, b, rtol=2e-4)
    assert list(sa) == list(sb) and ra == rb
    for k in sa:
        np.testing.assert_allclose(sa[k], sb[k], rtol=2e-3, atol=2e-5, err_msg=k)
