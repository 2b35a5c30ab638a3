"""Running a call and watching its memory: every sub-expression with its value, what it was made from, and who was written.

A text is parsed and run with a note around each sub-expression; a lambda is run by its own text where the source is at hand.
Whether a result is a view is not deduced but measured on the arrays.
"""

import ast
from typing import Any

import numpy as np

from ...ops import op
from ...tensor import VERSION, Tensor
from .names import source_of
from .storages import address, array_of, common_bytes, layout, owner_of, parts_of, runs

PEEK = 1 << 20  # memory up to so many bytes is compared byte by byte to see whether it was written


class Step:
    """One sub-expression: its text, the name of what was called, its value, its operands, and what was measured."""

    def __init__(self, text: str, name: str, value: Any, operands: list, arguments: tuple = ()):
        self.text, self.name, self.value, self.operands, self.arguments = text, name, value, operands, arguments
        self.written: list = []  # names of the sources whose memory changed while it ran
        self.inner: list[Step] = []  # the operations that ran in it
        self.verdict, self.origin = "new", None

    def __repr__(self) -> str:
        return f"<{self.text}: {self.verdict}>"


def tensors_in(value) -> list:
    """The tensors and arrays in lists, tuples and dicts."""
    if isinstance(value, (Tensor, np.ndarray)):
        return [value]
    if isinstance(value, dict):
        return [t for v in value.values() for t in tensors_in(v)]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in tensors_in(v)]
    return []


def relation(value, sources: list) -> tuple[str, Any]:
    """(how one tensor or array lies to the sources, the source it was found in): "same", "view", "partly" or "copy"."""
    for name, s in sources:
        if s is value:
            return "same", name
    for name, s in sources:
        found = _lies_in(value, s)
        if found:
            return found, name
    return "copy", None


def _lies_in(value, source) -> str:
    if isinstance(value, Tensor) and value.is_meta:
        base, root = value._base, getattr(source, "_base", None) or source
        return "view" if base is not None and (base is source or base is root) else ""
    mine, theirs = parts_of(value, "explain_copy", "value"), parts_of(source, "explain_copy", "source")
    shared = []
    for a in mine:
        if not a.size:
            shared.append(any(owner_of(a) is owner_of(b) for b in theirs))
            continue
        shared.append(any(np.may_share_memory(a, b) and (common_bytes(a, b) or owner_of(a) is owner_of(b)) for b in theirs))
        if shared[-1] and len(mine) == 1:  # all of it, or some of it only?
            met, found = [common_bytes(a, b) for b in theirs], runs(a)
            inside = found is None or None in met or sum(met) >= len(found[0]) * found[1]  # type: ignore[arg-type]
            if not inside and not any(met):
                shared[-1] = any(owner_of(a) is owner_of(b) for b in theirs)
    return "view" if shared and all(shared) else "partly" if any(shared) else ""


def measure(value, sources: list) -> tuple[str, Any]:
    """(verdict, source) of a whole result: "same", "view", "copy", "partly"; "numbers" and "nothing" where it holds no tensor."""
    leaves = tensors_in(value)
    if not leaves:
        return ("nothing" if value is None else "numbers"), None
    if not sources:
        return "new", None
    found = [relation(leaf, sources) for leaf in leaves]
    kinds = {kind for kind, _ in found}
    origin = next((name for _, name in found if name is not None), None)
    if len(kinds) == 1:
        return kinds.pop(), origin
    return ("view", origin) if kinds == {"same", "view"} else ("partly", origin)


def _state(source) -> tuple:
    """What shows that a source was written: its version, and its bytes where they are few."""
    a = array_of(source)
    if a is None:
        return (None, None, None)
    cell = source._cell if isinstance(source, Tensor) else None
    place = (address(a), a.shape, a.strides)
    return (cell[VERSION] if cell is not None else 0, place, a.tobytes("A") if a.nbytes <= PEEK else None)


def _was_written(before: tuple, now: tuple) -> bool:
    """Whether memory changed between two states: not so where only the shape or the strides over it did (`t_()`)."""
    if before == now or before[0] is None:
        return False
    if before[1] == now[1]:
        return True
    return before[2] is not None and now[2] is not None and before[2] != now[2]


class Trial:
    """One run: `steps` in the order in which they were computed, `sources` (name, value), `result`, and what it was of."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.sources: list = []
        self.result: Any = None
        self.text = ""
        self.target: str | None = None  # the variable that a statement gives a new value
        self.augmented = False
        self.layouts: dict = {}  # of the sources, as they were before
        self._states: dict[int, tuple] = {}

    def add_source(self, name: str, value) -> None:
        """Take a variable's tensors in among the sources."""
        if isinstance(value, (Tensor, np.ndarray)):
            if not any(s is value for _, s in self.sources):
                self.sources.append((name, value))
                self.layouts[name] = layout(value)
                self._states[id(value)] = _state(value)
        elif isinstance(value, (list, tuple)):
            for i, v in enumerate(value[:64]):
                self.add_source(f"{name}[{i}]", v)
        elif isinstance(value, dict):
            for key, v in list(value.items())[:64]:
                self.add_source(f"{name}[{key!r}]", v)

    def changed(self) -> list[str]:
        """The names of the sources that were written since the last time of asking."""
        out = []
        for name, s in self.sources:
            now = _state(s)
            if _was_written(self._states[id(s)], now):
                out.append(name)
            self._states[id(s)] = now
        return out

    def note(self, step: Step) -> None:
        """Take in a step that has just been computed."""
        step.written = self.changed()
        step.verdict, step.origin = measure(step.value, step.operands)
        self.steps.append(step)

    @property
    def step(self) -> Step | None:
        """The last step that computed something."""
        return self.steps[-1] if self.steps else None


# ---- a call ----------------------------------------------------------------------------------------------------------


def of_call(function, args: tuple, kwargs: dict, names: list[str]) -> Trial:
    """The trial of `function(*args, **kwargs)`; `names` are the texts of the arguments."""
    t = Trial()
    owner = getattr(function, "__self__", None)
    called = getattr(function, "__name__", None) or type(function).__name__
    receiver = ""
    if isinstance(owner, (Tensor, np.ndarray)):
        receiver = names[0] if len(names) > len(args) else "tensor"
        t.add_source(receiver, owner)
    texts = names[-len(args) :] if args else []
    for name, value in [*zip(texts, args), *kwargs.items()]:
        t.add_source(name, value)
    inner = ", ".join([*texts, *(f"{k}={_short(v)}" for k, v in kwargs.items())])
    t.text = f"{receiver + '.' if receiver else ''}{called}({inner})"
    operands = list(t.sources)
    t.result, steps = _recorded(t, function, args, kwargs)
    if steps and not _of_the_library(function):  # a function of the user's own: what ran in it says more than its name
        t.steps += steps
        t.steps[-1].written += t.changed()
        return t
    t.note(Step(t.text, called, t.result, operands, (owner, *args) if receiver else args))
    return t


def _of_the_library(function) -> bool:
    """Whether a function is one whose name says what it does: of this package, of NumPy, of Python."""
    home = getattr(function, "__module__", None) or type(getattr(function, "__self__", None)).__module__
    return home.split(".")[0] in ("lightwell", "numpy", "builtins", "copy", "torch")


def _recorded(t: "Trial", function, args: tuple, kwargs: dict, steps: list[Step] | None = None) -> tuple[Any, list[Step]]:
    """What a function returns, and a step for each operation that ran in it."""
    own, steps = steps is None, [] if steps is None else steps
    names = {id(s): name for name, s in t.sources}
    alive: list = []  # what has a name must not be freed, or another object would get its id

    def hook(record, call, given):
        if steps and own:  # what was written since the last operation, was by it: a method in place computes, then writes over
            steps[-1].written += t.changed()
        out = call(*given)
        operands = [(names.get(id(v), "…"), v) for v in tensors_in(list(given))]
        inner = ", ".join(dict.fromkeys(name for name, _ in operands))
        step = Step(f"{record.name}({inner})", record.name, out, operands, given)
        step.verdict, step.origin = measure(out, operands)
        for v in tensors_in(out):
            names.setdefault(id(v), step.text)
            alive.append(v)
        steps.append(step)
        return out

    with op.interpose(hook):
        return function(*args, **kwargs), steps


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 30 else type(value).__name__


def of_lambda(function) -> Trial:
    """The trial of a function without arguments: by its text where it is a lambda whose source is at hand."""
    code = function.__code__
    space = dict(function.__globals__)
    for name, cell in zip(code.co_freevars, function.__closure__ or ()):
        try:
            space[name] = cell.cell_contents
        except ValueError:
            continue
    text = source_of(code) if code.co_name == "<lambda>" else None
    if text is not None:
        try:
            ast.parse(f"({text})", mode="eval")
            return of_text(text, space)
        except SyntaxError:
            pass
    t = Trial()
    for name in (*code.co_freevars, *code.co_names):
        if name in space:
            t.add_source(name, space[name])
    t.text = f"{function.__name__}()"
    operands = list(t.sources)
    t.result, steps = _recorded(t, function, (), {})
    if steps:
        t.steps += steps
        t.steps[-1].written += t.changed()
    else:
        t.note(Step(t.text, function.__name__, t.result, operands))
    return t


# ---- a text ----------------------------------------------------------------------------------------------------------


def of_text(text: str, space: dict) -> Trial:
    """The trial of an expression, or of one statement, in the variables of `space` (which keep their values)."""
    t, space = Trial(), dict(space)
    t.text = " ".join(text.split())
    try:
        tree: Any = ast.parse(f"({text})", mode="eval")
    except SyntaxError:
        tree = ast.parse(text)
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in space]
    for node in sorted(named, key=lambda node: (node.lineno, node.col_offset)):
        t.add_source(node.id, space[node.id])
    values: dict = {}
    inner: list[Step] = []
    notes = _Notes()
    tree = ast.fix_missing_locations(notes.visit(tree))

    def look(key, value):
        name, written, children = notes.info[key]
        values[key] = value
        operands = [(notes.info[c][1], v) for c in children if c in values and notes.info[c][0] != "key" for v in tensors_in(values[c])]
        if not operands and name in ("name", "attribute", "[]"):
            t.add_source(written, value)
        elif name not in ("name", "key") and (tensors_in(value) or operands):
            attribute = written.rpartition(".")[2] if name == "attribute" else name
            # what a step gives is told against its operands, and against the variables it may have reached another way
            step = Step(written, attribute, value, operands or list(t.sources), tuple(values.get(c) for c in children))
            step.inner = inner[:]
            t.note(step)
            inner.clear()
        return value

    space["__note__"] = look
    if isinstance(tree, ast.Expression):
        t.result, _ = _recorded(t, eval, (compile(tree, "<explain_copy>", "eval"), space), {}, inner)
        return t
    _recorded(t, exec, (compile(tree, "<explain_copy>", "exec"), space), {}, inner)
    last = tree.body[-1]
    target = last.target if isinstance(last, (ast.AugAssign, ast.AnnAssign)) else last.targets[0] if isinstance(last, ast.Assign) else None
    if target is not None:
        t.augmented = isinstance(last, ast.AugAssign)
        while isinstance(target, ast.Subscript):
            target = target.value
            t.result = None
        name = ast.unparse(target)
        t.target = name
        if isinstance(target, ast.Name):
            t.result = space.get(name)
        operands = [(n, s) for n, s in t.sources]
        kind = "+=" if t.augmented else "[:]=" if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Subscript) else "="
        temporary = ("temporary",) if any(s.verdict in ("copy", "new") for s in t.steps) else ()
        step = Step(t.text, kind, t.result, operands, temporary)
        step.inner = t.steps[-1:]  # what the right-hand side did last
        step.written = t.changed()
        step.verdict, step.origin = measure(t.result, operands)
        t.steps.append(step)
    elif isinstance(last, ast.Expr):
        t.result = t.steps[-1].value if t.steps else None
    return t


_OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.Pow: "**", ast.FloorDiv: "//", ast.Mod: "%",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
}  # fmt: skip


class _Notes(ast.NodeTransformer):
    """Puts `__note__(key, …)` around sub-expressions; `info[key]` is (name of what is called, text, keys of the operands)."""

    def __init__(self) -> None:
        self.info: dict[int, tuple[str, str, list]] = {}
        self._open: list[list] = [[]]

    def _wrapped(self, node, name: str, parts: list):
        text = ast.unparse(node)
        self._open.append([])
        for owner, field in parts:
            child = getattr(owner, field)
            setattr(owner, field, [self.visit(c) for c in child] if isinstance(child, list) else self.visit(child))
        children = self._open.pop()
        key = len(self.info)
        self.info[key] = (name, text, children)
        self._open[-1].append(key)
        return ast.Call(ast.Name("__note__", ast.Load()), [ast.Constant(key), node], [])

    def visit_Call(self, node):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "call")
        parts: list = [(node.func, "value")] if isinstance(node.func, ast.Attribute) else []
        parts += [(node, "args"), *((k, "value") for k in node.keywords)]
        return self._wrapped(node, name, parts)

    def visit_Attribute(self, node):
        return self._wrapped(node, "attribute", [(node, "value")]) if isinstance(node.ctx, ast.Load) else node

    def visit_Subscript(self, node):
        if isinstance(node.ctx, ast.Load):
            found = self._wrapped(node, "[]", [(node, "value"), (node, "slice")])
            key = node.slice
            if not any(isinstance(part, ast.Slice) for part in ast.walk(key)):  # what picks: the reason looks at it
                number = len(self.info)
                self.info[number] = ("key", ast.unparse(key), [])
                self.info[found.args[0].value][2].append(number)
                node.slice = ast.Call(ast.Name("__note__", ast.Load()), [ast.Constant(number), key], [])
            return found
        return node

    def visit_BinOp(self, node):
        return self._wrapped(node, _OPERATORS[type(node.op)], [(node, "left"), (node, "right")])

    def visit_UnaryOp(self, node):
        return self._wrapped(node, "neg", [(node, "operand")])

    def visit_Compare(self, node):
        return self._wrapped(node, "compare", [(node, "left"), (node, "comparators")])

    def visit_Name(self, node):
        return self._wrapped(node, "name", []) if isinstance(node.ctx, ast.Load) else node

    def _left_alone(self, node):
        return node

    visit_Lambda = visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_Starred = _left_alone
    visit_JoinedStr = visit_NamedExpr = _left_alone
