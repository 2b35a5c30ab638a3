"""Calls into the BLAS that NumPy brings along: a one-pass axpy, and the number of threads that fits a product.

The wheels of NumPy contain an OpenBLAS whose functions can be called by address. Where there is none (another build of NumPy),
`axpy` says so by returning False, and its callers compute with NumPy; `share` then leaves the threads alone.
"""

import numpy as np

from . import threads

_float32, _float64 = np.dtype(np.float32), np.dtype(np.float64)
_functions: dict | None = None

# Below this many multiply-adds a product is quicker in one thread; and on a busy machine, where OpenBLAS would wait for its
# other threads, a hundred times quicker.
ONE_THREAD = 4_000_000
_threads_now = 0


def _find() -> dict:
    """"threads" → its setter, dtype → axpy(n, a, x, step, y, step) of NumPy's own OpenBLAS; empty where it isn't found."""
    import ctypes
    import glob
    import os

    here = os.path.dirname(np.__file__)
    patterns = ("../numpy.libs/*openblas*", ".dylibs/*openblas*", "../numpy.libs/*openblas*.dll")
    for path in (p for pattern in patterns for p in glob.glob(os.path.join(here, pattern))):
        try:
            library = ctypes.CDLL(path)
            found = {}
            for dtype, letter, number in ((_float32, "s", ctypes.c_float), (_float64, "d", ctypes.c_double)):
                call = getattr(library, f"scipy_cblas_{letter}axpy64_")
                call.argtypes = [ctypes.c_int64, number, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64]
                call.restype = None
                found[dtype] = call
            setter = library.scipy_openblas_set_num_threads64_
            setter.argtypes, setter.restype = [ctypes.c_int], None
            found["threads"] = setter
            return found
        except (OSError, AttributeError):
            continue
    return {}


def share(work: int) -> None:
    """Let the next product use one thread or all that `set_num_threads` allows, by its number of multiply-adds."""
    global _functions, _threads_now
    wanted = 1 if work < ONE_THREAD else threads.get_num_threads()
    if wanted != _threads_now:
        if _functions is None:
            _functions = _find()
        if _functions:
            _functions["threads"](wanted)
        _threads_now = wanted


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
