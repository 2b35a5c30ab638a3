"""Layers that turn scores into shares: softmax and its kin."""

from __future__ import annotations

from ...errors.teaching import ValueError
from .. import functional as F
from ..module import Module

__all__ = ["LogSoftmax", "Softmax", "Softmax2d", "Softmin"]


class _Normalizing(Module):
    """A function of all elements along one dimension."""

    __constants__ = ["dim"]

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def __setstate__(self, state) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("dim", None)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softmax(_Normalizing):
    """yᵢ = e^{xᵢ} / Σⱼ e^{xⱼ} along `dim`.

    >>> import lightwell as torch
    >>> torch.nn.Softmax(dim=1)(torch.zeros(1, 4))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """

    def forward(self, input):
        """The softmax."""
        return F.softmax(input, self.dim, _stacklevel=5)


class Softmin(_Normalizing):
    """yᵢ = e^{-xᵢ} / Σⱼ e^{-xⱼ} along `dim`.

    >>> import lightwell as torch
    >>> torch.nn.Softmin(dim=1)(torch.zeros(1, 2))
    tensor([[0.5000, 0.5000]])
    """

    def forward(self, input):
        """The softmin."""
        return F.softmin(input, self.dim, _stacklevel=5)


class LogSoftmax(_Normalizing):
    """yᵢ = xᵢ - log Σⱼ e^{xⱼ} along `dim`.

    >>> import lightwell as torch
    >>> torch.nn.LogSoftmax(dim=1)(torch.zeros(1, 2))
    tensor([[-0.6931, -0.6931]])
    """

    def forward(self, input):
        """The log-softmax."""
        return F.log_softmax(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """Softmax over the channels of (N, C, H, W) or (C, H, W); ValueError for other inputs.

    >>> import lightwell as torch
    >>> torch.nn.Softmax2d()(torch.zeros(1, 2, 1, 1)).flatten()
    tensor([0.5000, 0.5000])
    """

    def forward(self, input):
        """The softmax over dimension -3."""
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3, _stacklevel=5)
