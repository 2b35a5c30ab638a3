"""A traced or scripted program printed as PyTorch prints its graphs."""

from ..fx import Graph, Node, Tracer
from ..fx.node import _get_qualified_name
from ..fx.proxy import TraceError

__all__ = ["IR", "graph_of"]


class IR:
    """A program's operations: `print` shows them, `nodes()`, `inputs()` and `outputs()` walk them."""

    def __init__(self, graph: Graph | None, text: str = ""):
        self._graph, self._text = graph, text

    def nodes(self):
        """The operations in order."""
        return iter(()) if self._graph is None else (n for n in self._graph.nodes if n.op not in ("placeholder", "output"))

    def inputs(self):
        """The inputs."""
        return iter(()) if self._graph is None else iter(self._graph.find_nodes(op="placeholder"))

    def outputs(self):
        """What is returned."""
        return iter(()) if self._graph is None else iter(self._graph.output_node().all_input_nodes)

    def __str__(self) -> str:
        if self._graph is None:
            return self._text
        inputs = [f"%{n.name} : Tensor" for n in self.inputs()]
        lines = [f"graph({', '.join(inputs)}):"]
        result = ""
        for n in self._graph.nodes:
            if n.op == "placeholder":
                continue
            if n.op == "output":
                result = f"  return ({', '.join('%' + v.name for v in n.all_input_nodes)})"
                continue
            operands = [_show(a) for a in n.args] + [f"{k}={_show(v)}" for k, v in n.kwargs.items()]
            lines.append(f"  %{n.name} : Tensor = {_kind(n)}({', '.join(operands)})")
        return "\n".join([*lines, result, ""])

    __repr__ = __str__


def _kind(n: Node) -> str:
    if n.op == "get_attr":
        return f'prim::GetAttr[name="{n.target}"]'
    if n.op == "call_module":
        return f'prim::CallMethod[name="forward"](%{n.target})'
    if n.op == "call_method":
        return f"aten::{n.target}"
    return f"aten::{_get_qualified_name(n.target).rpartition('.')[2]}"


def _show(value) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_show(v) for v in value)}]"
    return f"%{value.name}" if isinstance(value, Node) else repr(value)


class _Deep(Tracer):
    def is_leaf_module(self, m, module_qualified_name):
        return False


def graph_of(program, text: str, inline: bool = False) -> IR:
    """The graph of a function or module, or its text where tracing can't follow its control flow."""
    known = getattr(program, "_traced_graph", None)
    if known is not None:
        return IR(known)
    try:
        return IR((_Deep if inline else Tracer)().trace(program))
    except (TraceError, TypeError, RuntimeError, NotImplementedError, NameError, AttributeError, ValueError):
        return IR(None, text)
