"""`autocast`: a region in which operations choose their float dtype themselves; the rules stand in ops/precision.py."""

import functools
import warnings
from typing import Any

import numpy as np

from .. import dtypes
from ..device import device as _device
from ..errors.level import users_level
from ..errors.teaching import RuntimeError, ValueError
from ..ops import precision
from ..tensor import Tensor

__all__ = ["autocast", "autocast_decorator", "custom_bwd", "custom_fwd", "is_autocast_available"]

_HAVE_IT = frozenset("cpu cuda ipu xpu maia xla mps hpu mtia privateuseone".split())
_KNOWN = _HAVE_IT | {"hip"}
_CPU_DTYPES = (dtypes.bfloat16, dtypes.float16)


def is_autocast_available(device_type: str) -> bool:
    """Whether there is an autocast for a device type (the device itself may be missing); RuntimeError for an unknown type.

    >>> import lightwell as torch
    >>> torch.amp.is_autocast_available("cpu"), torch.amp.is_autocast_available("meta")
    (True, False)
    """
    return _device(device_type).type in _HAVE_IT


def autocast_decorator(autocast_instance, func):
    """`func`, run inside `autocast_instance`."""

    @functools.wraps(func)
    def decorate_autocast(*args, **kwargs):
        with autocast_instance:
            return func(*args, **kwargs)

    return decorate_autocast


class autocast:
    """A region, or a decorated function, in which products and convolutions run in 16-bit floats and losses in float32.

    `dtype` is bfloat16 on the CPU unless given (float16 too is taken). Parameters stay float32, and so do their gradients;
    their casts are kept until the outermost region ends. `enabled=False` makes a region in which nothing is cast. Run
    forward passes and losses in it, backward passes outside. Raises ValueError where `device_type` is no string,
    RuntimeError where there is no such type; warns and does nothing where the device or the dtype cannot be had.
    (Micikevicius et al., "Mixed precision training", 2018.)

    >>> import lightwell as torch
    >>> x = torch.ones(2, 2)
    >>> with torch.autocast("cpu"):
    ...     y = x @ x
    ...     with torch.autocast("cpu", enabled=False):
    ...         z = y.float() @ x
    >>> y.dtype, z.dtype
    (torch.bfloat16, torch.float32)
    """

    def __init__(self, device_type: str, dtype=None, enabled: bool = True, cache_enabled: bool | None = None):
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        kind = _device(device_type).type
        if kind not in _HAVE_IT:
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}': 'cpu' computes here")
        self.device = kind
        self.fast_dtype = precision.fast_dtype(kind) if dtype is None else dtype
        self._cache_enabled = precision.state.caching if cache_enabled is None else cache_enabled
        if enabled and kind == "cuda":
            warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=users_level())
            enabled = False
        elif enabled and kind == "cpu" and self.fast_dtype not in _CPU_DTYPES:
            warnings.warn(
                "In CPU autocast, but the target dtype is not supported. Disabling autocast.\n"
                f"CPU Autocast only supports dtypes of {', '.join(map(str, _CPU_DTYPES))} currently.",
                stacklevel=users_level(),
            )
            enabled = False
        self._enabled = enabled
        self._before: list = []  # one instance may be entered while it is entered already

    def __enter__(self):
        state, kind = precision.state, self.device
        self._before.append((precision.is_enabled(kind), state.fast.get(kind), state.caching))
        state.fast[kind], state.caching = self.fast_dtype, self._cache_enabled
        precision.set_enabled(kind, self._enabled)
        state.nesting += 1
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any):
        state, kind = precision.state, self.device
        enabled, fast, state.caching = self._before.pop()
        if fast is None:
            state.fast.pop(kind, None)
        else:
            state.fast[kind] = fast
        precision.set_enabled(kind, enabled)
        state.nesting -= 1
        if not state.nesting:
            state.cache.clear()
        return False

    def __call__(self, func):
        return autocast_decorator(self, func)


def _cast(value, device_type, dtype):
    """What holds tensors, its float tensors (float64 aside) in `dtype`."""
    if isinstance(value, Tensor):
        fits = value.is_floating_point() and value.device.type == device_type and value.dtype is not dtypes.float64
        return value.to(dtype) if fits else value
    if isinstance(value, (str, bytes, np.ndarray)):
        return value
    if isinstance(value, dict):
        return {_cast(k, device_type, dtype): _cast(v, device_type, dtype) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        made = [_cast(v, device_type, dtype) for v in value]
        return type(value)(*made) if hasattr(value, "_fields") else type(value)(made)
    return value


def _need_text(device_type):
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")


def custom_fwd(fwd=None, *, device_type: str, cast_inputs=None):
    """Decorate the forward of an autograd.Function: backward, under `custom_bwd`, then runs in forward's autocast state.

    With `cast_inputs`, float tensors that come in an autocast region are cast to it, and forward runs with autocast off.

    >>> import lightwell as torch
    >>> class Square(torch.autograd.Function):
    ...     @staticmethod
    ...     @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     @torch.amp.custom_bwd(device_type="cpu")
    ...     def backward(ctx, g):
    ...         return 2 * g * ctx.saved_tensors[0]
    >>> with torch.autocast("cpu"):
    ...     y = Square.apply(torch.ones(1, dtype=torch.bfloat16))
    >>> y
    tensor([1.])
    """
    _need_text(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorate_fwd(*args, **kwargs):
        on = precision.is_enabled(device_type)
        args[0]._dtype = precision.fast_dtype(device_type)
        if cast_inputs is None:
            args[0]._fwd_used_autocast = on
            return fwd(*args, **kwargs)
        args[0]._fwd_used_autocast = False
        if not on:
            return fwd(*args, **kwargs)
        with autocast(device_type=device_type, enabled=False):
            return fwd(*_cast(args, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs))

    return decorate_fwd


def custom_bwd(bwd=None, *, device_type: str):
    """Decorate the backward of an autograd.Function whose forward is under `custom_fwd`: it runs in the same autocast state."""
    _need_text(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorate_bwd(*args, **kwargs):
        with autocast(device_type=device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return bwd(*args, **kwargs)

    return decorate_bwd


# ---- the state, as functions at the top level ---------------------------------------------------------------------------


def _kind(device_type: str) -> str:
    kind = _device(device_type).type
    if kind not in _KNOWN:
        raise RuntimeError(f"unsupported scalarType: there is no autocast for device type '{device_type}'")
    return kind


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether autocast is on in this thread for a device type.

    >>> import lightwell as torch
    >>> with torch.autocast("cpu"):
    ...     torch.is_autocast_enabled("cpu")
    True
    """
    return precision.is_enabled(_device(device_type).type)


def set_autocast_enabled(device_type, enabled=None) -> None:
    """Switch autocast for a device type ('cuda' where only a bool is given)."""
    if enabled is None:
        device_type, enabled = "cuda", device_type
    precision.set_enabled(_device(device_type).type, bool(enabled))


def get_autocast_dtype(device_type: str):
    """The dtype that autocast lowers to.

    >>> import lightwell as torch
    >>> torch.get_autocast_dtype("cpu"), torch.get_autocast_dtype("cuda")
    (torch.bfloat16, torch.float16)
    """
    return precision.fast_dtype(_kind(device_type))


def set_autocast_dtype(device_type: str, dtype) -> None:
    """Set the dtype that autocast lowers to."""
    precision.state.fast[_kind(device_type)] = dtype


def is_autocast_cache_enabled() -> bool:
    """Whether the casts of parameters are kept within a region."""
    return precision.state.caching


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Switch the keeping of parameters' casts."""
    precision.state.caching = bool(enabled)


def clear_autocast_cache() -> None:
    """Drop the casts of parameters kept so far."""
    precision.state.cache.clear()


def autocast_increment_nesting() -> int:
    """Note the entry into a region: how many there are now."""
    precision.state.nesting += 1
    return precision.state.nesting


def autocast_decrement_nesting() -> int:
    """Note the exit from a region: how many there are now."""
    precision.state.nesting -= 1
    return precision.state.nesting


def _older(device: str, word: str):
    """The four functions whose names carry the device, deprecated in favour of those that take it."""

    def told(name, instead):
        warnings.warn(f"torch.{name} is deprecated. Please use torch.{instead} instead.", DeprecationWarning, stacklevel=users_level())

    def enabled() -> bool:
        told(f"is_autocast_{word}_enabled()", f"is_autocast_enabled('{device}')")
        return is_autocast_enabled(device)

    def set_enabled(enabled: bool) -> None:
        told(f"set_autocast_{word}_enabled(enabled)", f"set_autocast_enabled('{device}', enabled)")
        set_autocast_enabled(device, enabled)

    def get_dtype():
        told(f"get_autocast_{word}_dtype()", f"get_autocast_dtype('{device}')")
        return get_autocast_dtype(device)

    def set_dtype(dtype) -> None:
        told(f"set_autocast_{word}_dtype(dtype)", f"set_autocast_dtype('{device}', dtype)")
        set_autocast_dtype(device, dtype)

    named = {
        f"is_autocast_{word}_enabled": enabled, f"set_autocast_{word}_enabled": set_enabled,
        f"get_autocast_{word}_dtype": get_dtype, f"set_autocast_{word}_dtype": set_dtype,
    }  # fmt: skip
    for name, function in named.items():
        function.__name__ = function.__qualname__ = name
        function.__doc__ = f"Deprecated: `{name.replace(f'_{word}', '')}('{device}')`."
    return named


for _name, _word in (("cpu", "cpu"), ("cuda", "gpu"), ("ipu", "ipu"), ("xla", "xla")):
    globals().update(_older(_name, _word))
