"""Text under torchtext's names: vocabularies, word vectors, tokenizers, datasets, transforms; `legacy` has the old Fields."""

import importlib

from ..errors.teaching import AttributeError

_SUBMODULES = ("data", "datasets", "legacy", "transforms", "vocab")

__all__ = ["data", "datasets", "disable_torchtext_deprecation_warning", "legacy", "transforms", "vocab"]


def disable_torchtext_deprecation_warning() -> None:
    """Do nothing: torchtext's last version warns that it is the last, this package does not."""


def __getattr__(name):
    """Import a part of ``text`` on first use."""
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "__version__":
        return importlib.import_module("lightwell.version").speaks("0.18.0")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_SUBMODULES})
