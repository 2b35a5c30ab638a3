"""Distributions by themselves: draws against moments, densities against SciPy's and against sums, gradients, checks, expansion."""

import math
import pickle

import numpy as np
import pytest

import lightwell as lw
from lightwell import distributions as D
from tests.distributions.cases import CASES, IDS, tensors

each = pytest.mark.parametrize("case", CASES, ids=IDS)


def build(case, **options):
    _, make, kwargs = case
    return make(lw, tensors(lw, kwargs, **options))


@each
def test_draws_lie_in_the_support_and_have_the_mean(case):
    d = build(case, grad=False)
    lw.manual_seed(0)
    x = d.sample((600,))
    assert x.shape == (600,) + d.batch_shape + d.event_shape and not x.requires_grad
    assert bool(d.support.check(x).all())
    assert d.log_prob(x).shape == (600,) + d.batch_shape
    if case[0] in ("Cauchy", "HalfCauchy", "Pareto", "LKJCholesky", "RelaxedBernoulli", "RelaxedOneHotCategorical", "VonMises"):
        return
    try:
        mean, deviation = d.mean, d.stddev
    except NotImplementedError:
        return
    known = lw.isfinite(mean) & lw.isfinite(deviation)
    error = (x.float().mean(0) - mean).abs() / (deviation + 1e-6) * math.sqrt(600)
    assert bool((error[known] < 5).all()), error


@each
def test_expanded_distribution_pickles_and_agrees(case):
    d = build(case, grad=False)
    wide = pickle.loads(pickle.dumps(d)).expand((2,) + d.batch_shape)
    assert wide.batch_shape == (2,) + d.batch_shape and wide.event_shape == d.event_shape
    lw.manual_seed(0)
    x = d.sample()
    assert lw.allclose(wide.log_prob(x)[0], d.log_prob(x), rtol=1e-4, atol=1e-4)


DISCRETE = [c for c in CASES if c[0] in ("Bernoulli", "Binomial", "Categorical", "OneHotCategorical")]


@pytest.mark.parametrize("case", DISCRETE, ids=lambda c: c[0])
def test_probabilities_sum_to_one(case):
    d = build(case, grad=False)
    p = d.log_prob(d.enumerate_support()).exp()
    assert lw.allclose(p.sum(0), lw.ones(d.batch_shape), atol=1e-5)
    assert lw.allclose(-(p * p.log()).nan_to_num().sum(0), d.entropy(), atol=1e-4)


POSITIVE = dict(Beta=(0, 1), Exponential=(0, 60), Gamma=(0, 60), Kumaraswamy=(0, 1), Normal=(-25, 25), Laplace=(-60, 60), Gumbel=(-10, 60))


@pytest.mark.parametrize("name", POSITIVE)
def test_densities_integrate_to_one_and_give_the_entropy(name):
    parameters = {"Beta": (2.0, 3.0), "Gamma": (2.5, 1.5), "Exponential": (1.5,), "Kumaraswamy": (2.0, 3.0)}.get(name, (0.5, 2.0))
    d = getattr(D, name)(*(lw.tensor(p, dtype=lw.float64) for p in parameters))
    low, high = POSITIVE[name]
    x = lw.linspace(low, high, 40001, dtype=lw.float64)[1:-1]
    log_p = d.log_prob(x)
    p = log_p.exp()
    step = (high - low) / 40000
    assert abs(float(p.sum()) * step - 1) < 2e-3
    assert abs(float(-(p * log_p).sum()) * step - float(d.entropy())) < 2e-2
    try:
        cdf = d.cdf(x)
    except NotImplementedError:
        return
    assert lw.allclose(p.cumsum(0) * step, cdf, atol=3e-3)


SCIPY = {
    "Beta": lambda s, a: s.beta(a["concentration1"], a["concentration0"]),
    "Binomial": lambda s, a: s.binom(a["total_count"], a["probs"]),
    "Cauchy": lambda s, a: s.cauchy(a["loc"], a["scale"]),
    "Chi2": lambda s, a: s.chi2(a["df"]),
    "Exponential": lambda s, a: s.expon(scale=1 / a["rate"]),
    "FisherSnedecor": lambda s, a: s.f(a["df1"], a["df2"]),
    "Gamma": lambda s, a: s.gamma(a["concentration"], scale=1 / a["rate"]),
    "GeneralizedPareto": lambda s, a: s.genpareto(a["concentration"], a["loc"], a["scale"]),
    "Geometric": lambda s, a: s.geom(a["probs"], loc=-1),
    "Gumbel": lambda s, a: s.gumbel_r(a["loc"], a["scale"]),
    "HalfCauchy": lambda s, a: s.halfcauchy(scale=a["scale"]),
    "HalfNormal": lambda s, a: s.halfnorm(scale=a["scale"]),
    "InverseGamma": lambda s, a: s.invgamma(a["concentration"], scale=a["rate"]),
    "Laplace": lambda s, a: s.laplace(a["loc"], a["scale"]),
    "LogNormal": lambda s, a: s.lognorm(s=a["scale"], scale=np.exp(a["loc"])),
    "NegativeBinomial": lambda s, a: s.nbinom(a["total_count"], 1 - a["probs"]),
    "Normal": lambda s, a: s.norm(a["loc"], a["scale"]),
    "Pareto": lambda s, a: s.pareto(a["alpha"], scale=a["scale"]),
    "Poisson": lambda s, a: s.poisson(a["rate"]),
    "StudentT": lambda s, a: s.t(a["df"], a["loc"], a["scale"]),
    "Uniform": lambda s, a: s.uniform(a["low"], a["high"] - a["low"]),
    "VonMises": lambda s, a: s.vonmises(a["concentration"], a["loc"]),
    "Weibull": lambda s, a: s.weibull_min(a["concentration"], scale=a["scale"]),
}


@pytest.mark.parametrize("case", [c for c in CASES if c[0] in SCIPY], ids=lambda c: c[0])
def test_log_prob_is_scipys(case):
    stats = pytest.importorskip("scipy.stats")
    d = build(case, grad=False, dtype="float64")
    names = (*d.arg_constraints, "probs")
    theirs = SCIPY[case[0]](stats, {k: getattr(d, k).numpy().astype("float64") for k in names if hasattr(d, k)})
    lw.manual_seed(0)
    x = d.sample((5,))
    log_p = theirs.logpmf if hasattr(theirs.dist, "pmf") else theirs.logpdf
    np.testing.assert_allclose(d.log_prob(x).numpy(), log_p(x.numpy().astype("float64")), rtol=2e-4, atol=2e-5)
    if hasattr(theirs.dist, "pmf"):
        return
    for name in ("mean", "variance"):
        expected = getattr(theirs, {"mean": "mean", "variance": "var"}[name])()
        if np.isfinite(expected).all() and case[0] != "VonMises":
            np.testing.assert_allclose(getattr(d, name).numpy(), expected, rtol=1e-4, atol=1e-6)


def test_gamma_gradient_follows_the_quantile():
    """dx/dα at a fixed place in the distribution, by SciPy's quantile function."""
    special = pytest.importorskip("scipy.special")
    for alpha in (0.05, 0.7, 1.0, 3.0, 50.0, 1e4):
        lw.manual_seed(1)
        a = lw.full((40,), alpha, dtype=lw.float64, requires_grad=True)
        x = lw._standard_gamma(a)
        (g,) = lw.autograd.grad(x.sum(), a)
        q, h = special.gammainc(alpha, x.detach().numpy()), 1e-5 * alpha
        use = (q > 1e-8) & (q < 0.99)
        expected = (special.gammaincinv(alpha + h, q) - special.gammaincinv(alpha - h, q)) / (2 * h)
        np.testing.assert_allclose(g.numpy()[use], expected[use], rtol=1e-5)


def test_beta_gradient_follows_the_quantile():
    special = pytest.importorskip("scipy.special")
    for alpha, beta in ((0.3, 0.4), (1.0, 1.0), (4.0, 2.0), (30.0, 70.0)):
        lw.manual_seed(1)
        a, b = (lw.full((40,), v, dtype=lw.float64, requires_grad=True) for v in (alpha, beta))
        x = D.Beta(a, b).rsample()
        ga, gb = lw.autograd.grad(x.sum(), (a, b))
        q, h = special.betainc(alpha, beta, x.detach().numpy()), 1e-5
        use = (q > 1e-6) & (q < 0.999)
        for g, da, db in ((ga, h, 0), (gb, 0, h)):
            expected = (special.betaincinv(alpha + da, beta + db, q) - special.betaincinv(alpha - da, beta - db, q)) / (2 * h)
            np.testing.assert_allclose(g.numpy()[use], expected[use], rtol=1e-4, atol=1e-7)


def test_gradients_of_second_order_are_refused():
    a = lw.tensor([2.0], requires_grad=True)
    (g,) = lw.autograd.grad(lw._standard_gamma(a).sum(), a, create_graph=True)
    with pytest.raises(RuntimeError):
        g.sum().backward()


def test_wishart_gradient_by_differences():
    tril = lw.tensor([[1.0, 0.0], [0.5, 0.8]], dtype=lw.float64, requires_grad=True)

    def f(t):
        lw.manual_seed(4)
        return (D.Wishart(lw.tensor(5.0, dtype=lw.float64), scale_tril=t).rsample((3,)) * lw.arange(4.0, dtype=lw.float64).view(2, 2)).sum()

    (g,) = lw.autograd.grad(f(tril), tril)
    for i, j in ((0, 0), (1, 0), (1, 1)):
        step = lw.zeros(2, 2, dtype=lw.float64)
        step[i, j] = 1e-6
        slope = float(f(tril.detach() + step) - f(tril.detach() - step)) / 2e-6
        assert abs(slope - float(g[i, j])) < 1e-5 * max(1, abs(slope))


def test_wrong_parameters_and_values_are_named():
    with pytest.raises(ValueError, match=r"Expected parameter scale \(Tensor of shape \(2,\)\) of distribution Normal\(loc: torch.Size"):
        D.Normal(lw.zeros(2), lw.tensor([1.0, -1.0]))
    with pytest.raises(ValueError, match=r"within the support \(GreaterThanEq\(lower_bound=0.0\)\) of the distribution Gamma"):
        D.Gamma(1.0, 1.0).log_prob(lw.tensor(-1.0))
    with pytest.raises(ValueError, match="must be a Tensor"):
        D.Normal(0.0, 1.0).log_prob(0.5)
    with pytest.raises(ValueError, match="not broadcastable"):
        D.Normal(lw.zeros(3), 1.0).log_prob(lw.zeros(2))
    with pytest.raises(ValueError, match="right-most size"):
        D.Dirichlet(lw.ones(3)).log_prob(lw.ones(2) / 2)
    with pytest.raises(ValueError, match="but not both"):
        D.Bernoulli(probs=0.5, logits=0.0)
    with pytest.raises(ValueError, match="Exactly one"):
        D.MultivariateNormal(lw.zeros(2), lw.eye(2), lw.eye(2))
    with pytest.raises(ValueError, match="at least one-dimensional"):
        D.Categorical(lw.tensor(0.5))
    with pytest.raises(NotImplementedError, match="sample"):
        D.Poisson(1.0).rsample()
    assert float(D.Normal(0.0, -1.0, validate_args=False).scale) == -1


def test_empty_batches():
    assert D.Normal(lw.zeros(0), 1.0).sample((3,)).shape == (3, 0)
    d = D.Dirichlet(lw.ones(0, 3))
    assert d.rsample((2,)).shape == (2, 0, 3) and d.log_prob(d.sample()).shape == (0,)
    assert D.Independent(D.Gamma(lw.ones(2, 0), 1.0), 1).log_prob(lw.ones(2, 0)).tolist() == [0, 0]


def test_set_default_validate_args():
    try:
        D.Distribution.set_default_validate_args(False)
        assert float(D.Normal(0.0, -1.0).scale) == -1
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError):
        D.Distribution.set_default_validate_args("yes")


def test_a_subclass_with_its_own_init_must_define_expand():
    class Mine(D.Normal):
        def __init__(self, loc):
            super().__init__(loc, 1.0)

    with pytest.raises(NotImplementedError, match=r"custom \.expand"):
        Mine(0.0).expand((2,))

    class Plain(D.Normal):
        pass

    assert type(Plain(0.0, 1.0).expand((2,))) is Plain


def test_a_users_distribution():
    class Triangular(D.Distribution):
        arg_constraints = {"width": D.constraints.positive}
        support = D.constraints.real

        def __init__(self, width, validate_args=None):
            (self.width,) = D.utils.broadcast_all(width)
            super().__init__(self.width.shape, validate_args=validate_args)

        def expand(self, batch_shape, _instance=None):
            new = self._get_checked_instance(Triangular, _instance)
            new.width = self.width.expand(batch_shape)
            super(Triangular, new).__init__(lw.Size(batch_shape), validate_args=False)
            return new

        def rsample(self, sample_shape=()):
            shape = self._extended_shape(sample_shape)
            return self.width * (lw.rand(shape) - lw.rand(shape))

    d = Triangular(lw.tensor([1.0, 2.0])).expand((3, 2))
    assert d.sample((5,)).shape == (5, 3, 2)
    assert D.Independent(d, 1).sample().shape == (3, 2)
    with pytest.raises(NotImplementedError):
        d.log_prob(lw.zeros(2))


def test_policy_gradient_and_reparameterisation():
    """The two uses of the documentation: REINFORCE, and gradients through draws."""
    lw.manual_seed(0)
    logits = lw.zeros(3, requires_grad=True)
    optimizer = lw.optim.SGD([logits], lr=0.3)
    for _ in range(150):
        m = D.Categorical(logits=logits)
        action = m.sample((8,))
        loss = -(m.log_prob(action) * (action == 2).float()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(D.Categorical(logits=logits).probs[2]) > 0.9
    loc = lw.tensor(3.0, requires_grad=True)
    D.Normal(loc, 0.1).rsample((100,)).pow(2).mean().backward()
    assert abs(float(loc.grad) - 6) < 0.2
