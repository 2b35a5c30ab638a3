"""`watch`: follows a training while it runs, and stops at the first number that is none (or at what is about to become so).

A watch hangs on what is there already: an interposer for operations (`detect.py`), the engine's `watching` for derivatives, the
optimizers' step hooks, the call of modules. It takes all of them away again when it ends.
"""

import contextlib
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
from ...errors.teaching import RuntimeError, TypeError, ValueError
from ...language import say
from ...nn.hooks import everywhere
from ...nn.module import Module
from ...ops import op
from ...optim import optimizer as optimizers
from ...tensor import Tensor
from . import scaling
from .codes import entry
from .data import Data
from .detect import Detector
from .finding import Exploded, Finding, HealthWarning
from .health import Health
from .modules import Modules
from .numbers import finite, inf, power
from .origins import Suspect
from .sites import Place, name_of, users, within_backward
from .training import Training
from .verdicts import Verdicts

__all__ = ["Watch", "watch"]

_lock = threading.RLock()
SKIPS = 60  # steps in a row that a gradient scaler may skip


class Watch(Modules, Verdicts):
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
        self.first_random: Any = None  # and those at the beginning
        self.seconds = 0.0

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
            GradScaler.scale, GradScaler.update = scaling.scale(self, GradScaler.scale), scaling.update(self, GradScaler.update)  # type: ignore[method-assign]
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
            suspect = next((s for s in self.detector.pending if s.finding is not None), None)
            if suspect is None and isinstance(error, OverflowError) and self.training.growing():  # math.exp of a loss that has diverged
                suspect = Suspect(Finding("LW541", type(error).__name__, "training", _line_of(trace)))
                self.date(suspect.finding)
            if suspect is not None and isinstance(error, Exception) and not self.scaling():  # the user's own error, perhaps because of it
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
        if self.on and not within_backward(sys._getframe(1)):
            self._begins(tensors)
        if self._outer is not None:
            self._outer.begins(tensors)

    def _begins(self, tensors) -> None:
        self.begun = True
        if not self._stepped and self._backwards:
            self._close_by_hand()
        self.detector.backward_begins()
        self.health.ended()
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

    def ended(self) -> None:
        """A backward has ended: the gradients are there."""
        if self.on and not within_backward(sys._getframe(1)):
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

    def gave(self, inputs, found, outputs=()) -> None:
        """`autograd.grad` gave these gradients of `outputs`."""
        if self._outer is not None:
            self._outer.gave(inputs, found, outputs)
        if not self.on or self.scaling():
            return
        for t, g in zip(inputs, found):
            a = getattr(g, "_a", None)
            if a.__class__ is np.ndarray and a.dtype.kind in "fcV" and not power(a) < inf and not finite(a):
                suspect = self.detector.mark_of(g) or self.detector.last()
                if suspect is not None and not suspect.intended:
                    suspect.reveal(outputs)
                    self.reached(suspect, "gradients", t)

    # ---- steps -------------------------------------------------------------------------------------------------------------

    def _before_step(self, optimizer, args, kwargs) -> None:
        if not self.on:
            return
        self._stepped = True
        self._follow_optimizer(optimizer)
        training = self.training
        for group in optimizer.param_groups:
            given = [p for p in group["params"] if p._grad is not None]
            training.put(given)
            training.open(given)
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
        self._random = None
        self._buffers = {}
        if self.tape is not None:
            self.tape.step_ended()

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
        self._random = None

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
