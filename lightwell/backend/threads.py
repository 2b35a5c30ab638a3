"""Two or more threads for large arrays: NumPy drops the interpreter lock inside its loops, so slices run side by side."""

import contextvars
import itertools
import os

from ..errors.teaching import RuntimeError, TypeError

_pool = None
_count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def get_num_threads() -> int:
    """How many threads share the work on large arrays.

    >>> import lightwell as torch
    >>> torch.get_num_threads() >= 1
    True
    """
    return _count


def set_num_threads(num: int) -> None:
    """Let `num` threads share the work on large arrays; TypeError for no integer, RuntimeError below 1."""
    global _count, _pool
    if isinstance(num, bool) or not isinstance(num, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(num).__name__}")
    if num < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {num}")
    if num != _count:
        old, _pool, _count = _pool, None, num
        if old is not None:
            old.shutdown(wait=False)


def _workers():
    """The pool, made at the first need; a forked child makes its own."""
    global _pool
    if _pool is None:
        from concurrent.futures import ThreadPoolExecutor

        _pool = ThreadPoolExecutor(_count - 1, thread_name_prefix="lightwell")
    return _pool


def _forked():
    global _pool
    _pool = None  # threads do not survive a fork


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def parallel_rows(f, n: int, min_work: int = 1) -> None:
    """Call f(start, stop) on contiguous parts that cover range(n), one part per thread, none smaller than `min_work`.

    The first part runs in the calling thread; an exception in any part is raised here after all have ended.
    """
    parts = min(_count, n // max(min_work, 1))
    if parts <= 1:
        f(0, n)
        return
    bounds = [n * k // parts for k in range(parts + 1)]
    pool = _workers()
    # Each worker runs in a copy of the caller's context, so that NumPy's error settings hold there too.
    jobs = [pool.submit(contextvars.copy_context().run, f, a, b) for a, b in itertools.pairwise(bounds[1:])]
    try:
        f(0, bounds[1])
    finally:
        for job in jobs:
            job.exception()
    for job in jobs:
        job.result()
