"""`watch`: follows a training while it runs, and stops at the first number that is none (or at what is about to become so).

A watch hangs on what is there already: an interposer for operations (`detect.py`), the engine's `watching` for derivatives, the
optimizers' step hooks, the call of modules. It takes all of them away again when it ends.
"""

import contextlib
import math
import os
import sys
import threading
import time
import warnings
from typing import Any

import numpy as np

from ... import random as randoms
from ...amp.grad_scaler import GradScaler
from ...autograd import engine, modes
from ...language import say
from ...nn.hooks import everywhere, hooked
from ...nn.module import Module
from ...ops import op
from ...optim import optimizer as optimizers
from ...tensor import Tensor
from . import diagnose
from .codes import entry
from .data import Data, tensors_in
from .detect import Detector, Suspect, _called
from .finding import Exploded, Finding, HealthWarning
from .health import Health
from .numbers import finite, inf, power, show
from .sites import Place, here, name_of, stack_places, users
from .training import Training

__all__ = ["Watch", "watch"]

_lock = threading.RLock()
SKIPS = 60  # steps in a row that a gradient scaler may skip


class Watch:
    """Follows loss, gradients, parameters, updates and activations within a `with`, and finds the first NaN or infinity.

    Args:
        model: the module, or several; None: those that are called are found by themselves. Their parameters get their names from it.
        optimizer: the optimizer, or several; those that step are found by themselves.
        on: "stop" raises `Exploded`, "warn" warns and goes on, "report" keeps quiet; all of them fill `findings`.
        every: on each how many steps activations are looked at.
        keep: how many steps a finding's history tells of.
        save: where the batch and the state are written for `lightwell replay`: a path, True for a name by itself, False for nowhere.

    ValueError: another `on`.

    >>> import lightwell as torch
    >>> p = torch.tensor([0.5, 0.0], requires_grad=True)
    >>> with torch.watch(on="report", save=False) as w:
    ...     torch.log(p).sum().backward()
    >>> f = w.findings[0]; f.code, f.op, f.cause, f.values[0]["at"]
    ('LW510', 'log', 'log of 0', (1,))
    """

    def __init__(
        self, model=None, optimizer=None, *, on: str = "stop", every: int = 10, keep: int = 20, save: Any = True, script: Any = None
    ):
        if on not in ("stop", "warn", "report"):
            raise ValueError(f"watch(): argument 'on' must be 'stop', 'warn' or 'report', not {on!r}")
        self.action, self.every, self.save, self.script = on, max(1, every), save, script
        self.models = _several(model)
        self.optimizers = _several(optimizer)
        self.findings: list[Finding] = []
        self.on = self.sampling = False
        self.tape: Any = None
        self.training, self.health, self.detector = Training(keep), Health(), Detector(self)
        self.data = Data(self._batch_came)
        self._paths: dict[int, str] = {}  # id of a module -> its path
        self._roots: list = []  # (module, name)
        self._names: dict[int, str] = {}  # id of a parameter or buffer -> its name
        self._keep: list = []  # whatever is known by its id
        self._local = threading.local()
        self._threads: list = []
        self._outer: Any = None
        self._counts: dict[int, int] = {}  # id of an optimizer -> its steps
        self.poisoned = False  # parameters are not finite, and somebody was told: nothing more can be learned
        self.begun = False  # whether there has been a backward
        self._stepped = False  # whether there is an optimizer that steps
        self._backwards = 0  # since the last step
        self._scaled = 0  # >0: a gradient scaler's loss is on its way
        self._skips = 0
        self._told: set = set()
        self._shadow: dict = {}  # optimizer states before the step
        self._buffers: dict = {}  # buffers before the step
        self._all_buffers: list = []
        self._random: Any = None  # the random streams before the step's first draw
        self._python: Any = None
        self.first_random: Any = None  # and those at the beginning
        self.seconds = 0.0
        self.interrupted: BaseException | None = None

    # ---- on and off -----------------------------------------------------------------------------------------------------

    def __enter__(self):
        with _lock:
            if self.on:
                raise RuntimeError("watch: this watch is on already; make another one for a block within it")
            for model in self.models:
                self._root(model, name_of(model, sys._getframe(1)) or type(model).__name__)
            for o in self.optimizers:
                self._follow_optimizer(o)
            self.first_random = self.random_now()
            self._outer = engine.watching
            engine.watching = self
            self._armed, self._follower = everywhere.armed, everywhere.follow
            everywhere.armed, everywhere.follow = True, self._call
            self._handles = [
                optimizers.register_optimizer_step_pre_hook(self._before_step), optimizers.register_optimizer_step_post_hook(self._after_step),
            ]  # fmt: skip
            self._scaler = GradScaler.scale, GradScaler.update
            GradScaler.scale, GradScaler.update = _scale(self, GradScaler.scale), _update(self, GradScaler.update)  # type: ignore[method-assign]
            self._drawing, randoms.drawing = randoms.drawing, self._draw
            from ...compile import api

            self._eager, api.told_eager = api.told_eager, self._runs_eagerly
            self.data.begin()
            self.on = True
            self._enter_thread()
            self.sampling = True
            self._since = time.perf_counter()
        return self

    def __exit__(self, kind, error, trace):
        with _lock:
            self.seconds += time.perf_counter() - self._since
            self.on = False
            self.data.end()
            from ...compile import api

            api.told_eager, randoms.drawing = self._eager, self._drawing
            GradScaler.scale, GradScaler.update = self._scaler  # type: ignore[method-assign]
            for handle in self._handles:
                handle.remove()
            everywhere.follow = self._follower
            everywhere.armed = self._armed or any(
                (everywhere.pre, everywhere.forward, everywhere.backward, everywhere.backward_pre) if self._follower is None else (True,)
            )
            engine.watching = self._outer
            for stack, interposer in self._threads:
                if interposer.hook in stack:
                    stack.remove(interposer.hook)
                    op.active -= 1
            self._threads = []
        if error is not None and not isinstance(error, Exploded):
            self.interrupted = error
            suspect = next((s for s in self.detector.pending if s.finding is not None), None)
            if suspect is None and isinstance(error, OverflowError) and self.training.growing():  # math.exp of a loss that has diverged
                suspect = Suspect(Finding("LW541", type(error).__name__, "training", _line_of(trace)))
                self.date(suspect.finding)
            if suspect is not None and isinstance(error, Exception):  # the user's own error, perhaps because of it
                self._finish(suspect, "error")
                self.findings.append(suspect.finding)
                if self.action == "stop":
                    print(suspect.finding, file=sys.stderr)
            return False
        if error is None:
            self._close_by_hand()
            self.detector.pending += [
                s for s in {id(s): s for s in self.detector.early.values()}.values() if s not in self.detector.pending
            ]
            for suspect in self.detector.pending:
                suspect.early = False
            self._hidden()
        return False

    def _enter_thread(self) -> None:
        """Have this thread's operations looked at."""
        self._local.modules = []
        interposer = op.interpose(self.detector.operation).__enter__()
        self._threads.append((op._local.stack, interposer))

    def modules(self) -> list:
        """The modules that are running in this thread, outermost first."""
        try:
            return self._local.modules
        except AttributeError:
            self._local.modules = found = []
            return found

    @contextlib.contextmanager
    def paused(self):
        """Nothing is looked at within it."""
        before, self.on = self.on, False
        try:
            yield
        finally:
            self.on = before

    # ---- modules and parameters -------------------------------------------------------------------------------------------

    def _root(self, module, name: str) -> None:
        """Give a module's parts their paths, and its parameters their names."""
        self._keep.append(module)
        many = "" if any(m is module for m, _ in self._roots) else name
        self._roots.append((module, name))
        for path, part in module.named_modules():
            self._paths[id(part)] = f"{many}.{path}" if path else many
            self._keep.append(part)
        self._all_buffers += [b for b in module.buffers() if not any(b is known for known in self._all_buffers)]
        for path, t in [*module.named_parameters(), *module.named_buffers()]:
            self._names[id(t)] = f"{many}.{path}"
            self._keep.append(t)
        for _, t in module.named_parameters():
            self.training.follow(t, lambda t=t: self._names[id(t)])

    def _call(self, module, args, kwargs):
        """Run a module's call: what `everywhere.follow` is."""
        if not self.on:
            return (self._follower or hooked)(module, args, kwargs)
        try:
            stack = self._local.modules
        except AttributeError:
            self._enter_thread()
            stack = self._local.modules
        outermost = not stack
        if outermost:
            self._outermost(module, args, kwargs)
        stack.append(module)
        try:
            if (
                module._hooked
                or self._follower is not None
                or everywhere.pre
                or everywhere.forward
                or everywhere.backward
                or everywhere.backward_pre
            ):
                out = (self._follower or hooked)(module, args, kwargs)
            else:
                out = module.forward(*args, **kwargs)
        finally:
            stack.pop()
        if self.sampling and modes.state.grad and not module._modules and module.training:
            self.health.output(module, self.path(module), out)
        return out

    def _outermost(self, module, args, kwargs) -> None:
        if id(module) not in self._paths:
            self._root(module, name_of(module, sys._getframe(3)) or type(module).__name__)
            bad = [
                t
                for t in (*module.parameters(), *module.buffers())
                if t._a.__class__ is np.ndarray and t._a.dtype.kind == "f" and not finite(t._a)
            ]
            if bad:
                self._bad_at_first(module, bad[0])
        if module._parameters or module._modules:
            self.data.inputs = tensors_in((args, kwargs))
            self.data.time_first = getattr(module, "batch_first", True) is False
            self.health._order = []
            if modes.state.grad and not self._buffers:
                for b in self._all_buffers:
                    self._buffers[id(b)] = b._a.copy()

    def _bad_at_first(self, module, t) -> None:
        """A parameter (or buffer) that is not finite before anything was computed: it is a suspect at once."""
        frame = sys._getframe(3)
        code, at = here(frame)
        count, values = diagnose.elements([], t._a)
        name = self.parameter_name(t)
        found = diagnose.Diagnosis("LW504", [{**v, "told": name} for v in values], count)
        f = self.detector._finding(found, type(module).__name__, "forward", Place.of(code, at), module, t._a, [])
        f.rows, f.stack = None, stack_places(frame)
        f.notes = [(f"the parameter is {name}, shape {list(t._a.shape)}", f"这个参数是 {name}，形状 {list(t._a.shape)}")]
        f.module = self._names.get(id(t), "").rpartition(".")[0]
        suspect = Suspect(f)
        suspect.unread = True
        self.detector.pending.append(suspect)
        self.detector._hand_on(t, suspect)

    def path(self, module) -> str:
        """A module's path, such as "net.3.conv1"; "" for None."""
        if module is None:
            return ""
        found = self._paths.get(id(module))
        if found is not None:
            return found
        stack = self.modules()
        for outer in reversed(stack):
            if id(outer) in self._paths:
                self._keep.append(module)
                for name, part in [
                    (n, p)
                    for n, v in vars(outer).items()
                    if isinstance(v, list | tuple)
                    for n, p in ((f"{n}[{i}]", w) for i, w in enumerate(v))
                ]:
                    if part is module:  # a module in a plain list
                        self._paths[id(module)] = f"{self._paths[id(outer)]}.{name}"
                        return self._paths[id(module)]
                return f"{self._paths[id(outer)]}.{type(module).__name__}"
        return type(module).__name__

    def is_parameter(self, t) -> bool:
        """Whether a tensor is a parameter or buffer of a model, or a leaf that gradients are wanted for."""
        return id(t) in self._names or (t._rg and t._node is None)

    def writes_parameters(self, t) -> bool:
        """Whether a leaf that is about to be written is a parameter: of a model, of an optimizer, or followed since a backward."""
        return id(t) in self._names or id(t) in self.training.followed

    def parameter_name(self, t) -> str:
        """A parameter's name: its path, or the variable that holds it."""
        found = self._names.get(id(t))
        if found is None:
            found = name_of(t, sys._getframe(1)) or f"parameter {list(t._a.shape)}"
            self._names[id(t)] = found
            self._keep.append(t)
        return found

    def _follow_optimizer(self, optimizer) -> None:
        if not any(o is optimizer for o in self._keep):
            self._keep.append(optimizer)
            if not any(o is optimizer for o in self.optimizers):
                self.optimizers.append(optimizer)
        for group in optimizer.param_groups:
            for p in group["params"]:
                if id(p) not in self.training.followed:
                    self.training.follow(p, lambda p=p: self.parameter_name(p))

    # ---- operations on some steps ------------------------------------------------------------------------------------------

    def sampled(self, rec, args, out, site, module) -> None:
        """Told of each operation while sampling, or while a tape is made."""
        if self.sampling and modes.state.grad:
            self.health.operation(rec, out, site, self.path(module))
        if self.tape is not None:
            self.tape.forward(rec, args, out, Place.of(*site), self.path(module))

    # ---- backward ----------------------------------------------------------------------------------------------------------

    def checking(self, check):
        """What the engine calls for each node: this watch's look, and those that were there."""
        outer = self._outer.checking(check) if self._outer is not None else check
        if not self.on:
            return outer
        mine = self.detector.node
        if outer is None:
            return mine

        def both(node, g, out):
            mine(node, g, out)
            outer(node, g, out)

        return both

    def begins(self, tensors) -> None:
        """A backward begins at these tensors: a loss."""
        if self.on:
            self._begins(tensors)
        if self._outer is not None:
            self._outer.begins(tensors)

    def _begins(self, tensors) -> None:
        self.begun = True
        if not self._stepped and self._backwards:
            self._close_by_hand()
        self.detector.backward_begins()
        for t in tensors:
            a = getattr(t, "_a", None)
            if a.__class__ is not np.ndarray or not a.size or a.dtype.kind not in "fcV":
                continue
            if a.size == 1 and a.dtype.kind != "c":
                value = float(a.reshape(()))
                if not self._scaled:
                    self.training.lost(value)
                good = -inf < value < inf
            else:
                good = power(a) < inf or finite(a)
            if not good and not self.scaling():
                suspect = self.detector.mark_of(t) or self.detector.last()
                if suspect is not None and suspect.intended and suspect.make is not None:
                    suspect.finding, suspect.intended = suspect.make(), False
                if suspect is None or suspect.finding is None:
                    suspect = self._unseen(t)
                self.reached(suspect, "loss")

    def _unseen(self, t) -> Suspect:
        """The loss is not finite, and no operation that was seen made it so."""
        frame = sys._getframe(2)
        code, at = here(frame)
        count, values = diagnose.elements([], t._a)
        found = diagnose.Diagnosis("LW525", [{**v, "told": "loss"} for v in values], count)
        f = self.detector._finding(found, "loss", "forward", Place.of(code, at), None, t._a, [])
        f.stack = stack_places(frame)
        return Suspect(f)

    def ended(self) -> None:
        """A backward has ended: the gradients are there."""
        if self.on:
            self._ended()
        if self._outer is not None:
            self._outer.ended()

    def _ended(self) -> None:
        leaves = self.detector.leaves
        training = self.training
        if not self._stepped:
            for leaf in leaves.values():
                if id(leaf.tensor) not in training.followed:
                    training.follow(leaf.tensor, lambda leaf=leaf: self.parameter_name(leaf.tensor))
        bad = training.gradients(leaves.values())
        training.amplified = self.detector.amplification()
        self._backwards += 1
        if bad is not None and not self.scaling():
            suspect = bad.suspect or self.detector.last() or self.detector._from_gradient(_Nothing(), bad.tensor._grad._a)
            self.reached(suspect, "gradients", bad.tensor)
        if not self._stepped and not self._scaled:
            training.open([leaf.tensor for leaf in leaves.values()])
            self._hidden()  # what comes now is the next step's already

    def gave(self, inputs, found) -> None:
        """`autograd.grad` gave these gradients."""
        if self._outer is not None:
            self._outer.gave(inputs, found)
        if not self.on or self.scaling():
            return
        for t, g in zip(inputs, found):
            a = getattr(g, "_a", None)
            if a.__class__ is np.ndarray and a.dtype.kind in "fcV" and not power(a) < inf and not finite(a):
                suspect = self.detector.mark_of(g) or self.detector.last()
                if suspect is not None and not suspect.intended:
                    self.reached(suspect, "gradients", t)

    # ---- steps -------------------------------------------------------------------------------------------------------------

    def _before_step(self, optimizer, args, kwargs) -> None:
        if not self.on:
            return
        self._stepped = True
        self._follow_optimizer(optimizer)
        training = self.training
        for group in optimizer.param_groups:
            training.open([p for p in group["params"] if p._grad is not None])
        shadow = self._shadow.setdefault(id(optimizer), {})
        for p, state in optimizer.state.items():
            if isinstance(p, Tensor) and state:
                shadow[id(p)] = {k: v._a.copy() if isinstance(v, Tensor) else v for k, v in state.items()}
        self.stepping = optimizer

    def _after_step(self, optimizer, args, kwargs) -> None:
        if not self.on:
            return
        training = self.training
        self._counts[id(optimizer)] = self._counts.get(id(optimizer), 0) + 1
        several = len([o for o in self.optimizers if self._shadow.get(id(o)) is not None]) > 1
        bad = training.close([p for group in optimizer.param_groups for p in group["params"]] if several else None)
        if bad is not None:
            self._counts[id(optimizer)] -= 1
            if not any(f.fatal for f in self.findings):
                self._bad_update(optimizer, bad)
            self.poisoned = True
            self._counts[id(optimizer)] += 1
            training.step += 1
        self._end_step()

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
            f.rows, f.module, f.stack, f.optimizer = None, bad.name, stack_places(frame), name
            suspect = Suspect(f)
        self.reached(suspect, "parameters", t, phase="optimizer")

    def _close_by_hand(self) -> None:
        """End a step of a training without optimizer: what was written since its backward was the update."""
        if self._stepped or not self._backwards:
            return
        bad = self.training.close()
        if bad is not None:
            suspect = self.detector.last()
            if suspect is not None and suspect.finding is not None:
                self.reached(suspect, "parameters", bad.tensor, phase="optimizer")
        self._end_step(by_hand=True)

    def _end_step(self, by_hand: bool = False) -> None:
        training = self.training
        self._backwards = 0
        if not by_hand:
            self._hidden()
        code = None if self.poisoned else training.diverged()
        if code is not None and self.on:
            self._diverged(code)
        if self.sampling:
            self.health.gradients(training)
            for complaint in self.health.complaints():
                self._complain(*complaint)
        step = training.step
        self.sampling = step < 3 or step % self.every == 0
        self._random = self._python = None
        self._buffers = {}
        if self.tape is not None:
            self.tape.step_ended()

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
        place, module, name = None, "", "step"
        if code == "LW540":
            largest = max(self.training.followed.values(), key=lambda f: f.g2, default=None)
            used = self.detector.leaves.get(id(largest.tensor)) if largest is not None else None
            site = used.site if used is not None else None
            if site is not None:
                site = self.detector.weighing(site)
                place, module, name = (
                    Place.of(site[1], site[2]),
                    self.path(site[3]) or largest.name,
                    _called(site[0].name, site[3], Place.of(site[1], site[2])),
                )  # type: ignore[union-attr]
        if place is None and not self._stepped and self.detector.update is not None:
            rec, instruction, at, module_ = self.detector.update
            place = Place.of(instruction, at)
            name = _called(rec.name, module_, place)
        if place is None:
            place = Place.of(*here(frame))
            name = f"{type(self.stepping).__name__}.step" if self._stepped else "step"
        f = Finding(code, name, "backward" if code == "LW540" else "training", place, module, stack=stack_places(frame))
        self.date(f)
        f.step -= 1  # the update has been made already
        row = self.training.rows[-1]
        if code == "LW540":
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
        f = Finding(
            code, units.op if units is not None else "backward", "training", units.place if units is not None else None, path, notes=[note]
        )
        self.date(f)
        f.history, f.layers = self.training.history(), self.training.layers() if code == "LW550" else []
        self._warn(f)

    # ---- gradient scaling --------------------------------------------------------------------------------------------------

    def scaling(self) -> bool:
        """Whether infinite gradients are a gradient scaler's affair."""
        return self._scaled > 0

    def _updated(self, scaler, before: float) -> None:
        self._scaled = 0
        now = scaler.get_scale()
        if now >= before:
            self._skips = 0
            self.detector.forget()
            return
        self._skips += 1
        suspect = next((s for s in self.detector.pending if s.finding is not None), None)
        if suspect is not None and (self._skips >= SKIPS or now < 1.0):
            title = entry("LW544").title
            suspect.finding.notes.append((f"{title[0]}: its scale is down to {now:g}", f"{title[1]}：缩放因子已降到 {now:g}"))
            self.reached(suspect, "gradients")
        self.detector.forget()
        self._backwards = 0

    # ---- the rest of the world ---------------------------------------------------------------------------------------------

    def _batch_came(self) -> None:
        self._random = self._python = None

    def _draw(self, fn, args, kwargs):
        """Random numbers are about to be drawn: the first draw of a step notes where the stream is."""
        if self.on and self._random is None:
            self._random = self.random_now()
        return fn(*args, **kwargs) if self._drawing is None else self._drawing(fn, args, kwargs)

    def random_now(self) -> dict:
        """The states of the random streams: lightwell's, Python's, NumPy's."""
        import random

        kind, keys, place, has, cached = np.random.get_state(legacy=True)  # type: ignore[misc]
        version, internal, gauss = random.getstate()
        return {
            "torch": randoms.get_rng_state(), "python": [version, list(internal), gauss],
            "numpy": [str(kind), [int(k) for k in keys], int(place), int(has), float(cached)],
        }  # fmt: skip

    def random_before(self) -> dict:
        """The states before the step that is running."""
        return self._random or self.random_now()

    def _runs_eagerly(self, function) -> None:
        if self.on and "compiled" not in self._told:
            self._told.add("compiled")
            name = getattr(function, "__qualname__", type(function).__name__)
            warnings.warn(
                say(f"watch: compiled programs ({name}) run eagerly while they are watched", f"watch：被监视时，编译过的程序（{name}）按即时模式运行"),
                HealthWarning, stacklevel=4,
            )  # fmt: skip

    # ---- findings ----------------------------------------------------------------------------------------------------------

    def date(self, f: Finding) -> None:
        """Write when it was into a finding."""
        f.step, f.epoch, f.batch = max(self._counts.values(), default=self.training.step) + 1, self.data.epoch, self.data.number

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
                f.code = "LW540" if self.training.amplified > 1e4 else "LW541"
            elif f.phase == "forward" and self.training.step == 0 and f.code != "LW521" and self._large_weights():
                f.code = "LW505"
        if f.code == "LW541":
            self._advise(f)
        if self.save:
            from .capsule import save

            try:
                f.file = save(self, f, self.save, after=phase == "optimizer" or f.phase == "optimizer")
            except Exception as error:  # a full disk must not hide the finding
                f.notes.append((f"the step could not be saved: {error}", f"无法保存这一步：{error}"))

    def _advise(self, f: Finding) -> None:
        """A learning rate to try."""
        rates = [float(g["lr"]) for o in self.optimizers for g in o.param_groups if "lr" in g]
        ratios = [r.ratio for r in self.training.rows if r.ratio is not None and math.isfinite(r.ratio)]
        if rates and ratios:
            worst = max(ratios)
            better = max(rates) * min(0.1, 0.01 / worst if worst > 0 else 0.1)
            better = float(f"{better:.0e}")
            if f.history.get("loss") and (f.history["loss"][-1] or 0) < 0:
                f.notes.append(("the loss falls without bound: is its sign right?", "损失无界地下降：符号写对了吗？"))
            f.notes.append((
                f"lr = {max(rates):g}; an update changed the parameters by up to {worst:.0%} of their size, where 0.1 to 1 % is usual: try lr = {better:g}",
                f"lr = {max(rates):g}；一次更新最多改变了参数大小的 {worst:.0%}，通常为 0.1% 到 1%：试试 lr = {better:g}",
            ))  # fmt: skip

    def _large_weights(self) -> bool:
        """Whether some layer multiplies the size of what it is given by ten or more."""
        for f in self.training.followed.values():
            a = f.tensor._a
            if a.ndim >= 2 and a.size and math.sqrt(f.p2 / a.size) * math.sqrt(a.size / a.shape[0]) > 10:
                return True
        return False

    def reached(self, suspect, what: str, tensor=None, phase: str | None = None) -> None:
        """A suspect's values have reached the loss, the gradients or the parameters: stop, warn or note it."""
        f = suspect.finding
        if f is None or self.poisoned:
            return
        key = (f.code, f.op, str(f.place))
        if f.reached or key in self._told:
            return
        self._told.add(key)
        self._finish(suspect, what, phase)
        if what == "gradients" and tensor is not None and not f.module:
            f.module = self._names.get(id(tensor), "")
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

    # ---- what came of it ---------------------------------------------------------------------------------------------------

    @property
    def history(self) -> dict:
        """The curves of the whole run: {"step": [...], "loss": [...], "gradient": [...], "norm": [...], "ratio": [...]}."""
        curves = self.training.curves
        return {"step": list(curves["norm"].steps), **{key: list(c.values) for key, c in curves.items()}}

    def report(self):
        """The layers' table and the findings, as something that prints as text and shows as HTML."""
        from .report import Report

        return Report(self)

    def plot(self, path: str | os.PathLike | None = None):
        """The curves as a matplotlib figure; `path`: written there. ImportError where matplotlib is missing."""
        from .report import plot

        return plot(self, path)

    def save_html(self, path) -> str:
        """The report as a self-contained HTML page; returns the path."""
        from .report import save_html

        return save_html(self, path)

    def __repr__(self):
        state = "on" if self.on else "off"
        return f"<watch {state}: {self.training.step} steps, {len(self.findings)} findings>"


class _Nothing:
    """Stands for a node where there is none."""

    edges: tuple = ()
    record: Any = None

    def name(self) -> str:
        return "backward"


def _elements(operands, a):
    count, values = diagnose.elements(operands, a)
    return count, values


def _line_of(trace):
    """The user's innermost line in a traceback."""
    place = None
    while trace is not None:
        frame = trace.tb_frame
        if users(frame) is frame:
            place = Place(frame.f_code.co_filename, trace.tb_lineno, frame.f_code.co_name)
        trace = trace.tb_next
    return place


def _several(value) -> list:
    if value is None:
        return []
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [value]


def _outside(frame) -> int:
    """How many frames out the user's line is, for `warnings.warn`."""
    wanted, level = users(frame), 1
    while frame is not None and frame is not wanted:
        frame, level = frame.f_back, level + 1
    return level


def _scale(watch, scale):
    """`GradScaler.scale`, which tells a watch that infinite gradients are nothing unusual until `update`."""

    def scaled(self, outputs):
        if watch.on and self.is_enabled():
            if isinstance(outputs, Tensor):
                watch._scaled = 0
                watch.begins((outputs,))
            watch._scaled += 1
        return scale(self, outputs)

    return scaled


def _update(watch, update):
    def updated(self, new_scale=None):
        before = self.get_scale()
        update(self, new_scale)
        if watch.on and self.is_enabled():
            watch._updated(self, before)

    return updated


def watch(model=None, optimizer=None, **options) -> Watch:
    """Follow a training within `with lightwell.watch(model, optimizer) as w:`; see `Watch` for the options.

    On the first NaN, infinity or divergence that reaches loss, gradients or parameters it raises `Exploded`, a RuntimeError that
    tells the operation, the user's line, the module, the values at fault, the examples of the batch, the cause and the likely mend.
    `w.report()`, `w.history`, `w.plot()` tell of a healthy run.

    >>> import lightwell as torch
    >>> net = torch.nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    >>> with torch.watch(net, optimizer) as w:
    ...     for _ in range(3):
    ...         loss = net(torch.ones(4, 2)).square().mean()
    ...         optimizer.zero_grad(); loss.backward(); optimizer.step()
    >>> len(w.history["loss"]), w.findings
    (3, [])
    """
    if model is not None and not all(isinstance(m, Module) for m in _several(model)):
        raise TypeError(f"watch(): argument 'model' must be a Module or several, not {type(model).__name__}")
    return Watch(model, optimizer, **options)
