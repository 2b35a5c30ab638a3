"""Making tensors: from data, from constants, from ranges; and the legacy constructors."""

import math
import warnings

import numpy as np

from .. import dtypes
from ..device import get_default_device
from ..tensor import Size, Tensor, _TensorMeta, make, strided, view_of
from .convert import as_dtype, cast, check_device
from .op import op
from .public import public

__all__ = [
    "arange", "as_tensor", "asarray", "complex", "empty", "empty_like", "empty_permuted", "empty_strided", "eye", "from_dlpack",
    "from_file", "from_numpy", "frombuffer", "full", "full_like", "linspace", "logspace", "ones", "ones_like", "polar", "range",
    "scalar_tensor", "tensor", "to_dlpack", "tril", "tril_indices", "triu", "triu_indices", "vander", "zeros", "zeros_like",
    "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor",
    "LongTensor", "ShortTensor", "hann_window", "hamming_window", "blackman_window", "bartlett_window", "kaiser_window",
]  # fmt: skip

ndarray, _range = np.ndarray, range


def finish(array: ndarray, device, requires_grad: bool, layout=None, pin_memory=False) -> Tensor:
    """The tensor of a fresh array, after the checks that every creating function shares."""
    if device is not None:
        check_device(device)
    else:
        default = get_default_device()
        if default.type != "cpu":
            check_device(default)
    t = make(array)
    if requires_grad:
        t.requires_grad = True
    if layout is not None and layout is not strided:
        raise RuntimeError(f"layout {layout} is not made by this function: use torch.sparse_coo_tensor(...)")
    return t


def np_dtype(dtype, default=None):
    """The NumPy type of a dtype argument; the default dtype where it is None."""
    if dtype is None:
        return (default or dtypes._default).np
    if isinstance(dtype, dtypes.dtype):
        return dtype.np
    return as_dtype(dtype).np


def shape_of(op: str, size) -> tuple:
    """The shape in `size`: numbers, or one sequence of them; RuntimeError for a negative one, TypeError for a non-integer."""
    if len(size) == 1 and not isinstance(size[0], (int, np.integer)):
        size = size[0]
        if isinstance(size, Tensor) and not size.ndim:
            size = (int(size),)
        elif isinstance(size, (str, float)) or size is None:
            raise TypeError(f"{op}(): argument 'size' (position 1) must be tuple of ints, not {type(size).__name__}")
    out = []
    for i, n in enumerate(size):
        if type(n) is not int:
            if isinstance(n, (float, str)) or not hasattr(n, "__index__"):
                raise TypeError(f"{op}(): argument 'size' must be tuple of ints, but found element of type {type(n).__name__} at pos {i}")
            n = n.__index__()
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{', '.join(map(str, size))}]")
        out.append(n)
    return tuple(out)


# ---- from data -------------------------------------------------------------------------------------------------------


def _infer(data):
    """The dtype that PyTorch gives to nested sequences of numbers: the highest category found."""
    found = None
    stack = [data]
    while stack:
        v = stack.pop()
        if isinstance(v, (list, tuple, _range)):
            stack.extend(v)
            continue
        if isinstance(v, Tensor):
            d = v.dtype
        elif isinstance(v, ndarray):
            d = dtypes.from_np(v.dtype)
        elif isinstance(v, (bool, int, float, dtypes.np.generic)) or type(v) is type(1j):
            d = dtypes.of_scalar(v)
        elif hasattr(v, "__array__"):
            d = dtypes.from_np(np.asarray(v).dtype)
        elif hasattr(v, "__float__") or hasattr(v, "__index__"):
            d = dtypes.int64 if hasattr(v, "__index__") else dtypes._default
        else:
            if isinstance(v, str):
                raise TypeError("new(): invalid data type 'str': tensor() takes numbers, not strings; turn words into numbers first")
            if isinstance(v, bytes):
                raise TypeError("new(): invalid data type 'bytes': give torch.frombuffer() the bytes of numbers")
            raise RuntimeError(f"Could not infer dtype of {type(v).__name__}")
        found = d if found is None else dtypes.promote_types(found, d)
    return found or dtypes._default


def _plain(data, path=()):
    """Nested lists with the one-element tensors in them turned to numbers; ValueError where lengths differ."""
    if isinstance(data, Tensor):
        if data._a.size == 1:
            return data.item()
        kind = TypeError if data._a.dtype.kind in "biu" else ValueError
        raise kind(
            f"only one element tensors can be converted to Python scalars, not one of shape {list(data.shape)}: "
            "join tensors with torch.stack() or torch.cat()"
        )
    if isinstance(data, ndarray):
        return data.tolist()
    if isinstance(data, (list, tuple, _range)):
        items = [_plain(v, (*path, i)) for i, v in enumerate(data)]
        lengths = [len(v) if isinstance(v, list) else None for v in items]
        for i, n in enumerate(lengths):
            if (n is None) != (lengths[0] is None):
                found, wanted = ("a number", "a sequence") if n is None else ("a sequence", "a number")
                raise TypeError(f"expected {wanted} at dim {len(path) + 1}, position {i}, as at position 0, but got {found}")
            if n != lengths[0]:
                raise ValueError(
                    f"expected sequence of length {lengths[0]} at dim {len(path) + 1} (got length {n}, at position {i}): "
                    "rows must be equally long"
                )
        return items
    return data


def array_of(data, dtype=None) -> ndarray:
    """A fresh array of `data` in PyTorch's inferred (or the given) dtype."""
    want = None if dtype is None else np_dtype(dtype)
    if isinstance(data, Tensor):
        a = data._a
        return a.astype(want, copy=True) if want is not None else a.copy(order="K")
    if not isinstance(data, (list, tuple, _range, int, float)) and hasattr(data, "__array__"):
        a = np.asarray(data)
        if a.dtype.kind == "O":  # pandas gives object columns where bools and numbers meet
            try:
                a = _from_objects(a)
            except (TypeError, ValueError):
                dtypes.from_np(a.dtype)
        if want is None:
            want = dtypes.from_np(a.dtype).np
        if any(s < 0 for s in a.strides):
            raise ValueError(_NEGATIVE)
        return np.array(a, dtype=want, order=_order_of(a), copy=True)
    if isinstance(data, list) and data and isinstance(data[0], (int, float)):
        try:  # the common flat list, without looking at each element in Python
            a = np.array(data)
            if a.ndim == 1 and a.dtype.kind in "bif":
                if want is None:
                    want = dtypes._default.np if a.dtype.kind == "f" else a.dtype
                    if a.dtype.kind == "f" and np.float64 in set(map(type, data)):
                        want = a.dtype
                return _narrowed(a, want)
        except (ValueError, TypeError):
            a = None
        except OverflowError:
            pass
    if isinstance(data, (set, dict)) or data is None:
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}: give a number, a nested list or an array")
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    if not isinstance(data, (list, tuple, _range)) and hasattr(data, "__len__") and hasattr(data, "__getitem__"):
        data = list(data)
    first = data
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    if isinstance(first, str):
        raise ValueError("too many dimensions 'str': tensor() takes numbers, not strings; turn words into numbers first")
    if want is None:
        want = _infer(data).np
    values = _plain(data)
    try:
        if np.dtype(want).kind in "iu":
            a = np.array(values)
            if a.dtype.kind == "c":
                raise TypeError("'complex' object cannot be interpreted as an integer: take its real part")
            if a.dtype.kind == "O" or a.dtype.kind == "u" and np.dtype(want) != np.uint64:
                raise OverflowError
            return _narrowed(np.trunc(a) if a.dtype.kind == "f" else a, want)
        return np.array(values, dtype=want)
    except OverflowError:
        raise ValueError("Overflow when unpacking long long: an integer lies outside [-2⁶³, 2⁶³); write it as a float") from None


def _narrowed(a: ndarray, want) -> ndarray:
    """`a` in another dtype; RuntimeError where an integer doesn't fit into it (small negative ones wrap around, unsigned)."""
    if a.dtype is want:
        return a
    to = np.dtype(want)
    if a.dtype.kind == "f":
        if to.kind in "iu" and a.size:
            for v in (a.min(), a.max()):
                dtypes.fitted(float(v), dtypes.from_np(to))
        with np.errstate(over="ignore", invalid="ignore"):
            return a.astype(to)
    if a.dtype.kind in "iu" and to.kind in "iu" and a.size and a.itemsize > to.itemsize:
        for v in (a.min(), a.max()):
            dtypes.fitted(int(v), dtypes.from_np(to))
    return a.astype(to)


_NEGATIVE = (
    "At least one stride in the given numpy array is negative, and tensors with negative strides are not currently "
    "supported. (You can probably work around this by making a copy of your array with array.copy().)"
)


def _from_objects(a: ndarray) -> ndarray:
    """An object array of numbers and bools in the dtype they have together."""
    return np.array(a.tolist(), dtype=_infer(a.tolist()).np)


def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False) -> Tensor:
    """A new tensor with a copy of `data`: a number, a nested sequence, an array, or anything with `__array__`.

    The dtype is inferred unless given: Python floats take the default dtype, ints int64; arrays keep theirs. Object and
    bool columns of a data frame are taken as numbers. ValueError for ragged rows; TypeError or RuntimeError for what is no
    number; RuntimeError where a value doesn't fit.

    >>> import lightwell as torch
    >>> torch.tensor([[1, 2], [3, 4]]), torch.tensor(1.5)
    (tensor([[1, 2],
            [3, 4]]), tensor(1.5000))
    """
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
    return finish(array_of(data, dtype), device, requires_grad)


def as_tensor(data, dtype=None, device=None) -> Tensor:
    """`data` as a tensor, without a copy where it is a tensor or an array of the wanted dtype already.

    >>> import lightwell as torch, numpy as np
    >>> a = np.ones(2); t = torch.as_tensor(a); a[0] = 5; t
    tensor([5., 1.], dtype=torch.float64)
    """
    check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None else cast(data, as_dtype(dtype))
    if isinstance(data, ndarray):
        t = from_numpy(data)
        return t if dtype is None else cast(t, as_dtype(dtype))
    return finish(array_of(data, dtype), None, False)


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False) -> Tensor:
    """`obj` as a tensor: shared where possible, copied where `copy=True`; ValueError where `copy=False` can't be kept.

    >>> import lightwell as torch
    >>> torch.asarray([1, 2, 3])
    tensor([1, 2, 3])
    """
    check_device(device)
    if isinstance(obj, Tensor):
        t = obj if obj.requires_grad == bool(requires_grad) else obj.detach()
    elif isinstance(obj, ndarray):
        t = from_numpy(obj)
    elif hasattr(obj, "__dlpack__"):
        t = from_dlpack(obj)
    elif isinstance(obj, (bytes, bytearray, memoryview)):
        t = frombuffer(obj, dtype=dtype or dtypes._default)
    else:
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        return finish(array_of(obj, dtype), device, requires_grad)
    changed = dtype is not None and t.dtype is not as_dtype(dtype)
    if changed and copy is False:
        raise ValueError(f"can't alias tensor with dtype '{t.dtype}' into dtype '{dtype}'.")
    if changed:
        t = cast(t, as_dtype(dtype))
    elif copy:
        t = t.clone()
    if requires_grad and not t.requires_grad:
        t = t.detach().requires_grad_()
    return t


def from_numpy(ndarray_) -> Tensor:
    """A tensor that shares the array's memory: each shows the other's changes.

    TypeError for what is no array or has a dtype that PyTorch lacks; ValueError for negative strides.

    >>> import lightwell as torch, numpy as np
    >>> a = np.zeros(2); t = torch.from_numpy(a); a += 1; t
    tensor([1., 1.], dtype=torch.float64)
    """
    if not isinstance(ndarray_, ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray_).__name__})")
    d = dtypes.from_np(ndarray_.dtype)
    if any(s < 0 for s in ndarray_.strides):
        raise ValueError(_NEGATIVE)
    if not ndarray_.dtype.isnative:
        raise ValueError("given numpy array has byte order different from the native byte order. Convert it with .astype first.")
    if not ndarray_.flags.writeable:
        warnings.warn(
            "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means writing to "
            "this tensor will result in undefined behavior. You may want to copy the array to protect its data.",
            UserWarning,
            stacklevel=2,
        )
    a = ndarray_ if type(ndarray_) is ndarray else ndarray_.view(ndarray)
    return make(a if a.dtype is d.np else a.view(d.np))


def frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False) -> Tensor:
    """A 1-D tensor over the memory of a buffer; ValueError where length or offset don't fit the dtype.

    >>> import lightwell as torch
    >>> torch.frombuffer(bytearray([1, 0, 2, 0]), dtype=torch.int16)
    tensor([1, 2], dtype=torch.int16)
    """
    size = len(memoryview(buffer).cast("B"))
    item = np_dtype(dtype).itemsize
    if size == 0 or count == 0:
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({size} bytes) minus 1")
    if count < 0 and (size - offset) % item:
        raise ValueError(f"buffer length ({size - offset} bytes) after offset must be a multiple of element size ({item})")
    if count > 0 and offset + count * item > size:
        raise ValueError(f"requested buffer length ({count * item} bytes) after offset ({offset} bytes) must not be greater than {size}")
    if memoryview(buffer).readonly:
        warnings.warn(
            "The given buffer is not writable: writing to this tensor is undefined. Copy it, with bytearray(buffer), to be safe.",
            UserWarning,
            stacklevel=2,
        )
    return finish(np.frombuffer(buffer, np_dtype(dtype), count, offset), None, requires_grad)


def from_file(filename, shared=None, size=0, *, dtype=None, layout=None, device=None, pin_memory=False) -> Tensor:
    """A 1-D tensor over a file's memory map; writes reach the file where `shared`."""
    return make(np.memmap(filename, np_dtype(dtype), "r+" if shared else "c", shape=(size,)).view(ndarray))


def from_dlpack(ext_tensor, *, device=None, copy=None) -> Tensor:
    """A tensor over the memory of any object that speaks DLPack.

    >>> import lightwell as torch, numpy as np
    >>> torch.from_dlpack(np.arange(3))
    tensor([0, 1, 2])
    """
    if isinstance(ext_tensor, Tensor):
        return ext_tensor.clone() if copy else ext_tensor.detach()
    if not hasattr(ext_tensor, "__dlpack__"):  # a bare capsule

        class Holder:
            def __dlpack__(self, **_):
                return ext_tensor

            def __dlpack_device__(self):
                return 1, 0

        return make(np.from_dlpack(Holder()))
    a = np.from_dlpack(ext_tensor)
    return make(a.copy() if copy or not a.flags.writeable else a)


def to_dlpack(tensor) -> object:
    """The DLPack capsule of a tensor."""
    return tensor.__dlpack__()


def scalar_tensor(s, *, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False) -> Tensor:
    """A 0-dim tensor of a number, in the default dtype unless one is given."""
    return finish(np.array(s, np_dtype(dtype)), device, requires_grad)


# ---- constants -------------------------------------------------------------------------------------------------------


def zeros(*args, size=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, names=None) -> Tensor:
    """A tensor of zeros.

    >>> import lightwell as torch
    >>> torch.zeros(2, 3).shape
    torch.Size([2, 3])
    """
    return _made(np.zeros, "zeros", args or (size,), out, dtype, layout, device, requires_grad)


def ones(*args, size=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, names=None) -> Tensor:
    """A tensor of ones.

    >>> import lightwell as torch
    >>> torch.ones(2, dtype=torch.int64)
    tensor([1, 1])
    """
    return _made(np.ones, "ones", args or (size,), out, dtype, layout, device, requires_grad)


def empty(*args, size=None, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, memory_format=None, names=None) -> Tensor:
    """A tensor whose values are whatever the memory held.

    >>> import lightwell as torch
    >>> torch.empty(2, 3).shape
    torch.Size([2, 3])
    """
    t = _made(np.empty, "empty", args or (size,), out, dtype, layout, device, requires_grad)
    if memory_format is not None and memory_format.name.startswith("channels_last"):
        t._a = laid_out("empty", t._a, t._a.dtype, memory_format)
    return t


def _made(fill, op, size, out, dtype, layout, device, requires_grad):
    kind = dtypes._default.np if dtype is None and out is None else np_dtype(dtype, out.dtype if out is not None else None)
    if size[0] is None:
        raise TypeError(f"{op}() missing 1 required positional argument: 'size', as in {op}(2, 3)")
    shape = shape_of(op, size)
    try:
        t = finish(fill(shape, kind), device, requires_grad, layout)
    except (MemoryError, ValueError) as error:
        n = math.prod(shape) * np.dtype(kind).itemsize
        raise RuntimeError(f"{op}(): not enough memory for {n} bytes of shape {list(shape)}: {error}") from None
    if out is not None:
        from .public import write_out

        return write_out(op, out, t)
    return t


def full(size, fill_value, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, names=None) -> Tensor:
    """A tensor of `fill_value`, in the number's own dtype unless one is given.

    >>> import lightwell as torch
    >>> torch.full((2,), 7)
    tensor([7, 7])
    """
    if isinstance(fill_value, Tensor):
        dtype = dtype or fill_value.dtype
        fill_value = fill_value.item()
    kind = np_dtype(dtype) if dtype is not None else dtypes.of_scalar(fill_value).np
    if isinstance(size, int):
        raise TypeError(f"full(): argument 'size' (position 1) must be tuple of ints, not int: write ({size},)")
    shape = shape_of("full", (size,))
    t = finish(_filled(shape, fill_value, kind), device, requires_grad, layout)
    if out is not None:
        from .public import write_out

        return write_out("full", out, t)
    return t


def _filled(shape, value, kind):
    return np.full(shape, dtypes.fitted(value, dtypes.from_np(kind)), kind)


def _like(input, dtype):
    if not isinstance(input, Tensor):
        raise TypeError(f"argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    return input._a.dtype if dtype is None else np_dtype(dtype)


def _order_of(a: ndarray):
    return "K" if 0 not in a.strides else "C"


_FILLS = {"zeros": (np.zeros, np.zeros_like), "ones": (np.ones, np.ones_like), "empty": (np.empty, np.empty_like)}


def laid_out(fill: str, a: ndarray, kind, memory_format) -> ndarray:
    """A new array of `a`'s shape, its dimensions in memory as `memory_format` says (None: as `a`'s lie)."""
    made, like = _FILLS[fill]
    name = "preserve_format" if memory_format is None else memory_format.name
    if name == "preserve_format":
        return like(a, kind, order=_order_of(a))
    if name == "contiguous_format":
        return made(a.shape, kind)
    need = 5 if name == "channels_last_3d" else 4
    if a.ndim != need:
        raise RuntimeError(f"required rank {need} tensor to use {name} format, but got shape {list(a.shape)}")
    return np.moveaxis(made((a.shape[0], *a.shape[2:], a.shape[1]), kind), -1, 1)


def zeros_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, pin_memory=False) -> Tensor:
    """Zeros of the shape (and dtype) of `input`."""
    return finish(laid_out("zeros", input._a, _like(input, dtype), memory_format), device, requires_grad)


def ones_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, pin_memory=False) -> Tensor:
    """Ones of the shape (and dtype) of `input`."""
    return finish(laid_out("ones", input._a, _like(input, dtype), memory_format), device, requires_grad)


def empty_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, pin_memory=False) -> Tensor:
    """A tensor of the shape (and dtype) of `input` with whatever the memory held."""
    return finish(laid_out("empty", input._a, _like(input, dtype), memory_format), device, requires_grad)


def full_like(input, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, pin_memory=False) -> Tensor:
    """A tensor of `fill_value` in the shape (and dtype) of `input`."""
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    a = laid_out("empty", input._a, _like(input, dtype), memory_format)
    a[...] = dtypes.fitted(fill_value, dtypes.from_np(a.dtype))
    return finish(a, device, requires_grad)


def empty_strided(size, stride, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False) -> Tensor:
    """An uninitialised tensor of the given shape and strides (in elements)."""
    kind = np_dtype(dtype)
    n = 1 + sum((s - 1) * k for s, k in zip(size, stride)) if all(size) else 0
    flat = np.empty(n, kind)
    a = np.lib.stride_tricks.as_strided(flat, tuple(size), tuple(k * flat.itemsize for k in stride)) if n else np.empty(size, kind)
    return finish(a, device, requires_grad)


def empty_permuted(size, physical_layout, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False) -> Tensor:
    """An uninitialised tensor whose dimensions lie in memory in the order `physical_layout`."""
    a = np.empty([size[k] for k in physical_layout], np_dtype(dtype))
    return finish(a.transpose(np.argsort(physical_layout)), device, requires_grad)


def eye(n, m=None, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False) -> Tensor:
    """The n×m matrix with ones on the diagonal.

    >>> import lightwell as torch
    >>> torch.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"n must be greater or equal to 0, got {n if n < 0 else m}")
    t = finish(np.eye(n, m, dtype=np_dtype(dtype)), device, requires_grad)
    if out is not None:
        from .public import write_out

        return write_out("eye", out, t)
    return t


# ---- ranges ----------------------------------------------------------------------------------------------------------


def _number(v):
    return v.item() if isinstance(v, (Tensor, np.generic)) else v


def arange(start=0, end=None, step=1, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False) -> Tensor:
    """start, start + step, … below end: ⌈(end - start)/step⌉ numbers, integers where all arguments are.

    RuntimeError for a step of 0 or of the wrong sign.

    >>> import lightwell as torch
    >>> torch.arange(3), torch.arange(1, 2, 0.5)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000]))
    """
    if end is None:
        start, end = 0, start
    start, end, step = _number(start), _number(end), _number(step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not abs(end - start) < math.inf:
        raise RuntimeError(f"unsupported range: {start} -> {end}: both ends must be finite")
    if (end - start) * step < 0:
        raise RuntimeError(f"upper bound and lower bound inconsistent with step sign: arange({start}, {end}, {step})")
    whole = all(isinstance(v, int) for v in (start, end, step))
    kind = np_dtype(dtype, (out.dtype if out is not None else dtypes.int64 if whole else None))
    if np.dtype(kind).kind in "bc":
        raise NotImplementedError(f'"arange" not implemented for {dtypes.from_np(kind)}: make integers and convert them with .to(dtype)')
    if whole:
        a = np.arange(start, end, step).astype(kind, copy=False)
    else:
        n = max(0, math.ceil((end - start) / step))
        if np.dtype(kind).kind == "f" and np.dtype(kind).itemsize <= 4:
            a = (start + np.arange(n, dtype=np.float64) * step).astype(kind)
        else:
            a = (start + np.arange(n) * step).astype(kind)
    t = finish(a, device, requires_grad)
    if out is not None:
        from .public import write_out

        return write_out("arange", out, t)
    return t


def range(start=0, end=None, step=1, *, dtype=None, device=None, requires_grad=False, out=None, layout=None) -> Tensor:  # noqa: A001
    """start, start + step, … up to and with end (deprecated in favour of arange)."""
    if end is None:
        start, end = 0, start
    n = int((end - start) / step) + 1
    return finish((start + np.arange(n) * step).astype(np_dtype(dtype)), device, requires_grad)


def linspace(start, end, steps, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False) -> Tensor:
    """`steps` numbers from start to end, both included, equally far apart.

    >>> import lightwell as torch
    >>> torch.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    start, end = _number(start), _number(end)
    if not isinstance(steps, (int, np.integer)):
        raise TypeError(f"linspace(): argument 'steps' must be int, not {type(steps).__name__}")
    if steps < 0:
        raise RuntimeError(f"number of steps must be non-negative, got {steps}")
    kind = np_dtype(dtype, dtypes.default_complex() if isinstance(start, type(1j)) or isinstance(end, type(1j)) else None)
    t = finish(_linspace(start, end, int(steps), kind), device, requires_grad)
    if out is not None:
        from .public import write_out

        return write_out("linspace", out, t)
    return t


def _linspace(start, end, steps, kind):
    """As PyTorch computes it: in the dtype itself, the first half from the start, the second from the end."""
    kind = np.dtype(kind)
    if steps == 1:
        return np.array([start], kind)
    if kind.kind in "iu":
        step = np.float64((end - start) / (steps - 1))
        i = np.arange(steps)
        return np.where(i < steps // 2, start + step * i, end - step * (steps - 1 - i)).astype(kind)
    work = kind if kind.kind in "fc" and kind.itemsize >= 4 else np.dtype(np.float32)
    first, last = np.asarray(start, work), np.asarray(end, work)
    step = (last - first) / np.asarray(max(steps - 1, 1), work)
    i = np.arange(steps).astype(work if work.kind == "f" else np.float64)
    half = steps // 2
    a = np.empty(steps, work)
    # PyTorch fuses multiply and add here: the product is not rounded before the sum.
    if work == np.float64:
        a[:half] = _fused(first, step, i[:half])
        a[half:] = _fused(last, -step, i[::-1][half:])
        return a
    wide = np.float64 if work == np.float32 else work
    a[:half] = (first.astype(wide) + step.astype(wide) * i[:half].astype(wide)).astype(work)
    a[half:] = (last.astype(wide) - step.astype(wide) * i[::-1][half:].astype(wide)).astype(work)
    return a.astype(kind, copy=False)


def _fused(c, a, b):
    """c + a·b in float64 with one rounding: the product's own error (Dekker 1971) is added in."""
    p = a * b
    ah, bh = a * 134217729.0, b * 134217729.0  # 2²⁷ + 1 splits a number into halves of 26 bits
    ah, bh = ah - (ah - a), bh - (bh - b)
    lost = ((ah * bh - p) + ah * (b - bh) + (a - ah) * bh) + (a - ah) * (b - bh)
    s = c + p
    back = s - c
    return s + ((c - (s - back)) + (p - back) + lost)


def logspace(start, end, steps, base=10.0, *, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False) -> Tensor:
    """`steps` numbers from base^start to base^end, equally far apart in their logarithm.

    >>> import lightwell as torch
    >>> torch.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    kind = np.dtype(np_dtype(dtype))
    exponents = _linspace(_number(start), _number(end), int(steps), kind if kind.kind in "fc" else np.float64)
    wide = np.float64 if kind.kind == "f" else exponents.dtype  # powers are rounded once
    powers = np.power(np.asarray(base, exponents.dtype).astype(wide), exponents.astype(wide))
    return finish(powers.astype(kind), device, requires_grad)


def tril_indices(row, col, offset=0, *, dtype=None, device=None, layout=None) -> Tensor:
    """The row and column numbers of a matrix's lower triangle, as a 2×n tensor."""
    return finish(np.stack(np.tril_indices(row, offset, col)).astype(np_dtype(dtype, dtypes.int64)), device, False)


def triu_indices(row, col, offset=0, *, dtype=None, device=None, layout=None) -> Tensor:
    """The row and column numbers of a matrix's upper triangle, as a 2×n tensor."""
    return finish(np.stack(np.triu_indices(row, offset, col)).astype(np_dtype(dtype, dtypes.int64)), device, False)


def vander(x, N=None, increasing=False) -> Tensor:
    """The Vandermonde matrix of a vector: its powers in columns."""
    n = x.shape[0] if N is None else N
    powers = arange(n) if increasing else arange(n - 1, -1, -1) if n else arange(0)
    return x.unsqueeze(1) ** powers.to(x.dtype if x.is_floating_point() else dtypes.int64)


def complex(real, imag, *, out=None) -> Tensor:  # noqa: A001
    """real + i·imag; RuntimeError where the dtypes differ or are no floats.

    >>> import lightwell as torch
    >>> torch.complex(torch.tensor([1.]), torch.tensor([2.]))
    tensor([1.+2.j])
    """
    if real.dtype is not imag.dtype:
        raise RuntimeError(f"Expected object of scalar type {real.dtype} but got scalar type {imag.dtype} for second argument")
    if real.dtype not in (dtypes.float16, dtypes.float32, dtypes.float64):
        raise RuntimeError(f"Expected both inputs to be Half, Float or Double tensors but got {real.dtype} and {imag.dtype}")
    d = dtypes.complex128 if real.dtype is dtypes.float64 else dtypes.complex64
    return real.to(d) + imag.to(d) * 1j


def polar(abs, angle, *, out=None) -> Tensor:  # noqa: A002
    """abs·(cos angle + i·sin angle).

    >>> import lightwell as torch
    >>> torch.polar(torch.tensor([2.]), torch.tensor([0.]))
    tensor([2.+0.j])
    """
    return complex(abs * angle.cos(), abs * angle.sin())


# ---- windows ---------------------------------------------------------------------------------------------------------


def _phase(n: int, length: int, turn: float, kind) -> ndarray:
    """turn·k/(n-1) for the `length` places k of a window, in the window's own dtype, as PyTorch computes it."""
    kind = np.dtype(kind)
    return np.arange(length).astype(kind) * kind.type(turn / max(n - 1, 1))


def _window(name, coefficients):
    def window(window_length, periodic=True, *, dtype=None, layout=None, device=None, requires_grad=False):
        if window_length < 0:
            raise RuntimeError(f"{name}: window_length must be non-negative, got {window_length}")
        n = window_length + 1 if periodic and window_length > 1 else window_length
        kind = np.dtype(np_dtype(dtype))
        work = kind if kind.num < 256 and kind.itemsize >= 4 else np.dtype(np.float32)
        phase = _phase(n, window_length, 2 * math.pi, work)
        w = np.ones(window_length, work)
        if window_length > 1:
            w = sum((work.type(c) * np.cos(k * phase) for k, c in enumerate(coefficients) if k), work.type(0)) + work.type(coefficients[0])
        return finish(w.astype(kind), device, requires_grad)

    window.__name__ = name
    window.__doc__ = f"The {name.split('_')[0].title()} window of a length; `periodic` for spectral analysis."
    return window


hann_window = _window("hann_window", (0.5, -0.5))
blackman_window = _window("blackman_window", (0.42, -0.5, 0.08))


def hamming_window(window_length, periodic=True, alpha=0.54, beta=0.46, **options):
    """The Hamming window alpha - beta·cos(2πk/(n-1))."""
    return _window("hamming_window", (alpha, -beta))(window_length, periodic, **options)


def bartlett_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, requires_grad=False):
    """The triangular window 1 - |2k/(n-1) - 1|."""
    n = window_length + 1 if periodic and window_length > 1 else window_length
    kind = np.dtype(np_dtype(dtype))
    rising = _phase(n, window_length, 2.0, np.float32 if kind.itemsize < 4 else kind)
    w = np.where(np.arange(window_length) <= (n - 1) // 2, rising, 2 - rising) if window_length > 1 else np.ones(window_length)
    return finish(w.astype(kind), device, requires_grad)


def kaiser_window(window_length, periodic=True, beta=12.0, *, dtype=None, layout=None, device=None, requires_grad=False):
    """The Kaiser window of shape `beta`."""
    n = window_length + 1 if periodic and window_length > 1 else window_length
    return finish(np.kaiser(n, beta)[:window_length].astype(np_dtype(dtype)), device, requires_grad)


# ---- legacy constructors -----------------------------------------------------------------------------------------------


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

    made = _LegacyMeta(d.tensor_type, (), {"dtype": d, "__new__": new, "__doc__": f"Makes {d} tensors: from data, or uninitialised of a size."})
    made.__module__ = "torch"
    return made


BoolTensor, ByteTensor, CharTensor = _legacy(dtypes.bool), _legacy(dtypes.uint8), _legacy(dtypes.int8)
ShortTensor, IntTensor, LongTensor = _legacy(dtypes.int16), _legacy(dtypes.int32), _legacy(dtypes.int64)
HalfTensor, BFloat16Tensor = _legacy(dtypes.float16), _legacy(dtypes.bfloat16)
FloatTensor, DoubleTensor = _legacy(dtypes.float32), _legacy(dtypes.float64)


# ---- Tensor.new_* --------------------------------------------------------------------------------------------------------


def _new(fill, name):
    def method(self, *args, size=None, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
        return _made(fill, name, args or (size,), None, dtype or self.dtype, layout, device, requires_grad)

    method.__name__ = name
    method.__doc__ = f"`torch.{name[4:]}` with this tensor's dtype and device unless others are given."
    return method


def new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False) -> Tensor:
    """`torch.full` with this tensor's dtype and device unless others are given."""
    return full(size, fill_value, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False) -> Tensor:
    """`torch.tensor` with this tensor's dtype and device unless others are given."""
    if isinstance(data, Tensor):
        warnings.warn("To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone().", UserWarning, stacklevel=2)
    elif isinstance(data, int) and dtype is None:
        return finish(_filled((), data, self._a.dtype), device, requires_grad)
    return finish(array_of(data, dtype or self.dtype), device, requires_grad)


Tensor.new_full, Tensor.new_tensor = new_full, new_tensor
for _n, _f in (("new_zeros", np.zeros), ("new_ones", np.ones), ("new_empty", np.empty)):
    setattr(Tensor, _n, _new(_f, _n))
Tensor.new = lambda self, *args, **kwargs: legacy_constructor(Tensor, self.dtype, *args, **kwargs)
Tensor.new_empty_strided = lambda self, size, stride, **k: empty_strided(size, stride, **{"dtype": self.dtype, **k})


# ---- triangles -----------------------------------------------------------------------------------------------------------


@op
class tril_:
    r"""y = x on and below the k-th diagonal, 0 above.   gx = gy there, 0 above."""

    def forward(xp, x, /, k):
        return xp.tril(x, k=k)

    def grad_x(xp, gy, k):
        return xp.tril(gy, k=k)


@op
class triu_:
    r"""y = x on and above the k-th diagonal, 0 below.   gx = gy there, 0 below."""

    def forward(xp, x, /, k):
        return xp.triu(x, k=k)

    def grad_x(xp, gy, k):
        return xp.triu(gy, k=k)


def _matrix(name, x):
    if isinstance(x, Tensor) and x.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions, but it has shape {list(x.shape)}")
    return x


@public(inplace=True)
def tril(input, diagonal=0):
    """The lower triangle: elements on and below the `diagonal`-th diagonal; zeros above.

    >>> import lightwell as torch
    >>> torch.tril(torch.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return tril_(_matrix("tril", input), diagonal)


@public(inplace=True)
def triu(input, diagonal=0):
    """The upper triangle: elements on and above the `diagonal`-th diagonal; zeros below.

    >>> import lightwell as torch
    >>> torch.triu(torch.ones(2, 2), 1)
    tensor([[0., 1.],
            [0., 0.]])
    """
    return triu_(_matrix("triu", input), diagonal)
