"""Module: a tree of parameters, buffers and sub-modules with a forward; its attributes, walks and printing."""

from __future__ import annotations

import builtins
from collections import OrderedDict
from functools import partial

from .. import errors
from ..errors.teaching import AttributeError, NotImplementedError, TypeError, ValueError
from ..tensor import Tensor
from .hooks import (
    HookHost,
    RemovableHandle,
    _WrappedHook,  # noqa: F401  (pickles of PyTorch's modules look for it here)
    call_with_hooks,
    everywhere,
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from .parameter import Buffer, Parameter, UninitializedBuffer
from .state import StateHost
from .tensors import TensorsHost

__all__ = [
    "Module", "register_module_backward_hook", "register_module_forward_hook", "register_module_forward_pre_hook",
    "register_module_full_backward_hook", "register_module_full_backward_pre_hook",
    "register_module_buffer_registration_hook", "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]  # fmt: skip

# The tables of every module, in the order their owners print them.
_TABLES = (
    "_parameters",
    "_buffers",
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
    "_modules",
)
_PLAIN = frozenset({"_parameters", "_buffers", "_modules"})  # ordinary dicts; the hook tables are OrderedDicts
_CALL_TABLES = tuple(t for t in _TABLES if t.startswith(("_forward", "_backward")))


def _indent(text: str, by: int) -> str:
    """`text` with every line but the first moved right."""
    return text.replace("\n", "\n" + " " * by)


class Module(HookHost, StateHost, TensorsHost):
    """The base of all layers and models: a forward computation together with the parameters it uses.

    Subclasses call `super().__init__()`, assign layers, parameters and buffers as attributes, and define `forward`.
    Calling the module runs `forward` and the hooks around it.

    >>> import lightwell as torch
    >>> class Net(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc = torch.nn.Linear(4, 2)
    ...     def forward(self, x):
    ...         return self.fc(x).relu()
    >>> Net()
    Net(
      (fc): Linear(in_features=4, out_features=2, bias=True)
    )
    >>> Net()(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """

    dump_patches: bool = False
    training: bool
    call_super_init: bool = False
    _compiled_call_impl = None
    _is_full_backward_hook = None

    def __init__(self, *args, **kwargs) -> None:
        if not self.call_super_init and (args or kwargs):
            given = (
                f"takes 1 positional argument but {len(args) + 1} were given"
                if args
                else f"got an unexpected keyword argument '{next(iter(kwargs))}'"
            )
            raise TypeError(f"{type(self).__name__}.__init__() {given}")
        own = self.__dict__
        own["training"] = True
        own["_non_persistent_buffers_set"] = set()
        own["_is_full_backward_hook"] = None
        for table in _TABLES:
            own[table] = {} if table in _PLAIN else OrderedDict()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # ---- calling ----------------------------------------------------------------------------------------------

    def __call__(self, *args, **kwargs):
        try:
            if self._hooked or everywhere.armed:
                return call_with_hooks(self, args, kwargs)
            return self.forward(*args, **kwargs)
        except builtins.AttributeError as error:
            if type(self).__module__.startswith("lightwell."):
                errors.refuse_no_tensor(type(self).__name__, self.forward, args, kwargs, error)
            raise

    def _call_impl(self, *args, **kwargs):
        """Forward with hooks: what `__call__` does."""
        return call_with_hooks(self, args, kwargs)

    def forward(self, *input):
        """The computation of the module: every subclass defines its own (NotImplementedError otherwise)."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def compile(self, *args, **kwargs) -> None:
        """Ask for the module's calls to be compiled; the options are kept, and calls run eagerly until they are used."""
        self.__dict__["_compile_options"] = (args, kwargs)

    # ---- attributes -------------------------------------------------------------------------------------------

    def _check_name(self, kind: str, name, table: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        taken = hasattr(self, name) if name != "summary" else name in self.__dict__ or hasattr(type(self), name)  # see `__getattr__`
        if taken and name not in self.__dict__[table]:
            raise KeyError(f"attribute '{name}' already exists in {type(self).__name__}: give the {kind} another name")

    def _need(self, table: str, what: str) -> dict:
        found = self.__dict__.get(table)
        if found is None:
            raise AttributeError(
                f"cannot assign {what} before Module.__init__() call: call super().__init__() first in {type(self).__name__}.__init__"
            )
        return found

    def register_parameter(self, name: str, param) -> None:
        """Add a parameter under `name`; None reserves the name.

        Raises AttributeError before `super().__init__()`, KeyError for a taken, empty or dotted name, TypeError when
        `param` is no Parameter, ValueError when it is not a leaf of the graph.
        """
        table = self._need("_parameters", "parameter")
        self._check_name("parameter", name, "_parameters")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{type(param).__name__}' object to parameter '{name}' (torch.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly: "
                    "to express it as a function of another Tensor, compute the value in the forward() method."
                )
        table[name] = _announced("parameter", self, name, param)

    def register_buffer(self, name: str, tensor, persistent: bool = True) -> None:
        """Add a tensor that is state but no parameter; `persistent=False` keeps it out of state_dict.

        Raises as `register_parameter` does; TypeError when `tensor` is neither Tensor nor None.

        >>> import lightwell as torch
        >>> net = torch.nn.Module()
        >>> net.register_buffer("mean", torch.zeros(3))
        >>> net.mean
        tensor([0., 0., 0.])
        """
        table = self._need("_buffers", "buffer")
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{type(tensor).__name__}' object to buffer '{name}' (torch Tensor or None required)")
        table[name] = _announced("buffer", self, name, tensor)
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(name)

    def add_module(self, name: str, module) -> None:
        """Add a sub-module under `name`; TypeError when it is no Module, KeyError for a taken or unusable name."""
        table = self._need("_modules", "module")
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self._check_name("module", name, "_modules")
        table[name] = _announced("module", self, name, module)

    def register_module(self, name: str, module) -> None:
        """The same as `add_module`."""
        self.add_module(name, module)

    def __getattr__(self, name: str):
        own = self.__dict__
        for table in ("_parameters", "_buffers", "_modules"):
            found = own.get(table)
            if found is not None and name in found:
                return found[name]
        if name == "summary" and "_modules" in own:  # not a method, so that a model may have a layer of this name
            from ..explain.memory.summary import summary

            return partial(summary, self)
        hint = "" if "_modules" in own else ": super().__init__() has not been called"
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'{hint}", name=name, obj=self)

    def _drop(self, name: str, *keep: str) -> None:
        """Forget `name` wherever it stands, `keep` excepted."""
        own = self.__dict__
        for table in (own, own.get("_parameters"), own.get("_buffers"), own.get("_modules")):
            if table is not None and name in table and not (table is not own and table is own.get(keep[0])):
                del table[name]
        if keep[0] != "_buffers" and "_non_persistent_buffers_set" in own:
            own["_non_persistent_buffers_set"].discard(name)

    def __setattr__(self, name: str, value) -> None:
        own = self.__dict__
        if isinstance(value, Tensor) and not isinstance(value, (Parameter, Buffer)):
            pass  # a plain tensor: only a buffer of that name could take it
        elif isinstance(value, Parameter):
            self._need("_parameters", "parameters")
            self._drop(name, "_parameters")
            self.register_parameter(name, value)
            return
        elif isinstance(value, Module) and name not in own.get("_parameters", ()):
            table = self._need("_modules", "module")
            self._drop(name, "_modules")
            table[name] = _announced("module", self, name, value)
            return
        for table, kind in (("_parameters", "parameter"), ("_modules", "child module")):
            found = own.get(table)
            if found is not None and name in found:
                if value is not None:
                    wanted = "torch.nn.Parameter" if kind == "parameter" else "torch.nn.Module"
                    raise TypeError(
                        f"cannot assign '{type(value).__name__}' as {kind} '{name}' ({wanted} or None expected)"
                        + (": use `with torch.no_grad(): p.copy_(...)` to change its values" * (kind == "parameter"))
                    )
                found[name] = None
                return
        buffers = own.get("_buffers")
        if isinstance(value, (Buffer, UninitializedBuffer)) or (buffers is not None and name in buffers):
            buffers = self._need("_buffers", "buffer")
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{type(value).__name__}' as buffer '{name}' (torch.nn.Buffer, torch.Tensor or None expected)"
                )
            persistent = name not in self._non_persistent_buffers_set
            if isinstance(value, (Buffer, UninitializedBuffer)):
                persistent = getattr(value, "persistent", True)
            if name not in buffers:
                self._drop(name, "_buffers")
            self.register_buffer(name, value, persistent)
            return
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        own = self.__dict__
        for table in ("_parameters", "_buffers", "_modules"):
            if name in own.get(table, ()):
                del own[table][name]
                if table == "_buffers":
                    self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self):
        names = {*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers}
        return sorted(n for n in names if not n[0].isdigit())

    def __getstate__(self) -> dict:
        return {k: v for k, v in self.__dict__.items() if k != "_compile_options"}

    def __setstate__(self, state: dict) -> None:
        own = self.__dict__
        own.update(state)
        for table in _TABLES:  # saved by a version that lacked some of them
            own.setdefault(table, OrderedDict())
        own.setdefault("_non_persistent_buffers_set", set())
        own.setdefault("_is_full_backward_hook", None)
        if any(own[t] for t in _CALL_TABLES):
            own["_hooked"] = True

    # ---- finding ----------------------------------------------------------------------------------------------

    def get_submodule(self, target: str) -> Module:
        """The sub-module at the dotted path `target` ("" is the module itself); AttributeError if there is none.

        >>> import lightwell as torch
        >>> torch.nn.Sequential(torch.nn.Sequential(torch.nn.ReLU())).get_submodule("0.0")
        ReLU()
        """
        found = self
        for name in target.split(".") if target else ():
            if not hasattr(found, name):
                raise AttributeError(f"{found._get_name()} has no attribute `{name}` (looking for `{target}`)")
            found = getattr(found, name)
            if not isinstance(found, Module):
                raise AttributeError(f"`{name}` is not an nn.Module (looking for `{target}`)")
        return found

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put `module` at the dotted path `target`.

        ValueError for an empty path or a non-Module; AttributeError when the parent (or, if `strict`, the place itself)
        does not exist.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"set_submodule: `module` is not an nn.Module, found {type(module).__name__}")
        *path, name = target.split(".")
        parent = self.get_submodule(".".join(path))
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def _get_member(self, target: str, table: str, what: str):
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if not hasattr(owner, name):
            raise AttributeError(f"{owner._get_name()} has no attribute `{name}`")
        if name not in owner.__dict__[table]:
            raise AttributeError(f"`{name}` is not {what}")
        return owner.__dict__[table][name]

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at the dotted path `target`; AttributeError if there is none."""
        return self._get_member(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at the dotted path `target`; AttributeError if there is none."""
        return self._get_member(target, "_buffers", "a buffer")

    # ---- walking ----------------------------------------------------------------------------------------------

    def _named_members(self, get_members_fn, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True):
        """(dotted name, member) of what `get_members_fn(module)` yields, over the tree."""
        seen: set[int] = set()
        walk = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in walk:
            for name, value in get_members_fn(module):
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield (f"{path}.{name}" if path else name), value

    def named_parameters(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True):
        """(name, parameter) of every parameter, shared ones once.

        >>> import lightwell as torch
        >>> [n for n, _ in torch.nn.Sequential(torch.nn.Linear(2, 2)).named_parameters()]
        ['0.weight', '0.bias']
        """
        yield from self._named_members(lambda m: m._parameters.items(), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True):
        """Every parameter of the module (and, if `recurse`, of those below it), shared ones once."""
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_buffers(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True):
        """(name, buffer) of every buffer, shared ones once."""
        yield from self._named_members(lambda m: m._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True):
        """Every buffer of the module (and, if `recurse`, of those below it), shared ones once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_children(self):
        """(name, module) of every direct sub-module, shared ones once."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self):
        """Every direct sub-module, shared ones once."""
        for _, module in self.named_children():
            yield module

    def named_modules(self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True):
        """(dotted name, module) of this module and all below it, parents first, shared ones once.

        >>> import lightwell as torch
        >>> [name for name, _ in torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Tanh()).named_modules()]
        ['', '0', '1']
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self):
        """This module and all below it, parents first, shared ones once."""
        for _, module in self.named_modules():
            yield module

    # ---- printing ---------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses of the module's repr: override it."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        above = extra.split("\n") if extra else []
        below = [f"({name}): {_indent(repr(module), 2)}" for name, module in self._modules.items()]
        if not above and not below:
            return f"{self._get_name()}()"
        if len(above) == 1 and not below:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(above + below) + "\n)"


_registration: dict[str, OrderedDict] = {"module": OrderedDict(), "parameter": OrderedDict(), "buffer": OrderedDict()}


def _announced(kind: str, module: Module, name: str, value):
    """`value`, or what the registration hooks of its kind put in its place."""
    for hook in list(_registration[kind].values()):
        new = hook(module, name, value)
        value = value if new is None else new
    return value


def _watch(kind: str, hook) -> RemovableHandle:
    handle = RemovableHandle(_registration[kind])
    _registration[kind][handle.id] = hook
    return handle


def register_module_module_registration_hook(hook) -> RemovableHandle:
    """Run `hook(module, name, submodule)` whenever any module gets a sub-module; what it returns, if not None, replaces it.

    >>> import lightwell as torch
    >>> hook = lambda parent, name, child: print(name, child)
    >>> with torch.nn.modules.module.register_module_module_registration_hook(hook):
    ...     net = torch.nn.Sequential(torch.nn.ReLU())
    0 ReLU()
    """
    return _watch("module", hook)


def register_module_parameter_registration_hook(hook) -> RemovableHandle:
    """Run `hook(module, name, parameter)` whenever any module gets a parameter; what it returns, if not None, replaces it."""
    return _watch("parameter", hook)


def register_module_buffer_registration_hook(hook) -> RemovableHandle:
    """Run `hook(module, name, buffer)` whenever any module gets a buffer; what it returns, if not None, replaces it."""
    return _watch("buffer", hook)
