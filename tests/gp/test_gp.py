"""Gaussian processes: numbers that GPyTorch 1.15 gives for the same scripts, textbook formulas, constraints, refusals."""

import math
import pickle
import warnings

import numpy as np
import pytest

import lightwell as lw
from lightwell import gp

BOOK = """
np.random.seed(0)
train_x = torch.tensor(np.linspace(0, 5, 50))
train_y = torch.tensor(np.sin(train_x.numpy()) + 0.5 * np.sin(4 * train_x.numpy()) + 0.25 * np.random.randn(50))

class Model(gpytorch.models.ExactGP):
    def __init__(self, train_x, train_y, likelihood):
        super(Model, self).__init__(train_x, train_y, likelihood)
        self.mean_module = gpytorch.means.ZeroMean()
        self.covar_module = gpytorch.kernels.ScaleKernel(gpytorch.kernels.RBFKernel())

    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))

likelihood = gpytorch.likelihoods.GaussianLikelihood()
model = Model(train_x, train_y, likelihood)
model.train()
likelihood.train()
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
mll = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
seen = []
for i in range(50):
    optimizer.zero_grad()
    loss = -mll(model(train_x), train_y)
    loss.backward()
    if i % 10 == 0:
        seen.append((loss.item(), model.covar_module.base_kernel.lengthscale.item(), model.likelihood.noise.item()))
    optimizer.step()
model.eval()
likelihood.eval()
predicted = likelihood(model(torch.tensor(np.linspace(0, 5, 7))))
lower, upper = predicted.confidence_region()
"""


def test_the_books_script():
    found = {"np": np, "torch": lw, "gpytorch": gp}  # as under `python -m lightwell script.py`
    exec(BOOK, found)
    expected = [(0.993, 0.693, 0.693), (0.754, 1.214, 0.316), (0.681, 1.685, 0.152), (0.687, 1.519, 0.140), (0.678, 1.546, 0.181)]
    np.testing.assert_allclose(found["seen"], expected, atol=6e-4)
    np.testing.assert_allclose(found["predicted"].mean.detach().numpy(), [0.657, 0.881, 0.971, 0.627, -0.183, -0.939, -1.074], atol=6e-4)
    np.testing.assert_allclose(found["lower"].detach().numpy(), [-0.285, -0.005, 0.086, -0.258, -1.068, -1.826, -2.015], atol=6e-4)
    assert str(found["lower"].dtype) == "torch.float64"


class Model(gp.models.ExactGP):
    def __init__(self, x, y, likelihood, kernel):
        super().__init__(x, y, likelihood)
        self.mean_module, self.covar_module = gp.means.ConstantMean(), kernel

    def forward(self, x):
        return gp.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))


def fitted(kernel=None, steps=0):
    x = lw.linspace(-2, 2, 24, dtype=lw.float64).reshape(12, 2).flip(0)
    y = lw.sin(x.sum(-1))
    likelihood = gp.likelihoods.GaussianLikelihood().double()
    model = Model(x, y, likelihood, kernel or gp.kernels.ScaleKernel(gp.kernels.RBFKernel(ard_num_dims=2))).double()
    mll = gp.mlls.ExactMarginalLogLikelihood(likelihood, model)
    optimizer = lw.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        (-mll(model(x), y)).backward()
        optimizer.step()
    return model, likelihood, mll


def test_marginal_likelihood_is_the_normal_density():
    model, _, mll = fitted()
    x, y = model.train_inputs[0].numpy(), model.train_targets.numpy()
    s, l, noise = math.log(2), math.log(2), math.log(2) + 1e-4
    d = ((x[:, None] - x[None]) ** 2).sum(-1)
    K = s * np.exp(-d / (2 * l * l)) + noise * np.eye(12)
    expected = -0.5 * (y @ np.linalg.solve(K, y) + np.linalg.slogdet(K)[1] + 12 * math.log(2 * math.pi)) / 12
    assert abs(mll(model(model.train_inputs[0]), model.train_targets).item() - expected) < 1e-6


def test_posterior_is_the_conditional_normal():
    model, likelihood, _ = fitted(steps=5)
    model.eval(), likelihood.eval()
    new = lw.tensor([[0.3, 0.1], [5.0, -4.0]], dtype=lw.float64)
    with lw.no_grad():
        posterior = model(new)
        k = lambda a, b: model.covar_module(a, b).to_dense().numpy()
        x, m = model.train_inputs[0], model.mean_module.constant.item()
        K = k(x, x) + likelihood.noise.item() * np.eye(12)
        mean = m + k(new, x) @ np.linalg.solve(K, model.train_targets.numpy() - m)
        covariance = k(new, new) - k(new, x) @ np.linalg.solve(K, k(x, new))
        np.testing.assert_allclose(posterior.mean.numpy(), mean, atol=1e-9)
        np.testing.assert_allclose(posterior.covariance_matrix.numpy(), covariance, atol=1e-9)
        seen = likelihood(posterior)
        np.testing.assert_allclose(seen.variance.numpy(), np.diag(covariance) + likelihood.noise.item(), atol=1e-9)
        lower, upper = seen.confidence_region()
        assert lw.allclose(upper - lower, 4 * seen.stddev)
        more = model.get_fantasy_model(new, lw.tensor([0.4, 1.0], dtype=lw.float64))
        assert more(new).variance.max() < posterior.variance.max() and len(model.train_targets) == 12
        with gp.settings.skip_posterior_variances():
            assert model(new).covariance_matrix.abs().max() == 0
        with gp.settings.prior_mode():
            assert lw.allclose(model(new).mean, lw.full((2,), m, dtype=lw.float64))


KERNELS = {
    "rbf": lambda k: k.RBFKernel(ard_num_dims=2),
    "matern12": lambda k: k.MaternKernel(0.5),
    "matern32": lambda k: k.MaternKernel(nu=1.5, ard_num_dims=2),
    "matern52": lambda k: k.MaternKernel(),
    "rq": lambda k: k.RQKernel(),
    "periodic": lambda k: k.PeriodicKernel(ard_num_dims=2),
    "cosine": lambda k: k.CosineKernel(active_dims=[1]),
    "linear": lambda k: k.LinearKernel(),
    "polynomial": lambda k: k.PolynomialKernel(3),
    "sum": lambda k: k.RBFKernel() + k.LinearKernel() + k.RBFKernel(active_dims=[0]),
    "product": lambda k: k.ScaleKernel(k.RBFKernel(active_dims=(1,)) * k.PeriodicKernel()),
}


def by_hand(name, a, b):
    """k(a, b) of two vectors with every parameter at log 2, by its formula."""
    c = math.log(2)
    r2 = sum((p - q) ** 2 for p, q in zip(a, b))
    d = math.sqrt(r2) / c
    rbf = lambda i: math.exp(-((a[i] - b[i]) ** 2) / (2 * c * c))
    periodic = math.exp(-2 * sum(math.sin(math.pi * (p - q) / c) ** 2 for p, q in zip(a, b)) / c)
    dot = sum(p * q for p, q in zip(a, b))
    return {
        "rbf": rbf(0) * rbf(1),
        "matern12": math.exp(-d),
        "matern32": (1 + math.sqrt(3) * d) * math.exp(-math.sqrt(3) * d),
        "matern52": (1 + math.sqrt(5) * d + 5 * d * d / 3) * math.exp(-math.sqrt(5) * d),
        "rq": (1 + d * d / (2 * c)) ** -c,
        "periodic": periodic,
        "cosine": math.cos(math.pi * (a[1] - b[1]) / c),
        "linear": c * dot,
        "polynomial": (dot + c) ** 3,
        "sum": rbf(0) * rbf(1) + c * dot + rbf(0),
        "product": None,
    }[name]


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_by_their_formulas(name):
    kernel = KERNELS[name](gp.kernels).double()
    x1, x2 = (lw.tensor(np.random.default_rng(i).standard_normal((n, 2))) for i, n in ((0, 4), (1, 3)))
    K = kernel(x1, x2)
    assert K.shape == (4, 3) and K.to_dense() is K.evaluate()
    if name != "product":  # its parts see one dimension; checked by symmetry below
        expected = [[by_hand(name, a, b) for b in x2.tolist()] for a in x1.tolist()]
        np.testing.assert_allclose(K.detach().to_dense().numpy(), expected, atol=1e-9)
    square = kernel(x1).to_dense()
    assert lw.allclose(square, square.mT) and bool((lw.linalg.eigvalsh(square) > -1e-9).all())
    assert lw.allclose(kernel(x1, diag=True), square.diagonal(), atol=1e-9)
    square.sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in kernel.parameters())
    assert kernel(x1[None].expand(5, 4, 2)).shape == (5, 4, 4)


def test_kernel_algebra_and_names():
    k = gp.kernels
    total = k.RBFKernel() + k.LinearKernel() + k.ScaleKernel(k.RBFKernel() * k.PeriodicKernel())
    assert [type(p).__name__ for p in total.kernels] == ["RBFKernel", "LinearKernel", "ScaleKernel"]
    assert not total.is_stationary and k.MaternKernel().is_stationary
    model, _, _ = fitted()
    assert [n for n, _ in model.named_parameters()] == [
        "likelihood.noise_covar.raw_noise", "mean_module.raw_constant", "covar_module.raw_outputscale",
        "covar_module.base_kernel.raw_lengthscale",
    ]  # fmt: skip
    assert "likelihood.noise_covar.raw_noise_constraint.lower_bound" in model.state_dict()
    model.load_state_dict(fitted(steps=2)[0].state_dict())
    again = pickle.loads(pickle.dumps(model))
    assert "(raw_noise_constraint): GreaterThan(1.000E-04)" in repr(again)
    with pytest.raises(RuntimeError, match="ard_num_dims"):
        k.RBFKernel(ard_num_dims=3)(lw.zeros(2, 2))
    with pytest.raises(RuntimeError, match="same number of dimensions"):
        k.RBFKernel()(lw.zeros(2, 2), lw.zeros(2, 3))
    with pytest.raises(RuntimeError, match=r"nu expected"):
        k.MaternKernel(2.0)


def test_a_users_kernel():
    class Sinc(gp.kernels.Kernel):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.register_parameter(name="raw_length", parameter=lw.nn.Parameter(lw.zeros(*self.batch_shape, 1, 1)))
            self.register_constraint("raw_length", gp.constraints.Positive())

        @property
        def length(self):
            return self.raw_length_constraint.transform(self.raw_length)

        @length.setter
        def length(self, value):
            self.initialize(raw_length=self.raw_length_constraint.inverse_transform(lw.as_tensor(value)))

        def forward(self, x1, x2, **params):
            d = self.covar_dist(x1.div(self.length), x2.div(self.length), **params)
            d = d.where(d > 1e-9, lw.tensor(1e-9, dtype=d.dtype))
            return d.sin().div(d)

    kernel = Sinc()
    kernel.length = 2.0
    K = kernel(lw.tensor([0.0, 1.0])).to_dense()
    assert abs(K[0, 1].item() - math.sin(0.5) / 0.5) < 1e-6 and K[0, 0].item() == 1


def test_values_are_set_through_constraints():
    model, likelihood, _ = fitted()
    model.initialize(**{"covar_module.base_kernel.lengthscale": 2.5, "likelihood.noise": 0.3, "mean_module.constant": 1.5})
    assert lw.allclose(model.covar_module.base_kernel.lengthscale, lw.tensor([[2.5, 2.5]], dtype=lw.float64))
    assert abs(likelihood.noise.item() - 0.3) < 1e-9 and model.mean_module.constant.item() == 1.5
    likelihood.noise = 0.2
    model.covar_module.base_kernel.lengthscale = lw.tensor([1.0, 3.0])
    assert abs(likelihood.noise.item() - 0.2) < 1e-7 and abs(model.covar_module.base_kernel.lengthscale[0, 1].item() - 3) < 1e-6
    before = likelihood.raw_noise.item()
    with pytest.raises(RuntimeError, match="out of bounds"):
        likelihood.noise = -1.0
    assert likelihood.raw_noise.item() == before
    with pytest.raises(AttributeError, match="Unknown parameter foo for RBFKernel"):
        gp.kernels.RBFKernel().initialize(foo=1.0)
    k = gp.kernels.RBFKernel(lengthscale_constraint=gp.constraints.GreaterThan(0.5, initial_value=2.0))
    assert abs(k.lengthscale.item() - 2) < 1e-6


def test_constraints():
    c = gp.constraints
    for constraint, values, text in (
        (c.Interval(0.1, 2.0), [0.2, 1.9], "Interval(1.000E-01, 2.000E+00)"),
        (c.GreaterThan(1e-4), [2e-4, 30.0], "GreaterThan(1.000E-04)"),
        (c.Positive(), [1e-3, 5.0], "Positive()"),
        (c.LessThan(1.0), [-4.0, 0.5], "LessThan(1.000E+00)"),
    ):
        values = lw.tensor(values, dtype=lw.float64)
        assert lw.allclose(constraint.double().transform(constraint.inverse_transform(values)), values, rtol=1e-7)
        assert repr(constraint) == text and constraint.check(values) and not constraint.check(lw.tensor([float("nan")]))
    with pytest.raises(RuntimeError, match="empty"):
        c.Interval(2.0, 1.0)
    with pytest.raises(RuntimeError, match="non-finite"):
        c.Interval(0.0, math.inf)


def test_priors_join_the_objective():
    prior = gp.priors.GammaPrior(3.0, 6.0)
    k = gp.kernels.RBFKernel(lengthscale_prior=prior)
    model, _, mll = fitted(k)
    value = mll(model(*model.train_inputs), model.train_targets).item()
    plain = fitted(gp.kernels.RBFKernel())
    without = plain[2](plain[0](*model.train_inputs), model.train_targets).item()
    expected = lw.distributions.Gamma(3.0, 6.0).log_prob(lw.tensor(math.log(2))).item() / 12
    assert abs(value - without - expected) < 1e-6
    assert [name for name, *_ in model.named_priors()] == ["covar_module.lengthscale_prior"]
    lw.manual_seed(0)
    k.sample_from_prior("lengthscale_prior")
    assert k.lengthscale.item() != pytest.approx(math.log(2))
    assert repr(prior) == "GammaPrior()" and prior.expand((2,)).batch_shape == (2,)
    for p in (
        gp.priors.NormalPrior(0.0, 1.0),
        gp.priors.LogNormalPrior(0.0, 1.0),
        gp.priors.UniformPrior(0.0, 2.0),
        gp.priors.HalfCauchyPrior(1.0),
    ):
        assert bool(p.log_prob(lw.tensor(0.5)).isfinite())
    assert gp.priors.NormalPrior(0.0, 1.0, transform=lw.log).log_prob(lw.tensor(1.0)).item() == pytest.approx(-0.9189, abs=1e-4)


def test_multivariate_normal():
    covariance = lw.tensor([[2.0, 0.5], [0.5, 1.0]])
    d = gp.distributions.MultivariateNormal(lw.tensor([1.0, 2.0]), covariance)
    plain = lw.distributions.MultivariateNormal(lw.tensor([1.0, 2.0]), covariance)
    at = lw.tensor([[0.0, 1.0], [2.0, 2.0]])
    assert lw.allclose(d.log_prob(at), plain.log_prob(at)) and lw.allclose(d.entropy(), plain.entropy())
    assert lw.equal((d + 1.0).mean, d.mean + 1) and lw.equal((1.0 + d).covariance_matrix, covariance)
    assert lw.equal((d + d).covariance_matrix, 2 * covariance) and lw.equal((d * 3).covariance_matrix, 9 * covariance)
    assert lw.allclose((d / 2).variance, d.variance / 4) and lw.equal(d.lazy_covariance_matrix.to_dense(), covariance)
    assert lw.equal(d[..., 1:].covariance_matrix, covariance[1:, 1:]) and d[0].mean.item() == 1
    assert d.expand((3,)).batch_shape == (3,) and d.unsqueeze(0).batch_shape == (1,)
    lw.manual_seed(0)
    x = d.rsample(lw.Size((4000,)))
    assert lw.allclose(lw.cov(x.T), covariance, atol=0.15) and x.shape == (4000, 2)
    assert lw.allclose(d.rsample(base_samples=lw.zeros(2)), d.mean)
    q = gp.distributions.MultivariateNormal(lw.zeros(2), lw.eye(2))
    reference = lw.distributions.kl_divergence(plain, lw.distributions.MultivariateNormal(lw.zeros(2), lw.eye(2)))
    assert lw.allclose(lw.distributions.kl_divergence(d, q), reference)
    with pytest.raises(RuntimeError, match="covariance of"):
        gp.distributions.MultivariateNormal(lw.zeros(3), covariance)
    with pytest.raises(RuntimeError, match="scalars"):
        d * covariance


def test_jitter():
    singular = lw.ones(3, 3)
    with pytest.warns(gp.utils.warnings.NumericalWarning, match="added jitter of 1.0e-06"):
        gp.distributions.MultivariateNormal(lw.zeros(3), singular).scale_tril
    with gp.settings.cholesky_jitter(1e-2), pytest.warns(gp.utils.warnings.NumericalWarning, match="1.0e-02"):
        factor = gp.utils.cholesky.psd_safe_cholesky(singular)
    assert lw.allclose(factor @ factor.mT, singular + 0.01 * lw.eye(3), atol=1e-5)
    assert gp.settings.cholesky_jitter.value(lw.float32) == 1e-6
    with pytest.raises(gp.utils.errors.NotPSDError, match="noise"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gp.utils.cholesky.psd_safe_cholesky(-lw.eye(2))
    with pytest.raises(gp.utils.errors.NanError, match="NaN"):
        gp.utils.cholesky.psd_safe_cholesky(lw.full((2, 2), math.nan))


def test_refusals_of_models():
    model, likelihood, _ = fitted()
    with pytest.raises(RuntimeError, match="You must train on the training inputs!"):
        model(lw.zeros(3, 2, dtype=lw.float64))
    with gp.settings.debug(False):
        assert model(lw.zeros(3, 2, dtype=lw.float64)).mean.shape == (3,)
    model.eval()
    with pytest.warns(gp.utils.warnings.GPInputWarning, match="Did you forget"):
        model(*model.train_inputs)
    with pytest.raises(RuntimeError, match="Cannot modify shape of inputs"):
        model.set_train_data(lw.zeros(3, 2, dtype=lw.float64))
    model.set_train_data(lw.zeros(3, 2, dtype=lw.float64), lw.zeros(3, dtype=lw.float64), strict=False)
    with pytest.raises(RuntimeError, match="Gaussian likelihoods"):
        Model(lw.zeros(2), lw.zeros(2), lw.nn.Linear(1, 1), gp.kernels.RBFKernel())
    empty = Model(None, None, likelihood, gp.kernels.RBFKernel())
    with pytest.raises(RuntimeError, match="training mode"):
        empty(lw.zeros(2))
    assert empty.eval()(lw.zeros(2)).mean.shape == (2,)
    with pytest.raises(RuntimeError, match="Gaussian random variables"):
        gp.mlls.ExactMarginalLogLikelihood(likelihood, model)(lw.zeros(2), lw.zeros(2))


def test_likelihoods_and_means():
    likelihood = gp.likelihoods.GaussianLikelihood()
    assert likelihood(lw.zeros(3)).stddev.tolist() == pytest.approx([math.sqrt(0.69325)] * 3, abs=1e-4)
    f = gp.distributions.MultivariateNormal(lw.zeros(2), lw.eye(2))
    noise = likelihood.noise.item()
    assert likelihood.expected_log_prob(lw.zeros(2), f)[0].item() == pytest.approx(
        -0.5 * (math.log(2 * math.pi * noise) + 1 / noise), abs=1e-5
    )
    assert likelihood.log_marginal(lw.zeros(2), f)[0].item() == pytest.approx(-0.5 * math.log(2 * math.pi * (1 + noise)), abs=1e-5)
    fixed = gp.likelihoods.FixedNoiseGaussianLikelihood(lw.tensor([0.1, 0.2]), learn_additional_noise=True)
    assert fixed(f).variance.tolist() == pytest.approx([1.1 + noise, 1.2 + noise], abs=1e-4)
    assert fixed(gp.distributions.MultivariateNormal(lw.zeros(3), lw.eye(3)), noise=lw.ones(3)).variance[0].item() == pytest.approx(
        2 + noise, abs=1e-4
    )
    lw.manual_seed(0)
    mean = gp.means.LinearMean(2)
    x = lw.randn(4, 2)
    assert lw.allclose(mean(x), (x @ mean.weights).squeeze(-1) + mean.bias)
    assert gp.means.ZeroMean()(x).tolist() == [0.0] * 4
    batch = gp.means.ConstantMean(batch_shape=lw.Size([3]))
    assert batch(x).shape == (3, 4)
