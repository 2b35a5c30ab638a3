"""From a program to native code: trace → graph → simplify → fuse → plan → LLVM → run. `docs/compiler.md` walks through it."""

from .api import Compiled, CompileWarning, OptimizedModule, compile
from .graph import Graph
from .inspect import trace

__all__ = ["CompileWarning", "Compiled", "Graph", "OptimizedModule", "compile", "trace"]
