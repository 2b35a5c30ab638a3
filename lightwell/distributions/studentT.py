"""Student's t-distribution."""

import math

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.chi2 import Chi2
from lightwell.distributions.distribution import Distribution
from lightwell.distributions.utils import standard_normal
from lightwell.tensor import Size

__all__ = ["StudentT"]


class StudentT(Distribution):
    """μ + σ·Z/√(V/ν), Z standard normal and V ~ χ²(ν), with ν = `df`, μ = `loc`, σ = `scale`.

    >>> import lightwell as torch
    >>> torch.distributions.StudentT(3.0).variance
    tensor(3.)
    """

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _batched = ("df", "loc", "scale", "_chi2")

    def __init__(self, df, loc=0.0, scale=1.0, validate_args=None):
        shape = self._place(df=df, loc=loc, scale=scale)
        self._chi2 = Chi2(self.df)
        super().__init__(shape, validate_args=validate_args)

    @property
    def mean(self):
        return lw.where(self.df <= 1, math.nan, self.loc)

    @property
    def mode(self):
        return self.loc

    @property
    def variance(self):
        wide = self.df > 2
        finite = self.scale.pow(2) * self.df / (lw.where(wide, self.df, 3.0) - 2)
        return lw.where(wide, finite, lw.where(self.df > 1, lw.full_like(self.df, math.inf), lw.full_like(self.df, math.nan)))

    def rsample(self, sample_shape=Size()):
        x = standard_normal(self._extended_shape(sample_shape), self.df)
        return self.loc + self.scale * (x * lw.rsqrt(self._chi2.rsample(sample_shape) / self.df))

    def log_prob(self, value):
        self._check(value)
        df, y = self.df, (value - self.loc) / self.scale
        z = self.scale.log() + 0.5 * df.log() + 0.5 * math.log(math.pi) + lw.lgamma(0.5 * df) - lw.lgamma(0.5 * (df + 1.0))
        return -0.5 * (df + 1.0) * lw.log1p(y**2.0 / df) - z

    def entropy(self):
        half, more = 0.5 * self.df, 0.5 * (self.df + 1)
        log_beta = lw.lgamma(half) + math.lgamma(0.5) - lw.lgamma(more)
        return self.scale.log() + more * (lw.digamma(more) - lw.digamma(half)) + 0.5 * self.df.log() + log_beta
