"""x[key] and x[key] = v: PyTorch's rules for slices, numbers, masks and index tensors. Long: reading and writing share one parsing of keys."""

import builtins
from operator import index as as_int

import numpy as np

from .. import dtypes
from ..autograd.modes import state
from ..backend.moving import add_at
from ..errors import Unreadable, traced
from ..errors.level import users_level
from ..errors.teaching import IndexError, RuntimeError, TypeError, ValueError
from ..tensor import Tensor, make
from . import inplace
from . import op as core
from .inplace import check_writable, hang, overwrite, write_region, writing
from .op import op
from .public import public
from .shape import alias_, need_tensor, one_dim, reshape

__all__ = ["narrow", "select"]

NoneType, EllipsisType, ndarray = type(None), type(Ellipsis), np.ndarray
_int64, _bool = np.dtype(np.int64), np.dtype(bool)
_basic = {int, slice, NoneType, EllipsisType}


def _key_forward(xp, x, /, key):
    return xp.getitem(x, key)


def _key_grad(xp, gy, x_shape, key):
    return xp.index_add(x_shape, key, gy)


@op
class select_:
    r"""y = x[key] with a number in the key: a view.   gx = gy at the key's places, 0 elsewhere."""

    view = True
    forward, grad_x = _key_forward, _key_grad


@op
class slice_:
    r"""y = x[key] of slices: a view.   gx = gy at the key's places, 0 elsewhere."""

    view = True
    forward, grad_x = _key_forward, _key_grad


@op
class new_dims:
    r"""y = x[key] with None in the key: a view with dimensions of size 1 more.   gx = gy at the key's places, 0 elsewhere."""

    view, node_name = True, "UnsqueezeBackward0"
    forward, grad_x = _key_forward, _key_grad


@op
class index:
    r"""y = x[key] with index tensors or masks: a copy.   A place picked twice gets both gradients: gx[key] += gy."""

    forward, grad_x = _key_forward, _key_grad


@op
class index_place:
    r"""z = zeros of `shape` with v added at [key], the adjoint of indexing.   gv = gz[key]."""

    def forward(xp, v, /, shape, key, unique):
        return xp.index_add(shape, key, v, unique)

    def grad_v(xp, gy, key):
        return xp.getitem(gy, key)


@op
class index_put_:
    r"""y = x, with v written (or added) at [key].   gx = gy, 0 where written;   gv = gy[key]."""

    promotes, broadcasts = False, True

    def forward(xp, x, v, /, key, accumulate):
        if accumulate:  # a place named twice gets both
            return x + xp.index_add(x.shape, key, xp.zeros_like(xp.getitem(x, key)) + v)
        return xp.index_set(x, key, v)

    def grad_x(xp, gy, key, accumulate):
        return gy if accumulate else xp.index_set(gy, key, xp.zeros_like(xp.getitem(gy, key)))

    def grad_v(xp, gy, key):
        return xp.getitem(gy, key)


@op
class setitem:
    r"""y = x, with v written at [key] of slices and numbers.   gx = gy, 0 where written;   gv = gy[key]."""

    node_name = "CopySlices"
    promotes, broadcasts = False, True

    def forward(xp, x, v, /, key):
        return xp.index_set(x, key, v)

    def grad_x(xp, gy, key):
        return xp.index_set(gy, key, xp.zeros_like(xp.getitem(gy, key)))

    def grad_v(xp, gy, key):
        return xp.getitem(gy, key)


# ---- reading a key --------------------------------------------------------------------------------------------------


def _view_key(key):
    """(record, key) of a tuple of numbers, slices, None and one Ellipsis; None where the key holds anything else."""
    last, dots = alias_, False
    for k in key:
        kind = type(k)
        if kind is int:
            last = select_
        elif kind is slice:
            step = k.step
            if step is not None:
                if step <= 0:
                    raise ValueError(f"step must be greater than zero, got {step}: flip() turns a dimension round")
            if k.start is not None or k.stop is not None or (step is not None and step != 1):
                last = slice_
        elif kind is NoneType:
            last = new_dims
        elif kind is EllipsisType:
            dots = True
        else:
            return None
    return last, (key if dots else key + (...,))


_WRONG = "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got {})"


def index_tensor(k) -> Tensor:
    """An index tensor of a tensor, array or (nested) list; IndexError where its dtype can't pick."""
    if not isinstance(k, Tensor):
        a = np.asarray(_numbers(k)) if not isinstance(k, ndarray) else k
        k = make(a.astype(np.int64) if not a.size and a.dtype.kind == "f" else a)
    kind = k.dtype
    if kind is dtypes.uint8:
        import warnings

        warnings.warn(
            "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.",
            UserWarning,
            stacklevel=users_level(),
        )
        return make(k._a != 0)
    if kind not in (dtypes.int64, dtypes.int32, dtypes.bool):
        raise IndexError(f"tensors used as indices must be long, int, byte or bool tensors, got {kind} of shape {list(k.shape)}")
    return k


def _numbers(k):
    """Nested lists in which 0-dim tensors are numbers."""
    if isinstance(k, (list, tuple, range)):
        return [_numbers(v) for v in k]
    return k._a.tolist() if isinstance(k, Tensor) else k


def _entry(k):
    """One entry of a key as int, slice, None, Ellipsis, bool or index tensor."""
    kind = type(k)
    if kind in _basic or kind is bool:
        return k
    if isinstance(k, (np.bool_, np.integer)):
        return k.item()
    if isinstance(k, (Tensor, ndarray)):
        if not k.ndim and hasattr(k, "whole") and k._a.dtype.kind in "iu":  # one example of a vmap: each has its own number
            return k
        if not k.ndim and str(k.dtype).removeprefix("torch.") in _integer_names:
            return int(k)
        if not k.ndim and str(k.dtype).removeprefix("torch.") in ("bool", "uint8"):
            return bool(k)
        return index_tensor(k)
    if isinstance(k, (list, tuple, range)):
        return index_tensor(k)
    if hasattr(k, "__index__"):
        return k.__index__()
    if isinstance(k, str):
        raise TypeError(f"a tensor can't be indexed by a string ({k!r})")
    if isinstance(k, (float, complex, dict, set)):
        raise IndexError(_WRONG.format(kind.__name__))
    if hasattr(k, "__array__") or hasattr(k, "__len__"):
        return index_tensor(np.asarray(k))
    raise IndexError(_WRONG.format(kind.__name__))


_nested = (Tensor, list, tuple, range, slice, ndarray)
_integer_names = {"int64", "int32", "int16", "int8", "uint16", "uint32", "uint64"}


def parse(shape: tuple, key):
    """A key in two steps, PyTorch's way: first numbers, slices and new dimensions (a view), then index tensors.

    Returns (entries of the view, entries for what the view shows); either is None where there is nothing to do.
    """
    if type(key) is list and len(key) < 32 and any(k is None or k is ... or isinstance(k, _nested) for k in key):
        import warnings

        warnings.warn(
            "Using a non-tuple sequence for multidimensional indexing is deprecated; use x[tuple(seq)] instead of x[seq].",
            UserWarning,
            stacklevel=users_level(),
        )
        key = tuple(key)
    entries = [_entry(k) for k in (key if type(key) is tuple else (key,))]
    used = 0
    for k in entries:
        if isinstance(k, Tensor):
            used += k._a.ndim if k._a.dtype.kind == "b" else 1
        elif type(k) is int or type(k) is slice:
            used += 1
    if used > len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}")
    if not any(k is ... for k in entries):
        entries.append(...)
    first, then, at, dots = [], [], 0, False
    for place, k in enumerate(entries):
        if k is ...:
            n = 0 if dots else len(shape) - used
            dots = True
            first += [slice(None)] * n
            then += [slice(None)] * n
            at += n
        elif type(k) is bool:
            first.append(None)
            then.append(make(np.zeros(int(k), np.int64)))
        elif isinstance(k, Tensor):
            n = 1
            if k._a.dtype.kind == "b":
                n = k._a.ndim
                if k._a.shape != shape[at : at + n]:
                    raise IndexError(
                        f"The shape of the mask {list(k._a.shape)} at index {place} does not match the shape of the indexed "
                        f"tensor {list(shape)} at index {at}"
                    )
            first += [slice(None)] * n
            then.append(k)
            at += n
        elif k is None:
            first.append(None)
            then.append(slice(None))
        else:
            first.append(k)
            at += 1
            if type(k) is slice:
                then.append(slice(None))
    picks = any(isinstance(k, Tensor) for k in then)
    views = any(type(k) is not slice or k != slice(None) for k in first)
    while then and type(then[-1]) is slice:
        then.pop()
    return tuple(first) if views or not picks else None, tuple(then) if picks else None


def index_error(x: Tensor, key, error: IndexError) -> IndexError:
    """NumPy's index error in PyTorch's words."""
    text = str(error)
    if "too many indices" in text:
        if not x._a.ndim:
            if type(key) is slice:
                return IndexError("slice() cannot be applied to a 0-dim tensor.")
            return IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a "
                "0-dim tensor to a number"
            )
        return IndexError(f"too many indices for tensor of dimension {x._a.ndim}")
    if "single ellipsis" in text:
        return IndexError("an index can only have a single ellipsis ('...')")
    if "shape mismatch" in text:
        shapes = ", ".join(str(list(k._a.shape)) for k in key if isinstance(k, Tensor)) if type(key) is tuple else ""
        return IndexError(f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}")
    return IndexError(text.replace(" axis ", " dimension "))


def picked(x: Tensor, then: tuple) -> Tensor:
    """x[then], where `then` holds index tensors and full slices."""
    try:
        out = index(x, then)
    except builtins.IndexError as error:
        raise index_error(x, then, error) from None
    if out._node is not None:  # the node keeps the index tensors: it must hear of writes to them
        out._node.cells += tuple([k._cell_now() for k in then if isinstance(k, Tensor)])
    return out


def getitem(self: Tensor, key) -> Tensor:
    """x[key]: numbers, slices, None, `...` give views; index tensors, masks and lists give copies."""
    try:
        kind = type(key)
        if kind is int:
            return select_(self, (key, ...))
        if kind is slice or kind is NoneType or kind is EllipsisType:
            key = (key,)
            kind = tuple
        if kind is tuple:
            found = _view_key(key)
            if found is not None:
                how, key = found
                return how(self, key) if how is not alias_ else _alias(self, key)
    except builtins.IndexError as error:
        raise index_error(self, key[0] if type(key) is tuple and key else key, error) from None
    if kind is Tensor:
        a = key._a
        if a.ndim and (a.dtype == _int64 or (a.dtype == _bool and a.shape == self._a.shape)):
            return picked(self, (key,))
    first, then = parse(self._a.shape, key)
    x = self if first is None else getitem(self, first)
    return x if then is None else picked(x, then)


def _alias(x, key):
    if len(key) > x._a.ndim + 1:
        raise IndexError(f"too many indices for tensor of dimension {x._a.ndim}")
    return alias_(x)


_plain_values = {int, float, bool, complex, ndarray}


# ---- writing through a key ------------------------------------------------------------------------------------------


def _value_of(x: Tensor, value):
    """(what NumPy writes, the value as a tensor if it is one)."""
    if isinstance(value, Tensor):
        a = value._a
        if a.dtype.kind == "c" and x._a.dtype.kind != "c":
            a = a.real
        return a, value
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, (bool, int, float, complex)):
        raise TypeError(f"can't assign a {type(value).__name__} to a torch.{x.dtype.tensor_type}: convert it first, with torch.tensor(...)")
    a = x._a
    if type(value) is int and a.dtype.kind in "iu":
        low, high = np.iinfo(a.dtype).min, np.iinfo(a.dtype).max
        if not low <= value <= high:
            if low == 0 and -high <= value < 0:
                return value + high + 1, None
            raise RuntimeError(f"value cannot be converted to type {x.dtype.name} without overflow: {value}")
    elif isinstance(value, complex) and a.dtype.kind != "c":
        raise RuntimeError(f"value cannot be converted to type {x.dtype.name} without overflow: {value}")
    elif isinstance(value, float) and a.dtype.kind in "iu":
        if not np.iinfo(a.dtype).min - 1 < value < np.iinfo(a.dtype).max + 1:
            raise RuntimeError(f"value cannot be converted to type {x.dtype.name} without overflow: {value}")
        value = int(value)
    return value, None


def _mismatch(shown: tuple, v) -> RuntimeError:
    return RuntimeError(
        f"shape mismatch: value tensor of shape {list(np.shape(v))} cannot be broadcast to indexing result of shape {list(shown)}"
    )


def setitem_(self: Tensor, key, value) -> None:
    """x[key] = value, in place and in the graph; the value is broadcast and cast."""
    v, tensor = _value_of(self, value)
    if type(v) not in _plain_values and not traced(v):
        np.copyto(self._a, v)  # one example of a vmap: refused by its array
    kind = type(key)
    then = None
    try:
        found = None
        if kind is int:
            first = (key, ...)
        else:
            if kind is slice or kind is NoneType or kind is EllipsisType:
                key = (key,)
                kind = tuple
            found = _view_key(key) if kind is tuple else None
            if found is not None:
                first = found[1]
            else:
                first, then = parse(self._a.shape, key)
                if first is not None and not any(k is ... for k in first):
                    first += (...,)
        if then is not None and first is None and np.ndim(v) == 0 and _computed_mask(then):  # how many, nobody knows
            mask = then[0]
            mask = reshape(mask, mask._a.shape + (1,) * (self._a.ndim - mask._a.ndim))
            self.masked_fill_(mask, v if tensor is None else tensor)  # type: ignore[attr-defined]
            return
        if state.grad and (self.requires_grad or (tensor is not None and tensor.requires_grad)):
            return _write_recorded(self, first, then, v, tensor)
        if inplace.written is not None:
            inplace.written(self)
        a = self._a
        if core.whole_writes and then is None:
            value = make(np.asarray(v, a.dtype)) if tensor is None else tensor.to(self.dtype)
            overwrite(self, setitem(self, value, first), "__setitem__")
            return
        if 0 in a.strides:
            check_writable(make(a[first]) if then is None else self, "__setitem__", False)
        if then is None:
            a[first] = v
        else:
            write_at(a if first is None else a[first], then, v)
    except builtins.IndexError as error:
        raise index_error(self, then or (key[0] if type(key) is tuple and key else key), error) from None
    except builtins.ValueError as error:
        if not any(text in str(error) for text in ("broadcast", "shape mismatch", "assign", "more dimensions")):
            raise
        shown = self._a[first] if first is not None else self._a
        raise _mismatch((shown if then is None else shown[bare(then)]).shape, v) from None
    writing(self, "__setitem__")


def _computed_mask(then: tuple) -> bool:
    """Whether a key is one mask that a program being compiled computes."""
    return len(then) == 1 and isinstance(then[0], Tensor) and then[0]._a.dtype.kind == "b" and traced(then[0]._a)


def bare(then: tuple) -> tuple:
    """The key with arrays in the place of tensors."""
    key = tuple([k._a if isinstance(k, Tensor) else k for k in then])
    if any(isinstance(k, ndarray) and type(k) is not ndarray for k in key):
        raise Unreadable("the numbers of an index that differs between the examples of a vmap")
    return key


def write_at(a, then, v, accumulate=False) -> None:
    """a[then] = v, or += v with repeated places added up; a number is broadcast."""
    then = bare(then)
    if not accumulate:
        a[then] = v
    elif traced(a):
        a += a.recorder.call(
            "index_add", a.shape, then, np.broadcast_to(v if hasattr(v, "shape") else np.asarray(v, a.dtype), a[then].shape)
        )
    else:
        add_at(a, then, np.asarray(v, a.dtype))


def _write_recorded(self, first, then, v, tensor):
    if then is not None and first is not None:
        return put_recorded(getitem(self, first), then, tensor if tensor is not None else v, False, "__setitem__")
    if then is not None:
        return put_recorded(self, then, tensor if tensor is not None else v, False, "__setitem__")
    shown = self._a[first]
    if tensor is not None and all(k is ... for k in first):
        return self.copy_(_fitted(tensor, shown.shape))
    if tensor is not None:
        tensor = _fitted(tensor, shown.shape)
        v = tensor._a
    try:
        np.broadcast_to(v, shown.shape)
    except builtins.ValueError:
        raise _mismatch(shown.shape, v) from None
    edge = None if tensor is None or not tensor.requires_grad else tensor._node or tensor

    def node_of(old):
        node = hang(setitem.record, (old, edge), (None, None, None, self._a.shape, np.shape(v), first))
        node.fit = ((self._a.shape, self._a.dtype), (v.shape, v.dtype) if edge is not None else None)
        return node

    def write(a):
        a[first] = v.real if a.dtype.kind != "c" and np.iscomplexobj(v) else v

    write_region(self, "__setitem__", write, node_of)


def _fitted(v: Tensor, shape) -> Tensor:
    """`v` without the leading dimensions of size 1 that the written region doesn't have."""
    extra = v._a.ndim - len(shape)
    if extra > 0 and v._a.shape[:extra] == (1,) * extra:
        return reshape(v, v._a.shape[extra:])
    return v


def put_recorded(self: Tensor, then, value, accumulate: bool, name: str) -> Tensor:
    """Write (or add) `value` at index tensors, in place and in the graph."""
    try:
        shown = self._a[bare(then)].shape
    except builtins.IndexError as error:
        raise index_error(self, then, error) from None
    tensor = value if isinstance(value, Tensor) else None
    if tensor is not None:
        tensor = _fitted(tensor, shown)
        v = tensor._a
        if type(v) is not ndarray and not traced(v):
            raise Unreadable("writing one example of a vmap at index tensors")
    else:
        v = value
    try:
        np.broadcast_to(v, shown)
    except builtins.ValueError:
        raise _mismatch(shown, v) from None
    edge = tensor._node or tensor if tensor is not None and tensor.requires_grad else None

    def node_of(old):
        if old is None and edge is None:
            return None
        node = hang(index_put_.record, (old, edge), (None, None, None, self._a.shape, np.shape(v), then, accumulate))
        node.fit = ((self._a.shape, self._a.dtype), (v.shape, v.dtype) if edge is not None else None)
        node.cells = tuple([k._cell_now() for k in then if isinstance(k, Tensor)])
        return node

    def write(a):
        write_at(a, then, v.real if a.dtype.kind != "c" and np.iscomplexobj(v) else v, accumulate)

    return write_region(self, name, write, node_of)


Tensor.__getitem__, Tensor.__setitem__ = getitem, setitem_


# ---- parts along one dimension --------------------------------------------------------------------------------------


@public
def narrow(input: Tensor, dim: int, start, length: int) -> Tensor:
    """The view start … start + length - 1 along `dim` (a negative start counts from the end).

    IndexError: a start outside. RuntimeError: a length that is negative or reaches beyond the end.

    >>> import lightwell as torch
    >>> torch.narrow(torch.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    need_tensor(input, "narrow")
    if not input._a.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    d = one_dim(dim, input._a.ndim)
    n, start, length = input._a.shape[d], as_int(start), as_int(length)
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -n <= start <= n:
        raise IndexError(f"start out of range (expected to be in range of [-{n}, {n}], but got {start})")
    if start < 0:
        start += n
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return slice_(input, (slice(None),) * d + (slice(start, start + length),))


@public
def select(input: Tensor, dim: int, index) -> Tensor:
    """The view at position `index` along `dim`, without that dimension; IndexError outside.

    >>> import lightwell as torch
    >>> torch.select(torch.tensor([[1, 2], [3, 4]]), 1, 0)
    tensor([1, 3])
    """
    need_tensor(input, "select")
    if not input._a.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d, index = one_dim(dim, input._a.ndim), as_int(index)
    n = input._a.shape[d]
    if not -n <= index < n:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(input._a.shape)} at dimension {d}")
    return select_(input, (slice(None),) * d + (index, ...))
