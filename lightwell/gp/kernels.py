"""Covariance functions of Gaussian processes, their sums, products and scalings."""

import math

import lightwell as lw
from lightwell import nn
from lightwell.errors.teaching import NotImplementedError, RuntimeError
from lightwell.gp.constraints import Positive
from lightwell.gp.module import Module, constrained
from lightwell.gp.operators import DenseLinearOperator, to_dense
from lightwell.tensor import Size

__all__ = [
    "AdditiveKernel", "CosineKernel", "Kernel", "LinearKernel", "MaternKernel", "PeriodicKernel", "PolynomialKernel",
    "ProductKernel", "RBFKernel", "RQKernel", "ScaleKernel",
]  # fmt: skip


def sq_dist(x1, x2, same: bool):
    """‖x - x'‖² of all pairs, by ‖x‖² + ‖x'‖² - 2x·x' about the mean; exactly 0 on the diagonal where the inputs are the same."""
    centre = x1.mean(-2, keepdim=True)
    a, b = x1 - centre, x2 - centre
    square = a.square().sum(-1, keepdim=True) + b.square().sum(-1).unsqueeze(-2) - 2 * (a @ b.mT)
    if same:
        square = square.masked_fill(lw.eye(square.shape[-1], dtype=lw.bool), 0.0)
    return square.clamp(min=0)


class Kernel(Module):
    """A covariance function: called on inputs (…, n, d), or (n,) for d = 1, it gives the matrix of all pairs.

    `k(x1, x2)` gives a matrix with `to_dense()`; `k(x1, x2, diag=True)` the vector of pairs of equal number. k1 + k2 and
    k1 * k2 are kernels. `active_dims` picks input dimensions; `ard_num_dims` gives each its own lengthscale.
    A subclass defines `forward(x1, x2, diag=False, **params)`, and `has_lengthscale = True` where it reads `lengthscale`.
    """

    has_lengthscale = False
    lengthscale = constrained("lengthscale", "The distance over which values are alike.")

    def __init__(
        self, ard_num_dims=None, batch_shape=None, active_dims=None, lengthscale_prior=None, lengthscale_constraint=None, **kwargs
    ):
        super().__init__()
        self._batch_shape = Size() if batch_shape is None else Size(batch_shape)
        self.ard_num_dims = ard_num_dims
        active = None if active_dims is None else lw.tensor(active_dims, dtype=lw.long).reshape(-1)
        self.register_buffer("active_dims", active, persistent=active is not None)
        if self.has_lengthscale:
            self._register("lengthscale", (*self._batch_shape, 1, ard_num_dims or 1), lengthscale_prior, lengthscale_constraint)

    def _register(self, name, shape, prior, constraint):
        """A parameter `raw_name` of zeros, positive through softplus unless told otherwise, with its prior."""
        self.register_parameter("raw_" + name, nn.Parameter(lw.zeros(shape)))
        if prior is not None:
            self.register_prior(name + "_prior", prior, name)
        self.register_constraint("raw_" + name, Positive() if constraint is None else constraint)

    @property
    def batch_shape(self) -> Size:
        """The batch of kernels."""
        return self._batch_shape

    @property
    def is_stationary(self) -> bool:
        """Whether it depends on x - x' alone."""
        return self.has_lengthscale

    @property
    def dtype(self):
        """The parameters' dtype."""
        return next((p.dtype for p in self.parameters()), lw.get_default_dtype())

    def covar_dist(self, x1, x2, diag=False, last_dim_is_batch=False, square_dist=False, **params):
        """‖x1 - x2‖, or its square, of all pairs, or (`diag`) of those of equal number."""
        if last_dim_is_batch:
            x1, x2 = x1.transpose(-1, -2).unsqueeze(-1), x2.transpose(-1, -2).unsqueeze(-1)
        if diag:
            square = (x1 - x2).square().sum(-1)
        else:
            square = sq_dist(x1, x2, x1.shape == x2.shape and bool(lw.equal(x1, x2)))
        return square if square_dist else square.clamp(min=1e-30).sqrt()

    def forward(self, x1, x2, diag=False, **params):
        """The covariances; a subclass's own."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x1, x2, diag=False)")

    def _prepared(self, x):
        x = x.unsqueeze(-1) if x.dim() == 1 else x
        if self.active_dims is not None:
            x = x.index_select(-1, self.active_dims)
        if self.ard_num_dims not in (None, 1, x.shape[-1]):
            raise RuntimeError(
                f"Expected the input to have {self.ard_num_dims} dimensionality (based on the ard_num_dims argument). Got {x.shape[-1]}."
            )
        return x

    def __call__(self, x1, x2=None, diag=False, last_dim_is_batch=False, **params):
        x1 = self._prepared(x1)
        x2 = x1 if x2 is None else self._prepared(x2)
        if x1.shape[-1] != x2.shape[-1]:
            raise RuntimeError(f"x1 and x2 must have the same number of dimensions! Got {x1.shape[-1]} and {x2.shape[-1]}")
        if last_dim_is_batch:
            params["last_dim_is_batch"] = True
        result = to_dense(super().__call__(x1, x2, diag=diag, **params))
        if not diag:
            return DenseLinearOperator(result)
        if result.shape[-2:] == (x1.shape[-2], x1.shape[-2]) and result.dim() > x1.dim() - 1:
            return result.diagonal(dim1=-2, dim2=-1)  # a forward that leaves `diag` aside
        return result

    def __add__(self, other):
        return AdditiveKernel(*_parts(self, AdditiveKernel), *_parts(other, AdditiveKernel))

    def __mul__(self, other):
        return ProductKernel(*_parts(self, ProductKernel), *_parts(other, ProductKernel))


def _parts(kernel, kind):
    return kernel.kernels if isinstance(kernel, kind) else [kernel]


class RBFKernel(Kernel):
    """exp(-‖x - x'‖²/(2ℓ²)).

    >>> import lightwell as torch
    >>> from lightwell import gp
    >>> k = gp.kernels.RBFKernel(); k.lengthscale = 1.0
    >>> k(torch.tensor([0.0, 1.0])).to_dense().detach()
    tensor([[1.0000, 0.6065],
            [0.6065, 1.0000]])
    """

    has_lengthscale = True

    def forward(self, x1, x2, diag=False, **params):
        return self.covar_dist(x1 / self.lengthscale, x2 / self.lengthscale, diag, square_dist=True, **params).div(-2).exp()


class MaternKernel(Kernel):
    """With d = ‖x - x'‖/ℓ: e^(-d) for ν = 1/2, (1 + √3d)e^(-√3d) for 3/2, (1 + √5d + 5d²/3)e^(-√5d) for 5/2.

    RuntimeError for another ν. Rasmussen and Williams (2006), section 4.2.
    """

    has_lengthscale = True

    def __init__(self, nu=2.5, **kwargs):
        if nu not in (0.5, 1.5, 2.5):
            raise RuntimeError(f"nu expected to be 0.5, 1.5, or 2.5, got {nu}")
        super().__init__(**kwargs)
        self.nu = nu

    def forward(self, x1, x2, diag=False, **params):
        d = self.covar_dist(x1 / self.lengthscale, x2 / self.lengthscale, diag, **params)
        fall = (-math.sqrt(self.nu * 2) * d).exp()
        if self.nu == 0.5:
            return fall
        if self.nu == 1.5:
            return (math.sqrt(3) * d + 1) * fall
        return (math.sqrt(5) * d + 1 + 5.0 / 3.0 * d**2) * fall


class RQKernel(Kernel):
    """(1 + ‖x - x'‖²/(2αℓ²))^(-α): RBF kernels of many lengthscales together."""

    has_lengthscale = True
    alpha = constrained("alpha", "How alike the lengthscales are.")

    def __init__(self, alpha_constraint=None, **kwargs):
        super().__init__(**kwargs)
        self._register("alpha", (*self._batch_shape, 1), None, alpha_constraint)

    def forward(self, x1, x2, diag=False, **params):
        square = self.covar_dist(x1 / self.lengthscale, x2 / self.lengthscale, diag, square_dist=True, **params)
        alpha = self.alpha if diag else self.alpha.unsqueeze(-1)
        return (1 + square / (2 * alpha)).pow(-alpha)


class PeriodicKernel(Kernel):
    """exp(-2 Σᵢ sin²(π(xᵢ - xᵢ')/pᵢ)/ℓᵢ), with periods p."""

    has_lengthscale = True
    period_length = constrained("period_length", "The period.")

    def __init__(self, period_length_prior=None, period_length_constraint=None, **kwargs):
        super().__init__(**kwargs)
        self._register("period_length", (*self._batch_shape, 1, self.ard_num_dims or 1), period_length_prior, period_length_constraint)

    def forward(self, x1, x2, diag=False, **params):
        a, b = x1 * (math.pi / self.period_length), x2 * (math.pi / self.period_length)
        d = a - b if diag else a.unsqueeze(-2) - b.unsqueeze(-3)
        lengthscale = self.lengthscale if diag else self.lengthscale.unsqueeze(-2)
        return (d.sin().square() / lengthscale).sum(-1).mul(-2.0).exp()


class CosineKernel(Kernel):
    """cos(π‖x - x'‖/p), with period 2p."""

    period_length = constrained("period_length", "Half the period.")

    def __init__(self, period_length_prior=None, period_length_constraint=None, **kwargs):
        super().__init__(**kwargs)
        self._register("period_length", (*self._batch_shape, 1, 1), period_length_prior, period_length_constraint)

    @property
    def is_stationary(self):
        return True

    def forward(self, x1, x2, diag=False, **params):
        return (self.covar_dist(x1 / self.period_length, x2 / self.period_length, diag, **params) * math.pi).cos()


class LinearKernel(Kernel):
    """Σᵢ vᵢxᵢxᵢ', with variances v: the covariance of linear functions."""

    variance = constrained("variance", "The variance of the slope.")

    def __init__(self, ard_num_dims=None, variance_prior=None, variance_constraint=None, **kwargs):
        super().__init__(ard_num_dims=ard_num_dims, **kwargs)
        self._register("variance", (*self._batch_shape, 1, ard_num_dims or 1), variance_prior, variance_constraint)

    def forward(self, x1, x2, diag=False, **params):
        root = self.variance.sqrt()
        a, b = x1 * root, x2 * root
        return (a * b).sum(-1) if diag else a @ b.mT


class PolynomialKernel(Kernel):
    """(x·x' + c)^power, with offset c."""

    offset = constrained("offset", "The constant added.")

    def __init__(self, power, offset_prior=None, offset_constraint=None, **kwargs):
        super().__init__(**kwargs)
        self.power = int(power.item()) if hasattr(power, "item") else power
        self._register("offset", (*self._batch_shape, 1), offset_prior, offset_constraint)

    def forward(self, x1, x2, diag=False, **params):
        if diag:
            return ((x1 * x2).sum(-1) + self.offset).pow(self.power)
        return (x1 @ x2.mT + self.offset.unsqueeze(-1)).pow(self.power)


class ScaleKernel(Kernel):
    """outputscale · base kernel: the variance of the function, at first 0.6931.

    >>> import lightwell as torch
    >>> from lightwell import gp
    >>> k = gp.kernels.ScaleKernel(gp.kernels.RBFKernel()); k.outputscale = 2.0
    >>> k(torch.tensor([0.0]), diag=True).detach()
    tensor([2.])
    """

    outputscale = constrained("outputscale", "The factor.")

    def __init__(self, base_kernel, outputscale_prior=None, outputscale_constraint=None, **kwargs):
        if base_kernel.active_dims is not None:
            kwargs["active_dims"] = base_kernel.active_dims.tolist()
            base_kernel.active_dims = None  # they are picked here, once
        super().__init__(**kwargs)
        self.base_kernel = base_kernel
        self._register("outputscale", tuple(self._batch_shape), outputscale_prior, outputscale_constraint)

    @property
    def is_stationary(self):
        return self.base_kernel.is_stationary

    def forward(self, x1, x2, diag=False, **params):
        scale = self.outputscale.unsqueeze(-1) if diag else self.outputscale[..., None, None]
        return to_dense(self.base_kernel(x1, x2, diag=diag, **params)) * scale


class _Combined(Kernel):
    """Kernels taken together."""

    def __init__(self, *kernels):
        super().__init__()
        self.kernels = nn.ModuleList(kernels)

    @property
    def is_stationary(self):
        return all(k.is_stationary for k in self.kernels)

    def forward(self, x1, x2, diag=False, **params):
        first, *rest = (to_dense(k(x1, x2, diag=diag, **params)) for k in self.kernels)
        for other in rest:
            first = self._join(first, other)
        return first


class AdditiveKernel(_Combined):
    """The sum of kernels: the covariance of a sum of independent functions. Written k1 + k2."""

    _join = staticmethod(lambda a, b: a + b)


class ProductKernel(_Combined):
    """The product of kernels. Written k1 * k2."""

    _join = staticmethod(lambda a, b: a * b)
