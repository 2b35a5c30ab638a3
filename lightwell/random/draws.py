"""The distributions: each draws from a generator exactly as PyTorch's CPU kernels do, and returns an ndarray."""

import math
import warnings

import ml_dtypes
import numpy as np

from ..errors.level import users_level
from ..errors.teaching import NotImplementedError, RuntimeError
from . import engine
from .rounding import box_muller_double, box_muller_float, fma32, fma64, libm

_BF16 = np.dtype(ml_dtypes.bfloat16)
_DIGITS = {np.dtype(np.float16): 11, _BF16: 8, np.dtype(np.float32): 24, np.dtype(np.float64): 53}
_LARGEST = {np.dtype(np.float16): 65504.0, _BF16: float(ml_dtypes.finfo(_BF16).max)}
_LARGEST |= {np.dtype(t): float(np.finfo(t).max) for t in (np.float32, np.float64)}
_NAMES = {"float16": "Half", "bfloat16": "BFloat16", "float32": "Float", "float64": "Double"}
_NAMES |= {"int8": "Char", "uint8": "Byte", "int16": "Short", "int32": "Int", "int64": "Long", "bool": "Bool"}
_NAMES |= {"uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64"}
_NAMES |= {"complex64": "ComplexFloat", "complex128": "ComplexDouble"}
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


def _start(generator, shape, dtype, kernel, allowed="float"):
    """The generator in force, the shape as a tuple, its number of elements, and the dtype after a check."""
    shape = (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(s) for s in shape)
    dtype = np.dtype(dtype)
    n = math.prod(shape)
    real = dtype in _DIGITS
    known = real or (dtype.kind == "c" and allowed == "complex") or (dtype.kind in "iub" and allowed == "any")
    if not known and n:
        raise NotImplementedError(f'"{kernel}" not implemented for {_NAMES.get(dtype.name, dtype.name)!r}')
    return (engine.default_generator if generator is None else generator), shape, n, dtype


def _cast(values, dtype):
    """float64 to dtype; 16-bit floats go by way of float32, as a C++ static_cast does."""
    with np.errstate(over="ignore", invalid="ignore"):
        if dtype == np.float64:
            return values
        if dtype.kind in "iub":
            return values != 0 if dtype.kind == "b" else values.astype(np.int64).astype(dtype)
        values = values.astype(np.float32)
        return values if dtype == np.float32 else values.astype(dtype)


def fill(target: np.ndarray, draw) -> np.ndarray:
    """Write draw(shape) into a strided array in the order of its memory, which is the order PyTorch draws in."""
    axes = sorted(range(target.ndim), key=lambda d: -abs(target.strides[d]) if target.shape[d] > 1 else 0)
    if target.flags.c_contiguous:
        axes = list(range(target.ndim))
    ordered = target.transpose(axes)
    ordered[...] = draw(ordered.shape)
    return target


# -- uniform and normal ------------------------------------------------------------------------------------------


def uniform(generator, shape, dtype=np.float32, low=0.0, high=1.0) -> np.ndarray:
    """Uniform on [low, high): rand, uniform_. Raises RuntimeError when low > high or the range overflows dtype."""
    generator, shape, n, dtype = _start(generator, shape, dtype, "check_uniform_bounds", "complex")
    if dtype.kind == "c":
        part = np.dtype(np.float32 if dtype == np.complex64 else np.float64)
        return uniform(generator, (2 * n,), part, low, high).view(dtype).reshape(shape)
    low, high = float(low), float(high)
    largest = _LARGEST.get(dtype, math.inf)
    for name, value in (("from", low), ("to", high)):
        if not -largest <= value <= largest:
            raise RuntimeError(f"uniform_: {name}={value} is out of bounds for {dtype.name}")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    if high - low > largest:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{_NAMES[dtype.name]}>::max(), but found to={high:g} "
            f"and from={low:g} which result in to-from to exceed the limit"
        )
    if (native := engine.streams(n)) is not None and (out := native.uniform(generator, shape, dtype, low, high)) is not None:
        return out
    wide = dtype == np.float64
    out = generator.doubles(n) if wide else generator.floats(n)
    t = out.dtype.type
    if (low, high) != (0.0, 1.0):
        out = (fma64 if wide else fma32)(out, t(high) - t(low), t(low))
        if dtype == out.dtype and (top := out == t(high)).any():
            out[top] = t(low)
    if out.dtype != dtype:
        out = out.astype(dtype)
        top = out == _cast(np.float64(high), dtype)
        if top.any():  # rounding up to the open end wraps to the closed one
            out[top] = _cast(np.float64(low), dtype)
    return out.reshape(shape)


def _normal_one_by_one(generator, n, mean, std):
    """n float64 normals by pairs, the second of a pair kept in the generator for the next call."""
    out = np.empty(n, np.float64)
    start = 0
    if n and generator._normal is not None:
        out[0] = generator._normal
        generator._normal = None
        start = 1
    pairs = (n - start + 1) // 2
    if 0 < pairs <= 8:  # few: no array is worth its set-up
        values = []
        u = generator.doubles(2 * pairs).tolist()
        for u1, u2 in zip(u[::2], u[1::2], strict=True):
            radius, theta = math.sqrt(-2.0 * math.log1p(-u2)), 2.0 * math.pi * u1
            values += (radius * math.cos(theta), radius * math.sin(theta))
        if (n - start) % 2:
            generator._normal = values.pop()
        out[start:] = values
    elif pairs:
        u = generator.doubles(2 * pairs)
        radius = np.sqrt(-2.0 * libm("log1p", -u[1::2]))
        theta = (2.0 * math.pi) * u[::2]
        sines = radius * libm("sin", theta)
        out[start::2] = radius * libm("cos", theta)
        out[start + 1 :: 2] = sines[: n - start - pairs]
        if (n - start) % 2:
            generator._normal = float(sines[-1])
    return out if mean == 0 and std == 1 else fma64(out, std, mean)


def normal(generator, shape, dtype=np.float32, mean=0.0, std=1.0, contiguous=True) -> np.ndarray:
    """Normal with the given mean and standard deviation: randn, normal_, and torch.normal with arrays for either.

    `contiguous=False` draws as PyTorch does for a strided target. Raises RuntimeError when std < 0.
    """
    if isinstance(mean, np.ndarray) or isinstance(std, np.ndarray):
        return _normal_of_arrays(generator, shape, dtype, mean, std)
    generator, shape, n, dtype = _start(generator, shape, dtype, "normal_kernel_cpu", "complex")
    mean, std = float(mean), float(std)
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    if dtype.kind == "c":
        part = np.dtype(np.float32 if dtype == np.complex64 else np.float64)
        return normal(generator, (2 * n,), part, mean, std / math.sqrt(2), contiguous).view(dtype).reshape(shape)
    if n < 16 or not contiguous:
        return _cast(_normal_one_by_one(generator, n, mean, std), dtype).reshape(shape)
    if (native := engine.streams(n, 8)) is not None and (out := native.normal(generator, shape, dtype, mean, std)) is not None:
        return out
    whole, rest = n // 16 * 16, n % 16
    if dtype in (np.float32, np.float64):
        # the uniforms of the rest are drawn, then dropped: the last 16 values are made afresh
        draw, transform = (generator.floats, box_muller_float) if dtype == np.float32 else (generator.doubles, box_muller_double)
        u = draw(n)
    else:
        draw, transform = generator.floats, box_muller_float
        u = draw(whole)
    body = transform(u[:whole].reshape(-1, 16), mean, std).reshape(-1)
    if rest:
        out = np.empty(n, body.dtype)
        out[:whole] = body
        out[n - 16 :] = transform(draw(16).reshape(1, 16), mean, std)[0]
    else:
        out = body
    with np.errstate(over="ignore"):
        return out.astype(dtype, copy=False).reshape(shape)


def _normal_of_arrays(generator, shape, dtype, mean, std):
    """mean + std * randn, with the standard normals drawn first, in the broadcast shape."""
    dtype = np.dtype(dtype)
    if isinstance(std, np.ndarray):
        if std.dtype.kind == "c":
            raise RuntimeError("normal expects standard deviation to be non-complex")
        if std.size and not std.min() >= 0:
            raise RuntimeError("normal expects all elements of std >= 0.0")
        out = normal(generator, shape, dtype)
        factor = std.astype(dtype) if std.ndim == 0 else std
        np.multiply(out, factor, out=out, casting="same_kind")
    else:
        out = normal(generator, shape, dtype, 0.0, std)
    mean = np.asarray(mean)
    np.add(out, mean.astype(dtype) if mean.ndim == 0 else mean, out=out, casting="same_kind")
    return out


# -- integers ----------------------------------------------------------------------------------------------------


def _modulo(words, divisor):
    """words % divisor in place; division by a constant is faster than the remainder."""
    divisor = words.dtype.type(divisor)
    if int(divisor) & (int(divisor) - 1) == 0:
        words &= words.dtype.type(divisor - 1)
    else:
        words -= words // divisor * divisor
    return words


def _representable(value, dtype):
    """The integer that a cast of `value` to dtype and back gives."""
    with np.errstate(over="ignore"):
        back = float(_cast(np.asarray(value, dtype=np.float64), dtype)) if dtype != np.float64 else float(value)
    return int(back) if math.isfinite(back) else _INT64_MIN


def integers(generator, shape, dtype=np.int64, low=0, high=None) -> np.ndarray:
    """Integers uniform on [low, high): randint, random_(low, high); high=None goes up to the dtype's largest.

    Raises RuntimeError when the range is empty or leaves the dtype's.
    """
    generator, shape, n, dtype = _start(generator, shape, dtype, "random_from_to_kernel_cpu", "any")
    low = int(low)
    digits = _DIGITS.get(dtype)
    if high is None and low == _INT64_MIN:
        if dtype not in (np.int64, np.float64, np.float32, _BF16):
            raise NotImplementedError(f'"random_full_64_bits_range_kernel_cpu" not implemented for {_NAMES.get(dtype.name, dtype.name)!r}')
        return generator.words64(n).view(np.int64).astype(dtype).reshape(shape)
    end = None if high is None else int(high)
    if end is not None and low >= end:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={end}")
    if digits:
        next_up = _representable(low + 1, dtype)
        if next_up < low:
            low = next_up + (1 << (abs(low + 1).bit_length() - digits))
        if end is not None:
            next_down = _representable(end - 1, dtype)
            if next_down >= end:
                end = next_down - (1 << (abs(end - 1).bit_length() - digits))
        last = (1 << digits) if end is None else end - 1
        bound = _LARGEST[dtype]
        lowest, largest = -bound, bound
    else:
        info = np.iinfo(dtype) if dtype.kind != "b" else None
        lowest, largest = (0, 1) if info is None else (max(info.min, _INT64_MIN), min(info.max, _INT64_MAX))
        last = largest if end is None else end - 1
    if low > last:
        raise RuntimeError(
            f"random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from={low} >= to={last + 1}"
        )
    for name, value in (("from", low), ("to - 1", last)):
        if not lowest <= value <= largest:
            raise RuntimeError(f"{name} is out of bounds for {dtype.name}: {value} is not in [{lowest}, {largest}]")
        if digits and abs(value) > 1 << digits:
            warnings.warn(
                f"{name} is out of bounds [-(2^{digits}), 2^{digits}]: {dtype.name} has no discrete uniform distribution beyond",
                stacklevel=users_level(),
            )
    span = last - low + 1
    if span >= 2**28:
        values = generator.words64(n)
        if span < 2**64:
            _modulo(values, span)
    else:
        values = _modulo(generator.words(n), span).astype(np.uint64)
    values += np.uint64(low & (2**64 - 1))  # two's complement: wraps as the kernel's unsigned sum does
    values = values.view(np.int64)
    if digits and digits < 24:
        values = values.astype(np.float32)
    return values.astype(dtype, copy=False).reshape(shape)


def random_full(generator, shape, dtype=np.int64) -> np.ndarray:
    """random_() without bounds: [0, largest] for integers, [0, 2**digits] for floats."""
    generator, shape, n, dtype = _start(generator, shape, dtype, "random_kernel_cpu", "any")
    if dtype.kind == "u" and dtype.itemsize > 1:
        raise NotImplementedError(f'"random_kernel_cpu" not implemented for {_NAMES[dtype.name]!r}')
    if dtype.kind == "b":
        return (generator.words(n) & np.uint32(1)).astype(np.bool_).reshape(shape)
    span = 2 ** _DIGITS[dtype] + 1 if dtype in _DIGITS else int(np.iinfo(dtype).max) + 1
    values = _modulo(generator.words64(n) if dtype.itemsize == 8 else generator.words(n), span)
    if _DIGITS.get(dtype, 24) < 24:
        values = values.astype(np.float32)
    return values.astype(dtype).reshape(shape)


def permutation(generator, n, dtype=np.int64) -> np.ndarray:
    """A random permutation of 0..n-1: randperm. Raises RuntimeError when n < 0 or dtype cannot hold n."""
    n, dtype = int(n), np.dtype(dtype)
    generator = engine.default_generator if generator is None else generator
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    digits = _DIGITS.get(dtype)
    limit = 2**digits + 1 if digits else int(np.iinfo(dtype).max) + (dtype != np.int64)
    if n > limit:
        raise RuntimeError(f"n cannot be greater than {limit} for {_NAMES.get(dtype.name, dtype.name)} type.")
    if n >= (2**32 - 1) // 20:
        return _inside_out(generator, n, dtype)
    if n < 2:
        return np.arange(n).astype(dtype)
    at = np.arange(n - 1, dtype=np.uint32)
    with_ = generator.words(n - 1)
    with_ %= np.uint32(n) - at
    with_ += at
    if n < 512:
        out = list(range(n))
        for i, j in enumerate(with_.tolist()):
            out[i], out[j] = out[j], out[i]
        return np.array(out).astype(dtype)
    return _swapped(at.astype(np.int64), with_.astype(np.int64), n).astype(dtype, copy=False)


def _swapped(at, with_, n):
    """The outcome of swapping out[i], out[with_[i]] for i = 0, 1, ..., n - 2 in turn (with_[i] >= i), in bulk.

    The value that step i moves away from place i came from the last earlier step that aimed at i; following those
    steps back, doubling the stride each time, ends at the place where the value began.
    """
    key = (with_ << 32) | at
    key.sort()
    place, step = key >> 32, key & 0xFFFFFFFF
    again = place[1:] == place[:-1]
    before = np.full(n, -1, np.int64)  # the last earlier step with the same aim
    before[step[1:][again]] = step[:-1][again]
    last = np.full(n, -1, np.int64)  # the last step that aimed at each place
    end = np.append(~again, True)
    last[place[end]] = step[end]
    everywhere = np.arange(n)
    source = np.where(last == everywhere, before, last)
    origin = np.where(source < 0, everywhere, source)
    while True:
        further = origin[origin]
        if np.array_equal(further, origin):
            break
        origin = further
    out = origin.copy()
    head, earlier = out[: n - 1], before[: n - 1]
    moved = with_ != at
    head[...] = np.where(moved, np.where(earlier >= 0, origin[earlier], with_), head)
    return out


def _inside_out(generator, n, dtype):
    """The shuffle of very long permutations: 64-bit draws, and each new value swapped to a place before it."""
    out = np.arange(n).astype(dtype)
    for start in range(0, n, 1 << 20):
        stop = min(n, start + (1 << 20))
        places = (generator.words64(stop - start) % np.arange(start + 1, stop + 1, dtype=np.uint64)).tolist()
        for i, z in enumerate(places, start):
            out[i] = out[z]
            out[z] = i
    return out


# -- the rest, drawn one double after the other ------------------------------------------------------------------


def bernoulli(generator, p, shape=None, dtype=np.float32) -> np.ndarray:
    """1 with chance p, else 0: bernoulli_(p), bernoulli(tensor), dropout's mask. RuntimeError if p leaves [0, 1].

    A number p is compared with a double (two words), an array p of float32 or narrower with a float (one word).
    """
    if not isinstance(p, np.ndarray):
        generator, shape, n, dtype = _start(generator, shape, dtype, "bernoulli_scalar_cpu_", "any")
        p = float(p)
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
        if (native := engine.streams(n)) is not None and (found := native.bernoulli(generator, p, shape, dtype)) is not None:
            return found
        threshold = np.uint64(math.ceil(p * 2.0**53))  # k * 2**-53 < p, asked of the integer k
        out = np.empty(n, np.bool_)
        for start in range(0, n, 16384):
            piece = out[start : start + 16384]
            np.less(generator.masked53(len(piece)), threshold, out=piece)
        return out.astype(dtype, copy=False).reshape(shape)
    shape = p.shape if shape is None else shape
    generator, shape, n, dtype = _start(generator, shape, dtype, "bernoulli_tensor_cpu_self_", "any")
    if p.dtype not in _DIGITS:
        raise NotImplementedError(f'"bernoulli_tensor_cpu_p_" not implemented for {_NAMES.get(p.dtype.name)!r}')
    if p.size and not ((p >= 0) & (p <= 1)).all():
        raise RuntimeError("bernoulli expects every p to be in [0, 1]: Expected p_in >= 0 && p_in <= 1 to be true")
    u = generator.doubles(n) if p.dtype == np.float64 else generator.floats(n)
    return (u.reshape(shape) < p.astype(u.dtype, copy=False)).astype(dtype)


def exponential(generator, shape, dtype=np.float32, rate=1.0) -> np.ndarray:
    """Exponential with the given rate: exponential_. Raises RuntimeError unless rate > 0 and dtype is a float."""
    dtype, rate = np.dtype(dtype), float(rate)
    if not rate > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate:g}")
    if dtype not in _DIGITS and math.prod(np.atleast_1d(shape)):
        raise RuntimeError(
            "Exponential distribution is a continuous probability distribution. dtype must be a floating point but "
            f"you specified {_NAMES.get(dtype.name, dtype.name)}"
        )
    generator, shape, n, dtype = _start(generator, shape, dtype, "exponential_cpu")
    return _cast((-1.0 / rate) * libm("log1p", -generator.doubles(n)), dtype).reshape(shape)


def geometric(generator, shape, dtype=np.float32, p=0.5) -> np.ndarray:
    """Number of trials up to the first success: geometric_. Raises RuntimeError unless 0 < p < 1."""
    p = float(p)
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    generator, shape, n, dtype = _start(generator, shape, dtype, "geometric_cpu", "any")
    return _cast(np.ceil(libm("log", generator.doubles(n)) / math.log1p(-p)), dtype).reshape(shape)


def cauchy(generator, shape, dtype=np.float32, median=0.0, sigma=1.0) -> np.ndarray:
    """Cauchy with the given median and scale: cauchy_. Raises RuntimeError unless sigma > 0 and dtype is a float."""
    dtype, sigma = np.dtype(dtype), float(sigma)
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    if dtype not in _DIGITS:
        raise RuntimeError(
            "Cauchy distribution is a continuous probability distribution. dtype must be a floating point but you "
            f"specified {_NAMES.get(dtype.name, dtype.name)}"
        )
    generator, shape, n, dtype = _start(generator, shape, dtype, "cauchy_cpu")
    return _cast(fma64(libm("tan", math.pi * (generator.doubles(n) - 0.5)), sigma, median), dtype).reshape(shape)


def log_normal(generator, shape, dtype=np.float32, mean=1.0, std=2.0) -> np.ndarray:
    """exp of a normal: log_normal_. Raises RuntimeError unless std > 0."""
    mean, std = float(mean), float(std)
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    generator, shape, n, dtype = _start(generator, shape, dtype, "log_normal_cpu")
    return _cast(libm("exp", _normal_one_by_one(generator, n, mean, std)), dtype).reshape(shape)


def multinomial(generator, probs: np.ndarray, n: int, replacement=False) -> np.ndarray:
    """n category indices per row of weights: multinomial. Raises RuntimeError when a row is no distribution."""
    probs, n = np.asarray(probs), int(n)
    if not 1 <= probs.ndim <= 2:
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, got shape {probs.shape}")
    if probs.dtype not in _DIGITS:
        name = _NAMES.get(probs.dtype.name, probs.dtype.name)
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {name}")
    if n <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples, got {n}")
    if not replacement and n > probs.shape[-1]:
        raise RuntimeError(
            f"multinomial(): cannot sample n_sample > prob_dist.size(-1) samples without replacement: {n} > {probs.shape[-1]}"
        )
    if probs.shape[-1] > 2**24:
        raise RuntimeError("number of categories cannot exceed 2^24")
    rows = probs.reshape(-1, probs.shape[-1])
    shape = (*probs.shape[:-1], n)
    if not rows.size:
        return np.zeros(shape, np.int64)
    wide = rows if rows.dtype == np.float64 else rows.astype(np.float32)
    if not replacement or n == 1:  # one sample needs no cumulative sums: PyTorch takes the same road
        if not ((wide.max() < np.inf) & (wide.min() >= 0)):
            raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
        if (wide.sum(1) == 0).any():
            raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
        q = exponential(generator, rows.shape, rows.dtype)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            score = wide / q.astype(wide.dtype, copy=False)
            score = score.astype(rows.dtype).astype(wide.dtype)
        if n == 1:
            return score.argmax(1)[:, None].reshape(shape)
        return np.argsort(-score, axis=1, kind="stable")[:, :n].reshape(shape)
    if not (wide >= 0).all():
        raise RuntimeError("invalid multinomial distribution (encountering probability entry < 0)")
    if not np.isfinite(wide).all():
        raise RuntimeError("invalid multinomial distribution (encountering probability entry = infinity or NaN)")
    cumulative = np.add.accumulate(wide, axis=1)
    total = cumulative[:, -1:].copy()
    if not (total > 0).all():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    cumulative = (cumulative / total).astype(np.float64)
    cumulative[:, -1] = 1
    generator = engine.default_generator if generator is None else generator
    u = generator.doubles(len(rows) * n).reshape(-1, n)
    found = [np.searchsorted(c, row, side="left") for c, row in zip(cumulative, u, strict=True)]
    return np.array(found, dtype=np.int64).reshape(shape)
