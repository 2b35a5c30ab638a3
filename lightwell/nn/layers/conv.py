"""Convolution layers and their transposes in one, two and three dimensions, with lazy forms."""

from __future__ import annotations

import math

from ...errors.teaching import RuntimeError, ValueError
from .. import functional as F
from .. import init
from ..core import empty, expand, factory
from ..module import Module
from ..parameter import Parameter, UninitializedParameter
from .lazy import LazyModuleMixin

__all__ = [
    "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "LazyConv1d", "LazyConv2d",
    "LazyConv3d", "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d",
]  # fmt: skip

_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """Weight, bias, geometry and its checks: what all convolutions share. `_n` is the number of spatial dimensions."""

    __constants__ = [
        "stride", "padding", "dilation", "groups", "padding_mode", "output_padding", "in_channels", "out_channels",
        "kernel_size",
    ]  # fmt: skip
    _n = 0

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: tuple, stride: tuple, padding, dilation: tuple,
        transposed: bool, output_padding: tuple, groups: int, bias: bool, padding_mode: str, device=None, dtype=None,
    ) -> None:  # fmt: skip
        super().__init__()
        if groups <= 0:
            raise ValueError(f"groups must be a positive integer, got {groups}")
        if in_channels % groups:
            raise ValueError(f"in_channels must be divisible by groups, got {in_channels} and {groups}")
        if out_channels % groups:
            raise ValueError(f"out_channels must be divisible by groups, got {out_channels} and {groups}")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of 'same', 'valid'")
            if padding == "same" and any(s != 1 for s in stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if padding_mode not in _MODES:
            raise ValueError(f"padding_mode must be one of {_MODES}, but got padding_mode='{padding_mode}'")
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel_size
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.transposed, self.output_padding = transposed, output_padding
        self.groups, self.padding_mode = groups, padding_mode
        # F.pad counts dimensions from the last: (left, right) of each, reversed.
        if padding == "same":
            total = [d * (k - 1) for d, k in zip(dilation, kernel_size, strict=True)]
            sides = [(t // 2, t - t // 2) for t in total]
        else:
            sides = [(0, 0)] * len(kernel_size) if padding == "valid" else [(p, p) for p in padding]
        self._reversed_padding_repeated_twice = [side for pair in reversed(sides) for side in pair]

        made = factory(device, dtype)
        self.weight = Parameter(empty(self._weight_shape(), **made))
        if bias:
            self.bias = Parameter(empty(out_channels, **made))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _weight_shape(self) -> tuple:
        a, b = self.out_channels, self.in_channels
        if self.transposed:
            a, b = b, a
        return (a, b // self.groups, *self.kernel_size)

    def reset_parameters(self) -> None:
        """Draw weight and bias from U(-k, k), k = 1/√(inputs of one output)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """Channels and geometry, defaults left out."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        zeros = (0,) * self._n
        if self.padding != zeros:
            parts.append(f"padding={self.padding}")
        if self.dilation != (1,) * self._n:
            parts.append(f"dilation={self.dilation}")
        if self.output_padding != zeros:
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)

    def __setstate__(self, state) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("padding_mode", "zeros")


class _Conv(_ConvNd):
    """The constructor and the call of the convolutions; `_op` names the function."""

    _op = ""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size, stride=1, padding=0, dilation=1, groups: int = 1,
        bias: bool = True, padding_mode: str = "zeros", device=None, dtype=None,
    ) -> None:  # fmt: skip
        n = self._n
        super().__init__(
            in_channels, out_channels, expand(kernel_size, n), expand(stride, n),
            padding if isinstance(padding, str) else expand(padding, n), expand(dilation, n),
            False, (0,) * n, groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def _conv_forward(self, input, weight, bias):
        op, padding = getattr(F, self._op), self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = (0,) * self._n
        return op(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input):
        """The convolution of the input."""
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Conv):
    r"""y(n, o) = b(o) + Σᵢ w(o, i) ⋆ x(n, i), ⋆ the cross-correlation: (N, C, L) or (C, L) to (N, O, L').

    L' = ⌊(L + 2·padding - dilation·(kernel_size - 1) - 1)/stride⌋ + 1. `padding` may be 'same' (stride 1 only) or
    'valid'. The weight has shape (O, C/groups, kernel_size). Raises ValueError when `groups` does not divide both
    channel counts, or for an unknown padding or padding_mode; so do all convolutions.

    >>> import lightwell as torch
    >>> torch.nn.Conv1d(16, 33, 3, stride=2)(torch.zeros(20, 16, 50)).shape
    torch.Size([20, 33, 24])
    """

    _n, _op = 1, "conv1d"


class Conv2d(_Conv):
    r"""y(n, o) = b(o) + Σᵢ w(o, i) ⋆ x(n, i), ⋆ the 2-d cross-correlation: (N, C, H, W) or (C, H, W) to (N, O, H', W').

    H' = ⌊(H + 2·padding - dilation·(kernel_size - 1) - 1)/stride⌋ + 1, and so W'. See Conv1d.

    >>> import lightwell as torch
    >>> torch.nn.Conv2d(1, 6, kernel_size=5, padding=2)(torch.zeros(4, 1, 28, 28)).shape
    torch.Size([4, 6, 28, 28])
    """

    _n, _op = 2, "conv2d"


class Conv3d(_Conv):
    r"""y(n, o) = b(o) + Σᵢ w(o, i) ⋆ x(n, i), ⋆ the 3-d cross-correlation: (N, C, D, H, W) to (N, O, D', H', W').

    See Conv1d for sizes and errors.

    >>> import lightwell as torch
    >>> torch.nn.Conv3d(2, 3, 3)(torch.zeros(1, 2, 5, 5, 5)).shape
    torch.Size([1, 3, 3, 3, 3])
    """

    _n, _op = 3, "conv3d"


class _ConvTransposeNd(_ConvNd):
    """The constructor and the call of the transposed convolutions; `_op` names the function."""

    _op = ""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size, stride=1, padding=0, output_padding=0, groups: int = 1,
        bias: bool = True, dilation=1, padding_mode: str = "zeros", device=None, dtype=None,
    ) -> None:  # fmt: skip
        n = self._n
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}, got {padding_mode!r}')
        super().__init__(
            in_channels, out_channels, expand(kernel_size, n), expand(stride, n), expand(padding, n),
            expand(dilation, n), True, expand(output_padding, n), groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def _output_padding_for(self, input, output_size) -> tuple:
        """What must be added to the smallest output to give `output_size`; ValueError where nothing can."""
        if output_size is None:
            return self.output_padding
        n = self._n
        lead = input.dim() - n
        wanted = list(output_size)[-n:] if len(output_size) == lead + n else list(output_size)
        if len(wanted) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.dim()}D input, output_size must have {n} or {lead + n} elements (got {len(output_size)})"
            )
        smallest = [
            (size - 1) * s - 2 * p + d * (k - 1) + 1
            for size, s, p, d, k in zip(input.shape[lead:], self.stride, self.padding, self.dilation, self.kernel_size, strict=True)
        ]
        largest = [low + s - 1 for low, s in zip(smallest, self.stride, strict=True)]
        if any(not low <= w <= high for low, w, high in zip(smallest, wanted, largest, strict=True)):
            raise ValueError(
                f"requested an output size of {wanted}, but valid sizes range from {smallest} to {largest} "
                f"(for an input of {input.shape[lead:]})"
            )
        return tuple(w - low for w, low in zip(wanted, smallest, strict=True))

    def forward(self, input, output_size=None):
        """The transposed convolution, of the size `output_size` where several sizes are possible."""
        extra = self._output_padding_for(input, output_size)
        return getattr(F, self._op)(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)


class ConvTranspose1d(_ConvTransposeNd):
    r"""The transpose of Conv1d (its gradient map): (N, C, L) to (N, O, L').

    L' = (L - 1)·stride - 2·padding + dilation·(kernel_size - 1) + output_padding + 1. The weight has shape
    (C, O/groups, kernel_size). Raises ValueError for any padding_mode but 'zeros', and as Conv1d does.

    >>> import lightwell as torch
    >>> torch.nn.ConvTranspose1d(4, 2, 3, stride=2)(torch.zeros(1, 4, 5)).shape
    torch.Size([1, 2, 11])
    """

    _n, _op = 1, "conv_transpose1d"


class ConvTranspose2d(_ConvTransposeNd):
    r"""The transpose of Conv2d (its gradient map): (N, C, H, W) to (N, O, H', W'). See ConvTranspose1d.

    >>> import lightwell as torch
    >>> up = torch.nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1)
    >>> up(torch.zeros(1, 4, 6, 6), output_size=(12, 12)).shape
    torch.Size([1, 2, 12, 12])
    """

    _n, _op = 2, "conv_transpose2d"


class ConvTranspose3d(_ConvTransposeNd):
    r"""The transpose of Conv3d (its gradient map): (N, C, D, H, W) to (N, O, D', H', W'). See ConvTranspose1d.

    >>> import lightwell as torch
    >>> torch.nn.ConvTranspose3d(4, 2, 2, stride=2)(torch.zeros(1, 4, 2, 2, 2)).shape
    torch.Size([1, 2, 4, 4, 4])
    """

    _n, _op = 3, "conv_transpose3d"


class _LazyConv(LazyModuleMixin):
    """A convolution whose in_channels is read from its first input."""

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, once they exist."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def _defer(self, out_channels: int, bias: bool, device, dtype) -> None:
        made = factory(device, dtype)
        self.weight = UninitializedParameter(**made)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(**made)

    def initialize_parameters(self, input, *args, **kwargs) -> None:
        """Give the parameters the shapes `input` asks for."""
        if not self.has_uninitialized_params():
            return
        n = self._n
        if input.dim() not in (n + 1, n + 2):
            raise RuntimeError(
                f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {type(self).__name__}, but got input of size: {input.shape}"
            )
        self.in_channels = input.shape[-n - 1]
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        self.weight.materialize(self._weight_shape())
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()


class _LazyForward(_LazyConv):
    def __init__(
        self, out_channels: int, kernel_size, stride=1, padding=0, dilation=1, groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros", device=None, dtype=None,
    ) -> None:  # fmt: skip
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype)
        self._defer(out_channels, bias, device, dtype)


class _LazyTransposed(_LazyConv):
    def __init__(
        self, out_channels: int, kernel_size, stride=1, padding=0, output_padding=0, groups: int = 1, bias: bool = True,
        dilation=1, padding_mode: str = "zeros", device=None, dtype=None,
    ) -> None:  # fmt: skip
        super().__init__(0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype)
        self._defer(out_channels, bias, device, dtype)


def _lazy(name: str, mixin: type, cls: type) -> type:
    """The lazy form of `cls`."""
    doc = f"""A {cls.__name__} whose in_channels is the channel count of its first input.

    >>> import lightwell as torch
    >>> torch.nn.{name}(8, 3).weight
    <UninitializedParameter>
    """
    return type(name, (mixin, cls), {"__doc__": doc, "__module__": __name__, "cls_to_become": cls})


LazyConv1d = _lazy("LazyConv1d", _LazyForward, Conv1d)
LazyConv2d = _lazy("LazyConv2d", _LazyForward, Conv2d)
LazyConv3d = _lazy("LazyConv3d", _LazyForward, Conv3d)
LazyConvTranspose1d = _lazy("LazyConvTranspose1d", _LazyTransposed, ConvTranspose1d)
LazyConvTranspose2d = _lazy("LazyConvTranspose2d", _LazyTransposed, ConvTranspose2d)
LazyConvTranspose3d = _lazy("LazyConvTranspose3d", _LazyTransposed, ConvTranspose3d)
