"""Which engine runs a graph: native code where it can be made, else NumPy on the graph as it stands. The pipeline, in one place.

    graph -> simplify -> decompose -> simplify -> fuse -> memory -> Program (LLVM)

Each pass is a function with a check (`verify`) behind it; LIGHTWELL_SHOW=graph,simplify,fuse,plan,ir prints the stages.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from . import pretty, report, show
from .graph import Graph, run


def executable(graph: Graph, title: str = "") -> Callable:
    """A function of (input arrays, numbers) that gives the arrays of the graph's results, written inputs among them."""
    show.stage("graph", graph.verify())
    if os.environ.get("LIGHTWELL_NATIVE") != "0":
        made = native_program(graph, title)
        if made is not None:
            return made
    return interpreter(graph)


def native_program(graph: Graph, title: str = "") -> Any:
    """Native code for the graph; None where none can be made on this machine."""
    from . import native

    if not native.available():
        return None
    from . import plan as plans
    from .decompose import decompose
    from .program import Program
    from .simplify import simplify

    small = simplify(decompose(simplify(graph).verify()).verify()).verify()
    show.stage("simplify", small)
    fused = plans.fuse(small)
    show.stage("fuse", lambda: plans.show(fused))
    plan = plans.verify(plans.memory(fused))
    show.stage("plan", lambda: pretty.show(plan))
    program = Program(plan)
    show.stage("ir", lambda: "\n".join(dict.fromkeys(s.kernel.build() for s in program.steps if s.kernel is not None)))
    report.note(
        title, [("values traced", len(graph.values)), ("after simplifying", len(small.values)), ("steps", len(plan.steps))], program
    )
    return program


def interpreter(graph: Graph) -> Callable:
    """The graph by NumPy, word by word: what is written is written at the end."""

    def call(inputs, numbers, given=None):
        out: list = []
        for r in run(graph, inputs, numbers):
            shared = any(np.may_share_memory(r, a) for a in (*inputs, *out))
            out.append(np.array(r, order="C") if shared or not r.flags.c_contiguous else r)
        for i, slot in graph.writes.items():
            np.copyto(inputs[slot], out[i])
        return out

    return call
