"""Over dimensions: sums, means, extremes, norms, softmax, sorting, products of matrices."""

import numpy as np

from ..sizes import Numbers
from .table import to_onnx


def reduce(g, kind: str, name: str, axes, keepdim: bool) -> str:
    """A Reduce node; axes are an input since opset 18 (13 for sums), an attribute before."""
    axes = None if axes is None else sorted(int(a) for a in axes)
    keep = int(bool(keepdim))
    if g.opset >= 18 or kind == "ReduceSum":
        return g.op(kind, name, None if axes is None else g.const(np.array(axes)), keepdims=keep)
    return g.op(kind, name, axes=axes, keepdims=keep)


def _axes(axis, rank: int):
    if axis is None or axis == ():
        return None
    return [a % rank for a in (axis if isinstance(axis, (tuple, list)) else (axis,))]


_REDUCE = {"sum_dim": "ReduceSum", "mean_dim": "ReduceMean", "prod_dim": "ReduceProd", "amax": "ReduceMax", "amin": "ReduceMin"}
_WHOLE = {"sum": "ReduceSum", "mean": "ReduceMean", "prod": "ReduceProd", "max_full": "ReduceMax", "min_full": "ReduceMin"}


@to_onnx(*_REDUCE)
def over_axes(g, step, x, axis, keepdim=False, dtype=None):
    return reduce(g, _REDUCE[step.name], g.operand(x, step.outputs[0].dtype), _axes(axis, len(x.shape)), keepdim)


@to_onnx(*_WHOLE)
def whole(g, step, x, dtype=None):
    return reduce(g, _WHOLE[step.name], g.operand(x, step.outputs[0].dtype), None, False)


@to_onnx("logsumexp")
def logsumexp(g, step, x, axis, keepdim):
    return reduce(g, "ReduceLogSumExp", g.name(x), _axes(axis, len(x.shape)), keepdim)


@to_onnx("all", "any")
def truth(g, step, x, axis, keepdim):
    found = reduce(
        g, "ReduceMin" if step.name == "all" else "ReduceMax", g.cast(g.operand(x, bool), np.int32), _axes(axis, len(x.shape)), keepdim
    )
    return g.cast(found, bool)


def moments(g, x, name, axes, correction=0, keepdim=True):
    """(mean with the dimensions kept, variance)."""
    mean = reduce(g, "ReduceMean", name, axes, True)
    apart = g.op("Sub", name, mean)
    if not correction:
        return mean, reduce(g, "ReduceMean", g.op("Mul", apart, apart), axes, keepdim)
    total = reduce(g, "ReduceSum", g.op("Mul", apart, apart), axes, keepdim)
    n = 1
    for a in axes:
        n = n * g.dims(x)[a]
    return mean, g.op("Div", total, g.operand(n - int(correction), x.dtype))


@to_onnx("var", "std", "var_mean", "std_mean")
def variance(g, step, x, axis, correction, keepdim):
    axes = _axes(axis, len(x.shape)) or list(range(len(x.shape)))
    mean, spread = moments(g, x, g.name(x), axes, correction, keepdim)
    spread = g.op("Sqrt", spread) if step.name.startswith("std") else spread
    if not step.name.endswith("mean"):
        return spread
    return [spread, mean if keepdim else g.op("Squeeze", mean, g.const(np.array(axes)))]


@to_onnx("linalg_vector_norm")
def norm(g, step, x, p, axis, keepdim):
    axes, name = _axes(axis, len(x.shape)), g.name(x)
    if p in (1, 2):
        return reduce(g, f"ReduceL{int(p)}", name, axes, keepdim)
    if p in (float("inf"), float("-inf")):
        return reduce(g, "ReduceMax" if p > 0 else "ReduceMin", g.op("Abs", name), axes, keepdim)
    powers = g.op("Pow", g.op("Abs", name), g.const(np.asarray(p, x.dtype)))
    return g.op("Pow", reduce(g, "ReduceSum", powers, axes, keepdim), g.const(np.asarray(1 / p, x.dtype)))


@to_onnx("argmax", "argmin")
def arg(g, step, x, axis=None, keepdim=False):
    kind, name = ("ArgMax" if step.name == "argmax" else "ArgMin"), g.name(x)
    if axis is None:
        flat = g.op(kind, g.op("Reshape", name, g.const(np.array([-1]))), axis=0, keepdims=0)
        return g.op("Reshape", flat, g.ints([1] * len(x.shape))) if keepdim else flat
    return g.op(kind, name, axis=axis, keepdims=int(bool(keepdim)))


@to_onnx("max_dim", "min_dim")
def extreme(g, step, x, axis, keepdim):
    kind = step.name[:3].title()
    return [
        reduce(g, f"Reduce{kind}", g.name(x), [axis % len(x.shape)], keepdim),
        g.op(f"Arg{kind}", g.name(x), axis=axis, keepdims=int(bool(keepdim))),
    ]


@to_onnx("topk")
def topk(g, step, x, k, axis, largest):
    return g.op("TopK", g.name(x), g.ints([k]), outputs=2, axis=axis, largest=int(bool(largest)), sorted=1)


@to_onnx("sort")
def sort(g, step, x, axis, descending):
    return g.op("TopK", g.name(x), g.ints([g.dims(x)[axis]]), outputs=2, axis=axis, largest=int(bool(descending)), sorted=1)


@to_onnx("cumsum")
def cumsum(g, step, x, axis, dtype=None):
    return g.op("CumSum", g.operand(x, step.outputs[0].dtype), g.const(np.int64(axis)))


@to_onnx("softmax", "log_softmax")
def softmax(g, step, x, axis):
    return g.op("Softmax" if step.name == "softmax" else "LogSoftmax", g.operand(x, step.outputs[0].dtype), axis=axis)


# ---- products -----------------------------------------------------------------------------------------------------------


@to_onnx("mm", "bmm", "mv", "dot")
def product(g, step, x, y):
    return g.op("MatMul", g.name(x), g.name(y))


@to_onnx("addmm")
def addmm(g, step, c, a, b, beta=1, alpha=1):
    return g.op("Gemm", g.name(a), g.name(b), g.name(c), alpha=float(alpha), beta=float(beta))


@to_onnx("linear")
def linear(g, step, x, w, b):
    if len(x.shape) == 2 and len(w.shape) == 2:
        return g.op("Gemm", g.name(x), g.name(w), None if b is None else g.name(b), transB=1)
    y = g.op("MatMul", g.name(x), g.op("Transpose", g.name(w), perm=[1, 0]))
    return y if b is None else g.op("Add", y, g.name(b))


@to_onnx("mse_loss")
def mse_loss(g, step, x, y):
    apart = g.op("Sub", g.name(x), g.name(y))
    return g.op("Mul", apart, apart)


@to_onnx("mean_square")
def mean_square(g, step, x, y, scale):
    apart = g.op("Sub", g.name(x), g.name(y))
    squares = g.op("Mul", apart, apart)
    means = isinstance(scale, Numbers) or abs(scale * x.array.size - 1) < 1e-9  # over the number of elements, or a sum
    return reduce(g, "ReduceMean" if means else "ReduceSum", squares, None, False)
