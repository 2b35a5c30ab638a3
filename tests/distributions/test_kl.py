"""Divergences: every pair PyTorch has, against PyTorch; against sums over draws; the choice of the function by subclasses."""

import warnings

import pytest

import lightwell as lw
from lightwell import distributions as D

COV = [[2.0, 0.5], [0.5, 1.0]]
# two parameterisations of each family, of one batch shape
FAMILIES = {
    "Bernoulli": [dict(probs=[0.3, 0.6, 1.0]), dict(probs=[0.5, 0.1, 0.7])],
    "Beta": [
        dict(concentration1=[0.5, 1.0, 2.0], concentration0=[2.0, 1.5, 0.7]),
        dict(concentration1=[1.5, 1.0, 3.0], concentration0=[2.0, 0.5, 1.0]),
    ],
    "Binomial": [dict(total_count=5, probs=[0.3, 0.6, 0.2]), dict(total_count=5, probs=[0.5, 0.1, 0.7])],
    "Categorical": [dict(probs=[[0.2, 0.8, 0.0], [0.3, 0.3, 0.4]]), dict(probs=[[0.5, 0.3, 0.2], [0.9, 0.1, 0.0]])],
    "Cauchy": [dict(loc=[0.0, 1.0, 2.0], scale=[1.0, 0.5, 3.0]), dict(loc=[1.0, 1.0, -2.0], scale=[2.0, 1.0, 1.0])],
    "ContinuousBernoulli": [dict(probs=[0.3, 0.5, 0.8]), dict(probs=[0.5, 0.1, 0.7])],
    "Dirichlet": [dict(concentration=[[0.5, 1.0, 3.0], [2.0, 2.0, 1.0]]), dict(concentration=[[1.5, 1.0, 0.3], [0.2, 2.0, 5.0]])],
    "Exponential": [dict(rate=[0.5, 1.0, 2.0]), dict(rate=[1.5, 0.2, 1.0])],
    "Gamma": [dict(concentration=[0.5, 1.0, 3.0], rate=[1.0, 2.0, 0.5]), dict(concentration=[2.5, 1.5, 1.0], rate=[1.0, 0.7, 2.5])],
    "Geometric": [dict(probs=[0.3, 0.6, 0.2]), dict(probs=[0.5, 0.1, 0.7])],
    "Gumbel": [dict(loc=[0.0, 1.0, 2.0], scale=[1.0, 0.5, 3.0]), dict(loc=[1.0, 1.0, -2.0], scale=[2.0, 1.0, 1.0])],
    "HalfNormal": [dict(scale=[0.5, 1.0, 2.0]), dict(scale=[1.5, 0.2, 1.0])],
    "Laplace": [dict(loc=[0.0, 1.0, 2.0], scale=[1.0, 0.5, 3.0]), dict(loc=[1.0, 1.0, -2.0], scale=[2.0, 1.0, 1.0])],
    "LogNormal": [dict(loc=[0.0, 1.0, 2.0], scale=[1.0, 0.5, 3.0]), dict(loc=[1.0, 1.0, -2.0], scale=[2.0, 1.0, 1.0])],
    "LowRankMultivariateNormal": [
        dict(loc=[0.0, 1.0], cov_factor=[[1.0], [0.5]], cov_diag=[0.5, 1.0]),
        dict(loc=[[1.0, 1.0], [0.0, 0.3]], cov_factor=[[0.2], [-0.5]], cov_diag=[1.5, 0.8]),
    ],
    "MultivariateNormal": [
        dict(loc=[0.0, 1.0], covariance_matrix=COV),
        dict(loc=[[1.0, 0.3]], covariance_matrix=[[[1.0, 0.2], [0.2, 2.0]]] * 2),
    ],
    "Normal": [dict(loc=[0.0, 1.0, 2.0], scale=[1.0, 0.5, 3.0]), dict(loc=[1.0, 1.0, -2.0], scale=[2.0, 1.0, 1.0])],
    "OneHotCategorical": [dict(probs=[[0.2, 0.8, 0.0], [0.3, 0.3, 0.4]]), dict(probs=[[0.5, 0.3, 0.2], [0.9, 0.1, 0.0]])],
    "Pareto": [dict(scale=[1.0, 0.5, 2.0], alpha=[2.5, 0.7, 3.0]), dict(scale=[0.5, 1.0, 1.0], alpha=[1.0, 2.0, 0.5])],
    "Poisson": [dict(rate=[0.5, 1.0, 2.0]), dict(rate=[1.5, 0.2, 1.0])],
    "Uniform": [dict(low=[0.1, 0.5, 0.0], high=[0.9, 2.0, 1.0]), dict(low=[0.0, 0.6, -1.0], high=[1.0, 3.0, 2.0])],
}


def made(lib, name, which):
    parameters = {k: lib.tensor(v) if isinstance(v, list) else v for k, v in FAMILIES[name][which].items()}
    return getattr(lib.distributions, name)(**parameters)


def test_every_pair_as_pytorch():
    torch = pytest.importorskip("torch")
    computed = 0
    for p in FAMILIES:
        for q in FAMILIES:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", RuntimeWarning)
                    expected = torch.distributions.kl_divergence(made(torch, p, 0), made(torch, q, 1))
            except (NotImplementedError, RuntimeError) as error:
                if isinstance(error, NotImplementedError):
                    with pytest.raises(NotImplementedError), warnings.catch_warnings():
                        warnings.simplefilter("ignore", RuntimeWarning)
                        D.kl_divergence(made(lw, p, 0), made(lw, q, 1))
                continue
            got = D.kl_divergence(made(lw, p, 0), made(lw, q, 1))
            assert tuple(got.shape) == tuple(expected.shape), (p, q)
            assert torch.allclose(torch.tensor(got.numpy()), expected, rtol=2e-4, atol=2e-5, equal_nan=True), (p, q, got, expected)
            computed += 1
    assert computed > 75


def test_every_registered_pair_is_registered_here():
    kl = pytest.importorskip("torch.distributions.kl")
    ours = {(p.__name__, q.__name__) for p, q in D.kl._registry}
    assert {(p.__name__, q.__name__) for p, q in kl._KL_REGISTRY} == ours


@pytest.mark.parametrize(
    "pair",
    [("Normal", "Normal"), ("Normal", "Laplace"), ("Gamma", "Gumbel"), ("Beta", "Normal"), ("Laplace", "Normal"), ("Exponential", "Gamma"),
     ("Gumbel", "Normal"), ("Uniform", "Normal"), ("Uniform", "Gumbel"), ("MultivariateNormal", "LowRankMultivariateNormal"),
     ("Dirichlet", "Dirichlet"), ("Geometric", "Geometric"), ("Beta", "ContinuousBernoulli"), ("Poisson", "Poisson")],
    ids="-".join,
)  # fmt: skip
def test_divergence_is_the_mean_of_the_log_ratio(pair):
    p, q = made(lw, pair[0], 0), made(lw, pair[1], 1)
    exact = D.kl_divergence(p, q)
    lw.manual_seed(0)
    x = p.expand(exact.shape).sample((20000,))
    ratio = p.log_prob(x) - q.log_prob(x)
    assert bool(((ratio.mean(0) - exact).abs() < 5 * ratio.std(0) / 20000**0.5 + 1e-4).all()), (ratio.mean(0), exact)


def test_independent_and_transformed():
    p, q = (D.Independent(made(lw, "Normal", i), 1) for i in (0, 1))
    assert D.kl_divergence(p, q).shape == ()
    assert lw.allclose(D.kl_divergence(made(lw, "LogNormal", 0), made(lw, "LogNormal", 1)), D.kl_divergence(p.base_dist, q.base_dist))
    with pytest.raises(NotImplementedError, match="reinterpreted"):
        D.kl_divergence(p, D.Independent(q.base_dist, 0))
    with pytest.raises(NotImplementedError, match="transforms"):
        D.kl_divergence(D.LogNormal(0.0, 1.0), D.TransformedDistribution(D.Normal(0.0, 1.0), D.TanhTransform()))


def test_bregman_divergence_of_families_without_a_form_of_their_own():
    with pytest.raises(NotImplementedError, match="exponential families"):
        D.kl_divergence(D.Poisson(1.0), D.Normal(0.0, 1.0))
    p, q = D.Exponential(2.0), D.Exponential(3.0)
    assert lw.allclose(D.kl._bregman(p, q), D.kl_divergence(p, q))


def test_the_closest_function_is_found():
    class Mine(D.Normal):
        pass

    class Yours(Mine):
        pass

    before = dict(D.kl._registry)
    try:
        assert float(D.kl_divergence(Yours(0.0, 1.0), D.Normal(1.0, 1.0))) == 0.5
        D.register_kl(Mine, D.Normal)(lambda p, q: "mine")
        assert D.kl_divergence(Yours(0.0, 1.0), D.Normal(1.0, 1.0)) == "mine"
        D.register_kl(D.Normal, Mine)(lambda p, q: "other")
        with pytest.warns(RuntimeWarning, match=r"Ambiguous kl_divergence\(Mine, Mine\)"):
            assert D.kl_divergence(Mine(0.0, 1.0), Mine(1.0, 1.0)) == "mine"
    finally:
        D.kl._registry.clear()
        D.kl._registry.update(before)
        D.kl._memory.clear()
    with pytest.raises(TypeError, match="Distribution subclass"):
        D.register_kl(int, D.Normal)
    with pytest.raises(NotImplementedError, match="Cauchy and q type Normal"):
        D.kl_divergence(D.Cauchy(0.0, 1.0), D.Normal(0.0, 1.0))
