"""`scatter` and `gather` of nested tuples, lists and dicts of tensors."""

from ...errors.teaching import ValueError
from ...tensor import Tensor
from . import comm

__all__ = ["gather", "is_namedtuple", "scatter", "scatter_kwargs"]


def is_namedtuple(obj) -> bool:
    """Whether it is a named tuple."""
    return isinstance(obj, tuple) and hasattr(obj, "_asdict") and hasattr(obj, "_fields")


def scatter(inputs, target_gpus, dim: int = 0):
    """A list with, for each device, `inputs` with every tensor in it replaced by its part along `dim`.

    >>> import lightwell as torch
    >>> [part["x"].shape for part in torch.nn.parallel.scatter({"x": torch.ones(5, 2)}, ["cpu", "cpu"])]
    [torch.Size([3, 2]), torch.Size([2, 2])]
    """

    def parts(obj):
        if isinstance(obj, Tensor):
            return list(comm.scatter(obj, target_gpus, None, dim))
        if is_namedtuple(obj):
            return [type(obj)(*args) for args in zip(*map(parts, obj))]
        if isinstance(obj, tuple) and obj:
            return list(zip(*map(parts, obj)))
        if isinstance(obj, list) and obj:
            return [list(i) for i in zip(*map(parts, obj))]
        if isinstance(obj, dict) and obj:
            return [type(obj)(i) for i in zip(*map(parts, obj.items()))]
        return [obj for _ in target_gpus]

    return parts(inputs)


def scatter_kwargs(inputs, kwargs, target_gpus, dim: int = 0):
    """(positional arguments, keyword arguments) for each device."""
    args = scatter(inputs, target_gpus, dim) if inputs else []
    named = scatter(kwargs, target_gpus, dim) if kwargs else []
    n = max(len(args), len(named))
    args += [() for _ in range(n - len(args))]
    named += [{} for _ in range(n - len(named))]
    return tuple(args), tuple(named)


def gather(outputs, target_device, dim: int = 0):
    """The devices' results as one: tensors joined along `dim`, numbers of dimension 0 as a vector."""
    first = outputs[0]
    if isinstance(first, Tensor):
        if first.dim() == 0 and dim == 0:
            outputs = [t.reshape(1) for t in outputs]
        return comm.gather(outputs, dim)
    if first is None:
        return None
    if isinstance(first, dict):
        if any(len(out) != len(first) for out in outputs):
            raise ValueError("All dicts must have the same number of keys")
        return type(first)((k, gather([out[k] for out in outputs], target_device, dim)) for k in first)
    made = (gather(list(column), target_device, dim) for column in zip(*outputs))
    return type(first)(*made) if is_namedtuple(first) else type(first)(made)
