"""The binomial distribution."""

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.distribution import Distribution
from lightwell.distributions.utils import ProbsOrLogits
from lightwell.errors.teaching import NotImplementedError
from lightwell.tensor import Size

__all__ = ["Binomial"]


class Binomial(ProbsOrLogits, Distribution):
    """P(k) = C(n, k) pᵏ(1-p)ⁿ⁻ᵏ: successes among n = `total_count` trials of probability p = `probs`.

    >>> import lightwell as torch
    >>> torch.distributions.Binomial(4, torch.tensor([0.5])).log_prob(torch.tensor([2.0])).exp()
    tensor([0.3750])
    """

    arg_constraints = {"total_count": constraints.nonnegative_integer, "probs": constraints.unit_interval, "logits": constraints.real}
    has_enumerate_support = True
    _batched, _kept = ("total_count", "probs", "logits"), ("_given",)

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        name, value = self._choose(probs, logits)
        shape = self._place(total_count=total_count, **{name: value})
        self.total_count = self.total_count.type_as(self._param)
        super().__init__(shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self):
        return self.total_count * self.probs

    @property
    def mode(self):
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self):
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()):
        shape = self._extended_shape(sample_shape)
        with lw.no_grad():
            return lw.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value):
        self._check(value)
        n, logits = self.total_count, self.logits
        # n·log(1 + e^logits) without overflow; halving both clamps gives logits = 0 a gradient of 1/2, its true one
        positive = (logits.clamp(min=0) + logits - logits.clamp(max=0)) / 2
        norm = n * positive + n * lw.log1p(lw.exp(-lw.abs(logits))) - lw.lgamma(n + 1)
        return value * logits - lw.lgamma(value + 1) - lw.lgamma(n - value + 1) - norm

    def _count(self, what):
        """n as an int; NotImplementedError where it differs within the batch."""
        count = int(self.total_count.max())
        if not self.total_count.min() == count:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{what}`.")
        return count

    def entropy(self):
        self._count("entropy")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand=True):
        return self._counting(1 + self._count("enumerate_support"), self._param.dtype, expand)
