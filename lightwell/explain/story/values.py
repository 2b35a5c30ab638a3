"""What is still known of a graph's values: saved ones, leaves, what can be computed again from them, and the gradients."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from ...autograd import engine
from ...autograd.modes import state, switch
from ...autograd.node import Node, Port
from ...autograd.saved import saved_of
from ...backend import numpy as NP
from ...ops.parts import Parts
from ...tensor import STAMP, Tensor, make

ndarray = np.ndarray
_COSTLY = 1 << 22  # elements above which a value is not computed again just to be shown


def key_of(edge) -> tuple:
    """(node or leaf, output number) of an edge."""
    return (edge.node, edge.nr) if type(edge) is Port else (edge, 0)


def nodes_of(edge) -> list:
    """The nodes that lead to an edge, oldest first."""
    seen, stack = set(), [key_of(edge)[0]]
    while stack:
        node = stack.pop()
        if node in seen or not isinstance(node, Node):
            continue
        seen.add(node)
        stack.extend(key_of(e)[0] for e in node.edges if e is not None)
    return sorted(seen, key=lambda n: n.seq)


class Values:
    """The arrays behind a graph's edges, as far as they can be told.

    `saved[node]` is a dict by the record's names, or None where backward has freed the values (or they were written over);
    `of(edge)` the array, or None; `operand[node]` what is known of operands without an edge: arrays or numbers, by name.
    """

    def __init__(self, root_edge, root_array, nodes):
        self.nodes = nodes
        self.arrays: dict[tuple, Any] = {key_of(root_edge): root_array}
        self.saved: dict = {}
        self.why: dict = {}  # node -> "freed" or "changed", where its values are gone
        self.operand: dict = {n: {} for n in nodes}
        for n in nodes:
            self._unpack(n)
        for n in nodes:
            self._from_saved(n)
        for n in reversed(nodes):
            self._back(n)
        for n in nodes:  # oldest first: what is computed again serves the next
            self._solve(n)
            self._again(n)

    def of(self, edge):
        """The array of an edge; None where it isn't known."""
        if edge is None:
            return None
        if isinstance(edge, Tensor):
            return edge._a
        return self.arrays.get(key_of(edge))

    def _unpack(self, n) -> None:
        rec = n.record
        if rec is None:
            return
        if n.saved is None:
            self.saved[n], self.why[n] = None, "freed"
            return
        if not n.saved:
            self.saved[n] = {}
            return
        try:
            self.saved[n] = dict(zip(rec.environment, saved_of(n)))
        except RuntimeError:
            self.saved[n], self.why[n] = None, "changed"

    def _from_saved(self, n) -> None:
        rec, saved = n.record, self.saved.get(n)
        if rec is None or not saved:
            return
        for j, name in enumerate(rec.outputs):
            if type(saved.get(name)) is ndarray:
                self.arrays.setdefault((n, j), saved[name])
        if rec.variadic:
            for e, a in zip(n.edges, saved.get("xs") or ()):
                self._note(e, a)
            return
        for i, name in enumerate(rec.inputs):
            v = saved.get(name)
            if v is None:
                continue
            edge = n.edges[i] if i < len(n.edges) else None
            if edge is None:
                self.operand[n][name] = v
            elif type(v) is ndarray and not (n.fit and n.fit[i] and n.fit[i] != (v.shape, v.dtype)):
                self._note(edge, v)

    def _note(self, edge, a) -> None:
        if edge is not None and not isinstance(edge, Tensor):
            self.arrays.setdefault(key_of(edge), a)

    def inputs(self, n) -> list | None:
        """The arrays (or numbers, or None) that a node's record was called with; None where one isn't known."""
        rec = n.record
        if rec.variadic:
            saved = self.saved[n] or {}
            arrays = list(saved["xs"]) if saved.get("xs") else [self.of(e) for e in n.edges]
            return None if any(a is None for a in arrays) else arrays
        out: list = []
        for i, name in enumerate(rec.inputs):
            edge = n.edges[i] if i < len(n.edges) else None
            v = self.operand[n].get(name) if edge is None else self.of(edge)
            if v is None and (edge is not None or self._was_there(n, i)):
                return None
            if isinstance(edge, Tensor) and edge._cell is not None and edge._cell[STAMP] > n.seq:
                return None  # the leaf has changed since, as by an optimizer's step
            out.append(v)
        return out

    def _was_there(self, n, i: int) -> bool:
        rec = n.record
        return bool(n.fit and n.fit[i] is not None) or (len(rec.inputs) == 2 and rec.promotes) or i == 0

    def _solve(self, n) -> None:
        """A constant operand that no rule reads isn't on the node: x + c and its result tell c."""
        rec = n.record
        if rec is None or rec.name not in ("add", "sub", "rsub") or None not in n.edges:
            return
        i = n.edges.index(None)
        name, other = rec.inputs[i], self.of(n.edges[1 - i])
        out = self.arrays.get((n, 0))
        if name in self.operand[n] or other is None or out is None or out.dtype.kind != "f":
            return
        signs = {"add": (1, 1), "sub": (1, -1), "rsub": (-1, 1)}[rec.name]
        with np.errstate(all="ignore"):
            c = (out.astype(np.float64) - signs[1 - i] * other.astype(np.float64)) * signs[i]
        if not c.size or not np.isfinite(c).all():
            return
        near = 4 * float(np.finfo(out.dtype).eps) * max(float(np.abs(out).max()), float(np.abs(other).max()), 1e-30)
        found = _number(c, near)
        fit = n.fit[i] if n.fit else None
        if found is None and fit is not None and fit[0] != c.shape:
            lead = c.ndim - len(fit[0])
            cut = tuple([0] * lead + [slice(0, 1) if s == 1 else slice(None) for s in fit[0]])
            c = c[cut]
        self.operand[n][name] = found if found is not None else c.astype(out.dtype)
        self.operand[n][name + " solved"] = True

    def _back(self, n) -> None:
        """The result of 2·x, -x or eˣ tells x, where nothing else does."""
        rec, out = n.record, self.arrays.get((n, 0))
        if rec is None or out is None or rec.name not in ("mul", "div", "neg", "exp"):
            return
        if n.edges[0] is None or n.fit or self.of(n.edges[0]) is not None:
            return
        if rec.name == "exp":
            if (out > 0).all() and np.isfinite(out).all():
                self._note(n.edges[0], np.log(out))
            return
        c = -1 if rec.name == "neg" else self.operand[n].get(rec.inputs[1])
        if isinstance(c, (int, float)) and c:
            self._note(n.edges[0], out * c if rec.name == "div" else out / out.dtype.type(c))

    def _again(self, n) -> None:
        rec = n.record
        whole = self.of(n.edges[0]) if isinstance(n, Parts) and n.saved else None
        if whole is not None:
            for j, part in enumerate(type(n).parts.forward(NP, whole, *n.saved[1:])):
                self.arrays.setdefault((n, j), part)
        if rec is None or (n, 0) in self.arrays or rec.name in ("copy_slices", "copy"):
            return
        saved = self.saved.get(n)
        if saved is None or any(p not in saved for p in rec.params):
            return
        args = self.inputs(n)
        if args is None or sum(getattr(a, "size", 0) for a in args) > _COSTLY:
            return
        args = [
            a.astype(np.result_type(*[v.dtype for v in args if type(v) is ndarray])) if type(a) is ndarray and n.fit else a for a in args
        ]
        try:
            with np.errstate(all="ignore"):
                params = [saved[p] for p in rec.params]
                made = rec.forward(NP, args, *params) if rec.variadic else rec.forward(NP, *args, *params)
        except Exception:  # an operand that only looked complete: the value stays unknown
            return
        made = (made,) if len(rec.outputs) == 1 and not rec.keeps else made
        for j, v in enumerate(made[: len(rec.outputs)]):
            if v is not None:
                self.arrays.setdefault((n, j), np.asarray(v))

    def shim(self, n):
        """What the reader needs of a node, its values unpacked."""
        rec, saved = n.record, self.saved[n] or {}
        values = tuple(saved.get(name) for name in rec.environment)
        return SimpleNamespace(record=rec, saved=values, edges=n.edges, fit=n.fit, name=n.name, extra=n.extra)


def _number(c, near: float):
    """The one simple number that all of `c` is, up to `near`; None if there is none."""
    middle = float(np.median(c))
    if float(np.abs(c - middle).max()) > 2 * near:
        return None
    for digits in range(1, 8):
        short = float(f"{middle:.{digits}g}")
        if abs(short - middle) <= near:
            return int(short) if short == int(short) and abs(short) < 1e6 else short
    return middle


def gradients(root_edge, gradient, nodes) -> tuple[dict, dict]:
    """({(node or leaf, nr): gradient}, {(node, edge number): what it hands on}) from a run of the engine; no `grad` is touched."""
    arrived: dict = {}
    handed: dict = {}
    hooks = []

    def watch(n):
        def before(gs):
            for i, g in enumerate(gs):
                if g is not None:
                    arrived[(n, i)] = np.array(g._a)

        def after(outs, gs):
            for i, g in enumerate(outs):
                if g is not None and not g.is_sparse:
                    handed[(n, i)] = np.array(g._a)

        hooks.append((n, n.register_prehook(before), n.register_hook(after), n.extra is None))

    untouched = [n.extra is None for n in nodes]
    for n in nodes:
        watch(n)
    was = state.grad
    switch(False)
    try:
        found = engine.run([(root_edge, gradient)], None, True, False)
    finally:
        switch(was)
        for (n, one, two, _), clean in zip(hooks, untouched):
            one.remove()
            two.remove()
            if clean:
                object.__setattr__(n, "extra", None)
            elif n.extra is not None:
                for key in ("before", "after"):
                    if not n.extra.get(key, True):
                        del n.extra[key]
    for leaf, g in found.items():
        arrived[(leaf, 0)] = np.asarray(getattr(g, "_a", g))
    return arrived, handed


def ones(like) -> Tensor:
    """The gradient that the engine starts with."""
    return make(np.ones(like.shape, like.dtype))
