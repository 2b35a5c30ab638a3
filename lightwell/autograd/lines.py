"""The user's lines that errors of backward name: which one recorded a node, which one freed its graph.

Freeing is noted once for each backward. Recording isn't: it would cost each small operation a seventh of its time. Anomaly mode notes it
on each node; without it `errors/saved_lines.py` looks for the line in the source, once there is an error.
"""

import linecache
import sys

from ..errors.level import PACKAGE

__all__ = ["Freed", "outside", "recorded_at"]


class Freed(tuple):
    """What a node has in place of the records of its saved values once a backward freed them: none, and where that backward was called."""

    at: tuple | None = None

    @classmethod
    def here(cls) -> "Freed":
        """With the line of the user's code that is running."""
        made = cls()
        made.at = outside(sys._getframe(1))
        return made

    @property
    def line(self) -> tuple | None:
        """(file, line, text) of the call of backward."""
        if self.at is None:
            return None
        code, lasti = self.at
        for i, (line, *_) in enumerate(code.co_positions()):
            if i == lasti // 2 and line is not None:
                return code.co_filename, line, linecache.getline(code.co_filename, line).strip()
        return None


def outside(frame) -> tuple | None:
    """(code, instruction) of the nearest frame outside this package, which keeps no frame alive; None where there is none."""
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(PACKAGE):
            return code, frame.f_lasti
        frame = frame.f_back
    return None


def recorded_at(node) -> tuple | None:
    """(file, line, text) of the line that recorded a node, where anomaly mode noted it."""
    return (node.extra or {}).get("line")
