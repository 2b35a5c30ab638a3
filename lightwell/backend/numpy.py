"""The vocabulary on NumPy arrays: the value of a formula on the CPU."""

import numpy as np
from numpy import (  # noqa: F401
    acos, acosh, add, arange, argmax, argmin, argsort, asarray, asin, asinh, astype, atan, atan2, atanh, bitwise_and,
    bitwise_invert, bitwise_left_shift, bitwise_or, bitwise_right_shift, bitwise_xor, broadcast_to, ceil, concat, conj,
    copysign, cos, cosh, divide, empty, equal, exp, exp2, expand_dims, expm1, eye, flip, floor, floor_divide, fmod,
    full, full_like, greater, greater_equal, hypot, imag, isfinite, isinf, isnan, less, less_equal, log, log1p, log2,
    log10, logaddexp, logical_and, logical_not, logical_or, logical_xor, matmul, matrix_transpose, maximum, minimum,
    multiply, negative, nextafter, nonzero, not_equal, ones, ones_like, permute_dims, pow, real, reciprocal, remainder,
    reshape, roll, searchsorted, sign, signbit, sin, sinc, sinh, sort, sqrt, square, squeeze, stack, subtract, take,
    take_along_axis, tan, tanh, tensordot, tril, triu, trunc, where, zeros, zeros_like,
)  # fmt: skip
from numpy import absolute as abs  # noqa: A004, F401
from numpy import rint as round  # noqa: A004, F401

from .reductions import (  # noqa: A004, F401
    all, any, cumulative_prod, cumulative_sum, max, mean, min, prod, put_along_axis, sum, var,
)  # fmt: skip

ndarray = np.ndarray


def strided(x, shape, strides, offset):
    """A window into x's elements (C order), shape and strides in elements."""
    x = np.ascontiguousarray(x)
    item = x.itemsize
    if not x.size:
        return np.empty(shape, x.dtype)
    return np.lib.stride_tricks.as_strided(x.reshape(-1)[offset:], shape, tuple(s * item for s in strides))


def strided_set(x, v, strides, offset):
    """A copy of x (C order) with v written into the window."""
    out = np.array(x, order="C")
    if out.size:
        strided(out, np.shape(v), strides, offset)[...] = v
    return out


def strided_add(shape, v, strides, offset):
    """The adjoint of `strided`: zeros of `shape` with v added into the window, overlaps added up."""
    size = int(np.prod(shape))
    places = np.full(np.shape(v), offset)
    for axis, (n, s) in enumerate(zip(np.shape(v), strides)):
        places += (np.arange(n) * s).reshape((-1,) + (1,) * (np.ndim(v) - axis - 1))
    out = np.zeros(size, v.dtype)
    np.add.at(out, places.reshape(-1), np.reshape(v, -1))
    return out.reshape(shape)
