"""`torch.jit`: programs fixed by tracing or scripting, and saved with their code.

`trace` records one run: branches are decided, loops unrolled. `script` keeps the Python function and runs it as
Python does, after refusing what TorchScript can't hold: a scripted program gives what the eager one gives. `save` and
`load` exchange TorchScript archives with PyTorch; loading runs no Python of the file's, only the TorchScript subset that
is checked first.
"""

from . import frontend
from ._annotations import (
    Attribute,
    Final,
    annotate,
    export,
    ignore,
    interface,
    is_scripting,
    is_tracing,
    isinstance,
    script_if_tracing,
    script_method,
    unused,
)  # fmt: skip
from ._fork import Future, fork, wait
from ._freeze import freeze, optimize_for_inference, optimized_execution, run_frozen_optimizations, set_fusion_strategy
from ._load import load
from ._save import save
from ._script import CompilationUnit, RecursiveScriptModule, ScriptFunction, ScriptModule, script
from ._trace import TopLevelTracedModule, TracedModule, TracerWarning, TracingCheckError, trace, trace_module
from .frontend import NotSupportedError

_overload, _overload_method = export, export
Error = RuntimeError  # what a scripted program raises

__all__ = [
    "Attribute", "CompilationUnit", "Error", "Final", "Future", "NotSupportedError", "RecursiveScriptModule", "ScriptFunction",
    "ScriptModule", "TopLevelTracedModule", "TracedModule", "TracerWarning", "TracingCheckError", "annotate", "export", "fork", "freeze",
    "frontend", "ignore", "interface", "is_scripting", "is_tracing", "isinstance", "load", "optimize_for_inference",
    "optimized_execution", "run_frozen_optimizations", "save", "script", "script_if_tracing", "script_method", "set_fusion_strategy",
    "trace", "trace_module", "unused", "wait",
]  # fmt: skip
