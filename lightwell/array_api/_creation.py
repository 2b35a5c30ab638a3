"""Creation functions of the array API standard: https://data-apis.org/array-api/2024.12/API_specification/creation_functions.html"""

import builtins
import math

import numpy as np

from .. import dtypes, ops
from ..errors.teaching import AttributeError, BufferError, OverflowError, TypeError, ValueError
from ..ops.convert import check_device
from ..tensor import Tensor, make
from ._array import as_array, function, named_dtype

__all__ = [
    "arange", "asarray", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like", "linspace", "meshgrid", "ones",
    "ones_like", "tril", "triu", "zeros", "zeros_like",
]  # fmt: skip


def _np(dtype, default=None):
    """The NumPy type of a `dtype=` argument; TypeError for what is no dtype of ours."""
    return (default or dtypes.get_default_dtype()).np if dtype is None else named_dtype(dtype).np


def _made(array, device):
    check_device(device)
    return as_array(make(np.asarray(array)))


def _of_number(value) -> dtypes.dtype:
    """The default dtype of a Python number's kind; an array's own."""
    return value.dtype if isinstance(value, Tensor) else dtypes.of_scalar(value)


@function
def arange(start, /, stop=None, step=1, *, dtype=None, device=None):
    """start, start + step, … before stop (0 to start where `stop` is None): ⌈(stop - start)/step⌉ numbers, none if negative.

    ValueError for a step of 0.

    >>> import lightwell.array_api as xp
    >>> xp.arange(5, 0, -2)
    tensor([5, 3, 1])
    """
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise ValueError("arange(): step must not be 0")
    whole = not any(isinstance(v, float) for v in (start, stop, step))
    n = max(-((start - stop) // step), 0) if whole else max(math.ceil((stop - start) / step), 0)
    to = _np(dtype, dtypes.int64 if whole else None)
    if whole:
        if to.kind in "iu":
            for v in (start, start + (n - 1) * step) if n else ():
                if not np.iinfo(to).min <= v <= np.iinfo(to).max:
                    raise OverflowError(f"arange(): {v} lies outside {dtypes.from_np(to)}")
            if to.kind == "u" and n and max(start, start + (n - 1) * step) >= 2**63:
                return _made(np.array([start + i * step for i in range(n)], to), device)
        return _made((start + np.arange(n, dtype=np.int64) * step).astype(to), device)
    return _made((start + np.arange(n, dtype=np.float64) * step).astype(to), device)


@function
def asarray(obj, /, *, dtype=None, device=None, copy=None):
    """An array of `obj`: an array, a number, a nested sequence of numbers, or anything with DLPack or the buffer protocol.

    Memory is shared where `obj` has some and dtype allows it, unless `copy`; ValueError where `copy=False` can't be kept;
    OverflowError for an integer beyond the dtype. A plain tensor stays a plain tensor.

    >>> import lightwell.array_api as xp
    >>> xp.asarray([[1, 2.5], [3, 4]])
    tensor([[1.0000, 2.5000],
            [3.0000, 4.0000]])
    """
    check_device(device)
    want = None if dtype is None else dtypes.from_np(_np(dtype))
    if isinstance(obj, Tensor):
        out = obj
    elif isinstance(obj, np.generic):
        out = make(np.asarray(obj))
    elif isinstance(obj, (bool, int, float, complex, list, tuple, range)):
        if copy is False:
            raise ValueError(f"asarray(): a {type(obj).__name__} can't become an array without a copy: leave copy=False away")
        return make(_numbers(obj, want))
    else:
        out = make(_foreign(obj))
    if want is not None and out.dtype is not want:
        if copy is False:
            raise ValueError(f"asarray(): {out.dtype} can't become {want} without a copy: leave copy=False away")
        return out.to(want)
    return out.clone() if copy else out


def _numbers(obj, want):
    """The NumPy array of a number or nested sequence; arrays of 0 dimensions may stand for numbers in it."""
    plain = _plain(obj)
    if want is None:
        kinds: set = set()
        _kinds(plain, kinds)
        if complex in kinds:
            want = dtypes.default_complex()
        elif float in kinds or not kinds:
            want = dtypes.get_default_dtype()
        else:
            want = dtypes.int64 if int in kinds else dtypes.bool
    if want.category == dtypes.INT:
        try:
            return np.array(plain, want.np)
        except builtins.OverflowError:
            raise OverflowError(
                f"asarray(): an integer lies outside {want}, which holds [{dtypes.iinfo(want).min}, {dtypes.iinfo(want).max}]"
            ) from None
    return np.array(plain, want.np)


def _plain(v):
    if isinstance(v, (list, tuple, range)):
        return [_plain(w) for w in v]
    if isinstance(v, (Tensor, np.ndarray, np.generic)):
        return v.tolist()
    return v


def _kinds(v, found: set) -> None:
    """The Python kinds of number in a nested list."""
    if isinstance(v, list):
        for w in v:
            _kinds(w, found)
    elif isinstance(v, (bool, int, float, complex)):
        found.add(next(k for k in (bool, int, float, complex) if isinstance(v, k)))
    else:
        raise TypeError(f"asarray(): expected numbers, got {type(v).__name__}")


def _foreign(obj):
    """The array over the memory of a foreign object; a copy where that is read-only."""
    a = obj if isinstance(obj, np.ndarray) else np.from_dlpack(obj) if hasattr(obj, "__dlpack__") else np.asarray(obj)
    if a.dtype.kind == "O":
        raise TypeError(f"asarray(): can't read numbers from {type(obj).__name__}")
    dtypes.from_np(a.dtype)  # TypeError for strings, dates and their kin
    if not a.dtype.isnative:
        a = a.astype(a.dtype.newbyteorder("="))
    return a.view(np.ndarray) if a.flags.writeable else a.copy()


@function
def from_dlpack(x, /, *, device=None, copy=None):
    """An array over the memory of any object with `__dlpack__`; a copy where `copy`. BufferError where that can't be had.

    >>> import lightwell.array_api as xp, numpy as np
    >>> xp.from_dlpack(np.arange(3))
    tensor([0, 1, 2])
    """
    if not hasattr(x, "__dlpack__") or not hasattr(x, "__dlpack_device__"):
        raise AttributeError(f"from_dlpack(): a {type(x).__name__} has no __dlpack__ and __dlpack_device__")
    check_device(device)
    if isinstance(x, Tensor):
        return as_array(x.detach().clone() if copy else x.detach())
    a = np.from_dlpack(x)
    if not a.flags.writeable:
        if copy is False:
            raise BufferError("from_dlpack(): the memory is read-only, and arrays here are not: leave copy=False away")
        copy = True
    return as_array(make(a.copy() if copy else a))


def _shape(shape) -> tuple:
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if any(n < 0 for n in shape):
        raise ValueError(f"a shape has no negative sizes: {shape}")
    return shape


@function
def empty(shape, *, dtype=None, device=None):
    """An array of a shape, with whatever the memory held."""
    return _made(np.empty(_shape(shape), _np(dtype)), device)


@function
def zeros(shape, *, dtype=None, device=None):
    """An array of zeros."""
    return _made(np.zeros(_shape(shape), _np(dtype)), device)


@function
def ones(shape, *, dtype=None, device=None):
    """An array of ones."""
    return _made(np.ones(_shape(shape), _np(dtype)), device)


@function
def full(shape, fill_value, *, dtype=None, device=None):
    """An array of one number, in the default dtype of its kind unless one is given."""
    value = fill_value._a if isinstance(fill_value, Tensor) else fill_value
    return _made(np.full(_shape(shape), value, _np(dtype, _of_number(fill_value))), device)


@function
def eye(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None):
    """A matrix with ones on the k-th diagonal (above the main one for k > 0), zeros elsewhere."""
    return _made(np.eye(n_rows, n_cols, k, _np(dtype)), device)


@function
def linspace(start, stop, /, num, *, dtype=None, device=None, endpoint=True):
    """`num` numbers with equal steps from `start` to `stop`, which is left out where `endpoint` is False.

    >>> import lightwell.array_api as xp
    >>> xp.linspace(0, 1, 4, endpoint=False)
    tensor([0.0000, 0.2500, 0.5000, 0.7500])
    """
    if num < 0:
        raise ValueError(f"linspace(): num must not be negative, got {num}")
    is_complex = isinstance(start, complex) or isinstance(stop, complex)
    to = _np(dtype, dtypes.default_complex() if is_complex else None)
    if to.kind in "iu" and num and not is_complex and isinstance(start, int) and isinstance(stop, int):
        parts = (num - 1 if endpoint else num) or 1  # whole numbers are divided exactly, however large
        exact = [start + (i * (stop - start)) // parts for i in range(num)]
        return _made(np.array(exact, to), device)
    out = np.linspace(start, stop, num, endpoint=endpoint, dtype=np.complex128 if is_complex or to.kind == "c" else np.float64)
    return _made(out.astype(to), device)


@function
def meshgrid(*arrays, indexing="xy"):
    """The coordinates of a grid, one array for each of the 1-D arrays; "xy" swaps the first two dimensions, "ij" doesn't.

    ValueError for another `indexing`, and for arrays of several dimensions or dtypes.

    >>> import lightwell.array_api as xp
    >>> [a.shape for a in xp.meshgrid(xp.arange(2), xp.arange(3))]
    [torch.Size([3, 2]), torch.Size([3, 2])]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid(): indexing must be 'xy' or 'ij', got {indexing!r}")
    if any(a.ndim > 1 for a in arrays):
        raise ValueError(f"meshgrid(): expected 1-D arrays, got shapes {[tuple(a.shape) for a in arrays]}")
    if len({a.dtype for a in arrays}) > 1:
        raise ValueError(f"meshgrid(): expected one dtype, got {[a.dtype for a in arrays]}")
    if not arrays:
        return []
    arrays = [a.reshape((-1,)) for a in arrays]
    return [grid.clone() for grid in ops.meshgrid(*arrays, indexing=indexing)]


def _like(x, make_new, dtype, device):
    check_device(device)
    return make(make_new(x._a, dtype=x._a.dtype if dtype is None else _np(dtype), order="C"))


@function
def empty_like(x, /, *, dtype=None, device=None):
    """An array of x's shape and dtype, with whatever the memory held."""
    return _like(x, np.empty_like, dtype, device)


@function
def zeros_like(x, /, *, dtype=None, device=None):
    """Zeros in x's shape and dtype."""
    return _like(x, np.zeros_like, dtype, device)


@function
def ones_like(x, /, *, dtype=None, device=None):
    """Ones in x's shape and dtype."""
    return _like(x, np.ones_like, dtype, device)


@function
def full_like(x, /, fill_value, *, dtype=None, device=None):
    """One number in x's shape and dtype."""
    value = fill_value._a if isinstance(fill_value, Tensor) else fill_value
    return _like(x, lambda a, dtype, order: np.full(a.shape, value, dtype), dtype, device)


def _matrix(name, x):
    if x.ndim < 2:
        raise ValueError(f"{name}(): expected at least 2 dimensions, got shape {tuple(x.shape)}")


@function
def tril(x, /, *, k=0):
    """The matrices with zeros above the k-th diagonal."""
    _matrix("tril", x)
    return ops.tril(x, k)


@function
def triu(x, /, *, k=0):
    """The matrices with zeros below the k-th diagonal."""
    _matrix("triu", x)
    return ops.triu(x, k)
