"""The logistic-normal distribution."""

from lightwell.distributions import constraints
from lightwell.distributions.normal import Normal
from lightwell.distributions.transformed_distribution import TransformedDistribution
from lightwell.distributions.transforms import StickBreakingTransform

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """A point of the simplex with n + 1 corners, by stick breaking from n numbers x ~ Normal(`loc`, `scale`).

    >>> import lightwell as torch
    >>> torch.distributions.LogisticNormal(torch.zeros(3), torch.ones(3)).event_shape
    torch.Size([4])
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True
    _batched = ()

    def __init__(self, loc, scale, validate_args=None):
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    @property
    def loc(self):
        """The normal numbers' mean."""
        return self.base_dist.base_dist.loc

    @property
    def scale(self):
        """Their standard deviation."""
        return self.base_dist.base_dist.scale
