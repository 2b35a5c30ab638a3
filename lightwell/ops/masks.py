"""Writing where a mask says."""

import numpy as np

from .. import dtypes
from ..autograd.modes import state
from ..errors.teaching import RuntimeError, TypeError
from ..tensor import Tensor, make
from .inplace import check_writable, overwrite, writing
from .op import op
from .picking import mask_with
from .public import public
from .shape import need_tensor

__all__ = ["masked_fill", "masked_scatter"]


@op
class masked_fill_:
    r"""y = the number v where the mask is true, x elsewhere.   gx = gy, 0 under the mask."""

    promotes, broadcasts = False, True

    def forward(xp, x, mask, /, value):
        return xp.where(mask, xp.asarray(value, dtype=x.dtype), x)

    def grad_x(xp, gy, mask):
        return xp.where(mask, xp.zeros_like(gy), gy)


@op
class masked_fill_tensor_:
    r"""As masked_fill, v being a tensor of its own.   gx = gy, 0 under the mask;   gv = Σ gy under the mask."""

    promotes, broadcasts, node_name = False, True, "MaskedFillBackward1"

    def forward(xp, x, mask, v, /):
        return xp.where(mask, v, x)

    def grad_x(xp, gy, mask):
        return xp.where(mask, xp.zeros_like(gy), gy)

    def grad_v(xp, gy, mask):
        return xp.sum(xp.where(mask, gy, xp.zeros_like(gy)))


@op
class masked_scatter_:
    r"""y = x with the elements of v, in order, where the mask is true.   gx = gy, 0 under the mask;   gv = gy under the mask."""

    promotes = False

    def forward(xp, x, mask, v, /, count):
        return xp.index_set(x, (mask,), xp.reshape(v, (-1,))[:count])

    def grad_x(xp, gy, mask):
        return xp.where(mask, xp.zeros_like(gy), gy)

    def grad_v(xp, gy, mask, v_shape, count):
        size = 1
        for n in v_shape:
            size *= n
        return xp.reshape(xp.index_add((size,), (slice(0, count),), xp.getitem(gy, (mask,))), v_shape)


def _fill_value(input, value, name) -> Tensor:
    """The value of a masked fill as a 0-dim tensor of the input's dtype."""
    if isinstance(value, Tensor):
        if value._a.ndim:
            raise RuntimeError(f"{name} only supports a 0-dimensional value tensor, but got tensor with {value._a.ndim} dimension(s).")
        return value if value._a.dtype == input._a.dtype else value.to(input.dtype)
    return make(np.asarray(dtypes.fitted(value, input.dtype)).astype(input._a.dtype))


@public
def masked_fill(input: Tensor, mask: Tensor, value) -> Tensor:
    """A copy of `input` with `value` (a number or 0-dim tensor) where `mask` (broadcast) is true.

    RuntimeError: a mask that isn't bool, shapes that don't broadcast, a value with dimensions.

    >>> import lightwell as torch
    >>> torch.tensor([1., 2.]).masked_fill(torch.tensor([True, False]), 0)
    tensor([0., 2.])
    """
    need_tensor(input, "masked_fill")
    if not isinstance(mask, Tensor):
        raise TypeError(f"masked_fill(): argument 'mask' (position 2) must be Tensor, not {type(mask).__name__}")
    if mask._a.dtype.kind != "b":
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    v = _fill_value(input, value, "masked_fill_")
    if isinstance(value, Tensor):
        return masked_fill_tensor_(input, mask, v)
    return masked_fill_(input, mask, v._a.item() if v._a.dtype.kind in "fiub" and v._a.dtype.num < 256 else v._a)


def _masked_fill_in_place(self: Tensor, mask: Tensor, value) -> Tensor:
    """`masked_fill`, written over this tensor; returns it."""
    if (
        (state.grad and (self.requires_grad or (isinstance(value, Tensor) and value.requires_grad)))
        or not isinstance(mask, Tensor)
        or mask._a.dtype.kind != "b"
    ):
        return overwrite(self, masked_fill(self, mask, value), "masked_fill_")
    check_writable(self, "masked_fill_", False)
    try:
        np.copyto(self._a, _fill_value(self, value, "masked_fill_")._a, where=mask._a)
    except ValueError:
        raise RuntimeError(
            f"masked_fill_(): the mask of shape {list(mask.shape)} doesn't broadcast to the tensor's shape {list(self.shape)}"
        ) from None
    writing(self, "masked_fill_")
    return self


Tensor.masked_fill_ = _masked_fill_in_place


@public(inplace=True)
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy of `input` with the elements of `source`, in order, where `mask` (broadcast) is true.

    RuntimeError: fewer elements than places, dtypes that differ, a mask that isn't bool.

    >>> import lightwell as torch
    >>> torch.zeros(3).masked_scatter(torch.tensor([True, False, True]), torch.tensor([1., 2.]))
    tensor([1., 0., 2.])
    """
    input, mask = mask_with(input, mask, "masked_scatter_")
    if source._a.dtype != input._a.dtype:
        raise RuntimeError(f"masked_scatter_: expected self and source to have same dtypes but got {input.dtype} and {source.dtype}")
    count = int(np.count_nonzero(mask._a))
    if source._a.size < count:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same number of elements: the mask has {count}, source {source._a.size}"
        )
    return masked_scatter_(input, mask, source, count)
