"""Activation functions, softmax and its relatives, and normalisation to unit length."""

import warnings

import numpy as np

from ... import random
from ...errors.level import users_level
from ...errors.teaching import NotImplementedError, RuntimeError, TypeError, ValueError
from ...ops import activations as A
from ...ops.arith import mul_
from ...ops.inplace import overwrite
from ...ops.op import draws
from ...ops.pointwise import clamp_min, sigmoid, tanh, threshold, threshold_
from ...ops.softmax import _prepared, log_softmax_, softmax_
from ...tensor import Tensor, make

__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "hardtanh_", "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid", "mish", "normalize", "prelu", "relu", "relu6",
    "relu_", "rrelu", "rrelu_", "selu", "selu_", "sigmoid", "silu", "softmax", "softmin", "softplus", "softshrink", "softsign",
    "tanh", "tanhshrink", "threshold", "threshold_",
]  # fmt: skip

prelu, relu_ = A.prelu, A.relu_


def _finish(input, result, inplace: bool, name: str):
    return overwrite(input, result, name) if inplace else result


def _checked(name: str, input):
    """The input, which must be a tensor of real floating-point numbers."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if input._a.dtype.kind in "iubc":
        raise NotImplementedError(
            f'"{name}" not implemented for {input.dtype}: it takes real floating-point tensors; convert with .float()'
        )
    return input


def relu(input, inplace=False):
    """max(x, 0), element by element.

    >>> import lightwell as torch
    >>> torch.nn.functional.relu(torch.tensor([-1., 2.]))
    tensor([0., 2.])
    """
    return A.relu_(input) if inplace else A.relu(input)


def relu6(input, inplace=False):
    """min(max(x, 0), 6), element by element.

    >>> import lightwell as torch
    >>> torch.nn.functional.relu6(torch.tensor([-1., 3., 8.]))
    tensor([0., 3., 6.])
    """
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """x brought into [min_val, max_val]; ValueError where min_val > max_val.

    >>> import lightwell as torch
    >>> torch.nn.functional.hardtanh(torch.tensor([-3., 0.5]))
    tensor([-1.0000,  0.5000])
    """
    if min_val > max_val:
        raise ValueError(f"min_val cannot be greater than max_val: got {min_val} and {max_val}")
    if input._a.dtype.kind in "iu":
        if input._a.dtype.kind == "u" and min(min_val, max_val) < 0:
            raise RuntimeError("hardtanh(): cannot do hardtanh on an unsigned type with negative limits")
        min_val, max_val = int(min_val), int(max_val)
    return _finish(input, A.hardtanh_(input, min_val, max_val), inplace, "hardtanh_")


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """x where it is positive, negative_slope·x elsewhere.

    >>> import lightwell as torch
    >>> torch.nn.functional.leaky_relu(torch.tensor([-1., 2.]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return _finish(input, A.leaky_relu_(_checked("leaky_relu", input), negative_slope), inplace, "leaky_relu_")


def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, inplace=False):
    """Leaky ReLU whose slopes are drawn from [lower, upper] in training, and (lower+upper)/2 otherwise.

    >>> import lightwell as torch
    >>> torch.nn.functional.rrelu(torch.tensor([-1., 0., 2.]), 0.1, 0.3)
    tensor([-0.2000,  0.0000,  2.0000])
    """
    _checked("rrelu", input)
    if lower > upper:
        raise RuntimeError(f"Lower bound should be less than or equal to the upper bound: got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    return _finish(input, _noisy_relu(input, lower, upper), inplace, "rrelu_")


@draws
def _noisy_relu(input, lower, upper):
    a = input._a
    noise, low = np.ones(a.shape, a.dtype), a <= 0
    noise[low] = random.uniform(None, (int(low.sum()),), np.float64, lower, upper)
    return A.noisy_relu(input, make(noise))


def elu(input, alpha=1.0, inplace=False):
    """x where it is positive, α·(eˣ - 1) elsewhere.

    >>> import lightwell as torch
    >>> torch.nn.functional.elu(torch.tensor([-1., 2.]))
    tensor([-0.6321,  2.0000])
    """
    return _finish(input, A.elu_(_checked("elu", input), alpha), inplace, "elu_")


def selu(input, inplace=False):
    """s·(x where it is positive, α·(eˣ - 1) elsewhere), s ≈ 1.0507, α ≈ 1.6733 (Klambauer et al., 2017).

    >>> import lightwell as torch
    >>> torch.nn.functional.selu(torch.tensor([-1., 0., 2.]))
    tensor([-1.1113,  0.0000,  2.1014])
    """
    return _finish(input, A.elu_(_checked("selu", input), 1.6732632423543772, 1.0507009873554805), inplace, "selu_")


def celu(input, alpha=1.0, inplace=False):
    """x where it is positive, α·(e^(x/α) - 1) elsewhere (Barron, 2017); RuntimeError for α = 0.

    >>> import lightwell as torch
    >>> torch.nn.functional.celu(torch.tensor([-1., 0., 2.]))
    tensor([-0.6321,  0.0000,  2.0000])
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _finish(input, A.celu_record_(_checked("celu", input), alpha), inplace, "celu_")


def gelu(input, approximate="none"):
    """x·Φ(x), Φ the normal distribution function; "tanh" approximates it (Hendrycks & Gimpel, 2016).

    RuntimeError for another `approximate`.

    >>> import lightwell as torch
    >>> torch.nn.functional.gelu(torch.tensor([-1., 2.]))
    tensor([-0.1587,  1.9545])
    """
    _checked("gelu", input)
    if approximate == "none":
        return A.erf_gelu_(input)
    if approximate == "tanh":
        return A.tanh_gelu_(input)
    raise RuntimeError(f"approximate argument must be either none or tanh, got {approximate!r}")


def silu(input, inplace=False):
    """x·sigmoid(x), also called swish.

    >>> import lightwell as torch
    >>> torch.nn.functional.silu(torch.tensor([0., 2.]))
    tensor([0.0000, 1.7616])
    """
    return _finish(input, A.silu_(_checked("silu", input)), inplace, "silu_")


def mish(input, inplace=False):
    """x·tanh(softplus(x)) (Misra, 2019).

    >>> import lightwell as torch
    >>> torch.nn.functional.mish(torch.tensor([-1., 0., 2.]))
    tensor([-0.3034,  0.0000,  1.9440])
    """
    return _finish(input, A.mish_(_checked("mish", input)), inplace, "mish_")


def softplus(input, beta=1.0, threshold=20.0):
    """log(1 + e^(βx))/β, a smooth ReLU; x itself where βx > threshold.

    >>> import lightwell as torch
    >>> torch.nn.functional.softplus(torch.tensor([0., 100.]))
    tensor([  0.6931, 100.0000])
    """
    return A.softplus_(_checked("softplus", input), beta, threshold)


def logsigmoid(input):
    """log(1/(1 + e⁻ˣ)), without overflow.

    >>> import lightwell as torch
    >>> torch.nn.functional.logsigmoid(torch.tensor([-1., 0., 2.]))
    tensor([-1.3133, -0.6931, -0.1269])
    """
    return A.log_sigmoid_(_checked("logsigmoid", input))


def softsign(input):
    """x/(1 + |x|).

    >>> import lightwell as torch
    >>> torch.nn.functional.softsign(torch.tensor([-1., 0., 2.]))
    tensor([-0.5000,  0.0000,  0.6667])
    """
    return input / (input.abs() + 1)


def tanhshrink(input):
    """x - tanh x.

    >>> import lightwell as torch
    >>> torch.nn.functional.tanhshrink(torch.tensor([-1., 0., 2.]))
    tensor([-0.2384,  0.0000,  1.0360])
    """
    return input - input.tanh()


def softshrink(input, lambd=0.5):
    """x moved towards 0 by λ, 0 within λ of 0; RuntimeError for λ < 0.

    >>> import lightwell as torch
    >>> torch.nn.functional.softshrink(torch.tensor([-1., 0., 2.]))
    tensor([-0.5000,  0.0000,  1.5000])
    """
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd:g}.")
    return A.softshrink_(_checked("softshrink", input), lambd)


def hardshrink(input, lambd=0.5):
    """x where |x| > λ, else 0.

    >>> import lightwell as torch
    >>> torch.nn.functional.hardshrink(torch.tensor([-1., 0.25, 2.]))
    tensor([-1.,  0.,  2.])
    """
    return A.hardshrink_(_checked("hardshrink", input), lambd)


def hardsigmoid(input, inplace=False):
    """x/6 + 1/2 brought into [0, 1].

    >>> import lightwell as torch
    >>> torch.nn.functional.hardsigmoid(torch.tensor([-1., 0., 2.]))
    tensor([0.3333, 0.5000, 0.8333])
    """
    return _finish(input, A.hardsigmoid_(_checked("hardsigmoid", input)), inplace, "hardsigmoid_")


def hardswish(input, inplace=False):
    """x·hardsigmoid(x) (Howard et al., 2019).

    >>> import lightwell as torch
    >>> torch.nn.functional.hardswish(torch.tensor([-1., 0., 2.]))
    tensor([-0.3333,  0.0000,  1.6667])
    """
    return _finish(input, A.hardswish_(_checked("hardswish", input)), inplace, "hardswish_")


def glu(input, dim=-1):
    """a·sigmoid(b), a and b the two halves of the input along `dim` (Dauphin et al., 2016).

    RuntimeError for an odd size, or a 0-dim tensor.

    >>> import lightwell as torch
    >>> torch.nn.functional.glu(torch.tensor([1., 2., 0., 0.]))
    tensor([0.5000, 1.0000])
    """
    if not input._a.ndim:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    if input._a.dtype.kind in "iub":
        raise NotImplementedError(f'"glu" not implemented for {input.dtype}: convert it first, with .float()')
    n = input.size(dim)
    if n % 2:
        raise RuntimeError(f"glu(): Halving dimension must be even, but dimension {dim % input._a.ndim} is size {n}")
    return mul_(input.narrow(dim, 0, n // 2), input.narrow(dim, n // 2, n // 2).sigmoid())


def _twin(f, name):
    def write_over(input, *args, **kwargs):
        return overwrite(input, f(input, *args, **kwargs), name)

    write_over.__name__ = write_over.__qualname__ = name
    write_over.__doc__ = f"`{name[:-1]}`, written over the input."
    return write_over


celu_, elu_, hardtanh_ = _twin(celu, "celu_"), _twin(elu, "elu_"), _twin(hardtanh, "hardtanh_")
leaky_relu_, rrelu_, selu_ = _twin(leaky_relu, "leaky_relu_"), _twin(rrelu, "rrelu_"), _twin(selu, "selu_")


# ---- softmax and its relatives --------------------------------------------------------------------------------------


def implicit_dim(name: str, ndim: int) -> int:
    """The dimension that softmax takes when none is said: 0 for 0, 1 and 3 dimensions, otherwise 1; with a warning."""
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=users_level(),
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """exp(xᵢ)/Σⱼ exp(xⱼ) along `dim`. See `torch.softmax`.

    >>> import lightwell as torch
    >>> torch.nn.functional.softmax(torch.zeros(4), dim=0)
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    if dim is None:
        dim = implicit_dim("softmax", input.ndim)
    return softmax_(*_prepared("softmax", input, dim, dtype))


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """softmax(-x) along `dim`.

    >>> import lightwell as torch
    >>> torch.nn.functional.softmin(torch.tensor([0., 1.]), dim=0)
    tensor([0.7311, 0.2689])
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"softmin(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if dim is None:
        dim = implicit_dim("softmin", input.ndim)
    return softmax_(*_prepared("softmin", -input, dim, dtype))


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """log softmax(x) along `dim`. See `torch.log_softmax`.

    >>> import lightwell as torch
    >>> torch.nn.functional.log_softmax(torch.tensor([0., 1.]), dim=0)
    tensor([-1.3133, -0.3133])
    """
    if dim is None:
        dim = implicit_dim("log_softmax", input.ndim)
    return log_softmax_(*_prepared("log_softmax", input, dim, dtype))


@draws
def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """A draw from the Gumbel-softmax distribution: softmax((logits + g)/τ), g drawn from Gumbel(0, 1) (Jang et al., 2016).

    `hard` gives the one-hot vector of the largest, with the gradient of the soft draw.

    >>> import lightwell as torch
    >>> torch.nn.functional.gumbel_softmax(torch.tensor([0., 1.]), hard=True).sum()
    tensor(1.)
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=users_level())
    _prepared("gumbel_softmax", logits, dim, None)  # before a number is drawn
    noise = -np.log(random.exponential(None, logits._a.shape, logits._a.dtype))
    soft = softmax((logits + make(np.asarray(noise, logits._a.dtype))) / tau, dim)
    if not hard:
        return soft
    a = soft._a
    one = np.zeros(a.shape, a.dtype)
    np.put_along_axis(one, np.expand_dims(a.argmax(dim), dim), 1, dim)
    return make(one) - soft.detach() + soft


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """x/max(‖x‖ₚ, eps), the p-norm taken along `dim`.

    >>> import lightwell as torch
    >>> torch.nn.functional.normalize(torch.tensor([[3., 4.]]))
    tensor([[0.6000, 0.8000]])
    """
    length = clamp_min(input.norm(p, dim, keepdim=True), eps)
    if out is None:
        return input / length.expand_as(input)
    from ...ops.public import write_out

    return write_out("normalize", out, input / length)
