"""Pooling layers: maximum, mean and p-norm of windows, adaptive and fractional forms, and the inverse of max pooling."""

from __future__ import annotations

from ...errors.teaching import ValueError
from .. import functional as F
from ..core import expand
from ..module import Module

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "FractionalMaxPool2d",
    "FractionalMaxPool3d", "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d",
    "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d",
]  # fmt: skip


class _Pool(Module):
    """Attributes `_shown` make the repr; `_op` names the function, bound at the call."""

    _shown: tuple[str, ...] = ("kernel_size", "stride", "padding")
    _op = ""

    def extra_repr(self) -> str:
        """The arguments, as `name=value`."""
        return ", ".join(f"{name}={getattr(self, name)}" for name in self._shown)


class _MaxPoolNd(_Pool):
    __constants__ = ["kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"]
    _shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, return_indices: bool = False, ceil_mode: bool = False) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input):
        """The maxima (and, with `return_indices`, where they are)."""
        return getattr(F, self._op)(
            input, self.kernel_size, self.stride, self.padding, self.dilation, ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )  # fmt: skip


class MaxPool1d(_MaxPoolNd):
    """The maximum of each window of (N, C, L) or (C, L); the stride is the window's size unless given.

    Padding counts as -∞. `return_indices` also returns the position of each maximum, for MaxUnpool1d.

    >>> import lightwell as torch
    >>> torch.nn.MaxPool1d(2)(torch.tensor([[1., 3., 2., 0.]]))
    tensor([[3., 2.]])
    """

    _op = "max_pool1d"


class MaxPool2d(_MaxPoolNd):
    """The maximum of each window of (N, C, H, W) or (C, H, W); the stride is the window's size unless given.

    >>> import lightwell as torch
    >>> torch.nn.MaxPool2d(3, stride=2)(torch.zeros(20, 16, 50, 32)).shape
    torch.Size([20, 16, 24, 15])
    """

    _op = "max_pool2d"


class MaxPool3d(_MaxPoolNd):
    """The maximum of each window of (N, C, D, H, W) or (C, D, H, W); the stride is the window's size unless given.

    >>> import lightwell as torch
    >>> torch.nn.MaxPool3d(2)(torch.zeros(1, 2, 4, 4, 4)).shape
    torch.Size([1, 2, 2, 2, 2])
    """

    _op = "max_pool3d"


class _MaxUnpoolNd(_Pool):
    _n = 0

    def __init__(self, kernel_size, stride=None, padding=0) -> None:
        super().__init__()
        self.kernel_size = expand(kernel_size, self._n)
        self.stride = expand(kernel_size if stride is None else stride, self._n)
        self.padding = expand(padding, self._n)

    def forward(self, input, indices, output_size=None):
        """Zeros, with the input's values where max pooling found them."""
        return getattr(F, self._op)(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpoolNd):
    """Values put back where MaxPool1d(return_indices=True) found them, zeros elsewhere.

    >>> import lightwell as torch
    >>> y, at = torch.nn.MaxPool1d(2, return_indices=True)(torch.tensor([[[1., 3., 2., 0.]]]))
    >>> torch.nn.MaxUnpool1d(2)(y, at)
    tensor([[[0., 3., 2., 0.]]])
    """

    _n, _op = 1, "max_unpool1d"


class MaxUnpool2d(_MaxUnpoolNd):
    """Values put back where MaxPool2d(return_indices=True) found them, zeros elsewhere.

    >>> import lightwell as torch
    >>> y, at = torch.nn.MaxPool2d(2, return_indices=True)(torch.ones(1, 1, 4, 4))
    >>> torch.nn.MaxUnpool2d(2)(y, at).sum()
    tensor(4.)
    """

    _n, _op = 2, "max_unpool2d"


class MaxUnpool3d(_MaxUnpoolNd):
    """Values put back where MaxPool3d(return_indices=True) found them, zeros elsewhere.

    >>> import lightwell as torch
    >>> y, at = torch.nn.MaxPool3d(2, return_indices=True)(torch.ones(1, 1, 4, 4, 4))
    >>> torch.nn.MaxUnpool3d(2)(y, at).sum()
    tensor(8.)
    """

    _n, _op = 3, "max_unpool3d"


class AvgPool1d(_Pool):
    """The mean of each window of (N, C, L) or (C, L); `count_include_pad` counts padding zeros in.

    >>> import lightwell as torch
    >>> torch.nn.AvgPool1d(3, stride=2)(torch.tensor([[[1., 2., 3., 4., 5., 6., 7.]]]))
    tensor([[[2., 4., 6.]]])
    """

    __constants__ = ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"]

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode: bool = False, count_include_pad: bool = True) -> None:
        super().__init__()
        self.kernel_size = expand(kernel_size, 1)
        self.stride = expand(kernel_size if stride is None else stride, 1)
        self.padding = expand(padding, 1)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input):
        """The means."""
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class _AvgPoolNd(_Pool):
    __constants__ = ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"]

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode: bool = False, count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input):
        """The means."""
        return getattr(F, self._op)(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip


class AvgPool2d(_AvgPoolNd):
    """The mean of each window of (N, C, H, W) or (C, H, W); `divisor_override` replaces the window's size.

    >>> import lightwell as torch
    >>> torch.nn.AvgPool2d(2)(torch.ones(1, 1, 2, 4))
    tensor([[[[1., 1.]]]])
    """

    _op = "avg_pool2d"


class AvgPool3d(_AvgPoolNd):
    """The mean of each window of (N, C, D, H, W) or (C, D, H, W); `divisor_override` replaces the window's size.

    >>> import lightwell as torch
    >>> torch.nn.AvgPool3d(2)(torch.ones(1, 1, 2, 2, 4)).shape
    torch.Size([1, 1, 1, 1, 2])
    """

    _op = "avg_pool3d"


class _LPPoolNd(_Pool):
    __constants__ = ["norm_type", "kernel_size", "stride", "ceil_mode"]
    _shown = ("norm_type", "kernel_size", "stride", "ceil_mode")

    def __init__(self, norm_type: float, kernel_size, stride=None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input):
        """The norms."""
        return getattr(F, self._op)(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LPPoolNd):
    """(Σ xᵖ)^{1/p} over each window of (N, C, L) or (C, L).

    >>> import lightwell as torch
    >>> torch.nn.LPPool1d(2, 2)(torch.tensor([[[3., 4.]]]))
    tensor([[[5.]]])
    """

    _op = "lp_pool1d"


class LPPool2d(_LPPoolNd):
    """(Σ xᵖ)^{1/p} over each window of (N, C, H, W) or (C, H, W).

    >>> import lightwell as torch
    >>> torch.nn.LPPool2d(1, 2)(torch.ones(1, 1, 2, 2))
    tensor([[[[4.]]]])
    """

    _op = "lp_pool2d"


class LPPool3d(_LPPoolNd):
    """(Σ xᵖ)^{1/p} over each window of (N, C, D, H, W) or (C, D, H, W).

    >>> import lightwell as torch
    >>> torch.nn.LPPool3d(1, 2)(torch.ones(1, 1, 2, 2, 2)).item()
    8.0
    """

    _op = "lp_pool3d"


class _AdaptiveAvgPoolNd(_Pool):
    __constants__ = ["output_size"]
    _shown = ("output_size",)

    def __init__(self, output_size) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input):
        """The means, of size `output_size`."""
        return getattr(F, self._op)(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Means of `output_size` windows that cover (N, C, L) or (C, L): window i is ⌊iL/n⌋ … ⌈(i+1)L/n⌉.

    >>> import lightwell as torch
    >>> torch.nn.AdaptiveAvgPool1d(2)(torch.tensor([[[1., 3., 5., 7.]]]))
    tensor([[[2., 6.]]])
    """

    _op = "adaptive_avg_pool1d"


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Means of windows that cover (N, C, H, W) or (C, H, W), `output_size` of them; None keeps a dimension's size.

    >>> import lightwell as torch
    >>> torch.nn.AdaptiveAvgPool2d((5, None))(torch.zeros(1, 64, 8, 9)).shape
    torch.Size([1, 64, 5, 9])
    """

    _op = "adaptive_avg_pool2d"


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Means of windows that cover (N, C, D, H, W) or (C, D, H, W), `output_size` of them.

    >>> import lightwell as torch
    >>> torch.nn.AdaptiveAvgPool3d(1)(torch.ones(1, 2, 3, 3, 3)).flatten()
    tensor([1., 1.])
    """

    _op = "adaptive_avg_pool3d"


class _AdaptiveMaxPoolNd(_Pool):
    __constants__ = ["output_size", "return_indices"]
    _shown = ("output_size",)

    def __init__(self, output_size, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input):
        """The maxima, of size `output_size` (and, with `return_indices`, where they are)."""
        return getattr(F, self._op)(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maxima of `output_size` windows that cover (N, C, L) or (C, L).

    >>> import lightwell as torch
    >>> torch.nn.AdaptiveMaxPool1d(2)(torch.tensor([[[1., 3., 5., 7.]]]))
    tensor([[[3., 7.]]])
    """

    _op = "adaptive_max_pool1d"


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Maxima of windows that cover (N, C, H, W) or (C, H, W), `output_size` of them; None keeps a dimension's size.

    >>> import lightwell as torch
    >>> torch.nn.AdaptiveMaxPool2d((5, 7))(torch.zeros(1, 64, 8, 9)).shape
    torch.Size([1, 64, 5, 7])
    """

    _op = "adaptive_max_pool2d"


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Maxima of windows that cover (N, C, D, H, W) or (C, D, H, W), `output_size` of them.

    >>> import lightwell as torch
    >>> torch.nn.AdaptiveMaxPool3d(1)(torch.ones(1, 2, 3, 3, 3)).flatten()
    tensor([1., 1.])
    """

    _op = "adaptive_max_pool3d"


class _FractionalMaxPoolNd(Module):
    __constants__ = ["kernel_size", "return_indices", "output_size", "output_ratio"]
    _n = 2

    def __init__(self, kernel_size, output_size=None, output_ratio=None, return_indices: bool = False, _random_samples=None) -> None:
        super().__init__()
        name = self._get_name()
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio: output_size= or output_ratio=")
        if output_size is not None and output_ratio is not None:
            raise ValueError(f"only one of output_size and output_ratio may be specified for {name}")
        self.kernel_size, self.return_indices = expand(kernel_size, self._n), return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else expand(output_size, self._n)
        self.output_ratio = None if output_ratio is None else expand(output_ratio, self._n)
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input):
        """The maxima (and, with `return_indices`, where they are)."""
        pool = getattr(F, f"fractional_max_pool{self._n}d")
        return pool(input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Maxima of (N, C, H, W) or (C, H, W) over windows that start at random steps (Graham, 2014).

    The output has `output_size`, or `output_ratio` (between 0 and 1) times the input's; ValueError unless one is given.

    >>> import lightwell as torch
    >>> torch.nn.FractionalMaxPool2d(3, output_size=(13, 12))(torch.zeros(1, 2, 50, 32)).shape
    torch.Size([1, 2, 13, 12])
    """


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Maxima of (N, C, D, H, W) or (C, D, H, W) over windows that start at random steps; see FractionalMaxPool2d.

    >>> import lightwell as torch
    >>> torch.nn.FractionalMaxPool3d(2, output_ratio=0.5)(torch.zeros(1, 2, 8, 8, 8)).shape
    torch.Size([1, 2, 4, 4, 4])
    """

    _n = 3
