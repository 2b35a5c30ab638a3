"""The course of a training: steps, losses, norms of gradients, parameters and updates; divergence told from them before anything overflows."""

import itertools
import math
from collections import deque
from typing import Any

import numpy as np

from .numbers import power, ratio, squares

ndarray, sqrt, inf, copyto, subtract = np.ndarray, math.sqrt, math.inf, np.copyto, np.subtract
SERIES = 2000  # points of a whole run's curves


class Followed:
    """One parameter: its name, its values before the step, Σ² of its values, its gradient and its last update; `seen`: its gradient's step."""

    __slots__ = ("before", "g2", "name", "p2", "seen", "spare", "tensor", "u2")

    def __init__(self, tensor, name: str, spare):
        self.tensor, self.name = tensor, name
        self.before = np.empty_like(tensor._a, order="C", subok=False)
        self.spare = spare  # where an update is worked out: memory that all parameters share
        self.p2 = self.g2 = self.u2 = 0.0
        self.seen = -1


class Row:
    """One step: loss, norms over all parameters, and each parameter's Σ² of gradient, update and values."""

    __slots__ = ("g2", "gradient", "loss", "norm", "p2", "ratio", "step", "u2")

    def __init__(self, step, loss, gradient, norm, ratio, g2, u2, p2):
        self.step, self.loss, self.gradient, self.norm, self.ratio = step, loss, gradient, norm, ratio
        self.g2, self.u2, self.p2 = g2, u2, p2


class Curve:
    """A series that stays short: when it is full, every second point goes and twice as many steps make a point."""

    def __init__(self):
        self.steps, self.values, self.stride = [], [], 1

    def add(self, step: int, value) -> None:
        """Note a value."""
        if step % self.stride == 0 and value is not None:
            self.steps.append(step)
            self.values.append(value)
            if len(self.values) > SERIES:
                self.steps, self.values, self.stride = self.steps[::2], self.values[::2], self.stride * 2


class Training:
    """What happened so far. `open()` before parameters are written, `close()` after."""

    def __init__(self, keep: int):
        self.step = 0
        self.rows: deque[Row] = deque(maxlen=max(keep, 8))
        self.curves = {key: Curve() for key in ("loss", "gradient", "norm", "ratio")}
        self.followed: dict[int, Followed] = {}  # id of a parameter -> what is known of it
        self.loss: float | None = None
        self.gradient: float | None = None
        self.reference: float | None = None  # the size of the first losses
        self.start_norm: float | None = None
        self.opened = False
        self.amplified = 1.0  # by what factor the last backward's gradients grew on their way
        self._room = np.empty(0, np.float32)
        self.jump: Any = None  # the row of an update many times larger than the parameters

    def follow(self, tensor, name) -> Followed | None:
        """Begin to follow a parameter; None for what has no ordinary memory."""
        found = self.followed.get(id(tensor))
        if found is None and type(tensor._a) is ndarray and tensor._a.dtype.kind in "fV" and not tensor.is_meta and not tensor.is_sparse:
            a = tensor._a
            if self._room.size < a.size or self._room.dtype is not a.dtype:
                self._room = np.empty(a.size, a.dtype)
            spare = self._room[: a.size].reshape(a.shape)
            found = self.followed[id(tensor)] = Followed(tensor, name() if callable(name) else name, spare)
            found.p2 = squares(tensor._a)
        return found

    def gradients(self, leaves) -> Any:
        """Note the norms of the gradients after a backward; gives the first leaf whose gradient is not finite."""
        total, bad = 0.0, None
        for leaf in leaves:
            g = leaf.tensor._grad
            if g is None or g.is_sparse:
                continue
            a = g._a
            if a.__class__ is not ndarray or a.dtype.kind not in "fV":
                continue
            s = leaf.power if leaf.given == 1 and leaf.array == id(a) else power(a)
            if not s < inf and a.size:
                if bad is None and not bool(np.isfinite(a).all()):
                    bad = leaf
                s = squares(a)
            found = self.followed.get(id(leaf.tensor))
            if found is not None:
                found.g2, found.seen = s, self.step
            total += s
        self.gradient = sqrt(total) if total >= 0 else total
        return bad

    def put(self, tensors) -> None:
        """Note the norms of gradients that no backward of this step gave: the user put them there."""
        given = [f for f in (self.followed.get(id(t)) for t in tensors) if f is not None and not f.tensor._grad.is_sparse]
        new = [f for f in given if f.seen != self.step]
        for f in new:
            f.g2, f.seen = squares(f.tensor._grad._a), self.step
        if new and len(new) == len(given):
            self.gradient = sqrt(sum(f.g2 for f in new))

    def open(self, tensors) -> None:
        """Remember the parameters' values: they are about to be written."""
        for t in tensors:
            found = self.followed.get(id(t))
            if found is not None:
                a = t._a
                if found.before.shape != a.shape or found.before.dtype is not a.dtype:
                    found.before = np.empty_like(a, order="C", subok=False)
                copyto(found.before, a)
        self.opened = True

    def close(self, tensors=None) -> Followed | None:
        """Note what the update did, and begin the next step; gives the first parameter that is not finite any more."""
        updated = total = 0.0
        bad = None
        every = list(self.followed.values())
        if self.start_norm is None:
            self.start_norm = sqrt(sum(f.p2 for f in every))
        chosen = every if tensors is None else [f for f in (self.followed.get(id(t)) for t in tensors) if f is not None]
        for f in chosen:
            a = f.tensor._a
            s = power(a)
            if not s < inf:
                if not bool(np.isfinite(a).all()):
                    return f
                s = squares(a)
            f.p2 = s
            if f.before.shape == a.shape and self.opened:
                d = subtract(a, f.before, f.spare) if f.spare.shape == a.shape and f.spare.dtype is a.dtype else subtract(a, f.before)
                u = power(d)
                f.u2 = u if u < inf else squares(d)
                updated += f.u2
        for f in every:
            total += f.p2
        norm, change = sqrt(total), sqrt(updated) if self.opened else None
        row = Row(self.step, self.loss, self.gradient, norm, None if change is None else ratio(change, norm),
                  [f.g2 for f in every], [f.u2 for f in every], [f.p2 for f in every])  # fmt: skip
        self.rows.append(row)
        for key, curve in self.curves.items():
            curve.add(self.step, getattr(row, key))
        self.step += 1
        self.opened = False
        return bad

    def lost(self, value: float) -> None:
        """Note a step's loss."""
        self.loss = value
        if self.reference is None and math.isfinite(value):
            self.reference = abs(value)

    def before(self, tensor):
        """A parameter's values before the update that is running or was the last."""
        found = self.followed.get(id(tensor))
        return None if found is None else found.before

    # ---- divergence -------------------------------------------------------------------------------------------------

    def diverged(self) -> str | None:
        """The code of a training that has got out of hand, while all its numbers are still finite; None for one that has not."""
        rows = list(self.rows)
        if not rows or rows[-1].loss is None or self.reference is None:
            return None
        last = rows[-1]
        scale = self.reference if self.reference > 1e-3 else 1.0
        if len(rows) >= 6 and (last.loss > 1e3 * scale or last.loss < -1e5 * max(scale, 1.0)):  # falling far may be what is wanted
            tail = rows[-6:]
            ups = sum(abs(b.loss) > abs(a.loss) for a, b in itertools.pairwise(tail) if a.loss is not None and b.loss is not None)
            grown = [r.gradient for r in tail if r.gradient is not None]
            if (
                ups >= 4
                and last.norm > 3 * max(self.start_norm or 0.0, tail[0].norm * 0.5, 1e-3)
                and len(grown) > 1
                and grown[-1] > 3 * grown[0]
            ):
                return "LW541"
        if last.ratio is not None and last.gradient is not None:
            size = max(abs(last.loss), 1.0)
            steep = self.amplified > 1e4 or (last.gradient > 1e6 * size and last.gradient > 1e3 * scale)
            if steep and last.ratio > 0.9 and (self.start_norm or 0) * 10 < last.norm:
                return "LW540"
            if self.jump is not None and last.step > self.jump.step:
                if last.step - self.jump.step <= 3 and last.loss > 100 * max(scale, abs(self.jump.loss or 0.0)):
                    return "LW541"
                if last.step - self.jump.step > 3:
                    self.jump = None
            if last.ratio > 0.9 and last.norm > 10 * max(self.start_norm or 0.0, 1.0) and self.jump is None:
                self.jump = last
        return None

    def raised(self) -> bool:
        """Whether the last loss is out of all proportion to the first one."""
        rows = [r for r in self.rows if r.loss is not None]
        scale = self.reference if self.reference and self.reference > 1e-3 else 1.0
        return len(rows) > 1 and abs(rows[-1].loss) > 1e3 * scale

    def growing(self) -> bool:
        """Whether the last steps show that the training was about to diverge: what an overflow may be laid to."""
        rows = [r for r in self.rows if r.norm is not None]
        if not rows:
            return False
        start = max(self.start_norm or rows[0].norm, 1e-3)
        losses = [abs(r.loss) for r in rows if r.loss is not None and math.isfinite(r.loss)]
        return rows[-1].norm > 10 * start or (len(losses) > 2 and losses[-1] > 100 * max(self.reference or losses[0], 1e-3))

    def leap(self) -> tuple | None:
        """(step, norm before, norm after) of the latest of the last updates that made the parameters several times larger; None."""
        rows = list(self.rows)[-4:]
        for i in reversed(range(len(rows))):
            before = rows[i - 1].norm if i else self.start_norm if not rows[i].step else None
            if before is not None and before > 1e-3 and rows[i].norm > 4 * before:
                return rows[i].step, before, rows[i].norm
        return None

    def history(self) -> dict:
        """The last steps' loss, norms and ratios, as lists."""
        rows = list(self.rows)
        out = {key: [getattr(r, key) for r in rows] for key in ("loss", "gradient", "ratio", "norm")}
        if self.loss is not None and (not rows or rows[-1].step != self.step):
            unfinished = self.loss if not rows or self.loss != rows[-1].loss else None
            if unfinished is not None:
                out["loss"].append(unfinished)
                if self.gradient is not None and self.gradient != (rows[-1].gradient if rows else None):
                    out["gradient"].append(self.gradient)
        return {k: [None if v is None else float(v) for v in vs] for k, vs in out.items()}

    def layers(self) -> list:
        """(name, gradient norms, update ratios) of each parameter over the last steps."""
        rows, out = list(self.rows), []
        for i, f in enumerate(self.followed.values()):
            have = [r for r in rows if i < len(r.g2)]
            out.append((f.name, [sqrt(r.g2[i]) if r.g2[i] >= 0 else inf for r in have], [sqrt(ratio(r.u2[i], r.p2[i])) for r in have]))
        return out
