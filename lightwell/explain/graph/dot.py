"""The graph in Graphviz's language, and `make_dot` as torchviz has it."""

from ...autograd.node import AccumulateGrad, Node
from ...errors.teaching import TypeError
from ...language import say
from ...tensor import Tensor
from .digraph import Digraph, quoted
from .fold import Group, Tree
from .mermaid import STYLES
from .outline import outline


def text(tree: Tree, backward: bool) -> str:
    """A digraph: modules as nested clusters, gradients as dashed edges back."""
    o = outline(tree, backward)
    lines = [
        f"digraph {quoted(tree.graph.title)} {{",
        "  rankdir=TB compound=true",
        '  node [shape=box style="filled,rounded" fontname="monospace" fontsize=10 height=0.25]',
        '  edge [fontname="monospace" fontsize=8 color="#64748b" fontcolor="#64748b"]',
    ]

    def put(group: Group, indent: str) -> None:
        for c in group.children:
            if isinstance(c, Group) and not c.folded:
                lines.append(f"{indent}subgraph cluster_{c.id} {{")
                title = f"{c.label} {c.kind}" if c.kind not in ("repeat", "stretch") else c.label
                lines.append(
                    f'{indent}  label={quoted(title)} labeljust=l style="rounded,filled" fillcolor="#f1f4f8" color="#b9c4d3" fontname="monospace" fontsize=10'
                )
                put(c, indent + "  ")
                lines.append(f"{indent}}}")
            elif id(c) in o.boxes:
                lines.extend(indent + line for line in _nodes(o.boxes[id(c)]))

    put(tree.root, "  ")
    for box in o.loose:
        lines.extend("  " + line for line in _nodes(box))
    for a, b, words, grad in o.edges:
        lines.append(f"  {a} -> {b}" + (f" [label={quoted(words)}]" if words else ""))
        if grad:
            lines.append(f'  {grad[0]} -> {grad[1]} [style=dashed color="#c2410c" constraint=false]')
    return "\n".join([*lines, "}", ""])


def _nodes(box) -> list:
    colours = dict(part.split(":", 1) for part in STYLES[box.kind].split(","))
    words = "\n".join(box.lines)
    found = [f'{box.name} [label={quoted(words)} fillcolor="{colours["fill"]}" color="{colours["stroke"]}"]']
    if box.backward:
        found.append(f'{box.name}b [label={quoted(box.backward)} fillcolor="#fff5ec" color="#f0c7a4" fontcolor="#c2410c"]')
        found.append(f'{box.name} -> {box.name}b [dir=none style=dotted color="#c2410c" constraint=false]')
        found.append(f"{{ rank=same {box.name} {box.name}b }}")
    return found


def make_dot(var, params: dict | None = None, show_attrs: bool = False, show_saved: bool = False, max_attr_chars: int = 50):
    """The autograd graph behind `var` (a tensor or several) in DOT, as torchviz draws it.

    Blue boxes are tensors that gradients accumulate in (named by `params`), orange ones, with `show_saved`, what was kept for
    backward, green ones `var` itself; `show_attrs` lists what a node keeps, in at most `max_attr_chars` characters each. Returns a
    graphviz.Digraph where the package graphviz is installed, else an object with the same source, format, render and view.
    TypeError: `var` is no tensor; AssertionError: `params` holds what is none.

    >>> import lightwell as torch
    >>> from lightwell.explain.graph import make_dot
    >>> w = torch.ones(2, requires_grad=True)
    >>> "MulBackward0" in make_dot((w * w).sum(), params={"w": w}).source
    True
    """
    roots = tuple(var) if isinstance(var, (tuple, list)) else (var,)
    for t in roots:
        if not isinstance(t, Tensor):
            raise TypeError(f"make_dot(): argument 'var' must be a tensor or a tuple of tensors, not {type(t).__name__}")
    named = dict(params) if params is not None else {}
    assert all(isinstance(p, Tensor) for p in named.values()), say(
        "make_dot(): params must map names to tensors", "make_dot()：params 的值必须都是张量"
    )
    lines = _Lines({id(t): name for name, t in named.items()}, show_attrs, show_saved, max_attr_chars)
    for t in roots:
        lines.root(t)
    size = max(12.0, lines.count * 0.15)
    return _digraph()(
        body=[line + "\n" for line in lines.body],
        node_attr=dict(style="filled", shape="box", align="left", fontsize="10", ranksep="0.1", height="0.2", fontname="monospace"),
        graph_attr=dict(size=f"{size:g},{size:g}"),
    )


def _digraph():
    try:
        from graphviz import Digraph as Theirs
    except ImportError:
        return Digraph
    return Theirs


class _Lines:
    """The lines of torchviz's picture."""

    def __init__(self, names: dict, attributes: bool, saved: bool, most: int):
        self.names, self.attributes, self.saved, self.most = names, attributes, saved, most
        self.body: list = []
        self.count = 0
        self.seen: set = set()
        self.kept: list = []  # what ids are taken of stays alive

    def node(self, key, words: str, colour: str = "") -> None:
        self.body.append(f"\t{key} [label={quoted(words)}" + (f" fillcolor={colour}" if colour else "") + "]")
        self.count += 1

    def edge(self, a, b, **how) -> None:
        self.body.append(f"\t{a} -> {b}" + (" [" + " ".join(f"{k}={v}" for k, v in how.items()) + "]" if how else ""))
        self.count += 1

    def size(self, t) -> str:
        return "(" + ", ".join(map(str, t.shape)) + ")"

    def title(self, t, name: str = "") -> str:
        name = name or self.names.get(id(t), "")
        return f"{name}\n {self.size(t)}"

    def key(self, item) -> int:
        self.kept.append(item)
        return id(item.variable) + 1 if isinstance(item, AccumulateGrad) else id(item)  # one variable has many such objects

    def root(self, t) -> None:
        if id(t) in self.seen:
            return
        self.seen.add(id(t))
        self.kept.append(t)
        node = t.grad_fn
        if node is None:
            node = AccumulateGrad(t) if t.requires_grad else None
        if node is not None:
            self.walk(node)
            self.edge(self.key(node), id(t))
        self.node(id(t), self.title(t), "darkolivegreen1" if not t._is_view() else "darkolivegreen3")
        if t._is_view() and t._base is not None:
            self.root(t._base)
            self.edge(id(t._base), id(t), style="dotted")

    def walk(self, first) -> None:
        stack = [first]
        while stack:
            node = stack.pop()
            key = self.key(node)
            if key in self.seen:
                continue
            self.seen.add(key)
            if isinstance(node, AccumulateGrad):
                t = node.variable
                self.kept.append(t)
                self.seen.add(id(t))
                self.node(id(t), self.title(t), "lightblue")  # said again where it was orange
                self.node(key, "AccumulateGrad")
                self.edge(id(t), key)
                continue
            self.node(key, self.words(node))
            if self.saved:
                self.orange(node, key)
            for way, _ in node.next_functions:
                if way is not None:
                    self.edge(self.key(way), key)
                    stack.append(way)

    def words(self, node: Node) -> str:
        name = node.name().rpartition("::")[2]
        kept = self.kept_by(node) if self.attributes else {}
        if not kept:
            return name
        shown = {k: self.size(v) if isinstance(v, Tensor) else str(v) for k, v in kept.items()}
        shown = {k: v if len(v) <= self.most else v[: self.most - 3] + "..." for k, v in shown.items()}
        left, right = max(map(len, shown)), max(map(len, shown.values()))
        rule = "-" * max(left + right + 2, len(name))
        return "\n".join([name.center(len(rule)), rule, *(f"{k:<{left}}: {v:>{right}}" for k, v in shown.items())])

    def kept_by(self, node: Node) -> dict:
        """What a node keeps, by the record's names: tensors and plain arguments; nothing once it was freed."""
        rec = node.record
        if rec is None or type(node.saved) is not tuple:
            return {}
        import numpy as np

        from ...tensor import make

        found: dict = {}
        for name, v in zip(rec.environment, node.saved):
            if type(v) is np.ndarray:
                at = rec.inputs.index(name) if name in rec.inputs else None
                edge = node.edges[at] if at is not None and at < len(node.edges) else None
                found[name] = edge if isinstance(edge, Tensor) and edge._a is v else make(v)
            elif v is not None and name in rec.params:
                found[name] = v
        return found

    def orange(self, node: Node, key) -> None:
        for name, t in self.kept_by(node).items():
            if isinstance(t, Tensor):
                self.kept.append(t)
                self.edge(key, id(t), dir="none")
                if id(t) not in self.seen:
                    self.seen.add(id(t))
                    self.node(id(t), self.title(t, self.names.get(id(t), name)), "orange")
