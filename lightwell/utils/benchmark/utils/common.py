"""What was measured (`TaskSpec`), what came out (`Measurement`), and how its numbers are written."""

import contextlib
import dataclasses
import math
import statistics
from typing import Any

import numpy as np

import lightwell
from lightwell.errors.teaching import AssertionError, AttributeError

__all__ = ["Measurement", "TaskSpec", "ordered_unique", "select_unit", "set_torch_threads", "trim_sigfig", "unit_to_english"]

_UNITS = {"ns": (1e-9, "nanosecond"), "us": (1e-6, "microsecond"), "ms": (1e-3, "millisecond"), "s": (1, "second")}
_MOST_FIGURES, _LEAST_INTERVAL = 4, 25e-9
_SUSPECT, _GROSS = 0.1, 0.25  # interquartile ranges, relative to the median, that are worth a warning


def _block(name: str, code: str) -> str:
    """A labelled statement, on lines of its own where it has several."""
    if "\n" not in code:
        return f"{name} {code}"
    return f"{name}\n" + "\n".join(f"  {line}" if line else line for line in code.split("\n"))


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """What a Timer measures: the statement, how it is prepared, and the words to show it under."""

    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """The label with the sub-label, or the statement."""
        if self.label is not None:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        if "\n" not in self.stmt:
            return self.stmt + (f": {self.sub_label}" if self.sub_label else "")
        return _block(f"stmt:{f' ({self.sub_label})' if self.sub_label else ''}", self.stmt)

    def setup_str(self) -> str:
        """The preparation as text; '' where there is none."""
        return "" if self.setup == "pass" or not self.setup else _block("setup:", self.setup)

    def summarize(self) -> str:
        """Title, description and preparation, one under the other."""
        return "\n".join(part + "\n" * ("\n" in part) for part in (self.title, self.description or "", self.setup_str()) if part)


@dataclasses.dataclass(repr=False)
class Measurement:
    """Times of a statement: `raw_times` of blocks of `number_per_run` runs each, in seconds.

    >>> from lightwell.utils.benchmark import Measurement, TaskSpec
    >>> m = Measurement(10, [1e-3, 1.2e-3, 1.1e-3], TaskSpec(stmt="x + 1", setup="pass"))
    >>> round(m.median * 1e6), m.as_row_name
    (110, 'x + 1')
    """

    number_per_run: int
    raw_times: list[float]
    task_spec: TaskSpec
    metadata: dict[Any, Any] | None = None

    def __getattr__(self, name: str):
        if name in TaskSpec.__dataclass_fields__:
            return getattr(self.task_spec, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def times(self) -> list[float]:
        """Seconds of one run, by block."""
        return [t / self.number_per_run for t in self.raw_times]

    def _quantile(self, q: float) -> float:
        return float(np.quantile(self.times, q)) if self.raw_times else -1.0

    @property
    def median(self) -> float:
        """The median of the times."""
        return self._quantile(0.5)

    @property
    def mean(self) -> float:
        """The mean of the times."""
        return statistics.fmean(self.times) if self.raw_times else -1.0

    @property
    def iqr(self) -> float:
        """The interquartile range of the times: where the middle half of them lies."""
        return self._quantile(0.75) - self._quantile(0.25)

    @property
    def significant_figures(self) -> int:
        """How many digits of the median can be trusted: by a 90 % interval from the middle half of the times, 1 to 4."""
        n, ordered = len(self.raw_times), sorted(self.times)
        middle = ordered[n // 4 : math.ceil(3 * n / 4)]
        interval = max(1.645 * statistics.pstdev(middle) / math.sqrt(len(middle)), _LEAST_INTERVAL)
        return min(max(math.floor(math.log10(self.median / interval)), 1), _MOST_FIGURES)

    def meets_confidence(self, threshold: float = _SUSPECT) -> bool:
        """Whether the interquartile range is below this part of the median."""
        return self.iqr / self.median < threshold

    @property
    def _warning(self) -> str:
        if not self.raw_times or self.meets_confidence():
            return ""
        why = "could indicate system fluctuation" if self.meets_confidence(_GROSS) else "suggests significant environmental influence"
        return f"  WARNING: Interquartile range is {self.iqr / self.median * 100:.1f}% of the median measurement.\n           This {why}."

    @property
    def has_warnings(self) -> bool:
        """Whether the times vary too much to be relied on."""
        return bool(self._warning)

    @property
    def title(self) -> str:
        """The title of what was measured."""
        return self.task_spec.title

    @property
    def as_row_name(self) -> str:
        """The name of its row in a table."""
        return self.sub_label or self.stmt or "[Unknown]"

    def __repr__(self) -> str:
        n, (unit, scale) = len(self.raw_times), select_unit(self.median)
        threads = f"{self.num_threads} thread{'s' if self.num_threads > 1 else ''}"
        lines = [object.__repr__(self), self.task_spec.summarize(), f"  {'Median: ' if n > 1 else ''}{self.median / scale:.2f} {unit}"]
        if n >= 4:
            low, high = self._quantile(0.25) / scale, self._quantile(0.75) / scale
            lines.append(f"  IQR:    {self.iqr / scale:.2f} {unit} ({low:.2f} to {high:.2f})")
        per = "per measurement," if n > 1 else ","
        lines.append(f"  {n} measurement{'s' if n > 1 else ''}, {self.number_per_run} runs {per} {threads}")
        return "\n".join([*lines, self._warning]).strip()

    @staticmethod
    def merge(measurements) -> list["Measurement"]:
        """Measurements of the same task as one, with their times of one run together."""
        groups: dict[TaskSpec, list[float]] = {}
        for m in measurements:
            groups.setdefault(m.task_spec, []).extend(m.times)
        return [Measurement(1, times, task) for task, times in groups.items()]


def select_unit(t: float) -> tuple[str, float]:
    """The unit in which a time has one to three digits before the point, and its seconds.

    >>> from lightwell.utils.benchmark import select_unit
    >>> select_unit(0.02)
    ('ms', 0.001)
    """
    unit = {-3: "ns", -2: "us", -1: "ms"}.get(math.log10(t) // 3 if t > 0 else None, "s")
    return unit, _UNITS[unit][0]


def unit_to_english(u: str) -> str:
    """The unit in words: 'ms' is a millisecond."""
    return _UNITS[u][1]


def trim_sigfig(x: float, n: int) -> float:
    """`x` rounded to `n` significant figures; AssertionError where `n` is no whole number.

    >>> from lightwell.utils.benchmark import trim_sigfig
    >>> trim_sigfig(1234.5, 2)
    1200.0
    """
    if n != int(n):
        raise AssertionError("Number of significant figures must be an integer")
    scale = 10 ** (math.ceil(math.log10(abs(x))) - n)
    return float(np.float32(round(x / scale) * scale))


def ordered_unique(elements) -> list:
    """The different elements, in the order of their first appearance."""
    return list(dict.fromkeys(elements))


@contextlib.contextmanager
def set_torch_threads(n: int):
    """Compute with `n` threads within a `with`."""
    before = lightwell.get_num_threads()
    try:
        lightwell.set_num_threads(n)
        yield
    finally:
        lightwell.set_num_threads(before)
