"""The continuous relaxation of the one-hot categorical distribution."""

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.categorical import Categorical
from lightwell.distributions.one_hot_categorical import OfCategories
from lightwell.distributions.transformed_distribution import TransformedDistribution, of_base
from lightwell.distributions.transforms import ExpTransform
from lightwell.distributions.utils import broadcast_all, clamp_probs
from lightwell.tensor import Size

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]


class ExpRelaxedCategorical(OfCategories):
    """log softmax((logits + Gumbel noise)/temperature): logarithms of draws from RelaxedOneHotCategorical.

    Maddison, Mnih and Teh (2017).

    >>> import lightwell as torch
    >>> from lightwell.distributions.relaxed_categorical import ExpRelaxedCategorical
    >>> ExpRelaxedCategorical(torch.tensor(1.0), torch.ones(3)).sample().logsumexp(0).abs() < 1e-5
    tensor(True)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True
    _batched, _kept = ("_categorical",), ("temperature",)

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        self._categorical, self.temperature = Categorical(probs, logits), temperature
        super().__init__(self._categorical.batch_shape, self.param_shape[-1:], validate_args=validate_args)

    def rsample(self, sample_shape=Size()):
        u = clamp_probs(lw.rand(self._extended_shape(sample_shape), dtype=self.logits.dtype))
        scores = (self.logits + -(-u.log()).log()) / self.temperature
        return scores - scores.logsumexp(dim=-1, keepdim=True)

    def log_prob(self, value):
        self._check(value)
        count = self._categorical._num_events
        logits, value = broadcast_all(self.logits, value)
        norm = lw.full_like(self.temperature, float(count)).lgamma() + self.temperature.log() * (count - 1)
        score = logits - value.mul(self.temperature)
        return (score - score.logsumexp(dim=-1, keepdim=True)).sum(-1) + norm


class RelaxedOneHotCategorical(TransformedDistribution):
    """Points of the simplex that gather at its corners as `temperature` falls, with gradients for `probs` or `logits`.

    >>> import lightwell as torch
    >>> torch.distributions.RelaxedOneHotCategorical(torch.tensor(0.5), torch.ones(3)).sample().sum().isclose(torch.tensor(1.0))
    tensor(True)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True
    _batched = ()
    temperature = of_base("temperature", "How far from the corners draws lie.")
    logits = of_base("logits", "Logarithms of the probabilities.")
    probs = of_base("probs", "Probabilities of the corners.")

    def __init__(self, temperature, probs=None, logits=None, validate_args=None):
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)
