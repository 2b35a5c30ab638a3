"""The transforms against torch.func: the same programs, the same inputs, transforms nested in many ways."""

import warnings

import numpy as np
import pytest

import lightwell as lw
import lightwell.func

torch = pytest.importorskip("torch")
import torch.func

# Programs of a vector (5 numbers), written with names both libraries have. `m` is the library.
VECTOR = {
    "sin": lambda m, x: m.sin(x),
    "poly": lambda m, x: x**3 - 2 * x + 1,
    "softmax": lambda m, x: m.softmax(x, 0) * x,
    "logsumexp": lambda m, x: m.logsumexp(x, 0) * x[1:],
    "norm": lambda m, x: x / (1 + x.norm()),
    "sort": lambda m, x: m.sort(x)[0] * m.arange(5.0, dtype=x.dtype),
    "cumsum": lambda m, x: m.cumsum(x, 0).tanh(),
    "cumprod": lambda m, x: m.cumprod(x, 0),
    "outer": lambda m, x: m.outer(x, x[:3]).sum(0) * x[:3],
    "matmul": lambda m, x: m.ones(4, 5, dtype=x.dtype) @ (x * x) * 0.1,
    "where": lambda m, x: m.where(x > 0, x * x, m.exp(x)),
    "clamp": lambda m, x: x.clamp(-0.5, 0.7) * x,
    "index": lambda m, x: x[m.tensor([0, 2, 2])] * x[1],
    "flip": lambda m, x: x.flip(0) * x,
    "stack": lambda m, x: m.stack([x, x * x, x.cos()]).mean(0),
    "cat": lambda m, x: m.cat([x, x[:2] * 3]).exp().sum(0, keepdim=True) + x,
    "max": lambda m, x: x.max() * x,
    "prod": lambda m, x: x.prod() + x,
    "var": lambda m, x: x.var() * x.std() + x,
    "view": lambda m, x: (x[:4].view(2, 2) @ x[1:].reshape(2, 2)).flatten(),
    "einsum": lambda m, x: m.einsum("i,j->ij", x, x).triu().sum(1),
    "gather": lambda m, x: x.gather(0, m.tensor([4, 0, 1])) ** 2,
    "roll": lambda m, x: x.roll(1, 0) * x,
    "relu": lambda m, x: m.nn.functional.gelu(x) + m.relu(x) * x,
    "conv": lambda m, x: m.nn.functional.conv1d(x.view(1, 1, 5), x[:2].view(1, 1, 2)).flatten(),
    "layer_norm": lambda m, x: m.nn.functional.layer_norm(x, (5,), x.cos()),
    "pool": lambda m, x: m.nn.functional.max_pool1d(x.view(1, 1, 5), 2).flatten() * x[:2],
    "solve": lambda m, x: m.linalg.solve(m.eye(5, dtype=x.dtype) * 3 + m.outer(x, x), x),
    "in place": lambda m, x: (x * 1).mul_(x).add_(1),
    "in place view": lambda m, x: _in_place_view(m, x),
    "scatter": lambda m, x: m.zeros_like(x).scatter_add(0, m.tensor([0, 0, 1, 3, 3]), x * x),
    "abs": lambda m, x: x.abs().sqrt() * x.sign(),
    "tuple": lambda m, x: (x.sin(), {"a": x.sum() * x[:2]}),
}


def _in_place_view(m, x):
    y = x.clone()
    y[1:3] = x[:2] * 2
    y[0] *= x[4]
    return y * x


SCALAR = [name for name in VECTOR if name != "tuple"]
rng = np.random.default_rng(0)
X, XB, XBB, V = rng.standard_normal(5), rng.standard_normal((3, 5)), rng.standard_normal((2, 3, 5)), rng.standard_normal(5)

TRANSFORMS = {
    "vmap": (lambda m, f: m.vmap(f), XB),
    "vmap vmap": (lambda m, f: m.vmap(m.vmap(f)), XBB),
    "vmap in 1 out -1": (lambda m, f: m.vmap(f, in_dims=1, out_dims=-1), XB.T.copy()),
    "vmap chunk": (lambda m, f: m.vmap(f, chunk_size=2), XB),
    "jacrev": (lambda m, f: m.func.jacrev(f), X),
    "jacfwd": (lambda m, f: m.func.jacfwd(f), X),
    "jacrev chunk": (lambda m, f: m.func.jacrev(f, chunk_size=2), X),
    "vmap jacrev": (lambda m, f: m.vmap(m.func.jacrev(f)), XB),
    "vmap jacfwd": (lambda m, f: m.vmap(m.func.jacfwd(f)), XB),
    "jacrev vmap": (lambda m, f: m.func.jacrev(m.vmap(f)), XB),
    "jvp": (lambda m, f: lambda x: m.func.jvp(f, (x,), (x * 0 + 2,)), X),
    "linearize": (lambda m, f: lambda x: m.func.linearize(f, x)[1](x.cos()), X),
    "vmap jvp": (lambda m, f: m.vmap(lambda x: m.func.jvp(f, (x,), (x.cos(),))), XB),
    "functionalize": (lambda m, f: m.func.functionalize(f), X),
}
OF_SCALARS = {
    "grad": (lambda m, f: m.func.grad(f), X),
    "grad and value": (lambda m, f: m.func.grad_and_value(f), X),
    "vmap grad": (lambda m, f: m.vmap(m.func.grad(f)), XB),
    "grad vmap": (lambda m, f: m.func.grad(lambda x: m.vmap(f)(x).pow(2).sum()), XB),
    "vmap grad vmap": (lambda m, f: m.vmap(m.func.grad(lambda x: m.vmap(f)(x).pow(2).sum())), XBB),
    "grad grad": (lambda m, f: m.func.grad(lambda x: m.func.grad(f)(x).sin().sum()), X),
    "hessian": (lambda m, f: m.func.hessian(f), X),
    "vmap hessian": (lambda m, f: m.vmap(m.func.hessian(f)), XB),
    "jacrev jacrev": (lambda m, f: m.func.jacrev(m.func.jacrev(f)), X),
    "jacfwd grad": (lambda m, f: m.func.jacfwd(m.func.grad(f)), X),
    "hvp": (lambda m, f: lambda x: m.func.jvp(m.func.grad(f), (x,), (x.sin(),))[1], X),
}


# Where PyTorch 2.13 does not agree with its own loop over the batch (solve), with its own jvp (linearize after a write), or gives
# Hessians that are not symmetric (layer_norm with a weight that depends on x). The last are checked by differences below.
WRONG_THERE = {("vmap jacfwd", "solve"), ("vmap hessian", "solve"), ("linearize", "in place view")} | {
    (how, "layer_norm") for how in ("hessian", "vmap hessian", "jacfwd grad", "hvp", "jacrev jacrev", "grad grad")
}


def test_hessian_of_layer_norm_by_differences():
    f = lambda x: VECTOR["layer_norm"](lw, x).sum()
    x, h = lw.from_numpy(X.copy()), 1e-5
    g = lw.func.grad(f)
    rows = [(g(x + h * e) - g(x - h * e)) / (2 * h) for e in lw.eye(5, dtype=lw.float64)]
    np.testing.assert_allclose(lw.func.hessian(f)(x).numpy(), lw.stack(rows).numpy(), rtol=1e-6, atol=1e-7)


def leaves(tree):
    if isinstance(tree, (tuple, list)):
        return [t for v in tree for t in leaves(v)]
    return [t for v in tree.values() for t in leaves(v)] if isinstance(tree, dict) else [tree]


def same(ours, theirs, rtol=1e-8, atol=1e-9):
    ours, theirs = leaves(ours), leaves(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert type(a) is lw.Tensor and tuple(a.shape) == tuple(b.shape)
        assert a.requires_grad == b.requires_grad
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=rtol, atol=atol)


def both(transform, f, data):
    ours = transform(lw, lambda x: f(lw, x))(lw.from_numpy(data.copy()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ours, transform(torch, lambda x: f(torch, x))(torch.from_numpy(data.copy()))


@pytest.mark.parametrize("how", TRANSFORMS)
def test_of_vectors(how):
    transform, data = TRANSFORMS[how]
    for name, f in VECTOR.items():
        if (how, name) in WRONG_THERE:
            continue
        try:
            ours, theirs = both(transform, f, data)
        except Exception as error:
            raise AssertionError(f"{how} of {name}") from error
        try:
            same(ours, theirs)
        except AssertionError as error:
            raise AssertionError(f"{how} of {name}: {error}") from error


@pytest.mark.parametrize("how", OF_SCALARS)
def test_of_scalars(how):
    transform, data = OF_SCALARS[how]
    for name in SCALAR:
        if (how, name) in WRONG_THERE:
            continue
        f = lambda m, x: (VECTOR[name](m, x) * 1.3).sum()
        try:
            ours, theirs = both(transform, f, data)
        except Exception as error:
            raise AssertionError(f"{how} of {name}") from error
        try:
            same(ours, theirs, 1e-7, 1e-8)
        except AssertionError as error:
            raise AssertionError(f"{how} of {name}: {error}") from error


KEEPING = [
    n
    for n in SCALAR
    if n not in ("logsumexp", "outer", "matmul", "index", "view", "gather", "conv", "pool", "layer_norm", "solve", "sort", "abs")
]


@pytest.mark.parametrize("seed", range(40))
def test_random_programs(seed):
    """Chains of three to five programs under a random transform."""
    r = np.random.default_rng(seed)
    names = [KEEPING[i] for i in r.integers(len(KEEPING), size=r.integers(3, 6))]

    def chain(m, x):
        for name in names:
            x = VECTOR[name](m, x).tanh()
        return x

    every = {**{k: v for k, v in TRANSFORMS.items() if k != "linearize"}, **OF_SCALARS}
    how = list(every)[r.integers(len(every))]
    transform, data = every[how]
    f = chain if how in TRANSFORMS else lambda m, x: chain(m, x).sum()
    ours, theirs = both(transform, f, data)
    try:
        same(ours, theirs, 1e-6, 1e-8)
    except AssertionError as error:
        raise AssertionError(f"{how} of {names}: {error}") from error
