"""The allow-list of safe loading: which names a file may use, and what is done for each, by functions of our own."""

from collections import Counter, OrderedDict

from .. import _utils, dtypes
from ..errors.teaching import RuntimeError, TypeError, ValueError
from ..tensor import Size, Tensor
from . import names
from .storages import BY_NAME

_user: list = []
_BLOCKED = (
    "sys",
    "os",
    "posix",
    "nt",
    "subprocess",
    "importlib",
    "runpy",
    "ctypes",
    "pickle",
    "_pickle",
    "socket",
    "shutil",
)
_BLOCKED_BUILTINS = (
    "eval",
    "exec",
    "compile",
    "open",
    "getattr",
    "setattr",
    "delattr",
    "__import__",
    "breakpoint",
    "input",
    "type",
)


def add_safe_globals(safe_globals: list) -> None:
    """Allow `load(..., weights_only=True)` to use these classes and functions from now on.

    Entries are objects, or pairs (object, "module.name") for one that the file knows under another name. Their code
    runs when a file asks for them: add only what is harmless with any arguments.

    >>> import lightwell as torch
    >>> class Note: pass
    >>> torch.serialization.add_safe_globals([Note]); torch.serialization.get_safe_globals() == [Note]
    True
    >>> torch.serialization.clear_safe_globals()
    """
    for entry in safe_globals:
        if isinstance(entry, tuple):
            if len(entry) != 2 or not callable(entry[0]) or not isinstance(entry[1], str):
                raise ValueError(f"add_safe_globals: a pair must be (callable, 'module.name'), got {entry!r}")
        elif not hasattr(entry, "__name__") or not hasattr(entry, "__module__"):
            raise TypeError(f"add_safe_globals: classes and functions are expected, got {type(entry).__name__}")
        if entry not in _user:
            _user.append(entry)


def get_safe_globals() -> list:
    """The classes and functions allowed so far by `add_safe_globals`.

    >>> import lightwell as torch
    >>> torch.serialization.get_safe_globals()
    []
    """
    return list(_user)


def clear_safe_globals() -> None:
    """Take back everything that `add_safe_globals` allowed.

    >>> import lightwell as torch
    >>> torch.serialization.add_safe_globals([complex])
    >>> torch.serialization.clear_safe_globals(); torch.serialization.get_safe_globals()
    []
    """
    _user.clear()


class safe_globals:
    """Allow some classes and functions within a `with` block only; see `add_safe_globals`.

    >>> import lightwell as torch
    >>> with torch.serialization.safe_globals([complex]): len(torch.serialization.get_safe_globals())
    1
    """

    def __init__(self, safe_globals: list):
        self.entries = safe_globals

    def __enter__(self):
        self.before = list(_user)
        add_safe_globals(self.entries)

    def __exit__(self, kind, value, trace):
        _user[:] = self.before


def user_table() -> dict[str, object]:
    """What the user allowed, by every name that a file may use for it."""
    table = {}
    for entry in _user:
        obj, name = entry if isinstance(entry, tuple) else (entry, None)
        if name is not None:
            table[name] = obj
            continue
        own = f"{obj.__module__}.{getattr(obj, '__qualname__', obj.__name__)}"
        table[own] = obj
        table[own.replace("numpy._core.", "numpy.core.")] = table[own.replace("numpy.core.", "numpy._core.")] = obj
        theirs = names.torch_name(obj)
        if theirs:
            table[".".join(theirs)] = obj
    return table


def modern(module: str, name: str) -> tuple[str, str]:
    """A name as Python 3 has it: protocol 2 writes `__builtin__.xrange` for range."""
    import _compat_pickle

    if (module, name) in _compat_pickle.NAME_MAPPING:
        return _compat_pickle.NAME_MAPPING[module, name]
    return _compat_pickle.IMPORT_MAPPING.get(module, module), name


def blocked(module: str, name: str) -> bool:
    """Whether a name is never allowed, whatever the user added."""
    if module == "builtins":
        return name in _BLOCKED_BUILTINS
    return module.partition(".")[0] in _BLOCKED


# ---- what a file may call: each function checks its arguments and builds plain data ---------------------------


def check_key(key):
    """`key` again, if hashing it is cheap and safe; TypeError otherwise.

    Tuples are hashed by recursion without a guard: a file could nest them a million deep, or share them so that the
    work doubles at each level.
    """
    if type(key) in (tuple, Size):
        todo, seen = [(key, 0)], 0
        while todo:
            item, depth = todo.pop()
            if type(item) in (tuple, Size):
                seen += len(item) + 1
                if depth > 50 or seen > 10_000:
                    raise TypeError("a key is nested too deep to be hashed")
                todo.extend((x, depth + 1) for x in item)
    return key


def _pairs(items=()):
    if isinstance(items, dict):
        return list(items.items())
    out = [tuple(p) for p in items]
    if any(len(p) != 2 for p in out):
        raise TypeError("pairs were expected")
    for key, _ in out:
        check_key(key)
    return out


def _ordered(*args):
    return OrderedDict(_pairs(*args))


def _counter(*args):
    return Counter(dict(_pairs(*args)))


def _set(items=()):
    if type(items) not in (list, tuple, set):
        raise TypeError("set() of a list was expected")
    return {check_key(x) for x in items}


def _bytearray(*args):
    if not args:
        return bytearray()
    if isinstance(args[0], (bytes, bytearray)) and len(args) == 1:
        return bytearray(args[0])
    if isinstance(args[0], str) and len(args) == 2:
        return bytearray(_encode(*args))
    if type(args[0]) is list and len(args) == 1:
        return bytearray(args[0])
    raise TypeError("bytearray() of bytes was expected")  # an int would allocate that many bytes


def _encode(text, encoding="utf-8"):
    if type(text) is not str or type(encoding) is not str or encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise TypeError("a text and the encoding latin1 were expected")
    return text.encode(encoding)


def _complex(*args):
    if not 1 <= len(args) <= 2 or any(type(x) not in (int, float, complex) for x in args):
        raise TypeError("complex() of numbers was expected")
    return complex(*args)


def _size(items=()):
    return Size(_utils._whole(items, "size"))


def _device(kind="cpu", index=None):
    from ..device import device

    if type(kind) is not str or len(kind) > 50 or (index is not None and type(index) is not int):
        raise TypeError("device() of a name was expected")
    return device(kind) if index is None else device(kind, index)


def _layout(name):
    """The layout or memory format of that name."""
    import sys

    tensor = sys.modules["lightwell.tensor"]  # `lightwell.tensor` itself is the function of that name
    found = getattr(tensor, name.removeprefix("torch."), None) if type(name) is str else None
    if found is None and type(name) is str and name.startswith("torch.sparse_"):
        from ..sparse.compressed import LAYOUTS

        found = LAYOUTS.get(name.removeprefix("torch."))
    if not isinstance(found, (tensor.layout, tensor.memory_format)):
        raise RuntimeError(f"load: there is no layout {str(name)[:40]!r} here")
    return found


def _param(data, requires_grad=True, hooks=None):
    return _utils._rebuild_parameter(data, requires_grad, None)


def _param_state(data, requires_grad, hooks, state):
    return _utils._set_state(_param(data, requires_grad), _plain_state(state))


def _plain_state(state):
    parts = state if type(state) is tuple else (state,)
    if any(p is not None and type(p) is not dict for p in parts):
        raise TypeError("a dict of attributes was expected")
    return state


def _from_type(func, new_type, args, state):
    """Rebuild a tensor that carries attributes; only plain tensors, Parameters and subclasses the user allowed."""
    if not any(
        func is f
        for f in (
            _utils._rebuild_tensor,
            _utils._rebuild_tensor_v2,
            _utils._rebuild_tensor_v3,
            _utils._rebuild_parameter,
        )
    ):
        raise TypeError("a function that rebuilds tensors was expected")
    if not (isinstance(new_type, type) and issubclass(new_type, Tensor)) or type(args) is not tuple:
        raise TypeError("a tensor class and a tuple were expected")
    t = func(*args)
    if type(t) is not new_type:
        t = _utils._cast(t, new_type)
    return _utils._set_state(t, _plain_state(state))


# name in the file -> (the object it stands for, the function that is called in its place; None: not to be called)
_CALLS = {
    "collections.OrderedDict": (OrderedDict, _ordered),
    "collections.Counter": (Counter, _counter),
    "builtins.set": (set, _set),
    "builtins.bytearray": (bytearray, _bytearray),
    "builtins.complex": (complex, _complex),
    "_codecs.encode": (_encode, _encode),
    "torch.Size": (Size, _size),
    "torch.serialization._get_layout": (_layout, _layout),
    "torch.Tensor": (Tensor, None),
    "torch._utils._rebuild_tensor": (_utils._rebuild_tensor, _utils._rebuild_tensor),
    "torch._utils._rebuild_tensor_v2": (_utils._rebuild_tensor_v2, _utils._rebuild_tensor_v2),
    "torch._utils._rebuild_tensor_v3": (_utils._rebuild_tensor_v3, _utils._rebuild_tensor_v3),
    "torch._utils._rebuild_meta_tensor_no_storage": (_utils._rebuild_meta_tensor_no_storage, _utils._rebuild_meta_tensor_no_storage),
    "torch._utils._rebuild_sparse_tensor": (_utils._rebuild_sparse_tensor, _utils._rebuild_sparse_tensor),
    "torch._utils._rebuild_parameter": (_utils._rebuild_parameter, _param),
    "torch._utils._rebuild_parameter_with_state": (_utils._rebuild_parameter_with_state, _param_state),
    "torch._tensor._rebuild_from_type_v2": (_utils._rebuild_from_type_v2, _from_type),
}
_TYPES = {f"torch.{d.name}": d for d in dtypes.ALL}


def lookup(module: str, name: str):
    """(object, function to call for it or None) of an allowed name; None for any other."""
    full = f"{module}.{name}"
    if full in _CALLS:
        return _CALLS[full]
    if full in _TYPES:
        return _TYPES[full], None
    if (module, name) in BY_NAME:
        return BY_NAME[module, name], None
    if full == "torch.device":
        from ..device import device

        return device, _device
    if full == "torch.nn.parameter.Parameter":
        from ..nn.parameter import Parameter

        return Parameter, _param
    return None
