"""Print, and hold to the promise, what the core install weighs and how long `import lightwell` takes.

    python tools/footprint.py        in an environment with nothing but lightwell and its dependencies

Size: every file of the installed distributions lightwell, numpy and ml_dtypes, unpacked, below 90 MB. Time: the minimum of
several fresh interpreters, at most 1.25 times `import numpy` plus 0.1 s.
"""

import importlib.metadata
import subprocess
import sys
import time
from pathlib import Path

LIMIT_MB, FACTOR, EXTRA_S, RUNS = 90, 1.25, 0.1, 15


def unpacked_mb(names) -> float:
    """Megabytes (10⁶ bytes) of the distributions' files, byte code left out."""
    total = 0
    for name in names:
        for file in importlib.metadata.files(name) or ():
            path = Path(file.locate())
            if path.suffix != ".pyc" and path.is_file():
                total += path.stat().st_size
    return total / 1e6


def import_seconds(module: str) -> float:
    """The quickest of several fresh interpreters, without the interpreter's own start."""

    def run(code):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-c", code], check=True)
        return time.perf_counter() - start

    return min(run(f"import {module}") for _ in range(RUNS)) - min(run("") for _ in range(RUNS))


def main() -> int:
    """Print both figures; exit status 1 where one breaks the promise."""
    size = unpacked_mb(["lightwell", "numpy", "ml_dtypes"])
    numpy, ours = import_seconds("numpy"), import_seconds("lightwell")
    bar = FACTOR * numpy + EXTRA_S
    print(f"core install unpacked: {size:.1f} MB (limit {LIMIT_MB})")
    print(f"import lightwell: {ours:.3f} s; import numpy: {numpy:.3f} s; limit {bar:.3f} s")
    return 0 if size < LIMIT_MB and ours <= bar else 1


if __name__ == "__main__":
    raise SystemExit(main())
