"""Reductions of losses, by word and by the numbers that older code used."""

import warnings

from ..errors.level import users_level
from ..errors.teaching import ValueError

__all__ = ["get_enum", "legacy_get_enum", "legacy_get_string"]


def get_enum(reduction: str) -> int:
    """0 for 'none', 1 for 'mean', 2 for 'sum'; ValueError for another word."""
    words = {"none": 0, "mean": 1, "elementwise_mean": 1, "sum": 2}
    if reduction not in words:
        raise ValueError(f"{reduction} is not a valid value for reduction: choose 'none', 'mean' or 'sum'")
    if reduction == "elementwise_mean":
        warnings.warn("reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.", stacklevel=users_level())
    return words[reduction]


def legacy_get_string(size_average, reduce, emit_warning: bool = True) -> str:
    """The word for the two older arguments, with a UserWarning that says so."""
    word = "none" if reduce is False else "sum" if size_average is False else "mean"
    if emit_warning:
        warnings.warn(f"size_average and reduce args will be deprecated, please use reduction='{word}' instead.", stacklevel=users_level())
    return word


def legacy_get_enum(size_average, reduce, emit_warning: bool = True) -> int:
    """The number for the two older arguments."""
    return get_enum(legacy_get_string(size_average, reduce, emit_warning))
