"""The numbers behind formulas with indices, by brute force: every index is a dimension, every Σ a sum over one.

Also what such formulas are compared with: a Jacobian from differences of the operation itself.
"""

from typing import Any

import numpy as np

from ...backend import numpy as NP
from .reader import compute
from .terms import Term


def indices_of(t: Any) -> dict:
    """All indices in a term, bound or free, by name, in order of appearance."""
    found: dict = {}

    def visit(t):
        if isinstance(t, (list, tuple)):
            for a in t:
                visit(a)
        elif isinstance(t, Term):
            if t.word == "index":
                found.setdefault(t.params["name"], t)
            visit(t.args)
            visit(t.params.get("over", ()))
            if t.word == "partial":
                visit(t.params.get("is", ()))

    visit(t)
    return found


def values(t: Term, over: list, bindings: dict | None = None) -> np.ndarray:
    """The array of a term's values, one dimension for each index in `over`."""
    names = [i.params["name"] for i in over]
    others = [i for n, i in indices_of(t).items() if n not in names]
    dims = {i.params["name"]: d for d, i in enumerate([*over, *others])}
    with np.errstate(all="ignore"):
        found = np.asarray(_value(t, dims, bindings or {}))
    found = found.reshape((1,) * (len(dims) - found.ndim) + found.shape)
    assert all(n == 1 for n in found.shape[len(over) :]), f"{t!r} has indices that neither its left side nor a sum names"
    return np.broadcast_to(found.reshape(found.shape[: len(over)]), [i.params["size"] for i in over])


def _value(t: Any, dims: dict, bindings: dict) -> Any:
    if not isinstance(t, Term):
        return type(t)(_value(a, dims, bindings) for a in t) if isinstance(t, (list, tuple)) else t
    run = lambda a: _value(a, dims, bindings)
    if t.word == "number":
        return t.params["number"]
    if t.word == "symbol":
        return bindings.get(t.params["name"], t.value)
    if t.word == "index":
        return np.arange(t.params["size"]).reshape([-1 if d == dims[t.params["name"]] else 1 for d in range(len(dims))])
    if t.word == "at":
        return _read(np.asarray(whole(t.args[0], bindings)), [run(a) for a in t.args[1:]])
    if t.word in ("total", "product"):
        body = np.asarray(run(t.args[0]))
        body = body.reshape((1,) * (len(dims) - body.ndim) + body.shape)
        for i in t.params["over"]:
            d, n = dims[i.params["name"]], i.params["size"]
            if body.shape[d] != n:
                body = np.broadcast_to(body, (*body.shape[:d], n, *body.shape[d + 1 :]))
            body = body.sum(d, keepdims=True) if t.word == "total" else body.prod(d, keepdims=True)
        return body
    if t.word == "delta":
        return (np.asarray(run(t.args[0])) == np.asarray(run(t.args[1]))).astype(float)
    if t.word == "iverson":
        return np.asarray(run(t.args[0])).astype(float)
    if t.word == "partial":
        return run(t.params["is"])
    if t.word == "multiply":
        return np.multiply(run(t.args[0]), run(t.args[1]))
    if indices_of(t):
        return getattr(NP, t.word)(*map(run, t.args))
    return whole(t, bindings)


def whole(t: Any, bindings: dict) -> Any:
    """The value of a term without indices: its words run on whole arrays."""
    if not isinstance(t, Term):
        return type(t)(whole(a, bindings) for a in t) if type(t) in (list, tuple) else t
    if t.word == "symbol":
        return bindings.get(t.params["name"], t.value)
    if t.word == "number":
        return t.params["number"]
    if t.word == "part":
        return whole(t.args[0], bindings)[t.params["nr"]]
    if t.word == "delta":
        return float(whole(t.args[0], bindings) == whole(t.args[1], bindings))
    if t.word == "iverson":
        return np.asarray(whole(t.args[0], bindings)).astype(float)
    if t.word in ("total", "product"):
        return values(t, [], bindings)
    if t.word == "at":
        return _read(np.asarray(whole(t.args[0], bindings)), [whole(a, bindings) for a in t.args[1:]])
    if t.word == "partial":
        return whole(t.params["is"], bindings)
    return compute(t.word, [whole(a, bindings) for a in t.args], {k: whole(v, bindings) for k, v in t.params.items()})


def _read(a: np.ndarray, places: list) -> Any:
    """a at the places, 0 outside."""
    if not places:
        return a
    places = [np.asarray(p) for p in places]
    inside: Any = True
    for p, n in zip(places, a.shape):
        inside = inside & (p >= 0) & (p < n)
    if not a.size:
        return np.zeros(np.broadcast_shapes(*(p.shape for p in places)), a.dtype)
    found = a[tuple(np.clip(p, 0, n - 1) for p, n in zip(places, a.shape))]
    return np.where(inside, found, np.zeros((), a.dtype))


class Lazy:
    """An array that is computed when somebody asks for it: np.asarray(lazy)."""

    def __init__(self, compute):
        self._compute = compute

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._compute(), dtype)


def jacobian(reading, x: str, output: int = 0) -> Lazy:
    """∂output/∂x of an operation, from differences of its values: a dimension for each of the output's and each of x's."""
    return Lazy(lambda: _jacobian(reading, x, output))


def forward(reading, changed: dict) -> list:
    """The operation's values with some inputs replaced."""
    record = reading.record
    tensors = [changed.get(n, t.value if isinstance(t, Term) else t) for n, t in reading.inputs.items()]
    params = [getattr(v, "_a", v) for v in reading.params.values()]
    with np.errstate(all="ignore"):
        made = record.forward(NP, tensors, *params) if record.variadic else record.forward(NP, *tensors, *params)
    return [np.asarray(made)] if len(record.outputs) == 1 and not record.keeps else [None if m is None else np.asarray(m) for m in made]


def _jacobian(reading, x: str, output: int) -> np.ndarray:
    at = reading.inputs[x].value
    y = forward(reading, {})[output]
    out = np.zeros((*y.shape, *at.shape), np.result_type(y.dtype, at.dtype))
    for place in np.ndindex(at.shape):
        h = 1e-6 * max(1.0, abs(at[place]))
        up, down = at.copy(), at.copy()
        up[place] += h
        down[place] -= h
        step = up[place] - down[place]
        out[(..., *place)] = (forward(reading, {x: up})[output] - forward(reading, {x: down})[output]) / step
    return out
