"""Helpers beside the network itself, under PyTorch's names; each submodule is imported when it is first asked for."""

import importlib

_SUBMODULES = ("benchmark", "checkpoint", "data", "deterministic", "dlpack", "hooks", "tensorboard")

__all__ = list(_SUBMODULES)


def __getattr__(name):
    """Import a submodule of ``utils`` on first use, so that ``import lightwell`` stays quick."""
    if name in _SUBMODULES:
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    """List what is loaded together with what can be."""
    return sorted({*globals(), *_SUBMODULES})
