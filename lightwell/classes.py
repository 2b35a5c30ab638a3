"""`torch.classes`: classes of C++ extensions, of which there are none here."""

from .errors.teaching import AttributeError, RuntimeError

__all__ = ["load_library", "loaded_libraries"]

loaded_libraries: set = set()


def load_library(path) -> None:
    """RuntimeError: an extension in C++ is built against PyTorch's own library and can't be loaded into this one."""
    raise RuntimeError(
        f"classes.load_library({str(path)!r}): C++ extensions are built against PyTorch's library and can't be loaded here. "
        "Write the class in Python; where it is for speed, torch.autograd.Function wraps NumPy or ctypes code"
    )


class _Namespace:
    """Classes of an extension by name, none of which is there."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError(
            f"Tried to instantiate class '{self._name}.{name}', but it does not exist: classes of C++ extensions can't be loaded here; "
            "write the class in Python"
        )


def __getattr__(name: str):
    if name.startswith(("_", "pytest")):  # what Python and pytest ask every module for
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return _Namespace(name)
