"""`compile`: a function, a module or a whole training step, run as a native program from its second thought on.

The first call with arguments of a form captures the program (capture.py), plans it and makes native code; later calls of that
form run it. A program that can't be captured runs as it stands, and says so once, with the line.
"""

import functools
import sys
import threading
import warnings
import weakref
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd import modes
from ..autograd.node import Node, tick
from ..errors import Untraceable
from ..nn.module import Module
from ..ops import op as core
from ..tensor import REBASED, STAMP, VERSION, Tensor, make
from ..utils._pytree import tree_flatten, tree_unflatten
from . import guards
from .capture import Captured, capture, counts
from .engine import executable
from .replay import Mismatch, replay
from .trace import Break, current

VARIANTS = 16  # how many forms of arguments one function is compiled for; further ones run eagerly
ndarray = np.ndarray


class CompileWarning(UserWarning):
    """A program that was to be compiled runs eagerly, and why."""


def _told(t: Tensor) -> tuple:
    a = t._a
    return (Tensor, a.shape, a.dtype, t._rg, a.flags.c_contiguous or a.strides)


def _key(leaves, spec) -> tuple:
    told = []
    for v in leaves:
        if isinstance(v, Tensor):
            told.append(_told(v))
        elif type(v) in (int, float, bool, str, type(None), complex):
            told.append((type(v), v))
        else:
            told.append((type(v), id(v)))
    return tuple(told), spec if _hashable(spec) else repr(spec)


def _hashable(x) -> bool:
    try:
        hash(x)
    except TypeError:
        return False
    return True


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
        if current() is not None or core.active or stance[0] == "force_eager":
            return self.function(*args, **kwargs)
        leaves, spec = tree_flatten((args, kwargs)) if kwargs or not _flat(args) else (list(args), len(args))
        key = _key(leaves, spec), modes.state.grad, dtypes._default
        for variant in self.variants.get(key, ()):
            if variant.fits():
                try:
                    return variant.run(leaves)
                except Mismatch:
                    if variant.always_eager:
                        return self.function(*args, **kwargs)
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
        marks = found.fingerprint()
        try:
            made = capture(self.function, args, kwargs, tensors, found)
            variant = Variant(self, made, found, marks)
        except Break as reason:
            return self._eagerly(key, reason, args, kwargs)
        self.variants.setdefault(key, []).append(variant)
        self.count += 1
        return variant.run(leaves, first=True)

    def _eagerly(self, key, reason, args, kwargs):
        self.refused[key] = self.refused.get(key, 0) + 1
        told = f"{getattr(self.function, '__qualname__', type(self.function).__name__)} runs eagerly: {reason} can't be compiled{_line(reason)}"
        self.reasons.append(told)
        if self.options.get("fullgraph"):
            raise RuntimeError(told)
        if self.reasons.count(told) == 1:
            warnings.warn(told, CompileWarning, stacklevel=4)
        return self.function(*args, **kwargs)


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


stance = ["default"]  # see torch.compiler.set_stance
everything: weakref.WeakSet = weakref.WeakSet()  # all compiled functions there are


class Variant:
    """One captured program with its native code."""

    def __init__(self, owner: Compiled, made: Captured, found, marks):
        self.made, self.found, self.marks = made, found, marks
        self.program = executable(made.graph)
        self.backward: Any = None  # made at the first backward
        self.always_eager = False
        self.grads = [t for kind, t in made.targets if kind == "grad"]
        self.leaf_kinds = [(s.leaf, s.tensor, s.draw) for s in made.sources]
        self.states = [(s.tensor, s.tensor._rg) for s in made.sources if s.tensor is not None]
        self.modes = _modes()
        self.written = [
            made.sources[slot].tensor for kind, slot in made.targets if kind == "write" and made.sources[slot].tensor is not None
        ]
        self.written_leaves = [
            made.sources[slot].leaf for kind, slot in made.targets if kind == "write" and made.sources[slot].leaf is not None
        ]
        self.node = None
        if made.backward is not None:
            live = [i for i, out in enumerate(made.outputs) if out[0] == "new" and out[2] == "live"]
            self.node = type("CompiledFunctionBackward", (_Backward,), {"__slots__": (), "outputs": len(live), "_single": False})
            self.live = live

    def fits(self) -> bool:
        """Whether the plain values that the program may look at are what they were."""
        return self.found.fingerprint() == self.marks and all(t._rg is rg for t, rg in self.states) and _modes() == self.modes

    # ---- one call -----------------------------------------------------------------------------------------------

    def run(self, leaves, first: bool = False):
        """The function's result, by the program."""
        made = self.made
        tensors = [v for v in leaves if isinstance(v, Tensor)]
        for slot, low, high in made.ranges:
            s = made.sources[slot]
            a = s.tensor._a if s.tensor is not None else tensors[s.leaf]._a
            if a.size and (a.min() < low or a.max() >= high):
                self.always_eager = True
                raise Mismatch
        self.always_eager = False
        if first:
            numbers, draws = made.actions.values, {i: step[4] for i, step in enumerate(made.actions.steps) if step[0] == "draw"}
        else:
            numbers, draws = replay(made.actions, self.grads) if made.actions.steps else ((), {})
        arrays = []
        for s in made.sources:
            t = s.tensor
            a = t._a if t is not None else tensors[s.leaf]._a if s.leaf is not None else draws[s.draw]
            if a.shape != s.shape or (a.dtype is not s.dtype and a.dtype != s.dtype):
                raise Mismatch
            arrays.append(a if a.flags.c_contiguous else np.ascontiguousarray(a))
        floats = [float(n.compute(numbers)) for n in getattr(made.graph, "number_sources", ())]
        results = self.program(arrays, floats)
        return self.hand_out(results, tensors, arrays)

    def hand_out(self, results, tensors, arrays):
        """Gradients, versions and the function's own result, from the program's results."""
        made = self.made
        for t in made.nothing:
            t._grad = None
        for (kind, t), a in zip(made.targets, results):
            if kind == "grad":
                t._grad = make(a)
            elif kind == "attribute":
                t[0].__dict__[t[1]] = make(a)
        for t in self.written:
            _bump(t)
        for leaf in self.written_leaves:
            _bump(tensors[leaf])
        node: Any = None
        if self.node is not None:
            node = object.__new__(self.node)
            node.edges = tuple([(t._node or t) if t._rg else None for t in self._leaves(tensors)])
            node.saved = self, [arrays[slot] if kind == "input" else results[slot] for kind, slot in made.kept]
            cells = [(made.sources[slot].tensor, made.sources[slot].leaf) for kind, slot in made.kept if kind == "input"]
            kept = [t if t is not None else tensors[leaf] for t, leaf in cells if t is not None or leaf is not None]
            node.cells = tuple(t._cell or t._cell_now() for t in kept)
            node.fit = None
            node.extra = {"like": [(results[made.outputs[i][1]].shape, results[made.outputs[i][1]].dtype) for i in self.live]}
            node.seq = tick()
        outs, nr = [], 0
        for kind, *rest in made.outputs:
            if kind == "plain" or kind == "same":
                outs.append(rest[0])
            elif kind == "arg":
                outs.append(tensors[rest[0]])
            else:
                t = make(results[rest[0]])
                if rest[1] == "live":
                    from ..autograd.node import Port

                    t._node, t._rg = node if node.outputs == 1 else Port(node, nr), True
                    nr += 1
                elif rest[1] is not None:
                    t._node, t._rg = _spent(rest[1]), True
                outs.append(t)
        return tree_unflatten(outs, made.spec)

    def _leaves(self, tensors):
        return [tensors[v] if kind == "arg" else v for kind, v in self.made.grad_leaves]

    def gradients(self, given, kept):
        """The leaves' gradients by the backward program."""
        if self.backward is None:
            self.backward = executable(self.made.backward)
        return self.backward([np.ascontiguousarray(a) for a in (*given, *kept)], ())


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

                raise stale(self.name(), cell)
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
    cell = t._cell
    if cell is None:
        cell = t._cell_now()
    cell[STAMP] = tick()
    cell[VERSION] += 1


def _modes() -> tuple:
    from ..ops import precision

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

    def __len__(self):
        return len(self._modules["_orig_mod"])

    def __getitem__(self, key):
        return self._modules["_orig_mod"][key]


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


__all__ = ["REBASED", "VARIANTS", "CompileWarning", "Compiled", "OptimizedModule", "Untraceable", "compile", "counts", "everything", "stance", "sys"]
