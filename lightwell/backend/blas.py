"""Calls into the BLAS that NumPy brings along: a one-pass axpy, and the number of threads that fits a product.

The wheels of NumPy contain an OpenBLAS whose functions can be called by address. Where there is none (another build of NumPy),
`axpy` says so by returning False, and its callers compute with NumPy; `share` and `one_thread` then leave the threads alone.
OpenBLAS has one number of threads for the whole process, so it is set here and nowhere else.
"""

import contextlib
import threading

import numpy as np

from . import threads

_float32, _float64 = np.dtype(np.float32), np.dtype(np.float64)
_functions: dict | None = None

# Below this many multiply-adds a product stays in one thread. Two would be somewhat quicker from a quarter of it on, but
# OpenBLAS's threads go on spinning for milliseconds after a product, in the way of ours; and on a busy machine they make
# small products a hundred times slower.
ONE_THREAD = 16_000_000
_least = ONE_THREAD  # the limit that holds now
_threads_now = 0  # what OpenBLAS was last told; 0: nothing yet
_alone, _before, _guard = 0, 0, threading.Lock()  # how many are within `one_thread`, and what to return to


def _find() -> dict:
    """ "threads" → its setter, dtype → axpy(n, a, x, step, y, step) of NumPy's own OpenBLAS; empty where it isn't found."""
    import ctypes
    import glob
    import itertools
    import os

    here = os.path.dirname(np.__file__)
    paths = glob.glob(os.path.join(here, "../numpy.libs/*openblas*")) + glob.glob(os.path.join(here, ".dylibs/*openblas*"))
    for path in paths:
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        # NumPy's wheels rename the functions, and those that count in 64 bits once more.
        for head, (tail, integer) in itertools.product(("scipy_", ""), (("64_", ctypes.c_int64), ("", ctypes.c_int))):
            try:
                setter = getattr(library, f"{head}openblas_set_num_threads{tail}")
                found: dict = {"threads": setter}
                setter.argtypes, setter.restype = [ctypes.c_int], None
                for dtype, letter, number in ((_float32, "s", ctypes.c_float), (_float64, "d", ctypes.c_double)):
                    call = found[dtype] = getattr(library, f"{head}cblas_{letter}axpy{tail}")
                    call.argtypes = [integer, number, ctypes.c_void_p, integer, ctypes.c_void_p, integer]
                    call.restype = None
                return found
            except AttributeError:
                continue
    return {}


def _set(wanted: int) -> None:
    global _functions, _threads_now
    if _functions is None:
        _functions = _find()
    if _functions:
        _functions["threads"](wanted)
    _threads_now = wanted


def share(work: int, in_a_row: bool = False) -> None:
    """Let the next product use one thread or all that `set_num_threads` allows, by its number of multiply-adds.

    Of many products `in_a_row` each finds the threads still spinning from the last: they pay four times sooner.
    """
    limit = _least if not in_a_row else _least // 4
    wanted = 1 if work < limit or _alone else threads.get_num_threads()
    if wanted != _threads_now:
        _set(wanted)


def beside_kernels() -> None:
    """From now on native code with threads of its own runs beside: only products of some milliseconds are worth the spinning."""
    global _least
    _least = 16 * ONE_THREAD


@contextlib.contextmanager
def one_thread():
    """While several of our threads multiply small matrices, OpenBLAS's own threads would only get in their way."""
    global _alone, _before
    with _guard:
        _alone += 1
        if _alone == 1:
            _before = _threads_now or threads.get_num_threads()
            if _threads_now != 1:
                _set(1)
    try:
        yield
    finally:
        with _guard:
            _alone -= 1
            if not _alone and _before != _threads_now:
                _set(_before)


def axpy(a: float, x: np.ndarray, y: np.ndarray) -> bool:
    """y ← a·x + y in one pass, with a fused multiply-add; False, and nothing done, where BLAS can't."""
    global _functions
    if _functions is None:
        _functions = _find()
    call = _functions.get(y.dtype)
    if call is None or x.dtype is not y.dtype or x.size != y.size or not (x.flags.c_contiguous and y.flags.c_contiguous):
        return False
    share(0)  # for a vector OpenBLAS's other threads cost more than they bring
    call(y.size, a, x.ctypes.data, 1, y.ctypes.data, 1)
    return True
