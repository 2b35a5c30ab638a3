"""Looking at a program's graph without compiling it."""

from ..tensor import Tensor
from . import guards
from .capture import capture
from .graph import Graph


def trace(f, *args, **kwargs) -> Graph:
    """The graph of `f(*args, **kwargs)`: its tensors are the inputs, what it returns (and writes) the results.

    RuntimeError (`Untraceable`) where the function asks for a tensor's numbers.

    >>> import lightwell as torch
    >>> from lightwell.compile import trace
    >>> print(trace(lambda x: (x * 2).tanh(), torch.ones(3)))
    x0: float32[3]
    %1 = multiply(x0, 2) : float32[3]
    %2 = tanh(%1) : float32[3]
    out 0 <- %2
    """
    from ..utils._pytree import tree_flatten

    leaves = [v for v in tree_flatten((args, kwargs))[0] if isinstance(v, Tensor)]
    return capture(f, args, kwargs, leaves, guards.find(f)).graph
