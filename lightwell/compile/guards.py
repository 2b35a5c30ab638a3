"""What a program depends on beside its arguments: the tensors it can reach, and the plain Python values it may look at.

`find` walks from a function through its closure, the globals it names, the object it is bound to, modules, optimizers and
containers. Tensors found are states: the compiled program reads and writes them where they are. Plain values found (flags such
as `training`, sizes, options) are guards: a change of one means that the program may be another.
"""

import collections
import functools
import gc
import operator
import sys
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
        self.lists: list = []  # lists, whose members guard it
        self.watched: list = []  # attributes of schedulers and other objects of lightwell's: no guards, but a program must not change them
        self.generators: list = []  # NumPy's random generators, which must not be asked
        self.spaces: list = []  # the attributes of modules and other objects
        self.cells: list = []  # closure cells
        self.whole = True  # whether the walk came to its end
        self.iterators: list = []  # iterators, whose next element a program would take only once
        self.owners: dict[int, int] = {}
        self.at: dict[int, tuple] = {}  # id(tensor) -> (mapping, key) where it stands, of those whose place does not guard
        self.same_places: list = []  # ((mapping, key), (mapping, key)): one tensor stands at both
        self.demands: list = []  # functions that must give True, for the program to be right: what a trace found out
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

    def add_leaf(self, t: Tensor) -> None:
        """An argument: a tensor whose memory is its own."""
        if id(t) not in self._ids:
            self._ids.add(id(t))
            self.tensors.append(t)

    def stands(self, t: Tensor, d, k) -> None:
        """A tensor stands at a place where another one may stand at the next call."""
        at = self.at.setdefault(id(t), (d, k))
        if at[0] is not d or at[1] is not k:
            self.same_places.append((at, (d, k)))

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
            tuple([len(c) for c in self.sizes]),
            tuple([tuple([_mark(v) for v in c]) if len(c) < 100 else tuple(map(id, c)) for c in self.lists]),
            [d.get(k) is e.get(j) for (d, k), (e, j) in self.same_places],
            [g.bit_generator.state for g in self.generators],
            [True for demand in self.demands if not demand()],
        )

    def hold(self) -> None:
        """Keep what stands at the places alive, so that nothing else can take its identity."""
        self.tensors.clear()
        self.kept = [[d.get(k) for d, k in self.places], [list(c) for c in self.lists]]
        self.marks = self.fingerprint()
        self.quick = [(d, k, v, mark, _changing(v)) for (d, k), v, mark in zip(self.places, self.kept[0], self.marks[0])]
        self.rows = [(c, had, mark, any(map(_changing, had))) for c, had, mark in zip(self.lists, self.kept[1], self.marks[2])]
        self.live = [(v, v._rg) for v in self.kept[0] if isinstance(v, Tensor)]

    def same(self) -> bool:
        """Whether the fingerprint is what it was when `hold` was called; mostly by looking whether the same objects stand there."""
        for d, k, had, mark, changing in self.quick:
            v = d.get(k)
            if (changing or v is not had) and _mark(v) != mark:
                return False
        for c, had, mark, changing in self.rows:
            if len(c) != len(had):
                return False
            if changing or len(c) >= 100 or not all(map(operator.is_, c, had)):
                if (tuple([_mark(v) for v in c]) if len(c) < 100 else tuple(map(id, c))) != mark:
                    return False
        for t, rg in self.live:
            if t._rg is not rg and any(d.get(k) is t for d, k in self.places):
                return False
        return [len(c) for c in self.sizes] == list(self.marks[1]) and (
            not (self.same_places or self.generators or self.demands) or self.fingerprint()[3:] == self.marks[3:]
        )


def put(d, k, value) -> None:
    """Let something stand at a place."""
    if isinstance(d, dict):
        d[k] = value
    else:
        d.put(k, value)


class _Cell:
    """A closure cell as a mapping of one key."""

    __slots__ = ("cell",)

    def __init__(self, cell):
        self.cell = cell

    def get(self, key):
        """What is in it."""
        try:
            return self.cell.cell_contents
        except ValueError:
            return None

    def put(self, key, value):
        """Put something into it."""
        self.cell.cell_contents = value


class _Slots:
    """The attributes of an object as a mapping: its slots, and what it has of its class."""

    __slots__ = ("of",)

    def __init__(self, of):
        self.of = of

    def get(self, key):
        """What is in the slot."""
        return getattr(self.of, key, None)

    def put(self, key, value):
        """Put something there."""
        setattr(self.of, key, value)


class _Items:
    """A list as a mapping of its places."""

    __slots__ = ("of",)

    def __init__(self, of):
        self.of = of

    def get(self, key):
        """What is at the place."""
        return self.of[key] if key < len(self.of) else None

    def put(self, key, value):
        """Put something there."""
        self.of[key] = value


def _mark(x):
    kind = type(x)
    if kind in _PLAIN:
        return x if kind is not float else (x, "f")
    if kind is tuple and all(type(v) in _PLAIN for v in x):
        return x
    if isinstance(x, np.generic):
        return kind, x.item()
    if kind is np.ndarray and x.nbytes <= 4096:  # small arrays by their numbers; larger ones by their place alone
        return x.shape, x.dtype, x.tobytes() if x.dtype.kind != "O" else id(x)
    if isinstance(x, Tensor) and not x._rg:  # another such tensor may stand there
        return kind, x._a.shape, x._a.dtype
    return id(x)


def _changing(v) -> bool:
    """Whether the form or the numbers of an object may change while it stays what it is."""
    return isinstance(v, np.ndarray) or (isinstance(v, Tensor) and not v._rg)


_CHANGING = (np.ndarray, Tensor)  # whose form or numbers may change while they stay what they are
_INTERNAL = frozenset(
    "_parameters _buffers _modules _non_persistent_buffers_set _backward_pre_hooks _backward_hooks _is_full_backward_hook _forward_hooks "
    "_forward_hooks_with_kwargs _forward_hooks_always_called _forward_pre_hooks _forward_pre_hooks_with_kwargs _state_dict_hooks "
    "_state_dict_pre_hooks _load_state_dict_pre_hooks _load_state_dict_post_hooks".split()
)


_KEPT = ("step", "eta", "mu", "mu_product")  # numbers of an optimizer's state that Python reads


def find(*roots) -> Found:
    """What can be reached from the roots: see the top of this file."""
    return _Walk(roots).found


class _Walk:
    """One walk: `todo` are the objects to be looked at, `seen` those that have been."""

    def __init__(self, roots):
        self.found, self.todo = Found(), list(reversed(roots))
        self.seen: set[int] = set()
        self.pins: list = []  # so that ids stay their objects' own
        while self.todo and len(self.seen) < _LIMIT:
            x = self.todo.pop()
            if type(x) not in _PLAIN and id(x) not in self.seen:
                self.look(x)
        self.found.whole = not self.todo

    def look(self, x) -> None:
        """One object."""
        from ..nn.module import Module
        from ..optim.optimizer import Optimizer

        found, todo = self.found, self.todo
        self.seen.add(id(x))
        self.pins.append(x)
        if isinstance(x, Tensor):
            found.add(x)
            if x.__dict__:
                todo.append(x.__dict__)
        elif isinstance(x, np.random.Generator):
            found.generators.append(x)
        elif isinstance(x, (types.ModuleType, types.BuiltinFunctionType, np.ndarray, np.generic)):
            pass
        elif isinstance(x, type):
            self.kind(x)
        elif isinstance(x, Module):
            self.module(x)
        elif isinstance(x, Optimizer):
            self.optimizer(x)
        elif isinstance(x, types.MethodType):
            todo += [x.__self__, x.__func__]
        elif isinstance(x, types.FunctionType):
            self.function(x)
        elif isinstance(x, functools.partial):
            for v in (x.func, *x.args, *x.keywords.values()):
                self.fixed(v)
        elif isinstance(x, (dict, types.MappingProxyType)):
            found.sizes.append(x)
            for k, v in list(x.items()):
                self.member(x, k, v)
        elif isinstance(x, (list, collections.deque)):
            found.lists.append(x)
            for i, v in enumerate(x):
                if isinstance(v, Tensor) and not v.requires_grad:
                    found.stands(v, _Items(x), i)
                todo.append(v)
        elif isinstance(x, (tuple, set, frozenset)):
            if isinstance(x, set):
                found.sizes.append(x)
            for v in x:
                self.fixed(v)
        elif isinstance(x, types.GeneratorType) or (
            isinstance(x, collections.abc.Iterator) and type(x).__module__ in ("builtins", "itertools")
        ):
            found.iterators.append(x)
        elif _own(type(x)):
            self.object(x)
        elif str(type(x).__module__).startswith("lightwell.") and isinstance(getattr(x, "__dict__", None), dict):
            found.watched.append(x.__dict__)

    def fixed(self, v) -> None:
        """What can't be replaced where it stands."""
        self.todo.append(v)

    def member(self, d, k, v) -> None:
        """What stands at a place."""
        if isinstance(v, types.ModuleType):
            return
        self.found.places.append((d, k))
        if isinstance(v, Tensor) and not v.requires_grad:
            self.found.stands(v, d, k)
        if type(v) not in _PLAIN:
            self.todo.append(v)

    def module(self, x) -> None:
        """A module: parameters, buffers, modules in it, other attributes, what its methods use."""
        found = self.found
        found.modules.append(x)
        found.spaces.append(x.__dict__)
        for group in (x._parameters, x._buffers, x._modules):
            found.sizes.append(group)
            for k, v in group.items():
                self.member(group, k, v)
        for hooks in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
            self.todo.append(x.__dict__.get(hooks))
        for k, v in x.__dict__.items():
            if k not in _INTERNAL:
                self.member(x.__dict__, k, v)
        self.inherited(x)

    def optimizer(self, x) -> None:
        """An optimizer: its groups, its states; floats of lightwell's own optimizers are inputs of the program, no guards."""
        found, mine = self.found, type(x).__module__.startswith("lightwell.")
        found.optimizers.append(x)
        found.sizes.append(x.param_groups)
        for group in x.param_groups:
            self.todo.append(group["params"])
            for k, v in group.items():
                if k != "params" and not (mine and type(v) is float) and k not in ("betas",):
                    self.member(group, k, v)
        if mine:
            for state in x.state.values():
                if isinstance(state, dict):
                    for k, v in state.items():
                        if isinstance(v, Tensor) and k not in _KEPT:
                            found.add(v)
            return
        self.todo += [x.state, type(x)]
        for k, v in x.__dict__.items():
            if k not in ("state", "param_groups", "defaults"):
                self.member(x.__dict__, k, v)

    def kind(self, x) -> None:
        """A class of the user's: what its methods use, and its attributes."""
        for c in x.__mro__:
            if _own(c):
                for k, v in vars(c).items():
                    if isinstance(v, property):
                        self.todo += [v.fget, v.fset]
                    elif isinstance(v, (types.FunctionType, staticmethod, classmethod)):
                        self.todo.append(getattr(v, "__func__", v))
                    elif not k.startswith("__"):
                        self.member(vars(c), k, v)

    def function(self, x) -> None:
        """A function: the globals that it names, its closure, its defaults, what it wraps."""
        todo = self.todo
        todo.append(getattr(x, "__wrapped__", None))
        if x.__module__ and x.__module__.startswith("lightwell."):
            if x.__closure__ and hasattr(x, "__wrapped__"):
                todo.extend(_Cell(c).get(0) for c in x.__closure__)
            return
        names = _names(x.__code__)
        for name in names:
            if name in x.__globals__:
                v = x.__globals__[name]
                self.member(x.__globals__, name, v)
                if isinstance(v, types.ModuleType) and _own(v):
                    for inner in names:
                        if inner in v.__dict__:
                            self.member(v.__dict__, inner, v.__dict__[inner])
        for cell in x.__closure__ or ():
            self.found.cells.append(cell)
            place = _Cell(cell)
            self.member(place, 0, place.get(0))
        for group in (x.__defaults__ or (), tuple((x.__kwdefaults__ or {}).values())):
            for v in group:
                self.fixed(v)
        if x.__dict__:
            todo.append(x.__dict__)

    def object(self, x) -> None:
        """Any other object: its attributes, its slots, its class."""
        space = getattr(x, "__dict__", None)
        if isinstance(space, dict):
            self.found.spaces.append(space)
            for k, v in space.items():
                self.member(space, k, v)
        place = _Slots(x)
        for c in type(x).__mro__:
            slots = c.__dict__.get("__slots__", ())
            for k in (slots,) if isinstance(slots, str) else slots:
                if k not in ("__dict__", "__weakref__") and hasattr(x, k):
                    self.member(place, k, getattr(x, k))
        self.inherited(x)

    def inherited(self, x) -> None:
        """What an object has of its class: attributes, which it may also get itself, and methods."""
        place = _Slots(x)
        for c in type(x).__mro__:
            for k, v in vars(c).items() if _own(c) else ():
                if not (k.startswith("__") or k in getattr(x, "__dict__", ()) or callable(v) or hasattr(type(v), "__get__")):
                    self.member(place, k, v)
        self.todo.append(type(x))


def _own(x) -> bool:
    """Whether a class or a module is the user's: of no library that is not looked into."""
    name = x.__name__ if isinstance(x, types.ModuleType) else getattr(x, "__module__", None)
    if not isinstance(name, str):
        return False
    name = name.partition(".")[0]
    return name == "__main__" or (name not in sys.stdlib_module_names and name not in ("lightwell", "numpy"))


@functools.lru_cache(4096)
def _names(code) -> tuple:
    """The global names that a function's code, and code within it, may look up."""
    names = list(code.co_names)
    for c in code.co_consts:
        if isinstance(c, types.CodeType):
            names += _names(c)
    return tuple(dict.fromkeys(names))
