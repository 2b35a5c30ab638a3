"""Elementwise functions of the array API standard (2024.12): https://data-apis.org/array-api/2024.12/API_specification/elementwise_functions.html"""

import numpy as np

from .. import dtypes, ops
from ..errors.teaching import TypeError, ValueError
from ..ops import arith
from ..tensor import Tensor, make
from ._array import Array, function, operator, pair, unary, with_number
from ._array import as_tensor as _in

__all__ = ["clip", "imag", "pow", "real", "round", "sign", "signbit"]


def _need(name: str, x) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): expected an array, got {type(x).__name__}: make one with asarray")


def _is_int(x) -> bool:
    return x.dtype.category <= dtypes.INT


def _publish(name: str, call, doc: str) -> None:
    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    globals()[name] = function(call)
    __all__.append(name)


# ---- one operand ----------------------------------------------------------------------------------------------------


def _of_one(name: str, f, doc: str, whole=None):
    """Publish f(x) as `name`; `whole` takes its place for integers and bools."""

    def call(x, /):
        _need(name, x)
        return whole(x) if whole is not None and _is_int(x) else f(x)

    _publish(name, call, doc)


def _expm1(x):
    """eˣ - 1; of infinite, NaN and zero complex numbers as eˣ says, whose signs and infinities are exact there."""
    out = ops.expm1(x)
    if x.is_complex():
        odd = ~np.isfinite(x._a) | (x._a == 0)
        if odd.any():
            with np.errstate(all="ignore"):
                np.copyto(out._a, np.exp(x._a) - 1, where=odd)
    return out


def _false(x):
    return make(np.zeros(x._a.shape, bool))


def _true(x):
    return make(np.ones(x._a.shape, bool))


def _copy(x):
    return x.clone()


for _name, _f, _doc, _whole in (
    ("abs", ops.abs, "|x|; real for complex x.", None),
    ("acos", ops.acos, "The angle whose cosine is x, in [0, π].", None),
    ("acosh", ops.acosh, "The number ≥ 0 whose hyperbolic cosine is x.", None),
    ("asin", ops.asin, "The angle whose sine is x, in [-π/2, π/2].", None),
    ("asinh", ops.asinh, "The number whose hyperbolic sine is x.", None),
    ("atan", ops.atan, "The angle whose tangent is x, in [-π/2, π/2].", None),
    ("atanh", ops.atanh, "The number whose hyperbolic tangent is x.", None),
    ("bitwise_invert", ops.bitwise_not, "Every bit of x turned over; ¬x for bools.", None),
    ("ceil", ops.ceil, "The least whole number ≥ x; integers stay as they are.", _copy),
    ("conj", ops.conj_physical, "The complex conjugate.", None),
    ("cos", ops.cos, "cos x, x in radians.", None),
    ("cosh", ops.cosh, "(eˣ + e⁻ˣ)/2.", None),
    ("exp", ops.exp, "eˣ.", None),
    ("expm1", _expm1, "eˣ - 1, exact for small x.", None),
    ("floor", ops.floor, "The greatest whole number ≤ x; integers stay as they are.", _copy),
    ("isfinite", ops.isfinite, "Whether x is neither infinite nor NaN.", _true),
    ("isinf", ops.isinf, "Whether x is infinite.", _false),
    ("isnan", ops.isnan, "Whether x is NaN.", _false),
    ("log", ops.log, "The natural logarithm.", None),
    ("log1p", ops.log1p, "log(1 + x), exact for small x.", None),
    ("log2", ops.log2, "The logarithm to base 2.", None),
    ("log10", ops.log10, "The logarithm to base 10.", None),
    ("logical_not", ops.logical_not, "¬x.", None),
    ("negative", ops.neg, "-x.", None),
    ("positive", _copy, "A copy of x.", None),
    ("reciprocal", ops.reciprocal, "1/x.", None),
    ("sin", ops.sin, "sin x, x in radians.", None),
    ("sinh", ops.sinh, "(eˣ - e⁻ˣ)/2.", None),
    ("sqrt", ops.sqrt, "The square root.", None),
    ("square", ops.square, "x².", None),
    ("tan", ops.tan, "tan x, x in radians.", None),
    ("tanh", ops.tanh, "sinh x / cosh x.", None),
    ("trunc", ops.trunc, "x without its fraction; integers stay as they are.", _copy),
):  # fmt: skip
    _of_one(_name, _f, _doc, _whole)


@function
def real(x, /):
    """The real part."""
    _need("real", x)
    return ops.real(x) if x.is_complex() else x.clone()


@function
def imag(x, /):
    """The imaginary part; zeros for real x."""
    _need("imag", x)
    return ops.imag(x) if x.is_complex() else ops.zeros_like(x)


@function
def round(x, /):
    """The nearest whole number, the even one of two that are equally near; real and imaginary parts each."""
    _need("round", x)
    if x.is_complex():
        return make(np.asarray(np.round(x._a)))
    return x.clone() if _is_int(x) else ops.round(x)


@function
def sign(x, /):
    """-1, 0 or 1 as x is negative, zero or positive; x/|x| (0 at 0) for complex x; NaN for NaN.

    >>> import lightwell.array_api as xp
    >>> xp.sign(xp.asarray([-2.0, 0.0, float("nan")]))
    tensor([-1.,  0., nan])
    """
    _need("sign", x)
    if x.is_complex():
        out = ops.sgn(x) if x.requires_grad else make(np.asarray(np.sign(x._a)))
        np.copyto(out._a, 0, where=x._a == 0)
        np.copyto(out._a, complex(np.nan, np.nan), where=np.isnan(x._a))
        return out
    out = ops.sign(x)
    if x.dtype.is_floating_point and np.isnan(x._a).any():
        out = ops.where(ops.isnan(x), x, out)
    return out


@function
def signbit(x, /):
    """Whether the sign bit is set: true for -0 and for NaN with it."""
    _need("signbit", x)
    return make(np.asarray(np.signbit(x._a)))


# ---- two operands ---------------------------------------------------------------------------------------------------


def _of_two(name: str, f, doc: str):
    """Publish f(x1, x2), given both in their common dtype, as `name`."""

    def call(x1, x2, /):
        return f(*pair(name, x1, x2))

    _publish(name, call, doc)


def _floor_divide(x1, x2):
    """⌊x1/x2⌋; an infinite quotient keeps its sign, where C's fmod would lose it in NaN. 0 for an integer by 0."""
    with np.errstate(all="ignore"):
        out = arith.floor_divide_(x1, x2)
        if x1.dtype.is_floating_point:
            odd = np.isinf(x1._a) & np.isfinite(x2._a)
            if odd.any():
                exact = np.copysign(x1._a, np.copysign(1, x1._a) * np.copysign(1, x2._a))
                out = make(np.where(odd, exact, out._a).astype(out._a.dtype))
    return out


def _remainder(x1, x2):
    """x1 - x2·⌊x1/x2⌋ with the sign of x2, that of a zero too. 0 for an integer by 0."""
    with np.errstate(all="ignore"):
        out = arith.remainder_(x1, x2)
    if x1.dtype.is_floating_point and not out.requires_grad:
        a = out._a
        out._a = np.where(a == 0, np.copysign(a, np.broadcast_to(x2._a, a.shape)), a).astype(a.dtype)
    return out


def _pow(x1, x2):
    if _is_int(x1) and x2._a.dtype.kind == "i" and x2._a.size and x2._a.min() < 0:
        raise ValueError("pow(): integers have no negative integer powers here: convert the base to floating point, with astype")
    out = arith.pow_(x1, x2)
    if x2._a.size == 1 and x1.dtype.is_floating_point and x2._a.item() == 0.5:  # NumPy takes a root, which -inf and -0 survive
        np.copyto(out._a, np.abs(x1._a), where=np.isin(x1._a, (-np.inf, 0)))
    return out


def _compared(name: str, f, doc: str):
    """Publish a comparison as `name`: an integer beyond the array's dtype is compared by its value."""

    def call(x1, x2, /):
        if {type(x1), type(x2)} & {int} and any(isinstance(v, Tensor) and v._a.dtype.kind in "iu" for v in (x1, x2)):
            x1, x2 = (v._a if isinstance(v, Tensor) else v for v in (x1, x2))
        else:
            x1, x2 = (v._a for v in pair(name, x1, x2))
        return make(np.asarray(f(x1, x2)))

    _publish(name, call, doc)


def _extreme(f):
    def call(x1, x2):
        return ops.logical_or(x1, x2) if x1._a.dtype.kind == "b" and f is ops.maximum else f(x1, x2)

    return call


def _shifted(f):
    """A shift in which more bits than there are leave nothing but the sign, as integers without width would."""

    def call(x1, x2):
        bits = 8 * x1._a.itemsize
        a, n = x1._a, x2._a
        far = n >= bits
        if not far.any():
            return make(np.asarray(f(a, n)))
        gone = np.where(a < 0, -1, 0).astype(a.dtype) if f is np.right_shift and a.dtype.kind == "i" else a.dtype.type(0)
        return make(np.asarray(np.where(far, gone, f(a, np.minimum(n, n.dtype.type(bits - 1))))))

    return call


for _name, _f, _doc in (
    ("add", arith.add_, "x1 + x2."),
    ("atan2", ops.atan2, "The angle of the point (x2, x1), in [-π, π]."),
    ("bitwise_and", ops.bitwise_and, "The bits set in both."),
    ("bitwise_left_shift", _shifted(np.left_shift), "The bits of x1, x2 places to the left: x1·2^x2."),
    ("bitwise_or", ops.bitwise_or, "The bits set in either."),
    ("bitwise_right_shift", _shifted(np.right_shift), "The bits of x1, x2 places to the right: ⌊x1/2^x2⌋."),
    ("bitwise_xor", ops.bitwise_xor, "The bits set in one but not both."),
    ("copysign", ops.copysign, "|x1| with the sign of x2."),
    ("divide", ops.div, "x1 / x2."),
    ("floor_divide", _floor_divide, "⌊x1 / x2⌋."),
    ("hypot", ops.hypot, "√(x1² + x2²), without overflow on the way."),
    ("logaddexp", ops.logaddexp, "log(e^x1 + e^x2), without overflow on the way."),
    ("logical_and", ops.logical_and, "x1 ∧ x2."),
    ("logical_or", ops.logical_or, "x1 ∨ x2."),
    ("logical_xor", ops.logical_xor, "One of x1, x2 but not both."),
    ("maximum", _extreme(ops.maximum), "The greater; NaN where either is NaN."),
    ("minimum", _extreme(ops.minimum), "The lesser; NaN where either is NaN."),
    ("multiply", arith.mul_, "x1 · x2."),
    ("nextafter", ops.nextafter, "The number next to x1 in the direction of x2."),
    ("pow", _pow, "x1 to the power x2; ValueError for an integer to a negative integer."),
    ("remainder", _remainder, "What floor division leaves, with the sign of x2."),
    ("subtract", arith.sub_, "x1 - x2."),
):  # fmt: skip
    _of_two(_name, _f, _doc)


for _name, _f, _doc in (
    ("equal", np.equal, "Whether x1 = x2."),
    ("greater", np.greater, "Whether x1 > x2."),
    ("greater_equal", np.greater_equal, "Whether x1 ≥ x2."),
    ("less", np.less, "Whether x1 < x2."),
    ("less_equal", np.less_equal, "Whether x1 ≤ x2."),
    ("not_equal", np.not_equal, "Whether x1 ≠ x2."),
):
    _compared(_name, _f, _doc)


@function
def clip(x, /, min=None, max=None):
    """x held within [min, max], in x's dtype; each bound a number, an array that broadcasts against x, or None.

    >>> import lightwell.array_api as xp
    >>> xp.clip(xp.asarray([-1, 5]), 0, 3)
    tensor([0, 3])
    """
    _need("clip", x)
    if x.is_complex():
        raise TypeError("clip(): complex numbers have no order")
    out = x
    for bound, f in ((min, ops.maximum), (max, ops.minimum)):
        if bound is not None:
            if isinstance(bound, Tensor):
                out = f(*pair("clip", out, bound))
            else:
                out = _clip_number(out, bound, f)
    return out.clone() if out is x else out.to(x.dtype)


def _clip_number(x, bound, f):
    """A bound beyond an integer dtype holds nothing back, or everything."""
    d = with_number(x.dtype, bound)
    if d.category == dtypes.INT and isinstance(bound, int):
        info = dtypes.iinfo(d)
        bound = info.min if bound < info.min else info.max if bound > info.max else bound
    return f(x.to(d), _in(bound, d))


for _name, _f in (
    ("add", "add"), ("sub", "subtract"), ("mul", "multiply"), ("truediv", "divide"), ("floordiv", "floor_divide"), ("mod", "remainder"),
    ("pow", "pow"), ("and", "bitwise_and"), ("or", "bitwise_or"), ("xor", "bitwise_xor"), ("lshift", "bitwise_left_shift"),
    ("rshift", "bitwise_right_shift"), ("eq", "equal"), ("ne", "not_equal"), ("lt", "less"), ("le", "less_equal"), ("gt", "greater"),
    ("ge", "greater_equal"),
):  # fmt: skip
    operator(_name, globals()[_f])
for _name, _f in (("abs", "abs"), ("neg", "negative"), ("pos", "positive"), ("invert", "bitwise_invert")):
    unary(_name, globals()[_f])
Array.__hash__ = Tensor.__hash__
