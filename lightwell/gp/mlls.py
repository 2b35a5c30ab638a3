"""Objectives: the marginal likelihood of a model's parameters."""

from lightwell.errors.teaching import NotImplementedError, RuntimeError
from lightwell.gp.distributions import MultivariateNormal
from lightwell.gp.likelihoods import _Gaussian
from lightwell.gp.module import Module

__all__ = ["ExactMarginalLogLikelihood", "MarginalLogLikelihood"]


class MarginalLogLikelihood(Module):
    """log p(y) under a likelihood and a model."""

    def __init__(self, likelihood, model):
        super().__init__()
        self.likelihood, self.model = likelihood, model

    def forward(self, output, target, **kwargs):
        """The objective; a subclass's own."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(output, target)")


class ExactMarginalLogLikelihood(MarginalLogLikelihood):
    """(log N(y; m, K + noise·I) + log-densities of priors)/n, n the number of observations.

    RuntimeError for a likelihood that is not Gaussian, or an output that is no MultivariateNormal.

    >>> import lightwell as torch
    >>> from lightwell import gp
    >>> likelihood = gp.likelihoods.GaussianLikelihood()
    >>> mll = gp.mlls.ExactMarginalLogLikelihood(likelihood, None)
    >>> round(mll(gp.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2)), torch.zeros(2)).item(), 4)
    -1.1823
    """

    def __init__(self, likelihood, model):
        if not isinstance(likelihood, _Gaussian):
            raise RuntimeError(f"Likelihood must be Gaussian for exact inference, got {type(likelihood).__name__}")
        super().__init__(likelihood, model)

    def forward(self, function_dist, target, *params, **kwargs):
        """The objective, to be maximised, for the model's output at its training inputs and their targets."""
        if not isinstance(function_dist, MultivariateNormal):
            raise RuntimeError("ExactMarginalLogLikelihood can only operate on Gaussian random variables")
        total = self.likelihood(function_dist, *params, **kwargs).log_prob(target)
        for _, module, prior, closure, _ in self.named_priors():
            total = total + prior.log_prob(closure(module)).sum().div(function_dist.batch_shape.numel())
        return total.div(function_dist.event_shape.numel())
