"""A matrix with the methods that GPyTorch's lazy matrices have; here it is computed at once."""

import lightwell as lw
from lightwell.errors.teaching import AttributeError
from lightwell.gp.utils.cholesky import psd_safe_cholesky
from lightwell.tensor import Tensor

__all__ = ["DenseLinearOperator", "to_dense", "to_linear_operator"]


def to_dense(matrix) -> Tensor:
    """The tensor of an operator, or the tensor itself."""
    return matrix.tensor if isinstance(matrix, DenseLinearOperator) else matrix


def to_linear_operator(matrix):
    """An operator around a tensor, or the operator itself."""
    return matrix if isinstance(matrix, DenseLinearOperator) else DenseLinearOperator(matrix)


class DenseLinearOperator:
    """A (batch of) matrices, as kernels return them; `to_dense()` gives the tensor.

    >>> import lightwell as torch
    >>> from lightwell import gp
    >>> gp.kernels.RBFKernel()(torch.tensor([0.0, 1.0])).to_dense().shape
    torch.Size([2, 2])
    """

    def __init__(self, tensor):
        self.tensor = tensor

    def __getattr__(self, name):
        # shape, dtype, detach …: the tensor's; matrices that come back are operators again
        if name.startswith("__") or name == "tensor":
            raise AttributeError(name)
        return getattr(self.tensor, name)

    def to_dense(self) -> Tensor:
        """The matrix as a tensor."""
        return self.tensor

    evaluate = to_dense

    def evaluate_kernel(self):
        """The operator itself: it is evaluated."""
        return self

    def diagonal(self, offset=0, dim1=-2, dim2=-1) -> Tensor:
        """The diagonal."""
        return self.tensor.diagonal(offset, dim1, dim2)

    def diag(self) -> Tensor:
        """The diagonal."""
        return self.diagonal()

    def add_diagonal(self, diag):
        """The matrix with a number or vector added to its diagonal."""
        n = self.tensor.shape[-1]
        diag = lw.as_tensor(diag, dtype=self.tensor.dtype)
        return DenseLinearOperator(self.tensor + lw.diag_embed(diag.expand((*diag.shape[:-1], n))))

    def add_jitter(self, jitter_val: float = 1e-3):
        """The matrix with a small number added to its diagonal."""
        return self.add_diagonal(jitter_val)

    def cholesky(self, upper: bool = False):
        """The Cholesky factor, with jitter where there is none without."""
        factor = psd_safe_cholesky(self.tensor)
        return DenseLinearOperator(factor.mT if upper else factor)

    def inv_matmul(self, right):
        """The inverse times `right`."""
        vector = right.dim() == 1
        solved = lw.cholesky_solve(right.unsqueeze(-1) if vector else right, psd_safe_cholesky(self.tensor))
        return solved.squeeze(-1) if vector else solved

    solve = inv_matmul

    def logdet(self):
        """The logarithm of the determinant."""
        return 2 * psd_safe_cholesky(self.tensor).diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def __matmul__(self, other):
        product = self.tensor @ to_dense(other)
        return DenseLinearOperator(product) if isinstance(other, DenseLinearOperator) else product

    def matmul(self, other):
        """The matrix product."""
        return self @ other

    def __add__(self, other):
        return DenseLinearOperator(self.tensor + to_dense(other))

    __radd__ = __add__

    def __sub__(self, other):
        return DenseLinearOperator(self.tensor - to_dense(other))

    def __mul__(self, other):
        return DenseLinearOperator(self.tensor * to_dense(other))

    __rmul__ = __mul__

    def mul(self, other):
        """The elementwise product."""
        return self * other

    def __truediv__(self, other):
        return DenseLinearOperator(self.tensor / to_dense(other))

    def __getitem__(self, index):
        return self.tensor[index]

    @property
    def mT(self):
        """The transpose."""
        return DenseLinearOperator(self.tensor.mT)

    def transpose(self, dim0, dim1):
        """Two dimensions exchanged."""
        return DenseLinearOperator(self.tensor.transpose(dim0, dim1))

    def detach(self):
        """The same outside the graph."""
        return DenseLinearOperator(self.tensor.detach())

    def __repr__(self):
        return f"<{type(self).__name__} of shape {tuple(self.tensor.shape)}>"
