"""Normalisation: batch, layer, group, instance."""

import math

import numpy as np

from .reductions import moments
from .table import to_onnx


def _row(g, v, rank, dtype):
    """One number for each channel, along dimension 1."""
    return g.op("Reshape", g.operand(v, dtype), g.const(np.array([-1] + [1] * (rank - 2))))


def _scaled(g, y, w, b, rank, dtype):
    y = y if w is None else g.op("Mul", y, _row(g, w, rank, dtype))
    return y if b is None else g.op("Add", y, _row(g, b, rank, dtype))


def _channels(g, x, value):
    return g.const(np.full(g.static(g.dims(x)[1], "number of channels"), value, x.dtype))


@to_onnx("fixed_batch_norm")
def fixed_batch_norm(g, step, x, w, b, m, r, over, wshape):
    """With running statistics: BatchNormalization with the module's buffers, where they are those that were used."""
    module = g.merged.modules.get(step.scope)
    mean, var = getattr(module, "running_mean", None), getattr(module, "running_var", None)
    if mean is not None and np.array_equal(mean._a.reshape(-1), m.array.reshape(-1)):
        names = []
        for buffer, t in (("running_mean", mean), ("running_var", var)):
            name = f"{step.scope}.{buffer}" if step.scope else buffer
            if name not in g.initializers:
                g.initializers[g.fresh(name)] = np.ascontiguousarray(t._a)
            names.append(name)
        scale = _channels(g, x, 1) if w is None else g.name(w)
        shift = _channels(g, x, 0) if b is None else g.name(b)
        return g.op("BatchNormalization", g.name(x), scale, shift, *names, epsilon=float(module.eps))
    rank = len(x.shape)
    y = g.op("Mul", g.op("Sub", g.name(x), _row(g, m, rank, x.dtype)), _row(g, r, rank, x.dtype))
    return _scaled(g, y, w, b, rank, x.dtype)


@to_onnx("native_batch_norm")
def native_batch_norm(g, step, x, w, b, view, axes, wide, wshape, eps, stats=None):
    """By the statistics of the input itself: of the batch, or (axes 1) of each sample, which is instance norm."""
    rank = len(x.shape)
    if tuple(axes) == (1,):
        scale = _channels(g, x, 1) if w is None else g.name(w)
        shift = _channels(g, x, 0) if b is None else g.name(b)
        return g.op("InstanceNormalization", g.name(x), scale, shift, epsilon=float(eps))
    name = g.name(x)
    mean, var = moments(g, x, name, [0, *range(2, rank)])
    root = g.op("Sqrt", g.op("Add", var, g.const(np.asarray(eps, x.dtype))))
    return _scaled(g, g.op("Div", g.op("Sub", name, mean), root), w, b, rank, x.dtype)


@to_onnx("native_layer_norm")
def native_layer_norm(g, step, x, w, b, view, axes, wide, wshape, eps, stats=None):
    n = g.static(view[1], "size of what is normalised")
    like = w if w is not None else b
    sizes = list(like.shape) if like is not None else []
    if like is None:
        for size in reversed(g.dims(x)):
            if math.prod(sizes) == n and sizes:
                break
            sizes.insert(0, g.static(size, "size of what is normalised"))
    axis, name = -len(sizes), g.name(x)
    scale = g.const(np.ones(sizes, x.dtype)) if w is None else g.name(w)
    if g.opset >= 17:
        return g.op("LayerNormalization", name, scale, None if b is None else g.name(b), axis=axis, epsilon=float(eps))
    mean, var = moments(g, x, name, [len(x.shape) + a for a in range(axis, 0)])
    root = g.op("Sqrt", g.op("Add", var, g.const(np.asarray(eps, x.dtype))))
    y = g.op("Mul", g.op("Div", g.op("Sub", name, mean), root), scale)
    return y if b is None else g.op("Add", y, g.name(b))


@to_onnx("native_group_norm")
def native_group_norm(g, step, x, w, b, view, axes, wide, wshape, eps, stats=None):
    rank, sizes = len(x.shape), g.dims(x)
    groups = g.static(view[0] // sizes[0], "number of groups")
    flat = g.op("Reshape", g.name(x), g.const(np.array([0, groups, -1])))
    ones, zeros = g.const(np.ones(groups, x.dtype)), g.const(np.zeros(groups, x.dtype))
    y = g.op("InstanceNormalization", flat, ones, zeros, epsilon=float(eps))
    return _scaled(g, g.op("Reshape", y, g.op("Shape", g.name(x))), w, b, rank, x.dtype)
