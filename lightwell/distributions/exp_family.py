"""Exponential families: entropy by differentiating the log-normaliser."""

import lightwell as lw
from lightwell.distributions.distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """p(x; θ) = exp(⟨t(x), θ⟩ - F(θ) + k(x)): natural parameters θ, log-normaliser F, carrier measure k.

    Nielsen and Nock (2010), Entropies and cross-entropies of exponential families.

    >>> import lightwell as torch
    >>> from lightwell.distributions import ExponentialFamily, Normal
    >>> bool(ExponentialFamily.entropy(Normal(0., 2.)).isclose(Normal(0., 2.).entropy()))
    True
    """

    @property
    def _natural_params(self) -> tuple:
        raise self._lacks("_natural_params")

    def _log_normalizer(self, *natural_params):
        raise self._lacks("_log_normalizer")

    @property
    def _mean_carrier_measure(self):
        raise self._lacks("_mean_carrier_measure")

    def entropy(self):
        """F(θ) - ⟨θ, ∇F(θ)⟩ - E[k(x)]."""
        result = -self._mean_carrier_measure
        params = [p.detach().requires_grad_() for p in self._natural_params]
        log_normalizer = self._log_normalizer(*params)
        gradients = lw.autograd.grad(log_normalizer.sum(), params, create_graph=True)
        result = result + log_normalizer
        for p, g in zip(params, gradients):
            result = result - (p * g).reshape(self._batch_shape + (-1,)).sum(-1)
        return result
