"""Element types: PyTorch's names and promotion rules over NumPy's (and ml_dtypes') types."""

import builtins
import math
from typing import Any

import ml_dtypes
import numpy as np

from .errors.teaching import NotImplementedError, RuntimeError, TypeError


class dtype:
    """An element type, such as `lightwell.float32`; prints as PyTorch's does.

    `np` is the NumPy type behind it, `itemsize` its size in bytes.

    >>> import lightwell as torch
    >>> torch.float32, torch.float32.itemsize, torch.int64.is_floating_point
    (torch.float32, 4, False)
    """

    __slots__ = ("abbr", "category", "is_complex", "is_floating_point", "is_signed", "itemsize", "name", "np", "tensor_type")

    def __init__(self, name: str, np_type, category: builtins.int, tensor_type: str):
        self.name, self.np, self.category = name, np.dtype(np_type), category
        self.itemsize = self.np.itemsize
        self.is_floating_point, self.is_complex = category == 2, category == 3
        self.is_signed = not (name == "bool" or name.startswith("uint"))
        self.tensor_type = tensor_type  # the name in torch.FloatTensor and its kin

    def __repr__(self):
        return f"torch.{self.name}"

    def __reduce__(self):
        return self.name  # pickled as a reference to lightwell.dtypes.<name>

    @property
    def __module__(self):  # type: ignore[override]  # where pickle finds the name above
        return "lightwell.dtypes"

    def to_complex(self) -> "dtype":
        """The complex type whose parts have this type."""
        return complex128 if self in (float64, complex128) else complex64

    def to_real(self) -> "dtype":
        """The real type of this type's parts."""
        return {complex64: float32, complex128: float64}.get(self, self)


BOOL, INT, FLOAT, COMPLEX = range(4)

bool = dtype("bool", np.bool_, BOOL, "BoolTensor")
uint8 = dtype("uint8", np.uint8, INT, "ByteTensor")
int8 = dtype("int8", np.int8, INT, "CharTensor")
int16 = dtype("int16", np.int16, INT, "ShortTensor")
int32 = dtype("int32", np.int32, INT, "IntTensor")
int64 = dtype("int64", np.int64, INT, "LongTensor")
uint16 = dtype("uint16", np.uint16, INT, "UInt16Tensor")
uint32 = dtype("uint32", np.uint32, INT, "UInt32Tensor")
uint64 = dtype("uint64", np.uint64, INT, "UInt64Tensor")
float8_e4m3fn = dtype("float8_e4m3fn", ml_dtypes.float8_e4m3fn, FLOAT, "Float8_e4m3fnTensor")
float8_e5m2 = dtype("float8_e5m2", ml_dtypes.float8_e5m2, FLOAT, "Float8_e5m2Tensor")
float8_e4m3fnuz = dtype("float8_e4m3fnuz", ml_dtypes.float8_e4m3fnuz, FLOAT, "Float8_e4m3fnuzTensor")
float8_e5m2fnuz = dtype("float8_e5m2fnuz", ml_dtypes.float8_e5m2fnuz, FLOAT, "Float8_e5m2fnuzTensor")
float16 = dtype("float16", np.float16, FLOAT, "HalfTensor")
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, FLOAT, "BFloat16Tensor")
float32 = dtype("float32", np.float32, FLOAT, "FloatTensor")
float64 = dtype("float64", np.float64, FLOAT, "DoubleTensor")
complex64 = dtype("complex64", np.complex64, COMPLEX, "ComplexFloatTensor")
complex128 = dtype("complex128", np.complex128, COMPLEX, "ComplexDoubleTensor")
half, float, double = float16, float32, float64
short, int, long = int16, int32, int64
cfloat, cdouble = complex64, complex128

ALL = (
    bool, uint8, int8, int16, int32, int64, uint16, uint32, uint64, float16, bfloat16, float32, float64,
    complex64, complex128, float8_e4m3fn, float8_e5m2, float8_e4m3fnuz, float8_e5m2fnuz,
)  # fmt: skip
_OF_NP = {d.np: d for d in ALL}
_WIDE = {uint16, uint32, uint64}

_default = float32


def from_np(np_dtype) -> dtype:
    """The dtype of a NumPy type; TypeError where PyTorch has none (strings, objects, dates, longdouble)."""
    found = _OF_NP.get(np_dtype)
    if found is None:
        np_dtype = np.dtype(np_dtype)
        found = _OF_NP.get(np_dtype) or _OF_NP.get(np_dtype.newbyteorder("="))
        if found is None and np_dtype.kind in "iu":  # longlong and its kin: the same width under another name
            found = _OF_NP.get(np.dtype(f"{np_dtype.kind}{np_dtype.itemsize}"))
        if found is None:
            raise TypeError(
                f"can't convert np.ndarray of type {np_dtype}. The only supported types are: float64, float32, float16, "
                "complex64, complex128, int64, int32, int16, int8, uint64, uint32, uint16, uint8, and bool."
            )
    return found


def get_default_dtype() -> dtype:
    """The dtype of floating-point tensors made without one: float32 unless changed.

    >>> import lightwell as torch
    >>> torch.get_default_dtype()
    torch.float32
    """
    return _default


def set_default_dtype(d: dtype) -> None:
    """Make `d` (a floating-point dtype) the default; TypeError for any other.

    >>> import lightwell as torch
    >>> torch.set_default_dtype(torch.float64); torch.tensor(1.5).dtype
    torch.float64
    >>> torch.set_default_dtype(torch.float32)
    """
    global _default
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError(f"set_default_dtype(): only floating-point types are supported as the default type, got {d}")
    _default = d


def default_complex() -> dtype:
    """The dtype of complex tensors made without one."""
    return _default.to_complex()


def _promote(a: dtype, b: dtype) -> dtype:
    if a.category != b.category:
        low, high = (a, b) if a.category < b.category else (b, a)
        if high.category == COMPLEX and low is float64:
            return complex128
        return high
    if a.category == INT:
        if a in _WIDE or b in _WIDE:
            raise RuntimeError(f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {a.name} and {b.name}")
        if {a, b} == {uint8, int8}:
            return int16
        if a.itemsize == b.itemsize:
            return a
    if a.category == FLOAT:
        if a.itemsize == 1 or b.itemsize == 1:
            raise RuntimeError(f"Promotion for Float8 Types is not supported, attempted to promote {a.name} and {b.name}")
        if a.itemsize == b.itemsize:
            return float32  # float16 with bfloat16
    return a if a.itemsize > b.itemsize else b


_table: dict = {}


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that both can be converted to, by PyTorch's lattice.

    >>> import lightwell as torch
    >>> torch.promote_types(torch.int32, torch.float16)
    torch.float16
    """
    if type1 is type2:
        return type1
    found = _table.get((type1, type2))
    if found is None:
        found = _table[type1, type2] = _promote(type1, type2)
    return found


def can_cast(from_: dtype, to: dtype) -> builtins.bool:
    """Whether a value of `from_` may be written into `to`: never down a category (bool < int < float < complex).

    >>> import lightwell as torch
    >>> torch.can_cast(torch.float32, torch.int64)
    False
    """
    return from_.category <= to.category


def fitted(value, to: dtype):
    """A Python number as one that a tensor of `to` can hold; RuntimeError where it has no place there.

    Fractions are cut off and small negative numbers wrap around in unsigned dtypes, as PyTorch has it.
    """
    if value.__class__ is True.__class__ or to.category == BOOL:
        return value
    if value.imag and to.category != COMPLEX:
        raise _overflow(value, to)
    if to.category == INT:
        whole = value.real
        if whole != whole or whole in (_INF, -_INF):
            raise _overflow(value, to)
        whole = whole.__trunc__()
        bits = 8 * to.itemsize
        high = 2 ** (bits - to.is_signed) - 1
        if not (-high - 1 if to.is_signed else -high) <= whole <= high:
            raise _overflow(value, to)
        return whole % 2**bits if whole < 0 and not to.is_signed else whole
    if to.itemsize <= 4 or to is complex64:
        high = finfo(to).max
        for part in (value.real, value.imag):
            if not -high <= part <= high and part not in (_INF, -_INF) and part == part:
                raise _overflow(value, to)
    return value if to.category == COMPLEX else value.real


_INF = (1.0).__class__("inf")


def _overflow(value, to):
    return RuntimeError(f"value cannot be converted to type {to.name} without overflow: {value} lies outside what {to} holds")


def of_scalar(value) -> dtype:
    """The dtype that a Python (or NumPy) number has on its own."""
    if isinstance(value, np.generic):
        return from_np(value.dtype)
    if type(value) is builtins.bool:
        return bool
    if isinstance(value, builtins.int):
        return int64
    if isinstance(value, builtins.float):
        return _default
    return default_complex()


def result_of(full, zero_dim, scalar) -> dtype:
    """PyTorch's three-tier rule: tensors with dimensions decide; 0-dim tensors, then numbers, only by a higher category."""
    best: Any = None
    for tier in (full, zero_dim, scalar):
        found: Any = None
        for d in tier:
            found = d if found is None else promote_types(found, d)
        if found is None:
            continue
        if best is None:
            best = found
        elif found.category > best.category:
            previous, best = best, _default if found.category == FLOAT and tier is scalar else found
            if found.category == COMPLEX:
                best = _complex_of(previous) if previous.category == FLOAT else default_complex() if tier is scalar else found
    return best


def _complex_of(d: dtype) -> dtype:
    """The complex dtype that a floating-point tensor takes from a lesser complex operand: float32's keeps its precision."""
    return complex128 if d is float64 else complex64


class _Info:
    """What finfo and iinfo share: how they print."""

    def _shown(self) -> list:
        """The (name, value) pairs that stand in the repr."""
        raise NotImplementedError

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in self._shown())})"


class finfo(_Info):
    """Limits of a floating-point dtype: eps, min, max, tiny (smallest_normal), resolution, bits.

    >>> import lightwell as torch
    >>> torch.finfo(torch.float32).eps
    1.1920928955078125e-07
    """

    def __init__(self, type: dtype | None = None):
        d = _default if type is None else type
        if d.category not in (FLOAT, COMPLEX):
            raise TypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle '{d}'")
        d = d.to_real()
        info = ml_dtypes.finfo(d.np)
        self.bits, self.dtype = d.itemsize * 8, d.name
        self.eps, self.max, self.min = builtins.float(info.eps), builtins.float(info.max), builtins.float(info.min)
        self.tiny = self.smallest_normal = builtins.float(info.smallest_normal)
        self.resolution = 10.0 ** -math.floor(-math.log10(self.eps))

    def _shown(self):
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return [(n, f"{getattr(self, n):g}") for n in names] + [("dtype", self.dtype)]


class iinfo(_Info):
    """Limits of an integer dtype: min, max, bits.

    >>> import lightwell as torch
    >>> torch.iinfo(torch.int8).max
    127
    """

    def __init__(self, type: dtype):
        if type.category == BOOL:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if type.category != INT:
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{type}'")
        info = np.iinfo(type.np)
        self.bits, self.dtype, self.min, self.max = info.bits, type.name, builtins.int(info.min), builtins.int(info.max)

    def _shown(self):
        return [("min", f"{self.min:g}"), ("max", f"{self.max:g}"), ("dtype", self.dtype)]
