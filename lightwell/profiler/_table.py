"""Events, their sums, and the table that shows them."""

from typing import NamedTuple

from ..errors.teaching import ValueError

__all__ = ["Event", "EventList", "averages"]


class Interval(NamedTuple):
    """Start and end in microseconds."""

    start: float
    end: float

    def elapsed_us(self) -> float:
        """Its length."""
        return self.end - self.start


def _name(event) -> str:
    return f"aten::{event.name}" if event.operation else event.name


class Event:
    """One run of an operation (`aten::mm`), a derivative or a named range; times in microseconds, memory in bytes."""

    count = 1
    device_time_total = self_device_time_total = cuda_time_total = self_cuda_time_total = 0.0
    device_memory_usage = self_device_memory_usage = 0

    def __init__(self, event):
        self.name = self.key = _name(event)
        self.is_operation = event.operation
        self.time_range = Interval(event.start * 1e6, event.end * 1e6)
        self.cpu_time_total = self.cpu_time = event.cpu_time_total
        self.self_cpu_time_total = event.self_cpu_time_total
        self.input_shapes, self.stack, self.flops = event.input_shapes, event.stack, event.flops
        self.cpu_memory_usage = self.self_cpu_memory_usage = event.memory

    def __repr__(self):
        return f"<FunctionEvent name={self.name} cpu_time={self.cpu_time_total:.3f}us input_shapes={self.input_shapes}>"


class Average:
    """The sum of all events of one name (and shapes, and stack)."""

    device_time_total = self_device_time_total = cuda_time_total = self_cuda_time_total = 0.0
    device_memory_usage = self_device_memory_usage = 0

    def __init__(self, first: Event):
        self.key, self.input_shapes, self.stack = first.key, first.input_shapes, first.stack
        self.count = self.flops = self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0

    @property
    def cpu_time(self) -> float:
        """Microseconds per call."""
        return self.cpu_time_total / max(self.count, 1)

    def add(self, event) -> "Average":
        """Take an event in."""
        self.count += event.count
        for name in ("flops", "cpu_memory_usage", "self_cpu_memory_usage", "cpu_time_total", "self_cpu_time_total"):
            setattr(self, name, getattr(self, name) + getattr(event, name))
        return self

    def __repr__(self):
        return f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total:.3f}us cpu_time={self.cpu_time:.3f}us count={self.count}>"


def averages(events, by_shape: bool = False, by_stack: int = 0) -> list:
    """One Average for each name (and shapes, and innermost calls)."""
    rows: dict = {}
    for event in events:
        key = (event.key, str(event.input_shapes) if by_shape else "", tuple(event.stack[:by_stack]))
        rows.setdefault(key, Average(event)).add(event)
    return list(rows.values())


def _time(us: float) -> str:
    return f"{us / 1e6:.3f}s" if us >= 1e6 else f"{us / 1e3:.3f}ms" if us >= 1e3 else f"{us:.3f}us"


def _bytes(n: int) -> str:
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if abs(n) >= size:
            return f"{n / size:.2f} {unit}"
    return f"{n} B"


class EventList(list):
    """Events or their sums; `table()` shows them."""

    def __init__(self, rows=(), profile_memory: bool = False, with_flops: bool = False, shapes: bool = False, stack: bool = False):
        super().__init__(rows)
        self._memory, self._flops, self._shapes, self._stack = profile_memory, with_flops, shapes, stack

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds spent in all of them."""
        return sum(row.self_cpu_time_total for row in self)

    def key_averages(
        self, group_by_input_shapes: bool = False, group_by_stack_n: int = 0, group_by_overload_name: bool = False
    ) -> "EventList":
        """Sums by name."""
        return EventList(
            averages(self, group_by_input_shapes, group_by_stack_n), self._memory, self._flops, group_by_input_shapes, group_by_stack_n > 0
        )

    def total_average(self) -> Average:
        """All in one row."""
        if not self:
            raise ValueError("total_average: there are no events")
        total = Average(self[0])
        total.key = "Total"
        for row in self:
            total.add(row)
        return total

    def table(self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int = 75, max_name_column_width: int = 55,
              max_shapes_column_width: int = 80, header: str | None = None, top_level_events_only: bool = False,
              time_unit: str | None = None) -> str:  # fmt: skip
        """The table as text, sorted by an attribute such as "cpu_time_total", largest first; at most `row_limit` rows (-1: all).

        AttributeError for a column that there is none of.
        """
        rows = list(self)
        if sort_by is not None:
            rows.sort(key=lambda row: getattr(row, sort_by), reverse=True)
        rows = rows if row_limit < 0 else rows[:row_limit]
        total = self.self_cpu_time_total
        columns = [("Name", [_cut(r.key, max_name_column_width) for r in rows])]
        columns += [
            ("Self CPU %", [f"{100 * r.self_cpu_time_total / total if total else 0:.2f}%" for r in rows]),
            ("Self CPU", [_time(r.self_cpu_time_total) for r in rows]),
            ("CPU total %", [f"{100 * r.cpu_time_total / total if total else 0:.2f}%" for r in rows]),
            ("CPU total", [_time(r.cpu_time_total) for r in rows]),
            ("CPU time avg", [_time(r.cpu_time) for r in rows]),
        ]
        if self._memory:
            columns += [
                ("CPU Mem", [_bytes(r.cpu_memory_usage) for r in rows]),
                ("Self CPU Mem", [_bytes(r.self_cpu_memory_usage) for r in rows]),
            ]
        columns.append(("# of Calls", [str(r.count) for r in rows]))
        if self._shapes:
            columns.append(("Input Shapes", [_cut(str(r.input_shapes), max_shapes_column_width) for r in rows]))
        if self._stack:
            columns.append(("Source Location", [_cut(r.stack[0] if r.stack else "", max_src_column_width) for r in rows]))
        if self._flops:
            columns.append(("Total FLOPs", [str(r.flops) if r.flops else "--" for r in rows]))
        widths = [max(len(head), 12, *(len(c) for c in cells)) if cells else max(len(head), 12) for head, cells in columns]
        rule = "  ".join("-" * w for w in widths)
        lines = [header] if header else []
        lines += [rule, "  ".join(head.rjust(w) for (head, _), w in zip(columns, widths)), rule]
        lines += ["  ".join(cells[i].rjust(w) for (_, cells), w in zip(columns, widths)) for i in range(len(rows))]
        return "\n".join([*lines, rule, f"Self CPU time total: {_time(total)}", ""])

    __str__ = table


def _cut(text: str, width: int) -> str:
    return text if width is None or len(text) <= width else text[: max(width - 3, 0)] + "..."
