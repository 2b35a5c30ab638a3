"""The negative binomial distribution."""

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.distribution import Distribution
from lightwell.distributions.gamma import Gamma
from lightwell.distributions.utils import ProbsOrLogits, lazy_property
from lightwell.nn.functional import logsigmoid
from lightwell.tensor import Size

__all__ = ["NegativeBinomial"]


class NegativeBinomial(ProbsOrLogits, Distribution):
    """Successes of probability p = `probs` before `total_count` failures: a Poisson number of gamma-distributed rate.

    >>> import lightwell as torch
    >>> torch.distributions.NegativeBinomial(3.0, torch.tensor([0.5])).mean
    tensor([3.])
    """

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    _batched, _kept = ("total_count", "probs", "logits"), ("_given",)

    def __init__(self, total_count, probs=None, logits=None, validate_args=None):
        name, value = self._choose(probs, logits)
        shape = self._place(total_count=total_count, **{name: value})
        self.total_count = self.total_count.type_as(self._param)
        super().__init__(shape, validate_args=validate_args)

    @property
    def mean(self):
        return self.total_count * lw.exp(self.logits)

    @property
    def mode(self):
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self):
        return self.mean / lw.sigmoid(-self.logits)

    @lazy_property
    def _gamma(self):
        return Gamma(self.total_count, lw.exp(-self.logits), validate_args=False)  # a count of 0 gives a rate of 0

    def sample(self, sample_shape=Size()):
        with lw.no_grad():
            return lw.poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value):
        self._check(value)
        n = self.total_count
        unnormalized = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        norm = -lw.lgamma(n + value) + lw.lgamma(1.0 + value) + lw.lgamma(n)
        return unnormalized - norm.masked_fill(n + value == 0.0, 0.0)
