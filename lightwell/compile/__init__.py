"""From a traced program to native code. So far its first stage: the tracer."""

from .trace import Graph, trace

__all__ = ["Graph", "trace"]
