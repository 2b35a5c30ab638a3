"""The Python part of a compiled call: optimizers are asked for their numbers of the day, random numbers are drawn."""

import threading
from typing import Any

import numpy as np

from ..optim import optimizer as optimizers
from ..random import default_generator
from ..tensor import Tensor, make
from .host import Actions
from .trace import counts

_lock = threading.RLock()


class Mismatch(Exception):
    """A call for which the captured program is not the right one."""


class _Collector:
    """Takes the updates of a step in place of running them: which they are, and their numbers."""

    def __init__(self):
        self.told: list = []
        self.thread = threading.get_ident()

    def update(self, optimizer, update, tensors, numbers) -> bool:
        """One update."""
        if threading.get_ident() != self.thread:
            return False
        self.told.append((update, tuple(map(id, tensors)), numbers))
        return True

    def new_state(self, p):
        """A state that the captured step did not begin."""
        raise Mismatch


def replay(actions: Actions, grads: list[Tensor]) -> tuple[list, dict]:
    """(numbers, draws) of one call, in the order in which the program asked for them; Mismatch where the step is another now."""
    opts = [step[1] for step in actions.steps if step[0] == "optimizer"]
    before = [(t._a, t._a.copy()) for o in {id(o): o for o in opts}.values() for t in counts(o)]
    stream = default_generator.get_state() if opts and len(opts) < len(actions.steps) else None
    numbers: list[Any] = []
    draws: dict[int, np.ndarray] = {}
    try:
        for i, step in enumerate(actions.steps):
            if step[0] == "draw":
                _, fn, args, kwargs, _ = step
                draws[i] = fn(*args, **kwargs)
                continue
            _, o, told = step
            collected = _collect(o, told)
            if len(collected) != len(told):
                raise Mismatch
            for (update, ids, given), (update0, ids0, kinds, fixed) in zip(collected, told):
                if update is not update0 or len(given) != len(kinds):
                    raise Mismatch
                if ids[0] != ids0[0] or ids[2:] != ids0[2:] or tuple([type(n) for n in given]) != kinds:
                    raise Mismatch
                others = []
                for n in given:
                    if type(n) is float:
                        numbers.append(n)
                    else:
                        others.append(n)
                if tuple(others) != fixed:
                    raise Mismatch
        if actions.conditions and not actions.hold(numbers):
            raise Mismatch
    except Mismatch:
        for a, value in before:
            a[...] = value
        if stream is not None:
            default_generator.set_state(stream)
        raise
    return numbers, draws


_nothing = np.zeros(())


def _collect(o, told) -> list:
    """What the optimizer's step would do now."""
    wanted = {ids[0] for _, ids, _, _ in told}
    lent = []
    for group in o.param_groups:
        for p in group["params"]:
            if p._grad is None and id(p) in wanted:  # the program makes the gradient; the step only asks whether there is one
                p._grad = _PLACEHOLDER
                lent.append(p)
    with _lock:
        collector = _Collector()
        outer, optimizers.collecting = optimizers.collecting, collector
        try:
            type(o).step(o) if "step" not in o.__dict__ else o.step()
        finally:
            optimizers.collecting = outer
            for p in lent:
                p._grad = None
    return collector.told


_PLACEHOLDER = make(_nothing)
