"""The few things every layer needs from below: creation functions bound late, argument expansion, factory keywords."""

from __future__ import annotations

from collections.abc import Iterable

import lightwell as _lw

from ..autograd.modes import no_grad

__all__ = ["empty", "expand", "factory", "no_grad", "ones", "tensor", "zeros"]


def empty(*size, **kwargs):
    """`lightwell.empty`, looked up at the call so that importing nn needs no finished front door."""
    return _lw.empty(*size, **kwargs)


def zeros(*size, **kwargs):
    """`lightwell.zeros`, looked up at the call."""
    return _lw.zeros(*size, **kwargs)


def ones(*size, **kwargs):
    """`lightwell.ones`, looked up at the call."""
    return _lw.ones(*size, **kwargs)


def tensor(data, **kwargs):
    """`lightwell.tensor`, looked up at the call."""
    return _lw.tensor(data, **kwargs)


def factory(device, dtype) -> dict:
    """The keywords a creation function takes from a layer's `device=` and `dtype=`."""
    return {"device": device, "dtype": dtype}


def expand(value, n: int) -> tuple:
    """`value` as an n-tuple: a sequence keeps its items, anything else is repeated n times."""
    return tuple(value) if isinstance(value, Iterable) else (value,) * n
