"""The exponential distribution."""

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.exp_family import ExponentialFamily
from lightwell.tensor import Size

__all__ = ["Exponential"]


class Exponential(ExponentialFamily):
    """p(x) = λe^(-λx) for x ≥ 0, with λ = `rate` > 0.

    >>> import lightwell as torch
    >>> torch.distributions.Exponential(2.0).mean
    tensor(0.5000)
    """

    arg_constraints = {"rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0
    _batched = ("rate",)

    def __init__(self, rate, validate_args=None):
        super().__init__(self._place(rate=rate), validate_args=validate_args)

    @property
    def mean(self):
        return self.rate.reciprocal()

    stddev = mean

    @property
    def mode(self):
        return lw.zeros_like(self.rate)

    @property
    def variance(self):
        return self.rate.pow(-2)

    def rsample(self, sample_shape=Size()):
        return lw.empty(self._extended_shape(sample_shape), dtype=self.rate.dtype).exponential_() / self.rate

    def log_prob(self, value):
        self._check(value)
        return self.rate.log() - self.rate * value

    def cdf(self, value):
        self._check(value)
        return 1 - lw.exp(-self.rate * value)

    def icdf(self, value):
        return -lw.log1p(-value) / self.rate

    def entropy(self):
        return 1.0 - self.rate.log()

    @property
    def _natural_params(self):
        return (-self.rate,)

    def _log_normalizer(self, x):
        return -lw.log(-x)
