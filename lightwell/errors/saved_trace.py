"""Which statement built a node of the graph: followed from the tensor that backward began at, assignment by assignment.

A statement built the node where its value's graph holds the node, and the graph of no variable that the statement reads does. Where a
variable is carried over from the round before, a graph that was freed by this very line was built by the same statement, a round earlier.
"""

import ast
import builtins
import linecache

from .frames import Place, _is_tensor, known, lookup, node_at, users_place
from .origin import statement_of

_DEPTH = 8  # assignments that are followed


def built_at(node, found: list[Place], freed=None):
    """(file, line, text) of the user's statement that built a node; None where more than one may have. `freed`: (file, line) of the
    backward that gave its saved values up, where that is what went wrong."""
    at = users_place(found)
    if at is None or node is None:
        return None
    place = found[at]
    root = _root(node_at(place))
    value = lookup(root, place.frame) if root is not None else None
    if not isinstance(root, ast.Name) or not _is_tensor(value) or not _holds(value, node):
        return None
    again = freed is not None and tuple(freed[:2]) == (place.file, place.line)
    return _follow(root, node, place, again)


def _root(call):
    """The expression that backward begins at: x in `x.backward()`, `autograd.grad(x, w)`, `autograd.backward(x)`; through `.sum()` and the like."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    root = call.args[0] if call.func.attr == "grad" and call.args else call.func.value
    while isinstance(root, ast.Call) and isinstance(root.func, ast.Attribute) and not root.args:
        root = root.func.value
    return root


def _follow(name: ast.Name, node, place: Place, again: bool):
    for _ in range(_DEPTH):
        found = statement_of(name, place)
        if found is None or found[1] != place.file or getattr(found[0], "value", None) is None:
            return None
        statement = found[0]
        targets = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        before = Place(place.frame, statement.lineno, -1)
        through = None
        for part in _read(statement.value, place.frame):
            if part.id in targets:  # its value before is gone
                if not again:
                    return None
                continue
            value = lookup(part, place.frame)
            if not known(value):
                return None
            if not any(_holds(t, node) for t in _tensors(value)):
                continue
            if through is not None or not isinstance(part, ast.Name):
                return None
            first, now = statement_of(part, before), statement_of(part, place)
            if first is None or now is None or first[0] is not now[0]:
                return None  # bound anew since
            through = part
        if through is None:
            return place.file, statement.lineno, linecache.getline(place.file, statement.lineno).strip()
        name, place = through, before
    return None


def _read(expression, frame) -> list[ast.Name]:
    """The variables that an expression reads, those of its own loops aside, and Python's own functions."""
    inner = {n.id for n in ast.walk(expression) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    loaded = [n for n in ast.walk(expression) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and n.id not in inner]
    return [n for n in loaded if not hasattr(builtins, n.id) or n.id in frame.f_locals or n.id in frame.f_globals]


def _tensors(value) -> list:
    """The tensors in a variable: itself, those of a list, tuple or dict, and those that an object holds as attributes."""
    if _is_tensor(value):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in ([v] if _is_tensor(v) else list(v) if type(v) in (list, tuple) else []) if _is_tensor(t)]
    held = getattr(value, "__dict__", None)
    return [v for v in held.values() if _is_tensor(v)] if isinstance(held, dict) else []


def _holds(tensor, node) -> bool:
    """Whether a node is in the graph of a tensor."""
    seen, waiting = set(), [getattr(tensor, "_node", None)]
    while waiting:
        this = waiting.pop()
        this = getattr(this, "node", this) if hasattr(type(this), "nr") else this
        if this is node:
            return True
        if this is None or id(this) in seen or not hasattr(type(this), "seq"):
            continue
        seen.add(id(this))
        waiting.extend(getattr(this, "edges", None) or ())
    return False
