"""Groups that can be folded: the modules' calls one in another, repeated structure, and stretches of what is left; and what to fold first."""

from dataclasses import dataclass, field

from .model import Graph, Op, Value

LIMIT = 60  # members of a group
AT_FIRST = 34  # boxes in view at first
MANY = 4  # users of a leaf, from which on it stands on their boxes
SHORTEST = 40  # from so many members on, repeated structure is looked for


@dataclass(eq=False)
class Group:
    """Members that are drawn in one frame, or folded in one box. `children`: operations, groups and leaf Values, in order."""

    path: str
    kind: str  # the module's class; "" for the whole picture; "repeat" or "stretch" for groups that are no modules
    children: list = field(default_factory=list)
    parent: "Group | None" = None
    id: int = 0
    folded: bool = False
    buffers: tuple = ()
    label: str = ""

    @property
    def number(self) -> int:
        """The time of the first operation inside."""
        return next((c.number for c in self.children if not isinstance(c, Value)), 0)

    def ops(self) -> list[Op]:
        """All operations inside."""
        return [op for c in self.children for op in (c.ops() if isinstance(c, Group) else [c] if isinstance(c, Op) else [])]

    def groups(self) -> list["Group"]:
        """This group and all inside it, the outer before the inner."""
        return [self, *(g for c in self.children if isinstance(c, Group) for g in c.groups())]


@dataclass
class Tree:
    """The groups of a graph; `above` finds the group of an operation or a leaf, `caption` the (path, class, buffers) of a lone operation."""

    graph: Graph
    root: Group
    above: dict
    captions: dict
    outputs: list  # the output cells' (name, Value) pairs

    def chain(self, member) -> list[Group]:
        """The groups that hold a member, the outermost first."""
        found, g = [], self.above[id(member)] if not isinstance(member, Group) else member.parent
        while g is not None:
            found.append(g)
            g = g.parent
        return found[::-1]


def is_chip(value: Value, users: int, first: bool) -> bool:
    """Whether a value stands on its operation's box rather than in a box of its own: parameters, numbers, small constants."""
    if value.kind in ("parameter", "buffer"):
        return True
    if value.kind in ("leaf", "constant") and users > MANY:  # its edges would go everywhere
        return True
    if value.kind == "constant":
        return value.shape is None or value.size <= 1 or (users == 1 and not first)
    return False


def build(graph: Graph) -> Tree:
    """The groups of a graph, nothing folded that `start` has not chosen."""
    root = Group("", "")
    stack = [(None, root)]  # (Call, Group)
    for op in graph.ops:
        depth = 1
        while depth < len(stack) and depth <= len(op.scope) and stack[depth][0] == op.scope[depth - 1]:
            depth += 1
        del stack[depth:]
        for call in op.scope[depth - 1 :]:
            group = Group(call.path, call.kind, buffers=call.buffers)
            stack[-1][1].children.append(group)
            stack.append((call, group))
        stack[-1][1].children.append(op)
    captions: dict = {}
    _simplify(root, captions)
    for group in root.groups():
        if not group.label:
            group.label = group.path or group.kind
    _repeats(root)
    _stretches(root)
    _number_calls(root)
    tree = Tree(graph, root, {}, captions, list(graph.outputs))
    _link(tree)
    _leaves(tree)
    for i, group in enumerate(root.groups()):
        group.id = i
    start(root)
    return tree


def _simplify(group: Group, captions: dict) -> None:
    """A group of one operation becomes that operation, with a caption; a group of one group takes its place."""
    made: list = []
    for child in group.children:
        if isinstance(child, Group):
            _simplify(child, captions)
            while len(child.children) == 1 and isinstance(child.children[0], Group):
                inner = child.children[0]
                inner.kind = f"{child.kind} › {inner.kind}" if child.kind and inner.kind else inner.kind
                inner.buffers = child.buffers + inner.buffers
                child = inner
            if len(child.children) == 1 and isinstance(child.children[0], Op):
                captions.setdefault(id(child.children[0]), (child.path, child.kind, child.buffers))
                child = child.children[0]
        made.append(child)
    group.children = made


def _signature(child) -> tuple:
    if isinstance(child, Group):
        return (child.kind, *(_signature(c) for c in child.children[:6]))
    return (child.name, child.outputs[0].shape if child.outputs and len(child.outputs[0].shape or ()) < 2 else len(child.inputs))


def _repeats(group: Group) -> None:
    """Runs of equal structure, three times or more, become groups of groups: time steps of a loop, blocks written out by hand."""
    for child in group.children:
        if isinstance(child, Group):
            _repeats(child)
    if len(group.children) < SHORTEST:
        return
    names: dict = {}
    words = [names.setdefault(_signature(c), len(names)) for c in group.children]
    made, i, n = [], 0, len(words)
    while i < n:
        best = (0, 0)
        for p in range(1, min(200, (n - i) // 3) + 1):
            if words[i : i + p] != words[i + p : i + 2 * p]:
                continue
            times = 2
            while words[i + times * p : i + (times + 1) * p] == words[i : i + p]:
                times += 1
            if times >= 3 and times * p > best[0] * best[1] and times * p >= 6:
                best = (p, times)
        p, times = best
        if not times:
            made.append(group.children[i])
            i += 1
            continue
        outer = Group(group.path, "repeat", label=f"{_title(group.children[i : i + p * times], p)} ×{times}")
        for k in range(times):
            part = group.children[i + k * p : i + (k + 1) * p]
            if p == 1:
                outer.children += part
            else:
                outer.children.append(Group(group.path, "repeat", list(part), label=f"{k + 1}/{times}: {_summary(part)}"))
        made.append(outer)
        i += p * times
    group.children = made


def _title(children: list, period: int) -> str:
    """What is repeated: the class of modules that come one after the other, else what happens in one period."""
    first = children[0]
    if period == 1 and isinstance(first, Group):
        return first.kind if first.kind not in ("repeat", "stretch") else first.label
    return _summary(children[:period])


def _span(children: list) -> str:
    """From the first module to the last; "" where not all are modules."""
    if all(isinstance(c, Group) and c.label for c in children):
        return f"{children[0].label.partition(' … ')[0]} … {children[-1].label.rpartition(' … ')[2]}"
    return ""


def _summary(children: list) -> str:
    """What happens in a stretch, in few words: the operations' names, the commonest first."""
    counts: dict = {}
    for c in children:
        for op in c.ops() if isinstance(c, Group) else [c]:
            counts[op.name] = counts.get(op.name, 0) + 1
    names = sorted(counts, key=lambda n: -counts[n])
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _stretches(group: Group) -> None:
    """A group of very many members is cut into stretches, which start folded."""
    for child in group.children:
        if isinstance(child, Group):
            _stretches(child)
    while len(group.children) > LIMIT:
        size = max(12, round(len(group.children) ** 0.5))
        made, n = [], 0
        for i in range(0, len(group.children), size):
            part = group.children[i : i + size]
            inside = Group(group.path, "stretch", part)
            count = len(inside.ops())
            inside.label = _span(part) or f"{n + 1}-{n + count}: {_summary(part)}"
            n += count
            made.append(inside)
        group.children = made


def _number_calls(root: Group) -> None:
    """Calls of the same module are told apart: encoder, encoder (2), …"""
    counts: dict = {}
    for group in root.groups():
        if group.kind not in ("", "repeat", "stretch"):
            counts[group.path] = counts.get(group.path, 0) + 1
            if counts[group.path] > 1 and group.path:
                group.label += f" ({counts[group.path]})"


def _link(tree: Tree) -> None:
    for group in tree.root.groups():
        for child in group.children:
            tree.above[id(child)] = group
            if isinstance(child, Group):
                child.parent = group


def _leaves(tree: Tree) -> None:
    """Values that nothing made get a box in the innermost group that holds all who use them; inputs stand at the top."""
    users: dict = {}
    firsts: set = set()
    for op in tree.graph.ops:
        for i, v in enumerate(op.inputs):
            if v is not None and v.op is None:
                users.setdefault(id(v), (v, []))[1].append(op)
                if i == 0:
                    firsts.add(id(v))
    for v, ops in reversed(list(users.values())):
        if is_chip(v, len(ops), id(v) in firsts):
            continue
        chains = [tree.chain(op) for op in ops]
        depth = 0 if v.kind == "input" else min(map(len, chains)) - 1
        while any(c[depth] is not chains[0][depth] for c in chains):
            depth -= 1
        home = chains[0][depth]
        home.children.insert(0, v)
        tree.above[id(v)] = home


def start(root: Group, limit: int = AT_FIRST) -> None:
    """Fold everything, then unfold from the outside in, groups of one class together, while no more than `limit` boxes are in view."""
    for group in root.groups():
        group.folded = group is not root
    shown, level = len(root.children), [c for c in root.children if isinstance(c, Group)]
    while level:
        kinds: dict = {}
        for group in level:
            kinds.setdefault((group.kind in ("repeat", "stretch"), group.kind), []).append(group)
        following: list = []
        for _, groups in sorted(kinds.items(), key=lambda item: (item[0][0], sum(len(g.children) for g in item[1]))):
            more = sum(len(g.children) - 1 for g in groups)
            if shown + more > limit:
                continue
            shown += more
            for group in groups:
                group.folded = False
                following += [c for c in group.children if isinstance(c, Group)]
        level = following


def fold_to(root: Group, depth) -> None:
    """Fold what lies deeper than `depth` groups (0: only the outermost boxes are seen); False or None-like choices: see `start`."""
    if depth is None:
        start(root)
        return
    for group in root.groups():
        level, g = 0, group
        while g.parent is not None:
            level, g = level + 1, g.parent
        group.folded = depth is not False and level > depth
