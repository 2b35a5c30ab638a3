"""One step's operations, forward and backward, each with the range of what it gave: what a replay shows."""

import html
import math

import numpy as np

from ...language import say
from ...tensor import Tensor
from .finding import wide
from .numbers import show


class Entry:
    """One operation, or one node of a backward: what it gave."""

    __slots__ = ("bad", "high", "low", "module", "name", "phase", "place", "shape", "size")

    def __init__(self, phase, name, place, module, a):
        self.phase, self.name, self.place, self.module = phase, name, place, module
        self.shape, self.size = a.shape, a.size
        good = a[np.isfinite(a)] if a.dtype.kind in "fcV" else a
        if a.dtype.kind in "c":
            good = np.abs(good)
        self.bad = a.size - good.size
        self.low, self.high = (float(good.min()), float(good.max())) if good.size else (math.nan, math.nan)

    def cells(self) -> list:
        """Its columns as texts."""
        where = f"{self.place.file.rpartition('/')[2]}:{self.place.line}" if self.place else ""
        spread = f"{show(self.low)} … {show(self.high)}" if self.size > self.bad else ""
        told = say(f"{self.bad} of {self.size} not finite", f"{self.size} 个中有 {self.bad} 个非有限") if self.bad else ""
        return [{"forward": "→", "backward": "←"}[self.phase], self.name, str(list(self.shape)), spread, told, self.module, where]


class Tape:
    """The entries of one step; `first` is the place of the first that isn't finite."""

    def __init__(self):
        self.entries: list[Entry] = []
        self.finding = None
        self.on_step_end = None

    def forward(self, rec, args, out, place, module) -> None:
        """Note an operation."""
        for t in (out,) if isinstance(out, Tensor) else out if isinstance(out, list | tuple) else ():
            if isinstance(t, Tensor) and type(t._a) is np.ndarray:
                self.entries.append(Entry("forward", rec.name, place, module, t._a))

    def backward(self, node, site, g, out) -> None:
        """Note a node's gradients."""
        place, module = site
        for v in out:
            a = v if type(v) is np.ndarray else getattr(v, "_a", None)
            if type(a) is np.ndarray:
                self.entries.append(Entry("backward", node.name(), place, "" if module is None else self.path(module), a))

    path = staticmethod(lambda module: "")  # set by who has the modules' paths

    def step_ended(self) -> None:
        """The step is over."""
        if self.on_step_end is not None:
            self.on_step_end()

    @property
    def first(self) -> int | None:
        """The number of the first entry that isn't finite."""
        return next((i for i, e in enumerate(self.entries) if e.bad), None)

    def rows(self, everything: bool) -> list:
        """(number, entry) of what is worth showing: all, or the neighbourhood of the first that isn't finite."""
        first = self.first
        if everything or first is None or len(self.entries) <= 40:
            return list(enumerate(self.entries))
        return [(i, e) for i, e in enumerate(self.entries) if first - 18 <= i <= first + 12]

    def text(self, everything: bool = False) -> str:
        """The table for a terminal."""
        head = [
            say(*p)
            for p in (("", ""), ("operation", "运算"), ("shape", "形状"), ("range", "范围"), ("", ""), ("module", "模块"), ("line", "行"))
        ]
        rows = self.rows(everything)
        cells = [e.cells() for _, e in rows]
        widths = [max([wide(head[i]), *(wide(c[i]) for c in cells)], default=0) for i in range(7)]

        def line(values, mark):
            return (mark + "  ".join(v + " " * (w - wide(v)) for v, w in zip(values, widths))).rstrip()

        first = self.first
        out = [
            say(
                f"{len(self.entries)} operations of step, forward → and backward ←", f"这一步的 {len(self.entries)} 个运算，前向 → 与反向 ←"
            )
        ]
        out.append(line(head, "     "))
        if rows and rows[0][0]:
            out.append(f"     … {rows[0][0]}")
        for (i, _), c in zip(rows, cells):
            out.append(line(c, "  >> " if i == first else "     "))
        if rows and rows[-1][0] < len(self.entries) - 1:
            out.append(f"     … {len(self.entries) - 1 - rows[-1][0]}")
        if first is None:
            out.append(say("     every value is finite", "     所有数值都是有限的"))
        if self.finding is not None:
            out += ["", str(self.finding)]
        return "\n".join(out)

    __str__ = text

    def __repr__(self):
        return f"<tape of {len(self.entries)} operations, the first that isn't finite: {self.first}>"

    def save_html(self, path) -> str:
        """The table as a page; returns the path."""
        from .report import STYLE, finding_html, write_whole

        rows = ""
        for i, e in enumerate(self.entries):
            cells = "".join(f"<td>{html.escape(c)}</td>" for c in e.cells())
            rows += f"<tr{' class=bad' if e.bad else ''} id=o{i}>{cells}</tr>"
        found = finding_html(self.finding) if self.finding is not None else ""
        head = "".join(f"<th>{html.escape(h)}</th>" for h in ("", say("operation", "运算"), say("shape", "形状"), say("range", "范围"), "", say("module", "模块"), say("line", "行")))  # fmt: skip
        return write_whole(
            f'<!doctype html><meta charset="utf-8"><title>lightwell replay</title><div class="lww"><style>{STYLE}</style><h1>lightwell replay</h1>{found}'
            f"<table><tr>{head}</tr>{rows}</table></div>", path,
        )  # fmt: skip
