"""Interpreter: runs a graph node by node. Transformer: makes a new graph from the run."""

from .. import overrides
from ..errors.teaching import RuntimeError
from ..nn import Module
from .graph import Graph
from .graph_module import GraphModule
from .node import map_aggregate, map_arg
from .proxy import Proxy, TracerBase

__all__ = ["Interpreter", "Transformer"]


class Interpreter:
    """Runs a GraphModule node by node: override a method to change what a kind of node does, or to look on.

    Raises what the nodes raise, with a note that names the node.

    >>> import lightwell as torch
    >>> class Loud(torch.fx.Interpreter):
    ...     def run_node(self, n):
    ...         out = super().run_node(n)
    ...         print(n.name, out)
    ...         return out
    >>> _ = Loud(torch.fx.symbolic_trace(lambda x: -x)).run(torch.ones(1))
    x tensor([1.])
    neg tensor([-1.])
    output tensor([-1.])
    """

    def __init__(self, module, garbage_collect_values: bool = True, graph: Graph | None = None):
        self.module = module
        self.graph = graph if graph is not None else module.graph
        self.submodules = dict(module.named_modules()) if isinstance(module, Module) else {}
        self.env: dict = {}
        self.name = "Interpreter"
        self.garbage_collect_values = garbage_collect_values
        self.extra_traceback = True
        self.user_to_last_uses: dict = {}
        if garbage_collect_values:
            seen: set = set()
            for node in reversed(self.graph.nodes):
                for used in node.all_input_nodes:
                    if used not in seen:
                        seen.add(used)
                        self.user_to_last_uses.setdefault(node, []).append(used)

    def run(self, *args, initial_env=None, enable_io_processing: bool = True):
        """The graph's result for these inputs; `initial_env` maps nodes to values known already."""
        self.env = dict(initial_env) if initial_env is not None else {}
        if enable_io_processing:
            args = self.graph.process_inputs(*args)
        self.args_iter = iter(args)
        for node in self.graph.nodes:
            if node in self.env:
                continue
            try:
                self.env[node] = self.run_node(node)
            except Exception as error:
                if self.extra_traceback:
                    error.add_note(f"While executing {node.format_node()}")
                    if node.stack_trace:
                        error.add_note(f"Original traceback:\n{node.stack_trace}")
                raise
            if node.op == "output":
                result = self.env[node]
                return self.graph.process_outputs(result) if enable_io_processing else result
            for used in self.user_to_last_uses.get(node, ()):
                del self.env[used]
        return None

    def boxed_run(self, args_list: list):
        """As `run`, for a list that is emptied first, so that inputs can be freed early."""
        args = list(args_list)
        args_list.clear()
        return self.run(*args)

    def run_node(self, n):
        """The result of one node."""
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        return getattr(self, n.op)(n.target, args, kwargs)

    def placeholder(self, target, args: tuple, kwargs: dict):
        """The next input, or its default."""
        if target.startswith("*"):
            return list(self.args_iter)
        try:
            return next(self.args_iter)
        except StopIteration:
            if args:
                return args[0]
            raise RuntimeError(f"Expected positional argument for parameter {target}, but one was not passed in!") from None

    def get_attr(self, target, args: tuple, kwargs: dict):
        """An attribute of the module."""
        return self.fetch_attr(target)

    def call_function(self, target, args: tuple, kwargs: dict):
        """A function's result."""
        return target(*args, **kwargs)

    def call_method(self, target, args: tuple, kwargs: dict):
        """A method's result."""
        owner, *rest = args
        return getattr(owner, target)(*rest, **kwargs)

    def call_module(self, target, args: tuple, kwargs: dict):
        """A sub-module's result."""
        return self.fetch_attr(target)(*args, **kwargs)

    def output(self, target, args: tuple, kwargs: dict):
        """What the graph returns."""
        return args[0]

    def fetch_attr(self, target: str):
        """What stands at a dotted path of the module; RuntimeError where nothing does."""
        found = self.module
        walked: list = []
        for part in target.split("."):
            if not hasattr(found, part):
                raise RuntimeError(f"Node referenced nonexistent target {'.'.join([*walked, part])}")
            found = getattr(found, part)
            walked.append(part)
        return found

    def fetch_args_kwargs_from_env(self, n) -> tuple:
        """A node's arguments with values in place of nodes."""
        return self.map_nodes_to_values(n.args, n), self.map_nodes_to_values(n.kwargs, n)

    def map_nodes_to_values(self, args, n):
        """`args` with values in place of nodes."""

        def value(node):
            if node not in self.env:
                raise RuntimeError(f"Node {n} referenced nonexistent value {node}! Run Graph.lint() to diagnose such issues")
            return self.env[node]

        return map_arg(args, value)


class _Rebuilding(TracerBase):
    """The tracer of a Transformer: modules are paths, not proxied calls."""

    def __init__(self, graph, module):
        super().__init__()
        self.graph, self.root = graph, module
        self.tensor_attrs: dict = {}

    def create_arg(self, a):
        """As in Tracer: tensors that the module holds become get_attr nodes."""
        from ..tensor import Tensor

        if isinstance(a, Tensor):
            for name, held in (*self.root.named_parameters(), *self.root.named_buffers()):
                if held is a:
                    return self.create_node("get_attr", name, (), {})
        return super().create_arg(a)


class Transformer(Interpreter):
    """Runs a graph on proxies and so makes a new one: override `call_function` and its kin to change calls.

    >>> import lightwell as torch
    >>> class Swap(torch.fx.Transformer):
    ...     def call_function(self, target, args, kwargs):
    ...         return super().call_function(torch.tanh if target is torch.relu else target, args, kwargs)
    >>> Swap(torch.fx.symbolic_trace(lambda x: torch.relu(x))).transform()(torch.zeros(1))
    tensor([0.])
    """

    def __init__(self, module):
        super().__init__(module)
        self.new_graph = Graph()
        self.new_graph.set_codegen(module.graph._codegen)
        self.tracer = _Rebuilding(self.new_graph, module)

    def placeholder(self, target: str, args: tuple, kwargs: dict):
        """An input of the new graph."""
        default = args[0] if args else ...
        return Proxy(self.new_graph.placeholder(target, default_value=default), self.tracer)

    def get_attr(self, target: str, args: tuple, kwargs: dict):
        """An attribute in the new graph."""
        return self.tracer.create_proxy("get_attr", target, args, kwargs)

    def call_function(self, target, args: tuple, kwargs: dict):
        """A call in the new graph."""
        return self.tracer.create_proxy("call_function", target, args, kwargs)

    def call_method(self, target, args: tuple, kwargs: dict):
        """A method call in the new graph."""
        return self.tracer.create_proxy("call_method", target, args, kwargs)

    def call_module(self, target: str, args: tuple, kwargs: dict):
        """A sub-module's call in the new graph."""
        return self.tracer.create_proxy("call_module", target, args, kwargs)

    def transform(self) -> GraphModule:
        """The module of the new graph, on the old one's parameters."""
        with overrides.interception():
            result = super().run(enable_io_processing=False)
        if result is not None:

            def strip(a):
                return a.node if isinstance(a, Proxy) else a

            self.new_graph.output(map_aggregate(result, strip))
        return GraphModule(self.module, self.new_graph, self.module._get_name())
