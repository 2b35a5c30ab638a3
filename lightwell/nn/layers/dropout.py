"""Dropout layers: in training, elements or whole channels set to zero at random."""

from __future__ import annotations

from ...errors.teaching import TypeError, ValueError
from .. import functional as F
from ..module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    """The probability, checked, and the in-place flag."""

    __constants__ = ["p", "inplace"]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if isinstance(p, (str, list, tuple)) or p is None:
            raise TypeError(f"dropout probability has to be a number between 0 and 1, not {p!r}")
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        """The arguments."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    r"""y = m·x/(1 - p), m Bernoulli(1 - p) for each element; y = x in evaluation (Hinton et al., 2012).

    Raises ValueError unless 0 ≤ p ≤ 1, as all dropout layers do.

    >>> import lightwell as torch
    >>> torch.nn.Dropout(0.2).eval()(torch.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input):
        """The input with elements dropped."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Dropout of whole channels of (N, C, L) or (C, L) (Tompson et al., 2015).

    >>> import lightwell as torch
    >>> torch.nn.Dropout1d(1.0)(torch.ones(1, 2, 2))
    tensor([[[0., 0.],
             [0., 0.]]])
    """

    def forward(self, input):
        """The input with channels dropped."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Dropout of whole channels of (N, C, H, W) or (N, C, L) (Tompson et al., 2015).

    >>> import lightwell as torch
    >>> torch.nn.Dropout2d(1.0)(torch.ones(1, 1, 1, 2))
    tensor([[[[0., 0.]]]])
    """

    def forward(self, input):
        """The input with channels dropped."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Dropout of whole channels of (N, C, D, H, W) (Tompson et al., 2015).

    >>> import lightwell as torch
    >>> torch.nn.Dropout3d(1.0)(torch.ones(1, 1, 1, 1, 2))
    tensor([[[[[0., 0.]]]]])
    """

    def forward(self, input):
        """The input with channels dropped."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that sets elements to SELU's saturation value and keeps mean and variance (Klambauer et al., 2017).

    >>> import lightwell as torch
    >>> torch.nn.AlphaDropout(0.2).eval()(torch.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input):
        """The input with elements dropped."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """AlphaDropout of whole channels.

    >>> import lightwell as torch
    >>> torch.nn.FeatureAlphaDropout(0.2).eval()(torch.ones(1, 3))
    tensor([[1., 1., 1.]])
    """

    def forward(self, input):
        """The input with channels dropped."""
        return F.feature_alpha_dropout(input, self.p, self.training)
