"""The lines behind an error of backward: where the value was saved, and where it was overwritten or freed.

Writing and freeing are noted when they happen. Where the value was saved is looked up only now: in anomaly mode's notes, else by the
variables that still hold the operation's result or the saved memory, else by the one place of the user's source that runs such an
operation. It is told only where there is one candidate.
"""

import ast
import linecache
from typing import Any

import numpy as np

from .frames import Place, is_runner, known, lookup, tree_of, users_place
from .origin import _scope, statement_of
from .saved_trace import built_at

Line = tuple[tuple[str, str], str, int, str]
SAVED, CHANGED, FREED = ("saved", "保存于"), ("changed", "修改于"), ("freed", "释放于")

_OPERATORS: dict[str, Any] = {
    "mul": ast.Mult,
    "matmul": ast.MatMult,
    "div": ast.Div,
    "pow": ast.Pow,
    "square": ast.Pow,
    "rpow": ast.Pow,
    **dict.fromkeys(("mm", "mv", "bmm", "dot"), ast.MatMult),
}
_CALLS = {
    "matmul": ("matmul", "mm", "bmm", "mv", "dot"), "mul": ("mul", "multiply"), "div": ("div", "divide", "true_divide"),
    "square": ("square", "pow"), "linear": ("linear",), "prod": ("prod",), "norm": ("norm",),
}  # fmt: skip


def lines_of(error: BaseException, found: list[Place]) -> list[Line]:
    """(role, file, line, text) of each line that took part, in the order in which they ran."""
    about = getattr(error, "_lesson_about", None)
    if about is None:
        return []
    from ..autograd.lines import recorded_at
    from ..tensor import WRITER

    node, cell = about
    lines: list[Line] = []
    if node is not None:
        freed = getattr(getattr(node, "cells", None), "line", None) if cell is None else None
        saved = recorded_at(node) or _held(node, cell, found) or _only_site(node, found) or _beside_the_write(node, cell, found)
        saved = saved or built_at(node, found, freed)
        if saved:
            lines.append((SAVED, *saved))
    if cell is not None and cell[WRITER] is not None and cell[WRITER][1]:
        _, file, line = cell[WRITER]
        lines.append((CHANGED, file, line, linecache.getline(file, line).strip()))
    elif cell is not None and (owner := _parameter(cell, found)) is not None:
        stepped = _step(owner[1], found)
        if stepped:
            lines.append((CHANGED, *stepped[:2], f"{stepped[2]}  ({owner[0]})"))
    freed = getattr(getattr(node, "cells", None), "line", None)
    if cell is None and freed:
        lines.append((FREED, *freed))
    return lines


def _users(found: list[Place]) -> list[Place]:
    """The user's frames, innermost first."""
    at = users_place(found)
    chosen: list[Place] = []
    for p in reversed(found[: at + 1] if at is not None else []):
        if not is_runner(p.file):
            chosen.append(p)
            if p.function == "<module>":
                break  # what is above it runs the program, and isn't part of it
    return chosen


def _variables(place: Place):
    for scope in (place.frame.f_locals, place.frame.f_globals):
        for name, value in list(scope.items()):
            if hasattr(type(value), "_refresh") and hasattr(value, "_node") and name.isidentifier():
                yield name, value


def _held(node, cell, found: list[Place]):
    """The statement that made the variable which holds the node's result, or the memory that was saved."""
    names = set(_names(node))
    for place in _users(found):
        for name, value in _variables(place):
            made = getattr(value._node, "node", value._node)
            same_memory = cell is not None and getattr(value, "_cell", None) is cell
            if made is not node and not same_memory:
                continue
            if made is not node and not _is_result(node, value):  # an operand that was saved: which operation takes it?
                used = [n for n in _sites(place, names) if _takes(n, name)]
                if len(used) == 1:
                    return _told(place.file, used[0].lineno)
                continue
            statement = _made(name, place)
            if statement is not None and len([n for n in ast.walk(statement) if _runs(n, names)]) == 1:
                return _told(place.file, statement.lineno)
    return None


def _is_result(node, value) -> bool:
    """Whether the memory of a variable is that of the node's saved result, and of none of its saved operands."""
    if node.record is None or not node.saved:
        return False
    n = len(node.record.inputs)
    shared = [isinstance(a, np.ndarray) and np.may_share_memory(a, value._a) for a in node.saved[: n + len(node.record.outputs)]]
    return any(shared[n:]) and not any(shared[:n])


# ---- parameters that an optimizer changed -------------------------------------------------------------------------------


def _parameter(cell, found: list[Place]):
    """(path, parameter) of the parameter that was overwritten, by the variable of its module."""
    for place in _users(found):
        for scope in (place.frame.f_locals, place.frame.f_globals):
            for name, value in list(scope.items()):
                if hasattr(type(value), "named_parameters") and hasattr(value, "_parameters") and not name.startswith("_"):
                    for path, p in value.named_parameters():
                        if p._cell is cell:
                            return f"{name}.{path}", p
    return None


def _step(parameter, found: list[Place]):
    """The one call of `step()` in the user's source of an optimizer that has this parameter."""
    sites = {}
    for place in _users(found):
        tree = tree_of(place.file, place.frame.f_globals)
        for n in ast.walk(tree) if tree is not None else ():
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == "step":
                owner = lookup(n.func.value, place.frame)
                groups = getattr(owner, "param_groups", None) if known(owner) else None
                if groups and any(p is parameter for g in groups for p in g["params"]):
                    sites[place.file, n.lineno] = True
    return _told(*next(iter(sites))) if len(sites) == 1 else None


def _made(name: str, place: Place):
    """The one assignment of a variable, in-place operators aside."""
    found = statement_of(ast.Name(name, ast.Load()), place)
    if found is not None:
        return found[0] if found[1] == place.file else None
    tree = tree_of(place.file, place.frame.f_globals)
    scope = _scope(tree, place) if tree is not None else None
    if scope is None:
        return None
    writes = [
        n
        for n in ast.walk(scope)
        if isinstance(n, (ast.Assign, ast.AnnAssign, ast.For, ast.NamedExpr, ast.With))
        and any(isinstance(t, ast.Name) and t.id == name and isinstance(t.ctx, ast.Store) for t in _targets(n))
    ]
    return writes[0] if len(writes) == 1 and isinstance(writes[0], ast.Assign) else None


def _targets(statement):
    parts = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [n for part in parts if part is not None for n in ast.walk(part)]


def _sites(place: Place, names: set):
    tree = tree_of(place.file, place.frame.f_globals)
    scope = _scope(tree, place) if tree is not None else None
    return [n for n in ast.walk(scope) if _runs(n, names)] if scope is not None else []


def _only_site(node, found: list[Place]):
    """The one place in the user's files that runs such an operation, where nothing else there could have."""
    names = set(_names(node))
    plain = {name.replace("_", "").lower() for name in names}
    sites = []
    for file in dict.fromkeys(p.file for p in _users(found)):
        place = next(p for p in _users(found) if p.file == file)
        tree = tree_of(file, place.frame.f_globals)
        if tree is None:
            return None
        for n in ast.walk(tree):
            if _runs(n, names):
                sites.append((file, n.lineno))  # type: ignore[attr-defined]
            elif isinstance(n, (ast.Name, ast.Attribute)) and not isinstance(getattr(n, "ctx", None), ast.Store):
                word = n.id if isinstance(n, ast.Name) else n.attr
                if word.replace("_", "").lower() in plain and word not in names:
                    return None  # a layer of that name may have run it
            elif isinstance(n, ast.AugAssign) and isinstance(n.op, tuple(_OPERATORS[m] for m in names if m in _OPERATORS) or ()):
                return None
    return _told(*sites[0]) if len(sites) == 1 else None


def _beside_the_write(node, cell, found: list[Place]):
    """The one line, in the function that wrote the value over, which had used the variable (or made it, if the node keeps its result)."""
    from ..tensor import WRITER

    record = node.record
    if cell is None or cell[WRITER] is None or not cell[WRITER][1] or record is None:
        return None
    _, file, line = cell[WRITER]
    tree = tree_of(file, {})
    scopes = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.lineno <= line <= (n.end_lineno or 0)] if tree else []
    scope = scopes[-1] if scopes else tree
    name = _written(scope, line) if scope is not None else None
    if name is None:
        return None
    n, lines = len(record.inputs), set()
    for part in ast.walk(scope):
        at = getattr(part, "lineno", line)
        if at >= line:
            continue
        if any(record.kept[:n]) and isinstance(part, (ast.Call, ast.BinOp)) and _takes(part, name) and _may_run(part, node):
            lines.add(at)
        if any(record.kept[n:]) and isinstance(part, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in part.targets):
            lines.add(at)
    return _told(file, *lines) if len(lines) == 1 else None


def _may_run(part, node) -> bool:
    """Whether a piece of syntax may run the node's operation: it names it, or calls something (a layer) that is no operation's name itself."""
    from ..ops.op import registry

    if _runs(part, set(_names(node))):
        return True
    return (
        isinstance(part, ast.Call)
        and (part.func.attr if isinstance(part.func, ast.Attribute) else getattr(part.func, "id", "")) not in registry
    )


def _written(scope, line: int) -> str | None:
    """The variable that a line writes in place: h in `h += 1`, `h[0] = 1`, `h.mul_(2)`."""
    for n in ast.walk(scope):
        if getattr(n, "lineno", 0) != line:
            continue
        target: ast.expr | None = None
        if isinstance(n, ast.AugAssign):
            target = n.target
        elif isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Subscript):
            target = n.targets[0]
        elif isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr.endswith("_"):
            target = n.func.value
        while isinstance(target, ast.Subscript):
            target = target.value
        if isinstance(target, ast.Name):
            return target.id
    return None


def _names(node) -> tuple:
    record = node.record
    if record is None:
        return ()
    return (record.name, *_CALLS.get("matmul" if record.name in _CALLS["matmul"] else record.name, ()))


def _runs(n, names: set) -> bool:
    """Whether a piece of syntax runs an operation of one of these names."""
    if isinstance(n, ast.BinOp):
        return any(isinstance(n.op, _OPERATORS[m]) for m in names if m in _OPERATORS)
    if isinstance(n, ast.Call):
        return (n.func.attr if isinstance(n.func, ast.Attribute) else getattr(n.func, "id", None)) in names
    return False


def _takes(n, name: str) -> bool:
    """Whether an operation has a variable among its operands."""
    parts = [n.left, n.right] if isinstance(n, ast.BinOp) else [*n.args, *([n.func.value] if isinstance(n.func, ast.Attribute) else [])]
    return any(isinstance(p, ast.Name) and p.id == name for p in parts)


def _told(file: str, line: int):
    return file, line, linecache.getline(file, line).strip()
