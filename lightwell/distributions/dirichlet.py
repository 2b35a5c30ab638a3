"""The Dirichlet distribution."""

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.exp_family import ExponentialFamily
from lightwell.errors.teaching import ValueError
from lightwell.tensor import Size

__all__ = ["Dirichlet"]


class Dirichlet(ExponentialFamily):
    """p(x) = Γ(Σα)/ΠΓ(αᵢ) · Π xᵢ^(αᵢ-1) on the simplex, with α = `concentration` > 0 along the last dimension.

    Gradients of draws by implicit reparameterisation (Jankowiak and Obermeyer 2018).

    >>> import lightwell as torch
    >>> torch.distributions.Dirichlet(torch.tensor([1.0, 3.0])).mean
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True
    _batched = ("concentration",)

    def __init__(self, concentration, validate_args=None):
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    @property
    def _total(self):
        return self.concentration.sum(-1)

    @property
    def mean(self):
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self):
        above = (self.concentration - 1).clamp(min=0.0)
        mode = above / above.sum(-1, True)
        corner = (self.concentration < 1).all(-1)  # the density grows towards the corners
        mode[corner] = lw.nn.functional.one_hot(mode[corner].argmax(-1), above.shape[-1]).to(mode)
        return mode

    @property
    def variance(self):
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape=Size()):
        return lw._sample_dirichlet(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        self._check(value)
        a = self.concentration
        return lw.xlogy(a - 1.0, value).sum(-1) + lw.lgamma(self._total) - lw.lgamma(a).sum(-1)

    def entropy(self):
        a, total = self.concentration, self._total
        spread = (a.size(-1) - total) * lw.digamma(total)
        return lw.lgamma(a).sum(-1) - lw.lgamma(total) - spread - ((a - 1.0) * lw.digamma(a)).sum(-1)

    @property
    def _natural_params(self):
        return (self.concentration,)

    def _log_normalizer(self, x):
        return x.lgamma().sum(-1) - lw.lgamma(x.sum(-1))
