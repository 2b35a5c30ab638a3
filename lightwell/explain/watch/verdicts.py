"""From what was seen to a verdict: findings are dated, completed by the history, saved, and raised or told."""

import math
import sys
import warnings
from typing import Any

from ...autograd import modes
from ...tensor import Tensor
from . import diagnose
from .codes import entry
from .finding import Exploded, Finding, HealthWarning
from .numbers import finite, show, squares
from .origins import Suspect, called
from .safe import LOOPS
from .sites import Place, here, stack_places, users

__all__ = ["Verdicts"]

STRUCTURAL = frozenset("LW504 LW505 LW518 LW519 LW520 LW524 LW526".split())  # no smaller operand would help


class Verdicts:
    """The part of a watch that decides what a finding is and what becomes of it."""

    action: str
    data: Any
    detector: Any
    findings: list
    on: bool
    optimizers: list
    path: Any
    poisoned: bool
    save: Any
    script: Any
    stepping: Any
    training: Any
    _backwards: int
    _counts: dict
    _names: dict
    _scaled: int
    _shadow: dict
    _stepped: bool
    _told: set

    def _unseen(self, t) -> Suspect:
        """The loss is not finite, and no operation that was seen made it so."""
        frame = sys._getframe(2)
        code, at = here(frame)
        count, values = diagnose.elements([], t._a)
        found = diagnose.Diagnosis("LW525", [{**v, "told": "loss"} for v in values], count)
        f = self.detector._finding(found, "loss", "forward", Place.of(code, at), None, t._a, [])
        f.stack = stack_places(frame)
        return Suspect(f)

    def _bad_update(self, optimizer, bad) -> None:
        """A parameter was finite before the optimizer's step and isn't after it."""
        frame = sys._getframe(2)
        code, at = here(frame)
        t, name = bad.tensor, type(optimizer).__name__
        g, before = t._grad, bad.before
        if not finite(before):
            suspect = self.detector.last()
            found = diagnose.Diagnosis("LW504", *_elements([], before)[::-1])
        else:
            suspect = self.detector.last() if g is not None and not finite(g._a) else None
            operands: list = [("parameter", before)] + ([] if g is None else [("gradient", g._a)])
            state = self._shadow.get(id(optimizer), {}).get(id(t), {})
            after = {k: v._a for k, v in optimizer.state.get(t, {}).items() if isinstance(v, Tensor) and v._a.shape == t._a.shape}
            count, values = diagnose.elements([*operands, *after.items()], t._a)
            values = [
                {**v, "told": f"{name}(" + ", ".join(f"{k} {diagnose.show(n)}" for k, n in v["operands"].items()) + ")"} for v in values
            ]
            group = next(gr for gr in optimizer.param_groups if any(p is t for p in gr["params"]))
            eps = group.get("eps", 1)
            under = [
                v
                for k, v in (values[0]["operands"] if values else {}).items()
                if k in ("exp_avg_sq", "square_avg", "sum", "exp_inf", "max_exp_avg_sq")
            ]
            code_ = "LW545" if g is not None and not finite(g._a) else "LW542" if not eps and 0.0 in under else "LW543"
            lr = group.get("lr")
            lr = float(lr) if lr is not None else None
            notes = [(f"lr = {lr}, eps = {eps}", f"lr = {lr}，eps = {eps}")] if "eps" in group else [(f"lr = {lr}", f"lr = {lr}")]
            if code_ == "LW543" and self.training.growing():
                code_ = "LW541"
            found = diagnose.Diagnosis(code_, values, count, notes)
            del state
        if suspect is None or suspect.finding is None:
            f = self.detector._finding(found, f"{name}.step", "optimizer", Place.of(code, at), None, t._a, [])
            f.rows, f.module, f.of_parameter, f.stack, f.optimizer = None, bad.name, True, stack_places(frame), name
            suspect = Suspect(f)
        self.reached(suspect, "parameters", t, phase="optimizer")

    def _hidden(self) -> None:
        """Report, once for each line, what stayed without consequence in this step; and begin the next."""
        for suspect in self.detector.forget():
            f = suspect.finding
            if f is None or self._scaled or f.reached or self.poisoned:
                continue
            key = ("hidden", str(f.place), f.op)
            if key not in self._told:
                self._told.add(key)
                f.notes = [(f"what it was: {entry(f.code).title[0]}", f"具体是：{entry(f.code).title[1]}"), *f.notes]
                f.code = "LW553"
                self._warn(f)

    def _diverged(self, code: str) -> None:
        frame = sys._getframe(3)
        place, module, name, largest = None, "", "step", None
        if code == "LW540" and self._overshot():
            code = "LW541"
        if code == "LW540":
            weights = [f for f in self.training.followed.values() if f.tensor._a.ndim > 1] or self.training.followed.values()
            largest = max(weights, key=lambda f: f.g2, default=None)
            used = self.detector.leaves.get(id(largest.tensor)) if largest is not None else None
            site = used.site if used is not None else None
            if site is not None:
                site = self.detector.weighing(site)
                place, module, name = (
                    Place.of(site[1], site[2]),
                    self.path(site[3]),
                    called(site[0].name, site[3], Place.of(site[1], site[2])),
                )  # type: ignore[union-attr]
        if place is None and not self._stepped and self.detector.update is not None:
            rec, instruction, at, module_ = self.detector.update
            place = Place.of(instruction, at)
            name = called(rec.name, module_, place)
        if place is None:
            place = Place.of(*here(frame))
            name = f"{type(self.stepping).__name__}.step" if self._stepped else "step"
        f = Finding(code, name, "backward" if code == "LW540" else "training", place, module, stack=stack_places(frame))
        self.date(f)
        f.step -= 1  # the update has been made already
        row = self.training.rows[-1]
        if code == "LW540":
            if largest is not None:
                f.notes.append((f"the largest gradient is that of {largest.name}", f"梯度最大的参数是 {largest.name}"))
            f.notes.append((
                f"the gradient's norm is {show(row.gradient)} at a loss of {show(row.loss)}; on its way back it grew {self.training.amplified:.1g}-fold",
                f"损失为 {show(row.loss)} 时梯度范数达 {show(row.gradient)}；反传途中放大了 {self.training.amplified:.1g} 倍",
            ))  # fmt: skip
        self.reached(Suspect(f), "training", phase="optimizer")

    def _complain(self, code, units, note, path) -> None:
        key = (code, "" if code == "LW550" else path)
        if key in self._told:
            return
        self._told.add(key)
        op, place = (units.op, units.place) if units is not None else ("backward", None)
        f = Finding(code, op, "training", place, path, notes=[note], of_parameter=code == "LW550")
        self.date(f)
        f.history, f.layers = self.training.history(), self.training.layers() if code == "LW550" else []
        self._warn(f)

    def date(self, f: Finding) -> None:
        """Write when it was into a finding."""
        begun = self._backwards > 0 and not self._stepped and modes.state.grad  # by hand: the last step is closed only by the next backward
        f.step = max(self._counts.values(), default=self.training.step + begun) + 1
        f.epoch, f.batch = self.data.epoch, self.data.number

    def _finish(self, suspect, reached: str, phase: str | None = None) -> None:
        """Complete a suspect's finding by what the history knows, and save the step."""
        f = suspect.finding
        f.reached = reached
        f.history, f.layers = self.training.history(), sorted(self.training.layers(), key=lambda v: -(v[1][-1] if v[1] else 0))
        if f.rows and self.data.items and len(self.data.items) == f.batch_size:
            f.items = [int(self.data.items[r]) for r in f.rows]
        if f.code in diagnose.GENERIC:
            if self.training.growing():
                f.notes.insert(0, (f"what overflowed: {entry(f.code).title[0]} in {f.op}", f"上溢之处：{f.op}（{entry(f.code).title[1]}）"))
                f.code = "LW540" if self.training.amplified > 1e4 and not self._overshot() else "LW541"
            elif f.phase == "forward" and self.training.step == 0 and f.code != "LW521" and self._large_weights(suspect.weights):
                f.code = "LW505"
        leap = self.training.leap()
        if f.code == "LW541":
            self._advise(f)
        elif leap is not None and f.phase in ("forward", "backward") and f.code not in STRUCTURAL:
            f.notes.append(self._leapt(*leap))
        if self.save:
            from .capsule import save

            try:
                f.file = save(self, f, self.save, after=phase == "optimizer" or f.phase == "optimizer")
            except Exception as error:  # a full disk must not hide the finding
                f.notes.append((f"the step could not be saved: {error}", f"无法保存这一步：{error}"))

    def _overshot(self) -> bool:
        """Whether the updates have raised the loss before its gradient grew, in a graph that applies no weight again and again."""
        through_time = any(leaf.given > 3 or (leaf.site and leaf.site[0].name in LOOPS) for leaf in self.detector.leaves.values())
        return not through_time and self.training.raised()

    def _advise(self, f: Finding) -> None:
        """A learning rate to try."""
        rates = [float(g["lr"]) for o in self.optimizers for g in o.param_groups if "lr" in g]
        settings = [note for o in self.optimizers for g in o.param_groups for note in _unstable(g)]
        if settings:
            f.notes += dict.fromkeys(settings)
            return
        ratios = [r.ratio for r in self.training.rows if r.ratio is not None and math.isfinite(r.ratio)]
        worst = max(ratios, default=0.0)
        if not rates and worst > 0.01:  # no optimizer: the rate is the user's own variable
            f.notes.append((
                f"an update changed the parameters by up to {worst:.0%} of their size, where 0.1 to 1 % is usual",
                f"一次更新最多改变了参数大小的 {worst:.0%}，通常为 0.1% 到 1%",
            ))  # fmt: skip
        if rates and ratios:
            better = max(rates) * min(0.1, 0.01 / worst if worst > 0 else 0.1)
            better = float(f"{better:.0e}")
            if f.history.get("loss") and (f.history["loss"][-1] or 0) < 0:
                f.notes.append(("the loss falls without bound: is its sign right?", "损失无界地下降：符号写对了吗？"))
            f.notes.append((
                f"lr = {max(rates):g}; an update changed the parameters by up to {worst:.0%} of their size, where 0.1 to 1 % is usual: start from lr = {better:g}",
                f"lr = {max(rates):g}；一次更新最多改变了参数大小的 {worst:.0%}，通常为 0.1% 到 1%：可从 lr = {better:g} 开始试",
            ))  # fmt: skip

    def _leapt(self, step: int, before: float, after: float) -> tuple:
        """What is told of an update that changed the parameters several times over."""
        rates = [float(g["lr"]) for g in self.stepping.param_groups if "lr" in g] if self._stepped else []
        by = f": {type(self.stepping).__name__}, lr = {max(rates):g}" if rates else ""
        return (
            f"the update of step {step + 1} took the parameters' norm from {show(before)} to {show(after)}{by}; "
            "a smaller step would have kept the operands in range",
            f"第 {step + 1} 步的更新使参数范数从 {show(before)} 变为 {show(after)}{by}；步子小一些，操作数就不会超出范围",
        )

    def _large_weights(self, leaves) -> bool:
        """Whether some layer multiplies the size of what it is given by ten or more: a module's, or one of these leaves, (inputs, outputs)."""
        for f in self.training.followed.values():
            a = f.tensor._a
            if a.ndim >= 2 and a.size and math.sqrt(f.p2 / a.size) * math.sqrt(a.size / a.shape[0]) > 10:
                return True
        loose = [t._a for t in leaves if id(t) not in self.training.followed]
        return any(a.ndim == 2 and a.size and math.sqrt(squares(a) / a.size) * math.sqrt(a.shape[0]) > 10 for a in loose)

    def reached(self, suspect, what: str, tensor=None, phase: str | None = None) -> None:
        """A suspect's values have reached the loss, the gradients or the parameters: stop, warn or note it."""
        f = suspect.finding
        if f is None or self.poisoned:
            return
        key = (f.code, f.op, str(f.place))
        if f.reached or key in self._told:
            return
        self._told.add(key)
        if what == "gradients" and id(tensor) in self._names:
            name = self._names[id(tensor)]
            f.notes.append((f"it reached the gradient of {name}", f"它到达了 {name} 的梯度"))
        self._finish(suspect, what, phase)
        self.findings.append(f)
        if self.action == "stop":
            self.on = False
            raise Exploded(f)
        if self.action == "warn":
            self._tell(f)

    def _warn(self, f: Finding) -> None:
        """What doesn't stop a training."""
        self.findings.append(f)
        if self.action != "report":
            self._tell(f)

    def _tell(self, f: Finding) -> None:
        if self.script is not None:  # `lightwell run --watch`: nobody filters warnings there
            sys.stdout.flush()
            print(f, file=sys.stderr)
        else:
            warnings.warn(f"\n{f}", HealthWarning, stacklevel=_outside(sys._getframe()))


def _unstable(group: dict) -> list:
    """Settings of an optimizer that diverge by themselves, whatever the learning rate."""
    found = []
    momentum, rate, decay = (float(group.get(k) or 0) for k in ("momentum", "lr", "weight_decay"))
    if momentum >= 1:
        found.append((
            f"momentum = {momentum:g}: from 1 on earlier updates never fade, and the steps grow at any learning rate; 0.9 is usual",
            f"momentum = {momentum:g}：达到 1 之后以往的更新永不衰减，学习率再小步子也会越来越大；通常用 0.9",
        ))  # fmt: skip
    plain = "dampening" in group or group.get("decoupled_weight_decay")  # Adam and its like divide the decay by its own size
    if plain and rate * decay > 2 * (1 + momentum):
        found.append((
            f"lr · weight_decay = {rate * decay:g}: above 2 the decay alone turns the parameters' sign and enlarges them at each step; "
            f"weight_decay = {decay:g} is too large, at most 0.1 is usual",
            f"lr · weight_decay = {rate * decay:g}：超过 2 时，单是权重衰减就会使参数每一步都变号并放大；weight_decay = {decay:g} 太大，通常不超过 0.1",
        ))  # fmt: skip
    return found


def _elements(operands, a):
    count, values = diagnose.elements(operands, a)
    return count, values


def _outside(frame) -> int:
    """How many frames out the user's line is, for `warnings.warn`."""
    wanted, level = users(frame), 1
    while frame is not None and frame is not wanted:
        frame, level = frame.f_back, level + 1
    return level
