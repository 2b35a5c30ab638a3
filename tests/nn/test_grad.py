"""torch.nn.grad: gradients of convolutions, against PyTorch's and against autograd."""

import numpy as np
import pytest

import lightwell as lw

CASES = [
    (1, (2, 4, 9), (6, 2, 3), {"stride": 2, "padding": 1, "groups": 2}),
    (2, (2, 2, 7, 6), (3, 2, 3, 2), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}),
    (3, (1, 2, 4, 5, 4), (2, 2, 2, 3, 2), {}),
]


def _case(n, size, weight, settings):
    rng = np.random.default_rng(n)
    x, w = rng.standard_normal(size).astype(np.float32), rng.standard_normal(weight).astype(np.float32)
    y = getattr(lw.nn.functional, f"conv{n}d")(lw.tensor(x), lw.tensor(w), **settings)
    return x, w, rng.standard_normal(tuple(y.shape)).astype(np.float32)


@pytest.mark.parametrize("n, size, weight, settings", CASES)
def test_gradients(n, size, weight, settings):
    torch = pytest.importorskip("torch")
    x, w, g = _case(n, size, weight, settings)
    for what, a, b in (("input", size, w), ("weight", x, weight)):
        out = []
        for library in (lw, torch):
            given = [library.tensor(v) if isinstance(v, np.ndarray) else v for v in (a, b)]
            out.append(getattr(library.nn.grad, f"conv{n}d_{what}")(*given, library.tensor(g), **settings).numpy())
        np.testing.assert_allclose(*out, rtol=1e-4, atol=1e-5)


def test_it_is_what_backward_gives_and_has_a_graph():
    n, size, weight, settings = CASES[1]
    x, w, g = (lw.tensor(v, requires_grad=True) for v in _case(n, size, weight, settings))
    y = lw.nn.functional.conv2d(x, w, **settings)
    gx, gw = lw.autograd.grad(y, (x, w), g, create_graph=True)
    again = lw.nn.grad.conv2d_input(x.shape, w, g, **settings), lw.nn.grad.conv2d_weight(x, w.shape, g, **settings)
    assert lw.allclose(again[0], gx) and lw.allclose(again[1], gw)
    assert lw.allclose(lw.autograd.grad(again[0].sum(), w)[0], lw.autograd.grad(gx.sum(), w)[0], atol=1e-5)


def test_without_recording():
    with lw.no_grad():
        g = lw.nn.grad.conv1d_input((1, 1, 3), lw.ones(1, 1, 2), lw.ones(1, 1, 2))
    assert g.tolist() == [[[1.0, 2.0, 1.0]]] and not g.requires_grad
