"""From a program to native code: trace → graph → simplify → fuse → plan → LLVM → run. `docs/compiler.md` walks through it.

The package can be called: `lightwell.compile(step)` is the function `compile` of api.py, under PyTorch's name.
"""

import sys
import types

from .api import Compiled, CompileWarning, OptimizedModule, compile
from .graph import Graph
from .inspect import trace

__all__ = ["CompileWarning", "Compiled", "Graph", "OptimizedModule", "compile", "trace"]


class _Callable(types.ModuleType):
    """A module that is a function as well."""

    def __call__(self, *args, **kwargs):
        return compile(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
__signature__ = __import__("inspect").signature(compile)
__call__ = compile
