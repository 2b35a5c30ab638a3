"""Searching, sorting and sets, by the array API standard: https://data-apis.org/array-api/2024.12/API_specification/searching_functions.html"""

from collections import namedtuple

import numpy as np

from .. import dtypes, ops
from ..errors.teaching import TypeError, ValueError
from ..tensor import Tensor, make
from ._array import as_tensor, common, function, pair
from ._manipulation import one_axis

__all__ = [
    "argmax", "argmin", "argsort", "count_nonzero", "nonzero", "searchsorted", "sort", "unique_all", "unique_counts",
    "unique_inverse", "unique_values", "where",
]  # fmt: skip


def _extreme(name, f, x, axis, keepdims):
    if x.is_complex():
        raise TypeError(f"{name}(): complex numbers have no order")
    if axis is not None:
        axis = one_axis(name, axis, x.ndim)
    if not (x._a.size if axis is None else x.shape[axis]):
        raise ValueError(f"{name}(): there is nothing to choose from in shape {tuple(x.shape)}")
    return make(np.asarray(f(x._a, axis=axis, keepdims=keepdims), np.int64))


@function
def argmax(x, /, *, axis=None, keepdims=False):
    """The place of the first maximum along `axis`, or in the flattened array."""
    return _extreme("argmax", np.argmax, x, axis, keepdims)


@function
def argmin(x, /, *, axis=None, keepdims=False):
    """The place of the first minimum along `axis`, or in the flattened array."""
    return _extreme("argmin", np.argmin, x, axis, keepdims)


@function
def count_nonzero(x, /, *, axis=None, keepdims=False):
    """How many elements are not zero, over all dimensions or `axis`."""
    return make(np.asarray(np.count_nonzero(x._a, axis=axis, keepdims=keepdims), np.int64))


@function
def nonzero(x, /):
    """The indices of the elements that are not zero, one array for each dimension; ValueError for an array of none."""
    if not x.ndim:
        raise ValueError("nonzero(): an array of no dimensions has no indices")
    return tuple(make(a) for a in np.nonzero(x._a))


@function
def searchsorted(x1, x2, /, *, side="left", sorter=None):
    """Where in the sorted 1-D array x1 (sorted by `sorter`, if given) the values x2 belong: before equal ones, or behind ("right").

    >>> import lightwell.array_api as xp
    >>> xp.searchsorted(xp.asarray([1, 2, 2, 5]), xp.asarray([2, 6]), side="right")
    tensor([3, 4])
    """
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted(): side must be 'left' or 'right', got {side!r}")
    if x1.ndim != 1:
        raise ValueError(f"searchsorted(): x1 must be 1-D, got shape {tuple(x1.shape)}")
    x1, x2 = pair("searchsorted", x1, x2)
    return make(np.asarray(np.searchsorted(x1._a, x2._a, side, None if sorter is None else sorter._a), np.int64))


@function
def where(condition, x1, x2, /):
    """x1 where the condition holds, x2 elsewhere, promoted and broadcast; one of them may be a Python number."""
    if isinstance(x1, Tensor) or isinstance(x2, Tensor):
        x1, x2 = pair("where", x1, x2)
    else:
        d = common(*[dtypes.of_scalar(v) for v in (x1, x2)])
        x1, x2 = as_tensor(x1, d), as_tensor(x2, d)
    return ops.where(condition if condition.dtype is dtypes.bool else condition != 0, x1, x2)


# ---- sorting --------------------------------------------------------------------------------------------------------


def _sorted(name, x, axis, descending):
    if x.is_complex():
        raise TypeError(f"{name}(): complex numbers have no order")
    return ops.sort(x, one_axis(name, axis, x.ndim), descending, True)


@function
def sort(x, /, *, axis=-1, descending=False, stable=True):
    """x in ascending (or descending) order along `axis`, NaNs last (first)."""
    return _sorted("sort", x, axis, descending)[0]


@function
def argsort(x, /, *, axis=-1, descending=False, stable=True):
    """The indices that sort x along `axis`; equal elements keep their order where `stable`."""
    return _sorted("argsort", x, axis, descending)[1]


# ---- sets: NaNs differ from one another ------------------------------------------------------------------------------

UniqueAll = namedtuple("unique_all_result", "values indices inverse_indices counts")
UniqueCounts = namedtuple("unique_counts_result", "values counts")
UniqueInverse = namedtuple("unique_inverse_result", "values inverse_indices")


def _unique(x):
    """(values, first places, inverse, counts) as arrays."""
    values, first, inverse, counts = np.unique(x._a.ravel(), return_index=True, return_inverse=True, return_counts=True, equal_nan=False)
    return values, first.astype(np.int64), inverse.reshape(x._a.shape).astype(np.int64), counts.astype(np.int64)


@function
def unique_all(x, /):
    """The distinct values, the first place of each in the flattened array, the place of each element among them, and their counts.

    >>> import lightwell.array_api as xp
    >>> xp.unique_all(xp.asarray([2, 1, 2])).inverse_indices
    tensor([1, 0, 1])
    """
    return UniqueAll(*map(make, _unique(x)))


@function
def unique_counts(x, /):
    """The distinct values and how often each occurs."""
    values, _, _, counts = _unique(x)
    return UniqueCounts(make(values), make(counts))


@function
def unique_inverse(x, /):
    """The distinct values and, in x's shape, the place of each element among them."""
    values, _, inverse, _ = _unique(x)
    return UniqueInverse(make(values), make(inverse))


@function
def unique_values(x, /):
    """The distinct values."""
    return make(_unique(x)[0])
