"""Dropout: elements or whole channels set to zero at random, with PyTorch's random stream."""

import math
import warnings

import numpy as np

from ... import random
from ...errors.level import users_level
from ...errors.teaching import RuntimeError, TypeError, ValueError
from ...ops.arith import add_, mul_
from ...ops.inplace import overwrite
from ...ops.op import draws
from ...tensor import Tensor, make

__all__ = [
    "alpha_dropout", "alpha_dropout_", "dropout", "dropout1d", "dropout2d", "dropout3d", "dropout_", "feature_alpha_dropout",
    "feature_alpha_dropout_", "feature_dropout", "feature_dropout_",
]  # fmt: skip

ALPHA = 1.7580993408473766  # -(scale·alpha) of SELU: the value that its units saturate at


def _keep(a: np.ndarray, p: float, feature: bool) -> np.ndarray:
    """1 with chance 1-p, else 0: per element, or per channel of every sample; drawn in the order of a's memory."""
    if feature:
        if a.ndim < 2:
            raise RuntimeError(f"Feature dropout requires at least 2 dimensions in the input, got shape {list(a.shape)}")
        return random.bernoulli(None, 1 - p, a.shape[:2] + (1,) * (a.ndim - 2), a.dtype)
    if a.flags.c_contiguous:
        return random.bernoulli(None, 1 - p, a.shape, a.dtype)
    return random.fill(np.empty_like(a), lambda shape: random.bernoulli(None, 1 - p, shape, a.dtype))


def _drop(input, p: float, training: bool, inplace: bool, feature: bool, alpha: bool, name: str):
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    a = input._a
    if p == 0 or not training or not a.size:
        return input
    result = mul_(input, make(np.zeros((), a.dtype))) if p == 1 else _dropped(input, p, feature, alpha)
    return overwrite(input, result, name + "_") if inplace else result


@draws
def _dropped(input, p, feature, alpha):
    noise = _keep(input._a, p, feature)
    if alpha:
        s = 1 / math.sqrt((ALPHA * ALPHA * p + 1) * (1 - p))
        shift = (noise - 1) * (ALPHA * s) + ALPHA * s * p
        return add_(mul_(input, make(noise * s)), make(shift))
    noise /= 1 - p
    return mul_(input, make(noise))


def dropout(input, p=0.5, training=True, inplace=False):
    """Each element 0 with chance p, the others divided by 1-p; the input itself where not `training`.

    ValueError for p outside [0, 1] (Srivastava et al., 2014).

    >>> import lightwell as torch
    >>> torch.nn.functional.dropout(torch.ones(3), training=False)
    tensor([1., 1., 1.])
    """
    return _drop(input, p, training, inplace, False, False, "dropout")


def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Dropout that keeps mean 0 and variance 1, for SELU networks: dropped elements take SELU's saturation value.

    >>> import lightwell as torch
    >>> torch.nn.functional.alpha_dropout(torch.ones(3), training=False)
    tensor([1., 1., 1.])
    """
    return _drop(input, p, training, inplace, False, True, "alpha_dropout")


def feature_alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Alpha dropout of whole channels (dimension 1).

    >>> import lightwell as torch
    >>> torch.nn.functional.feature_alpha_dropout(torch.ones(3, 2), training=False).shape
    torch.Size([3, 2])
    """
    return _drop(input, p, training, inplace, True, True, "feature_alpha_dropout")


def feature_dropout(input, p=0.5, training=True, inplace=False):
    """Dropout of whole channels (dimension 1)."""
    return _drop(input, p, training, inplace, True, False, "feature_dropout")


def dropout1d(input, p=0.5, training=True, inplace=False):
    """Dropout of whole channels of (N, C, L), or (C, L); RuntimeError for other dimensions.

    >>> import lightwell as torch
    >>> y = torch.nn.functional.dropout1d(torch.ones(4, 3, 5))
    >>> (y == y[..., :1]).all()
    tensor(True)
    """
    return _channels(input, p, training, inplace, 1)


def dropout2d(input, p=0.5, training=True, inplace=False):
    """Dropout of whole channels of (N, C, H, W).

    >>> import lightwell as torch
    >>> y = torch.nn.functional.dropout2d(torch.ones(4, 3, 5, 5))
    >>> (y == y[..., :1, :1]).all()
    tensor(True)
    """
    return _channels(input, p, training, inplace, 2)


def dropout3d(input, p=0.5, training=True, inplace=False):
    """Dropout of whole channels of (N, C, D, H, W), or (C, D, H, W).

    >>> import lightwell as torch
    >>> y = torch.nn.functional.dropout3d(torch.ones(4, 3, 2, 2, 2))
    >>> (y == y[..., :1, :1, :1]).all()
    tensor(True)
    """
    return _channels(input, p, training, inplace, 3)


def _channels(input, p, training, inplace, n):
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    dim, name = input.dim(), f"dropout{n}d"
    if n == 1 and dim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {dim}D input. Note that dropout1d exists to provide "
            "channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional batch dimension "
            "(i.e. 2D or 3D inputs)."
        )
    if (n == 2 and dim not in (3, 4)) or (n == 3 and dim not in (4, 5)):
        warnings.warn(
            f"{name}: Received a {dim}-D input to {name}, which is deprecated and will result in an error in a future release. "
            "To retain the behavior and silence this warning, please use feature_dropout instead.",
            stacklevel=users_level(),
        )
    if n == 2 and dim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired - input is "
            "interpreted as shape (N, C, L), where C is the channel dim. Use dropout1d for that.",
            stacklevel=users_level(),
        )
    if (n == 1 and dim == 2) or (n == 3 and dim != 5):
        result = feature_dropout(input.unsqueeze(0), p, training, False).squeeze(0)
        return overwrite(input, result, name) if inplace and result is not input else result
    return feature_dropout(input, p, training, inplace)


def dropout_(input, p=0.5, training=True):
    """`dropout`, written over the input."""
    return dropout(input, p, training, True)


def alpha_dropout_(input, p=0.5, training=False):
    """`alpha_dropout`, written over the input."""
    return alpha_dropout(input, p, training, True)


def feature_alpha_dropout_(input, p=0.5, training=False):
    """`feature_alpha_dropout`, written over the input."""
    return feature_alpha_dropout(input, p, training, True)


def feature_dropout_(input, p=0.5, training=True):
    """`feature_dropout`, written over the input."""
    return feature_dropout(input, p, training, True)
