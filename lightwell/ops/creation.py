"""Tensors of constants: zeros, ones, full, empty, eye, their `_like` forms and `Tensor.new_*`."""

import functools
import math
import warnings

import numpy as np

from .. import dtypes, errors
from ..errors.level import users_level
from ..errors.teaching import RuntimeError, TypeError
from ..meta import hollow, hollow_like
from ..tensor import Tensor, _cpu
from .fresh import finish, np_dtype, order_of, place, settle, shape_of
from .from_data import array_of

ndarray = np.ndarray

__all__ = [
    "empty", "empty_like", "empty_permuted", "empty_strided", "eye", "full", "full_like", "ones", "ones_like", "zeros", "zeros_like",
]  # fmt: skip


def zeros(*args, size=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, names=None) -> Tensor:
    """A tensor of zeros.

    >>> import lightwell as torch
    >>> torch.zeros(2, 3).shape
    torch.Size([2, 3])
    """
    return _made(np.zeros, "zeros", args or (size,), out, dtype, layout, device, requires_grad)


def ones(*args, size=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, names=None) -> Tensor:
    """A tensor of ones.

    >>> import lightwell as torch
    >>> torch.ones(2, dtype=torch.int64)
    tensor([1, 1])
    """
    return _made(np.ones, "ones", args or (size,), out, dtype, layout, device, requires_grad)


def empty(
    *args, size=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, memory_format=None, names=None
) -> Tensor:
    """A tensor whose values are whatever the memory held.

    >>> import lightwell as torch
    >>> torch.empty(2, 3).shape
    torch.Size([2, 3])
    """
    t = _made(np.empty, "empty", args or (size,), out, dtype, layout, device, requires_grad)
    if memory_format is not None and memory_format.name.startswith("channels_last"):
        a = laid_out("empty", t._a, t._a.dtype, memory_format)
        t._a = hollow_like(a) if t.is_meta else a
    return t


def _made(fill, op, size, out, dtype, layout, device, requires_grad):
    kind = dtypes._default.np if dtype is None and out is None else np_dtype(dtype, out.dtype if out is not None else None)
    if size[0] is None:
        raise TypeError(f"{op}() missing 1 required positional argument: 'size', as in {op}(2, 3)")
    shape = shape_of(op, size)
    if layout is not None and layout.name != "strided" and op in ("zeros", "empty"):
        from ..sparse.functions import made_empty

        return made_empty(shape, dtype, layout)
    try:
        meta = place(device)
        t = settle((hollow if meta else fill)(shape, kind), meta, requires_grad, layout)
    except (MemoryError, ValueError) as error:
        n = math.prod(shape) * np.dtype(kind).itemsize
        raise RuntimeError(f"{op}(): not enough memory for {n} bytes of shape {list(shape)}: {error}") from None
    if out is not None:
        from .public import write_out

        return write_out(op, out, t)
    return t


def full(size, fill_value, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, names=None) -> Tensor:
    """A tensor of `fill_value`, in the number's own dtype unless one is given.

    >>> import lightwell as torch
    >>> torch.full((2,), 7)
    tensor([7, 7])
    """
    if isinstance(fill_value, Tensor):
        dtype = dtype or fill_value.dtype
        fill_value = fill_value.item()
    kind = np_dtype(dtype) if dtype is not None else dtypes.of_scalar(fill_value).np
    if isinstance(size, int):
        raise TypeError(f"full(): argument 'size' (position 1) must be tuple of ints, not int: write ({size},)")
    shape = shape_of("full", (size,))
    meta = place(device)
    t = settle(hollow(shape, kind) if meta else _filled(shape, fill_value, kind), meta, requires_grad, layout)
    if out is not None:
        from .public import write_out

        return write_out("full", out, t)
    return t


def _filled(shape, value, kind):
    return np.full(shape, dtypes.fitted(value, dtypes.from_np(kind)), kind)


def _like(input, dtype):
    if not isinstance(input, Tensor):
        raise TypeError(f"argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    return input._a.dtype if dtype is None else np_dtype(dtype)


_FILLS = {"zeros": (np.zeros, np.zeros_like), "ones": (np.ones, np.ones_like), "empty": (np.empty, np.empty_like)}


def laid_out(fill: str, a: ndarray, kind, memory_format) -> ndarray:
    """A new array of `a`'s shape, its dimensions in memory as `memory_format` says (None: as `a`'s lie)."""
    made, like = _FILLS[fill]
    name = "preserve_format" if memory_format is None else memory_format.name
    if name == "preserve_format":
        return like(a, kind, order=order_of(a))
    if name == "contiguous_format":
        return made(a.shape, kind)
    need = 5 if name == "channels_last_3d" else 4
    if a.ndim != need:
        raise RuntimeError(f"required rank {need} tensor to use {name} format, but got shape {list(a.shape)}")
    return np.moveaxis(made((a.shape[0], *a.shape[2:], a.shape[1]), kind), -1, 1)


def _mapped(fn):
    """The like of one example of a vmap is the like of the whole batch."""

    @functools.wraps(fn)
    def like(input, *args, **kwargs):
        try:
            a = getattr(input, "_a", None)
        except errors.NotStrided as error:
            return errors.NotStrided.elsewhere(fn.__name__, (input, *args), kwargs, error)
        if type(a) is not ndarray and hasattr(input, "whole"):
            return input.like(like, *args, **kwargs)
        return fn(input, *args, **kwargs)

    return like


@_mapped
def zeros_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, pin_memory=False) -> Tensor:
    """Zeros of the shape (and dtype) of `input`.

    >>> import lightwell as torch
    >>> torch.zeros_like(torch.tensor([3, 4]))
    tensor([0, 0])
    """
    return finish(laid_out("zeros", input._a, _like(input, dtype), memory_format), device or _cpu, requires_grad)


@_mapped
def ones_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, pin_memory=False) -> Tensor:
    """Ones of the shape (and dtype) of `input`.

    >>> import lightwell as torch
    >>> torch.ones_like(torch.tensor([3, 4]))
    tensor([1, 1])
    """
    return finish(laid_out("ones", input._a, _like(input, dtype), memory_format), device or _cpu, requires_grad)


@_mapped
def empty_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, pin_memory=False) -> Tensor:
    """A tensor of the shape (and dtype) of `input` with whatever the memory held.

    >>> import lightwell as torch
    >>> torch.empty_like(torch.zeros(2, 3)).shape
    torch.Size([2, 3])
    """
    return finish(laid_out("empty", input._a, _like(input, dtype), memory_format), device or _cpu, requires_grad)


@_mapped
def full_like(
    input, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, pin_memory=False
) -> Tensor:
    """A tensor of `fill_value` in the shape (and dtype) of `input`.

    >>> import lightwell as torch
    >>> torch.full_like(torch.zeros(2), 3)
    tensor([3., 3.])
    """
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    a = laid_out("empty", input._a, _like(input, dtype), memory_format)
    a[...] = dtypes.fitted(fill_value, dtypes.from_np(a.dtype))
    return finish(a, device or _cpu, requires_grad)


def empty_strided(size, stride, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False) -> Tensor:
    """An uninitialised tensor of the given shape and strides (in elements).

    >>> import lightwell as torch
    >>> torch.empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    kind = np_dtype(dtype)
    if place(device):
        return settle(hollow(size, kind, tuple(k * np.dtype(kind).itemsize for k in stride)), True, requires_grad)
    n = 1 + sum((s - 1) * k for s, k in zip(size, stride)) if all(size) else 0
    flat = np.empty(n, kind)
    a = np.lib.stride_tricks.as_strided(flat, tuple(size), tuple(k * flat.itemsize for k in stride)) if n else np.empty(size, kind)
    return finish(a, device, requires_grad)


def empty_permuted(size, physical_layout, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False) -> Tensor:
    """An uninitialised tensor whose dimensions lie in memory in the order `physical_layout`."""
    a = np.empty([size[k] for k in physical_layout], np_dtype(dtype))
    return finish(a.transpose(np.argsort(physical_layout)), device, requires_grad)


def eye(n, m=None, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False) -> Tensor:
    """The n×m matrix with ones on the diagonal.

    >>> import lightwell as torch
    >>> torch.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"eye(): n must be greater or equal to 0, got {n if n < 0 else m}")
    meta, kind = place(device), np_dtype(dtype)
    t = settle(hollow((n, n if m is None else m), kind) if meta else np.eye(n, m, dtype=kind), meta, requires_grad)
    if out is not None:
        from .public import write_out

        return write_out("eye", out, t)
    return t


def _new(fill, name):
    def method(self, *args, size=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
        return _made(fill, name, args or (size,), None, dtype or self.dtype, layout, device or _cpu, requires_grad)

    method.__name__ = name
    method.__doc__ = f"`torch.{name[4:]}` with this tensor's dtype and device unless others are given."
    return method


def new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False) -> Tensor:
    """`torch.full` with this tensor's dtype and device unless others are given."""
    return full(size, fill_value, dtype=dtype or self.dtype, device=device or _cpu, requires_grad=requires_grad)


def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False) -> Tensor:
    """`torch.tensor` with this tensor's dtype and device unless others are given."""
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone().",
            UserWarning,
            stacklevel=users_level(),
        )
    elif isinstance(data, int) and dtype is None:
        return finish(_filled((), data, self._a.dtype), device or _cpu, requires_grad)
    return finish(array_of(data, dtype or self.dtype), device or _cpu, requires_grad)


Tensor.new_full, Tensor.new_tensor = new_full, new_tensor
for _n, _f in (("new_zeros", np.zeros), ("new_ones", np.ones), ("new_empty", np.empty)):
    setattr(Tensor, _n, _new(_f, _n))
Tensor.new_empty_strided = lambda self, size, stride, **k: empty_strided(size, stride, **{"dtype": self.dtype, "device": _cpu, **k})
