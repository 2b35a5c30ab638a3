"""The distributions drawn by rejection, one element after the other: Poisson, binomial, gamma and Dirichlet."""

import math

import numpy as np

from ..errors.teaching import NotImplementedError, RuntimeError
from . import engine

_STIRLING_TAIL = (0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211)
_STIRLING_TAIL += (0.0138761288230707, 0.0118967099458917, 0.0104112652619720, 0.00925546218271273, 0.00833056343336287)


class _Doubles:
    """Uniform doubles on demand, drawn from a generator in blocks; what is left of a block goes back at the end."""

    def __init__(self, generator, expected):
        self.generator = engine.default_generator if generator is None else generator
        self.block = max(64, 4 * expected)

    def __enter__(self):
        self.generator._engine()
        self.saved, self.fresh = self.generator._bits.state, self.generator._fresh
        self.used, self.stock = 0, iter(())
        return self

    def __call__(self):
        self.used += 1
        for value in self.stock:
            return value
        self.stock = iter(self.generator.doubles(self.block).tolist())
        return next(self.stock)

    def normal(self):
        """A standard normal, with the generator's cached second one."""
        g = self.generator
        if g._normal is not None:
            value, g._normal = g._normal, None
            return value
        u1, u2 = self(), self()
        radius, theta = math.sqrt(-2.0 * math.log1p(-u2)), 2.0 * math.pi * u1
        g._normal = radius * math.sin(theta)
        return radius * math.cos(theta)

    def __exit__(self, *_):
        self.generator._bits.state, self.generator._fresh = self.saved, self.fresh
        for start in range(0, self.used, 1 << 20):
            self.generator.words64(min(1 << 20, self.used - start))


def _log(x):
    """The C library's logarithm, -inf at 0."""
    return math.log(x) if x > 0 else -math.inf


def _check(kernel, *arrays):
    """Raise for dtypes that PyTorch's kernel does not take."""
    for a in arrays:
        if a.dtype not in (np.float32, np.float64):
            names = {"float16": "Half", "bfloat16": "BFloat16", "int32": "Int", "int64": "Long"}
            raise NotImplementedError(f'"{kernel}" not implemented for {names.get(a.dtype.name, a.dtype.name)!r}')


def poisson(generator, rate: np.ndarray) -> np.ndarray:
    """Poisson counts, one per rate, in the rates' dtype. Raises RuntimeError when a rate is negative.

    Hormann (1993) from rate 10 up, Knuth's product below.
    """
    rate = np.asarray(rate)
    if rate.dtype.kind in "iubc":
        _check("poisson_cpu", rate)
    rates = rate.astype(np.float64).ravel()
    if rates.size and not (rates >= 0).all():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    with _Doubles(generator, rates.size) as draw:
        counts = [_poisson_one(lam, draw) for lam in rates.tolist()]
    return (
        np.array(counts, np.float64).astype(np.float32 if rate.dtype != np.float64 else np.float64).astype(rate.dtype).reshape(rate.shape)
    )


def _poisson_one(lam, draw):
    """One Poisson count."""
    if lam == 0:
        return 0
    if lam < 10:
        limit, product, count = math.exp(-lam), 1.0, 0
        while True:
            product *= draw()
            if product <= limit:
                return count
            count += 1
    log_lam = math.log(lam)
    b = 0.931 + 2.53 * math.sqrt(lam)
    a = -0.059 + 0.02483 * b
    log_inverse_alpha = math.log(1.1239 + 1.1328 / (b - 3.4))
    v_r = 0.9277 - 3.6224 / (b - 2)
    while True:
        u = draw() - 0.5
        v = draw()
        us = 0.5 - abs(u)
        if us == 0:
            continue
        k = math.floor((2 * a / us + b) * u + lam + 0.43)
        if us >= 0.07 and v <= v_r:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        if _log(v) + log_inverse_alpha - math.log(a / (us * us) + b) <= -lam + k * log_lam - math.lgamma(k + 1.0):
            return k


def binomial(generator, count: np.ndarray, prob: np.ndarray) -> np.ndarray:
    """Successes among `count` trials of chance `prob`, elementwise: binomial; NaN where prob is NaN.

    Hormann's BTRS (1993) where count * min(prob, 1 - prob) >= 10, sums of geometric waits below.
    """
    count, prob = np.asarray(count), np.asarray(prob)
    _check("binomial_cpu", count)
    count, prob = np.broadcast_arrays(count, prob)
    t = count.dtype.type
    with _Doubles(generator, 2 * count.size) as draw:
        out = [_binomial_one(t, c, p, draw) for c, p in zip(count.ravel(), prob.ravel(), strict=True)]
    return np.array(out, count.dtype).reshape(count.shape)


def _binomial_one(t, count, prob, draw):
    """One binomial count; `t` is the scalar type in which PyTorch holds count and prob."""
    count, prob = t(count), t(prob)
    if count <= 0 or prob <= 0:
        return 0.0
    if prob >= 1:
        return count
    if prob != prob:
        return math.nan
    flip = prob > 0.5
    p = t(1.0 - float(prob)) if flip else prob
    k = _btrs(t, count, p, draw) if count * p >= 10 else _waits(t, count, p, draw)
    return count - t(k) if flip else k


def _waits(t, count, p, draw):
    """How many geometric waits fit into `count` trials."""
    scale, total, limit, done = float(t(math.log1p(-float(p)))), 0.0, float(count), 0
    while True:
        u = draw()
        total += math.ceil(math.log(u) / scale) if u > 0 else math.inf
        if total > limit:
            return float(done)
        done += 1


def _tail(k):
    """What Stirling's approximation of log k! leaves."""
    if k < 10:
        return _STIRLING_TAIL[int(k)]
    square = (k + 1) * (k + 1)
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1)


def _btrs(t, count, p, draw):
    """Transformed rejection with squeeze."""
    std = float(np.sqrt(count * p * (t(1) - p)))
    m = float(np.floor((count + t(1)) * p))
    centre, r = float(count * p) + 0.5, float(p / (t(1) - p))
    n, p = float(count), float(p)
    b = 1.15 + 2.53 * std
    a = -0.0873 + 0.0248 * b + 0.01 * p
    v_r = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * std
    while True:
        u = draw() - 0.5
        v = draw()
        us = 0.5 - abs(u)
        if us == 0:
            continue
        k = float(t(math.floor((2 * a / us + b) * u + centre)))
        if k < 0 or k > n:
            continue
        if us >= 0.07 and v <= v_r:
            return k
        v = _log(v * alpha / (a / (us * us) + b))
        # these sums are the scalar type's own: they round in float32 beyond 2**24
        n1, k1, left1 = float(count + t(1)), float(t(k) + t(1)), float(count - t(k) + t(1))
        bound = (
            (m + 0.5) * math.log((m + 1) / (r * (n - m + 1)))
            + n1 * math.log((n - m + 1) / left1)
            + (k + 0.5) * math.log(r * left1 / k1)
            + _tail(m)
            + _tail(n - m)
            - _tail(k)
            - _tail(float(count - t(k)))
        )
        if v <= bound:
            return k


def gamma(generator, alpha: np.ndarray) -> np.ndarray:
    """Gamma draws of unit scale, one per shape parameter (Marsaglia and Tsang 2000): _standard_gamma."""
    alpha = np.asarray(alpha)
    _check("gamma_cpu", alpha)
    t = alpha.dtype.type
    tiny = np.finfo(t).tiny
    with _Doubles(generator, 3 * alpha.size) as draw:
        out = [max(tiny, t(_gamma_one(t, a, draw))) for a in alpha.ravel()]
    return np.array(out, alpha.dtype).reshape(alpha.shape)


_THIRD, _SQUEEZE = np.float32(1) / np.float32(3), float(np.float32(0.0331))


def _gamma_one(t, alpha, draw):
    """One gamma draw; `t` is the scalar type in which PyTorch holds alpha."""
    scale = 1.0
    if alpha < 1:
        if alpha == 0:
            return 0.0
        scale = math.pow(1 - draw(), float(t(1) / alpha))
        alpha = alpha + t(1)
    d = float(alpha - t(_THIRD))
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = draw.normal()
        y = 1.0 + c * x
        if y <= 0:
            continue
        v = y * y * y
        u = 1 - draw()
        xx = x * x
        if u < 1.0 - _SQUEEZE * xx * xx or _log(u) < 0.5 * xx + d * (1.0 - v + math.log(v)):
            return scale * d * v


def dirichlet(generator, alpha: np.ndarray) -> np.ndarray:
    """Dirichlet draws along the last axis: gammas in float64, divided by their sum: _sample_dirichlet."""
    alpha = np.asarray(alpha)
    _check("dirichlet", alpha)
    g = gamma(generator, alpha.astype(np.float64))
    out = (g / g.sum(-1, keepdims=True)).astype(alpha.dtype)
    t = alpha.dtype.type
    return np.clip(out, np.finfo(t).tiny, np.nextafter(t(1), t(0)))
