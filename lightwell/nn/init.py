"""Ways to fill a tensor before training; all work in place, outside the graph, on PyTorch's random streams."""

from __future__ import annotations

import math
import warnings

from ..errors.level import users_level
from ..errors.teaching import ValueError
from . import core
from .core import no_grad

_LINEAR_LIKE = frozenset("linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d sigmoid".split())


def calculate_gain(nonlinearity: str, param=None) -> float:
    r"""The factor that keeps the variance of activations steady behind `nonlinearity`.

    1 for linear layers, convolutions and sigmoid; 5/3 for tanh; √2 for relu; √(2/(1+slope²)) for leaky_relu, whose
    slope is `param` (0.01); 3/4 for selu. Raises ValueError for another name or a slope that is no number.

    >>> import lightwell as torch
    >>> torch.nn.init.calculate_gain("leaky_relu", 0.2)
    1.3867504905630728
    """
    if nonlinearity in _LINEAR_LIKE:
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def _fans(tensor) -> tuple[int, int]:
    """(inputs, outputs) of one unit of a weight laid out (out, in, *window)."""
    if tensor.dim() < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


_calculate_fan_in_and_fan_out = _fans


def _fan(tensor, mode: str) -> int:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return _fans(tensor)[mode == "fan_out"]


_calculate_correct_fan = _fan


def uniform_(tensor, a: float = 0.0, b: float = 1.0, generator=None):
    """Fill with draws from U(a, b).

    >>> import lightwell as torch
    >>> w = torch.nn.init.uniform_(torch.empty(3, 5))
    >>> bool((w >= 0).all() and (w < 1).all())
    True
    """
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor, mean: float = 0.0, std: float = 1.0, generator=None):
    """Fill with draws from N(mean, std²).

    >>> import lightwell as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.init.normal_(torch.empty(2))
    tensor([ 1.5410, -0.2934])
    """
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator=None):
    r"""Fill with draws from N(mean, std²) conditioned on [a, b], by rejection.

    Where [a, b] holds over 30 % of the mass, normals outside it are drawn anew; elsewhere uniforms x on [a, b] are
    accepted with probability exp(-((x - mean)² - (peak - mean)²) / 2std²), peak being the densest point of [a, b].

    >>> import lightwell as torch
    >>> bool(torch.nn.init.trunc_normal_(torch.empty(100)).abs().max() <= 2)
    True
    """

    def cdf(x: float) -> float:
        return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0

    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be incorrect.",
            stacklevel=users_level(),
        )
    if tensor.is_meta:  # nothing to fill, and no numbers to reject
        return tensor
    with no_grad():
        fresh = core.empty(tuple(tensor.shape), dtype=tensor.dtype, device=tensor.device)
        if cdf((b - mean) / std) - cdf((a - mean) / std) > 0.3:
            low, high = tensor.new_tensor(a).item(), tensor.new_tensor(b).item()
            tensor.normal_(mean, std, generator=generator)
            while (wrong := (tensor < low) | (tensor > high)).any():
                tensor.copy_(fresh.normal_(mean, std, generator=generator).where(wrong, tensor))
            return tensor
        log_peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2

        def refused(x):
            log_ratio = ((x - mean) / std).pow(2) * -0.5 - log_peak
            return core.empty(tuple(x.shape), dtype=x.dtype).uniform_(generator=generator).log() > log_ratio

        wrong = refused(tensor.uniform_(a, b, generator=generator))
        while wrong.any():
            fresh.uniform_(a, b, generator=generator)
            tensor.copy_(fresh.where(wrong, tensor))
            wrong = wrong & refused(fresh)
    return tensor


def constant_(tensor, val: float):
    """Fill with `val`.

    >>> import lightwell as torch
    >>> torch.nn.init.constant_(torch.empty(2), 0.3)
    tensor([0.3000, 0.3000])
    """
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor):
    """Fill with 1.

    >>> import lightwell as torch
    >>> torch.nn.init.ones_(torch.empty(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


def zeros_(tensor):
    """Fill with 0.

    >>> import lightwell as torch
    >>> torch.nn.init.zeros_(torch.empty(2))
    tensor([0., 0.])
    """
    with no_grad():
        return tensor.zero_()


def eye_(tensor):
    """Make a matrix the identity; ValueError for any other number of dimensions than 2.

    >>> import lightwell as torch
    >>> torch.nn.init.eye_(torch.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with no_grad():
        tensor.zero_()
        tensor.diagonal().fill_(1)
    return tensor


def dirac_(tensor, groups: int = 1):
    """Make a convolution's weight (3 to 5 dimensions) pass its input channels through unchanged, group by group.

    Raises ValueError for other dimensions, or when `groups` does not divide the output channels.

    >>> import lightwell as torch
    >>> torch.nn.init.dirac_(torch.empty(2, 2, 3))[0]
    tensor([[0., 1., 0.],
            [0., 0., 0.]])
    """
    n = tensor.dim()
    if n not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    if tensor.is_meta:
        return tensor
    per_group = tensor.shape[0] // groups
    centre = tuple(s // 2 for s in tensor.shape[2:])
    with no_grad():
        tensor.zero_()
        for g in range(groups):
            for d in range(min(per_group, tensor.shape[1])):
                tensor[(g * per_group + d, d, *centre)] = 1
    return tensor


def xavier_uniform_(tensor, gain: float = 1.0, generator=None):
    r"""Fill from U(-a, a), a = gain·√(6/(fan_in + fan_out)) (Glorot & Bengio, 2010).

    >>> import lightwell as torch
    >>> bool(torch.nn.init.xavier_uniform_(torch.empty(3, 3)).abs().max() <= 1)
    True
    """
    fan_in, fan_out = _fans(tensor)
    std = gain * math.sqrt(2.0 / float(fan_in + fan_out))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor, gain: float = 1.0, generator=None):
    r"""Fill from N(0, std²), std = gain·√(2/(fan_in + fan_out)) (Glorot & Bengio, 2010).

    >>> import lightwell as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.init.xavier_normal_(torch.empty(1, 3))
    tensor([[ 1.0896, -0.2075, -1.5406]])
    """
    fan_in, fan_out = _fans(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator)


def _nothing_to_fill(tensor) -> bool:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=users_level())
        return True
    return False


def kaiming_uniform_(tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator=None):
    r"""Fill from U(-b, b), b = gain·√(3/fan) (He et al., 2015); `a` is the slope of a leaky_relu.

    >>> import lightwell as torch
    >>> bool(torch.nn.init.kaiming_uniform_(torch.empty(3, 6), nonlinearity='relu').abs().max() <= 1)
    True
    """
    if _nothing_to_fill(tensor):
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator=None):
    r"""Fill from N(0, std²), std = gain/√fan (He et al., 2015); `a` is the slope of a leaky_relu.

    >>> import lightwell as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.nn.init.kaiming_normal_(torch.empty(1, 3), nonlinearity='relu')
    tensor([[ 1.2582, -0.2396, -1.7790]])
    """
    if _nothing_to_fill(tensor):
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def orthogonal_(tensor, gain: float = 1, generator=None):
    r"""Fill with gain·Q, Q with orthonormal rows or columns: the Q of a normal matrix, signs set by the diagonal of R
    (Saxe et al., 2013). Raises ValueError below 2 dimensions.

    >>> import lightwell as torch
    >>> w = torch.nn.init.orthogonal_(torch.empty(2, 4))
    >>> torch.allclose(w @ w.T, torch.eye(2), atol=1e-6)
    True
    """
    if tensor.dim() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0 or tensor.is_meta:
        return tensor
    import lightwell as lw

    rows = tensor.shape[0]
    cols = tensor.numel() // rows
    with no_grad():
        flat = core.empty(rows, cols, dtype=tensor.dtype, device=tensor.device).normal_(0, 1, generator=generator)
        q, r = lw.linalg.qr(flat.t() if rows < cols else flat)
        q *= r.diagonal().sign()
        tensor.copy_((q.t() if rows < cols else q).reshape(tensor.shape))
        tensor.mul_(gain)
    return tensor


def sparse_(tensor, sparsity: float, std: float = 0.01, generator=None):
    """Fill a matrix from N(0, std²), then set the fraction `sparsity` of every column to 0 (Martens, 2010).

    Raises ValueError for any other number of dimensions than 2.

    >>> import lightwell as torch
    >>> int((torch.nn.init.sparse_(torch.empty(4, 3), 0.5) == 0).sum())
    6
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    if tensor.is_meta:
        return tensor
    import lightwell as lw

    rows, cols = tensor.shape
    n_zero = math.ceil(sparsity * rows)
    with no_grad():
        tensor.normal_(0, std, generator=generator)
        for col in range(cols):
            tensor[lw.randperm(rows)[:n_zero], col] = 0
    return tensor


def _deprecated(new):
    def old(*args, **kwargs):
        name = new.__name__
        warnings.warn(f"`nn.init.{name[:-1]}` is now deprecated in favor of `nn.init.{name}`.", FutureWarning, stacklevel=users_level())
        return new(*args, **kwargs)

    old.__name__, old.__doc__ = new.__name__[:-1], f"The old name of `{new.__name__}`; it warns."
    return old


uniform, normal, constant, eye, dirac = map(_deprecated, (uniform_, normal_, constant_, eye_, dirac_))
xavier_uniform, xavier_normal = _deprecated(xavier_uniform_), _deprecated(xavier_normal_)
kaiming_uniform, kaiming_normal = _deprecated(kaiming_uniform_), _deprecated(kaiming_normal_)
orthogonal, sparse = _deprecated(orthogonal_), _deprecated(sparse_)
