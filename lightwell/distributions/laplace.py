"""The Laplace distribution."""

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.distribution import Distribution
from lightwell.tensor import Size

__all__ = ["Laplace"]


class Laplace(Distribution):
    """p(x) = exp(-|x-μ|/b)/(2b), with μ = `loc` and b = `scale` > 0.

    >>> import lightwell as torch
    >>> torch.distributions.Laplace(0.0, 1.0).log_prob(torch.tensor([0.0, 2.0]))
    tensor([-0.6931, -2.6931])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _batched = ("loc", "scale")

    def __init__(self, loc, scale, validate_args=None):
        super().__init__(self._place(loc=loc, scale=scale), validate_args=validate_args)

    @property
    def mean(self):
        return self.loc

    mode = mean

    @property
    def variance(self):
        return 2 * self.scale.pow(2)

    @property
    def stddev(self):
        return 2**0.5 * self.scale

    def rsample(self, sample_shape=Size()):
        u = lw.empty(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        u.uniform_(lw.finfo(u.dtype).eps - 1, 1)  # open at -1, where the logarithm has its pole
        return self.loc - self.scale * u.sign() * lw.log1p(-u.abs())

    def log_prob(self, value):
        self._check(value)
        return -lw.log(2 * self.scale) - (value - self.loc).abs() / self.scale

    def cdf(self, value):
        self._check(value)
        d = value - self.loc
        return 0.5 - 0.5 * d.sign() * lw.expm1(-d.abs() / self.scale)

    def icdf(self, value):
        d = value - 0.5
        return self.loc - self.scale * d.sign() * lw.log1p(-2 * d.abs())

    def entropy(self):
        return 1 + lw.log(2 * self.scale)
