"""`compile`: a function, a module or a whole training step, run as a native program from its second thought on.

The first call with arguments of a form captures the program (capture.py), plans it and makes native code; later calls of that
form run it. A program that can't be captured runs as it stands, and says so once, with the line.
"""

import builtins
import functools
import operator
import sys
import threading
import warnings
import weakref
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd import modes
from ..autograd.node import Node, Port, tick
from ..errors import Untraceable
from ..errors.level import users_level
from ..errors.teaching import RuntimeError, TypeError
from ..nn.module import Module
from ..ops import op as core
from ..ops import precision
from ..tensor import STAMP, VERSION, Tensor, make
from ..utils._pytree import tree_flatten, tree_unflatten
from . import guards
from .capture import Captured, capture, outside
from .engine import executable
from .graph import compute
from .host import vector
from .replay import Mismatch, replay
from .trace import Break, current

VARIANTS = 16  # how many forms of arguments one function is compiled for; further ones run eagerly
ndarray = np.ndarray


class CompileWarning(UserWarning):
    """A program that was to be compiled runs eagerly, and why."""


def _told(t: Tensor) -> tuple:
    a = t._a
    return (type(t), a.shape, a.dtype, t._rg and (t._grad is None, t._node is None), a.flags.c_contiguous or a.strides)


def _key(leaves, spec) -> tuple:
    told = []
    for v in leaves:
        if isinstance(v, Tensor):
            told.append(_told(v))
        elif type(v) in (int, float, bool, str, type(None), complex):
            told.append((type(v), v))
        else:
            told.append((type(v), id(v)))
    tensors = [id(v) for v in leaves if isinstance(v, Tensor)]
    twice = tuple(map(tensors.index, tensors)) if len(set(tensors)) != len(tensors) else None  # one tensor given twice
    return tuple(told), twice, spec if _hashable(spec) else repr(spec)


def _hashable(x) -> bool:
    try:
        hash(x)
    except builtins.TypeError:
        return False
    return True


told_eager: Any = None  # set by explain.watch while it is at work: told of each function that runs eagerly


class Compiled:
    """A function that runs as native code. `variants` are the programs so far, by the form of their arguments."""

    def __init__(self, f, options: dict):
        self.function, self.options = f, options
        self.variants: dict[Any, list[Variant]] = {}
        self.reasons: list[str] = []  # why calls ran eagerly
        self.lock = threading.RLock()
        self.refused: dict[Any, int] = {}
        self.count = 0
        everything.add(self)

    def forget(self) -> None:
        """As if it had never been called."""
        with self.lock:
            self.variants, self.refused, self.count = {}, {}, 0

    def __call__(self, *args, **kwargs):
        if current() is not None or core.active or stance[0] == "force_eager" or modes.transforming():
            if told_eager is not None:
                told_eager(self.function)
            return self.function(*args, **kwargs)
        leaves, spec = tree_flatten((args, kwargs)) if kwargs or not _flat(args) else (list(args), len(args))
        key = _key(leaves, spec), modes.state.grad, dtypes._default
        for variant in self.variants.get(key, ()):
            if variant.fits():
                try:
                    return variant.run(leaves)
                except Mismatch:
                    pass
        if self.refused.get(key, 0) >= 2 or self.count >= VARIANTS:
            return self.function(*args, **kwargs)
        if stance[0] == "eager_on_recompile":
            return self.function(*args, **kwargs)
        if stance[0] == "fail_on_recompile":
            raise RuntimeError("Detected recompile when torch.compile stance is 'fail_on_recompile': arguments of a form not compiled for")
        with self.lock:
            return self._first(key, args, kwargs, leaves)

    def _first(self, key, args, kwargs, leaves):
        """Capture the program for arguments of a new form, and run it; or run the function where it can't be."""
        tensors = [v for v in leaves if isinstance(v, Tensor)]
        found = guards.find(self.function)
        refusal: Untraceable | None = None
        try:
            made = capture(self.function, args, kwargs, tensors, found)
            variant = Variant(self, made, found)
        except Break as reason:
            refusal, known = reason, True
        except Exception as error:  # the function's own, or that of something which can't be traced
            refusal, known = Untraceable(f"{type(error).__name__}: {error}").with_traceback(error.__traceback__), False
        else:
            known = False
        if refusal is not None:  # out of the handlers: an error of the function's own stands alone in its traceback
            try:
                if known:
                    return self._eagerly(key, refusal, args, kwargs)
                result = self.function(*args, **kwargs)
                self._refuse(key, refusal)
                return result
            finally:
                del refusal  # whose traceback holds this frame
        found.hold()
        self.variants.setdefault(key, []).append(variant)
        self.count += 1
        return variant.run(leaves, first=True)

    def _eagerly(self, key, reason, args, kwargs):
        self._refuse(key, reason)
        return self.function(*args, **kwargs)

    def _refuse(self, key, reason) -> None:
        """Say, once, why a call runs eagerly."""
        self.refused[key] = self.refused.get(key, 0) + 1
        told = f"{getattr(self.function, '__qualname__', type(self.function).__name__)} runs eagerly: {reason} can't be compiled{_line(reason)}"
        self.reasons.append(told)
        if self.options.get("fullgraph"):
            raise RuntimeError(told)
        if self.reasons.count(told) == 1:
            warnings.warn(told, CompileWarning, stacklevel=users_level())


def _flat(args) -> bool:
    return all(isinstance(a, Tensor) or type(a) in (int, float, bool, str, type(None)) for a in args)


def _line(error) -> str:
    """Where in the user's code an error came from."""
    where, frames = None, error.__traceback__
    while frames is not None:
        name = frames.tb_frame.f_globals.get("__name__", "")
        if not name.startswith("lightwell."):
            where = frames.tb_frame.f_code.co_filename, frames.tb_lineno
        frames = frames.tb_next
    return "" if where is None else f" ({where[0]}, line {where[1]})"


def _references_alone() -> int:
    """How many references `Variant.reused` sees to what one attribute holds and nobody else: Python's versions count differently."""
    holder = make(np.zeros(1))
    holder._grad = make(np.zeros(1))
    g = holder._grad
    return sys.getrefcount(g)


_ALONE = _references_alone()
stance = ["default"]  # see torch.compiler.set_stance
everything: weakref.WeakSet = weakref.WeakSet()  # all compiled functions there are


def _title(f, made) -> str:
    """A function's name, where it stands, and the forms of its arguments, as reports have it."""
    code = getattr(f, "__code__", None)
    name = getattr(f, "__qualname__", None) or type(f).__name__
    forms = ", ".join(f"{s.dtype}{list(s.shape)}" for s in made.sources if s.leaf is not None)
    return f"{name}({forms})" + (f" of {code.co_filename}, line {code.co_firstlineno}" if code is not None else "")


class Variant:
    """One captured program with its native code."""

    def __init__(self, owner: Compiled, made: Captured, found):
        self.made, self.found = made, found
        self.title = _title(owner.function, made)
        self.program = executable(made.graph, self.title)
        self.backward: Any = None  # made at the first backward
        self.grads = [t for kind, t in made.targets if kind == "grad"]
        results = made.graph.results
        self.grad_results = [(i, t, results[i][1].shape, results[i][1].dtype) for i, (kind, t) in enumerate(made.targets) if kind == "grad"]
        self.others = [i for i, (kind, _) in enumerate(made.targets) if kind in ("attribute", "data")]
        self.floats = vector(made.graph.number_sources)
        self.spans: tuple = ([], [])  # the written arrays of the last call, and where their memory begins and ends
        self.states = [(s.tensor, s.tensor._rg) for s in made.sources if s.tensor is not None]
        self.ids = {id(t) for t, _ in self.states}
        self.places = [slot for slot, s in enumerate(made.sources) if s.place is not None and not s.grad]
        self.modes = _modes()
        self.written = [slot for kind, slot in made.targets if kind == "write"]
        self.leaves = [slot for slot, s in enumerate(made.sources) if s.leaf is not None]
        out = {v: i for (kind, *_), (_, v), i in zip(made.targets, made.graph.results, range(len(made.targets))) if kind == "out"}
        self.shown = {out[v] for (kind, *_), (_, v) in zip(made.targets, made.graph.results) if kind == "keep" and v in out}
        self.node = None
        if made.backward is not None:
            live = [i for i, out in enumerate(made.outputs) if out[0] == "new" and out[3] == "live"]
            self.node = type("CompiledFunctionBackward", (_Backward,), {"__slots__": (), "outputs": len(live), "_single": False})
            self.live = live

    def fits(self) -> bool:
        """Whether the plain values that the program may look at are what they were."""
        for t, rg in self.states:
            if t._rg is not rg:
                return False
        return self.found.same() and _modes() == self.modes

    # ---- one call -----------------------------------------------------------------------------------------------

    def run(self, leaves, first: bool = False):
        """The function's result, by the program."""
        made = self.made
        tensors = [v for v in leaves if isinstance(v, Tensor)]
        arrays: list[Any] = []
        holders: list[Any] = []
        for s in made.sources:
            if s.draw is not None:
                arrays.append(None)
                holders.append(None)
                continue
            t = s.tensor
            if t is None and (t := s.holder(tensors)) is None:
                raise Mismatch
            a = t._a
            if a.shape != s.shape or (a.dtype is not s.dtype and a.dtype != s.dtype) or t.is_sparse or t.is_meta:
                raise Mismatch
            arrays.append(a if a.flags.c_contiguous else np.array(a, order="C"))
            holders.append(t)
        self.check(tensors, arrays, holders)
        if first:
            numbers, draws = made.actions.values, {i: step[4] for i, step in enumerate(made.actions.steps) if step[0] == "draw"}
        else:
            numbers, draws = replay(made.actions, self.grads) if made.actions.steps else ((), {})
        for slot, s in enumerate(made.sources):
            if s.draw is not None:
                arrays[slot] = np.asarray(draws[s.draw], order="C")
        given = self.reused(tensors, arrays) if self.grad_results else {}
        results = self.program(arrays, self.floats(numbers), given)
        return self.hand_out(results, tensors, arrays, holders, given)

    def reused(self, tensors, arrays) -> dict:
        """The arrays of the gradients of the last call, by result number, where nobody else holds them: to be written over."""
        out: dict[int, ndarray] = {}
        for i, t, shape, dtype in self.grad_results:
            g = (tensors[t] if type(t) is int else t)._grad
            if type(g) is Tensor and sys.getrefcount(g) == _ALONE and g._node is None and not g._rg and not g.__dict__:
                a = g._a
                if type(a) is ndarray and sys.getrefcount(a) == _ALONE and a.base is None and a.shape == shape and a.dtype is dtype:
                    if a.flags.c_contiguous and not any(a is b for b in arrays):
                        out[i] = a
        return out

    def check(self, tensors, arrays, holders) -> None:
        """Mismatch where arguments are known to the program by other names, or share memory that is written, or indices are out of range."""
        made = self.made
        known = {leaf for leaf, _ in made.both} if made.both else ()
        for leaf, other in made.both:
            if (other if isinstance(other, Tensor) else other[0].get(other[1])) is not tensors[leaf]:
                raise Mismatch
        standing = {id(holders[slot]) for slot in self.places}
        for leaf, t in enumerate(tensors):
            if (id(t) in self.ids or id(t) in standing) and leaf not in known:
                raise Mismatch
        if self.written and self.leaves:
            now = [arrays[slot] for slot in self.written]
            if len(now) != len(self.spans[0]) or not all(map(operator.is_, now, self.spans[0])):
                self.spans = now, [(a.__array_interface__["data"][0], a.__array_interface__["data"][0] + a.nbytes) for a in now]
            for leaf in self.leaves:
                low = arrays[leaf].__array_interface__["data"][0]
                high = low + arrays[leaf].nbytes
                for slot, (start, stop) in zip(self.written, self.spans[1]):
                    if low < stop and start < high and leaf != slot and np.may_share_memory(arrays[slot], arrays[leaf]):
                        raise Mismatch
        for slot, low, high, besides in made.ranges:
            if outside(arrays[slot], low, high, besides):
                raise Mismatch

    def hand_out(self, results, tensors, arrays, holders, given):
        """Gradients, versions and the function's own result, from the program's results."""
        made, sources = self.made, self.made.sources
        for t in made.nothing:
            (tensors[t] if type(t) is int else t)._grad = None
        for i, t, *_ in self.grad_results:
            if i not in given:  # else the tensor that was there holds it already
                (tensors[t] if type(t) is int else t)._grad = make(results[i])
        for i in self.others:
            (kind, t), a = made.targets[i], results[i]
            if kind == "attribute":
                guards.put(t[0], t[1], make(a))
            elif kind == "data":
                t = tensors[t] if type(t) is int else t
                t._a, t._cell, t._base = a, None, None
        for slot in self.written:
            _bump(holders[slot])
        node: Any = None
        if self.node is not None:
            node = object.__new__(self.node)
            node.edges = tuple([(t._node or t) if t._rg else None for t in self._leaves(tensors)])
            node.saved = self, [arrays[slot] if kind == "input" else results[slot] for kind, slot in made.kept]
            kept = [sources[slot].holder(tensors) for kind, slot in made.kept if kind == "input"]
            node.cells = tuple([t._cell or t._cell_now() for t in kept if t is not None])
            node.fit = None
            node.seq = tick()
        outs, shapes, nr = [], [], 0
        whole: dict = {}
        for kind, *rest in made.outputs:
            if kind == "plain":
                outs.append(rest[0])
            elif kind == "same":
                outs.append(rest[0].holder(tensors))
            elif kind == "arg":
                outs.append(tensors[rest[0]])
            else:
                base, view, how = rest
                t = whole.get(base)
                if t is None:
                    t = whole[base] = make(results[base]) if base >= 0 else sources[-1 - base].holder(tensors)
                    if base in self.shown:
                        node.cells = (*node.cells, t._cell_now())
                    shown = t if base >= 0 else None
                else:
                    shown = None
                if view is not None or shown is None:
                    with modes.no_grad():
                        shown = make(t._a) if view is None else make(_part(t._a, view))
                    shown._cell = t._cell or t._cell_now()
                t = shown
                if how == "live":
                    shapes.append((t._a.shape, t._a.dtype))
                    t._node, t._rg = node if node.outputs == 1 else Port(node, nr), True
                    nr += 1
                elif how is not None:
                    t._node, t._rg = _spent(how), True
                outs.append(t)
        if node is not None:
            node.extra = {"like": shapes}
        return tree_unflatten(outs, made.spec)

    def _leaves(self, tensors):
        return [tensors[v] if kind == "arg" else v for kind, v in self.made.grad_leaves]

    def gradients(self, given, kept):
        """The leaves' gradients by the backward program."""
        if self.backward is None:
            self.backward = executable(self.made.backward, self.title + ", backward")
        return self.backward([np.asarray(a, order="C") for a in (*given, *kept)], ())


def _part(a: ndarray, words) -> ndarray:
    """The view of an array that the words give."""
    for word, args in words:
        a = compute(word, (a, *args), {})
    return a


class _Backward(Node):
    """The node behind the results of a compiled forward: its derivative is the compiled backward."""

    __slots__ = ()

    def name(self) -> str:
        """The name that PyTorch gives it."""
        return "CompiledFunctionBackward"

    def pull(self, g, create_graph):
        """The gradients of the program's leaves."""
        if create_graph:
            raise RuntimeError(
                "torch.compile with aot_autograd does not currently support double backward: call the uncompiled function where "
                "gradients of gradients are wanted (create_graph=True)"
            )
        if self.saved is None:
            from ..autograd.saved import freed

            raise freed(self)
        for cell in self.cells:
            if cell[STAMP] > self.seq:
                from ..autograd.saved import stale

                raise stale(self.name(), cell, self)
        variant, kept = self.saved
        gs = (g,) if self.outputs == 1 else g
        given = [np.zeros(*like) if v is None else v for v, like in zip(gs, self.extra["like"])]  # type: ignore[index]
        found = variant.gradients([getattr(v, "_a", v) for v in given], kept)
        return list(found)


def _spent(kind):
    """A node whose saved values are gone, as one that backward has passed."""
    node = object.__new__(kind)
    node.edges, node.saved, node.cells, node.fit, node.extra, node.seq = (), None, (), None, None, tick()
    return node


def _bump(t: Tensor) -> None:
    cell: Any = t._cell or t._cell_now()
    cell[STAMP] = tick()
    cell[VERSION] += 1


def _modes() -> tuple:
    return precision.lowering(), modes.anomaly


class OptimizedModule(Module):
    """A module whose calls run compiled; everything else is the module's own (`_orig_mod`)."""

    def __init__(self, module: Module, options: dict):
        super().__init__()
        self._modules["_orig_mod"] = module
        self.__dict__["_compiled"] = Compiled(module, options)
        self.__dict__["training"] = module.training

    def forward(self, *args, **kwargs):
        """The module's forward, compiled."""
        return self.__dict__["_compiled"](*args, **kwargs)

    def __call__(self, *args, **kwargs):
        return self.__dict__["_compiled"](*args, **kwargs)

    def __getattr__(self, name):
        if name == "_orig_mod":
            return self._modules["_orig_mod"]
        return getattr(self._modules["_orig_mod"], name)

    def __setattr__(self, name, value):
        if name == "training":
            self.__dict__[name] = value
        else:
            setattr(self._modules["_orig_mod"], name, value)

    def train(self, mode: bool = True):
        """Training mode on or off, in the module itself."""
        self._modules["_orig_mod"].train(mode)
        self.__dict__["training"] = mode
        return self

    def __reduce__(self):
        return _again, (self._modules["_orig_mod"], self.__dict__["_compiled"].options)

    def __len__(self):
        return len(self._modules["_orig_mod"])

    def __getitem__(self, key):
        return self._modules["_orig_mod"][key]


def _again(module, options):
    return OptimizedModule(module, options)


MODES = ("default", "lite", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune")  # PyTorch's: all the same compiler here


def compile(model=None, *, fullgraph=False, dynamic=None, backend="inductor", mode=None, options=None, disable=False, name=None, **more):
    """The function, module or whole training step `model`, run as one native program; also a decorator.

    The first call captures what the function does (forward, backward, optimizer step, in-place writes, random draws alike), fuses
    it and makes native code through LLVM (`lightwell[fast]`; without it NumPy runs the planned graph). Results, parameters,
    gradients and the random stream are those of the function itself. Guards: the arguments' shapes, dtypes and plain values,
    train/eval, grad mode, `requires_grad`; learning rates and other hyper-parameters are inputs. What can't be captured runs
    eagerly, with a `CompileWarning` that names the line; with `fullgraph` that is a RuntimeError. `dynamic`, `backend`, `mode`,
    `options` choose among PyTorch's compilers and change nothing here; `backend="eager"` and `disable` leave the function as it is.

    >>> import lightwell as torch
    >>> @torch.compile
    ... def f(x):
    ...     return torch.tanh(x) * 2
    >>> f(torch.tensor([0., 1.]))
    tensor([0.0000, 1.5232])
    """
    told = dict(fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode, options=options, disable=disable)
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if mode is not None and mode not in MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(MODES)}")
    if model is None:
        return lambda f: compile(f, **told)
    if not callable(model):
        raise TypeError(f"compile(): a function or a module is needed, not {type(model).__name__}")
    if disable or backend == "eager":
        return model
    if callable(backend):
        raise RuntimeError(
            "compile(): a backend of one's own works on PyTorch's FX graphs; here the compiler is lightwell's: leave backend away"
        )
    if isinstance(model, OptimizedModule):
        return model
    if isinstance(model, Module):
        return OptimizedModule(model, told)
    if isinstance(model, type):
        return model
    made = Compiled(model, told)

    @functools.wraps(model)
    def call(*args, **kwargs):
        return made(*args, **kwargs)

    call.compiled = made  # type: ignore[attr-defined]
    call._torchdynamo_orig_callable = model  # type: ignore[attr-defined]
    return call
