"""Functions of one tensor, element by element: exponentials, logarithms, circular, hyperbolic and special functions.

The module also gathers the names of its siblings: comparisons, choices, complex parts, and the special functions.
"""

import math

import numpy as np

from ..backend import numpy as NP
from . import choose, compare, complexes, pairs, rounding, special_ops
from .choose import *
from .compare import *
from .complexes import *
from .op import op
from .pairs import *
from .rounding import *
from .special_ops import *
from .unary import example, unary

__all__ = compare.__all__ + complexes.__all__ + rounding.__all__ + choose.__all__ + pairs.__all__ + special_ops.__all__

LOG2, LOG10, TWO_BY_ROOT_PI, DEGREE = math.log(2), math.log(10), 2 / math.sqrt(math.pi), math.pi / 180


def sinc_slope(xp, x):
    """d sinc(x)/dx, by its series near 0, where the formula cancels."""
    near = xp.abs(x) < 0.02
    t = xp.where(near, xp.ones_like(x), x)
    u = x * x
    p2 = math.pi**2
    series = x * (-p2 / 3 + u * (p2**2 / 30 - u * (p2**3 / 840 - u * (p2**4 / 45360))))
    return xp.where(near, series, (xp.cos(t * math.pi) - xp.sin(t * math.pi) / (t * math.pi)) / t)


@op
class exp_:
    r"""y = eˣ.   dy/dx = eˣ = y,   hence   gx = gy·y."""

    floats = True

    def forward(xp, x):
        return xp.exp(x)

    def grad_x(xp, gy, y):
        return gy * y


@op
class exp2_:
    r"""y = 2ˣ = e^(x·log 2).   dy/dx = y·log 2,   hence   gx = gy·y·log 2."""

    floats = True

    def forward(xp, x):
        return xp.exp2(x)

    def grad_x(xp, gy, y):
        return gy * y * LOG2


@op
class expm1_:
    r"""y = eˣ - 1.   dy/dx = eˣ = y + 1,   hence   gx = gy·(y + 1)."""

    floats = True

    def forward(xp, x):
        return xp.expm1(x)

    def grad_x(xp, gy, y):
        return gy * (y + 1)


@op
class log_:
    r"""y = log x.   dy/dx = 1/x,   hence   gx = gy/x."""

    floats = True

    def forward(xp, x):
        return xp.log(x)

    def grad_x(xp, gy, x):
        return gy / x


@op
class log10_:
    r"""y = log x/log 10.   gx = gy/(x·log 10)."""

    floats = True

    def forward(xp, x):
        return xp.log10(x)

    def grad_x(xp, gy, x):
        return gy / (x * LOG10)


@op
class log2_:
    r"""y = log x/log 2.   gx = gy/(x·log 2)."""

    floats = True

    def forward(xp, x):
        return xp.log2(x)

    def grad_x(xp, gy, x):
        return gy / (x * LOG2)


@op
class log1p_:
    r"""y = log(1 + x).   gx = gy/(1 + x)."""

    floats = True

    def forward(xp, x):
        return xp.log1p(x)

    def grad_x(xp, gy, x):
        return gy / (x + 1)


@op
class sqrt_:
    r"""y = √x.   dy/dx = 1/(2√x),   hence   gx = gy/(2y)."""

    floats = True

    def forward(xp, x):
        return xp.sqrt(x)

    def grad_x(xp, gy, y):
        return gy / (y * 2)


@op
class rsqrt_:
    r"""y = x^(-1/2).   dy/dx = -x^(-3/2)/2 = -y³/2,   hence   gx = -gy·y³/2."""

    floats = True

    def forward(xp, x):
        return xp.rsqrt(x)

    def grad_x(xp, gy, y):
        return gy * (y * y * y) * -0.5


@op
class sin_:
    r"""y = sin x.   gx = gy·cos x."""

    floats = True

    def forward(xp, x):
        return xp.sin(x)

    def grad_x(xp, gy, x):
        return gy * xp.cos(x)


@op
class cos_:
    r"""y = cos x.   gx = -gy·sin x."""

    floats = True

    def forward(xp, x):
        return xp.cos(x)

    def grad_x(xp, gy, x):
        return -gy * xp.sin(x)


@op
class tan_:
    r"""y = tan x = sin x/cos x.   dy/dx = 1 + tan²x,   hence   gx = gy·(1 + y²)."""

    floats = True

    def forward(xp, x):
        return xp.tan(x)

    def grad_x(xp, gy, y):
        return gy * (y * y + 1)


@op
class asin_:
    r"""y = arcsin x: x = sin y, dx/dy = cos y = √(1-x²),   hence   gx = gy/√(1-x²)."""

    floats = True

    def forward(xp, x):
        return xp.asin(x)

    def grad_x(xp, gy, x):
        return gy / xp.sqrt(1 - x * x)


@op
class acos_:
    r"""y = arccos x = π/2 - arcsin x,   hence   gx = -gy/√(1-x²)."""

    floats = True

    def forward(xp, x):
        return xp.acos(x)

    def grad_x(xp, gy, x):
        return -gy / xp.sqrt(1 - x * x)


@op
class atan_:
    r"""y = arctan x: x = tan y, dx/dy = 1 + x²,   hence   gx = gy/(1 + x²)."""

    floats = True

    def forward(xp, x):
        return xp.atan(x)

    def grad_x(xp, gy, x):
        return gy / (x * x + 1)


@op
class sinh_:
    r"""y = sinh x.   gx = gy·cosh x."""

    floats = True

    def forward(xp, x):
        return xp.sinh(x)

    def grad_x(xp, gy, x):
        return gy * xp.cosh(x)


@op
class cosh_:
    r"""y = cosh x.   gx = gy·sinh x."""

    floats = True

    def forward(xp, x):
        return xp.cosh(x)

    def grad_x(xp, gy, x):
        return gy * xp.sinh(x)


@op
class tanh_:
    r"""y = tanh x.   dy/dx = 1 - tanh²x = 1 - y²,   hence   gx = gy·(1 - y²)."""

    floats = True

    def forward(xp, x):
        return xp.tanh(x)

    def grad_x(xp, gy, y):
        return gy - gy * y * y


@op
class asinh_:
    r"""y = arsinh x: x = sinh y, dx/dy = √(1+x²),   hence   gx = gy/√(1+x²)."""

    floats = True

    def forward(xp, x):
        return xp.asinh(x)

    def grad_x(xp, gy, x):
        return gy / xp.sqrt(x * x + 1)


@op
class acosh_:
    r"""y = arcosh x: x = cosh y, dx/dy = √(x-1)·√(x+1),   hence   gx = gy/(√(x-1)·√(x+1))."""

    floats = True

    def forward(xp, x):
        return xp.acosh(x)

    def grad_x(xp, gy, x):
        return gy / (xp.sqrt(x - 1) * xp.sqrt(x + 1))


@op
class atanh_:
    r"""y = artanh x: x = tanh y, dx/dy = 1 - x²,   hence   gx = gy/(1 - x²)."""

    floats = True

    def forward(xp, x):
        return xp.atanh(x)

    def grad_x(xp, gy, x):
        return gy / (1 - x * x)


@op
class sigmoid_:
    r"""y = 1/(1 + e⁻ˣ).   dy/dx = e⁻ˣ/(1+e⁻ˣ)² = y·(1 - y),   hence   gx = gy·y·(1 - y)."""

    floats = True

    def forward(xp, x):
        return xp.sigmoid(x)

    def grad_x(xp, gy, y):
        return gy * (y - y * y)


@op
class sinc_:
    r"""y = sin(πx)/(πx), 1 at 0.   dy/dx = (cos(πx) - y)/x, 0 at 0."""

    floats = True

    def forward(xp, x):
        return xp.sinc(x)

    def grad_x(xp, gy, x):
        return gy * sinc_slope(xp, x)


@op
class erf_:
    r"""y = 2/√π ∫₀ˣ exp(-t²) dt.   gx = gy·2/√π·exp(-x²)."""

    floats = True

    def forward(xp, x):
        return xp.erf(x)

    def grad_x(xp, gy, x):
        return gy * (xp.exp(-x * x) * TWO_BY_ROOT_PI)


@op
class erfc_:
    r"""y = 1 - erf x.   gx = -gy·2/√π·exp(-x²)."""

    floats = True

    def forward(xp, x):
        return xp.erfc(x)

    def grad_x(xp, gy, x):
        return gy * (xp.exp(-x * x) * -TWO_BY_ROOT_PI)


@op
class erfinv_:
    r"""y = erf⁻¹ x: dx/dy = 2/√π·exp(-y²),   hence   gx = gy·√π/2·exp(y²)."""

    floats = True

    def forward(xp, x):
        return xp.erfinv(x)

    def grad_x(xp, gy, y):
        return gy * (xp.exp(y * y) * (1 / TWO_BY_ROOT_PI))


@op
class lgamma_:
    r"""y = log |Γ(x)|.   dy/dx = ψ(x), the digamma function."""

    floats = True

    def forward(xp, x):
        return xp.lgamma(x)

    def grad_x(xp, gy, x):
        return gy * xp.digamma(x)


@op
class digamma_:
    r"""y = ψ(x).   dy/dx = ψ′(x), the trigamma function."""

    floats = True

    def forward(xp, x):
        return xp.digamma(x)

    def grad_x(xp, gy, x):
        return gy * xp.polygamma(1, x)


@op
class i0_:
    r"""y = I₀(x).   dy/dx = I₁(x) (DLMF 10.29.3)."""

    floats = True

    def forward(xp, x):
        return xp.i0(x)

    def grad_x(xp, gy, x):
        return gy * xp.i1(x)


@op
class deg2rad_:
    r"""y = x·π/180.   gx = gy·π/180."""

    floats = True

    def forward(xp, x):
        return xp.multiply(x, DEGREE)

    def grad_x(xp, gy):
        return gy * DEGREE


@op
class rad2deg_:
    r"""y = x·180/π.   gx = gy·180/π."""

    floats = True

    def forward(xp, x):
        return xp.multiply(x, 1 / DEGREE)

    def grad_x(xp, gy):
        return gy * (1 / DEGREE)


_TABLE = (
    ("acos", acos_, "The angle in [0, π] whose cosine is x; nan outside [-1, 1].", "[1., 0.]", "tensor([0.0000, 1.5708])", ("arccos",)),
    ("acosh", acosh_, "The y ≥ 0 with cosh y = x; nan below 1.", "[1., 2.]", "tensor([0.0000, 1.3170])", ("arccosh",)),
    ("asin", asin_, "The angle in [-π/2, π/2] whose sine is x; nan outside [-1, 1].", "[0., 1.]", "tensor([0.0000, 1.5708])", ("arcsin",)),
    ("asinh", asinh_, "The y with sinh y = x.", "[0., 1.]", "tensor([0.0000, 0.8814])", ("arcsinh",)),
    ("atan", atan_, "The angle in (-π/2, π/2) whose tangent is x.", "[0., 1.]", "tensor([0.0000, 0.7854])", ("arctan",)),
    ("atanh", atanh_, "The y with tanh y = x: log((1+x)/(1-x))/2; ±∞ at ±1, nan beyond.", "[0., 0.5]", "tensor([0.0000, 0.5493])", ("arctanh",)),
    ("cos", cos_, "cos x, x in radians.", "[0., 1.]", "tensor([1.0000, 0.5403])", (), NP.cos),
    ("cosh", cosh_, "(eˣ + e⁻ˣ)/2.", "[0., 1.]", "tensor([1.0000, 1.5431])", ()),
    ("exp", exp_, "eˣ.", "[0., 1.]", "tensor([1.0000, 2.7183])", (), NP.exp),
    ("exp2", exp2_, "2ˣ.", "[0., 3.]", "tensor([1., 8.])", ()),
    ("expm1", expm1_, "eˣ - 1, exact for small x.", "[0., 1e-5]", "tensor([0.0000e+00, 1.0000e-05])", ()),
    ("log", log_, "The natural logarithm of x: -∞ at 0, nan below.", "[1., 2.]", "tensor([0.0000, 0.6931])", (), NP.log),
    ("log10", log10_, "The logarithm of x to the base 10.", "[1., 10.]", "tensor([0., 1.])", ()),
    ("log1p", log1p_, "log(1 + x), exact for small x.", "[0., 1e-5]", "tensor([0.0000e+00, 9.9999e-06])", ()),
    ("log2", log2_, "The logarithm of x to the base 2.", "[1., 8.]", "tensor([0., 3.])", ()),
    ("rsqrt", rsqrt_, "1/√x.", "[1., 4.]", "tensor([1.0000, 0.5000])", ()),
    ("sigmoid", sigmoid_, "1/(1 + e⁻ˣ).", "[0., 2.]", "tensor([0.5000, 0.8808])", ()),
    ("sin", sin_, "sin x, x in radians.", "[0., 1.]", "tensor([0.0000, 0.8415])", (), NP.sin),
    ("sinc", sinc_, "sin(πx)/(πx), 1 at 0.", "[0., 0.5]", "tensor([1.0000, 0.6366])", ()),
    ("sinh", sinh_, "(eˣ - e⁻ˣ)/2.", "[0., 1.]", "tensor([0.0000, 1.1752])", ()),
    ("sqrt", sqrt_, "√x; nan below 0.", "[4., 2.]", "tensor([2.0000, 1.4142])", (), np.sqrt),
    ("tan", tan_, "tan x, x in radians.", "[0., 1.]", "tensor([0.0000, 1.5574])", ()),
    ("tanh", tanh_, "(eˣ - e⁻ˣ)/(eˣ + e⁻ˣ).", "[0., 1.]", "tensor([0.0000, 0.7616])", (), NP.tanh),
    ("erf", erf_, "2/√π ∫₀ˣ exp(-t²) dt.", "[0., 1.]", "tensor([0.0000, 0.8427])", ()),
    ("erfc", erfc_, "1 - erf x, without cancellation for large x.", "[0., 3.]", "tensor([1.0000e+00, 2.2090e-05])", ()),
    ("erfinv", erfinv_, "The y with erf y = x: ±∞ at ±1, nan beyond.", "[0., 0.5]", "tensor([0.0000, 0.4769])", ()),
    ("lgamma", lgamma_, "log |Γ(x)|.", "[1., 5.]", "tensor([0.0000, 3.1781])", ()),
    ("digamma", digamma_, "ψ(x) = d log Γ(x)/dx.", "[1., 2.]", "tensor([-0.5772,  0.4228])", ()),
    ("i0", i0_, "I₀(x), the modified Bessel function of the first kind of order 0.", "[0., 1.]", "tensor([1.0000, 1.2661])", ()),
    ("deg2rad", deg2rad_, "x·π/180.", "[0., 180.]", "tensor([0.0000, 3.1416])", ()),
    ("rad2deg", rad2deg_, "x·180/π.", "[0., 1.]", "tensor([ 0.0000, 57.2958])", ()),
)  # fmt: skip

for _name, _run, _doc, _argument, _shown, _aliases, *_ufunc in _TABLE:
    _doc += example(f"torch.{_name}(torch.tensor({_argument}))", _shown)
    globals().update(unary(__all__, _name, _run, _doc, *_aliases, ufunc=_ufunc[0] if _ufunc else None))
del _name, _run, _doc, _argument, _shown, _aliases, _ufunc
