"""Anomaly mode: backward stops at the first NaN and names the operation, and the line that ran it forward."""

import sys

from ..ops import op
from ..tensor import Tensor
from . import modes
from .node import Port

__all__ = ["detect_anomaly", "is_anomaly_check_nan_enabled", "is_anomaly_enabled", "set_detect_anomaly"]


def _note_line(rec, call, args):
    """Run an operation and note the user's line on its node."""
    out = call(*args)
    for t in (out,) if isinstance(out, Tensor) else out:
        if isinstance(t, Tensor) and t._node is not None:
            node = t._node.node if type(t._node) is Port else t._node
            node.more().setdefault("line", user_line())
    return out


def user_line() -> tuple:
    """(file, line number, text) of the innermost frame outside this package."""
    import linecache

    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("lightwell."):
        frame = frame.f_back
    file, line = frame.f_code.co_filename, frame.f_lineno
    return file, line, linecache.getline(file, line).strip()


_interposer = op.interpose(_note_line)


def _set(mode: bool, check_nan: bool) -> None:
    if mode and not modes.anomaly:
        _interposer.__enter__()
    elif modes.anomaly and not mode:
        _interposer.__exit__()
    modes.anomaly, modes.anomaly_nan = mode, mode and check_nan


class set_detect_anomaly:
    """Turn anomaly mode on or off: at once when called, and back at the end of a `with`."""

    def __init__(self, mode: bool, check_nan: bool = True):
        self._before = modes.anomaly, modes.anomaly_nan
        _set(bool(mode), check_nan)

    def __enter__(self):
        return None

    def __exit__(self, *exc):
        _set(*self._before)


class detect_anomaly:
    """Within it, operations remember the line that ran them, and backward raises RuntimeError at the first NaN gradient.

    `check_nan=False` only remembers the lines. The mode costs time: leave it on while searching only.

    >>> import lightwell as torch
    >>> x = torch.tensor(0., requires_grad=True)
    >>> with torch.autograd.detect_anomaly():
    ...     (x.sqrt() * 0).backward()
    Traceback (most recent call last):
    ...
    RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output. ...
    """

    def __init__(self, check_nan: bool = True):
        self.check_nan = check_nan

    def __enter__(self):
        self._before = modes.anomaly, modes.anomaly_nan
        _set(True, self.check_nan)

    def __exit__(self, *exc):
        _set(*self._before)


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return modes.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode looks for NaN."""
    return modes.anomaly_nan
