"""Taking tensors apart for pickling and putting them together again, under the names PyTorch's files use."""

import numpy as np

from . import dtypes
from .errors.teaching import RuntimeError
from .tensor import Tensor, wrap

_HIDDEN = ("_hooks", "_post_hooks", "_retains")  # what autograd keeps in a tensor's __dict__: never saved
_FAR = 1 << 62  # no size, stride or offset of a real tensor reaches this


class Storage:
    """A block of memory read from a file: `raw` is a 1-D uint8 array, `dtype` what the file says it holds.

    Tensors made from one Storage share its memory. `location` is the device tag of the file ("cpu", "cuda:0").
    """

    __slots__ = ("_flipped", "dtype", "location", "raw", "typed")

    def __init__(self, raw: np.ndarray, dtype=None, location: str = "cpu"):
        self.raw, self.typed, self.location = raw, dtype is not None, location
        self.dtype = dtype or dtypes.uint8
        self._flipped = {}

    def nbytes(self) -> int:
        """The number of bytes."""
        return self.raw.nbytes

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return self.raw.ctypes.data

    def __len__(self):
        return self.raw.nbytes // self.dtype.itemsize

    def __getitem__(self, index):
        return self.raw.view(self.dtype.np)[index].tolist()

    def tolist(self) -> list:
        """The elements as Python numbers."""
        return self.raw.view(self.dtype.np).tolist()

    def cpu(self):
        """Itself: the memory is the CPU's."""
        return self

    def untyped(self):
        """The same memory as bytes."""
        return Storage(self.raw, None, self.location)

    @property
    def device(self):
        """The CPU."""
        from .device import device

        return device("cpu")

    def flipped(self, dtype, conj: bool, neg: bool) -> "Storage":
        """The memory with PyTorch's lazy conjugate or negative bit carried out; one copy per storage and kind."""
        key = (dtype, conj, neg)
        found = self._flipped.get(key)
        if found is None:
            # own memory, one step below the tensors: their chain of bases stays one step long
            found = self._flipped[key] = Storage(np.empty(self.raw.size, np.uint8), dtype, self.location)
            self.refresh()
        return found

    def refresh(self) -> None:
        """Carry the bits out again: the old form's memory is filled only after the tensors were made."""
        for (dtype, conj, neg), twin in self._flipped.items():
            end = self.raw.size // dtype.itemsize * dtype.itemsize
            values, out = self.raw[:end].view(dtype.np), twin.raw[:end].view(dtype.np)
            np.conjugate(values, out=out) if conj else np.copyto(out, values)
            if neg:
                np.negative(out, out=out)

    def __repr__(self):
        return f"Storage({self.raw.nbytes} bytes of {self.dtype}, on {self.location})"


# ---- putting together ---------------------------------------------------------------------------------------------


def _whole(values, what: str) -> tuple:
    """`values` as a tuple of non-negative ints of sane size; RuntimeError otherwise."""
    if not isinstance(values, (tuple, list)) or len(values) > 64:
        raise RuntimeError(f"load: the {what} of a tensor must be a tuple of at most 64 ints, got {type(values).__name__}")
    for v in values:
        if type(v) is not int or not 0 <= v < _FAR:
            raise RuntimeError(f"load: a tensor's {what} holds an entry that is not an int in [0, 2**62); the file is damaged")
    return tuple(values)


def place(storage: Storage, offset: int, size, stride, dtype) -> Tensor:
    """The tensor of these sizes and strides (in elements) inside `storage`; RuntimeError where it would leave it."""
    if not isinstance(storage, Storage):
        raise RuntimeError(f"load: a tensor's storage was expected, got {type(storage).__name__}; the file is damaged")
    size, stride = _whole(size, "size"), _whole(stride, "stride")
    (offset,) = _whole((offset,), "storage offset")
    if len(size) != len(stride):
        raise RuntimeError(f"load: {len(size)} sizes but {len(stride)} strides; the file is damaged")
    item, room = dtype.itemsize, storage.raw.nbytes
    empty = 0 in size
    # the index of the last element decides; Python's ints can't overflow here
    last = offset + (0 if empty else sum((n - 1) * s for n, s in zip(size, stride)) + 1)
    if last * item > room:
        raise RuntimeError(
            f"load: a tensor of size {size}, stride {stride}, offset {offset} ({dtype}) needs {last * item} bytes "
            f"but its storage has {room}; the file is damaged or forged"
        )
    try:
        a = np.ndarray(size, dtype.np, storage.raw, 0 if empty else offset * item, tuple(s * item for s in stride))
    except (ValueError, OverflowError) as error:
        raise RuntimeError(f"load: NumPy can't describe a tensor of size {size} and stride {stride}: {error}") from error
    if storage.location == "meta":
        from .meta import meta_tensor

        return meta_tensor(a.shape, a.dtype, a.strides)
    return wrap(a)


def _rebuild_tensor(storage, storage_offset, size, stride):
    """A tensor on `storage`, of the storage's dtype."""
    return place(storage, storage_offset, size, stride, getattr(storage, "dtype", None))


def _finish(t, requires_grad):
    if requires_grad:
        if not (t.is_floating_point() or t.is_complex()):
            raise RuntimeError("load: only Tensors of floating point and complex dtype can require gradients; the file is damaged")
        t.requires_grad = True
    else:
        t.requires_grad = False
    return t


def _lazy_bits(storage, dtype, metadata):
    """The storage with the lazy bits that `metadata` tells of carried out."""
    if metadata and isinstance(metadata, dict) and isinstance(storage, Storage):
        conj, neg = metadata.get("conj") is True, metadata.get("neg") is True
        if conj or neg:
            return storage.flipped(dtype, conj, neg)
    return storage


def _rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None):
    """A tensor on a typed storage, as PyTorch's files describe it."""
    dtype = getattr(storage, "dtype", None)
    return _finish(place(_lazy_bits(storage, dtype, metadata), storage_offset, size, stride, dtype), requires_grad)


def _rebuild_tensor_v3(storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None):
    """A tensor on untyped memory, with its dtype named beside it (float8, uint16 and other late dtypes)."""
    if not isinstance(dtype, dtypes.dtype):
        raise RuntimeError(f"load: a dtype was expected, got {type(dtype).__name__}; the file is damaged")
    return _finish(place(_lazy_bits(storage, dtype, metadata), storage_offset, size, stride, dtype), requires_grad)


def _rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad):
    """A tensor on the meta device, of which a file holds the shape alone."""
    from .meta import meta_tensor

    size, stride = _whole(size, "size"), _whole(stride, "stride")
    return _finish(meta_tensor(size, dtype.np, tuple(k * dtype.itemsize for k in stride)), requires_grad)


def _rebuild_parameter(data, requires_grad, backward_hooks):
    """An nn.Parameter around `data`."""
    from .nn.parameter import Parameter

    if not isinstance(data, Tensor):
        raise RuntimeError(f"load: a Parameter's data must be a tensor, got {type(data).__name__}; the file is damaged")
    return _finish(_cast(data, Parameter), bool(requires_grad))


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    """An nn.Parameter around `data` with the attributes in `state`."""
    return _set_state(_rebuild_parameter(data, requires_grad, backward_hooks), state)


def _rebuild_from_type_v2(func, new_type, args, state):
    """A tensor of class `new_type` with the attributes in `state`, made by `func(*args)`."""
    t = func(*args)
    if type(t) is not new_type:
        t = _cast(t, new_type)
    setstate = getattr(new_type, "__setstate__", None)
    if setstate is not None:
        setstate(t, state)
        return t
    return _set_state(t, state)


def _rebuild_sparse_tensor(layout, data):
    """A sparse tensor from (indices, values, size[, is_coalesced]), or (starts, plain indices, values, size) of a compressed one."""
    from . import sparse

    if str(layout) != "torch.sparse_coo":
        starts, plain, values, size = data
        return sparse.sparse_compressed_tensor(starts, plain, values, size, layout=layout)
    indices, values, size, *coalesced = data
    return sparse.sparse_coo_tensor(indices, values, size, is_coalesced=coalesced[0] if coalesced else None)


def _cast(t, cls):
    """`t` as an instance of the Tensor subclass `cls`, sharing the memory."""
    from .tensor import make

    if t.is_meta:
        from .meta import meta_leaf

        out = meta_leaf(cls, t._a)
    else:
        out = make(t._a, cls)
    out._rg = t._rg
    return out


def _set_state(t, state):
    """Set the attributes that a (dict) or (dict, slots dict) holds; names that the class defines are left alone."""
    parts = state if isinstance(state, tuple) else (state,)
    for part in parts:
        for key, value in (part or {}).items():
            if isinstance(key, str) and key not in _HIDDEN and not hasattr(type(t), key) and not key.startswith("__"):
                t.__dict__[key] = value
    return t


# ---- taking apart -------------------------------------------------------------------------------------------------


def owner_of(a: np.ndarray) -> np.ndarray:
    """The plain array at the root of `a`'s chain of bases: one object for all views of a memory."""
    while type(a.base) is np.ndarray:
        a = a.base
    return a


def locate(a: np.ndarray) -> tuple[np.ndarray, int, tuple]:
    """(owner, byte offset, byte strides) of `a`; a fresh contiguous copy owns it where `a` can't be described so."""
    owner = owner_of(a)
    flags = owner.flags
    if (flags.c_contiguous or flags.f_contiguous) and owner.dtype.kind != "O":
        offset = a.__array_interface__["data"][0] - owner.__array_interface__["data"][0] if a.size else 0
        last = offset + sum((n - 1) * s for n, s in zip(a.shape, a.strides)) + a.itemsize if a.size else 0
        whole = a.itemsize
        if offset >= 0 and offset % whole == 0 and last <= owner.nbytes and all(s >= 0 and s % whole == 0 for s in a.strides):
            return owner, offset, a.strides
    a = np.array(a, order="C", copy=True, subok=False)
    return a, 0, a.strides


def attributes(t) -> dict:
    """What a user hung on the tensor."""
    return {k: v for k, v in t.__dict__.items() if k not in _HIDDEN} if t.__dict__ else {}


def reduce_tensor(t) -> tuple:
    """What `Tensor.__reduce_ex__` returns: a plain pickle through NumPy; views of a memory share it after loading too.

    Gradients and the graph are not part of it; a tensor that requires grad comes back as a leaf that does.

    >>> import pickle, lightwell as torch
    >>> x = torch.arange(4.); a, b = pickle.loads(pickle.dumps((x, x[1:])))
    >>> a[1] = 9; b
    tensor([9., 2., 3.])
    """
    a, dtype = t._a, dtypes.from_np(t._a.dtype)
    owner, offset, strides = locate(a if a.dtype.isnative else a.astype(dtype.np))
    return rebuild, (type(t), owner, dtype.name, offset, a.shape, strides, bool(t.requires_grad), attributes(t) or None)


def rebuild(cls, owner, dtype: str, offset: int, shape: tuple, strides: tuple, requires_grad: bool, state):
    """The tensor that `reduce_tensor` took apart."""
    from .tensor import make

    np_dtype = getattr(dtypes, dtype).np
    if owner.dtype == np_dtype and owner.shape == shape and owner.strides == strides:
        a = owner.view(np_dtype)  # unpickled arrays have a dtype object of their own, and operations compare by identity
    elif not owner.size or 0 in shape:
        a = np.empty(shape, np_dtype)
    else:
        block = owner if owner.flags.c_contiguous else owner.T
        flat = block.reshape(-1).view(np.uint8)
        a = np.ndarray(shape, np_dtype, flat, offset, strides)
    t = make(a, cls)
    t._rg = requires_grad
    if state:
        _set_state(t, state)
    return t
