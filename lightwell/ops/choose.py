"""Choosing between values: the larger, the smaller, where, clamp, threshold, what stands for nan."""

import builtins

import numpy as np

from .. import dtypes, errors
from ..errors.teaching import NotImplementedError, RuntimeError, TypeError
from ..tensor import Tensor, make
from .op import op
from .pairs import pair
from .public import public
from .unary import as_float

__all__ = [
    "clamp", "clamp_", "clamp_max", "clamp_max_", "clamp_min", "clamp_min_", "clip", "clip_", "fmax", "fmin",
    "maximum", "minimum", "nan_to_num", "nan_to_num_", "threshold", "threshold_", "where",
]  # fmt: skip


@op
class maximum_:
    r"""z = max(x, y).   gx = gz where x > y, half of it where x = y, else 0;   gy likewise."""

    def forward(xp, x, y):
        return xp.maximum(x, y)

    def grad_x(xp, gz, x, y):
        return xp.where(x == y, gz * 0.5, xp.where(x < y, xp.zeros_like(gz), gz))

    def grad_y(xp, gz, x, y):
        return xp.where(x == y, gz * 0.5, xp.where(y < x, xp.zeros_like(gz), gz))


@op
class minimum_:
    r"""z = min(x, y).   gx = gz where x < y, half of it where x = y, else 0;   gy likewise."""

    def forward(xp, x, y):
        return xp.minimum(x, y)

    def grad_x(xp, gz, x, y):
        return xp.where(x == y, gz * 0.5, xp.where(x > y, xp.zeros_like(gz), gz))

    def grad_y(xp, gz, x, y):
        return xp.where(x == y, gz * 0.5, xp.where(y > x, xp.zeros_like(gz), gz))


@op
class fmax_:
    r"""z = max(x, y), the number where one is nan.   gx = gz where x ≥ y or y is nan;   gy = gz elsewhere."""

    def forward(xp, x, y):
        return xp.fmax(x, y)

    def grad_x(xp, gz, x, y):
        return xp.where((x >= y) | xp.isnan(y), gz, xp.zeros_like(gz))

    def grad_y(xp, gz, x, y):
        return xp.where((x >= y) | xp.isnan(y), xp.zeros_like(gz), gz)


@op
class fmin_:
    r"""z = min(x, y), the number where one is nan.   gx = gz where x ≤ y or y is nan;   gy = gz elsewhere."""

    def forward(xp, x, y):
        return xp.fmin(x, y)

    def grad_x(xp, gz, x, y):
        return xp.where((x <= y) | xp.isnan(y), gz, xp.zeros_like(gz))

    def grad_y(xp, gz, x, y):
        return xp.where((x <= y) | xp.isnan(y), xp.zeros_like(gz), gz)


@op
class clamp_:
    r"""y = min(max(x, low), high).   gx = gy where low ≤ x ≤ high, 0 outside."""

    node_name = "ClampBackward1"

    def forward(xp, x, /, low, high):
        if low is not None:
            x = xp.maximum(x, low)
        return x if high is None else xp.minimum(x, high)

    def grad_x(xp, gy, x, low, high):
        if low is None:
            inside = x <= high
        elif high is None:
            inside = x >= low
        else:
            inside = (x >= low) & (x <= high)
        return xp.where(inside, gy, xp.zeros_like(gy))


@op
class clamp_min_:
    r"""y = max(x, low).   gx = gy where x ≥ low, 0 below."""

    def forward(xp, x, /, low):
        return xp.maximum(x, low)

    def grad_x(xp, gy, x, low):
        return xp.where(x >= low, gy, xp.zeros_like(gy))


@op
class clamp_max_:
    r"""y = min(x, high).   gx = gy where x ≤ high, 0 above."""

    def forward(xp, x, /, high):
        return xp.minimum(x, high)

    def grad_x(xp, gy, x, high):
        return xp.where(x <= high, gy, xp.zeros_like(gy))


@op
class clamp_between_:
    r"""z = min(max(x, low), high).   gx = gz where low ≤ x ≤ high;   low's where x < low < high;   high's where x or low > high."""

    node_name = "ClampBackward0"
    broadcasts = True
    outputs = ("z",)

    def forward(xp, x, low, high):
        if low is not None:
            x = xp.maximum(x, low)
        return x if high is None else xp.minimum(x, high)

    def grad_x(xp, gz, x, low, high):
        inside = x == x
        if low is not None:
            inside = inside & (x >= low)
        if high is not None:
            inside = inside & (x <= high)
        return xp.where(inside, gz, xp.zeros_like(gz))

    def grad_low(xp, gz, x, low, high):
        below = x < low
        if high is not None:
            below = below & (low < high)
        return xp.where(below, gz, xp.zeros_like(gz))

    def grad_high(xp, gz, x, low, high):
        above = x > high
        if low is not None:
            above = above | (low > high)
        return xp.where(above, gz, xp.zeros_like(gz))


@op
class where_:
    r"""z = x where the condition holds, y elsewhere.   gx = gz where it holds, else 0;   gy = gz where not, else 0."""

    broadcasts = True

    def forward(xp, condition, x, y, /):
        return xp.where(condition, x, y)

    def grad_x(xp, gz, condition):
        return xp.where(condition, gz, xp.zeros_like(gz))

    def grad_y(xp, gz, condition):
        return xp.where(condition, xp.zeros_like(gz), gz)


@op
class threshold_:
    r"""y = x where x > t, else the value.   gx = gy where x > t, else 0."""

    def forward(xp, x, /, t, value):
        return xp.where(x > t, x, xp.full_like(x, value))

    def grad_x(xp, gy, x, t):
        return xp.where(x > t, gy, xp.zeros_like(gy))


@op
class nan_to_num_:
    r"""y = x with nan, ∞ and -∞ replaced by numbers.   gx = gy where x is finite, else 0."""

    def forward(xp, x, /, nan, posinf, neginf):
        return xp.nan_to_num(x, nan, posinf, neginf)

    def grad_x(xp, gy, x):
        return xp.where(xp.isfinite(x), gy, xp.zeros_like(gy))


# ---- public ---------------------------------------------------------------------------------------------------------

maximum = pair(
    "maximum", maximum_, "The larger of input and other, element by element; nan where one is nan.",
    "maximum(torch.tensor([1, 5]), torch.tensor([3, 4]))", "tensor([3, 5])",
)  # fmt: skip
minimum = pair(
    "minimum", minimum_, "The smaller of input and other, element by element; nan where one is nan.",
    "minimum(torch.tensor([1, 5]), torch.tensor([3, 4]))", "tensor([1, 4])",
)  # fmt: skip
fmax = pair(
    "fmax", fmax_, "The larger of input and other; where one is nan, the other one.",
    'fmax(torch.tensor([1., float("nan")]), torch.tensor([3., 4.]))', "tensor([3., 4.])",
)  # fmt: skip
fmin = pair(
    "fmin", fmin_, "The smaller of input and other; where one is nan, the other one.",
    'fmin(torch.tensor([1., float("nan")]), torch.tensor([3., 4.]))', "tensor([1., 4.])",
)  # fmt: skip


def _bound(x, bound):
    return None if bound is None else np.asarray(bound, x.dtype) if x.dtype.num >= 256 else bound


_clamp, _clamp_min, _clamp_max = clamp_, clamp_min_, clamp_max_


def _clamp_numbers(x: Tensor, low, high) -> Tensor:
    kind = x._a.dtype.kind
    if kind in "iub":
        if isinstance(low, float) or isinstance(high, float):
            x = as_float(x)
        elif kind == "b":
            x = x.to(dtypes.int64)
    elif kind == "c":
        raise NotImplementedError("clamp is not supported for complex types: they have no order")
    a = x._a
    if a.dtype.num >= 256:
        low, high = _bound(a, low), _bound(a, high)
    elif a.dtype.kind in "iu":
        low = None if low is None else dtypes.fitted(low, x.dtype)
        high = None if high is None else dtypes.fitted(high, x.dtype)
    return _clamp(x, low, high)


@public(inplace=True)
def clamp(input, min=None, max=None):
    """min(max(input, min), max): values brought into [min, max]; the bounds are numbers or tensors, or left out.

    RuntimeError where both are left out, and for complex tensors.

    >>> import lightwell as torch
    >>> torch.clamp(torch.tensor([-2., 0.5, 3.]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if not isinstance(input, Tensor):
        raise TypeError(f"clamp(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if not isinstance(min, Tensor) and not isinstance(max, Tensor):
        return _clamp_numbers(input, min, max)
    d = dtypes.result_of(*_tiers(v for v in (input, min, max) if v is not None))
    if d.is_complex:
        raise NotImplementedError("clamp is not supported for complex types: they have no order")
    parts = [None if v is None else (v if isinstance(v, Tensor) else make(np.asarray(v, d.np))).to(d) for v in (input, min, max)]
    return clamp_between_(*parts)


def _tiers(values):
    """The dtypes of tensors with dimensions, of 0-dim tensors, and of numbers."""
    full, zero, number = [], [], []
    for v in values:
        if isinstance(v, Tensor):
            (full if v._a.ndim else zero).append(v.dtype)
        else:
            number.append(dtypes.of_scalar(v))
    return full, zero, number


clip, clip_ = clamp, clamp.inplace
clamp_ = clamp.inplace
Tensor.clip, Tensor.clip_ = clamp, clamp_


@public(inplace=True)
def clamp_min(input, min):
    """max(input, min). See `clamp`.

    >>> import lightwell as torch
    >>> torch.clamp_min(torch.tensor([1, 5]), 3)
    tensor([3, 5])
    """
    if isinstance(min, (int, float)) and input._a.dtype.kind == "f":
        return _clamp_min(input, min)
    return clamp(input, min)


@public(inplace=True)
def clamp_max(input, max):
    """min(input, max). See `clamp`.

    >>> import lightwell as torch
    >>> torch.clamp_max(torch.tensor([1, 5]), 3)
    tensor([1, 3])
    """
    if isinstance(max, (int, float)) and input._a.dtype.kind == "f":
        return _clamp_max(input, max)
    return clamp(input, None, max)


clamp_min_, clamp_max_ = clamp_min.inplace, clamp_max.inplace


def _number_in(v, d) -> Tensor:
    """A tensor, or a number, in dtype `d`."""
    if isinstance(v, Tensor):
        return v.to(d)
    own = dtypes.of_scalar(v)
    return make(np.asarray(dtypes.fitted(v, own), own.np).astype(d.np))


def where(condition, input=None, other=None, *, out=None):
    """input where the condition holds, other elsewhere; with the condition alone, the indices of its true elements.

    All three broadcast; input and other are tensors or numbers. RuntimeError for a condition that is neither bool nor
    uint8.

    >>> import lightwell as torch
    >>> torch.where(torch.tensor([True, False]), torch.tensor([1., 2.]), 0.)
    tensor([1., 0.])
    """
    if not isinstance(condition, Tensor):
        raise TypeError(f"where(): argument 'condition' (position 1) must be Tensor, not {type(condition).__name__}")
    if input is None and other is None:
        return tuple(make(i) for i in np.nonzero(np.atleast_1d(condition._a)))
    if condition._a.dtype != bool:
        if condition._a.dtype != np.uint8:
            raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}")
        condition = condition.to(dtypes.bool)
    if type(input) is not Tensor or type(other) is not Tensor or input._a.dtype is not other._a.dtype:
        d = dtypes.result_of(*_tiers((input, other)))
        input, other = (_number_in(v, d) for v in (input, other))
    try:
        result = where_(condition, input, other)
    except builtins.RuntimeError:
        shapes = [t._a.shape for t in (condition, input, other)]
        for a, b in ((0, 1), (0, 2), (1, 2)):
            try:
                np.broadcast_shapes(shapes[a], shapes[b])
            except ValueError:
                raise errors.broadcast_error(shapes[a], shapes[b], "where") from None
        raise
    if out is None:
        return result
    from .public import write_out

    return write_out("where", out, result)


def _where_method(self, condition, other):
    """self where the condition holds, other elsewhere. See `torch.where`."""
    return where(condition, self, other)


Tensor.where = _where_method


_threshold = threshold_


@public(method=False)
def threshold(input, threshold, value, inplace=False):
    """input where it is > threshold, otherwise value.

    >>> import lightwell as torch
    >>> torch.threshold(torch.tensor([0.5, 2.]), 1, 0)
    tensor([0., 2.])
    """
    result = _threshold(input, threshold, value)
    if inplace:
        from .inplace import overwrite

        return overwrite(input, result, "threshold_")
    return result


def threshold_(input, threshold, value):
    """`threshold`, written over the input."""
    from .inplace import overwrite

    return overwrite(input, _threshold(input, threshold, value), "threshold_")


_nan_to_num = nan_to_num_


@public(inplace=True)
def nan_to_num(input, nan=None, posinf=None, neginf=None):
    """nan replaced by `nan` (0), ∞ and -∞ by `posinf` and `neginf` (the dtype's largest and smallest numbers).

    >>> import lightwell as torch
    >>> torch.nan_to_num(torch.tensor([float("nan"), float("inf"), 1.]), posinf=9.)
    tensor([0., 9., 1.])
    """
    if input._a.dtype.kind in "iub":
        return input.clone()
    return _nan_to_num(input, nan, posinf, neginf)


nan_to_num_ = nan_to_num.inplace
