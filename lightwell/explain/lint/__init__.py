"""Lint for silent mistakes: what raises no error and ruins training all the same (LW401 to LW443).

`lightwell lint script.py` runs a program and tells; `with lightwell.lint():` does so for a block. Two sources are used together: the
program's text (`static.py`) and what really happens while it runs (`observer.py`, with the checks in `checks_*.py`). `rules/` is the
catalogue: what each code means, with an example that makes the mistake and one that does not.
"""

import importlib

from ...errors.teaching import AttributeError

_FROM = {"Finding": "findings", "LintWarning": "findings", "Report": "findings", "lint": "scope", "run_script": "scope"}
__all__ = ["Finding", "LintWarning", "Report", "lint", "run_script"]


def __getattr__(name: str):
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_FROM[name]}"), name)
