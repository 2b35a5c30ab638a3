"""Array: a tensor whose operators follow the array API standard where PyTorch's differ; and how functions of the namespace return it."""

import functools
import inspect

import numpy as np

from .. import dtypes
from ..autograd.modes import state
from ..autograd.node import tick
from ..errors.teaching import IndexError, OverflowError, TypeError, ValueError
from ..ops.inplace import overwrite
from ..tensor import Tensor

NUMBERS = (bool, int, float, complex)


class Count(int):
    """A number of elements (the standard's `x.size`) that can be called for the shape (PyTorch's `x.size()`)."""

    def __call__(self, dim=None):
        return Tensor.size(self.of, dim)


class Array(Tensor):
    """A tensor under the standard's rules: what the functions of `lightwell.array_api` make.

    It is a `Tensor` in every other way, gradients included. What differs: 0-dim operands take part in promotion like any
    other, unsigned integers promote, `x[::-1]` is allowed, `//` and `%` have the standard's special cases, `T` is for
    matrices only, `size` is a number.

    >>> import lightwell.array_api as xp
    >>> x = xp.arange(3); x[::-1], x.size
    (tensor([2, 1, 0]), 3)
    >>> (xp.ones(2, dtype=xp.float32) + xp.asarray(1.0, dtype=xp.float64)).dtype
    torch.float64
    """

    __slots__ = ()

    _filed_as = Tensor  # files and pickles hold plain tensors

    @property
    def size(self) -> int:
        """The number of elements."""
        n = Count(self._a.size)
        n.of = self
        return n

    @property
    def T(self):
        """The transpose of a matrix; ValueError for any other number of dimensions."""
        if self._a.ndim != 2:
            raise ValueError(f"x.T needs a matrix, x has shape {tuple(self._a.shape)}: use x.mT for stacks, or permute_dims")
        return self.mT

    @property
    def mT(self):
        """The transpose of the last two dimensions; ValueError for fewer than two."""
        if self._a.ndim < 2:
            raise ValueError(f"x.mT needs at least 2 dimensions, x has shape {tuple(self._a.shape)}")
        return as_array(Tensor.transpose(self, -2, -1))

    def __getitem__(self, key):
        key, flips = forward_key(self._a.shape, key)
        out = Tensor.__getitem__(self, key)
        return as_array(out.flip(flips) if flips else out)

    def __setitem__(self, key, value):
        key, flips = forward_key(self._a.shape, key)
        if flips and isinstance(value, Tensor) and value._a.ndim:
            value = value.broadcast_to(Tensor.__getitem__(self.detach(), key).shape).flip(flips)
        Tensor.__setitem__(self, key, value)

    def __iter__(self):
        return map(as_array, Tensor.__iter__(self))

    def __reduce_ex__(self, protocol):
        return Tensor.__reduce_ex__(self.as_subclass(Tensor), protocol)


def forward_key(shape: tuple, key):
    """The key with int64 indices and slices of positive step only, and the dimensions of the result to flip for those that ran backwards."""
    entries = key if type(key) is tuple else (key,)
    if any(isinstance(k, Tensor) and k._a.ndim and k._a.dtype.kind in "iu" for k in entries):
        entries = tuple([k.to(dtypes.int64) if isinstance(k, Tensor) and k._a.dtype.kind in "iu" else k for k in entries])
        key = entries if type(key) is tuple else entries[0]
    if not any(type(k) is slice and k.step is not None and k.step < 0 for k in entries):
        return key, ()
    if any(isinstance(k, (Tensor, np.ndarray, list)) for k in entries):
        raise IndexError("a slice with negative step can't stand beside an index array or mask: index in two steps")
    used = sum(k is not None and k is not ... for k in entries)
    axis = place = 0
    out, flips = [], []
    for k in entries:
        if k is ...:
            axis, place = axis + len(shape) - used, place + len(shape) - used
        elif k is None:
            place += 1
        elif type(k) is slice:
            if k.step is not None and k.step < 0 and axis < len(shape):
                steps = range(*k.indices(shape[axis]))
                k = slice(steps[-1], steps[0] + 1, -k.step) if steps else slice(0, 0)
                flips.append(place)
            axis, place = axis + 1, place + 1
        else:
            axis += 1
        out.append(k)
    return tuple(out), tuple(flips)


# ---- what functions return ------------------------------------------------------------------------------------------


def as_array(out):
    """A fresh result (a tensor, or a tuple or list of them) as Array."""
    if type(out) is Tensor:
        out.__class__ = Array
    elif isinstance(out, (tuple, list)):
        for part in out:
            as_array(part)
    return out


def function(f):
    """A function of the namespace: its results are Arrays, unless it was given a plain tensor."""
    arrays_only = all(p.kind is not p.KEYWORD_ONLY for p in inspect.signature(f).parameters.values())

    @functools.wraps(f)
    def call(*args, **kwargs):
        given = [v for v in _flat(args if arrays_only or not kwargs else (*args, *kwargs.values())) if isinstance(v, Tensor)]
        out = f(*args, **kwargs)
        return as_array(out) if all(isinstance(v, Array) for v in given) else out

    return call


def _flat(values):
    for v in values:
        if isinstance(v, (tuple, list)):
            yield from v
        else:
            yield v


def named_dtype(dtype) -> dtypes.dtype:
    """A `dtype` argument: one of ours, or a Python number type; TypeError for anything else."""
    if isinstance(dtype, dtypes.dtype):
        return dtype
    if dtype in NUMBERS:
        return (dtypes.bool, dtypes.int64, dtypes.float64, dtypes.complex128)[NUMBERS.index(dtype)]
    raise TypeError(f"{dtype!r} is no dtype: use one of the namespace, such as xp.float32")


# ---- promotion ------------------------------------------------------------------------------------------------------


def common(a: dtypes.dtype, b: dtypes.dtype) -> dtypes.dtype:
    """The dtype that two dtypes promote to; TypeError for uint64 with a signed integer, which have none."""
    if a is b:
        return a
    if a.category == b.category == dtypes.INT:
        d = np.promote_types(a.np, b.np)
        if d.kind == "f":
            raise TypeError(f"{a} and {b} have no common integer dtype: convert one of them, with astype")
        return dtypes.from_np(d)
    return dtypes.promote_types(a, b)


def with_number(d: dtypes.dtype, value) -> dtypes.dtype:
    """The dtype of an array of dtype `d` with a Python number: `d`, unless the number is of a higher kind."""
    if isinstance(value, (bool, np.bool_)):
        return d
    if isinstance(value, int):
        return d if d.category else dtypes.int64
    if isinstance(value, float):
        return d if d.category >= dtypes.FLOAT else dtypes.get_default_dtype()
    return d if d.category == dtypes.COMPLEX else d.to_complex() if d.category == dtypes.FLOAT else dtypes.default_complex()


def as_tensor(value, d: dtypes.dtype) -> Tensor:
    """An array or Python number in dtype `d`; OverflowError for an integer beyond it."""
    if isinstance(value, Tensor):
        return value.to(d)
    if d.category == dtypes.INT:
        info = dtypes.iinfo(d)
        if not info.min <= value <= info.max:
            raise OverflowError(f"Python integer {value} lies outside {d}, which holds [{info.min}, {info.max}]")
    from ..tensor import make

    return make(np.asarray(value, d.np))


def pair(name: str, x1, x2) -> tuple:
    """Both operands in their common dtype; one may be a Python number. TypeError for two numbers, or anything else."""
    first, second = isinstance(x1, Tensor), isinstance(x2, Tensor)
    if first and second:
        a, b = x1.dtype, x2.dtype
        if a is b:
            return x1, x2
        d = common(a, b)
    elif first and isinstance(x2, (*NUMBERS, np.generic)):
        x2 = x2.item() if isinstance(x2, np.generic) else x2
        d = with_number(x1.dtype, x2)
    elif second and isinstance(x1, (*NUMBERS, np.generic)):
        x1 = x1.item() if isinstance(x1, np.generic) else x1
        d = with_number(x2.dtype, x1)
    else:
        raise TypeError(
            f"{name}(): expected two arrays, or an array and a Python number, got {type(x1).__name__} and {type(x2).__name__}: "
            "make arrays with asarray"
        )
    return as_tensor(x1, d), as_tensor(x2, d)


# ---- operators ------------------------------------------------------------------------------------------------------


def operator(name: str, f) -> None:
    """Give Array the operator `name` (such as "add"), its reflection and its in-place form, from a function of the namespace."""
    plain = getattr(Tensor, f"__{name}__")

    def forward(self, other):
        if isinstance(other, (Tensor, *NUMBERS, np.generic)):
            return f(self, other)
        return plain(self, other)

    setattr(Array, f"__{name}__", forward)
    if name in ("lt", "le", "gt", "ge", "eq", "ne"):
        return
    turned = getattr(Tensor, f"__r{name}__")

    def backward(self, other):
        if isinstance(other, (Tensor, *NUMBERS, np.generic)):
            return f(other, self)
        return turned(self, other)

    def inplace(self, other):
        since = tick() if state.grad else 0
        out = f(self, other)
        if out.shape != self.shape:
            raise ValueError(
                f"__i{name}__(): in place, x can't go from shape {tuple(self.shape)} to {tuple(out.shape)}: assign to a new name"
            )
        if out.dtype is not self.dtype and out.dtype.category != self.dtype.category:
            raise TypeError(f"__i{name}__(): in place, x can't go from {self.dtype} to {out.dtype}: assign to a new name, or use astype")
        return overwrite(self, out, f"{name}_", since)

    setattr(Array, f"__r{name}__", backward)
    setattr(Array, f"__i{name}__", inplace)


def unary(name: str, f) -> None:
    """Give Array the operator `name` of one operand."""
    setattr(Array, f"__{name}__", lambda self: f(self))
