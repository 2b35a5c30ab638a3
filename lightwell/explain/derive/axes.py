"""Over which dimensions a reduction runs, said of the array as the user knows it."""

from typing import Any

import numpy as np

from .terms import Term

TOLD = "told"  # a parameter that only writers read
_AXES = {"mean": "axis", "sum": "axis", "var": "axis", "moments": "axes", "rows_pull": None}


def without_single(t: Any) -> Any:
    """The term, its reductions without the dimensions of size 1, over which there is nothing to reduce.

    >>> from .terms import call, symbol
    >>> without_single(call("mean", symbol("x", np.ones((4, 2, 1))), axis=(0, 2), keepdims=True))
    mean(x, axis=(0,), keepdims=True)
    """
    return _changed(t, _without)


def _without(t: Term) -> Term:
    key, axes, shape = _reduction(t)
    if key is None or not (t.params.get("keepdims") or key == "axes"):
        return t
    left = tuple(a for a in axes if shape[a] != 1)
    return t if not left or left == axes else Term(t.word, t.args, {**t.params, key: left}, t.value)


def of_whole(t: Any, shape: tuple) -> Any:
    """The term, its reductions over a reshaped array told in the dimensions that the array had before, which were `shape`.

    A mean over dimension 1 of x seen as 8×16 is one over dimension 2 of x where x is 2×4×16: `told` is what is written.

    >>> from .terms import call, symbol
    >>> seen = call("reshape", symbol("x", np.ones((2, 4, 16))), shape=(8, 16))
    >>> seen.value = np.ones((8, 16))
    >>> of_whole(call("mean", seen, axis=(1,), keepdims=True), (2, 4, 16))
    mean(reshape(x, shape=(8, 16)), axis=(1,), keepdims=True, told=(2,))
    """
    seen: set = set()
    _reshaped(t, seen)
    ways = {s: w for s in seen if (w := _groups(shape, s)) is not None}
    return _changed(t, lambda u: _told(u, ways)) if ways else t


def _told(t: Term, ways: dict) -> Term:
    if t.word == "rows_pull" and t.args[0].value is not None and np.shape(t.args[0].value) in ways:
        return Term(t.word, t.args, {**t.params, TOLD: ways[np.shape(t.args[0].value)][1]}, t.value)
    key, axes, shape = _reduction(t)
    if key is None or shape not in ways:
        return t
    return Term(t.word, t.args, {**t.params, TOLD: tuple(d for a in axes for d in ways[shape][a])}, t.value)


def _reduction(t: Term) -> tuple:
    """(the parameter with the axes, the axes from 0 on, the shape that is reduced); (None, None, None) for another term."""
    key = _AXES.get(t.word)
    axes = t.params.get(key) if key else None
    value = getattr(t.args[0], "value", None) if t.args and isinstance(t.args[0], Term) else None
    if value is None or axes is None or isinstance(axes, Term):
        return None, None, None
    shape = np.shape(value)
    return key, tuple(a % len(shape) for a in ((axes,) if isinstance(axes, int) else axes)), shape


def _reshaped(t: Any, found: set) -> None:
    if isinstance(t, (tuple, list)):
        for v in t:
            _reshaped(v, found)
    elif isinstance(t, Term):
        if t.word == "reshape" and t.value is not None:
            found.add(np.shape(t.value))
        _reshaped(t.args, found)


def _groups(shape: tuple, seen: tuple) -> list | None:
    """For each dimension of `seen` those of `shape` that it is made of; None where they don't fit, or are the same."""
    if shape == seen or int(np.prod(shape)) != int(np.prod(seen)) or not int(np.prod(shape)):
        return None
    groups: list = []
    i = 0
    for n in seen:
        group, size = [], 1
        while size < n and i < len(shape):
            group.append(i)
            size *= shape[i]
            i += 1
        if size != n:
            return None
        groups.append(tuple(group))
    return groups if all(n == 1 for n in shape[i:]) else None


def _changed(t: Any, change) -> Any:
    if isinstance(t, (tuple, list)) and not hasattr(t, "_fields"):
        return type(t)(_changed(v, change) for v in t)
    if not isinstance(t, Term):
        return t
    args = tuple(_changed(a, change) for a in t.args)
    return change(t if all(a is b for a, b in zip(args, t.args)) else Term(t.word, args, t.params, t.value))
