"""safetensors files: checked by the `safetensors` library, which owns the format, and mapped into memory."""

import builtins
import json
import os

import numpy as np

from .. import dtypes
from ..errors.teaching import ModuleNotFoundError, RuntimeError
from ..tensor import make
from .atomic import atomic_file

_DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32", "I32": "int32", "U64": "uint64",
    "I64": "int64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64", "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
}  # fmt: skip


def _library():
    try:
        import safetensors as library
    except builtins.ModuleNotFoundError as error:
        raise ModuleNotFoundError("safetensors files need the safetensors library: pip install lightwell[files]") from error
    return library


def load_file(filename: str | os.PathLike, device="cpu") -> dict:
    """The tensors of a .safetensors file by name, mapped into memory: read when they are looked at, changes stay in memory.

    The library checks the file first and raises its SafetensorError; ModuleNotFoundError without the library, RuntimeError for
    another device than the CPU and for a dtype that there is none of here.

    Example: `load_file("model.safetensors")["weight"]`.
    """
    if str(device) != "cpu":
        raise RuntimeError(f"load_file: tensors can be loaded to the CPU, got device {device}")
    path = os.fspath(filename)
    with _library().safe_open(path, framework="numpy"):
        pass  # its header, sizes and offsets are in order
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    start = 8 + length
    size = os.path.getsize(path) - start
    memory = np.memmap(path, np.uint8, "c", offset=start, shape=(size,)).view(np.ndarray) if size else np.empty(0, np.uint8)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] not in _DTYPES:
            raise RuntimeError(f"load_file: tensor {name!r} of {path} has dtype {entry['dtype']}, which doesn't exist here")
        begin, end = entry["data_offsets"]
        dtype = getattr(dtypes, _DTYPES[entry["dtype"]]).np
        tensors[name] = make(memory[begin:end].view(dtype).reshape(entry["shape"]))
    return tensors


def save_file(tensors: dict, filename: str | os.PathLike, metadata: dict | None = None) -> None:
    """Write a dict of tensors to a .safetensors file, atomically; dtypes that the format lacks raise the library's error.

    Example: `save_file(model.state_dict(), "model.safetensors")`.
    """
    _library()
    from safetensors.numpy import save

    data = save({name: np.asarray(t.detach()._a, order="C") for name, t in tensors.items()}, metadata)
    with atomic_file(filename) as file:
        file.write(data)
