"""The beta distribution."""

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.dirichlet import Dirichlet
from lightwell.distributions.exp_family import ExponentialFamily
from lightwell.distributions.utils import broadcast_all, is_number
from lightwell.tensor import Size

__all__ = ["Beta"]


class Beta(ExponentialFamily):
    """p(x) = xᵅ⁻¹(1-x)ᵝ⁻¹/B(α, β) on [0, 1], with α = `concentration1` and β = `concentration0`, both positive.

    >>> import lightwell as torch
    >>> torch.distributions.Beta(1.0, 3.0).mean
    tensor(0.2500)
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True
    _batched = ("_dirichlet",)

    def __init__(self, concentration1, concentration0, validate_args=None):
        if is_number(concentration1) and is_number(concentration0):
            both = lw.tensor([float(concentration1), float(concentration0)])
        else:
            both = lw.stack(broadcast_all(concentration1, concentration0), -1)
        self._dirichlet = Dirichlet(both, validate_args=validate_args)
        super().__init__(self._dirichlet._batch_shape, validate_args=validate_args)

    @property
    def concentration1(self):
        """α."""
        return self._dirichlet.concentration[..., 0]

    @property
    def concentration0(self):
        """β."""
        return self._dirichlet.concentration[..., 1]

    @property
    def mean(self):
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self):
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self):
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape=Size()):
        return self._dirichlet.rsample(sample_shape).select(-1, 0)

    def log_prob(self, value):
        self._check(value)
        return self._dirichlet.log_prob(lw.stack([value, 1.0 - value], -1))

    def entropy(self):
        return self._dirichlet.entropy()

    @property
    def _natural_params(self):
        return self.concentration1, self.concentration0

    def _log_normalizer(self, x, y):
        return lw.lgamma(x) + lw.lgamma(y) - lw.lgamma(x + y)
