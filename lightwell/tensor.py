"""Tensor: an array, its place in memory (storage, views, version), its place in the graph. Long: it is one class.

Only what is not an operation stands here; the operations in `ops/` attach their methods themselves.
"""

import itertools

import numpy as np

from . import dtypes
from .device import device as Device
from .layouts import (  # noqa: F401  (tensor.layout and its kin are names that checkpoints use)
    Size, channels_last, channels_last_3d, contiguous_format, layout, memory_format, preserve_format, sparse_coo, sparse_csr, strided,
)  # fmt: skip
from .errors.teaching import IndexError, RuntimeError, TypeError, ValueError
from .errors.level import users_level

ndarray, new = np.ndarray, object.__new__
_cpu = Device("cpu")

# One clock orders everything: nodes take a time when they are recorded, memory takes one when it is written in place.
# A value saved by a node is stale exactly when its memory's time is later than the node's.
tick = itertools.count(1).__next__

# A cell is the version record that all views of one memory share. It is a plain list, since making it must cost
# nearly nothing: [time of the last write, number of writes, the last write's (op, file, line), times rebased].
STAMP, VERSION, WRITER, REBASED = range(4)


class _TensorMeta(type):
    """`isinstance(t, torch.FloatTensor)` asks for the dtype too; the plain class keeps Python's own fast check."""


class Tensor(metaclass=_TensorMeta):
    """A multi-dimensional array of one dtype, which can record the graph of what was done with it.

    `_a` is the NumPy array; `_rg` whether it requires grad; `_node` the node that made it (None for a leaf);
    `_base` the tensor that it is a view of; `_cell` the version record shared by all views of the memory.

    >>> import lightwell as torch
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> (x * x).sum().backward(); x.grad
    tensor([2., 4.])
    """

    __slots__ = ("__dict__", "__weakref__", "_a", "_base", "_cell", "_grad", "_node", "_rg", "_seen")

    __array_priority__ = 1000
    is_sparse = is_quantized = is_mkldnn = is_nested = is_cuda = is_xpu = is_mps = is_meta = False
    is_cpu = True
    _single = False  # see autograd.node.Node
    names_ = None

    def __new__(cls, *args, **kwargs):
        from .ops.legacy import legacy_constructor

        made = legacy_constructor(Tensor, dtypes.get_default_dtype(), *args, **kwargs)
        return made if cls is Tensor else made.as_subclass(cls)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if not cls.__module__.startswith("lightwell."):
            from .overrides import subclassed

            subclassed(cls)

    # ---- what it is -------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return new_size(Size, self._a.shape)

    def size(self, dim=None):
        """The shape, or the size of one dimension; IndexError where there is no such dimension."""
        if dim is None:
            return new_size(Size, self._a.shape)
        shape = self._a.shape
        if not -len(shape) <= dim < len(shape):
            raise dim_error(dim, len(shape))
        return shape[dim]

    @property
    def dtype(self) -> dtypes.dtype:
        """The element type."""
        return dtypes._OF_NP[self._a.dtype]

    @property
    def device(self) -> Device:
        """Where the memory is."""
        return _cpu

    @property
    def layout(self):
        """`torch.strided`: elements at offset + Σ indexᵢ·strideᵢ."""
        return strided

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._a.ndim

    def dim(self) -> int:
        """The number of dimensions."""
        return self._a.ndim

    ndimension = dim

    def numel(self) -> int:
        """The number of elements."""
        return self._a.size

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._a.itemsize

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self._a.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._a.nbytes

    def __len__(self):
        if not self._a.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self._a.shape[0]

    def is_floating_point(self) -> bool:
        """Whether the dtype is floating-point."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        """Whether the dtype has negative values."""
        return self.dtype.is_signed

    def get_device(self) -> int:
        """The index of the accelerator: -1 on the CPU."""
        return -1

    # ---- its place in memory ----------------------------------------------------------------------------------

    def stride(self, dim=None):
        """Elements between neighbours along each dimension (or along `dim`)."""
        a = self._a
        if a.flags.c_contiguous:  # NumPy leaves strides of size-1 and empty dimensions open; PyTorch does not
            out, step = [], 1
            for s in reversed(a.shape):
                out.append(step)
                step *= max(s, 1)
            out = tuple(reversed(out))
            if a.size > 1 or not a.ndim:
                out = tuple(s // a.itemsize if s and n == 1 and self._base is not None else o for o, s, n in zip(out, a.strides, a.shape))
        else:
            out = [s // a.itemsize for s in a.strides]
            for k in range(a.ndim - 1, -1, -1):
                if not out[k] and a.shape[k] == 1:  # indexing with None: as unsqueeze() has it
                    out[k] = out[k + 1] * a.shape[k + 1] if k + 1 < a.ndim else 1
            out = tuple(out)
        if dim is None:
            return out
        if not -len(out) <= dim < len(out):
            raise dim_error(dim, len(out))
        return out[dim]

    def data_ptr(self) -> int:
        """The address of the first element (0 where there is none)."""
        return self._a.ctypes.data if self._a.size else 0

    def is_contiguous(self, memory_format=None) -> bool:  # noqa: F811
        """Whether the elements lie in memory in the order of their indices (the last dimension fastest)."""
        if memory_format is not None and memory_format.name == "channels_last":
            return self._a.ndim == 4 and self._a.transpose(0, 2, 3, 1).flags.c_contiguous
        return self._a.flags.c_contiguous

    def _storage_owner(self) -> ndarray:
        """The array that owns the memory: equal for tensors that share it."""
        a = self._a
        while type(a.base) is ndarray:
            a = a.base
        return a if type(a) is ndarray or not hasattr(a, "whole") else a.whole()

    def untyped_storage(self):
        """The memory behind the tensor, as bytes, with `data_ptr()` and `nbytes()`."""
        from .storage import UntypedStorage

        return UntypedStorage(self)

    def storage(self):
        """The memory behind the tensor, as elements of its dtype."""
        from .storage import TypedStorage

        return TypedStorage(self)

    def storage_offset(self) -> int:
        """Elements between the start of the storage and the first element."""
        owner = self._storage_owner()
        a = self._a
        if not a.size:
            return 0
        start, first = (a.ctypes.data, owner.ctypes.data) if type(a) is ndarray else (a.address, owner.address)
        return (start - first) // a.itemsize

    def _cell_now(self) -> list:
        """The version record, made at the first need."""
        cell = self._cell
        if cell is None:
            cell = self._cell = [0, 0, None, 0]
            node = self._node
            if node is not None:  # the node may have saved this, its own output: it must hear of writes from now on
                node = getattr(node, "node", node)
                if node.record is not None and node.record.keeps_output and node.saved is not None:
                    if any(v is self._a for v in node.saved):
                        node.cells += (cell,)
        return cell

    @property
    def _version(self) -> int:
        """How often the memory was written in place."""
        return self._cell[VERSION] if self._cell is not None else 0

    def _bump(self) -> None:
        """Tell that the memory was written outside any operation: saved values of it become stale."""
        cell = self._cell_now()
        cell[STAMP], cell[VERSION] = tick(), cell[VERSION] + 1

    def _is_view(self) -> bool:
        return self._base is not None

    # ---- its place in the graph -------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for it."""
        if self._base is not None:
            self._refresh()
        return self._rg

    @requires_grad.setter
    def requires_grad(self, flag):
        if not flag and self._node is not None:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
                "subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        if flag and self._a.dtype.kind not in "fcV" and not self.dtype.is_floating_point:
            raise RuntimeError(
                f"only Tensors of floating point and complex dtype can require gradients; this one is {self.dtype}: "
                "convert it first, with .float()"
            )
        self._rg = bool(flag)

    def requires_grad_(self, requires_grad: bool = True):
        """Set `requires_grad` and return the tensor; RuntimeError for integers, and for turning it off on a non-leaf."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it: gradients accumulate in leaves."""
        if self._base is not None:
            self._refresh()
        return self._node is None

    @property
    def grad_fn(self):
        """The node of the graph that made it; None for a leaf."""
        if self._base is not None:
            self._refresh()
        node = self._node
        return node.node if type(node).__name__ == "Port" else node

    @property
    def output_nr(self) -> int:
        """Which of its node's outputs it is."""
        return self._node.nr if type(self._node).__name__ == "Port" else 0

    @property
    def grad(self):
        """The accumulated gradient; None before the first backward."""
        if self._grad is None and self._node is not None and not self.retains_grad:
            import warnings

            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
                "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf "
                "Tensor, use .retain_grad() on the non-leaf Tensor.",
                UserWarning,
                stacklevel=users_level(),
            )
        return self._grad

    @grad.setter
    def grad(self, value):
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got {type(value).__name__}")
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if value.shape != self._a.shape:
                raise RuntimeError(
                    f"assigned grad has data of a different size: it is {list(value.shape)}, the tensor {list(self._a.shape)}"
                )
            if value.dtype is not self.dtype:
                raise RuntimeError(f"assigned grad has data of a different type: it is {value.dtype}, the tensor {self.dtype}")
        self._grad = value

    @grad.deleter
    def grad(self):
        self._grad = None

    @property
    def retains_grad(self) -> bool:
        """Whether a non-leaf keeps its gradient."""
        return self._node is not None and self.__dict__.get("_retains") is not None

    def retain_grad(self) -> None:
        """Let a non-leaf keep its gradient in `grad` at the next backward; nothing for a leaf."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._node is not None and not self.retains_grad:
            import weakref

            me = weakref.ref(self)

            def keep(g):
                t = me()
                if t is not None:
                    t._grad = g.clone() if t._grad is None else t._grad + g

            from .autograd.node import add_hook

            self._retains = add_hook(self, keep, last=True)

    def register_hook(self, hook):
        """Call `hook(grad)` when the tensor's gradient is known; a tensor it returns replaces the gradient.

        Returns a handle with `remove()`. RuntimeError where the tensor doesn't require grad.
        """
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        from .autograd.node import add_hook

        return add_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook):
        """Call `hook(tensor)` after each accumulation into a leaf's `grad`; returns a handle with `remove()`."""
        if self._node is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        from .autograd.node import Handle

        hooks = self.__dict__.setdefault("_post_hooks", {})
        return Handle(hooks, hook)

    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None) -> None:
        """Add d(self)/d(leaf)ᵀ·gradient to `grad` of every leaf that made this tensor (see `autograd.backward`)."""
        from .autograd.engine import backward

        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def explain(self, wrt=None, numbers: bool = False, **options):
        """How this tensor was computed and how its gradient comes back, to print, show or save (see `lightwell.explain`)."""
        from .explain.story import explain

        return explain(self, wrt, numbers, **options)

    def detach(self):
        """The same memory outside the graph: writing to one shows in the other."""
        out = make(self._a)
        out._cell = self._cell_now()
        return out

    def detach_(self):
        """Take this tensor itself out of the graph: it becomes a leaf."""
        if self._base is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._node, self._rg = None, False
        return self

    @property
    def data(self):
        """The same memory outside the graph and outside version counting (`detach()` is the safer word)."""
        return make(self._a)

    @data.setter
    def data(self, value):
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        if value.is_meta is not self.is_meta:
            raise RuntimeError(
                "Attempted to call `variable.set_data(tensor)`, but `variable` and `tensor` have incompatible tensor type: "
                f"they are on {self.device} and {value.device}; make a new Parameter"
            )
        self._a, self._cell, self._base = value._a, None, None

    def _refresh(self) -> None:
        """A view whose memory was given a new history through another view takes its place in that history."""
        if self._cell[REBASED] != self._seen:
            from .ops.inplace import regenerate

            regenerate(self)

    def is_inference(self) -> bool:
        """Whether it is barred from graphs: never, `inference_mode` makes ordinary tensors here."""
        return False

    def is_shared(self) -> bool:
        """Whether the memory is shared between processes."""
        if self._a.base is None:
            return False
        from .sharing import block_of

        return block_of(self) is not None

    def share_memory_(self):
        """Move the memory to a block that child processes can map; the tensor itself is returned."""
        from .sharing import share

        return share(self)

    def pin_memory(self, device=None):
        """The tensor itself: without an accelerator there is nothing to pin for."""
        return self

    def is_pinned(self, device=None) -> bool:
        """Whether the memory is page-locked: False without an accelerator."""
        return False

    # ---- conversions ------------------------------------------------------------------------------------------

    def numpy(self, *, force: bool = False) -> ndarray:
        """The NumPy array that shares this tensor's memory; RuntimeError where it requires grad (unless `force`)."""
        if self.requires_grad and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if self._a.dtype.kind == "V" or self._a.dtype.num >= 256:
            raise TypeError(f"Got unsupported ScalarType {self.dtype.name.title().replace('Bf', 'BF')}; convert it first, with .float()")
        return self._a

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return np.array(self._a, dtype=dtype, copy=copy)

    def __array_wrap__(self, array, context=None, return_scalar=False):
        return wrap(np.asarray(array.astype(np.uint8) if array.dtype == bool else array))

    def item(self):
        """The Python number of a one-element tensor; RuntimeError for any other."""
        a = self._a
        if a.size != 1:
            raise RuntimeError(f"a Tensor with {a.size} elements cannot be converted to Scalar")
        value = a.item()
        return value if type(value) in _numbers else float(value)

    def tolist(self):
        """Nested lists of Python numbers (a number for a 0-dim tensor)."""
        a = self._a
        return a.astype(np.float32).tolist() if a.dtype.num >= 256 else a.tolist()

    def __bool__(self):
        a = self._a
        if a.size != 1:
            what = "no values" if not a.size else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")
        return bool(a.item())

    def __int__(self):
        return int(self._scalar())

    def __float__(self):
        return float(self._scalar())

    def _scalar(self):
        """The one element as a real number; ValueError for more or fewer elements, RuntimeError for an imaginary part."""
        if self._a.size != 1:
            raise ValueError(
                f"only one element tensors can be converted to Python scalars: this one has shape {list(self._a.shape)}; "
                "tolist() gives all its numbers"
            )
        value = self.item()
        if type(value) is complex:
            if value.imag:
                raise RuntimeError(f"value cannot be converted to type double without overflow: {value} is no real number")
            value = value.real
        return value

    def __complex__(self):
        return complex(self.item())

    def __index__(self):
        if self._a.dtype.kind not in "iub":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        if self._a.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._a.item())

    def __iter__(self):
        if not self._a.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, element):
        if isinstance(element, Tensor):
            element = element._a
        elif not isinstance(element, (int, float, bool, complex)):
            raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")
        return bool((self._a == element).any())

    __hash__ = object.__hash__

    def __repr__(self, *, tensor_contents=None):
        from .printing import tensor_repr

        fn, kind = self.grad_fn, type(self)
        return tensor_repr(
            self._a, prefix="tensor(" if kind is Tensor or kind.__module__.startswith("lightwell.") else kind.__name__ + "(", dtype_name=f"torch.{self.dtype.name}", default_dtype=f"torch.{dtypes._default.name}",
            grad_fn_name=None if fn is None else fn.name(), requires_grad=self._rg,
        )  # fmt: skip

    @property
    def lw(self):
        """The tensor at a glance: one line of shape, dtype, range, mean, NaNs, strides and sharing, with a small histogram."""
        from .explain.glance import Glance

        return Glance(self)

    def plot(self, kind=None, **kwargs):
        """Draw the tensor with matplotlib: lines, a histogram, a heatmap or images, by its shape (see `explain.plot.plot`)."""
        from .explain.plot import plot

        return plot(self, kind, **kwargs)

    def __format__(self, spec):
        if self._a.ndim and spec:
            raise TypeError(
                f"unsupported format string passed to Tensor.__format__: '{spec}' is for numbers, and this tensor has shape "
                f"{list(self._a.shape)}; format its elements, or round() it"
            )
        return format(str(self) if self._a.ndim else self.item(), spec)

    def __delitem__(self, key):
        raise TypeError("Tensor does not support deleting items: select the others, as in x[[0, 2]]")

    def __reversed__(self):
        return self.flip(0) if self._a.ndim else self

    def __dir__(self):
        return sorted(set(object.__dir__(self)))

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        if self._node is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment. "
                "Take it out of the graph first, with .detach()."
            )
        # Tensors that share memory share it after the copy too: the memory itself is copied once per memo.
        owner = self._storage_owner()
        if owner.nbytes and owner.flags.c_contiguous and owner is not self._a:
            twin = memo.get(id(owner))
            if twin is None:
                twin = memo[id(owner)] = owner.copy()
                memo.setdefault("_kept", []).append(owner)
            start = self._a.ctypes.data - owner.ctypes.data
            a = np.ndarray(self._a.shape, self._a.dtype, twin.data, start, self._a.strides) if twin.nbytes else self._a.copy()
        else:
            a = memo.get(id(owner))
            if a is None:
                a = memo[id(owner)] = self._a.copy(order="K")
        out = make(a, type(self))
        out._rg = self._rg
        memo[id(self)] = out
        if self._grad is not None:
            out._grad = self._grad.__deepcopy__(memo)
        for key, value in self.__dict__.items():
            if key not in ("_hooks", "_post_hooks", "_retains"):
                import copy

                out.__dict__[key] = copy.deepcopy(value, memo)
        return out

    def __reduce_ex__(self, protocol):
        from ._utils import reduce_tensor

        return reduce_tensor(self)


_numbers = {int, float, bool, complex}
new_size = tuple.__new__


def make(array: ndarray, cls=Tensor) -> Tensor:
    """A tensor around `array`, sharing its memory, outside any graph."""
    t = new(cls)
    t._a, t._rg, t._node, t._base, t._cell, t._grad = array, False, None, None, None, None
    return t


def wrap(array) -> Tensor:
    """A tensor around `array` (a NumPy array or scalar), sharing its memory where it is an array."""
    return make(array if type(array) is ndarray or hasattr(type(array), "recorder") else np.asarray(array))


def view_of(x: Tensor, array: ndarray) -> Tensor:
    """A tensor around `array`, which shows part of `x`'s memory: both know of each other's writes."""
    out = make(array)
    cell = out._cell = x._cell or x._cell_now()
    out._base = x if x._base is None else x._base
    out._seen = cell[REBASED]
    return out


def dim_error(dim: int, ndim: int, what: str = "Dimension") -> IndexError:
    """The error of a dimension that isn't there."""
    low, high = (-ndim, ndim - 1) if ndim else (-1, 0)
    return IndexError(f"{what} out of range (expected to be in range of [{low}, {high}], but got {dim})")


def is_tensor(obj) -> bool:
    """Whether `obj` is a tensor.

    >>> import lightwell as torch
    >>> torch.is_tensor(torch.ones(1)), torch.is_tensor([1])
    (True, False)
    """
    return isinstance(obj, Tensor)
