"""Gamma and Dirichlet draws that know how they move with their parameters (backend/implicit.py says how)."""

from .. import random
from ..autograd.function import Function, once_differentiable
from ..backend import implicit
from ..tensor import make

__all__ = ["_dirichlet_grad", "_sample_dirichlet", "_standard_gamma", "_standard_gamma_grad"]


def _generator(generator):
    return random.default_generator if generator is None else generator


def _standard_gamma_grad(input, output):
    """dx/dα of draws x = `output` from Gamma(α = `input`, 1)."""
    return make(implicit.standard_gamma_grad(input._a, output._a))


def _dirichlet_grad(x, alpha, total):
    """dx/dα/(1 - x) of draws x from Beta(α, total - α)."""
    return make(implicit.dirichlet_grad(x._a, alpha._a, total._a))


class StandardGamma(Function):
    """x ~ Gamma(α, 1).   gα = gx·dx/dα."""

    @staticmethod
    def forward(ctx, alpha, generator):
        x = make(random.gamma(_generator(generator), alpha._a))
        ctx.save_for_backward(alpha, x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx, gx):
        return gx * _standard_gamma_grad(*ctx.saved_tensors), None


class SampleDirichlet(Function):
    """x ~ Dirichlet(α).   With dᵢ = ∂xᵢ/∂αᵢ/(1 - xᵢ) of xᵢ ~ Beta(αᵢ, Σα - αᵢ):   gαᵢ = dᵢ·(gxᵢ - Σₖ gxₖ·xₖ)."""

    @staticmethod
    def forward(ctx, alpha, generator):
        x = make(random.dirichlet(_generator(generator), alpha._a))
        ctx.save_for_backward(alpha, x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx, gx):
        alpha, x = ctx.saved_tensors
        share = _dirichlet_grad(x, alpha, alpha.sum(-1, keepdim=True).expand_as(alpha))
        return share * (gx - (x * gx).sum(-1, keepdim=True)), None


def _standard_gamma(input, generator=None):
    """One draw of unit rate for each shape parameter in `input`; differentiable (Figurnov, Mohamed and Mnih 2018).

    NotImplementedError for anything but floating point.
    """
    return StandardGamma.apply(input, generator)


def _sample_dirichlet(input, generator=None):
    """Draws from the Dirichlet distributions whose concentrations stand along the last dimension; differentiable."""
    return SampleDirichlet.apply(input, generator)
