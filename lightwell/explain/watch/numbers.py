"""Is an array finite, and if not, where not: quick answers for every operation, exact ones where there is trouble."""

import math

import numpy as np

_dot, _quick, inf = np.vdot, "fd", math.inf


def power(a) -> float:
    """Σ|x|² of an array of real numbers; not finite where an element is not (or where the sum itself overflows): one pass of BLAS."""
    if a.dtype.char in _quick and a.flags.c_contiguous:
        return float(_dot(a, a))
    kind = a.dtype.kind
    if kind in "iub":
        return 0.0
    if not bool(np.isfinite(a).all()):
        return math.nan
    if kind == "c":
        a = np.abs(a)
    if a.dtype.itemsize < 4:
        a = a.astype(np.float32)
    return float(_dot(a, a))


def finite(a) -> bool:
    """Whether all elements are finite numbers."""
    return power(a) < inf or a.dtype.kind in "iub" or bool(np.isfinite(a).all())


def squares(a) -> float:
    """Σx² of finite numbers, also where that is too large for the array's own dtype."""
    s = power(a)
    if s < inf or not a.size:
        return s
    with np.errstate(over="ignore"):
        return float(np.sum(np.square(a.astype(np.float64))))


def troubles(a) -> tuple[bool, bool]:
    """(whether NaN is among the elements, whether an infinity is)."""
    if a.dtype.kind in "iub" or not a.size or power(a) < inf:
        return False, False
    return bool(np.isnan(a).any()), bool(np.isinf(a).any())


def bad_places(a, limit: int = 3) -> tuple[int, list]:
    """(how many elements are not finite, the indices of the first of them)."""
    bad = ~np.isfinite(a)
    found = np.argwhere(bad) if a.size <= 4_000_000 else np.argwhere(bad)[: 10 * limit]
    return int(np.count_nonzero(bad)), [tuple(int(i) for i in place) for place in found[:limit]]


def bad_rows(a, batch: int) -> list | None:
    """The numbers of the examples in which something is not finite, where the first dimension (or a multiple of it) is the batch's."""
    if not a.ndim or batch < 1 or not a.size:
        return None
    if a.shape[0] != batch and a.ndim > 1 and a.shape[1] == batch:  # a sequence: time first
        a = a.swapaxes(0, 1)
    if a.shape[0] % batch:
        return None
    bad = ~np.isfinite(a.reshape(batch, -1)).all(axis=1)
    return [int(i) for i in np.flatnonzero(bad)]


def show(v) -> str:
    """A number as a reader wants it."""
    v = complex(v) if isinstance(v, complex | np.complexfloating) else float(v)
    if isinstance(v, complex):
        return f"{v:.4g}"
    if math.isnan(v):
        return "nan"
    if math.isinf(v):
        return "inf" if v > 0 else "-inf"
    if v == int(v) and abs(v) < 1e6:
        return f"{v:.1f}"
    return f"{v:.4g}"


def ratio(a: float, b: float) -> float:
    """a/b; infinite where b is 0 and a isn't."""
    return a / b if b else (inf if a else 0.0)


_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values) -> str:
    """Numbers as a little picture, on a logarithmic scale where they span orders of magnitude; × stands for NaN and infinities.

    >>> sparkline([1, 2, 3, 4])
    '▁▃▆█'
    >>> sparkline([1, 10, float("inf")])
    '▁█×'
    """
    good = [v for v in values if v is not None and math.isfinite(v)]
    if not good:
        return "×" * len(list(values))
    low, high = min(good), max(good)
    logs = low > 0 and high / low > 50
    f = math.log if logs else float
    low, high = f(low), f(high)
    span = (high - low) or 1.0
    out = ""
    for v in values:
        out += "×" if v is None or not math.isfinite(v) else _BARS[round((f(v) - low) / span * 7) if high > low else 3]
    return out
