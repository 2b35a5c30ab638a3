"""The arithmetic beneath the random streams: fused multiply-adds, the C library's functions, Box-Muller in blocks."""

import math

import numpy as np

_PAIRS = 8192  # pairs handled at a time, so that the temporaries stay in the second-level cache
_vectorised: dict = {}


def libm(name: str, x: np.ndarray) -> np.ndarray:
    """Apply the C library's double function `name` elementwise, whatever NumPy itself would use."""
    x = np.ascontiguousarray(x, dtype=np.float64)
    fast = _vectorised.get(name)
    if fast is None:
        # NumPy's own vector functions may differ from the C library in the last bit: probe once, then decide.
        probe = (np.arange(1, 8192, dtype=np.float64) * 0.6180339887498949) % 1.0
        if name == "log1p":
            probe = -probe
        fast = np.array_equal(getattr(np, name)(probe), _scalar(name, probe))
        _vectorised[name] = fast
    return getattr(np, name)(x) if fast else _scalar(name, x)


def _scalar(name, x):
    """`math.name` over a float64 array, one element after the other."""
    if name in ("log", "log1p"):  # math raises at the pole; the C library returns -inf
        pole = 0.0 if name == "log" else -1.0
        if (x == pole).any():
            return np.where(x == pole, -np.inf, _scalar(name, np.where(x == pole, 0.5, x)))
    elif name == "exp" and x.size and x.max() > 709.0:
        big = x > 709.782712893384
        return np.where(big, np.inf, _scalar_map(name, np.where(big, 0.0, x)))
    return _scalar_map(name, x)


def _scalar_map(name, x):
    """The plain map behind `_scalar`."""
    return np.fromiter(map(getattr(math, name), x.ravel().tolist()), np.float64, x.size).reshape(x.shape)


def _two_sum(a, b):
    """Knuth's exact sum: (rounded, error)."""
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


def _odd_sum(a, b):
    """a + b rounded to odd, so that one further rounding gives the exact sum's."""
    s, e = _two_sum(a, b)
    s = np.ascontiguousarray(s)
    bits = s.view(np.int64)
    fix = (e != 0) & ((bits & 1) == 0)
    if fix.any():
        toward = np.where((e > 0) == (s > 0), 1, -1)
        bits = np.where(fix, bits + toward, bits)
    return bits.view(np.float64)


def fma32(a, b, c) -> np.ndarray:
    """Round(a * b + c) once to float32; a an array, b and c numbers."""
    a = np.asarray(a, dtype=np.float32)
    b, c = np.float32(b), np.float32(c)
    if c == 0:
        return a * b + c
    out = np.empty(a.shape, np.float32)
    source, target = a.reshape(-1), out.reshape(-1)
    wide, addend = np.float64(b), np.float64(c)
    for start in range(0, a.size, 16384):
        product = source[start : start + 16384].astype(np.float64)
        product *= wide  # 24 + 24 bits: exact
        total = product + addend
        piece = target[start : start + 16384]
        with np.errstate(over="ignore"):
            piece[...] = total
        # rounding twice differs from rounding once only on the midpoints of float32 (or among its subnormals)
        doubtful = (total.view(np.int64) & 0x1FFFFFFF) == 0x10000000
        if abs(c) < 2.0**-60:
            doubtful |= np.abs(total) < 2.0**-125
        if doubtful.any():
            doubtful &= _two_sum(product, addend)[1] != 0  # an exact sum was rounded once only
            if doubtful.any():
                piece[doubtful] = _odd_sum(product[doubtful], addend)
    return out


def _split(a):
    """Veltkamp's split of float64 into two halves of 26 bits."""
    t = 134217729.0 * a
    high = t - (t - a)
    return high, a - high


def fma64(a, b, c) -> np.ndarray:
    """Round(a * b + c) once to float64 (Boldo and Melquiond 2008)."""
    a = np.asarray(a, dtype=np.float64)
    b, c = np.float64(b), np.float64(c)
    uh = a * b
    if c == 0 or abs(b) > 2.0**900:  # nothing to fuse; or the split would overflow
        return uh + c
    (ah, al), (bh, bl) = _split(a), _split(b)
    ul = ((ah * bh - uh) + ah * bl + al * bh) + al * bl
    th, tl = _two_sum(c, ul)
    vh, vl = _two_sum(uh, th)
    return vh + _odd_sum(np.atleast_1d(tl + np.zeros_like(vl)), np.atleast_1d(vl)).reshape(a.shape)


def box_muller_float(u: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Turn float32 uniforms (groups, 16) into normals: in each group 8 radii, then 8 angles."""
    out = np.empty(u.shape, np.float32)
    step = _PAIRS // 8
    work = _Work()
    for start in range(0, len(u), step):
        block = u[start : start + step]
        radius, cosine, sine = work(1 - block[:, :8], block[:, 8:])
        shape = (len(block), 8)
        np.multiply(radius, cosine, out=cosine)
        np.multiply(radius, sine, out=sine)
        out[start : start + step, :8] = cosine.reshape(shape)
        out[start : start + step, 8:] = sine.reshape(shape)
    if mean == 0 and std == 1:
        out += np.float32(0)  # turns -0 into +0, as the fused step does
        return out
    return fma32(out, std, mean)


def box_muller_double(u: np.ndarray, mean: float, std: float) -> np.ndarray:
    """The same in float64."""
    radius = np.sqrt(-2.0 * libm("log", 1 - u[:, :8]))
    theta = (2.0 * math.pi) * u[:, 8:]
    out = np.empty(u.shape, np.float64)
    out[:, :8] = radius * libm("cos", theta)
    out[:, 8:] = radius * libm("sin", theta)
    return out + 0.0 if mean == 0 and std == 1 else fma64(out, std, mean)


_f = np.float32
_SQRT_HALF = _f(0.707106781186547524)
_LOG = [_f(v) for v in (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1)]
_LOG += [_f(v) for v in (-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)]
_LN2_LOW, _LN2_HIGH = _f(-2.12194440e-4), _f(0.693359375)
_SIN = [_f(v) for v in (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)]
_COS = [_f(v) for v in (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)]
_PI_PARTS = [_f(v) for v in (0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8)]
_FOUR_OVER_PI, _TWO_PI = _f(1.27323954473516), _f(2.0 * math.pi)


class _Work:
    """Moshier's Cephes logf, sinf and cosf with fused multiply-adds, over reused buffers.

    A fused float32 step is done in float64, where the product of two float32 is exact, and rounded back.
    """

    def __init__(self):
        self.n = -1

    def __call__(self, x, turn):
        n = x.size
        if n != self.n:
            self.n = n
            self.wide = [np.empty(n, np.float64) for _ in range(4)]
            self.narrow = [np.empty(n, np.float32) for _ in range(2)]
        radius = self._radius(np.ascontiguousarray(x).reshape(-1))
        return radius, *self._cos_sin(np.multiply(turn, _TWO_PI).reshape(-1))

    def _fma(self, a, b, c, out):
        """out (float32) = round(a * b + c); a and b float64 buffers, c anything."""
        t = self.wide[3]
        np.multiply(a, b, out=t)
        np.add(t, c, out=t)
        np.copyto(out, t, casting="same_kind")

    def _chain(self, coefficients, x, y, w):
        """Horner's rule with a rounding to float32 after each fused step; leaves the value in y and in w."""
        self._fma(np.float64(coefficients[0]), x, np.float64(coefficients[1]), y)
        np.copyto(w, y)
        for c in coefficients[2:]:
            self._fma(w, x, np.float64(c), y)
            np.copyto(w, y)

    def _radius(self, x):
        """sqrt(-2 log x) for x in (0, 1]."""
        bits = x.view(np.int32)
        e = ((bits >> 23) - 126).astype(np.float32)
        bits &= 0x007FFFFF
        bits |= 0x3F000000
        small = (x < _SQRT_HALF).astype(np.float32)
        e -= small
        small *= x
        x -= _f(1)
        x += small
        z = x * x
        xw, w, _, _ = self.wide
        y = self.narrow[0]
        np.copyto(xw, x)
        self._chain(_LOG, xw, y, w)
        y *= x
        np.copyto(w, y)
        np.copyto(xw, z)
        self._fma(w, xw, e * _LN2_LOW, y)
        z *= _f(0.5)
        y -= z
        x += y
        e *= _LN2_HIGH
        x += e
        x *= _f(-2)
        return np.sqrt(x, out=x)

    def _cos_sin(self, x):
        """cos and sin of x in [0, 2 pi]."""
        octant = (x * _FOUR_OVER_PI).astype(np.int32)
        octant += 1
        octant &= -2
        y = octant.astype(np.float32)
        x -= y * _PI_PARTS[0]
        x -= y * _PI_PARTS[1]
        xw, zw, w, t = self.wide
        np.multiply(y, -np.float64(_PI_PARTS[2]), out=t)
        np.add(t, x, out=t)
        np.copyto(x, t, casting="same_kind")
        z = x * x
        np.copyto(xw, x)
        np.copyto(zw, z)
        c, s = self.narrow
        self._chain(_COS, zw, c, w)
        c *= z
        np.copyto(w, c)
        z *= _f(0.5)
        np.multiply(w, zw, out=t)
        np.subtract(t, z, out=t)
        np.copyto(c, t, casting="same_kind")
        c += _f(1)
        self._chain(_SIN, zw, s, w)
        s *= zw.astype(np.float32)
        np.copyto(w, s)
        self._fma(w, xw, xw, s)
        swap = (octant & 2) != 0
        cosine, sine = np.where(swap, s, c), np.where(swap, c, s)
        cosine.view(np.uint32)[...] ^= (~(octant - 2) & 4).view(np.uint32) << 29
        sine.view(np.uint32)[...] ^= (octant & 4).view(np.uint32) << 29
        return cosine, sine
