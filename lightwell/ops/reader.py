"""The vocabulary on tensors: running a rule through it records a graph, so gradients have gradients.

Each function has the array API's signature and calls the operation of that meaning.
"""

from ..tensor import Tensor, make

# ---- arithmetic (ops/arith.py) --------------------------------------------------------------------------------------


def _late(path: str, name: str):
    """A function found at its first call: operations import this file's users, not the other way round."""
    found = None

    def call(*args, **kwargs):
        nonlocal found
        if found is None:
            import importlib

            found = getattr(importlib.import_module(path, __package__), name)
        return found(*args, **kwargs)

    call.__name__ = name
    return call


add = _late(".arith", "add_")
subtract = _late(".arith", "sub_")
multiply = _late(".arith", "mul_")
divide = _late(".arith", "div_")
pow = _late(".arith", "pow_")  # noqa: A001

strided_add = _late(".inplace", "strided_add_")


def strided(x, shape, strides, offset):
    """See backend.numpy.strided."""
    from .inplace import as_strided_

    return as_strided_(x.contiguous(), shape, strides, offset, tuple(range(x.ndim)))


def strided_set(x, v, strides, offset):
    """See backend.numpy.strided_set."""
    from .inplace import copy_slices_

    return copy_slices_(x, v, strides, offset, tuple(range(x.ndim)))


def zeros_like(x):
    """Zeros of x's shape and dtype, outside any graph."""
    import numpy as np

    return make(np.zeros_like(x._a if isinstance(x, Tensor) else x))


def ones_like(x):
    """Ones of x's shape and dtype, outside any graph."""
    import numpy as np

    return make(np.ones_like(x._a if isinstance(x, Tensor) else x))
