"""What runs native programs: the driver, itself native, and the threads that enter it.

A program is a table of steps {function, args, flags}. All threads run down the same table, each doing its share of each step;
where a flag says so they wait for one another at a barrier. Python is needed to begin and to end, not in between.

The helpers are Python threads that entered native code once and stay there (ctypes lets go of the interpreter's lock): after a
job they watch for the next one for about a millisecond, letting others run in between, then sleep on a semaphore of the system.
So a call costs a microsecond. On a busy machine it may take some milliseconds until a helper gets a processor: a call waits for
it for a fraction of the time that it takes itself, then goes on with those that have come, alone if there are none, and does their
share of the work too.
"""

import atexit
import builtins
import ctypes
import os
import sys
import threading
import time
from typing import Any

from ..backend import threads
from ..errors.teaching import OSError
from .driver import ALONE, BARRIER, TOGETHER, TOLD, text

__all__ = ["ALONE", "BARRIER", "TOGETHER", "Job", "Yard", "has_blas", "prepare", "yard"]

MOST = 256  # helpers at most

# ---- BLAS -----------------------------------------------------------------------------------------------------------

_library: Any = None


def _blas() -> tuple[int, int, str, bool] | None:
    """Addresses of cblas_sgemm and cblas_dgemm, the type of their integers, and whether eager programs use this OpenBLAS too.

    A copy of our own has one thread, since each of ours calls it.
    """
    global _library
    import itertools

    for path in _libraries():
        try:
            library = ctypes.CDLL(path)
        except builtins.OSError:
            continue
        for head, (tail, integer) in itertools.product(("scipy_", ""), (("", "i32"), ("64_", "i64"))):
            try:
                found = [ctypes.cast(getattr(library, f"{head}cblas_{x}gemm{tail}"), ctypes.c_void_p).value for x in "sd"]
                setter = getattr(library, f"{head}openblas_set_num_threads{tail}")
            except AttributeError:
                continue
            shared = _of_numpy(path)
            if not shared:
                setter(1)
            _library = library
            return found[0] or 0, found[1] or 0, integer, shared
    return None


def _of_numpy(path: str) -> bool:
    return os.path.basename(os.path.dirname(path)) in ("numpy.libs", ".dylibs")


def _libraries():
    """Files that may be an OpenBLAS: scipy_openblas32's, then the one that NumPy brought along."""
    import glob
    import importlib.util

    import numpy as np

    found = importlib.util.find_spec("scipy_openblas32")
    if found is not None and found.submodule_search_locations:
        for place in found.submodule_search_locations:
            yield from sorted(glob.glob(os.path.join(place, "lib", "*openblas*.*")))
    here = os.path.dirname(np.__file__)
    yield from glob.glob(os.path.join(here, "../numpy.libs/*openblas*"))
    yield from glob.glob(os.path.join(here, ".dylibs/*openblas*"))


# ---- the driver's functions ------------------------------------------------------------------------------------------

_ready: dict[str, int] = {}
_call: Any = None
_serve: Any = None
_guard = threading.RLock()


def prepare() -> None:
    """Compile or load the driver and make known what kernels may call; done once."""
    global _call, _serve
    if _call is not None:
        return
    from . import native

    with _guard:
        if _call is not None:
            return
        blas = _blas() or (0, 0, "i32", False)
        module = text(blas[2])
        address = native.functions([(f"driver {module}", lambda: module)], runtime=False)[0]
        slots = (ctypes.c_int64 * (2 + len(TOLD)))(blas[0], blas[1])
        ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(address)(slots, 0, 1, None)
        _ready.update(zip(TOLD, slots[2:]))
        _ready["blas"], _ready["shared"] = int(blas[0] != 0), int(blas[3])
        for name in TOLD:
            if name.startswith("lw_"):
                native.symbol(name, _ready[name])
        _serve = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(_ready["serve"])
        _call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(_ready["call"])


def _call_quietly(at: int) -> None:
    """A call while NumPy's OpenBLAS, which is ours too, has one thread."""
    from ..backend import blas

    with blas.one_thread():
        _call(at)


def has_blas() -> bool:
    """Whether lw_sgemm and lw_dgemm may be called: some OpenBLAS was found."""
    prepare()
    return bool(_ready["blas"])


# ---- threads ----------------------------------------------------------------------------------------------------------


def _system(portable: bool) -> tuple[list, list, Any]:
    """Addresses of [yield, clock, sleep, wake]; what must be kept alive with them; and how a helper's handle is made."""
    keep: list = []

    def address(function):
        keep.append(function)
        return ctypes.cast(function, ctypes.c_void_p).value

    if sys.platform == "linux" and not portable:
        try:
            c = ctypes.CDLL(None)
            c.sem_init.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint]

            def semaphore(at):
                if c.sem_init(at, 0, 0):
                    raise OSError("sem_init")
                return at

            return [address(f) for f in (c.sched_yield, c.clock_gettime, c.sem_wait, c.sem_post)], keep, semaphore
        except AttributeError:  # a C library without them
            pass
    # Elsewhere Python's own primitives, called back from native code.
    made: list[threading.Semaphore] = []

    def sleep(handle):
        made[(handle or 0) - 1].acquire()
        return 0

    def wake(handle):
        made[(handle or 0) - 1].release()
        return 0

    def clock(_, at):
        ctypes.c_int64.from_address(at + 8).value = time.perf_counter_ns()
        return 0

    def rest():
        time.sleep(0)
        return 0

    def counted(at):
        made.append(threading.Semaphore(0))
        return len(made)

    one = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
    functions = [
        ctypes.CFUNCTYPE(ctypes.c_int)(rest), ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)(clock), one(sleep), one(wake)
    ]  # fmt: skip
    return [address(f) for f in functions], keep, counted


class Yard:
    """The block of memory that the threads of one pool share, and its helpers."""

    def __init__(self, portable: bool = False):
        prepare()
        self._memory = ctypes.create_string_buffer(256 * (MOST + 2) + 64)
        self.address = -(-ctypes.addressof(self._memory) // 64) * 64
        functions, self._keep, self._handle = _system(portable)
        for i, function in enumerate(functions):
            self._put(224 + 8 * i, function)
        self.helpers: list[threading.Thread] = []
        self.busy = threading.Lock()

    def _put(self, at: int, number: int) -> None:
        ctypes.c_int64.from_address(self.address + at).value = number

    def _get(self, at: int) -> int:
        return ctypes.c_int64.from_address(self.address + at).value

    def grow(self, count: int) -> None:
        """See to it that there are `count` helpers; to be called by who holds `busy`."""
        while len(self.helpers) < min(count, MOST):
            i = len(self.helpers)
            box = 512 + 256 * i
            self._put(384, 0)
            for at, number in ((0, 0), (8, 0), (16, self._handle(self.address + box + 64))):
                self._put(box + at, number)
            helper = threading.Thread(target=_serve, args=(self.address, i), name=f"lightwell-{i + 1}", daemon=True)
            helper.start()
            self.helpers.append(helper)

    def stop(self) -> None:
        """Let the helpers go home."""
        with self.busy:
            if not self.helpers:
                return
            self._put(384, 1)
            wake = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(self._get(248))
            for box in range(512, 512 + 256 * len(self.helpers), 256):
                self._put(box, self._get(box) + 1)
                # Awake it sees the new number; asleep, or about to be, it is woken. One waking too many does no harm.
                wake(self._get(box + 16))
            for helper in self.helpers:
                helper.join()
            self.helpers = []


_yard: Yard | None = None
_left: list[Yard] = []


def yard() -> Yard:
    """The process's pool, made at the first need; a forked child makes its own."""
    global _yard
    if _yard is None:
        with _guard:
            if _yard is None:
                made = Yard()
                atexit.register(made.stop)
                _yard = made
    return _yard


def _forked() -> None:
    global _yard, _guard
    if _yard is not None:
        atexit.unregister(_yard.stop)
        _left.append(_yard)  # jobs know its address still
    _yard, _guard = None, threading.RLock()  # threads do not survive a fork


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class Job:
    """A table of steps, ready to run: `Job(entries)` of (function, args address, flags), then `job()` as often as one likes.

    Its work is divided for `most` threads, and the results are the same to the last bit whether all of them are there or not,
    but for steps that are TOGETHER: where there are such, all are waited for.
    """

    def __init__(self, entries: list[tuple[int, int, int]], most: int | None = None):
        self.table = (ctypes.c_int64 * (3 * max(len(entries), 1)))(*[x for entry in entries for x in entry])
        self.most = threads.get_num_threads() if most is None else most
        if all(flags & ALONE for _, _, flags in entries):
            self.most = 1
        self.steps = len(entries)
        self.together = any(flags & TOGETHER for _, _, flags in entries)
        patience = -1 if self.together else 1_000_000
        self._block = (ctypes.c_int64 * 7)(yard().address, ctypes.addressof(self.table), self.steps, 1, 0, patience, 1)
        self._at = ctypes.addressof(self._block)
        self._enter = _call_quietly if _ready["shared"] else _call

    def __call__(self) -> None:
        """Run all steps."""
        block = self._block
        block[6] = count = min(self.most, threads.get_num_threads())
        if count > 1:
            pool = _yard if _yard is not None else yard()
            if pool.busy.acquire(False):  # taken: another Python thread runs a program; this one then goes alone
                try:
                    if len(pool.helpers) < count - 1:
                        pool.grow(count - 1)
                        count = min(count, len(pool.helpers) + 1)
                    if self.together:
                        block[6] = count
                    block[0], block[3] = pool.address, count
                    self._enter(self._at)
                finally:
                    pool.busy.release()
                return
            if self.together:
                block[6] = 1
        block[3] = 1
        self._enter(self._at)

    def timed(self) -> list[float]:
        """Run all steps one by one; the seconds that each took."""
        times = (ctypes.c_int64 * max(self.steps, 1))()
        self._block[4] = ctypes.addressof(times)
        try:
            self()
        finally:
            self._block[4] = 0
        return [t * 1e-9 for t in times[: self.steps]]
