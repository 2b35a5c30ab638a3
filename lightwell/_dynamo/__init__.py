"""The few names of `torch._dynamo` that programs call: there is no bytecode compiler here, functions run as Python."""

from ..compiler import allow_in_graph, disable, is_compiling, reset
from . import config

__all__ = ["allow_in_graph", "config", "disable", "graph_break", "is_compiling", "mark_dynamic", "mark_static", "optimize", "reset"]


def optimize(backend="inductor", **kwargs):
    """A decorator that gives the function back, to run eagerly."""
    return lambda fn: fn


def graph_break(msg: str = "") -> None:
    """Accepted: there is no graph to break."""


def mark_dynamic(t, index, **kwargs) -> None:
    """Accepted: every size may change from call to call."""


def mark_static(t, index=None) -> None:
    """Accepted: see `mark_dynamic`."""
