"""The graph: one node per recorded operation, with edges to the nodes (or leaves) that its inputs came from."""

import itertools
from typing import Any

from ..errors.teaching import AttributeError
from ..tensor import tick as tick  # the clock, for everyone who deals with nodes

new = object.__new__


class Node:
    """What backward needs of one recorded operation.

    `edges` holds, for each tensor input, the node that made it, the leaf itself, a `Port` of a many-output node,
    or None where no gradient is wanted. `saved` holds arrays and parameters by the record's numbering, `cells` the
    version records of the saved values, `extra` hooks and other rare things, `fit` the inputs' (shape, dtype) where
    broadcasting or promotion changed them. A node without a record has its own `pull(gradients, create_graph)`.
    """

    __slots__ = ("__weakref__", "cells", "edges", "extra", "fit", "saved", "seq")
    edges: tuple
    saved: Any
    cells: Any
    fit: Any
    extra: dict | None
    seq: int
    record: Any = None
    outputs = 1
    _single = False  # whether an edge that leads here needs no bookkeeping: a record's node with one output

    def __repr__(self):
        return f"<{type(self).__name__} object at {id(self):#x}>"

    def name(self) -> str:
        """The node's name, such as "AddBackward0"."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple:
        """For each input, (node, output number): (None, 0) where no gradient flows; leaves show as AccumulateGrad."""
        return tuple(_shown(edge) for edge in self.edges)

    @property
    def metadata(self) -> dict:
        """A place for the user's notes on this node."""
        return self.more().setdefault("metadata", {})

    def more(self) -> dict:
        """The dict of rare things, made at the first need."""
        if self.extra is None:
            self.extra = {}
        return self.extra

    def release(self) -> None:
        """Give up the saved values: a backward that doesn't retain the graph is done with them."""
        self.saved, self.cells = None, ()

    def __getattr__(self, name: str):
        """`_saved_self`, `_saved_other`, `_saved_result` and the like: what the node saved, by PyTorch's names."""
        rec = self.record
        if name.startswith("_saved_") and rec is not None:
            from .saved import saved_value

            return saved_value(self, name[len("_saved_") :])
        if name.startswith("_raw_saved_") and rec is not None:
            from .graph import SavedTensor
            from .saved import place_of

            return SavedTensor(self, place_of(self, name[len("_raw_saved_") :]))
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def register_hook(self, hook):
        """Call `hook(grad_inputs, grad_outputs)` after the node has run backward; returns a handle."""
        return Handle(self.more().setdefault("after", {}), hook)

    def register_prehook(self, hook):
        """Call `hook(grad_outputs)` before the node runs backward; returns a handle."""
        return Handle(self.more().setdefault("before", {}), hook)

    def __call__(self, *grads):
        """Run this node's derivative on tensors: the gradients of its inputs."""
        from .engine import run_node

        return run_node(self, grads)


class Port:
    """One output of a node that has several: what an edge points to when it isn't output 0 of 1."""

    __slots__ = ("node", "nr")
    _single = False

    def __init__(self, node, nr):
        self.node, self.nr = node, nr


class Alias(Node):
    """A value's second appearance in the graph, at the same place: gx = gy."""

    __slots__ = ()

    def name(self) -> str:
        """The name that PyTorch gives such nodes."""
        return "AliasBackward0"

    def pull(self, g, create_graph):
        """The gradient, unchanged."""
        return [g]


class AccumulateGrad(Node):
    """The end of an edge at a leaf, as `next_functions` shows it: where its gradient is added to `variable.grad`."""

    __slots__ = ("variable",)
    edges, extra = (), None

    def __init__(self, variable):
        self.variable = variable

    def name(self) -> str:
        """The name that PyTorch gives it."""
        return "torch::autograd::AccumulateGrad"

    def __eq__(self, other):
        return type(other) is AccumulateGrad and other.variable is self.variable

    def __hash__(self):
        return hash(id(self.variable))

    def register_hook(self, hook):
        """Call `hook(grad_inputs, grad_outputs)` after accumulation; returns a handle."""
        return self.variable.register_post_accumulate_grad_hook(lambda t: hook((), (t.grad,)))

    def register_prehook(self, hook):
        """Call `hook(grad_outputs)` before accumulation; returns a handle."""

        def before(grad):
            result = hook((grad,))
            return result[0] if isinstance(result, (tuple, list)) else result

        return self.variable.register_hook(before)


def _shown(edge):
    if edge is None:
        return None, 0
    if type(edge) is Port:
        return edge.node, edge.nr
    return (edge, 0) if isinstance(edge, Node) else (AccumulateGrad(edge), 0)


class Handle:
    """What registering a hook returns: `remove()` takes the hook out again, as does leaving a `with`."""

    _ids = itertools.count()

    def __init__(self, hooks: dict, hook, last: bool = False):
        self.id, self._hooks = next(Handle._ids), hooks
        hooks[(last, self.id)] = hook

    def remove(self) -> None:
        """Take the hook out; nothing if it is out already."""
        self._hooks.pop((False, self.id), None) or self._hooks.pop((True, self.id), None)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()


def add_hook(tensor, hook, last: bool = False) -> Handle:
    """Have `hook(grad)` called when the gradient of `tensor` is known; `last` puts it behind all others."""
    node = tensor._node
    if node is None:
        return Handle(tensor.__dict__.setdefault("_hooks", {}), hook, last)
    owner, nr = (node.node, node.nr) if type(node) is Port else (node, 0)
    return Handle(owner.more().setdefault("tensor_hooks", {}).setdefault(nr, {}), hook, last)


def hooks_in_order(hooks: dict) -> list:
    """The hooks in the order in which they run: as registered, retain_grad's at the end."""
    return [hooks[key] for key in sorted(hooks)]
