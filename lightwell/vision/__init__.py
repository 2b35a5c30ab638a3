"""Image datasets, transforms and picture helpers under torchvision's names; each part is imported when first used."""

import importlib

from lightwell.errors.teaching import AttributeError, ValueError

_SUBMODULES = ("datasets", "io", "models", "ops", "transforms", "tv_tensors", "utils")

__all__ = ["get_image_backend", "set_image_backend"]
__all__ += list(_SUBMODULES)


def get_image_backend() -> str:
    """The library that opens picture files: always Pillow.

    >>> from lightwell.vision import get_image_backend
    >>> get_image_backend()
    'PIL'
    """
    return "PIL"


def set_image_backend(backend: str) -> None:
    """Choose the library that opens picture files; raises ValueError for any but 'PIL'."""
    if backend != "PIL":
        raise ValueError(f"set_image_backend: unknown backend {backend!r}; the one there is is 'PIL'")


def __getattr__(name):
    """Import a part of ``vision`` on first use."""
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "__version__":
        return importlib.import_module("lightwell.version").speaks("0.28.0")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    """List what is loaded together with what can be."""
    return sorted({*globals(), *_SUBMODULES})
