"""Arguments of windowed functions: numbers or sequences expanded to one value per dimension, and the checks they share."""

from __future__ import annotations

import builtins

from ...errors.teaching import RuntimeError, TypeError
from ...tensor import Tensor


def sizes(op: str, name: str, value, n: int) -> tuple:
    """`value` as n integers; RuntimeError for another number of them, TypeError for what is no integer."""
    if isinstance(value, (int, Tensor)) or not hasattr(value, "__iter__"):
        value = (value,)
    value = tuple(value)
    if len(value) == 1:
        value *= n
    if len(value) != n:
        raise RuntimeError(f"{op}(): {name} must be an int or {n} ints, one per spatial dimension, but got {list(value)}")
    try:
        return tuple(v if type(v) is int else v.__index__() for v in value)
    except (AttributeError, builtins.TypeError):
        raise TypeError(f"{op}(): argument '{name}' must be an int or a tuple of ints, not {list(value)}") from None


def tensor(op: str, name: str, position: int, value) -> Tensor:
    """`value` itself; TypeError where it is no tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{op}(): argument '{name}' (position {position}) must be Tensor, not {type(value).__name__}")
    return value


def batched(op: str, input: Tensor, n: int):
    """(input with a batch dimension, whether one was put in); RuntimeError for any other number of dimensions."""
    tensor(op, "input", 1, input)
    d = input._a.ndim
    if d == n + 2:
        return input, False
    if d == n + 1:
        return input.unsqueeze(0), True
    space = ", ".join("DHW"[3 - n :]) if n > 1 else "L"
    raise RuntimeError(
        f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {op}, (C, {space}) or (N, C, {space}), but got input of "
        f"size: {list(input.shape)}. unsqueeze() puts a missing dimension in."
    )


def positive(op: str, name: str, values) -> None:
    """RuntimeError where one of the values is not positive."""
    if any(v <= 0 for v in values):
        raise RuntimeError(f"{op}(): {name} must be greater than zero, but got {list(values)}")


def window_count(n: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows fit into n: with `ceil_mode` the last may reach beyond the end, but must start before it."""
    reach = n + 2 * padding - dilation * (kernel - 1) - 1
    out = -(-reach // stride) + 1 if ceil_mode else reach // stride + 1
    if ceil_mode and (out - 1) * stride >= n + padding:
        out -= 1
    return out
