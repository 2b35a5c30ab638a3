"""A graph as Python source: what `GraphModule` compiles and `code` shows."""

import math
import operator
from collections import namedtuple
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..device import device
from ..dtypes import dtype
from ..layouts import layout, memory_format
from .node import Node, _get_qualified_name, _type_repr, map_arg, torch_path

_BINARY = {
    "eq": "==", "ne": "!=", "lt": "<", "gt": ">", "le": "<=", "ge": ">=", "add": "+", "sub": "-", "mul": "*", "floordiv": "//",
    "truediv": "/", "mod": "%", "lshift": "<<", "rshift": ">>", "and_": "&", "or_": "|", "xor": "^", "matmul": "@", "pow": "**",
}  # fmt: skip
_FORMS = {
    **{name: f"{{}} {sign} {{}}" for name, sign in _BINARY.items()},
    "pos": "+{}", "neg": "-{}", "invert": "~{}", "getitem": "{}[{}]",
}  # fmt: skip
_INPLACE = {f"i{name.rstrip('_')}": f"{{}} {sign}= {{}}" for name, sign in list(_BINARY.items())[6:]}
_INPLACE["setitem"] = "{}[{}] = {}"

_Register = namedtuple("_Register", ["code"])


def _namespace() -> dict:
    """What generated code can always name."""
    import lightwell

    return {"torch": lightwell, "device": lightwell.device, "inf": math.inf, "nan": math.nan, "NoneType": type(None)}


@dataclass
class PythonCode:
    """Source of a program and the objects that it names."""

    src: str
    globals: dict[str, Any]
    _lineno_map: dict = field(default_factory=dict)


class CodeGen:
    """Writes a graph as a Python function; subclass it to write another signature or return."""

    def __init__(self):
        self._transform = None

    def gen_fn_def(self, free_vars: list[str], maybe_return_annotation: str) -> str:
        """The line with `def`."""
        args = free_vars if free_vars and free_vars[0].split(" ")[0] == "self" else ["self", *free_vars]
        return f"def forward({', '.join(args)}){maybe_return_annotation}:"

    def generate_output(self, output_args) -> str:
        """The line with `return`."""
        return f"return {self._value(output_args)}"

    def process_inputs(self, *args):
        """Arguments as the placeholders take them."""
        return args

    def process_outputs(self, outputs):
        """The output as the caller gets it."""
        return outputs

    def additional_globals(self) -> list:
        """(name, object) pairs that the code may name besides."""
        return []

    # ---- the body -------------------------------------------------------------------------------------------------

    def _gen_python_code(self, nodes, root_module: str, *, verbose: bool = False, **unused) -> PythonCode:
        self._globals = _namespace()
        self._globals.update(self.additional_globals())
        self._taken = {n.name for n in nodes}
        free_vars: list[str] = []
        body: list[str] = []
        wrapped: dict = {}
        returned = ""
        lines: dict = {}
        dying = _last_uses(nodes)
        for node in nodes:
            if verbose and node.stack_trace:
                body.append(f"# {node.stack_trace.strip().splitlines()[-1].strip()}")
            text = self._node(node, root_module, free_vars, wrapped)
            if node.op == "output" and node.type is not None:
                returned = f" -> {_type_repr(node.type)}"
            if text is None:
                continue
            if node.op not in ("placeholder", "output"):
                gone = dying.get(node, [])
                if gone:
                    text += ";  " + " = ".join([*(repr(n) for n in gone), "None"])
            lines[len(body)] = node
            body.append(text)
        if not body:
            body.append("pass")
        if self._transform is not None:
            body = _apply(self._transform, body)
        head = self.gen_fn_def(free_vars, returned)
        wraps = "\n".join(f'torch.fx._symbolic_trace.wrap("{name}")' for name in wrapped)
        source = f"\n{wraps}\n\n{head}\n" + "\n".join("    " + line if line else "" for line in "\n".join(body).split("\n")) + "\n    \n"
        return PythonCode(source[:-1], self._globals, lines)

    def _node(self, node: Node, root: str, free_vars, wrapped) -> str | None:
        name = repr(node)
        kind = "" if node.type is None else f" : {self._annotation(node.type)}"
        if node.op == "placeholder":
            default = "" if not node.args else f" = {self._value(node.args[0])}"
            free_vars.append(f"{node.target}{kind}{default}")
            raw = node.target.replace("*", "")
            return f"{name} = {raw}" if raw != name else None
        if node.op == "output":
            return self.generate_output(node.args[0])
        if node.op == "get_attr":
            return f"{name}{kind} = {_path(root, node.target)}"
        if node.op == "call_module":
            return f"{name}{kind} = {_path(root, node.target)}({self._call(node.args, node.kwargs)})"
        if node.op == "call_method":
            first, rest = node.args[0], node.args[1:]
            return f"{name}{kind} = {_path(self._value(first), node.target)}({self._call(rest, node.kwargs)})"
        target = node.target
        if getattr(target, "__module__", None) == "_operator" and not node.kwargs:
            form = _FORMS.get(target.__name__)
            if form is not None:
                return f"{name}{kind} = " + form.format(*(self._operand(a, target) for a in node.args))
            form = _INPLACE.get(target.__name__)
            if form is not None:
                text = form.format(*(self._value(a) for a in node.args))
                return f"{text};  {name}{kind} = {self._value(node.args[0])}"
        if target is getattr and len(node.args) == 2 and isinstance(node.args[1], str) and node.args[1].isidentifier():
            return f"{name}{kind} = {_path(self._value(node.args[0]), node.args[1])}"
        called = self._global(_get_qualified_name(target), target)
        if node.meta.get("is_wrapped"):
            wrapped.setdefault(called)
        return f"{name}{kind} = {called}({self._call(node.args, node.kwargs)})"

    def _operand(self, value, target) -> str:
        text = self._value(value)
        return f"({text})" if isinstance(value, (int, float, complex)) and text.startswith("-") and target is operator.pow else text

    def _call(self, args, kwargs) -> str:
        """The arguments of a call."""
        return ", ".join((*(self._value(a) for a in args), *(f"{k} = {self._value(v)}" for k, v in kwargs.items())))

    def _annotation(self, kind) -> str:
        text = _type_repr(kind)
        if isinstance(kind, type) and "." in text and not text.startswith("torch."):
            return self._global(text, kind)
        if not isinstance(kind, type) and not isinstance(kind, str):
            import typing

            self._globals.setdefault("typing", typing)
            text = text.replace("lightwell.", "torch.")
            for held in typing.get_args(kind):
                if isinstance(held, type) and held.__module__ not in ("builtins", "typing"):
                    full = f"{held.__module__}.{held.__qualname__}".replace("lightwell.", "torch.")
                    text = text.replace(full, self._annotation(held))
        return text

    def _global(self, hint: str, obj) -> str:
        """The name under which the code can use an object."""
        import builtins

        if hint.startswith("torch.") and torch_path(obj) == hint:
            return hint
        if getattr(builtins, hint, None) is obj:
            return hint
        name = hint.replace(".", "_").replace("<", "_").replace(">", "_").replace(" ", "_")
        base, i = name, 0
        while (name in self._globals and self._globals[name] is not obj) or name in self._taken:
            i += 1
            name = f"{base}_{i}"
        self._globals[name] = obj
        return name

    def _value(self, value) -> str:
        """A node or a constant as an expression."""
        if isinstance(value, Node):
            return repr(value)
        if isinstance(value, tuple):
            if hasattr(value, "_fields"):
                return f"{self._global(_get_qualified_name(type(value)), type(value))}({', '.join(self._value(v) for v in value)})"
            inner = ", ".join(self._value(v) for v in value)
            if type(value) is not tuple and type(value).__name__ == "Size":
                return f"torch.Size([{inner}])"
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        if isinstance(value, list):
            return f"[{', '.join(self._value(v) for v in value)}]"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{k!r}: {self._value(v)}" for k, v in value.items()) + "}"
        if isinstance(value, slice):
            return f"slice({self._value(value.start)}, {self._value(value.stop)}, {self._value(value.step)})"
        if isinstance(value, Enum):
            return f"{self._global(_get_qualified_name(type(value)), type(value))}.{value.name}"
        if isinstance(value, (str, int, float, complex, bytes, range, type(None), type(...))):
            return "..." if value is ... else repr(value)
        if isinstance(value, (dtype, device, layout, memory_format)):
            return repr(value)
        if callable(value) and hasattr(value, "__name__"):
            return self._global(_get_qualified_name(value), value)
        return self._global(f"_constant_{type(value).__name__}", value)

    def __deepcopy__(self, memo):
        new = type(self).__new__(type(self))
        new.__dict__.update({k: v for k, v in self.__dict__.items() if k not in ("_globals", "_taken")})
        return new

    def __getstate__(self):
        return {k: v for k, v in self.__dict__.items() if k not in ("_globals", "_taken", "_transform")} | {"_transform": None}


def _apply(transform, body: list) -> list:
    """The body's lines, changed by a user's function of lines that end in line feeds."""
    changed = transform([line + "\n" for line in body])
    return "".join(changed).rstrip("\n").split("\n")


def _last_uses(nodes) -> dict:
    """node -> the nodes whose values nobody needs behind it."""
    seen: set = set()
    out: dict = {}
    for node in reversed(nodes):

        def note(used, node=node):
            if used not in seen:
                seen.add(used)
                out.setdefault(node, []).append(used)
            return used

        map_arg(node.args, note)
        map_arg(node.kwargs, note)
        if not node.users and node.op not in ("placeholder", "output"):
            out.setdefault(node, []).append(node)
    return out


def _path(root: str, target: str) -> str:
    """`root.a.b` as code; parts that are no identifiers go through getattr."""
    for part in target.split("."):
        root = f"{root}.{part}" if part.isidentifier() else f'getattr({root}, "{part}")'
    return root
