"""How a package names what it imports only when it is asked for, and how a package can be called."""

import importlib
import sys
import types

from .errors.teaching import AttributeError


def attributes(space: dict, modules: frozenset, single: dict):
    """`__getattr__` and `__dir__` for the package whose globals are `space`.

    `modules` are submodules, `single` says for single names which submodule has them. What was found is kept in `space`;
    AttributeError for any other name, and for a submodule that isn't there.
    """
    package = space["__name__"]

    def __getattr__(name: str):
        if name in single:
            found = getattr(importlib.import_module(f".{single[name]}", package), name)
        elif name in modules:
            try:
                found = importlib.import_module(f".{name}", package)
            except ModuleNotFoundError as error:
                if error.name != f"{package}.{name}":
                    raise
                raise AttributeError(f"module '{package}' has no attribute '{name}'", name=name, obj=sys.modules[package]) from None
        else:
            raise AttributeError(f"module '{package}' has no attribute '{name}'", name=name, obj=sys.modules[package])
        space[name] = found
        return found

    def __dir__():
        return sorted({*space, *modules, *single})

    return __getattr__, __dir__


def callable_as(module: str, function) -> None:
    """Let the package named `module` be called, as `function`: `lightwell.compile(step)` beside `lightwell.compile.Compiled`."""

    def __call__(self, *args, **kwargs):
        return function(*args, **kwargs)

    kind = type("module", (types.ModuleType,), {"__call__": __call__, "__signature__": property(lambda self: _signature(function))})
    sys.modules[module].__class__ = kind


def _signature(function):
    import inspect

    return inspect.signature(function)
