"""What every function that makes a tensor shares: the checks, the dtype, the shape."""

import numpy as np

from .. import dtypes
from ..device import as_device, get_default_device
from ..errors.teaching import RuntimeError, TypeError
from ..meta import as_meta
from ..tensor import Tensor, make, strided
from .convert import as_dtype, check_device

ndarray = np.ndarray


def place(device) -> bool:
    """Whether the device, asked for or the default one, is the meta device; refuse one that is not there."""
    device = get_default_device() if device is None else as_device(device)
    if device.type == "cpu":
        return False
    if device.type != "meta":
        check_device(device)
    return True


def finish(array: ndarray, device, requires_grad: bool, layout=None, pin_memory=False) -> Tensor:
    """The tensor of a fresh array, after the checks that every creating function shares."""
    return settle(array, place(device), requires_grad, layout)


def settle(array: ndarray, meta: bool, requires_grad: bool, layout=None) -> Tensor:
    """`finish` where the device is known: the meta device, or the CPU."""
    t = make(array)
    if meta:
        t = as_meta(t)
    if requires_grad:
        t.requires_grad = True
    if layout is not None and layout is not strided:
        raise RuntimeError(f"layout {layout} is not made by this function: use torch.sparse_coo_tensor(...)")
    return t


def np_dtype(dtype, default=None):
    """The NumPy type of a dtype argument; the default dtype where it is None."""
    if dtype is None:
        return (default or dtypes._default).np
    if isinstance(dtype, dtypes.dtype):
        return dtype.np
    if isinstance(dtype, (str, int)) and not isinstance(dtype, type):
        raise TypeError(f"argument 'dtype' must be torch.dtype, not {type(dtype).__name__}: write torch.float32, say, for {dtype!r}")
    return as_dtype(dtype).np


def shape_of(op: str, size) -> tuple:
    """The shape in `size`: numbers, or one sequence of them; RuntimeError for a negative one, TypeError for a non-integer."""
    if len(size) == 1 and not isinstance(size[0], (int, np.integer)):
        size = size[0]
        if isinstance(size, Tensor) and not size.ndim:
            size = (int(size),)
        elif isinstance(size, (str, float)) or size is None:
            raise TypeError(f"{op}(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}")
    out = []
    for i, n in enumerate(size):
        if type(n) is not int:
            if isinstance(n, (float, str)) or not hasattr(n, "__index__"):
                raise TypeError(f"{op}(): argument 'size' must be tuple of ints, but found element of type {type(n).__name__} at pos {i}")
            n = n.__index__()
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{', '.join(map(str, size))}]")
        out.append(n)
    return tuple(out)


def order_of(a: ndarray) -> str:
    """The memory order for a twin of `a`: its own, unless dimensions of stride 0 say nothing about order."""
    return "K" if 0 not in a.strides else "C"
