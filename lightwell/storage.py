"""The memory behind tensors, as bytes or as elements; and memory that other processes can map."""

import numpy as np

from . import dtypes
from .errors.teaching import RuntimeError
from .tensor import Tensor


class UntypedStorage:
    """The memory behind a tensor, as bytes: all tensors that share it show the same storage.

    Writing a byte writes the tensors' memory. Made from a tensor, from a number of bytes, or from a sequence of bytes.

    >>> import lightwell as torch
    >>> x = torch.zeros(4)
    >>> x.untyped_storage().nbytes(), x.untyped_storage().data_ptr() == x[2:].untyped_storage().data_ptr()
    (16, True)
    """

    def __init__(self, source=0, *, device=None):
        if not isinstance(source, Tensor):
            from .tensor import make

            raw = np.zeros(source, np.uint8) if isinstance(source, int) else np.array(list(source), np.uint8)
            source = make(raw)
        self._tensor = source

    def _raw(self) -> np.ndarray:
        owner = self._tensor._storage_owner()
        flat = (
            owner.reshape(-1) if owner.flags.c_contiguous else owner.T.reshape(-1) if owner.T.flags.c_contiguous else owner.ravel(order="K")
        )
        return flat.view(np.uint8)

    def _array(self, dtype) -> np.ndarray:
        """The memory as a flat array of `dtype`."""
        raw = self._raw()
        return raw[: raw.size // dtype.itemsize * dtype.itemsize].view(dtype)

    def data_ptr(self) -> int:
        """The address of the first byte (0 for an empty storage)."""
        return self._tensor._storage_owner().ctypes.data if self.nbytes() else 0

    def nbytes(self) -> int:
        """The number of bytes."""
        return self._tensor._storage_owner().nbytes

    size = __len__ = nbytes

    def element_size(self) -> int:
        """Bytes of one element: 1."""
        return 1

    @staticmethod
    def from_file(filename, shared: bool = False, nbytes: int = 0) -> "UntypedStorage":
        """The first `nbytes` bytes of a file, mapped: read when they are looked at, and written back only if `shared`.

        A shared file that is shorter, or missing, is made as long. RuntimeError for an unshared file that is shorter.
        """
        import os

        from .tensor import make

        length = os.path.getsize(filename) if os.path.exists(filename) else 0
        if shared and length < nbytes:
            with open(filename, "ab") as file:
                file.truncate(nbytes)
        elif length < nbytes:
            raise RuntimeError(f"from_file(): {filename!r} has {length} bytes, {nbytes} were asked for")
        if not nbytes:
            return UntypedStorage(0)
        return UntypedStorage(make(np.memmap(filename, np.uint8, "r+" if shared else "c", shape=(nbytes,)).view(np.ndarray)))

    def __array__(self, dtype=None, copy=None):
        return np.array(self._raw(), dtype=dtype, copy=copy)

    def __getitem__(self, key):
        found = self._raw()[key]
        if not isinstance(found, np.ndarray):
            return int(found)
        from .tensor import make

        # its bytes and no others: a view of the array would still have the whole for its memory
        return UntypedStorage(make(np.frombuffer(found.data, np.uint8) if found.size and found.flags.c_contiguous else found.copy()))

    def __setitem__(self, key, value):
        self._raw()[key] = value._raw() if isinstance(value, UntypedStorage) else value
        self._tensor._bump()

    def __iter__(self):
        return iter(self.tolist())

    def tolist(self) -> list:
        """The bytes as numbers."""
        return self._raw().tolist()

    def fill_(self, value: int):
        """Write one byte value everywhere; returns the storage."""
        self[:] = value
        return self

    def copy_(self, source, non_blocking=None):
        """Write the bytes of another storage of the same size over this one; returns it."""
        self._raw()[:] = source.untyped()._raw()
        self._tensor._bump()
        return self

    def resize_(self, size: int):
        """Give a storage that no other tensor shows another number of bytes; tensors that show it keep the old memory."""
        from .tensor import make

        old, fresh = self._raw(), np.zeros(size, np.uint8)
        n = min(size, old.size)
        fresh[:n] = old[:n]
        self._tensor = make(fresh)
        return self

    def untyped(self):
        """The storage itself."""
        return self

    def clone(self):
        """A copy in memory of its own."""
        from .tensor import make

        return type(self)(make(self._raw().copy()))

    def cpu(self):
        """The storage itself: it is on the CPU."""
        return self

    @property
    def device(self):
        """Where the memory is."""
        return self._tensor.device

    is_cuda = False

    def is_shared(self) -> bool:
        """Whether other processes can map the memory."""
        return self._tensor.is_shared()

    def share_memory_(self):
        """Move the memory of the tensor it was made from where other processes can map it; returns the storage."""
        self._tensor.share_memory_()
        return self

    def _key(self):
        return self.data_ptr(), self.nbytes()

    def __eq__(self, other):
        return isinstance(other, UntypedStorage) and type(other) is type(self) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        rows = "...\n" if self._tensor.is_meta else "".join(f" {v}\n" for v in self.tolist())
        return f"{rows}[torch.storage.UntypedStorage(device={self._tensor.device}) of size {len(self)}]"


class TypedStorage:
    """The memory behind a tensor, as a flat sequence of elements of its dtype.

    >>> import lightwell as torch
    >>> torch.tensor([[1, 2], [3, 4]]).storage().tolist()
    [1, 2, 3, 4]
    """

    def __init__(self, source=0, *, dtype=None, wrap_storage=None, device=None, _internal=False):
        from .tensor import make

        if wrap_storage is not None:
            source = make(wrap_storage._array((dtype or dtypes._default).np))
        elif not isinstance(source, Tensor):
            kind = (dtype or dtypes._default).np
            source = make(np.zeros(source, kind) if isinstance(source, int) else np.array(list(source), kind))
        self._tensor = source

    @property
    def dtype(self):
        """The element type."""
        return self._tensor.dtype

    @property
    def device(self):
        """Where the memory is."""
        return self._tensor.device

    is_cuda = False

    def _flat(self) -> np.ndarray:
        return UntypedStorage(self._tensor)._array(self._tensor._a.dtype)

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage(self._tensor)

    def data_ptr(self) -> int:
        """The address of the first element (0 for an empty storage)."""
        return self.untyped().data_ptr()

    def nbytes(self) -> int:
        """The number of bytes."""
        return self.untyped().nbytes()

    def size(self) -> int:
        """The number of elements."""
        return self.nbytes() // self._tensor._a.itemsize

    __len__ = size

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._tensor._a.itemsize

    def __getitem__(self, i: int):
        if isinstance(i, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if not isinstance(i, int):
            raise RuntimeError(f"can't index a TypedStorage with {type(i)}")
        value = self._flat()[i].item()
        return value if type(value) in (bool, int, float, complex) else float(value)

    def __setitem__(self, i, value):
        self._flat()[i] = value
        self._tensor._bump()

    def __iter__(self):
        return iter(self.tolist())

    def tolist(self) -> list:
        """The elements as Python numbers."""
        a = self._flat()
        return a.astype(np.float32).tolist() if a.dtype.num >= 256 else a.tolist()

    def fill_(self, value):
        """Write one value everywhere; returns the storage."""
        self[:] = value
        return self

    def copy_(self, source, non_blocking=None):
        """Write the elements of another storage of the same size over this one; returns it."""
        self._flat()[:] = source._flat()
        self._tensor._bump()
        return self

    def clone(self):
        """A copy in memory of its own."""
        from .tensor import make

        return TypedStorage(make(self._flat().copy()))

    def cpu(self):
        """The storage itself: it is on the CPU."""
        return self

    def is_shared(self) -> bool:
        """Whether other processes can map the memory."""
        return self._tensor.is_shared()

    def share_memory_(self):
        """Move the memory of the tensor it was made from where other processes can map it; returns the storage."""
        self._tensor.share_memory_()
        return self

    def _array(self, dtype) -> np.ndarray:
        return UntypedStorage(self._tensor)._array(dtype)

    def __eq__(self, other):
        return isinstance(other, TypedStorage) and self.untyped() == other.untyped() and self.dtype is other.dtype

    def __hash__(self):
        return hash(self.untyped())

    def __repr__(self):
        rows = "".join(f" {v}\n" for v in self.tolist())
        return f"{rows}[torch.storage.TypedStorage(dtype={self.dtype}, device=cpu) of size {len(self)}]"


class _Kind(type):
    """The type of the older storage classes: a storage is an instance of the one that its dtype names."""

    def __instancecheck__(cls, value) -> bool:
        return isinstance(value, TypedStorage) and value.dtype is cls.dtype


def _kind(name: str, dtype) -> type:
    """The older class of storages of one dtype, which makes a TypedStorage of it."""

    def __new__(cls, *args, **kwargs):
        return TypedStorage(*args, dtype=dtype, **kwargs)

    doc = f"A TypedStorage of {dtype}, from a number of elements or a sequence of them."
    return _Kind(name, (), {"__new__": __new__, "__doc__": doc, "__module__": __name__, "dtype": dtype})


BFloat16Storage, BoolStorage, ByteStorage = (
    _kind(f"{name}Storage", dtype) for name, dtype in (("BFloat16", dtypes.bfloat16), ("Bool", dtypes.bool), ("Byte", dtypes.uint8))
)
CharStorage, ShortStorage, IntStorage, LongStorage = (
    _kind(f"{name}Storage", dtype)
    for name, dtype in (("Char", dtypes.int8), ("Short", dtypes.int16), ("Int", dtypes.int32), ("Long", dtypes.int64))
)
HalfStorage, FloatStorage, DoubleStorage = (
    _kind(f"{name}Storage", dtype) for name, dtype in (("Half", dtypes.float16), ("Float", dtypes.float32), ("Double", dtypes.float64))
)
ComplexFloatStorage, ComplexDoubleStorage = (
    _kind(f"Complex{name}Storage", dtype) for name, dtype in (("Float", dtypes.complex64), ("Double", dtypes.complex128))
)
Storage = FloatStorage
