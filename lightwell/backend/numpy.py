"""The vocabulary on NumPy arrays: the value of a formula on the CPU."""

import numpy as np
from numpy import (  # noqa: F401
    acosh, add, arange, argsort, asarray, asinh, astype, atan2, atanh, bitwise_and, bitwise_invert,
    bitwise_left_shift, bitwise_or, bitwise_right_shift, bitwise_xor, ceil, conj, copysign, divide, empty,
    equal, eye, floor, floor_divide, fmod, full, full_like, greater, greater_equal, hypot, imag, isfinite,
    isinf, isnan, less, less_equal, logaddexp, logical_and, logical_not, logical_or, logical_xor,
    matrix_transpose, maximum, minimum, multiply, negative, nextafter, nonzero, not_equal, ones, ones_like, pow, real,
    reciprocal, remainder, roll, searchsorted, sign, signbit, sort, sqrt, square, subtract, tensordot, tril, triu,
    trunc, where, zeros, zeros_like,
)  # fmt: skip
from numpy import fmax, fmin, frexp, gcd, lcm, logaddexp2  # noqa: F401
from numpy import absolute as abs  # noqa: F401
from numpy import rint as round  # noqa: F401

from .convolve import convolve, convolve_adjoint, convolve_weight  # noqa: F401
from . import fft, linalg  # noqa: F401
from .moving import (  # noqa: F401
    bitcast, broadcast_to, diagonal, expand_dims, flip, getitem, index_add, index_set, permute_dims, reshape, scatter_add,
    scatter_extreme, scatter_prod, scatter_set, sliding, squeeze, stack, take, take_along_axis, window,
)  # fmt: skip
from .pointwise import (  # noqa: F401
    acos, angle, asin, atan, cos, cosh, erf_gelu, exp, exp2, expm1, fused, heaviside, log, log1p, log2, log10, log_sigmoid, nan_to_num, relu, relu_pull,
    rsqrt, sgn, sigmoid, sin, sinc, sinh, softplus, tan, tanh, tanh_gelu, view_as_complex, view_as_real, xlog1py, xlogy,
)  # fmt: skip
from .products import einsum, matmul  # noqa: F401
from .pooling import (  # noqa: F401
    max_pool, max_pool_back, max_pool_indices, pool_take, unpool, window_spread, window_sum,
)  # fmt: skip
from .regions import region_resample, region_spread  # noqa: F401
from .recurrent import gru, gru_back, lstm, lstm_back, rnn, rnn_back  # noqa: F401
from .resample import constant_pad, divide_by, resample, resample_adjoint  # noqa: F401
from .windows import unwindow, windows  # noqa: F401
from .norm import moments, rows_pull, scaled  # noqa: F401
from .softmax import log_softmax, log_softmax_pull, nll_pull, softmax, softmax_pull  # noqa: F401
from .special import (  # noqa: F401
    bessel_j0, bessel_j1, bessel_k0, bessel_k0e, bessel_k1, bessel_k1e, bessel_y0, bessel_y1, digamma, entr, erf, erfc,
    erfcx, erfinv, i0, i0e, i1, i1e, lgamma, log_ndtr, ndtr, ndtri, polygamma, zeta,
)  # fmt: skip
from .reductions import (  # noqa: F401
    all, any, argmax, argmin, cumulative_prod, cumulative_sum, max, mean, min, prod, put_along_axis, square_sum, sum, var,
)  # fmt: skip

ndarray = np.ndarray


def concat(xs, axis=0):
    """The arrays behind one another, in C order whatever theirs is."""
    y = np.concatenate(xs, axis)
    return y if y.flags.c_contiguous else np.ascontiguousarray(y)


def strided(x, shape, strides, offset):
    """A window into x's elements (C order), shape and strides in elements."""
    item = x.itemsize
    if not x.size:
        return np.empty(shape, x.dtype)
    return window(x if x.flags.c_contiguous else np.array(x, order="C"), shape, tuple(s * item for s in strides), offset * item)


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


def tile(x, reps):
    """x laid side by side, reps[k] times along dimension k: always a copy."""
    return np.tile(x, reps)


def add_into(y, x):
    """y + x, written over y: for a product that nobody else has seen yet."""
    if x.dtype is y.dtype and x.shape == y.shape[y.ndim - x.ndim :] and x.ndim <= y.ndim:
        return np.add(y, x, out=y)
    return np.add(y, x)
