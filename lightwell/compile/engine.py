"""Which engine runs a graph: native code where it can be made, else NumPy on the graph as it stands."""

import os
from collections.abc import Callable

from .graph import Graph, run


def executable(graph: Graph) -> Callable:
    """A function of (input arrays, numbers) that gives the arrays of the graph's results, written inputs among them."""
    from . import show

    show.stage("graph", graph)
    if os.environ.get("LIGHTWELL_NATIVE") != "0":
        made = _native(graph)
        if made is not None:
            return made
    return interpreter(graph)


def interpreter(graph: Graph) -> Callable:
    """The graph by NumPy: what is written is written at the end."""
    import numpy as np

    def call(inputs, numbers):
        results = run(graph, inputs, numbers)
        out = []
        for i, r in enumerate(results):
            slot = graph.writes.get(i)
            if slot is None:
                out.append(r if r.flags.c_contiguous and not any(np.may_share_memory(r, a) for a in inputs) else np.array(r, order="C"))
            else:
                out.append(r)
        for i, slot in graph.writes.items():
            np.copyto(inputs[slot], out[i].copy() if any(np.may_share_memory(out[i], a) for a in inputs) else out[i])
        return out

    return call


def _native(graph: Graph) -> Callable | None:
    """Native code for the graph; None where none can be made on this machine."""
    from . import native, show

    if not native.available():
        return None
    from .plan import plan
    from .program import Program

    made = plan(graph)
    show.stage("plan", made)
    return Program(made)
