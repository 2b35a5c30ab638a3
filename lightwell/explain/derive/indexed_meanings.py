"""What words mean with indices: `element(term, places, letters)` is the element of a term at these places, as a formula of elements.

One entry per word of the vocabulary, not per operation: what an operation means follows from the words of its record.
"""

import math

import numpy as np

from .indexed_calculus import ONE, ZERO, Letters, NotIndexed, added, delta, over, plus, shifted, times
from .terms import Term, call, term

MEANINGS: dict = {}


def means(*words: str):
    """Register what some words mean: a function of (term, places, letters)."""

    def register(f):
        for word in words:
            MEANINGS[word] = f
        return f

    return register


def element(t: Term, places: tuple, letters: Letters) -> Term:
    """The element of `t` at `places`. NotIndexed: a word in it has no such meaning here."""
    if t.word == "symbol":
        return Term("at", (t, *places)) if places else t
    if t.word == "number":
        value = t.params["number"]
        if isinstance(value, np.ndarray) and value.ndim:
            return Term("at", (t, *places))
        return term(value.item() if isinstance(value, (np.ndarray, np.generic)) else value)
    found = MEANINGS.get(t.word)
    if found is None:
        if t.word in ELEMENTWISE:
            return Term(t.word, tuple(element(a, broadcast(a, t, places), letters) for a in t.args), {})
        raise NotIndexed(t.word)
    return found(t, places, letters)


ELEMENTWISE = frozenset(
    "add subtract multiply divide negative exp log sqrt square abs where equal not_equal less less_equal greater greater_equal isnan "
    "floor_divide pow conj sign logical_and logical_or logical_not log1p maximum minimum".split()
)


def shape(t) -> tuple:
    """A term's shape."""
    return np.shape(t.value if isinstance(t, Term) else t)


def broadcast(a: Term, t: Term, places: tuple) -> tuple:
    """The places in `a` that the places in t, to which a is broadcast, come from."""
    mine, whole = shape(a), shape(t)
    return tuple(
        term(0) if n == 1 and m != 1 else p for n, m, p in zip(mine, whole[len(whole) - len(mine) :], places[len(places) - len(mine) :])
    )


def axes_of(axis, ndim: int) -> tuple:
    """The dimensions named by an axis argument."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in (axis if isinstance(axis, (tuple, list)) else (axis,))) if ndim else ()


def pair(v, n: int) -> tuple:
    return tuple(v) if isinstance(v, (tuple, list)) else (v,) * n


@means("add_into")
def _add(t, places, letters):
    a, b = t.args
    return plus(element(a, broadcast(a, t, places), letters), element(b, broadcast(b, t, places), letters))


@means("multiply")
def _multiply(t, places, letters):
    a, b = t.args
    return times(element(a, broadcast(a, t, places), letters), element(b, broadcast(b, t, places), letters))


@means("divide_by")
def _divide_by(t, places, letters):
    b = t.args[1] if len(t.args) > 1 else term(t.params["divisor"])
    return over(element(t.args[0], places, letters), element(b, broadcast(b, t, places), letters))


@means("astype", "asarray", "ascontiguousarray", "real")
def _same(t, places, letters):
    if t.word == "real" and t.args[0].value.dtype.kind == "c":
        raise NotIndexed("real")
    if t.word == "astype" and t.args[0].value.dtype.kind != t.value.dtype.kind:
        raise NotIndexed("astype")
    return element(t.args[0], places, letters)


# ---- sums ---------------------------------------------------------------------------------------------------------------


def reduced(t, places, letters, wanted="klm") -> tuple:
    """(the indices summed over, the place in the argument) of a reduction."""
    x = t.args[0]
    n = len(shape(x))
    axes = axes_of(t.params.get("axis"), n)
    rest = iter(p for i, p in enumerate(places) if not (t.params.get("keepdims") and i in axes))
    indices, inner = [], []
    for d in range(n):
        if d in axes:
            indices.append(letters.fresh(shape(x)[d], wanted))
            inner.append(indices[-1])
        else:
            inner.append(next(rest))
    return indices, tuple(inner)


@means("sum")
def _sum(t, places, letters):
    indices, inner = reduced(t, places, letters)
    return added(indices, element(t.args[0], inner, letters))


@means("mean")
def _mean(t, places, letters):
    indices, inner = reduced(t, places, letters)
    return over(added(indices, element(t.args[0], inner, letters)), math.prod(i.params["size"] for i in indices))


@means("square_sum")
def _square_sum(t, places, letters):
    indices, inner = reduced(t, places, letters)
    return added(indices, call("square", element(t.args[0], inner, letters)))


@means("cumulative_sum")
def _cumulative_sum(t, places, letters):
    x = t.args[0]
    n = len(shape(x))
    if not n:
        return element(x, places, letters)
    (axis,) = axes_of(t.params.get("axis", 0), n)
    k = letters.fresh(shape(x)[axis], "klm")
    inner = places[:axis] + (k,) + places[axis + 1 :]
    return added([k], times(Term("iverson", (call("less_equal", k, places[axis]),)), element(x, inner, letters)))


@means("matmul")
def _matmul(t, places, letters):
    a, b = t.args
    n, m = len(shape(a)), len(shape(b))
    k = letters.fresh(shape(a)[-1], "klm")
    row = places[-2 if m > 1 else -1 :][:1] if n > 1 else ()
    column = places[-1:] if m > 1 else ()
    lead = places[: len(places) - len(row) - len(column)]

    def batch(x):
        own = shape(x)[:-2]
        return tuple(
            term(0) if s == 1 and w != 1 else p for s, w, p in zip(own, shape(t)[len(lead) - len(own) :], lead[len(lead) - len(own) :])
        )

    left = element(a, (*batch(a), *row, k), letters)
    return added([k], times(left, element(b, (*batch(b), k, *column), letters)))


# ---- moving elements ------------------------------------------------------------------------------------------------------


@means("broadcast_to")
def _broadcast_to(t, places, letters):
    return element(t.args[0], broadcast(t.args[0], t, places), letters)


@means("permute_dims")
def _permute(t, places, letters):
    axes = [a % len(places) for a in t.params["axes"]] if places else []
    return element(t.args[0], tuple(places[axes.index(d)] for d in range(len(axes))), letters)


@means("matrix_transpose")
def _transpose(t, places, letters):
    return element(t.args[0], (*places[:-2], places[-1], places[-2]), letters)


@means("expand_dims", "squeeze", "reshape")
def _reshape(t, places, letters):
    """Under another shape: where only dimensions of size 1 come or go, or neighbours are joined or split, the same places."""
    x = t.args[0]
    old, new = shape(x), shape(t)
    if 0 in old:
        raise NotIndexed("reshape of nothing")
    left = [(n, p) for n, p in zip(new, places) if n != 1]
    inner, i = [], 0
    wide = [n for n in old if n != 1]
    if [n for n, _ in left] != wide:
        raise NotIndexed("reshape that joins or splits dimensions")
    for n in old:
        if n == 1:
            inner.append(term(0))
        else:
            inner.append(left[i][1])
            i += 1
    return element(x, tuple(inner), letters)


def flat_place(sizes, places) -> Term:
    """The place in the flattened array."""
    steps = [math.prod(sizes[d + 1 :]) for d in range(len(sizes))]
    return shifted(*[(s, p) for n, s, p in zip(sizes, steps, places) if n != 1])


def places_of(sizes, flat: Term) -> tuple:
    """Places from a place in the flattened array."""
    out = []
    for d, n in enumerate(sizes):
        step = math.prod(sizes[d + 1 :])
        p = flat if step == 1 else call("floor_divide", flat, step)
        out.append(term(0) if n == 1 else p if d == 0 or n * step == math.prod(sizes) else call("remainder", p, n))
    return tuple(out)


@means("flip")
def _flip(t, places, letters):
    axes = axes_of(t.params.get("axis"), len(places))
    return element(
        t.args[0], tuple(shifted((-1, p), constant=n - 1) if d in axes else p for d, (p, n) in enumerate(zip(places, shape(t)))), letters
    )


@means("diagonal")
def _diagonal(t, places, letters):
    x = t.args[0]
    offset, n = t.params.get("offset", 0), len(shape(x))
    first, second = t.params.get("axis1", 0) % n, t.params.get("axis2", 1) % n
    rest = iter(places[:-1])
    i, j = shifted((1, places[-1]), constant=max(-offset, 0)), shifted((1, places[-1]), constant=max(offset, 0))
    return element(x, tuple(i if d == first else j if d == second else next(rest) for d in range(n)), letters)


@means("tril", "triu")
def _triangle(t, places, letters):
    k = t.params.get("k", 0)
    i, j = places[-2:]
    condition = (
        call("less_equal", j, shifted((1, i), constant=k)) if t.word == "tril" else call("greater_equal", j, shifted((1, i), constant=k))
    )
    return times(Term("iverson", (condition,)), element(t.args[0], places, letters))


@means("getitem")
def _getitem(t, places, letters):
    """x[key] of numbers, slices, None, ... and one array of integers per dimension at most one in all."""
    x, key = t.args[0], t.params.get("key")
    if len(t.args) > 1:
        raise NotIndexed("getitem by a computed array")
    key = key if isinstance(key, tuple) else (key,)
    n = len(shape(x))
    taken = sum(k is not None and k is not Ellipsis for k in key)
    if Ellipsis not in [k if not isinstance(k, (np.ndarray, Term)) else 0 for k in key]:
        key = (*key, Ellipsis)
    inner, rest, d, arrays = [], list(places), 0, 0
    for k in key:
        if k is None:
            rest.pop(0)
        elif k is Ellipsis:
            for _ in range(n - taken):
                inner.append(rest.pop(0))
                d += 1
        elif isinstance(k, (int, np.integer)) and not isinstance(k, bool):
            inner.append(term(int(k) % shape(x)[d]))
            d += 1
        elif isinstance(k, slice):
            start, _, step = k.indices(shape(x)[d])
            inner.append(shifted((step, rest.pop(0)), constant=start))
            d += 1
        elif isinstance(k, Term) and k.word == "symbol" and k.value.dtype.kind in "iu" and not arrays and (k.value >= 0).all():
            arrays, m = arrays + 1, k.value.ndim
            inner.append(Term("at", (k, *rest[:m])))
            rest, d = rest[m:], d + 1
        else:
            raise NotIndexed("getitem")
    return element(x, tuple(inner), letters)


@means("take")
def _take(t, places, letters):
    x, index = two(t, "indices")
    axis = t.params.get("axis", 0) % len(shape(x))
    m = len(shape(index))
    where = element(index, places[axis : axis + m], letters)
    return element(x, (*places[:axis], where, *places[axis + m :]), letters)


@means("take_along_axis")
def _take_along(t, places, letters):
    x, index = two(t, "index")
    axis = t.params.get("axis", -1) % len(shape(x))
    inner = tuple(element(index, broadcast(index, t, places), letters) if d == axis else p for d, p in enumerate(places))
    return element(x, inner, letters)


def two(t, name):
    """The array and the index of a word: both operands, or the index a parameter; indices from the end have no formula here."""
    x, index = (t.args[0], t.args[1]) if len(t.args) > 1 else (t.args[0], t.params.get(name))
    if not isinstance(index, Term) or index.word != "symbol" or (index.value < 0).any():
        raise NotIndexed("an index without a name")
    return x, index


@means("index_add")
def _index_add(t, places, letters):
    """zeros(shape) with v added at one array of indices along one dimension."""
    v, key = t.args[0], t.params["key"]
    if t.params.get("index") is not None or not isinstance(key, tuple):
        raise NotIndexed("index_add")
    arrays = [d for d, k in enumerate(key) if isinstance(k, Term)]
    if len(arrays) != 1 or any(k != slice(None) for d, k in enumerate(key) if d not in arrays) or (key[arrays[0]].value < 0).any():
        raise NotIndexed("index_add")
    d, index = arrays[0], key[arrays[0]]
    indices = [letters.fresh(n, "klmc") for n in shape(index)]
    where = delta(element(index, tuple(indices), letters), places[d])
    return added(indices, times(where, element(v, (*places[:d], *indices, *places[d + 1 :]), letters)))


@means("constant_pad")
def _constant_pad(t, places, letters):
    """Outside its range an array counts as 0: padding with zeros is a shift."""
    x, pad = t.args[0], t.params["pad"]
    value = t.args[1] if len(t.args) > 1 else t.params.get("value", 0)
    inner = tuple(shifted((1, p), constant=-a) for p, (a, _) in zip(places, pad))
    shown = element(x, inner, letters)
    if not isinstance(value, Term) and not value:
        return shown
    inside: list = []
    for i, n, (a, b) in zip(inner, shape(x), pad):
        inside += [call("less_equal", 0, i)] if a > 0 else []
        inside += [call("less", i, n)] if b > 0 else []
    condition = inside[0] if inside else None
    for c in inside[1:]:
        condition = call("logical_and", condition, c)
    return shown if condition is None else call("where", condition, shown, value)


@means("zeros_like")
def _zeros(t, places, letters):
    return ZERO


@means("ones_like")
def _ones(t, places, letters):
    return ONE


@means("eye")
def _eye(t, places, letters):
    return delta(shifted((1, places[0]), constant=t.params.get("k", 0) or 0), places[1])


@means("put_along_axis")
def _put_along(t, places, letters):
    """Zeros with v at the index's places along one dimension."""
    v, index = two(t, "index") if t.args[0].word == "symbol" and t.args[0].value.dtype.kind not in "iu" else two(t, "index")[::-1]
    axis = t.params.get("axis", -1) % len(places)
    k = letters.fresh(shape(index)[axis], "klm")
    inner = (*places[:axis], k, *places[axis + 1 :])
    return added([k], times(delta(element(index, inner, letters), places[axis]), element(v, broadcast(v, index, inner), letters)))


@means("scatter_add")
def _scatter_add(t, places, letters):
    """x, with every v added where the index says, along one dimension."""
    x, index, v = t.args
    if index.word != "symbol" or (index.value < 0).any():
        raise NotIndexed("scatter_add")
    axis = t.params.get("axis", -1) % len(places)
    ks = [letters.fresh(n, "klmo") if d == axis or n != m else None for d, (n, m) in enumerate(zip(shape(index), shape(x)))]
    inner = tuple(p if k is None else k for p, k in zip(places, ks))
    met = [delta(element(index, inner, letters) if d == axis else k, places[d]) for d, k in enumerate(ks) if k is not None]
    return plus(element(x, places, letters), added([k for k in ks if k is not None], times(*met, element(v, inner, letters))))
