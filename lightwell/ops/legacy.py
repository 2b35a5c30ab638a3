"""The old constructors: `torch.Tensor(2, 3)`, `torch.FloatTensor([1, 2])` and their kin."""

import numpy as np

from .. import dtypes
from ..errors.teaching import TypeError
from ..tensor import Size, Tensor, _TensorMeta, make, view_of
from .convert import check_device
from .fresh import shape_of
from .from_data import array_of

__all__ = [
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor", "ShortTensor",
]  # fmt: skip


def legacy_constructor(cls, d, *args, dtype=None, device=None, **kwargs) -> Tensor:
    """`torch.Tensor(2, 3)` (uninitialised), `torch.Tensor([1, 2])`, `torch.Tensor(other)`, in the type's own dtype."""
    check_device(device)
    if kwargs:
        raise TypeError(f"new() received an unexpected keyword argument '{next(iter(kwargs))}'")
    if not args:
        a = np.empty(0, d.np)
    elif len(args) == 1 and isinstance(args[0], Tensor):
        if cls is Tensor or args[0].dtype is d:
            return view_of(args[0], args[0]._a) if args[0].requires_grad else args[0].detach()
        raise TypeError(f"expected {d} tensor (got {args[0].dtype})")
    elif len(args) == 1 and isinstance(args[0], Size):
        a = np.empty(tuple(args[0]), d.np)
    elif len(args) == 1 and not isinstance(args[0], (int, np.integer)):
        if isinstance(args[0], float):
            raise TypeError("new(): data must be a sequence (got float)")
        a = array_of(args[0], d)
    else:
        a = np.empty(shape_of("new", args), d.np)
    return make(a)


class _LegacyMeta(_TensorMeta):
    def __instancecheck__(cls, instance):
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype


def _legacy(d):
    def new(cls, *args, **kwargs):
        return legacy_constructor(cls, d, *args, **kwargs)

    made = _LegacyMeta(
        d.tensor_type, (), {"dtype": d, "__new__": new, "__doc__": f"Makes {d} tensors: from data, or uninitialised of a size."}
    )
    made.__module__ = "torch"
    return made


BoolTensor, ByteTensor, CharTensor = _legacy(dtypes.bool), _legacy(dtypes.uint8), _legacy(dtypes.int8)
ShortTensor, IntTensor, LongTensor = _legacy(dtypes.int16), _legacy(dtypes.int32), _legacy(dtypes.int64)
HalfTensor, BFloat16Tensor = _legacy(dtypes.float16), _legacy(dtypes.bfloat16)
FloatTensor, DoubleTensor = _legacy(dtypes.float32), _legacy(dtypes.float64)

Tensor.new = lambda self, *args, **kwargs: legacy_constructor(Tensor, self.dtype, *args, **kwargs)
