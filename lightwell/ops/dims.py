"""The `dim` argument: checked, made non-negative, and what a reduction does to shapes and gradients."""

import builtins

from ..errors.teaching import RuntimeError, TypeError
from ..tensor import Tensor, dim_error


def need_tensor(x, name: str, argument: str = "input") -> None:
    """TypeError where `x` is no tensor."""
    if not isinstance(x, Tensor):
        hint = ": convert it first, with torch.tensor(...)" if isinstance(x, (list, tuple, int, float)) else ""
        raise TypeError(f"{name}(): argument '{argument}' (position 1) must be Tensor, not {type(x).__name__}{hint}")


def one_axis(x, dim, name: str) -> int:
    """`dim`, an int, as a non-negative axis of tensor `x` (0 for a 0-dim tensor)."""
    need_tensor(x, name)
    n = x._a.ndim
    try:
        dim = dim.__index__()
    except (AttributeError, builtins.TypeError):
        raise TypeError(f"{name}(): argument 'dim' must be int, not {type(dim).__name__}") from None
    if not -(n or 1) <= dim < (n or 1):
        raise dim_error(dim, n)
    return dim + (n or 1) if dim < 0 else dim


def axes_of(x, dim, name: str) -> tuple:
    """`dim` (an int, several, or none for all) as a sorted tuple of non-negative axes of tensor `x`.

    IndexError where a dimension isn't there, RuntimeError where one is named twice, TypeError for what isn't an int.
    """
    need_tensor(x, name)
    n = x._a.ndim
    if type(dim) is int and n:
        if not -n <= dim < n:
            raise dim_error(dim, n)
        return (dim + n if dim < 0 else dim,)
    if dim is None or dim == () or dim == []:
        return tuple(range(n))
    if not isinstance(dim, (tuple, list)):
        dim = (dim,)
    found = set()
    for d in dim:
        try:
            d = d.__index__()
        except (AttributeError, builtins.TypeError):
            raise TypeError(f"{name}(): argument 'dim' must be tuple of ints, not {type(d).__name__}") from None
        if not -(n or 1) <= d < (n or 1):
            raise dim_error(d, n)
        d += (n or 1) if d < 0 else 0
        if d in found:
            raise RuntimeError(f"{name}(): dim {d} appears multiple times in the list of dims: name each dimension once")
        found.add(d)
    return tuple(sorted(found)) if n else ()


def kept(shape, axis) -> tuple:
    """`shape` with size 1 along `axis`: what `keepdim=True` leaves."""
    return tuple(1 if i in axis else s for i, s in enumerate(shape))


def count(shape, axis) -> int:
    """How many elements a reduction over `axis` puts together."""
    n = 1
    for a in axis:
        n *= shape[a]
    return n


def with_dims(xp, v, shape, axis, keepdim):
    """`v`, reduced from `shape` over `axis`, with its size-1 dimensions back in place."""
    return v if keepdim else xp.reshape(v, kept(shape, axis))


def spread(xp, g, shape, axis, keepdim):
    """The adjoint of a sum over `axis`: `g` repeated over the reduced dimensions."""
    return xp.broadcast_to(g if keepdim else xp.reshape(g, kept(shape, axis)), shape)
