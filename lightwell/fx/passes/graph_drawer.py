"""FxGraphDrawer: a graph as a picture, in Graphviz's language; drawn where pydot is installed."""

import builtins

from ...errors.teaching import ImportError
from ..node import Node, _get_qualified_name

__all__ = ["FxGraphDrawer"]

_COLOURS = {
    "placeholder": "AliceBlue",
    "call_module": "LemonChiffon1",
    "get_param": "Yellow2",
    "get_attr": "LightGrey",
    "output": "PowderBlue",
}


def _escape(text: str) -> str:
    return "".join("\\" + c if c in '{}<>|"\\' else c for c in text)


class FxGraphDrawer:
    """Draws a GraphModule.

    `to_dot()` gives Graphviz's text. `get_dot_graph()` gives a pydot object, whose `write_svg` draws: ImportError where
    pydot isn't installed.

    >>> import lightwell as torch
    >>> from lightwell.fx.passes.graph_drawer import FxGraphDrawer
    >>> "relu" in FxGraphDrawer(torch.fx.symbolic_trace(lambda x: torch.relu(x)), "f").to_dot()
    True
    """

    def __init__(self, graph_module, name: str, ignore_getattr: bool = False, ignore_parameters_and_buffers: bool = False,
                 skip_node_names_in_args: bool = True, parse_stack_trace: bool = False, dot_graph_shape: str | None = None,
                 normalize_args: bool = False):  # fmt: skip
        self.module, self.name = graph_module, name
        self.ignore_getattr, self.shape = ignore_getattr, dot_graph_shape or "record"

    def _label(self, node: Node) -> str:
        target = node.target if isinstance(node.target, str) else _get_qualified_name(node.target)
        rows = [f"name=%{node.name}", f"op_code={node.op}", f"target={target}"]
        if node.op == "call_module":
            rows.append(f"{type(self.module.get_submodule(node.target)).__name__}({self.module.get_submodule(node.target).extra_repr()})")
        meta = node.meta.get("tensor_meta")
        if hasattr(meta, "shape"):
            rows.append(f"{meta.dtype} {list(meta.shape)}")
        rows.append(f"num_users={len(node.users)}")
        return "{" + "|".join(_escape(row) for row in rows) + "}"

    def to_dot(self) -> str:
        """The graph in Graphviz's language."""
        lines = [f'digraph "{_escape(self.name)}" {{', "rankdir=TB;"]
        shown = [n for n in self.module.graph.nodes if not (self.ignore_getattr and n.op == "get_attr")]
        for node in shown:
            colour = _COLOURS.get(node.op, "GhostWhite")
            lines.append(f'"{node.name}" [label="{self._label(node)}", shape={self.shape}, style="filled,rounded", fillcolor="{colour}"];')
        for node in shown:
            lines += [f'"{used.name}" -> "{node.name}";' for used in node.all_input_nodes if used in shown]
        return "\n".join([*lines, "}"])

    def get_dot_graph(self, submod_name: str | None = None):
        """The graph as a pydot object."""
        try:
            import pydot
        except builtins.ImportError as error:
            raise ImportError("FxGraphDrawer: drawing needs pydot (`pip install pydot`) and Graphviz; to_dot() gives the text") from error
        return pydot.graph_from_dot_data(self.to_dot())[0]

    get_main_dot_graph = get_dot_graph
