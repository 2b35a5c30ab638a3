"""Jacobian, Hessian and their products, against PyTorch's."""

import numpy as np
import pytest

import lightwell as lw

torch = pytest.importorskip("torch")
A = [[0.5, 1.0, -0.3], [2.0, 3.0, 0.1]]
B = [1.0, -2.0, 0.5]


def nested(value):
    return [nested(v) for v in value] if isinstance(value, tuple) else value.detach().numpy()


def same(call):
    ours, theirs = nested(call(lw, lw.autograd.functional)), nested(call(torch, torch.autograd.functional))

    def compare(a, b):
        if isinstance(a, list):
            assert len(a) == len(b)
            for x, y in zip(a, b):
                compare(x, y)
        else:
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, 1e-10, 1e-12)

    compare(ours, theirs)


def inputs(f):
    return f.tensor(A, dtype=f.float64), f.tensor(B, dtype=f.float64)


CASES = {
    "jacobian one": lambda f, F: F.jacobian(lambda a: a.exp().sum(1), inputs(f)[0]),
    "jacobian many": lambda f, F: F.jacobian(lambda a, b: (a * b, a.sum(), b.sin()), inputs(f)),
    "jacobian vectorized": lambda f, F: F.jacobian(lambda a: a.exp().cumsum(0), inputs(f)[1], vectorize=True),
    "hessian one": lambda f, F: F.hessian(lambda b: (b**3).sum() + b.prod(), inputs(f)[1]),
    "hessian many": lambda f, F: F.hessian(lambda a, b: (a**2 * b).sum(), inputs(f)),
    "vjp": lambda f, F: F.vjp(lambda a, b: a @ b, inputs(f), f.tensor([1.0, 2.0], dtype=f.float64)),
    "vjp scalar": lambda f, F: F.vjp(lambda a: a.sum(), inputs(f)[0]),
    "jvp": lambda f, F: F.jvp(lambda b: (b.exp(), b * 2), inputs(f)[1], f.tensor([1.0, 2.0, 3.0], dtype=f.float64)),
    "hvp": lambda f, F: F.hvp(lambda b: (b**3).sum(), inputs(f)[1], f.tensor([1.0, 2.0, 3.0], dtype=f.float64)),
    "vhp": lambda f, F: F.vhp(lambda a, b: (a**2 * b).sum(), inputs(f), inputs(f)),
}


@pytest.mark.parametrize("name", CASES)
def test_against_pytorch(name):
    same(CASES[name])


def test_create_graph_reaches_the_inputs():
    x = lw.tensor(B, dtype=lw.float64, requires_grad=True)
    j = lw.autograd.functional.jacobian(lambda t: t**3, x, create_graph=True)
    (g,) = lw.autograd.grad(j.sum(), x)
    np.testing.assert_allclose(g.numpy(), 6 * np.array(B))
    assert not lw.autograd.functional.jacobian(lambda t: t**3, x).requires_grad


ERRORS = {
    "vector output": lambda f, F: F.hessian(lambda a: a.exp(), inputs(f)[1]),
    "strict": lambda f, F: F.jacobian(lambda a: f.ones(2), inputs(f)[1], strict=True),
    "strict independent": lambda f, F: F.jacobian(lambda a, b: a * 2, inputs(f), strict=True),
    "no vector": lambda f, F: F.vjp(lambda a: a.exp(), inputs(f)[1]),
    "vector of another shape": lambda f, F: F.hvp(lambda a: a.sum(), inputs(f)[1], f.ones(2)),
    "not a tensor": lambda f, F: F.jacobian(lambda a: a * 2, [1.0]),
    "returns no tensor": lambda f, F: F.jacobian(lambda a: 3.0, inputs(f)[1]),
    "unknown strategy": lambda f, F: F.jacobian(lambda a: a, inputs(f)[1], strategy="sideways"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pytorchs(name):
    raised = []
    for f in (lw, torch):
        with pytest.raises(Exception) as info:
            ERRORS[name](f, f.autograd.functional)
        raised.append(info.type)
    expected = RuntimeError if raised[1] is AssertionError else raised[1]
    assert issubclass(raised[0], (expected, ValueError if raised[1] is AssertionError else expected))
