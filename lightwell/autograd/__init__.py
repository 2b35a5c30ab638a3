"""Automatic differentiation: nodes, the engine, modes, and the user's entrances to them."""

import importlib

from ..errors.teaching import AttributeError
from .engine import backward, grad
from .function import Function
from .gradcheck import GradcheckError, gradcheck, gradgradcheck  # at once: the function's name is its module's too
from .modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

_SUBMODULES = frozenset("anomaly anomaly_mode engine forward_ad function functional grad_mode graph modes node profiler variable".split())
_FROM = {
    "Variable": "variable", "detect_anomaly": "anomaly",
    "is_anomaly_enabled": "anomaly", "is_anomaly_check_nan_enabled": "anomaly", "set_detect_anomaly": "anomaly",
}  # fmt: skip

__all__ = [
    "Function", "GradcheckError", "Variable", "backward", "detect_anomaly", "enable_grad", "grad", "gradcheck", "gradgradcheck",
    "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip


def __getattr__(name: str):
    """Load a part that operations don't need at its first use."""
    if name == "grad_mode":
        found = importlib.import_module(".modes", __name__)
    elif name == "anomaly_mode":
        found = importlib.import_module(".anomaly", __name__)
    elif name in _FROM:
        found = getattr(importlib.import_module("." + _FROM[name], __name__), name)
    elif name in _SUBMODULES:
        return importlib.import_module("." + name, __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__():
    return sorted({*globals(), *__all__, *_SUBMODULES, *_FROM})
