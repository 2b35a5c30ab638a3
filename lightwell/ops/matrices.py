"""What the operations on matrices share: LinAlgError, checks of shape and dtype, small words of their rules."""

import numpy as np

from .. import dtypes
from ..backend import linalg as LA
from ..errors.teaching import NotImplementedError, RuntimeError, TypeError
from ..tensor import Tensor

COMPLEX = (dtypes.complex64, dtypes.complex128, np.dtype(np.complex64), np.dtype(np.complex128))


class LinAlgError(RuntimeError):
    """A matrix for which the operation has no result: singular, not positive-definite, not converging."""


LinAlgError.__module__ = "torch.linalg"


# ---- what rules share ---------------------------------------------------------------------------------------------------


def hermitian(xp, x):
    """Xᴴ: transposed, and conjugated where complex."""
    x = xp.matrix_transpose(x)
    return xp.conj(x) if x.dtype in COMPLEX else x


def eye_like(xp, x):
    """The identity of x's last dimension and dtype."""
    return xp.eye(x.shape[-1], dtype=x.dtype)


def over(xp, x, y):
    """x/y, with 0/0 = 0: equal singular values that nothing depends on don't make a gradient NaN."""
    return x / xp.where((x == 0) & (y == 0), xp.ones_like(y), y)


# ---- what public functions share ----------------------------------------------------------------------------------------


def kind(x: Tensor) -> str:
    """PyTorch's word for a dtype in messages: Float, Half …"""
    return x.dtype.tensor_type[:-6]


def check_matrix(name: str, A, square: bool = True, low: str | None = None, what: str = "A") -> Tensor:
    """Refuse what isn't (batches of square) matrices of float32, float64 or complex numbers.

    `low` names PyTorch's kernel where that is what refuses float16, with NotImplementedError.
    """
    if not isinstance(A, Tensor):
        raise TypeError(f"{name.replace('.', '_')}(): argument '{what}' (position 1) must be Tensor, not {type(A).__name__}")
    if getattr(A, "is_sparse", False):
        _ = A._a  # raises
    if A._a.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor {what} must have at least 2 dimensions, but it has shape {list(A.shape)}: unsqueeze() it."
        )
    if square and A._a.shape[-1] != A._a.shape[-2]:
        raise RuntimeError(f"{name}: {what} must be batches of square matrices, but they are {A._a.shape[-2]} by {A._a.shape[-1]} matrices")
    check_type(name, A, low)
    return A


def check_type(name: str, A, low: str | None = None) -> None:
    """Refuse integers, bools and 16-bit floats, as PyTorch does."""
    if not (A.is_floating_point() or A.is_complex()):
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {kind(A)}: convert it, with .float()")
    if A._a.dtype.num >= 256 or A._a.dtype == np.float16:
        if low:
            raise NotImplementedError(f"\"{low}\" not implemented for '{kind(A)}': {name} takes float32, float64 and complex; use .float()")
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {kind(A)}: use .float()")


def same_type(name: str, A, B, b: str = "B") -> None:
    """Refuse two matrices of different dtypes: solvers don't promote."""
    if not isinstance(B, Tensor):
        raise TypeError(f"{name.replace('.', '_')}(): argument '{b}' (position 2) must be Tensor, not {type(B).__name__}")
    if A._a.dtype is not B._a.dtype and A._a.dtype != B._a.dtype:
        raise RuntimeError(
            f"{name}: Expected A and {b} to have the same dtype, but found A of type {kind(A)} and {b} of type {kind(B)} "
            "instead: convert one, with .to(dtype)"
        )


def which_batch(a, bad) -> str:
    """'(Batch element i): ' for the first matrix of a batch for which `bad(matrix)`; '' for a lone matrix."""
    if a.ndim == 2:
        return ""
    for i, m in enumerate(a.reshape(-1, *a.shape[-2:])):
        if bad(m):
            return f"(Batch element {i}): "
    return ""


def fails(f):
    """Whether `f` raises LAPACK's error on a matrix."""

    def bad(m):
        try:
            f(m)
        except np.linalg.LinAlgError:
            return True
        return False

    return bad


def zero_pivots(a) -> np.ndarray:
    """For each matrix the number (from 1) of the first zero on U's diagonal, 0 where there is none."""
    lu, _ = LA.lu_factor(a)
    zero = LA.diagonal(lu) == 0
    if not zero.shape[-1]:
        return np.zeros(zero.shape[:-1], np.int32)
    return np.where(zero.any(-1), zero.argmax(-1) + 1, 0).astype(np.int32)
