"""The gamma distribution."""

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.exp_family import ExponentialFamily
from lightwell.tensor import Size

__all__ = ["Gamma"]


class Gamma(ExponentialFamily):
    """p(x) = βᵅ xᵅ⁻¹ e^(-βx)/Γ(α) for x > 0, with α = `concentration` and β = `rate`, both positive.

    Draws by Marsaglia and Tsang (2000); their gradients by implicit reparameterisation (Figurnov, Mohamed and Mnih 2018).

    >>> import lightwell as torch
    >>> torch.distributions.Gamma(3.0, 2.0).mean
    tensor(1.5000)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0
    _batched = ("concentration", "rate")

    def __init__(self, concentration, rate, validate_args=None):
        super().__init__(self._place(concentration=concentration, rate=rate), validate_args=validate_args)

    @property
    def mean(self):
        return self.concentration / self.rate

    @property
    def mode(self):
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self):
        return self.concentration / self.rate.pow(2)

    def rsample(self, sample_shape=Size()):
        shape = self._extended_shape(sample_shape)
        value = lw._standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        value.detach().clamp_(min=lw.finfo(value.dtype).tiny)  # never 0, and no part of the graph
        return value

    def log_prob(self, value):
        value = lw.as_tensor(value, dtype=self.rate.dtype)
        self._check(value)
        a, b = self.concentration, self.rate
        return lw.xlogy(a, b) + lw.xlogy(a - 1, value) - b * value - lw.lgamma(a)

    def cdf(self, value):
        self._check(value)
        return lw.special.gammainc(self.concentration, self.rate * value)

    def entropy(self):
        a = self.concentration
        return a - self.rate.log() + lw.lgamma(a) + (1.0 - a) * lw.digamma(a)

    @property
    def _natural_params(self):
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x, y):
        return lw.lgamma(x + 1) + (x + 1) * lw.log(-y.reciprocal())
