"""Python's exceptions, as this package raises them: where their traceback is shown, a lesson follows the message.

A module that raises says `from ..errors.teaching import RuntimeError` and then raises as ever. What it raises is Python's RuntimeError
to everybody outside (by `except`, by name, when pickled), with one thing more: its `__notes__`, which tracebacks print, are found when
they are asked for. So an error that somebody catches costs nothing more than Python's. A module that catches what Python raises says
`except builtins.RuntimeError`.
"""

import builtins
import copyreg
import os
import sys
from typing import Any

__all__ = [
    "AssertionError", "AttributeError", "BufferError", "EOFError", "FileNotFoundError", "ImportError", "IndexError", "KeyError",
    "ModuleNotFoundError", "NameError", "NotImplementedError", "OSError", "OverflowError", "RuntimeError", "Teaching", "TypeError",
    "ValueError", "lessons_enabled", "set_lessons",
]  # fmt: skip

_on = os.environ.get("LIGHTWELL_LESSONS", "1").lower() not in ("0", "off", "false", "no")


def set_lessons(on: bool) -> None:
    """Whether tracebacks of lightwell's errors end with a lesson; LIGHTWELL_LESSONS=0 turns them off from the start.

    >>> import lightwell
    >>> lightwell.set_lessons(False); lightwell.lessons_enabled()
    False
    >>> lightwell.set_lessons(True)
    """
    global _on
    _on = bool(on)


def lessons_enabled() -> bool:
    """Whether tracebacks end with a lesson."""
    return _on


class _Disguise(type):
    """The type of the exceptions below: each equals, and is pickled as, Python's exception that it stands for."""

    plain: Any = None

    def __eq__(cls, other):
        return (cls.__dict__.get("plain") or cls) is (getattr(other, "__dict__", {}).get("plain") or other)

    def __hash__(cls):
        return type.__hash__(cls.__dict__.get("plain") or cls)


def _named(module: str, name: str) -> type:
    """Python's exception of a name: what a class below is pickled as."""
    return getattr(sys.modules[module], name)


copyreg.pickle(_Disguise, lambda cls: (_named, (cls.__module__, cls.__name__)) if cls.__dict__.get("plain") else cls.__qualname__)  # type: ignore


class Teaching(metaclass=_Disguise):
    """What an exception needs in order to teach: a mixin of the exceptions below, and of the package's own."""

    plain: Any = None  # Python's exception that a class stands for; None for classes with a name of their own

    @property
    def code(self) -> str | None:
        """The code of the kind of mistake, such as "LW101": `lightwell explain LW101` tells about it."""
        from .catalogue import find

        found = find(self)  # type: ignore[arg-type]
        return found.code if found else None

    @property
    def lesson(self):
        """What can be told of this error: code, line, module, arguments, origins, cause and mend (`lightwell.errors.lesson.Lesson`)."""
        from .lesson import lesson_of

        return lesson_of(self)  # type: ignore[arg-type]

    @property
    def __notes__(self) -> list:
        """The notes that were added, and the lesson's lines: read by whatever prints a traceback."""
        own = self.__dict__.get("_own_notes", [])
        lines = list(own)
        if _on and not _in_doctest():
            try:
                from .lesson import notes_of

                lines = own + notes_of(self)  # type: ignore[arg-type]
            except Exception as error:  # a lesson never stands in the way of the error itself
                if os.environ.get("LIGHTWELL_LESSONS") == "strict":  # the tests'
                    raise SystemError(f"the lesson failed: {error!r}") from error
        if not lines:
            raise builtins.AttributeError(f"{type(self).__name__!r} object has no attribute '__notes__'")
        return lines

    @__notes__.setter
    def __notes__(self, notes) -> None:
        self.__dict__["_own_notes"] = notes

    @__notes__.deleter
    def __notes__(self) -> None:
        self.__dict__.pop("_own_notes", None)

    def add_note(self, note: str) -> None:
        """Add a line that the traceback prints below the message."""
        if not isinstance(note, str):
            raise builtins.TypeError(f"note must be a str, not '{type(note).__name__}'")
        self.__dict__.setdefault("_own_notes", []).append(note)

    def __reduce__(self):
        plain = type(self).__dict__.get("plain")
        made = super().__reduce__()  # type: ignore[misc]
        if plain is None:
            return made
        state: dict = dict(made[2]) if len(made) > 2 and made[2] else {}  # type: ignore[arg-type]
        state = {key: value for key, value in state.items() if not key.startswith("_lesson")}
        if "_own_notes" in state:
            state["__notes__"] = state.pop("_own_notes")
        return (plain, made[1], state) if state else (plain, made[1])


def _in_doctest() -> bool:
    """Whether doctest asks: it compares the last line of what is printed with the expected message."""
    if "doctest" not in sys.modules:
        return False
    frame = sys._getframe(2)
    for _ in range(8):
        if frame is None:
            return False
        if frame.f_globals.get("__name__") == "doctest":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def disguised(cls):
    """The class, under the name of Python's exception that it stands for: who meets it outside meets the plain error."""
    plain = next(base for base in cls.__mro__ if base is not cls and not issubclass(base, Teaching))
    cls.plain, cls.__name__, cls.__qualname__ = plain, plain.__name__, plain.__qualname__
    cls.__module__, cls.__doc__ = plain.__module__, plain.__doc__
    return cls


@disguised
class AssertionError(Teaching, builtins.AssertionError): ...


@disguised
class AttributeError(Teaching, builtins.AttributeError): ...


@disguised
class BufferError(Teaching, builtins.BufferError): ...


@disguised
class EOFError(Teaching, builtins.EOFError): ...


@disguised
class FileNotFoundError(Teaching, builtins.FileNotFoundError): ...


@disguised
class ImportError(Teaching, builtins.ImportError): ...


@disguised
class IndexError(Teaching, builtins.IndexError): ...


@disguised
class KeyError(Teaching, builtins.KeyError): ...


@disguised
class ModuleNotFoundError(Teaching, builtins.ModuleNotFoundError): ...


@disguised
class NameError(Teaching, builtins.NameError): ...


@disguised
class NotImplementedError(Teaching, builtins.NotImplementedError): ...


@disguised
class OSError(Teaching, builtins.OSError): ...


@disguised
class OverflowError(Teaching, builtins.OverflowError): ...


@disguised
class RuntimeError(Teaching, builtins.RuntimeError): ...


@disguised
class TypeError(Teaching, builtins.TypeError): ...


@disguised
class ValueError(Teaching, builtins.ValueError): ...
