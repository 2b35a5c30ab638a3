"""Counts and statistics of samples: quantiles, distinct values, histograms, covariance and correlation."""

import builtins
import math
import warnings

import numpy as np

from ..backend.reductions import is_half
from ..errors.level import users_level
from ..errors.teaching import NotImplementedError, RuntimeError
from ..tensor import Tensor, wrap
from .dims import need_tensor, one_axis
from .op import op
from .precision import float32
from .public import public
from .return_types import named
from .sorting import sort

__all__ = [
    "bincount", "corrcoef", "cov", "histc", "histogram", "histogramdd", "nanquantile", "quantile", "unique", "unique_consecutive",
]  # fmt: skip

_histogram, _histogramdd = named("histogram", "hist", "bin_edges"), named("histogramdd", "hist", "bin_edges")
_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@op
class bincount_:
    r"""yᵥ = how many of x equal v, for v = 0, 1, …, max x."""

    def forward(xp, x, /, minlength):
        return np.bincount(x, minlength=minlength).astype(np.int64)


@op
class bincount_weighted:
    r"""yᵥ = Σ w over the places where x equals v, for v = 0, 1, …, max x."""

    promotes = False

    def forward(xp, x, w, /, minlength):
        return np.bincount(x, w, minlength).astype(w.dtype if w.dtype == np.float32 else np.float64)


@op
class histogram_:
    r"""yᵦ = how many (or Σ w) of the points x lie in box b, edge ≤ x < next edge; the last edge counts as inside."""

    promotes = False

    def forward(xp, x, w, /, edges, uniform):
        shape = [len(e) - 1 for e in edges]
        inside = np.ones(len(x), bool)
        flat = np.zeros(len(x), np.int64)
        for column, e, n in zip(x.T, edges, shape):
            ok = (column >= e[0]) & (column <= e[-1])
            inside &= ok
            flat = flat * n + _box(np.where(ok, column, e[0]), e, n, uniform)
        flat = flat[inside]
        size = math.prod(shape)
        total = np.bincount(flat, None if w is None else w[inside], size)
        return total.astype(x.dtype).reshape(shape)


def _box(column, edges, n, uniform):
    """The box of each value among n boxes."""
    if uniform:
        place = ((column - edges[0]) * n / (edges[-1] - edges[0])).astype(np.int64)
    else:
        place = np.searchsorted(edges, column, "right") - 1
    return np.minimum(place, n - 1)


# ---- quantiles ------------------------------------------------------------------------------------------------------


def _quantile(name, input, q, dim, keepdim, interpolation, skip_nan):
    need_tensor(input, name)
    if input._a.dtype not in (np.float32, np.float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype, got {input.dtype}")
    if interpolation not in _METHODS:
        raise RuntimeError(f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}")
    if isinstance(q, Tensor):
        if q._a.ndim > 1:
            raise RuntimeError(f"{name}() q must be a scalar or 1D tensor, but it has shape {list(q.shape)}")
        if q._a.dtype != input._a.dtype:
            raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor: {q.dtype} and {input.dtype}")
        if not ((q._a >= 0) & (q._a <= 1)).all():
            raise RuntimeError(f"{name}() q values must be in the range [0, 1], got {q._a.tolist()}")
    else:
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        q = wrap(np.asarray(q, input._a.dtype))
    ndim = input._a.ndim
    if not input._a.size:
        raise RuntimeError(f"{name}() input tensor must be non-empty, got shape {list(input.shape)}")
    if dim is None:
        lanes = input.reshape(-1)
        out_shape = (1,) * ndim if keepdim else ()
    else:
        axis = one_axis(input, dim, name)
        lanes = input.movedim(axis, -1) if ndim else input.reshape(-1)
        rest = [n for i, n in enumerate(input._a.shape) if i != axis]
        out_shape = tuple(rest[:axis] + [1] + rest[axis:] if keepdim and ndim else rest)
    ordered = sort(lanes, -1)[0]
    ranks = _ranks(ordered._a, q, skip_nan)
    if interpolation in ("lower", "higher", "nearest"):
        place = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}[interpolation](ranks._a)
        out = ordered.gather(-1, wrap(place.astype(np.int64)))
    else:
        below = np.floor(ranks._a)
        low = ordered.gather(-1, wrap(below.astype(np.int64)))
        high = ordered.gather(-1, wrap(np.ceil(ranks._a).astype(np.int64)))
        out = low.lerp(high, wrap(np.full_like(below, 0.5)) if interpolation == "midpoint" else ranks - wrap(below))
    if not q._a.ndim:
        return out.reshape(out_shape)
    return out.movedim(-1, 0).reshape((q._a.shape[0], *out_shape))


def _ranks(ordered, q, skip_nan):
    """The (broken) ranks of the quantiles in each sorted lane; a lane with NaN gives its last, which is NaN."""
    n = ordered.shape[-1]
    wide = q.reshape((1,) * (ordered.ndim - 1) + (-1,))
    missing = np.isnan(ordered)
    if skip_nan:
        last = np.maximum(n - missing.sum(-1, keepdims=True) - 1, 0).astype(ordered.dtype)
        return wide * wrap(last)
    ranks = (wide * (n - 1)).expand(ordered.shape[:-1] + (-1,))
    broken = missing[..., -1:]
    return ranks.masked_fill(wrap(broken), n - 1) if broken.any() else ranks


@float32
@public
def quantile(input: Tensor, q, dim=None, keepdim=False, *, interpolation="linear") -> Tensor:
    """The q-quantiles (q in [0, 1], a number or 1-dim) of all elements, or along dimension `dim`; q's dimension first.

    The value at rank r = q·(n - 1) of the sorted elements, between neighbours as `interpolation` says ("linear", "lower",
    "higher", "nearest", "midpoint"); NaN where one is in the lane. RuntimeError: dtypes other than float32 and float64, q.

    >>> import lightwell as torch
    >>> torch.quantile(torch.tensor([0., 1., 2., 3.]), 0.5)
    tensor(1.5000)
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@float32
@public
def nanquantile(input: Tensor, q, dim=None, keepdim=False, *, interpolation="linear") -> Tensor:
    """The q-quantiles of the elements that are not NaN; see `quantile`.

    >>> import lightwell as torch
    >>> torch.nanquantile(torch.tensor([0., float('nan'), 2.]), 0.5)
    tensor(1.)
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


# ---- distinct values ------------------------------------------------------------------------------------------------


def _chosen(values, inverse, counts, return_inverse, return_counts):
    out = [values] + [inverse] * return_inverse + [counts] * return_counts
    return wrap(out[0]) if len(out) == 1 else tuple(wrap(v) for v in out)


def _runs(a, axis):
    """Where each run of equal neighbours along `axis` begins."""
    n = a.shape[axis]
    if not n:
        return np.zeros(0, np.int64)
    rows = np.moveaxis(a, axis, 0).reshape(n, -1)
    return np.flatnonzero(np.concatenate(([True], (rows[1:] != rows[:-1]).any(1))))


def _distinguishable(input, name):
    need_tensor(input, name)
    if input._a.dtype.kind == "c":
        raise NotImplementedError(f'{name}(): "unique" not implemented for {input.dtype}: complex numbers have no order')


@public(out=False)
def unique(input: Tensor, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The distinct elements in order (with `dim`: the distinct slices along it), and, where asked for, more.

    `return_inverse` adds where each element went, `return_counts` how often each occurs: then a tuple.
    IndexError: no such dimension; NotImplementedError: complex input.

    >>> import lightwell as torch
    >>> torch.unique(torch.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    _distinguishable(input, "unique")
    a = input._a
    if a.dtype.num >= 256:
        a = a.astype(np.float32)
    if dim is None:
        order = np.argsort(a, axis=None, kind="stable")
        flat = a.reshape(-1)[order]
        shape = a.shape
    else:
        axis = one_axis(input, dim, "unique")
        rows = np.moveaxis(a, axis, 0).reshape(a.shape[axis], -1) if a.ndim else a.reshape(1, 1)
        order = np.lexsort(rows.T[::-1]) if rows.shape[1] else np.arange(builtins.min(len(rows), 1))
        flat = np.take(a, order, axis) if a.ndim else a.reshape(1)
        shape = (len(order),)
    starts = _runs(flat, 0 if dim is None or not a.ndim else axis)
    values = np.take(flat, starts, 0 if dim is None or not a.ndim else axis).astype(input._a.dtype, copy=False)
    inverse = np.empty(len(order), np.int64)
    mark = np.zeros(len(order), np.int64)
    mark[starts[1:]] = 1
    inverse[order] = np.cumsum(mark)
    counts = np.diff(np.append(starts, len(order)))
    return _chosen(values, inverse.reshape(shape), counts, return_inverse, return_counts)


@public(out=False)
def unique_consecutive(input: Tensor, return_inverse=False, return_counts=False, dim=None):
    """The elements (with `dim`: the slices along it) without those that equal the one before; more where asked for.

    `return_inverse` adds where each element went, `return_counts` the length of each run: then a tuple.

    >>> import lightwell as torch
    >>> torch.unique_consecutive(torch.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    _distinguishable(input, "unique_consecutive")
    a = input._a.reshape(-1) if dim is None or not input._a.ndim else input._a
    axis = 0 if dim is None else one_axis(input, dim, "unique_consecutive")
    starts = _runs(a, axis)
    n = a.shape[axis]
    mark = np.zeros(n, np.int64)
    mark[starts[1:]] = 1
    inverse = np.cumsum(mark)
    counts = np.diff(np.append(starts, n))
    shape = input._a.shape if dim is None else inverse.shape
    return _chosen(np.take(a, starts, axis), inverse.reshape(shape), counts, return_inverse, return_counts)


# ---- histograms -----------------------------------------------------------------------------------------------------


@public(out=False)
def bincount(input: Tensor, weights=None, minlength=0) -> Tensor:
    """How often each of 0, 1, …, max occurs (or the sum of `weights` there), in at least `minlength` entries.

    int64; with weights float64, or float32 for float32 ones. RuntimeError: anything but a 1-dim input of integers ≥ 0.

    >>> import lightwell as torch
    >>> torch.bincount(torch.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    need_tensor(input, "bincount")
    a = input._a
    if a.dtype.kind not in "iu":
        raise NotImplementedError(f'bincount(): "bincount_cpu" not implemented for {input.dtype}: convert it, with .long()')
    if a.ndim != 1 or (a.size and a.min() < 0):
        raise RuntimeError(f"bincount only supports 1-d non-negative integral inputs; got shape {list(a.shape)}")
    if minlength < 0:
        raise RuntimeError(f"bincount(): minlength should be >= 0, got {minlength}")
    if weights is None:
        return bincount_(input, minlength)
    if weights._a.shape != a.shape:
        raise RuntimeError(f"bincount(): weights should be 1-d and have the same length as input: {list(weights.shape)}, {list(a.shape)}")
    return bincount_weighted(input, weights.detach(), minlength)


def _span(a, low, high, name):
    """The ends of a histogram: as given, otherwise the data's, widened where they fall together."""
    if low == high and a.size:
        low, high = a.min(), a.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"{name}: range of [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}: max must be larger than min, got [{low:g}, {high:g}]")
    return (low - 1, high + 1) if low == high else (low, high)


def _histogram_input(input, name):
    need_tensor(input, name)
    if input._a.dtype not in (np.float32, np.float64):
        raise NotImplementedError(f'{name}(): "histogram_cpu" not implemented for {input.dtype}: convert it, with .float()')


@public
def histc(input: Tensor, bins=100, min=0, max=0) -> Tensor:
    """How many elements lie in each of `bins` equal parts of [min, max] (of the data's range where both are equal).

    Elements outside count nowhere. RuntimeError: bins < 1, a range that isn't finite; NotImplementedError: integers.

    >>> import lightwell as torch
    >>> torch.histc(torch.tensor([1., 2., 1.]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    need_tensor(input, "histc")
    if is_half(input._a.dtype) and input._a.itemsize == 2:
        return histc(input.float(), bins, min, max).to(input.dtype)
    _histogram_input(input, "histc")
    if bins < 1:
        raise RuntimeError(f"histc(): bins must be > 0, but got {bins}")
    low, high = _span(input._a, min, max, "torch.histc")
    d = input._a.dtype.type
    return histogram_(input.detach().reshape(-1, 1), None, [np.linspace(d(low), d(high), bins + 1, dtype=d)], True)


def _edges(a, bins, low, high, name):
    if isinstance(bins, Tensor):
        if bins._a.dtype != a.dtype or bins._a.ndim != 1:
            raise RuntimeError(f"{name}(): bins must be 1-dim and of the input's dtype, got {bins.dtype} and shape {list(bins.shape)}")
        return bins._a
    if bins < 1:
        raise RuntimeError(f"{name}(): bins must be > 0, but got {bins}")
    low, high = _span(a, low, high, name)
    return np.linspace(low, high, bins + 1, dtype=a.dtype)


def _density(hist, edges):
    widths = np.ones((), hist.dtype)
    for e in edges:
        widths = np.multiply.outer(widths, np.diff(e))
    return hist / (hist.sum() * widths)


@public(out=False)
def histogram(input: Tensor, bins, *, range=None, weight=None, density=False):
    """Counts (or sums of `weight`) of all elements between edges, and the edges, as (hist, bin_edges).

    `bins` is a number of equal parts of `range` (the data's by default) or the edges. `density` divides by the total and
    the widths. RuntimeError: bins, range; NotImplementedError: dtypes other than float32 and float64.

    >>> import lightwell as torch
    >>> torch.histogram(torch.tensor([1., 2., 1.]), bins=2, range=(0., 2.)).hist
    tensor([0., 3.])
    """
    _histogram_input(input, "histogram")
    low, high = range if range is not None else (0, 0)
    edges = [_edges(input._a, bins, low, high, "histogram")]
    if weight is not None and weight._a.shape != input._a.shape:
        raise RuntimeError(f"histogram(): weight must have the input's shape {list(input.shape)}, got {list(weight.shape)}")
    out = histogram_(input.detach().reshape(-1, 1), None if weight is None else weight.detach().reshape(-1), edges, False)
    if density:
        out = wrap(_density(out._a, edges))
    return _histogram(out, wrap(edges[0]))


@public(out=False, method=False)
def histogramdd(input: Tensor, bins, range=None, weight=None, density=False):
    """Counts (or sums of `weight`) of points, the last dimension their coordinates, in boxes; as (hist, bin_edges).

    `bins` is one number, one per coordinate, or the edges of each; `range` the ends (low₁, high₁, low₂, …).
    RuntimeError: bins, range; NotImplementedError: dtypes other than float32 and float64.

    >>> import lightwell as torch
    >>> torch.histogramdd(torch.tensor([[0., 1.], [1., 0.], [1., 1.]]), bins=[2, 2]).hist
    tensor([[0., 1.],
            [1., 1.]])
    """
    _histogram_input(input, "histogramdd")
    if input._a.ndim < 2:
        raise RuntimeError(f"histogramdd(): input tensor should have at least 2 dimensions, got shape {list(input.shape)}")
    d = input._a.shape[-1]
    each = list(bins) if isinstance(bins, (list, tuple)) else [bins] * d
    if len(each) != d or (range is not None and len(range) != 2 * d):
        raise RuntimeError(f"histogramdd(): expected bins and range for each of the {d} coordinates, got {len(each)} bins")
    points = input._a.reshape(-1, d)
    ends = range if range is not None else (0,) * (2 * d)
    edges = [_edges(points[:, i], b, ends[2 * i], ends[2 * i + 1], "histogramdd") for i, b in enumerate(each)]
    out = histogram_(wrap(points), None if weight is None else weight.detach().reshape(-1), edges, False)
    if density:
        out = wrap(_density(out._a, edges))
    return _histogramdd(out, tuple(wrap(e) for e in edges))


# ---- covariance -----------------------------------------------------------------------------------------------------


def _weights(w, n, name, floating):
    if w is None:
        return
    if w._a.ndim > 1 or w._a.shape != (n,):
        raise RuntimeError(f"cov(): expected {name} to have one entry for each of the {n} observations, got shape {list(w.shape)}")
    if (w._a.dtype.kind in "iu") == floating:
        raise RuntimeError(f"cov(): expected {name} to have {'floating point' if floating else 'integral'} dtype, got {w.dtype}")
    if (w._a < 0).any():
        raise RuntimeError(f"cov(): {name} cannot be negative")


@public(out=False)
def cov(input: Tensor, *, correction=1, fweights=None, aweights=None) -> Tensor:
    """The covariance matrix of variables (rows) from observations (columns); the variance of a single variable.

    C = Σ w (x - m)(x - m)ᴴ / f with w = fweights·aweights, m = Σ w x / Σ w and
    f = Σ w - correction·(Σ w·aweights / Σ w). UserWarning where f ≤ 0; RuntimeError: more than two dimensions, weights.

    >>> import lightwell as torch
    >>> torch.cov(torch.tensor([[0., 1., 2.], [2., 1., 0.]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    need_tensor(input, "cov")
    if input._a.ndim > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got an input with {input._a.ndim} dimensions")
    if input._a.dtype.kind == "b":
        raise RuntimeError("cov(): bool dtype is not supported for input: convert it, with .float()")
    x = input if input._a.ndim == 2 else input.reshape(1, -1)
    n = x._a.shape[1]
    _weights(fweights, n, "fweights", False)
    _weights(aweights, n, "aweights", True)
    w = aweights if fweights is None else fweights if aweights is None else fweights * aweights
    total = n if w is None else w.sum()
    mean = (x if w is None else x * w).sum(1) / (total or math.nan if w is None else total)
    if w is None:
        freedom = n - correction
    elif aweights is None or not correction:
        freedom = total - correction
    else:
        freedom = total - (w * aweights).sum() * correction / total
    if float(freedom) <= 0:
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of observations.",
            UserWarning,
            stacklevel=users_level(),
        )
        freedom = wrap(np.zeros((), np.float32))
    x = x - mean.unsqueeze(1)
    c = x @ (x if w is None else x * w.to(x.dtype)).t().conj()
    return (c / freedom).squeeze()


@public(out=False)
def corrcoef(input: Tensor) -> Tensor:
    """Pearson's correlation coefficients of variables (rows) from observations (columns): Rᵢⱼ = Cᵢⱼ/√(Cᵢᵢ·Cⱼⱼ).

    RuntimeError: more than two dimensions.

    >>> import lightwell as torch
    >>> torch.corrcoef(torch.tensor([[0., 1., 2.], [2., 1., 0.]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    need_tensor(input, "corrcoef")
    if input._a.ndim > 2:
        raise RuntimeError(f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input._a.ndim} dimensions")
    c = cov(input)
    if not c._a.ndim:
        return c / c
    scale = c.diag().real.sqrt() if c.is_complex() else c.diag().sqrt()
    c = c / scale.unsqueeze(1) / scale.unsqueeze(0)
    if c.is_complex():
        from .ranges import complex as join

        return join(c.real.clamp(-1, 1), c.imag.clamp(-1, 1))
    return c.clamp(-1, 1)
