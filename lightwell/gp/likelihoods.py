"""From function values to observations: independent Gaussian noise."""

import lightwell as lw
from lightwell import distributions as D
from lightwell import nn
from lightwell.errors.teaching import NotImplementedError
from lightwell.gp.constraints import GreaterThan
from lightwell.gp.distributions import MultivariateNormal
from lightwell.gp.module import Module, constrained
from lightwell.tensor import Size

__all__ = ["FixedNoiseGaussianLikelihood", "GaussianLikelihood", "Likelihood"]


class Likelihood(Module):
    """p(y | f): called on a tensor of function values it gives the conditional, on a distribution of them the marginal of y."""

    def forward(self, function_samples, *params, **kwargs):
        """The distribution of y given f; a subclass's own."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(function_samples)")

    def marginal(self, function_dist, *params, **kwargs):
        """The distribution of y where f has a distribution; a subclass's own."""
        raise NotImplementedError(f"{type(self).__name__} must define marginal(function_dist)")

    def __call__(self, input, *params, **kwargs):
        if isinstance(input, MultivariateNormal):
            return self.marginal(input, *params, **kwargs)
        return super().__call__(input, *params, **kwargs)


class HomoskedasticNoise(Module):
    """One variance for all observations."""

    noise = constrained("noise", "The variance.")

    def __init__(self, noise_prior=None, noise_constraint=None, batch_shape=Size()):
        super().__init__()
        self.register_parameter("raw_noise", nn.Parameter(lw.zeros((*batch_shape, 1))))
        if noise_prior is not None:
            self.register_prior("noise_prior", noise_prior, "noise")
        self.register_constraint("raw_noise", GreaterThan(1e-4) if noise_constraint is None else noise_constraint)

    def forward(self, shape):
        """The variances of observations of a shape."""
        return self.noise.expand(lw.broadcast_shapes(self.noise.shape, shape))


class _Gaussian(Likelihood):
    """y = f + noise of the variances `_variances(shape)`."""

    def forward(self, function_samples, *params, **kwargs):
        """Normal(f, √noise)."""
        return D.Normal(function_samples, self._variances(function_samples.shape, **kwargs).sqrt())

    def marginal(self, function_dist, *params, **kwargs):
        """N(mean, covariance + noise·I)."""
        noise = self._variances(function_dist.mean.shape, **kwargs)
        return type(function_dist)(function_dist.mean, function_dist.covariance_matrix + lw.diag_embed(noise))

    def expected_log_prob(self, target, input, *params, **kwargs):
        """E[log p(y | f)] over the distribution of f."""
        noise = self._variances(input.mean.shape, **kwargs)
        square = (target - input.mean).square() + input.variance
        return (square / noise + noise.log() + 1.8378770664093453).mul(-0.5)

    def log_marginal(self, observations, function_dist, *params, **kwargs):
        """log p(y) of each observation apart."""
        return self.marginal(function_dist, **kwargs).to_data_independent_dist().log_prob(observations)


class GaussianLikelihood(_Gaussian):
    """y = f + ε, ε ~ N(0, noise); noise > 10⁻⁴ is learned, at first 0.6932.

    >>> from lightwell import gp
    >>> round(gp.likelihoods.GaussianLikelihood().noise.item(), 4)
    0.6932
    """

    def __init__(self, noise_prior=None, noise_constraint=None, batch_shape=Size(), **kwargs):
        super().__init__()
        self.noise_covar = HomoskedasticNoise(noise_prior, noise_constraint, batch_shape)

    @property
    def noise(self):
        """The variance of the noise."""
        return self.noise_covar.noise

    @noise.setter
    def noise(self, value):
        self.noise_covar.initialize(noise=value)

    @property
    def raw_noise(self):
        """The parameter behind it."""
        return self.noise_covar.raw_noise

    @raw_noise.setter
    def raw_noise(self, value):
        self.noise_covar.initialize(raw_noise=value)

    def _variances(self, shape, **kwargs):
        return self.noise_covar(shape)


class FixedNoiseGaussianLikelihood(_Gaussian):
    """y = f + ε with a known variance `noise` for each observation, to which `learn_additional_noise` adds a learned one.

    At other places than the training inputs pass their variances: likelihood(model(x), noise=...); without, none is added.
    """

    def __init__(self, noise, learn_additional_noise=False, batch_shape=Size(), **kwargs):
        super().__init__()
        self.fixed_noise = noise
        self.second_noise_covar = HomoskedasticNoise(batch_shape=batch_shape) if learn_additional_noise else None

    @property
    def noise(self):
        """The variances, the learned one included."""
        return self.fixed_noise if self.second_noise_covar is None else self.fixed_noise + self.second_noise_covar.noise

    def _variances(self, shape, noise=None, **kwargs):
        if noise is None:
            noise = self.fixed_noise if self.fixed_noise.shape[-1] == shape[-1] else lw.zeros(shape[-1], dtype=self.fixed_noise.dtype)
        return noise.expand(shape) if self.second_noise_covar is None else noise + self.second_noise_covar(shape)
