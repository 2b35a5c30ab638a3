"""Tensors from data: numbers, nested sequences, arrays, buffers, files, other libraries."""

import builtins
import warnings

import numpy as np

from .. import dtypes
from ..errors.level import users_level
from ..errors.teaching import OverflowError, RuntimeError, TypeError, ValueError
from ..meta import as_meta
from ..tensor import Tensor, make
from .convert import as_dtype, cast, check_device
from .fresh import finish, np_dtype, order_of, place

ndarray = np.ndarray

__all__ = [
    "as_tensor", "asarray", "from_dlpack", "from_file", "from_numpy", "frombuffer", "scalar_tensor", "tensor", "to_dlpack",
]  # fmt: skip


def _infer(data):
    """The dtype that PyTorch gives to nested sequences of numbers: the highest category found."""
    found = None
    stack = [data]
    while stack:
        v = stack.pop()
        if isinstance(v, (list, tuple, range)):
            stack.extend(v)
            continue
        if isinstance(v, Tensor):
            d = v.dtype
        elif isinstance(v, ndarray):
            d = dtypes.from_np(v.dtype)
        elif isinstance(v, (bool, int, float, dtypes.np.generic)) or type(v) is complex:
            d = dtypes.of_scalar(v)
        elif hasattr(v, "__array__"):
            d = dtypes.from_np(np.asarray(v).dtype)
        elif hasattr(v, "__float__") or hasattr(v, "__index__"):
            d = dtypes.int64 if hasattr(v, "__index__") else dtypes._default
        else:
            if isinstance(v, str):
                raise TypeError("new(): invalid data type 'str': tensor() takes numbers, not strings; turn words into numbers first")
            if isinstance(v, bytes):
                raise TypeError("new(): invalid data type 'bytes': give torch.frombuffer() the bytes of numbers")
            raise RuntimeError(f"Could not infer dtype of {type(v).__name__}")
        found = d if found is None else dtypes.promote_types(found, d)
    return found or dtypes._default


def _plain(data, path=()):
    """Nested lists with the one-element tensors in them turned to numbers; ValueError where lengths differ."""
    if isinstance(data, Tensor):
        if data._a.size == 1:
            return data.item()
        kind = TypeError if data._a.dtype.kind in "biu" else ValueError
        raise kind(
            f"only one element tensors can be converted to Python scalars, not one of shape {list(data.shape)}: "
            "join tensors with torch.stack() or torch.cat()"
        )
    if isinstance(data, ndarray):
        return data.tolist()
    if isinstance(data, (list, tuple, range)):
        items = [_plain(v, (*path, i)) for i, v in enumerate(data)]
        lengths = [len(v) if isinstance(v, list) else None for v in items]
        for i, n in enumerate(lengths):
            if (n is None) != (lengths[0] is None):
                found, wanted = ("a number", "a sequence") if n is None else ("a sequence", "a number")
                raise TypeError(f"expected {wanted} at dim {len(path) + 1}, position {i}, as at position 0, but got {found}")
            if n != lengths[0]:
                raise ValueError(
                    f"expected sequence of length {lengths[0]} at dim {len(path) + 1} (got length {n}, at position {i}): "
                    "rows must be equally long"
                )
        return items
    return data


def array_of(data, dtype=None) -> ndarray:
    """A fresh array of `data` in PyTorch's inferred (or the given) dtype."""
    want = None if dtype is None else np_dtype(dtype)
    if isinstance(data, Tensor):
        a = data._a
        return a.astype(want, copy=True) if want is not None else a.copy(order="K")
    if not isinstance(data, (list, tuple, range, int, float)) and hasattr(data, "__array__"):
        a = np.asarray(data)
        if a.dtype.kind == "O":  # pandas gives object columns where bools and numbers meet
            try:
                a = _from_objects(a)
            except (builtins.TypeError, builtins.ValueError):
                dtypes.from_np(a.dtype)
        if want is None:
            want = dtypes.from_np(a.dtype).np
        if any(s < 0 for s in a.strides):
            raise ValueError(_NEGATIVE)
        return np.array(a, dtype=want, order=order_of(a), copy=True)
    if isinstance(data, list) and data and isinstance(data[0], (int, float)):
        try:  # the common flat list, without looking at each element in Python
            a = np.array(data)
            if a.ndim == 1 and a.dtype.kind in "bif":
                if want is None:
                    want = dtypes._default.np if a.dtype.kind == "f" else a.dtype
                    if a.dtype.kind == "f" and np.float64 in set(map(type, data)):
                        want = a.dtype
                return _narrowed(a, want)
        except (builtins.ValueError, builtins.TypeError):
            a = None
        except builtins.OverflowError:
            pass
    if isinstance(data, (set, dict)) or data is None:
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}: give a number, a nested list or an array")
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    if not isinstance(data, (list, tuple, range)) and hasattr(data, "__len__") and hasattr(data, "__getitem__"):
        data = list(data)
    first = data
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    if isinstance(first, str):
        raise ValueError("too many dimensions 'str': tensor() takes numbers, not strings; turn words into numbers first")
    if want is None:
        want = _infer(data).np
    values = _plain(data)
    try:
        if np.dtype(want).kind in "iu":
            a = np.array(values)
            if a.dtype.kind == "c":
                raise TypeError("'complex' object cannot be interpreted as an integer: take its real part")
            if a.dtype.kind == "O" or (a.dtype.kind == "u" and np.dtype(want) != np.uint64):
                raise OverflowError
            return _narrowed(np.trunc(a) if a.dtype.kind == "f" else a, want)
        return np.array(values, dtype=want)
    except builtins.OverflowError:
        raise ValueError("Overflow when unpacking long long: an integer lies outside [-2⁶³, 2⁶³); write it as a float") from None


def _narrowed(a: ndarray, want) -> ndarray:
    """`a` in another dtype; RuntimeError where an integer doesn't fit into it (small negative ones wrap around, unsigned)."""
    if a.dtype is want:
        return a
    to = np.dtype(want)
    if a.dtype.kind == "f":
        if to.kind in "iu" and a.size:
            for v in (a.min(), a.max()):
                dtypes.fitted(float(v), dtypes.from_np(to))
        with np.errstate(over="ignore", invalid="ignore"):
            return a.astype(to)
    if a.dtype.kind in "iu" and to.kind in "iu" and a.size and a.itemsize > to.itemsize:
        for v in (a.min(), a.max()):
            dtypes.fitted(int(v), dtypes.from_np(to))
    return a.astype(to)


_NEGATIVE = (
    "At least one stride in the given numpy array is negative, and tensors with negative strides are not currently "
    "supported. (You can probably work around this by making a copy of your array with array.copy().)"
)


def _from_objects(a: ndarray) -> ndarray:
    """An object array of numbers and bools in the dtype they have together."""
    return np.array(a.tolist(), dtype=_infer(a.tolist()).np)


def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False) -> Tensor:
    """A new tensor with a copy of `data`: a number, a nested sequence, an array, or anything with `__array__`.

    The dtype is inferred unless given: Python floats take the default dtype, ints int64; arrays keep theirs. Object and
    bool columns of a data frame are taken as numbers. ValueError for ragged rows; TypeError or RuntimeError for what is no
    number; RuntimeError where a value doesn't fit.

    >>> import lightwell as torch
    >>> torch.tensor([[1, 2], [3, 4]]), torch.tensor(1.5)
    (tensor([[1, 2],
            [3, 4]]), tensor(1.5000))
    """
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=users_level(),
        )
    return finish(array_of(data, dtype), device, requires_grad)


def as_tensor(data, dtype=None, device=None) -> Tensor:
    """`data` as a tensor, without a copy where it is a tensor or an array of the wanted dtype already.

    >>> import lightwell as torch, numpy as np
    >>> a = np.ones(2); t = torch.as_tensor(a); a[0] = 5; t
    tensor([5., 1.], dtype=torch.float64)
    """
    if place(device):
        t = as_tensor(data, dtype, "cpu")
        return t if t.is_meta else as_meta(t)
    if isinstance(data, Tensor):
        return data if dtype is None else cast(data, as_dtype(dtype))
    if isinstance(data, ndarray):
        t = from_numpy(data)
        return t if dtype is None else cast(t, as_dtype(dtype))
    return finish(array_of(data, dtype), device, False)


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False) -> Tensor:
    """`obj` as a tensor: shared where possible, copied where `copy=True`; ValueError where `copy=False` can't be kept.

    >>> import lightwell as torch
    >>> torch.asarray([1, 2, 3])
    tensor([1, 2, 3])
    """
    check_device(device)
    if isinstance(obj, Tensor):
        t = obj if obj.requires_grad == bool(requires_grad) else obj.detach()
    elif isinstance(obj, ndarray):
        t = from_numpy(obj)
    elif hasattr(obj, "__dlpack__"):
        t = from_dlpack(obj)
    elif isinstance(obj, (bytes, bytearray, memoryview)):
        t = frombuffer(obj, dtype=dtype or dtypes._default)
    else:
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        return finish(array_of(obj, dtype), device, requires_grad)
    changed = dtype is not None and t.dtype is not as_dtype(dtype)
    if changed and copy is False:
        raise ValueError(f"can't alias tensor with dtype '{t.dtype}' into dtype '{dtype}'.")
    if changed:
        t = cast(t, as_dtype(dtype))
    elif copy:
        t = t.clone()
    if requires_grad and not t.requires_grad:
        t = t.detach().requires_grad_()
    return t


def from_numpy(ndarray_) -> Tensor:
    """A tensor that shares the array's memory: each shows the other's changes.

    TypeError for what is no array or has a dtype that PyTorch lacks; ValueError for negative strides.

    >>> import lightwell as torch, numpy as np
    >>> a = np.zeros(2); t = torch.from_numpy(a); a += 1; t
    tensor([1., 1.], dtype=torch.float64)
    """
    if not isinstance(ndarray_, ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray_).__name__})")
    d = dtypes.from_np(ndarray_.dtype)
    if any(s < 0 for s in ndarray_.strides):
        raise ValueError(_NEGATIVE)
    if not ndarray_.dtype.isnative:
        raise ValueError("given numpy array has byte order different from the native byte order. Convert it with .astype first.")
    if not ndarray_.flags.writeable:
        warnings.warn(
            "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means writing to "
            "this tensor will result in undefined behavior. You may want to copy the array to protect its data.",
            UserWarning,
            stacklevel=users_level(),
        )
    a = ndarray_ if type(ndarray_) is ndarray else ndarray_.view(ndarray)
    return make(a if a.dtype is d.np else a.view(d.np))


def frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False) -> Tensor:
    """A 1-D tensor over the memory of a buffer; ValueError where length or offset don't fit the dtype.

    >>> import lightwell as torch
    >>> torch.frombuffer(bytearray([1, 0, 2, 0]), dtype=torch.int16)
    tensor([1, 2], dtype=torch.int16)
    """
    size = len(memoryview(buffer).cast("B"))
    item = np_dtype(dtype).itemsize
    if size == 0 or count == 0:
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({size} bytes) minus 1")
    if count < 0 and (size - offset) % item:
        raise ValueError(f"buffer length ({size - offset} bytes) after offset must be a multiple of element size ({item})")
    if count > 0 and offset + count * item > size:
        raise ValueError(f"requested buffer length ({count * item} bytes) after offset ({offset} bytes) must not be greater than {size}")
    if memoryview(buffer).readonly:
        warnings.warn(
            "The given buffer is not writable: writing to this tensor is undefined. Copy it, with bytearray(buffer), to be safe.",
            UserWarning,
            stacklevel=users_level(),
        )
    return finish(np.frombuffer(buffer, np_dtype(dtype), count, offset), None, requires_grad)


def from_file(filename, shared=None, size=0, *, dtype=None, layout=None, device=None, pin_memory=False) -> Tensor:
    """A 1-D tensor over a file's memory map; writes reach the file where `shared`."""
    return make(np.memmap(filename, np_dtype(dtype), "r+" if shared else "c", shape=(size,)).view(ndarray))


def _writable(a):
    """The memory of an array that NumPy calls read-only because an old capsule can't say otherwise, open to writing."""
    if a.flags.writeable or not a.size:
        return a
    import ctypes

    span = sum((n - 1) * s for n, s in zip(a.shape, a.strides)) + a.itemsize
    memory = (ctypes.c_char * span).from_address(a.ctypes.data)
    memory.owner = a  # keeps the capsule's memory alive
    return np.ndarray(a.shape, a.dtype, memory, 0, a.strides)


def from_dlpack(ext_tensor, *, device=None, copy=None) -> Tensor:
    """A tensor over the memory of any object that speaks DLPack.

    >>> import lightwell as torch, numpy as np
    >>> torch.from_dlpack(np.arange(3))
    tensor([0, 1, 2])
    """
    if isinstance(ext_tensor, Tensor):
        return ext_tensor.clone() if copy else ext_tensor.detach()
    if not hasattr(ext_tensor, "__dlpack__"):  # a bare capsule

        class Holder:
            def __dlpack__(self, **_):
                return ext_tensor

            def __dlpack_device__(self):
                return 1, 0

        return make(_writable(np.from_dlpack(Holder())))
    a = np.from_dlpack(ext_tensor)
    return make(a.copy() if copy or not a.flags.writeable else a)


def to_dlpack(tensor) -> object:
    """The DLPack capsule of a tensor."""
    return tensor.__dlpack__()


def scalar_tensor(s, *, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False) -> Tensor:
    """A 0-dim tensor of a number, in the default dtype unless one is given.

    >>> import lightwell as torch
    >>> torch.scalar_tensor(2)
    tensor(2.)
    """
    return finish(np.array(s, np_dtype(dtype)), device, requires_grad)
