"""What a function sees under `vmap`: one example of each mapped tensor, which knows the whole batch that it stands for.

An `Example` is a tensor of the per-example shape, so that all the shape logic on the way is right by itself. Its `whole`
is the batch, with the mapped dimension in front. Its array is a `Lane`: shape, dtype and strides can be read, numbers
can't, so that nothing can be computed from one example in the belief that it were all of them.
"""

import numpy as np

from ..errors import Unreadable
from ..errors.teaching import RuntimeError
from ..ops import op as core
from ..tensor import Tensor, tick

ndarray, new = np.ndarray, object.__new__


class Lane(np.ndarray):
    """The array of an example: NumPy may look at its form and not at its numbers. `whole` is the batch as a tensor."""

    whole = level = None

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        if out is not None and type(out[0]) is not Lane:
            raise _outgrown()
        raise Unreadable(f"numpy.{ufunc.__name__} on one example of a vmap")

    def __array_function__(self, function, types, args, kwargs):
        blind = _BLIND.get(function.__name__)
        if blind is not None:
            return blind(function, *args, **kwargs)
        if function is np.copyto and type(args[0]) is not Lane:
            raise _outgrown()
        raise Unreadable(f"numpy.{function.__name__} on one example of a vmap")

    def __bool__(self):
        raise Unreadable("the truth of one example of a vmap")

    def __getitem__(self, key):
        if any(isinstance(k, (ndarray, list)) for k in (key if type(key) is tuple else (key,))):
            raise Unreadable("the numbers of one example of a vmap, by index arrays")
        return ndarray.__getitem__(self, key)

    def __setitem__(self, key, value):
        raise Unreadable("writing to the array of one example of a vmap")

    def _number(self, *args):
        raise Unreadable("a number of one example of a vmap")

    __int__ = __float__ = __complex__ = __index__ = item = tolist = tobytes = __iter__ = __contains__ = _number


def _bare(a):
    """An array of the lane's form, for functions that look at nothing else."""
    return np.empty_like(ndarray.view(a, ndarray)) if isinstance(a, Lane) else a


def _formal(function, *args, **kwargs):
    return function(*[_bare(a) for a in args], **{k: _bare(v) for k, v in kwargs.items()})


def _seen(function, *args, **kwargs):
    """Shapes checked against a lane give a lane again."""
    return function(*[a.view(ndarray) if isinstance(a, Lane) else a for a in args], **kwargs).view(Lane)


_BLIND = {
    **dict.fromkeys(
        "zeros_like ones_like empty_like full_like shape ndim size result_type iscomplexobj isrealobj can_cast".split(), _formal
    ),
    **dict.fromkeys(("broadcast_to",), _seen),
    "may_share_memory": lambda function, a, b: np.may_share_memory(*[x.view(ndarray) if isinstance(x, Lane) else x for x in (a, b)]),
}


def _outgrown() -> RuntimeError:
    """The error of writing a whole batch into a tensor that has room for one example."""
    return RuntimeError(
        "vmap: inplace operation is not possible because the tensor that is written was made or captured without the mapped "
        "dimension, while what is written into it has one value per example: there is no room for the batch. Use the "
        "out-of-place form, or make the tensor from a mapped one, as in torch.zeros_like(x) + 0 * x or x.new_zeros(...) + ..."
    )


def refuse(what: str) -> Unreadable:
    """The error of Python code that asks for the value of a mapped tensor."""
    return Unreadable(
        f"vmap: It looks like you're calling {what} on a Tensor. Under vmap it stands for every example at once, so there is no one "
        "value to give: compute with tensors instead (torch.where for a choice, indexing with tensors for a lookup), or do this "
        "outside vmap."
    )


class Example(Tensor):
    """One example of `whole` (mapped dimension in front) at a level of vmap."""

    __slots__ = ("level", "whole")

    @property
    def _rg(self):
        return self.whole.requires_grad

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for the batch."""
        return self.whole.requires_grad

    @requires_grad.setter
    def requires_grad(self, flag):
        self.whole.requires_grad = flag

    def requires_grad_(self, requires_grad: bool = True):
        """Have gradients computed for the batch; returns the example."""
        self.whole.requires_grad_(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether the batch is a leaf."""
        return self.whole.is_leaf

    @property
    def grad_fn(self):
        """The node of the graph that made the batch."""
        return self.whole.grad_fn

    def detach(self):
        """The same values outside the graph."""
        with self.level.below():
            whole = self.whole.detach()
        return example(self.level, whole)

    @property
    def data(self):
        """The same values outside the graph."""
        return self.detach()

    def detach_(self):
        """Take the batch out of the graph."""
        self.whole.detach_()
        return self

    def _is_view(self):
        return self.whole._is_view()

    # ---- values, which there are none of ----------------------------------------------------------------------

    def item(self):
        """Refused: RuntimeError."""
        raise refuse(".item()")

    def tolist(self):
        """Refused: RuntimeError."""
        raise refuse(".tolist()")

    def numpy(self, *, force=False):
        """Refused: RuntimeError."""
        raise refuse(".numpy()")

    def __array__(self, dtype=None, copy=None):
        raise refuse("numpy.asarray()")

    def __bool__(self):
        raise Unreadable(
            "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow (an if, a while, and, or, "
            "not, assert). Its value differs from example to example: choose with torch.where(condition, a, b) instead."
        )

    def __int__(self):
        raise refuse("int()")

    def __float__(self):
        raise refuse("float()")

    def __complex__(self):
        raise refuse("complex()")

    def __index__(self):
        raise refuse("an index or range")

    def __contains__(self, element):
        raise refuse("`in`")

    def __format__(self, spec):
        return repr(self)

    def data_ptr(self):
        """Refused: RuntimeError."""
        raise refuse(".data_ptr()")

    def __repr__(self, *, tensor_contents=None):
        inner = "\n".join("    " + line for line in repr(self.whole).splitlines())
        return f"BatchedTensor(lvl={self.level.depth}, bdim=0, value=\n{inner}\n)"

    __str__ = __repr__
    __hash__ = object.__hash__

    def __deepcopy__(self, memo):
        return example(self.level, self.whole.detach().clone())

    # ---- tensors of its form ----------------------------------------------------------------------------------

    def like(self, fn, *args, **kwargs):
        """`fn(batch, ...)`, a function such as zeros_like, as an example."""
        with self.level.below():
            whole = fn(self.whole, *args, **kwargs)
        return example(self.level, whole)

    def _new(self, name, sizes, args, kwargs):
        sizes = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
        with self.level.below():
            whole = getattr(self.whole, name)((self.level.size, *sizes), *args, **kwargs)
        return example(self.level, whole)

    def new_zeros(self, *sizes, **kwargs):
        """Zeros of this dtype for every example."""
        return self._new("new_zeros", kwargs.pop("size", sizes), (), kwargs)

    def new_ones(self, *sizes, **kwargs):
        """Ones of this dtype for every example."""
        return self._new("new_ones", kwargs.pop("size", sizes), (), kwargs)

    def new_empty(self, *sizes, **kwargs):
        """Memory of this dtype for every example."""
        return self._new("new_empty", kwargs.pop("size", sizes), (), kwargs)

    def new_full(self, size, fill_value, **kwargs):
        """One number for every example."""
        return self._new("new_full", tuple(size), (fill_value,), kwargs)

    # ---- writing in place -------------------------------------------------------------------------------------

    def _overwritten(self, result, name, since=None):
        """Write `result`, of this shape, over the whole batch; `since`: see ops.inplace.overwrite."""
        from ..ops.inplace import overwrite

        if tuple(result.shape) != tuple(self.shape):
            raise RuntimeError(f"output with shape {list(self.shape)} doesn't match the broadcast shape {list(result.shape)} in {name}()")
        value = whole_of(self.level, result)
        with self.level.below():
            overwrite(self.whole, result.expand_as(self.whole) if value is None else value, name, since)
        return self

    def copy_(self, src, non_blocking=False):
        """Write `src` over this example of every batch entry."""
        value = whole_of(self.level, src)
        with self.level.below():
            if value is None:
                self.whole.copy_(src)
            else:
                gap = self.ndim - src.ndim
                if gap < 0 and tuple(src.shape[:-gap]) == (1,) * -gap:
                    value = value.reshape(value.shape[0], *src.shape[-gap:])
                self.whole.copy_(value[(slice(None),) + (None,) * gap] if gap > 0 else value)
        return self

    def fill_(self, value):
        """Write one number, or 0-dim tensor, everywhere."""
        if isinstance(value, Tensor):
            if value.ndim:
                raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
            return self.copy_(value)
        with self.level.below():
            self.whole.fill_(value)
        return self

    def zero_(self):
        """Write zeros."""
        return self.fill_(0)

    def __setitem__(self, key, value):
        from ..ops.indexing import index_tensor

        entries = key if type(key) is tuple else (key,)
        if all(k is None or k is ... or type(k) in (int, slice) for k in entries):
            view = self[key]
            value = value if isinstance(value, Tensor) else view.new_full((), value)
            view.copy_(value)
            return
        masks = [k for k in entries if isinstance(k, Tensor) and k._a.dtype.kind == "b"]
        if len(entries) == 1 and masks and masks[0].ndim <= self.ndim:
            from .. import where

            mask = masks[0][(...,) + (None,) * (self.ndim - masks[0].ndim)]
            value = value if isinstance(value, Tensor) else self.new_full((), value)
            if not value.ndim:
                self.copy_(where(mask, value.to(self.dtype), self))
                return
        keys = tuple(index_tensor(k) if isinstance(k, (list, range)) else k for k in entries)
        self.level.each(Tensor.__setitem__, (self, keys, value), {})


POISON = False  # tests: an example's array holds garbage, so that a look at it that went unnoticed shows


def example(level, whole: Tensor) -> Example:
    """The example that stands for `whole` at a level."""
    t = new(Example)
    a = whole._a
    lane = (a[0, ...] if len(a) and not POISON else np.empty(a.shape[1:], a.dtype)).view(Lane)
    if POISON:
        ndarray.view(lane, ndarray).fill(np.iinfo(a.dtype).min if a.dtype.kind in "iu" else np.nan if a.dtype.kind in "fcV" else True)
    lane.whole, lane.level = whole, level
    t._a, t.whole, t.level = lane, whole, level
    t._node, t._cell, t._base, t._grad = None, None, None, None
    return t


def whole_of(level, t):
    """The batch that a tensor (or a lane) stands for at a level; None for what is the same for all examples."""
    if type(t) is Example:
        return t.whole if t.level is level else None
    a = t if type(t) is Lane else getattr(t, "_a", None)
    if type(a) is Lane:
        if a.whole is None:
            raise Unreadable("a part of one example of a vmap, taken without an operation")
        return a.whole.detach() if a.level is level else None
    return None


def _in_place(name: str, plain):
    """The twin `name` on examples: the operation, then its result written over the batch; without one, example by example."""

    def method(self, *args, **kwargs):
        if plain is not None:
            since = tick()
            return self._overwritten(plain(self, *args, **kwargs), name, since)
        self.level.each(getattr(Tensor, name), (self, *args), kwargs)
        return self

    method.__name__ = name
    method.__doc__ = f"`Tensor.{name}`, on the whole batch."
    return method


def _random_in_place(name: str):
    def method(self, *args, **kwargs):
        return self.level.random(getattr(Tensor, name), (self, *args), kwargs)

    method.__name__ = name
    method.__doc__ = f"`Tensor.{name}`, on the whole batch."
    return method


def _reshaping(name: str, plain):
    """The twin of a view: the example itself takes the view's place."""

    def method(self, *args, **kwargs):
        view = plain(self, *args, **kwargs)
        self._a, self.whole = view._a, view.whole
        return self

    method.__name__ = name
    method.__doc__ = f"`Tensor.{name}`: the example takes the new shape."
    return method


_VIEWS = "squeeze_ unsqueeze_ t_ transpose_ swapaxes_ swapdims_".split()
_RANDOM = "uniform_ normal_ random_ bernoulli_ exponential_ geometric_ cauchy_ log_normal_".split()
_KEPT = set("requires_grad_ detach_ copy_ fill_ zero_ share_memory_ retain_grad names_".split())


def attach() -> None:
    """Give examples their own form of every in-place method that tensors have by now."""
    for name in dir(Tensor):
        if name.endswith("_") and not name.startswith("_") and name not in _KEPT and name not in Example.__dict__:
            plain = getattr(Tensor, name[:-1], None)
            made = _random_in_place(name) if name in _RANDOM else _reshaping(name, plain) if name in _VIEWS else _in_place(name, plain)
            setattr(Example, name, made)
    for dunder in "add sub mul truediv floordiv mod pow and or xor lshift rshift matmul".split():
        plain = getattr(Tensor, f"__{dunder}__", None)
        if hasattr(Tensor, f"__i{dunder}__"):
            setattr(Example, f"__i{dunder}__", _in_place(f"__i{dunder}__", plain))


attach()


def stack_of(kind) -> list:
    """The interposers of this thread that are of a kind, outermost first."""
    return [hook for hook in core._local.__dict__.get("stack", ()) if isinstance(hook, kind)]
