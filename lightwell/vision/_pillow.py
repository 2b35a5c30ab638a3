"""Pillow, asked for late and with a clear word where it is missing."""

import builtins

from ..errors.teaching import ModuleNotFoundError


def image_module():
    """The module PIL.Image; raises ModuleNotFoundError that says how to install it."""
    try:
        from PIL import Image
    except builtins.ModuleNotFoundError as error:
        raise ModuleNotFoundError('pictures need Pillow: pip install "lightwell[vision]" (or: pip install pillow)', name="PIL") from error
    return Image


def is_pil(picture) -> bool:
    """Whether this is a Pillow image; never imports Pillow, since no image can be there before it is."""
    import sys

    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(picture, module.Image)
