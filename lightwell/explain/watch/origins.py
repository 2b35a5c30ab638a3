"""Where values that are not finite came from: a batch, a parameter, something written over in place, or a mask put there on purpose.

A watch asks here where an operation reads what no operation that it saw has made; and what stands behind a tensor in its graph.
"""

import sys
from typing import Any

import numpy as np

from ...autograd.node import Node, Port
from ...tensor import Tensor
from . import diagnose
from .codes import entry
from .finding import Finding
from .numbers import bad_rows, finite, troubles
from .safe import WEIGHED
from .sites import stack_places

__all__ = ["INTENDED", "Origins", "Suspect", "called", "plain"]

HIDEABLE = frozenset("LW510 LW511 LW512 LW513 LW514 LW515 LW516 LW517".split())  # what `where`, a mask or a clamp hides forward
COMPARING = frozenset("sub mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy binary_cross_entropy_with_logits".split())
MOST = 20000  # nodes of a graph that are looked through


class Suspect:
    """Something that made a value infinite or undefined. `intended`: an infinity that somebody put there."""

    def __init__(self, finding: Finding | None, intended: bool = False):
        self.finding, self.intended = finding, intended
        self.early = False  # made before the training began, while data were prepared: kept in mind to the end
        self.unread = False  # a parameter that wasn't finite when it was first met, and that no operation has read yet
        self.arrays: Any = None
        self.make: Any = None  # of an intended infinity: makes the finding
        self.weights: list = []  # before the first step: the leaves that it was computed from
        self.forward: Any = None  # (code, phase, notes) before a backward brought it up

    def hide(self) -> None:
        """A backward has brought up what was hidden forward: the finding says so."""
        f = self.finding
        self.forward = f.code, f.phase, f.notes
        f.phase = "backward"
        if f.code in HIDEABLE:
            title = entry(f.code).title
            f.notes = [(f"forward cause: {title[0]}", f"前向的原因：{title[1]}"), *f.notes, (
                f"forward, {f.op} gave this value, and it was hidden; backward, the gradient 0 of the hidden branch met it: 0·inf = NaN",
                f"前向时 {f.op} 产生了这个值并被遮住；反向时被遮住分支的梯度 0 与它相乘：0·inf = NaN",
            )]  # fmt: skip
            f.code = "LW534"

    def reveal(self, outputs) -> None:
        """Nothing was hidden where what was differentiated isn't finite itself."""
        if self.forward is not None and any(not finite(t._a) for t in outputs if t._a.__class__ is np.ndarray and t._a.dtype.kind in "fcV"):
            self.finding.code, self.finding.phase, self.finding.notes = self.forward


INTENDED = Suspect(None, True)


class Origins:
    """The part of a detector that knows what came in from outside."""

    early: dict
    marks: dict
    pending: list
    examples: int
    watch: Any
    _finding: Any
    _hand_on: Any

    def _from_outside(self, rec, v, operands, place, module, phase) -> Suspect:
        """The suspect for an operand that isn't finite and that no operation seen has made."""
        watch = self.watch
        nan, _ = troubles(v._a)
        if watch.is_parameter(v):
            if not nan and not v._rg:  # a buffer that holds a mask, or extremes that begin at infinity
                suspect = Suspect(None, True)
                suspect.make = lambda: self._of_parameter(rec, v, place, module, phase).finding
                self._hand_on(v, suspect)
                return suspect
            return self.made_by(v) or self._parameter_written(v) or self._of_parameter(rec, v, place, module, phase)
        written = self.made_by(v)
        if written is not None:
            return written
        added = rec.name == "add" and not np.isposinf(v._a).any()
        used = plain(rec.name) in COMPARING or plain(rec.name) in WEIGHED  # as a label, or as data
        if not nan and (added or (not used and watch.data.masked())):  # a mask, whoever handed it in
            self._hand_on(v, INTENDED)
            return INTENDED
        held = watch.data.holds(v._a)
        source = held[1] if held else v
        if held is None:  # derived from the batch by operations that only move numbers?
            broken = [(i, t) for i, t in enumerate(watch.data.tensors) if not finite(t._a)]
            inputs = [t for t in watch.data.inputs if t._a.dtype.kind in "fcV" and not finite(t._a)]
            if broken:
                held = broken[0]
                source = held[1]
            elif inputs:
                held, source = (0, inputs[0]), inputs[0]
        if held is None and self.pending and not self.pending[-1].intended:
            return self.pending[-1]
        if held is not None:  # made while the data were prepared
            for early in reversed(list(self.early.values())):
                f = early.finding
                if f is not None and f.shape[1:] == source._a.shape[1:] and f.phase == "forward":
                    f.rows, f.batch_size = bad_rows(source._a, watch.data.size()), watch.data.size()
                    return early
        as_input = held is not None and (held[0] == 0 or any(np.may_share_memory(source._a, t._a) for t in watch.data.inputs if t._a.size))
        of_graph = any(w is not v and isinstance(w, Tensor) and w._node is not None for _, w in operands)
        compared = of_graph and plain(rec.name) in COMPARING and v._a.ndim > 0
        if held is None and not nan and not compared and plain(rec.name) not in WEIGHED and not any(v is t for t in watch.data.inputs):
            self._hand_on(v, INTENDED)
            return INTENDED
        label = not as_input and (held is not None or (of_graph and plain(rec.name) not in WEIGHED))
        code = "LW503" if label else "LW501" if nan else "LW502"
        return self._outside(code, rec, v, source, place, module, phase)

    def _of_parameter(self, rec, v, place, module, phase) -> Suspect:
        name, shape = self.watch.parameter_name(v), list(v._a.shape)
        told = [(f"the parameter is {name}, shape {shape}", f"这个参数是 {name}，形状 {shape}")]
        return self._outside("LW504", rec, v, v, place, module, phase, told)

    def _of_buffer(self, rec, place, module, phase) -> Suspect | None:
        """A normalisation reads its module's running statistics, which may be infinite."""
        held = module._buffers.values() if module is not None and rec.name in diagnose.NORMS else ()
        bad = next((t for t in held if t is not None and t._a.__class__ is np.ndarray and not finite(t._a)), None)
        return None if bad is None else self._of_parameter(rec, bad, place, module, phase)

    def made_by(self, v) -> Suspect | None:
        """The suspect that a tensor's values go back to though no operation gave that tensor: they were written into it."""
        found = self._written_over(v)
        if found is not None:
            self._hand_on(v, found)
        return found

    def _written_over(self, v) -> Suspect | None:
        """The suspect whose values were written over this tensor's, or over a part of them: by `x /= s`, `x[3] = y`, `copy_`, `out=x`."""
        part = None
        for held, suspect in reversed(list(self.marks.values())):
            if suspect.intended or suspect.unread or suspect.finding is None or suspect.finding.phase == "data":
                continue
            if held.shape == v._a.shape:
                if _same_places(held, v._a):
                    return suspect
            if part is None and v._version and _may_be_part(held, v._a):
                part = suspect
        return part

    def _outside(self, code, rec, v, source, place, module, phase, notes=()) -> Suspect:
        for suspect in self.pending:  # the same broken batch, read again
            f = suspect.finding
            if f is not None and f.code == code and suspect.arrays is source._a:
                return suspect
        self.examples = source._a.shape[0] if code != "LW504" and source._a.ndim > 1 else 0
        count, values = diagnose.elements([], source._a)
        told = self.watch.parameter_name(v) if code == "LW504" else "label" if code == "LW503" else "input"
        values = [{**w, "told": told} for w in values]
        found = diagnose.Diagnosis(code, values, count, notes)
        f = self._finding(found, called(rec.name, module, place), "data" if code != "LW504" else phase, place, module, source._a, [])
        f.stack = stack_places(sys._getframe(4))
        suspect = Suspect(f)
        suspect.arrays = source._a
        self._hand_on(source, suspect)
        self.pending.append(suspect)
        return suspect

    def _parameter_written(self, v) -> Suspect | None:
        """A parameter that an operation of this step or the last has overwritten by hand."""
        for suspect in reversed(self.pending):
            f = suspect.finding
            if f is not None and tuple(f.shape) == tuple(v._a.shape) and f.code != "LW504":
                return suspect
        return None


def _same_places(held, a) -> bool:
    """Whether two arrays have NaN and infinities at the same places."""
    return bool(np.array_equal(np.isnan(held), np.isnan(a)) and np.array_equal(np.isinf(held), np.isinf(a)))


def _may_be_part(held, a) -> bool:
    """Whether what is not finite in `a` may be what is not finite in a smaller array, written into it once or more."""
    nan, infinite = troubles(held)
    nans, infinities = troubles(a)
    return held.size < a.size and (nan or not nans) and (infinite or not infinities)


def behind(node) -> tuple[list, int]:
    """(the leaves of a graph, the number of examples: rows of a constant that meets weights; 0 where none does)."""
    stack: list = [node]
    seen: set = set()
    leaves, size = [], 0
    while stack and len(seen) < MOST:
        edge = stack.pop()
        edge = edge.node if edge.__class__ is Port else edge
        if edge is None or id(edge) in seen:
            continue
        seen.add(id(edge))
        if not isinstance(edge, Node):
            leaves.append(edge)
            continue
        stack.extend(edge.edges)
        rec = edge.record
        if rec is not None and plain(rec.name) in WEIGHED and rec.inputs and edge.edges[0] is None and edge.saved:
            x = dict(zip(rec.environment, edge.saved)).get(rec.inputs[0])
            if isinstance(x, np.ndarray) and x.ndim >= 2:
                size = int(x.shape[0])
    return leaves, size


def shapers(node) -> set:
    """The names of the operations behind a node, up to those with weights."""
    stack: list = [node]
    seen: set = set()
    names: set = set()
    while stack and len(seen) < MOST:
        edge = stack.pop()
        edge = edge.node if edge.__class__ is Port else edge
        if not isinstance(edge, Node) or id(edge) in seen:
            continue
        seen.add(id(edge))
        name = plain(edge.record.name) if edge.record is not None else ""
        if name not in WEIGHED:
            names.add(name)
            stack.extend(edge.edges)
    return names


def plain(name: str) -> str:
    """A record's name as the user would write the operation."""
    return {"power_half": "pow", "mean_dim": "mean", "sum_dim": "sum", "rsub": "sub", "prod_dim": "prod", "to_copy": "to", "mean_square": "mse_loss",
            "addmm": "linear", "linalg_slogdet": "slogdet"}.get(name, name)  # fmt: skip


def called(name: str, module, place=None) -> str:
    """The same, by the name that the module's function has, or the operator that the user wrote."""
    text = place.text if place is not None else ""
    if name == "reciprocal" and "/" in text and name not in text:
        return "div"
    if name == "square" and "**" in text and "square(" not in text:
        return "pow"
    name = plain(name)
    return "linear" if name == "mm" and type(module).__name__ == "Linear" else name
