"""Split a GraphModule into sub-modules by a rule that gives each node a part."""

from operator import getitem

from ...errors.teaching import RuntimeError
from ..graph import Graph
from ..graph_module import GraphModule
from ..node import map_arg

__all__ = ["split_module"]


def split_module(m, root_m, split_callback, qualname_map=None, keep_original_order: bool = False, keep_original_node_name: bool = False,
                 keep_original_input_name: bool = True, *, partition_affix: str | None = None, tuple_return: bool = False):  # fmt: skip
    """A GraphModule whose graph calls `submod_0`, `submod_1`, ...: node n goes into part `split_callback(n)`.

    Parts run in the order in which they begin; RuntimeError where two need each other.

    >>> import lightwell as torch
    >>> from lightwell.fx.passes.split_module import split_module
    >>> m = torch.fx.symbolic_trace(lambda x: torch.relu(x + 1) * 2)
    >>> s = split_module(m, m, lambda n: 0 if n.name == "add" else 1)
    >>> [n.name for n in s.graph.nodes], s(torch.ones(1))
    (['x', 'submod_0', 'submod_1', 'output'], tensor([4.]))
    """
    parts: dict = {}
    where: dict = {}
    for node in m.graph.nodes:
        if node.op in ("placeholder", "output", "get_attr"):
            continue
        part = where[node] = split_callback(node)
        parts.setdefault(part, []).append(node)
    affix = f"{partition_affix}_" if partition_affix else ""
    needs = {part: _inputs(nodes) for part, nodes in parts.items()}
    gives = {part: [n for n in nodes if any(where.get(u) != part for u in n.users)] for part, nodes in parts.items()}

    base, made, built = Graph(), {}, {}
    for node in m.graph.nodes:
        if node.op in ("placeholder", "get_attr"):
            made[node] = base.node_copy(node, made.__getitem__)
    waiting = list(parts)
    while waiting:
        ready = next((p for p in waiting if all(n in made for n in needs[p])), None)
        if ready is None:
            raise RuntimeError(
                f"split_module: the parts {waiting} need each other's results; give nodes that depend on one another one part"
            )
        waiting.remove(ready)
        name = f"submod_{affix}{ready}"
        inner, table = Graph(), {}
        for n in needs[ready]:
            table[n] = inner.placeholder(n.name) if n.op != "get_attr" else inner.get_attr(n.target)
        for n in parts[ready]:
            table[n] = inner.node_copy(n, table.__getitem__)
            if qualname_map is not None and n.op == "call_module":
                qualname_map[f"{name}.{n.target}"] = n.target
        out = [table[n] for n in gives[ready]]
        single = len(out) == 1 and not tuple_return
        inner.output(out[0] if single else tuple(out))
        built[name] = GraphModule(m, inner, name)
        called = base.call_module(name, tuple(made[n] for n in needs[ready] if n.op != "get_attr"))
        for i, n in enumerate(gives[ready]):
            made[n] = called if single else base.call_function(getitem, (called, i))
    end = m.graph.output_node()
    base.output(map_arg(end.args[0], made.__getitem__))
    for node in list(base.nodes):
        if node.op == "get_attr" and not node.users:
            base.erase_node(node)
    holder = dict(built)
    for node in base.find_nodes(op="get_attr"):
        found = root_m
        for step in node.target.split("."):
            found = getattr(found, step)
        holder[node.target] = found
    return GraphModule(holder, base, m._get_name())


def _inputs(nodes) -> list:
    inside = set(nodes)
    return list(dict.fromkeys(used for n in nodes for used in n.all_input_nodes if used not in inside))
