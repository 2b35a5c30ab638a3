"""Special functions of tensors beyond the most common ones: polygamma, logit, normal distribution, Bessel functions …"""

import math

import numpy as np

from ..errors.teaching import RuntimeError
from ..tensor import Tensor, make
from .op import op
from .public import public
from .unary import as_float

__all__ = ["logit", "logit_", "mvlgamma", "mvlgamma_", "polygamma", "polygamma_"]


@op
class polygamma_:
    r"""y = ψ⁽ⁿ⁾(x).   dy/dx = ψ⁽ⁿ⁺¹⁾(x)."""

    floats = True

    def forward(xp, x, /, n):
        return xp.polygamma(n, x)

    def grad_x(xp, gy, x, n):
        return gy * xp.polygamma(n + 1, x)


@op
class logit_:
    r"""y = log(x/(1-x)), x first brought into [ε, 1-ε].   gx = gy/(x·(1-x)), 0 outside [ε, 1-ε] (nan outside [0, 1])."""

    floats = True

    def forward(xp, x, /, eps):
        if eps is not None:
            x = xp.minimum(xp.maximum(x, eps), 1 - eps)
        return xp.log(x / (1 - x))

    def grad_x(xp, gy, x, eps):
        g = gy / (x * (1 - x))
        if eps is None:
            return xp.where((x < 0) | (x > 1), xp.full_like(g, math.nan), g)
        return xp.where((x < eps) | (x > 1 - eps), xp.zeros_like(g), g)


@op
class special_ndtr_:
    r"""y = Φ(x) = 1/√(2π) ∫₋∞ˣ exp(-t²/2) dt.   gx = gy·exp(-x²/2)/√(2π)."""

    floats = True

    def forward(xp, x):
        return xp.ndtr(x)

    def grad_x(xp, gy, x):
        return gy * (xp.exp(x * x * -0.5) * 0.3989422804014327)


@op
class special_ndtri_:
    r"""y = Φ⁻¹(x).   dx/dy = exp(-y²/2)/√(2π),   hence   gx = gy·√(2π)·exp(y²/2)."""

    floats = True

    def forward(xp, x):
        return xp.ndtri(x)

    def grad_x(xp, gy, y):
        return gy * (xp.exp(y * y * 0.5) * 2.5066282746310002)


@op
class special_log_ndtr_:
    r"""y = log Φ(x).   gx = gy·Φ′(x)/Φ(x) = gy·√(2/π)/erfcx(-x/√2)."""

    floats = True

    def forward(xp, x):
        return xp.log_ndtr(x)

    def grad_x(xp, gy, x):
        return gy * (0.7978845608028654 / xp.erfcx(x * -0.7071067811865476))


@op
class special_erfcx_:
    r"""y = exp(x²)·erfc(x).   gx = gy·(2xy - 2/√π)."""

    floats = True

    def forward(xp, x):
        return xp.erfcx(x)

    def grad_x(xp, gy, x, y):
        return gy * (x * y * 2 - 1.1283791670955126)


@op
class special_entr_:
    r"""y = -x·log x.   gx = -gy·(log x + 1)."""

    floats = True

    def forward(xp, x):
        return xp.entr(x)

    def grad_x(xp, gy, x):
        return -gy * (xp.log(x) + 1)


@op
class special_i0e_:
    r"""y = e^(-|x|)·I₀(x).   gx = gy·(e^(-|x|)·I₁(x) - sgn(x)·y)."""

    floats = True

    def forward(xp, x):
        return xp.i0e(x)

    def grad_x(xp, gy, x, y):
        return gy * (xp.i1e(x) - xp.sgn(x) * y)


def _i1_slope(xp, x, i0, i1):
    """I₀(x) - I₁(x)/x, 1/2 at 0 (DLMF 10.29.2)."""
    near = xp.abs(x) < 1e-6
    safe = xp.where(near, xp.ones_like(x), x)
    return xp.where(near, xp.full_like(x, 0.5), i0 - i1 / safe)


@op
class special_i1_:
    r"""y = I₁(x).   gx = gy·(I₀(x) - I₁(x)/x)."""

    floats = True

    def forward(xp, x):
        return xp.i1(x)

    def grad_x(xp, gy, x, y):
        return gy * _i1_slope(xp, x, xp.i0(x), y)


@op
class special_i1e_:
    r"""y = e^(-|x|)·I₁(x).   gx = gy·(e^(-|x|)·I₀(x) - y·(sgn x + 1/x))."""

    floats = True

    def forward(xp, x):
        return xp.i1e(x)

    def grad_x(xp, gy, x, y):
        return gy * (_i1_slope(xp, x, xp.i0e(x), y) - xp.sgn(x) * y)


@op
class special_zeta_:
    r"""z = ζ(x, y) = Σₖ (k + y)^(-x).   ∂z/∂y = -x·ζ(x + 1, y); for x no closed form."""

    def forward(xp, x, y):
        return xp.zeta(x, y)

    def grad_y(xp, gz, x, y):
        return gz * (-x * xp.zeta(x + 1, y))


@op
class special_xlog1py_:
    r"""z = x·log(1 + y), 0 where x = 0.   gx = gz·log(1 + y) (0 where x = 0 and y ≤ -1),   gy = gz·x/(1 + y)."""

    def forward(xp, x, y):
        return xp.xlog1py(x, y)

    def grad_x(xp, gz, x, y):
        if not hasattr(y, "shape"):
            return gz * math.log1p(y) if y > -1 else xp.where(x == 0, xp.zeros_like(gz), gz * -math.inf)
        zero = (x == 0) & (y <= -1)
        return xp.where(zero, xp.zeros_like(gz), gz * xp.log1p(xp.where(zero, xp.zeros_like(y), y)))

    def grad_y(xp, gz, x, y):
        return gz * (x / (y + 1))


def _bessel(public_name: str, name: str, what: str):
    """A Bessel function without a derivative, as PyTorch has them."""

    def forward(xp, x):
        return getattr(xp, name)(x)

    return op(type(f"special_{public_name}_", (), {"__doc__": f"y = {what}.", "floats": True, "forward": forward}))


bessel = {
    "bessel_j0": _bessel("bessel_j0", "bessel_j0", "J₀(x)"),
    "bessel_j1": _bessel("bessel_j1", "bessel_j1", "J₁(x)"),
    "bessel_y0": _bessel("bessel_y0", "bessel_y0", "Y₀(x)"),
    "bessel_y1": _bessel("bessel_y1", "bessel_y1", "Y₁(x)"),
    "modified_bessel_k0": _bessel("modified_bessel_k0", "bessel_k0", "K₀(x)"),
    "modified_bessel_k1": _bessel("modified_bessel_k1", "bessel_k1", "K₁(x)"),
    "scaled_modified_bessel_k0": _bessel("scaled_modified_bessel_k0", "bessel_k0e", "eˣ·K₀(x)"),
    "scaled_modified_bessel_k1": _bessel("scaled_modified_bessel_k1", "bessel_k1e", "eˣ·K₁(x)"),
}

_polygamma, _logit = polygamma_, logit_


@public(method=False)
def polygamma(n, input):
    """ψ⁽ⁿ⁾(input), the n-th derivative of the digamma function, n ≥ 0.

    RuntimeError for negative n.

    >>> import lightwell as torch
    >>> torch.polygamma(1, torch.tensor([1., 0.5]))
    tensor([1.6449, 4.9348])
    """
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n: got {n}")
    if n == 0:
        return input.digamma()
    return _polygamma(input, int(n))


def polygamma_(input, n):
    """`polygamma`, written over the tensor."""
    from .inplace import overwrite

    return overwrite(input, polygamma(n, input), "polygamma_")


Tensor.polygamma = lambda self, n: polygamma(n, self)
Tensor.polygamma_ = polygamma_


@public(inplace=True)
def logit(input, eps=None):
    """log(x/(1-x)), the inverse of sigmoid; with `eps`, x is first brought into [eps, 1-eps].

    >>> import lightwell as torch
    >>> torch.logit(torch.tensor([0.5, 0.9]))
    tensor([0.0000, 2.1972])
    """
    return _logit(as_float(input), eps)


logit_ = logit.inplace


@public(inplace=True)
def mvlgamma(input, p):
    """log Γₚ(x) = p(p-1)/4·log π + Σⱼ log Γ(x + (1-j)/2), j = 1 … p: the multivariate log-gamma function.

    RuntimeError for p < 1.

    >>> import lightwell as torch
    >>> torch.mvlgamma(torch.tensor([2.5]), 2)
    tensor([0.8570])
    """
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, got {p}")
    x = as_float(input)
    shifts = make(np.arange(p, dtype=x._a.dtype) * x._a.dtype.type(-0.5))
    return (x.unsqueeze(-1) + shifts).lgamma().sum(-1) + p * (p - 1) / 4 * math.log(math.pi)


mvlgamma_ = mvlgamma.inplace
