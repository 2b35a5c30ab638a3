"""Find a pattern in a graph, and put something else in its place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors.teaching import RuntimeError
from ._symbolic_trace import symbolic_trace
from .graph import Graph
from .graph_module import GraphModule
from .node import Node, map_arg

__all__ = ["Match", "ReplacedPatterns", "replace_pattern", "replace_pattern_with_filters"]


class Match(NamedTuple):
    """One place where the pattern stood: the pattern's node that it was found by, and which node stood for which of the pattern's."""

    anchor: Node
    nodes_map: dict


@dataclass
class ReplacedPatterns:
    """A match with the nodes that replaced it."""

    anchor: Node
    nodes_map: dict
    replacements: list


@dataclass
class _Found:
    """Pattern node -> node (or constant, for inputs) in the graph."""

    nodes: dict = field(default_factory=dict)

    def copy(self):
        return _Found(dict(self.nodes))


class _Matcher:
    """Matches one pattern; its placeholders stand for anything, the same one for the same thing."""

    def __init__(self, pattern: Graph, pattern_root, root, ignore_literals: bool):
        self.pattern, self.pattern_root, self.root, self.ignore_literals = pattern, pattern_root, root, ignore_literals
        end = pattern.output_node()
        self.results = end.all_input_nodes
        self.inner = [n for n in pattern.nodes if n.op not in ("placeholder", "output")]

    def at(self, node: Node) -> _Found | None:
        """The match whose first result is `node`."""
        found = _Found()
        if not self.results or not self._same(self.results[0], node, found):
            return None
        return self._rest(1, found, node)

    def _rest(self, index: int, found: _Found, anchor: Node) -> _Found | None:
        """Match the pattern's further results, trying all nodes of the graph where they aren't reached yet."""
        if index == len(self.results):
            return found if self._closed(found) else None
        wanted = self.results[index]
        if wanted in found.nodes:
            return self._rest(index + 1, found, anchor)
        for node in anchor.graph.nodes:
            trial = found.copy()
            if self._same(wanted, node, trial):
                whole = self._rest(index + 1, trial, anchor)
                if whole is not None:
                    return whole
        return None

    def _closed(self, found: _Found) -> bool:
        """Nothing outside the match uses a value made inside, results excepted."""
        inside = {found.nodes[n] for n in self.inner if n in found.nodes}
        if len(inside) != len([n for n in self.inner if n in found.nodes]):
            return False
        results = {found.nodes[n] for n in self.results}
        return all(user in inside for node in inside - results for user in node.users)

    def _same(self, pattern, value, found: _Found) -> bool:
        if not isinstance(pattern, Node):
            return self._same_constant(pattern, value, found)
        if pattern in found.nodes:
            known = found.nodes[pattern]
            return known is value or (not isinstance(known, Node) and type(known) is type(value) and known == value)
        if pattern.op == "placeholder":
            found.nodes[pattern] = value
            return True
        if not isinstance(value, Node) or pattern.op != value.op or not self._same_target(pattern, value):
            return False
        pattern_args, value_args = self._arguments(pattern, value)
        found.nodes[pattern] = value
        return self._same(pattern_args, value_args, found)

    def _same_target(self, pattern: Node, node: Node) -> bool:
        if pattern.op == "call_module":
            return self.pattern_root is not None and type(self.pattern_root.get_submodule(pattern.target)) is type(
                self.root.get_submodule(node.target)
            )
        if pattern.op == "get_attr":
            return pattern.target.rpartition(".")[2] == node.target.rpartition(".")[2]
        return pattern.target == node.target

    @staticmethod
    def _arguments(pattern: Node, node: Node):
        """Both calls' arguments in one form: by the signature where they were written differently."""
        if len(pattern.args) == len(node.args) and pattern.kwargs.keys() == node.kwargs.keys():
            return [list(pattern.args), dict(pattern.kwargs)], [list(node.args), dict(node.kwargs)]
        one = pattern.normalized_arguments(None) if pattern.op == "call_function" else None
        two = node.normalized_arguments(None) if node.op == "call_function" else None
        if one is None or two is None:
            return [list(pattern.args), dict(pattern.kwargs)], [list(node.args), dict(node.kwargs)]
        return [list(one.args), dict(one.kwargs)], [list(two.args), dict(two.kwargs)]

    def _same_constant(self, pattern, value, found: _Found) -> bool:
        if isinstance(value, Node):
            return False
        if isinstance(pattern, (list, tuple)):
            return (
                isinstance(value, (list, tuple))
                and len(pattern) == len(value)
                and all(map(self._same, pattern, value, [found] * len(value)))
            )
        if isinstance(pattern, dict):
            return (
                isinstance(value, dict) and pattern.keys() == value.keys() and all(self._same(pattern[k], value[k], found) for k in pattern)
            )
        if isinstance(pattern, slice):
            return isinstance(value, slice) and all(
                self._same(getattr(pattern, part), getattr(value, part), found) for part in ("start", "stop", "step")
            )
        if self.ignore_literals and isinstance(pattern, (int, float, str)):
            return True
        return type(pattern) is type(value) and pattern == value


def _graph_of(pattern):
    """(graph, the module its paths lead into or None) of a function, module, GraphModule or Graph."""
    if isinstance(pattern, Graph):
        return pattern, pattern.owning_module
    module = pattern if isinstance(pattern, GraphModule) else symbolic_trace(pattern)
    return module.graph, module


def replace_pattern(gm: GraphModule, pattern, replacement) -> list[Match]:
    """Put `replacement` wherever `pattern` stands in the graph; returns the matches.

    Both are functions (traced here), GraphModules or Graphs with the same number of inputs, which stand for anything.
    Matches don't overlap, and nothing outside uses a value inside a match, its results excepted.

    >>> import lightwell as torch
    >>> m = torch.fx.symbolic_trace(lambda x, y: torch.relu(x + y) * 2)
    >>> len(torch.fx.replace_pattern(m, lambda a, b: torch.relu(a + b), lambda a, b: torch.tanh(a - b)))
    1
    >>> m(torch.ones(1), torch.ones(1))
    tensor([0.])
    """
    return [Match(found.anchor, found.nodes_map) for found in _replace(gm, pattern, replacement)]


def replace_pattern_with_filters(gm: GraphModule, pattern, replacement=None, match_filters: list[Callable] | None = None,
                                 ignore_literals: bool = False, replacement_callback: Callable | None = None,
                                 node_name_match: str = "") -> list[ReplacedPatterns]:  # fmt: skip
    """As `replace_pattern`, where every filter(match, original graph, pattern graph) holds.

    `ignore_literals` lets numbers and texts in the pattern stand for any; `replacement_callback(match, graph, pattern)`
    makes the replacement for each match. The results also hold the new nodes.
    """
    return _replace(gm, pattern, replacement, match_filters or [], ignore_literals, replacement_callback)


def _replace(gm, pattern, replacement, filters=(), ignore_literals=False, callback=None) -> list[ReplacedPatterns]:
    pattern_graph, pattern_root = _graph_of(pattern)
    matcher = _Matcher(pattern_graph, pattern_root, gm, ignore_literals)
    graph, done, taken = gm.graph, [], set()
    inputs = pattern_graph.find_nodes(op="placeholder")
    changed: dict = {}  # a node that was replaced -> what stands for it now
    for node in [n for n in graph.nodes if n.op not in ("placeholder", "output")]:
        if node in taken or node._erased:
            continue
        found = matcher.at(node)
        if found is None:
            continue
        inner = [found.nodes[n] for n in matcher.inner if n in found.nodes]
        if any(n in taken for n in inner):
            continue
        match = Match(matcher.results[0], dict(found.nodes))
        if not all(keep(match, graph, pattern_graph) for keep in filters):
            continue
        new_graph, new_root = _graph_of(callback(match, graph, pattern_graph) if callback is not None else replacement)
        new_inputs = new_graph.find_nodes(op="placeholder")
        if len(new_inputs) != len(inputs):
            raise RuntimeError(
                f"replace_pattern: the pattern has {len(inputs)} inputs, the replacement {len(new_inputs)}; they must be as many"
            )
        taken.update(inner)
        values = {new: _now(found.nodes.get(old), changed) for new, old in zip(new_inputs, inputs)}
        done.append(_put(gm, match, matcher, inner, values, new_graph, new_root, changed))
        taken.update(done[-1].replacements)
    if done:
        gm.recompile()
    return done


def _now(value, changed: dict):
    while isinstance(value, Node) and value in changed:
        value = changed[value]
    return value


def _put(gm, match, matcher, inner, values, new_graph, new_root, changed) -> ReplacedPatterns:
    """Copy the replacement in for one match, and erase what it replaces."""
    from .graph_module import _copy_attribute

    graph = gm.graph
    order = {n: i for i, n in enumerate(graph.nodes)}
    needed = [v for v in values.values() if isinstance(v, Node)]
    last_input = max(needed, key=order.__getitem__, default=None)
    place = min((n for n in inner if n in order), key=order.__getitem__)
    ends = {match.nodes_map[n] for n in matcher.results}
    users = [user for end in ends for user in end.users if user not in inner]
    # behind all inputs, before all users of the results: right before the first of them, as in PyTorch
    if users:
        place = min(users, key=order.__getitem__)
    if last_input is not None and order[last_input] >= order[place]:
        insert = graph.inserting_after(last_input)
    else:
        insert = graph.inserting_before(place)
    table = dict(values)
    with insert:
        result = None
        for n in new_graph.nodes:
            if n.op == "placeholder":
                continue
            if n.op == "output":
                result = map_arg(n.args[0], table.__getitem__)
                break
            if new_root is not None and n.op in ("get_attr", "call_module"):
                try:
                    _there(gm, n.target)
                except AttributeError:
                    _copy_attribute(new_root, gm, n.target)
            table[n] = graph.node_copy(n, table.__getitem__)
    made = [table[n] for n in new_graph.nodes if n in table and n.op not in ("placeholder", "output")]
    results = result if isinstance(result, (tuple, list)) else (result,)
    olds = [match.nodes_map[n] for n in matcher.results]
    if len(results) != len(olds):
        raise RuntimeError(f"replace_pattern: the pattern returns {len(olds)} values, the replacement {len(results)}; they must be as many")
    for old, new in zip(olds, results):
        if isinstance(new, Node) and new is not old:
            old.replace_all_uses_with(new)
            changed[old] = new
    for n in sorted(inner, key=order.__getitem__, reverse=True):
        if not n.users and not n._erased:
            graph.erase_node(n)
    return ReplacedPatterns(match.anchor, match.nodes_map, made)


def _there(module, path: str) -> None:
    for part in path.split("."):
        module = getattr(module, part)
