"""The multivariate normal distribution as Gaussian processes use it: Cholesky factor at need, with jitter; arithmetic; confidence."""

import lightwell as lw
from lightwell import distributions as D
from lightwell.distributions import Distribution
from lightwell.distributions.utils import lazy_property
from lightwell.errors.teaching import RuntimeError
from lightwell.gp import settings
from lightwell.gp.operators import DenseLinearOperator, to_dense
from lightwell.gp.utils.cholesky import psd_safe_cholesky
from lightwell.tensor import Size, Tensor

__all__ = ["Distribution", "MultivariateNormal"]


class MultivariateNormal(D.MultivariateNormal):
    """N(mean, covariance_matrix), the covariance a tensor or what a kernel returned.

    RuntimeError where neither is a tensor or an operator, or the covariance is no square matrix of the mean's size.

    >>> import lightwell as torch
    >>> from lightwell import gp
    >>> d = gp.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
    >>> (d + 1).mean, (2 * d).variance
    (tensor([1., 1.]), tensor([4., 4.]))
    """

    _batched, _kept = ("loc", "_covariance"), ("islazy",)

    def __init__(self, mean, covariance_matrix, validate_args=False):
        self.islazy = isinstance(mean, DenseLinearOperator) or isinstance(covariance_matrix, DenseLinearOperator)
        covariance = to_dense(covariance_matrix)
        if not isinstance(mean, Tensor) or not isinstance(covariance, Tensor):
            raise RuntimeError(
                f"The covariance of a MultivariateNormal must be a matrix, got {type(mean).__name__} and {type(covariance_matrix).__name__}"
            )
        n = mean.shape[-1]
        if covariance.shape[-2:] != (n, n):
            raise RuntimeError(
                f"MultivariateNormal: a mean of shape {tuple(mean.shape)} needs a covariance of (..., {n}, {n}), got {tuple(covariance.shape)}"
            )
        batch = lw.broadcast_shapes(mean.shape[:-1], covariance.shape[:-2])
        self.loc, self._covariance = mean.expand((*batch, n)), covariance.expand((*batch, n, n))
        Distribution.__init__(self, Size(batch), Size((n,)), validate_args=False)
        self._validate_args = validate_args
        if validate_args:
            self._validate_parameters()

    arg_constraints = {"loc": D.constraints.real_vector, "covariance_matrix": D.constraints.positive_definite}

    @lazy_property
    def _unbroadcasted_scale_tril(self):
        return psd_safe_cholesky(self._covariance)

    @property
    def scale_tril(self):
        """The Cholesky factor of the covariance."""
        return self._unbroadcasted_scale_tril

    @property
    def covariance_matrix(self):
        """The covariance."""
        return self._covariance

    @property
    def lazy_covariance_matrix(self):
        """The covariance with the methods of lazy matrices."""
        return DenseLinearOperator(self._covariance)

    @property
    def variance(self):
        return self._covariance.diagonal(dim1=-2, dim2=-1).clamp(min=settings.min_variance.value(self._covariance.dtype))

    def confidence_region(self):
        """(mean - 2·stddev, mean + 2·stddev)."""
        margin = self.stddev.mul(2)
        return self.mean.sub(margin), self.mean.add(margin)

    @property
    def base_sample_shape(self):
        """The shape of the normal numbers behind one draw."""
        return self._event_shape

    def get_base_samples(self, sample_shape=Size()):
        """Standard normal numbers for `rsample`."""
        return lw.randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)

    def rsample(self, sample_shape=Size(), base_samples=None):
        """Draws; from the given standard normal numbers, if any."""
        if base_samples is not None:
            return self.loc + (self.scale_tril @ base_samples.unsqueeze(-1)).squeeze(-1)
        # GPyTorch draws the numbers of one place after another, not of one sample after another
        z = lw.randn((*self.loc.shape, Size(sample_shape).numel()), dtype=self.loc.dtype)
        drawn = (self.scale_tril @ z).movedim(-1, 0) + self.loc
        return drawn.reshape(self._extended_shape(sample_shape))

    def sample(self, sample_shape=Size(), base_samples=None):
        with lw.no_grad():
            return self.rsample(sample_shape, base_samples)

    def to_data_independent_dist(self):
        """The marginals: independent normal distributions."""
        return D.Normal(self.mean, self.stddev)

    def add_jitter(self, noise: float = 1e-4):
        """The distribution with independent noise of this variance added."""
        return type(self)(self.loc, self.lazy_covariance_matrix.add_jitter(noise))

    def unsqueeze(self, dim: int):
        """A new batch dimension."""
        if dim < 0:
            dim += len(self._batch_shape) + 1
        return type(self)(self.loc.unsqueeze(dim), self._covariance.unsqueeze(dim))

    def __add__(self, other):
        if isinstance(other, MultivariateNormal):  # of an independent variable
            return type(self)(self.loc + other.loc, self._covariance + other._covariance)
        if isinstance(other, (int, float, Tensor)):
            return type(self)(self.loc + other, self._covariance)
        return NotImplemented

    __radd__ = __add__

    def __mul__(self, other):
        if not isinstance(other, (int, float)):
            raise RuntimeError(f"Can only multiply by scalars, got {type(other).__name__}")
        return self if other == 1 else type(self)(self.loc * other, self._covariance * other**2)

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self * (1.0 / other)

    def __getitem__(self, index):
        """The marginal distribution over some places: of the batch, then of the event by a slice or a tensor of places."""
        index = index if isinstance(index, tuple) else (index,)
        if Ellipsis in index:
            at = index.index(Ellipsis)
            fill = self.loc.dim() - (len(index) - 1)
            index = index[:at] + (slice(None),) * fill + index[at + 1 :]
        if len(index) < self.loc.dim():
            return type(self)(self.loc[index], self._covariance[index])
        *batch, last = index
        mean, covariance = self.loc[(*batch,)] if batch else self.loc, self._covariance[(*batch,)] if batch else self._covariance
        if isinstance(last, int):
            return D.Normal(mean[..., last], covariance[..., last, last].sqrt())
        return type(self)(mean[..., last], covariance[..., last, :][..., last])

    def __repr__(self):
        return f"{type(self).__name__}(loc: {self.loc.size()})"


@D.register_kl(MultivariateNormal, MultivariateNormal)
def _kl(p, q):
    return D.kl._normals(p, q)
