"""The graph as a story's facts: its steps in order, with formulas, names, shapes, and how each gradient goes on."""

import builtins
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ... import dtypes
from ...autograd.function import FunctionNode
from ...autograd.node import Alias
from ...errors.teaching import RuntimeError, TypeError, ValueError
from ...nn.parameter import Parameter
from ...ops.parts import Parts
from ...tensor import Tensor
from ..derive.axes import of_whole
from ..derive.reader import Reading, read, read_node
from ..derive.terms import Term, symbol, term
from .names import Known
from .phrasing import exponentials, familiar, in_front, renamed, simple, spelled
from .values import Values, gradients, key_of, nodes_of, ones

ndarray = np.ndarray


@dataclass(eq=False)
class Quantity:
    """A leaf, an input or a constant. `kind`: "parameter", "leaf", "data", "number" or "unknown"."""

    name: str
    kind: str
    shape: tuple | None = None
    dtype: str = ""
    array: Any = None
    note: str = ""


@dataclass(eq=False)
class Passage:
    """How the gradient of a step goes on to one of its inputs: g<to> gets `term` (None: not to be told as a formula)."""

    to: str
    input: str  # what the operation calls it
    term: Term | None
    edge: Any
    place: int  # which edge of the node it is
    more: bool = False  # other steps add to the same gradient
    summed: tuple = ()  # the dimensions over which it is added up, because the value was spread over them


@dataclass(eq=False)
class Step:
    """One operation of the graph."""

    node: Any
    op: str
    names: list[str]  # of its results
    given: list[Term]  # what went in
    formulas: list[Term | None] = field(default_factory=list)  # of its results
    kept: dict[str, Term] = field(default_factory=dict)  # further quantities that the gradients mention
    passages: list[Passage] = field(default_factory=list)
    shapes: list[tuple | None] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    line: tuple | None = None
    module: str = ""
    gone: str = ""  # "freed", "changed", or "" where the values are there
    own: bool = False  # a Function of the user's
    reading: Reading | None = None
    names_of: dict[str, Term] = field(default_factory=dict)  # the record's symbols in the story's names

    @property
    def name(self) -> str:
        """The name of the (first) result."""
        return self.names[0]


def _joined(n, names: list) -> Term | None:
    """The gradient of a tensor that was taken apart, from those of its parts; None where that isn't known, or is much work."""
    if n.saved is None or len(names) > 8 or int(np.prod(n.saved[0])) > 1 << 20:
        return None
    reading = read_node(n)
    found = reading.gradients.get("x")
    return None if found is None else renamed(found, {f"gy{j + 1}": gradient_symbol(name) for j, name in enumerate(names)})


def gradient_symbol(of: str) -> Term:
    """The gradient that arrives at the quantity `of`."""
    return Term("symbol", (), {"name": "g" + of, "gradient_of": of})


def type_name(dtype) -> str:
    """A NumPy dtype under the library's name."""
    try:
        return str(dtypes.from_np(np.dtype(dtype))).removeprefix("torch.")
    except (KeyError, builtins.TypeError, builtins.ValueError):
        return str(dtype)


class Story:
    """Everything that an explanation tells of a graph, taken down at once: backward may free the graph afterwards."""

    def __init__(self, loss, known: Known, numbers: bool = False, wrt=None, readings: dict | None = None):
        edge = loss._node
        self.nodes = nodes_of(edge)
        self.values = Values(edge, loss._a, self.nodes)
        self.known, self.numbers = known, numbers
        self.scalar = loss._a.size == 1
        self.root_key = key_of(edge)
        self.quantities: dict[str, Quantity] = {}
        self.steps: list[Step] = []
        self._names: dict = {}  # key of an edge -> name
        self._taken: set = set()
        self._leaf_keys: dict = {}
        self._constants: dict = {}
        self._readings: dict = {} if readings is None else readings
        self.arrived: dict = {}
        self.handed: dict = {}
        self.arrays: dict[str, Any] = {}  # by name: the values that are known
        self.gradients: dict[str, Any] = {}
        self.failed = ""
        self._name_all(loss)
        uses: dict = {}
        for n in self.nodes:
            for e in n.edges:
                if e is not None:
                    uses[key_of(e)] = uses.get(key_of(e), 0) + 1
        self.uses = {self._names[k]: c for k, c in uses.items()}
        if numbers and not any(self.values.why.values()):
            try:
                self.arrived, self.handed = gradients(edge, ones(loss._a), self.nodes)
            except builtins.RuntimeError as error:
                self.failed = str(error)
        self.steps = [self._step(n) for n in self.nodes]
        self._shapes(loss)
        self.by_name = {name: s for s in self.steps for name in s.names}
        self._collect()
        self.wrt = None if wrt is None else self.find(wrt)

    # ---- names ----------------------------------------------------------------------------------------------------

    def _take(self, wanted: str) -> str:
        name, i = wanted, 1
        while name in self._taken:
            i += 1
            name = f"{wanted}_{i}"
        self._taken.add(name)
        return name

    def _name_all(self, loss) -> None:
        root, nr = self.root_key
        self.loss = self._names[self.root_key] = self._take(self.known.of_node(root, nr) or ("L" if self.scalar else "out"))
        for n in self.nodes:  # what has a name in the caller's program first, so that no number takes it
            for e in n.edges:
                if isinstance(e, Tensor) and key_of(e) not in self._names:
                    found = self.known.of_tensor(e)
                    if found:
                        self._names[key_of(e)] = self._take(found)
            for j in range(n.outputs):
                found = self.known.of_node(n, j)
                if found and (n, j) not in self._names:
                    self._names[(n, j)] = self._take(found)
        leaves = 0
        for i, n in enumerate(self.nodes, 1):
            for e in n.edges:
                if isinstance(e, Tensor) and key_of(e) not in self._names:
                    leaves += 1
                    self._names[key_of(e)] = self._take(f"w{leaves}")
            for j in range(n.outputs):
                if (n, j) not in self._names:
                    self._names[(n, j)] = self._take(f"v{i}" if n.outputs == 1 else f"v{i}_{j + 1}")
        for n in self.nodes:
            for e in n.edges:
                if isinstance(e, Tensor):
                    self._leaf(e)

    def _leaf(self, t) -> None:
        name = self._names[key_of(t)]
        if name not in self.quantities:
            kind = "parameter" if isinstance(t, Parameter) else "leaf"
            self.quantities[name] = Quantity(name, kind, t._a.shape, type_name(t._a.dtype), t._a)
            self._leaf_keys[name] = key_of(t)

    def _constant(self, value, solved: bool = False, usual: str = "") -> Term:
        """The term of an operand without a gradient: a number, or a quantity of its own."""
        if not hasattr(value, "shape"):
            return term(value)
        a = np.asarray(value)
        if a.size == 1 and a.dtype.kind in "biufc":
            return Term("number", (), {"number": a.reshape(()).item() if a.dtype.num < 256 else float(a.reshape(()))}, a)
        key = id(value)
        name = self._constants.get(key)
        if name is None:
            found = (self.known.like(a) if solved else self.known.of_array(a)) or ""
            if not found and a.dtype.kind == "f" and a.size and bool((a == a.flat[0]).all()):
                return Term("number", (), {"number": float(a.flat[0])}, a)
            if found and found in self.quantities and self.quantities[found].array is not None and self.quantities[found].kind == "data":
                name = found
            else:
                name = self._take(found) if found else self._take(usual or f"c{len(self._constants) + 1}")
                a = self.known.named.get(found, a) if found and not solved else a
                self.quantities[name] = Quantity(name, "data", a.shape, type_name(a.dtype), a)
            self._constants[key] = name
        return symbol(name, a)

    # ---- steps ----------------------------------------------------------------------------------------------------

    def _step(self, n) -> Step:
        rec = n.record if n.record is not None else getattr(type(n), "parts", None)
        own = isinstance(n, FunctionNode)
        op = (
            rec.name
            if rec is not None
            else "alias"
            if isinstance(n, Alias)
            else n.name().removesuffix("Backward0").removesuffix("Backward")
        )
        names = [self._names[(n, j)] for j in range(n.outputs)]
        step = Step(n, op, names, [], own=own, gone=self.values.why.get(n, ""))
        step.line = (n.extra or {}).get("line")
        step.shapes, step.types = [None] * n.outputs, [""] * n.outputs
        for j, (shape, dtype) in enumerate((n.extra or {}).get("like", ())):
            step.shapes[j], step.types[j] = tuple(shape), type_name(dtype)
        paths = [self._names[key_of(e)].rpartition(".")[0] for e in n.edges if isinstance(e, Tensor) and "." in self._names[key_of(e)]]
        step.module = paths[0] if paths else ""
        if n.record is None:
            step.given = [symbol(self._names[key_of(e)]) for e in n.edges if e is not None]
            step.formulas = [Term(op, tuple(step.given)) for _ in names]
            if isinstance(n, Alias):
                step.formulas = [step.given[0]]
            step.passages = [self._passage(step, e, i, f"x{i + 1}", None) for i, e in enumerate(n.edges) if e is not None]
            if isinstance(n, Alias):
                step.passages[0].term = gradient_symbol(names[0])
            elif isinstance(n, Parts):
                step.passages[0].term = _joined(n, names)
            return step
        self._read(n, rec, step)
        return step

    def _passage(self, step, edge, place, name, t) -> Passage:
        to = self._names[key_of(edge)]
        return Passage(to, name, t, edge, place, self.uses.get(to, 0) > 1)

    def _read(self, n, rec, step) -> None:
        inputs = [f"x{i + 1}" for i in range(len(n.edges))] if rec.variadic else list(rec.inputs)
        operand = self.values.operand[n]
        names: dict[str, Term] = {}
        for i, name in enumerate(inputs):
            edge = n.edges[i] if i < len(n.edges) else None
            if edge is not None:
                names[name] = symbol(self._names[key_of(edge)], self.values.of(edge))
            elif operand.get(name) is not None:
                names[name] = self._constant(operand[name], bool(operand.get(name + " solved")))
            elif self._there(n, rec, i):
                names[name] = self._unknown(n, i)
        saved = self.values.saved.get(n) or {}
        for name in rec.params:
            v = saved.get(name)
            if isinstance(v, float) or hasattr(v, "shape"):
                names[name] = self._constant(getattr(v, "_a", v), False, "" if isinstance(v, float) else name)
        for j, name in enumerate(rec.outputs):
            names[name] = symbol(step.names[j], self.values.arrays.get((n, j)))
            names["g" + name] = gradient_symbol(step.names[j])
            if self.scalar and (n, j) == self.root_key:
                names["g" + name].value = np.ones(())
        step.names_of, step.given = names, [names[name] for name in inputs if name in names]
        reading = step.reading = self._reading(n, rec)
        if reading is None:
            step.formulas = [Term(rec.name, tuple(step.given)) for _ in step.names]
            found: dict = {}
        else:
            first = reading.symbols.get(inputs[0]) if inputs else None
            shape = None if step.gone or first is None else first.value.shape

            def told(t):
                return renamed(familiar(t if shape is None else of_whole(t, shape)), names)

            step.formulas = [in_front(told(reading.outputs.get(name))) for name in rec.outputs]
            if any(t.word == "number" and np.ndim(t.value) for t in step.given):  # targets of 1: no (1 - 1)·x
                step.formulas = [None if t is None else simple(t) for t in step.formulas]
            step.kept = {k: told(t) for k, t in reading.keeps.items() if t is not None}
            probabilities = {k: t for k, t in step.kept.items() if t.word == "log_softmax"}
            found = reading.gradients
        for i, (edge, name) in enumerate(zip(n.edges, inputs)):
            if edge is None:
                continue
            t = found.get(name)
            passage = self._passage(step, edge, i, name, None)
            if t is not None:
                passage.term = simple(exponentials(spelled(told(t)), probabilities))
                fit = n.fit[i] if n.fit else None
                if fit is not None and not step.gone and hasattr(t.value, "shape") and t.value.shape != fit[0]:
                    passage.summed = _spread(t.value.shape, fit[0])
                    if passage.summed:
                        passage.term = Term("sum", (passage.term,), {"axis": passage.summed})
            step.passages.append(passage)

    def _there(self, n, rec, i: int) -> bool:
        return not rec.variadic and self.values._was_there(n, i)

    def _unknown(self, n, i: int) -> Term:
        """A name for an operand that nothing tells any more."""
        key = (id(n), i)
        name = self._constants.get(key)
        if name is None:
            name = self._constants[key] = self._take(f"c{len(self._constants) + 1}")
            fit = n.fit[i] if n.fit else None
            shape = None if fit is None else tuple(fit[0])
            self.quantities[name] = Quantity(name, "unknown", shape, "" if fit is None else type_name(fit[1]))
        return symbol(name)

    def _reading(self, n, rec) -> Reading | None:
        """The record read on this node's values; where they are gone, on small stand-ins."""
        if self.values.saved.get(n) is None:
            return generic(rec)
        saved = self.values.saved[n]
        tensors: dict = {}
        if rec.variadic:
            arrays = self.values.inputs(n)
            if arrays is not None:
                tensors["xs"] = arrays
        else:
            for i, name in enumerate(rec.inputs):
                v = self.values.operand[n].get(name) if n.edges[i] is None else self.values.of(n.edges[i])
                if v is not None and saved.get(name) is None:
                    tensors[name] = v
        gys = {name: np.zeros_like(self.values.arrays[(n, j)]) for j, name in enumerate(rec.outputs) if (n, j) in self.values.arrays}
        key = (rec.name, _sketch(saved), _sketch(tensors), tuple(e is None for e in n.edges), _sketch(n.fit))
        if key not in self._readings:
            try:
                self._readings[key] = read_node(self.values.shim(n), gys, tensors)
            except Exception:  # a rule that looks at values which are not there: told without its formula
                self._readings[key] = generic(rec)
        return self._readings[key]

    # ---- shapes and values -----------------------------------------------------------------------------------------

    def _shapes(self, loss) -> None:
        shapes: dict = {}
        for (key, nr), a in [*self.values.arrays.items(), *self.arrived.items()]:
            if hasattr(a, "shape"):
                shapes.setdefault((key, nr), (tuple(a.shape), type_name(a.dtype)))
        for n in reversed(self.nodes):
            saved = self.values.saved.get(n) or {}
            rec = n.record
            for i, e in enumerate(n.edges):
                if e is None or isinstance(e, Tensor):
                    continue
                k = key_of(e)
                if n.fit and n.fit[i] is not None:
                    shapes.setdefault(k, (tuple(n.fit[i][0]), type_name(n.fit[i][1])))
                elif rec is not None and rec.broadcasts and (n, 0) in shapes:
                    shapes.setdefault(k, shapes[(n, 0)])
                elif rec is not None and not rec.variadic and saved.get(rec.inputs[i] + "_shape") is not None:
                    shapes.setdefault(k, (tuple(saved[rec.inputs[i] + "_shape"]), shapes.get((n, 0), ("", ""))[1]))
        for s in self.steps:
            for j in range(len(s.names)):
                if s.shapes[j] is None and (s.node, j) in shapes:
                    s.shapes[j], s.types[j] = shapes[(s.node, j)]

    def _collect(self) -> None:
        for key, name in self._names.items():
            a = self.values.arrays.get(key)
            if a is not None:
                self.arrays[name] = np.array(a) if a.size <= 1 << 16 else a
            g = self.arrived.get(key)
            if g is not None:
                self.gradients[name] = g
        for q in self.quantities.values():
            if q.array is not None:
                self.arrays.setdefault(q.name, np.array(q.array) if q.array.size <= 1 << 16 else q.array)

    def find(self, wrt) -> list[str]:
        """The names of the quantities that were asked for."""
        if isinstance(wrt, (list, tuple)):
            return [name for w in wrt for name in self.find(w)]
        if isinstance(wrt, Tensor):
            key = key_of(wrt._node) if wrt._node is not None else key_of(wrt)
            if key in self._names:
                return [self._names[key]]
            raise RuntimeError(
                "explain(): the tensor given as 'wrt' took no part in the computation of this result: no gradient flows from the one to the "
                "other. It can flow only to: " + ", ".join(self.targets())
            )
        if isinstance(wrt, str):
            if wrt in self._leaf_keys or wrt in self.by_name:
                return [wrt]
            ends = [n for n in self.targets() if n.endswith("." + wrt)]
            if len(ends) == 1:
                return ends
            import difflib

            near = difflib.get_close_matches(wrt, self.targets(), 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"explain(): argument 'wrt' names no quantity of this graph: {wrt!r}.{hint} There are: {', '.join(self.targets())}"
            )
        raise TypeError(f"explain(): argument 'wrt' must be a Tensor, a name or a list of them, not {type(wrt).__name__}")

    def targets(self) -> list[str]:
        """The leaves, then the steps, that a gradient can be asked for."""
        return [*self._leaf_keys, *(name for s in self.steps for name in s.names)]

    def leaves(self) -> list[str]:
        """The names of the leaves, in the order of their first use."""
        return list(self._leaf_keys)


def _spread(shape: tuple, to: tuple) -> tuple:
    """The dimensions of `shape` that are added up where the gradient goes back to the shape `to`."""
    lead = len(shape) - len(to)
    if lead < 0:
        return ()
    return (*range(lead), *(i + lead for i, n in enumerate(to) if n == 1 and shape[i + lead] != 1))


def _sketch(v) -> Any:
    """A value for comparing: arrays by shape and type, the rest by how it is written."""
    if isinstance(v, ndarray):
        return (v.shape, v.dtype.str)
    if isinstance(v, dict):
        return tuple((k, _sketch(x)) for k, x in v.items())
    if isinstance(v, (list, tuple)):
        return tuple(map(_sketch, v))
    return repr(v)


_GENERIC: dict = {}


def generic(rec) -> Reading | None:
    """A record read on small matrices, for a node whose values are gone; None where it needs more than that."""
    if rec.name not in _GENERIC:
        rng, count = np.random.default_rng(0), len(rec.inputs)
        found = None
        if len(rec.params) == len(rec.forward.__defaults__ or ()) and not rec.variadic:
            for shape in ((2, 2), (2,), (2, 2, 2), (1, 1, 2, 2)):
                try:
                    found = read(rec, [0.5 + rng.random(shape) for _ in range(count)])
                    break
                except Exception:
                    continue
        _GENERIC[rec.name] = found
    return _GENERIC[rec.name]
