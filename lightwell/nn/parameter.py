"""Parameter, Buffer and their uninitialized forms: the tensors a module takes notice of when they become attributes."""

from __future__ import annotations

from ..errors.teaching import RuntimeError, TypeError, ValueError
from ..meta import kind, meta_leaf
from ..tensor import Tensor, make
from . import core

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]


class Parameter(Tensor):
    r"""A tensor that a module counts among its parameters when it becomes an attribute of one.

    It shares its memory with `data` (an empty tensor when None) and is a leaf of the graph.

    >>> import lightwell as torch
    >>> torch.nn.Parameter(torch.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data=None, requires_grad: bool = True):
        own = getattr(type(data), "_as_parameter", None)  # a distributed tensor stays one
        if own is not None:
            return own(data, requires_grad)
        return _leaf(cls, core.empty(0) if data is None else data, requires_grad)

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        result = type(self)(self.data.clone(), self.requires_grad)
        memo[id(self)] = result
        return result

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, proto):
        from collections import OrderedDict

        state = {k: v for k, v in self.__dict__.items() if not k.startswith("_")}
        if state:
            return _rebuild_parameter_with_state, (self.data, self.requires_grad, OrderedDict(), state)
        return _rebuild_parameter, (self.data, self.requires_grad, OrderedDict())


class Buffer(Tensor):
    """A tensor that a module counts among its buffers when it becomes an attribute of one.

    `persistent=False` keeps it out of the module's state_dict.

    >>> import lightwell as torch
    >>> net = torch.nn.Module()
    >>> net.mean = torch.nn.Buffer(torch.zeros(2))
    >>> list(net.state_dict())
    ['mean']
    """

    def __new__(cls, data=None, *, persistent: bool = True):
        data = core.empty(0) if data is None else data
        result = _leaf(cls, data, data.requires_grad)
        result.persistent = persistent
        return result

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        result = type(self)(self.data.clone(), persistent=getattr(self, "persistent", True))
        memo[id(self)] = result
        return result


def _leaf(cls: type, data, requires_grad: bool):
    """A leaf of class `cls` over the memory of `data`."""
    if not isinstance(data, Tensor):
        raise TypeError(f"{cls.__name__}: data must be a Tensor, got {type(data).__name__}: torch.tensor(...) makes one")
    result = meta_leaf(cls, data._a) if data.is_meta else make(data._a, cls)
    result._cell = data._cell_now()
    if requires_grad:
        result.requires_grad = True
    return result


def _rebuild_parameter(data, requires_grad: bool, backward_hooks) -> Parameter:
    """What a pickled parameter calls."""
    return Parameter(data, requires_grad)


def _rebuild_parameter_with_state(data, requires_grad: bool, backward_hooks, state) -> Parameter:
    """What a pickled parameter with attributes of its own calls."""
    param = Parameter(data, requires_grad)
    for key, value in (state or {}).items():
        setattr(param, key, value)
    return param


class _Unknown:
    """The part shared by the uninitialized forms: no shape and no values until `materialize`."""

    __slots__ = ()
    _becomes: type = Tensor
    _ALLOWED = frozenset({"data", "device", "dtype", "is_cuda", "is_leaf", "requires_grad", "grad", "names"})

    def materialize(self, shape, device=None, dtype=None) -> None:
        """Take on `shape` and become an ordinary parameter or buffer, its values undefined."""
        wanted = self.dtype if dtype is None else dtype
        where = self.device if device is None else device
        self.__class__ = kind(self._becomes) if self.is_meta else self._becomes
        self.data = core.empty(tuple(shape), device=where, dtype=wanted)

    @property
    def shape(self):
        """RuntimeError: there is no shape yet."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer: run one batch through the lazy module "
            "first, or call load_state_dict on it."
        )

    def share_memory_(self):
        """RuntimeError: there is no memory yet."""
        raise RuntimeError("Can't share memory on an uninitialized parameter or buffer: run one batch through first.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        result = type(self)(requires_grad=self.requires_grad, device=self.device, dtype=self.dtype)
        memo[id(self)] = result
        return result

    def __reduce_ex__(self, proto):
        return _rebuild_lazy, (type(self), self.requires_grad, self.device, self.dtype)


def _refuse(name: str):
    def method(self, *args, **kwargs):
        raise ValueError(
            f"{name}: the parameter is uninitialized and has no values yet; run one batch through the lazy module to "
            "initialize it (a dry run is enough), then go on."
        )

    method.__name__ = name
    return method


for _name in (
    "__add__ __radd__ __sub__ __mul__ __rmul__ __truediv__ __matmul__ __getitem__ __setitem__ __len__ add mul matmul sum "
    "mean copy_ uniform_ normal_ fill_ zero_ numel size numpy tolist item clone view reshape"
).split():
    setattr(_Unknown, _name, _refuse(_name))


def _rebuild_lazy(cls, requires_grad: bool, device, dtype):
    return cls(requires_grad=requires_grad, device=device, dtype=dtype)


class UninitializedParameter(_Unknown, Parameter):
    """A parameter whose shape is known only after the first batch; `materialize(shape)` makes it a Parameter.

    Whatever needs its values or its shape raises ValueError or RuntimeError until then.
    """

    _becomes = Parameter

    def __new__(cls, requires_grad: bool = True, device=None, dtype=None):
        return _leaf(cls, core.empty(0, device=device, dtype=dtype), requires_grad)


class UninitializedBuffer(_Unknown, Tensor):
    """A buffer whose shape is known only after the first batch; `materialize(shape)` makes it a Tensor."""

    _becomes = Tensor

    def __new__(cls, requires_grad: bool = False, device=None, dtype=None, persistent: bool = True):
        result = _leaf(cls, core.empty(0, device=device, dtype=dtype), requires_grad)
        result.persistent = persistent
        return result


def is_lazy(tensor) -> bool:
    """Whether `tensor` is an uninitialized parameter or buffer."""
    return isinstance(tensor, _Unknown)
