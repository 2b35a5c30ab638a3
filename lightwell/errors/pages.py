"""The page of each code, as Markdown: what it means, an example that makes the mistake with what it prints, the mend, the relatives.

`tools/make_error_docs.py` writes them to docs/errors/; `lightwell explain LW101` and `lightwell.errors.page` print them.
"""

import builtins
import contextlib
import importlib
import io
import linecache
import os
import re
import subprocess
import sys
import tempfile
import traceback
import warnings

from ..language import get_language, say, set_language
from .catalogue import entries, entry
from .entry import Entry
from .teaching import ValueError, lessons_enabled, set_lessons

__all__ = ["index", "output_of", "page", "speaking"]


@contextlib.contextmanager
def speaking(language: str):
    """Within it, texts are in a language."""
    from .. import language as module

    before = module._chosen
    set_language(language)
    try:
        yield
    finally:
        module._chosen = before


def _builtins() -> dict:
    """Python's builtins, with an import to which torch is lightwell, in these programs only."""
    from ..standin import _target

    def find(name, scope=None, local=None, wanted=(), level=0):
        target, head = _target(name), _target(name.partition(".")[0])
        if level or target is None or head is None:
            return __import__(name, scope, local, wanted, level)
        module = importlib.import_module(target)
        for part in wanted or ():
            if not hasattr(module, part):
                importlib.import_module(f"{module.__name__}.{part}")
        return module if wanted else importlib.import_module(head)

    return {**vars(builtins), "__import__": find}


def output_of(program: str, name: str) -> str:
    """What a program of a page prints, with its warnings and the end of its traceback, as a script of this name would."""
    from .lesson import teach

    file = f"{name}.py"
    linecache.cache[file] = (len(program), None, program.splitlines(keepends=True), file)
    out = io.StringIO()
    before = lessons_enabled()
    set_lessons(True)
    try:
        with contextlib.redirect_stdout(out), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                exec(compile(program, file, "exec"), {"__name__": "__main__", "__file__": file, "__builtins__": _builtins()})
            except Exception as error:
                teach(error)
                for line in traceback.format_exception_only(error):
                    print(line, end="", file=out)
        for w in warned:
            print(f"{w.category.__name__}: {w.message}", file=out)
    finally:
        set_lessons(before)
        linecache.cache.pop(file, None)
    return out.getvalue().rstrip()


def linted(program: str) -> str:
    """What `lightwell lint example.py` says of a program."""
    return _told(program, "lint").stdout.strip()


def watched(program: str) -> str:
    """What `lightwell run --watch example.py` says of a program's first fault."""
    said = _told(program, "run", "--watch", "--no-save").stderr
    found = re.search(r"^LW5\d\d .*?\n─+\n.*?(?=\n─+$)", said, re.M | re.S)
    return found.group(0) if found else said.strip()


def _told(program: str, *words: str):
    """A command's answer about a program, in the language in use: in a process of its own, for it runs the program."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH")) if p)
    env = {**os.environ, "PYTHONPATH": path, "LIGHTWELL_LANG": get_language(), "PYTHONIOENCODING": "utf-8"}
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "example.py"), "w", encoding="utf-8") as file:
            file.write(program)
        command = [sys.executable, "-m", "lightwell", *words, "example.py"]
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, encoding="utf-8", timeout=120)


def _found(code: str) -> Entry:
    found = entry(code)
    if found is None:
        raise ValueError(f"explain: there is no code {code!r}; they run from {min(entries())} to {max(entries())}, docs/errors lists them")
    return found


def page(code: str, run: bool = True) -> str:
    """The page of a code in the language in use; `run`: with what its examples print.

    ValueError: a code that the catalogue doesn't have.

    >>> import lightwell
    >>> print(lightwell.errors.page("LW104").splitlines()[0])
    # LW104 ...
    """
    e = _found(code)
    parts = [f"# {e.code} · {e.text('title')}", f"## {say('What it means', '含义')}", e.text("cause")]
    if e.example:
        parts += [f"## {say('An example', '例子')}", f"```python\n{e.example.strip()}\n```"]
        speak = {"4": linted, "5": watched}.get(e.code[2], lambda program: output_of(program, "example"))
        if run and (printed := speak(e.example)):
            parts += [f"```text\n{printed}\n```"]
    parts += [f"## {say('How to mend it', '改法')}", e.text("mend")]
    if e.better:
        parts += [f"```python\n{e.better.strip()}\n```"]
        if run and (printed := output_of(e.better, "better")):
            parts += [f"```text\n{printed}\n```"]
    names = [name for name in e.related if name != "lightwell"]
    if names:
        parts += [f"## {say('See also', '参见')}", ", ".join(f"`{name}`" for name in names)]
    return "\n\n".join(parts) + "\n"


# The first digit of a code, and what the codes with it are about.
CHAPTERS = {
    "1": ("Shapes, numbers and dtypes", "形状、数值与 dtype"),
    "2": ("Gradients, modules and optimizers", "梯度、模块与优化器"),
    "3": ("Arguments, data and files", "参数、数据与文件"),
    "4": ("What `lightwell.lint` warns of", "`lightwell.lint` 的警告"),
    "5": ("What `lightwell.watch` finds", "`lightwell.watch` 的发现"),
    "6": ("Devices, compilers, exporters, distributed training", "设备、编译、导出与分布式训练"),
    "7": ("Parts of the package with mistakes of their own", "各个子包特有的错误"),
}


def index() -> str:
    """The list of all codes in the language in use."""
    parts = [
        f"# {say('Errors and warnings by their codes', '错误与警告代码一览')}",
        say(
            "Below the traceback of an error lightwell prints a lesson that begins with a code. `lightwell explain LW101` prints its page. "
            "Codes never change their meaning. `LIGHTWELL_LESSONS=0` or `lightwell.set_lessons(False)` turns the lessons off, "
            "`lightwell.set_language('zh')` says them in Chinese. `error.code` and `error.lesson` have them for programs; "
            "`lightwell.explain_error(error)` tells of an error that was caught.",
            "lightwell 会在错误的回溯下方打印一段讲解，以代码开头。`lightwell explain LW101` 打印对应的页面。代码的含义不会改变。"
            "`LIGHTWELL_LESSONS=0` 或 `lightwell.set_lessons(False)` 关闭讲解，`lightwell.set_language('zh')` 用中文讲解。"
            "程序中可用 `error.code` 与 `error.lesson`；捕获到的错误可用 `lightwell.explain_error(error)` 讲解。",
        ),
    ]
    for digit, title in CHAPTERS.items():
        rows = [e for code, e in entries().items() if code[2] == digit]
        if rows:
            parts.append(f"## {say(*title)}")
            parts.append("\n".join(f"- [{e.code}]({e.code}.md) {e.text('title')}" for e in rows))
    other = say("[中文](zh/README.md)", "[English](../README.md)")
    return "\n\n".join([*parts, other]) + "\n"
