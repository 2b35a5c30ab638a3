"""The χ² distribution."""

from lightwell.distributions import constraints
from lightwell.distributions.gamma import Gamma

__all__ = ["Chi2"]


class Chi2(Gamma):
    """The sum of `df` squared standard normal numbers: Gamma(df/2, 1/2).

    >>> import lightwell as torch
    >>> torch.distributions.Chi2(torch.tensor([4.0])).variance
    tensor([8.])
    """

    arg_constraints = {"df": constraints.positive}
    _batched = Gamma._batched

    def __init__(self, df, validate_args=None):
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self):
        """Degrees of freedom."""
        return self.concentration * 2
