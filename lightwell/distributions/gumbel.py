"""The Gumbel distribution."""

import math

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.transformed_distribution import TransformedDistribution
from lightwell.distributions.transforms import AffineTransform, ExpTransform
from lightwell.distributions.uniform import Uniform
from lightwell.distributions.utils import euler_constant, is_number

__all__ = ["Gumbel"]


class Gumbel(TransformedDistribution):
    """μ - β·log(-log u), u uniform: the largest of many, with μ = `loc` and β = `scale` > 0.

    >>> import lightwell as torch
    >>> torch.distributions.Gumbel(torch.tensor([1.0]), torch.tensor([2.0])).mean
    tensor([2.1544])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    _batched = ("loc", "scale")

    def __init__(self, loc, scale, validate_args=None):
        self._place(loc=loc, scale=scale)
        info = lw.finfo(self.loc.dtype)
        low, high = info.tiny, 1 - info.eps  # u = 0 and 1 have no logarithm of a logarithm
        if not (is_number(loc) and is_number(scale)):
            low, high = lw.full_like(self.loc, low), lw.full_like(self.loc, high)
        base = Uniform(low, high, validate_args=validate_args)
        minus = AffineTransform(0, -lw.ones_like(self.scale))
        steps = [ExpTransform().inv, minus, ExpTransform().inv, AffineTransform(loc, -self.scale)]
        super().__init__(base, steps, validate_args=validate_args)

    def log_prob(self, value):
        self._check(value)
        y = (self.loc - value) / self.scale
        return y - y.exp() - self.scale.log()

    @property
    def mean(self):
        return self.loc + self.scale * euler_constant

    @property
    def mode(self):
        return self.loc

    @property
    def stddev(self):
        return (math.pi / math.sqrt(6)) * self.scale

    @property
    def variance(self):
        return self.stddev.pow(2)

    def entropy(self):
        return self.scale.log() + (1 + euler_constant)
