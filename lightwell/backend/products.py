"""Products on NumPy arrays, for the types too that BLAS doesn't know."""

import numpy as np

from .blas import ONE_THREAD, share

_float16 = np.dtype(np.float16)


def matmul(x, y):
    """The matrix product; 16- and 8-bit floats are multiplied in float32 and rounded once."""
    if x.dtype.num >= 256 or x.dtype is _float16:
        return np.matmul(x.astype(np.float32), y.astype(np.float32)).astype(x.dtype)
    work = x.size * y.shape[-1]
    if work > 300_000 and x.ndim == y.ndim == 2 and 8 <= len(x) <= 32 and y.flags.f_contiguous and x.flags.c_contiguous:
        # Few rows times a transposed matrix: OpenBLAS makes the transposed product in half the time.
        share(ONE_THREAD if work > 2_000_000 else 0)
        return np.ascontiguousarray(np.matmul(y.T, x.T).T)
    share(work)
    return np.matmul(x, y)


def einsum(equation, *xs):
    """NumPy's einsum, in the order that costs least; 16- and 8-bit floats in float32."""
    if xs[0].dtype.num >= 256 or xs[0].dtype is _float16:
        return np.einsum(equation, *(x.astype(np.float32) for x in xs), optimize=len(xs) > 2).astype(xs[0].dtype)
    return np.einsum(equation, *xs, optimize=len(xs) > 2)
