"""The search for the first operation that made something infinite or undefined: at each operation, at each node of a backward.

A value that is not finite is a suspect where its operands are all finite, or where NaN came out of infinities. A suspect may stay
without consequence (`where` picks the other branch, a clamp cuts it off), so nothing is raised yet: its arrays are marked, the mark
is handed on by every operation that reads them, and only when a marked value reaches the loss, a gradient or a parameter is the
suspect that it goes back to named. Infinities put in on purpose, as in masks of -inf, are marked so and suspected of nothing.
"""

import sys
from math import sqrt

import numpy as np

from ...autograd import engine, modes
from ...autograd.node import Node, Port
from ...optim import optimizer as optimizers
from ...tensor import Tensor
from . import diagnose
from .finding import Finding
from .numbers import bad_rows, finite, inf, power, squares, troubles
from .origins import INTENDED, Origins, Suspect, behind, called, plain, shapers
from .safe import BACKWARD, FORWARD, LOOPS, WEIGHED
from .sites import Place, around, composed, stack_places, users

ndarray, frame_at = np.ndarray, sys._getframe
_STEP = optimizers._with_hooks(lambda self: None).__code__
_RUN, _PULL = engine.run.__code__, engine._pull_tensors.__code__


class Leaf:
    """A leaf that a backward has reached: the operation that used it, the suspect of its gradient, and that gradient's Σ²."""

    __slots__ = ("array", "given", "power", "site", "suspect", "tensor")

    def __init__(self, tensor, site):
        self.tensor, self.site = tensor, site
        self.suspect: Suspect | None = None
        self.power, self.array, self.given = 0.0, 0, 0  # of the array with this id; how many gradients came


def _phase(frame) -> str | None:
    """In what phase an operation runs, by the frames around it; None where the engine itself runs it, which looks at its own results."""
    seen = False
    while frame is not None:
        code = frame.f_code
        if code is _RUN:
            return "backward"
        if code is _PULL and not seen:
            return None
        if code is _STEP and not modes.state.grad:
            return "optimizer"
        if code.co_name == "scale" and code.co_filename.endswith("grad_scaler.py"):
            return None
        if not seen and not code.co_filename.startswith(_HOME):
            seen = True
        frame = frame.f_back
    return "forward"


_HOME = __file__[: -len("explain/watch/detect.py")]


class Detector(Origins):
    """Looks at what operations and derivatives give. `report(suspect, reached)` is called where one has consequences."""

    def __init__(self, watch):
        self.watch = watch
        self.sites: dict[int, tuple] = {}  # id of a node -> (record, code, instruction, module, (code, instruction) of the callers)
        self._last_frame: tuple = (None, ())  # where the last operation ran, and those callers
        self.marks: dict[int, tuple] = {}  # id of an array -> (the array, its suspect)
        self.pending: list[Suspect] = []  # of this step, in order
        self.early: dict[int, Suspect] = {}  # id of an array -> the suspect, of what was made before the training began
        self.leaves: dict[int, Leaf] = {}  # id of a leaf -> what this backward brought it
        self.base = self.peak = 0.0  # Σ² of the gradients near the loss, and of the largest met in this backward
        self.nodes = 0
        self.examples = 0  # of the batch at work, where no loader and no module has told
        self.update: tuple | None = None  # of a training without optimizer: the operation that wrote a parameter last

    # ---- forward --------------------------------------------------------------------------------------------------------

    def operation(self, rec, call, args):
        """Run one operation and look at its result: the interposer's hook."""
        out = call(*args)
        watch = self.watch
        if not watch.on:
            return out
        frame = users(frame_at(3))
        code, at = (None, 0) if frame is None else (frame.f_code, frame.f_lasti)
        try:
            stack = watch._local.modules
            module = stack[-1] if stack else None
        except AttributeError:
            module = None
        name = rec.name
        look = (name not in FORWARD or self.marks) and not watch.poisoned
        for t in (out,) if out.__class__ is Tensor else out if out.__class__ in (tuple, list) else ():
            if not isinstance(t, Tensor):
                continue
            node = t._node
            if node is not None and t._rg:
                self.sites[id(node.node if node.__class__ is Port else node)] = (rec, code, at, module, self._around(frame))
            if look:
                a = t._a
                if a.__class__ is ndarray and a.dtype.kind in "fcV" and not power(a) < inf and not finite(a):
                    self._suspect(rec, args, t, Place.of(code, at), module)
        if not watch._stepped and not modes.all_on and args and isinstance(args[0], Tensor) and args[0]._rg and args[0]._node is None:
            self.update = (rec, code, at, module)  # a parameter is about to be written by hand
        if watch.sampling or watch.tape is not None:
            watch.sampled(rec, args, out, (code, at), module)
        return out

    def _around(self, frame) -> tuple:
        """The user's frames around this one, as (code, instruction); they stay the same while it runs."""
        back = frame.f_back if frame is not None else None
        if back is None:
            return ()
        key = id(frame), id(back), back.f_lasti
        if self._last_frame[0] != key:
            self._last_frame = key, around(back)
        return self._last_frame[1]

    def _operands(self, rec, args) -> list:
        """(name, tensor or number) of an operation's operands."""
        if rec.variadic:
            return [(f"x{i}", t) for i, t in enumerate(args[0])]
        names = rec.inputs or ("x",)
        return [(names[i] if i < len(names) else f"x{i}", v) for i, v in enumerate(args[: max(len(names), 1)]) if v is not None]

    def _suspect(self, rec, args, t, place, module) -> None:
        frame = frame_at(2)
        phase = _phase(frame)
        if phase is None:
            return
        operands = self._operands(rec, args)
        out_nan, _ = troubles(t._a)
        in_nan = in_inf = False
        mark: Suspect | None = None
        bad = None
        for _, v in operands:
            if isinstance(v, Tensor) and v._a.__class__ is ndarray:
                nan, infinite = troubles(v._a)
                if nan or infinite:
                    found = self.mark_of(v)
                    if found is not None and found.unread:
                        self._read(found, rec, place, module, phase)
                    if found is None:
                        found = self._from_outside(rec, v, operands, place, module, phase)
                    if mark is None or mark.intended:
                        mark, bad = found, v
                in_nan, in_inf = in_nan or nan, in_inf or infinite
            elif isinstance(v, float) and abs(v) == inf:
                in_inf = True
                mark = mark or INTENDED
        if mark is None and _writes_infinity(args):
            mark = INTENDED
        if mark is not None and not mark.intended:
            self._hand_on(t, mark)
            self._consequence(t, args, mark, phase)
            return
        if mark is not None and (in_nan or not out_nan):
            if mark is INTENDED:  # its finding is made only if it reaches the loss after all
                mark = Suspect(None, True)
                whole = composed(frame)
                mark.make = lambda: self._new(rec, args, operands, t, place, module, phase, True, whole).finding
            self._hand_on(t, mark)
            return
        suspect = self._of_buffer(rec, place, module, phase) or self._new(
            rec, args, operands, t, place, module, phase, in_inf, composed(frame)
        )
        self._hand_on(t, suspect)
        self._consequence(t, args, suspect, phase, fresh=True)
        del bad

    def _read(self, suspect, rec, place, module, phase) -> None:
        f, suspect.unread = suspect.finding, False
        f.op, f.place, f.phase = called(rec.name, module, place), place, phase
        f.module = self.watch.path(module) or f.module

    def _new(self, rec, args, operands, t, place, module, phase, of_infinity, whole) -> Suspect:
        watch, (outer, inner) = self.watch, whole
        params = dict(zip(rec.params, args[1:] if rec.variadic else args[len(rec.inputs) :]))
        arrays = [(n, v._a if isinstance(v, Tensor) else v) for n, v in operands]
        if rec.name == "power_half":
            arrays.append(("y", 0.5))
        if rec.name in ("std", "var") and len(arrays) == 1:
            params.setdefault("axis", None)
        if outer:
            found = diagnose.composed(outer, inner, arrays, t._a, of_infinity)
        else:
            found = diagnose.forward(plain(rec.name), arrays, params, t._a, of_infinity)
        if found.code == "LW510" and not outer and t._node is not None:
            found.notes += diagnose.zeros(shapers(t._node))
        leaves, self.examples = behind(t._node)
        name = outer or called(rec.name, module, place)
        suspect = Suspect(self._finding(found, name, phase, place, module, t._a, [a for _, a in arrays]))
        suspect.weights = leaves if watch.training.step == 0 else []
        suspect.finding.stack = stack_places(frame_at(3))  # type: ignore[union-attr]
        suspect.early = not watch.begun and phase == "forward"
        self.pending.append(suspect)
        return suspect

    def _finding(self, found, name, phase, place, module, result, arrays) -> Finding:
        watch = self.watch
        size, self.examples = watch.data.size() or self.examples, 0
        rows = None
        for a in (result, *arrays):
            if (isinstance(a, ndarray) and size and a.dtype.kind in "fcV" and not finite(a)) or a is result:
                rows = bad_rows(a, size) if size else None
                if rows:
                    break
        f = Finding(found.code, name, phase, place, watch.path(module), values=found.values, count=found.count, size=result.size,
                    shape=result.shape, dtype=str(result.dtype), rows=rows or None, batch_size=size, notes=found.notes)  # fmt: skip
        watch.date(f)
        return f

    def _consequence(self, t, args, suspect, phase, fresh=False) -> None:
        """A parameter is about to be overwritten by it; or, where no graph is recorded, a single number came out: a loss."""
        if modes.state.grad or self.watch.scaling():
            return
        first = args[0] if args else None
        if isinstance(first, Tensor) and first._rg and first._node is None and t._a.shape == first._a.shape and phase != "backward":
            if self.watch.writes_parameters(first):
                self.watch.reached(suspect, "parameters")
        elif t._a.size == 1 and not fresh and phase == "forward" and suspect.finding.size > 1:
            self.watch.reached(suspect, "evaluation")

    # ---- marks ----------------------------------------------------------------------------------------------------------

    def _hand_on(self, t, suspect) -> None:
        a = t._a
        self.marks[id(a)] = (a, suspect)
        if suspect.early and not self.watch.begun:
            self.early[id(a)] = suspect

    def mark_of(self, t) -> Suspect | None:
        """The suspect that a tensor's values go back to; None where they came from elsewhere."""
        return self.mark_of_array(t._a, t._base)

    def mark_of_array(self, a, base=None) -> Suspect | None:
        """The same of an array."""
        found = self.marks.get(id(a))
        if found is None and base is not None:
            found = self.marks.get(id(base._a))
        if found is None and a.base is not None:
            found = self.marks.get(id(a.base))
        if found is not None:
            return found[1]
        for held, suspect in self.marks.values():
            if held.size and np.may_share_memory(held, a):
                return suspect
        return None

    def last(self) -> Suspect | None:
        """The latest suspect of this step."""
        return self.pending[-1] if self.pending else None

    def forget(self) -> list:
        """Begin a new step; gives the suspects that stayed without consequence."""
        left, self.pending = [s for s in self.pending if not s.early], []
        self.marks = {key: mark for key, mark in self.marks.items() if mark[1].early and key in self.early}
        if len(self.sites) > 20000:
            self.sites = {}
        return left

    # ---- backward -------------------------------------------------------------------------------------------------------

    def backward_begins(self) -> None:
        """A new backward: no leaf has been met yet."""
        self.leaves = {}
        self.base = self.peak = 0.0
        self.nodes = 0

    def amplification(self) -> float:
        """By what factor gradients grew on their way from the loss."""
        return sqrt(self.peak / self.base) if self.base and self.peak < inf else 1.0

    def node(self, node, g, out) -> None:
        """Look at what one node gave for its inputs: called by the engine."""
        if not self.watch.on:
            return
        rec = node.record
        look = (rec is None or rec.name not in BACKWARD or bool(self.marks)) and not self.watch.poisoned
        for edge, v in zip(node.edges, out):
            if edge is None or v is None:
                continue
            a = v if v.__class__ is ndarray else getattr(v, "_a", None)
            leaf = None
            if edge.__class__ is not Port and not isinstance(edge, Node):
                leaf = self.leaves.get(id(edge))
                if leaf is None:
                    leaf = self.leaves[id(edge)] = Leaf(edge, self.sites.get(id(node)))
                leaf.given += 1
            if not look or a.__class__ is not ndarray or a.dtype.kind not in "fcV":
                continue
            s = power(a)
            if s < inf:
                if leaf is not None:
                    leaf.power, leaf.array = s, id(a)
                    if not (rec is not None and rec.name in LOOPS):
                        continue
                self._grown(rec, g, s)
            elif finite(a):  # too large for the sum in float32, not for the numbers themselves
                if leaf is None or (rec is not None and rec.name in LOOPS):
                    self._grown(rec, g, squares(a))
            else:
                suspect = self._suspect_of_node(node, g, a)
                if suspect is not None:
                    self.marks[id(a)] = (a, suspect)
                    if leaf is not None and leaf.suspect is None:
                        leaf.suspect = suspect
        if self.watch.tape is not None:
            self.watch.tape.backward(node, self.site_of(node), g, out)

    def _grown(self, rec, g, s: float) -> None:
        """Note how large a gradient on its way is, beside those near the loss."""
        if rec is not None and rec.name in LOOPS:
            self.base = self.base or max([squares(v) for v in (g if isinstance(g, list) else [g]) if v.__class__ is ndarray], default=0.0)
            self.peak = max(self.peak, s)
        elif self.nodes < 4:
            self.nodes += 1
            self.base = max(self.base, s)
        elif s > self.peak:
            self.peak = s

    def _site(self, node) -> tuple | None:
        """What `sites` knows of the operation whose derivative a node is."""
        found = self.sites.get(id(node))
        if found is None or (node.record is not None and found[0] is not node.record):
            for edge in node.edges:  # a node made beside the operation: its neighbour's line
                near = edge.node if edge.__class__ is Port else edge
                if isinstance(near, Node) and id(near) in self.sites:
                    return self.sites[id(near)]
            return None
        return found

    def site_of(self, node) -> tuple:
        """(place, module) of the operation whose derivative a node is."""
        found = self._site(node)
        return (None, None) if found is None else (Place.of(found[1], found[2]), found[3])

    def weighing(self, site) -> tuple:
        """The operation with weights behind the use of a parameter: of `h @ w.t()` the product, not the transposition."""
        if plain(site[0].name) in WEIGHED:
            return site
        near = [s for s in self.sites.values() if s[1] is site[1] and s[3] is site[3] and plain(s[0].name) in WEIGHED]
        line = str(Place.of(site[1], site[2]))
        return next((s for s in near if s[2] == site[2]), None) or next((s for s in near if str(Place.of(s[1], s[2])) == line), site)

    def _suspect_of_node(self, node, g, a) -> Suspect | None:
        came = [v if v.__class__ is ndarray else getattr(v, "_a", None) for v in (g if isinstance(g, list | tuple) else [g])]
        for v in came:
            if v.__class__ is ndarray and v.dtype.kind in "fcV" and not finite(v):
                found = self.marks.get(id(v))
                if found is not None and not found[1].intended:
                    return found[1]
                if self.pending:
                    return self.pending[-1]
                return self._from_gradient(node, v)
        made = self.mark_of_array(a)  # by an operation within the user's own Function
        if made is not None and not made.intended:
            return made
        rec = node.record
        place, module = self.site_of(node)
        name = called(rec.name, module, place) if rec is not None else node.name()
        operands, results, hidden, earlier = self._saved(node)
        if earlier is not None and earlier.finding is not None:
            f = earlier.finding
            if f.phase == "forward" and not earlier.intended and not f.reached:
                earlier.hide()
            return earlier
        g0 = came[0] if len(came) == 1 and came[0] is not None else None
        found = diagnose.backward(name, g0, operands, results, a, hidden)
        self.examples = 0 if self.watch.data.size() else behind(node)[1]
        suspect = Suspect(self._finding(found, name, "backward", place, module, a, [v for _, v in operands]))
        site = self._site(node)
        suspect.finding.stack = stack_places(frame_at(2)) if site is None else [place, *(Place.of(*caller) for caller in site[4])]  # type: ignore[union-attr]
        self.pending.append(suspect)
        return suspect

    def _saved(self, node) -> tuple:
        """(operands, results, whether the operation's own value was not finite, the suspect of a saved value) from what a node saved."""
        rec, saved = node.record, node.saved
        operands: list = []
        results: list = []
        hidden, earlier = False, None
        if rec is None or not saved or len(saved) != len(rec.environment):
            return operands, results, hidden, earlier
        for name, v in zip(rec.environment, saved):
            if v.__class__ is not ndarray or v.dtype.kind not in "fcV":
                if name in rec.inputs and isinstance(v, int | float):
                    operands.append((name, v))
                elif name in rec.params and isinstance(v, int | float) and not isinstance(v, bool) and rec.name == "pow":
                    operands.append((name, v))
                continue
            own = name in rec.outputs
            (results if own else operands).append((name, v))
            if not finite(v):
                mark = self.marks.get(id(v))
                hidden = hidden or own
                if mark is not None and not mark[1].intended and earlier is None:
                    earlier = mark[1]
        if earlier is None:
            site = self.sites.get(id(node))
            if site is not None:
                place = Place.of(site[1], site[2])
                for suspect in self.pending:  # its own value, which it didn't save: a masked log of 0
                    f = suspect.finding
                    if (
                        f is not None
                        and f.op == plain(rec.name)
                        and (f.phase == "forward" or suspect.forward is not None)
                        and f.place
                        and place
                        and str(f.place) == str(place)
                    ):
                        earlier = suspect
        if not operands:
            operands, results = results, []
        if rec.name == "power_half":
            operands.append(("y", 0.5))
        return operands, results, hidden, earlier

    def _from_gradient(self, node, v) -> Suspect:
        """A gradient that was not finite when it came to a node, and that no node gave: added up, or handed in by the user."""
        place, module = self.site_of(node)
        count, values = diagnose.elements([], v)
        values = [{**w, "told": "gradient"} for w in values]
        name = plain(node.record.name) if node.record is not None else node.name()
        suspect = Suspect(self._finding(diagnose.Diagnosis("LW545", values, count), name, "backward", place, module, v, []))
        self.pending.append(suspect)
        return suspect


def _writes_infinity(args) -> bool:
    """Whether a plain argument of the operation is itself infinite: `masked_fill(mask, -inf)`, `where(ok, x, inf)`."""
    return any(isinstance(v, float) and abs(v) == inf for v in args)
