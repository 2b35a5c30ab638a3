"""Dimensions in another order: permute, transpose and their relatives, as views."""

from .. import errors
from ..autograd.modes import state
from ..errors.teaching import RuntimeError
from ..tensor import Tensor
from .op import op
from .public import public
from .shape import inverse_order, need_tensor, one_dim, sizes_of, squeeze, unsqueeze

__all__ = ["adjoint", "moveaxis", "movedim", "permute", "swapaxes", "swapdims", "t", "transpose"]


@op
class permute_:
    r"""y[i_order(0), i_order(1), …] = x[i₀, i₁, …].   gx is gy under the inverse permutation."""

    view = True

    def forward(xp, x, /, dims):
        return xp.permute_dims(x, dims)

    def grad_x(xp, gy, dims):
        return xp.permute_dims(gy, inverse_order(dims))


@op
class transpose_:
    r"""y is x with two dimensions exchanged.   The exchange is its own inverse: gx is gy with them exchanged."""

    view = True

    def forward(xp, x, /, order):
        return xp.permute_dims(x, order)

    def grad_x(xp, gy, order):
        return xp.permute_dims(gy, order)


@op
class t_:
    r"""y = xᵀ,   hence   gx = gyᵀ."""

    view = True

    def forward(xp, x, /):
        return xp.permute_dims(x, (1, 0) if x.ndim == 2 else tuple(range(x.ndim)))

    def grad_x(xp, gy):
        return xp.permute_dims(gy, (1, 0) if gy.ndim == 2 else tuple(range(gy.ndim)))


@public
def permute(input: Tensor, *sizes, dims=None) -> Tensor:
    """A view with the dimensions in the order `dims`: y.shape[i] = x.shape[dims[i]].

    RuntimeError: not one entry per dimension, or one twice. IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.permute(torch.zeros(2, 3, 5), (2, 0, 1)).shape
    torch.Size([5, 2, 3])
    """
    need_tensor(input, "permute")
    dims = sizes_of(sizes if dims is None else (dims,))
    n = input._a.ndim
    if len(dims) != n:
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering "
            f"of dimensions i.e. input.dim() = {n} is not equal to len(dims) = {len(dims)}"
        )
    dims = tuple([one_dim(d, n) for d in dims])
    if len(set(dims)) != n:
        raise RuntimeError(f"permute(): duplicate dims are not allowed, got {list(dims)}")
    return permute_(input, dims)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with dimensions `dim0` and `dim1` exchanged; IndexError where one isn't there.

    >>> import lightwell as torch
    >>> torch.transpose(torch.zeros(2, 3, 5), 0, 2).shape
    torch.Size([5, 3, 2])
    """
    need_tensor(input, "transpose")
    n = input._a.ndim
    i, j = one_dim(dim0, n), one_dim(dim1, n)
    order = list(range(n))
    if n:
        order[i], order[j] = j, i
    return transpose_(input, tuple(order))


def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """`transpose` under NumPy's name."""
    return transpose(input, axis0, axis1)


def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """`transpose` under another name."""
    return transpose(input, dim0, dim1)


transpose, swapaxes, swapdims = public(transpose), public(swapaxes), public(swapdims)


@public
def t(input: Tensor) -> Tensor:
    """The transpose of a matrix, as a view; vectors and scalars stay as they are.

    RuntimeError for more than two dimensions (`mT`, `permute` are for those).

    >>> import lightwell as torch
    >>> torch.t(torch.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    try:
        n = input._a.ndim
    except AttributeError:
        raise errors.not_a_tensor(t_.record, 0, input) from None
    if n > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {n}D: use .mT or .permute(...)")
    return t_(input)


@public
def movedim(input: Tensor, source, destination) -> Tensor:
    """A view with dimensions `source` moved to the places `destination`; the others keep their order.

    RuntimeError: lists of different length, or one dimension twice. IndexError: no such dimension.

    >>> import lightwell as torch
    >>> torch.movedim(torch.zeros(2, 3, 5), 0, -1).shape
    torch.Size([3, 5, 2])
    """
    need_tensor(input, "movedim")
    n = input._a.ndim
    src = source if isinstance(source, (tuple, list)) else (source,)
    dst = destination if isinstance(destination, (tuple, list)) else (destination,)
    if len(src) != len(dst):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source ("
            + str(list(src))
            + f" dims) should contain the same number of dims as destination ({list(dst)} dims)"
        )
    src, dst = [one_dim(d, n) for d in src], [one_dim(d, n) for d in dst]
    for which, dims in (("source", src), ("destination", dst)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{which}` ({dims})")
    order = [d for d in range(n) if d not in src]
    for d, s in sorted(zip(dst, src)):
        order.insert(d, s)
    return permute_(input, tuple(order[:n]))


@public
def moveaxis(input: Tensor, source, destination) -> Tensor:
    """`movedim` under NumPy's name.

    >>> import lightwell as torch
    >>> torch.moveaxis(torch.zeros(2, 3), 0, 1).shape
    torch.Size([3, 2])
    """
    return movedim(input, source, destination)


@public
def adjoint(input: Tensor) -> Tensor:
    """The last two dimensions exchanged, and complex numbers conjugated; RuntimeError for a vector.

    >>> import lightwell as torch
    >>> torch.adjoint(torch.tensor([[1+2j, 3j]]))
    tensor([[1.-2.j],
            [0.-3.j]])
    """
    if input._a.ndim < 2:
        raise RuntimeError(f"tensor.adjoint() is only supported on matrices or batches of matrices. Got {input._a.ndim}-D tensor.")
    out = transpose(input, -2, -1)
    return out.conj() if out.is_complex() else out


def _all_reversed(self):
    """The tensor with its dimensions reversed, as a view."""
    return permute_(self, tuple(range(self._a.ndim))[::-1])


def _matrix_transposed(self):
    """The last two dimensions exchanged, as a view; RuntimeError for a vector."""
    if self._a.ndim < 2:
        raise RuntimeError(f"tensor.mT is only supported on matrices or batches of matrices. Got {self._a.ndim}-D tensor.")
    return transpose(self, -2, -1)


def _hermitian(self):
    """The conjugate transpose of a matrix; RuntimeError for anything but a matrix (or a scalar)."""
    if self._a.ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {self._a.ndim}-D tensor. "
            "For batches of matrices, consider using tensor.mH"
        )
    return adjoint(self) if self._a.ndim else self.conj()


Tensor.T, Tensor.mT, Tensor.H, Tensor.mH = property(_all_reversed), property(_matrix_transposed), property(_hermitian), property(adjoint)


# ---- the same, in place: the tensor itself takes the view's shape -----------------------------------------------------


def becoming(f):
    """The method that lets a tensor become the view `f` of itself."""
    name = f.__name__ + "_"

    def become(self, *args, **kwargs):
        if state.grad and self.requires_grad and self._node is None:
            raise RuntimeError(f"a leaf Variable that requires grad is being used in an in-place operation ({name}).")
        shown = f(self, *args, **kwargs)
        self._a = shown._a
        if shown._rg:
            self._node = shown._node
        self._bump()
        return self

    become.__name__ = become.__qualname__ = name
    become.__doc__ = f"Let this tensor become its own `{f.__name__}`, without a copy; returns it."
    return become


for _f in (transpose, swapaxes, swapdims, t, unsqueeze, squeeze):
    setattr(Tensor, _f.__name__ + "_", becoming(_f))
