"""What a graph keeps alive for backward: which arrays, by which operation and module, and which gradient's rule reads them."""

import builtins
import math
import weakref

import numpy as np

from ...autograd.graph import _Packed
from ...autograd.node import Node, Port
from ...errors.teaching import RuntimeError, TypeError, ValueError
from ...language import say
from ...tensor import Tensor
from .files import write_text
from .maps import padded, size, tuple_text, width_of
from .storages import owner_of
from .tables import html_table, text_table
from .tracking import Tracker

SHOWN = 60  # rows of the table; the rest is told in one line


class Kept:
    """One stretch of memory that the graph holds: `bytes`, `kind`, `module`, and `uses`: (operation, what, shape, dtype, why).

    `kind` is "activation" (made on the way), "data" (an input through which no gradient flows), "parameter" or "leaf" (a leaf
    whose gradient is wanted), "index" (index tensors, masks and other plain values that were made on the way). `memory` is a
    weak reference to the array: the report itself keeps nothing alive.
    """

    def __init__(self, owner: np.ndarray, kind: str, module: str | None):
        self.memory, self.kind, self.module = weakref.ref(owner), kind, module
        self.bytes, self.size = owner.nbytes, owner.size
        self.uses: list[tuple[str, str, tuple, str, tuple[str, str]]] = []

    @property
    def operation(self) -> str:
        """The name of the node that saved it first."""
        return self.uses[0][0]

    @property
    def reason(self) -> str:
        """Why it is kept: the rules that read it."""
        return say(*self.uses[0][4])

    def __repr__(self) -> str:
        return f"<{self.kind} of {self.bytes} bytes, kept by {self.operation}>"


def kept_for_backward(of, model=None) -> "KeptReport":
    """What the graph of a loss keeps alive for backward: by module and operation, in bytes, and why.

    `of` is a tensor (or several), or a function that computes one. With a function, and the `model` whose modules it calls,
    every value is told with the module that keeps it; of a finished tensor the module is known where its parameters took
    part. A value saved twice counts once; parameters and data are counted apart, since they live anyway.
    TypeError: neither. RuntimeError: the tensor has no graph, or backward has freed it already.

    >>> import lightwell as torch
    >>> x = torch.ones(1000, requires_grad=True)
    >>> report = torch.kept_for_backward((x.exp() * 3).sin().sum())
    >>> report.activations
    8000
    """
    tracker, run = None, None
    if isinstance(of, Tensor) or (isinstance(of, (list, tuple)) and all(isinstance(t, Tensor) for t in of)):
        run = of
    elif callable(of):
        tracker = Tracker(model)
        with tracker:
            run = of()
    else:
        raise TypeError(f"kept_for_backward(): argument 'of' must be Tensor, tensors or a function that gives one, not {type(of).__name__}")
    roots = [run] if isinstance(run, Tensor) else list(run)
    for t in roots:
        if not isinstance(t, Tensor) or not t.requires_grad:
            raise RuntimeError("kept_for_backward(): the tensor does not require grad and has no graph: nothing is kept for it")
    return report_of(roots, model, tracker)


def nodes_of(roots) -> list:
    """The nodes of the graph behind tensors, oldest first."""
    stack, seen = [t._node for t in roots], set()
    nodes: list = []
    while stack:
        node = stack.pop()
        node = node.node if type(node) is Port else node
        if node is None or not isinstance(node, Node) or id(node) in seen:
            continue
        seen.add(id(node))
        nodes.append(node)
        stack.extend(edge for edge in node.edges if edge is not None)
    return sorted(nodes, key=lambda n: n.seq)


def _arrays(value, depth: int = 4):
    """The arrays within a saved value: in tuples, tensors, packed values and closures."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, Tensor):
        if isinstance(getattr(value, "_a", None), np.ndarray):
            yield value._a
    elif type(value) is _Packed:
        yield from _arrays(value.value, depth)
    elif depth and isinstance(value, (tuple, list)):
        for v in value:
            yield from _arrays(v, depth - 1)
    elif depth and isinstance(value, dict):
        for v in value.values():
            yield from _arrays(v, depth - 1)
    elif depth and callable(value) and getattr(value, "__closure__", None):
        for cell in value.__closure__:
            try:
                content = cell.cell_contents
            except builtins.ValueError:
                continue
            if not isinstance(content, Node):
                yield from _arrays(content, depth - 1)


def _saved(node) -> list:
    """(name, array, kind, which rules read it) of everything that a node holds."""
    rec, out = node.record, []
    if rec is None or node.saved is None:
        fields = getattr(node, "__dict__", {}) | {k: getattr(node, k, None) for k in getattr(type(node), "__slots__", ())}
        for name, value in {**fields, "saved": node.saved}.items():
            if name not in ("edges", "extra", "cells", "fit", "_like", "dirty_tensors", "non_differentiable"):
                told = ("saved by the function's own forward", "由自定义函数的 forward 保存")
                out += [(name.strip("_"), a, "activation", told) for a in _arrays(value)]
        return out
    first = len(rec.inputs)
    results = first + len(rec.outputs) + len(rec.keeps)
    for i, (name, value) in enumerate(zip(rec.environment, node.saved)):
        if rec.variadic and i == 0:
            values = list(zip(value or (), node.edges))
        else:
            values = [(value, node.edges[i] if i < first and i < len(node.edges) else None)]
        for v, edge in values:
            for a in _arrays(v):
                if i < first:
                    kind = "data" if edge is None else "activation" if isinstance(edge, (Node, Port)) else "leaf"
                else:
                    kind = "activation" if i < results or isinstance(v, list) else "index"  # a list that forward filled
                out.append((name, a, kind, _readers(rec, node, name)))
    return out


def _readers(rec, node, name: str) -> tuple[str, str]:
    """Which gradients' rules read a saved value, in both languages."""
    rules = [rec.joint] if rec.joint is not None else [r for r in rec.rules if r is not None]
    if not any(name in r.__code__.co_varnames[: r.__code__.co_argcount] for r in rules):
        return ("no rule reads it: forward was given it", "没有规则用到它：它是前向计算的参数")
    if rec.joint is not None:
        wanted = [n for n, e in zip(rec.inputs, node.edges) if e is not None]
    else:
        wanted = [
            n
            for n, rule, e in zip(rec.inputs, rec.rules, node.edges)
            if rule is not None and e is not None and name in rule.__code__.co_varnames[1 : rule.__code__.co_argcount]
        ]
    if rec.variadic or not wanted:
        return (f"its rule reads {name}", f"它的求导规则要读 {name}")
    names = ", ".join(wanted)
    return (f"the gradient{'s' * (len(wanted) > 1)} of {names} read{'s' * (len(wanted) == 1)} {name}", f"{names} 的梯度要用到 {name}")


def report_of(roots, model, tracker) -> "KeptReport":
    """The report of the graph behind `roots`; modules from the tracker, else from the parameters that took part."""
    nodes = nodes_of(roots)
    if any(n.record is not None and n.record.holds and n.saved is None for n in nodes):
        raise RuntimeError("kept_for_backward(): backward has freed this graph's saved values already: ask before backward()")
    parameters: dict[int, str] = {}
    buffers: set[int] = set()
    if model is not None:
        parameters = {id(owner_of(p._a)): name for name, p in model.named_parameters() if isinstance(p._a, np.ndarray)}
        buffers = {id(owner_of(b._a)) for b in model.buffers() if isinstance(b._a, np.ndarray)}
    leaves = {
        id(owner_of(e._a))
        for n in nodes
        for e in n.edges
        if isinstance(e, Tensor) and type(e).__name__ == "Parameter" and isinstance(e._a, np.ndarray)
    }
    modules = _modules_of(nodes, model, tracker)
    found: dict[int, Kept] = {}
    rank = {"parameter": 0, "buffer": 1, "leaf": 2, "activation": 3, "data": 4, "index": 5}
    for node in nodes:
        for name, a, kind, why in _saved(node):
            owner = owner_of(a)
            if id(owner) in parameters or id(owner) in leaves:
                kind = "parameter"
            elif id(owner) in buffers:
                kind = "buffer"
            kept = found.get(id(owner))
            if kept is None:
                kept = found[id(owner)] = Kept(owner, kind, modules.get(id(node)))
            elif rank[kind] < rank[kept.kind]:
                kept.kind = kind
            kept.uses.append((node.name(), name, a.shape, a.dtype.name, why))
    _tell_data_from_masks(found, nodes)
    return KeptReport(list(found.values()), model, tracker is not None, len(nodes))


def _tell_data_from_masks(found: dict, nodes: list) -> None:
    """Among values without a gradient, those that a tensor outside the graph holds too are data; a dropout mask is not."""
    import gc

    if not any(k.kind in ("data", "index") for k in found.values()):
        return
    inside = {id(t) for n in nodes for t in _held_tensors(n.saved)}
    held: set[int] = set()
    for t in gc.get_objects():
        if issubclass(type(t), Tensor) and id(t) not in inside and str(t.layout) == "torch.strided" and isinstance(t._a, np.ndarray):
            held.add(id(owner_of(t._a)))
    for key, k in found.items():
        if k.kind in ("data", "index"):
            k.kind = "data" if key in held else "index"


def _held_tensors(value):
    """The tensors in nested tuples and lists."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for v in value:
            yield from _held_tensors(v)


def _modules_of(nodes, model, tracker) -> dict:
    """Which module each node belongs to, by id: told by the clock, or by the parameters that the node reads."""
    if tracker is not None:
        return {id(n): tracker.module_at(n.seq) for n in nodes}
    if model is None:
        return {}
    owners = {id(p): path for path, m in model.named_modules() for p in m._parameters.values() if p is not None}
    anchors = []
    for i, n in enumerate(nodes):
        path = next((owners[id(e)] for e in n.edges if isinstance(e, Tensor) and id(e) in owners), None)
        if path is not None:
            anchors.append((i, path))
    out, at = {}, 0
    for i, n in enumerate(nodes):
        while at < len(anchors) and anchors[at][0] < i:
            at += 1
        if at < len(anchors) and anchors[at][0] == i:
            out[id(n)] = anchors[at][1]
        elif 0 < at < len(anchors):  # between two modules with parameters: in what contains both
            out[id(n)] = _common(anchors[at - 1][1], anchors[at][1])
    return out


def _common(a: str, b: str) -> str:
    parts = []
    for x, y in zip(a.split("."), b.split(".")):
        if x != y:
            break
        parts.append(x)
    return ".".join(parts)


class KeptReport:
    """What `kept_for_backward` found: `kept` (each a `Kept`), sums by kind, `by_module` and `by_operation`."""

    def __init__(self, kept: list[Kept], model, exact: bool, nodes: int):
        self.kept, self.exact, self.nodes = kept, exact, nodes
        self._types = {name: type(m).__name__ for name, m in model.named_modules()} if model is not None else {}

    def _sum(self, *kinds: str) -> int:
        return sum(k.bytes for k in self.kept if k.kind in kinds)

    @property
    def activations(self) -> int:
        """Bytes that were made on the way and live only for backward (with index tensors and masks)."""
        return self._sum("activation", "index")

    @property
    def parameters(self) -> int:
        """Bytes of parameters and buffers that are read: they live anyway."""
        return self._sum("parameter", "buffer")

    @property
    def data(self) -> int:
        """Bytes of inputs that are read: data, targets, and leaves that are no parameters."""
        return self._sum("data", "leaf")

    @property
    def by_module(self) -> dict:
        """Activation bytes by the module that keeps them (None: outside the model, or not known)."""
        out: dict = {}
        for k in self.kept:
            if k.kind in ("activation", "index"):
                out[k.module] = out.get(k.module, 0) + k.bytes
        return out

    @property
    def by_operation(self) -> dict:
        """Activation bytes by the name of the node that saved them first."""
        out: dict = {}
        for k in self.kept:
            if k.kind in ("activation", "index"):
                name = k.operation
                out[name] = out.get(name, 0) + k.bytes
        return out

    def _module_text(self, path: str | None) -> str:
        if path is None:
            return "–"
        return f"{path or say('(model)', '(模型)')} {self._types.get(path, '')}".rstrip()

    def _rows(self) -> tuple[list[str], list]:
        head = [
            say("module", "模块"),
            say("operation", "运算"),
            say("kept", "保留"),
            say("shape", "形状"),
            say("bytes", "字节"),
            say("why", "原因"),
        ]
        words = {
            "activation": say("activation", "激活值"), "data": say("data", "数据"), "parameter": say("parameter", "参数"),
            "buffer": say("buffer", "缓冲区"), "leaf": say("leaf", "叶子"), "index": say("index or mask", "索引或掩码"),
        }  # fmt: skip
        rows = []
        for k in self.kept:
            (operation, _, shape, dtype, _), why = k.uses[0], k.reason
            more = dict.fromkeys(u[0].removesuffix("0").removesuffix("Backward") for u in k.uses[1:] if u[0] != operation)
            if more:
                why += say(f"; also {', '.join(list(more)[:3])}", f"；{', '.join(list(more)[:3])} 也要用")
            if k.size > math.prod(shape) and all(k.size > math.prod(u[2]) for u in k.uses):
                why += say(" (a part: the whole storage lives)", "（只是一部分，但整块存储都留着）")
            kind = words[k.kind]
            rows.append([self._module_text(k.module), operation, kind, f"{tuple_text(shape)} {dtype}", size(k.bytes), why])
        return head, rows

    def _heading(self) -> str:
        n = sum(k.kind in ("activation", "index") for k in self.kept)
        return say(
            f"kept for backward: {size(self.activations)} in {n} activations; besides {size(self.parameters)} of parameters and "
            f"{size(self.data)} of data, which live anyway",
            f"为反向传播保留：{n} 个激活值，共 {size(self.activations)}；另有参数 {size(self.parameters)}、数据 {size(self.data)}，它们本来就在",
        )

    def _totals(self) -> list[str]:
        sums = self.by_module
        if set(sums) <= {None}:
            return []
        most = max(sums.values()) or 1
        names = {path: self._module_text(path) for path in sums}
        wide = max(map(width_of, names.values()))
        lines = [say("by module", "按模块")]
        for path, n in sorted(sums.items(), key=lambda item: -item[1])[:SHOWN]:
            bar = "█" * max(1, round(24 * n / most)) if n else ""
            lines.append(f"  {padded(names[path], wide)}  {padded(size(n), 11, True)}  {bar}")
        return lines

    def __str__(self) -> str:
        head, rows = self._rows()
        lines = [self._heading(), ""]
        lines += text_table(head, rows[:SHOWN], {4})
        if len(rows) > SHOWN:
            lines.append(say(f"  … and {len(rows) - SHOWN} more", f"  … 还有 {len(rows) - SHOWN} 项"))
        totals = self._totals()
        return "\n".join([*lines, "", *totals] if totals else lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, rows = self._rows()
        return html_table(head, rows, {4}, self._heading(), "\n".join(self._totals()))

    def save(self, path) -> None:
        """Write the report to a file: .html or .txt. ValueError: another ending."""
        save(path, self)


def save(path, report) -> None:
    """Write a report as .html or .txt, as the ending says; ValueError for another one."""
    ending = str(path).rpartition(".")[2].lower()
    if ending not in ("html", "txt"):
        raise ValueError(f"save(): argument 'path' must end in .html or .txt, not {str(path)!r}")
    page = f'<!doctype html><html><head><meta charset="utf-8"></head><body>{report._repr_html_()}</body></html>\n'
    write_text(path, page if ending == "html" else str(report) + "\n")
