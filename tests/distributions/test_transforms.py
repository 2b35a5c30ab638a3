"""Transforms and constraints: inverses, Jacobians by automatic differentiation, shapes, caches, and PyTorch's answers."""

import pickle

import numpy as np
import pytest

import lightwell as lw
from lightwell import distributions as D
from lightwell.distributions import constraints


def transforms(lib):
    """(transform, shape of x)."""
    d, tensor = lib.distributions, lambda v: lib.tensor(v, dtype=lib.float64)
    t = d.transforms
    return [
        (t.ExpTransform(), (3,)),
        (t.PowerTransform(tensor(2.5)), (3,)),
        (t.PowerTransform(tensor([-1.0, 2.0, 3.0])), (3,)),
        (t.SigmoidTransform(), (3,)),
        (t.SoftplusTransform(), (3,)),
        (t.TanhTransform(), (3,)),
        (t.AbsTransform(), (3,)),
        (t.AffineTransform(1.0, -2.0), (3,)),
        (t.AffineTransform(tensor([1.0, 2.0, 0.0]), tensor([[2.0], [-0.5]])), (2, 3)),
        (t.AffineTransform(0.5, 3.0, event_dim=1), (2, 3)),
        (t.CorrCholeskyTransform(), (2, 6)),
        (t.SoftmaxTransform(), (2, 4)),
        (t.StickBreakingTransform(), (2, 3)),
        (t.LowerCholeskyTransform(), (3, 3)),
        (t.PositiveDefiniteTransform(), (3, 3)),
        (t.CumulativeDistributionTransform(d.Normal(tensor(0.5), tensor(2.0))), (3,)),
        (t.ReshapeTransform((6,), (2, 3)), (2, 6)),
        (t.identity_transform, (3,)),
        (t.ComposeTransform([t.AffineTransform(1.0, 2.0), t.ExpTransform()]), (3,)),
        (t.ComposeTransform([t.ExpTransform(), t.StickBreakingTransform()]), (2, 3)),
        (t.ComposeTransform([t.ExpTransform().inv, t.TanhTransform()]), (3,)),
        (t.IndependentTransform(t.ExpTransform(), 1), (2, 3)),
        (t.CatTransform([t.ExpTransform(), t.identity_transform, t.SigmoidTransform()], dim=-1, lengths=[1, 2, 1]), (2, 4)),
        (t.CatTransform([t.ExpTransform(), t.AffineTransform(0.0, 2.0)], dim=0, lengths=[1, 2]), (3, 2)),
        (t.StackTransform([t.ExpTransform(), t.TanhTransform()], dim=1), (3, 2)),
        (t.ExpTransform().inv, (3,)),
    ]


ALL = transforms(lw)
IDS = [f"{i}-{type(t).__name__}" for i, (t, _) in enumerate(ALL)]
each = pytest.mark.parametrize("at", range(len(ALL)), ids=IDS)


def numbers(transform, shape, seed=0):
    x = np.random.default_rng(seed).standard_normal(shape)
    positive = "GreaterThan" in repr(transform.domain)
    return np.abs(x) * 0.6 + 0.1 if positive else x


@each
def test_inverse_and_shapes(at):
    t, shape = ALL[at]
    x = lw.tensor(numbers(t, shape))
    y = t(x)
    assert tuple(t.forward_shape(x.shape)) == tuple(y.shape) and tuple(t.inverse_shape(y.shape)) == tuple(x.shape)
    assert bool(t.codomain.check(y).all()) and t.inv.inv is t
    back = t.inv(y)
    if t.bijective:
        assert lw.allclose(back, x, rtol=1e-7, atol=1e-9)
    else:
        assert lw.allclose(t(back), y, rtol=1e-7, atol=1e-9)
    assert t == t and t != D.AffineTransform(9.0, 9.0)
    assert pickle.loads(pickle.dumps(t.inv)).inv(x).shape == y.shape


JACOBIANS = [i for i, (t, _) in enumerate(ALL) if t.bijective]


@pytest.mark.parametrize("at", JACOBIANS, ids=[IDS[i] for i in JACOBIANS])
def test_jacobian_is_the_derivatives_determinant(at):
    t, shape = ALL[at]
    event = t.domain.event_dim
    x = lw.tensor(numbers(t, shape))
    got = t.log_abs_det_jacobian(x, t(x)).expand(x.shape[: x.dim() - event])
    assert lw.allclose(t.inv.log_abs_det_jacobian(t(x), x).expand(got.shape), -got, atol=1e-9)
    # the whole tensor as one vector: its determinant is the product of all events'
    flat = lw.autograd.functional.jacobian(lambda v: independent_of_redundancy(t, t(v.view(x.shape))), x.reshape(-1))
    assert abs(float(lw.linalg.slogdet(flat).logabsdet) - float(got.sum())) < 1e-7


def independent_of_redundancy(t, y):
    """As many numbers of y as x has: the last of a simplex and the upper part of a triangle follow from the others."""
    last = t.parts[-1] if isinstance(t, D.ComposeTransform) and t.parts else t
    if isinstance(last, D.StickBreakingTransform):
        y = y[..., :-1]
    elif isinstance(last, D.CorrCholeskyTransform):
        y = D.utils.tril_matrix_to_vec(y, -1)
    return y.reshape(-1)


@each
def test_like_pytorch(at):
    torch = pytest.importorskip("torch")
    ours, shape = ALL[at]
    theirs, _ = transforms(torch)[at]
    x = numbers(ours, shape)
    a, b = lw.tensor(x), torch.tensor(x)
    np.testing.assert_allclose(ours(a).numpy(), theirs(b).numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.inv(ours(a)).numpy(), theirs.inv(theirs(b)).numpy(), rtol=1e-7, atol=1e-9)
    assert repr(ours) == repr(theirs) and repr(ours.inv) == repr(theirs.inv)
    assert repr(ours.domain) == repr(theirs.domain) and repr(ours.codomain) == repr(theirs.codomain)
    assert ours.bijective == theirs.bijective
    try:
        expected = theirs.log_abs_det_jacobian(b, theirs(b))
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            ours.log_abs_det_jacobian(a, ours(a))
    else:
        np.testing.assert_allclose(ours.log_abs_det_jacobian(a, ours(a)).numpy(), expected.numpy(), rtol=1e-9, atol=1e-12)
    try:
        sign = theirs.sign
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            _ = ours.sign
    else:
        assert np.asarray(ours.sign).tolist() == np.asarray(sign).tolist()


@each
def test_cache_returns_the_same_object(at):
    t, shape = ALL[at]
    cached = t.with_cache(1)
    x = lw.tensor(numbers(t, shape))
    if isinstance(t, D.ComposeTransform) or type(t).__name__ == "_InverseTransform":
        assert lw.allclose(cached.inv(cached(x)), x)
        return
    y = cached(x)
    assert cached(x) is y and cached.inv(y) is x
    assert cached.with_cache(1) is cached


def test_refusals():
    with pytest.raises(ValueError, match="cache_size"):
        D.ExpTransform(cache_size=2)
    with pytest.raises(ValueError, match="different numbers"):
        D.ReshapeTransform((3,), (2, 2))
    with pytest.raises(ValueError, match="no D"):
        D.CorrCholeskyTransform().forward_shape((4,))
    with pytest.raises(ValueError, match="Too few dimensions"):
        D.IndependentTransform(D.ExpTransform(), 2)(lw.zeros(3))
    with pytest.raises(ValueError, match="cannot be expressed"):
        D.utils.vec_to_tril_matrix(lw.zeros(4))
    with pytest.raises(ValueError, match="outside"):
        D.utils.tril_matrix_to_vec(lw.zeros(2, 2), 2)
    with pytest.raises(ValueError, match="Transform"):
        D.TransformedDistribution(D.Normal(0.0, 1.0), "exp")
    with pytest.raises(AssertionError, match="length"):
        D.CatTransform([D.ExpTransform()], lengths=[2])(lw.zeros(3))


VALUES = {
    "boolean": [0.0, 1.0, 0.5], "one_hot": [[0.0, 1.0], [1.0, 1.0]], "nonnegative_integer": [0.0, 2.0, -1.0, 0.5],
    "positive_integer": [0.0, 1.0], "real": [0.0, float("nan")], "real_vector": [[0.0, float("nan")], [1.0, 2.0]], "positive": [0.0, 1.0],
    "nonnegative": [0.0, -1.0], "unit_interval": [0.0, 1.0, 1.1], "simplex": [[0.5, 0.5], [0.5, 0.6]],
    "lower_triangular": [[[1.0, 0.0], [2.0, 0.0]], [[1.0, 1.0], [0.0, 1.0]]], "lower_cholesky": [[[1.0, 0.0], [2.0, 1.0]], [[-1.0, 0.0], [0.0, 1.0]]],
    "corr_cholesky": [[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [0.6, 0.9]]], "square": [[[1.0, 2.0]]], "symmetric": [[[1.0, 2.0], [2.0, 1.0]]],
    "positive_semidefinite": [[[1.0, 0.0], [0.0, 0.0]]], "positive_definite": [[[1.0, 0.0], [0.0, 0.0]], [[2.0, 1.0], [1.0, 2.0]]],
}  # fmt: skip


def more(c):
    return [
        (c.integer_interval(1, 3), [0.0, 1.0, 1.5, 3.0, 4.0]), (c.greater_than(1.0), [1.0, 2.0]), (c.greater_than_eq(1.0), [1.0, 0.0]),
        (c.less_than(upper_bound=1.0), [1.0, 0.0]), (c.interval(-1.0, 1.0), [-1.0, 2.0]), (c.half_open_interval(0.0, 1.0), [0.0, 1.0]),
        (c.multinomial(3), [[1.0, 2.0], [2.0, 2.0]]), (c.independent(c.positive, 1), [[1.0, 2.0], [0.0, 1.0]]),
        (c.cat([c.positive, c.boolean], dim=-1, lengths=[1, 2]), [[1.0, 0.0, 1.0], [0.0, 1.0, 2.0]]),
        (c.stack([c.positive, c.boolean], dim=-1), [[1.0, 0.0], [-1.0, 3.0]]), (c.MixtureSameFamilyConstraint(c.positive), [1.0, -1.0]),
    ]  # fmt: skip


def test_constraints_as_pytorch():
    torch = pytest.importorskip("torch")
    theirs = torch.distributions.constraints
    assert set(theirs.__all__) <= set(constraints.__all__)
    pairs = [((getattr(constraints, n), v), (getattr(theirs, n), v)) for n, v in VALUES.items()] + list(
        zip(more(constraints), more(theirs))
    )
    for (a, values), (b, _) in pairs:
        assert a.check(lw.tensor(values)).tolist() == b.check(torch.tensor(values)).tolist(), a
        assert repr(a) == repr(b) and a.event_dim == b.event_dim and a.is_discrete == b.is_discrete


@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
def test_registries_lead_into_the_region(registry):
    unknown = {"boolean", "one_hot", "nonnegative_integer", "positive_integer", "lower_triangular", "square", "symmetric"}
    if registry == "biject_to":
        unknown |= {"lower_cholesky", "positive_definite", "positive_semidefinite"}
    lead = getattr(D, registry)
    for name in VALUES:
        constraint = getattr(constraints, name)
        if name in unknown:
            with pytest.raises(NotImplementedError, match="Cannot transform"):
                lead(constraint)
            continue
        t = lead(constraint)
        shape = (2, 3, 3) if constraint.event_dim == 2 else (2, 3)
        y = t(lw.tensor(np.random.default_rng(0).standard_normal(shape)))
        assert bool(constraint.check(y).all()), name
        assert t.bijective or registry == "transform_to"
    cat = constraints.cat([constraints.positive, constraints.real], dim=0, lengths=[1, 1])
    assert bool(lead(cat)(lw.tensor([-1.0, -1.0]))[0] > 0)
    with pytest.raises(TypeError, match="Constraint subclass"):
        lead.register(int, lambda c: None)


def test_dependent_constraints():
    assert constraints.is_dependent(D.Uniform.support) and not constraints.is_dependent(D.Uniform(0.0, 1.0).support)
    assert D.Uniform.support.event_dim == 0
    with pytest.raises(ValueError, match="dependent"):
        constraints.dependent.check(lw.zeros(1))
    with pytest.raises(NotImplementedError):
        _ = constraints.dependent.event_dim
    assert constraints.dependent(event_dim=1).event_dim == 1
