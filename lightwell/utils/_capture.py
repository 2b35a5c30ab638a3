"""What a module computes, as a list of operations: each record that ran, with where its arguments came from.

A run is watched at `apply`, through which every operation passes; hooks on the submodules tell in which of them it
happened. `utils.tensorboard` draws the list, `onnx` translates it.
"""

import numpy as np

from ..nn.hooks import register_module_forward_hook, register_module_forward_pre_hook
from ..ops import op
from ..tensor import Tensor


class Value:
    """A tensor of the run. `kind`: "input", "parameter", "constant" or "result" (number `index` of what `step` gave)."""

    __slots__ = ("array", "dtype", "index", "kind", "name", "shape", "step")

    def __init__(self, kind, array, name=None, step=None, index=0):
        self.kind, self.array, self.name, self.step, self.index = kind, array, name, step, index
        self.shape, self.dtype = array.shape, array.dtype

    def __repr__(self):
        return f"<{self.kind} {self.name or ''}{list(self.shape)}>"


class Step:
    """One operation: its record, its arguments (a Value in place of each tensor or array), what it gave, and in which submodule."""

    __slots__ = ("args", "outputs", "record", "scope")

    def __init__(self, record, args, scope):
        self.record, self.args, self.scope, self.outputs = record, args, scope, []

    name = property(lambda self: self.record.name)

    def inputs(self):
        """The Values among the arguments."""
        stack, found = list(reversed(self.args)), []
        while stack:
            v = stack.pop()
            if isinstance(v, Value):
                found.append(v)
            elif isinstance(v, (list, tuple)):
                stack.extend(reversed(v))
        return found


class Capture:
    """Runs `model(*args, **kwargs)` and keeps `steps`, `inputs`, `outputs`; `result` is what the model returned.

    `scopes` names each submodule, `modules` finds it by the name.
    """

    def __init__(self, model, args, kwargs=None):
        self.steps: list[Step] = []
        self.modules = dict(model.named_modules()) if hasattr(model, "named_modules") else {}
        self._paths = {id(m): name for name, m in self.modules.items()}
        self._names = {}
        if hasattr(model, "named_parameters"):
            named = [*model.named_parameters(), *model.named_buffers()]
            self._names = {id(t): name for name, t in named}
        self._known: dict = {}  # id of a tensor -> (tensor, its version, Value)
        self._places: dict = {}  # where an array lies -> (array, Value)
        self._stack: list[str] = []
        self.inputs = [self._add(t, Value("input", t._a, f"input.{i + 1}")) for i, t in enumerate(_tensors((args, kwargs or {})))]
        for name, t in named if self._names else ():
            self._add(t, Value("parameter", t._a, name))
        before = register_module_forward_pre_hook(self._enter)
        after = register_module_forward_hook(self._leave, always_call=True)
        try:
            op.whole_writes += 1
            with op.interpose(self._note):
                self.result = model(*args, **(kwargs or {}))
        finally:
            op.whole_writes -= 1
            before.remove()
            after.remove()
        self.outputs = [self.value_of(t) for t in _tensors(self.result)]

    def _enter(self, module, args):
        if id(module) in self._paths:
            self._stack.append(self._paths[id(module)])

    def _leave(self, module, args, output):
        if id(module) in self._paths:
            self._stack.pop()

    def _note(self, record, call, args):
        step = Step(record, tuple(self._described(a) for a in args), self._stack[-1] if self._stack else "")
        out = call(*args)
        self.steps.append(step)
        for i, t in enumerate(out if isinstance(out, (tuple, list)) else (out,)):
            if isinstance(t, Tensor):
                value = Value("result", t._a, step=step, index=i)
                step.outputs.append(value)
                self._add(t, value)
            else:
                step.outputs.append(None)
        return out

    def _add(self, t, value):
        self._known[id(t)] = (t, t._version, value)
        self._places[_place(t._a)] = (t._a, t, t._version, value)
        return value

    def value_of(self, t) -> Value:
        """Where a tensor comes from; a constant where no operation made it."""
        found = self._known.get(id(t))
        if found is not None and found[1] == t._version:
            return found[2]
        if found is None:
            there = self._places.get(_place(t._a))
            if there is not None and there[1]._version == there[2]:
                return there[3]
        return self._written(t) if found is not None or t._version else self._constant(t)

    def _written(self, t):
        """The Value of a tensor that was written in place: the last result that says what is in it now."""
        for step in reversed(self.steps):
            for value in step.outputs:
                if value is not None and value.shape == t._a.shape and value.dtype == t._a.dtype and _same(value.array, t._a):
                    return self._add(t, value)
        return self._constant(t)

    def _constant(self, t):
        return self._add(t, Value("constant", np.array(t._a)))

    def _of_array(self, a):
        there = self._places.get(_place(a))
        if there is not None and there[1]._version == there[2]:
            return there[3]
        value = Value("constant", np.array(a))
        for _, other in reversed(list(self._known.items())):  # a copy of what a tensor holds, e.g. indices in another type
            v = other[2]
            if a.size > 1 and v.shape == a.shape and v.dtype.kind in "iu" and a.dtype.kind in "iu" and _same(v.array, a):
                return v
        return value

    def _described(self, a):
        if isinstance(a, Tensor):
            return self.value_of(a)
        if isinstance(a, np.ndarray):
            return self._of_array(a)
        if type(a) in (list, tuple):
            return type(a)(self._described(v) for v in a)
        return a


def _same(a, b) -> bool:
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def _place(a) -> tuple:
    return (a.__array_interface__["data"][0], a.shape, a.strides, a.dtype.str) if a.size else ("empty", id(a))


def _tensors(value) -> list:
    """The tensors in lists, tuples and dictionaries, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in _tensors(v)]
    if isinstance(value, dict):
        return [t for v in value.values() for t in _tensors(v)]
    return []
