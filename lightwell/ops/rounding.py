"""Rounding, and the sign."""

import numpy as np

from .. import dtypes
from ..errors.teaching import NotImplementedError
from ..tensor import wrap
from .op import op
from .public import public
from .unary import example, unary

__all__ = ["round", "round_"]


@op
class floor_:
    r"""y = ⌊x⌋.   dy/dx = 0 almost everywhere."""

    def forward(xp, x):
        return xp.floor(x)

    def grad_x(xp, gy):
        return xp.zeros_like(gy)


@op
class ceil_:
    r"""y = ⌈x⌉.   dy/dx = 0 almost everywhere."""

    def forward(xp, x):
        return xp.ceil(x)

    def grad_x(xp, gy):
        return xp.zeros_like(gy)


@op
class trunc_:
    r"""y = x without its fraction.   dy/dx = 0 almost everywhere."""

    def forward(xp, x):
        return xp.trunc(x)

    def grad_x(xp, gy):
        return xp.zeros_like(gy)


@op
class frac_:
    r"""y = x - trunc x.   dy/dx = 1 almost everywhere."""

    def forward(xp, x):
        return x - xp.trunc(x)

    def grad_x(xp, gy):
        return gy


@op
class round_:
    r"""y = the integer next to x, the even one of two.   dy/dx = 0 almost everywhere."""

    def forward(xp, x):
        return xp.round(x)

    def grad_x(xp, gy):
        return xp.zeros_like(gy)


@op
class sign_:
    r"""y = x/|x|, 0 at 0.   dy/dx = 0 almost everywhere."""

    def forward(xp, x):
        return xp.sgn(x)

    def grad_x(xp, gy):
        return xp.zeros_like(gy)


def _whole(name: str, run):
    """`run` with PyTorch's refusal of bool (and, for frac, of integers)."""

    def checked(x):
        kind = getattr(getattr(x, "_a", None), "dtype", None)
        if kind is not None and (kind.kind == "c" or (kind.kind == "b" and name != "sign") or (name == "frac" and kind.kind in "iu")):
            raise NotImplementedError(
                f'"{name}" not implemented for {dtypes.from_np(kind)!s}: it takes floating-point tensors; convert with .to(dtype)'
            )
        return run(x)

    return checked


_TABLE = (
    ("ceil", ceil_, "The smallest integer ≥ x, in x's dtype.", "[-0.5, 1.2]", "tensor([-0., 2.])", (), np.ceil),
    ("floor", floor_, "The largest integer ≤ x, in x's dtype.", "[-0.5, 1.2]", "tensor([-1.,  1.])", (), np.floor),
    ("trunc", trunc_, "x without its fractional part.", "[-1.5, 1.2]", "tensor([-1.,  1.])", ("fix",), np.trunc),
    ("frac", frac_, "x - trunc x, which has the sign of x.", "[-1.5, 1.25]", "tensor([-0.5000,  0.2500])", ()),
    ("sign", sign_, "-1, 0 or 1 with the sign of x.", "[-3., 0., 2.]", "tensor([-1.,  0.,  1.])", ()),
)  # fmt: skip

for _name, _run, _doc, _argument, _shown, _aliases, *_ufunc in _TABLE:
    _doc += example(f"torch.{_name}(torch.tensor({_argument}))", _shown)
    _run = _whole(_name, _run)
    globals().update(unary(__all__, _name, _run, _doc, *_aliases, ufunc=_ufunc[0] if _ufunc else None))
del _name, _run, _doc, _argument, _shown, _aliases, _ufunc

_round = _whole("round", round_)


@public(inplace=True)
def round(input, *, decimals=0):
    """The nearest integer, the even one of two; with `decimals` the nearest multiple of 10^-decimals.

    >>> import lightwell as torch
    >>> torch.round(torch.tensor([0.5, 1.5, -2.6]))
    tensor([ 0.,  2., -3.])
    """
    if input._a.dtype.kind in "iu":
        return wrap(input._a.copy())
    if not decimals:
        return _round(input)
    scale = 10.0 ** abs(decimals)
    return _round(input * scale) / scale if decimals > 0 else _round(input / scale) * scale


_record, round_ = round_, round.inplace
