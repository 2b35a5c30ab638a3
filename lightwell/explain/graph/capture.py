"""Watching a run: every operation that passes `apply`, the module it ran in, the user's line, and the node it left for backward."""

import sys
import weakref

import numpy as np

from ...autograd.node import Node, Port, tick
from ...nn.hooks import register_module_forward_hook, register_module_forward_pre_hook
from ...nn.parameter import Parameter
from ...ops import op as core
from ...tensor import WRITER, Tensor
from .model import Call, Op, Value

ndarray = np.ndarray
_OWN = ("lightwell.vision.models", "lightwell.text", "lightwell.train", "lightwell.course")  # code of this package that reads as a user's


def user_line() -> tuple | None:
    """(file, line number) of the innermost frame that is no part of the library's machinery."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if not name.startswith("lightwell.") or name.startswith(_OWN):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None


class Known:
    """Which Value a tensor is, and which Op a node of the graph belongs to. Nothing is kept alive by being known."""

    def __init__(self):
        self.ops: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # node -> Op
        self.tensors: dict = {}  # id -> (weak reference, version, Value)
        self.places: dict = {}  # where an array lies -> (weak reference to its tensor, version, Value)
        self.names: dict = {}  # id of a parameter or buffer -> (weak reference, kind, name)
        self.scope: tuple = ()

    def name(self, tensor, kind: str, name: str) -> None:
        """Give a tensor its name: a "parameter", a "buffer", an "input" or a "leaf"."""
        key, table = id(tensor), self.names
        if key not in table:
            table[key] = (weakref.ref(tensor, lambda _: table.pop(key, None)), kind, name)

    def named(self, model) -> None:
        """Take the names of a module's parameters and buffers; one that two modules share keeps its first."""
        for name, p in model.named_parameters():
            self.name(p, "parameter", name)
        for name, b in model.named_buffers():
            self.name(b, "buffer", name)

    def keep(self, t, value: Value) -> Value:
        """Remember that tensor `t` is `value`."""
        key, table = id(t), self.tensors

        def gone(ref):
            found = table.get(key)
            if found is not None and found[0] is ref:
                del table[key]

        ref = weakref.ref(t, gone)
        table[key] = (ref, t._version, value)
        if type(t._a) is ndarray and t._a.size:
            self.places[_place(t._a)] = (ref, t._version, value)
            if len(self.places) > 20000:
                self.places = {k: v for k, v in self.places.items() if v[0]() is not None}
        return value

    def value_of(self, t) -> Value:
        """Where a tensor comes from: a leaf of its own where no operation is known that made it."""
        if t._base is not None:
            t._refresh()
        node = t._node
        found = self.tensors.get(id(t))
        if found is not None and found[0]() is not t:
            found = None
        if node is not None:
            value = self.of_edge(node)
            if value.shape is None:
                value.measure(t._a.shape, t._a.dtype)
            if found is not None and found[2] is not value and value.op is not None:
                value.op.inplace = True
            return self.keep(t, value)
        leaf = t._rg or isinstance(t, Parameter) or id(t) in self.names
        if found is not None and (leaf or found[1] == t._version):
            return found[2]
        if found is not None:  # written in place, by nothing that was watched
            return self.keep(t, found[2])
        if not leaf and type(t._a) is ndarray and t._a.size:
            there = self.places.get(_place(t._a))
            if there is not None and there[0]() is not None and there[0]()._version == there[1]:
                return there[2]
        return self.keep(t, self.leaf(t))

    def leaf(self, t) -> Value:
        """A Value for a tensor that nothing made."""
        found = self.names.get(id(t))
        kind, name = (found[1], found[2]) if found is not None and found[0]() is t else ("", "")
        if not kind:
            kind = "parameter" if isinstance(t, Parameter) else "leaf" if t._rg else "constant"
        return Value(kind, name, t._a, bool(t._rg))

    def of_edge(self, edge) -> Value:
        """The Value whose gradient arrives at an edge; its operation is read from the node where nobody watched it."""
        if isinstance(edge, Tensor):
            return self.value_of(edge)
        node, nr = (edge.node, edge.nr) if type(edge) is Port else (edge, 0)
        op = self.ops.get(node)
        if op is None:
            from .nodes import read

            read(self, node)
            op = self.ops[node]
        return op.outputs[nr]


class Watch(Known):
    """Within it, what runs becomes known. `root`: the module whose paths are used; without, each outermost module that is called."""

    def __init__(self, root=None):
        super().__init__()
        self.roots: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # outermost module -> {id of submodule: (path, class)}
        self.root, self._depth, self._calls, self._last = root, [], 0, None
        if root is not None:
            self.roots[root] = _paths(root, "")
            self.named(root)
        self._interposer = core.interpose(self._note)

    def __enter__(self):
        self._hooks = register_module_forward_pre_hook(self._enter), register_module_forward_hook(self._leave, always_call=True)
        core.whole_writes += 1
        self._interposer.__enter__()
        return self

    def __exit__(self, *exc):
        self._settle()
        self._interposer.__exit__(*exc)
        core.whole_writes -= 1
        for hook in self._hooks:
            hook.remove()

    def _enter(self, module, args):
        if not self._depth:
            self._outermost = module
            if module not in self.roots:
                self.roots[module] = _paths(module, _variable(module))
                self.named(module)
            self._given(module, args)
        path, kind, buffers = self.roots.get(self._outermost, {}).get(id(module), (type(module).__name__, type(module).__name__, ()))
        self._calls += 1
        self._depth.append(self.scope)
        if module is not self.root:
            self.scope = (*self.scope, Call(path, kind, self._calls, buffers))

    def _given(self, module, args) -> None:
        """What comes from outside into an outermost module is its input, under the name that `forward` gives it."""
        code = getattr(type(module).forward, "__code__", None)
        names = code.co_varnames[1 : code.co_argcount] if code is not None else ()
        for i, t in enumerate(args):
            if isinstance(t, Tensor) and t._node is None and not t._rg and id(t) not in self.tensors:
                self.name(t, "input", names[i] if i < len(names) else "input")

    def _leave(self, module, args, output):
        if self._depth:
            self.scope = self._depth.pop()
            if not self._depth:
                self.left(module, output)

    def left(self, module, output) -> None:
        """An outermost module has run."""

    def _note(self, record, call, args):
        self._settle()
        op = Op(record.name, tick(), record.doc or "", scope=self.scope, line=user_line(), view=bool(record.view))
        tensors = args[0] if record.variadic else args[: len(record.inputs)]
        rest = args[1:] if record.variadic else args[len(record.inputs) :]
        op.names = tuple(f"x{i}" for i in range(len(tensors))) if record.variadic else record.inputs
        op.inputs = [self._argument(a) for a in tensors]
        for name, a in zip(record.params, rest):
            if isinstance(a, (Tensor, ndarray)) and (a.ndim or isinstance(a, Tensor)):  # an index, a mask: data without a gradient
                op.names, op.inputs = (*op.names, name), [*op.inputs, self._argument(a)]
            else:
                op.params[name] = _plain(a)
        out = call(*args)
        outs = out if isinstance(out, (tuple, list)) else (out,)
        for i, t in enumerate(outs):
            if not isinstance(t, Tensor):
                continue
            while len(op.outputs) < i:
                op.outputs.append(Value("result", op=op, index=len(op.outputs)))
            value = Value("result", "", t._a, bool(t._rg), op, i)
            op.outputs.append(value)
            node = t._node.node if type(t._node) is Port else t._node
            if node is not None and node not in self.ops:
                self.ops[node] = op
                if not op.node:
                    describe(op, node)
            if t._node is None or (node in self.ops and self.ops[node] is op):
                self.keep(t, value)
        first = tensors[0] if tensors else None
        if isinstance(first, Tensor) and op.outputs and not (first._rg and first._node is None) and not isinstance(first, Parameter):
            self._last = weakref.ref(first), first._version, op
        return out

    def _settle(self) -> None:
        """See whether the operation that ran last was then written over its first tensor: the twin in place."""
        if self._last is None:
            return
        (ref, version, op), self._last = self._last, None
        t = ref()
        if t is None or t._version == version or id(t) in self.names:
            return
        node = t._node.node if type(t._node) is Port else t._node
        if node is None:
            taken = (t._cell[WRITER] or (op.name,))[0].strip("_") in (op.name, f"i{op.name}")
        else:  # its node, or, where a region was written, what leads to it through nodes made by hand
            layer, found = [node], []
            for _ in range(3):
                found += [self.ops[n] for n in layer if n in self.ops]
                ways = [e.node if type(e) is Port else e for n in layer if n not in self.ops for e in n.edges]
                layer = [n for n in ways if isinstance(n, Node)]
            taken = op in found
        if taken:
            op.inplace = True
            if node is None:
                self.keep(t, op.outputs[0])

    def _argument(self, a):
        if isinstance(a, Tensor):
            return self.value_of(a)
        if isinstance(a, ndarray):
            there = self.places.get(_place(a)) if a.size else None
            return there[2] if there is not None and there[0]() is not None else Value("constant", "", a)
        if isinstance(a, (int, float, complex, bool)):
            return Value("constant", f"{a:.6g}" if isinstance(a, float) else str(a))
        return None


def describe(op: Op, node: Node) -> None:
    """What a node says of the backward of its operation: its name, where gradients go, what it keeps."""
    op.node = node.name().rpartition("::")[2]
    op.grads = tuple(edge is not None for edge in node.edges)
    rec = node.record
    own = {id(e._a) for e in node.edges if isinstance(e, Tensor)}
    saved = node.saved if isinstance(node.saved, tuple) else ()
    names = rec.environment if rec is not None else ()
    for i, v in enumerate(saved):
        for a in v if type(v) is tuple else (v,):
            if type(a) is ndarray and a.ndim:
                op.saved.append((names[i] if i < len(names) else "saved", a.nbytes, id(a) in own))


def _paths(root, name: str) -> dict:
    found = {}
    for path, module in root.named_modules():
        buffers = tuple((n, tuple(b.shape), str(b.dtype).rpartition(".")[2]) for n, b in module.named_buffers(recurse=False))
        whole = f"{name}.{path}" if name and path else path or name
        found.setdefault(id(module), (whole, type(module).__name__, buffers))
    return found


def _variable(module) -> str:
    """The name under which the user's code holds a module: a variable of the frames that are at work; "" where there is none."""
    frame = sys._getframe(1)
    while frame is not None:
        if not frame.f_globals.get("__name__", "").startswith("lightwell."):
            for space in (frame.f_locals, frame.f_globals):
                for name, v in list(space.items()):
                    if v is module and not name.startswith("_"):
                        return name
        frame = frame.f_back
    return ""


def _plain(a) -> str:
    text = f"{a:.6g}" if isinstance(a, float) else str(tuple(a)) if type(a) is list else str(a)
    return text if len(text) <= 60 else text[:57] + "…"


def _place(a) -> tuple:
    return a.ctypes.data, a.shape, a.strides, a.dtype.str
