"""The normal distribution."""

import math

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.exp_family import ExponentialFamily
from lightwell.distributions.utils import standard_normal
from lightwell.tensor import Size

__all__ = ["Normal"]


class Normal(ExponentialFamily):
    r"""p(x) = exp(-(x-μ)²/(2σ²)) / (σ√(2π)), with mean μ = `loc` and standard deviation σ = `scale` > 0.

    >>> import lightwell as torch
    >>> _ = torch.manual_seed(0)
    >>> m = torch.distributions.Normal(torch.tensor([0.0]), torch.tensor([1.0]))
    >>> m.sample(), m.log_prob(torch.tensor([0.0]))
    (tensor([1.5410]), tensor([-0.9189]))
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _mean_carrier_measure = 0
    _batched = ("loc", "scale")

    def __init__(self, loc, scale, validate_args=None):
        super().__init__(self._place(loc=loc, scale=scale), validate_args=validate_args)

    @property
    def mean(self):
        return self.loc

    mode = mean

    @property
    def stddev(self):
        return self.scale

    @property
    def variance(self):
        return self.scale.pow(2)

    def sample(self, sample_shape=Size()):
        shape = self._extended_shape(sample_shape)
        with lw.no_grad():
            return lw.normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape=Size()):
        return self.loc + standard_normal(self._extended_shape(sample_shape), self.loc) * self.scale

    def log_prob(self, value):
        self._check(value)
        return -((value - self.loc) ** 2) / (2 * self.scale**2) - self.scale.log() - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value):
        self._check(value)
        return 0.5 * (1 + lw.erf((value - self.loc) * self.scale.reciprocal() / math.sqrt(2)))

    def icdf(self, value):
        return self.loc + self.scale * lw.erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self):
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()

    @property
    def _natural_params(self):
        return self.loc / self.variance, -0.5 * self.variance.reciprocal()

    def _log_normalizer(self, x, y):
        return -0.25 * x.pow(2) / y + 0.5 * lw.log(-math.pi / y)
