"""The geometric distribution."""

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.distribution import Distribution
from lightwell.distributions.utils import ProbsOrLogits, broadcast_all
from lightwell.errors.teaching import ValueError
from lightwell.nn.functional import binary_cross_entropy_with_logits
from lightwell.tensor import Size

__all__ = ["Geometric"]


class Geometric(ProbsOrLogits, Distribution):
    """P(k) = (1-p)ᵏp, k = 0, 1, …: failures before the first success, of probability p = `probs`.

    >>> import lightwell as torch
    >>> torch.distributions.Geometric(torch.tensor([0.25])).mean
    tensor([3.])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer
    _batched, _kept = ("probs", "logits"), ("_given",)

    def __init__(self, probs=None, logits=None, validate_args=None):
        name, value = self._choose(probs, logits)
        super().__init__(self._place(**{name: value}), validate_args=validate_args)
        if self._validate_args and probs is not None and not (self.probs > 0).all():
            p = self.probs
            raise ValueError(
                f"Expected parameter probs ({type(p).__name__} of shape {tuple(p.shape)}) of distribution {self!r} to be positive "
                f"but found invalid values:\n{p.detach()[~(p > 0)]}"
            )

    @property
    def mean(self):
        return 1.0 / self.probs - 1.0

    @property
    def mode(self):
        return lw.zeros_like(self.probs)

    @property
    def variance(self):
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape=Size()):
        with lw.no_grad():
            u = lw.empty(self._extended_shape(sample_shape), dtype=self.probs.dtype)
            u.uniform_(lw.finfo(u.dtype).tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value):
        self._check(value)
        value, probs = broadcast_all(value, self.probs)
        probs = lw.where((probs == 1) & (value == 0), 0.0, probs)  # 0·log 0 = 0
        return value * (-probs).log1p() + self.probs.log()

    def entropy(self):
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
