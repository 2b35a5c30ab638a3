"""Reading the graph that autograd built: operations from nodes that nobody watched, with what shapes the nodes still tell."""

import numpy as np

from ...autograd import engine
from ...autograd.node import Node, Port
from ...tensor import Tensor
from .capture import Known, describe
from .model import Call, Op, Value

ndarray = np.ndarray


def _ways(node: Node) -> list:
    return [e.node if type(e) is Port else e for e in node.edges if e is not None]


def unread(known: Known, node: Node) -> list:
    """The nodes that lead to `node` and aren't known yet, oldest first."""
    seen, stack, found = set(), [node], []
    while stack:
        n = stack.pop()
        if n in seen or not isinstance(n, Node) or n in known.ops:
            continue
        seen.add(n)
        found.append(n)
        stack.extend(_ways(n))
    return sorted(found, key=lambda n: n.seq)


def read(known: Known, node: Node) -> None:
    """Make known the operation of a node and all before it."""
    nodes = unread(known, node)
    for n in nodes:
        rec = n.record if n.record is not None else getattr(type(n), "parts", None)
        name = rec.name if rec is not None else type(n).__name__.removesuffix("Backward")
        op = Op(name.removesuffix("Backward0"), n.seq, (rec.doc if rec is not None else type(n).__doc__) or "", scope=known.scope)
        op.view, op.inplace = bool(rec is not None and rec.view), name in ("copy_slices", "copy", "setitem")
        line = (n.extra or {}).get("line")
        op.line = None if line is None else line[:2]
        op.inputs = [None if e is None else known.of_edge(e) for e in n.edges]
        variadic = rec is None or rec.variadic or len(rec.inputs) != len(n.edges)
        op.names = tuple(f"x{i}" for i in range(len(n.edges))) if variadic else rec.inputs
        op.outputs = [Value("result", op=op, index=i, grad=True) for i in range(n.outputs)]
        describe(op, n)
        known.ops[n] = op
    _measure(known, nodes)
    for n in nodes:
        _data(known, n)


def _measure(known: Known, nodes: list) -> None:
    """Find the shapes of the operations' results: as kept by the nodes, else as the shape of the gradient that arrives there."""
    for n in nodes:
        for i, (shape, dtype) in enumerate((n.extra or {}).get("like", ())):
            known.ops[n].outputs[i].measure(shape, dtype)
        rec = n.record
        if n.fit is not None:
            for e, fit in zip(n.edges, n.fit):
                if e is not None and fit is not None:
                    _fill(known, e, *fit)
        if rec is None or type(n.saved) is not tuple or "unpack" in (n.extra or {}) or len(n.saved) != len(rec.environment):
            continue
        for name, v in zip(rec.environment, n.saved):
            if rec.variadic and name in ("xs", "shapes") and v is not None:
                for e, item in zip(n.edges, v):
                    _fill(known, e, *((item.shape, item.dtype) if type(item) is ndarray else (item, None)))
            elif name in rec.inputs and type(v) is ndarray:
                _fill(known, n.edges[rec.inputs.index(name)], v.shape, v.dtype)
            elif name in rec.outputs and type(v) is ndarray:
                known.ops[n].outputs[rec.outputs.index(name)].measure(v.shape, v.dtype)
            elif name.endswith("_shape") and type(v) is tuple and name[:-6] in rec.inputs:
                _fill(known, n.edges[rec.inputs.index(name[:-6])], v, None)


def _fill(known, edge, shape, dtype) -> None:
    if edge is None or isinstance(edge, Tensor):
        return
    value = known.of_edge(edge)
    if value.shape is None or (not value.dtype and dtype is not None):
        value.measure(shape, dtype)


def complete(known: Known, root: Value, node: Node) -> None:
    """Shapes that no node kept: a gradient has its value's shape, so the rules are run on zeros, newest first, where one is missing."""
    seen, stack, nodes = set(), [node], []
    while stack:
        n = stack.pop()
        if n not in seen and isinstance(n, Node):
            seen.add(n)
            nodes.append(n)
            stack.extend(_ways(n))
    default = np.dtype(np.float32)
    for n in sorted(nodes, key=lambda n: -n.seq):
        op, rec = known.ops.get(n), n.record
        if op is None or rec is None or n.saved is None or "unpack" in (n.extra or {}) or any(v.shape is None for v in op.outputs):
            continue
        wanted = [(e, v) for e, v in zip(n.edges, op.inputs) if e is not None and v is not None and (v.shape is None or not v.dtype)]
        if not wanted:
            continue
        like = [np.zeros(v.shape, _np(v.dtype) or default) for v in op.outputs]
        try:
            grads = engine._pulled(rec, n.edges, n.fit, like[0] if n.outputs == 1 else like, n.saved)
        except Exception:  # a value that was written over since, a rule that wants more: the shape stays unknown
            continue
        for e, v, g in zip(n.edges, op.inputs, grads):
            if e is not None and v is not None and type(g) is ndarray and (v.shape is None or not v.dtype):
                v.measure(g.shape, g.dtype)


def _np(name: str):
    try:
        return np.dtype(name) if name else None
    except TypeError:
        return None


def _data(known: Known, n: Node) -> None:
    """Tensors that got no gradient but are kept, such as the first layer's input: what the node kept says their shape."""
    rec, op = n.record, known.ops[n]
    if (
        rec is None
        or rec.variadic
        or type(n.saved) is not tuple
        or len(n.saved) != len(rec.environment)
        or len(op.inputs) != len(rec.inputs)
    ):
        return
    for i, v in enumerate(n.saved[: len(rec.inputs)]):
        if op.inputs[i] is None and type(v) is ndarray:
            op.inputs[i] = _constant(known, rec.inputs[i], v)
    for name, v in zip(rec.params[::-1], n.saved[::-1]):  # indices and masks are among the plain arguments, which come last
        if type(v) is ndarray and v.ndim:
            op.names, op.inputs = (*op.names, name), [*op.inputs, _constant(known, name, v)]


def _constant(known: Known, name: str, array) -> Value:
    """The Value of data: the same for the same memory."""
    table = known.__dict__.setdefault("data", {})
    key = (array.ctypes.data, array.shape, array.strides)
    if key not in table:
        table[key] = Value("constant", name, array)
    return table[key]


def place(ops: list, known: Known) -> None:
    """Guess the modules of operations that nobody watched: from the names of the parameters that they read.

    What reads no parameter stands between what does: it belongs to the innermost module that holds both its neighbours.
    """
    kinds = getattr(known, "kinds", {})
    paths: list = []
    for op in ops:
        owners = [v.name.rpartition(".")[0] for v in op.inputs if v is not None and v.kind in ("parameter", "buffer") and v.name]
        paths.append(owners[0].split(".") if owners and owners[0] else [] if owners else None)
    before: dict = {}  # of each Op, the path of the nearest owner that leads to it
    for op, path in zip(ops, paths):
        ways = [before[id(v.op)] for v in op.inputs if v is not None and v.op is not None and before.get(id(v.op)) is not None]
        before[id(op)] = path if path is not None else max(ways, key=len) if ways else None
    after: dict = {}
    users: dict = {}
    for op in ops:
        for v in op.inputs:
            if v is not None and v.op is not None:
                users.setdefault(id(v.op), []).append(op)
    own = dict(zip(map(id, ops), paths))
    for op in reversed(ops):
        ways = [own[id(u)] if own[id(u)] is not None else after.get(id(u)) for u in users.get(id(op), ())]
        ways = [w for w in ways if w is not None]
        after[id(op)] = min(ways, key=len) if ways else None
    order = {path: i for i, path in enumerate(kinds)}
    free = _free(known, kinds)
    for op, path in zip(ops, paths):
        if path is None:
            a, b = before.get(id(op)), after.get(id(op))
            path = [] if a is None or b is None else _common(a, b)
            if a is not None:  # a module without parameters, defined between its neighbours and called like the operation
                low, high = order.get(".".join(a), -1), order.get(".".join(b), len(order)) if b is not None else len(order)
                name = op.name.replace("_", "")
                found = next((m for m in free if low < order[m] < high and kinds[m].lower() in (name, name.removeprefix("erf"))), None)
                path = path if found is None else found.split(".")
        op.scope = tuple(Call(".".join(path[: k + 1]), kinds.get(".".join(path[: k + 1]), ""), 0) for k in range(len(path)))


def _free(known: Known, kinds: dict) -> list:
    """The innermost modules that own no parameter, in the order of their definition."""
    owners = {found[2].rpartition(".")[0] for found in known.names.values()}
    outer = {path.rpartition(".")[0] for path in kinds if path}
    return [path for path in kinds if path and path not in owners and path not in outer]


def _common(a: list, b: list) -> list:
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return a[:n]
