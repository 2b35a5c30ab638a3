"""Following one run of a model: which module each moment belongs to, what each operation costs; and leaving no trace behind.

The graph's clock (`tensor.tick`) orders everything: a module's call lies between two ticks, so the tick of a node tells the
module that it was recorded in.
"""

import bisect
import contextlib
import random
import sys

import numpy as np

from ...ops import op
from ...tensor import Tensor, tick
from .operations import count


class Call:
    """One call of a module: its path, what went in and what came out."""

    __slots__ = ("args", "inputs", "kwargs", "output", "path")

    def __init__(self, path: str, inputs, output):
        self.path, self.inputs, self.output = path, inputs, output


class Tracker:
    """Within it, the calls of a model's modules and the operations in them are noted.

    `calls` in the order in which they began; `work[path]` the (multiply–adds, FLOPs) done in a module itself. Each module's `forward` is wrapped in its instance's dictionary for the time being.
    """

    def __init__(self, model):
        self.model = model
        self.paths = {id(m): name for name, m in model.named_modules()} if model is not None else {}
        self.modules = dict(model.named_modules()) if model is not None else {}
        self.calls: list[Call] = []
        self.work: dict[str, list[int]] = {}
        self._stack: list[str] = []
        self._times: list[int] = []
        self._tops: list[str | None] = []
        self._wrapped: list = []
        self._hook = op.interpose(self._note)

    def __enter__(self):
        for path, module in self.modules.items():
            own = module.__dict__
            self._wrapped.append((own, own.get("forward")))
            own["forward"] = self._following(path, module.forward)
        self._hook.__enter__()
        return self

    def __exit__(self, *exc):
        self._hook.__exit__(*exc)
        for own, before in self._wrapped:
            own.pop("forward", None)
            if before is not None:
                own["forward"] = before

    def _following(self, path: str, forward):
        def follow(*args, **kwargs):
            call = Call(path, _shapes((args, kwargs) if kwargs else args), None)
            self.calls.append(call)
            self._stack.append(path)
            self._mark()
            try:
                out = forward(*args, **kwargs)
            finally:
                self._stack.pop()
                self._mark()
            call.output = _shapes(out)
            return out

        return follow

    def _mark(self) -> None:
        self._times.append(tick())
        self._tops.append(self._stack[-1] if self._stack else None)

    def module_at(self, time: int) -> str | None:
        """The path of the innermost module that was running at a time of the graph's clock; None outside the model."""
        i = bisect.bisect_right(self._times, time) - 1
        return self._tops[i] if i >= 0 else None

    def _note(self, record, call, args):
        out = call(*args)
        outs = out if isinstance(out, (tuple, list)) else (out,)
        flat = (*args[0], *args[1:]) if record.variadic and args else args
        done = count(record, flat, tuple(outs))
        if any(done) and self._stack:
            sums = self.work.setdefault(self._stack[-1], [0, 0])
            sums[0], sums[1] = sums[0] + done[0], sums[1] + done[1]
        return out


def _shapes(value):
    """A value with shapes in place of its tensors."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    if isinstance(value, dict):
        return {k: _shapes(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shapes(v) for v in value]
    return value if value is None or isinstance(value, (int, float, bool, str)) else type(value).__name__


@contextlib.contextmanager
def untouched(model, parameters: bool = False):
    """A block after which a model is as it was: modes, buffers, gradients, attributes and random numbers; parameters if asked.

    Gradients are None within it.
    """
    from ...autograd.modes import enable_grad
    from ...random import get_rng_state, set_rng_state

    modules = list(model.modules())
    own = [
        (m, dict(m.__dict__), {k: dict(v) for k, v in m.__dict__.items() if k in ("_buffers", "_parameters", "_modules")}) for m in modules
    ]
    tensors = [*model.buffers(), *(model.parameters() if parameters else ())]
    arrays = [(t, t._a, t._a.copy(), t._cell, list(t._cell) if t._cell is not None else None) for t in tensors if type(t._a) is np.ndarray]
    grads = [(p, p._grad) for p in model.parameters()]
    states = get_rng_state(), random.getstate(), np.random.get_state() if "numpy.random" in sys.modules else None
    for p, _ in grads:
        p._grad = None
    try:
        with enable_grad():
            yield
    finally:
        for module, attributes, tables in own:
            module.__dict__.clear()
            module.__dict__.update(attributes)
            for name, table in tables.items():
                module.__dict__[name].clear()
                module.__dict__[name].update(table)
        for t, array, copy, cell, record in arrays:
            t._a = array
            if array.flags.writeable:
                np.copyto(array, copy)
            t._cell = cell
            if cell is not None:
                cell[:] = record
        for p, g in grads:
            p._grad = g
        set_rng_state(states[0])
        random.setstate(states[1])
        if states[2] is not None:
            np.random.set_state(states[2])
