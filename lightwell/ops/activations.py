"""Activation functions of neural networks, as records; their public functions stand in nn/functional/activation.py."""

from ..errors.teaching import RuntimeError, TypeError
from ..tensor import Tensor
from .op import op
from .precision import lower
from .public import public

__all__ = ["prelu", "relu", "relu_"]


# Elementwise formulas of several steps: `xp.fused` runs them on large arrays in blocks that stay in the cache.


def _erf_gelu_slope(xp, gy, x):
    return gy * ((xp.erf(x * 0.7071067811865476) + 1) * 0.5 + x * (xp.exp(x * x * -0.5) * 0.3989422804014327))


def _tanh_gelu_slope(xp, gy, x):
    u = x * x
    t = xp.tanh(x * (u * 0.03567740813636141 + 0.7978845608028654))
    return gy * ((t + 1) * 0.5 + x * (1 - t * t) * (u * 0.05351611220454212 + 0.3989422804014327))


def _silu(xp, x):
    return x * xp.sigmoid(x)


def _silu_slope(xp, gy, x):
    s = xp.sigmoid(x)
    return gy * (s * (x * (1 - s) + 1))


def _mish(xp, x):
    return x * xp.tanh(xp.softplus(x, 1.0, 20.0))


def _mish_slope(xp, gy, x):
    t = xp.tanh(xp.softplus(x, 1.0, 20.0))
    return gy * (t + x * (1 - t * t) * xp.sigmoid(x))


@op
class relu_:
    r"""y = max(x, 0).   dy/dx = 1 where x > 0, else 0,   hence   gx = gy where y > 0, else 0."""

    def forward(xp, x):
        return xp.relu(x)

    def grad_x(xp, gy, y):
        return xp.relu_pull(gy, y)


@op
class leaky_relu_:
    r"""y = x where x > 0, else s·x.   gx = gy where x > 0, else s·gy."""

    def forward(xp, x, /, slope):
        return xp.where(x > 0, x, x * slope)

    def grad_x(xp, gy, x, slope):
        return xp.where(x > 0, gy, gy * slope)


@op
class hardtanh_:
    r"""y = x brought into [low, high].   gx = gy where low < x < high, else 0."""

    def forward(xp, x, /, low, high):
        return xp.minimum(xp.maximum(x, low), high)

    def grad_x(xp, gy, x, low, high):
        return gy * ((x > low) & (x < high))


@op
class elu_:
    r"""y = s·x where x > 0, else s·α·(e^(βx) - 1).   gx = gy·s where x > 0, else gy·s·α·β·e^(βx)."""

    def forward(xp, x, /, alpha, scale=1.0, beta=1.0):
        low = xp.expm1(xp.minimum(x, 0) * beta) * (alpha * scale)
        return xp.where(x > 0, x * scale, low)

    def grad_x(xp, gy, x, alpha, scale, beta):
        return xp.where(x > 0, gy * scale, gy * (xp.exp(xp.minimum(x, 0) * beta) * (alpha * beta * scale)))


@op
class celu_record_:
    r"""y = x where x > 0, else α·(e^(x/α) - 1).   gx = gy where x > 0, else gy·e^(x/α)."""

    node_name = "CeluBackward0"

    def forward(xp, x, /, alpha):
        return xp.where(x > 0, x, xp.expm1(xp.minimum(x, 0) / alpha) * alpha)

    def grad_x(xp, gy, x, alpha):
        return xp.where(x > 0, gy, gy * xp.exp(xp.minimum(x, 0) / alpha))


@op
class erf_gelu_:
    r"""y = x·Φ(x), Φ the normal distribution function.   dy/dx = Φ(x) + x·exp(-x²/2)/√(2π)."""

    node_name = "GeluBackward0"

    def forward(xp, x):
        return xp.erf_gelu(x)

    def grad_x(xp, gy, x):
        return xp.fused(_erf_gelu_slope, gy, x)


@op
class tanh_gelu_:
    r"""y = x/2·(1 + t), t = tanh(k·(x + c·x³)).   dy/dx = (1 + t)/2 + x/2·(1 - t²)·k·(1 + 3c·x²)."""

    node_name = "GeluBackward0"

    def forward(xp, x):
        return xp.tanh_gelu(x)

    def grad_x(xp, gy, x):
        return xp.fused(_tanh_gelu_slope, gy, x)


@op
class silu_:
    r"""y = x·σ(x), σ the sigmoid.   dy/dx = σ·(1 + x·(1 - σ))."""

    def forward(xp, x):
        return xp.fused(_silu, x)

    def grad_x(xp, gy, x):
        return xp.fused(_silu_slope, gy, x)


@op
class mish_:
    r"""y = x·t, t = tanh(softplus(x)).   dy/dx = t + x·(1 - t²)·σ(x)."""

    def forward(xp, x):
        return xp.fused(_mish, x)

    def grad_x(xp, gy, x):
        return xp.fused(_mish_slope, gy, x)


@op
class softplus_:
    r"""y = log(1 + e^(βx))/β, x itself where βx > threshold.   gx = gy·σ(βx), gy where βx > threshold."""

    def forward(xp, x, /, beta, threshold):
        return xp.softplus(x, beta, threshold)

    def grad_x(xp, gy, x, beta, threshold):
        t = x * beta
        return xp.where(t > threshold, gy, gy * xp.sigmoid(t))


@op
class log_sigmoid_:
    r"""y = log σ(x) = -log(1 + e⁻ˣ).   gx = gy·(1 - σ(x)) = gy·σ(-x)."""

    def forward(xp, x):
        return xp.log_sigmoid(x)

    def grad_x(xp, gy, x):
        return gy * xp.sigmoid(-x)


@op
class softshrink_:
    r"""y = x moved towards 0 by λ, 0 within λ of 0.   gx = gy where |x| > λ, else 0."""

    def forward(xp, x, /, lambd):
        return xp.where(x > lambd, x - lambd, xp.where(x < -lambd, x + lambd, x * 0))

    def grad_x(xp, gy, x, lambd):
        return gy * (xp.abs(x) > lambd)


@op
class hardshrink_:
    r"""y = x where |x| > λ, else 0.   gx = gy where |x| > λ, else 0."""

    def forward(xp, x, /, lambd):
        return xp.where(xp.abs(x) <= lambd, xp.zeros_like(x), x)

    def grad_x(xp, gy, x, lambd):
        return gy * (xp.abs(x) > lambd)


SIXTH = 0.1666666716337204  # 1/6 rounded to float32, which PyTorch takes in float64 too


@op
class hardsigmoid_:
    r"""y = x/6 + 1/2 brought into [0, 1].   gx = gy/6 where |x| < 3, else 0."""

    def forward(xp, x):
        return xp.minimum(xp.maximum(x + 3, 0), 6) / 6

    def grad_x(xp, gy, x):
        return gy * (xp.abs(x) < 3) * SIXTH


@op
class hardswish_:
    r"""y = x·hardsigmoid(x).   dy/dx = 0 below -3, 1 above 3, x/3 + 1/2 between."""

    def forward(xp, x):
        return x * xp.minimum(xp.maximum(x + 3, 0), 6) / 6

    def grad_x(xp, gy, x):
        return xp.where(x <= -3, xp.zeros_like(gy), xp.where(x >= 3, gy, gy * (x / 3 + 0.5)))


@op
class prelu_kernel_:
    r"""z = x where x > 0, else w·x.   gx = gz where x > 0, else w·gz;   gw = gz·x where x ≤ 0, else 0."""

    broadcasts = True
    outputs = ("z",)

    def forward(xp, x, w, /):
        return xp.where(x > 0, x, x * w)

    def grad_x(xp, gz, x, w):
        return xp.where(x > 0, gz, gz * w)

    def grad_w(xp, gz, x):
        return xp.where(x > 0, xp.zeros_like(gz), gz * x)


@op
class rrelu_with_noise_:
    r"""z = x·n, n the noise: 1 where x > 0, else drawn from [lower, upper].   gx = gz·n."""

    promotes = False
    broadcasts = True

    def forward(xp, x, n, /):
        return x * n

    def grad_x(xp, gy, n):
        return gy * n


_relu = relu_


@public(inplace=True)
def relu(input):
    """max(input, 0), element by element.

    >>> import lightwell as torch
    >>> torch.relu(torch.tensor([-1., 2.]))
    tensor([0., 2.])
    """
    if isinstance(input, Tensor) and input._a.dtype.kind in "bc":
        raise RuntimeError(f"relu(): not supported for {input.dtype}: it takes real numbers")
    return _relu(input)


relu_ = relu.inplace


@lower
@public
def prelu(input, weight):
    """input where it is positive, weight·input elsewhere; one weight, or one per channel (dimension 1).

    RuntimeError where the number of weights is neither 1 nor the number of channels.

    >>> import lightwell as torch
    >>> torch.prelu(torch.tensor([-2., 3.]), torch.tensor([0.25]))
    tensor([-0.5000,  3.0000])
    """
    if not isinstance(weight, Tensor):
        raise TypeError(f"prelu(): argument 'weight' (position 2) must be Tensor, not {type(weight).__name__}")
    if not isinstance(input, Tensor):
        raise TypeError(f"prelu(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if input.dtype is not weight.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {input.dtype} and {weight.dtype}")
    if weight._a.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight._a.ndim}")
    n, w = weight._a.size, weight
    if n != 1:
        if input._a.ndim == 0:
            raise RuntimeError("prelu: Not allow zero-dim input tensor with more than one weight.")
        channels = input._a.shape[1] if input._a.ndim > 1 else 1
        if n != channels:
            raise RuntimeError(
                f"prelu(): Mismatch of parameter numbers and input channel size. Found parameter numbers = {n} and channel size = {channels}."
            )
        w = weight.reshape((1, n) + (1,) * (input._a.ndim - 2))
    elif weight._a.ndim and not input._a.ndim:
        w = weight.reshape(())
    return prelu_kernel_(input, w)


Tensor.prelu = prelu


def noisy_relu(input: Tensor, noise: Tensor) -> Tensor:
    """The leaky ReLU whose slopes were drawn."""
    return rrelu_with_noise_(input, noise)
