"""Orders along a dimension: sort, topk, kthvalue, median, mode, and where values belong among sorted ones."""

import numpy as np

from .. import dtypes
from ..errors.teaching import IndexError, NotImplementedError, RuntimeError, TypeError
from ..tensor import Tensor, wrap
from . import op as core
from .dims import need_tensor, one_axis
from .extremes import picked, shared
from .op import op
from .pick import take
from .public import public
from .return_types import named

__all__ = [
    "argsort", "bucketize", "isin", "kthvalue", "median", "mode", "msort", "nanmedian", "searchsorted", "sort", "topk",
]  # fmt: skip

_sort, _topk, _kth = (named(name, "values", "indices") for name in ("sort", "topk", "kthvalue"))
_median, _nanmedian, _mode = (named(name, "values", "indices") for name in ("median", "nanmedian", "mode"))


def order(x, axis, descending=False):
    """The places of x in order, equal ones as they stand, NaN as the largest: `(index)` like x."""
    if not x.ndim:
        return np.zeros((), np.int64)
    if x.dtype.num >= 256:
        x = x.astype(np.float32)  # exact
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    # The reverse of the ascending order of the reversed lane: equal ones then stand as they stood.
    turn = (slice(None),) * axis + (slice(None, None, -1),)
    return x.shape[axis] - 1 - np.argsort(x[turn], axis=axis, kind="stable")[turn]


@op
class sort_:
    r"""(y, i): y = x in order along a dimension, yₖ = x at iₖ.   gx = gy put back at the places i."""

    outputs = ("values", "indices")

    def forward(xp, x, /, axis, descending):
        index = order(x, axis, descending)
        return take(xp, x, index, axis), index

    def grad_x(xp, gvalues, indices, x_shape, axis):
        return xp.put_along_axis(x_shape, indices, gvalues, axis)


@op
class topk_:
    r"""(y, i): the k largest (or smallest) of x along a dimension, y = x at i.   gx = gy put back at the places i."""

    outputs = ("values", "indices")

    def forward(xp, x, /, k, axis, largest):
        index = _first(x, k, axis, largest)
        return take(xp, x, index, axis), index

    def grad_x(xp, gvalues, indices, x_shape, axis):
        return xp.put_along_axis(x_shape, indices, gvalues, axis)


def _first(x, k, axis, largest):
    """The places of the k largest or smallest, in order; for few of many without sorting all."""
    if not x.ndim:
        return np.zeros((), np.int64) if k else np.zeros((0,), np.int64)
    n = x.shape[axis]
    if n < 256 or 4 * k > n or not k:
        return order(x, axis, largest)[(slice(None),) * axis + (slice(0, k),)]
    if x.dtype.num >= 256:
        x = x.astype(np.float32)
    lanes = np.moveaxis(x, axis, -1)
    flat = np.ascontiguousarray(lanes).reshape(-1, n)
    out = _one_by_one(flat, k, largest) if k <= 16 and flat.shape[0] > 1 and x.dtype.kind == "f" else None
    if out is None:
        out = np.empty((flat.shape[0], k), np.int64)
        for row, places in zip(flat, out):
            places[:] = _first_of_lane(row, k, largest)
    return np.moveaxis(out.reshape(lanes.shape[:-1] + (k,)), -1, axis)


def _one_by_one(rows, k, largest):
    """The few largest or smallest of each row, one after the other; None where infinities or NaN make this wrong."""
    rows, out, nr = rows.copy(), np.empty((rows.shape[0], k), np.int64), np.arange(rows.shape[0])
    for j in range(k):
        place = out[:, j] = (np.argmax if largest else np.argmin)(rows, 1)
        if not np.isfinite(rows[nr, place]).all():
            return None
        rows[nr, place] = -np.inf if largest else np.inf
    return out


def _first_of_lane(row, k, largest):
    # Values that tie with the k-th must be taken from the front: partition the values, then collect places.
    n = row.size
    edge = np.partition(row, n - k if largest else k - 1)[n - k if largest else k - 1]
    if edge != edge:  # so many NaN: the plain order
        return order(row, 0, largest)[:k]
    if largest:
        chosen = np.flatnonzero((row > edge) | (row != row))
    else:
        chosen = np.flatnonzero(row < edge)
    if chosen.size < k:
        chosen = np.concatenate((chosen, np.flatnonzero(row == edge)[: k - chosen.size]))
        chosen.sort()
    return chosen[order(row[chosen], 0, largest)]


@op
class kthvalue_:
    r"""(y, i): the k-th smallest of x along a dimension (NaN the largest), y = x at i.   gx = gy at the place i."""

    outputs = ("values", "indices")

    def forward(xp, x, /, k, axis, keepdim):
        return _at_rank(xp, x, k - 1, axis, keepdim)

    def grad_x(xp, gvalues, indices, x_shape, axis, keepdim):
        return picked(xp, gvalues, indices, x_shape, axis, keepdim)


def _at_rank(xp, x, rank, axis, keepdim):
    if not x.ndim:
        return x.copy(), np.zeros((), np.int64)
    index = np.take(order(x, axis), [rank], axis)
    return _unkept(take(xp, x, index, axis), index, axis, keepdim)


def _unkept(values, index, axis, keepdim):
    return (values, index) if keepdim else (np.squeeze(values, axis), np.squeeze(index, axis))


def _median_rank(x, axis, skip_nan):
    """The rank of the lower median in each lane: the first NaN's where there is one, unless they are skipped."""
    n = x.shape[axis]
    if x.dtype.kind in "iub":
        return np.full([1 if i == axis else s for i, s in enumerate(x.shape)], (n - 1) // 2)
    numbers = n - np.sum(x != x, axis=axis, keepdims=True)
    if skip_nan:
        return np.maximum(numbers - 1, 0) // 2
    return np.where(numbers < n, numbers, (n - 1) // 2)


def _median_pair(xp, x, axis, keepdim, skip_nan):
    if not x.ndim:
        return x.copy(), np.zeros((), np.int64)
    index = np.take_along_axis(order(x, axis), _median_rank(x, axis, skip_nan), axis)
    return _unkept(take(xp, x, index, axis), index, axis, keepdim)


def _median_of_all(x, skip_nan):
    flat = x.reshape(-1)
    if not flat.size:
        return np.full((), np.nan, x.dtype) if x.dtype.kind not in "iu" else np.full((), np.iinfo(x.dtype).min, x.dtype)
    if flat.dtype.kind not in "iu":
        if skip_nan:
            flat = flat[flat == flat]
            if not flat.size:
                return np.full((), np.nan, x.dtype)
        elif (flat != flat).any():
            return np.full((), np.nan, x.dtype)
    rank = (flat.size - 1) // 2
    if flat.dtype.num >= 256:
        return np.asarray(np.partition(flat.astype(np.float32), rank)[rank]).astype(x.dtype)
    return np.asarray(np.partition(flat, rank)[rank])


@op
class median_:
    r"""y = the lower median of x.   The n elements that equal y share its gradient:   gxᵢ = gy·[xᵢ = y]/n."""

    def forward(xp, x):
        return _median_of_all(x, False)

    def grad_x(xp, gy, x, y):
        return shared(xp, gy, x, y)


@op
class nanmedian_:
    r"""y = the lower median of x, NaN left out.   The n elements that equal y share its gradient: gxᵢ = gy·[xᵢ = y]/n."""

    def forward(xp, x):
        return _median_of_all(x, True)

    def grad_x(xp, gy, x, y):
        return shared(xp, gy, x, y)


@op
class median_dim:
    r"""(y, i): the lower median of x along a dimension, y = x at i.   gx = gy at the place i, 0 elsewhere."""

    node_name, outputs = "MedianBackward1", ("values", "indices")

    def forward(xp, x, /, axis, keepdim):
        return _median_pair(xp, x, axis, keepdim, False)

    def grad_x(xp, gvalues, indices, x_shape, axis, keepdim):
        return picked(xp, gvalues, indices, x_shape, axis, keepdim)


@op
class nanmedian_dim:
    r"""(y, i): the lower median of x along a dimension, NaN left out, y = x at i.   gx = gy at the place i."""

    node_name, outputs = "NanmedianBackward1", ("values", "indices")

    def forward(xp, x, /, axis, keepdim):
        return _median_pair(xp, x, axis, keepdim, True)

    def grad_x(xp, gvalues, indices, x_shape, axis, keepdim):
        return picked(xp, gvalues, indices, x_shape, axis, keepdim)


@op
class mode_:
    r"""(y, i): the most frequent value of x along a dimension (the smallest of several), at its last place i.

    gx = gy at the place i, 0 elsewhere.
    """

    outputs = ("values", "indices")

    def forward(xp, x, /, axis, keepdim):
        if not x.ndim:
            return x.copy(), np.zeros((), np.int64)
        places = order(x, axis)
        values = np.take_along_axis(x, places, axis)
        n = x.shape[axis]
        steps = np.arange(n).reshape((-1,) + (1,) * (x.ndim - axis - 1))
        key = (slice(None),) * axis
        new = np.ones(x.shape, bool)
        new[key + (slice(1, None),)] = values[key + (slice(1, None),)] != values[key + (slice(None, -1),)]
        start = np.maximum.accumulate(np.where(new, steps, 0), axis)  # where each run of equal values began
        end = np.expand_dims(np.argmax(steps - start, axis), axis)  # the last of the first longest run
        index = np.take_along_axis(places, end, axis)
        return _unkept(take(xp, x, index, axis), index, axis, keepdim)

    def grad_x(xp, gvalues, indices, x_shape, axis, keepdim):
        return picked(xp, gvalues, indices, x_shape, axis, keepdim)


@op
class searchsorted_:
    r"""yₖ = the first place i with sᵢ ≥ vₖ ("left") or sᵢ > vₖ ("right") in the sorted s: where vₖ belongs."""

    promotes = False

    def forward(xp, s, v, /, side, dtype):
        if s.dtype.num >= 256 or v.dtype.num >= 256:
            s, v = s.astype(np.float32), v.astype(np.float32)
        if s.ndim == 1:
            return np.asarray(np.searchsorted(s, v, side)).astype(dtype)
        out = np.empty(v.shape, dtype)
        rows, asked, places = s.reshape(-1, s.shape[-1]), v.reshape(-1, v.shape[-1]), out.reshape(-1, v.shape[-1])
        for r, a, p in zip(rows, asked, places):
            p[:] = np.searchsorted(r, a, side)
        return out


@op
class isin_:
    r"""y = whether each x is among the values t."""

    promotes = False

    def forward(xp, x, t, /, assume_unique, invert):
        return np.isin(x, t, assume_unique=False, invert=invert)


# ---- public ---------------------------------------------------------------------------------------------------------


def _sortable(input, name, kind=RuntimeError):
    need_tensor(input, name)
    if input._a.dtype.kind == "c":
        raise kind(f"{name}(): Sort does not support complex dtypes on CPU, got {input.dtype}: complex numbers have no order")


def _sort_arguments(input, dim, descending, stable, name):
    if isinstance(dim, bool):  # sort(True): PyTorch reads this as descending nowhere
        raise TypeError(f"{name}(): argument 'dim' must be int, not bool")
    _sortable(input, name)
    return one_axis(input, dim, name)


@public
def sort(input: Tensor, dim=-1, descending=False, stable=False):
    """The elements in order along dimension `dim`, and where they were, as (values, indices).

    Equal elements keep their order, with `stable` or without; NaN counts as the largest. RuntimeError: complex input.

    >>> import lightwell as torch
    >>> torch.sort(torch.tensor([3, 1, 2])).indices
    tensor([1, 2, 0])
    """
    axis = _sort_arguments(input, dim, descending, stable, "sort")
    return _sort(*sort_(input, axis, bool(descending)))


@public
def argsort(input: Tensor, dim=-1, descending=False, stable=False) -> Tensor:
    """The places of the elements in order along dimension `dim`: the `indices` of `sort`.

    >>> import lightwell as torch
    >>> torch.argsort(torch.tensor([3, 1, 2]), descending=True)
    tensor([0, 2, 1])
    """
    axis = _sort_arguments(input, dim, descending, stable, "argsort")
    if core.active:  # an interposer is to see a record
        return sort(input, dim, descending, stable)[1]
    return wrap(order(input._a, axis, bool(descending)))


@public
def msort(input: Tensor) -> Tensor:
    """The elements in order along the first dimension.

    >>> import lightwell as torch
    >>> torch.msort(torch.tensor([3, 1, 2]))
    tensor([1, 2, 3])
    """
    return sort(input, 0)[0]


@public
def topk(input: Tensor, k, dim=-1, largest=True, sorted=True):
    """The k largest (or smallest) elements along dimension `dim` and where they are, as (values, indices), in order.

    Of equal elements the first are taken; NaN counts as the largest. RuntimeError: k larger than the dimension, bools.

    >>> import lightwell as torch
    >>> torch.topk(torch.tensor([1., 4., 3.]), 2).values
    tensor([4., 3.])
    """
    _sortable(input, "topk")
    if input._a.dtype.kind == "b":
        raise RuntimeError("topk(): topk does not support bool dtypes on CPU: convert it first, with .int()")
    axis, k = one_axis(input, dim, "topk"), int(k)
    size = input._a.shape[axis] if input._a.ndim else 1
    if not 0 <= k <= size:
        raise RuntimeError(f"topk(): selected index k out of range: k = {k}, but dimension {axis} has {size} elements")
    return _topk(*topk_(input, k, axis, bool(largest)))


def _lane(input, dim, name):
    _sortable(input, name, NotImplementedError)
    if name == "kthvalue" and input._a.dtype.kind == "b":
        raise NotImplementedError('kthvalue(): "kthvalue_cpu" not implemented for torch.bool: convert it, with .int()')
    axis = one_axis(input, dim, name)
    if input._a.ndim and not input._a.shape[axis]:
        raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size; the input has shape {list(input._a.shape)}")
    return axis


@public
def kthvalue(input: Tensor, k, dim=-1, keepdim=False):
    """The k-th smallest element (k from 1) along dimension `dim` and where it is, as (values, indices).

    NaN counts as the largest. RuntimeError: no k-th element.

    >>> import lightwell as torch
    >>> torch.kthvalue(torch.tensor([5., 1., 3.]), 2).values
    tensor(3.)
    """
    axis, k = _lane(input, dim, "kthvalue"), int(k)
    if not 1 <= k <= (input._a.shape[axis] if input._a.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}: k = {k}")
    return _kth(*kthvalue_(input, k, axis, bool(keepdim)))


def _middle(input, dim, keepdim, name, full, along, result):
    need_tensor(input, name)
    if input._a.dtype.kind in "bc":
        raise NotImplementedError(f'{name}(): "{name}_cpu" not implemented for {input.dtype}')
    if dim is None:
        return full(input)
    return result(*along(input, _lane(input, dim, name), bool(keepdim)))


@public
def median(input: Tensor, dim=None, keepdim=False):
    """The lower median of all elements; with `dim`, (values, indices) along it. NaN where there is one.

    IndexError: nothing to choose from; NotImplementedError: bools, complex input.

    >>> import lightwell as torch
    >>> torch.median(torch.tensor([4., 1., 3., 2.]))
    tensor(2.)
    """
    return _middle(input, dim, keepdim, "median", median_, median_dim, _median)


@public
def nanmedian(input: Tensor, dim=None, keepdim=False):
    """The lower median of the elements that are not NaN; with `dim`, (values, indices) along it.

    IndexError: nothing to choose from; NotImplementedError: bools, complex input.

    >>> import lightwell as torch
    >>> torch.nanmedian(torch.tensor([4., float('nan'), 3., 2.]))
    tensor(3.)
    """
    return _middle(input, dim, keepdim, "nanmedian", nanmedian_, nanmedian_dim, _nanmedian)


@public
def mode(input: Tensor, dim=-1, keepdim=False):
    """The most frequent value along dimension `dim` (the smallest of several) and its last place, as (values, indices).

    IndexError: nothing to choose from.

    >>> import lightwell as torch
    >>> torch.mode(torch.tensor([1, 2, 2, 3])).values
    tensor(2)
    """
    return _mode(*mode_(input, _lane(input, dim, "mode"), bool(keepdim)))


def _tensor(value, like):
    return value if isinstance(value, Tensor) else wrap(np.asarray(value, dtypes.of_scalar(value).np))


@public(method=False)
def searchsorted(sorted_sequence: Tensor, input, *, out_int32=False, right=False, side=None, sorter=None) -> Tensor:
    """Where each value belongs in the sorted sequence (1-dim, or one per leading index, along the last dimension).

    The first place whose element is ≥ the value; with `right` (or side="right") > the value. int64, or int32.
    `sorter` gives the order of an unsorted sequence. RuntimeError: shapes that don't match, side against right.

    >>> import lightwell as torch
    >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 6]))
    tensor([1, 3])
    """
    return _search("searchsorted", sorted_sequence, input, out_int32, right, side, sorter)


def _search(name, sequence, input, out_int32, right, side, sorter):
    need_tensor(sequence, name)
    if side not in (None, "left", "right"):
        raise RuntimeError(f"{name}(): side can only be 'left' or 'right' but got {side}")
    if right and side == "left":
        raise RuntimeError(f"{name}(): side and right can't be set to opposites, got side of left while right was True")
    v = _tensor(input, sequence)
    if sorter is not None:
        if sorter._a.shape != sequence._a.shape or sorter._a.dtype != np.int64:
            raise RuntimeError(
                f"{name}(): boundary and sorter must have the same size and sorter be int64, but got {list(sequence.shape)} and "
                f"{list(sorter.shape)} of {sorter.dtype}"
            )
        sequence = wrap(np.take_along_axis(sequence._a, sorter._a, -1))
    s = sequence._a
    if not s.ndim or (s.ndim > 1 and s.shape[:-1] != v._a.shape[:-1]):
        raise RuntimeError(
            f"{name}(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value "
            f"tensor must match, but we got boundaries tensor {list(s.shape)} and input value tensor {list(v._a.shape)}"
        )
    return searchsorted_(sequence, v, "right" if right or side == "right" else "left", np.int32 if out_int32 else np.int64)


@public(method=False)
def bucketize(input, boundaries: Tensor, *, out_int32=False, right=False) -> Tensor:
    """The number of the bucket between `boundaries` (sorted, 1-dim) in which each value lies.

    i with boundaries[i-1] < v ≤ boundaries[i]; with `right`, boundaries[i-1] ≤ v < boundaries[i]. RuntimeError: shapes.

    >>> import lightwell as torch
    >>> torch.bucketize(torch.tensor([3, 6]), torch.tensor([1, 3, 5]))
    tensor([1, 3])
    """
    need_tensor(boundaries, "bucketize", "boundaries")
    if boundaries._a.ndim != 1:
        raise RuntimeError(f"bucketize(): boundaries tensor must be 1 dimension, but got dim({boundaries._a.ndim})")
    return _search("bucketize", boundaries, input, out_int32, right, None, None)


@public(method=False)
def isin(elements, test_elements, *, assume_unique=False, invert=False) -> Tensor:
    """Whether each element is (with `invert`: is not) among `test_elements`; one of the two may be a number.

    TypeError where neither is a tensor; RuntimeError: bools, complex numbers.

    >>> import lightwell as torch
    >>> torch.isin(torch.tensor([1, 2, 3]), torch.tensor([2, 5]))
    tensor([False,  True, False])
    """
    if not isinstance(elements, Tensor) and not isinstance(test_elements, Tensor):
        raise TypeError("isin(): at least one of 'elements' and 'test_elements' must be a Tensor")
    for t in (elements, test_elements):
        if isinstance(t, Tensor) and t._a.dtype.kind in "bc":
            raise RuntimeError(f"isin(): Unsupported input type encountered: {t.dtype}; convert it, with .int() or view_as_real()")
    return isin_(_tensor(elements, test_elements), _tensor(test_elements, elements), assume_unique, bool(invert))
