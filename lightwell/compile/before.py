"""What a trace changes in Python, and how it is put back: gradients, graphs, step counts, random streams, attributes, containers."""

import collections
import random
import types

import numpy as np

from ..autograd import modes
from ..random import default_generator
from ..tensor import Tensor
from .guards import put
from .trace import counts


class Before:
    """What a trace changes in Python and must be put back: gradients, graphs, step counts, the random stream."""

    def __init__(self, found):
        self.found = found
        self.graph = [(t, t._node, t._rg, t._base, t._cell, t._cell and t._cell[:]) for t in found.tensors]
        self.states = [(o, {p: dict(s) for p, s in o.state.items() if isinstance(s, dict)}) for o in found.optimizers]
        self.counts = [(t._a, t._a.copy()) for o in found.optimizers for t in counts(o)]
        self.stream = default_generator.get_state()
        self.chance = random.getstate(), np.random.get_state(legacy=False)
        self.marks = found.fingerprint()
        self.watched, self.options = [shallow(d) for d in found.watched], options(found)
        self.placed = [(d, k, d.get(k)) for d, k in found.places if isinstance(d.get(k), Tensor)]
        self.placed += [(d, k, d.get(k)) for d, k in found.at.values()]
        self.grad = modes.state.grad
        self.values = [(d, k, d[k]) for d, k in found.places if isinstance(d, dict) and k in d]
        self.cells = [(c, c.cell_contents) for c in found.cells if _filled(c)]
        held = [c for c in [*found.sizes, *found.spaces, *found.lists] if not isinstance(c, types.MappingProxyType)]
        self.containers = [(c, list(c.items()) if isinstance(c, dict) else list(c)) for c in held]

    def put_back(self, done: bool) -> None:
        """Python as it was; after a trace that went through, its counts and draws have happened."""
        for t, node, rg, base, cell, marks in self.graph:
            t._node, t._rg, t._base, t._cell = node, rg, base, cell
            if cell is not None:
                cell[:] = marks
        modes.switch(self.grad)
        for d, k, t in self.placed:
            if d.get(k) is not t:
                put(d, k, t)
        if done:
            return
        for o, options in zip(self.found.optimizers, self.options):
            for group, values in zip(o.param_groups, options):
                group.update(values)
        for d, was in zip(self.found.watched, self.watched):
            d.update({k: v for k, v in was.items() if type(v) in (bool, int, float, str)})
        random.setstate(self.chance[0])
        np.random.set_state(self.chance[1])
        for g, state in zip(self.found.generators, self.marks[4]):
            g.bit_generator.state = state
        for d, k, v in self.values:
            if d.get(k) is not v and isinstance(d, dict):
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
    elif isinstance(c, collections.deque):
        c.clear()
        c.extend(had)
    elif isinstance(c, (dict, set)):
        c.clear()
        c.update(had)


def equal(a, b) -> bool:
    """Whether two states of NumPy's generator are the same."""
    return a["state"]["pos"] == b["state"]["pos"] and a["gauss"] == b["gauss"] and (a["state"]["key"] == b["state"]["key"]).all()


def shallow(d) -> dict:
    """What stands in a mapping: plain values, also within lists, and the identities of others."""
    return {
        k: v if type(v) in _PLAIN else [w if type(w) in _PLAIN else _Id(w) for w in v] if type(v) in (list, tuple) else _Id(v)
        for k, v in d.items()
    }


_PLAIN = (bool, int, float, str)


class _Id:
    """The identity of an object."""

    def __init__(self, of):
        self.of = of

    def __eq__(self, other):
        return type(other) is _Id and other.of is self.of


def options(found) -> list:
    """The numbers of optimizers' groups, which are inputs of a program and must not be changed by it."""
    return [[{k: v for k, v in g.items() if type(v) is float} for g in o.param_groups] for o in found.optimizers]
