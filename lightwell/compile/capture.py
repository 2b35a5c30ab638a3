"""Capturing a program: the function is run once by the tracer; out come its graph, where inputs come from and where results go.

A function whose results carry a graph (a model's forward pass) is captured with its backward: the derivatives are traced right
behind it, and the graph is cut in two, `forward` and `backward`; what the second needs of the first is kept between them.
"""

import gc
import random
from typing import Any

import numpy as np

from ..autograd import engine
from ..autograd.node import Node, Port
from ..errors import Untraceable
from ..errors.teaching import IndexError
from ..tensor import Tensor, make
from ..utils._pytree import tree_flatten
from .before import Before, equal, options, shallow
from .graph import Graph, Value, replace
from .host import Number
from .infer import VIEWS
from .symbolic import Memory, Traced
from .trace import GradOf, Tracer

ndarray = np.ndarray


class Source:
    """Where an input of the graph comes from at each call: argument number `leaf`, the tensor `tensor`, the tensor that stands
    at `place` (a mapping and a key), a `.grad` of one of these, or draw number `draw`."""

    __slots__ = ("draw", "dtype", "grad", "leaf", "of", "place", "shape", "tensor")

    def __init__(self, form, leaf=None, of=None, place=None, draw=None, grad=False):
        self.shape, self.dtype = form.shape, form.dtype
        self.leaf, self.of, self.place, self.draw, self.grad = leaf, of, place, draw, grad
        self.tensor = None if grad else of  # the tensor, where it is always the same one

    def holder(self, tensors):
        """The tensor at this call, `tensors` being those among the arguments; None for a draw."""
        if self.place is not None:
            t = self.place[0].get(self.place[1])
        else:
            t = self.of if self.leaf is None else tensors[self.leaf]
        return t._grad if self.grad and isinstance(t, Tensor) else t


class Captured:
    """A captured program. Result number i of `graph` goes to `targets[i]`:

    ("out", k)       leaf k of what the function returned
    ("write", slot)  over the array of that input
    ("grad", t)      a new `.grad` of the tensor t, or of leaf t of the arguments
    ("data", t)      the array that the tensor (or leaf) t has from now on
    ("keep", j)      kept for backward

    `outputs` says for each leaf of the function's result what it is: ("plain", value), ("arg", leaf), ("same", source) or
    ("new", base, view, node): the result of number `base`, or, for base -1 - slot, the memory of an input; `view` is None or the
    words of the view, as (word, arguments); node is None, the class of a node that was freed already, or "live" for what
    `backward` serves.
    """

    def __init__(self):
        self.graph: Any = None
        self.backward: Any = None
        self.sources: list[Source] = []
        self.targets: list = []
        self.nothing: list = []  # tensors (or leaves of the arguments) whose .grad is None in the end
        self.outputs: list = []
        self.spec: Any = None
        self.actions: Any = None
        self.ranges: list = []  # (slot, low, high, besides): index arrays whose numbers must lie in a range, or be that one
        self.both: list = []  # (leaf, tensor or place): arguments that the program may also know by another name
        self.grad_leaves: list = []  # backward's results: ("arg", leaf) or ("tensor", t)
        self.kept: list = []  # backward's inputs behind the gradients: ("keep", result number) or ("input", slot)


def capture(f, args, kwargs, leaves, found) -> Captured:
    """Trace `f(*args, **kwargs)`; `leaves` are the tensors among the arguments. Untraceable where it can't be traced."""
    if not found.whole:
        raise Untraceable("a program that can reach so many objects")
    if found.iterators:
        raise Untraceable(f"an iterator ({type(found.iterators[0]).__name__}), of which each call may take the next element,")
    known = {id(t) for t in found.tensors}
    both = [(i, found.at.get(id(t), t)) for i, t in enumerate(leaves) if id(t) in known]
    for t in leaves:
        found.add_leaf(t)
    found.before()
    tracer, before, done = Tracer(found, leaves), Before(found), False
    try:
        for t in leaves:  # what an argument was computed from is no part of the program
            if t._rg:
                t._node, t._base = None, None
        made = _settle(tracer, tracer.run(f, args, kwargs), leaves, before)
        made.both = both
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
    if marks[:-1] != before.marks[:-1] or before.watched != [shallow(d) for d in found.watched] or before.options != options(found):
        raise Untraceable("a change of plain Python values (an attribute, or a variable outside), which later calls would not make,")
    if random.getstate() != before.chance[0] or not equal(np.random.get_state(legacy=False), before.chance[1]):
        raise Untraceable("a random number of Python's or NumPy's, which later calls would not draw,")
    made = Captured()
    made.graph, made.actions = graph, tracer.actions
    places = {id(t): i for i, t in reversed(list(enumerate(leaves)))}
    flat, made.spec = tree_flatten(result)
    live, allowed = [], []
    roots: dict[int, Any] = {}  # id of a memory that the function made -> the number of the result that it is
    for v in flat:
        if not isinstance(v, Tensor):
            if isinstance(v, (Traced, ndarray, Number)):
                raise Untraceable("a returned array, or a number of an optimizer,")
            made.outputs.append(("plain", v))
        elif id(v) in places:
            made.outputs.append(("arg", places[id(v)]))
        elif id(v) in tracer.twins:
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
                    live.append((len(made.outputs), v))
                else:
                    node = type(node)
            made.outputs.append(["new", a, v, node])
    for memory in [m for m in recorder.memories if not isinstance(m.source, tuple)]:
        roots[id(memory)] = memory
    for k, told in enumerate(made.outputs):  # whole arrays first, which views among the results share
        if told[0] == "new" and told[1].parent is None and id(told[1].memory) not in roots:
            roots[id(told[1].memory)] = len(graph.results)
            _result(made, ("out", k), told[1])
    for k, told in enumerate(made.outputs):
        if told[0] == "new":
            _, a, v, node = told
            root = roots.get(id(a.memory))
            if root is None:
                made.outputs[k] = ("new", len(graph.results), None, node)
                _result(made, ("out", k), a)
            else:
                made.outputs[k] = ("new", root, _part_of(a), node)
    _changed(tracer, before, leaves)
    _data(made, tracer, allowed, places)
    _grads(made, tracer, allowed, places)
    _attributes(made, tracer, before, allowed)
    forward = set(graph.values)
    derivatives = _derivatives(tracer, [v for _, v in live]) if live else None
    slots = _prune(recorder, made, derivatives)
    cut = sum(v in forward for v in graph.values)
    for memory in recorder.memories:
        tell, form = memory.source, memory.form
        if isinstance(tell, tuple):
            made.sources.append(Source(form, draw=tell[1] if tell[0] == "draw" else None))
            continue
        grad = isinstance(tell, GradOf)
        t = tell.of if grad else tell
        leaf = places.get(id(t))
        place = found.at.get(id(t)) if leaf is None and id(t) not in tracer.pinned else None
        made.sources.append(Source(form, leaf, t if leaf is None and place is None else None, place, grad=grad))
    made.outputs = [_placed(o, slots, made, tracer) for o in made.outputs]
    _writes(made, recorder, slots, tracer)
    inputs = {v: i for i, v in enumerate(graph.inputs)}
    for value, low, high, besides in recorder.ranges:
        slot = inputs[value]
        if outside(recorder.memories[slot].real, low, high, besides):
            raise IndexError("an index out of range")
        if made.sources[slot].draw is None:  # what is drawn lies where it lay before
            made.ranges.append((slot, low, high, besides))
    if derivatives is not None:
        allowed.extend(g for _, g in derivatives[1])
    _escaped(tracer, allowed, [_owner(v._node) for v in flat if isinstance(v, Tensor) and v._node is not None])
    if derivatives is not None:
        _cut(made, cut, derivatives, places)
    return made


def _result(made: Captured, target, a: Traced) -> None:
    made.targets.append(target)
    made.graph.results.append((f"{target[0]} {len(made.graph.results)}", a.read()))


def _part_of(a: Traced):
    """How an array shows its memory: the words of views, with their arguments, from the whole on; None for all of it."""
    words: list = []
    while a.parent is not None:
        words.insert(0, a.step)
        a = a.parent
    return tuple(words) or None


def _placed(told, slots, made, tracer):
    """An output whose memory is an input's, by the input's slot."""
    if told[0] == "same":
        t = told[1]
        place = tracer.found.at.get(id(t)) if id(t) not in tracer.pinned else None
        return "same", Source(tracer.swapped[id(t)][2].form, None, t if place is None else None, place)
    if told[0] == "new" and isinstance(told[1], Memory):
        return "new", -1 - slots[id(told[1])], told[2], told[3]
    return told


def _changed(tracer: Tracer, before, leaves) -> None:
    """Untraceable where a tensor from outside was given another place in the graph, which later calls would not do."""
    for i, (node, rg, _, _, _) in tracer.marks.items():
        t = tracer.swapped[i][0]
        if t._rg is not rg or t._node is not node:
            raise Untraceable("a tensor from outside that is given a history or another requires_grad")


def _data(made: Captured, tracer: Tracer, allowed, places) -> None:
    """Tensors that were given another array: `p.data = ...`."""
    for t, _, twin in tracer.held():
        a = tracer.twins[id(t)]
        if a is twin:
            continue
        if type(a) is not Traced or a.parent is not None or a.memory.source is not None or t._base is not None:
            raise Untraceable("a tensor whose .data becomes another tensor's")
        allowed.append(a)
        _result(made, ("data", places.get(id(t), t)), a)


def _prune(recorder, made: Captured, derivatives) -> dict[int, int]:
    """Leave inputs away that nothing reads or writes; those of backward come last. {id(memory): slot}."""
    graph = made.graph
    pairs = list(zip(graph.inputs, recorder.memories))
    used = {v for _, v in graph.results}
    for v in graph.values:
        used.update(v.operands())
    used.update(v for v, *_ in recorder.ranges)
    used.update(v for _, g in derivatives[1] for v in (g.read(),)) if derivatives else None
    shown = {id(o[1]) for o in made.outputs if o[0] == "new" and isinstance(o[1], Memory)}
    ends = set(derivatives[0]) if derivatives else set()
    kept = [(v, m) for v, m in pairs if v not in ends and (v in used or m.value is not v or id(m) in shown)]
    gone = {v for v, _ in pairs} - {v for v, _ in kept} - ends
    kept += [(v, m) for v, m in pairs if v in ends]
    graph.values = [v for v in graph.values if v not in gone]
    graph.inputs, recorder.memories = [v for v, _ in kept], [m for _, m in kept]
    for i, v in enumerate(graph.inputs):
        v.args = (i,)
    return {id(m): i for i, m in enumerate(recorder.memories)}


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


def _grads(made: Captured, tracer, allowed, places) -> None:
    """What the program makes of each tensor's `.grad`."""
    for t, had in tracer.grads.values():
        g = t._grad
        target = places.get(id(t), t)
        if g is None:
            made.nothing.append(target)
        elif g is not had:
            if g._rg:
                raise Untraceable("a .grad that carries a graph (create_graph=True)")
            if id(g) in tracer.found.before():
                raise Untraceable("a .grad that is another tensor of the program")
            a = g._a if type(g._a) is Traced else tracer.recorder.lift(g._a)
            allowed.append(a)
            _result(made, ("grad", target), a)


def _attributes(made: Captured, tracer, before, allowed) -> None:
    """Tensors that modules keep as attributes, and others that stand somewhere outside: set anew by each call."""
    seen = set()
    places = [(m.__dict__, k) for m in tracer.found.modules for k in m.__dict__] + [(d, k) for d, k, _ in before.placed]
    had = {(id(d), k): t for d, k, t in before.placed}
    for d, k in places:
        v = d.get(k)
        if (id(d), k) in seen or not isinstance(v, Tensor) or v is had.get((id(d), k)):
            continue
        seen.add((id(d), k))
        a = v._a
        if id(v) in tracer.twins or (type(a) is Traced and a.memory.source is not None) or v._rg:
            raise Untraceable(f"{k}, which becomes another tensor of the program or one that carries a graph,")
        if type(a) is not Traced:
            a = tracer.recorder.lift(a)
        allowed.append(a)
        _result(made, ("attribute", (d, k)), a)


def _writes(made: Captured, recorder, slots, tracer) -> None:
    """Which inputs the program writes."""
    graph = made.graph
    real = tracer.real()
    for memory in recorder.memories:
        slot = slots[id(memory)]
        if memory.value is graph.inputs[slot] or isinstance(memory.source, tuple):
            continue  # random numbers that were changed in place are nobody's else
        if not memory.form.flags.c_contiguous:
            raise Untraceable("a write into a tensor that is not laid out in C order")
        mine = real[id(memory)]
        for other in recorder.memories:
            if other is not memory and id(other) in real and np.may_share_memory(mine, real[id(other)]):
                raise Untraceable("a write into memory that two arguments, or an argument and another tensor, share")
        graph.writes[len(graph.results)] = slot
        made.targets.append(("write", slot))
        graph.results.append((f"x{slot}", memory.value))


def outside(a, low, high, besides) -> bool:
    """Whether numbers lie outside of range(low, high), those that equal `besides` left out."""
    if not a.size or (a.min() >= low and a.max() < high):
        return False
    return besides is None or bool((((a < low) | (a >= high)) & (a != besides)).any())


def _escaped(tracer, allowed, nodes) -> None:
    """Untraceable where something that outlives the call holds an array that the program computes."""
    held: set[int] = set()
    recorder = tracer.recorder

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
    for _, _, a in tracer.held():
        hold(a)
    seen, stack = set(), list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, Node) and node not in seen:
            seen.add(node)
            within(node.saved)
            within(node.__dict__ if hasattr(node, "__dict__") else None)
            stack.extend(_owner(e) for e in node.edges if e is not None)
        elif isinstance(node, Tensor):  # a leaf that the function made
            within((node, node._grad))
    memories = {id(m) for m in recorder.memories}
    for attempt in (1, 2):
        kept = [
            a for a in [reference() for reference in recorder.alive] if a is not None and id(a) not in held and id(a.memory) not in memories
        ]
        if not kept:
            return
        where = kept[0].memory.value.where
        told = f" (made in {where[0]}, line {where[1]})" if where else ""
        if attempt == 1:  # perhaps only cycles that nobody has collected yet
            del kept
            gc.collect()
    raise Untraceable(f"a tensor{told} that something outside of the function keeps: return it instead; such a program")


def _derivatives(tracer: Tracer, live):
    """Trace backward from the live results: their gradients' graph inputs, and {leaf: gradient}."""
    recorder = tracer.recorder
    gradients = []
    roots = []
    for v in live:
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
    before, written = set(forward.values), set(forward.writes.values())
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
        elif v.word == "input" and v.args[0] not in written:
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
