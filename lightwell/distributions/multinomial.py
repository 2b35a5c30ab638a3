"""The multinomial distribution."""

import math

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.binomial import Binomial
from lightwell.distributions.categorical import Categorical
from lightwell.distributions.one_hot_categorical import OfCategories
from lightwell.distributions.utils import broadcast_all
from lightwell.errors.teaching import NotImplementedError
from lightwell.tensor import Size

__all__ = ["Multinomial"]


class Multinomial(OfCategories):
    """P(x) = n!/Πxᵢ! · Πpᵢ^xᵢ: how often each category comes in n = `total_count` draws.

    >>> import lightwell as torch
    >>> m = torch.distributions.Multinomial(10, torch.tensor([1.0, 1.0]))
    >>> m.sample().sum(), m.mean
    (tensor(10.), tensor([5., 5.]))
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    _batched, _kept = ("_categorical",), ("total_count",)

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        if not isinstance(total_count, int):
            raise NotImplementedError(f"inhomogeneous total_count is not supported: expected an int, got {total_count!r}")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        super().__init__(self._categorical.batch_shape, self.param_shape[-1:], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self):
        return constraints.multinomial(self.total_count)

    @property
    def mean(self):
        return self.probs * self.total_count

    @property
    def variance(self):
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()):
        drawn = self._categorical.sample((self.total_count, *sample_shape)).movedim(0, -1)
        counts = lw.zeros(self._extended_shape(sample_shape), dtype=lw.long)
        return counts.scatter_add_(-1, drawn, lw.ones_like(drawn)).type_as(self.probs)

    def log_prob(self, value):
        self._check(value)
        logits, value = broadcast_all(self.logits, value)
        logits = lw.where((value == 0) & (logits == -math.inf), 0.0, logits)  # 0·log 0 = 0
        return lw.lgamma(value.sum(-1) + 1) - lw.lgamma(value + 1).sum(-1) + (logits * value).sum(-1)

    def entropy(self):
        n = self.total_count
        counts = Binomial(n, probs=self.probs)
        support = counts.enumerate_support(expand=False)[1:]
        repeated = (counts.log_prob(support).exp() * lw.lgamma(support + 1)).sum([0, -1])
        return n * self._categorical.entropy() - math.lgamma(n + 1) + repeated
