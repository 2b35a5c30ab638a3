"""The user's program as text: files and notebooks, where in it the run is, and the comments that silence a finding."""

import ast
import builtins
import functools
import json
import linecache
import os
import re
import sys
import sysconfig
from contextlib import suppress

from ...errors.frames import PACKAGE, is_runner
from ...errors.teaching import ValueError

_LIBRARIES = tuple({os.path.join(os.path.realpath(sysconfig.get_path(k)), "") for k in ("stdlib", "platstdlib", "purelib", "platlib")})
_COMMENT = re.compile(r"#\s*lw:\s*ignore(-file)?(?:\[([^\]]*)\])?")


@functools.lru_cache(maxsize=4096)
def is_users(file: str) -> bool:
    """Whether a file is the user's own, not this package's, Python's or an installed library's."""
    if file.startswith("<"):
        return file.startswith(("<ipython", "<string", "<stdin"))
    if is_runner(file):
        return False
    real = os.path.realpath(file)
    return not real.startswith(_LIBRARIES) and not real.startswith(PACKAGE)


def is_users_class(cls: type) -> bool:
    """Whether a class is written in the user's own code."""
    name = cls.__module__
    return name == "__main__" or is_users(getattr(sys.modules.get(name), "__file__", None) or "<")


def frames(limit: int = 2, start: int = 1) -> list:
    """The innermost frames of the user's code, at most `limit`."""
    frame, found = sys._getframe(start), []
    while frame is not None and len(found) < limit:
        if is_users(frame.f_code.co_filename):
            found.append(frame)
        frame = frame.f_back
    return found


def here():
    """(file, line) of the user's line that is running, or None."""
    found = frames(1, 2)
    return (found[0].f_code.co_filename, found[0].f_lineno) if found else None


def line_of(file: str, line: int) -> str:
    """The text of a line, empty where the file can't be read."""
    return linecache.getline(file, line).rstrip("\n")


def refresh(*files: str) -> None:
    """Read files anew: they may have been changed since they were looked at last."""
    for file in files:
        linecache.cache.pop(file, None)
    linecache.checkcache()
    tree.cache_clear()
    _statements.cache_clear()


def shown(file: str) -> str:
    """A file's name as the user would say it: relative where it lies below the present folder."""
    if file.startswith("<"):
        return file
    with suppress(builtins.ValueError):
        near = os.path.relpath(file)
        if not near.startswith(".."):
            return near
    return file


@functools.lru_cache(maxsize=64)
def tree(file: str):
    """The file's syntax tree, None where there is none."""
    text = "".join(linecache.getlines(file))
    try:
        return ast.parse(text, file) if text else None
    except SyntaxError:
        return None


@functools.lru_cache(maxsize=64)
def _statements(file: str) -> list:
    root = tree(file)
    return [] if root is None else [n for n in ast.walk(root) if isinstance(n, ast.stmt)]


def statement_at(file: str, line: int):
    """The innermost statement that covers a line, None where there is none."""
    best = None
    for n in _statements(file):
        if n.lineno <= line <= (n.end_lineno or n.lineno) and (best is None or n.lineno >= best.lineno):
            best = n
    return best


def function_at(file: str, line: int):
    """The innermost function around a line, else None."""
    best = None
    for n in _statements(file):
        if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.lineno <= line <= (n.end_lineno or n.lineno):
            if best is None or n.lineno >= best.lineno:
                best = n
    return best


def _codes(match, code: str) -> bool:
    return match.group(2) is None or code in {c.strip().upper() for c in match.group(2).split(",")}


def silenced(file: str, line: int, code: str) -> bool:
    """Whether `# lw: ignore[CODE]` stands in the statement at the line, or `# lw: ignore-file[CODE]` anywhere in the file."""
    lines = linecache.getlines(file)
    at = statement_at(file, line)
    first, last = (at.lineno, at.end_lineno) if at is not None and not hasattr(at, "body") else (line, line)
    for number, text in enumerate(lines, 1):
        match = _COMMENT.search(text)
        if match is not None and (match.group(1) or first <= number <= last) and _codes(match, code):
            return True
    return False


def remember(file: str, text: str) -> None:
    """Let a text that is in no file be found under a name, by the lint and by tracebacks."""
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)


def notebook_cells(path: str) -> list:
    """(name, code) of a notebook's code cells, `name` as in "lesson.ipynb[2]"; lines for IPython (%, !) are left out.

    ValueError where the file is no notebook.
    """
    with open(path, encoding="utf-8") as file:
        try:
            cells = json.load(file)["cells"]
        except (builtins.ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is no notebook: {error}") from None
    out = []
    for cell in cells:
        if cell.get("cell_type") != "code":
            continue
        text = cell.get("source", "")
        text = text if isinstance(text, str) else "".join(text)
        if text.lstrip().startswith("%%"):
            text = ""
        text = "\n".join("" if s.lstrip().startswith(("%", "!", "?")) else s for s in text.split("\n"))
        name = f"{os.path.abspath(path)}[{len(out) + 1}]"
        remember(name, text + "\n")
        out.append((name, text))
    return out


def called_from(depth: int = 2):
    """The frame of the user's code that called, for `with lightwell.lint()`."""
    found = frames(1, depth)
    return found[0] if found else sys._getframe(depth)
