"""Where an operation was called: the user's line, found from Python's frames, and the names that the user gave to things."""

import linecache
import os
import sys
import sysconfig

from ...autograd import engine
from ...errors.frames import PACKAGE, is_runner

_STDLIB = os.path.realpath(sysconfig.get_paths()["stdlib"]) + os.sep
_known: dict[int, tuple] = {}  # id of a code object -> (whether it is not the user's, the code object, so that the id stays its own)


def _not_the_users(code) -> bool:
    file = code.co_filename
    if is_runner(file) or file.startswith("<__array_function__"):
        return True
    return file.startswith(_STDLIB) and "site-packages" not in file and "dist-packages" not in file


def users(frame):
    """The innermost frame, from this one outwards, whose code is the user's; None where there is none."""
    while frame is not None:
        code = frame.f_code
        found = _known.get(id(code))
        if found is None:
            found = _known[id(code)] = (_not_the_users(code), code)
        if not found[0]:
            return frame
        frame = frame.f_back
    return None


def here(frame) -> tuple:
    """(code, instruction) of the user's innermost frame: as little as `Place` needs, since it is noted for every operation."""
    frame = users(frame)
    return (None, 0) if frame is None else (frame.f_code, frame.f_lasti)


def around(frame, limit: int = 3) -> tuple:
    """(code, instruction) of the user's frames from this one outwards."""
    out: list = []
    frame = users(frame)
    while frame is not None and len(out) < limit:
        out.append((frame.f_code, frame.f_lasti))
        frame = users(frame.f_back)
    return tuple(out)


class Place:
    """A line of the user's program: `file`, `line`, `text`, `function`."""

    def __init__(self, file: str, line: int, function: str = "", text: str | None = None):
        self.file, self.line, self.function = file, line, function
        self.text = linecache.getline(file, line).strip() if text is None else text

    @classmethod
    def of(cls, code, instruction: int) -> "Place | None":
        """The line of an instruction."""
        if code is None:
            return None
        line = None
        for nr, position in enumerate(code.co_positions()):
            if nr == instruction // 2:
                line = position[0]
                break
        return cls(code.co_filename, line or code.co_firstlineno, code.co_name)

    def __str__(self):
        return f"{self.file}:{self.line}"


def stack_places(frame, limit: int = 12) -> list:
    """The user's lines from the innermost outwards."""
    out: list[Place] = []
    frame = users(frame)
    while frame is not None and len(out) < limit:
        out.append(Place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = users(frame.f_back)
    return out


# Functions made of several operations, of whose inner ones nobody has heard: a finding speaks of the whole.
_WHOLE = {"ctc_loss": "nn/functional/ctc.py", "logdet": "ops/solving.py", "slogdet": "ops/solving.py"}


def composed(frame) -> tuple:
    """(name, local variables) of the function made of several operations that runs in this frame or outside of it; ("", {}) for none."""
    outer = users(frame)
    while frame is not outer:
        code = frame.f_code
        if code.co_name in _WHOLE and code.co_filename == PACKAGE + _WHOLE[code.co_name].replace("/", os.sep):
            return code.co_name, frame.f_locals
        frame = frame.f_back
    return "", {}


def within_backward(frame) -> bool:
    """Whether the backward that runs in this frame is a part of another, as that of a re-entrant checkpoint: its leaves are the other's."""
    found = 0
    while frame is not None and found < 2:
        found += frame.f_code is engine.backward.__code__
        frame = frame.f_back
    return found == 2


def _entries(many) -> list:
    """The (index or key, value) of a short list or dict."""
    if not isinstance(many, list | tuple | dict) or len(many) > 1000:
        return []
    return list(many.items()) if isinstance(many, dict) else list(enumerate(many))


def name_of(value, frame=None) -> str:
    """The variable by which the user's code around `frame` knows a value; "" where there is none."""
    frame = users(sys._getframe(1) if frame is None else frame)
    while frame is not None:
        found = ""
        for space in (frame.f_locals, frame.f_globals):
            for name, v in list(space.items()):
                if v is value and not name.startswith("_") and name != "self":
                    # a name of the main program is the one the user thinks of; an argument is only a passing one
                    if space is frame.f_globals or not frame.f_back:
                        return name
                    found = found or name
        if not found:  # params[1]
            found = next((f"{name}[{k!r}]" for name, many in frame.f_locals.items() for k, v in _entries(many) if v is value), "")
        if not found:  # self.net of a trainer
            found = next((k for k, v in getattr(frame.f_locals.get("self"), "__dict__", {}).items() if v is value), "")
        outer = users(frame.f_back)
        if found and (outer is None or not any(v is value for v in (*outer.f_locals.values(), *outer.f_globals.values()))):
            return found
        frame = outer if outer is not None else None
        if frame is None:
            return found
    return ""


def whole_of(module, frame) -> tuple:
    """(module, variable) of what the user's code around `frame` knows as a whole that has `module` as a part; (None, "") where nothing has.

    `module` may be a parameter.

    A part is called by itself where a program says `net[0](x)` or `parts["encoder"](x)`.
    """
    frame = users(frame)
    while frame is not None:
        for space in (frame.f_locals, frame.f_globals):
            for name, v in list(space.items()):
                if (
                    v is not module
                    and hasattr(type(v), "named_modules")
                    and any(part is module for part in (*v.modules(), *v.parameters()))
                ):
                    return v, type(v).__name__ if name == "self" else name
        frame = users(frame.f_back)
    return None, ""
