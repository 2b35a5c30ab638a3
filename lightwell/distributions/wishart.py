"""The Wishart distribution."""

import math
import warnings

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.chi2 import Chi2
from lightwell.distributions.exp_family import ExponentialFamily
from lightwell.distributions.multivariate_normal import half_log_det, precision_to_scale_tril
from lightwell.distributions.utils import is_number, lazy_property
from lightwell.errors.teaching import AssertionError, ValueError
from lightwell.tensor import Size

from ..errors.level import users_level

__all__ = ["Wishart"]

_LOG_2 = math.log(2)


def _mvdigamma(x, p: int):
    """The derivative of the multivariate log-gamma function: Σⱼ ψ(x - j/2), j = 0 … p-1."""
    return lw.digamma(x.unsqueeze(-1) - lw.arange(p, dtype=x.dtype) / 2).sum(-1)


class Wishart(ExponentialFamily):
    """The distribution of XᵀX for `df` rows of X drawn from N(0, Σ): symmetric positive-definite (p, p) matrices, df > p - 1.

    Exactly one of `covariance_matrix` Σ, `precision_matrix` Σ⁻¹ and `scale_tril` L (Σ = LLᵀ). Draws by Bartlett's
    decomposition; for p - 1 < df < p they are often singular, which a warning tells.

    >>> import lightwell as torch
    >>> torch.distributions.Wishart(torch.tensor(3.0), torch.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _batched = ("df", "covariance_matrix", "precision_matrix", "scale_tril", "_unbroadcasted_scale_tril", "_dist_chi2")

    def __init__(self, df, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None):
        given = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril}
        given = {name: m for name, m in given.items() if m is not None}
        if len(given) != 1:
            raise AssertionError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        [(name, matrix)] = given.items()
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        event, p = matrix.shape[-2:], matrix.shape[-1]
        if is_number(df):
            batch = matrix.shape[:-2]
            self.df = lw.tensor(df, dtype=matrix.dtype).expand(batch)
        else:
            batch = lw.broadcast_shapes(matrix.shape[:-2], df.shape)
            self.df = df.expand(batch)
        if (self.df <= p - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {p - 1}.")
        setattr(self, name, matrix.expand(batch + (-1, -1)))
        if (self.df < p).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.", stacklevel=users_level()
            )
        super().__init__(batch, event, validate_args=validate_args)
        if name == "covariance_matrix":
            matrix = lw.linalg.cholesky(matrix)
        elif name == "precision_matrix":
            matrix = precision_to_scale_tril(matrix)
        self._unbroadcasted_scale_tril = matrix.expand(batch + (-1, -1))
        self._dist_chi2 = Chi2(self.df.unsqueeze(-1) - lw.arange(p, dtype=matrix.dtype))

    @property
    def arg_constraints(self):
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self.event_shape[-1] - 1),
        }

    @lazy_property
    def scale_tril(self):
        """L."""
        return self._unbroadcasted_scale_tril

    @lazy_property
    def covariance_matrix(self):
        """Σ = LLᵀ."""
        return self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT

    @lazy_property
    def precision_matrix(self):
        """Σ⁻¹."""
        return lw.cholesky_inverse(self._unbroadcasted_scale_tril)

    @property
    def mean(self):
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self):
        factor = self.df - self._event_shape[-1] - 1
        return lw.where(factor <= 0, math.nan, factor)[..., None, None] * self.covariance_matrix

    @property
    def variance(self):
        v = self.covariance_matrix
        d = v.diagonal(dim1=-2, dim2=-1)
        return self.df[..., None, None] * (v.pow(2) + d.unsqueeze(-1) * d.unsqueeze(-2))

    def _bartlett_sampling(self, sample_shape=Size()):
        p = self._event_shape[-1]
        diagonal = self._dist_chi2.rsample(sample_shape).sqrt()
        noise = diagonal.clamp(min=lw.finfo(diagonal.dtype).eps).diag_embed()
        i, j = lw.tril_indices(p, p, offset=-1)
        noise[..., i, j] = lw.randn((*sample_shape, *self._batch_shape, p * (p - 1) // 2), dtype=noise.dtype)
        factor = self._unbroadcasted_scale_tril @ noise
        return factor @ factor.mT

    def _regular(self, sample):
        """Which draws (along sample_shape) have a regular matrix somewhere in the batch, and which everywhere."""
        good = self.support.check(sample)
        dims = tuple(range(-len(self._batch_shape), 0))
        return (good.any(dims), good.all(dims)) if dims else (good, good)

    def rsample(self, sample_shape=Size(), max_try_correction=None):
        """Draws; singular ones are drawn again, at most `max_try_correction` (10) times."""
        sample = self._bartlett_sampling(sample_shape)
        # PyTorch draws the regular ones a second time (it takes the check the wrong way round): so does this, for its stream
        again = self._regular(sample)[0]
        for _ in range(10 if max_try_correction is None else max_try_correction):
            if not again.any():
                break
            sample = sample.clone()
            sample[again] = self._bartlett_sampling(again[again].shape)
            again = ~self._regular(sample)[1]
        if again.any():
            warnings.warn("Singular sample detected.", stacklevel=users_level())
        return sample

    def log_prob(self, value):
        self._check(value)
        nu, p, tril = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        trace = lw.cholesky_solve(value, tril).diagonal(dim1=-2, dim2=-1).sum(-1)
        norm = nu * (p * _LOG_2 / 2 + half_log_det(tril)) + lw.mvlgamma(nu / 2, p=p)
        return (nu - p - 1) / 2 * lw.linalg.slogdet(value).logabsdet - norm - trace / 2

    def entropy(self):
        nu, p = self.df, self._event_shape[-1]
        volume = (p + 1) * (p * _LOG_2 / 2 + half_log_det(self._unbroadcasted_scale_tril))
        return volume + lw.mvlgamma(nu / 2, p=p) - (nu - p - 1) / 2 * _mvdigamma(nu / 2, p) + nu * p / 2

    @property
    def _natural_params(self):
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x, y):
        p = self._event_shape[-1]
        half = y + (p + 1) / 2
        return half * (-lw.linalg.slogdet(-2 * x).logabsdet + _LOG_2 * p) + lw.mvlgamma(half, p=p)
