"""Constraints of parameters: a raw parameter of any value, and a transform that takes it into an interval."""

import math

import lightwell as lw
from lightwell import nn
from lightwell.errors.teaching import RuntimeError
from lightwell.nn.functional import softplus

__all__ = ["GreaterThan", "Interval", "LessThan", "Positive"]


def inv_softplus(x):
    """The inverse of softplus, log(eˣ - 1)."""
    return x + lw.log(-lw.expm1(-x))


def inv_sigmoid(x):
    """The inverse of sigmoid, log x - log(1 - x)."""
    return lw.log(x) - lw.log(1 - x)


_inverses = {softplus: inv_softplus, lw.sigmoid: inv_sigmoid, lw.exp: lw.log}


class Interval(nn.Module):
    """lower + (upper - lower)·sigmoid(raw), or another `transform` of the real line to (0, 1).

    `transform=None` leaves the raw value as it is: the bounds are then only told, not kept.
    RuntimeError for bounds in the wrong order, or infinite ones with sigmoid.

    >>> import lightwell as torch
    >>> from lightwell import gp
    >>> gp.constraints.Interval(1.0, 3.0).transform(torch.tensor(0.0))
    tensor(2.)
    """

    def __init__(self, lower_bound, upper_bound, transform=lw.sigmoid, inv_transform=None, initial_value=None):
        super().__init__()
        lower, upper = (lw.as_tensor(float(b) if isinstance(b, int) else b) for b in (lower_bound, upper_bound))
        if (lower >= upper).any():
            raise RuntimeError(f"Got parameter bounds with empty intervals: {lower_bound} >= {upper_bound}")
        if type(self) is Interval and (upper == math.inf).any() and transform is not None:
            raise RuntimeError(
                "Cannot make an Interval directly with non-finite bounds. Use a derived class like GreaterThan or LessThan instead."
            )
        self.register_buffer("lower_bound", lower)
        self.register_buffer("upper_bound", upper)
        self._transform = transform
        self._inv_transform = inv_transform or _inverses.get(transform)
        self.initial_value = None if initial_value is None else lw.as_tensor(initial_value)
        if transform is not None and self._inv_transform is None:
            raise RuntimeError("Must specify inv_transform for a transform other than sigmoid, softplus and exp")

    @property
    def enforced(self) -> bool:
        """Whether values are transformed."""
        return self._transform is not None

    def check(self, value) -> bool:
        """Whether a value lies within the bounds."""
        return bool(((value <= self.upper_bound) & (value >= self.lower_bound)).all())

    def check_raw(self, raw) -> bool:
        """Whether a raw value stands for one within the bounds (nan does not)."""
        return self.check(self.transform(raw))

    def transform(self, raw):
        """The value that a raw parameter stands for."""
        return self._transform(raw) * (self.upper_bound - self.lower_bound) + self.lower_bound if self.enforced else raw

    def inverse_transform(self, value):
        """The raw parameter for a value."""
        return self._inv_transform((value - self.lower_bound) / (self.upper_bound - self.lower_bound)) if self.enforced else value

    def intersect(self, other):
        """The interval common to two constraints of one transform."""
        if self._transform is not other._transform:
            raise RuntimeError("Cant intersect Interval constraints with conflicting transforms!")
        return Interval(lw.max(self.lower_bound, other.lower_bound), lw.min(self.upper_bound, other.upper_bound), self._transform)

    def _bounds(self):
        return f"{self.lower_bound.item():.3E}, {self.upper_bound.item():.3E}"

    def __repr__(self):
        return f"{type(self).__name__}({self._bounds() if self.lower_bound.numel() == self.upper_bound.numel() == 1 else '...'})"


class GreaterThan(Interval):
    """lower + softplus(raw)."""

    def __init__(self, lower_bound, transform=softplus, inv_transform=None, initial_value=None):
        super().__init__(lower_bound, math.inf, transform, inv_transform, initial_value)

    def transform(self, raw):
        return self._transform(raw) + self.lower_bound if self.enforced else raw

    def inverse_transform(self, value):
        return self._inv_transform(value - self.lower_bound) if self.enforced else value

    def _bounds(self):
        return f"{self.lower_bound.item():.3E}"


class Positive(GreaterThan):
    """softplus(raw)."""

    def __init__(self, transform=softplus, inv_transform=None, initial_value=None):
        super().__init__(0.0, transform, inv_transform, initial_value)

    def transform(self, raw):
        return self._transform(raw) if self.enforced else raw

    def inverse_transform(self, value):
        return self._inv_transform(value) if self.enforced else value

    def _bounds(self):
        return ""


class LessThan(Interval):
    """upper - softplus(-raw)."""

    def __init__(self, upper_bound, transform=softplus, inv_transform=None, initial_value=None):
        super().__init__(-math.inf, upper_bound, transform, inv_transform, initial_value)

    def transform(self, raw):
        return self.upper_bound - self._transform(-raw) if self.enforced else raw

    def inverse_transform(self, value):
        return -self._inv_transform(self.upper_bound - value) if self.enforced else value

    def _bounds(self):
        return f"{self.upper_bound.item():.3E}"
