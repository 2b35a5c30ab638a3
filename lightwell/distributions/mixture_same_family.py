"""Mixtures of components of one family."""

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.categorical import Categorical
from lightwell.distributions.distribution import Distribution
from lightwell.errors.teaching import ValueError
from lightwell.tensor import Size

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """p(x) = Σₖ P(k)·pₖ(x): a Categorical over k, and components along the last batch dimension.

    >>> import lightwell as torch
    >>> from lightwell.distributions import Categorical, MixtureSameFamily, Normal
    >>> m = MixtureSameFamily(Categorical(torch.ones(2)), Normal(torch.tensor([-1.0, 1.0]), 1.0))
    >>> m.mean, m.variance
    (tensor(0.), tensor(2.))
    """

    arg_constraints: dict = {}
    has_rsample = False

    def __init__(self, mixture_distribution, component_distribution, validate_args=None):
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution needs to be an instance of torch.distributions.Distribution")
        mixed, batch = mixture_distribution.batch_shape, component_distribution.batch_shape
        if any(i != 1 and j != 1 and i != j for i, j in zip(reversed(mixed), reversed(batch[:-1]))):
            raise ValueError(
                f"`mixture_distribution.batch_shape` ({mixed}) is not compatible with `component_distribution.batch_shape`({batch[:-1]})"
            )
        count = mixture_distribution.logits.shape[-1]
        if count != batch[-1]:
            raise ValueError(
                f"`mixture_distribution component` ({count}) does not equal `component_distribution.batch_shape[-1]` ({batch[-1]})"
            )
        self._mixture_distribution, self._component_distribution, self._num_component = mixture_distribution, component_distribution, count
        self._event_ndims = len(component_distribution.event_shape)
        super().__init__(batch[:-1], component_distribution.event_shape, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        batch_shape = Size(batch_shape)
        new._mixture_distribution = self._mixture_distribution.expand(batch_shape)
        new._component_distribution = self._component_distribution.expand(batch_shape + (self._num_component,))
        new._num_component, new._event_ndims = self._num_component, self._event_ndims
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def mixture_distribution(self):
        """The distribution of the component's number."""
        return self._mixture_distribution

    @property
    def component_distribution(self):
        """The components, along the last batch dimension."""
        return self._component_distribution

    @constraints.dependent_property
    def support(self):
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    def _pad(self, x):
        return x.unsqueeze(-1 - self._event_ndims)

    def _weights(self):
        """P(k), shaped to weigh the components' values."""
        p = self._mixture_distribution.probs
        batch = self._mixture_distribution.batch_shape
        ones = 0 if len(batch) == 1 else len(self._batch_shape) - len(batch)
        return p.reshape(p.shape[:-1] + (1,) * ones + p.shape[-1:] + (1,) * self._event_ndims)

    def _mix(self, values):
        return (self._weights() * values).sum(-1 - self._event_ndims)

    @property
    def mean(self):
        return self._mix(self._component_distribution.mean)

    @property
    def variance(self):
        parts = self._component_distribution
        return self._mix(parts.variance) + self._mix((parts.mean - self._pad(self.mean)).pow(2.0))

    def cdf(self, x):
        return (self._component_distribution.cdf(self._pad(x)) * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, x):
        self._check(x)
        log_mix = lw.log_softmax(self._mixture_distribution.logits, dim=-1)
        return lw.logsumexp(self._component_distribution.log_prob(self._pad(x)) + log_mix, dim=-1)

    def sample(self, sample_shape=Size()):
        with lw.no_grad():
            dim = len(sample_shape) + len(self._batch_shape)
            which = self._mixture_distribution.sample(sample_shape)
            drawn = self._component_distribution.sample(sample_shape)
            which = which.reshape(which.shape + (1,) * (1 + self._event_ndims))
            return drawn.gather(dim, which.expand(which.shape[: dim + 1] + self._event_shape)).squeeze(dim)

    def __repr__(self):
        return f"MixtureSameFamily(\n  {self._mixture_distribution},\n  {self._component_distribution})"
