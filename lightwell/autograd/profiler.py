"""Profiler: which operations ran, how often, and how long they took, forward and backward."""

import time

from ..ops import op
from ..tensor import Tensor
from .node import Port

__all__ = ["FunctionEvent", "profile", "record_function"]

_open: list = []  # the profiles that are running, innermost last


class FunctionEvent:
    """One run of an operation, of its derivative, or of a `record_function` range; times in microseconds."""

    def __init__(self, name, start, shapes=None):
        self.name = self.key = name
        self.start, self.end, self.inside, self.input_shapes = start, start, 0.0, shapes or []

    @property
    def cpu_time_total(self) -> float:
        """Microseconds from start to end."""
        return (self.end - self.start) * 1e6

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds without those of the events inside it."""
        return self.cpu_time_total - self.inside

    def __repr__(self):
        return f"<FunctionEvent {self.name} {self.cpu_time_total:.1f}us>"


class _Average:
    """All events of one name."""

    def __init__(self, key):
        self.key, self.count, self.cpu_time_total, self.self_cpu_time_total = key, 0, 0.0, 0.0

    @property
    def cpu_time(self) -> float:
        """Microseconds per call."""
        return self.cpu_time_total / max(self.count, 1)

    def add(self, event) -> None:
        """Take one event in."""
        self.count += 1
        self.cpu_time_total += event.cpu_time_total
        self.self_cpu_time_total += event.self_cpu_time_total

    def __repr__(self):
        return f"<{self.key}: {self.count} calls, {self.cpu_time_total:.1f}us>"


class EventList(list):
    """Averages, which print as a table."""

    def table(self, sort_by=None, row_limit: int = 100, **kwargs) -> str:
        """The table as text, sorted by an attribute such as "cpu_time_total" or "self_cpu_time_total", largest first."""
        rows = list(self)
        if sort_by is not None:
            rows.sort(key=lambda row: getattr(row, sort_by), reverse=True)
        whole = sum(row.self_cpu_time_total for row in self) or 1.0
        width = max([4, *(len(row.key) for row in rows)])
        head = f"{'Name':<{width}}  {'Self CPU %':>10}  {'Self CPU':>12}  {'CPU total':>12}  {'CPU avg':>12}  {'Calls':>7}"
        lines = ["-" * len(head), head, "-" * len(head)]
        for row in rows[: row_limit if row_limit >= 0 else None]:
            lines.append(
                f"{row.key:<{width}}  {100 * row.self_cpu_time_total / whole:>9.2f}%  {_time(row.self_cpu_time_total):>12}  "
                f"{_time(row.cpu_time_total):>12}  {_time(row.cpu_time):>12}  {row.count:>7}"
            )
        lines += ["-" * len(head), f"Self CPU time total: {_time(whole)}"]
        return "\n".join(lines)

    __str__ = table


def _time(us: float) -> str:
    return f"{us / 1e6:.3f}s" if us >= 1e6 else f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


class profile(op.interpose):
    """Within it, every operation of this thread and its derivative are timed.

    `key_averages().table(sort_by="cpu_time_total")` shows the sums by name, `function_events` every single run.
    `enabled=False` makes it do nothing; the other arguments are accepted for PyTorch's sake.

    >>> import lightwell as torch
    >>> x = torch.ones(3, requires_grad=True)
    >>> with torch.autograd.profiler.profile() as prof:
    ...     (x * 2).exp().sum().backward()
    >>> {e.key: e.count for e in prof.key_averages()}["mul"]
    1
    """

    def __init__(self, enabled: bool = True, *, use_cpu: bool = True, record_shapes: bool = False, **kwargs):
        super().__init__(self._timed)
        self.enabled, self.record_shapes = enabled, record_shapes
        self.function_events: list = []
        self._stack: list = []

    def __enter__(self):
        if self.enabled:
            _open.append(self)
            super().__enter__()
            self._began = time.perf_counter()
        return self

    def __exit__(self, *exc):
        if self.enabled:
            self._ended = time.perf_counter()
            super().__exit__(*exc)
            _open.remove(self)

    def start(self, name, shapes=None):
        """Open an event."""
        event = FunctionEvent(name, time.perf_counter(), shapes)
        self._stack.append(event)
        return event

    def stop(self, event) -> None:
        """Close an event, and those that were left open inside it."""
        event.end = time.perf_counter()
        while self._stack and self._stack.pop() is not event:
            pass
        if self._stack:
            self._stack[-1].inside += event.cpu_time_total
        self.function_events.append(event)

    def _timed(self, rec, call, args):
        shapes = [list(t.shape) for t in args if isinstance(t, Tensor)] if self.record_shapes else None
        event = self.start(rec.name, shapes)
        try:
            out = call(*args)
        finally:
            self.stop(event)
        for t in (out,) if isinstance(out, Tensor) else out if isinstance(out, tuple) else ():
            if isinstance(t, Tensor) and t._node is not None:
                node = t._node.node if type(t._node) is Port else t._node
                if node.record is rec:
                    self._watch(node)
                break
        return out

    def _watch(self, node) -> None:
        """Time a node's derivative: from its pre-hooks to its post-hooks."""
        events, name = [], type(node).__name__  # the name alone: a hook that held its node would keep it alive

        def before(grads):
            if self in _open:
                events.append(self.start(name))

        def after(grad_inputs, grads):
            if events:
                self.stop(events.pop())

        node.register_prehook(before)
        node.register_hook(after)

    def key_averages(self, group_by_input_shape: bool = False, **kwargs) -> EventList:
        """One row for each name (and input shapes, if asked)."""
        rows: dict = {}
        for event in self.function_events:
            key = (event.name, str(event.input_shapes)) if group_by_input_shape else event.name
            rows.setdefault(key, _Average(event.name)).add(event)
        return EventList(rows.values())

    def total_average(self) -> _Average:
        """All events in one row."""
        total = _Average("Total")
        for event in self.function_events:
            total.add(event)
        return total

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds spent in all events."""
        return sum(event.self_cpu_time_total for event in self.function_events)

    def table(self, sort_by=None, row_limit: int = 100, **kwargs) -> str:
        """`key_averages().table(...)`."""
        return self.key_averages().table(sort_by, row_limit)

    def export_chrome_trace(self, path) -> None:
        """Write the events as JSON in Chrome's trace format (chrome://tracing)."""
        import json

        events = [
            {"name": e.name, "ph": "X", "ts": e.start * 1e6, "dur": e.cpu_time_total, "pid": 0, "tid": 0} for e in self.function_events
        ]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": events}, file)

    def __repr__(self):
        return self.table() if self.function_events else "<unfinished torch.autograd.profile>"


class record_function:
    """A named range in the running profile; a context manager and a decorator."""

    def __init__(self, name: str, args=None):
        self.name, self.args = name, args
        self._events: list = []

    def __enter__(self):
        self._events.append([(prof, prof.start(self.name)) for prof in _open])
        return self

    def __exit__(self, *exc):
        for prof, event in self._events.pop():
            prof.stop(event)

    def __call__(self, fn):
        import functools

        @functools.wraps(fn)
        def named(*args, **kwargs):
            with record_function(self.name):
                return fn(*args, **kwargs)

        return named
