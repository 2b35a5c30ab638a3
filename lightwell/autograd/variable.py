"""Variable: PyTorch's old name for a tensor that may require grad."""

from ..errors.teaching import TypeError
from ..tensor import Tensor

__all__ = ["Variable"]


class _VariableMeta(type):
    def __instancecheck__(cls, other):
        return isinstance(other, Tensor)


class Variable(metaclass=_VariableMeta):
    """`Variable(t, requires_grad)` is a tensor around `t`'s memory; every tensor is an instance.

    >>> import lightwell as torch
    >>> torch.autograd.Variable(torch.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    """

    class _execution_engine:
        """What programs reach the engine by: `Variable._execution_engine.queue_callback(fn)`."""

        @staticmethod
        def queue_callback(callback) -> None:
            """Call `callback()` at the end of the backward that this thread is running."""
            from .engine import queue_callback

            queue_callback(callback)

    def __new__(cls, data=None, requires_grad: bool = False, volatile=None):
        if data is None:
            from ..ops.creation import empty

            return empty(0).requires_grad_(requires_grad)
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)
