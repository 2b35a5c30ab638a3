"""The lesson of an error: its code, the user's line, the module, what went in and where that came from, cause and mend."""

import os
import re
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ..language import get_language, say
from . import frames
from .catalogue import entry, find
from .entry import Entry
from .misuse import code_of
from .origin import Origin, origin_of
from .saved_lines import CHANGED, SAVED, lines_of

__all__ = ["Lesson", "Value", "explain_error", "lesson_of", "notes_of"]

WIDTH = 150  # letters of a line of notes
VALUES = 4  # values that are told
# The mistakes in which it matters why a tensor has its dtype.
ABOUT_DTYPES = frozenset("LW150 LW151 LW152 LW153 LW154 LW155 LW156 LW157 LW158 LW207".split())


@dataclass
class Value:
    """One value that went in: the user's words for it, what it is, where it came from."""

    text: str
    described: str
    origin: Origin | None = None


@dataclass
class Lesson:
    """What can be told of an error. `line` is (file, number, function, text); `module` (path, description); `names` those that
    a misspelt name may stand for; `lines` further lines of code that took part, as (role, file, number, text).

    >>> import lightwell as torch
    >>> try:
    ...     torch.ones(2, 3) @ torch.ones(4, 5)
    ... except RuntimeError as error:
    ...     print(error.lesson.code, [v.described for v in error.lesson.values])
    LW103 ['Tensor [2, 3] float32', 'Tensor [4, 5] float32']
    """

    entry: Entry | None
    line: tuple[str, int, str, str] | None = None
    module: tuple[str, str] | None = None
    values: list[Value] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    lines: list[tuple[tuple[str, str], str, int, str]] = field(default_factory=list)

    @property
    def code(self) -> str | None:
        """The code, such as "LW101"."""
        return self.entry.code if self.entry else None

    def notes(self) -> list[str]:
        """The lesson in lines, for below a traceback."""
        rows: list[tuple[str, str]] = []
        if self.line:
            file, number, function, text = self.line
            place = say(f"{_short(file)}, line {number}", f"{_short(file)} 第 {number} 行")
            rows.append(
                (say("line", "位置"), place + (f" ({function})" if function != "<module>" else "") + (f":  {text}" if text else ""))
            )
        for role, file, number, text in self.lines:
            if self.line and (file, number) == self.line[:2]:
                text += say("  (when it ran before)", "（上一次执行时）")
            rows.append(
                (say(*role), say(f"{_short(file)}, line {number}", f"{_short(file)} 第 {number} 行") + (f":  {text}" if text else ""))
            )
        if self.code in ("LW202", "LW203") and not any(role == SAVED for role, *_ in self.lines):
            hint = "not certain from the source: `with torch.autograd.detect_anomaly():` around all of it names the line"
            rows.append((say(*SAVED), say(hint, "仅凭源码无法确定：把整段放进 `with torch.autograd.detect_anomaly():` 就会指出")))
        if self.module:
            path, what = self.module
            rows.append((say("module", "模块"), what if what.split("(")[0] == path else f"{path} = {what}"))
        rows += self._value_rows()
        if self.names:
            rows.append((say("perhaps", "也许是"), say(", ", "、").join(self.names)))
        if self.entry:
            rows.append((say("why", "原因"), self.entry.text("cause")))
            mend = self.entry.text("short") or self.entry.text("mend")
            if any(role == CHANGED and ".step(" in text for role, _, _, text in self.lines):
                mend = say(
                    "Run every backward that needs the old parameters before the `step()`, or compute the loss anew after it.",
                    "在 `step()` 之前完成所有要用旧参数的 backward，或者在它之后重新计算损失。",
                )
            rows.append(
                (say("mend", "改法"), mend + say(f"  (more: lightwell explain {self.code})", f"（详见：lightwell explain {self.code}）"))
            )
        if not rows:
            return []
        title = f"{self.code} {self.entry.text('title')}" if self.entry else say("Where it happened", "出错的地方")
        width = max(_columns(label) for label, _ in rows)
        body = [f"   {label}{' ' * (width - _columns(label))}  {text}" for label, text in rows]
        return [f"── {title}", *body]

    def _value_rows(self) -> list[tuple[str, str]]:
        told = [v for v in self.values if v.origin]
        plain = [f"{v.text}: {v.described}" for v in self.values if not v.origin]
        rows = [(say("given", "传入"), say("; ", "；").join(plain))] if plain else []
        for v in told[:2]:
            assert v.origin is not None
            en, zh = f"line {v.origin.line}", f"第 {v.origin.line} 行"
            if self.line and v.origin.file != self.line[0]:
                cell = frames.is_cell(v.origin.file)
                name = os.path.basename(v.origin.file)
                en, zh = (f"{en} of another cell", f"另一个单元格{zh}") if cell else (f"{name}, {en}", f"{name} {zh}")
            text = f"{v.text}: {v.described}" + say(f", from {en}: ", f"，来自{zh}：") + v.origin.text
            if v.origin.reason and self.code in ABOUT_DTYPES:
                text += say(" — ", " —— ") + say(*v.origin.reason)
            rows.append((say("given", "传入") if not rows else "", text))
        rest = [f"{v.text}: {v.described}" for v in told[2:]]
        if rest:
            rows.append(("", say("; ", "；").join(rest)))
        return rows


def _columns(text: str) -> int:
    return sum(2 if ord(c) > 0x2E80 else 1 for c in text)


def _short(file: str) -> str:
    if frames.is_cell(file):
        return say("this notebook's cell", "笔记本单元格")
    return os.path.basename(file) or file


# ---- making it ----------------------------------------------------------------------------------------------------------


def describe(value: Any, devices: bool = False) -> str:
    """What a value is, in a few words: a tensor by shape, dtype and (where it matters) device, a number by itself, the rest by type."""
    a = frames.array_of(value)
    if a is not None and hasattr(a, "shape"):
        kind = type(value).__name__
        if type(value).__module__.startswith("lightwell") and kind != "Parameter":
            kind = "Tensor"  # a class of ours, such as that of meta tensors
        try:
            device, dtype = str(value.device), str(value.dtype).removeprefix("torch.")
        except Exception:
            device, dtype = "cpu", str(a.dtype)
        return f"{kind} {list(a.shape)} {dtype}" + (f" {device}" if devices or device != "cpu" else "")
    if type(value).__module__ == "numpy" and hasattr(value, "shape"):
        return f"{type(value).__name__} {list(value.shape)} {value.dtype}"
    if isinstance(value, (bool, int, float, complex, str, type(None))):
        text = repr(value)
        return text if len(text) <= 40 else text[:37] + "..."
    if isinstance(value, (list, tuple)):
        if any(frames.array_of(v) is not None for v in value):
            return (
                f"{type(value).__name__} of {len(value)}: "
                + ", ".join(describe(v) for v in value[:3])
                + (", ..." if len(value) > 3 else "")
            )
        text = repr(value) if len(value) <= 8 and all(isinstance(v, (int, float, str)) for v in value) else ""
        return text if text and len(text) <= 40 else f"{type(value).__name__} of {len(value)}"
    if isinstance(value, dict):
        return f"dict of {len(value)}"
    return type(value).__name__


def _tellable(value: Any) -> bool:
    """Whether a few words describe a value: not those of modules, files, generators."""
    return (
        isinstance(value, (bool, int, float, complex, str, list, tuple, dict, type(None)))
        or frames.array_of(value) is not None
        or hasattr(value, "dtype")
    )


def _about_module(module) -> str:
    text = repr(module)
    return text if "\n" not in text and len(text) <= 90 else type(module).__name__


def lesson_of(error: BaseException) -> Lesson:
    """The lesson of any exception whose traceback passes through this package; what can't be found is left out."""
    found = frames.places(error)
    at = frames.users_place(found)
    lesson = Lesson(find(error))
    if at is not None and _pythons_own(error, found, at):
        code = code_of(error, found[at])
        lesson.entry = entry(code) if code else lesson.entry
    if hasattr(error, "_lesson_about"):
        lesson.lines = lines_of(error, found)
    if at is None:
        return lesson
    place = found[at]
    lesson.line = place.file, place.line, place.function, _clipped(frames.line_of(place))
    inner = frames.module_path(found)
    if inner is not None:
        lesson.module = inner[0], _about_module(inner[1])
    if isinstance(error, AttributeError) and (isinstance(error.obj, ModuleType) or hasattr(type(error.obj), "named_modules")):
        lesson.names = _like(error.name or "", error.obj)
    missing = re.match(r"cannot import name '(\w+)' from '([\w.]+)'", str(error)) if isinstance(error, ImportError) else None
    if missing and missing[2] in sys.modules:
        lesson.names = _like(missing[1], sys.modules[missing[2]])
    if hasattr(error, "_lesson_about"):
        return lesson  # backward's own arguments say nothing: the lines do
    taken = [o for o in frames.given(found, at) if _tellable(o.value)][: VALUES + 2]
    tensors = [o for o in taken if frames._is_tensor(o.value)]
    taken = (tensors + [o for o in taken if not frames._is_tensor(o.value)])[:VALUES] if len(taken) > VALUES else taken
    devices = len({str(getattr(o.value, "device", "")) for o in tensors}) > 1
    for o in taken:
        where = origin_of(o.node, o.value, place, found[:at]) if o.node is not None and frames._is_tensor(o.value) else None
        if where is not None and (where.file, where.line) == (place.file, place.line):
            where = None
        lesson.values.append(Value(o.text, describe(o.value, devices), where))
    return lesson


def _pythons_own(error: BaseException, found: list, at: int) -> bool:
    """Whether Python itself raised an error, in the user's own line."""
    return at == len(found) - 1 and type(error).__module__ == "builtins" and not hasattr(type(error), "plain")


def _like(name: str, module: Any) -> list[str]:
    """The names of a module (Python's, or a part of a network) that one may stand for: equal but for capitals, else nearly the same."""
    import difflib

    known = [n for n in dir(module) if not n.startswith("_")]
    plain = name.lower().replace("_", "")
    return [n for n in known if n.lower().replace("_", "") == plain][:3] or difflib.get_close_matches(name, known, 3, 0.7)


def _clipped(text: str) -> str:
    return text if len(text) <= 100 else text[:97] + "..."


def notes_of(error: BaseException) -> list[str]:
    """The lines of an error's lesson in the language in use; found once for each traceback."""
    kept = error.__dict__.get("_lesson_notes")
    tb = error.__traceback__
    key = (id(tb), tb.tb_lasti if tb is not None else 0, get_language())
    if kept is not None and kept[0] == key:
        return kept[1]
    if tb is None:
        return []
    lines = lesson_of(error).notes()
    error.__dict__["_lesson_notes"] = key, lines
    return lines


def teach(error: BaseException) -> None:
    """Add the lesson to an exception of Python's own that a call into this package met: a missing argument, a file that isn't there."""
    from .teaching import Teaching, lessons_enabled

    if isinstance(error, Teaching) or type(error).__module__.startswith("lightwell.") or not lessons_enabled():
        return  # what this package made for a purpose of its own tells its own story
    found = frames.places(error)
    at = frames.users_place(found)
    if at is None:
        return
    ours = any(frames.ours(p.file) for p in found[at:]) or frames.calls_us(found[at])
    if not ours and not (_pythons_own(error, found, at) and code_of(error, found[at])):
        return
    lesson = lesson_of(error)
    if lesson.entry is not None:
        for line in lesson.notes():
            error.add_note(line)


def explain_error(error: BaseException) -> str:
    """An exception's message and its lesson, also for one that was caught or that Python itself raised on a call into lightwell.

    >>> import lightwell as torch
    >>> try:
    ...     torch.ones(2).view(3)
    ... except RuntimeError as error:
    ...     print(torch.errors.explain_error(error).splitlines()[1])
    ── LW106 ...
    """
    first = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return "\n".join([first, *lesson_of(error).notes()])
