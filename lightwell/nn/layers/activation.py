"""Activation layers: functions applied to every element."""

from __future__ import annotations

from ...errors.level import users_level
from ...errors.teaching import AssertionError
from .. import functional as F
from ..core import empty, factory
from ..init import constant_
from ..module import Module
from ..parameter import Parameter

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid", "Mish", "PReLU",
    "RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]  # fmt: skip


class _Elementwise(Module):
    """A layer whose constructor's arguments are its attributes `_shown`, followed in the repr by `inplace` if true."""

    _shown: tuple[str, ...] = ()
    inplace = False

    def extra_repr(self) -> str:
        """The arguments, as `name=value`."""
        parts = [f"{name}={getattr(self, name)}" for name in self._shown]
        return ", ".join(parts + ["inplace=True"] * bool(self.inplace))


class _InPlace(_Elementwise):
    """A layer whose only argument is `inplace`."""

    __constants__ = ["inplace"]

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


class _Silent(_InPlace):
    """One that does not show it either."""

    def extra_repr(self) -> str:
        """Nothing."""
        return ""


class Threshold(_Elementwise):
    """y = x where x > threshold, else `value`.

    >>> import lightwell as torch
    >>> torch.nn.Threshold(0.1, 20)(torch.tensor([0., 1.]))
    tensor([20.,  1.])
    """

    __constants__ = ["threshold", "value", "inplace"]
    _shown = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input):
        return F.threshold(input, self.threshold, self.value, self.inplace)


class ReLU(_InPlace):
    """y = max(0, x).

    >>> import lightwell as torch
    >>> torch.nn.ReLU()(torch.tensor([-1., 2.]))
    tensor([0., 2.])
    """

    def forward(self, input):
        return F.relu(input, inplace=self.inplace)


class RReLU(_Elementwise):
    """y = x for x ≥ 0, else a·x; in training a is drawn from U(lower, upper), otherwise it is their mean (Xu et al., 2015).

    >>> import lightwell as torch
    >>> torch.nn.RReLU(0.1, 0.3).eval()(torch.tensor([-1., 2.]))
    tensor([-0.2000,  2.0000])
    """

    __constants__ = ["lower", "upper", "inplace"]
    _shown = ("lower", "upper")

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input):
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class Sigmoid(_Elementwise):
    """y = 1 / (1 + e⁻ˣ).

    >>> import lightwell as torch
    >>> torch.nn.Sigmoid()(torch.tensor([0.]))
    tensor([0.5000])
    """

    def forward(self, input):
        return input.sigmoid()


class Hardsigmoid(_Silent):
    """y = clip(x/6 + 1/2, 0, 1).

    >>> import lightwell as torch
    >>> torch.nn.Hardsigmoid()(torch.tensor([-3., 0., 3.]))
    tensor([0.0000, 0.5000, 1.0000])
    """

    def forward(self, input):
        return F.hardsigmoid(input, self.inplace)


class Tanh(_Elementwise):
    """y = tanh x.

    >>> import lightwell as torch
    >>> torch.nn.Tanh()(torch.tensor([0., 1.]))
    tensor([0.0000, 0.7616])
    """

    def forward(self, input):
        return input.tanh()


class SiLU(_InPlace):
    """y = x·σ(x) (also called swish; Elfwing et al., 2017).

    >>> import lightwell as torch
    >>> torch.nn.SiLU()(torch.tensor([0., 1.]))
    tensor([0.0000, 0.7311])
    """

    def forward(self, input):
        return F.silu(input, inplace=self.inplace)


class Mish(_InPlace):
    """y = x·tanh(softplus x) (Misra, 2019).

    >>> import lightwell as torch
    >>> torch.nn.Mish()(torch.tensor([0., 1.]))
    tensor([0.0000, 0.8651])
    """

    def forward(self, input):
        return F.mish(input, inplace=self.inplace)


class Hardswish(_Silent):
    """y = x·clip(x + 3, 0, 6)/6 (Howard et al., 2019).

    >>> import lightwell as torch
    >>> torch.nn.Hardswish()(torch.tensor([-3., 3.]))
    tensor([-0., 3.])
    """

    def forward(self, input):
        return F.hardswish(input, self.inplace)


class ELU(_Elementwise):
    """y = x for x > 0, else α(eˣ - 1) (Clevert et al., 2015).

    >>> import lightwell as torch
    >>> torch.nn.ELU()(torch.tensor([-1., 2.]))
    tensor([-0.6321,  2.0000])
    """

    __constants__ = ["alpha", "inplace"]
    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input):
        return F.elu(input, self.alpha, self.inplace)


class CELU(_Elementwise):
    """y = max(0, x) + min(0, α(e^{x/α} - 1)) (Barron, 2017).

    >>> import lightwell as torch
    >>> torch.nn.CELU()(torch.tensor([-1., 2.]))
    tensor([-0.6321,  2.0000])
    """

    __constants__ = ["alpha", "inplace"]
    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input):
        return F.celu(input, self.alpha, self.inplace)


class SELU(_InPlace):
    """y = λ(max(0, x) + min(0, α(eˣ - 1))), λ ≈ 1.0507 and α ≈ 1.6733 (Klambauer et al., 2017).

    >>> import lightwell as torch
    >>> torch.nn.SELU()(torch.tensor([-1., 2.]))
    tensor([-1.1113,  2.1014])
    """

    def forward(self, input):
        return F.selu(input, self.inplace)


class GLU(_Elementwise):
    """y = a·σ(b), a and b the halves of the input along `dim` (Dauphin et al., 2016).

    >>> import lightwell as torch
    >>> torch.nn.GLU()(torch.zeros(2, 6)).shape
    torch.Size([2, 3])
    """

    __constants__ = ["dim"]
    _shown = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return F.glu(input, self.dim)


class _Shrinking(Module):
    """A layer with one argument, the threshold λ ≥ 0 below which nothing is left."""

    __constants__ = ["lambd"]

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """The threshold λ."""
        return str(self.lambd)


class Hardshrink(_Shrinking):
    """y = x where |x| > λ, else 0.

    >>> import lightwell as torch
    >>> torch.nn.Hardshrink()(torch.tensor([0.3, -0.7]))
    tensor([ 0.0000, -0.7000])
    """

    def forward(self, input):
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrinking):
    """y = sign(x)·max(|x| - λ, 0).

    >>> import lightwell as torch
    >>> torch.nn.Softshrink()(torch.tensor([0.25, -0.75]))
    tensor([ 0.0000, -0.2500])
    """

    def forward(self, input):
        return F.softshrink(input, self.lambd)


class LeakyReLU(_Elementwise):
    """y = max(0, x) + slope·min(0, x).

    >>> import lightwell as torch
    >>> torch.nn.LeakyReLU(0.1)(torch.tensor([-1., 2.]))
    tensor([-0.1000,  2.0000])
    """

    __constants__ = ["inplace", "negative_slope"]
    _shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input):
        return F.leaky_relu(input, self.negative_slope, self.inplace)


class LogSigmoid(_Elementwise):
    """y = log(1 / (1 + e⁻ˣ)).

    >>> import lightwell as torch
    >>> torch.nn.LogSigmoid()(torch.tensor([0.]))
    tensor([-0.6931])
    """

    def forward(self, input):
        return F.logsigmoid(input)


class Softplus(_Elementwise):
    """y = log(1 + e^{βx})/β, linear where βx > threshold.

    >>> import lightwell as torch
    >>> torch.nn.Softplus()(torch.tensor([0.]))
    tensor([0.6931])
    """

    __constants__ = ["beta", "threshold"]
    _shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input):
        return F.softplus(input, self.beta, self.threshold)


class Softsign(_Elementwise):
    """y = x / (1 + |x|).

    >>> import lightwell as torch
    >>> torch.nn.Softsign()(torch.tensor([1.]))
    tensor([0.5000])
    """

    def forward(self, input):
        return F.softsign(input)


class Tanhshrink(_Elementwise):
    """y = x - tanh x.

    >>> import lightwell as torch
    >>> torch.nn.Tanhshrink()(torch.tensor([1.]))
    tensor([0.2384])
    """

    def forward(self, input):
        return F.tanhshrink(input)


class Hardtanh(_Elementwise):
    """y = clip(x, min_val, max_val); AssertionError unless max_val > min_val.

    >>> import lightwell as torch
    >>> torch.nn.Hardtanh()(torch.tensor([-2., 0.5]))
    tensor([-1.0000,  0.5000])
    """

    __constants__ = ["min_val", "max_val", "inplace"]
    _shown = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False, min_value=None, max_value=None) -> None:
        super().__init__()
        if min_value is not None or max_value is not None:
            import warnings

            warnings.warn(
                "keyword arguments `min_value` and `max_value` are deprecated and rename to `min_val` and `max_val`",
                FutureWarning,
                stacklevel=users_level(),
            )
            min_val = min_val if min_value is None else min_value
            max_val = max_val if max_value is None else max_value
        if not max_val > min_val:
            raise AssertionError(f"max_val ({max_val}) must be greater than min_val ({min_val})")
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input):
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)


class ReLU6(Hardtanh):
    """y = clip(x, 0, 6).

    >>> import lightwell as torch
    >>> torch.nn.ReLU6()(torch.tensor([-2., 8.]))
    tensor([0., 6.])
    """

    _shown = ()

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)


class GELU(Module):
    """y = x·Φ(x), Φ the normal distribution function; approximate="tanh" for its tanh form (Hendrycks & Gimpel, 2016).

    >>> import lightwell as torch
    >>> torch.nn.GELU()(torch.tensor([1.]))
    tensor([0.8413])
    """

    __constants__ = ["approximate"]

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input):
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The form."""
        return f"approximate={self.approximate!r}"


class PReLU(Module):
    """y = max(0, x) + a·min(0, x), a learned: one for all, or one for each channel (dimension 1) (He et al., 2015).

    >>> import lightwell as torch
    >>> torch.nn.PReLU()(torch.tensor([-2., 2.])).detach()
    tensor([-0.5000,  2.0000])
    """

    __constants__ = ["num_parameters"]

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device=None, dtype=None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(empty(num_parameters, **factory(device, dtype)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set every slope to `init`."""
        constant_(self.weight, self.init)

    def forward(self, input):
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"num_parameters={self.num_parameters}"
