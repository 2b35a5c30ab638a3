"""Changing dtype and device: to, type, float and their kin."""

import enum

from .. import dtypes
from ..device import as_device
from ..device import device as Device
from ..errors.teaching import AssertionError, BufferError, RuntimeError, TypeError, ValueError
from ..meta import as_meta
from ..tensor import Tensor
from .op import op

__all__ = []


@op
class to_copy_:
    r"""y = x in another dtype.   The value is the same up to rounding: gx = gy in x's dtype."""

    node_name = "ToCopyBackward0"
    broadcasts = True  # the engine casts the gradient back to x's dtype
    conj_aware = True

    def forward(xp, x, /, dtype):
        return xp.astype(x.real if x.dtype.kind == "c" and dtype.kind != "c" and dtype.kind != "b" else x, dtype, copy=True)

    def grad_x(xp, gy):
        return gy


def cast(x: Tensor, d: dtypes.dtype, copy: bool = False) -> Tensor:
    """`x` in dtype `d`; `x` itself where it has it already, unless `copy`."""
    if x._a.dtype is d.np and not copy:
        return x
    if x._rg and d.category < dtypes.FLOAT:  # whole numbers have no gradient
        x = x.detach()
    return to_copy_(x, d.np)


def check_device(device) -> None:
    """Raise what PyTorch's CPU build raises for a device that isn't here."""
    if device is None:
        return
    d = device if isinstance(device, Device) else as_device(device)
    if d.type == "cuda":
        raise AssertionError(
            f"Torch not compiled with CUDA enabled: there is no device '{d}' here; use device='cpu', or guard with torch.cuda.is_available()"
        )
    if d.type != "cpu":
        raise RuntimeError(f"no device '{d}' here: lightwell computes on the CPU; use device='cpu'")


def parse_to(args, kwargs):
    """(dtype, device, copy) of the arguments of `to`: a dtype, a device, a device and a dtype, or another tensor."""
    dtype, device, copy = kwargs.pop("dtype", None), kwargs.pop("device", None), kwargs.pop("copy", False)
    kwargs.pop("non_blocking", None)
    kwargs.pop("memory_format", None)
    other = kwargs.pop("other", None)
    if kwargs:
        raise TypeError(f"to() received an unexpected keyword argument '{next(iter(kwargs))}'")
    rest = list(args)
    if rest:
        first = rest.pop(0)
        if isinstance(first, Tensor):
            other = first
        elif isinstance(first, dtypes.dtype):
            dtype = first
        elif first is None or isinstance(first, (str, int, Device)):
            device = first
            if rest and (isinstance(rest[0], dtypes.dtype) or rest[0] is None):
                dtype = rest.pop(0)
        else:
            raise TypeError(
                f"to() received an invalid combination of arguments - got ({type(first).__name__}); expected a dtype, a device or a tensor"
            )
        if rest:
            rest.pop(0)  # non_blocking
        if rest:
            copy = rest.pop(0)
    if other is not None:
        dtype, device = other.dtype, other.device if other.is_meta else device
    if dtype is not None and not isinstance(dtype, dtypes.dtype):
        raise TypeError(f"to(): argument 'dtype' must be torch.dtype, not {type(dtype).__name__}")
    if device is not None:
        device = as_device(device)
        if device.type != "meta":
            check_device(device)
    return dtype, device, copy


def to(self, *args, **kwargs):
    """This tensor in another dtype or on another device: `to(dtype)`, `to(device)`, `to(device, dtype)`, `to(other)`.

    The tensor itself is returned where nothing changes, unless `copy=True`. AssertionError for "cuda" where there is none.

    >>> import lightwell as torch
    >>> torch.tensor([1, 2]).to(torch.float32)
    tensor([1., 2.])
    """
    dtype, device, copy = parse_to(args, kwargs)
    if device is not None and device.type == "meta":
        return as_meta(self, None if dtype is None else dtype.np)
    if dtype is None:
        return self.clone() if copy else self
    return cast(self, dtype, copy)


def type_(self, dtype=None, non_blocking=False):
    """Without argument the type's name, such as 'torch.FloatTensor'; otherwise the tensor in that type.

    >>> import lightwell as torch
    >>> torch.ones(1).type(), torch.ones(1).type(torch.LongTensor)
    ('torch.FloatTensor', tensor([1]))
    """
    if dtype is None:
        return f"torch.{self.dtype.tensor_type}"
    return cast(self, as_dtype(dtype))


def as_dtype(value) -> dtypes.dtype:
    """The dtype that a dtype, a tensor type, or its name stands for."""
    if isinstance(value, dtypes.dtype):
        return value
    found = getattr(value, "dtype", None)
    if isinstance(value, type) and isinstance(found, dtypes.dtype):
        return found
    if isinstance(value, str):
        name = value.rsplit(".", 1)[-1]
        for d in dtypes.ALL:
            if name in (d.tensor_type, d.name):
                return d
        if name == "Tensor":
            return dtypes.get_default_dtype()
        raise ValueError(f"invalid type: '{value}'")
    if value in (float, int, bool, complex):
        return {float: dtypes.float64, int: dtypes.int64, bool: dtypes.bool, complex: dtypes.complex128}[value]
    raise TypeError(f"invalid dtype object: {value!r}")


def _caster(d: dtypes.dtype, name: str):
    def method(self, memory_format=None):
        return self if self._a.dtype is d.np else cast(self, d)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"This tensor as {d}; itself where it is that already."
    return method


for _name, _d in (
    ("bool", dtypes.bool), ("byte", dtypes.uint8), ("char", dtypes.int8), ("short", dtypes.int16), ("int", dtypes.int32),
    ("long", dtypes.int64), ("half", dtypes.float16), ("bfloat16", dtypes.bfloat16), ("float", dtypes.float32),
    ("double", dtypes.float64), ("cfloat", dtypes.complex64), ("cdouble", dtypes.complex128),
):  # fmt: skip
    setattr(Tensor, _name, _caster(_d, _name))


def cpu(self, memory_format=None):
    """This tensor on the CPU: itself."""
    return self


def cuda(self, device=None, non_blocking=False, memory_format=None):
    """This tensor on a CUDA device; AssertionError where there is none."""
    check_device(Device("cuda") if device is None else device)


def type_as(self, other):
    """This tensor in `other`'s dtype."""
    return cast(self, other.dtype)


class DLDeviceType(enum.IntEnum):
    """The kinds of device in DLPack's numbering."""

    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3
    kDLOpenCL = 4
    kDLVulkan = 7
    kDLMetal = 8
    kDLVPI = 9
    kDLROCM = 10
    kDLROCMHost = 11
    kDLExtDev = 12
    kDLCUDAManaged = 13
    kDLOneAPI = 14
    kDLWebGPU = 15
    kDLHexagon = 16
    kDLMAIA = 17


def __dlpack__(self, *, stream=-1, max_version=None, dl_device=None, copy=None):
    """The DLPack capsule of the memory (https://dmlc.github.io/dlpack/).

    BufferError where the tensor requires grad, or for another device than the CPU.
    """
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if stream is not None and stream != -1:
        raise AssertionError(f"stream should be None on cpu: got {stream!r}")
    if dl_device is not None and int(dl_device[0]) != DLDeviceType.kDLCPU:
        raise BufferError(f"__dlpack__(): the memory is on the CPU, dl_device={tuple(dl_device)} is not: use (1, 0)")
    a = self._a
    if not a.flags.writeable:
        if copy is False:
            raise BufferError("__dlpack__(): this memory is read-only and must be copied: leave copy=False away")
        a = a.copy()
    given = {"max_version": max_version, "copy": copy}
    return a.__dlpack__(**{k: v for k, v in given.items() if v is not None})


def __dlpack_device__(self):
    """The device of the memory, as DLPack has it: (DLDeviceType.kDLCPU, 0)."""
    return DLDeviceType.kDLCPU, 0


def to_device(self, device, /, *, stream=None):
    """This tensor on a device, in the array API standard's words; there is one, the CPU, and no streams on it.

    >>> import lightwell as torch
    >>> torch.ones(2).to_device("cpu")
    tensor([1., 1.])
    """
    if stream is not None:
        raise ValueError(f"to_device(): the CPU has no streams, got stream={stream!r}")
    check_device(device)
    return self


def __array_namespace__(self, /, *, api_version=None):
    """The namespace of the array API standard that works on tensors: `lightwell.array_api`.

    ValueError for a revision it doesn't follow (https://data-apis.org/array-api/).

    >>> import lightwell as torch
    >>> torch.ones(2).__array_namespace__(api_version="2024.12").__name__
    'lightwell.array_api'
    """
    if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
        raise ValueError(f"array API standard {api_version!r} is not followed here: 2021.12, 2022.12, 2023.12 and 2024.12 are")
    from .. import array_api

    return array_api


Tensor.to, Tensor.type, Tensor.cpu, Tensor.cuda, Tensor.type_as = to, type_, cpu, cuda, type_as
Tensor.__dlpack__, Tensor.__dlpack_device__ = __dlpack__, __dlpack_device__
Tensor.__array_namespace__, Tensor.to_device = __array_namespace__, to_device
