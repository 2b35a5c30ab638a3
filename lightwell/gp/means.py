"""Mean functions of Gaussian processes."""

import lightwell as lw
from lightwell import nn
from lightwell.errors.teaching import NotImplementedError
from lightwell.gp.module import Module, constrained
from lightwell.tensor import Size

__all__ = ["ConstantMean", "LinearMean", "Mean", "ZeroMean"]


class Mean(Module):
    """A function of inputs (…, n, d), or (n,) for d = 1, to means (…, n)."""

    def forward(self, x):
        """The means at x; a subclass's own."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x)")

    def __call__(self, x):
        """The means at x."""
        return super().__call__(x.unsqueeze(-1) if x.dim() == 1 else x)


class ZeroMean(Mean):
    """0 everywhere."""

    def __init__(self, batch_shape=Size(), **kwargs):
        super().__init__()
        self.batch_shape = batch_shape

    def forward(self, x):
        shape = lw.broadcast_shapes((*self.batch_shape, 1), x.shape[:-1])
        return lw.zeros(shape, dtype=x.dtype)


class ConstantMean(Mean):
    """A constant, at first 0, that is learned.

    >>> import lightwell as torch
    >>> from lightwell import gp
    >>> gp.means.ConstantMean()(torch.zeros(3)).shape
    torch.Size([3])
    """

    constant = constrained("constant", "The value.")

    def __init__(self, constant_prior=None, constant_constraint=None, batch_shape=Size(), **kwargs):
        super().__init__()
        self.batch_shape = batch_shape
        self.register_parameter("raw_constant", nn.Parameter(lw.zeros(batch_shape)))
        if constant_prior is not None:
            self.register_prior("mean_prior", constant_prior, "constant")
        if constant_constraint is not None:
            self.register_constraint("raw_constant", constant_constraint)

    def forward(self, x):
        constant = self.constant.unsqueeze(-1)
        return constant.expand(lw.broadcast_shapes(constant.shape, x.shape[:-1]))


class LinearMean(Mean):
    """x·weights + bias, both learned, at first normal numbers."""

    def __init__(self, input_size, batch_shape=Size(), bias=True):
        super().__init__()
        self.register_parameter("weights", nn.Parameter(lw.randn((*batch_shape, input_size, 1))))
        self.bias = nn.Parameter(lw.randn((*batch_shape, 1))) if bias else None

    def forward(self, x):
        y = x.matmul(self.weights).squeeze(-1)
        return y if self.bias is None else y + self.bias
