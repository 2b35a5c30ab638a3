"""The Poisson distribution."""

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.exp_family import ExponentialFamily
from lightwell.distributions.utils import broadcast_all
from lightwell.tensor import Size

__all__ = ["Poisson"]


class Poisson(ExponentialFamily):
    """P(k) = λᵏe^(-λ)/k!, with λ = `rate` ≥ 0.

    >>> import lightwell as torch
    >>> torch.distributions.Poisson(4.0).log_prob(torch.tensor(3.0)).exp()
    tensor(0.1954)
    """

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer
    _batched = ("rate",)

    def __init__(self, rate, validate_args=None):
        super().__init__(self._place(rate=rate), validate_args=validate_args)

    @property
    def mean(self):
        return self.rate

    variance = mean

    @property
    def mode(self):
        return self.rate.floor()

    def sample(self, sample_shape=Size()):
        with lw.no_grad():
            return lw.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        self._check(value)
        rate, value = broadcast_all(self.rate, value)
        return value.xlogy(rate) - rate - (value + 1).lgamma()

    @property
    def _natural_params(self):
        return (self.rate.log(),)

    def _log_normalizer(self, x):
        return lw.exp(x)
