"""The picture as a page: the grids and the boxes as data, and the script that folds, moves and searches. It needs nothing but a browser."""

import json
import linecache
import os
from html import escape
from importlib.resources import files
from typing import Any

from . import cell, place, svg
from .fold import Group, Tree
from .layout import DUMMY, ENTRY, EXIT, GROUP
from .model import Op, Value, bytes_text
from .texts import style, texts

KINDS = {
    "repeat": ("repeated structure", "重复结构"),
    "stretch": ("stretch of operations", "一段运算"),
    "input": ("input", "输入"),
    "leaf": ("leaf that requires grad", "需要梯度的叶子张量"),
    "constant": ("data without a gradient", "没有梯度的数据"),
    "parameter": ("parameter", "参数"),
    "output": ("output", "输出"),
}


def page(tree: Tree, grids: dict, boxes: dict, backward: bool, language: str, theme: str) -> str:
    """The HTML document, folded at first as the tree's groups are now."""
    data = gather(tree, grids, boxes)
    data.update(backward=backward and data["hasBackward"], lang=language, theme=theme)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    ops = tree.graph.ops
    weights = sum(p.size for p in cell.parameters_of(ops))
    saved = sum(op.saved_bytes for op in ops)
    facts = cell.both(f"{len(ops)} operations", f"{len(ops)} 个运算")
    if weights:
        facts += cell.both(f" · {weights:,} parameters", f" · {weights:,} 个参数")
    if saved:
        facts += cell.both(f" · {bytes_text(saved)} kept for backward", f" · 为反向传播保存 {bytes_text(saved)}")
    template = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    parts = {
        "title": escape(tree.graph.title),
        "facts": facts.replace("tspan", "span"),
        "language": language,
        "style": svg.css() + style() + files(__package__).joinpath("page.css").read_text(encoding="utf-8"),
        "markers": svg.MARKERS,
        "data": text,
        "script": files(__package__).joinpath("page.js").read_text(encoding="utf-8"),
    }
    pieces = template.split("%%")  # text, name, text, name, …
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))


def gather(tree: Tree, grids: dict, boxes: dict) -> dict:
    """What the script needs: sprites (each once), groups with their grids, and what is told of each box."""
    sprites: dict = {}
    numbers: dict = {}
    cells: list = []
    values: dict = {}

    def sprite(what) -> int:
        s = boxes[id(what)]
        return sprites.setdefault((s.height, s.label, s.forward, s.backward), len(sprites))

    told: list = []  # of each value, its name and what stands on its edges

    def value(v: Value) -> int:
        if id(v) not in values:
            values[id(v)] = len(told)
            told.append(" ".join(filter(None, (v.name or (v.op.name if v.op is not None else ""), v.text(), v.dtype))))
        return values[id(v)]

    groups: list = []
    for group in tree.root.groups():
        grid = grids[group.id]
        members = []
        for m in grid.members:
            if m.kind == GROUP:
                ref = m.what.id
            elif m.kind in (ENTRY, EXIT, DUMMY):
                ref = value(m.what) if m.kind != DUMMY else 0
            else:
                ref = numbers[id(m.what)] = len(cells)
                cells.append({"sprite": sprite(m.what), "group": group.id, **_told(m.what, tree, value)})
            members.append([{GROUP: "g", ENTRY: "i", EXIT: "x", DUMMY: "d"}.get(m.kind, "c"), ref, m.row, m.column, int(m.straight)])
        groups.append({
            "label": group.label, "parent": group.parent.id if group.parent else 0, "folded": int(group.folded), "spine": grid.spine,
            "rows": grid.rows, "columns": grid.columns, "members": members,
            "segments": [
                [s.start.index, s.end.index, [value(v) for v in s.values], int(s.grad), [d.index for d in s.dummies],
                 s.exit.index if s.exit else -1, s.entry.index if s.entry else -1] for s in grid.segments
            ],
            "sprite": sprite(group) if group.parent else 0, "title": svg.group_title(group) if group.parent else "", "info": _group_info(group),
        })  # fmt: skip
    sizes = {
        "FORWARD": cell.FORWARD, "BACKWARD": cell.BACKWARD, "MIDDLE": cell.MIDDLE, "LABEL": cell.LABEL, "GAP_X": place.GAP_X,
        "GAP_Y": place.GAP_Y, "PAD": place.PAD, "TITLE": place.TITLE, "NARROW": place.NARROW,
    }  # fmt: skip
    return {
        "sizes": sizes,
        "sprites": [list(s) for s in sprites],
        "cells": cells,
        "groups": groups,
        "values": told,
        "texts": texts(tree.graph.ops),
        "hasBackward": any(op.node for op in tree.graph.ops),
    }


def _told(what: Any, tree: Tree, value) -> dict:
    """The name, the words for the search and the panel's contents of a box."""
    if isinstance(what, Op):
        return _op_told(what, tree, value)
    name, v = what if isinstance(what, tuple) else (what.name or what.kind, what)
    kind = KINDS["output" if isinstance(what, tuple) else v.kind]
    info = {"kind": kind, "outs": [["", v.text()]]}
    return {"name": name, "words": f"{name} {kind[0]} {v.text()}", "values": [value(v)], "info": info}


def _op_told(op: Op, tree: Tree, value) -> dict:
    caption = tree.captions.get(id(op))
    module = f"{caption[0]} · {caption[1]}" if caption is not None else tree.above[id(op)].label
    names = [*op.names, *("" for _ in op.inputs)]
    ins = [[n, v.name if v.shape is None else v.text(), _origin(v)] for n, v in zip(names, op.inputs) if v is not None]
    info: dict[str, Any] = {"module": module, "op": op.name, "ins": ins, "outs": [["", v.text()] for v in op.outputs]}
    marks = [w for on, w in ((op.view, ("view: no copy", "视图：不复制数据")), (op.inplace, ("written in place", "原地写入"))) if on]
    if marks:
        info["kind"] = (", ".join(w[0] for w in marks), "，".join(w[1] for w in marks))
    if op.node:
        info["node"] = op.node
        info["saved"] = [[n, bytes_text(b) + (" ·" if own else "")] for n, b, own in op.saved]
    if op.line:
        info["line"] = f"{os.path.basename(op.line[0])}:{op.line[1]}"
        info["source"] = linecache.getline(*op.line).strip()
    if op.params:
        info["args"] = ", ".join(f"{k}={v}" for k, v in op.params.items())
    words = [op.name, op.node, module, *(v.name for v in op.inputs if v is not None), *(v.text() for v in op.outputs), info.get("line", "")]
    words += [v.shape_text() for v in op.inputs if v is not None and v.kind == "parameter"]
    near = [value(v) for v in (*op.inputs, *op.outputs) if v is not None]
    return {"name": op.name, "words": " ".join(words), "values": near, "info": info}


def _origin(v: Value) -> Any:
    if v.op is not None:
        return f"← {v.op.name}"
    if v.kind == "parameter" and not v.grad:
        return (f"{v.name} (frozen)", f"{v.name}（冻结）")
    return "" if v.shape is None else v.name or v.kind


def _group_info(group: Group) -> dict:
    ops = group.ops()
    weights = sum(p.size for p in cell.parameters_of(ops))
    info: dict[str, Any] = {"kind": KINDS.get(group.kind, (group.kind, group.kind)), "ops": len(ops), "module": group.path}
    if weights:
        info["weights"] = f"{weights:,}"
    saved = sum(op.saved_bytes for op in ops)
    if saved:
        info["saved"] = [["", bytes_text(saved)]]
    return info
