"""What a compiled program is made of and where its time goes, beside what this machine can do: `lightwell explain-compile SCRIPT`."""

import time
from typing import Any

import numpy as np

from .graph import Graph
from .show import size as in_bytes

programs: list[tuple] | None = None  # while reporting: (title, stages, program) of each program as it is made


def note(title: str, stages: list[tuple[str, int]], program: Any) -> None:
    """Keep a program for the report, and let it take the time of its steps."""
    if programs is not None:
        program.profiling = True
        programs.append((title, stages, program))


def limits() -> tuple[float, float]:
    """(multiply-adds counted twice, per second; bytes per second) that this machine reaches: the quickest of several runs.

    A product of matrices of 1024 × 1024 and a triad a = b + 2c over 3 × 64 MB, by all threads.
    """
    from .engine import native_program

    product = Graph()
    a, b = product.input((1024, 1024), np.float32), product.input((1024, 1024), np.float32)
    product.results.append((None, product.call("matmul", a, b)))
    triad = Graph()
    n = 16 << 20
    x, y = triad.input((n,), np.float32), triad.input((n,), np.float32)
    triad.writes[0] = 0
    triad.results.append((None, triad.call("add", y, triad.call("multiply", x, 0.5))))
    best = []
    for graph, arrays, times in (
        (product, [np.ones((1024, 1024), np.float32)] * 2, 60),
        (triad, [np.ones(n, np.float32), np.ones(n, np.float32)], 20),
    ):
        program = native_program(graph)
        if program is None:
            return 0.0, 0.0
        least = float("inf")
        for _ in range(times):
            start = time.perf_counter()
            program(arrays, ())
            least = min(least, time.perf_counter() - start)
        best.append(least)
    return 2 * 1024**3 / best[0], 3 * 4 * n / best[1]


def text(title: str, stages, program, peak: tuple[float, float], most: int = 30) -> str:
    """The report of one program."""
    rows = program.report()
    total = sum(r[4] or 0.0 for r in rows)
    lines = [title, "  " + ", ".join(f"{n} {name}" for name, n in stages) + f", {in_bytes(program.arena)} of temporaries planned"]
    kernels = {s.kernel.key for s in program.steps if s.kernel is not None}
    host = sum(1 for s in program.steps if s.kernel is None)
    lines.append(f"  {len(rows)} steps by {len(kernels)} kernels" + (f", {host} of them by NumPy" if host else ""))
    lines.append(f"  {'times':>5} {'ms':>9} {'share':>6} {'GFLOP/s':>8} {'GB/s':>7} {'of limit':>8}  step")
    merged: dict[tuple, list] = {}
    for label, kind, operations, size, seconds in rows:
        entry = merged.setdefault((kind, label), [0, 0.0, 0, 0])
        entry[0] += 1
        entry[1] += seconds or 0.0
        entry[2] += operations
        entry[3] += size
    ranked = sorted(merged.items(), key=lambda item: -item[1][1])
    for (kind, label), (count, seconds, operations, size) in ranked[:most]:
        rate, flow = (operations / seconds, size / seconds) if seconds else (0.0, 0.0)
        near = max(rate / peak[0] if kind != "nest" else 0.0, flow / peak[1]) if peak[0] else 0.0
        told = "in cache" if near > 1.2 else f"{near:.0%}"  # quicker than memory: its arrays were still in the caches
        lines.append(
            f"  {count:>5} {seconds * 1e3:>9.3f} {seconds / total if total else 0:>6.1%} {rate / 1e9:>8.1f} {flow / 1e9:>7.1f} "
            f"{told:>8}  {kind} {label}"
        )
    if len(ranked) > most:
        rest = sum(entry[1] for _, entry in ranked[most:])
        lines.append(f"  {len(ranked) - most} further kinds of steps: {rest * 1e3:.3f} ms")
    lines.append(f"  {total * 1e3:.3f} ms in all, {sum(r[2] for r in rows) / 1e9:.3f} GFLOP, {in_bytes(sum(r[3] for r in rows))} moved")
    return "\n".join(lines)
