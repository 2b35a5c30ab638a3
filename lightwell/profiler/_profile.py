"""`profile`: records by a schedule, hands each finished recording on, answers with tables and traces."""

import enum
import json
import os
import sys
import time
import warnings

from ..autograd import profiler as plain
from ..errors.level import users_level
from ..errors.teaching import AssertionError, ValueError
from ..tensor import Tensor
from ._table import Event, EventList, averages

__all__ = ["ProfilerAction", "ProfilerActivity", "profile", "schedule", "supported_activities", "tensorboard_trace_handler"]


class ProfilerActivity(enum.Enum):
    """What is recorded; only the CPU's work is there to be recorded here."""

    CPU, XPU, MTIA, CUDA, HPU, PrivateUse1 = range(6)


class ProfilerAction(enum.Enum):
    """What a schedule says for a step."""

    NONE, WARMUP, RECORD, RECORD_AND_SAVE = range(4)


def supported_activities() -> set:
    """The activities that can be recorded: the CPU's."""
    return {ProfilerActivity.CPU}


def schedule(*, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0):
    """A function of the step number: skip `skip_first` steps, then cycles of `wait`, `warmup` and `active` steps, `repeat` times
    (0: for ever); `skip_first_wait=1` leaves the first cycle's wait out.

    >>> import lightwell as torch
    >>> s = torch.profiler.schedule(wait=1, warmup=1, active=2)
    >>> [s(i).name for i in range(5)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise AssertionError(
            "Invalid profiler schedule arguments: wait, warmup, repeat and skip_first must not be negative, active positive"
        )
    if warmup == 0:
        warnings.warn("Profiler won't be using warmup, this can skew profiler results", stacklevel=users_level())

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        length = wait + warmup + active
        if repeat and step >= length * repeat:
            return ProfilerAction.NONE
        at = step % length
        if at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if at < length - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def tensorboard_trace_handler(dir_name: str, worker_name: str | None = None, use_gzip: bool = False):
    """For `on_trace_ready`: writes each recording to a folder, as TensorBoard's profiler plugin and chrome://tracing read it."""

    def handle(prof) -> None:
        import socket

        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        name = f"{worker}.{time.time_ns()}.pt.trace.json" + (".gz" if use_gzip else "")
        prof.export_chrome_trace(os.path.join(dir_name, name))

    return handle


class _Recording(plain.profile):
    """One recording: operations with their shapes, memory and call stacks."""

    def __init__(self, owner):
        super().__init__(True, record_shapes=owner.record_shapes)
        self.owner = owner

    def start(self, name, shapes=None):
        """Open an event."""
        event = super().start(name, shapes)
        event.stack = _stack() if self.owner.with_stack else []
        event.memory = event.flops = 0
        event.operation = False
        return event

    def _timed(self, rec, call, args):
        before = len(self.function_events)
        out = super()._timed(rec, call, args)
        event = next((e for e in reversed(self.function_events[before:]) if e.name == rec.name), None)
        if event is not None:
            event.operation = True
            if self.owner.profile_memory:
                outs = out if isinstance(out, (tuple, list)) else (out,)
                event.memory = sum(t.nbytes for t in outs if isinstance(t, Tensor) and t._base is None)
            if self.owner.with_flops:
                event.flops = _flops(rec.name, args, out)
        return out


def _stack() -> list:
    """The calls outside this library that led here, innermost first."""
    out, frame = [], sys._getframe(2)
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(here):
            out.append(f"{code.co_filename}({frame.f_lineno}): {code.co_name}")
        frame = frame.f_back
    return out


def _flops(name: str, args, out) -> int:
    """Multiplications and additions of products, convolutions and elementwise sums and products; 0 for others."""
    shapes = [tuple(t.shape) for t in args if isinstance(t, Tensor)]
    if not isinstance(out, Tensor):
        return 0
    if name in ("mm", "matmul", "bmm", "linear", "addmm", "baddbmm", "dot", "mv") and shapes:
        inner = shapes[0] if name not in ("addmm", "baddbmm") else shapes[1]
        return 2 * out.numel() * inner[-1]
    if name.startswith("conv") and len(shapes) > 1:
        size = 1
        for n in shapes[1][1:]:
            size *= n
        return 2 * out.numel() * size
    return out.numel() if name in ("add", "mul", "sub", "div") else 0


class profile:
    """Records the operations run within it, or those of the steps that a schedule picks.

    `record_shapes`, `profile_memory`, `with_stack`, `with_flops` say what to note of each. `schedule` is a function of the step
    number (see `schedule`), `step()` ends a step, `on_trace_ready(prof)` gets each finished recording.
    `key_averages().table(sort_by="cpu_time_total")` shows sums, `events()` single runs, `export_chrome_trace(path)` a timeline.

    >>> import lightwell as torch
    >>> with torch.profiler.profile(record_shapes=True) as prof:
    ...     with torch.profiler.record_function("work"):
    ...         _ = torch.ones(2, 3) @ torch.ones(3, 2)
    >>> sorted(e.key for e in prof.key_averages() if e.key in ("work", "aten::mm"))
    ['aten::mm', 'work']
    """

    def __init__(self, *, activities=None, schedule=None, on_trace_ready=None, record_shapes: bool = False, profile_memory: bool = False,
                 with_stack: bool = False, with_flops: bool = False, with_modules: bool = False, experimental_config=None,
                 execution_trace_observer=None, acc_events: bool = False, use_cuda=None, custom_trace_id_callback=None,
                 post_processing_timeout_s=None):  # fmt: skip
        self.activities = set(activities) if activities is not None else supported_activities()
        if not self.activities:
            raise AssertionError("No valid profiler activities found")
        self.record_shapes, self.profile_memory, self.with_stack, self.with_flops = record_shapes, profile_memory, with_stack, with_flops
        self.with_modules, self.on_trace_ready, self.acc_events = with_modules, on_trace_ready, acc_events
        self.schedule = schedule or (lambda step: ProfilerAction.RECORD)
        self.step_num = 0
        self.current_action = self.schedule(0)
        self._recording = None
        self._finished: list = []
        self._step_range = None
        self._metadata: dict = {}
        self._scheduled = schedule is not None

    # ---- running --------------------------------------------------------------------------------------------------

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop()

    def start(self) -> None:
        """Begin, as entering the `with` block does."""
        self._follow(ProfilerAction.NONE, self.current_action)
        self._open_step()

    def stop(self) -> None:
        """End: a recording that is running is finished and handed on."""
        self._close_step()
        if self._recording is not None:
            self._finish(self.current_action in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE))

    def step(self) -> None:
        """The step is over: what the schedule says for the next one begins."""
        self._close_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        self._follow(before, self.current_action)
        self._open_step()

    def _open_step(self) -> None:
        if self._scheduled and self._recording is not None:
            self._step_range = plain.record_function(f"ProfilerStep#{self.step_num}")
            self._step_range.__enter__()

    def _close_step(self) -> None:
        if self._step_range is not None:
            self._step_range.__exit__(None, None, None)
            self._step_range = None

    def _follow(self, before: ProfilerAction, now: ProfilerAction) -> None:
        record = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if before is ProfilerAction.RECORD_AND_SAVE and self._recording is not None:
            self._finish(True)
        elif before in record and now not in record and self._recording is not None:
            self._finish(False)
        if now in record and self._recording is None:
            self._recording = _Recording(self)
            self._recording.__enter__()

    def _finish(self, ready: bool) -> None:
        self._recording.__exit__(None, None, None)
        events = [Event(e) for e in sorted(self._recording.function_events, key=lambda e: e.start)]
        self._finished = [*self._finished, *events] if self.acc_events else events
        self._recording = None
        if ready and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    # ---- answers --------------------------------------------------------------------------------------------------

    def _known(self) -> list:
        if self._recording is not None:
            return [Event(e) for e in sorted(self._recording.function_events, key=lambda e: e.start)]
        return self._finished

    def events(self) -> EventList:
        """Every run of an operation or range in the latest recording, in the order of time."""
        return EventList(self._known(), profile_memory=self.profile_memory, with_flops=self.with_flops)

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, group_by_overload_name: bool = False
    ) -> EventList:
        """Sums by name; also by input shapes, or by the innermost `group_by_stack_n` calls."""
        rows = averages(self._known(), group_by_input_shape, group_by_stack_n)
        return EventList(
            rows, profile_memory=self.profile_memory, with_flops=self.with_flops, shapes=group_by_input_shape, stack=group_by_stack_n > 0
        )

    def export_chrome_trace(self, path: str) -> None:
        """Write the timeline as JSON for chrome://tracing or ui.perfetto.dev; gzipped where the name ends in .gz."""
        import gzip

        process, rows = os.getpid(), []
        for e in self._known():
            details = {"Input Dims": e.input_shapes} if self.record_shapes else {}
            if e.stack:
                details["Call stack"] = ";".join(e.stack)
            if self.profile_memory and e.cpu_memory_usage:
                details["Bytes"] = e.cpu_memory_usage
            kind = "cpu_op" if e.is_operation else "user_annotation"
            rows.append({"ph": "X", "cat": kind, "name": e.name, "pid": process, "tid": process, "ts": e.time_range.start,
                         "dur": e.cpu_time_total, "args": details})  # fmt: skip
        text = json.dumps({"schemaVersion": 1, **self._metadata, "displayTimeUnit": "ms", "traceEvents": rows})
        with gzip.open(path, "wt", encoding="utf-8") if str(path).endswith(".gz") else open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write call stacks with their times in the form that flame graphs are drawn from; needs `with_stack=True`."""
        if metric not in ("self_cpu_time_total", "self_cuda_time_total", "self_xpu_time_total"):
            raise ValueError(f"metric should be one of: self_cpu_time_total, self_cuda_time_total, self_xpu_time_total; got {metric}")
        with open(path, "w", encoding="utf-8") as file:
            for e in self._known():
                if e.stack and e.self_cpu_time_total > 0:
                    stack = ";".join(frame.replace(" ", "_").replace(";", "_") for frame in reversed(e.stack))
                    file.write(f"{stack} {int(e.self_cpu_time_total)}\n")

    def add_metadata(self, key: str, value: str) -> None:
        """Keep a text in the exported trace."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Keep a JSON value in the exported trace."""
        self._metadata[key] = json.loads(value)

    def toggle_collection_dynamic(self, enable: bool, activities) -> None:
        """Stop recording, or go on with it, in the midst of a step."""
        if enable and self._recording is None:
            self._follow(ProfilerAction.NONE, ProfilerAction.RECORD)
        elif not enable and self._recording is not None:
            self._finish(False)
