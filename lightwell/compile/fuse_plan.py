"""From fused groups to a plan: buffers, steps and their order, and what is written straight into the memory of inputs."""

import heapq
from typing import Any

from .fuse import Fuser, Group, Leaf, Other, base
from .fuse_nest import Builder
from .fuse_products import Product
from .graph import Graph, Value, replace
from .nest import Buffer, Call, Expr, Gemm, Host, Nest, Pass, Plan, Ref, Side, Store

WINDOW = 8  # how far steps may come forward to run beside others


class Node:
    """A step with what it reads and writes (buffer numbers), on its way into the order."""

    __slots__ = ("after", "before", "phase", "position", "rank", "reads", "step", "writes")

    def __init__(self, step, reads, writes, rank, position):
        self.step, self.reads, self.writes, self.rank, self.position = step, set(reads), set(writes), rank, position
        self.before: set[Node] = set()
        self.after: set[Node] = set()
        self.phase = 0


def fuse(graph: Graph) -> Plan:
    """The graph as a plan of nests, products, calls and host steps; temporaries have no place in memory yet."""
    return Maker(graph).plan()


class Maker:
    """Makes a plan of a fused graph."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.f = Fuser(graph).run()
        self.buffers: list[Buffer] = []
        self.number: dict[Value, int] = {}
        self.nodes: list[Node] = []
        self.names = graph.names()

    def plan(self) -> Plan:
        """The whole way."""
        nests = self.lowered()
        slots = self.place_results()
        for g, builder, nest in nests:
            self.nest(g, builder, nest)
        for step in self.f.steps:
            if type(step) is Product:
                step.collapse()
                self.product(step)
            elif type(step) is Other:
                self.other(step)
        self.link()
        self.write(slots)
        results = self.copies()
        self.link()
        steps = [n.step for n in ordered(self.nodes)]
        return Plan(self.buffers, steps, results, len(self.graph.numbers))

    # ---- nests --------------------------------------------------------------------------------------------------

    def lowered(self) -> list:
        """(group, builder, nest) of each group that something needs, from the last ranks to the first."""
        needed = {base(v) for _, v in self.graph.results}
        for step in self.f.steps:
            if type(step) is Product:
                needed |= {step.a[0], step.b[0]}
            elif type(step) is Other:
                needed |= {base(o) for o in self.f.operands[step.value]}
        out = []
        for g in sorted((s for s in self.f.steps if type(s) is Group), key=lambda s: -s.rank):
            builder = Builder(self.f, g)
            nest = builder.build(needed)
            if nest is not None:
                needed |= builder.loaded.keys()
                out.append((g, builder, nest))
        self.needed = needed
        return out[::-1]

    def nest(self, g: Group, builder: Builder, nest: Nest) -> None:
        """Add a nest, its operands told as buffers."""
        values = list(builder.operands)
        nest.operands = [self.buffer(v) for v in values]
        stored = {s.operand for p in nest.passes for s in p.stores} | {s.operand for s in nest.final}
        reads = {self.buffer(v) for v in builder.loaded}
        writes = {nest.operands[i] for i in stored}
        position = min(
            self.f.position[v] for v in [*g.roots, *(v for v, _ in g.targets), *g.reduces] if v in self.number or v not in g.roots
        )
        self.nodes.append(Node(nest, reads, writes, g.rank, position))

    def product(self, step: Product) -> None:
        """Add a Gemm."""
        sides = [Side(self.buffer(s[0]), *s[1:]) for s in (step.a, step.b, step.c)]
        label = f"{step.m}×{step.k} · {step.k}×{step.n}" + (f", {step.batch}" if step.batch else "")
        gemm = Gemm(sides[0], sides[1], sides[2], step.m, step.n, step.k, step.value.dtype, step.batch, False, label, step.value.where)
        reads = {sides[0].buffer, sides[1].buffer}
        self.nodes.append(Node(gemm, reads, {sides[2].buffer}, step.rank, self.f.position[step.value]))

    def other(self, step: Other) -> None:
        """Add a Call where native code is known, else a Host step."""
        v = step.value
        reads = set()

        def ref(o: Value):
            if o.word == "number":
                return Ref(-1, (), o.args[0])
            n = self.buffer(base(o))
            reads.add(n)
            return Ref(n, o.shape)

        args, kwargs = replace(v.args, ref), replace(v.kwargs, ref)
        outs: list[Any] = []
        if v.parts is None:
            outs = [self.buffer(v)]
        else:
            parts = {p.args[1]: p for p in self.graph.values if p.word == "part" and p.args[0] is v}
            outs = [self.buffer(parts[i]) if i in parts else None for i in range(len(v.parts))]
        kind = Call if known(v) else Host
        made = kind(v.word, args, kwargs, outs, label=v.word, where=v.where)
        self.nodes.append(Node(made, reads, {n for n in outs if n is not None}, step.rank, self.f.position[v]))

    # ---- buffers ------------------------------------------------------------------------------------------------

    def buffer(self, v: Value) -> int:
        """The number of the buffer of a stored value."""
        n = self.number.get(v)
        if n is None:
            name = self.names.get(v, v.word)
            if v.word == "input":
                made = Buffer("input", v.shape, v.dtype, v.args[0], name=name)
            elif v.word == "constant":
                made = Buffer("constant", v.shape, v.dtype, array=v.args[0], name=name)
            else:
                made = Buffer("temp", v.shape, v.dtype, name=name)
            n = self.number[v] = self.add(made)
        return n

    def add(self, made: Buffer) -> int:
        """Append a buffer."""
        self.buffers.append(made)
        return len(self.buffers) - 1

    def place_results(self) -> list:
        """Give results memory of their own where a step stores them; [(result, slot)] are those to be written into inputs."""
        slots = list(self.graph.writes.items())
        for i, (_, v) in enumerate(self.graph.results):
            b = base(v)
            step = self.f.made[b]
            if type(step) is Other and b.shape != v.shape:
                continue  # other words look at the shapes of their results
            if i not in self.graph.writes and b not in self.number and type(step) is not Leaf:
                self.number[b] = self.add(Buffer("result", v.shape, v.dtype, i, name=self.names.get(v, "")))
        return slots

    # ---- writing into inputs ------------------------------------------------------------------------------------

    def link(self) -> None:
        """Find who must run before whom."""
        writers: dict[int, list[Node]] = {}
        for n in sorted(self.nodes, key=lambda n: n.rank):
            for w in n.writes:
                for m in writers.setdefault(w, []):
                    _edge(m, n)
                writers[w].append(n)
        for n in self.nodes:
            for r in n.reads:
                if self.buffers[r].kind != "input":
                    for w in writers.get(r, ()):
                        if w is not n:
                            _edge(w, n)

    def write(self, slots) -> None:
        """Let steps write results straight into inputs where nobody reads the old value later."""
        self.direct: dict[int, int] = {}
        readers: dict[int, list[Node]] = {}
        writers: dict[int, list[Node]] = {}
        for n in self.nodes:
            for r in n.reads:
                readers.setdefault(r, []).append(n)
            for w in n.writes:
                writers.setdefault(w, []).append(n)
        for i, slot in slots:
            v = self.graph.results[i][1]
            b = base(v)
            old = self.number.get(b)
            if old is None:
                continue
            made = writers.get(old, [])
            if (
                b.size == 0
                or len(made) != 1
                or self.buffers[old].kind != "temp"
                or (type(made[0].step) in (Call, Host) and b.shape != v.shape)
            ):
                continue
            into = self.buffer(self.graph.inputs[slot])
            node = made[0]
            others = [n for n in readers.get(into, ()) if n is not node]
            if writers.get(into) or not _meets(node, old, into) or _reaches(node, set(others)):
                continue
            for n in others:
                _edge(n, node)
            for n in {node, *readers.get(old, ())}:
                self.rename(n, old, into)
                readers.setdefault(into, [])
            self.number[b] = into
            self.direct[i] = into
            writers[into] = [node]

    def rename(self, node: Node, old: int, new: int) -> None:
        """Let a step use another buffer; reads of what `node` itself just wrote stay ordered by the edges there are."""
        rename(node.step, old, new)
        for s in (node.reads, node.writes):
            if old in s:
                s.remove(old)
                s.add(new)

    def copies(self) -> list:
        """The buffer of each result; those that no step stores in a place of their own are copied there last."""
        results: list[int] = []
        taken: set[int] = set()
        last: list[tuple[int, int, bool]] = []  # (from, to, whether an input's old value is meant)
        for i, (_, v) in enumerate(self.graph.results):
            b = base(v)
            slot = self.graph.writes.get(i)
            if i in self.direct:
                results.append(self.direct[i])
                continue
            n = self.number.get(b)
            if slot is None and n is not None and self.buffers[n].kind == "result" and self.buffers[n].slot == i and n not in taken:
                taken.add(n)
                results.append(n)
                continue
            to = (
                self.buffer(self.graph.inputs[slot])
                if slot is not None
                else self.add(Buffer("result", v.shape, v.dtype, i, name=self.names.get(v, "")))
            )
            results.append(to)
            if b.size and b is not (self.graph.inputs[slot] if slot is not None else None):
                last.append((self.buffer(b), to, b.word == "input"))
        written = {to for _, to, _ in last} | set(self.direct.values())
        first = []
        for i, (src, to, old) in enumerate(last):  # an input that is written itself: its old value is saved first
            was = self.buffers[src]
            if old and src in written:
                saved = self.add(Buffer("temp", was.shape, was.dtype, name=was.name + "'"))
                first.append((src, saved))
                last[i] = saved, to, False
        nodes = []
        for src, to in first:
            nodes.append(self.copy(src, to, 0, -1))
        writing = {w: n for n in self.nodes for w in n.writes if self.buffers[w].kind == "input"}
        for node in nodes:
            for r in node.reads:
                if r in writing:
                    _edge(node, writing[r])
        self.nodes += nodes
        for src, to, _ in last:
            node = self.copy(src, to, 1 << 30, 1 << 30)
            if self.buffers[to].kind == "input":
                for m in self.nodes:
                    if to in m.reads and m is not node:
                        _edge(m, node)
            if src in writing:
                _edge(writing[src], node)
            self.nodes.append(node)
        return results

    def copy(self, src: int, to: int, rank: int, position: int) -> Node:
        """A nest that copies one buffer to another."""
        b = self.buffers[src]
        nest = Nest([src, to], (max(b.size, 1),), (), [Pass([Store(1, 0, (1,), Expr("load", (0, 0, (1,)), b.dtype))])], [], 0, "copy")
        return Node(nest, {src}, {to}, rank, position)


def known(v: Value) -> bool:
    """Whether a word has native code of its own."""
    from .calls import load

    return v.word in load()


def _edge(a: Node, b: Node) -> None:
    a.after.add(b)
    b.before.add(a)


def _reaches(start: Node, goals: set) -> bool:
    """Whether a goal must run after `start`."""
    if not goals:
        return False
    seen, stack = set(), list(start.after)
    while stack:
        n = stack.pop()
        if n in goals:
            return True
        if n not in seen:
            seen.add(n)
            stack.extend(n.after)
    return False


def nodes_of(exprs) -> list:
    """All expressions below some, each once."""
    seen: dict[int, Expr] = {}
    stack = list(exprs)
    while stack:
        e = stack.pop()
        if id(e) not in seen:
            seen[id(e)] = e
            stack.extend(a for a in e.args if type(a) is Expr)
    return list(seen.values())


def meets(nest: Nest, out: int, into: int) -> bool:
    """Whether buffer `out`, stored by the nest, can lie where `into` lies, which it may read: every read is of the very place that
    is stored then or later, in the same pass or an earlier one."""
    outs = [i for i, b in enumerate(nest.operands) if b == out]
    ins = {i for i, b in enumerate(nest.operands) if b == into}
    if not ins:
        return True
    first, place = None, None
    axes = len(nest.outer) + len(nest.inner)
    for p, found in enumerate([*(p.stores for p in nest.passes), nest.final]):
        for s in found:
            if s.operand in ins:
                return False
            if s.operand in outs:
                at = s.offset, s.strides + (0,) * (axes - len(s.strides))
                if place is not None and at != place:
                    return False
                place = at
                first = p if first is None else first
    if first is None:
        return False
    for p, exprs in enumerate(
        [*([s.expr for s in p.stores] + [r.expr for r in p.reduces] for p in nest.passes), [s.expr for s in nest.final]]
    ):
        for e in nodes_of(exprs):
            if e.op == "load" and e.args[0] in ins:
                if p > first or (e.args[1], e.args[2]) != place:
                    return False
            elif (e.op == "load_if" and e.args[1] in ins) or (e.op == "gather" and e.args[0] in ins):
                return False
    return True


def _meets(node: Node, old: int, into: int) -> bool:
    """Whether a step can write its result into an input that it may read."""
    if into not in node.reads:
        return True
    return type(node.step) is Nest and meets(node.step, old, into)


def rename(step, old: int, new: int) -> None:
    """Put buffer `new` in the place of `old`."""
    if type(step) is Nest:
        if new in step.operands and old in step.operands:
            i, j = step.operands.index(old), step.operands.index(new)
            _renumber(step, i, j)
        else:
            step.operands = [new if b == old else b for b in step.operands]
    elif type(step) is Gemm:
        for s in (step.a, step.b, step.c):
            if s.buffer == old:
                s.buffer = new
    else:

        def changed(x):
            if isinstance(x, Ref):
                return Ref(new, x.shape, x.number) if x.buffer == old else x
            if isinstance(x, (tuple, list)):
                return type(x)(changed(v) for v in x)
            if isinstance(x, dict):
                return {k: changed(v) for k, v in x.items()}
            if isinstance(x, slice):
                return slice(changed(x.start), changed(x.stop), changed(x.step))
            return x

        step.args, step.kwargs = changed(step.args), changed(step.kwargs)
        step.outs = [new if b == old else b for b in step.outs]


def _renumber(nest: Nest, i: int, j: int) -> None:
    """Let operand i be operand j, and close the gap."""
    to = {n: (j if n == i else n) for n in range(len(nest.operands))}
    to = {n: m - (m > i) for n, m in to.items()}
    stores = [s for p in nest.passes for s in p.stores] + nest.final
    for e in nodes_of([s.expr for s in stores] + [r.expr for p in nest.passes for r in p.reduces]):
        if e.op in ("load", "gather"):
            e.args = (to[e.args[0]], *e.args[1:])
        elif e.op == "load_if":
            e.args = (e.args[0], to[e.args[1]], *e.args[2:])
    for s in stores:
        s.operand = to[s.operand]
    del nest.operands[i]


def ordered(nodes: list) -> list:
    """The nodes in an order in which they can run: that of the program, but steps that need nothing of their neighbours come
    together, up to WINDOW places early, so that fewer barriers are needed."""
    nodes = sorted(nodes, key=lambda n: (n.position, n.rank))
    place = {n: i for i, n in enumerate(nodes)}
    waiting = {n: len(n.before) for n in nodes}
    now: list = []  # may run beside the current phase
    later: list = []  # must wait for its end
    for n in nodes:
        if not n.before:
            heapq.heappush(now, (place[n], n))
    out: list = []
    phase = 0
    while now or later:
        if not now or (later and later[0][0] + WINDOW < now[0][0]):
            phase += 1
            for x in later:
                heapq.heappush(now, x)
            later = []
        _, n = heapq.heappop(now)
        n.phase = phase
        out.append(n)
        for m in n.after:
            waiting[m] -= 1
            if not waiting[m]:
                heapq.heappush(later, (place[m], m))
    assert len(out) == len(nodes), "the steps wait for each other in a circle"
    return out
