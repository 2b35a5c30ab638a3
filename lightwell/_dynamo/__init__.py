"""The few names of `torch._dynamo` that programs call; the compiler itself is `lightwell.compile`."""

from ..compiler import allow_in_graph, disable, is_compiling, reset
from . import config

__all__ = ["allow_in_graph", "config", "disable", "graph_break", "is_compiling", "mark_dynamic", "mark_static", "optimize", "reset"]


def optimize(backend="inductor", **kwargs):
    """A decorator: `torch.compile`."""
    from ..compiler import compile

    return lambda fn: compile(fn, backend=backend, **kwargs)


def graph_break(msg: str = "") -> None:
    """Ends the capture of a program, which then runs as Python; nothing elsewhere."""
    from ..compiler import is_dynamo_compiling

    if is_dynamo_compiling():
        from ..errors import Untraceable

        raise Untraceable(msg or "graph_break()")


def mark_dynamic(t, index, **kwargs) -> None:
    """Accepted: every size may change from call to call."""


def mark_static(t, index=None) -> None:
    """Accepted: see `mark_dynamic`."""
