"""LIGHTWELL_SHOW=graph,simplify,fuse,plan,ir prints those stages of everything that is compiled."""

import os
import sys


def stage(name: str, what) -> None:
    """Print a stage, if it was asked for."""
    wanted = os.environ.get("LIGHTWELL_SHOW", "")
    if name in wanted.split(",") or wanted == "all":
        print(f"---- {name}\n{what}", file=sys.stderr)
