"""Tracer: runs a program once with proxies in place of its inputs, and keeps what was called."""

import builtins
import copy
import functools
import inspect
import math
import sys

from ..errors.teaching import AssertionError, NameError, NotImplementedError, RuntimeError
from ..nn import Module, Parameter
from ..tensor import Tensor
from .graph import Graph
from .graph_module import GraphModule
from .proxy import ParameterProxy, Proxy, TracerBase

__all__ = ["PH", "ProxyableClassMeta", "Tracer", "is_fx_tracing", "symbolic_trace", "wrap"]

_tracing = False
_wrapped: dict = {}  # (id of a module's globals, name) -> those globals: functions that are recorded as one call


def is_fx_tracing() -> bool:
    """Whether a program is being traced now."""
    return _tracing


class _Placeholder:
    def __repr__(self):
        return "PH"


PH = _Placeholder()  # in concrete_args: this one stays an input


class ProxyableClassMeta(type):
    """A metaclass: making an instance from proxies is recorded as a call of the class."""

    def __call__(cls, *args, **kwargs):
        found = _first_proxy(args, kwargs)
        if found is not None and _tracing:
            return found.tracer.create_proxy("call_function", cls, args, kwargs)
        return super().__call__(*args, **kwargs)


def _first_proxy(args, kwargs):
    stack = [*args, *kwargs.values()]
    for value in stack:
        if isinstance(value, Proxy):
            return value
        if isinstance(value, (list, tuple)):
            stack.extend(value)
        elif isinstance(value, dict):
            stack.extend(value.values())
    return None


def _recording(function):
    """`function`, recorded as one call where an argument is a proxy."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        found = _first_proxy(args, kwargs)
        if found is None:
            return function(*args, **kwargs)
        result = found.tracer.create_proxy("call_function", function, args, kwargs)
        result.node.meta["is_wrapped"] = True
        return result

    call.__fx_already_patched = True
    return call


def wrap(fn_or_name):
    """Let a function of this module be recorded as one call, instead of being traced through.

    Call it at the top level of a module, with the function, its name (also a builtin's, such as "len"), or as a
    decorator. RuntimeError for anything else, NotImplementedError inside a function.

    >>> import lightwell as torch
    >>> @torch.fx.wrap
    ... def pick(x, n):
    ...     return x[: int(n)]
    >>> torch.fx.symbolic_trace(lambda x, n: pick(x, n)).graph.find_nodes(op="call_function", target=pick)
    [pick]
    """
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    name = fn_or_name if isinstance(fn_or_name, str) else fn_or_name.__name__
    frame = sys._getframe(1)
    if frame.f_code.co_name != "<module>":
        raise NotImplementedError("wrap must be called at the top level of a module")
    _wrapped[id(frame.f_globals), name] = frame.f_globals
    return fn_or_name


class _Patches:
    """Entries of dicts and attributes of classes that are exchanged for a while."""

    def __init__(self):
        self.undo: list = []

    def item(self, space: dict, name: str, value) -> None:
        """Exchange space[name]."""
        had, old = name in space, space.get(name)
        self.undo.append(functools.partial(space.__setitem__, name, old) if had else functools.partial(space.pop, name))
        space[name] = value

    def attribute(self, cls, name: str, value) -> None:
        """Exchange cls.name."""
        self.undo.append(functools.partial(setattr, cls, name, cls.__dict__[name]))
        setattr(cls, name, value)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        while self.undo:
            self.undo.pop()()


class Tracer(TracerBase):
    """Traces a module or function into a `Graph`; override its methods to trace differently.

    `autowrap_modules` and `autowrap_functions` name what is recorded as one call without `wrap` (math is).
    `param_shapes_constant=True` lets shapes of parameters be asked for. Modules of `torch.nn` are leaves: recorded
    as one call, not traced through.

    >>> import lightwell as torch
    >>> class Deep(torch.fx.Tracer):
    ...     def is_leaf_module(self, m, qualname):
    ...         return False
    >>> [n.name for n in Deep().trace(torch.nn.Sequential(torch.nn.Linear(2, 2))).nodes]
    ['input_1', '_0_weight', '_0_bias', 'linear', 'output']
    """

    def __init__(self, autowrap_modules=(math,), autowrap_functions=(), param_shapes_constant: bool = False):
        super().__init__()
        self._modules_searched = list(autowrap_modules)
        self._autowrap_ids = {
            id(value) for module in autowrap_modules for name, value in vars(module).items() if not name.startswith("_") and callable(value)
        } | {id(f) for f in autowrap_functions}
        self._autowrap_functions = autowrap_functions
        self.param_shapes_constant = param_shapes_constant
        self.submodule_paths = None
        self.root_module_name = ""
        self.scope = None
        self.num_calls: dict = {}

    # ---- what to override -----------------------------------------------------------------------------------------

    def is_leaf_module(self, m, module_qualified_name: str) -> bool:
        """Whether a module is recorded as one call: those of torch.nn are, Sequential excepted."""
        from ..nn import Sequential

        return type(m).__module__.startswith("lightwell.nn") and not isinstance(m, Sequential)

    def path_of_module(self, mod) -> str:
        """The dotted path of a module in the root; NameError where it isn't there."""
        if self.submodule_paths:
            path = self.submodule_paths.get(mod)
            if path is None:
                raise NameError("module is not installed as a submodule")
            return path
        for name, module in self.root.named_modules():
            if module is mod:
                return name
        raise NameError("module is not installed as a submodule")

    def call_module(self, m, forward, args: tuple, kwargs: dict):
        """A module was called: record it if it is a leaf, else go on into `forward`."""
        path = self.path_of_module(m)
        if not self.is_leaf_module(m, path):
            return forward(*args, **kwargs)
        proxy = self.create_proxy("call_module", path, args, kwargs)
        proxy.node.meta["nn_module_stack"] = {path: (path, type(m))}
        return proxy

    def getattr(self, attr: str, attr_val, parameter_proxy_cache: dict):
        """A module's attribute was read: parameters (and buffers, if `proxy_buffer_attributes`) become get_attr nodes."""
        if isinstance(attr_val, Parameter):
            members = self.root.named_parameters()
        elif self.proxy_buffer_attributes and isinstance(attr_val, Tensor):
            members = self.root.named_buffers()
        else:
            return attr_val
        for name, held in members:
            if held is attr_val:
                if name not in parameter_proxy_cache:
                    options = {}
                    if self.param_shapes_constant:
                        options["proxy_factory_fn"] = lambda node: ParameterProxy(self, node, name, attr_val)
                    parameter_proxy_cache[name] = self.create_proxy("get_attr", name, (), {}, **options)
                return parameter_proxy_cache[name]
        return attr_val

    def create_arg(self, a):
        """A value as it may stand among a node's arguments; tensors become get_attr nodes."""
        if isinstance(a, Parameter):
            for name, held in self.root.named_parameters():
                if held is a:
                    return self.create_node("get_attr", name, (), {})
            raise NameError("parameter is not a member of this module")
        if isinstance(a, Tensor):
            for name, held in self.root.named_buffers():
                if held is a:
                    return self.create_node("get_attr", name, (), {})
            name = self.tensor_attrs.get(a)
            if name is None:
                name = self.get_fresh_qualname("_tensor_constant")
                self.tensor_attrs[a] = name
                setattr(self.root, name, a)
            return self.create_node("get_attr", name, (), {})
        if isinstance(a, Module):
            return self.create_node("get_attr", self.path_of_module(a), (), {})
        if isinstance(type(a), ProxyableClassMeta):
            i = 0
            while hasattr(self.root, f"_{type(a).__name__}_constant_{i}"):
                i += 1
            name = f"_{type(a).__name__}_constant_{i}"
            setattr(self.root, name, a)
            return self.create_node("get_attr", name, (), {})
        return super().create_arg(a)

    def get_fresh_qualname(self, prefix: str) -> str:
        """A name that the root has no attribute of yet."""
        i = 0
        while hasattr(self.root, f"{prefix}{i}"):
            i += 1
        return f"{prefix}{i}"

    # ---- tracing --------------------------------------------------------------------------------------------------

    def create_args_for_root(self, root_fn, is_module: bool, concrete_args=None):
        """(function, arguments): a placeholder for each parameter of `root_fn`."""
        function = inspect.unwrap(root_fn)
        code = function.__code__
        total = code.co_argcount + code.co_kwonlyargcount
        names = list(code.co_varnames[:total])
        args: list = []
        if is_module:
            if total == 0:
                raise RuntimeError("``self`` argument cannot be part of *args expansion!")
            args.append(self.root)
            names.pop(0)
        signature = inspect.signature(function).parameters
        positional = code.co_argcount - (1 if is_module else 0)
        kwargs: dict = {}
        given = concrete_args or {}
        if isinstance(given, tuple):
            if len(given) != len(names):
                raise RuntimeError(f"Tracing expected {len(names)} arguments but got {len(given)} concrete arguments")
            given = dict(zip(names, given))
        self._specialised: list = []
        for i, name in enumerate(names):
            value = self._input(name, signature[name], given[name] if name in given else PH)
            if i < positional:
                args.append(value)
            else:
                kwargs[name] = value
        self._trace_kwargs = kwargs
        at = total
        if code.co_flags & inspect.CO_VARARGS:
            args.append(self.create_proxy("placeholder", "*" + code.co_varnames[at], (), {}))
            at += 1
        if code.co_flags & inspect.CO_VARKEYWORDS:
            args.append(self.create_proxy("placeholder", "**" + code.co_varnames[at], (), {}))
        return root_fn, args, code

    def _input(self, name: str, parameter, concrete):
        default = () if parameter.default is parameter.empty else (parameter.default,)
        kind = None if parameter.annotation is parameter.empty else parameter.annotation
        if concrete is PH:
            return self.create_proxy("placeholder", name, default, {}, type_expr=kind)
        if isinstance(concrete, (list, tuple, dict)):
            if _holds_placeholder(concrete):
                whole = self.create_proxy("placeholder", name, default, {}, type_expr=kind)
                return _spread(whole, concrete)
        proxy = self.create_proxy("placeholder", f"{name}_1", default, {}, type_expr=kind)
        self._assert_equal(proxy, name, concrete)
        return concrete

    def _assert_equal(self, proxy, name: str, concrete) -> None:
        """Record the check that an input which was fixed has the value that it was fixed to."""
        text = f"{name} has been specialized to have value {concrete} but got another value"
        if isinstance(concrete, (int, float, complex, str)) or concrete is None:
            import lightwell

            if concrete is None:
                self.create_proxy("call_function", _assert_is_none, (proxy, text), {})
            else:
                self.create_proxy("call_function", lightwell._assert, (proxy == concrete, text), {})

    def trace(self, root, concrete_args=None) -> Graph:
        """The graph of a module or function.

        `concrete_args` fixes inputs by name (a dict): branches on them are decided; `PH` inside leaves an item open.
        """
        global _tracing
        if isinstance(root, Module):
            self.root = root
            if not hasattr(type(root), self.traced_func_name):
                raise AssertionError(f"traced_func_name={self.traced_func_name} doesn't exist in {type(root).__name__}")
            fn = getattr(type(root), self.traced_func_name)
            self.root_module_name = root._get_name()
            self.submodule_paths = {module: name for name, module in root.named_modules()}
        else:
            self.root, fn = Module(), root
            self.submodule_paths = None
        self.graph = Graph(tracer_cls=type(self))
        self.tensor_attrs: dict = {}
        for path, module in self.root.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, Tensor):
                    self.tensor_attrs.setdefault(value, f"{path}.{name}" if path else name)
        bound = fn.__self__ if inspect.ismethod(fn) else None
        before = _tracing
        _tracing = True
        try:
            target = fn.__func__ if bound is not None else fn
            if bound is not None:
                arguments = self._bound_args(target, bound, concrete_args)
            else:
                arguments = self.create_args_for_root(target, isinstance(root, Module), concrete_args)[1]
            with _Patches() as patches:
                self._patch(patches, target)
                result = target(*arguments, **self._trace_kwargs)
            returned = fn.__annotations__.get("return") if hasattr(fn, "__annotations__") else None
            self.create_node("output", "output", (self.create_arg(result),), {}, type_expr=returned)
        finally:
            _tracing = before
            self.submodule_paths = None
        return self.graph

    def _bound_args(self, function, owner, concrete_args):
        """Arguments of a bound method: its object stays as it is."""
        keep, self.root = self.root, owner if isinstance(owner, Module) else self.root
        arguments = self.create_args_for_root(function, True, concrete_args)[1]
        if not isinstance(owner, Module):
            self.root = keep
            arguments[0] = owner
        return arguments

    def _patch(self, patches: _Patches, fn) -> None:
        cache: dict = {}
        plain_call, plain_getattr = Module.__call__, Module.__getattr__

        def read(module, name):
            return self.getattr(name, plain_getattr(module, name), cache)

        def call(module, *args, **kwargs):
            def forward(*args, **kwargs):
                return plain_call(module, *args, **kwargs)

            spaces(getattr(getattr(type(module), "forward", None), "__globals__", {}))
            return self.call_module(module, forward, args, kwargs)

        done: set = set()

        def spaces(space: dict) -> None:
            """Wrap what is autowrapped among a module's global names."""
            if id(space) in done or not space:
                return
            done.add(id(space))
            for name, value in list(space.items()):
                if not name.startswith("_") and callable(value) and id(value) in self._autowrap_ids:
                    patches.item(space, name, _recording(value))

        patches.attribute(Module, "__getattr__", read)
        patches.attribute(Module, "__call__", call)
        for (_, name), space in list(_wrapped.items()):
            found = space.get(name, getattr(builtins, name, None))
            if found is not None and not getattr(found, "__fx_already_patched", False):
                patches.item(space, name, _recording(found))
        spaces(getattr(inspect.unwrap(fn), "__globals__", {}))
        for module in self._modules_searched:
            spaces(module.__dict__)
        for methods in _wrapped_methods:
            patches.attribute(*methods, _recording_method(*methods))

    def __deepcopy__(self, memo):
        new = type(self).__new__(type(self))
        for name, value in self.__dict__.items():
            new.__dict__[name] = value if name == "_modules_searched" else copy.deepcopy(value, memo)
        return new


_wrapped_methods: list = []


def _wrap_method(cls, name: str) -> None:
    """Record calls of a class's method as one call."""
    _wrapped_methods.append((cls, name))


def _recording_method(cls, name):
    plain = getattr(cls, name)

    @functools.wraps(plain)
    def call(*args, **kwargs):
        found = _first_proxy(args, kwargs)
        return plain(*args, **kwargs) if found is None else found.tracer.create_proxy("call_method", name, args, kwargs)

    return call


def _assert_is_none(value, msg) -> None:
    """AssertionError where `value` is not None."""
    if value is not None:
        raise AssertionError(msg)


def _holds_placeholder(value) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return value is PH or any(_holds_placeholder(v) for v in items)


def _spread(proxy, shape):
    """`shape` with each PH replaced by the item of `proxy` at its place."""
    if shape is PH:
        return proxy
    if isinstance(shape, dict):
        return {k: _spread(proxy[k], v) if _holds_placeholder(v) else v for k, v in shape.items()}
    if isinstance(shape, (list, tuple)):
        items = [_spread(proxy[i], v) if _holds_placeholder(v) else v for i, v in enumerate(shape)]
        return type(shape)(*items) if hasattr(shape, "_fields") else type(shape)(items)
    return shape


def symbolic_trace(root, concrete_args=None) -> GraphModule:
    """Run a module or function with proxies as inputs and return what it did as a GraphModule.

    Control flow must not depend on the inputs' values (TraceError tells the line); `concrete_args` fixes some of them.

    >>> import lightwell as torch
    >>> net = torch.fx.symbolic_trace(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU()))
    >>> [n.target for n in net.graph.nodes]
    ['input', '0', '1', 'output']
    """
    tracer = Tracer()
    graph = tracer.trace(root, concrete_args)
    name = root.__class__.__name__ if isinstance(root, Module) else getattr(root, "__name__", type(root).__name__)
    return GraphModule(tracer.root, graph, name)
