"""What a program depends on beside its arguments: the tensors it can reach, and the plain Python values it may look at.

`find` walks from a function through its closure, the globals it names, the object it is bound to, modules, optimizers and
containers. Tensors found are states: the compiled program reads and writes them where they are. Plain values found (flags such
as `training`, sizes, options) are guards: a change of one means that the program may be another.
"""

import functools
import gc
import types

import numpy as np

from ..tensor import Tensor

_PLAIN = (bool, int, float, str, type(None), complex)
_LIMIT = 20_000


class Found:
    """The tensors, modules and optimizers that a program can reach, and the places of plain values it may look at."""

    def __init__(self):
        self.tensors: list[Tensor] = []
        self.modules: list = []
        self.optimizers: list = []
        self.places: list[tuple] = []  # (mapping, key): what stands there guards the program
        self.sizes: list = []  # containers whose length guards it
        self.spaces: list = []  # the attributes of modules and other objects
        self.cells: list = []  # closure cells
        self.owners: dict[int, int] = {}
        self._ids: set[int] = set()
        self._before: set[int] | None = None
        self._kept: list = []  # while tracing: so that ids stay their tensors' own

    def add(self, t: Tensor) -> None:
        """A tensor, once."""
        if id(t) not in self._ids:
            self._ids.add(id(t))
            self.tensors.append(t)
            a = t._a
            if type(a) is np.ndarray:
                while type(a.base) is np.ndarray:
                    a = a.base
                self.owners[id(a)] = self.owners.get(id(a), 0) + 1

    def add_state(self, t: Tensor) -> None:
        """A tensor that an optimizer made while the program was traced."""
        self.add(t)

    def before(self) -> set[int]:
        """The ids of all tensors that there were before the trace: others are made by it."""
        if self._before is None:
            kinds: dict[type, bool] = {}
            found = set()
            for o in gc.get_objects():
                kind = type(o)
                known = kinds.get(kind)
                if known is None:
                    known = kinds[kind] = issubclass(kind, Tensor)
                if known:
                    found.add(id(o))
                    self._kept.append(o)
            self._before = found
        return self._before

    def settle(self) -> None:
        """The trace is over."""
        self._before, self._kept = None, []

    def fingerprint(self) -> tuple:
        """The plain values of the moment, and which tensors and modules stand where."""
        return (
            tuple([_mark(d.get(k)) for d, k in self.places]),
            tuple([_mark(_content(c)) for c in self.cells]),
            tuple([len(c) for c in self.sizes]),
        )


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _mark(x):
    kind = type(x)
    if kind in _PLAIN:
        return x if kind is not float else (x, "f")
    if kind is tuple and all(type(v) in _PLAIN for v in x):
        return x
    return id(x)


_INTERNAL = frozenset(
    "_parameters _buffers _modules _non_persistent_buffers_set _backward_pre_hooks _backward_hooks _is_full_backward_hook _forward_hooks "
    "_forward_hooks_with_kwargs _forward_hooks_always_called _forward_pre_hooks _forward_pre_hooks_with_kwargs _state_dict_hooks "
    "_state_dict_pre_hooks _load_state_dict_pre_hooks _load_state_dict_post_hooks".split()
)


def find(*roots) -> Found:
    """What can be reached from the roots: see the top of this file."""
    from ..nn.module import Module
    from ..optim.optimizer import Optimizer

    found, seen, todo = Found(), set(), list(reversed(roots))

    def plain(d, k):
        found.places.append((d, k))

    while todo:
        x = todo.pop()
        if type(x) in _PLAIN or id(x) in seen or len(seen) > _LIMIT:
            continue
        if isinstance(x, Tensor):
            seen.add(id(x))
            found.add(x)
            continue
        if isinstance(x, (type, types.ModuleType, types.BuiltinFunctionType, np.ndarray, np.generic)):
            continue
        seen.add(id(x))
        if isinstance(x, Module):
            found.modules.append(x)
            found.spaces.append(x.__dict__)
            for group in (x._parameters, x._buffers, x._modules):
                found.sizes.append(group)
                for k, v in group.items():
                    plain(group, k)
                    if v is not None:
                        todo.append(v)
            for hooks in ("_forward_hooks", "_forward_pre_hooks"):
                if hooks in x.__dict__:
                    found.sizes.append(x.__dict__[hooks])
            for k, v in x.__dict__.items():
                if k not in _INTERNAL:
                    _member(x.__dict__, k, v, plain, todo)
            forward = type(x).forward
            if not getattr(forward, "__module__", "").startswith("lightwell."):
                todo.append(forward)
        elif isinstance(x, Optimizer):
            found.optimizers.append(x)
            mine = type(x).__module__.startswith("lightwell.")
            for group in x.param_groups:
                todo.extend(group["params"])
                found.sizes.append(group["params"])
                for k, v in group.items():
                    if k != "params" and not (mine and type(v) is float) and k not in ("betas",):
                        plain(group, k)
            for state in x.state.values():
                if isinstance(state, dict):
                    for v in state.values():
                        if isinstance(v, Tensor) and (v._a.ndim or not mine):
                            found.add(v)
            if not mine:
                for k, v in x.__dict__.items():
                    if k not in ("state", "param_groups", "defaults"):
                        _member(x.__dict__, k, v, plain, todo)
                todo.append(type(x).step)
        elif isinstance(x, types.MethodType):
            todo += [x.__self__, x.__func__]
        elif isinstance(x, types.FunctionType):
            if x.__module__ and x.__module__.startswith("lightwell."):
                todo.append(getattr(x, "__wrapped__", None))
                if x.__closure__ and hasattr(x, "__wrapped__"):
                    todo.extend(_content(c) for c in x.__closure__)
                continue
            todo.append(getattr(x, "__wrapped__", None))
            for name in _names(x.__code__):
                if name in x.__globals__:
                    _member(x.__globals__, name, x.__globals__[name], plain, todo)
            for cell in x.__closure__ or ():
                found.cells.append(cell)
                todo.append(_content(cell))
            todo.extend(x.__defaults__ or ())
            todo.extend((x.__kwdefaults__ or {}).values())
        elif isinstance(x, functools.partial):
            todo += [x.func, *x.args, *x.keywords.values()]
        elif isinstance(x, dict):
            found.sizes.append(x)
            for k, v in list(x.items())[:_LIMIT]:
                _member(x, k, v, plain, todo)
        elif isinstance(x, (list, tuple, set, frozenset)):
            if not isinstance(x, tuple):
                found.sizes.append(x)
            if len(x) < _LIMIT:
                todo.extend(x)
        elif hasattr(x, "__dict__") and not type(x).__module__.startswith(("lightwell.", "numpy", "builtins", "collections")):
            found.spaces.append(x.__dict__)
            for k, v in x.__dict__.items():
                _member(x.__dict__, k, v, plain, todo)
            call = getattr(type(x), "__call__", None)
            if isinstance(call, types.FunctionType):
                todo.append(call)
    return found


def _member(d, k, v, plain, todo) -> None:
    if isinstance(v, types.ModuleType):
        return
    if not isinstance(v, Tensor) or v.requires_grad or not hasattr(v, "_a"):
        plain(d, k)
    if type(v) not in _PLAIN:
        todo.append(v)


@functools.lru_cache(4096)
def _names(code) -> tuple:
    """The global names that a function's code, and code within it, may look up."""
    names = list(code.co_names)
    for c in code.co_consts:
        if isinstance(c, types.CodeType):
            names += _names(c)
    return tuple(dict.fromkeys(names))
