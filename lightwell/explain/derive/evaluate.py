"""The value of a term: words by the NumPy backend, sums over indices by brute force. What the tests check derivations with.

Indices run at once: each stands for an axis of its own, and everything broadcasts against everything. Where a line is
about whole arrays at each step, as cₜ of a recurrent layer is, its free index runs step by step instead.
"""

import builtins
from typing import Any

import numpy as np

from ...backend import numpy as NP
from ...errors.teaching import IndexError
from .axes import TOLD
from .derivation import Line
from .said import compute, function
from .terms import Term

_ACCUMULATED = {"cumulative_maximum": np.maximum, "cumulative_minimum": np.minimum, "cumulative_logaddexp": np.logaddexp}


def evaluate(t: Any, bindings: dict | None = None, indices: dict | None = None, free: tuple = ()) -> Any:
    """The value of a term with the symbols of `bindings` (a symbol that isn't there has its own value).

    `free` lists index terms that run along the result's first axes; `indices` fixes others by name.
    KeyError: a symbol without a value; IndexError: an index that is bound nowhere.
    """
    scope = _Scope(
        bindings or {}, dict(indices or {}), tuple(i.params["name"] for i in free), {i.params["name"]: i.params["size"] for i in free}
    )
    with np.errstate(all="ignore"):
        value = scope.of(t)
    if free:
        value = np.broadcast_to(value, tuple(i.params["size"] for i in free)).copy()
    return value


class _Scope:
    """Which indices run, along which axes, and what the symbols are."""

    def __init__(self, bindings, fixed, running, sizes):
        self.bindings, self.fixed, self.running, self.sizes = bindings, fixed, running, sizes

    def of(self, t: Any) -> Any:
        if not isinstance(t, Term):
            return type(t)(map(self.of, t)) if type(t) in (list, tuple) else t
        special = getattr(self, "_" + t.word, None)
        if special is not None:
            return special(t)
        args = [self.of(a) for a in t.args]
        if t.word.startswith("op."):
            return _operation(t.word[3:], args, {k: self.of(v) for k, v in t.params.items()})
        if t.word in _ACCUMULATED:
            return _ACCUMULATED[t.word].accumulate(args[0], **t.params)
        return _call(t.word, args, {k: self.of(v) for k, v in t.params.items() if k != TOLD})

    def _symbol(self, t):
        name = t.params["name"]
        value = self.bindings[name] if name in self.bindings else t.value
        if value is None:
            raise KeyError(f"the symbol {name} has no value")
        return value

    def _onehot(self, t):
        index, like = self.of(t.args[0]), self.of(t.args[1])
        found = np.zeros_like(like)
        np.put_along_axis(found, index, 1, self.of(t.params["axis"]))
        return found

    def _all_ones(self, t):
        return np.ones(t.params["shape"])

    def _number(self, t):
        return t.params["number"]

    def _index(self, t):
        name = t.params["name"]
        if name in self.fixed:
            return self.fixed[name]
        if name not in self.running:
            raise IndexError(f"the index {name} is bound nowhere")
        shape = [1] * len(self.running)
        shape[self.running.index(name)] = self.sizes[name]
        start = t.params.get("start", 0)
        return np.arange(start, start + self.sizes[name]).reshape(shape)

    def _at(self, t):
        whole = _Scope(self.bindings, self.fixed, (), {}).of(t.args[0])
        places = [self.of(i) for i in t.args[1:]]
        if isinstance(whole, (list, tuple)):
            return whole[int(places[0])]
        whole = np.asarray(whole)
        inside = True  # a place outside counts as 0: padding needs nothing else
        for p, n in zip(places, whole.shape):
            inside = inside & np.less_equal(0, p) & np.less(p, n)
        if np.all(inside):
            return whole[tuple(places)]
        if not whole.size:
            return np.zeros(np.shape(inside), whole.dtype)
        return np.where(inside, whole[tuple(np.clip(p, 0, n - 1) for p, n in zip(places, whole.shape))], np.zeros((), whole.dtype))

    def _total(self, t):
        over = t.params["over"]
        names, depth = tuple(i.params["name"] for i in over), len(self.running)
        sizes = {**self.sizes, **{i.params["name"]: i.params["size"] for i in over}}
        if self._whole(t.args[0], over):
            return self._sum_of_arrays(t.args[0], over)
        inner = _Scope(self.bindings, {k: v for k, v in self.fixed.items() if k not in names}, self.running + names, sizes)
        body = np.asarray(inner.of(t.args[0]))
        body = np.broadcast_to(body, np.broadcast_shapes(body.shape, (1,) * depth + tuple(sizes[n] for n in names)))
        return body.sum(axis=tuple(range(depth, depth + len(names))))

    def _product(self, t):
        over = t.params["over"]
        names, depth = tuple(i.params["name"] for i in over), len(self.running)
        sizes = {**self.sizes, **{i.params["name"]: i.params["size"] for i in over}}
        inner = _Scope(self.bindings, {k: v for k, v in self.fixed.items() if k not in names}, self.running + names, sizes)
        body = np.asarray(inner.of(t.args[0]))
        body = np.broadcast_to(body, np.broadcast_shapes(body.shape, (1,) * depth + tuple(sizes[n] for n in names)))
        axes = tuple(range(depth, depth + len(names)))
        return body.prod(axis=axes) if t.word == "product" else body.max(axis=axes)

    _greatest = _product

    def _whole(self, body, over) -> bool:
        """Whether the terms of a sum are arrays: x[t] of a sequence of matrices."""
        return not self.running and any(
            a.word == "at" and any(uses(i, over) for i in a.args[1:]) and len(a.args) - 1 < np.ndim(self._quiet(a.args[0]))
            for a in subterms(body)
        )

    def _quiet(self, t):
        try:
            return _Scope(self.bindings, self.fixed, (), {}).of(t)
        except (KeyError, builtins.IndexError):
            return 0

    def _sum_of_arrays(self, body, over):
        (i, *rest), result = over, 0
        for n in _run_of(i):
            inner = _Scope(self.bindings, {**self.fixed, i.params["name"]: n}, (), {})
            result = result + (inner._sum_of_arrays(body, rest) if rest else inner.of(body))
        return result

    def _delta(self, t):
        a, b = map(self.of, t.args)
        return np.equal(a, b).astype(np.float64)

    def _iverson(self, t):
        return np.asarray(self.of(t.args[0])).astype(np.float64)

    def _partial(self, t):
        return self.of(t.params["is"]) if "is" in t.params else self._named(t)  # what it was found to be

    def _change(self, t):
        return self._named(t)

    def _named(self, t):
        if "is" in t.params:
            return self.of(t.params["is"])
        if t.value is None:
            raise KeyError(f"{t!r} has no value")
        return np.asarray(t.value)

    def _part(self, t):
        return self.of(t.args[0])[t.params["nr"]]


def _operation(name: str, args: list, params: dict) -> Any:
    from ...ops.op import registry

    record = registry[name]
    return record.forward(NP, args, *params.values()) if record.variadic else record.forward(NP, *args, *params.values())


def _call(word: str, args: list, params: dict) -> Any:
    """A word on values; plain numbers become arrays for what takes only arrays."""
    if word == "getitem" and not isinstance(params["key"], tuple):
        params = {**params, "key": (params["key"],)}
    if not isinstance(function(word), np.ufunc) and word not in ("where", "concat", "stack", "full", "scatter_set", "constant_pad"):
        args = [np.asarray(float(a) if type(a) is int else a) if isinstance(a, (int, float, complex, np.generic)) else a for a in args]
    return compute(word, args, params)


def _run_of(i: Term) -> range:
    start = i.params.get("start", 0)
    return range(start, start + i.params["size"])


def subterms(t: Any):
    """A term and all terms within it."""
    if isinstance(t, Term):
        yield t
        for a in t.args:
            yield from subterms(a)
        for v in t.params.values():
            if type(v) in (list, tuple):
                yield from subterms(v)
    elif type(t) in (list, tuple):
        for a in t:
            yield from subterms(a)


def uses(t: Term, indices) -> bool:
    """Whether one of the indices occurs in the term."""
    names = {i.params["name"] for i in indices}
    return any(s.word == "index" and s.params["name"] in names for s in subterms(t))


def free_indices(t: Any) -> tuple:
    """The indices of a term that no sum in it binds, in the order in which they appear."""
    found: dict = {}

    def walk(t, bound):
        if not isinstance(t, Term):
            if type(t) in (list, tuple):
                for a in t:
                    walk(a, bound)
            return
        if t.word == "index":
            if t.params["name"] not in bound:
                found.setdefault(t.params["name"], t)
            return
        inner = bound | {i.params["name"] for i in t.params["over"]} if t.word in ("total", "product", "greatest") else bound
        for a in t.args:
            walk(a, inner)

    walk(t, frozenset())
    return tuple(found.values())


def value_of(line: Line, bindings: dict) -> Any:
    """What a line's right side comes to, over the whole range of the indices on its left."""
    free = free_indices(line.left)
    if free and _steps(line, bindings):
        (t,) = free
        return np.stack([np.asarray(evaluate(line.right, bindings, {t.params["name"]: n})) for n in _run_of(t)])
    return evaluate(line.right, bindings, free=free)


def _steps(line: Line, bindings: dict) -> bool:
    """Whether the left is an array at each step: cₜ, a matrix."""
    left = line.left
    if left is None or left.word != "at" or len(left.args) != 2 or left.args[1].word != "index":
        return False
    if line.checked is not None:
        return np.ndim(line.checked) > 1
    return left.args[0].word == "symbol" and np.ndim(bindings.get(left.args[0].params["name"], 0)) > 1


def error_of(line: Line, bindings: dict, scale: float | None = None) -> float:
    """How far a line's right side is from what it must be: the largest difference, against the largest value (or `scale`)."""
    have, want = np.asarray(value_of(line, bindings)), np.asarray(line.checked)
    if have.shape != want.shape:
        try:
            have = np.broadcast_to(have, want.shape)
        except ValueError:
            return np.inf
    if not want.size:
        return 0.0
    kind = np.complex128 if "c" in have.dtype.kind + want.dtype.kind else np.float64
    have, want = have.astype(kind), want.astype(kind)
    with np.errstate(all="ignore"):
        same = (have == want) | (np.isnan(have) & np.isnan(want))
        difference = np.where(same, 0, np.abs(have - want))
        size = scale or max(1.0, float(np.max(np.abs(np.where(np.isfinite(want), want, 0)))))
    return float(np.max(np.where(np.isnan(difference), np.inf, difference))) / size
