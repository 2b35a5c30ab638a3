"""The continuous relaxation of the Bernoulli distribution."""

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.distribution import Distribution
from lightwell.distributions.transformed_distribution import TransformedDistribution, of_base
from lightwell.distributions.transforms import SigmoidTransform
from lightwell.distributions.utils import ProbsOrLogits, broadcast_all, clamp_probs
from lightwell.tensor import Size

__all__ = ["LogitRelaxedBernoulli", "RelaxedBernoulli"]


class LogitRelaxedBernoulli(ProbsOrLogits, Distribution):
    """(logits + log u - log(1-u))/temperature, u uniform: log-odds of draws from RelaxedBernoulli.

    Maddison, Mnih and Teh (2017); Jang, Gu and Poole (2017).

    >>> import lightwell as torch
    >>> from lightwell.distributions.relaxed_bernoulli import LogitRelaxedBernoulli
    >>> LogitRelaxedBernoulli(torch.tensor(1.0), torch.tensor([0.5])).log_prob(torch.tensor([0.0]))
    tensor([-1.3863])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real
    _batched, _kept = ("probs", "logits"), ("_given", "temperature")

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        self.temperature = temperature
        name, value = self._choose(probs, logits)
        super().__init__(self._place(**{name: value}), validate_args=validate_args)

    def rsample(self, sample_shape=Size()):
        shape = self._extended_shape(sample_shape)
        p = clamp_probs(self.probs.expand(shape))
        u = clamp_probs(lw.rand(shape, dtype=p.dtype))
        return (u.log() - (-u).log1p() + p.log() - (-p).log1p()) / self.temperature

    def log_prob(self, value):
        self._check(value)
        logits, value = broadcast_all(self.logits, value)
        d = logits - value.mul(self.temperature)
        return self.temperature.log() + d - 2 * d.exp().log1p()


class RelaxedBernoulli(TransformedDistribution):
    """Numbers in (0, 1) that gather at 0 and 1 as `temperature` falls, with gradients for `probs` or `logits`.

    >>> import lightwell as torch
    >>> torch.distributions.RelaxedBernoulli(torch.tensor([2.2]), torch.tensor([0.1, 0.2])).batch_shape
    torch.Size([2])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _batched = ()
    temperature = of_base("temperature", "How far from 0 and 1 draws lie.")
    logits = of_base("logits", "Log-odds.")
    probs = of_base("probs", "Probabilities.")

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        super().__init__(LogitRelaxedBernoulli(temperature, probs, logits), SigmoidTransform(), validate_args=validate_args)
