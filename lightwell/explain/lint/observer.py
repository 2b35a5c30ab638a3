"""Watches a program while it runs: every operation, each call of a model, backward, the optimizers, the data loaders.

All of it hangs in the library only between `start` and `stop`. What happens is handed on to the checks, each a class with some of
the methods named in `EVENTS`; an error in a check never reaches the user's program.
"""

import functools
import os
import sys

from ... import nn as _nn
from ...autograd import engine, modes
from ...autograd.node import Node, Port
from ...ops import op as _op
from ...tensor import Tensor
from . import origins, source

EVENTS = (
    "op",
    "loss",
    "call",
    "backward",
    "zero_grad",
    "step",
    "optimizer",
    "schedule",
    "cut",
    "seen",
    "batch",
    "mode",
    "grad_read",
    "end",
)
LOSSES = (
    "cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "kl_div", "gaussian_nll_loss", "poisson_nll_loss",
)  # fmt: skip
_STRICT = bool(os.environ.get("LIGHTWELL_LINT_STRICT"))  # tests let errors of the checks through


class Call:
    """One call of a model from the user's code: the line, the modes it ran in, and what became of its result."""

    __slots__ = ("backward", "grad", "inputs", "measured", "module", "named", "noisy", "place", "times", "training", "via")

    def __init__(self, module, place, via, grad, inputs):
        self.module, self.place, self.via, self.grad, self.inputs = module, place, via, grad, inputs
        self.training, self.noisy = module.training, _noisy(module)
        self.backward = self.measured = False
        self.named, self.times = "", 0


def _noisy(module) -> str:
    """The first layer in training mode that behaves differently in evaluation; "" where there is none."""
    for m in module.modules():
        kind = type(m).__name__
        if m.training and (("Dropout" in kind and getattr(m, "p", 0)) or "BatchNorm" in kind or (getattr(m, "dropout", 0) and "Attention" not in kind
                           and isinstance(getattr(m, "dropout", 0), float))):  # fmt: skip
            return kind
    return ""


class Observer:
    """`with Observer(checks):` runs the user's code; `checks` hear of what it does."""

    def __init__(self, checks):
        self.checks = checks
        self.listeners = {name: [getattr(c, name) for c in checks if hasattr(c, name)] for name in EVENTS}
        self.depth = self.in_loss = 0
        self.recording = False  # whether a graph was being recorded when it was called
        self.model = None  # the model that is being called from the user's code: (module, arguments, line)
        self.seeded = self.drawn = False  # random numbers: whether a seed was set, whether any were drawn without one
        self.subject = ""  # what the program's text speaks of: "classes", "quantities"
        self._undo: list = []
        for c in checks:
            c.observer = self

    # ---- on and off -----------------------------------------------------------------------------------------------------

    def __enter__(self):
        import lightwell

        from ...optim.lr_base import LRScheduler
        from ...optim.optimizer import Optimizer, register_optimizer_step_post_hook, register_optimizer_step_pre_hook
        from ...random.engine import Generator
        from ...utils.data import dataloader

        origins.begin()
        F = _nn.functional
        for name in LOSSES:
            self._swap(F, name, self._loss(name, getattr(F, name)))
        self._method(_nn.Module, "__call__", self._module_call)
        self._method(_nn.Module, "train", self._mode)
        self._method(_nn.Module, "zero_grad", self._zero_grad)
        self._method(Optimizer, "zero_grad", self._zero_grad)
        self._method(Optimizer, "__init__", self._optimizer)
        self._method(LRScheduler, "step", self._schedule)
        self._method(_nn.Parameter, "__new__", self._parameter, static=True)
        for name in ("detach", "item", "tolist", "numpy", "__float__"):
            self._method(Tensor, name, self._leaving(name))
        data, grad = Tensor.__dict__["data"], Tensor.__dict__["grad"]
        self._swap(Tensor, "data", property(self._leaving("data")(data.fget), data.fset))
        self._swap(Tensor, "grad", property(self._reading(grad.fget), grad.fset, grad.fdel))
        self._method(dataloader.DataLoader, "__init__", self._loader)
        for name in ("manual_seed", "seed", "set_state"):
            self._method(Generator, name, self._seeding)
        for name in ("words", "words64", "floats", "doubles", "masked53"):
            self._method(Generator, name, self._drawing)
        self._swap(lightwell, "tensor", self._copying(lightwell.tensor))
        iterator = next(c for c in vars(dataloader).values() if isinstance(c, type) and "__next__" in c.__dict__)
        self._method(iterator, "__next__", self._batch)
        self._swap(engine, "_roots", self._roots(engine._roots))
        handles = register_optimizer_step_pre_hook(self._step), register_optimizer_step_post_hook(self._stepped)
        self._undo += [h.remove for h in handles]
        self._interposed = _op.interpose(self._operation)
        self._interposed.__enter__()
        return self

    def __exit__(self, *exc):
        self._interposed.__exit__(*exc)
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()

    def forget(self):
        """Let go of all notes: everything is decided."""
        origins.end()

    def _swap(self, owner, name, new):
        before = vars(owner).get(name, self)
        setattr(owner, name, new)
        self._undo.append(lambda: delattr(owner, name) if before is self else setattr(owner, name, before))

    def _method(self, owner, name, make, static=False):
        before = getattr(owner, name)
        new = make(before)
        new.__name__, new.__doc__ = name, before.__doc__
        self._swap(owner, name, staticmethod(new) if static else new)

    def tell(self, event, *args):
        """Hand an event on."""
        for listener in self.listeners[event]:
            try:
                listener(*args)
            except Exception:
                if _STRICT:
                    raise

    # ---- what is watched ------------------------------------------------------------------------------------------------

    def _operation(self, record, call, args):
        out = call(*args)
        name = record.name
        self.tell("op", name, args, out)
        origins.follow(name, args, out)
        return out

    def _loss(self, name, fn):
        def loss(*args, **kwargs):
            self.in_loss += 1
            try:
                out = fn(*args, **kwargs)
            finally:
                self.in_loss -= 1
            if not self.in_loss:
                x = args[0] if args else kwargs.get("input")
                y = args[1] if len(args) > 1 else kwargs.get("target")
                if isinstance(x, Tensor) and isinstance(y, Tensor):
                    self.tell("loss", name, x, y, kwargs, out)
            return out

        return loss

    def _module_call(self, before):
        def __call__(module, *args, **kwargs):
            if self.depth or type(module).__module__ == "lightwell.nn.layers.loss" or not _matters(module):
                return before(module, *args, **kwargs)
            call = None
            lines = source.frames(2, 2)
            if lines:
                via = (lines[1].f_code.co_filename, lines[1].f_lineno) if len(lines) > 1 else None
                inputs = tuple((a.data_ptr(), tuple(a.shape)) for a in args if isinstance(a, Tensor))
                call = Call(module, (lines[0].f_code.co_filename, lines[0].f_lineno), via, modes.is_grad_enabled(), inputs)
            self.depth, self.model, self.recording = 1, (module, args, call and call.place), modes.is_grad_enabled()
            try:
                out = before(module, *args, **kwargs)
            finally:
                self.depth, self.model, self.recording = 0, None, False
            if call is not None:
                for t in _tensors(out):
                    was = origins.of(t)
                    origins.put(t, origins.Origin(was.trail, call, True, was.source))
                self.tell("call", call, args, out)
            return out

        return __call__

    def _mode(self, before):
        def train(module, mode=True):
            outer = self.depth
            self.depth = 1  # its children follow
            try:
                out = before(module, mode)
            finally:
                self.depth = outer
            if not outer:
                self.tell("mode", module, mode)
            return out

        return train

    def _zero_grad(self, before):
        def zero_grad(owner, *args, **kwargs):
            params = list(owner.parameters()) if isinstance(owner, _nn.Module) else [p for g in owner.param_groups for p in g["params"]]
            self.tell("zero_grad", params, source.here())
            return before(owner, *args, **kwargs)

        return zero_grad

    def _optimizer(self, before):
        def __init__(optimizer, params, *args, **kwargs):
            before(optimizer, params, *args, **kwargs)
            self.tell("optimizer", optimizer, source.here())

        return __init__

    def _schedule(self, before):
        def step(schedule, *args, **kwargs):
            if not schedule._is_initial:
                self.tell("schedule", schedule, source.here())
            return before(schedule, *args, **kwargs)

        return step

    def _parameter(self, before):
        def __new__(cls, *args, **kwargs):
            out = before(cls, *args, **kwargs)
            chain = [(f.f_code.co_filename, f.f_lineno, f.f_code.co_name) for f in source.frames(5, 2)]
            origins.BORN.put(out, (next(origins._serial), chain[0][:2] if chain else None, chain))
            return out

        return __new__

    def _leaving(self, name):
        def make(before):
            def leave(t, *args, **kwargs):
                out = before(t, *args, **kwargs)
                if sys._getframe(1).f_globals.get("__name__", "").startswith("lightwell."):
                    return out
                was = origins.of(t)
                if isinstance(out, Tensor):
                    origins.put(out, origins.Origin(was.trail, was.call, was.direct, was.source, was.ints))
                    if t._rg and t._node is None:
                        origins.ALIASES.put(out, t)
                elif was.call is not None and was.direct:
                    self.tell("seen", was.call, name)
                if t._rg:
                    self.tell("cut", t, name)
                return out

            return leave

        return make

    def _reading(self, before):
        def grad(t):
            if not sys._getframe(1).f_globals.get("__name__", "").startswith("lightwell."):
                self.tell("grad_read", t)
            return before(t)

        return grad

    def _copying(self, before):
        @functools.wraps(before)
        def tensor(data, *args, **kwargs):
            out = before(data, *args, **kwargs)
            many = data if isinstance(data, (list, tuple)) else (data,)
            for t in many:
                if isinstance(t, Tensor) and t._rg:
                    self.tell("cut", t, "tensor")
            return out

        return tensor

    def _loader(self, before):
        def __init__(loader, *args, **kwargs):
            before(loader, *args, **kwargs)
            origins.BORN.put(loader, (0, source.here()))

        return __init__

    def _seeding(self, before):
        def seed(generator, *args, **kwargs):
            if not sys._getframe(1).f_globals.get("__name__", "").startswith("lightwell.utils.data"):
                self.seeded = True
            return before(generator, *args, **kwargs)

        return seed

    def _drawing(self, before):
        def draw(generator, *args, **kwargs):
            self.drawn = True
            return before(generator, *args, **kwargs)

        return draw

    def _batch(self, before):
        def __next__(iterator):
            try:
                batch = before(iterator)
            except StopIteration:
                self.tell("batch", iterator, None)
                raise
            self.tell("batch", iterator, batch)
            return batch

        return __next__

    def _roots(self, before):
        def _roots(tensors, grads, op):
            out = before(tensors, grads, op)
            roots = (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
            self.tell("backward", roots, op, reached(roots))
            return out

        return _roots

    def _step(self, optimizer, args, kwargs):
        self.tell("step", optimizer, bool(len(args) > 1 or kwargs), True)

    def _stepped(self, optimizer, args, kwargs):
        self.tell("step", optimizer, False, False)


def _matters(module) -> bool:
    """Whether a module has something to learn, or behaves differently in training."""
    return next(module.parameters(), None) is not None or any("Dropout" in type(m).__name__ for m in module.modules())


def _tensors(value):
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in _tensors(v)]
    if isinstance(value, dict):
        return [t for v in value.values() for t in _tensors(v)]
    return []


def reached(roots) -> tuple:
    """(nodes, leaves) of the graph behind some tensors."""
    stack, nodes, leaves = [t._node or t for t in roots], {}, {}
    while stack:
        at = stack.pop()
        if type(at) is Port:
            at = at.node
        if isinstance(at, Node):
            if id(at) not in nodes:
                nodes[id(at)] = at
                stack.extend(e for e in at.edges if e is not None)
        elif isinstance(at, Tensor):
            leaves[id(at)] = at
    return nodes, list(leaves.values())
