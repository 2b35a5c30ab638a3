"""Dtype functions of the array API standard: https://data-apis.org/array-api/2024.12/API_specification/data_type_functions.html"""

import builtins
from dataclasses import dataclass

from .. import dtypes
from ..errors.teaching import TypeError, ValueError
from ..ops.convert import cast, check_device
from ..tensor import Tensor
from ._array import NUMBERS, common, function, named_dtype, with_number

__all__ = ["astype", "can_cast", "finfo", "iinfo", "isdtype", "result_type"]

KINDS = {
    "bool": lambda d: d.category == dtypes.BOOL,
    "signed integer": lambda d: d.category == dtypes.INT and d.is_signed,
    "unsigned integer": lambda d: d.category == dtypes.INT and not d.is_signed,
    "integral": lambda d: d.category == dtypes.INT,
    "real floating": lambda d: d.category == dtypes.FLOAT,
    "complex floating": lambda d: d.category == dtypes.COMPLEX,
    "numeric": lambda d: d.category != dtypes.BOOL,
}


@function
def astype(x, dtype, /, *, copy=True, device=None):
    """x in another dtype, by whatever conversion that takes; x itself where it has it and `copy` is False.

    TypeError from complex to real: say `real(x)` or `imag(x)` first.

    >>> import lightwell.array_api as xp
    >>> xp.astype(xp.asarray([0.0, 2.5]), xp.bool)
    tensor([False,  True])
    """
    dtype = named_dtype(dtype)
    check_device(device)
    if x.is_complex() and dtype.category in (dtypes.INT, dtypes.FLOAT):
        raise TypeError(f"astype(): {x.dtype} has no one reading as {dtype}: take real(x) or imag(x) first")
    return cast(x, dtype, copy)


def can_cast(from_, to, /):
    """Whether promotion of the dtype (or array) `from_` with the dtype `to` gives `to`.

    >>> import lightwell.array_api as xp
    >>> xp.can_cast(xp.int8, xp.int64), xp.can_cast(xp.float64, xp.float32)
    (True, False)
    """
    d = from_.dtype if isinstance(from_, Tensor) else from_
    for v in (d, to):
        if not isinstance(v, dtypes.dtype):
            raise TypeError(f"can_cast(): expected dtypes, got {type(v).__name__}")
    try:
        return common(d, to) is to
    except (builtins.TypeError, RuntimeError):  # no common dtype
        return False


@dataclass(frozen=True)
class finfo_object:
    """What `finfo` tells."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: dtypes.dtype


@dataclass(frozen=True)
class iinfo_object:
    """What `iinfo` tells."""

    bits: int
    max: int
    min: int
    dtype: dtypes.dtype


def _dtype_of(type):
    return type.dtype if isinstance(type, Tensor) else type


def finfo(type, /):
    """Limits of a floating-point dtype or array (of the parts, for complex): bits, eps, max, min, smallest_normal, dtype.

    TypeError for other dtypes.

    >>> import lightwell.array_api as xp
    >>> xp.finfo(xp.complex64).dtype
    torch.float32
    """
    d = _dtype_of(type).to_real()
    i = dtypes.finfo(d)
    return finfo_object(i.bits, i.eps, i.max, i.min, i.smallest_normal, d)


def iinfo(type, /):
    """Limits of an integer dtype or array: bits, max, min, dtype; TypeError for other dtypes.

    >>> import lightwell.array_api as xp
    >>> xp.iinfo(xp.uint8).max
    255
    """
    d = _dtype_of(type)
    i = dtypes.iinfo(d)
    return iinfo_object(i.bits, i.max, i.min, d)


def isdtype(dtype, kind):
    """Whether `dtype` is the dtype `kind`, or of the kind so named, or any of a tuple of these.

    Kinds: "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating", "numeric".
    ValueError for another name.

    >>> import lightwell.array_api as xp
    >>> xp.isdtype(xp.uint8, "integral"), xp.isdtype(xp.uint8, (xp.int8, "bool"))
    (True, False)
    """
    dtype = named_dtype(dtype)
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, str):
        if kind not in KINDS:
            raise ValueError(f"isdtype(): unknown kind {kind!r}: one of {', '.join(KINDS)}")
        return KINDS[kind](dtype)
    return dtype is named_dtype(kind)


def result_type(*arrays_and_dtypes):
    """The dtype of an operation on arrays, dtypes and Python numbers together.

    ValueError where there is neither an array nor a dtype.

    >>> import lightwell.array_api as xp
    >>> xp.result_type(xp.int8, xp.uint8), xp.result_type(xp.float32, 1j)
    (torch.int16, torch.complex64)
    """
    found, numbers = None, []
    for v in arrays_and_dtypes:
        d = v.dtype if isinstance(v, Tensor) else v
        if isinstance(d, dtypes.dtype):
            found = d if found is None else common(found, d)
        elif isinstance(v, NUMBERS):
            numbers.append(v)
        else:
            raise TypeError(f"result_type(): expected arrays, dtypes and numbers, got {type(v).__name__}")
    if found is None:
        raise ValueError("result_type(): expected at least one array or dtype")
    for v in numbers:
        found = with_number(found, v)
    return found
