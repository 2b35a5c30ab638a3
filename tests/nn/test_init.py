"""nn.init against PyTorch's: the same values from the same seed, the same errors."""

import math
import warnings

import numpy as np
import pytest

import lightwell as lw

torch = pytest.importorskip("torch")

FILLS = [
    ("uniform_(t, -1, 2)", (3, 5)),
    ("normal_(t, 1, 2)", (4, 8)),
    ("normal_(t)", (3,)),
    ("trunc_normal_(t)", (5, 7)),
    ("trunc_normal_(t, 0.0, 1.0, -0.5, 0.5)", (5, 7)),
    ("trunc_normal_(t, 0.0, 1.0, 1.0, 1.25)", (5, 7)),
    ("constant_(t, 0.3)", (2, 2)),
    ("ones_(t)", (2,)),
    ("zeros_(t)", (2,)),
    ("eye_(t)", (3, 4)),
    ("dirac_(t)", (4, 2, 3)),
    ("dirac_(t, 2)", (4, 2, 3, 3)),
    ("dirac_(t)", (2, 2, 3, 3, 2)),
    ("xavier_uniform_(t, 1.5)", (6, 4)),
    ("xavier_normal_(t)", (6, 4, 3, 3)),
    ("kaiming_uniform_(t, math.sqrt(5))", (6, 4)),
    ("kaiming_uniform_(t, mode='fan_out', nonlinearity='relu')", (6, 4, 3)),
    ("kaiming_normal_(t, 0.1)", (6, 4)),
    ("kaiming_normal_(t, mode='fan_out', nonlinearity='tanh')", (6, 4, 3, 3)),
    ("sparse_(t, 0.3)", (10, 4)),
]


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize(("fill", "shape"), FILLS)
def test_values_are_pytorchs(fill, shape, grad):
    out = []
    for lib in (lw, torch):
        lib.manual_seed(3)
        t = lib.full(shape, 9.0, requires_grad=grad)
        got = eval(f"init.{fill}", {"init": lib.nn.init, "t": t, "math": math})
        assert got is t
        assert t.grad_fn is None
        out.append(t.detach().numpy())
    np.testing.assert_array_equal(*out)


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (5, 5), (4, 2, 3)])
def test_orthogonal(shape):
    out = []
    for lib in (lw, torch):
        lib.manual_seed(3)
        out.append(lib.nn.init.orthogonal_(lib.empty(shape), gain=2).numpy())
    np.testing.assert_allclose(*out, atol=1e-5)
    m = out[0].reshape(shape[0], -1)
    m = m if m.shape[0] <= m.shape[1] else m.T
    np.testing.assert_allclose(m @ m.T, 4 * np.eye(len(m)), atol=1e-5)


def test_generator_is_used():
    a = lw.nn.init.normal_(lw.empty(20), generator=lw.Generator().manual_seed(5))
    b = torch.nn.init.normal_(torch.empty(20), generator=torch.Generator().manual_seed(5))
    np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("name", "linear conv1d conv2d conv3d conv_transpose2d sigmoid tanh relu leaky_relu selu".split())
def test_gain(name):
    assert lw.nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)


def test_gain_takes_a_slope():
    assert lw.nn.init.calculate_gain("leaky_relu", 2) == torch.nn.init.calculate_gain("leaky_relu", 2)


BAD = [
    ("eye_(T.zeros(2))", ValueError),
    ("dirac_(T.zeros(2, 2))", ValueError),
    ("dirac_(T.zeros(3, 2, 2), 2)", ValueError),
    ("xavier_uniform_(T.zeros(2))", ValueError),
    ("kaiming_normal_(T.zeros(2, 2), mode='fan')", ValueError),
    ("kaiming_uniform_(T.zeros(2, 2), nonlinearity='cos')", ValueError),
    ("calculate_gain('leaky_relu', 'a')", ValueError),
    ("calculate_gain('leaky_relu', True)", ValueError),
    ("orthogonal_(T.zeros(2))", ValueError),
    ("sparse_(T.zeros(2), 0.1)", ValueError),
]


@pytest.mark.parametrize(("call", "error"), BAD)
def test_errors(call, error):
    for lib in (torch, lw):
        with pytest.raises(error):
            eval(f"init.{call}", {"init": lib.nn.init, "T": lib})


def test_warnings():
    with pytest.warns(UserWarning, match="no-op"):
        lw.nn.init.kaiming_uniform_(lw.empty(0, 3))
    with pytest.warns(FutureWarning, match="xavier_uniform_"):
        lw.nn.init.xavier_uniform(lw.empty(2, 3))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        lw.nn.init.trunc_normal_(lw.empty(3), mean=10.0, std=1.0, a=6.5, b=7.0)
    assert any("more than 2 std" in str(w.message) for w in seen)
