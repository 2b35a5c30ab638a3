"""Products of vectors and matrices: dot, mv, mm, bmm, matmul, their sums with a third (addmm …), outer."""

import builtins

import numpy as np

from ..errors.teaching import NotImplementedError, RuntimeError, TypeError
from ..tensor import Tensor
from . import precision
from .op import op
from .public import public

__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "cross", "dot", "ger", "matmul", "mm", "mv", "outer", "vdot",
]  # fmt: skip


@op
class mm_:
    r"""Z = XY,  zᵢⱼ = Σₖ xᵢₖ yₖⱼ.   ∂zᵢⱼ/∂xᵢₖ = yₖⱼ, so gxᵢₖ = Σⱼ gzᵢⱼ yₖⱼ:   gX = gZ·Yᵀ;   likewise gY = Xᵀ·gZ."""

    promotes = False

    def forward(xp, x, y):
        return xp.matmul(x, y)

    def grad_x(xp, gz, y):
        return xp.matmul(gz, xp.matrix_transpose(y))

    def grad_y(xp, gz, x):
        return xp.matmul(xp.matrix_transpose(x), gz)


@op
class bmm_:
    r"""Zₙ = XₙYₙ for each n, the leading dimensions broadcast.   gX = gZ·Yᵀ and gY = Xᵀ·gZ, summed over what was broadcast."""

    promotes = False
    broadcasts = True

    def forward(xp, x, y, /):
        return xp.matmul(x, y)

    def grad_x(xp, gz, y):
        return xp.matmul(gz, xp.matrix_transpose(y))

    def grad_y(xp, gz, x):
        return xp.matmul(xp.matrix_transpose(x), gz)


@op
class mv_:
    r"""z = Xy,  zᵢ = Σₖ xᵢₖ yₖ.   gX = gz ⊗ y (gxᵢₖ = gzᵢ yₖ);   gy = Xᵀ·gz."""

    promotes = False

    def forward(xp, x, y):
        return xp.matmul(x, y)

    def grad_x(xp, gz, y):
        return gz[:, None] * y[None, :]

    def grad_y(xp, gz, x):
        return xp.matmul(xp.matrix_transpose(x), gz)


@op
class dot_:
    r"""z = Σₖ xₖ yₖ.   ∂z/∂xₖ = yₖ,   hence   gx = gz·y,   gy = gz·x."""

    promotes = False

    def forward(xp, x, y):
        return xp.matmul(x, y)

    def grad_x(xp, gz, y):
        return gz * y

    def grad_y(xp, gz, x):
        return gz * x


@op
class addmm_:
    r"""Y = βC + αAB.   gC = β·gY (summed back where C was broadcast);   gA = α·gY·Bᵀ;   gB = α·Aᵀ·gY."""

    broadcasts = True
    outputs = ("y",)

    def forward(xp, c, a, b, /, beta, alpha):
        if (alpha != 1 or beta != 1) and a.dtype.itemsize <= 2 and a.dtype.kind in "fV":  # one rounding at the end
            wide = [xp.astype(t, np.float32) for t in (c, a, b)]
            return xp.astype(addmm_.record.forward(xp, *wide, beta, alpha), a.dtype)
        y = xp.matmul(a, b)
        if alpha != 1:
            y = y * alpha
        return y if beta == 0 else xp.add_into(y, c if beta == 1 else c * beta)

    def grad_c(xp, gy, beta):
        return gy if beta == 1 else gy * beta

    def grad_a(xp, gy, b, alpha):
        g = xp.matmul(gy, xp.matrix_transpose(b))
        return g if alpha == 1 else g * alpha

    def grad_b(xp, gy, a, alpha):
        g = xp.matmul(xp.matrix_transpose(a), gy)
        return g if alpha == 1 else g * alpha


@op
class linear_:
    r"""Y = XWᵀ + b for rows x of X.   gX = gY·W;   gW = gYᵀ·X, summed over all rows;   gb = Σ gY over all rows."""

    node_name = "AddmmBackward0"
    outputs = ("y",)

    def forward(xp, x, w, b, /):
        y = xp.matmul(x, xp.matrix_transpose(w))
        return y if b is None else xp.add_into(y, b)

    def grad_x(xp, gy, w):
        return xp.matmul(gy, w)

    def grad_w(xp, gy, x):
        rows = x.shape[-1]
        gy2, x2 = (gy, x) if gy.ndim == 2 else (xp.reshape(gy, (-1, gy.shape[-1])), xp.reshape(x, (-1, rows)))
        return xp.matmul(xp.matrix_transpose(gy2), x2)

    def grad_b(xp, gy):
        return xp.sum(gy, axis=tuple(range(gy.ndim - 1)))


_MIXED = ("mm", "bmm", "matmul", "addmm")  # autocast gives their factors one dtype


def _pair(name, x, y):
    """Check the dtypes of two factors: products don't promote."""
    for position, t in enumerate((x, y)):
        if not isinstance(t, Tensor):
            which = ("input", "mat2" if name in ("mm", "bmm") else "other")[position]
            raise TypeError(f"{name}(): argument '{which}' (position {position + 1}) must be Tensor, not {type(t).__name__}")
    if x._a.dtype is not y._a.dtype and not (name in _MIXED and precision.lowering()):
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {x.dtype.name} != {y.dtype.name} in {name}(): "
            "convert one, with .to(dtype)"
        )
    if x._a.dtype.kind == "b" and x._a.size and y._a.size:
        raise NotImplementedError(f"\"addmm_impl_cpu_\" not implemented for 'Bool': {name}() takes numbers; convert with .to(dtype)")


def _sparse(error, x, y):
    """A product in which a factor is sparse: its class multiplies."""
    if x.layout.name == "strided" == y.layout.name:
        raise error
    if x.layout.name == "strided":
        return y.__rmatmul__(x)
    return x.matmul(y)


def _rank(name, t, n, which):
    if t._a.ndim != n:
        what = {1: "1D", 2: "a matrix", 3: "a 3D tensor"}[n]
        raise RuntimeError(f"{name}: {which} must be {what}, got shape {list(t._a.shape)}")


def _inner_error(name, x, y):
    return RuntimeError(
        f"mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, x._a.shape))} and {'x'.join(map(str, y._a.shape))}) "
        f"in {name}(): the last dimension of the first must equal the {'last but one' if y._a.ndim > 1 else 'only'} of the second"
    )


@public
def mm(input, mat2):
    """The product of two matrices: (n×m)·(m×p) → n×p.

    RuntimeError for other ranks, unequal dtypes, or inner sizes that differ.

    >>> import lightwell as torch
    >>> torch.mm(torch.ones(2, 3), torch.ones(3, 1))
    tensor([[3.],
            [3.]])
    """
    try:
        _pair("mm", input, mat2)
    except builtins.NotImplementedError as error:
        return _sparse(error, input, mat2)
    _rank("mm", input, 2, "self")
    _rank("mm", mat2, 2, "mat2")
    if input._a.shape[1] != mat2._a.shape[0]:
        raise _inner_error("mm", input, mat2)
    return mm_(input, mat2)


@public
def bmm(input, mat2):
    """The products of b pairs of matrices: (b×n×m)·(b×m×p) → b×n×p.

    >>> import lightwell as torch
    >>> torch.bmm(torch.ones(2, 1, 3), torch.ones(2, 3, 1)).shape
    torch.Size([2, 1, 1])
    """
    _pair("bmm", input, mat2)
    _rank("batch1", input, 3, "argument 'input' of bmm")
    _rank("batch2", mat2, 3, "argument 'mat2' of bmm")
    a, b = input._a.shape, mat2._a.shape
    if a[0] != b[0] or a[2] != b[1]:
        raise RuntimeError(
            f"bmm(): Expected size for first two dimensions of batch2 tensor to be: [{a[0]}, {a[2]}] but got: [{b[0]}, {b[1]}]."
        )
    return bmm_(input, mat2)


@public
def mv(input, vec):
    """The product of a matrix and a vector: (n×m)·(m) → n.

    >>> import lightwell as torch
    >>> torch.mv(torch.ones(2, 3), torch.arange(3.))
    tensor([3., 3.])
    """
    try:
        _pair("mv", input, vec)
    except builtins.NotImplementedError as error:
        return _sparse(error, input, vec)
    if input._a.ndim != 2 or vec._a.ndim != 1:
        raise RuntimeError(
            f"vector + matrix @ vector expected, got {vec._a.ndim}, {input._a.ndim}, {vec._a.ndim}: mv() takes a matrix and a "
            f"vector, not shapes {list(input._a.shape)} and {list(vec._a.shape)}"
        )
    if input._a.shape[1] != vec._a.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({input._a.shape[0]}), mat ({'x'.join(map(str, input._a.shape))}), vec ({vec._a.shape[0]}) "
            "in mv(): the vector must be as long as the matrix's rows"
        )
    return mv_(input, vec)


@public
def dot(input, tensor):
    """Σ inputᵢ·tensorᵢ of two vectors of one dtype.

    >>> import lightwell as torch
    >>> torch.dot(torch.tensor([2., 3.]), torch.tensor([2., 1.]))
    tensor(7.)
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"dot(): argument 'tensor' (position 2) must be Tensor, not {type(tensor).__name__}")
    if input._a.ndim != 1 or tensor._a.ndim != 1:
        raise RuntimeError(
            f"1D tensors expected, but got {input._a.ndim}D and {tensor._a.ndim}D tensors in dot(): flatten() them, or use matmul"
        )
    if input._a.dtype is not tensor._a.dtype:
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found {input.dtype.tensor_type[:-6]} and {tensor.dtype.tensor_type[:-6]}"
        )
    if input._a.shape != tensor._a.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{input._a.size}] and src [{tensor._a.size}] to have the same number of elements,"
            f" but got {input._a.size} and {tensor._a.size} elements respectively"
        )
    return dot_(input, tensor)


@public
def vdot(input, other):
    """Σ conj(inputᵢ)·otherᵢ of two vectors.

    >>> import lightwell as torch
    >>> torch.vdot(torch.tensor([1.+1.j]), torch.tensor([1.+1.j]))
    tensor(2.+0.j)
    """
    return dot(input.conj() if input.is_complex() else input, other)


@public
def matmul(input, other):
    """The matrix product, by the ranks: vectors dot, a matrix times a vector mv, matrices mm, more dimensions batches.

    A vector on the left counts as a row, on the right as a column; leading dimensions broadcast. RuntimeError for 0-dim
    tensors, unequal dtypes, or inner sizes that differ.

    >>> import lightwell as torch
    >>> torch.matmul(torch.ones(4, 2, 3), torch.ones(3)).shape
    torch.Size([4, 2])
    """
    try:
        _pair("matmul", input, other)
    except builtins.NotImplementedError as error:
        return _sparse(error, input, other)
    a, b = input._a, other._a
    if a.ndim == 2 and b.ndim == 2:
        if a.shape[1] != b.shape[0]:
            raise _inner_error("matmul", input, other)
        return mm_(input, other)
    if precision.lowering() and 1 in (a.ndim, b.ndim):
        return precision.lower(matmul)(input, other)
    if not a.ndim or not b.ndim:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {a.ndim}D and {b.ndim}D")
    if a.ndim == 1 and b.ndim == 1:
        return dot(input, other)
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise _inner_error("matmul", input, other)
    if b.ndim == 1:
        return mv_(input, other) if a.ndim == 2 else matmul(input.reshape(-1, a.shape[-1]), other).reshape(a.shape[:-1])
    if a.ndim == 1:
        return matmul(input.unsqueeze(0), other).squeeze(-2)
    if b.ndim == 2 and a.ndim > 2:  # one tall product instead of many small ones
        return mm_(input.reshape(-1, a.shape[-1]), other).view(*a.shape[:-1], b.shape[-1])
    return bmm_(input, other)


def _rmatmul(other, input):
    return NotImplemented if not isinstance(input, Tensor) else matmul(input, other)


def _matmul_operator(x, y):
    return matmul(x, y) if isinstance(y, Tensor) else NotImplemented


Tensor.__matmul__, Tensor.__rmatmul__ = _matmul_operator, _rmatmul


@public(inplace=True)
def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """beta·input + alpha·mat1·mat2, `input` broadcast to the product's shape.

    >>> import lightwell as torch
    >>> torch.addmm(torch.ones(1), torch.ones(1, 2), torch.ones(2, 1))
    tensor([[3.]])
    """
    try:
        _pair("addmm", mat1, mat2)
    except builtins.NotImplementedError as error:
        return input * beta + _sparse(error, mat1, mat2) * alpha
    _rank("addmm", mat1, 2, "mat1")
    _rank("addmm", mat2, 2, "mat2")
    if mat1._a.shape[1] != mat2._a.shape[0]:
        raise _inner_error("addmm", mat1, mat2)
    return addmm_(input, mat1, mat2, beta, alpha)


@public(inplace=True)
def addmv(input, mat, vec, *, beta=1, alpha=1):
    """beta·input + alpha·mat·vec.

    >>> import lightwell as torch
    >>> torch.addmv(torch.ones(1), torch.ones(1, 2), torch.ones(2))
    tensor([3.])
    """
    return input * beta + mv(mat, vec) * alpha


@precision.lower
@public(inplace=True)
def addbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta·input + alpha·Σₙ batch1ₙ·batch2ₙ.

    >>> import lightwell as torch
    >>> torch.addbmm(torch.zeros(1), torch.ones(2, 1, 1), torch.ones(2, 1, 1))
    tensor([[2.]])
    """
    return input * beta + bmm(batch1, batch2).sum(0) * alpha


@precision.lower
@public(inplace=True)
def baddbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta·inputₙ + alpha·batch1ₙ·batch2ₙ for each n.

    >>> import lightwell as torch
    >>> torch.baddbmm(torch.zeros(1), torch.ones(1, 1, 2), torch.ones(1, 2, 1))
    tensor([[[2.]]])
    """
    return input * beta + bmm(batch1, batch2) * alpha


@public(inplace=True)
def addr(input, vec1, vec2, *, beta=1, alpha=1):
    """beta·input + alpha·vec1 ⊗ vec2.

    >>> import lightwell as torch
    >>> torch.addr(torch.zeros(1), torch.ones(1), torch.ones(2))
    tensor([[1., 1.]])
    """
    return input * beta + outer(vec1, vec2) * alpha


@public
def outer(input, vec2):
    """The matrix of all products inputᵢ·vec2ⱼ; RuntimeError where an argument is no vector.

    >>> import lightwell as torch
    >>> torch.outer(torch.tensor([1., 2.]), torch.tensor([3., 4.]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    for t, which in ((input, "self"), (vec2, "vec2")):
        if t._a.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {which}, but got {t._a.ndim}-D")
    return input.unsqueeze(1) * vec2


ger = outer
Tensor.ger = outer


@public
def cross(input, other, dim=None):
    """The vector product along a dimension of size 3.

    >>> import lightwell as torch
    >>> torch.cross(torch.tensor([1., 0., 0.]), torch.tensor([0., 1., 0.]), dim=0)
    tensor([0., 0., 1.])
    """
    if dim is None:
        dim = next((i for i, s in enumerate(input.shape) if s == 3), None)
        if dim is None:
            raise RuntimeError(f"no dimension of size 3 in input: cross() of shape {list(input.shape)}")
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[dim]} and {other.shape[dim]}")
    return input.roll(-1, dim) * other.roll(-2, dim) - input.roll(-2, dim) * other.roll(-1, dim)
