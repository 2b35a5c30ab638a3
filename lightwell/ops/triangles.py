"""The lower and upper triangles of matrices."""

from ..errors.teaching import RuntimeError
from ..tensor import Tensor
from .op import op
from .public import public

__all__ = [
    "tril", "triu",
]  # fmt: skip


@op
class tril_:
    r"""y = x on and below the k-th diagonal, 0 above.   gx = gy there, 0 above."""

    def forward(xp, x, /, k):
        return xp.tril(x, k=k)

    def grad_x(xp, gy, k):
        return xp.tril(gy, k=k)


@op
class triu_:
    r"""y = x on and above the k-th diagonal, 0 below.   gx = gy there, 0 below."""

    def forward(xp, x, /, k):
        return xp.triu(x, k=k)

    def grad_x(xp, gy, k):
        return xp.triu(gy, k=k)


def _matrix(name, x):
    if isinstance(x, Tensor) and x.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions, but it has shape {list(x.shape)}")
    return x


@public(inplace=True)
def tril(input, diagonal=0):
    """The lower triangle: elements on and below the `diagonal`-th diagonal; zeros above.

    >>> import lightwell as torch
    >>> torch.tril(torch.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return tril_(_matrix("tril", input), diagonal)


@public(inplace=True)
def triu(input, diagonal=0):
    """The upper triangle: elements on and above the `diagonal`-th diagonal; zeros below.

    >>> import lightwell as torch
    >>> torch.triu(torch.ones(2, 2), 1)
    tensor([[0., 1.],
            [0., 0.]])
    """
    return triu_(_matrix("triu", input), diagonal)
