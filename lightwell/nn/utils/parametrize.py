"""Parametrizations: a parameter computed, each time it is read, from originals that are the ones trained.

`register_parametrization(module, "weight", f)` makes module.weight = f(original). The module gets a class of its own, on
which the name is a property; `module.parametrizations.weight` holds the functions and `original` (or original0,
original1, … where the first function's `right_inverse` gives several).
"""

from __future__ import annotations

import copy
from contextlib import contextmanager

from ...autograd.modes import no_grad
from ...errors.teaching import AssertionError, AttributeError, RuntimeError, ValueError
from ...tensor import Tensor
from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "transfer_parametrizations_and_params", "type_before_parametrizations",
]  # fmt: skip

_cached = 0  # how many `with cached()` are open
_cache: dict = {}


@contextmanager
def cached():
    """Within it, each parametrized tensor is computed once and reused.

    >>> import lightwell as torch
    >>> from lightwell.nn.utils import parametrize
    >>> m = parametrize.register_parametrization(torch.nn.Linear(2, 2), "weight", torch.nn.Tanh())
    >>> with parametrize.cached():
    ...     print(m.weight is m.weight)
    True
    """
    global _cached
    _cached += 1
    try:
        yield
    finally:
        _cached -= 1
        if not _cached:
            _cache.clear()


def _hold(module: Module, name: str, value: Tensor) -> None:
    """Register a tensor as what it is: a parameter or a buffer."""
    if isinstance(value, Parameter):
        module.register_parameter(name, value)
    else:
        module.register_buffer(name, value)


def _put(dest: Tensor, src: Tensor) -> None:
    """Let `dest` have the values of `src`, the object staying the same."""
    if dest.shape == src.shape and dest.dtype == src.dtype:
        dest.copy_(src)
    else:
        dest.data = src.detach().clone()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in the order of their registration, and its original(s)."""

    original: Tensor

    def __init__(self, modules, original, unsafe: bool = False) -> None:
        if not len(modules):
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        with no_grad():
            new = original
            for module in reversed(self):
                if hasattr(module, "right_inverse"):
                    try:
                        new = module.right_inverse(new)
                    except NotImplementedError:
                        pass
        if not isinstance(new, Tensor) and not isinstance(new, (list, tuple)):
            raise ValueError(f"'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got {type(new).__name__}")
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        if self.is_tensor:
            if original.dtype != new.dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {original.dtype}\nright_inverse(original).dtype: {new.dtype}"
                )
            with no_grad():
                _put(original, new)
            _hold(self, "original", original)
        else:
            for i, part in enumerate(new):
                if not isinstance(part, Tensor):
                    raise ValueError(
                        f"'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got element {i} of the sequence "
                        f"with type {type(part).__name__}."
                    )
                if isinstance(original, Parameter):
                    part = Parameter(part.detach().clone() if part is original else part, original.requires_grad)
                _hold(self, f"original{i}", part)
        if not self.unsafe:
            _same(self(), shape, dtype)

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that the parametrized tensor is `value`, by the functions' right_inverse from last to first."""
        with no_grad():
            for module in reversed(self):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"parametrization {type(module).__name__} does not implement right_inverse.")
                value = module.right_inverse(value)
            if self.is_tensor:
                if not isinstance(value, Tensor):
                    raise ValueError(f"`right_inverse` should return a tensor. Got {type(value).__name__}")
                if value.dtype != self.original.dtype:
                    raise ValueError(
                        f"The tensor returned by `right_inverse` has dtype {value.dtype} while `original` has dtype {self.original.dtype}"
                    )
                _put(self.original, value)
                return
            if not isinstance(value, (list, tuple)):
                raise ValueError(f"'right_inverse' must return a sequence of tensors. Got {type(value).__name__}.")
            if len(value) != self.ntensors:
                raise ValueError(
                    f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. Got a sequence of length {len(value)}."
                )
            for i, part in enumerate(value):
                original = getattr(self, f"original{i}")
                if not isinstance(part, Tensor):
                    raise ValueError(f"Tensor {i} returned by `right_inverse` is not of type Tensor but of type {type(part).__name__}")
                if part.dtype != original.dtype:
                    raise ValueError(
                        f"Tensor {i} returned by `right_inverse` has dtype {part.dtype} while `original{i}` has dtype {original.dtype}"
                    )
                _put(original, part)

    def forward(self) -> Tensor:
        """The parametrized tensor."""
        first, *rest = self
        value = first(self.original) if self.is_tensor else first(*(getattr(self, f"original{i}") for i in range(self.ntensors)))
        for module in rest:
            value = module(value)
        return value


def _same(value, shape, dtype) -> None:
    if not isinstance(value, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(value).__name__}.")
    if value.dtype != dtype:
        raise ValueError(
            "Registering a parametrization may not change the dtype of the tensor, unless `unsafe` flag is enabled.\n"
            f"unparametrized dtype: {dtype}\nparametrized dtype: {value.dtype}"
        )
    if value.shape != shape:
        raise ValueError(
            "Registering a parametrization may not change the shape of the tensor, unless `unsafe` flag is enabled.\n"
            f"unparametrized shape: {shape}\nparametrized shape: {value.shape}"
        )


def _own_class(module: Module) -> None:
    """Give a module a class of its own, named after its class, to hang properties on."""
    cls = type(module)

    def refuse_pickling(self):
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(). See:\n"
            "save(module.state_dict()), then load_state_dict() of a module with the same parametrizations"
        )

    def deepcopy(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        twin = self.__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__ = copy.deepcopy(self.__dict__, memo)
        return twin

    fields = {"__getstate__": refuse_pickling, "__module__": __name__}
    if "__deepcopy__" not in dir(cls):
        fields["__deepcopy__"] = deepcopy
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), fields)


def _property(module: Module, name: str) -> None:
    """Make `name` a property of the module's own class."""

    def get(self):
        if name not in self.parametrizations:
            raise AttributeError(f"{name} is not parametrized any more")
        if not _cached:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = self.parametrizations[name]()
        return _cache[key]

    def put(self, value):
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(get, put))


def register_parametrization(module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Module:
    """Let module.tensor_name be parametrization(original), behind those registered before; returns the module.

    The original is set by `parametrization.right_inverse` where there is one. `unsafe` lets shape and dtype change.
    ValueError for a name that is no parameter, buffer or parametrized tensor, or for a changed shape or dtype.

    >>> import lightwell as torch
    >>> from lightwell.nn.utils import parametrize
    >>> class Symmetric(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> m = parametrize.register_parametrization(torch.nn.Linear(3, 3), "weight", Symmetric())
    >>> torch.equal(m.weight, m.weight.T)
    True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        every = module.parametrizations[tensor_name]
        if not unsafe:
            now = getattr(module, tensor_name)
            _same(parametrization(now), now.shape, now.dtype)
            if hasattr(parametrization, "right_inverse"):
                try:
                    back = parametrization.right_inverse(now)
                except NotImplementedError:
                    pass
                else:
                    if not isinstance(back, Tensor):
                        raise ValueError(f"parametrization.right_inverse must return a tensor. Got: {type(back).__name__}")
                    _same(back, now.shape, now.dtype)
        every.append(parametrization)
        every.unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        made = ParametrizationList([parametrization], original, unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _own_class(module)
            module.parametrizations = ModuleDict()
        _property(module, tensor_name)
        module.parametrizations[tensor_name] = made
    else:
        raise ValueError(f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name '{tensor_name}'")
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrized tensors, or this one."""
    found = module.__dict__.get("_modules", {}).get("parametrizations")
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Take the parametrizations of a tensor away: it stays as they made it, or, without `leave_parametrized`, is the original again.

    ValueError where there are none, or for an original that is several tensors.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    every = module.parametrizations[tensor_name]
    if every.is_tensor:
        original = every.original
        if leave_parametrized:
            with no_grad():
                now = getattr(module, tensor_name)
                _put(original, now)
    elif leave_parametrized:
        now = getattr(module, tensor_name)
        original = Parameter(now.detach()) if now.requires_grad else now
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _hold(module, tensor_name, original)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The module's class as it was before parametrizations gave it one of its own."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(from_module: Module, to_module: Module, tensor_name: str | None = None) -> Module:
    """Put the parametrizations of one module (or of one of its tensors), and its other parameters, on another; returns that."""
    if not is_parametrized(from_module):
        return to_module
    if not isinstance(from_module.parametrizations, ModuleDict):
        raise AssertionError("from_module.parametrizations must be a ModuleDict")
    names = from_module.parametrizations if tensor_name is None else [tensor_name]
    for name in list(names):
        every = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            value = getattr(from_module, name).detach().clone()
            trained = any(isinstance(p, Parameter) for p in every._parameters.values())
            _hold(to_module, name, Parameter(value) if trained else value)
        for one in every:
            register_parametrization(to_module, name, one, unsafe=every.unsafe)
        with no_grad():
            target = to_module.parametrizations[name]
            if every.is_tensor:
                target.original = every.original
            else:
                for i in range(every.ntensors):
                    setattr(target, f"original{i}", getattr(every, f"original{i}"))
    return to_module
