"""Arithmetic of two tensors: + - * / // % ** and their relatives."""

import math

import numpy as np

from .. import dtypes
from ..tensor import Tensor
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
