"""Elementwise functions that NumPy lacks, and threads for those of its own that are worth them on large arrays."""

import numpy as np

from .threads import parallel_rows

ndarray = np.ndarray
LARGE = 1 << 18  # elements from which a second thread pays for the hand-over


def threaded(ufunc):
    """A unary ufunc that shares large arrays among the threads."""

    def call(x, out=None):
        if type(x) is not ndarray or x.size < LARGE:
            return ufunc(x) if out is None else ufunc(x, out=out)
        if out is None:
            probe = ufunc(np.ones(1, x.dtype))
            out = np.empty_like(x, dtype=probe.dtype)
        if x.flags.c_contiguous and out.flags.c_contiguous:
            flat, to = x.reshape(-1), out.reshape(-1)
        else:
            flat, to = x, out

        def rows(start, stop):
            ufunc(flat[start:stop], out=to[start:stop])

        parallel_rows(rows, flat.shape[0], 1 if flat.ndim > 1 else LARGE // 2)
        return out

    call.__name__, call.__doc__, call.nin = ufunc.__name__, f"numpy.{ufunc.__name__}, on large arrays by all threads.", 1
    call.ufunc = ufunc  # for callers that know the array to be small
    return call


def shared(ufunc):
    """A binary ufunc that shares large arrays among the threads; anything but equal contiguous shapes, or a number, goes whole."""

    def call(x, y):
        many = type(y) is ndarray and y.ndim > 0
        if not x.flags.c_contiguous or (many and (y.shape != x.shape or y.dtype is not x.dtype or not y.flags.c_contiguous)):
            return ufunc(x, y)
        out = np.empty(x.shape, ufunc(x.reshape(-1)[:1], y.reshape(-1)[:1] if many else y).dtype)
        a, to = x.reshape(-1), out.reshape(-1)
        b = y.reshape(-1) if many else y

        def rows(start, stop):
            ufunc(a[start:stop], b[start:stop] if many else b, out=to[start:stop])

        parallel_rows(rows, a.size, LARGE // 2)
        return out

    return call


_words = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}


def relu_pull(gy, y):
    """gy where y > 0, else 0."""
    if type(gy) is not ndarray or gy.size < LARGE or gy.dtype not in _words or gy.shape != y.shape or gy.dtype is not y.dtype:
        return gy * (y > 0)
    if not (gy.flags.c_contiguous and y.flags.c_contiguous):
        return gy * (y > 0)
    out, word = np.empty_like(gy), _words[gy.dtype]
    g, of, to = gy.reshape(-1).view(word), y.reshape(-1), out.reshape(-1).view(word)

    def rows(start, stop):  # the bits times 0 or 1, in pieces that stay in the cache
        for i in range(start, stop, 65536):
            j = min(i + 65536, stop)
            np.multiply(g[i:j], of[i:j] > 0, out=to[i:j], dtype=word)

    parallel_rows(rows, g.size, LARGE // 2)
    return out


def _relu(x, out=None):
    return np.maximum(x, 0, out=out)


relu = threaded(_relu)
exp, exp2, expm1, log, log2 = (threaded(f) for f in (np.exp, np.exp2, np.expm1, np.log, np.log2))
log10, log1p, sin, cos, tan = (threaded(f) for f in (np.log10, np.log1p, np.sin, np.cos, np.tan))
tanh, sinh, cosh, acos, asin, atan = (threaded(f) for f in (np.tanh, np.sinh, np.cosh, np.acos, np.asin, np.atan))


def widened(f):
    """`f` with float16 and bfloat16 computed as float32 and rounded once."""

    def call(x, *args):
        if x.dtype.itemsize < 4 and x.dtype.kind not in "iub":
            return f(x.astype(np.float32), *args).astype(x.dtype)
        return f(x, *args)

    call.__name__, call.__doc__, call.nin = f.__name__, f.__doc__, 1
    return call


def by_blocks(f, block=65536):
    """`f(x, out)`, which fills `out` from `x`, run on large arrays in blocks that fit the cache, by all threads."""

    def call(x):
        x = np.asarray(x)
        out = np.empty(x.shape, x.dtype)
        if x.size <= block:
            f(x, out)
            return out
        flat, to = x.reshape(-1), out.reshape(-1)

        def rows(start, stop):
            for i in range(start, stop, block):
                j = min(i + block, stop)
                f(flat[i:j], to[i:j])

        parallel_rows(rows, flat.size, block)
        return out

    call.__name__, call.__doc__, call.nin = f.__name__, f.__doc__, 1
    return call


@widened
@by_blocks
def _sigmoid_large(x, out):
    np.negative(x, out=out)
    np.exp(out, out=out)
    out += 1
    np.reciprocal(out, out=out)


def sigmoid(x):
    """1/(1 + exp(-x))."""
    if x.dtype.kind in "iub":
        x = x.astype(np.float64)
    if x.size > 65536 or x.dtype.itemsize < 4:
        return _sigmoid_large(x)
    r = np.exp(-x)
    r += 1
    return np.reciprocal(r)


sigmoid.nin = 1


@widened
def rsqrt(x):
    """1/√x."""
    r = np.sqrt(x)
    return np.divide(1, r, out=r) if type(r) is ndarray else 1 / r


@widened
def sinc(x):
    """sin(πx)/(πx), 1 at 0."""
    t = x * np.pi
    zero = t == 0
    t = np.where(zero, np.ones_like(t), t)
    return np.where(zero, np.ones_like(t), np.sin(t) / t)


@widened
def softplus(x, beta=1.0, threshold=20.0):
    """log(1 + exp(βx))/β; x itself where βx > threshold."""
    t = x * beta if beta != 1 else x
    big = t > threshold
    if big.any():
        return np.where(big, x, np.log1p(np.exp(np.where(big, 0 * t, t))) / beta)
    t = np.log1p(np.exp(t))
    return t / beta if beta != 1 else t


@widened
def log_sigmoid(x):
    """log(1/(1 + exp(-x))) = min(x, 0) - log(1 + exp(-|x|))."""
    t = np.abs(x)
    np.negative(t, out=t) if type(t) is ndarray else None
    t = np.log1p(np.exp(t if type(t) is ndarray else -t))
    return np.minimum(x, 0) - t


def _erf_gelu_block(xp, x):
    cdf = xp.erf(x * 0.7071067811865476)
    cdf += 1
    cdf *= x
    cdf *= 0.5
    return cdf


@widened
def erf_gelu(x):
    """x·Φ(x), Φ the standard normal distribution function: the exact GELU."""
    return fused(_erf_gelu_block, x)


GELU_K, GELU_C = 0.7978845608028654, 0.044715


@widened
@by_blocks
def tanh_gelu(x, out):
    """x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))."""
    np.multiply(x, x, out=out)
    out *= GELU_C * GELU_K
    out += GELU_K
    out *= x
    np.tanh(out, out=out)
    out += 1
    out *= x
    out *= 0.5


def view_as_real(x):
    """A complex array's parts as a trailing dimension of 2, sharing memory."""
    parts = x.real
    return np.lib.stride_tricks.as_strided(parts, x.shape + (2,), parts.strides + (parts.itemsize,))


def view_as_complex(x):
    """Pairs along the last dimension as complex numbers, sharing memory where the pairs are adjacent."""
    kind = np.complex64 if x.dtype == np.float32 else np.complex128
    if x.strides[-1] != x.itemsize or any(s % (2 * x.itemsize) for s, n in zip(x.strides[:-1], x.shape) if n > 1):
        x = np.ascontiguousarray(x)
    return np.lib.stride_tricks.as_strided(x.view(kind), x.shape[:-1], x.strides[:-1]) if x.size else x[..., 0].astype(kind)


def sgn(x):
    """x/|x|, 0 at 0."""
    if x.dtype.kind == "b":
        return x.copy()
    if x.dtype.kind in "fc" or x.dtype.num >= 256:
        s = np.sign(x)
        return np.where(np.isnan(x), np.zeros_like(s), s) if x.dtype.kind != "c" and np.isnan(x).any() else s
    return np.sign(x)


def angle(x):
    """The argument of a complex number; for real ones π below 0, otherwise 0."""
    if x.dtype.kind == "c":
        return np.arctan2(x.imag, x.real)
    zero = np.zeros_like(x)
    return np.where(np.isnan(x), x, np.where(x < 0, zero + x.dtype.type(np.pi), zero))


def xlogy(x, y):
    """x·log y, 0 where x is 0 and y no nan."""
    return _times_log(x, y, np.log, 1)


def xlog1py(x, y):
    """x·log(1 + y), 0 where x is 0 and y no nan."""
    return _times_log(x, y, np.log1p, 0)


def _times_log(x, y, log, harmless):
    if type(y) in (int, float):
        y = np.asarray(y, x.dtype)  # a number takes the array's dtype
    zero = (np.asarray(x) == 0) & ~np.isnan(y)
    if not zero.any():
        return x * log(y)
    return np.where(zero, np.zeros((), y.dtype), x * log(np.where(zero, np.asarray(harmless, y.dtype), y)))


def nan_to_num(x, nan=None, posinf=None, neginf=None):
    """nan, ∞ and -∞ replaced by 0 and the largest and smallest numbers, or by those given."""
    if x.dtype.num >= 256:
        import ml_dtypes

        info = ml_dtypes.finfo(x.dtype)
    else:
        info = np.finfo(x.dtype)
    if x.dtype.kind == "c":
        out = np.empty_like(x)
        out.real, out.imag = nan_to_num(x.real, nan, posinf, neginf), nan_to_num(x.imag, nan, posinf, neginf)
        return out
    out = np.array(x)
    out[np.isnan(x)] = 0 if nan is None else nan
    out[np.asarray(x == np.inf)] = info.max if posinf is None else posinf
    out[np.asarray(x == -np.inf)] = info.min if neginf is None else neginf
    return out


def fused(formula, *arrays):
    """formula(xp, *arrays), an elementwise formula: on large arrays block by block, by all threads, so that what stands
    between its steps stays in the cache."""
    from . import numpy as xp

    first = arrays[0]
    if first.size <= 65536 or not all(
        type(a) is ndarray and a.shape == first.shape and a.dtype is first.dtype and a.flags.c_contiguous for a in arrays
    ):
        return formula(xp, *arrays)
    out = np.empty(first.shape, first.dtype)
    flat, to, block = [a.reshape(-1) for a in arrays], out.reshape(-1), 32768

    def rows(start, stop):
        for i in range(start, stop, block):
            j = min(i + block, stop)
            to[i:j] = formula(xp, *[a[i:j] for a in flat])

    parallel_rows(rows, to.size, 2 * block)
    return out


def heaviside(x, y):
    """0 where x < 0, y where x = 0, 1 where x > 0, in the common dtype."""
    x, y = np.asarray(x), np.asarray(y)
    one = np.ones((), y.dtype)
    return np.where(x == 0, y, np.where(x > 0, one, np.zeros((), y.dtype)))
