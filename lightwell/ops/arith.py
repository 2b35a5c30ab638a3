"""Arithmetic of two tensors: + - * / // % ** and their relatives. Long, for they are one family, read together."""

import math

import numpy as np

from .. import dtypes, errors
from ..errors.teaching import RuntimeError, TypeError
from ..tensor import Tensor, make
from .op import op
from .public import public

__all__ = [
    "add", "addcdiv", "addcmul", "div", "divide", "floor_divide", "fmod", "lerp", "mul", "multiply", "neg", "negative",
    "positive", "pow", "remainder", "rsub", "square", "sub", "subtract", "true_divide", "float_power", "reciprocal",
]  # fmt: skip


@op
class add_:
    r"""z = x + y.   ∂z/∂x = 1 and ∂z/∂y = 1,   hence   gx = gz,   gy = gz."""

    def forward(xp, x, y):
        return xp.add(x, y)

    def grad_x(xp, gz):
        return gz

    def grad_y(xp, gz):
        return gz


@op
class sub_:
    r"""z = x - y.   ∂z/∂x = 1 and ∂z/∂y = -1,   hence   gx = gz,   gy = -gz."""

    def forward(xp, x, y):
        return xp.subtract(x, y)

    def grad_x(xp, gz):
        return gz

    def grad_y(xp, gz):
        return -gz


@op
class rsub_:
    r"""z = y - x.   ∂z/∂x = -1 and ∂z/∂y = 1,   hence   gx = -gz,   gy = gz."""

    node_name = "RsubBackward1"

    def forward(xp, x, y):
        return xp.subtract(y, x)

    def grad_x(xp, gz):
        return -gz

    def grad_y(xp, gz):
        return gz


@op
class mul_:
    r"""z = x·y.   ∂z/∂x = y and ∂z/∂y = x,   hence   gx = gz·y,   gy = gz·x."""

    def forward(xp, x, y):
        return xp.multiply(x, y)

    def grad_x(xp, gz, y):
        return gz * y

    def grad_y(xp, gz, x):
        return gz * x


@op
class div_:
    r"""z = x/y.   ∂z/∂x = 1/y and ∂z/∂y = -x/y² = -z/y,   hence   gx = gz/y,   gy = -gz·x/y²."""

    floats = True

    def forward(xp, x, y):
        return xp.divide(x, y)

    def grad_x(xp, gz, y):
        return gz / y

    def grad_y(xp, gz, x, y):
        return -gz * ((x / y) / y)


@op
class pow_:
    r"""z = xʸ = e^(y·log x).   ∂z/∂x = y·x^(y-1);   ∂z/∂y = z·log x (0 where x = 0 ≤ y),   each times gz."""

    def forward(xp, x, y):
        return xp.pow(x, y)

    def grad_x(xp, gz, x, y):
        # At y = 0 the derivative is 0 whatever x is, x = 0 included.
        if not hasattr(y, "shape"):
            return gz * (y * xp.pow(x, y - 1)) if y != 0 else gz * 0
        return gz * xp.where(y == 0, xp.zeros_like(y), y * xp.pow(x, xp.where(y == 0, xp.ones_like(y), y) - 1))

    def grad_y(xp, gz, x, y, z):
        if not hasattr(x, "shape"):
            if x == 0:
                return xp.where(y >= 0, xp.zeros_like(gz), gz * z * -math.inf)
            return gz * z * math.log(x)
        zero = (x == 0) & (y >= 0)
        return gz * xp.where(zero, xp.zeros_like(z), z * xp.log(xp.where(zero, xp.ones_like(x), x)))


@op
class floor_divide_:
    r"""z = ⌊x/y⌋: piecewise constant, so no gradient."""

    def forward(xp, x, y):
        return xp.floor_divide(x, y)


@op
class remainder_:
    r"""z = x - y·⌊x/y⌋, with the sign of y.   ∂z/∂x = 1 and ∂z/∂y = -⌊x/y⌋,   each times gz."""

    def forward(xp, x, y):
        return xp.remainder(x, y)

    def grad_x(xp, gz):
        return gz

    def grad_y(xp, gz, x, y):
        return -gz * xp.floor(x / y)


@op
class fmod_:
    r"""z = x - y·trunc(x/y), with the sign of x.   ∂z/∂x = 1 and ∂z/∂y = -trunc(x/y),   each times gz."""

    def forward(xp, x, y):
        return xp.fmod(x, y)

    def grad_x(xp, gz):
        return gz

    def grad_y(xp, gz, x, y):
        return -gz * xp.trunc(x / y)


@op
class neg_:
    r"""y = -x.   dy/dx = -1,   hence   gx = -gy."""

    def forward(xp, x):
        return xp.negative(x)

    def grad_x(xp, gy):
        return -gy


@op
class square_:
    r"""y = x².   dy/dx = 2x,   hence   gx = gy·2x."""

    node_name = "PowBackward0"

    def forward(xp, x):
        return xp.square(x)

    def grad_x(xp, gy, x):
        return gy * (x * 2)


@op
class reciprocal_:
    r"""y = 1/x.   dy/dx = -1/x² = -y²,   hence   gx = -gy·y²."""

    floats = True

    def forward(xp, x):
        return xp.reciprocal(x)

    def grad_x(xp, gy, y):
        return -gy * (y * y)


def _scaled(name: str, input, other, alpha):
    """alpha·other, with PyTorch's check that an integer result takes no fraction."""
    if isinstance(alpha, bool):
        raise RuntimeError(f"{name}(): Boolean alpha only supported for Boolean results: give a number")
    if not isinstance(alpha, (int, float, complex)):
        raise TypeError(f"{name}(): argument 'alpha' must be Number, not {type(alpha).__name__}")
    d = _common(input, other)
    if d.category < dtypes.FLOAT and not isinstance(alpha, int):
        raise RuntimeError(f"{name}(): For integral input tensors, argument alpha must not be a floating point number.")
    if isinstance(other, Tensor):
        return mul_(other if other.dtype.category == d.category else other.to(d), alpha)
    return other * alpha


def _common(*values) -> dtypes.dtype:
    """The dtype of an operation on the tensors and numbers."""
    tensors = [v for v in values if isinstance(v, Tensor)]
    numbers = [dtypes.of_scalar(v) for v in values if isinstance(v, (int, float, complex))]
    return dtypes.result_of([t.dtype for t in tensors if t.ndim], [t.dtype for t in tensors if not t.ndim], numbers)


def _or_error(name: str, x, y, result):
    if result is NotImplemented:
        raise TypeError(f"{name}(): argument 'other' (position 2) must be Tensor or Number, not {type(y).__name__}")
    return result


def _both_bool(x, y) -> bool:
    return isinstance(x, Tensor) and x._a.dtype.kind == "b" and (y._a.dtype.kind == "b" if isinstance(y, Tensor) else type(y) is bool)


@public(inplace=True, ufunc=np.add)
def add(input, other, *, alpha=1):
    """input + alpha·other, broadcast and promoted.

    RuntimeError where the shapes don't broadcast, TypeError where `other` is neither tensor nor number.

    >>> import lightwell as torch
    >>> torch.add(torch.tensor([1., 2.]), 1, alpha=2)
    tensor([3., 4.])
    """
    if alpha is not True and alpha != 1 and _both_bool(input, other):
        return add_(input, other) if alpha else add_(input, input ^ input)  # alpha counts as a truth value too
    return _or_error("add", input, other, add_(input, other if alpha == 1 else _scaled("add", input, other, alpha)))


@public(inplace=True, ufunc=np.subtract)
def sub(input, other, *, alpha=1):
    """input - alpha·other, broadcast and promoted; RuntimeError for bool operands (use ^ or logical_xor).

    >>> import lightwell as torch
    >>> torch.sub(torch.tensor([3, 4]), 1)
    tensor([2, 3])
    """
    if _both_bool(input, other):
        errors.refuse("sub", dtypes.bool, dtypes.bool)
    return _or_error("sub", input, other, sub_(input, other if alpha == 1 else _scaled("sub", input, other, alpha)))


@public
def rsub(input, other, *, alpha=1):
    """other - alpha·input.

    >>> import lightwell as torch
    >>> torch.rsub(torch.tensor([1., 2.]), 10)
    tensor([9., 8.])
    """
    if _both_bool(input, other):
        errors.refuse("rsub", dtypes.bool, dtypes.bool)
    return _or_error("rsub", input, other, rsub_(input if alpha == 1 else _scaled("rsub", other, input, alpha), other))


@public(inplace=True, ufunc=np.multiply)
def mul(input, other):
    """input · other, element by element, broadcast and promoted.

    >>> import lightwell as torch
    >>> torch.mul(torch.tensor([1., 2.]), torch.tensor([[3.], [4.]]))
    tensor([[3., 6.],
            [4., 8.]])
    """
    return _or_error("mul", input, other, mul_(input, other))


def _true_div(x, y):
    """x/y; integers divide as the default floating-point dtype, as PyTorch's do."""
    try:
        if type(y) is float or x._a.dtype.kind in "fc" or y._a.dtype.kind in "fc":
            return div_(x, y)
    except AttributeError:
        pass
    xs, ys = isinstance(x, Tensor), isinstance(y, Tensor)
    x_int = x.dtype.category < dtypes.FLOAT if xs else isinstance(x, int)
    y_int = y.dtype.category < dtypes.FLOAT if ys else isinstance(y, int)
    if xs and x_int and (y_int or not ys):
        x = x.to(dtypes.get_default_dtype())
    if ys and y_int and (x_int or not xs):
        y = y.to(dtypes.get_default_dtype())
    return div_(x, y)


@public(inplace=True)
def div(input, other, *, rounding_mode=None):
    """input / other; `rounding_mode` "floor" gives ⌊input/other⌋, "trunc" rounds towards 0.

    Integers divide into the default floating-point dtype unless a rounding mode keeps them. RuntimeError for another mode.

    >>> import lightwell as torch
    >>> torch.div(torch.tensor([7, -7]), 2), torch.div(torch.tensor([7, -7]), 2, rounding_mode="trunc")
    (tensor([ 3.5000, -3.5000]), tensor([ 3, -3]))
    """
    if rounding_mode is None:
        return _or_error("div", input, other, _true_div(input, other))
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        _no_zero("div", input, other)
        q = _or_error("div", input, other, floor_divide_(input, other))
        if q.dtype.category < dtypes.FLOAT:  # towards zero: one more where the floor went below
            return add_(q, ((q < 0) & (remainder_(input, other) != 0)).to(q.dtype))
        return _true_div(input, other).trunc()
    raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")


@public(inplace=True)
def floor_divide(input, other):
    """⌊input / other⌋, element by element; ZeroDivisionError's place is taken by RuntimeError for integers.

    >>> import lightwell as torch
    >>> torch.floor_divide(torch.tensor([7, -7]), 2)
    tensor([ 3, -4])
    """
    _no_zero("floor_divide", input, other)
    return _or_error("floor_divide", input, other, floor_divide_(input, other))


@public(inplace=True)
def remainder(input, other):
    """input - other·⌊input/other⌋, with the sign of the divisor (Python's %).

    >>> import lightwell as torch
    >>> torch.remainder(torch.tensor([-3., 3.]), 2)
    tensor([1., 1.])
    """
    _no_zero("remainder", input, other)
    return _or_error("remainder", input, other, remainder_(input, other))


@public(inplace=True)
def fmod(input, other):
    """input - other·trunc(input/other), with the sign of the dividend (C's fmod).

    >>> import lightwell as torch
    >>> torch.fmod(torch.tensor([-3., 3.]), 2)
    tensor([-1.,  1.])
    """
    _no_zero("fmod", input, other)
    return _or_error("fmod", input, other, fmod_(input, other))


def _no_zero(name: str, x, y) -> None:
    """RuntimeError for an integer divided by zero, as PyTorch raises."""
    x_int = x.dtype.category < dtypes.FLOAT if isinstance(x, Tensor) else isinstance(x, int)
    if not x_int:
        return
    if isinstance(y, Tensor):
        if y.dtype.category < dtypes.FLOAT and y._a.size and not y._a.all():
            raise RuntimeError(f"ZeroDivisionError: {name}() of integers met a zero in argument 'other'")
    elif isinstance(y, int) and y == 0:
        raise RuntimeError(f"ZeroDivisionError: {name}() of integers by zero")


def _pow(x, y):
    if isinstance(x, Tensor) and type(y) in (int, float):
        a = x._a
        if y == 2 and a.dtype.kind in "fci":
            return square_(x)
        if a.dtype.kind in "iu" and type(y) is int:
            if y < 0:
                raise RuntimeError("Integers to negative integer powers are not allowed.")
            dtypes.fitted(y, x.dtype)
        if y == 0.5 and a.dtype.kind in "fc":
            return _power_half(x)
    if isinstance(y, Tensor) and y._a.dtype.kind == "i" and ((isinstance(x, Tensor) and x._a.dtype.kind in "iu") or isinstance(x, int)):
        if isinstance(x, int):
            x = make(np.array(x).astype(y._a.dtype))
        if y._a.size and y._a.min() < 0:  # PyTorch's integer rule: 1/x truncated
            both = np.where((y._a < 0) & (np.abs(x._a) != 1), x._a.dtype.type(0), x._a)
            return pow_(make(both), make(np.abs(y._a)))
    return pow_(x, y)


@op
class power_half_:
    r"""y = x^½ = √x.   dy/dx = 1/(2√x),   hence   gx = gy/(2√x)."""

    node_name = "PowBackward0"

    def forward(xp, x):
        return xp.sqrt(x)

    def grad_x(xp, gy, x):  # reads x, not y: what y is written over with afterwards doesn't matter
        return gy / (xp.sqrt(x) * 2)


_power_half = power_half_


@public(inplace=True)
def pow(input, exponent):
    """input to the power exponent, element by element; either may be a number.

    RuntimeError for integers to a negative integer power.

    >>> import lightwell as torch
    >>> torch.pow(torch.tensor([1., 2., 3.]), 2), torch.pow(2, torch.tensor([1., 2.]))
    (tensor([1., 4., 9.]), tensor([2., 4.]))
    """
    return _or_error("pow", input, exponent, _pow(input, exponent))


@public(inplace=True)
def float_power(input, exponent):
    """input to the power exponent, computed in float64 (complex128 for complex).

    >>> import lightwell as torch
    >>> torch.float_power(torch.tensor([2]), 0.5)
    tensor([1.4142], dtype=torch.float64)
    """
    is_complex = any(isinstance(v, complex) or (isinstance(v, Tensor) and v.is_complex()) for v in (input, exponent))
    d = dtypes.complex128 if is_complex else dtypes.float64
    if isinstance(input, Tensor):
        input = input.to(d)
    if isinstance(exponent, Tensor):
        exponent = exponent.to(d)
    return pow_(input, exponent)


@public(inplace=True, ufunc=np.negative)
def neg(input):
    """-input; RuntimeError for bool tensors (use ~ or logical_not).

    >>> import lightwell as torch
    >>> torch.neg(torch.tensor([1., -2.]))
    tensor([-1.,  2.])
    """
    if isinstance(input, Tensor) and input._a.dtype.kind == "b":
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. "
            "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
        )
    return neg_(input)


@public
def positive(input):
    """The tensor itself; RuntimeError for bool tensors.

    >>> import lightwell as torch
    >>> torch.positive(torch.tensor([1, -2]))
    tensor([ 1, -2])
    """
    if input._a.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@public(inplace=True)
def square(input):
    """input², element by element.

    >>> import lightwell as torch
    >>> torch.square(torch.tensor([-2., 3.]))
    tensor([4., 9.])
    """
    return square_(input) if input._a.dtype.kind != "b" else input.to(dtypes.int64)


@public(inplace=True)
def reciprocal(input):
    """1/input, element by element.

    >>> import lightwell as torch
    >>> torch.reciprocal(torch.tensor([2., 4.]))
    tensor([0.5000, 0.2500])
    """
    if isinstance(input, Tensor) and input.dtype.category < dtypes.FLOAT:
        input = input.to(dtypes.get_default_dtype())
    return reciprocal_(input)


@public(inplace=True)
def addcmul(input, tensor1, tensor2, *, value=1):
    """input + value·tensor1·tensor2.

    >>> import lightwell as torch
    >>> torch.addcmul(torch.zeros(2), torch.ones(2), torch.tensor([1., 2.]), value=3)
    tensor([3., 6.])
    """
    return add_(input, mul_(tensor1, tensor2) if value == 1 else mul_(mul_(tensor1, value), tensor2))


@public(inplace=True)
def addcdiv(input, tensor1, tensor2, *, value=1):
    """input + value·tensor1/tensor2; RuntimeError for integer division.

    >>> import lightwell as torch
    >>> torch.addcdiv(torch.zeros(2), torch.ones(2), torch.tensor([1., 2.]), value=3)
    tensor([3.0000, 1.5000])
    """
    if tensor1.dtype.category < dtypes.FLOAT and tensor2.dtype.category < dtypes.FLOAT:
        raise RuntimeError("Integer division with addcdiv is no longer supported: convert tensor1 or tensor2 to a floating-point dtype")
    return add_(input, div_(tensor1 if value == 1 else mul_(tensor1, value), tensor2))


@public(inplace=True)
def lerp(input, end, weight):
    """input + weight·(end - input).

    >>> import lightwell as torch
    >>> torch.lerp(torch.tensor([0., 10.]), torch.tensor([10., 20.]), 0.5)
    tensor([ 5., 15.])
    """
    for argument, t in (("end", end), ("weight", weight)):
        if (
            isinstance(t, Tensor)
            and isinstance(input, Tensor)
            and t.dtype is not input.dtype
            and not (argument == "weight" and not t._a.ndim)
        ):
            raise RuntimeError(
                f"lerp(): expected dtype {input.dtype} for `{argument}` but got dtype {t.dtype}: convert it, with .to(dtype)"
            )
    if isinstance(weight, Tensor) or weight < 0.5:
        return add_(input, mul_(sub_(end, input), weight))
    return sub_(end, mul_(sub_(end, input), 1 - weight))


multiply, subtract, divide, true_divide, negative = mul, sub, div, div, neg
for _name, _f in (("multiply", mul), ("subtract", sub), ("divide", div), ("true_divide", div), ("negative", neg)):
    setattr(Tensor, _name, _f)
    setattr(Tensor, _name + "_", _f.inplace)


def _sub_operator(x, y):
    return sub(x, y) if x._a.dtype.kind == "b" else sub_(x, y)


Tensor.__add__ = Tensor.__radd__ = add_
Tensor.__sub__ = _sub_operator
Tensor.__rsub__ = rsub
Tensor.__mul__ = Tensor.__rmul__ = mul_
Tensor.__truediv__ = _true_div
Tensor.__rtruediv__ = lambda y, x: mul_(reciprocal(y), x)
Tensor.__floordiv__ = floor_divide
Tensor.__rfloordiv__ = lambda y, x: floor_divide(x, y)
Tensor.__mod__ = remainder
Tensor.__rmod__ = lambda y, x: remainder(x, y)
Tensor.__pow__ = lambda x, y: _pow(x, y)
Tensor.__rpow__ = lambda y, x: _pow(x, y)
Tensor.__neg__ = neg
Tensor.__pos__ = positive
Tensor.__iadd__, Tensor.__isub__ = Tensor.add_, Tensor.sub_
Tensor.__imul__, Tensor.__itruediv__ = Tensor.mul_, Tensor.div_
Tensor.__ifloordiv__, Tensor.__imod__, Tensor.__ipow__ = Tensor.floor_divide_, Tensor.remainder_, Tensor.pow_
