"""Which element type a file's storage name stands for, and PyTorch's rule for which dtypes have such a name."""

import sys

import numpy as np

from .. import dtypes
from .._utils import Storage
from ..errors.teaching import RuntimeError

_NAMES = {
    "float32": "Float", "float64": "Double", "float16": "Half", "bfloat16": "BFloat16", "int64": "Long", "int32": "Int",
    "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool", "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}  # fmt: skip


class StorageType:
    """Stands for `torch.FloatStorage` and its kin inside a pickle: a name and an element type (None: plain bytes)."""

    __slots__ = ("dtype", "module", "name")

    def __init__(self, module: str, name: str, dtype):
        self.module, self.name, self.dtype = module, name, dtype

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize if self.dtype is not None else 1

    def __repr__(self):
        return f"{self.module}.{self.name}"


UNTYPED = StorageType("torch.storage", "UntypedStorage", None)
BY_DTYPE = {getattr(dtypes, d): StorageType("torch", f"{n}Storage", getattr(dtypes, d)) for d, n in _NAMES.items()}
BY_NAME: dict[tuple[str, str], StorageType] = {
    ("torch.storage", "UntypedStorage"): UNTYPED,
    ("torch", "UntypedStorage"): UNTYPED,
}
for _type in BY_DTYPE.values():
    BY_NAME["torch", _type.name] = BY_NAME["torch.cuda", _type.name] = _type


def adopt(raw: np.ndarray, kind: StorageType, location: str, swap: bool = False, own: bool = True) -> Storage:
    """A Storage around the bytes `raw`; `swap` turns the byte order, `own` says that `raw` may be written to."""
    if swap and kind.dtype is not None and kind.itemsize > 1:
        swap_bytes(raw, kind.dtype)
    if own and kind.dtype is dtypes.bool and raw.size and raw.max() > 1:
        np.minimum(raw, 1, out=raw)  # a bool that is neither 0 nor 1 makes NumPy's results undefined
    return Storage(raw, kind.dtype, location)


def swap_bytes(raw: np.ndarray, dtype) -> None:
    """Turn the byte order of every number in `raw`, in place."""
    width = dtype.itemsize // 2 if dtype.is_complex else dtype.itemsize
    raw.view(f"u{width}").byteswap(inplace=True)


def bytes_of(owner: np.ndarray) -> memoryview:
    """The memory of a contiguous array (rows or columns first) as bytes, without a copy."""
    block = owner if owner.flags.c_contiguous else owner.T
    return memoryview(block.reshape(-1).view(np.uint8))


def foreign_order(order: bytes) -> bool:
    """Whether `order` ("little" or "big") is not this machine's; RuntimeError for anything else."""
    name = order.decode("ascii", "replace").strip()
    if name not in ("little", "big"):
        raise RuntimeError(f"load: unknown byte order {name[:20]!r} in the file; expected 'little' or 'big'")
    return name != sys.byteorder
