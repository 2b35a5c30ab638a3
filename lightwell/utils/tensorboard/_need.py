"""What is asked for the libraries that this package leans on."""

import builtins

from ...errors.teaching import ImportError


def need_tensorboard() -> None:
    """ImportError that says what to install, where TensorBoard isn't."""
    try:
        import tensorboard  # noqa: F401
    except builtins.ImportError:
        raise ImportError(
            "lightwell.utils.tensorboard writes event files with TensorBoard's own library, which isn't installed: "
            "pip install lightwell[tensorboard]"
        ) from None


def need_pillow(what: str):
    """The module PIL.Image."""
    try:
        from PIL import Image
    except builtins.ImportError:
        raise ImportError(f"{what} encodes pictures with Pillow, which isn't installed: pip install lightwell[tensorboard]") from None
    return Image
