"""`torch.cpu`: the CPU asked in the words in which an accelerator is asked; its work is done when a call returns."""

import contextlib
import functools
import os
import platform
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..device import device as _device
from . import amp

__all__ = [
    "Event", "Stream", "StreamContext", "amp", "current_device", "current_stream", "device_count", "get_capabilities", "is_available",
    "is_initialized", "set_device", "stream", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """Whether there is a CPU: True."""
    return True


def is_initialized() -> bool:
    """Whether the CPU was started: True."""
    return True


def device_count() -> int:
    """The number of CPU devices: 1."""
    return 1


def current_device() -> str:
    """The device's name: "cpu"."""
    return "cpu"


def _check(device) -> None:
    if device is not None and not isinstance(device, int):
        _device(device)


def set_device(device) -> None:
    """Nothing to choose among one; accepted, as in PyTorch."""
    _check(device)


def synchronize(device=None) -> None:
    """Wait for all work: there is none left when a call has returned."""
    _check(device)


class Stream:
    """A queue of work; the CPU has one, and does it at once."""

    def __init__(self, priority: int = -1) -> None:
        self.priority = priority

    def wait_stream(self, stream) -> None:
        """Nothing to wait for."""

    def record_event(self) -> None:
        """Nothing to record."""

    def wait_event(self, event) -> None:
        """Nothing to wait for."""


class Event:
    """A point in a stream, which is reached as soon as it is set."""

    def query(self) -> bool:
        """Whether it is reached: True."""
        return True

    def record(self, stream=None) -> None:
        """Nothing to record."""

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def wait(self, stream=None) -> None:
        """Nothing to wait for."""


_current = Stream()


def current_stream(device=None) -> Stream:
    """The stream that work goes to."""
    _check(device)
    return _current


class StreamContext(contextlib.AbstractContextManager):
    """Within it, `current_stream()` is the given stream (nothing changes for None)."""

    def __init__(self, stream) -> None:
        self.stream, self.before = stream, None

    def __enter__(self) -> None:
        global _current
        self.before = _current
        if self.stream is not None:
            _current = self.stream

    def __exit__(self, *exc) -> None:
        global _current
        _current = self.before


def stream(stream) -> StreamContext:
    """`StreamContext(stream)`."""
    return StreamContext(stream)


@functools.lru_cache(None)
def get_capabilities() -> Mapping[str, Any]:
    """What the processor can do: its architecture, the numbers of its processors, and the instruction sets the system names.

    >>> import lightwell as torch
    >>> torch.cpu.get_capabilities()["num_logical_cores"] >= 1
    True
    """
    found: dict[str, Any] = {"architecture": platform.machine(), "num_logical_cores": os.cpu_count() or 1}
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    except OSError:
        return MappingProxyType(found)
    lines = {key.strip(): value.strip() for key, value in lines.items()}
    found["cpu_name"] = lines.get("model name", "unknown")
    found["num_physical_cores"] = int(lines.get("cpu cores", found["num_logical_cores"]))
    found.update(dict.fromkeys(lines.get("flags", lines.get("Features", "")).split(), True))
    return MappingProxyType(found)
