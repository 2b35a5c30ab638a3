"""Moving and picking elements on NumPy arrays: the vocabulary's shape and indexing functions, made quick for small arrays."""

import builtins
import math

import numpy as np

from ..errors.teaching import ValueError

ndarray = np.ndarray


def reshape(x, shape):
    """x in another shape, the same memory where its layout allows."""
    return x.reshape(shape)


def permute_dims(x, axes):
    """x with its dimensions in the order `axes`, sharing memory."""
    return x.transpose(axes)


def expand_dims(x, axis):
    """x with a dimension of size 1 put in at `axis`, sharing memory."""
    shape = x.shape
    if axis < 0:
        axis += len(shape) + 1
    return x.reshape(shape[:axis] + (1,) + shape[axis:])


def squeeze(x, axis):
    """x without its size-1 dimensions `axis`, sharing memory."""
    return x.squeeze(axis)


def bitcast(x, dtype):
    """The same bytes read as another dtype, sharing memory."""
    return x.view(dtype)


def window(x, shape, strides, offset=0):
    """A view of the memory behind x, writeable if x is; strides and offset (from x's first element) in bytes."""
    owner = x
    while not owner.flags.c_contiguous and type(owner.base) is ndarray:
        owner = owner.base
    if owner.flags.c_contiguous:
        if owner is not x:
            offset += x.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        if offset >= 0:
            try:
                return ndarray(shape, x.dtype, owner, offset, strides)
            except (TypeError, builtins.ValueError, BufferError):  # the window reaches beyond this owner
                pass
    from numpy.lib.stride_tricks import as_strided

    if offset:
        x = as_strided(x, (x.size + abs(offset),), (1,))[offset:]
    return as_strided(x, shape, strides)


def broadcast_to(x, shape):
    """x repeated to `shape` by strides of 0, sharing memory and writeable; ValueError where it doesn't fit."""
    had = x.shape
    shape = tuple(shape)
    if had == shape:
        return x
    lead = len(shape) - len(had)
    strides = [0] * max(lead, 0)
    for want, n, s in zip(shape[lead:] if lead > 0 else shape, had, x.strides):
        if n == want:
            strides.append(s)
        elif n == 1:
            strides.append(0)
        else:
            lead = -1
    if lead < 0:
        raise ValueError(f"operands could not be broadcast together: shape {had} to {shape}")
    if 0 in shape or 0 in had:
        return np.empty(shape, x.dtype)
    return window(x, shape, tuple(strides))


def stack(xs, axis=0):
    """Arrays of one shape side by side along a new dimension."""
    first = xs[0]
    shape = first.shape
    if axis < 0:
        axis += len(shape) + 1
    if axis == 0 and shape:
        return np.concatenate(xs).reshape((len(xs), *shape))
    wide = shape[:axis] + (1,) + shape[axis:]
    return np.concatenate([x.reshape(wide) for x in xs], axis)


_views = {int, slice, type(None), type(Ellipsis)}
_full = slice(None)


def _bare(key):
    """The key (a tuple) with arrays in the place of tensors."""
    return tuple([getattr(k, "_a", k) for k in key])


def getitem(x, key):
    """x[key]: a view for slices and integers, a copy in C order where arrays (or tensors) pick."""
    for k in key:
        if type(k) not in _views:
            return _picked(x, _bare(key))
    return x[key]


def _picked(x, key):
    k = key[-1]
    if type(k) is ndarray and k.dtype.kind == "i" and x.ndim >= len(key):
        n = len(key) - 1
        if not n or all(type(j) is slice and j == _full for j in key[:-1]):
            return x.take(k, n)  # twice as quick as x[key] for whole slices
    y = x[key]
    return y if type(y) is not ndarray or y.flags.c_contiguous else np.array(y, order="C")


def index_set(x, key, v):
    """A copy of x with v written at [key]."""
    out = np.array(x)
    out[_bare(key)] = v
    return out


def index_add(shape, key, v, unique=False):
    """Zeros of `shape` with v added at [key]; `unique` promises that no place is named twice."""
    key = _bare(key)
    out = np.zeros(shape, v.dtype)
    if unique or not _repeats(key):
        out[key] = v
    else:
        add_at(out, key, v)
    return out


def _repeats(key) -> bool:
    """Whether the key can name a place twice: slices, integers and one mask can't."""
    arrays = [k for k in key if isinstance(k, ndarray)]
    return bool(arrays) and (len(arrays) > 1 or arrays[0].dtype.kind != "b")


def add_at(out, key, v):
    """out[key] += v, repeated places added up."""
    if not _repeats(key):
        out[key] += v
        return
    arrays = [k for k in key if isinstance(k, ndarray)]
    if np.size(v) <= 512 or not out.size or any(k.dtype.kind == "b" for k in arrays):
        np.add.at(out, key, v)
    else:
        _add_rows(out, key, arrays, v)


def _add_rows(out, entries, arrays, v):
    """`add_at` for many elements: rows that meet are sorted together and summed in one pass."""
    full = list(entries)
    for at in [i for i, k in enumerate(full) if k is Ellipsis]:
        full[at : at + 1] = [slice(None)] * (out.ndim - (len(full) - 1))
    full += [slice(None)] * (out.ndim - len(full))
    if any(k is None or isinstance(k, int) for k in full):
        np.add.at(out, tuple(entries), v)
        return
    picked = [i for i, k in enumerate(full) if isinstance(k, ndarray)]
    kept = [i for i in range(out.ndim) if i not in picked]
    sub = out[tuple(slice(None) if i in picked else k for i, k in enumerate(full))].transpose(picked + kept)
    index = np.broadcast_arrays(*arrays)
    places, nd = index[0].shape, index[0].ndim
    v = np.broadcast_to(v, _picked_shape(sub, places, picked))
    if picked[-1] - picked[0] == len(picked) - 1 and picked[0]:  # adjacent: the picked dimensions stand in place
        first = picked[0]
        v = v.transpose((*range(first, first + nd), *range(first), *range(first + nd, v.ndim)))
    sizes = sub.shape[: len(picked)]
    flat = np.zeros(math.prod(places), np.int64)
    for k, n in zip(index, sizes):
        k = k.reshape(-1)
        flat = flat * n + np.where(k < 0, k + n, k)
    rows = v.reshape(flat.size, -1)
    if rows.shape[1] == 1 and v.dtype.kind == "f" and v.dtype.itemsize >= 4 and v.dtype.num < 256:
        total = np.bincount(flat, rows[:, 0], minlength=math.prod(sizes)).astype(v.dtype)
        sub += total.reshape(sub.shape)
        return
    order = np.argsort(flat, kind="stable")
    flat = flat[order]
    starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
    if starts.size == flat.size:
        sums = rows[order]
    elif v.dtype.num >= 256 or v.dtype == np.float16:
        sums = np.add.reduceat(rows[order].astype(np.float32), starts, axis=0).astype(v.dtype)
    else:
        sums = np.add.reduceat(rows[order], starts, axis=0)
    where = np.unravel_index(flat[starts], sizes)
    sub[where] += sums.reshape((starts.size, *sub.shape[len(picked) :]))


def _picked_shape(sub, places, picked):
    """The shape that NumPy gives out[key], where `sub` has the picked dimensions in front."""
    rest = sub.shape[len(picked) :]
    if picked[-1] - picked[0] == len(picked) - 1:
        return rest[: picked[0]] + places + rest[picked[0] :]
    return places + rest


def along(x, index, axis):
    """The key that picks x[..., index along `axis`, ...], for an index no longer than x elsewhere."""
    key = []
    for d, n in enumerate(index.shape):
        key.append(index if d == axis else np.arange(n).reshape((-1,) + (1,) * (index.ndim - d - 1)))
    return tuple(key)


def take_along_axis(x, index, axis=-1):
    """y[i, j, …] = x[i, index[i, j, …], …] along `axis`."""
    index = getattr(index, "_a", index)
    return x[along(x, index, axis % x.ndim)]


def take(x, index, axis):
    """x's slices at `index` along one axis."""
    return np.take(x, getattr(index, "_a", index), axis)


def scatter_add(x, index, v, axis):
    """A copy of x with v added at the places that `index` says along one axis."""
    index = getattr(index, "_a", index)
    out = np.array(x)
    if index.size:
        add_at(out, along(x, index, axis % x.ndim), v)
    return out


def scatter_set(x, index, v, axis):
    """A copy of x with v written at the places that `index` says along one axis."""
    index = getattr(index, "_a", index)
    out = np.array(x)
    if index.size:
        out[along(x, index, axis % x.ndim)] = v
    return out


def flip(x, axis=None):
    """x turned round along `axis`, in memory of its own: tensors have no negative strides."""
    return np.array(np.flip(x, axis), order="C")


def sliding(x, axis, size, step):
    """All windows of `size` along `axis`, `step` apart, as a new last dimension; shares memory."""
    s = x.strides
    shape = (*x.shape[:axis], (x.shape[axis] - size) // step + 1, *x.shape[axis + 1 :], size)
    if 0 in shape:
        return np.empty(shape, x.dtype)
    return window(x, shape, (*s[:axis], s[axis] * step, *s[axis + 1 :], s[axis]))


def diagonal(x, offset=0, axis1=0, axis2=1):
    """The diagonal of two dimensions as the last one, sharing memory, writeable if x is."""
    y = x.diagonal(offset, axis1, axis2)
    if x.flags.writeable:
        y.flags.writeable = True
    return y


def scatter_prod(x, index, v, axis):
    """A copy of x multiplied by v at the places that `index` says along one axis."""
    out = np.array(x)
    np.multiply.at(out, along(x, getattr(index, "_a", index), axis), v)
    return out


def scatter_extreme(x, index, v, axis, largest):
    """The largest (smallest) of x and the v that fall on each place."""
    out = np.array(x)
    (np.maximum if largest else np.minimum).at(out, along(x, getattr(index, "_a", index), axis), v)
    return out
