"""The distribution of Lewandowski, Kurowicka and Joe over correlation matrices, by their Cholesky factors."""

import math

import lightwell as lw
from lightwell.distributions import constraints
from lightwell.distributions.beta import Beta
from lightwell.distributions.distribution import Distribution
from lightwell.errors.teaching import ValueError
from lightwell.tensor import Size

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Lower Cholesky factors L of correlation matrices (dim, dim), with density of LLᵀ ∝ det(LLᵀ)^(η-1), η = `concentration`.

    η = 1 is uniform. Draws by the onion method (Lewandowski, Kurowicka and Joe 2009); they have no gradient.

    >>> import lightwell as torch
    >>> d = torch.distributions.LKJCholesky(3, 0.5)
    >>> l = d.sample()
    >>> bool(torch.isclose((l @ l.mT).diagonal(), torch.ones(3)).all())
    True
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _batched, _kept = ("concentration", "_beta"), ("dim",)

    def __init__(self, dim, concentration=1.0, validate_args=None):
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        batch = self._place(concentration=concentration)
        marginal = self.concentration + 0.5 * (dim - 2)
        offset = lw.arange(dim - 1, dtype=self.concentration.dtype)
        offset = lw.cat([offset.new_zeros((1,)), offset])  # row i of L has a squared length ~ Beta of its own left of the diagonal
        self._beta = Beta(offset + 0.5, marginal.unsqueeze(-1) - 0.5 * offset)
        super().__init__(batch, Size((dim, dim)), validate_args)

    def sample(self, sample_shape=Size()):
        with lw.no_grad():
            y = self._beta.sample(sample_shape).unsqueeze(-1)
            u = lw.randn(self._extended_shape(sample_shape), dtype=y.dtype).tril(-1)
            u = u / u.norm(dim=-1, keepdim=True)
            u[..., 0, :].fill_(0.0)  # nothing left of the first diagonal element
            w = lw.sqrt(y) * u
            diagonal = (1 - (w**2).sum(-1)).clamp(min=lw.finfo(w.dtype).tiny).sqrt()
            return w + lw.diag_embed(diagonal)

    def log_prob(self, value):
        self._check(value)
        below = self.dim - 1
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - lw.arange(2, self.dim + 1)
        unnormalized = (order * value.diagonal(dim1=-1, dim2=-2)[..., 1:].log()).sum(-1)
        alpha = self.concentration + 0.5 * below
        norm = 0.5 * below * math.log(math.pi) + lw.mvlgamma(alpha - 0.5, below) - lw.lgamma(alpha) * below
        return unnormalized - norm
