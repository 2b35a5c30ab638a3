"""The tracer: runs a program once, on arrays that are not computed, and gives the graph of all that it did.

Forward, backward and the optimizer's step are traced alike: operations come through `apply` (an interposer), rules of
derivatives through the engine, updates through `Optimizer._apply`, draws through `random`, writes through `ops.inplace`.
What the program asks of Python (a number, a truth) can't be traced: `Untraceable` ends the attempt, everything is put back
as it was, and the caller runs the program as it stands.
"""

import sys
import threading
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import dtypes, random
from ..autograd import engine, modes
from ..autograd.node import tick
from ..errors import Untraceable
from ..ops import inplace
from ..ops import op as core
from ..optim import optimizer as optimizers
from ..tensor import REBASED, Tensor, make
from .guards import Found
from .host import Actions
from .symbolic import Reader, Recorder, Traced

ndarray, new = np.ndarray, object.__new__
_local = threading.local()
_guard = threading.Lock()
_busy = 0

Break = Untraceable


def current() -> "Tracer | None":
    """The tracer at work in this thread."""
    return getattr(_local, "tracer", None)


class Tracer:
    """One trace: the recorder of arrays, the actions of Python, and what must be put back at the end."""

    def __init__(self, found: Found):
        self.recorder, self.actions, self.found = Recorder(), Actions(), found
        self.reader = Reader(self.recorder)
        self.swapped: dict[int, tuple] = {}  # id(tensor) -> (tensor, its real array)
        self.made: list = []  # states that optimizers began while tracing: (tensor, real array)
        self.existed = {id(t) for t in found.tensors}
        self.undo: list = []
        self.lines: dict = {}

    # ---- real tensors -------------------------------------------------------------------------------------------

    def hold(self, t: Tensor) -> None:
        """Let a real tensor stand for what it holds at each call: its array becomes a traced one."""
        a = t._a
        if type(a) is not ndarray or id(t) in self.swapped:
            return
        if t.is_sparse or t.is_meta or a.dtype.num >= 256:
            raise Untraceable(f"a {t.dtype} tensor" if a.dtype.num >= 256 else "a sparse tensor, or one on the meta device,")
        self.swapped[id(t)] = (t, a)
        t._a = self.array(t, a)

    def array(self, t: Tensor, a: ndarray) -> Traced:
        """The traced twin of a real tensor's array."""
        recorder = self.recorder
        if id(a) in recorder.known:
            return recorder.known[id(a)][1]
        if a.flags.c_contiguous and not self.shared(a):
            return recorder.state(a, t)
        owner = t._storage_owner()
        if not owner.flags.c_contiguous or owner.dtype != a.dtype or not a.size:
            twin = recorder.state(a, t)  # not in C order: known by its values, which are read in C order at each call
            return twin
        whole = recorder.known.get(id(owner))
        root = whole[1] if whole is not None else recorder.state(owner, make(owner))
        item = a.itemsize
        strides, offset = tuple(s // item for s in a.strides), (a.ctypes.data - owner.ctypes.data) // item
        form = np.ndarray(a.shape, a.dtype, root.form.data, offset * item, a.strides)
        twin = Traced(recorder, root.memory, root, ("strided", (a.shape, strides, offset)), form)
        recorder.known[id(a)] = (a, twin)
        return twin

    def shared(self, a: ndarray) -> bool:
        """Whether another tensor of the program shows part of the same memory."""
        owner = a
        while type(owner.base) is ndarray:
            owner = owner.base
        return self.found.owners.get(id(owner), 0) > 1

    def restore(self) -> None:
        """Real arrays where they were."""
        for t, a in self.swapped.values():
            t._a = a

    # ---- what the rest of the package asks of a tracer --------------------------------------------------------------

    def written(self, t: Tensor) -> None:
        """A tensor is about to be written: one made meanwhile gets a memory of its own in the program."""
        if current() is not self or type(t._a) is not ndarray:
            return
        if id(t) in self.found.before():
            self.hold(t)
        else:
            base = t._base
            if base is not None and type(base._a) is ndarray:
                raise Untraceable("a write through a view of a tensor that is not known to the program")
            t._a = self.recorder.lift(t._a).copy("K")

    def update(self, optimizer, update, tensors, numbers) -> bool:
        """An optimizer's update of one parameter."""
        if current() is not self:
            return False
        if not getattr(optimizer, "_compiles", True):
            raise Untraceable(f"{type(optimizer).__name__}'s step")
        for t in tensors:
            if type(t._a) is ndarray:
                self.hold(t)
        p = tensors[0]._a
        if p.dtype.kind != "f" or p.itemsize == 2:
            raise Untraceable(f"{type(optimizer).__name__}'s step on {tensors[0].dtype} parameters")
        if not self.actions.steps or self.actions.steps[-1][:2] != ("optimizer", optimizer):
            self.actions.steps.append(("optimizer", optimizer, []))
        told = self.actions.steps[-1][2]
        told.append((update, tuple(id(t) for t in tensors), tuple(type(n) for n in numbers)))
        numbers = [self.actions.number(n) if type(n) is float else n for n in numbers]
        told[-1] = (*told[-1], tuple(n for n in numbers if not isinstance(n, float)))
        recorder, graph = self.recorder, self.recorder.graph
        scratch = [recorder.fresh(graph.call("zeros", p.shape, p.dtype)) for _ in range(5)]
        update(optimizers_arrays()(*scratch), *[t._a for t in tensors], *numbers)
        tensors[0]._bump()
        return True

    def new_state(self, p: Tensor) -> Tensor:
        """Zeros of a parameter's form that an optimizer begins a state with: real, and from now on the program's."""
        if current() is not self:
            raise Untraceable("a state made by another thread")
        t = make(np.zeros_like(p._a.form))
        self.found.before().add(id(t))
        self.found.add_state(t)
        self.hold(t)
        return t

    def draw(self, fn, args, kwargs):
        """Random numbers: drawn now for this call, and by the same words at each later one."""
        if current() is not self:
            return fn(*args, **kwargs)
        for a in (*args, *kwargs.values()):
            if type(a) is Traced:
                raise Untraceable(f"random numbers ({fn.__name__}) by a tensor's values")
        made = fn(*args, **kwargs)
        if type(made) is not ndarray:
            raise Untraceable(f"random numbers of {fn.__name__}")
        twin = self.recorder.state(made, ("draw", len(self.actions.steps)))
        self.actions.steps.append(("draw", fn, args, kwargs, made))
        return twin

    # ---- operations -------------------------------------------------------------------------------------------------

    def __call__(self, rec, call, args):
        """One operation: its record's formula read by the tracer, its node hung on the results as `apply` does."""
        recorder = self.recorder
        recorder.line = self.where()
        variadic, n_in = rec.variadic, len(rec.inputs)
        binary = len(rec.inputs) == 2 and rec.promotes and not rec.params and len(rec.outputs) == 1 and not rec.keeps and rec.joint is None
        tensors, params = (tuple(args[0]), args[1:]) if variadic else (args[:n_in], args[n_in:])
        before = self.found.before()
        for t in tensors:
            if isinstance(t, Tensor):
                if t._base is not None:
                    t._refresh()
                if id(t) in before:
                    self.hold(t)
        if rec.show is not None:
            if type(tensors[0]._a) is ndarray:
                tensors[0]._a = recorder.lift(tensors[0]._a)
            return rec.show(self.reader, tensors[0], *params)
        fit = None
        if binary:
            pair = self.pair(rec, *tensors)
            if pair is None:
                return NotImplemented
            arrays, fit = pair
        else:
            arrays = [None if t is None else self.of(rec, i, t) for i, t in enumerate(tensors)]
        xs = [recorder.lift(a) if type(a) is ndarray else a for a in arrays]
        made = rec.forward(self.reader, xs, *params) if variadic else rec.forward(self.reader, *xs, *params)
        made = made if isinstance(made, (tuple, list)) else (made,)
        made = [self.settled(v) for v in made]
        if rec.floats and len(made) == 1 and arrays[0].dtype.kind in "iub" and made[0].dtype.kind == "f":
            made = [self.settled(rec.forward(self.reader, recorder.lift(xs[0]) .astype(dtypes._default.np) if type(xs[0]) is ndarray else xs[0].astype(dtypes._default.np), *params))]  # fmt: skip
        elif rec.floats and len(made) == 1 and made[0].dtype != arrays[0].dtype and arrays[0].dtype.kind == "f":
            made = [made[0].astype(arrays[0].dtype)]
        outs = [core._plain(v) for v in made[: len(rec.outputs)]]
        if rec.view:
            x, out = tensors[0], outs[0]
            if type(x._a) is ndarray:
                x._a = xs[0]
            cell = out._cell = x._cell or x._cell_now()
            out._base = x if x._base is None else x._base
            out._seen = cell[REBASED]
        if any(isinstance(t, Tensor) and t._rg for t in tensors) and rec.differentiable and modes.state.grad:
            defaults = rec.forward.__defaults__ or ()
            if len(params) < len(rec.params):
                params = (*params, *defaults[len(params) - len(rec.params) :])
            self.record(rec, tensors, xs, outs, made, params, fit, binary)
        return outs[0] if len(rec.outputs) == 1 else tuple(outs)

    def settled(self, v):
        """A formula's result as a traced array of memory of its own, unless it is a view."""
        if v is None or type(v) is Traced:
            return v
        return self.recorder.lift(np.asarray(v))

    def of(self, rec, i, t):
        """The array of an operand."""
        from .. import errors

        if not isinstance(t, Tensor):
            raise errors.not_a_tensor(rec, i, t)
        return t._a

    def pair(self, rec, x, y):
        """The operands of a binary operation in their common dtype."""
        xt, yt = isinstance(x, Tensor), isinstance(y, Tensor)
        if xt and yt:
            xa, ya, fit = core.promote(rec, x._a, y._a)
            if fit is None and xa.shape != ya.shape:
                fit = ((xa.shape, xa.dtype), (ya.shape, ya.dtype))
            return (xa, ya), fit
        found = core.with_scalar(rec, x._a if xt else y._a, y if xt else x)
        if found is None:
            return None
        a, b, fit = found
        return ((a, b), fit) if xt else ((b, a), None if fit is None else fit[::-1])

    def record(self, rec, tensors, arrays, outs, made, params, fit, binary):
        """Hang the operation's node on its results."""
        if not binary:
            core._record(rec, rec.node, tensors, arrays, outs, made, params)
            return
        x, y = tensors
        node = new(rec.node)
        edges = [(t._node or t) if isinstance(t, Tensor) and t._rg and r is not None else None for t, r in zip(tensors, rec.rules)]
        node.edges, node.fit, node.extra = tuple(edges), fit, None
        kept = rec.kept_for(tuple(e is not None for e in edges))
        values = [a if k else None for a, k in zip((*arrays, made[0]), kept)]
        node.saved = (
            *values,
            arrays[0].shape if hasattr(arrays[0], "shape") else (),
            arrays[1].shape if hasattr(arrays[1], "shape") else (),
        )
        node.cells = tuple(t._cell or t._cell_now() for t, k in zip(tensors, kept) if k and isinstance(t, Tensor))
        node.seq = tick()
        outs[0]._node, outs[0]._rg = node, True

    def where(self):
        """(file, line) of the user's code that runs now."""
        frame: Any = sys._getframe(2)
        while frame is not None:
            name = frame.f_globals.get("__name__", "")
            if not name.startswith("lightwell."):
                return frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back
        return None

    # ---- at work ------------------------------------------------------------------------------------------------

    def run(self, f, args, kwargs):
        """`f(*args, **kwargs)`, traced: its result, of tensors whose arrays are traced. Untraceable where it can't be."""
        if current() is not None or core._local.__dict__.get("stack"):
            raise Untraceable("a program within another that is being traced")
        for t in self.found.tensors:
            self.hold(t)
        with _at_work(self):
            return f(*args, **kwargs)

    def backward(self, roots):
        """The gradients of the leaves behind `roots`, traced too: {leaf: array}."""
        with _at_work(self), modes.no_grad():
            return engine.run(roots)


@contextmanager
def _at_work(tracer):
    global _busy
    _local.tracer = tracer
    with _guard:
        _busy += 1
        _hooks(True)
    try:
        with core.interpose(tracer):
            yield
    finally:
        _local.tracer = None
        with _guard:
            _busy -= 1
            if not _busy:
                _hooks(False)


def optimizers_arrays():
    """The in-place reader of update rules (optim/readers.py), whose arithmetic on traced arrays is noted like any other."""
    from ..optim.readers import Arrays

    return Arrays


class _Hooks:
    """What the rest of the package calls while some thread is tracing: handed on to that thread's tracer."""

    def update(self, optimizer, update, tensors, numbers):
        tracer = current()
        return tracer is not None and tracer.update(optimizer, update, tensors, numbers)

    def new_state(self, p):
        tracer = current()
        if tracer is None:
            raise Untraceable("a state made outside of the program")
        return tracer.new_state(p)


def _written(t):
    tracer = current()
    if tracer is not None:
        tracer.written(t)


def _drawing(fn, args, kwargs):
    tracer = current()
    return fn(*args, **kwargs) if tracer is None else tracer.draw(fn, args, kwargs)


def _reader():
    tracer = current()
    return None if tracer is None else tracer.reader


def _hooks(on: bool) -> None:
    inplace.written = _written if on else None
    random.drawing = _drawing if on else None
    engine.traced = _reader if on else None
    optimizers.collecting = _Hooks() if on else None
