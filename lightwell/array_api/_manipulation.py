"""Shapes and parts, by the array API standard: https://data-apis.org/array-api/2024.12/API_specification/manipulation_functions.html"""

import builtins
import functools

import numpy as np

from .. import dtypes, ops
from ..errors.teaching import IndexError, TypeError, ValueError
from ..ops.shape import shows
from ..tensor import Tensor, make
from ._array import common, function

__all__ = [
    "broadcast_arrays", "broadcast_to", "concat", "expand_dims", "flip", "moveaxis", "permute_dims", "repeat", "reshape", "roll",
    "squeeze", "stack", "take", "take_along_axis", "tile", "unstack",
]  # fmt: skip


@function
def broadcast_arrays(*arrays):
    """The arrays, repeated to their common shape; ValueError where they have none."""
    if not arrays:
        return []
    shape = _common_shape([tuple(a.shape) for a in arrays])
    return [ops.broadcast_to(a, shape) for a in arrays]


def _common_shape(shapes):
    try:
        return np.broadcast_shapes(*shapes)
    except builtins.ValueError:
        raise ValueError(f"the shapes {shapes} don't broadcast: sizes must be equal, or 1") from None


@function
def broadcast_to(x, /, shape):
    """x repeated to a shape; ValueError where it doesn't broadcast to it."""
    shape = tuple(shape)
    if _common_shape([tuple(x.shape), shape]) != shape:
        raise ValueError(f"broadcast_to(): shape {tuple(x.shape)} doesn't broadcast to {shape}")
    return ops.broadcast_to(x, shape)


def _promoted(name, arrays):
    arrays = list(arrays)
    if not arrays:
        raise ValueError(f"{name}(): expected at least one array")
    d = functools.reduce(common, [a.dtype for a in arrays])
    return [a.to(d) for a in arrays]


@function
def concat(arrays, /, *, axis=0):
    """The arrays behind one another along `axis`, promoted to one dtype; flattened first where `axis` is None.

    >>> import lightwell.array_api as xp
    >>> xp.concat([xp.ones((1, 2)), xp.zeros((1, 2))], axis=None)
    tensor([1., 1., 0., 0.])
    """
    arrays = _promoted("concat", arrays)
    if axis is None:
        return ops.cat([a.reshape((-1,)) for a in arrays], 0)
    if any(not a.ndim for a in arrays):
        raise ValueError("concat(): arrays of no dimensions have no axis to join along: use stack, or axis=None")
    axis = one_axis("concat", axis, arrays[0].ndim)
    shapes = [tuple(a.shape) for a in arrays]
    if len({(len(s), s[:axis], s[axis + 1 :]) for s in shapes}) > 1:  # PyTorch passes over empty arrays of any shape
        raise ValueError(f"concat(): the shapes {shapes} must be equal but for axis {axis}")
    return ops.cat(arrays, axis)


@function
def stack(arrays, /, *, axis=0):
    """The arrays along a new dimension, promoted to one dtype; ValueError where shapes differ."""
    arrays = _promoted("stack", arrays)
    if len({tuple(a.shape) for a in arrays}) > 1:
        raise ValueError(f"stack(): the shapes {[tuple(a.shape) for a in arrays]} must be equal")
    return ops.stack(arrays, axis)


@function
def unstack(x, /, *, axis=0):
    """The tuple of parts along `axis`."""
    if not x.ndim:
        raise ValueError("unstack(): an array of no dimensions has no parts")
    return ops.unbind(x, axis)


def one_axis(name: str, axis: int, ndim: int) -> int:
    """`axis` counted from the front; IndexError where it isn't there."""
    if not -ndim <= axis < ndim:
        raise IndexError(f"{name}(): axis {axis} is out of range for {ndim} dimensions")
    return axis % ndim


@function
def expand_dims(x, /, axis):
    """x with a dimension of size 1 more, at `axis` of the result; IndexError beyond it."""
    if isinstance(axis, (tuple, list)):
        axes = sorted(one_axis("expand_dims", a, x.ndim + len(axis)) for a in axis)
        for a in axes:
            x = ops.unsqueeze(x, a)
        return x
    return ops.unsqueeze(x, one_axis("expand_dims", axis, x.ndim + 1))


@function
def squeeze(x, /, axis):
    """x without the dimensions `axis`; ValueError where one has another size than 1."""
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(one_axis("squeeze", a, x.ndim) for a in axes)
    if len(set(axes)) < len(axes):
        raise ValueError(f"squeeze(): axis {axis} names a dimension twice")
    for a in axes:
        if x.shape[a] != 1:
            raise ValueError(f"squeeze(): axis {a} has size {x.shape[a]}, not 1, in shape {tuple(x.shape)}")
    return x.reshape(tuple(n for k, n in enumerate(x.shape) if k not in axes)) if axes else x.clone()


@function
def flip(x, /, *, axis=None):
    """x with the order along the axes (all, where None) turned round."""
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    return ops.flip(x, tuple(one_axis("flip", a, x.ndim) for a in axes))


@function
def moveaxis(x, source, destination, /):
    """x with the dimensions `source` at the places `destination`, the others in their order."""
    return ops.moveaxis(x, source, destination)


@function
def permute_dims(x, /, axes):
    """x with its dimensions in the order `axes`; ValueError where that is no permutation."""
    axes = tuple(axes)
    if sorted(one_axis("permute_dims", a, x.ndim) for a in axes) != list(range(x.ndim)):
        raise ValueError(f"permute_dims(): axes {axes} must name each of the {x.ndim} dimensions once")
    return ops.permute(x, axes)


@function
def repeat(x, repeats, /, *, axis=None):
    """Every element (along `axis`; of the flattened array where None) `repeats` times in a row.

    >>> import lightwell.array_api as xp
    >>> xp.repeat(xp.asarray([1, 2]), xp.asarray([3, 1]))
    tensor([1, 1, 1, 2])
    """
    if axis is None:
        x, axis = x.reshape((-1,)), 0
    axis = one_axis("repeat", axis, x.ndim)
    counts = repeats._a if isinstance(repeats, Tensor) else np.asarray(repeats)
    if counts.dtype.kind not in "iu" or counts.ndim > 1:
        raise TypeError(f"repeat(): repeats must be an integer or a 1-D array of them, got {counts.dtype} of shape {counts.shape}")
    n = x.shape[axis]
    if counts.ndim and counts.shape[0] not in (1, n):
        raise ValueError(f"repeat(): {counts.shape[0]} repeats don't fit {n} elements along axis {axis}")
    if counts.size and int(counts.min()) < 0:
        raise ValueError("repeat(): repeats must not be negative")
    index = np.repeat(np.arange(n), np.broadcast_to(counts, (n,)).astype(np.int64))
    return ops.index_select(x, axis, make(index))


@function
def reshape(x, /, shape, *, copy=None):
    """x's elements in another shape; always a copy where `copy`, ValueError where `copy=False` can't be kept or sizes differ."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if copy:
        return ops.reshape(x.clone(), shape)
    try:
        known = np.empty(x._a.shape, bool).reshape(shape).shape if -1 in shape else shape
    except builtins.ValueError:
        raise ValueError(f"reshape(): shape {tuple(x.shape)} has no reading as {shape}") from None
    if int(np.prod(known)) != x._a.size:
        raise ValueError(f"reshape(): {x._a.size} elements of shape {tuple(x.shape)} don't fill {shape}")
    if copy is False and not shows(x._a, known):
        raise ValueError(f"reshape(): these strides can't show shape {shape} without a copy: leave copy=False away")
    return ops.reshape(x, known)


@function
def roll(x, /, shift, *, axis=None):
    """x moved on by `shift` places along the axes, what falls off the end coming in at the front; flattened where `axis` is None."""
    if axis is None:
        if isinstance(shift, (tuple, list)):
            shift = sum(shift)
        return ops.roll(x.reshape((-1,)), shift).reshape(x.shape)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    shifts = shift if isinstance(shift, (tuple, list)) else (shift,) * len(axes)
    if len(shifts) != len(axes):
        raise ValueError(f"roll(): {len(shifts)} shifts for {len(axes)} axes")
    return ops.roll(x, tuple(shifts), tuple(axes)) if x._a.size and axes else x.clone()


@function
def tile(x, repetitions, /):
    """x laid side by side, repetitions[k] times along dimension k (counted from the last)."""
    return ops.tile(x, tuple(repetitions)) if len(repetitions) else x.clone()


def _indices(name, x, indices):
    if not isinstance(indices, Tensor) or indices.dtype.category != dtypes.INT:
        raise TypeError(f"{name}(): indices must be an integer array, got {getattr(indices, 'dtype', type(indices).__name__)}")
    return indices.to(dtypes.int64)


def _in_range(name, index, n):
    a = index._a
    if a.size and (a.min() < -n or a.max() >= n):
        raise IndexError(f"{name}(): an index lies outside [-{n}, {n}): they span [{a.min()}, {a.max()}]")
    return make(np.where(a < 0, a + n, a))


@function
def take(x, indices, /, *, axis=None):
    """x's parts at `indices` along `axis` (needed unless x is 1-D); IndexError outside, negative ones count from the end.

    >>> import lightwell.array_api as xp
    >>> xp.take(xp.asarray([[1, 2], [3, 4]]), xp.asarray([1, 0, 1]), axis=0)
    tensor([[3, 4],
            [1, 2],
            [3, 4]])
    """
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"take(): axis is needed for shape {tuple(x.shape)}")
        axis = 0
    axis = one_axis("take", axis, x.ndim)
    index = _in_range("take", _indices("take", x, indices), x.shape[axis])
    out = ops.index_select(x, axis, index.reshape((-1,)))
    return out if index.ndim == 1 else out.reshape((*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]))


@function
def take_along_axis(x, indices, /, *, axis=-1):
    """x's elements at `indices` along `axis`, lane by lane; the other dimensions broadcast. IndexError outside."""
    axis = one_axis("take_along_axis", axis, x.ndim)
    index = _indices("take_along_axis", x, indices)
    if index.ndim != x.ndim:
        raise ValueError(f"take_along_axis(): indices have {index.ndim} dimensions, x has {x.ndim}")
    index = _in_range("take_along_axis", index, x.shape[axis])
    cut = [tuple(1 if k == axis else n for k, n in enumerate(v.shape)) for v in (x, index)]
    shape = _common_shape(cut)
    x, index = [ops.broadcast_to(v, (*shape[:axis], v.shape[axis], *shape[axis + 1 :])) for v in (x, index)]
    return ops.gather(x, axis, index)
