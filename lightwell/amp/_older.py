"""The names of `torch.cuda.amp` and `torch.cpu.amp`, which carry the device in their path and are deprecated."""

import functools
import warnings

from ..errors.level import users_level
from .autocast_mode import autocast as _autocast
from .autocast_mode import custom_bwd as _custom_bwd
from .autocast_mode import custom_fwd as _custom_fwd


def _told(old: str, new: str) -> None:
    warnings.warn(f"`{old}` is deprecated. Please use `{new}` instead.", FutureWarning, stacklevel=users_level())


def autocast_of(kind: str, fast):
    """`torch.<kind>.amp.autocast`."""

    def __init__(self, enabled: bool = True, dtype=fast, cache_enabled: bool = True):
        _told(f"torch.{kind}.amp.autocast(args...)", f"torch.amp.autocast('{kind}', args...)")
        _autocast.__init__(self, kind, enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)

    doc = f"`torch.amp.autocast('{kind}', ...)` under its older name."
    return type("autocast", (_autocast,), {"__init__": __init__, "__doc__": doc, "__module__": f"lightwell.{kind}.amp.autocast_mode"})


def custom_fwd(fwd=None, *, cast_inputs=None):
    """`torch.amp.custom_fwd(..., device_type='cuda')` under its older name."""
    _told("torch.cuda.amp.custom_fwd(args...)", "torch.amp.custom_fwd(args..., device_type='cuda')")
    decorate = functools.partial(_custom_fwd, device_type="cuda", cast_inputs=cast_inputs)
    return decorate if fwd is None else decorate(fwd)


def custom_bwd(bwd):
    """`torch.amp.custom_bwd(..., device_type='cuda')` under its older name."""
    _told("torch.cuda.amp.custom_bwd(args...)", "torch.amp.custom_bwd(args..., device_type='cuda')")
    return _custom_bwd(bwd, device_type="cuda")
