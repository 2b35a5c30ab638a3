"""The generalised Pareto distribution."""

import math

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.distribution import Distribution
from lightwell.tensor import Size

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """P(X > x) = (1 + ξz)^(-1/ξ), e^(-z) for ξ = 0, z = (x-μ)/σ ≥ 0, with μ = `loc`, σ = `scale`, ξ = `concentration`.

    >>> import lightwell as torch
    >>> torch.distributions.GeneralizedPareto(0.0, 1.0, 0.5).mean
    tensor(2.)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}
    has_rsample = True
    _batched = ("loc", "scale", "concentration")

    def __init__(self, loc, scale, concentration, validate_args=None):
        super().__init__(self._place(loc=loc, scale=scale, concentration=concentration), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        return constraints.interval(self.loc, lw.where(self.concentration < 0, self.loc - self.scale / self.concentration, math.inf))

    def _shape_parameter(self):
        """Where ξ is 0, and ξ with 1 in those places."""
        zero = lw.isclose(self.concentration, lw.zeros_like(self.concentration))
        return zero, lw.where(zero, lw.ones_like(self.concentration), self.concentration)

    def _z(self, x):
        return (x - self.loc) / self.scale

    @property
    def mean(self):
        exists = self.concentration < 1
        return lw.where(exists, self.loc + self.scale / (1 - lw.where(exists, self.concentration, 0.5)), math.nan)

    @property
    def mode(self):
        return self.loc

    @property
    def variance(self):
        exists = self.concentration < 0.5
        c = lw.where(exists, self.concentration, 0.25)
        return lw.where(exists, self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)), math.nan)

    def rsample(self, sample_shape=Size()):
        return self.icdf(lw.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    def log_prob(self, value):
        self._check(value)
        z, (zero, c) = self._z(value), self._shape_parameter()
        y = 1 / c + lw.ones_like(z)
        return -self.scale.log() - lw.where(zero, z, lw.where(y == 0, y, y * lw.log1p(c * z)))

    def log_survival_function(self, value):
        """log P(X > value)."""
        self._check(value)
        z, (zero, c) = self._z(value), self._shape_parameter()
        return lw.where(zero, -z, -lw.log1p(c * z) / c)

    def log_cdf(self, value):
        """log P(X ≤ value)."""
        return lw.log1p(-lw.exp(self.log_survival_function(value)))

    def cdf(self, value):
        return lw.exp(self.log_cdf(value))

    def icdf(self, value):
        zero, c = self._shape_parameter()
        log_left = lw.log1p(-value)
        return lw.where(zero, self.loc - self.scale * log_left, self.loc + self.scale / c * lw.expm1(-c * log_left))

    def entropy(self):
        return (self.scale.log() + self.concentration + 1).expand(self._batch_shape)
