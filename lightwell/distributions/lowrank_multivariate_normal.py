"""The multivariate normal distribution with a covariance of low rank plus a diagonal."""

import math

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.distribution import Distribution
from lightwell.distributions.multivariate_normal import batch_mahalanobis, batch_mv, half_log_det
from lightwell.distributions.utils import lazy_property, standard_normal
from lightwell.errors.teaching import ValueError
from lightwell.tensor import Size

__all__ = ["LowRankMultivariateNormal"]


def capacitance_tril(factor, diag):
    """The Cholesky factor of I + WᵀD⁻¹W, the small matrix of Woodbury's identity."""
    inner = (factor.mT / diag.unsqueeze(-2)) @ factor
    return lw.linalg.cholesky(inner + lw.eye(inner.shape[-1], dtype=inner.dtype))


class LowRankMultivariateNormal(Distribution):
    """N(μ, WWᵀ + D) with μ = `loc` (…, n), W = `cov_factor` (…, n, m) and the diagonal D = `cov_diag` (…, n).

    Determinant and inverse by the matrix determinant lemma and Woodbury's identity, in O(nm²).

    >>> import lightwell as torch
    >>> m = torch.distributions.LowRankMultivariateNormal(torch.zeros(2), torch.tensor([[1.0], [0.0]]), torch.ones(2))
    >>> m.covariance_matrix
    tensor([[2., 0.],
            [0., 1.]])
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True
    _batched = ("loc", "cov_factor", "cov_diag")
    _kept = ("_unbroadcasted_cov_factor", "_unbroadcasted_cov_diag", "_capacitance_tril")

    def __init__(self, loc, cov_factor, cov_diag, validate_args=None):
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m, got {tuple(cov_factor.shape)}")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}, got {tuple(cov_diag.shape)}")
        try:
            batch = lw.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            ) from error
        self.loc, self.cov_diag = loc.expand(batch + event), cov_diag.expand(batch + event)
        self.cov_factor = cov_factor.expand(batch + cov_factor.shape[-2:])
        self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag = cov_factor, cov_diag
        self._capacitance_tril = capacitance_tril(cov_factor, cov_diag)
        super().__init__(batch, event, validate_args=validate_args)

    def _wide(self, matrix):
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @property
    def mean(self):
        return self.loc

    mode = mean

    @lazy_property
    def variance(self):
        """The covariance's diagonal."""
        diagonal = self._unbroadcasted_cov_factor.pow(2).sum(-1) + self._unbroadcasted_cov_diag
        return diagonal.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self):
        """L with LLᵀ = WWᵀ + D."""
        root = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        scaled = self._unbroadcasted_cov_factor / root
        inner = scaled @ scaled.mT
        return self._wide(root * lw.linalg.cholesky(inner + lw.eye(inner.shape[-1], dtype=inner.dtype)))

    @lazy_property
    def covariance_matrix(self):
        """WWᵀ + D."""
        factor = self._unbroadcasted_cov_factor
        return self._wide(factor @ factor.mT + lw.diag_embed(self._unbroadcasted_cov_diag))

    @lazy_property
    def precision_matrix(self):
        """D⁻¹ - D⁻¹W(I + WᵀD⁻¹W)⁻¹WᵀD⁻¹."""
        diag = self._unbroadcasted_cov_diag
        a = lw.linalg.solve_triangular(self._capacitance_tril, self._unbroadcasted_cov_factor.mT / diag.unsqueeze(-2), upper=False)
        return self._wide(lw.diag_embed(diag.reciprocal()) - a.mT @ a)

    def _log_det(self):
        return 2 * half_log_det(self._capacitance_tril) + self._unbroadcasted_cov_diag.log().sum(-1)

    def _mahalanobis(self, x):
        inner = batch_mv(self._unbroadcasted_cov_factor.mT / self._unbroadcasted_cov_diag.unsqueeze(-2), x)
        return (x.pow(2) / self._unbroadcasted_cov_diag).sum(-1) - batch_mahalanobis(self._capacitance_tril, inner)

    def rsample(self, sample_shape=Size()):
        shape = self._extended_shape(sample_shape)
        small = standard_normal(shape[:-1] + self.cov_factor.shape[-1:], self.loc)
        full = standard_normal(shape, self.loc)
        return self.loc + batch_mv(self._unbroadcasted_cov_factor, small) + self._unbroadcasted_cov_diag.sqrt() * full

    def log_prob(self, value):
        self._check(value)
        n = self._event_shape[0]
        return -0.5 * (n * math.log(2 * math.pi) + self._log_det() + self._mahalanobis(value - self.loc))

    def entropy(self):
        n = self._event_shape[0]
        return (0.5 * (n * (1.0 + math.log(2 * math.pi)) + self._log_det())).expand(self._batch_shape)
