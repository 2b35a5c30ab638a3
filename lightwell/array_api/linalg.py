"""The linear algebra extension of the array API standard: https://data-apis.org/array-api/2024.12/extensions/linear_algebra_functions.html"""

import math as _math
from collections import namedtuple as _namedtuple

import numpy as _np

from .. import dtypes as _dtypes
from .. import linalg as _linalg
from .. import ops as _ops
from ..errors import teaching as _teaching
from ..tensor import Tensor as _Tensor
from ._array import function as _function
from ._array import pair as _pair
from ._manipulation import one_axis as _one_axis
from ._products import matmul, matrix_transpose, tensordot, vecdot
from ._statistics import axes_of as _axes_of
from ._statistics import sum as _sum

__all__ = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm", "matrix_power", "matrix_rank",
    "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip

_Eigh = _namedtuple("EighResult", "eigenvalues eigenvectors")
_QR = _namedtuple("QRResult", "Q R")
_Slogdet = _namedtuple("SlogdetResult", "sign logabsdet")
_SVD = _namedtuple("SVDResult", "U S Vh")


@_function
def cholesky(x, /, *, upper=False):
    """L with x = L·Lᴴ, lower triangular (or U with x = Uᴴ·U); RuntimeError where x is not positive definite."""
    return _linalg.cholesky(x, upper=upper)


@_function
def cross(x1, x2, /, *, axis=-1):
    """The cross product of 3-vectors along `axis`, the other dimensions broadcast; ValueError for other sizes.

    >>> import lightwell.array_api as xp
    >>> xp.linalg.cross(xp.asarray([1.0, 0.0, 0.0]), xp.asarray([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    x1, x2 = _pair("cross", x1, x2)
    first, second = _one_axis("cross", axis, x1.ndim), _one_axis("cross", axis, x2.ndim)
    if x1.shape[first] != 3 or x2.shape[second] != 3:
        raise _teaching.ValueError(f"cross(): axis {axis} must have size 3, the shapes are {tuple(x1.shape)} and {tuple(x2.shape)}")
    (a, b, c), (d, e, f) = _ops.unbind(x1, first), _ops.unbind(x2, second)
    parts = _ops.stack([b * f - c * e, c * d - a * f, a * e - b * d], -1)
    return _ops.movedim(parts, -1, axis)


@_function
def det(x, /):
    """The determinant of each matrix."""
    return _linalg.det(x)


@_function
def diagonal(x, /, *, offset=0):
    """The diagonal of each matrix, `offset` places above the main one."""
    return _linalg.diagonal(x, offset=offset)


@_function
def eigh(x, /):
    """The eigenvalues (ascending) and eigenvectors (columns) of each symmetric or Hermitian matrix."""
    return _Eigh(*_linalg.eigh(x))


@_function
def eigvalsh(x, /):
    """The eigenvalues of each symmetric or Hermitian matrix, ascending."""
    return _linalg.eigvalsh(x)


@_function
def inv(x, /):
    """The inverse of each matrix."""
    return _linalg.inv(x)


@_function
def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    """A norm of each matrix: "fro", "nuc", ±1, ±2, ±inf."""
    if x.ndim < 2:
        raise _teaching.ValueError(f"matrix_norm(): expected at least 2 dimensions, got shape {tuple(x.shape)}")
    if ord is None:
        ord = "fro"
    if not x.shape[-2] or not x.shape[-1]:  # nothing to add up, and nothing to choose the least of
        if ord in (-1, -2, -float("inf")):
            raise _teaching.ValueError(f"matrix_norm(): ord={ord} takes the least of sums, and shape {tuple(x.shape)} has none")
        return _ops.zeros((*x.shape[:-2], *((1, 1) if keepdims else ())), dtype=x.dtype.to_real())
    return _linalg.matrix_norm(x, ord, (-2, -1), keepdims)


@_function
def matrix_power(x, n, /):
    """The n-th power of each matrix; of its inverse for n < 0."""
    return _linalg.matrix_power(x, n)


def _cut(x, s, rtol):
    """Singular values at most this much count as zero: rtol·max s, with rtol = ε·max(M, N) unless given."""
    if rtol is None:
        rtol = _dtypes.finfo(x.dtype).eps * max(x.shape[-2:])
    if isinstance(rtol, _Tensor):
        rtol = rtol.to(s.dtype)[..., None]
    largest = _ops.amax(s, -1, True) if s.shape[-1] else _ops.zeros(*s.shape[:-1], 1, dtype=s.dtype)
    return largest * rtol


@_function
def matrix_rank(x, /, *, rtol=None):
    """How many singular values of each matrix exceed rtol times the largest; rtol is ε·max(M, N) unless given."""
    if x.ndim < 2:
        raise _teaching.ValueError(f"matrix_rank(): expected at least 2 dimensions, got shape {tuple(x.shape)}")
    s = _linalg.svdvals(x)
    return _ops.sum(s > _cut(x, s, rtol), -1)


@_function
def outer(x1, x2, /):
    """x1ᵢ·x2ⱼ of two vectors; ValueError for other shapes."""
    x1, x2 = _pair("outer", x1, x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise _teaching.ValueError(f"outer(): expected two 1-D arrays, got shapes {tuple(x1.shape)} and {tuple(x2.shape)}")
    return x1[:, None] * x2[None, :]


@_function
def pinv(x, /, *, rtol=None):
    """The Moore-Penrose inverse V·diag(1/s)·Uᴴ, with 0 for singular values up to rtol (ε·max(M, N)) times the largest."""
    u, s, vh = _linalg.svd(x, full_matrices=False)
    keep = s > _cut(x, s, rtol)
    inverse = _ops.where(keep, 1 / _ops.where(keep, s, _ops.ones_like(s)), _ops.zeros_like(s))
    v, uh = [_ops.conj_physical(_ops.transpose(m, -2, -1)) for m in (vh, u)]
    return _ops.matmul(v * inverse[..., None, :].to(v.dtype), uh)


@_function
def qr(x, /, *, mode="reduced"):
    """Q·R = x with orthonormal columns Q, and R upper triangular; Q square where mode is "complete"."""
    if mode not in ("reduced", "complete"):
        raise _teaching.ValueError(f"qr(): mode must be 'reduced' or 'complete', got {mode!r}")
    return _QR(*_linalg.qr(x, mode))


@_function
def slogdet(x, /):
    """The sign and log|det| of each matrix."""
    return _Slogdet(*_linalg.slogdet(x))


@_function
def solve(x1, x2, /):
    """X with x1·X = x2: x2 is one vector where it is 1-D, otherwise matrices; stacks broadcast.

    >>> import lightwell.array_api as xp
    >>> xp.linalg.solve(xp.asarray([[2.0, 0.0], [0.0, 4.0]]), xp.asarray([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    x1, x2 = _pair("solve", x1, x2)
    if x2.ndim == 1:
        return _solved(x1, x2[:, None])[..., 0]
    return _solved(x1, x2)


def _solved(a, b):
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or a.shape[-1] != b.shape[-2]:
        raise _teaching.ValueError(f"solve(): square matrices of shape {tuple(a.shape)} don't fit right sides of shape {tuple(b.shape)}")
    stack = _np.broadcast_shapes(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
    a, b = [_ops.broadcast_to(m, (*stack, *m.shape[-2:])) for m in (a, b)]
    return _linalg.solve(a, b)


@_function
def svd(x, /, *, full_matrices=True):
    """U·diag(S)·Vh = x, the singular values S descending; U and Vh square where `full_matrices`."""
    return _SVD(*_linalg.svd(x, full_matrices))


@_function
def svdvals(x, /):
    """The singular values of each matrix, descending."""
    return _linalg.svdvals(x)


@_function
def trace(x, /, *, offset=0, dtype=None):
    """The sum along the diagonal of each matrix, in the dtype that `sum` would give."""
    return _sum(_linalg.diagonal(x, offset=offset), axis=-1, dtype=dtype)


@_function
def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    """(Σ|x|ᵒʳᵈ)^(1/ord) over all dimensions or `axis`; ±inf: the largest, the smallest |x|; 0: how many are not 0."""
    axes = _axes_of("vector_norm", x, axis)
    if not axes:
        size = _ops.abs(x)
        return (size != 0).to(size.dtype) if ord == 0 else size
    shape = tuple(1 if k in axes else n for k, n in enumerate(x.shape) if keepdims or k not in axes)
    if not _math.prod(x.shape[k] for k in axes) and ord != float("inf"):
        return _ops.full(shape, float("inf") if ord < 0 else 0, dtype=x.dtype.to_real())
    if not _math.prod(x.shape[k] for k in axes):
        return _ops.zeros(shape, dtype=x.dtype.to_real())
    return _linalg.vector_norm(x, ord, axes, keepdims)
