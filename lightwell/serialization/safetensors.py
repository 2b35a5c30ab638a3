"""safetensors files through the `safetensors` library, where it is installed."""

import os

from .. import dtypes
from ..tensor import wrap
from .atomic import atomic_file


def _library():
    try:
        import safetensors.numpy as library
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("safetensors files need the safetensors library: pip install safetensors") from error
    return library


def load_file(filename: str | os.PathLike, device="cpu") -> dict:
    """The tensors of a .safetensors file by name; ModuleNotFoundError without the library.

    Example: `load_file("model.safetensors")["weight"]`.
    """
    if str(device) != "cpu":
        raise RuntimeError(f"load_file: tensors can be loaded to the CPU, got device {device}")
    return {name: wrap(a) for name, a in _library().load_file(os.fspath(filename)).items()}


def save_file(tensors: dict, filename: str | os.PathLike, metadata: dict | None = None) -> None:
    """Write a dict of tensors to a .safetensors file, atomically; dtypes that the library lacks raise its error.

    Example: `save_file(model.state_dict(), "model.safetensors")`.
    """
    import numpy as np

    arrays = {}
    for name, t in tensors.items():
        dtypes.from_np(t._a.dtype)
        arrays[name] = np.ascontiguousarray(t._a)
    data = _library().save(arrays, metadata)
    with atomic_file(filename) as file:
        file.write(data)
