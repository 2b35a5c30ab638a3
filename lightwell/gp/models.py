"""Gaussian process models with exact inference."""

import copy
import warnings

import lightwell as lw
from lightwell.errors.teaching import RuntimeError
from lightwell.gp import settings
from lightwell.gp.distributions import MultivariateNormal
from lightwell.gp.likelihoods import _Gaussian
from lightwell.gp.module import Module
from lightwell.gp.utils.cholesky import psd_safe_cholesky
from lightwell.gp.utils.warnings import GPInputWarning
from lightwell.tensor import Tensor

from ..errors.level import users_level

__all__ = ["ExactGP", "GP"]


class GP(Module):
    """The base of all Gaussian process models."""


def _inputs(inputs) -> tuple:
    """Inputs as a tuple of tensors (…, n, d)."""
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    return tuple(x.unsqueeze(-1) if x.dim() == 1 else x for x in inputs)


class ExactGP(GP):
    """A Gaussian process and its data. A subclass's `forward(x)` gives the prior, a MultivariateNormal, at x.

    In training mode a call gives the prior at the training inputs, and only there (RuntimeError elsewhere). In
    evaluation mode it gives the posterior at any x, with K the prior covariance, * the new places and y the targets:
    mean m* + K*ᵀ(K + noise·I)⁻¹(y - m), covariance K** - K*ᵀ(K + noise·I)⁻¹K*.

    Rasmussen and Williams (2006), algorithm 2.1.

    >>> import lightwell as torch
    >>> from lightwell import gp
    >>> class Model(gp.models.ExactGP):
    ...     def __init__(self, x, y, likelihood):
    ...         super().__init__(x, y, likelihood)
    ...         self.mean_module, self.covar_module = gp.means.ZeroMean(), gp.kernels.RBFKernel()
    ...     def forward(self, x):
    ...         return gp.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))
    >>> x = torch.tensor([0.0, 1.0])
    >>> model = Model(x, torch.tensor([1.0, -1.0]), gp.likelihoods.GaussianLikelihood()).eval()
    >>> model(torch.tensor([0.5])).mean.abs() < 1e-5
    tensor([True])
    """

    def __init__(self, train_inputs, train_targets, likelihood):
        if not isinstance(likelihood, _Gaussian):
            raise RuntimeError(f"ExactGP can only handle Gaussian likelihoods, got {type(likelihood).__name__}")
        if train_inputs is not None and not isinstance(train_inputs, Tensor) and not all(isinstance(x, Tensor) for x in train_inputs):
            raise RuntimeError("Train inputs must be a tensor, or a list/tuple of tensors")
        super().__init__()
        self.train_inputs = None if train_inputs is None else _inputs(train_inputs)
        self.train_targets = train_targets
        self.likelihood = likelihood

    def set_train_data(self, inputs=None, targets=None, strict: bool = True) -> None:
        """Replace the data; with `strict`, RuntimeError where shape or dtype change."""
        if inputs is not None:
            inputs = _inputs(inputs)
            self._same(strict, "inputs", self.train_inputs or (), inputs)
            self.train_inputs = inputs
        if targets is not None:
            self._same(strict, "targets", (self.train_targets,), (targets,))
            self.train_targets = targets

    @staticmethod
    def _same(strict, what, old, new):
        for a, b in zip(old, new):
            for name in ("shape", "dtype"):
                if strict and a is not None and getattr(a, name) != getattr(b, name):
                    raise RuntimeError(
                        f"Cannot modify {name} of {what} (expected {getattr(a, name)}, found {getattr(b, name)}). "
                        "Use set_train_data(..., strict=False)."
                    )

    def get_fantasy_model(self, inputs, targets, **kwargs):
        """A copy of the model, in evaluation mode, with further observations."""
        if self.train_inputs is None:
            raise RuntimeError("get_fantasy_model requires the model to have training data")
        new = copy.deepcopy(self)
        more = _inputs(inputs)
        new.set_train_data(
            tuple(lw.cat([a, b], -2) for a, b in zip(self.train_inputs, more)), lw.cat([self.train_targets, targets], -1), strict=False
        )
        return new.eval()

    def __call__(self, *args, **kwargs):
        inputs = _inputs(args)
        if self.training:
            return self._training_prior(inputs, kwargs)
        if settings.prior_mode.on() or self.train_inputs is None or self.train_targets is None:
            return super().__call__(*inputs, **kwargs)
        return self._posterior(inputs, kwargs)

    def _at_training_inputs(self, inputs):
        return len(inputs) == len(self.train_inputs) and all(lw.equal(a, b) for a, b in zip(self.train_inputs, inputs))

    def _training_prior(self, inputs, kwargs):
        if self.train_inputs is None:
            raise RuntimeError(
                "train_inputs, train_targets cannot be None in training mode. Call .eval() for prior predictions, "
                "or call .set_train_data() to add training data."
            )
        if settings.debug.on() and not self._at_training_inputs(inputs):
            raise RuntimeError("You must train on the training inputs!")
        return super().__call__(*inputs, **kwargs)

    def _posterior(self, inputs, kwargs):
        if settings.debug.on() and self._at_training_inputs(inputs):
            warnings.warn(
                "The input matches the stored training data. Did you forget to call model.train()?",
                GPInputWarning,
                stacklevel=users_level(),
            )
        full = []
        for old, new in zip(self.train_inputs, inputs):
            batch = lw.broadcast_shapes(old.shape[:-2], new.shape[:-2])
            full.append(lw.cat([old.expand((*batch, *old.shape[-2:])), new.expand((*batch, *new.shape[-2:]))], -2))
        prior = super().__call__(*full, **kwargs)
        if not isinstance(prior, MultivariateNormal):
            raise RuntimeError("ExactGP.forward must return a MultivariateNormal")
        n, mean, covariance = self.train_targets.shape[-1], prior.loc, prior.covariance_matrix
        seen = self.likelihood(MultivariateNormal(mean[..., :n], covariance[..., :n, :n]))
        factor = psd_safe_cholesky(seen.covariance_matrix)
        cross = covariance[..., n:, :n]
        weights = lw.cholesky_solve((self.train_targets - seen.loc).unsqueeze(-1), factor)
        posterior_mean = mean[..., n:] + (cross @ weights).squeeze(-1)
        rest = covariance[..., n:, n:]
        if settings.skip_posterior_variances.on():
            return type(prior)(posterior_mean, lw.zeros_like(rest))
        known = lw.linalg.solve_triangular(factor, cross.mT, upper=False)
        return type(prior)(posterior_mean, rest - known.mT @ known)
