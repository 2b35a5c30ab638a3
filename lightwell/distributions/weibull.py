"""The Weibull distribution."""

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.exponential import Exponential
from lightwell.distributions.transformed_distribution import TransformedDistribution
from lightwell.distributions.transforms import AffineTransform, PowerTransform
from lightwell.distributions.utils import euler_constant

__all__ = ["Weibull"]


class Weibull(TransformedDistribution):
    """P(X > x) = exp(-(x/λ)ᵏ), with λ = `scale` and k = `concentration`, both positive.

    >>> import lightwell as torch
    >>> torch.distributions.Weibull(2.0, 1.0).mean
    tensor(2.)
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    _batched = ("scale", "concentration", "concentration_reciprocal")

    def __init__(self, scale, concentration, validate_args=None):
        self._place(scale=scale, concentration=concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(lw.ones_like(self.scale), validate_args=validate_args)
        steps = [PowerTransform(self.concentration_reciprocal), AffineTransform(0, self.scale)]
        super().__init__(base, steps, validate_args=validate_args)

    def _gamma(self, n):
        """Γ(1 + n/k)."""
        return lw.lgamma(1 + n * self.concentration_reciprocal)

    @property
    def mean(self):
        return self.scale * self._gamma(1).exp()

    @property
    def mode(self):
        return self.scale * ((self.concentration - 1) / self.concentration) ** self.concentration_reciprocal

    @property
    def variance(self):
        return self.scale.pow(2) * (self._gamma(2).exp() - (2 * self._gamma(1)).exp())

    def entropy(self):
        return euler_constant * (1 - self.concentration_reciprocal) + (self.scale * self.concentration_reciprocal).log() + 1
