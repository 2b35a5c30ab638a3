"""What nodes saved: checked against later writes, unpacked, and, for second derivatives, placed in the graph again."""

import numpy as np

from .. import dtypes
from ..backend import numpy as NP
from ..errors import traced
from ..errors.teaching import AttributeError, RuntimeError
from ..tensor import STAMP, WRITER, Tensor, make
from .node import Alias, Port

ndarray = np.ndarray


def stale(name: str, cell, node=None) -> RuntimeError:
    """The error of a saved value that was written over, with the op that saved it and the line that wrote."""
    told = ""
    if cell[WRITER] is not None:
        op, file, line = cell[WRITER]
        told = f" It was written over by {op}" + (f" at {file}, line {line}." if file else ".")
    return _about(
        node,
        cell,
        RuntimeError(
            "one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"{name} saved a value that it needs for the gradient.{told} Use the out-of-place form there, or clone() before."
        ),
    )


def _about(node, cell, error: RuntimeError) -> RuntimeError:
    """The error, told which node and version record it is about: its lesson looks for their lines."""
    error._lesson_about = node, cell  # type: ignore[attr-defined]
    return error


def redo(node) -> bool:
    """Compute a saved result that was written over again, where the node's record allows it and the inputs are untouched."""
    rec = node.record
    if not rec.redone or node.extra is not None or any(cell[STAMP] > node.seq for cell in node.cells[: len(rec.inputs)]):
        return False
    n, values = len(rec.inputs), list(node.saved)
    values[n] = rec.forward(NP, *values[:n], *values[len(values) - len(rec.params) :])
    node.saved, node.cells = tuple(values), node.cells[:n]
    return True


def freed(node) -> RuntimeError:
    """The error of a second backward through a graph that the first one freed."""
    return _about(
        node,
        None,
        RuntimeError(
            "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
            f"freed): {node.name()} has given up its saved values. Say retain_graph=True in the first backward if the graph is "
            "needed again; in a training loop, detach() what is carried over from the step before."
        ),
    )


def as_tensors(node, saved):
    """Saved values as tensors, each with its own place in the graph: inputs by their edges, outputs by this node."""
    if not saved:
        return ()
    rec, fit = node.record, node.fit
    n_in = len(rec.inputs)
    values = list(saved)
    if rec.variadic:
        if values[0] is not None:
            values[0] = tuple(placed(a, e) for a, e in zip(values[0], node.edges))
    else:
        for i in range(n_in):
            if type(values[i]) is ndarray or traced(values[i]):
                dtype = fit[i][1] if fit is not None and fit[i] is not None else None
                values[i] = placed(values[i], node.edges[i], dtype)
    for j in range(len(rec.outputs)):
        if type(values[n_in + j]) is ndarray or traced(values[n_in + j]):
            values[n_in + j] = placed(values[n_in + j], node if len(rec.outputs) == 1 else Port(node, j))
    first = n_in + len(rec.outputs)
    if rec.keeps and any(v is not None for v in values[first : first + len(rec.keeps)]):
        # Kept floating-point values depend on the inputs: running the formula on tensors gives them their graph.
        from ..ops import reader

        inputs = values[:n_in]
        params = saved[len(rec.environment) - len(rec.params) :]
        made = None
        for k in range(first, first + len(rec.keeps)):
            v = values[k]
            if type(v) is not ndarray:
                continue
            if v.dtype.kind in "iub":
                values[k] = make(v)
            else:
                if made is None:
                    made = rec.forward(reader, *inputs, *params)
                values[k] = made[k - n_in]
    return tuple(values)


def placed(array, edge, dtype=None):
    """A tensor around a saved array at the place in the graph that `edge` leads to; `dtype`: the type it had there."""
    if edge is None or array.dtype.kind in "iub":
        return make(array)
    if isinstance(edge, Tensor) and edge._a is array:
        return edge
    if dtype is not None and dtype != array.dtype:  # saved after promotion
        return placed(array.astype(dtype), edge).to(dtypes.from_np(array.dtype))
    t = make(array)
    t._node, t._rg = edge, True
    if isinstance(edge, Tensor):  # a leaf whose memory is another by now: the saved value stands in its place
        node = t._node = object.__new__(Alias)
        node.edges, node.saved, node.cells, node.fit, node.extra, node.seq = (edge,), (), (), None, None, 0
    return t


_NAMES = {"self": 0, "other": 1, "exponent": 1}


def place_of(node, name) -> int:
    """Where among the saved values the one of this name is: a saved input ("self" and "other", or its own name), a result, a parameter."""
    rec = node.record
    if name in rec.environment:
        return rec.environment.index(name)
    if name in _NAMES and _NAMES[name] < len(rec.inputs):
        return _NAMES[name]
    if name == "result":
        return len(rec.inputs)
    raise AttributeError(f"{node.name()} saves nothing called {name!r}: {', '.join(rec.environment)}")


def saved_value(node, name):
    """What `node._saved_<name>` shows; AttributeError where the gradient didn't need it."""
    if name == "exponent" and node.record.name == "square":
        return 2
    v = as_tensors(node, saved_of(node))[place_of(node, name)]
    if v is None:
        raise AttributeError(f"{node.name()} didn't need {name!r}, so did not save it")
    return v


def _check(node):
    """Refuse saved values that were freed or written over."""
    if node.saved is None:
        raise freed(node)
    seq = node.seq
    for cell in node.cells:
        if cell[STAMP] > seq:
            if redo(node):
                break
            raise stale(node.name(), cell, node)


def saved_of(node):
    """The saved values, checked, and unpacked where `saved_tensors_hooks` packed them."""
    _check(node)
    if node.extra is not None and "unpack" in node.extra:
        return node.extra["unpack"](node.saved)
    return node.saved
