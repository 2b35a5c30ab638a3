"""Where a tensor came from: the assignment that made it, found in the source, and why it has its dtype. Told only where it is certain.

A name's assignment is certain where one statement alone can have been the last to bind it: the statements before the failing one are
walked backwards, block by block, and the search gives up at a branch or a loop that may have bound the name differently.
"""

import ast
import linecache
from typing import NamedTuple

import numpy as np

from .frames import Place, array_of, is_cell, known, lookup, ours, tree_of

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class Origin(NamedTuple):
    """The statement that gave a variable its value: line, file, its text, the reason for its dtype as (English, Chinese) or None."""

    line: int
    file: str
    text: str
    reason: tuple[str, str] | None


# ---- finding the statement ----------------------------------------------------------------------------------------------


def _binds(node, name: str) -> bool:
    """Whether a statement, with all that is in it but other scopes, may bind a name."""
    if isinstance(node, _SCOPES):
        return getattr(node, "name", None) == name
    if isinstance(node, ast.Name):
        return node.id == name and isinstance(node.ctx, (ast.Store, ast.Del))
    if isinstance(node, ast.ExceptHandler) and node.name == name:
        return True
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return any((a.asname or a.name.split(".")[0]) in (name, "*") for a in node.names)
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        return name in node.names
    return any(_binds(child, name) for child in ast.iter_child_nodes(node))


def _blocks(node) -> list[list]:
    return [block for field in ("body", "orelse", "finalbody") if isinstance(block := getattr(node, field, None), list)] + [
        handler.body for handler in getattr(node, "handlers", [])
    ]


def _way(block: list, line: int):
    """The chain of (block, index) from a block down to the simple statement at a line; None where it isn't in there."""
    for i, statement in enumerate(block):
        first = min([statement.lineno] + [d.lineno for d in getattr(statement, "decorator_list", [])])
        if first <= line <= statement.end_lineno:
            if isinstance(statement, _SCOPES):
                return [(block, i)]
            for inner in _blocks(statement):
                way = _way(inner, line)
                if way:
                    return [(block, i), *way]
            return [(block, i)]
    return None


def _scope(tree, place: Place):
    """The function's node in its file, or the module itself."""
    code = place.frame.f_code
    if code.co_name == "<module>":
        return tree
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == code.co_name:
            if min([node.lineno] + [d.lineno for d in node.decorator_list]) == code.co_firstlineno:
                return node
    return None


def _binding(scope, name: str, line: int):
    """The statement that bound `name` before a line of a scope; None where none or more than one may have."""
    way = _way(scope.body, line)
    if way is None:
        return None
    for depth in range(len(way) - 1, -1, -1):
        block, i = way[depth]
        for statement in reversed(block[:i]):
            if _binds(statement, name):
                return statement if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
        if depth:
            outer = way[depth - 1][0][way[depth - 1][1]]
            if isinstance(outer, (ast.For, ast.AsyncFor, ast.While)):
                if any(_binds(statement, name) for statement in block[i:]):
                    return None  # the round before may have bound it
                if isinstance(outer, ast.For) and _binds(outer.target, name):
                    return outer
            elif isinstance(outer, (ast.With, ast.AsyncWith)) and any(
                item.optional_vars and _binds(item.optional_vars, name) for item in outer.items
            ):
                return None
            elif isinstance(outer, ast.Try) and block is not outer.body and any(_binds(s, name) for s in outer.body):
                return None
    return None


def _only(tree, name: str):
    """The one statement at the top of a module that binds a name; None where several do."""
    found = [s for s in tree.body if _binds(s, name)]
    return found[0] if len(found) == 1 and isinstance(found[0], (ast.Assign, ast.AnnAssign)) else None


def statement_of(node, place: Place):
    """(statement, file) that gave a name, or an attribute of self, the value that it has in a frame; None where that isn't certain."""
    frame, file = place.frame, place.file
    tree = tree_of(file, frame.f_globals)
    if tree is None:
        return None
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return _attribute(tree, place, node.attr)
    if not isinstance(node, ast.Name):
        return None
    scope = _scope(tree, place)
    code = frame.f_code
    if scope is None:
        return None
    if code.co_name == "<module>" or node.id in code.co_varnames + code.co_cellvars:
        if code.co_name == "<module>" and any(isinstance(n, ast.Global) and node.id in n.names for n in ast.walk(tree)):
            return None
        found = _binding(scope, node.id, place.line)
        if found is not None:
            return found, file
        if code.co_name != "<module>":
            return None
    if any(_binds(s, node.id) for s in (scope.body if code.co_name == "<module>" else [])):
        return None
    found = _only(tree, node.id)
    return (found, file) if found is not None else _cells(node.id, file)


def _cells(name: str, file: str):
    """The one statement among a notebook's cells that binds a name."""
    if not is_cell(file):
        return None
    found = []
    for other in list(linecache.cache):
        if other != file and is_cell(other):
            tree = tree_of(other)
            found += [(s, other) for s in tree.body if _binds(s, name)] if tree is not None else []
    return found[0] if len(found) == 1 and isinstance(found[0][0], (ast.Assign, ast.AnnAssign)) else None


def _attribute(tree, place: Place, name: str):
    """The one assignment `self.name = ...` of the class around a method."""
    code = place.frame.f_code
    for cls in [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]:
        if any(isinstance(f, ast.FunctionDef) and f.lineno <= code.co_firstlineno <= (f.end_lineno or 0) for f in cls.body):
            found = [
                s
                for s in ast.walk(cls)
                if isinstance(s, (ast.Assign, ast.AnnAssign, ast.AugAssign))
                for t in (s.targets if isinstance(s, ast.Assign) else [s.target])
                if any(isinstance(a, ast.Attribute) and a.attr == name and ast.unparse(a.value) == "self" for a in ast.walk(t))
            ]
            return (found[0], place.file) if len(found) == 1 and isinstance(found[0], ast.Assign) else None
    return None


# ---- why it has its dtype -----------------------------------------------------------------------------------------------

_CASTS = {
    "long": "int64", "int": "int32", "float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16", "bool": "bool",
    "short": "int16", "byte": "uint8", "char": "int8",
}  # fmt: skip
_INDICES = ("argmax", "argmin", "argsort", "nonzero", "randint", "randperm", "bincount", "searchsorted", "bucketize")
_FILLED = ("zeros", "ones", "rand", "randn", "empty", "linspace", "eye")


def _numbers(node) -> set:
    """The kinds of the numbers written in a literal, or {None} where it isn't one."""
    if isinstance(node, (ast.List, ast.Tuple)):
        return set().union(*[_numbers(e) for e in node.elts]) if node.elts else {float}
    if isinstance(node, ast.UnaryOp):
        return _numbers(node.operand)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, bool, complex):
        return {type(node.value)}
    return {None}


def _reason(node, value, place: Place) -> tuple[str, str] | None:
    """Why what an expression gives has the dtype that `value` has."""
    dtype = str(getattr(value, "dtype", "")).removeprefix("torch.")
    if not isinstance(node, ast.Call):
        if isinstance(node, ast.Compare) and dtype == "bool":
            return "a comparison gives bool", "比较得到 bool"
        return None
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    has_dtype = any(k.arg == "dtype" for k in node.keywords)
    if has_dtype:
        return f"dtype= asks for {dtype}", f"dtype= 指定了 {dtype}"
    if _CASTS.get(called) == dtype and isinstance(node.func, ast.Attribute):
        return f".{called}() makes it {dtype}", f".{called}() 把它变成了 {dtype}"
    if called in ("to", "type", "astype") and dtype in ast.unparse(node):
        return f"it is converted to {dtype} there", f"在那里被转换成了 {dtype}"
    if called in ("tensor", "Tensor") and node.args:
        kinds = _numbers(node.args[0])
        if called == "tensor" and kinds == {int} and dtype == "int64":
            return "Python's ints give int64", "Python 的整数得到 int64"
        if called == "tensor" and float in kinds and kinds <= {int, float}:
            return f"Python's floats give the default dtype, {dtype}", f"Python 的小数得到默认的 dtype：{dtype}"
        if called == "tensor" and kinds == {bool}:
            return "True and False give bool", "True 和 False 得到 bool"
    if called in ("tensor", "from_numpy", "as_tensor", "asarray") and node.args:
        data = lookup(node.args[0], place.frame)
        if known(data) and isinstance(data, (np.ndarray, np.generic)) and data.dtype.name == dtype:
            if dtype == "float64":
                return "it keeps NumPy's dtype, and NumPy's floats are float64", "它保留 NumPy 的 dtype，而 NumPy 的小数默认是 float64"
            return f"it keeps the array's dtype, {dtype}", f"它保留数组的 dtype：{dtype}"
    if called == "arange" and dtype == "int64":
        return "arange of ints gives int64", "整数的 arange 得到 int64"
    if called in _INDICES and dtype == "int64":
        return f"{called}() gives int64", f"{called}() 得到 int64"
    if called in _FILLED and dtype in ("float32", "float64", "float16", "bfloat16"):
        return f"{called}() gives the default dtype, {dtype}", f"{called}() 得到默认的 dtype：{dtype}"
    return None


def _loop(statement, value, place: Place):
    """The reason of a loop's variable: a batch of a DataLoader."""
    from ..utils.data import DataLoader

    target = statement.iter
    if isinstance(target, ast.Call) and getattr(target.func, "id", "") == "enumerate" and target.args:
        target = target.args[0]
    source = lookup(target, place.frame)
    if known(source) and isinstance(source, DataLoader):
        dtype, name = str(value.dtype).removeprefix("torch."), ast.unparse(target)
        data = type(source.dataset).__name__
        return f"a batch of `{name}`, whose {data} gives {dtype}", f"`{name}` 的一个批量，它的 {data} 给出 {dtype}"
    return None


def _rebinds_own(value, base) -> bool:
    return str(getattr(value, "dtype", "")) == str(getattr(base, "dtype", "")) != ""


def origin_of(node, value, place: Place, above: list[Place]) -> Origin | None:
    """Where the value of a name came from, at most two assignments back, or from the caller that handed it over."""
    found = _at(node, value, place)
    if found is not None or not isinstance(node, ast.Name):
        return found
    code = place.frame.f_code
    if node.id in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] and not _stored(code, node.id):
        for outer in reversed(above):
            if ours(outer.file):
                continue
            for scope in (outer.frame.f_locals, outer.frame.f_globals):
                for name, v in list(scope.items()):
                    if v is value and name.isidentifier() and outer.frame.f_code is not code:
                        return origin_of(ast.Name(name, ast.Load()), value, outer, [p for p in above if p.frame is not outer.frame])
    return None


def _stored(code, name: str) -> bool:
    from .frames import _rebound

    return name in _rebound(code)


def _at(node, value, place: Place) -> Origin | None:
    first = None
    for _ in range(3):
        found = statement_of(node, place)
        if found is None:
            return first
        statement, file = found
        expression = getattr(statement, "value", None)
        if isinstance(statement, ast.For):
            return Origin(statement.lineno, file, _text(statement, file), _loop(statement, value, place))
        if not _whole(statement, node):
            return first or Origin(statement.lineno, file, _text(statement, file), None)
        reason = _reason(expression, value, place)
        here = Origin(statement.lineno, file, _text(statement, file), reason)
        if reason is not None:
            return here
        first = first or here
        base = expression
        while isinstance(base, (ast.Attribute, ast.Subscript, ast.Call)):  # y = labels[:3].view(-1): one of labels' dtype
            if isinstance(base, ast.Call) and not isinstance(base.func, ast.Attribute):
                return first
            base = base.func.value if isinstance(base, ast.Call) else base.value  # type: ignore[attr-defined]
        if not isinstance(base, ast.Name):
            return first
        held = lookup(base, place.frame)
        if not known(held) or not _rebinds_own(value, held) or array_of(held) is None:
            return first
        if isinstance(node, ast.Name) and base.id == node.id:
            return first  # y = y.view(-1): the y before is gone
        node, place = base, Place(place.frame, statement.lineno, -1)
    return first


def _whole(statement, node) -> bool:
    """Whether a statement gives its whole value to the name, not a part of it by unpacking."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return any(ast.unparse(t) == ast.unparse(node) for t in targets)


def _text(statement, file: str) -> str:
    """A statement as it is written, if that is one line."""
    whole = statement.lineno == statement.end_lineno or isinstance(statement, ast.For)
    text = linecache.getline(file, statement.lineno).strip() if whole else ast.unparse(statement)
    return text if len(text) <= 90 else text[:87] + "..."
