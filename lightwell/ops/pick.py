"""One value per lane by its place, and its adjoint: what max, sort, topk, median and mode need for their gradients."""

import numpy as np

from ..tensor import Tensor
from .op import op


@op
class put_along_:
    r"""y = zeros of `shape` with v at the places `index` along one dimension, no place twice.   gv = gy at those places."""

    def forward(xp, v, index, /, shape, axis):
        return xp.put_along_axis(shape, index, v, axis)

    def grad_v(xp, gy, index, axis):
        return take(xp, gy, index, axis)


@op
class pick_:
    r"""y = the values of x at the places `index` along one dimension, no place twice.   gx = gy there, 0 elsewhere."""

    def forward(xp, x, index, /, axis):
        return take(xp, x, index, axis)

    def grad_x(xp, gy, x_shape, index, axis):
        return xp.put_along_axis(x_shape, index, gy, axis)


def put_along(shape, index, v, axis):
    """The vocabulary's put_along_axis on tensors."""
    return put_along_(v, index, shape, axis)


def take(xp, x, index, axis):
    """x at `index` along `axis`, for a reader of any kind; 0-dim x is its own only lane."""
    if type(x) is np.ndarray:
        if not x.ndim:
            return x.copy()
        if axis == x.ndim - 1 or not x.size:
            if x.ndim == 1:
                return x[index]
        return np.take_along_axis(x, index, axis)
    if isinstance(x, Tensor):
        return pick_(x, index, axis)
    return x.copy() if not x.ndim else xp.take_along_axis(x, index, axis=axis)
