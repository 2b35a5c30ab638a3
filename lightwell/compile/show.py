"""LIGHTWELL_SHOW=graph,simplify,fuse,plan,ir prints those stages of everything that is compiled; `all` prints every one."""

import os
import sys
from typing import Any


def stage(name: str, what: Any) -> None:
    """Print a stage, if it was asked for; `what` may be a function that gives the text."""
    wanted = os.environ.get("LIGHTWELL_SHOW", "")
    if wanted and (wanted == "all" or name in wanted.split(",")):
        print(f"---- {name}\n{what() if callable(what) else what}", file=sys.stderr)


def size(n: float) -> str:
    """A number of bytes, as one reads it: size(1500) is "1.5 KB"."""
    for unit in ("B", "KB", "MB"):
        if n < 1000:
            return f"{n:.4g} {unit}"
        n /= 1000
    return f"{n:.4g} GB"
