"""What users write into programs to be scripted: types, exports, what to leave out, and whether one runs scripted now."""

import builtins
import functools
import threading
import typing
from collections import namedtuple

from ..errors.teaching import RuntimeError

__all__ = [
    "Attribute", "Final", "annotate", "export", "ignore", "interface", "is_scripting", "is_tracing", "isinstance", "script_if_tracing",
    "script_method", "unused",
]  # fmt: skip

Final = typing.Final
_now = threading.local()


class running:
    """A context in which `is_scripting()` (or `is_tracing()`) holds."""

    def __init__(self, what: str):
        self.what = what

    def __enter__(self):
        setattr(_now, self.what, getattr(_now, self.what, 0) + 1)

    def __exit__(self, *exc):
        setattr(_now, self.what, getattr(_now, self.what) - 1)


def is_scripting() -> bool:
    """Whether a scripted program runs now.

    >>> import lightwell as torch
    >>> def f(x):
    ...     return x + 1 if torch.jit.is_scripting() else x
    >>> f(torch.ones(1)), torch.jit.script(f)(torch.ones(1))
    (tensor([1.]), tensor([2.]))
    """
    return bool(getattr(_now, "scripting", 0))


def is_tracing() -> bool:
    """Whether a program is being traced by `jit.trace` now."""
    return bool(getattr(_now, "tracing", 0))


Attribute = namedtuple("Attribute", ["value", "type"])
Attribute.__doc__ = "A module's attribute with its type said: `self.names = torch.jit.Attribute({}, Dict[str, int])`."


def annotate(the_type, the_value):
    """`the_value`; its type is said for TorchScript.

    >>> import lightwell as torch
    >>> torch.jit.annotate(list[int], [])
    []
    """
    return the_value


def isinstance(obj, target_type) -> bool:
    """Whether a value is of a type, containers by their items: `jit.isinstance(x, List[int])`.

    >>> import lightwell as torch
    >>> torch.jit.isinstance([1, 2], list[int]), torch.jit.isinstance({"a": 1.0}, dict[str, int])
    (True, False)
    """
    if builtins.isinstance(target_type, tuple):
        return any(isinstance(obj, t) for t in target_type)
    origin, args = typing.get_origin(target_type), typing.get_args(target_type)
    if target_type is None or target_type is type(None):
        return obj is None
    if origin is None:
        if target_type in (list, dict, tuple):
            raise RuntimeError(f"jit.isinstance: say what {target_type.__name__} holds, as in List[int], Dict[str, int] or Tuple[int, int]")
        return builtins.isinstance(obj, target_type)
    if origin is typing.Union or origin.__class__.__name__ == "UnionType" or type(target_type).__name__ == "UnionType":
        return any(isinstance(obj, t) for t in args)
    if origin is list:
        return builtins.isinstance(obj, list) and all(isinstance(v, args[0]) for v in obj)
    if origin is dict:
        return builtins.isinstance(obj, dict) and all(isinstance(k, args[0]) and isinstance(v, args[1]) for k, v in obj.items())
    if origin is tuple:
        return builtins.isinstance(obj, tuple) and len(obj) == len(args) and all(map(isinstance, obj, args))
    return builtins.isinstance(obj, origin)


def export(fn):
    """Mark a method to be scripted although forward doesn't call it."""
    fn._torchscript_modifier = "export"
    return fn


def ignore(drop=False, **kwargs):
    """Mark a function that scripted programs call as Python, unchecked: `@jit.ignore` or `@jit.ignore()`."""
    if callable(drop):
        drop._torchscript_modifier = "ignore"
        return drop

    def mark(fn):
        fn._torchscript_modifier = "unused" if drop else "ignore"
        return fn

    return mark


def unused(fn):
    """Mark a function (or property) that is left out of saved programs: called there, it raises."""
    if builtins.isinstance(fn, property):
        return property(unused(fn.fget), fn.fset and unused(fn.fset))
    fn._torchscript_modifier = "unused"
    return fn


def interface(obj):
    """Mark a class as an interface: the methods that modules of different classes share."""
    if not builtins.isinstance(obj, type):
        raise RuntimeError("interface must be applied to a class")
    obj.__torch_script_interface__ = True
    return obj


def script_method(fn):
    """Mark a method of a ScriptModule subclass: PyTorch's older spelling of `export`."""
    return export(fn)


def script_if_tracing(fn):
    """Let a function be scripted where it is met while tracing, so that its branches stay open; elsewhere it runs as it is.

    >>> import lightwell as torch
    >>> @torch.jit.script_if_tracing
    ... def flip(x):
    ...     return -x if bool(x.sum() < 0) else x
    >>> flip(torch.tensor([-1.0]))
    tensor([1.])
    """

    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        if not is_tracing():
            return fn(*args, **kwargs)
        from ._script import script

        return script(fn)(*args, **kwargs)

    wrapper.__original_fn = fn  # type: ignore[attr-defined]
    wrapper.__script_if_tracing_wrapper = True  # type: ignore[attr-defined]
    return wrapper
