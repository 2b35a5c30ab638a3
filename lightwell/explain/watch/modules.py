"""The modules that a watch follows: their calls, their paths, and the names of their parameters."""

import sys
from typing import Any

import numpy as np

from ...autograd import modes
from ...nn.hooks import everywhere, hooked
from . import diagnose
from .numbers import finite
from .origins import Suspect
from .sites import Place, here, name_of, stack_places, whole_of

__all__ = ["Modules"]


class Modules:
    """The part of a watch that knows modules and parameters by name."""

    data: Any
    detector: Any
    health: Any
    optimizers: list
    training: Any
    on: bool
    sampling: bool
    modules: Any
    _all_buffers: list
    _buffers: dict
    _enter_thread: Any
    _follower: Any
    _keep: list
    _local: Any
    _names: dict
    _paths: dict
    _roots: list

    def _root(self, module, name: str) -> None:
        """Give a module's parts their paths, and its parameters their names."""
        self._keep.append(module)
        many = "" if any(m is module for m, _ in self._roots) else name
        self._roots.append((module, name))
        for path, part in module.named_modules():
            self._paths[id(part)] = f"{many}.{path}" if path else many
            self._keep.append(part)
        self._all_buffers += [b for b in module.buffers() if not any(b is known for known in self._all_buffers)]
        for path, t in [*module.named_parameters(), *module.named_buffers()]:
            self._names[id(t)] = f"{many}.{path}"
            self._keep.append(t)
        for _, t in module.named_parameters():
            self.training.follow(t, lambda t=t: self._names[id(t)])

    def _call(self, module, args, kwargs):
        """Run a module's call: what `everywhere.follow` is."""
        if not self.on:
            return (self._follower or hooked)(module, args, kwargs)
        try:
            stack = self._local.modules
        except AttributeError:
            self._enter_thread()
            stack = self._local.modules
        outermost = not stack
        if outermost:
            self._outermost(module, args, kwargs)
        stack.append(module)
        try:
            if (
                module._hooked
                or self._follower is not None
                or everywhere.pre
                or everywhere.forward
                or everywhere.backward
                or everywhere.backward_pre
            ):
                out = (self._follower or hooked)(module, args, kwargs)
            else:
                out = module.forward(*args, **kwargs)
        finally:
            stack.pop()
        if self.sampling and modes.state.grad and not module._modules and module.training:
            self.health.output(module, self.path(module), out)
        return out

    def _outermost(self, module, args, kwargs) -> None:
        if id(module) not in self._paths:
            whole, name = whole_of(module, sys._getframe(3))
            if whole is None:
                whole, name = module, name_of(module, sys._getframe(3)) or type(module).__name__
            self._root(whole, name)
            bad = [
                t
                for t in (*module.parameters(), *module.buffers())
                if t._a.__class__ is np.ndarray and t._a.dtype.kind == "f" and not finite(t._a) and (t._rg or np.isnan(t._a).any())
            ]
            if bad and self.detector.mark_of(bad[0]) is None and self.detector.made_by(bad[0]) is None:
                self._bad_at_first(module, bad[0])
        if module._parameters or module._modules:
            self.data.call = module, args, kwargs
            self.health.ended()
            if modes.state.grad and not self._buffers:
                for b in self._all_buffers:
                    self._buffers[id(b)] = b._a.copy()

    def _bad_at_first(self, module, t) -> None:
        """A parameter (or buffer) that is not finite before anything was computed: it is a suspect at once."""
        frame = sys._getframe(3)
        code, at = here(frame)
        count, values = diagnose.elements([], t._a)
        name = self.parameter_name(t)
        found = diagnose.Diagnosis("LW504", [{**v, "told": name} for v in values], count)
        f = self.detector._finding(found, type(module).__name__, "forward", Place.of(code, at), module, t._a, [])
        f.rows, f.stack = None, stack_places(frame)
        f.notes = [(f"the parameter is {name}, shape {list(t._a.shape)}", f"这个参数是 {name}，形状 {list(t._a.shape)}")]
        f.module = self._names.get(id(t), "").rpartition(".")[0]
        suspect = Suspect(f)
        suspect.unread = True
        self.detector.pending.append(suspect)
        self.detector._hand_on(t, suspect)

    def path(self, module) -> str:
        """A module's path, such as "net.3.conv1"; "" for None."""
        if module is None:
            return ""
        found = self._paths.get(id(module))
        if found is not None:
            return found
        stack = self.modules()
        for outer in reversed(stack):
            if id(outer) in self._paths:
                self._keep.append(module)
                for name, part in [
                    (n, p)
                    for n, v in vars(outer).items()
                    if isinstance(v, list | tuple)
                    for n, p in ((f"{n}[{i}]", w) for i, w in enumerate(v))
                ]:
                    if part is module:  # a module in a plain list
                        self._paths[id(module)] = f"{self._paths[id(outer)]}.{name}"
                        return self._paths[id(module)]
                return f"{self._paths[id(outer)]}.{type(module).__name__}"
        return type(module).__name__

    def is_parameter(self, t) -> bool:
        """Whether a tensor is a parameter or buffer of a model, or a leaf that gradients are wanted for."""
        return id(t) in self._names or (t._rg and t._node is None)

    def writes_parameters(self, t) -> bool:
        """Whether a leaf that is about to be written is a parameter: of a model, of an optimizer, or followed since a backward."""
        return id(t) in self._names or id(t) in self.training.followed

    def parameter_name(self, t) -> str:
        """A parameter's name: its path, or the variable that holds it."""
        found = self._names.get(id(t))
        if found is None:
            whole, name = whole_of(t, sys._getframe(1))
            if whole is not None:  # a module that nobody has called: one with a method of its own
                self._root(whole, name)
            found = self._names.get(id(t))
        if found is None:
            found = name_of(t, sys._getframe(1)) or f"parameter {list(t._a.shape)}"
            self._names[id(t)] = found
            self._keep.append(t)
        return found

    def _follow_optimizer(self, optimizer) -> None:
        if not any(o is optimizer for o in self._keep):
            self._keep.append(optimizer)
            if not any(o is optimizer for o in self.optimizers):
                self.optimizers.append(optimizer)
        for group in optimizer.param_groups:
            for p in group["params"]:
                if id(p) not in self.training.followed:
                    self.training.follow(p, lambda p=p: self.parameter_name(p))
