"""Gaussian processes under GPyTorch's names: exact inference by Cholesky factors, kernels, means, a Gaussian likelihood."""

from lightwell.gp import constraints, distributions, kernels, likelihoods, means, mlls, models, operators, priors, settings, utils
from lightwell.gp.mlls import ExactMarginalLogLikelihood
from lightwell.gp.module import Module
from lightwell.gp.operators import to_dense
from lightwell.version import speaks

__version__ = speaks("1.15.2")

__all__ = [
    "ExactMarginalLogLikelihood",
    "Module",
    "constraints",
    "distributions",
    "kernels",
    "likelihoods",
    "means",
    "mlls",
    "models",
    "operators",
    "priors",
    "settings",
    "to_dense",
    "utils",
]
