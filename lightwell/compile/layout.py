"""Where elements lie: views of arrays as maps of indices.

A nest counts through axes of some sizes. An *affine* number over them is (constant, coefficients), one coefficient per axis:
constant + Σ coefficients·index. The *place* of a value is a tuple with one entry per dimension, each an affine number or a
`Picked` (an index that stands in another array). `pull` carries a place back through a view: asked for y[i, j] of
y = permute_dims(x, (1, 0)), it says that x[j, i] is wanted. So a chain of views costs nothing: at its end there is one load.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .graph import Value

Affine = tuple[int, tuple[int, ...]]


class Unfit(Exception):
    """The place can't be said; `value` must be stored first."""

    def __init__(self, value=None, why: str = ""):
        super().__init__(why)
        self.value = value


class Split(Exception):
    """The place can be said once axis `axis` of the nest is split, with `inner` as the size of the inner half."""

    def __init__(self, axis: int, inner: int):
        super().__init__(axis, inner)
        self.axis, self.inner = axis, inner


@dataclass(frozen=True)
class Picked:
    """An index that is read from `value` at `place`; it stands for one of `size` places (negative ones from the end)."""

    value: Value
    place: tuple
    size: int


RESHAPES = frozenset(("reshape", "squeeze", "expand_dims"))
MAPS = RESHAPES | frozenset(
    "permute_dims matrix_transpose broadcast_to flip diagonal sliding windows strided getitem take take_along_axis".split()
)


def strides_of(shape) -> tuple:
    """The strides of an array in C order, in elements."""
    out, n = [], 1
    for s in reversed(shape):
        out.append(n)
        n *= s
    return tuple(reversed(out))


def affine_sum(terms, axes: int) -> Affine:
    """Σ factor·affine over pairs (affine, factor)."""
    c, k = 0, [0] * axes
    for (a, b), f in terms:
        c += a * f
        for j, x in enumerate(b):
            if x:
                k[j] += x * f
    return c, tuple(k)


def flat(place, shape, axes: int) -> Affine | None:
    """The place as one index into the elements in C order; None where it depends on another array."""
    terms = []
    for p, n, s in zip(place, shape, strides_of(shape)):
        if type(p) is Picked:
            return None
        if n != 1:
            terms.append((p, s))
    return affine_sum(terms, axes)


def whole(shape, sizes) -> tuple:
    """The place that runs through an array of `shape` in C order while the axes `sizes` do; Split where they are too coarse."""
    c = (0, strides_of(sizes))
    return unflatten(c, shape, sizes)


def unflatten(at: Affine, shape, sizes) -> tuple:
    """The inverse of `flat`: an index for each dimension; Split or Unfit where it can't be said in affine numbers."""
    axes = len(sizes)
    zero = (0, (0,) * axes)
    dims = [d for d, n in enumerate(shape) if n != 1]
    out = [zero] * len(shape)
    c, k = at
    for d in reversed(dims[1:]):
        n = shape[d]
        low, r = [0] * axes, c % n
        top = r
        for j, x in enumerate(k):
            m = x % n
            if m and sizes[j] > 1:
                low[j] = m
                top += m * (sizes[j] - 1)
        if top >= n:
            for j, m in enumerate(low):
                if m and m * sizes[j] > n and n % m == 0 and sizes[j] % (n // m) == 0:
                    raise Split(j, n // m)
            raise Unfit(None, f"{shape} does not divide the axes {sizes}")
        out[d] = (r, tuple(low))
        c = (c - r) // n
        k = tuple((x - m) // n if sizes[j] > 1 else 0 for j, (x, m) in enumerate(zip(k, low)))
    if dims:
        out[dims[0]] = (c, k)
    return tuple(out)


def refined(sizes, shape) -> list | None:
    """The sizes cut finer, so that dimensions of `shape` consist of whole axes; None where they don't fit."""
    a, b = [n for n in sizes if n != 1], [n for n in shape if n != 1]
    out: list[int] = []
    x = y = 1
    while True:
        if x == 1:
            x = a.pop() if a else 1
        if y == 1:
            y = b.pop() if b else 1
        if x == 1 and y == 1:
            return out[::-1]
        g = x if y % x == 0 else y if x % y == 0 else 0
        if g <= 1:
            return None
        out.append(g)
        x //= g
        y //= g


def reshaped(place, new, old, sizes) -> tuple:
    """The place in an array of shape `old`, given the place in its reshape to `new`."""
    n, o = [d for d, s in enumerate(new) if s != 1], [d for d, s in enumerate(old) if s != 1]
    axes = len(sizes)
    out: list = [(0, (0,) * axes)] * len(old)
    i = j = 0
    while i < len(n) and j < len(o):
        i0, j0 = i, j
        a, b = new[n[i]], old[o[j]]
        i, j = i + 1, j + 1
        while a != b:
            if a < b:
                a *= new[n[i]]
                i += 1
            else:
                b *= old[o[j]]
                j += 1
        if i - i0 == 1 and j - j0 == 1:
            out[o[j0]] = place[n[i0]]
            continue
        at = flat([place[d] for d in n[i0:i]], [new[d] for d in n[i0:i]], axes)
        if at is None:
            raise Unfit(None, "an index from an array is split")
        for d, p in zip(o[j0:j], unflatten(at, [old[d] for d in o[j0:j]], sizes)):
            out[d] = p
    return tuple(out)


# ---- keys of getitem ------------------------------------------------------------------------------------------------


def _bare(k):
    return k.args[0].item() if isinstance(k, Value) and k.word == "constant" and k.ndim == 0 and k.dtype.kind in "iu" else k


def full_key(key, ndim: int) -> list | None:
    """The key with a slice, integer, None or index array for every dimension; None where it can't be followed (masks)."""
    key = [_bare(k) for k in (key if isinstance(key, tuple) else tuple(key) if isinstance(key, list) else (key,))]
    out: list[Any] = []
    taken = sum(1 for k in key if k is not None and k is not Ellipsis)
    for k in key:
        if k is Ellipsis:
            out += [slice(None)] * (ndim - taken)
        elif isinstance(k, (bool, np.bool_)):
            return None
        elif isinstance(k, (int, np.integer)):
            out.append(int(k))
        elif k is None:
            out.append(k)
        elif isinstance(k, slice):
            if any(isinstance(x, Value) for x in (k.start, k.stop, k.step)):
                return None
            out.append(k)
        elif isinstance(k, Value) and k.dtype is not None and k.dtype.kind in "iu":
            out.append(k)
        else:
            return None
    if Ellipsis not in key:
        out += [slice(None)] * (ndim - taken)
    return out


def sliced(key, shape) -> list | None:
    """For a key of slices, integers and None: per dimension of the array (start, step, length, whether it stays), else None."""
    full = full_key(key, len(shape))
    if full is None or any(isinstance(k, Value) for k in full):
        return None
    out, d = [], 0
    for k in full:
        if k is None:
            continue
        n = shape[d]
        d += 1
        if isinstance(k, int):
            out.append((k + n if k < 0 else k, 1, 1, False))
        else:
            start, stop, step = k.indices(n)
            out.append((start, step, len(range(start, stop, step)), True))
    return out


def _getitem(v: Value, place, sizes):
    x = v.args[0]
    key = full_key(v.args[1] if len(v.args) > 1 else v.kwargs["key"], x.ndim)
    if key is None:
        raise Unfit(v)
    axes = len(sizes)
    arrays = [k for k in key if isinstance(k, Value)]
    picks: list = []
    if arrays:
        spread = np.broadcast_shapes(*(k.shape for k in arrays))
        where = [i for i, k in enumerate(key) if isinstance(k, (int, Value))]
        adjacent = where[-1] - where[0] == len(where) - 1
        first = where[0] if adjacent else 0
        lead = place[first : first + len(spread)]
        rest = iter(place[:first] + place[first + len(spread) :])
        picks = [(k, broadcast(lead, k.shape, spread, axes)) for k in arrays]
    else:
        rest = iter(place)
    out: list = []
    taken = iter(picks)
    d = 0
    for k in key:
        if k is None:
            next(rest)
            continue
        n = x.shape[d]
        d += 1
        if isinstance(k, int):
            out.append((k + n if k < 0 else k, (0,) * axes))
        elif isinstance(k, Value):
            value, at = next(taken)
            out.append(Picked(value, at, n))
        else:
            start, _, step = k.indices(n)
            p = next(rest)
            if type(p) is Picked:
                if start or step != 1:
                    raise Unfit(v)
                out.append(p)
            else:
                out.append(affine_sum([(p, step)], axes) if not start else _shift(p, step, start))
    return [(x, tuple(out)), *picks]


def _shift(p: Affine, step: int, start: int) -> Affine:
    return p[0] * step + start, tuple(k * step for k in p[1])


# ---- one view -------------------------------------------------------------------------------------------------------


def broadcast(place, shape, wide, axes: int) -> tuple:
    """The place in an array of `shape` that is broadcast to `wide`, where `place` is."""
    if shape == wide:
        return place
    zero = (0, (0,) * axes)
    lead = len(wide) - len(shape)
    return tuple(zero if n == 1 else p for n, p in zip(shape, place[lead:]))


def pull(v: Value, place, sizes) -> list:
    """[(operand, its place), ...] of a word of MAPS at `place`: first the array, then the arrays that indices come from."""
    word, args, axes = v.word, v.args, len(sizes)
    x = args[0]
    if word in RESHAPES:
        return [(x, reshaped(place, v.shape, x.shape, sizes))]
    if word == "permute_dims":
        order = args[1] if len(args) > 1 else v.kwargs["axes"]
        out = [None] * x.ndim
        for p, d in zip(place, order):
            out[d % x.ndim] = p
        return [(x, tuple(out))]
    if word == "matrix_transpose":
        return [(x, (*place[:-2], place[-1], place[-2]))]
    if word == "broadcast_to":
        return [(x, broadcast(place, x.shape, v.shape, axes))]
    if word == "getitem":
        return _getitem(v, place, sizes)
    if word == "take":
        index, axis = args[1], (args[2] if len(args) > 2 else v.kwargs["axis"]) % x.ndim
        at = place[axis : axis + index.ndim]
        return [(x, (*place[:axis], Picked(index, at, x.shape[axis]), *place[axis + index.ndim :])), (index, at)]
    if word == "take_along_axis":
        index, axis = args[1], (args[2] if len(args) > 2 else v.kwargs.get("axis", -1)) % x.ndim
        at = broadcast(place, index.shape, v.shape, axes)
        return [(x, (*place[:axis], Picked(index, at, x.shape[axis]), *place[axis + 1 :])), (index, at)]
    if any(type(p) is Picked for p in place):
        raise Unfit(v)
    if word == "flip":
        axis = args[1] if len(args) > 1 else v.kwargs.get("axis")
        turned = range(x.ndim) if axis is None else [a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis)]
        return [(x, tuple(_shift(p, -1, n - 1) if d in turned else p for d, (p, n) in enumerate(zip(place, x.shape))))]
    if word == "diagonal":
        offset, a, b = _arguments(v, ("offset", 0), ("axis1", 0), ("axis2", 1))
        a, b = a % x.ndim, b % x.ndim
        rest = iter(place[:-1])
        lasts = {a: _shift(place[-1], 1, max(-offset, 0)), b: _shift(place[-1], 1, max(offset, 0))}
        return [(x, tuple(lasts[d] if d in lasts else next(rest) for d in range(x.ndim)))]
    if word == "sliding":
        axis, _, step = _arguments(v, ("axis", None), ("size", None), ("step", None))
        axis %= x.ndim
        return [(x, (*place[:axis], affine_sum([(place[axis], step), (place[-1], 1)], axes), *place[axis + 1 : -1]))]
    if word == "windows":
        kernel, stride, dilation = _arguments(v, ("kernel", None), ("stride", None), ("dilation", None))
        n = len(kernel)
        space = [affine_sum([(place[2 + d], stride[d]), (place[2 + n + d], dilation[d])], axes) for d in range(n)]
        return [(x, (*place[:2], *space))]
    if word == "strided":
        _, strides, offset = _arguments(v, ("shape", None), ("strides", None), ("offset", None))
        at = affine_sum(list(zip(place, strides)), axes)
        try:
            return [(x, unflatten((at[0] + offset, at[1]), x.shape, sizes))]
        except Unfit:
            raise Unfit(v) from None
    raise Unfit(v)


def _arguments(v: Value, *named) -> list:
    return [v.args[i + 1] if len(v.args) > i + 1 else v.kwargs.get(name, default) for i, (name, default) in enumerate(named)]


def window_of(v: Value, stop) -> tuple | None:
    """(base, offset, strides) of a value as a strided window into an array in C order: back through views until `stop(base)`."""
    sizes = v.shape
    axes = len(sizes)
    place: tuple = tuple((0, tuple(int(i == d) for i in range(axes))) for d in range(axes))
    try:
        while v.word in MAPS and not stop(v):
            found = pull(v, place, sizes)
            if len(found) > 1:
                return None
            v, place = found[0]
    except (Unfit, Split):
        return None
    at = flat(place, v.shape, axes)
    return None if at is None else (v, at[0], at[1])
