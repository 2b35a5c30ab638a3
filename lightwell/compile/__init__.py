"""From a program to native code: trace → graph → simplify → fuse → plan → LLVM → run. `docs/compiler.md` walks through it.

The package can be called: `lightwell.compile(step)` is the function `compile` of api.py, under PyTorch's name.
"""

from .._lazy import callable_as
from .api import Compiled, CompileWarning, OptimizedModule, compile
from .graph import Graph
from .inspect import trace

__all__ = ["CompileWarning", "Compiled", "Graph", "OptimizedModule", "compile", "trace"]

callable_as(__name__, compile)
