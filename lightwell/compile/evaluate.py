"""What a nest means, in NumPy: every index at once, by whole arrays. The reference that kernels are tested against."""

import math
from typing import Any

import numpy as np

from .emit_key import ordered
from .graph import compute
from .nest import Buffer, Expr, Nest, Reduce


def evaluate(nest: Nest, buffers: list[Buffer], arrays: dict | list, numbers=()) -> None:
    """Run a nest on arrays: `arrays[i]` is the memory of buffer number i (C order), which is read and written."""
    extents = (*nest.outer, *nest.inner)
    grid = np.ogrid[tuple(slice(n) for n in extents)] if extents else ()
    flat = [arrays[b].reshape(-1) for b in nest.operands]
    found: dict[Any, Any] = {}

    def place(offset, strides):
        at = np.full((1,) * len(extents), offset, np.int64)
        for stride, index in zip(strides, grid):
            if stride:  # a place that an axis doesn't move stays one place
                at = at + stride * index
        return at

    def value(e: Expr):
        if not isinstance(e, Expr):
            return e
        if id(e) not in found:
            found[id(e)] = _cast(_value(e), e.dtype)
        return found[id(e)]

    def _value(e: Expr):
        if e.op == "load":
            operand, offset, strides = e.args
            return flat[operand][place(offset, strides)]
        if e.op == "load_if":
            cond, operand, offset, strides, other = e.args
            holds = value(cond)
            at = np.where(holds, place(offset, strides), 0)
            read = flat[operand][at] if flat[operand].size else np.zeros(at.shape, flat[operand].dtype)
            return np.where(holds, read, value(other))
        if e.op == "gather":
            return flat[e.args[0]][value(e.args[1])]
        if e.op == "const":
            return np.full((1,) * len(extents), e.args[0], e.dtype)
        if e.op == "number":
            return np.full((1,) * len(extents), numbers[e.args[0]])
        if e.op == "index":
            return np.asarray(grid[e.args[0]], np.int64)
        if e.op == "reduced":
            return found[e.args[0]]
        if e.op == "cast":
            return value(e.args[0])
        return compute(e.op, [value(a) for a in e.args], {})

    def store(s):
        at = np.broadcast_to(place(s.offset, s.strides), shape_of(s))
        flat[s.operand][at] = np.broadcast_to(value(s.expr), at.shape)

    def shape_of(s):
        return extents if len(s.strides) == len(extents) and s not in nest.final else (*nest.outer, *(1,) * len(nest.inner))

    with np.errstate(all="ignore"):
        for run in nest.passes:
            for e in ordered(x.expr for x in (*run.stores, *run.reduces)):  # operands first: chains may be long
                value(e)
            waiting = [(s, value(s.expr)) for s in run.stores] if math.prod(extents) else []
            sums = [(r, np.broadcast_to(value(r.expr), extents)) for r in run.reduces]  # all is read before anything is written
            for s, _ in waiting:
                store(s)
            for r, x in sums:
                found[r] = _reduce(r, x, nest)
            found = {k: v for k, v in found.items() if isinstance(k, Reduce)}  # later passes see what was stored
        if math.prod(nest.outer):
            for s in nest.final:
                value(s.expr)
            for s in nest.final:
                store(s)


def _cast(x, dtype):
    return np.asarray(x).astype(dtype, copy=False)


def _reduce(r: Reduce, x, nest: Nest):
    rows = x.reshape(*nest.outer, math.prod(nest.inner))
    name = {"sum": "sum", "prod": "prod", "max": "max", "min": "min", "any": "any", "all": "all"}.get(r.op)
    if name is None:
        made = getattr(np, r.op)(rows, -1)
    elif name in ("sum", "prod"):
        made = getattr(np, name)(rows, -1, dtype=np.float64 if r.dtype.kind == "f" else r.dtype)
    elif not rows.shape[-1] and name in ("max", "min"):
        made = np.full(rows.shape[:-1], _lowest(r.dtype) if name == "max" else _highest(r.dtype), r.dtype)
    else:
        made = getattr(np, name)(rows, -1)
    return _cast(made, r.dtype).reshape(*nest.outer, *(1,) * len(nest.inner))


def _lowest(dtype):
    return -np.inf if dtype.kind == "f" else False if dtype.kind == "b" else np.iinfo(dtype).min


def _highest(dtype):
    return np.inf if dtype.kind == "f" else True if dtype.kind == "b" else np.iinfo(dtype).max
