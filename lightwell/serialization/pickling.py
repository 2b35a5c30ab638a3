"""The pickler that writes our objects under PyTorch's names, and the trusting unpickler that reads them back."""

import pickle
from collections import OrderedDict
from types import BuiltinFunctionType, FunctionType

import numpy as np

from .. import _utils, dtypes
from ..device import device as Device
from ..errors.teaching import AttributeError, ValueError
from ..tensor import Size, Tensor, layout, memory_format
from . import names
from .allow import _layout, lookup
from .storages import BY_DTYPE, UNTYPED, StorageType

_PLAIN = {int, float, bool, str, bytes, type(None), dict, list, tuple, set, OrderedDict}
# What PyTorch's Module reads from its own __dict__ without asking whether it is there.
_HOOKS = (
    "_backward_pre_hooks", "_backward_hooks", "_forward_hooks", "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_state_dict_hooks", "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)  # fmt: skip


class Reference:
    """Stands in a pickle for the storage of one tensor."""

    __slots__ = ("key", "kind", "numel")

    def __init__(self, kind, key, numel):
        self.kind, self.key, self.numel = kind, key, numel


class StorageBook:
    """The memories met while pickling: one key for each, whoever looks at it."""

    def __init__(self):
        self.owners: list[np.ndarray] = []
        self.kinds: list[StorageType] = []
        self._keys: dict[int, int] = {}

    def refer(self, owner: np.ndarray, dtype) -> Reference:
        """A reference to the memory of `owner` as elements of `dtype` (None: bytes).

        PyTorch gives a storage the type that it is first met with, so that a second type must go by untyped references.
        """
        kind = BY_DTYPE.get(dtype, UNTYPED)
        if owner.nbytes % kind.itemsize:
            kind = UNTYPED
        key = self._keys.get(id(owner))
        if key is None:
            key = self._keys[id(owner)] = len(self.owners)
            self.owners.append(owner)
            self.kinds.append(kind)
        elif self.kinds[key] is not kind:
            kind = UNTYPED
        return Reference(kind, str(key), owner.nbytes // kind.itemsize)


class Pickler(pickle._Pickler):
    """Python's own pickler in Python, since the one in C can't write a global under another name than its own."""

    def __init__(self, file, protocol: int, book: StorageBook, reference):
        if not 2 <= protocol <= pickle.HIGHEST_PROTOCOL:
            raise ValueError(f"save: pickle_protocol must be from 2 to {pickle.HIGHEST_PROTOCOL}, got {protocol}")
        super().__init__(file, protocol)
        self.book, self.reference = book, reference

    def persistent_id(self, obj):
        """A storage's tuple, for a Reference or a storage object."""
        kind = type(obj)
        if kind in _PLAIN:
            return None
        if kind is Reference:
            return self.reference(obj)
        if kind is _utils.Storage:
            return self.reference(self.book.refer(obj.raw, obj.dtype if obj.typed else None))
        if kind.__module__ == "lightwell.storage" and kind.__name__ in ("UntypedStorage", "TypedStorage"):
            t = obj._tensor
            dtype = t.dtype if kind.__name__ == "TypedStorage" else None
            return self.reference(self.book.refer(self.keep(_utils.locate(t._a)[0]), dtype))
        return None

    def reducer_override(self, obj):
        """How this library's objects are taken apart; everything else goes pickle's usual way."""
        kind = type(obj)
        if kind in _PLAIN:
            return NotImplemented
        if isinstance(obj, Tensor):
            return self._tensor(obj, kind)
        if kind is dtypes.dtype:
            return obj.name
        if kind is StorageType:
            return obj.name
        if kind is Size:
            return Size, (tuple(obj),)
        if kind is Device:
            index = getattr(obj, "index", None)
            return Device, (obj.type,) if index is None else (obj.type, index)
        if kind is layout or kind is memory_format:
            return _layout, (repr(obj),)
        if kind.__module__.startswith("lightwell.nn"):
            return self._module(obj)
        return NotImplemented

    def _tensor(self, t, kind):
        from ..nn.parameter import Parameter

        if t.is_meta:
            func, args = _utils._rebuild_meta_tensor_no_storage, (t.dtype, tuple(t.shape), tuple(t.stride()), bool(t.requires_grad))
            if isinstance(t, Parameter):
                return _utils._rebuild_parameter, (self.keep(t.detach()), bool(t.requires_grad), OrderedDict())
            return func, args
        state = _utils.attributes(t)
        if kind is Parameter:
            data = self.keep(_plain(t))
            if state:
                return _utils._rebuild_parameter_with_state, (data, bool(t.requires_grad), OrderedDict(), state)
            return _utils._rebuild_parameter, (data, bool(t.requires_grad), OrderedDict())
        if t.layout.name != "strided":
            return _utils._rebuild_sparse_tensor, (t.layout, self.keep(t.parts()))
        func, args = self._place(t)
        kind = kind.__dict__.get("_filed_as", kind)
        if kind is Tensor and not state:
            return func, args
        return _utils._rebuild_from_type_v2, (func, kind, args, state)

    def keep(self, obj):
        """Hold a temporary until the end: pickle tells objects apart by their address."""
        self.__dict__.setdefault("_kept", []).append(obj)
        return obj

    def _place(self, t):
        """(function, arguments) that rebuild a plain tensor."""
        a, dtype = t._a, dtypes.from_np(t._a.dtype)
        if not a.dtype.isnative:
            a = a.astype(dtype.np)
        owner, offset, strides = _utils.locate(a)
        self.keep(owner)
        ref = self.book.refer(owner, dtype)
        item = a.itemsize
        size = tuple(a.shape)
        stride = tuple(t.stride()) if a is t._a and strides == a.strides else tuple(s // item for s in strides)
        head = (ref, offset // item, size, stride, bool(t.requires_grad), OrderedDict())
        if ref.kind is UNTYPED:
            return _utils._rebuild_tensor_v3, (*head, dtype)
        return _utils._rebuild_tensor_v2, head

    def _module(self, obj):
        """A module of the library, with the attributes that PyTorch's expects beside our own."""
        from ..nn.module import Module

        if not isinstance(obj, Module):
            return NotImplemented
        func, args, *rest = obj.__reduce_ex__(2)
        if rest and isinstance(rest[0], dict) and names.torch_name(type(obj)) is not None:
            state = dict(rest[0])
            for name in _HOOKS:
                state.setdefault(name, OrderedDict())
            state.setdefault("_is_full_backward_hook", None)
            state.setdefault("_non_persistent_buffers_set", set())
            rest[0] = self.keep(state)
        return (func, args, *rest)

    def save_global(self, obj, name=None):
        """Write a class or function: ours under PyTorch's name, others under their own."""
        if type(obj) is StorageType:
            found = obj.module, obj.name
        elif type(obj) is dtypes.dtype:
            found = "torch", obj.name
        elif obj is Tensor or obj is Size or obj is Device:
            found = "torch", obj.__name__
        elif obj is _layout:
            found = "torch.serialization", "_get_layout"
        else:
            found = names.torch_name(obj, name)
        if found is None:
            return super().save_global(obj, name)
        module, name = found
        if self.proto >= 4:
            self.save(module)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(obj)
        return None

    # the base class's table names its own save_global, not this one
    dispatch = {**pickle._Pickler.dispatch, FunctionType: save_global, BuiltinFunctionType: save_global}


def _plain(t):
    """A plain tensor on the memory of a Parameter."""
    from ..tensor import make

    out = make(t._a)
    out._base = t._base if t._base is not None else None
    return out


def unpickler(pickle_module, file, persistent_load, **kwargs):
    """`pickle_module`'s unpickler reading PyTorch's names as ours. It runs whatever code the file names."""

    class Unpickler(pickle_module.Unpickler):
        def find_class(self, module, name):
            if module == "torch" or module.startswith("torch."):
                known = lookup(module, name)
                found = names.find(module, name) if known is None else known[0]
                if found is not None:
                    return found
                raise AttributeError(
                    f"load: the file needs {module}.{name}, which doesn't exist here. Save the module's state_dict() "
                    "with PyTorch and load that into a module of your own"
                )
            return super().find_class(module, name)

        def persistent_load(self, pid):
            return persistent_load(pid)

    return Unpickler(file, **kwargs)
