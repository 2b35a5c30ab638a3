"""Measurements as a table: a row for each statement, a column for each description, a part for each number of threads."""

import enum
import math

from ....errors.teaching import ValueError
from .common import Measurement, ordered_unique, select_unit, trim_sigfig, unit_to_english

__all__ = ["Colorize", "Compare"]

_BEST, _GOOD, _BAD, _WORST, _BOLD, _END = "\033[92m", "\033[34m", "\033[2m\033[91m", "\033[31m", "\033[1m", "\033[0m"


class Colorize(enum.Enum):
    """What the colours of a table compare."""

    NONE = "none"
    COLUMNWISE = "columnwise"
    ROWWISE = "rowwise"


def _coloured(text: str, value: float, best: float) -> str:
    if value <= best * 1.01 or value <= best + 100e-9:
        return _BEST + _BOLD + text + _END * 2
    if value <= best * 1.1:
        return _GOOD + _BOLD + text + _END * 2
    if value >= best * 5:
        return _WORST + _BOLD + text + _END * 2
    return _BAD + text + _END * 2 if value >= best * 2 else text


class _Table:
    """The measurements of one label: cells[row key][column key]."""

    def __init__(self, results, trim: bool, colours: Colorize, warnings: bool):
        self.results, self.trim, self.colours = results, trim, colours
        self.warnings = warnings and any(m.has_warnings for m in results)
        self.unit, self.scale = select_unit(min(m.median for m in results))
        keys = ordered_unique((m.num_threads, m.env, m.as_row_name) for m in results)
        self.rows = sorted(keys, key=lambda k: (k[0], k[1] or ""))  # of equal ones, the order they came in
        self.columns = ordered_unique(m.description for m in results)
        self.cells = {((m.num_threads, m.env, m.as_row_name), m.description): m for m in results}

    def _formatter(self, column):
        """How the numbers of a column are written, all with the same number of decimals and the same width."""
        found = [m for (_, c), m in self.cells.items() if c == column]
        warned = self.warnings and any(m.has_warnings for m in found)
        digits = [math.ceil(math.log10(m.median / self.scale)) for m in found]
        decimals = min(max(m.significant_figures - d, 0) for d, m in zip(digits, found)) if self.trim else 1
        width = max(digits) + decimals + (1 if decimals else 0)

        def write(m):
            if m is None:
                return " " * len(write_number(1.0, ""))
            value = m.median / self.scale
            spread = f" (! {m.iqr / m.median * 100:.0f}%)" if warned and m.has_warnings else ""
            return write_number(trim_sigfig(value, m.significant_figures) if self.trim else value, spread)

        def write_number(value, spread):
            return f"{value:>{width}.{decimals}f}" + (f"{spread:>7}" if warned else "")

        return write

    def _best(self, row, column):
        """The time that a cell is compared with: the best of its row, or of its column among equal numbers of threads."""
        across = self.colours is Colorize.ROWWISE
        return min(m.median for (r, c), m in self.cells.items() if (r == row if across else c == column and r[0] == row[0]))

    def render(self) -> str:
        envs = {m.env for m in self.results}
        room = max(len(str(e)) for e in envs) + 4 if len(envs) > 1 else 4
        names, shown = [], None
        for threads, env, name in self.rows:
            told = f"({env})" if len(envs) > 1 and (threads, env) != shown else ""
            shown = threads, env
            names.append("  " + told.ljust(room) + name)
        writers = [self._formatter(c) for c in self.columns]
        texts = [[write(self.cells.get((row, c))) for write, c in zip(writers, self.columns)] for row in self.rows]
        heads = [str(c) if c is not None else "" for c in self.columns]
        widths = [max(len(h), *(len(t[j]) for t in texts)) for j, h in enumerate(heads)]
        first = max(map(len, names))
        lines = ["  |  ".join([" " * first, *(h.center(w) for h, w in zip(heads, widths))])]
        overall, threads = len(lines[0]), None
        for row, name, text in zip(self.rows, names, texts):
            if row[0] != threads:
                threads = row[0]
                lines.append(f"{threads} threads: ".ljust(overall, "-"))
            cells = []
            for c, t, w in zip(self.columns, text, widths):
                m, t = self.cells.get((row, c)), t.center(w)
                cells.append(t if m is None or self.colours is Colorize.NONE else _coloured(t, m.median, self._best(row, c)))
            lines.append("  |  ".join([name.ljust(first), *cells]))
        label = f" {self.results[0].label or ''} "
        lines = [f"[{label.center(overall - 2, '-')}]", *lines, "", f"Times are in {unit_to_english(self.unit)}s ({self.unit})."]
        if self.warnings:
            lines.append("(! XX%) Measurement has high variance, where XX is the IQR / median * 100.")
        return "\n".join(lines) + "\n"


class Compare:
    """Tables of measurements, one for each label; ValueError for what is no Measurement.

    >>> from lightwell.utils.benchmark import Compare, Measurement, TaskSpec
    >>> task = {"stmt": "x", "setup": "", "label": "reading"}
    >>> fast = Measurement(1, [2e-6] * 4, TaskSpec(**task, sub_label="small", description="new"))
    >>> slow = Measurement(1, [3e-6] * 4, TaskSpec(**task, sub_label="small", description="old"))
    >>> print(str(Compare([fast, slow])).rstrip())
    [-------- reading --------]
                 |  new  |  old
    1 threads: ----------------
          small  |  2.0  |  3.0
    <BLANKLINE>
    Times are in microseconds (us).
    """

    def __init__(self, results):
        self._results = []
        self._trim, self._colours, self._warnings = False, Colorize.NONE, False
        self.extend_results(results)

    def extend_results(self, results) -> None:
        """Take more measurements."""
        results = list(results)
        for r in results:
            if not isinstance(r, Measurement):
                raise ValueError(f"Expected an instance of `Measurement`, got {type(r)} instead.")
        self._results.extend(results)

    def trim_significant_figures(self) -> None:
        """Write only the digits that the measurements vouch for."""
        self._trim = True

    def colorize(self, rowwise: bool = False) -> None:
        """Colour the times by how far they are from the best of their column, or of their row."""
        self._colours = Colorize.ROWWISE if rowwise else Colorize.COLUMNWISE

    def highlight_warnings(self) -> None:
        """Mark the times that vary too much."""
        self._warnings = True

    def __str__(self) -> str:
        groups: dict = {}
        for m in Measurement.merge(self._results):
            groups.setdefault(m.label, []).append(m)
        return "\n".join(_Table(group, self._trim, self._colours, self._warnings).render() for group in groups.values())

    def print(self) -> None:
        """Print the tables."""
        print(str(self))
