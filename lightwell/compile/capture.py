"""Capturing a program: the function is run once by the tracer; out come its graph, where inputs come from and where results go.

A function whose results carry a graph (a model's forward pass) is captured with its backward: the derivatives are traced right
behind it, and the graph is cut in two, `forward` and `backward`; what the second needs of the first is kept between them.
"""

from typing import Any

import numpy as np

from ..autograd import engine, modes
from ..autograd.node import Node, Port
from ..errors import Untraceable
from ..random import default_generator
from ..tensor import Tensor, make
from ..utils._pytree import tree_flatten
from .graph import Graph, Value, replace
from .infer import VIEWS
from .symbolic import Memory, Traced
from .trace import Tracer

ndarray = np.ndarray


class Source:
    """Where an input of the graph comes from at each call: argument number `leaf`, a tensor, or a draw."""

    __slots__ = ("draw", "dtype", "leaf", "shape", "tensor")

    def __init__(self, form, leaf=None, tensor=None, draw=None):
        self.shape, self.dtype = form.shape, form.dtype
        self.leaf, self.tensor, self.draw = leaf, tensor, draw


class Captured:
    """A captured program. Result number i of `graph` goes to `targets[i]`:

    ("out", k)       leaf k of what the function returned
    ("write", slot)  over the array of that input
    ("grad", t)      a new `.grad` of the tensor t
    ("keep", j)      kept for backward

    `outputs` says for each leaf of the function's result what it is: ("plain", value), ("arg", leaf), ("same", tensor) or
    ("new", result number, node): node is None, the class of a node that was freed already, or "live" for what `backward` serves.
    """

    def __init__(self):
        self.graph: Any = None
        self.backward: Any = None
        self.sources: list[Source] = []
        self.targets: list = []
        self.nothing: list[Tensor] = []  # tensors whose .grad is None in the end
        self.outputs: list = []
        self.spec: Any = None
        self.actions: Any = None
        self.ranges: list = []  # (slot, low, high): index arrays whose numbers must lie in a range
        self.grad_leaves: list = []  # backward's results: ("arg", leaf) or ("tensor", t)
        self.kept: list = []  # backward's inputs behind the gradients: ("keep", result number) or ("input", slot)


class _Before:
    """What a trace changes in Python and must be put back: gradients, graphs, step counts, the random stream."""

    def __init__(self, found):
        self.found = found
        self.grads = {id(t): (t, t._grad) for t in found.tensors}
        self.graph = [(t, t._node, t._rg, t._base, t._cell, t._cell and t._cell[:]) for t in found.tensors]
        self.states = [(o, {p: dict(s) for p, s in o.state.items() if isinstance(s, dict)}) for o in found.optimizers]
        self.counts = [(a, a.copy()) for o in found.optimizers for a in counts(o)]
        self.stream = default_generator.get_state()
        self.marks = found.fingerprint()
        self.grad = modes.state.grad
        self.values = [(d, k, d[k]) for d, k in found.places if k in d]
        self.cells = [(c, c.cell_contents) for c in found.cells if _filled(c)]
        self.containers = [(c, list(c.items()) if isinstance(c, dict) else list(c)) for c in [*found.sizes, *found.spaces]]

    def put_back(self, done: bool) -> None:
        """Python as it was; after a trace that went through, its counts and draws have happened."""
        for t, g in self.grads.values():
            t._grad = g
        for t, node, rg, base, cell, marks in self.graph:
            t._node, t._rg, t._base, t._cell = node, rg, base, cell
            if cell is not None:
                cell[:] = marks
        modes.switch(self.grad)
        if done:
            return
        for d, k, v in self.values:
            if d.get(k) is not v:
                d[k] = v
        for c, v in self.cells:
            if c.cell_contents is not v:
                c.cell_contents = v
        for c, had in self.containers:
            _refill(c, had)
        for o, states in self.states:
            for p in [p for p in o.state if p not in states]:
                del o.state[p]
            for p, s in states.items():
                o.state[p].clear()
                o.state[p].update(s)
        for a, value in self.counts:
            a[...] = value
        default_generator.set_state(self.stream)


def _filled(cell) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _refill(c, had) -> None:
    """Give a container the contents it had."""
    now = list(c.items()) if isinstance(c, dict) else list(c)
    if len(now) == len(had) and all(
        a is b or (type(a) is tuple and len(a) == 2 and a[0] is b[0] and a[1] is b[1]) for a, b in zip(now, had)
    ):
        return
    if isinstance(c, list):
        c[:] = had
    elif isinstance(c, (dict, set)):
        c.clear()
        c.update(had)


def counts(o) -> list[ndarray]:
    """The arrays of an optimizer's step counts: 0-dim tensors, which Python reads."""
    states = [s for s in o.state.values() if isinstance(s, dict)]
    return [v._a for s in states for v in s.values() if isinstance(v, Tensor) and not v._a.ndim and type(v._a) is ndarray]


def capture(f, args, kwargs, leaves, found) -> Captured:
    """Trace `f(*args, **kwargs)`; `leaves` are the tensors among the arguments. Untraceable where it can't be traced."""
    for t in leaves:
        found.add(t)
    found.before()
    tracer, before, done = Tracer(found), _Before(found), False
    try:
        for t in leaves:  # what an argument was computed from is no part of the program
            if t._rg:
                t._node, t._base = None, None
        made = _settle(tracer, tracer.run(f, args, kwargs), leaves, before)
        done = True
        return made
    finally:
        tracer.restore()
        before.put_back(done)
        found.settle()


def _settle(tracer: Tracer, result, leaves, before) -> Captured:
    """The captured program of a trace that went through."""
    recorder, found = tracer.recorder, tracer.found
    graph = recorder.graph
    marks = found.fingerprint()
    if marks != before.marks:
        raise Untraceable("a change of plain Python values (an attribute, or a variable outside), which later calls would not make,")
    made = Captured()
    made.graph, made.actions = graph, tracer.actions
    places = {id(t): i for i, t in enumerate(leaves)}
    flat, made.spec = tree_flatten(result)
    live, allowed = [], []
    for k, v in enumerate(flat):
        if not isinstance(v, Tensor):
            if isinstance(v, (Traced, ndarray)):
                raise Untraceable("a returned array")
            made.outputs.append(("plain", v))
        elif id(v) in places:
            made.outputs.append(("arg", places[id(v)]))
        elif id(v) in tracer.swapped:
            made.outputs.append(("same", v))
        else:
            a = v._a if type(v._a) is Traced else recorder.lift(v._a)
            allowed.append(a)
            node: Any = None
            if v._rg:
                node = _owner(v._node) if v._node is not None else None
                if node is None:
                    raise Untraceable("a returned leaf that requires grad")
                if _alive(node):
                    node = "live"
                    live.append((len(graph.results), v))
                else:
                    node = type(node)
            made.outputs.append(("new", len(graph.results), node))
            made.targets.append(("out", k))
            graph.results.append((f"out {k}", a.read()))
    _grads(made, found, before, allowed)
    _attributes(made, found, allowed)
    cut = len(graph.values)
    derivatives = _derivatives(tracer, live) if live else None
    slots: dict[int, int] = {}
    for memory in recorder.memories:
        slots[id(memory)] = len(made.sources)
        tell, form = memory.source, memory.form
        if isinstance(tell, tuple):
            made.sources.append(Source(form, draw=tell[1] if tell[0] == "draw" else None))
        elif id(tell) in places:
            made.sources.append(Source(form, leaf=places[id(tell)]))
        else:
            made.sources.append(Source(form, tensor=tell))
    _writes(made, recorder, slots)
    inputs = {v: i for i, v in enumerate(graph.inputs)}
    for value, low, high in recorder.ranges:
        slot = _from_input(value, inputs)
        if slot is None:
            raise Untraceable("an index that the program itself computes, whose range is not known,")
        made.ranges.append((slot, low, high))
    if derivatives is not None:
        allowed.extend(g for _, g in derivatives[1])
    _escaped(recorder, allowed, [_owner(v._node) for _, v in live])
    if derivatives is not None:
        _cut(made, cut, derivatives, places)
    return made


def _owner(node):
    return node.node if type(node) is Port else node


def _alive(node) -> bool:
    """Whether backward could still run from a node."""
    seen, stack = set(), [node]
    while stack:
        node = stack.pop()
        if not isinstance(node, Node) or node in seen:
            continue
        seen.add(node)
        if node.record is not None and node.record.holds and node.saved is None:
            return False
        stack.extend(_owner(e) for e in node.edges if e is not None)
    return True


def _grads(made: Captured, found, before, allowed) -> None:
    """What the program makes of each tensor's `.grad`."""
    results = made.graph.results
    for t in found.tensors:
        g = t._grad
        had = before.grads.get(id(t))
        if g is None:
            if had is not None and had[1] is not None:
                made.nothing.append(t)
        elif type(g._a) is Traced and (had is None or g is not had[1]):
            allowed.append(g._a)
            made.targets.append(("grad", t))
            results.append((f"grad {len(results)}", g._a.read()))


def _attributes(made: Captured, found, allowed) -> None:
    """Tensors that modules keep as attributes, such as the weights of an attention: set anew by each call."""
    for m in found.modules:
        for k, v in m.__dict__.items():
            if isinstance(v, Tensor) and type(v._a) is Traced and v._a.memory.source is None and k not in ("_parameters", "_buffers"):
                if v._rg:
                    raise Untraceable(f"an attribute ({k}) that carries a graph")
                allowed.append(v._a)
                made.targets.append(("attribute", (m, k)))
                made.graph.results.append((f"attribute {k}", v._a.read()))


def _writes(made: Captured, recorder, slots) -> None:
    """Which inputs the program writes."""
    graph = made.graph
    for memory in recorder.memories:
        slot = slots[id(memory)]
        if memory.value is graph.inputs[slot] or isinstance(memory.source, tuple):
            continue  # random numbers that were changed in place are nobody's else
        if not memory.form.flags.c_contiguous:
            raise Untraceable("a write into a tensor that is not laid out in C order")
        graph.writes[len(graph.results)] = slot
        made.targets.append(("write", slot))
        graph.results.append((f"x{slot}", memory.value))


def _from_input(value: Value, inputs):
    """The slot of the input that a value shows the numbers of, None where it is computed."""
    while value not in inputs:
        if value.word not in VIEWS and value.word != "astype":
            return None
        value = value.args[0]
    return inputs[value]


def _escaped(recorder, allowed, nodes) -> None:
    """Untraceable where something that outlives the call holds an array that the program computes."""
    held: set[int] = set()

    def hold(a) -> None:
        while type(a) is Traced and id(a) not in held:
            held.add(id(a))
            a = a.parent

    def within(x) -> None:
        if type(x) is Traced:
            hold(x)
        elif isinstance(x, Tensor):
            hold(x._a)
        elif isinstance(x, (tuple, list)):
            for v in x:
                within(v)
        elif isinstance(x, dict):
            for v in x.values():
                within(v)

    for a in allowed:
        hold(a)
    for _, a in recorder.known.values():
        hold(a)
    seen, stack = set(), list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, Node) and node not in seen:
            seen.add(node)
            within(node.saved)
            within(node.__dict__ if hasattr(node, "__dict__") else None)
            stack.extend(_owner(e) for e in node.edges if e is not None)
    memories = {id(m) for m in recorder.memories}
    for reference in recorder.alive:
        a = reference()
        if a is not None and id(a) not in held and id(a.memory) not in memories:
            where = a.memory.value.where
            told = f" (made in {where[0]}, line {where[1]})" if where else ""
            raise Untraceable(f"a tensor{told} that something outside of the function keeps: return it instead; such a program")


def _derivatives(tracer: Tracer, live):
    """Trace backward from the live results: their gradients' graph inputs, and {leaf: gradient}."""
    recorder = tracer.recorder
    gradients = []
    roots = []
    for _, v in live:
        given = recorder.graph.input(v._a.shape, v._a.dtype)
        gradients.append(given)
        recorder.memories.append(Memory(given, np.empty(given.shape, given.dtype), ("gradient",)))
        roots.append((engine.place_of(v), make(recorder.fresh(given))))
    found = tracer.backward(roots)
    return gradients, [(t, g if type(g) is Traced else recorder.lift(g)) for t, g in found.items() if isinstance(t, Tensor)]


_CHEAP = VIEWS | {"zeros", "ones", "full", "constant", "arange", "eye", "number"}


def _cut(made: Captured, cut: int, derivatives, places) -> None:
    """Cut the graph in two: forward, with what is kept as further results, and backward, whose inputs are gradients and kept values."""
    gradients, leaves = derivatives
    whole = made.graph
    forward, backward = Graph(), Graph()
    forward.writes, forward.numbers, forward.inputs = dict(whole.writes), whole.numbers, whole.inputs[: len(whole.inputs) - len(gradients)]
    made.sources = made.sources[: len(forward.inputs)]
    forward.values = [v for v in whole.values[:cut] if v not in set(gradients)]
    forward.results = list(whole.results)
    before = set(forward.values)
    twin: dict[Value, Value] = {}
    for g in gradients:
        twin[g] = backward.input(g.shape, g.dtype)

    def carried(v: Value) -> Value:
        """A value of the forward graph as backward has it: computed again where that costs nothing, else an input."""
        found = twin.get(v)
        if found is not None:
            return found
        if v.word in _CHEAP and v.word != "number" and all(o.word not in ("number",) for o in v.operands()):
            found = Value(v.word, replace(v.args, carried), replace(v.kwargs, carried), v.shape, v.dtype, v.parts, v.where)
            backward.values.append(found)
        elif v.word == "input":
            found = backward.input(v.shape, v.dtype)
            made.kept.append(("input", v.args[0]))
        elif v.word == "number":
            raise Untraceable("a number of an optimizer in a derivative")
        else:
            found = backward.input(v.shape, v.dtype)
            made.kept.append(("keep", len(forward.results)))
            made.targets.append(("keep", len(made.kept)))
            forward.results.append((f"keep {len(made.kept)}", v))
        twin[v] = found
        return found

    def settle(v: Value) -> Value:
        return twin[v] if v in twin else carried(v)

    for v in whole.values[cut:]:
        if v in before or v.word == "input":
            continue
        args, kwargs = replace(v.args, settle), replace(v.kwargs, settle)
        twin[v] = Value(v.word, args, kwargs, v.shape, v.dtype, v.parts, v.where)
        backward.values.append(twin[v])
    for t, g in leaves:
        backward.results.append((f"gradient {len(backward.results)}", settle(g.read()) if g.read() not in twin else twin[g.read()]))
        made.grad_leaves.append(("arg", places[id(t)]) if id(t) in places else ("tensor", t))
    made.graph, made.backward = forward.verify(), backward.verify()
