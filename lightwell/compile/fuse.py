"""Fusion: which values are stored, and which steps compute them.

Values are visited in order. A value that a nest can compute element by element is computed where it is needed, again in each
nest that needs it, and stored nowhere - unless something asks for its memory: a product, a result, a reduction's neighbour in
another nest, or a second nest for which computing it again would cost more than reading it. A value that is stored joins a
nest that runs through the same elements, or begins one (`Group`). Each step has a rank: it reads only what steps of lower rank
have stored, so that no circle can arise, whatever joins.
"""

import math

from .fuse_words import MADE, REDUCTIONS, computable, cost_of, reduced_axes, reducible, typed
from .graph import LEAVES, Graph, Value
from .infer import POINTWISE
from .layout import MAPS, RESHAPES, Split, Unfit, refined, strides_of

DEPTH, SOURCES, NODES = 48, 24, 160  # how deep, how wide and how large a nest's body may grow
RECOMPUTE = 15  # the cost from which a value is read again instead of computed again
LOAD = 6  # what a load costs
PICK = 6  # what an index from an array costs
REPEATED = 4  # the same for a value that is needed many times over, as a row's deviation is
FEW = 8  # rows from which it pays to share rows among the threads
LARGE = 1 << 15  # elements from which sharing matters

ASSEMBLED = frozenset("concat stack index_set strided_set".split())


class Step:
    """What will compute a value: a Group, a product, a call. `rank`: steps of a lower rank run before."""

    rank = 0


class Leaf(Step):
    """Inputs, numbers, constants, and arrays of no elements."""


class Other(Step):
    """A word left to a Call or Host step."""

    def __init__(self, value: Value, rank: int):
        self.value, self.rank = value, rank


class Assembly(Step):
    """An array that several nests write, each its own part: (value, offset, strides in the array, group)."""

    def __init__(self, value: Value):
        self.value, self.rank = value, 0
        self.parts: list = []


class Target:
    """Where a root of a group goes when not into its own buffer: part of an assembly."""

    def __init__(self, assembly: Value, offset: int, strides: tuple):
        self.assembly, self.offset, self.strides = assembly, offset, strides


class Group(Step):
    """A nest in the making: axes `sizes` in C order, `inner` marks those that reductions run over; roots are stored."""

    def __init__(self, sizes, inner, rank: int):
        self.rank = rank
        self.roots: dict[Value, None] = {}
        self.targets: list[tuple[Value, Target]] = []
        self.reduces: dict[Value, None] = {}
        self.nodes = 0
        self.shape(sizes, inner)

    def shape(self, sizes, inner) -> None:
        """Set the axes."""
        self.sizes, self.inner = list(sizes), list(inner)
        self.size = math.prod(sizes)
        self.outer_size = math.prod(n for n, i in zip(sizes, inner) if not i)
        self.full = (0, strides_of(sizes))
        steps = iter(strides_of([n for n, i in zip(sizes, inner) if not i]))
        self.rows = (0, tuple(0 if i else next(steps) for i in inner))

    def split(self, axis: int, n: int) -> None:
        """Cut an axis in two, the inner half of size n."""
        sizes, inner = self.sizes[:], self.inner[:]
        sizes[axis : axis + 1] = [sizes[axis] // n, n]
        inner[axis : axis + 1] = [inner[axis]] * 2
        self.shape(sizes, inner)

    @property
    def reducing(self) -> bool:
        """Whether reductions are computed."""
        return bool(self.reduces)

    @property
    def trailing(self) -> bool:
        """Whether the inner axes are the last ones: rows that lie in one piece."""
        return not any(a and not b for a, b in zip(self.inner, self.inner[1:]))


def base(v: Value) -> Value:
    """The value that has the same elements in the same order, behind reshapes."""
    while v.word in RESHAPES and isinstance(v.args[0], Value) and v.args[0].parts is None and v.args[0].dtype is not None:
        v = v.args[0]
    return v


def _origin(v: Value) -> Value:
    """The value behind views of all its elements."""
    while v.word in RESHAPES or v.word == "permute_dims":
        v = v.args[0]
    return v


def _picks(v: Value) -> bool:
    """Whether elements are picked by an array of indices."""
    return v.word in ("take", "take_along_axis") or (v.word == "getitem" and len(v.operands()) > 1)


def _walk(fuser: "Fuser", group: Group, limit: float):
    from .fuse_walk import Walk

    return Walk(fuser, group, limit)


class Fuser:
    """The decisions; `fuse_nest.py` writes them down as nests, `fuse_plan.py` as a plan."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.leaf = Leaf()
        self.made: dict[Value, Step] = {}
        self.steps: list[Step] = []
        self.simple: set[Value] = set()  # computed element by element where needed
        self.depth: dict[Value, int] = {}
        self.cost: dict[Value, int] = {}
        self.worth: dict[Value, int] = {}  # what storing it would save whoever computes it again
        self.sources: dict[Value, frozenset] = {}
        self.home: dict[Value, Group] = {}
        self.readers: dict[Value, list] = {}  # groups that read a stored value
        self.position = {v: i for i, v in enumerate(graph.values)}
        self.operands = {v: v.operands() for v in graph.values}
        self.users: dict[Value, list] = {v: [] for v in graph.values}
        for v, found in self.operands.items():
            for o in found:
                self.users[o].append(v)
        self.typed = {v: typed(v) for v in graph.values if v.word in POINTWISE or v.word == "astype"}
        self.asked = self._asked()
        self.results = {base(v) for _, v in graph.results} | {v for _, v in graph.results}
        self.pinned: set[Value] = set()  # stored values that products read as they lie
        self.redirected: set[Value] = set()  # products whose result lies only in what they are a part of

    def _asked(self) -> set:
        """Values whose memory something other than a nest will ask for, as they are or through a view."""
        out: set = set()
        for v in self.graph.values:
            if v.word in LEAVES or v.word in MAPS or v.word in ASSEMBLED or v.word in REDUCTIONS or self.computable(v):
                continue
            for o in self.operands[v]:
                out.add(_origin(o))
        out.update(_origin(v) for _, v in self.graph.results)
        return out

    def computable(self, v: Value) -> bool:
        """Whether a nest can compute the value, element by element."""
        return self.typed[v] is not None if v in self.typed else computable(v)

    # ---- the walk over the graph --------------------------------------------------------------------------------

    def run(self) -> "Fuser":
        """Decide everything."""
        from .fuse_products import product

        for v in self.graph.values:
            word = v.word
            if word in LEAVES:
                self.settle(v, self.leaf)
            elif v.parts is None and v.dtype is not None and v.size == 0:
                self.settle(v, self.leaf)
            elif word == "part":
                self.settle(v, self.made[v.args[0]])
            elif word in RESHAPES and isinstance(v.args[0], Value) and v.args[0].dtype is not None:
                self.follow(v, [v.args[0]], 0)
            elif reducible(v):
                self.reduction(v)
            elif word in ASSEMBLED and self.assembly(v):
                pass
            elif word not in REDUCTIONS and self.computable(v):
                self.follow(v, self.operands[v], cost_of(word) if word not in MAPS and word not in MADE else PICK if _picks(v) else 0)
            elif word == "matmul" and product(self, v):
                pass
            else:
                self.other(v)
        for _, v in self.graph.results:
            self.store(v)
        return self

    def settle(self, v: Value, step: Step) -> None:
        """The value is stored by `step`."""
        self.made[v] = step
        self.depth[v] = self.cost[v] = self.worth[v] = 0
        self.sources[v] = frozenset((v,)) if v.size > 1 or step is not self.leaf else frozenset()

    def follow(self, v: Value, operands, cost: int) -> None:
        """The value is computed where it is needed."""
        self.simple.add(v)
        depth, found = 0, frozenset[Value]()
        for o in operands:  # what is small beside v is computed once for many of its elements
            cost += self.cost[o] if o.size * 4 > v.size else min(self.cost[o], 1)
            depth = max(depth, self.depth[o])
            found = found | self.sources[o] if found else self.sources[o]
        self.depth[v], self.cost[v], self.sources[v] = depth + 1, min(cost, 1 << 20), found
        large = sum(1 for s in found if s.size * 2 >= v.size)
        self.worth[v] = cost + LOAD * max(large - 1, 0)
        if _picks(v) and self.cost[v.args[0]] > RECOMPUTE and base(v.args[0]) not in self.made:
            self.store(v.args[0])  # what is costly to compute is stored before elements are picked from it
        if depth > DEPTH or len(found) > SOURCES:
            self.store(v)

    def other(self, v: Value) -> None:
        """A word left to a Call or Host step: its operands are stored."""
        rank = 0
        for o in self.operands[v]:
            if o.word != "number":
                rank = max(rank, self.store(o).rank)
        step = Other(v, rank + 1)
        self.steps.append(step)
        self.settle(v, step)

    # ---- storing ------------------------------------------------------------------------------------------------

    def store(self, v: Value, least: int = 0) -> Step:
        """The step that stores the value (or the one it is a reshape of), found or made."""
        v = base(v)
        step = self.made.get(v)
        if step is None:
            from .fuse_products import redirect

            step = redirect(self, v, v, 0, strides_of(v.shape)) if v.word == "permute_dims" else None
            if step is not None and step.rank >= least:
                return self.stored(v, step)
            home = self.home.get(v)
            step = self.share(v, home) if home is not None and home.rank >= least else self.stored(v, self.place(v, least=least))
        return step

    def share(self, v: Value, home: Group) -> Step:
        """Let a group store what it computes on its way."""
        home.roots[v] = None
        return self.stored(v, home)

    def stored(self, v: Value, group: Step) -> Step:
        """Note that a group stores v."""
        self.made[v] = group
        self.sources[v], self.cost[v], self.depth[v], self.worth[v] = frozenset((v,)), 0, 0, 0
        return group

    def place(self, v: Value, target: Target | None = None, least: int = 0) -> Group:
        """The group that computes v for each of its elements."""
        for g in self.candidates(v, v.size):
            if g.rank >= least and self.allowed(g, v) and self.join(g, v, target):
                return g
        return self.begin(v, v.shape, (), target, least)

    def begin(self, v: Value, shape, axes, target=None, least: int = 0) -> Group:
        """A new group for v: a map over `shape`, or a reduction over `axes` of it."""
        sizes = [n for n in shape if n != 1]
        inner = [d in axes for d, n in enumerate(shape) if n != 1]
        g = Group(sizes, inner, 0)
        while True:
            walk = _walk(self, g, math.inf)
            try:
                walk.root(v)
            except Split as e:
                g.split(e.axis, e.inner)
                continue
            except Unfit as e:
                assert e.value is not None and e.value is not v, f"{v} can't be computed: {e}"
                self.store(e.value)
                continue
            break
        g.rank = max([least, 1, *(self.made[r].rank + 1 for r in walk.reads)])
        self.steps.append(g)
        self.enter(g, v, walk, target)
        return g

    def enter(self, g: Group, v: Value, walk, target=None) -> None:
        """Make v a member of g, and what the walk found out true."""
        if target is not None:
            g.targets.append((v, target))
        elif v in self.simple:
            g.roots[v] = None
        else:
            g.reduces[v] = None
        g.nodes += len(walk.seen)
        for r in walk.reads:
            groups = self.readers.setdefault(r, [])
            if not groups or groups[-1] is not g:
                groups.append(g)
        for x in walk.at_home:
            self.home.setdefault(x, g)

    def candidates(self, v: Value, size: int) -> list:
        """Groups that v might join: those whose results it reads, then those that read what it reads."""
        found: dict[Group, None] = {}
        ranks: dict[Step, int] = {}
        home = self.home.get(v)
        if home is not None:
            found[home] = None
        for s in self.sources[v]:
            step = self.made[s]
            ranks[step] = step.rank
        for step in sorted(ranks, key=lambda s: -s.rank):
            if type(step) is Group and (step.size == size or step.outer_size == size):
                found[step] = None
        vertical = len(found)
        for s in self.sources[v]:
            if s.size == size or (s.size * 8 >= size > 64):
                for g in self.readers.get(s, ())[-3:]:
                    if g.size == size:
                        found.setdefault(g)
        out = []
        for i, g in enumerate(found):
            if g.nodes < NODES and (g.size == size or i < vertical):
                if all(r < g.rank for s, r in ranks.items() if s is not g):
                    out.append(g)
        return out[:4]

    def allowed(self, g: Group, v: Value) -> bool:
        """Whether a map may run in the nest of a group."""
        if not g.reducing:
            return True
        if g.outer_size < FEW and g.size > LARGE:
            return v.size == g.outer_size
        if g.size == v.size and g.size != g.outer_size and not g.trailing:
            return any(self.made[s] is g for s in self.sources[v])
        return True

    def join(self, g: Group, v: Value, target=None, axes=None, shape=None) -> bool:
        """Let v become a member of g; False where its elements can't be said in g's axes or it needs what comes later."""
        was = g.sizes, g.inner
        shape = v.shape if shape is None else shape
        total = math.prod(shape)
        try:
            if total == g.size and not self._cut(g, shape, axes):
                return False
            while True:
                walk = _walk(self, g, g.rank)
                try:
                    walk.root(v)
                    break
                except Split as e:
                    g.split(e.axis, e.inner)
        except Unfit:
            g.shape(*was)
            return False
        self.enter(g, v, walk, target)
        return True

    def _cut(self, g: Group, shape, axes) -> bool:
        """Cut g's axes so that those of `shape` consist of whole ones, and see that reductions over `axes` are g's."""
        sizes = refined(g.sizes, shape)
        if sizes is None:
            return False
        inner = _spread(g.sizes, g.inner, sizes)
        if axes is not None:
            wanted = _spread([n for n in shape if n != 1], [d in axes for d, n in enumerate(shape) if n != 1], sizes)
            if inner != wanted and g.reducing:
                return False
            inner = wanted
        g.shape(sizes, inner)
        return True

    # ---- reductions ---------------------------------------------------------------------------------------------

    def reduction(self, v: Value) -> None:
        """A reduction joins a nest that runs over the same axes, or begins one; its own value is stored only if others ask."""
        x = v.args[0]
        axes = reduced_axes(v)
        shape = x.shape
        axes = tuple(a for a in axes if shape[a] != 1)
        if not x.size:
            return self.other(v)
        rows = math.prod(n for d, n in enumerate(shape) if d not in axes)
        kept = [d for d, n in enumerate(shape) if n != 1 and d not in axes]
        trailing = not kept or not axes or max(kept) < min(axes)
        if not trailing and _origin(x) in self.asked and base(x) not in self.made:
            self.store(_origin(x))  # better by rows than by columns
        for g in self.candidates(x, x.size):
            if g.size != x.size:
                continue
            if not g.reducing and not (trailing and (rows >= FEW or x.size <= 4096)):
                continue
            if self.join(g, v, None, axes, shape):
                break
        else:
            g = self.begin(v, shape, axes)
        self.settle(v, g)

    # ---- arrays put together ------------------------------------------------------------------------------------

    def assembly(self, v: Value) -> bool:
        """concat, stack, index_set and strided_set: each part is written to its place by a nest of its own; False where not so simple."""
        from .fuse_parts import parts
        from .fuse_products import redirect

        found = parts(self, v)
        if found is None:
            return False
        step = Assembly(v)
        for value, offset, strides, over in found:
            least = step.rank + 1 if over else 0
            part: Step | None = redirect(self, value, v, offset, strides) if len(self.users[value]) == 1 and not over else None
            if part is None:
                part = self.place(value, Target(v, offset, strides), least)
            step.parts.append((value, offset, strides, part))
            step.rank = max(step.rank, part.rank)
        self.settle(v, step)
        return True


def _spread(sizes, flags, finer) -> list:
    """The flags of the axes `sizes`, for the finer axes that they are cut into."""
    out, i, n = [], 0, 1
    for s in finer:
        out.append(flags[i])
        n *= s
        if n == sizes[i]:
            i, n = i + 1, 1
    return out
