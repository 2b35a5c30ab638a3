"""Repeating without memory: expand, and what broadcasting means."""

import builtins

from .. import errors
from ..errors.teaching import RuntimeError
from ..tensor import Size, Tensor, contiguous_format
from .op import op
from .public import public
from .shape import clone, need_tensor, sizes_of

__all__ = ["broadcast_shapes", "broadcast_tensors", "broadcast_to", "expand_copy"]


@op
class expand_:
    r"""y[…, i, …] = x[…, 0, …] along the repeated dimensions.   x₀ enters every y_i: gx = Σᵢ gy_i along them."""

    view = True

    def forward(xp, x, /, shape):
        return xp.broadcast_to(x, shape)

    def grad_x(xp, gy, x_shape):
        lead = gy.ndim - len(x_shape)
        axes = tuple(range(lead)) + tuple(lead + i for i, n in enumerate(x_shape) if n == 1 and gy.shape[lead + i] != 1)
        return xp.reshape(xp.sum(gy, axis=axes), x_shape) if axes else gy


def expanded(had: tuple, shape: tuple) -> tuple:
    """`shape` with -1 filled in from `had`; RuntimeError where `had` doesn't broadcast to it."""
    lead = len(shape) - len(had)
    if lead < 0:
        raise RuntimeError(
            f"expand(): the number of sizes provided ({len(shape)}) must be greater or equal to the number of dimensions in "
            f"the tensor ({len(had)}): a tensor of shape {list(had)} can't become {list(shape)}"
        )
    out = []
    for i, s in enumerate(shape):
        n = had[i - lead] if i >= lead else None
        if s == -1 and n is not None:
            s = n
        elif s < 0:
            raise RuntimeError(f"The expanded size of the tensor ({s}) isn't allowed in a leading, non-existing dimension {i}")
        elif n is not None and n != s and n != 1:
            raise RuntimeError(
                f"The expanded size of the tensor ({s}) must match the existing size ({n}) at non-singleton dimension {i}.  "
                f"Target sizes: {list(shape)}.  Tensor sizes: {list(had)}"
            )
        out.append(s)
    return tuple(out)


def expand(self: Tensor, *sizes, implicit=False, size=None) -> Tensor:
    """A view of a larger shape, in which dimensions of size 1 (and new leading ones) repeat without memory (stride 0).

    -1 keeps a size. RuntimeError where the shape doesn't broadcast to the sizes.

    >>> import lightwell as torch
    >>> torch.tensor([[1], [2]]).expand(2, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    shape = sizes_of(sizes if size is None else (size,))
    return expand_(self, expanded(self._a.shape, shape))


def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """`expand(other.size())`."""
    return expand(self, other._a.shape)


Tensor.expand, Tensor.expand_as = expand, expand_as


def expand_copy(input: Tensor, size, *, implicit=False) -> Tensor:
    """`expand` into memory of its own."""
    return clone(expand(input, size), memory_format=contiguous_format)


@public
def broadcast_to(input: Tensor, size) -> Tensor:
    """`input.expand(size)`: a view of a larger shape.

    >>> import lightwell as torch
    >>> torch.broadcast_to(torch.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    need_tensor(input, "broadcast_to")
    return expand(input, size)


def broadcast_shapes(*shapes) -> Size:
    """The shape to which all shapes broadcast: sizes equal or 1, counted from the last dimension.

    RuntimeError where there is none.

    >>> import lightwell as torch
    >>> torch.broadcast_shapes((2,), (3, 1), (1, 1, 1))
    torch.Size([1, 3, 2])
    """
    shapes = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    n = max((len(s) for s in shapes), default=0)
    out = [1] * n
    for shape in shapes:
        for i, s in enumerate(shape, n - len(shape)):
            if s < 0:
                raise RuntimeError(f"Trying to create tensor with negative dimension ({s}): ({list(shape)})")
            if s != 1 and out[i] != s:
                if out[i] != 1:
                    raise RuntimeError(
                        "Shape mismatch: objects cannot be broadcast to a single shape: "
                        f"{' and '.join(str(list(s)) for s in shapes)} differ at dimension {i}"
                    )
                out[i] = s
    return Size(out)


def broadcast_tensors(*tensors) -> tuple:
    """Views of all tensors in the shape to which they broadcast; RuntimeError where there is none.

    >>> import lightwell as torch
    >>> a, b = torch.broadcast_tensors(torch.zeros(3), torch.zeros(2, 1))
    >>> a.shape, b.shape
    (torch.Size([2, 3]), torch.Size([2, 3]))
    """
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tensors[0]
    for i, x in enumerate(tensors):
        need_tensor(x, "broadcast_tensors", i + 1, "tensors")
    shape = tuple(tensors[0]._a.shape) if tensors else ()
    for x in tensors[1:]:
        try:
            shape = broadcast_shapes(shape, x._a.shape)
        except builtins.RuntimeError:
            raise errors.broadcast_error(shape, x._a.shape, "broadcast_tensors") from None
    return tuple([expand(x, tuple(shape)) for x in tensors])
