"""One step of a graph: what is called, with what, and who uses the result."""

import builtins
import operator
import types
from typing import Any

from .. import overrides
from ..errors.teaching import AssertionError, TypeError, ValueError
from .immutable_collections import immutable_dict, immutable_list

__all__ = ["Node", "has_side_effect", "map_aggregate", "map_arg"]

OPS = ("placeholder", "get_attr", "call_function", "call_method", "call_module", "output", "root")
BaseArgumentTypes = (str, int, float, bool, complex)
Target = Any
Argument = Any

_side_effects: set = set()  # functions that dead-code elimination keeps


def has_side_effect(fn):
    """Mark a function (also as a decorator): `eliminate_dead_code` keeps its calls even where nobody uses the result."""
    _side_effects.add(fn)
    return fn


def map_aggregate(a, fn):
    """`a` with `fn` applied to every leaf of its tuples, lists, dicts and slices; lists and dicts come back immutable."""
    if isinstance(a, tuple):
        items = [map_aggregate(x, fn) for x in a]
        return type(a)(*items) if hasattr(a, "_fields") else tuple(items)
    if isinstance(a, list):
        return immutable_list(map_aggregate(x, fn) for x in a)
    if isinstance(a, dict):
        return immutable_dict((k, map_aggregate(v, fn)) for k, v in a.items())
    if isinstance(a, slice):
        return slice(map_aggregate(a.start, fn), map_aggregate(a.stop, fn), map_aggregate(a.step, fn))
    return fn(a)


def map_arg(a, fn):
    """`a` with `fn` applied to every Node in its tuples, lists, dicts and slices.

    >>> import lightwell as torch
    >>> n = torch.fx.Graph().placeholder("x")
    >>> torch.fx.map_arg((n, [1, n]), lambda node: node.name)
    ('x', [1, 'x'])
    """
    if not callable(fn):
        raise AssertionError("torch.fx.map_arg(a, fn): fn must be a callable")
    return map_aggregate(a, lambda x: fn(x) if isinstance(x, Node) else x)


def torch_path(obj) -> str | None:
    """The dotted name that leads to an object of this library from `torch`; None for anything else."""
    import functools
    import importlib
    import sys

    found = overrides.public_name(obj)
    if found is not None:
        return found
    module, name = getattr(obj, "__module__", None) or "", getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None)
    if module.partition(".")[0] != "lightwell" or not name or "<locals>" in name:
        return None
    import lightwell

    path = [*module.split(".")[1:], *name.split(".")]
    short = [path[0], path[-1]] if len(path) > 2 else path
    for way in ([path[-1]], short, path):
        try:
            if len(way) > 2 and ".".join([*module.split(".")]) not in sys.modules:
                importlib.import_module(module)
            if functools.reduce(getattr, way, lightwell) is obj:
                return ".".join(("torch", *way))
        except (AttributeError, ImportError):
            continue
    return None


def _get_qualified_name(func) -> str:
    """The name by which generated code and printed graphs call a function."""
    found = torch_path(func)
    if found is not None:
        return found
    name = getattr(func, "__name__", None) or type(func).__name__
    if getattr(builtins, name, None) is func:
        return name
    module = getattr(func, "__module__", None)
    if isinstance(func, types.MethodDescriptorType | types.WrapperDescriptorType):
        return f"{func.__objclass__.__module__}.{func.__objclass__.__name__}.{name}"
    if module == "_operator":
        module = "operator"
    return f"{module}.{name}" if module else name


def _shown(value) -> str:
    """A value inside printed arguments: nodes with a percent sign."""
    if isinstance(value, Node):
        return f"%{value.name}"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_shown(v) for v in value)
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_shown(v)}" for k, v in value.items()) + "}"
    if isinstance(value, slice):
        return f"slice({_shown(value.start)}, {_shown(value.stop)}, {_shown(value.step)})"
    if callable(value) and hasattr(value, "__name__"):
        return _get_qualified_name(value)
    return str(value)


class Node:
    """A step of a `Graph`: `op` says its kind, `target` what is called, `args` and `kwargs` with what.

    op is "placeholder" (an input; target its name), "get_attr" (target the dotted path of a parameter, buffer or other
    attribute), "call_function" (target the function), "call_method" (target the method's name, args[0] the object),
    "call_module" (target the module's dotted path) or "output" (args[0] what is returned). `users` holds the nodes
    that use this one; `meta` is a dict for whatever a pass wants to keep. Made by `Graph`'s methods.

    >>> import lightwell as torch
    >>> g = torch.fx.Graph(); x = g.placeholder("x"); y = g.call_function(torch.relu, (x,))
    >>> y, y.args, x.users
    (relu, (x,), {relu: None})
    """

    def __init__(self, graph, name: str, op: str, target, args: tuple, kwargs: dict, return_type=None):
        if op not in OPS:
            raise AssertionError(f"Node [graph = {graph}, name = '{name}'] op {op!r} is none of {', '.join(OPS)}")
        if op == "call_function":
            if not callable(target):
                raise ValueError(f"Node [name = '{name}'] target {target} has type {type(target)} but a Callable is expected")
        elif not isinstance(target, str):
            raise ValueError(f"Node [name = '{name}'] target {target} has type {type(target)} but a str is expected")
        self.graph, self.name, self.op, self.target, self.type = graph, name, op, target, return_type
        self._prev = self._next = self
        self._erased = False
        self._input_nodes: dict = {}
        self.users: dict = {}
        self.meta: dict = {}
        self._repr_fn = None
        self._set(args, kwargs)

    # ---- its place in the graph -----------------------------------------------------------------------------------

    @property
    def next(self) -> "Node":
        """The node behind this one (behind the last comes the graph's root)."""
        return self._next

    @property
    def prev(self) -> "Node":
        """The node before this one."""
        return self._prev

    def prepend(self, x: "Node") -> None:
        """Move (or insert) `x` before this node."""
        if self.graph is not x.graph:
            raise AssertionError("Attempting to move a Node into a different Graph")
        if x is self:
            return
        x._unlink()
        before = self._prev
        before._next, x._prev = x, before
        x._next, self._prev = self, x

    def append(self, x: "Node") -> None:
        """Move (or insert) `x` behind this node."""
        self._next.prepend(x)

    def _unlink(self) -> None:
        self._prev._next, self._next._prev = self._next, self._prev

    # ---- arguments ------------------------------------------------------------------------------------------------

    def _set(self, args, kwargs) -> None:
        for old in self._input_nodes:
            old.users.pop(self, None)
        self._input_nodes = {}
        self._args, self._kwargs = map_aggregate(tuple(args), self._note), map_aggregate(dict(kwargs), self._note)

    def _note(self, value):
        if isinstance(value, Node):
            self._input_nodes.setdefault(value)
            value.users.setdefault(self)
        return value

    @property
    def args(self) -> tuple:
        """Positional arguments: nodes, constants, and nests of them. Assign to change them."""
        return self._args

    @args.setter
    def args(self, value):
        self._set(value, self._kwargs)

    @property
    def kwargs(self) -> dict:
        """Keyword arguments. Assign to change them."""
        return self._kwargs

    @kwargs.setter
    def kwargs(self, value):
        self._set(self._args, value)

    @property
    def all_input_nodes(self) -> list:
        """The nodes that this one uses, each once, in the order of its arguments."""
        return list(self._input_nodes)

    def update_arg(self, idx: int, arg) -> None:
        """Set one positional argument."""
        args = list(self._args)
        args[idx] = arg
        self.args = tuple(args)

    def insert_arg(self, idx: int, arg) -> None:
        """Put a positional argument in at `idx`."""
        if not 0 <= idx <= len(self._args):
            raise AssertionError("insert_args index must be between 0 and len(self.args)")
        self.args = (*self._args[:idx], arg, *self._args[idx:])

    def update_kwarg(self, key: str, arg) -> None:
        """Set one keyword argument."""
        self.kwargs = {**self._kwargs, key: arg}

    def replace_all_uses_with(self, replace_with: "Node", delete_user_cb=lambda user: True, *, propagate_meta: bool = False) -> list:
        """Let every user of this node (for which `delete_user_cb` holds) use another; returns the users changed."""
        if propagate_meta:
            if replace_with.meta:
                raise AssertionError("propagate_meta=True needs a replacement whose meta is empty")
            replace_with.meta.update(self.meta)
        changed = [user for user in self.users if delete_user_cb(user)]
        for user in changed:
            user.replace_input_with(self, replace_with)
        return changed

    def replace_input_with(self, old_input: "Node", new_input: "Node") -> None:
        """Use `new_input` wherever `old_input` was used."""

        def swap(n):
            return new_input if n is old_input else n

        self._set(map_arg(self._args, swap), map_arg(self._kwargs, swap))

    # ---- questions ------------------------------------------------------------------------------------------------

    @property
    def stack_trace(self) -> str | None:
        """Where the traced program made this call, if the tracer noted it."""
        return self.meta.get("stack_trace")

    @stack_trace.setter
    def stack_trace(self, trace):
        self.meta["stack_trace"] = trace

    def is_impure(self, impure_random: bool = True) -> bool:
        """Whether the node does more than compute its value, so that it must stay although nobody uses it."""
        if self.op in ("placeholder", "output"):
            return True
        if self.op == "call_function":
            if self.target in _side_effects or self.target in (operator.setitem, setattr):
                return True
            name = getattr(self.target, "__name__", "")
            if name in ("_assert", "_record_function_enter", "_record_function_exit"):
                return True
            if impure_random and name.rstrip("_") in _RANDOM and overrides.public_name(self.target):
                return True
            return (name.endswith("_") and not name.endswith("__")) or name in _INPLACE
        if self.op == "call_module":
            module = self.graph.owning_module
            if module is None:
                return False
            return getattr(module.get_submodule(self.target), "_is_impure", False)
        return self.op == "call_method" and self.target.endswith("_") and not self.target.endswith("__")

    def normalized_arguments(self, root, arg_types=None, kwarg_types=None, normalize_to_only_use_kwargs: bool = False):
        """(args, kwargs) of a call as the target's signature has them, or None where it has no signature."""
        import inspect

        if self.op == "call_function":
            function = overrides.original(self.target) if self.target in overrides._plain else self.target
        elif self.op == "call_module":
            function = root.get_submodule(self.target).forward
        else:
            return None
        try:
            signature = inspect.signature(function)
            bound = signature.bind(*self.args, **self.kwargs)
        except (builtins.TypeError, builtins.ValueError):
            return None
        bound.apply_defaults()
        if normalize_to_only_use_kwargs:
            from collections import namedtuple

            return namedtuple("ArgsKwargsPair", "args kwargs")((), dict(bound.arguments))
        from collections import namedtuple

        return namedtuple("ArgsKwargsPair", "args kwargs")(bound.args, bound.kwargs)

    # ---- printing -------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return self._repr_fn(self) if self._repr_fn else self.name

    def _pretty_print_target(self, target) -> str:
        if isinstance(target, str):
            return target
        name = _get_qualified_name(target)
        return f"builtins.{name}" if "." not in name else name

    def format_node(self, placeholder_names=None, maybe_return_typename=None, *, include_tensor_metadata: bool = False) -> str | None:
        """The node as a line of `print(graph)`."""
        users = f"[num_users={len(self.users)}]"
        kind = f" : {_type_repr(self.type)}" if self.type is not None else " :"
        if self.op == "placeholder":
            if placeholder_names is not None:
                shown = self.target + (f" : {_type_repr(self.type)}" if self.type is not None else "")
                placeholder_names.append(shown)
                return None
            default = f"(default={self.args[0]})" if self.args else ""
            return f"%{self.name}{kind} {users} = {self.op}[target={self.target}]{default}"
        if self.op == "get_attr":
            return f"%{self.name}{kind} {users} = {self.op}[target={self.target}]"
        if self.op == "output":
            if self.type is not None and maybe_return_typename is not None:
                maybe_return_typename[0] = f" -> {_type_repr(self.type)}"
            return f"return {self.args[0]}"
        target, args, kwargs = self._pretty_print_target(self.target), _shown(self.args), _shown(self.kwargs)
        return f"%{self.name}{kind} {users} = {self.op}[target={target}](args = {args}, kwargs = {kwargs})"

    def _rename(self, candidate: str) -> None:
        if candidate != self.name:
            self.name = self.graph._names.create(candidate, None)

    def __getstate__(self):
        raise TypeError("a Node is pickled with its Graph, not alone: pickle the GraphModule")


_RANDOM = frozenset(
    "rand randn randint randperm rand_like randn_like randint_like bernoulli dropout multinomial normal poisson alpha_dropout "
    "feature_dropout feature_alpha_dropout rrelu dropout1d dropout2d dropout3d gumbel_softmax".split()
)
_INPLACE = frozenset(
    ("iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "iand", "ior", "ixor", "ilshift", "irshift", "imatmul")
)


def _type_repr(obj) -> str:
    """A type annotation as code."""
    if isinstance(obj, type) and not isinstance(obj, types.GenericAlias):
        if obj.__module__ == "builtins":
            return obj.__qualname__
        return torch_path(obj) or f"{obj.__module__}.{obj.__qualname__}"
    if obj is ...:
        return "..."
    if isinstance(obj, types.FunctionType):
        return obj.__name__
    return obj if isinstance(obj, str) else repr(obj)
