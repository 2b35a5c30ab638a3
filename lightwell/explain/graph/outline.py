"""Boxes and edges without places, for languages that lay graphs out themselves: DOT and Mermaid."""

from dataclasses import dataclass, field

from .cell import chip_kind, counted, parameters_of, shared_parameters
from .fold import Group, Tree
from .model import Op, Value


@dataclass
class Box:
    """Something to draw: the name that edges use, its class, its lines, and the words on its backward node ("" for none)."""

    name: str
    kind: str
    lines: list
    backward: str = ""


@dataclass
class Outline:
    """`boxes` of the tree's members by id, `loose` ones in no group (parameters stand with their users), edges (from, to, words, gradient)."""

    boxes: dict = field(default_factory=dict)
    loose: list = field(default_factory=list)
    edges: list = field(default_factory=list)


def outline(tree: Tree, backward: bool) -> Outline:
    """What is in view as the groups are folded now."""
    o, shown = Outline(), {}
    shared = shared_parameters(tree)
    for group in tree.root.groups():
        for c in group.children:
            holder = next((g for g in [*tree.chain(c)[1:]] if g.folded), None)
            target = holder if holder is not None else c
            if isinstance(target, Group) and not target.folded:
                continue
            shown[id(c)] = target
            if id(target) not in o.boxes:
                o.boxes[id(target)] = _box(target, tree, backward, len(o.boxes))
    parameters: dict = {}
    done: set = set()
    for op in tree.graph.ops:
        target = shown[id(op)]
        box = o.boxes[id(target)]
        for i, v in enumerate(op.inputs):
            if v is None:
                continue
            source = v.op if v.op is not None else v
            if id(source) not in shown:
                if target is op and (v.kind in ("parameter", "buffer") or v.size > 1):
                    if id(v) not in parameters:
                        mark = chip_kind(v, shared)
                        parameters[id(v)] = Box(
                            f"p{len(parameters)}", mark, [v.name or (op.names[i] if i < len(op.names) else "constant"), v.text()]
                        )
                        o.loose.append(parameters[id(v)])
                    o.edges.append((parameters[id(v)].name, box.name, "", None))
                continue
            other = shown[id(source)]
            if other is target or (id(other), id(target), id(v)) in done:
                continue
            done.add((id(other), id(target), id(v)))
            flows = backward and i < len(op.grads) and op.grads[i] and box.backward
            there = o.boxes[id(other)]
            back = (f"{box.name}b", f"{there.name}b" if there.backward else there.name) if flows else None
            o.edges.append((there.name, box.name, v.text(), back))
    for k, (name, v) in enumerate(tree.outputs):
        source = shown.get(id(v.op if v.op is not None else v))
        if source is not None:
            o.loose.append(Box(f"out{k}", "output", [name]))
            o.edges.append((o.boxes[id(source)].name, f"out{k}", v.text(), None))
    return o


def _box(target, tree: Tree, backward: bool, n: int) -> Box:
    if isinstance(target, Op):
        caption = tree.captions.get(id(target))
        lines = [target.name + (" (view)" if target.view else "") + (" (in place)" if target.inplace else "")]
        if caption is not None and (caption[0] or caption[1]):
            lines.append(f"{caption[0]} {caption[1]}".strip())
        kind = "inplace" if target.inplace else "view" if target.view else "op"
        return Box(f"n{n}", kind, lines, target.node if backward else "")
    if isinstance(target, Group):
        ops = target.ops()
        weights = sum(p.size for p in parameters_of(ops))
        lines = [f"{target.label} {target.kind if target.kind not in ('repeat', 'stretch') else ''}".strip(), f"{len(ops)} ops"]
        if weights:
            lines[1] += f", {counted(weights)} parameters"
        nodes = sum(1 for op in ops if op.node)
        return Box(f"n{n}", "group", lines, f"{nodes} backward nodes" if nodes and backward else "")
    value: Value = target
    return Box(f"n{n}", value.kind if value.kind in ("input", "leaf", "constant") else "constant", [value.name or value.kind, value.text()])
