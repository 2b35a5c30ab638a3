"""The meta device: tensors with a shape, a dtype and strides, and no numbers.

Such a tensor's `_a` lies in a span of address space behind which there is no memory: NumPy sees a read-only array of zeros with the right
shape and strides, however large. From the first one on, public functions that meet one come to `Meta.__torch_function__`, which lets them
run on the zeros and keeps the results' shapes; what writes leaves its tensor alone, what reads numbers raises.
"""

import functools
import math
import mmap
import threading

import numpy as np

from .device import device as Device
from .errors.teaching import NotImplementedError, RuntimeError, TypeError
from .tensor import Tensor, make

__all__ = ["Meta", "as_meta", "hollow", "hollow_like", "hollowed", "is_hollow", "kind", "meta_leaf", "meta_tensor"]

_meta = Device("meta")
NO_DATA = "Cannot copy out of meta tensor; no data!"


# ---- arrays without memory ------------------------------------------------------------------------------------------

_spans: list = []


def _span(n: int):
    """A read-only map of at least `n` bytes of address space; None where the system doesn't give one."""
    if not _spans or len(_spans[-1]) < n:
        try:
            size = 1 << max(30, n.bit_length())
            _spans.append(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ))
        except (OSError, ValueError, OverflowError, AttributeError):  # a limit on address space, or no such maps here
            return None
    return _spans[-1]


def hollow(shape, dtype, strides=None) -> np.ndarray:
    """A read-only array of zeros of this shape that takes no memory; `strides` in bytes (None: contiguous)."""
    shape, dtype = tuple(shape), np.dtype(dtype)
    if strides is None:
        n = math.prod(shape) * dtype.itemsize
    else:
        n = dtype.itemsize + sum((s - 1) * k for s, k in zip(shape, strides)) if all(shape) else 0
    span = _span(max(n, 1))
    if span is None:
        return np.broadcast_to(np.zeros((), dtype), shape)
    return np.ndarray(shape, dtype, span, 0, strides)


def is_hollow(a: np.ndarray) -> bool:
    """Whether an array is one without memory."""
    while type(a.base) is np.ndarray:
        a = a.base
    return any(a.base is span or getattr(a.base, "obj", None) is span for span in _spans)


def hollow_like(a: np.ndarray, dtype=None) -> np.ndarray:
    """The hollow twin of an array, its dimensions in the same order in memory if it has no gaps; in another `dtype` if given."""
    if not a.flags.writeable and (dtype is None or a.dtype == dtype) and is_hollow(a):
        return a  # it is one, or part of one
    dtype, item = np.dtype(dtype or a.dtype), a.itemsize
    gapless = a.nbytes == item + sum((n - 1) * k for n, k in zip(a.shape, a.strides)) and all(k >= 0 for k in a.strides)
    return hollow(a.shape, dtype, tuple(k // item * dtype.itemsize for k in a.strides) if gapless else None)


# ---- the tensors ----------------------------------------------------------------------------------------------------

_alive = 0
_lock = threading.RLock()


def _born(t):
    """Count a tensor in: while there are any, public functions ask their arguments."""
    global _alive
    with _lock:
        _alive += 1
        if _alive == 1:
            from .overrides import hold

            hold()
    return t


def _unread(self, *args, **kwargs):
    raise RuntimeError("Tensor.item() cannot be called on meta tensors: they have a shape and a dtype, and no numbers")


class Meta(Tensor):
    """A tensor on the meta device.

    >>> import lightwell as torch
    >>> w = torch.empty(10**6, 10**6, device="meta")
    >>> w.t().shape, w.nbytes
    (torch.Size([1000000, 1000000]), 4000000000000)
    >>> torch.nn.Linear(3, 2, device="meta")(torch.empty(5, 3, device="meta"))
    tensor(..., device='meta', size=(5, 2), grad_fn=<AddmmBackward0>)
    """

    is_meta, is_cpu = True, False

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return _dispatch(func, args, kwargs or {})

    def __del__(self):
        global _alive
        with _lock:
            _alive -= 1
            if _alive == 0:
                try:
                    from .overrides import release

                    release()
                except ImportError:  # the interpreter is shutting down
                    pass

    @property
    def device(self) -> Device:
        """The meta device."""
        return _meta

    item = __bool__ = __int__ = __float__ = __complex__ = __index__ = _scalar = __contains__ = _unread

    def tolist(self):
        """NotImplementedError: there are no numbers."""
        raise NotImplementedError(NO_DATA)

    def numpy(self, *, force: bool = False):
        """TypeError: there are no numbers; NotImplementedError with `force`."""
        if force:
            raise NotImplementedError(NO_DATA)
        raise TypeError("can't convert meta device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.")

    def __array__(self, dtype=None, copy=None):
        self.numpy()

    def data_ptr(self) -> int:
        """0: there is no memory."""
        return 0

    def share_memory_(self):
        """RuntimeError: there is no memory."""
        raise RuntimeError("share_memory_(): only available on CPU; this tensor is on the meta device and has no memory")

    def pin_memory(self, device=None):
        """RuntimeError: there is no memory."""
        raise RuntimeError("cannot pin a tensor of the meta device: only dense CPU tensors can be pinned")

    def __repr__(self, *, tensor_contents=None):
        from . import dtypes
        from .printing import meta_repr

        fn = self.grad_fn
        return meta_repr(
            tuple(self._a.shape), dtype_name=f"torch.{self.dtype.name}", default_dtype=f"torch.{dtypes._default.name}",
            grad_fn_name=None if fn is None else fn.name(), requires_grad=self._rg,
        )  # fmt: skip

    def __format__(self, spec):
        if spec:
            raise TypeError(f"unsupported format string passed to Tensor.__format__: '{spec}' is for numbers; a meta tensor has none")
        return str(self)

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            import copy

            out = memo[id(self)] = meta_tensor(self._a.shape, self._a.dtype, self._a.strides, kind(type(self)))
            out._rg = self._rg
            out._grad = copy.deepcopy(self._grad, memo)
            out.__dict__.update((k, copy.deepcopy(v, memo)) for k, v in self.__dict__.items() if not k.startswith("_"))
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        from ._utils import _rebuild_meta_tensor_no_storage

        return _rebuild_meta_tensor_no_storage, (self.dtype, tuple(self._a.shape), tuple(self.stride()), bool(self._rg))


@functools.cache
def kind(cls: type) -> type:
    """The class of meta tensors that are `cls` besides: a Parameter without numbers is a Parameter."""
    if cls is Tensor or issubclass(cls, Meta):
        return Meta if cls is Tensor else cls
    return type(cls)(cls.__name__, (cls, Meta), {"__module__": __name__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__})


def meta_tensor(shape, dtype, strides=None, cls=Meta) -> Meta:
    """A meta tensor of a NumPy dtype; `strides` in bytes."""
    return _born(make(hollow(shape, dtype, strides), cls))


def meta_leaf(cls: type, a: np.ndarray) -> Meta:
    """A meta tensor of class `cls` over the hollow array of another."""
    return _born(make(a, kind(cls)))


def as_meta(t: Tensor, dtype=None) -> Meta:
    """The meta tensor of `t`'s shape and strides, outside any graph."""
    return _born(make(hollow_like(t._a, dtype), Meta))


def hollowed(result):
    """Tensors of a result, which nobody else holds, turned into meta tensors in their places in the graph."""
    if type(result) is Tensor:
        result._a = hollow_like(result._a)
        result.__class__ = Meta
        return _born(result)
    if isinstance(result, (list, tuple)):
        parts = [hollowed(r) for r in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result


# ---- functions of them ----------------------------------------------------------------------------------------------

_IN_SHAPE = frozenset("unsqueeze_ squeeze_ t_ transpose_ swapaxes_ swapdims_ as_strided_".split())
_NO_NUMBERS = frozenset("requires_grad_ detach_ rename_ set_ _backward_hooks".split())
_MIXED = frozenset("copy_ __getitem__ __setitem__ to type_as where index_put_ index_put set_ new_tensor is_same_size".split())
_MAKES = frozenset(
    "zeros_like ones_like empty_like full_like rand_like randn_like randint_like new_zeros new_ones new_empty new_full new_tensor "
    "new_empty_strided".split()
)
_BY_NUMBERS = frozenset(
    "nonzero argwhere masked_select unique unique_consecutive bincount equal allclose histc histogram to_sparse to_sparse_coo to_sparse_csr".split()
)
_DRAWN = frozenset(
    "bernoulli multinomial poisson binomial normal rrelu gumbel_softmax scaled_dot_product_attention multi_head_attention_forward run "
    "fractional_max_pool2d fractional_max_pool3d rnn_tanh rnn_relu lstm gru svd_lowrank pca_lowrank".split()
)
_INVERTING = frozenset("inv inverse cholesky cholesky_inverse solve tensorinv tensorsolve".split())
_DEFINITE = _INVERTING | {"multinomial"}
_DIVIDING = frozenset("div floor_divide remainder fmod __rfloordiv__ __rmod__".split())
_DTYPES = {"float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16", "int": "int32", "long": "int64",
           "short": "int16", "char": "int8", "byte": "uint8", "bool": "bool", "cfloat": "complex64", "cdouble": "complex128"}  # fmt: skip


def _name(func) -> str:
    """The name under which users know a function or method."""
    from .overrides import _table

    names, methods, _ = _table()
    full = names.get(func)
    return full.rpartition(".")[2] if full else methods.get(func, func.__name__)


def _dispatch(func, args, kwargs):
    """What a public function makes of meta tensors."""
    name = _name(func)
    first = args[0] if args else kwargs.get("input")
    if name.endswith("_like") and isinstance(first, Meta) and str(kwargs.get("device") or "meta") == "meta":
        return _like(first, **kwargs)
    if name in _MAKES:
        return _plainly(func, args, kwargs if kwargs.get("device") is not None else {**kwargs, "device": _meta})
    if name not in _MIXED:
        _check_places(args, kwargs)
    if name in _BY_NUMBERS or (name == "where" and len(args) + len(kwargs) == 1) or (name == "__getitem__" and _masked(args[1])):
        raise NotImplementedError(
            f"{name}(): the result depends on the numbers of a meta tensor, which has none; make the tensor on the CPU (device='cpu')"
        )
    if name == "cpu" or (name == "one_hot" and (args[1:] or (kwargs.get("num_classes", -1),))[0] == -1):
        raise NotImplementedError(NO_DATA) if name == "cpu" else RuntimeError("one_hot(): a meta tensor has no numbers: give num_classes")
    if name == "cuda":
        return _plainly(func, args, kwargs)
    if name == "type" and len(args) + len(kwargs) == 1:
        return f"torch.meta.{first.dtype.tensor_type}"
    if name == "to":
        return _to(func, args, kwargs)
    if name in _DTYPES and isinstance(first, Meta) and not _recorded(first):
        from . import dtypes

        wanted = getattr(dtypes, _DTYPES[name])
        return first if first.dtype is wanted else as_meta(first, wanted.np)
    if name == "clone" and not _recorded(first):
        return meta_tensor(first._a.shape, first._a.dtype, first._a.strides)
    if name == "__setitem__" or (name[-1] == "_" and name[-2:] != "__"):
        found = _in_place(name, func, args, kwargs)
        return None if name == "__setitem__" else found
    if kwargs.get("inplace"):
        kwargs = {**kwargs, "inplace": False}
    if name in ("batch_norm", "instance_norm"):
        args, kwargs = _without_running(func, args, kwargs)
    if kwargs.get("out") is not None:
        return _into(func, args, dict(kwargs))
    if name in _DEFINITE or (name in _DIVIDING and not _fractions(args)):
        return hollowed(_definite(func, args, kwargs))
    if name in _DRAWN or "dropout" in name:
        from . import random

        kept = random.default_generator.get_state()
        try:
            return hollowed(_plainly(func, args, kwargs))
        finally:
            random.default_generator.set_state(kept)
    return hollowed(_plainly(func, args, kwargs))


def _definite(func, args, kwargs):
    """Run a function that refuses zeros on identity matrices, or ones, instead."""
    from . import random

    def able(t):
        if not isinstance(t, Meta):
            return t
        a = t._a
        full = np.ones(a.shape) if _name(func) not in _INVERTING or a.ndim < 2 else np.broadcast_to(np.eye(*a.shape[-2:]), a.shape)
        out = make(full.astype(a.dtype))
        out._node, out._rg = t._node or (t if t._rg else None), t._rg
        return out

    kept = random.default_generator.get_state()
    try:
        return _plainly(func, [able(a) for a in args], {k: able(v) for k, v in kwargs.items()})
    finally:
        random.default_generator.set_state(kept)


def _plainly(func, args, kwargs):
    """Run the function on the zeros."""
    from .overrides import DisableTorchFunctionSubclass

    with DisableTorchFunctionSubclass(), np.errstate(all="ignore"):
        return func(*args, **kwargs)


def _recorded(t) -> bool:
    """Whether an operation on `t` belongs in the graph."""
    from .autograd.modes import state

    return state.grad and t.requires_grad


def _check_places(args, kwargs) -> None:
    """RuntimeError for tensors with numbers among meta tensors; a number in a 0-dim tensor is let through."""
    from .overrides import _flat

    tensors = [t for t in _flat(args, kwargs) if isinstance(t, Tensor)]
    expected = tensors[0].device if tensors else None
    for t in tensors:
        if t.is_meta is not tensors[0].is_meta and (t.is_meta or t.ndim):
            raise RuntimeError(
                f"Tensor on device {t.device} is not on the expected device {expected}! Move it there with .to('{expected}'); "
                "a meta tensor has no numbers to move: make it, or the module that holds it, with to_empty(device='cpu')"
            )


def _fractions(args) -> bool:
    """Whether any tensor among the arguments is floating-point or complex."""
    return any(isinstance(a, Tensor) and (a.is_floating_point() or a.is_complex()) for a in args)


def _masked(key) -> bool:
    """Whether an index picks by a mask."""
    return any(isinstance(k, Tensor) and k.dtype.name == "bool" for k in (key if isinstance(key, tuple) else (key,)))


def _to(func, args, kwargs):
    """`to` of, or like, a meta tensor."""
    from .ops.convert import parse_to

    t = args[0]
    dtype, device, copy = parse_to(args[1:], dict(kwargs))
    if not t.is_meta:  # cpu.to(meta tensor)
        return as_meta(t, None if dtype is None else dtype.np)
    if device is not None and device.type != "meta":
        raise NotImplementedError(NO_DATA)
    if dtype is None or dtype is t.dtype:
        return t.clone() if copy else t
    if _recorded(t):
        from .ops.convert import cast

        return hollowed(cast(t, dtype))
    return as_meta(t, dtype.np)


def _like(t, dtype=None, memory_format=None, requires_grad=False, **ignored):
    """The meta tensor of `t`'s shape that a `..._like` function makes."""
    a, kind = t._a, t._a.dtype if dtype is None else dtype.np
    layout = "preserve_format" if memory_format is None else memory_format.name
    if layout.startswith("channels_last"):
        made = as_meta(make(np.moveaxis(hollow((a.shape[0], *a.shape[2:], a.shape[1]), kind), -1, 1)))
    elif layout == "contiguous_format" or 0 in a.strides:
        made = meta_tensor(a.shape, kind)
    else:
        made = as_meta(t, kind)
    return made.requires_grad_(requires_grad)


def _in_place(name, func, args, kwargs):
    """The tensor that was to be written, its numbers left alone."""
    t = args[0]
    if name in _NO_NUMBERS:
        return _plainly(func, args, kwargs)
    if not isinstance(t, Meta):
        raise NotImplementedError(NO_DATA)
    if _recorded(t) and t.is_leaf:
        raise RuntimeError(
            f"a leaf Variable that requires grad is being used in an in-place operation: {name}; do it under torch.no_grad()"
        )
    if name in _IN_SHAPE:
        _plainly(func, args, kwargs)
    elif name in ("resize_", "resize_as_"):
        size = args[1].shape if name == "resize_as_" else args[1:] if isinstance(args[1], int) else args[1]
        t._a = hollow(size, t._a.dtype)
    elif name == "copy_":
        np.broadcast_shapes(t._a.shape, args[1]._a.shape)
    elif name != "__setitem__" and any(isinstance(a, Tensor) for a in (*args[1:], *kwargs.values())):
        twin = getattr(Tensor, name[:-1], None)
        made = None if twin is None else _plainly(twin, args, kwargs)
        if isinstance(made, Tensor):
            if made._a.shape != t._a.shape:
                raise RuntimeError(f"{name}(): output with shape {list(t.shape)} doesn't match the broadcast shape {list(made.shape)}")
            if made._rg and t._base is None:
                t._node, t._rg = made._node, True
    return t


def _without_running(func, args, kwargs):
    """A normalisation's arguments without the running statistics that it would write."""
    from .overrides import spelled

    args, kwargs = spelled(func, args, kwargs)
    names = ("running_mean", "running_var")
    if kwargs.get("training", kwargs.get("use_input_stats")):
        return (args[0], *(None for _ in args[1:])), {**kwargs, **{n: None for n in names if n in kwargs}}
    return args, kwargs


def _into(func, args, kwargs):
    """A function with `out=`: the tensor takes the result's shape."""
    out = kwargs.pop("out")
    made = _plainly(func, args, kwargs)
    for o, r in zip(out, made) if isinstance(made, tuple) else ((out, made),):
        if o._a.shape != r._a.shape:
            o._a = hollow(r._a.shape, o._a.dtype)
    return out
