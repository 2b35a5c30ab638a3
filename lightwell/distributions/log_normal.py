"""The log-normal distribution."""

from lightwell.distributions import constraints
from lightwell.distributions.normal import Normal
from lightwell.distributions.transformed_distribution import TransformedDistribution, of_base
from lightwell.distributions.transforms import ExpTransform

__all__ = ["LogNormal"]


class LogNormal(TransformedDistribution):
    """eˣ, x ~ Normal(`loc`, `scale`).

    >>> import lightwell as torch
    >>> torch.distributions.LogNormal(0.0, 1.0).mean
    tensor(1.6487)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _batched = ()
    loc = of_base("loc", "The mean of log x.")
    scale = of_base("scale", "The standard deviation of log x.")

    def __init__(self, loc, scale, validate_args=None):
        super().__init__(Normal(loc, scale, validate_args=validate_args), ExpTransform(), validate_args=validate_args)

    @property
    def mean(self):
        return (self.loc + self.scale.pow(2) / 2).exp()

    @property
    def mode(self):
        return (self.loc - self.scale.square()).exp()

    @property
    def variance(self):
        s = self.scale.pow(2)
        return s.expm1() * (2 * self.loc + s).exp()

    def entropy(self):
        return self.base_dist.entropy() + self.loc
