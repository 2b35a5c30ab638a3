"""Padding layers: constant, reflected, replicated and circular borders in one to three dimensions."""

from __future__ import annotations

from .. import functional as F
from ..core import expand
from ..module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _Pad(Module):
    """`padding` holds (before, after) of the last `_n` dimensions, the last first; `_mode` says what goes there."""

    __constants__ = ["padding"]
    _n, _mode = 0, "constant"

    def __init__(self, padding) -> None:
        super().__init__()
        self.padding = expand(padding, 2 * self._n)

    def forward(self, input):
        """The padded input."""
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """The widths."""
        return f"{self.padding}"


class _ConstantPadNd(_Pad):
    __constants__ = ["padding", "value"]

    def __init__(self, padding, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input):
        """The padded input."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The widths and the value."""
        return f"padding={self.padding}, value={self.value}"


class _ZeroPadNd(_ConstantPadNd):
    def __init__(self, padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The widths."""
        return f"{self.padding}"


def _family(kind: str, base: type, what: str, mode: str, example: str = "") -> list[type]:
    """The classes of one kind of border for one, two and three dimensions."""
    made = []
    for n, last in ((1, "the last dimension"), (2, "the last two dimensions"), (3, "the last three dimensions")):
        name, shape = f"{kind}{n}d", ", ".join(["1"] * 2 + ["4"] * n)
        result = ", ".join(["1"] * 2 + ["6"] * n)
        doc = f"""{last.capitalize()} widened with {what}; an int for all sides, or {2 * n} widths, the last dimension first.

    >>> import lightwell as torch
    >>> torch.nn.{name}(1{example})(torch.ones({shape})).shape
    torch.Size([{result}])
    """
        made.append(type(name, (base,), {"__doc__": doc, "__module__": __name__, "_n": n, "_mode": mode}))
    return made


ConstantPad1d, ConstantPad2d, ConstantPad3d = _family("ConstantPad", _ConstantPadNd, "`value`", "constant", ", 0.5")
ZeroPad1d, ZeroPad2d, ZeroPad3d = _family("ZeroPad", _ZeroPadNd, "zeros", "constant")
ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = _family("ReflectionPad", _Pad, "the mirrored input, its edge not repeated", "reflect")
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = _family("ReplicationPad", _Pad, "copies of the edge", "replicate")
CircularPad1d, CircularPad2d, CircularPad3d = _family("CircularPad", _Pad, "the opposite side's values", "circular")
