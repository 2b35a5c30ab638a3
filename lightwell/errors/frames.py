"""Reading a traceback: which frames are the user's, what expression failed there, in which module, with which arguments.

Nothing here runs the user's code: names are looked up, expressions are never evaluated.
"""

import ast
import functools
import linecache
import os
import sys
import sysconfig
from typing import Any, NamedTuple

from .level import PACKAGE

_STDLIB = tuple({os.path.join(sysconfig.get_path(key), "") for key in ("stdlib", "platstdlib")})
_SITE = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
_ABSENT = object()


class Place(NamedTuple):
    """One frame of a traceback: the frame, its line, the instruction it is at."""

    frame: Any
    line: int
    lasti: int

    @property
    def file(self) -> str:
        """The file, as Python names it."""
        return self.frame.f_code.co_filename

    @property
    def function(self) -> str:
        """The function's name; "<module>" outside of functions."""
        return self.frame.f_code.co_name


class Operand(NamedTuple):
    """One value that went into what failed: as the user wrote it, its value (where it can be looked up), its syntax."""

    text: str
    value: Any
    node: ast.AST | None


def ours(file: str) -> bool:
    """Whether a file belongs to this package."""
    return file.startswith(PACKAGE)


def is_launcher(file: str) -> bool:
    """Whether a file is the command `lightwell`, as an installer writes it into the environment's bin or Scripts folder."""
    folder, name = os.path.split(file)
    return name == "lightwell" or os.path.basename(folder) == "lightwell.exe"


def is_runner(file: str) -> bool:
    """Whether a file is of what runs the user's code: this package, its command, or Python's own start."""
    return ours(file) or is_launcher(file) or file.startswith("<frozen ")


def is_cell(file: str) -> bool:
    """Whether a file is a notebook's cell."""
    return "ipykernel_" in file or "<ipython-input" in file


def _users(file: str) -> bool:
    if is_runner(file):
        return False
    if any(part in file for part in _SITE):
        return False
    return not file.startswith(_STDLIB)


def _generated(place: Place) -> bool:
    """Whether a frame runs code that a library made from text."""
    return place.file == "<string>" and place.frame.f_globals.get("__name__") != "__main__"


def places(error: BaseException) -> list[Place]:
    """The frames of an error, outermost first: those above the place where it was caught, then its traceback's."""
    tb = error.__traceback__
    if tb is None:
        return []
    found: list[Place] = []
    outer = tb.tb_frame.f_back
    while outer is not None and len(found) < 200:
        found.append(Place(outer, outer.f_lineno or 0, outer.f_lasti))
        outer = outer.f_back
    found.reverse()
    while tb is not None:
        found.append(Place(tb.tb_frame, tb.tb_lineno, tb.tb_lasti))
        tb = tb.tb_next
    return found


def users_place(found: list[Place]) -> int | None:
    """Which of the frames is the innermost of the user's; None where there is none."""
    for accept in (_users, lambda file: not is_runner(file)):
        for i in range(len(found) - 1, -1, -1):
            if accept(found[i].file) and not _generated(found[i]):
                return i
    return None


# ---- the expression -----------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=64)
def _parsed(source: str):
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def tree_of(file: str, module_globals=None):
    """The syntax tree of a source file or notebook cell; None where its source isn't there."""
    lines = linecache.getlines(file, module_globals)
    return _parsed("".join(lines)) if lines else None


def line_of(place: Place) -> str:
    """The text of a frame's line, without its indentation."""
    return linecache.getline(place.file, place.line, place.frame.f_globals).strip()


def node_at(place: Place):
    """The syntax of what a frame is at: the smallest node that has exactly the instruction's positions; None if unknown."""
    tree = tree_of(place.file, place.frame.f_globals)
    if tree is None or place.lasti < 0:
        return None
    positions = None
    for i, found in enumerate(place.frame.f_code.co_positions()):
        if i == place.lasti // 2:
            positions = found
            break
    if positions is None or None in positions:
        return None
    line, end, column, end_column = positions
    best = None
    for node in ast.walk(tree):
        if getattr(node, "lineno", None) == line and node.end_lineno == end and node.col_offset == column:  # type: ignore[attr-defined]
            if node.end_col_offset == end_column and not isinstance(node, ast.Expr):  # type: ignore[attr-defined]
                best = node
    return best


def lookup(node, frame):
    """The value of a name, or of an attribute of a module or object that is stored in it; `_ABSENT` where looking would run code."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        for scope in (frame.f_locals, frame.f_globals):
            if node.id in scope:
                return scope[node.id]
        return _ABSENT
    if isinstance(node, ast.Attribute):
        owner = lookup(node.value, frame)
        if owner is _ABSENT:
            return _ABSENT
        return stored(owner, node.attr)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        owner, key = lookup(node.value, frame), node.slice.value
        if type(owner) in (list, tuple) and isinstance(key, int) and -len(owner) <= key < len(owner):
            return owner[key]
        if type(owner) is dict and isinstance(key, (str, int)):
            return owner.get(key, _ABSENT)
    return _ABSENT


def stored(owner, name: str):
    """An attribute that an object holds: in its dictionary, or among a module's parameters, buffers and submodules."""
    try:
        held = object.__getattribute__(owner, "__dict__")
    except AttributeError:
        return _ABSENT
    if name in held:
        return held[name]
    for kind in ("_parameters", "_buffers", "_modules"):
        group = held.get(kind)
        if isinstance(group, dict) and name in group:
            return group[name]
    return _ABSENT


def known(value) -> bool:
    """Whether a value was found."""
    return value is not _ABSENT


def operands(node, frame) -> list[Operand]:
    """What goes into an expression: the arguments of a call (and the object whose method it is), the sides of an operator."""
    parts: list = []
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and _may_own(node.func.value, frame):
            parts.append(node.func.value)
        parts += [a.value if isinstance(a, ast.Starred) else a for a in node.args] + [k.value for k in node.keywords]
    elif isinstance(node, ast.BinOp):
        parts = [node.left, node.right]
    elif isinstance(node, ast.AugAssign):
        parts = [node.target, node.value]
    elif isinstance(node, ast.Compare):
        parts = [node.left, *node.comparators]
    elif isinstance(node, ast.UnaryOp):
        parts = [node.operand]
    elif isinstance(node, ast.Subscript):
        parts = [node.value, node.slice]
    elif isinstance(node, (ast.Assign, ast.Return)) and node.value is not None:
        return operands(node.value, frame)
    elif isinstance(node, ast.Attribute):
        parts = [node.value]
    parts = [e for part in parts for e in (part.elts if _list_of_names(part) else [part])]  # type: ignore[attr-defined]
    return [Operand(ast.unparse(part), lookup(part, frame), part) for part in parts]


def _may_own(part, frame) -> bool:
    """Whether the object of a method is a tensor, or what an expression gave that can't be looked up."""
    owner = lookup(part, frame)
    computed = isinstance(part, (ast.Call, ast.BinOp, ast.UnaryOp, ast.Subscript, ast.Compare)) and ast.unparse(part) != "super()"
    return _is_tensor(owner) if known(owner) else computed


def _may_be_tensor(part) -> bool:
    """Whether an expression that can't be looked up may have given a tensor."""
    if isinstance(part, ast.UnaryOp):
        return _may_be_tensor(part.operand)
    return isinstance(part, (ast.Call, ast.BinOp, ast.Subscript, ast.Attribute, ast.Compare, ast.IfExp, ast.Name))


def _list_of_names(part) -> bool:
    return isinstance(part, (ast.List, ast.Tuple)) and not all(isinstance(e, ast.Constant) for e in part.elts)


def _is_tensor(value) -> bool:
    return hasattr(type(value), "_refresh") and array_of(value) is not None


def array_of(value):
    """A tensor's array; None for anything else, and for sparse tensors, which have none."""
    try:
        return getattr(value, "_a", None)
    except Exception:
        return None


def calls_us(place: Place) -> bool:
    """Whether a frame is at a call of something of this package, such as a class whose arguments don't fit."""
    node = node_at(place)
    if not isinstance(node, ast.Call):
        return False
    called = lookup(node.func, place.frame)
    if not known(called) and isinstance(node.func, ast.Attribute):
        called = type(lookup(node.func.value, place.frame))
    return is_ours(called)


def is_ours(value) -> bool:
    """Whether a value is of this package: one of its classes, functions, modules, or an object of such a class or of a class made of it."""
    kind = value if isinstance(value, type) else type(value)
    names = [str(getattr(value, "__module__", "")), str(getattr(value, "__name__", "")), *(c.__module__ for c in kind.__mro__)]
    return known(value) and any(name.split(".")[0] in ("lightwell", "torch") for name in names)


# ---- what the package was given -----------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=512)
def _rebound(code) -> frozenset:
    """The names of its arguments that a function assigns anew: their values by now may not be the caller's."""
    import dis

    return frozenset(i.argval for i in dis.get_instructions(code) if i.opname.startswith(("STORE_FAST", "DELETE_FAST")))


def arguments(frame) -> list[tuple[str, Any]]:
    """The arguments of a function of the package by name, as far as they still are what the caller gave."""
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    changed, values = _rebound(code), frame.f_locals
    return [(name, values[name]) for name in names if name in values and name not in changed]


PUBLIC = {"x": "input", "y": "other", "xs": "tensors", "self": "input", "ndarray_": "ndarray"}


def given(found: list[Place], at: int) -> list[Operand]:
    """The values that went into what failed: in the user's words where there are some, else by the names of the arguments."""
    place = found[at]
    node = node_at(place)
    written = operands(node, place.frame) if node is not None else []
    values = [o for o in written if known(o.value)]
    inside = found[at + 1 :]
    entry = next((p for p in inside if _says(p)), None)
    layer = None
    for p in inside:  # the layer whose forward met the error: its input is what matters
        if p.function == "forward" and _is_module(p.frame.f_locals.get("self")):
            layer = p
    if layer is not None and ours(layer.file):
        every = [Operand(name, v, None) for name, v in arguments(layer.frame) if name != "self"]
        taken = [t for t in every if _holds_tensors(t.value) or isinstance(t.value, (list, tuple))]
        called = lookup(node.func, place.frame) if isinstance(node, ast.Call) else None
        names = layer.frame.f_code.co_varnames[1 : 1 + len(written)]
        plain = isinstance(node, ast.Call) and node.args and not node.keywords and len(node.args) == len(written)
        if plain and called is layer.frame.f_locals["self"] and names == tuple(t.text for t in every[: len(written)]):
            return [Operand(o.text, t.value, o.node) for o, t in zip(written, every)]  # the user's own words
        return [next((o for o in values if o.value is t.value), t) for t in taken] or _telling(values)
    if entry is not None:
        skip = ("cls", "args", "leaves")
        taken = [
            Operand(PUBLIC.get(n, n), v, None)
            for n, v in arguments(entry.frame)
            if n not in skip and not (n == "self" and not _is_tensor(v))
        ]
        left = [t for t in taken if _tells(t.value) and not any(t.value is o.value for o in values)]
        missing = [o for o in written if not known(o.value) and o.node is not None and _may_be_tensor(o.node)]
        if missing:
            return _telling(_paired(node, written, missing, left))
        if not values:
            return _telling([t for t in left if _holds_tensors(t.value)])
    return _telling(values)


def _paired(node, written: list[Operand], missing: list[Operand], left: list[Operand]) -> list[Operand]:
    """The operands with the values that the package was given for those that can't be looked up, where it is clear which is which."""
    keywords = {id(k.value): PUBLIC.get(k.arg or "", k.arg) for k in node.keywords} if isinstance(node, ast.Call) else {}
    found: dict[int, Any] = {}
    for o in missing:
        same = [t for t in left if t.text == keywords.get(id(o.node))]
        if same:
            found[id(o)] = same[0].value
            left = [t for t in left if t is not same[0]]
    rest = [o for o in missing if id(o) not in found]
    pool = [v for t in left for v in (t.value if type(t.value) in (list, tuple) else [t.value]) if _holds_tensors(v)]
    if len(rest) == len(pool) and not any(id(o.node) in keywords for o in rest):
        found.update((id(o), v) for o, v in zip(rest, pool))
        left = []
    told = [o._replace(value=found[id(o)]) if id(o) in found else o for o in written]
    return told + [t for t in left if _holds_tensors(t.value)]


def _says(p: Place) -> bool:
    """Whether a frame's arguments have names that mean something to the user: not those of a wrapper."""
    code = p.frame.f_code
    if p.frame.f_globals.get("__name__") == "lightwell.overrides":  # which stands between a call and the function that is meant
        return False
    return ours(p.file) and code.co_argcount > 0 and not (code.co_argcount <= 1 and code.co_flags & 0x04) and "args" != code.co_varnames[0]


def _holds_tensors(value) -> bool:
    if type(value) in (list, tuple):
        return any(_is_tensor(v) for v in value)
    return _is_tensor(value) or type(value).__module__ == "numpy"


def _tells(value) -> bool:
    return value is not None and not callable(value)


def _telling(values: list[Operand]) -> list[Operand]:
    seen, found = set(), []
    for o in values:
        constant = isinstance(o.node, ast.Constant)  # the line shows it
        if known(o.value) and not constant and (_tells(o.value) or o.value is None) and o.text not in seen:
            if not (callable(o.value) and not _is_tensor(o.value)) and not isinstance(o.value, type(sys)):
                seen.add(o.text)
                found.append(o)
    return found


# ---- modules ------------------------------------------------------------------------------------------------------------


def _is_module(value) -> bool:
    nn = sys.modules.get("lightwell.nn.module") or sys.modules.get("lightwell.nn.core")
    return nn is not None and hasattr(type(value), "named_modules") and hasattr(type(value), "register_forward_hook")


def module_path(found: list[Place]) -> tuple[str, Any] | None:
    """(path, module) of the innermost module at work, as "model.encoder.0" from the variable that holds the outermost; None without."""
    root = inner = None
    above = None
    for i, p in enumerate(found):
        code = p.frame.f_code
        if not code.co_argcount or code.co_varnames[0] not in p.frame.f_locals:
            continue
        value = p.frame.f_locals[code.co_varnames[0]]
        if not _is_module(value):
            continue
        if code.co_name == "__init__":
            return None  # a module that is being built has no place yet
        if code.co_name not in ("__setattr__", "__getattr__"):
            if root is None:
                root, above = value, found[:i]
            inner = value
    if root is None:
        return None
    path = next((name for name, m in root.named_modules() if m is inner), None)
    if path is None:  # a module of another tree, such as a loss: named by itself
        path, root = "", inner
    name = _variable(root, above or [])
    return ".".join(part for part in (name or type(root).__name__, path) if part), inner


def _variable(value, above: list[Place]) -> str | None:
    """The variable of the nearest of the user's frames that holds a value."""
    for p in reversed(above):
        if not ours(p.file):
            for scope in (p.frame.f_locals, p.frame.f_globals):
                for name, v in list(scope.items()):
                    if v is value and not name.startswith("_"):
                        return name
            return None
    return None
