"""NNPACK's switch: not part of this build, kept as it is set."""

import contextlib

__all__ = ["flags", "is_available", "set_flags"]
_enabled = True


def is_available() -> bool:
    """Whether NNPACK can be used: False in this build."""
    return False


def set_flags(_enabled: bool) -> tuple[bool]:
    """Set the switch; returns what it was."""
    before = globals()["_enabled"]
    globals()["_enabled"] = bool(_enabled)
    return (before,)


@contextlib.contextmanager
def flags(enabled: bool = False):
    """The switch within a `with`."""
    (before,) = set_flags(enabled)
    try:
        yield
    finally:
        set_flags(before)
