"""Linear and bilinear maps."""

from ...errors import NotStrided
from ...errors.teaching import RuntimeError, TypeError
from ...ops.contractions import einsum
from ...ops.precision import lowering
from ...ops.products import linear_, matmul, mm
from ...tensor import Tensor

__all__ = ["bilinear", "linear"]


def linear(input, weight, bias=None):
    """x·weightᵀ + bias: (…, in) to (…, out), weight of shape (out, in), bias of shape (out).

    RuntimeError where the shapes don't fit.

    >>> import lightwell as torch
    >>> torch.nn.functional.linear(torch.tensor([1., 2.]), torch.tensor([[3., 4.]]), torch.tensor([1.]))
    tensor([12.])
    """
    try:
        shape, wide = input._a.shape, weight._a.shape
    except NotStrided as error:
        return NotStrided.elsewhere("linear", (input, weight, bias), {}, error)
    except AttributeError:
        argument, position, value = ("input", 1, input) if not isinstance(input, Tensor) else ("weight", 2, weight)
        raise TypeError(f"linear(): argument '{argument}' (position {position}) must be Tensor, not {type(value).__name__}") from None
    if not shape or len(wide) not in (1, 2) or shape[-1] != wide[-1]:
        raise RuntimeError(
            f"linear(): input of shape {list(shape)} and weight of shape {list(wide)} can't be multiplied: the input's last dimension "
            f"({shape[-1] if shape else 'none'}) must be the weight's ({wide[-1] if wide else 'none'}), its in_features "
            f"(mat1 and mat2 shapes cannot be multiplied)"
        )
    if input._a.dtype is not weight._a.dtype and input._a.dtype != weight._a.dtype and not lowering():
        raise RuntimeError(
            f"linear(): mat1 and mat2 must have the same dtype, but got {input.dtype} and {weight.dtype}: convert one, with .to(dtype)"
        )
    if len(wide) == 1:
        y = matmul(input, weight)
        return y if bias is None else y + bias
    if len(shape) == 2:
        return mm(input, weight.t()) if bias is None else linear_(input, weight, bias)
    rows = input.reshape(-1, shape[-1])
    y = mm(rows, weight.t()) if bias is None else linear_(rows, weight, bias)
    return y.view((*shape[:-1], wide[0]))


def bilinear(input1, input2, weight, bias=None):
    """yₖ = x₁ᵀ·weightₖ·x₂ + biasₖ: (…, in1) and (…, in2) to (…, out), weight of shape (out, in1, in2).

    RuntimeError where the shapes don't fit.

    >>> import lightwell as torch
    >>> torch.nn.functional.bilinear(torch.tensor([[1., 2.]]), torch.tensor([[3., 4.]]), torch.ones(1, 2, 2))
    tensor([[21.]])
    """
    if input1._a.shape[:-1] != input2._a.shape[:-1]:
        raise RuntimeError(
            f"bilinear(): input batch dimensions do not match: got {list(input1._a.shape)} and {list(input2._a.shape)}; all but the "
            "last must be equal"
        )
    out, in1, in2 = weight._a.shape
    if input1._a.shape[-1] != in1 or input2._a.shape[-1] != in2:
        raise RuntimeError(
            f"bilinear(): the inputs' last dimensions, {input1._a.shape[-1]} and {input2._a.shape[-1]}, don't match the weight of "
            f"shape {list(weight._a.shape)}: expected {in1} and {in2}"
        )
    flat = (input1.reshape(-1, in1), input2.reshape(-1, in2))
    y = einsum("bi,oij,bj->bo", flat[0], weight, flat[1]).reshape((*input1._a.shape[:-1], out))
    return y if bias is None else y + bias
