"""Functions of two numbers that are no arithmetic: angles, lengths, signs, neighbours, log-sums, common divisors …"""

import numpy as np

from .. import dtypes
from ..errors.teaching import RuntimeError, TypeError
from ..tensor import Tensor, make
from . import return_types
from .arith import mul_, pow_
from .op import op
from .public import public
from .unary import as_float

__all__ = [
    "arctan2", "atan2", "copysign", "frexp", "gcd", "gcd_", "heaviside", "hypot", "lcm", "lcm_", "ldexp", "ldexp_",
    "logaddexp", "logaddexp2", "nextafter", "xlogy", "xlogy_",
]  # fmt: skip


@op
class atan2_:
    r"""z = the angle of the point (y, x) in (-π, π].   gx = gz·y/(x² + y²),   gy = -gz·x/(x² + y²);   both 0 at the origin."""

    def forward(xp, x, y):
        return xp.atan2(x, y)

    def grad_x(xp, gz, x, y):
        square = x * x + y * y
        return gz * xp.where(square == 0, xp.zeros_like(square), y / square)

    def grad_y(xp, gz, x, y):
        square = x * x + y * y
        return gz * xp.where(square == 0, xp.zeros_like(square), -x / square)


@op
class hypot_:
    r"""z = √(x² + y²).   gx = gz·x/z,   gy = gz·y/z."""

    def forward(xp, x, y):
        return xp.hypot(x, y)

    def grad_x(xp, gz, x, z):
        return gz * (x / z)

    def grad_y(xp, gz, y, z):
        return gz * (y / z)


@op
class copysign_:
    r"""z = |x| with the sign of y.   gx = gz·z/x = gz·sgn x·sgn z, 0 at 0;   gy = 0."""

    def forward(xp, x, y):
        return xp.copysign(x, y)

    def grad_x(xp, gz, x, z):
        return gz * (xp.sgn(x) * xp.sgn(z))

    def grad_y(xp, gz):
        return xp.zeros_like(gz)


@op
class nextafter_:
    r"""z = the number next to x in the direction of y."""

    def forward(xp, x, y):
        return xp.nextafter(x, y)


@op
class heaviside_:
    r"""z = 0 where x < 0, y where x = 0, 1 where x > 0."""

    def forward(xp, x, y):
        return xp.heaviside(x, y)


@op
class logaddexp_:
    r"""z = log(eˣ + eʸ).   ∂z/∂x = eˣ/(eˣ + eʸ) = 1/(1 + e^(y-x)),   hence   gx = gz·sigmoid(x - y),   gy = gz·sigmoid(y - x)."""

    def forward(xp, x, y):
        return xp.logaddexp(x, y)

    def grad_x(xp, gz, x, y):
        return gz * xp.sigmoid(x - y)

    def grad_y(xp, gz, x, y):
        return gz * xp.sigmoid(y - x)


LOG2 = 0.6931471805599453


@op
class logaddexp2_:
    r"""z = log₂(2ˣ + 2ʸ).   gx = gz·sigmoid((x - y)·log 2),   gy = gz·sigmoid((y - x)·log 2)."""

    def forward(xp, x, y):
        return xp.logaddexp2(x, y)

    def grad_x(xp, gz, x, y):
        return gz * xp.sigmoid((x - y) * LOG2)

    def grad_y(xp, gz, x, y):
        return gz * xp.sigmoid((y - x) * LOG2)


@op
class xlogy_:
    r"""z = x·log y, 0 where x = 0.   gx = gz·log y (0 where x = 0 and y ≤ 0),   gy = gz·x/y."""

    def forward(xp, x, y):
        return xp.xlogy(x, y)

    def grad_x(xp, gz, x, y):
        if not hasattr(y, "shape"):
            return gz * float(np.log(y)) if y > 0 else xp.where(x == 0, xp.zeros_like(gz), gz * float("-inf"))
        zero = (x == 0) & (y <= 0)
        return xp.where(zero, xp.zeros_like(gz), gz * xp.log(xp.where(zero, xp.ones_like(y), y)))

    def grad_y(xp, gz, x, y):
        return gz * (x / y)


@op
class gcd_:
    r"""z = the greatest common divisor of x and y."""

    def forward(xp, x, y):
        return xp.gcd(x, y)


@op
class lcm_:
    r"""z = the least common multiple of x and y."""

    def forward(xp, x, y):
        return xp.lcm(x, y)


@op
class frexp_:
    r"""x = mantissa·2^exponent, 1/2 ≤ |mantissa| < 1.   gx = gmantissa·2^(-exponent)."""

    outputs = ("mantissa", "exponent")

    def forward(xp, x):
        return xp.frexp(x)

    def grads(xp, needed, gmantissa, exponent):
        return (gmantissa * xp.exp2(-xp.astype(exponent, gmantissa.dtype)),)


# ---- public ---------------------------------------------------------------------------------------------------------


def pair(name: str, record, doc: str, call: str, shown: str, floats: bool = False, inplace: bool = False, real: bool = True):
    """A public function of two tensors."""

    def combine(input, other):
        for position, (argument, value) in enumerate((("input", input), ("other", other)), 1):
            if not isinstance(value, Tensor):
                raise TypeError(f"{name}(): argument '{argument}' (position {position}) must be Tensor, not {type(value).__name__}")
            if real and value._a.dtype.kind == "c":
                raise RuntimeError(f"{name} not implemented for complex tensors.")
        if floats and input._a.dtype.kind in "iub" and other._a.dtype.kind in "iub":
            input, other = as_float(input), as_float(other)
        return record(input, other)

    combine.__name__ = name
    combine.__doc__ = f"{doc}\n\n>>> import lightwell as torch\n>>> torch.{call}\n{shown}\n"
    return public(combine, inplace=inplace)


atan2 = arctan2 = pair(
    "atan2", atan2_, "The angle of the points (other, input) in (-π, π].", "atan2(torch.tensor([1., 0.]), torch.tensor([0., -1.]))",
    "tensor([1.5708, 3.1416])", floats=True, inplace=True,
)  # fmt: skip
Tensor.arctan2, Tensor.arctan2_ = atan2, atan2.inplace
hypot = pair(
    "hypot", hypot_, "√(input² + other²).", "hypot(torch.tensor([3.]), torch.tensor([4.]))", "tensor([5.])", floats=True, inplace=True
)
nextafter = pair(
    "nextafter", nextafter_, "The floating-point number next to input in the direction of other.",
    "nextafter(torch.tensor([0.]), torch.tensor([1.]))", "tensor([1.4013e-45])", inplace=True,
)  # fmt: skip
logaddexp = pair(
    "logaddexp", logaddexp_, "log(exp(input) + exp(other)), without overflow.", "logaddexp(torch.tensor([1.]), torch.tensor([1.]))",
    "tensor([1.6931])", real=False, floats=True,
)  # fmt: skip
logaddexp2 = pair(
    "logaddexp2", logaddexp2_, "log₂(2^input + 2^other), without overflow.", "logaddexp2(torch.tensor([4.]), torch.tensor([4.]))", "tensor([5.])",
    floats=True,
)  # fmt: skip
gcd = pair(
    "gcd", gcd_, "The greatest common divisor.", "gcd(torch.tensor([12, 18]), torch.tensor([8, 27]))", "tensor([4, 9])", inplace=True
)
lcm = pair("lcm", lcm_, "The least common multiple.", "lcm(torch.tensor([4, 6]), torch.tensor([6, 5]))", "tensor([12, 30])", inplace=True)
gcd_, lcm_ = gcd.inplace, lcm.inplace


@public(inplace=True)
def heaviside(input, values):
    """0 where input < 0, `values` where it is 0, 1 above; RuntimeError for two dtypes.

    >>> import lightwell as torch
    >>> torch.heaviside(torch.tensor([-1., 0., 2.]), torch.tensor([0.5]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    return heaviside_(input, values)


@public(inplace=True)
def copysign(input, other):
    """|input| with the sign of other (a tensor or a number).

    >>> import lightwell as torch
    >>> torch.copysign(torch.tensor([1., -2.]), -0.0)
    tensor([-1., -2.])
    """
    if not isinstance(other, Tensor):
        other = make(np.asarray(other, input._a.dtype if input._a.dtype.kind == "f" else dtypes.get_default_dtype().np))
    if input._a.dtype.kind in "iub" and other._a.dtype.kind in "iub":
        input, other = as_float(input), as_float(other)
    return copysign_(input, other)


_xlogy = xlogy_


@public(inplace=True)
def xlogy(input, other):
    """input·log(other), 0 where input is 0 (nan where other is nan); one of both may be a number.

    >>> import lightwell as torch
    >>> torch.xlogy(torch.tensor([0., 2.]), torch.tensor([0., 1.]))
    tensor([0., 0.])
    """
    if not any(isinstance(v, Tensor) and v._a.dtype.kind not in "iub" for v in (input, other)):
        input, other = as_float(input), as_float(other)
    return _xlogy(input, other)


xlogy_ = xlogy.inplace


@public(inplace=True)
def ldexp(input, other):
    """input·2^other.

    >>> import lightwell as torch
    >>> torch.ldexp(torch.tensor([1., 3.]), torch.tensor([2, 3]))
    tensor([ 4., 24.])
    """
    return mul_(input, pow_(2.0, other))


ldexp_ = ldexp.inplace


@public
def frexp(input):
    """(mantissa, exponent) with input = mantissa·2^exponent and 1/2 ≤ |mantissa| < 1; exponents are int32.

    RuntimeError for tensors that are not floating-point.

    >>> import lightwell as torch
    >>> torch.frexp(torch.tensor([8., 3.])).exponent
    tensor([4, 2], dtype=torch.int32)
    """
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"torch.frexp() only supports floating-point dtypes: this tensor is {input.dtype}")
    return return_types.named("frexp", "mantissa", "exponent")(*frexp_(input))
