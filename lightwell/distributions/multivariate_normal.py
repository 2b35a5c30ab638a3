"""The multivariate normal distribution."""

import math

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.distribution import Distribution
from lightwell.distributions.utils import lazy_property, standard_normal
from lightwell.errors.teaching import ValueError
from lightwell.tensor import Size

__all__ = ["MultivariateNormal"]


def batch_mv(matrix, vector):
    """matrix @ vector over batches."""
    return lw.matmul(matrix, vector.unsqueeze(-1)).squeeze(-1)


def batch_mahalanobis(tril, x):
    """xᵀ(LLᵀ)⁻¹x for lower-triangular L, over batches that broadcast."""
    n = x.size(-1)
    batch = lw.broadcast_shapes(tril.shape[:-2], x.shape[:-1])
    if tril.dim() == 2:  # one matrix for all: one solve with many right-hand sides
        solved = lw.linalg.solve_triangular(tril, x.reshape(-1, n).mT, upper=False)
        return solved.pow(2).sum(0).reshape(x.shape[:-1])
    solved = lw.linalg.solve_triangular(tril.expand(batch + (n, n)), x.expand(batch + (n,)).unsqueeze(-1), upper=False)
    return solved.squeeze(-1).pow(2).sum(-1)


def precision_to_scale_tril(precision):
    """L with LLᵀ = P⁻¹: with P reversed = CCᵀ, L is the inverse of C reversed and transposed."""
    reversed_factor = lw.linalg.cholesky(precision.flip((-2, -1)))
    identity = lw.eye(precision.shape[-1], dtype=precision.dtype)
    return lw.linalg.solve_triangular(reversed_factor.flip((-2, -1)).mT, identity, upper=False)


def half_log_det(tril):
    """Σ log of the diagonal."""
    return tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


class MultivariateNormal(Distribution):
    """p(x) = exp(-(x-μ)ᵀΣ⁻¹(x-μ)/2)/√((2π)ⁿ det Σ), with mean μ = `loc`.

    Exactly one of `covariance_matrix` Σ, `precision_matrix` Σ⁻¹ and `scale_tril` L (Σ = LLᵀ); the computations use L.

    >>> import lightwell as torch
    >>> m = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
    >>> m.log_prob(torch.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    _batched, _kept = ("loc", "covariance_matrix", "precision_matrix", "scale_tril"), ("_unbroadcasted_scale_tril",)

    def __init__(self, loc, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril}
        given = {name: m for name, m in given.items() if m is not None}
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        [(name, matrix)] = given.items()
        if matrix.dim() < 2:
            shown = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(f"{shown} must be at least two-dimensional, with optional leading batch dimensions")
        batch = lw.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand(batch + (-1, -1)))
        self.loc = loc.expand(batch + (-1,))
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = lw.linalg.cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = precision_to_scale_tril(matrix)

    def _wide(self, matrix):
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def scale_tril(self):
        """L."""
        return self._wide(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self):
        """Σ = LLᵀ."""
        return self._wide(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self):
        """Σ⁻¹."""
        return self._wide(lw.cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def mean(self):
        return self.loc

    mode = mean

    @property
    def variance(self):
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape=Size()):
        eps = standard_normal(self._extended_shape(sample_shape), self.loc)
        return self.loc + batch_mv(self._unbroadcasted_scale_tril, eps)

    def log_prob(self, value):
        self._check(value)
        m = batch_mahalanobis(self._unbroadcasted_scale_tril, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + m) - half_log_det(self._unbroadcasted_scale_tril)

    def entropy(self):
        h = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + half_log_det(self._unbroadcasted_scale_tril)
        return h.expand(self._batch_shape)
