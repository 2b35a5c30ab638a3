"""What a root of a nest needs, found by going through its formula with the place of each value."""

import math

from .fuse import RECOMPUTE, REPEATED, Fuser, Group, base
from .graph import Value
from .layout import MAPS, RESHAPES, Picked, Unfit, broadcast, flat, pull, unflatten


class Walk:
    """Going through what a root needs, with the place of each value: what it reads, and whether it can be said in the axes."""

    def __init__(self, fuser: Fuser, group: Group, limit: float):
        self.fuser, self.group, self.limit = fuser, group, limit
        self.seen: set = set()
        self.reads: dict[Value, None] = {}
        self.at_home: list = []

    def root(self, v: Value) -> None:
        """The root's own formula, at each of its elements."""
        g = self.group
        if v in self.fuser.simple or v in self.fuser.made:
            at = g.full if v.size == g.size else g.rows
            self.visit(v, unflatten(at, v.shape, g.sizes))
        else:
            x = v.args[0]
            self.visit(x, unflatten(g.full, x.shape, g.sizes))

    def visit(self, v: Value, place) -> None:
        """Everything that v at this place depends on; Unfit or Split where it can't be said."""
        if v.word == "number" or (v.word == "constant" and v.size == 1) or (v, place) in self.seen:
            return
        self.seen.add((v, place))
        f, g = self.fuser, self.group
        b = base(v)
        step = f.made.get(b)
        at = None
        if step is not None:
            if step is not g and step.rank < self.limit:
                self.reads[b] = None
                self.picks(place)
                return
            if step is g:
                at = flat(place, v.shape, len(g.sizes))
                if b in g.reduces:
                    if at != g.rows:
                        raise Unfit(b)
                    return
                if at == (g.full if b.size == g.size else g.rows):
                    return
                raise Unfit(b)
            if b not in f.simple:
                raise Unfit(b)
        if v not in f.simple:
            raise Unfit(v)
        if v.word not in RESHAPES and f.worth[v] >= REPEATED and v not in f.made:
            at = flat(place, v.shape, len(g.sizes))
            if at is not None and self.known(v, at):
                return
        self.operands(v, place)

    def known(self, v: Value, at) -> bool:
        """Whether a costly value is read rather than computed: found at home in another nest, or needed many times over here."""
        f, g = self.fuser, self.group
        aligned = (v.size == g.size and at == g.full) or (g.reducing and v.size == g.outer_size and at == g.rows)
        home = f.home.get(v)
        many = v.size * 2 <= g.size
        if home is not None and home is not g and home.rank < self.limit and f.worth[v] >= (REPEATED if many else RECOMPUTE):
            f.share(v, home)
            self.reads[v] = None
            return True
        if aligned:
            self.at_home.append(v)
        elif many and 1 < v.size and f.cost[v] > REPEATED and self.limit == math.inf:
            f.store(v)
            self.reads[v] = None
            return True
        return False

    def picks(self, place) -> None:
        """The arrays that indices are read from."""
        for p in place:
            if type(p) is Picked:
                self.visit(p.value, p.place)

    def operands(self, v: Value, place) -> None:
        """The operands of a word that nests compute."""
        g, word = self.group, v.word
        if word in MAPS:
            if word == "strided":
                self.window(v, place)
                return
            try:
                found = pull(v, place, g.sizes)
            except Unfit:
                raise Unfit(v.args[0] if word in RESHAPES else v) from None
            for o, p in found:
                self.visit(o, p)
        elif word == "constant_pad":
            self.picks(place)
            for o, p in padded(v, place):
                self.visit(o, p)
        elif word == "full":
            if isinstance(v.args[1], Value):
                self.visit(v.args[1], ())
        elif word != "arange":
            for o in self.fuser.operands[v]:
                self.visit(o, place if o.shape == v.shape else broadcast(place, o.shape, v.shape, len(g.sizes)))

    def window(self, v: Value, place) -> None:
        """A window into what is stored."""
        if any(type(p) is Picked for p in place):
            raise Unfit(v)
        b = base(v.args[0])
        step = self.fuser.made.get(b)
        if step is None or step is self.group or step.rank >= self.limit:
            raise Unfit(b)
        self.reads[b] = None


def padded(v: Value, place) -> list:
    """The operand of a constant_pad and its place, which may lie outside."""
    if any(type(p) is Picked for p in place):
        raise Unfit(v)
    x, pad = v.args[0], v.args[1]
    return [(x, tuple((c - before, k) for (c, k), (before, _) in zip(place, pad)))]
