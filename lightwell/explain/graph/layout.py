"""Where things stand: every group's members on a grid of rows and columns, once, whatever is folded later (Sugiyama's method).

Rows by longest paths, with sources pulled down to their users; long edges pass through dummies, one per row; the order in the rows by
barycentres, with neighbours exchanged where that saves crossings; columns by priority: a member moves to the median of its neighbours unless
a more important one stands there. Edges that cross a group's frame do so at a port. What is folded changes only
how wide columns and how high rows are: see `place`.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from .fold import Group, Tree, is_chip
from .model import Op, Value

OP, GROUP, LEAF, OUTPUT, ENTRY, EXIT, DUMMY = "op", "group", "leaf", "output", "in", "out", "dummy"


@dataclass(eq=False)
class Member:
    """Something with a place in a group's grid. `what`: the Op, Group or Value that it stands for.

    `straight`: a dummy of an edge that runs down one column; it keeps the lanes that the boxes at its ends have.
    """

    kind: str
    what: Any
    row: int = 0
    column: int = 0
    index: int = 0
    straight: bool = False


@dataclass(eq=False)
class Segment:
    """The way of values within one group, from a member to a member. `grad`: whether a gradient comes back the same way.

    Where an end is a group, `exit` or `entry` is the port of that group through which it goes on inside.
    """

    start: Member
    end: Member
    exit: Member | None = None
    entry: Member | None = None
    grad: bool = False
    values: list = field(default_factory=list)
    dummies: list = field(default_factory=list)


@dataclass(eq=False)
class Grid:
    """A group's members and segments, and the column through which most of it runs."""

    group: Group
    members: list = field(default_factory=list)
    segments: list = field(default_factory=list)
    rows: int = 0
    columns: int = 0
    spine: int = 0


def lay_out(tree: Tree) -> dict:
    """The grids of all groups: {id of the group: Grid}."""
    grids = _segments(tree)
    for grid in grids.values():
        _rows(grid)
        layers = _dummies(grid)
        up, down = _neighbours(grid)
        _order(layers, up, down)
        _columns(grid, layers, up, down)
        grid.members = [m for layer in layers for m in layer]
        for i, m in enumerate(grid.members):
            m.index = i
    return {g.group.id: g for g in grids.values()}


def _segments(tree: Tree) -> dict:
    """The members of every group, and the pieces of every edge, cut where it crosses a frame."""
    grids = {id(g): Grid(g) for g in tree.root.groups()}
    members: dict = {}
    for group in tree.root.groups():
        for c in group.children:
            kind = GROUP if isinstance(c, Group) else OP if isinstance(c, Op) else LEAF
            member = members[id(c)] = Member(kind, c)
            grids[id(group)].members.append(member)
    found: dict = {}
    lone = _lone_users(tree)

    def port(group: Group, kind: str, value: Value) -> Member:
        """One port for what comes of one operation; one for all that leaves for one operation alone."""
        way: tuple = (id(value.op or value),) if kind == ENTRY else ("to", id(lone[id(value)])) if id(value) in lone else (id(value),)
        key = (id(group), kind, *way)
        if key not in members:
            members[key] = Member(kind, value)
            grids[id(group)].members.append(members[key])
        return members[key]

    def join(group: Group, a: Member, b: Member, leave: Member | None, enter: Member | None, value: Value, grad: bool) -> None:
        key = (id(group), id(a), id(b), id(leave), id(enter))
        if key not in found:
            found[key] = Segment(a, b, leave, enter)
            grids[id(group)].segments.append(found[key])
        s = found[key]
        s.grad = s.grad or grad
        if all(v is not value for v in s.values):
            s.values.append(value)

    def connect(source, target: Member, chain: list, value: Value, grad: bool) -> None:
        """From what made the value, through the frames between, to `target`, which stands in the last group of `chain`."""
        home = tree.chain(source)
        shared = 0
        while shared < min(len(home), len(chain)) and home[shared] is chain[shared]:
            shared += 1
        at, leave = members[id(source)], None
        for k in range(len(home) - 1, shared - 1, -1):
            out = port(home[k], EXIT, value)
            join(home[k], at, out, leave, None, value, grad)
            at, leave = members[id(home[k])], out
        for k in range(shared, len(chain)):
            enter = port(chain[k], ENTRY, value)
            join(chain[k - 1], at, members[id(chain[k])], leave, enter, value, grad)
            at, leave = enter, None
        join(chain[-1], at, target, leave, None, value, grad)

    for op in tree.graph.ops:
        done: set = set()
        for v in op.inputs:
            if v is None or id(v) in done:
                continue
            source = v.op if v.op is not None else v
            if id(source) in members:
                done.add(id(v))
                connect(source, members[id(op)], tree.chain(op), v, any(g and w is v for w, g in zip(op.inputs, op.grads)))
    for pair in tree.outputs:
        member = members[id(pair)] = Member(OUTPUT, pair)
        grids[id(tree.root)].members.append(member)
        source = pair[1].op if pair[1].op is not None else pair[1]
        if id(source) in members:
            connect(source, member, [tree.root], pair[1], pair[1].grad)
    return grids


def _lone_users(tree: Tree) -> dict:
    """{id of a value: the operation that alone uses it, if that one gathers three or more such}: what a cat or a stack joins."""
    users: dict = {}
    for op in tree.graph.ops:
        for v in {id(v): v for v in op.inputs if v is not None and v.op is not None}.values():
            users.setdefault(id(v), []).append(op)
    kept = {id(v) for _, v in tree.outputs}
    many: dict = {}
    for key, ops in users.items():
        if len(ops) == 1 and key not in kept:
            many.setdefault(id(ops[0]), []).append(key)
    return {key: users[key][0] for keys in many.values() if len(keys) >= 3 for key in keys}


def _time(m: Member) -> float:
    if m.kind in (ENTRY, LEAF):
        return -1
    return float("inf") if m.kind in (EXIT, OUTPUT) else m.what.number


def _rows(grid: Grid) -> None:
    ins: dict = {}
    outs: dict = {}
    for s in grid.segments:
        ins.setdefault(s.end, []).append(s.start)
        outs.setdefault(s.start, []).append(s.end)
    entries = any(m.kind == ENTRY for m in grid.members)
    order = sorted(grid.members, key=_time)
    for m in order:
        m.row = 0 if m.kind == ENTRY else max([a.row + 1 for a in ins.get(m, ())] or [1 if entries else 0])
    for m in reversed(order):  # what has fewer ways in than out waits until it is used
        later = [b.row for b in outs.get(m, ())]
        if later and m.kind not in (ENTRY, EXIT) and len(ins.get(m, ())) < len(later) + (m.kind == LEAF):
            m.row = max(m.row, min(later) - 1)
    used = {r: k for k, r in enumerate(sorted({m.row for m in order}))}
    for m in order:
        m.row = used[m.row]
    last = max((m.row for m in order if m.kind != EXIT), default=0)
    for m in order:
        if m.kind == EXIT:
            m.row = last + 1
    grid.rows = 1 + max((m.row for m in order), default=0)


def _dummies(grid: Grid) -> list:
    layers: list = [[] for _ in range(grid.rows)]
    for m in sorted(grid.members, key=_time):
        layers[m.row].append(m)
    starts: dict = {}
    ends: dict = {}
    for s in grid.segments:
        if s.end.row > s.start.row + 1:
            starts.setdefault(s.start, []).append(s)
            ends.setdefault(s.end, []).append(s)
    made: dict = {}
    for s in grid.segments:
        for row in range(s.start.row + 1, s.end.row):
            # long edges out of one member, or into one, run together as a bus
            key = (s.start if len(starts[s.start]) > 2 else s.end if len(ends[s.end]) > 2 else s, row)
            if key not in made:
                made[key] = Member(DUMMY, s.values[0], row)
                layers[row].append(made[key])
            s.dummies.append(made[key])
    return layers


def _neighbours(grid: Grid):
    up: dict = {}
    down: dict = {}
    seen: set = set()
    for s in grid.segments:
        for a, b in pairwise([s.start, *s.dummies, s.end]):
            if (a, b) not in seen:
                seen.add((a, b))
                up.setdefault(b, []).append(a)
                down.setdefault(a, []).append(b)
    return up, down


def _crossings(layers: list, down: dict) -> int:
    total = 0
    for upper, lower in pairwise(layers):
        at = {m: i for i, m in enumerate(lower)}
        ends: list = []
        for m in upper:
            mine = sorted(at[b] for b in down.get(m, ()))
            for e in mine:
                total += sum(1 for other in ends if other > e)
            ends += mine
    return total


def _order(layers: list, up: dict, down: dict) -> None:
    best, fewest = [list(layer) for layer in layers], _crossings(layers, down)
    for sweep in range(8):
        if not fewest:
            break
        ways, rows = (up, range(1, len(layers))) if sweep % 2 == 0 else (down, range(len(layers) - 2, -1, -1))
        for r in rows:
            at = {m: i for i, m in enumerate(layers[r - 1 if sweep % 2 == 0 else r + 1])}
            centre = {}
            for i, m in enumerate(layers[r]):
                near = [at[n] for n in ways.get(m, ())]
                centre[m] = sum(near) / len(near) if near else i
            layers[r].sort(key=centre.__getitem__)
        count = _crossings(layers, down)
        if count < fewest:
            best, fewest = [list(layer) for layer in layers], count
    layers[:] = best
    for r, layer in enumerate(layers):  # exchange neighbours where that saves crossings
        for _ in range(2):
            for i in range(len(layer) - 1):
                if _pair(layers, r, i, i + 1, up, down) > _pair(layers, r, i + 1, i, up, down):
                    layer[i], layer[i + 1] = layer[i + 1], layer[i]


def _pair(layers, r, i, j, up, down) -> int:
    """Crossings between the edges of two members of a row, the i-th standing left of the j-th."""
    total = 0
    for ways, k in ((up, r - 1), (down, r + 1)):
        if 0 <= k < len(layers):
            at = {m: n for n, m in enumerate(layers[k])}
            a, b = ([at[n] for n in ways.get(layers[r][x], ())] for x in (i, j))
            total += sum(1 for x in a for y in b if x > y)
    return total


def _weight(m: Member, up: dict, down: dict) -> tuple:
    """Who keeps the way: groups and operations with gradients on the trunk first, then long edges, then sources."""
    rank = {GROUP: 4, OP: 3, EXIT: 3, OUTPUT: 3, DUMMY: 2, ENTRY: 2, LEAF: 0}[m.kind]
    if m.kind == OP and not up.get(m):  # such as a weight that is turned round first
        rank = 0
    elif (m.kind == OP and not m.what.node) or (m.kind == DUMMY and not m.what.grad):
        rank = 1
    return rank, len(up.get(m, ())) + len(down.get(m, ())), -_time(m) if m.kind in (OP, GROUP) else 0


def _columns(grid: Grid, layers: list, up: dict, down: dict) -> None:
    for layer in layers:
        for i, m in enumerate(layer):
            m.column = i
    for sweep in range(11):
        ways, rows = (up, layers) if sweep % 2 == 0 else (down, layers[::-1])
        for layer in rows:
            place: list = [None] * len(layer)
            for i in sorted(range(len(layer)), key=lambda i: _weight(layer[i], up, down), reverse=True):
                near = sorted(((n.column, n) for n in ways.get(layer[i], ())), key=lambda pair: pair[0])
                wish = near[(len(near) - 1) // 2][0] if near else layer[i].column
                if len(near) == 2:  # of two, the more important
                    wish = max(near, key=lambda pair: _weight(pair[1], up, down))[0]
                left = max((place[k] + i - k for k in range(i) if place[k] is not None), default=None)
                right = min((place[k] - (k - i) for k in range(i + 1, len(layer)) if place[k] is not None), default=None)
                if left is not None:
                    wish = max(wish, left)
                if right is not None:
                    wish = min(wish, right)
                place[i] = wish
            for m, c in zip(layer, place):
                m.column = c
    for m, ways in [*((m, down) for m in layers[0]), *((m, up) for m in layers[-1])]:  # the ends follow what they lead to
        near = ways.get(m, ())
        others = [o.column for o in layers[m.row] if o is not m]
        if near and near[0].column not in others and all((o < m.column) == (o < near[0].column) for o in others):
            m.column = near[0].column
    used = {c: k for k, c in enumerate(sorted({m.column for layer in layers for m in layer}))}
    weight: dict = {}
    for layer in layers:
        for m in layer:
            m.column = used[m.column]
            weight[m.column] = weight.get(m.column, 0) + {GROUP: 3, OP: 2, OUTPUT: 1}.get(m.kind, 0)
    for s in grid.segments:
        if s.start.column == s.end.column and all(d.column == s.end.column for d in s.dummies):
            for d in s.dummies:
                d.straight = True
    grid.columns = max(1, len(used))
    grid.spine = max(weight, key=lambda c: (weight[c], -c), default=0)


def chips(op: Op, tree: Tree) -> list:
    """(name of the argument, Value, whether a gradient flows to it) of what stands on the operation's own box."""
    grads = (*op.grads, *(False for _ in op.inputs))
    return [
        (op.names[i] if i < len(op.names) else "", v, grads[i])
        for i, v in enumerate(op.inputs)
        if v is not None and v.op is None and id(v) not in tree.above
    ]


__all__ = ["Grid", "Member", "Segment", "chips", "is_chip", "lay_out"]
