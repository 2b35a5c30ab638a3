"""Proxy: stands for a value while a program is traced, and turns whatever is done with it into nodes."""

import dis
import operator
import sys
import traceback

from .. import overrides
from ..device import device
from ..dtypes import dtype
from ..errors.teaching import AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError
from ..layouts import layout, memory_format
from ..random import Generator
from ..tensor import Tensor
from .node import BaseArgumentTypes, Node, map_aggregate

__all__ = ["Attribute", "GraphAppendingTracer", "ParameterProxy", "Proxy", "TraceError", "TracerBase"]


class TraceError(ValueError):
    """The program asked for a value that doesn't exist while it is traced."""


def _user_line() -> str:
    """The innermost line outside this library, for messages."""
    for frame in reversed(traceback.extract_stack()):
        if "/lightwell/" not in frame.filename.replace("\\", "/") and not frame.filename.startswith("<fx"):
            return f"\n  File {frame.filename!r}, line {frame.lineno}, in {frame.name}\n    {frame.line}"
    return ""


class TracerBase:
    """Makes nodes and proxies; what `Tracer` and `GraphAppendingTracer` share. `graph` is where nodes go."""

    graph: object
    record_stack_traces = False
    check_mutable_operations = False
    trace_asserts = False
    proxy_buffer_attributes = False
    traced_func_name = "forward"

    def create_node(self, kind: str, target, args: tuple, kwargs: dict, name=None, type_expr=None) -> Node:
        """Put a node into the graph: override it to change or tag what is recorded."""
        node = self.graph.create_node(kind, target, args, kwargs, name, type_expr)
        if self.record_stack_traces:
            node.stack_trace = _user_line().strip("\n")
        return node

    def proxy(self, node: Node) -> "Proxy":
        """The Proxy of a node: override it for proxies of your own class."""
        return Proxy(node, self)

    def create_proxy(self, kind: str, target, args: tuple, kwargs: dict, name=None, type_expr=None, proxy_factory_fn=None) -> "Proxy":
        """Record a call whose arguments may hold proxies; returns the proxy of its result."""
        args, kwargs = self.create_arg(args), self.create_arg(kwargs)
        node = self.create_node(kind, target, args, kwargs, name, type_expr)
        return proxy_factory_fn(node) if proxy_factory_fn is not None else self.proxy(node)

    def create_arg(self, a):
        """A value as it may stand among a node's arguments: proxies become nodes; NotImplementedError for what can't."""
        if isinstance(a, Proxy):
            return a.node
        if hasattr(a, "__fx_create_arg__"):
            return a.__fx_create_arg__(self)
        if isinstance(a, tuple):
            items = [self.create_arg(x) for x in a]
            return type(a)(*items) if hasattr(a, "_fields") else type(a)(items) if type(a) is not tuple else tuple(items)
        if isinstance(a, list):
            return [self.create_arg(x) for x in a]
        if isinstance(a, dict):
            for key in a:
                map_aggregate(self.create_arg(key), _no_node)
            return {self.create_arg(k): self.create_arg(v) for k, v in a.items()}
        if isinstance(a, slice):
            return slice(self.create_arg(a.start), self.create_arg(a.stop), self.create_arg(a.step))
        if isinstance(a, range):
            return range(self.create_arg(a.start), self.create_arg(a.stop), self.create_arg(a.step))
        if isinstance(a, (*BaseArgumentTypes, bytes, type)) or a is None or a is ...:
            return a
        if isinstance(a, (dtype, device, layout, memory_format, Generator)):
            return a
        if overrides.public_name(a) is not None:
            return a
        import dataclasses
        from enum import Enum

        if isinstance(a, Enum):
            return a
        if dataclasses.is_dataclass(a):
            fields = {f.name: self.create_arg(getattr(a, f.name)) for f in dataclasses.fields(a)}
            return self.create_node("call_function", type(a), (), fields)
        if isinstance(a, Node):
            return a
        raise NotImplementedError(
            f"argument of type: {type(a)} can't stand in a graph; record the function that takes it with torch.fx.wrap, or pass a "
            "tensor, a number, a text, or a nest of them"
        )

    def to_bool(self, obj: "Proxy") -> bool:
        """`if proxy:` was met: a branch that depends on a value. TraceError; override it to decide."""
        raise TraceError(
            "symbolically traced variables cannot be used as inputs to control flow: the value is known only when the graph runs. "
            f"Give it to symbolic_trace as concrete_args, or use torch.where.{_user_line()}"
        )

    def iter(self, obj: "Proxy"):
        """`for x in proxy` was met. TraceError; override it to decide."""
        raise TraceError(
            "Proxy object cannot be iterated. This can be attempted when the Proxy is used in a loop or as a *args or **kwargs "
            f"function argument: how many items it has is known only when the graph runs.{_user_line()}"
        )

    def keys(self, obj: "Proxy"):
        """`**proxy` or `proxy.keys()` was met."""
        return Attribute(obj, "keys")()


def _no_node(value):
    if isinstance(value, Node):
        raise RuntimeError(f"Keys for dictionaries used as an argument cannot contain a Node. Got key: {value}")
    return value


class GraphAppendingTracer(TracerBase):
    """The tracer of proxies made by hand: appends nodes to `graph`, where `inserting_before` and `inserting_after` say.

    >>> import lightwell as torch
    >>> g = torch.fx.Graph(); x = torch.fx.Proxy(g.placeholder("x"))
    >>> (torch.relu(x) * 2).node.graph is g
    True
    """

    def __init__(self, graph):
        super().__init__()
        self.graph = graph

    def create_arg(self, a):
        """As in TracerBase; parameters and tensors must be attributes of the graph's module."""
        if isinstance(a, Tensor):
            owner = self.graph.owning_module
            if owner is None:
                raise NotImplementedError("a tensor can't stand in a graph without a module to hold it: make a GraphModule first")
            for name, held in (*owner.named_parameters(), *owner.named_buffers()):
                if held is a:
                    return self.graph.get_attr(name)
            i = 0
            while hasattr(owner, f"_tensor_constant{i}"):
                i += 1
            setattr(owner, f"_tensor_constant{i}", a)
            return self.graph.get_attr(f"_tensor_constant{i}")
        return super().create_arg(a)


class Proxy:
    """Stands for the result of a node: operators, methods, attributes and functions applied to it are recorded.

    What needs the value itself (`if x:`, `for y in x`, `len(x)`, `int(x)`) raises TraceError and tells the line.

    >>> import lightwell as torch
    >>> g = torch.fx.Graph()
    >>> y = torch.fx.Proxy(g.placeholder("x")).view(-1) @ 3
    >>> [n.name for n in g.nodes]
    ['x', 'view', 'matmul']
    """

    def __init__(self, node: Node, tracer: TracerBase | None = None):
        overrides.hold()  # as long as a proxy lives, public functions ask their arguments
        self.__dict__["_holds"] = True
        self.tracer = tracer if tracer is not None else GraphAppendingTracer(node.graph)
        self.node = node

    def __del__(self):
        if self.__dict__.pop("_holds", False):
            try:
                overrides.release()
            except Exception:  # the interpreter is shutting down
                return

    def __repr__(self) -> str:
        return f"Proxy({self.node.name})"

    def __getattr__(self, name: str):
        # what the library, NumPy or copying ask every object for, which no traced program means
        if name in _PRIVATE or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(f"a Proxy has no attribute {name!r}")
        return Attribute(self, name)

    def __deepcopy__(self, memo):
        raise TypeError("a Proxy can't be copied: it stands for a value that exists only when the graph runs")

    def __getstate__(self):
        raise TypeError("a Proxy can't be pickled: it stands for a value that exists only when the graph runs")

    def __call__(self, *args, **kwargs):
        return self.tracer.create_proxy("call_method", "__call__", (self, *args), kwargs)

    def __iter__(self):
        frame = sys._getframe(1)
        code = frame.f_code.co_code
        # `a, b = proxy` tells how many items it wants
        at = frame.f_lasti
        while at < len(code):
            if code[at] in _UNPACK:
                return (self[i] for i in range(code[at + 1]))
            if code[at] not in _SKIP and at != frame.f_lasti:
                break
            at += 2
        return self.tracer.iter(self)

    def __bool__(self) -> bool:
        if self.tracer.trace_asserts and _in_assert(sys._getframe(1)):
            import lightwell

            self.tracer.create_proxy("call_function", lightwell._assert, (self, ""), {})
            return True
        return self.tracer.to_bool(self)

    def keys(self):
        """What `**proxy` asks for."""
        return self.tracer.keys(self)

    def __len__(self):
        raise RuntimeError(
            "'len' is not supported in symbolic tracing by default. If you want this call to be recorded, please call "
            f"torch.fx.wrap('len') at module scope{_user_line()}"
        )

    def __index__(self):
        raise TraceError(f"a traced value can't be used as an index or a whole number: it is known only when the graph runs{_user_line()}")

    def __int__(self):
        raise TraceError(f"a traced value can't become an int: it is known only when the graph runs{_user_line()}")

    def __float__(self):
        raise TraceError(f"a traced value can't become a float: it is known only when the graph runs{_user_line()}")

    def __contains__(self, item):
        raise TraceError(f"whether a traced value contains something is known only when the graph runs{_user_line()}")

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        proxies: list = []

        def note(value):
            if isinstance(value, Proxy):
                proxies.append(value)
            return value

        map_aggregate(args, note)
        map_aggregate(kwargs, note)
        tracer = proxies[0].tracer
        if any(p.tracer is not tracer for p in proxies if p.tracer.graph is not tracer.graph):
            raise RuntimeError("proxies of different graphs met in one call")
        if overrides.is_tensor_method_or_property(function):
            name = _method_name(function)
            if function.__name__ in _GETTERS:
                return tracer.create_proxy("call_function", getattr, (args[0], name), {})
            return tracer.create_proxy("call_method", name, args, kwargs)
        if isinstance(args[0] if args else None, Tensor) and type(args[0]) is not Tensor and not proxies:
            return NotImplemented
        return tracer.create_proxy("call_function", function, args, kwargs, name=tracer.graph._target_to_str(function.__name__))


_PRIVATE = frozenset(("_a", "_base", "_cell", "_rg", "_node", "_grad", "_seen", "_holds", "node", "tracer"))
_GETTERS = frozenset(name for name, value in vars(Tensor).items() if isinstance(value, property))
_UNPACK = {dis.opmap["UNPACK_SEQUENCE"]}
_SKIP = {dis.opmap[name] for name in ("CACHE", "EXTENDED_ARG", "NOP") if name in dis.opmap}


def _method_name(function) -> str:
    """The public method behind a Tensor method: `__mul__` is mul."""
    name = overrides._table()[1].get(function, function.__name__)
    if name.startswith("__") and name.endswith("__") and name not in ("__getitem__", "__setitem__"):
        return name if not hasattr(Tensor, name[2:-2]) else name[2:-2]
    return name


def _in_assert(frame) -> bool:
    """Whether the frame is at the test of an `assert`."""
    following = [i for i in dis.get_instructions(frame.f_code) if i.offset > frame.f_lasti]
    return len(following) > 1 and "JUMP" in following[0].opname and any(i.opname == "LOAD_ASSERTION_ERROR" for i in following[1:3])


class ParameterProxy(Proxy):
    """The proxy of a parameter that answers questions about its shape with the parameter's own."""

    def __init__(self, tracer, node, name, param):
        super().__init__(node, tracer)
        self.__dict__.update(param=param, name=name)

    def __repr__(self):
        return f"ParameterProxy({self.name})"

    @property
    def shape(self):
        """The parameter's shape."""
        return self.param.shape

    @property
    def ndim(self):
        """The parameter's number of dimensions."""
        return self.param.ndim

    def size(self, *args):
        """The parameter's size."""
        return self.param.size(*args)

    def dim(self):
        """The parameter's number of dimensions."""
        return self.param.dim()

    def numel(self):
        """The parameter's number of elements."""
        return self.param.numel()

    def nelement(self):
        """The parameter's number of elements."""
        return self.param.nelement()


class Attribute(Proxy):
    """`proxy.name`: a method if it is called, else an attribute, recorded when it is first used."""

    def __init__(self, root: Proxy, attr: str):
        overrides.hold()
        self.__dict__["_holds"] = True
        self.root, self.attr, self.tracer = root, attr, root.tracer
        self._node = None

    @property
    def node(self) -> Node:
        """The node that reads the attribute."""
        if self._node is None:
            self._node = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {}).node
        return self._node

    def __call__(self, *args, **kwargs):
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)


def _operators() -> None:
    """Give Proxy the operators: `x + y` records operator.add."""

    def forward(target):
        def method(self, *args):
            return self.tracer.create_proxy("call_function", target, (self, *args), {})

        return method

    def backward(target):
        def method(self, other):
            return self.tracer.create_proxy("call_function", target, (other, self), {})

        return method

    for name in "eq ne lt gt le ge pos neg invert getitem abs".split():
        setattr(Proxy, f"__{name}__", forward(getattr(operator, name)))
    for name in "add sub mul floordiv truediv mod lshift rshift and_ or_ xor pow matmul".split():
        target, bare = getattr(operator, name), name.rstrip("_")
        setattr(Proxy, f"__{bare}__", forward(target))
        setattr(Proxy, f"__r{bare}__", backward(target))
    Proxy.__hash__ = object.__hash__  # type: ignore[method-assign]


_operators()
