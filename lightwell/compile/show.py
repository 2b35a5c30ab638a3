"""LIGHTWELL_SHOW=graph,simplify,fuse,plan,ir prints those stages of everything that is compiled; `all` prints every one."""

import os
import sys
from collections.abc import Callable
from typing import Any


def stage(name: str, what: Any) -> None:
    """Print a stage, if it was asked for; `what` may be a function that gives the text."""
    wanted = os.environ.get("LIGHTWELL_SHOW", "")
    if wanted and (wanted == "all" or name in wanted.split(",")):
        text = what() if isinstance(what, Callable) and not isinstance(what, type) else what  # type: ignore[arg-type]
        print(f"---- {name}\n{text}", file=sys.stderr)
