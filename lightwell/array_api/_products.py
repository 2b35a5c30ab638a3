"""Products of vectors and matrices, by the array API standard: https://data-apis.org/array-api/2024.12/API_specification/linear_algebra_functions.html"""

import numpy as np

from .. import dtypes, ops
from ..errors.teaching import TypeError, ValueError
from ..tensor import Tensor, make
from ._array import function, operator, pair
from ._manipulation import one_axis

__all__ = ["matmul", "matrix_transpose", "tensordot", "vecdot"]


@function
def matmul(x1, x2, /):
    """The matrix product over the last two dimensions, stacks broadcast; a 1-D operand is a row on the left, a column on the right.

    ValueError for operands of no dimensions and for sizes that don't fit.
    """
    if not isinstance(x1, Tensor) or not isinstance(x2, Tensor):
        raise TypeError(f"matmul(): expected two arrays, got {type(x1).__name__} and {type(x2).__name__}")
    x1, x2 = pair("matmul", x1, x2)
    if not x1.ndim or not x2.ndim:
        raise ValueError("matmul(): an array of no dimensions is no matrix: use multiply")
    if x1.shape[-1] != x2.shape[0 if x2.ndim == 1 else -2]:
        raise ValueError(f"matmul(): shapes {tuple(x1.shape)} and {tuple(x2.shape)} don't fit: the inner sizes must be equal")
    return ops.matmul(x1, x2)


@function
def matrix_transpose(x, /):
    """The last two dimensions exchanged; ValueError for fewer than two."""
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose(): expected at least 2 dimensions, got shape {tuple(x.shape)}")
    return ops.transpose(x, -2, -1)


@function
def tensordot(x1, x2, /, *, axes=2):
    """Σ over pairs of dimensions: the last `axes` of x1 with the first of x2, or the pairs that two lists of dimensions name."""
    x1, x2 = pair("tensordot", x1, x2)
    if isinstance(axes, int):
        if not 0 <= axes <= min(x1.ndim, x2.ndim):
            raise ValueError(f"tensordot(): axes={axes} is more than the dimensions of shapes {tuple(x1.shape)} and {tuple(x2.shape)}")
        first, second = list(range(x1.ndim - axes, x1.ndim)), list(range(axes))
    else:
        first = [one_axis("tensordot", a, x1.ndim) for a in axes[0]]
        second = [one_axis("tensordot", a, x2.ndim) for a in axes[1]]
    sizes = [[x.shape[k] for k in ks] for x, ks in ((x1, first), (x2, second))]
    if sizes[0] != sizes[1]:
        raise ValueError(f"tensordot(): the sizes {sizes[0]} and {sizes[1]} along the paired axes must be equal")
    return ops.tensordot(x1, x2, dims=(first, second))


@function
def vecdot(x1, x2, /, *, axis=-1):
    """Σ conj(x1)·x2 along `axis`, the other dimensions broadcast; ValueError where the sizes along it differ."""
    x1, x2 = pair("vecdot", x1, x2)
    first, second = one_axis("vecdot", axis, x1.ndim), one_axis("vecdot", axis, x2.ndim)
    if x1.shape[first] != x2.shape[second]:
        raise ValueError(f"vecdot(): the sizes {x1.shape[first]} and {x2.shape[second]} along axis {axis} must be equal")
    x1, x2 = ops.movedim(x1, first, -1), ops.movedim(x2, second, -1)
    if x1.is_complex():
        x1 = ops.conj_physical(x1)
    if x1.dtype.category < dtypes.FLOAT:
        return make(np.asarray(np.sum(x1._a * x2._a, axis=-1, dtype=x1._a.dtype)))
    return ops.sum(x1 * x2, -1)


operator("matmul", matmul)
