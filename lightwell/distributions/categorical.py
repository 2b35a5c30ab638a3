"""The categorical distribution."""

import math

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.distribution import Distribution
from lightwell.distributions.utils import ProbsOrLogits
from lightwell.errors.teaching import ValueError
from lightwell.tensor import Size

__all__ = ["Categorical"]


class Categorical(ProbsOrLogits, Distribution):
    """0 … K-1 with probabilities `probs`, or softmax(`logits`), along the last dimension; weights are normalised.

    >>> import lightwell as torch
    >>> m = torch.distributions.Categorical(torch.tensor([1.0, 3.0]))
    >>> m.probs, m.log_prob(torch.tensor(1)).exp()
    (tensor([0.2500, 0.7500]), tensor(0.7500))
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True
    _binary = False
    _batched, _kept = ("probs", "logits"), ("_given",)

    def __init__(self, probs=None, logits=None, validate_args=None):
        name, value = self._choose(probs, logits)
        if value.dim() < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if name == "probs":
            self.probs = value / value.sum(-1, keepdim=True)
        else:
            self.logits = value - value.logsumexp(dim=-1, keepdim=True)
        super().__init__(value.size()[:-1], validate_args=validate_args)

    @property
    def _num_events(self):
        return self._param.size(-1)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self):
        return lw.full(self._extended_shape(), math.nan, dtype=self.probs.dtype)

    variance = mean

    @property
    def mode(self):
        return self.probs.argmax(dim=-1)

    def sample(self, sample_shape=Size()):
        rows = self.probs.reshape(-1, self._num_events)
        drawn = lw.multinomial(rows, Size(sample_shape).numel(), True).T
        return drawn.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value):
        self._check(value)
        index, logits = lw.broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, index[..., :1]).squeeze(-1)

    def entropy(self):
        finite = self.logits.clamp(min=lw.finfo(self.logits.dtype).min)
        return -(finite * self.probs).sum(-1)

    def enumerate_support(self, expand=True):
        return self._counting(self._num_events, lw.long, expand)
