"""Element by element: arithmetic, comparisons, functions, activations, casts."""

import math

import numpy as np

from ...utils._capture import Value
from ..sizes import Varying
from .table import to_onnx


def _is_value(v) -> bool:
    return isinstance(v, (Value, Varying))


def _common(g, x, y, out):
    """The dtype in which two operands are compared or computed."""
    if out.dtype.kind != "b":
        return out.dtype
    kinds = [v.dtype for v in (x, y) if _is_value(v)]
    if len(kinds) == 1:
        other = y if _is_value(x) else x
        return np.dtype(np.float32) if kinds[0].kind in "iub" and isinstance(other, float) else kinds[0]
    return np.result_type(*kinds)


_BINARY = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow", "maximum": "Max", "minimum": "Min", "gt": "Greater",
    "lt": "Less", "ge": "GreaterOrEqual", "le": "LessOrEqual", "eq": "Equal", "logical_and": "And", "logical_or": "Or",
    "logical_xor": "Xor",
}  # fmt: skip


@to_onnx(*_BINARY)
def binary(g, step, x, y):
    d = np.dtype(bool) if step.name.startswith("logical") else _common(g, x, y, step.outputs[0])
    if d.kind == "b" and step.name in ("add", "maximum", "mul", "minimum"):
        return g.op("Or" if step.name in ("add", "maximum") else "And", g.operand(x, d), g.operand(y, d))
    return g.op(_BINARY[step.name], g.operand(x, d), g.operand(y, d))


@to_onnx("ne")
def ne(g, step, x, y):
    d = _common(g, x, y, step.outputs[0])
    return g.op("Not", g.op("Equal", g.operand(x, d), g.operand(y, d)))


@to_onnx("rsub")
def rsub(g, step, x, y):
    d = step.outputs[0].dtype
    return g.op("Sub", g.operand(y, d), g.operand(x, d))


@to_onnx("floor_divide")
def floor_divide(g, step, x, y):
    d = step.outputs[0].dtype
    a, b = g.operand(x, d), g.operand(y, d)
    if d.kind == "f":
        return g.op("Floor", g.op("Div", a, b))
    # ONNX divides whole numbers towards zero: take the remainder with the divisor's sign off first.
    return g.op("Div", g.op("Sub", a, g.op("Mod", a, b)), b)


@to_onnx("remainder", "fmod")
def remainder(g, step, x, y):
    d = step.outputs[0].dtype
    a, b = g.operand(x, d), g.operand(y, d)
    if step.name == "fmod" or d.kind != "f":
        return g.op("Mod", a, b, fmod=1 if step.name == "fmod" else 0)
    return g.op("Sub", a, g.op("Mul", b, g.op("Floor", g.op("Div", a, b))))


@to_onnx("bitwise_and", "bitwise_or", "bitwise_xor")
def bitwise(g, step, x, y):
    d, word = step.outputs[0].dtype, step.name[8:].title()
    return g.op(word if d.kind == "b" else f"Bitwise{word}", g.operand(x, d), g.operand(y, d))


@to_onnx("bitwise_not", "logical_not")
def invert(g, step, x):
    return g.op("Not" if step.outputs[0].dtype.kind == "b" else "BitwiseNot", g.operand(x, bool if step.name[0] == "l" else x.dtype))


_UNARY = {
    "neg": "Neg", "abs": "Abs", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "power_half": "Sqrt", "reciprocal": "Reciprocal",
    "sin": "Sin", "cos": "Cos", "tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh",
    "tanh": "Tanh", "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh", "sigmoid": "Sigmoid", "erf": "Erf", "floor": "Floor",
    "ceil": "Ceil", "round": "Round", "sign": "Sign", "relu": "Relu", "isnan": "IsNaN", "isinf": "IsInf",
}  # fmt: skip


@to_onnx(*_UNARY)
def unary(g, step, x):
    d = step.outputs[0].dtype
    return g.op(_UNARY[step.name], g.operand(x, x.dtype if d.kind == "b" else d))


def _number(g, value, like):
    return g.const(np.asarray(value, like.dtype))


@to_onnx("square", "rsqrt", "expm1", "log1p", "log2", "log10", "exp2", "erfc", "trunc", "frac", "isfinite", "deg2rad", "rad2deg")
def composed(g, step, x):
    """Functions that ONNX has no word for."""
    out = step.outputs[0]
    like = x if out.dtype.kind == "b" else out
    a = g.operand(x, like.dtype)

    def n(v):
        return _number(g, v, like)

    made = {
        "square": lambda: g.op("Mul", a, a),
        "rsqrt": lambda: g.op("Reciprocal", g.op("Sqrt", a)),
        "expm1": lambda: g.op("Sub", g.op("Exp", a), n(1)),
        "log1p": lambda: g.op("Log", g.op("Add", a, n(1))),
        "log2": lambda: g.op("Mul", g.op("Log", a), n(1 / math.log(2))),
        "log10": lambda: g.op("Mul", g.op("Log", a), n(1 / math.log(10))),
        "exp2": lambda: g.op("Pow", n(2), a),
        "erfc": lambda: g.op("Sub", n(1), g.op("Erf", a)),
        "trunc": lambda: g.op("Mul", g.op("Sign", a), g.op("Floor", g.op("Abs", a))),
        "frac": lambda: g.op("Sub", a, g.op("Mul", g.op("Sign", a), g.op("Floor", g.op("Abs", a)))),
        "isfinite": lambda: g.op("Not", g.op("Or", g.op("IsInf", a), g.op("IsNaN", a))),
        "deg2rad": lambda: g.op("Mul", a, n(math.pi / 180)),
        "rad2deg": lambda: g.op("Mul", a, n(180 / math.pi)),
    }
    return made[step.name]()


# ---- activations --------------------------------------------------------------------------------------------------------


@to_onnx("leaky_relu")
def leaky_relu(g, step, x, slope=0.01):
    return g.op("LeakyRelu", g.name(x), alpha=float(slope))


@to_onnx("elu")
def elu(g, step, x, alpha=1.0, scale=1.0, beta=1.0):
    if beta != 1:
        raise g.unsupported("has another slope inside the exponential, which ONNX's Elu does not")
    y = g.op("Elu", g.name(x), alpha=float(alpha))
    return y if scale == 1 else g.op("Mul", y, _number(g, scale, x))


@to_onnx("celu_record")
def celu(g, step, x, alpha):
    return g.op("Celu", g.name(x), alpha=float(alpha))


@to_onnx("erf_gelu")
def erf_gelu(g, step, x):
    a = g.name(x)
    if g.opset >= 20:
        return g.op("Gelu", a)
    half = g.op("Mul", a, _number(g, 0.5, x))
    return g.op("Mul", half, g.op("Add", g.op("Erf", g.op("Mul", a, _number(g, math.sqrt(0.5), x))), _number(g, 1, x)))


@to_onnx("tanh_gelu")
def tanh_gelu(g, step, x):
    a = g.name(x)
    if g.opset >= 20:
        return g.op("Gelu", a, approximate="tanh")
    cube = g.op("Mul", g.op("Mul", a, a), a)
    inner = g.op("Mul", g.op("Add", a, g.op("Mul", cube, _number(g, 0.044715, x))), _number(g, math.sqrt(2 / math.pi), x))
    return g.op("Mul", g.op("Mul", a, _number(g, 0.5, x)), g.op("Add", g.op("Tanh", inner), _number(g, 1, x)))


@to_onnx("silu")
def silu(g, step, x):
    return g.op("Mul", g.name(x), g.op("Sigmoid", g.name(x)))


@to_onnx("mish")
def mish(g, step, x):
    a = g.name(x)
    return g.op("Mish", a) if g.opset >= 18 else g.op("Mul", a, g.op("Tanh", g.op("Softplus", a)))


@to_onnx("softplus")
def softplus(g, step, x, beta=1.0, threshold=20.0):
    a = g.name(x)
    scaled = a if beta == 1 else g.op("Mul", a, _number(g, beta, x))
    y = g.op("Softplus", scaled)
    y = y if beta == 1 else g.op("Mul", y, _number(g, 1 / beta, x))
    return g.op("Where", g.op("Greater", scaled, _number(g, threshold, x)), a, y)


@to_onnx("log_sigmoid")
def log_sigmoid(g, step, x):
    return g.op("Neg", g.op("Softplus", g.op("Neg", g.name(x))))


@to_onnx("softshrink")
def softshrink(g, step, x, lambd):
    return g.op("Shrink", g.name(x), lambd=float(lambd), bias=float(lambd))


@to_onnx("hardshrink")
def hardshrink(g, step, x, lambd):
    return g.op("Shrink", g.name(x), lambd=float(lambd), bias=0.0)


@to_onnx("hardsigmoid")
def hardsigmoid(g, step, x):
    return g.op("HardSigmoid", g.name(x), alpha=1 / 6, beta=0.5)


@to_onnx("hardswish")
def hardswish(g, step, x):
    return g.op("HardSwish", g.name(x)) if g.opset >= 14 else g.op("Mul", g.name(x), hardsigmoid(g, step, x))


@to_onnx("prelu_kernel")
def prelu(g, step, x, w):
    return g.op("PRelu", g.name(x), g.name(w))


@to_onnx("threshold")
def threshold(g, step, x, t, value):
    return g.op("Where", g.op("Greater", g.name(x), _number(g, t, x)), g.name(x), _number(g, value, x))


@to_onnx("clamp", "hardtanh")
def clamp(g, step, x, low=None, high=None):
    d = step.outputs[0].dtype
    return g.op("Clip", g.operand(x, d), None if low is None else g.operand(low, d), None if high is None else g.operand(high, d))


@to_onnx("clamp_min")
def clamp_min(g, step, x, low):
    return clamp(g, step, x, low)


@to_onnx("clamp_max")
def clamp_max(g, step, x, high):
    return clamp(g, step, x, None, high)


@to_onnx("clamp_between")
def clamp_between(g, step, x, low, high):
    d = step.outputs[0].dtype
    y = g.operand(x, d)
    y = y if low is None else g.op("Max", y, g.operand(low, d))
    return y if high is None else g.op("Min", y, g.operand(high, d))


# ---- choices and casts --------------------------------------------------------------------------------------------------


@to_onnx("where")
def where(g, step, condition, x, y):
    d = step.outputs[0].dtype
    return g.op("Where", g.operand(condition, bool), g.operand(x, d), g.operand(y, d))


@to_onnx("masked_fill")
def masked_fill(g, step, x, mask, value):
    d = step.outputs[0].dtype
    return g.op("Where", g.operand(mask, bool), g.operand(np.asarray(value).item() if not _is_value(value) else value, d), g.operand(x, d))


@to_onnx("masked_fill_tensor")
def masked_fill_tensor(g, step, x, mask, v):
    return masked_fill(g, step, x, mask, v)


@to_onnx("to_copy")
def to_copy(g, step, x, dtype):
    return g.cast(g.name(x), step.outputs[0].dtype)


@to_onnx("alias", "clone")
def clone(g, step, x, *order):
    return g.op("Identity", g.name(x))


@to_onnx("copy")
def copy(g, step, x, v):
    return g.op("Expand", g.operand(v, step.outputs[0].dtype), g.ints(g.dims(step.outputs[0])))
