"""Nests as kernels: the text of loops over vectors. `kernel` is the entrance.

A nest's axes become loops of three shapes, by where the vector's lanes lie:

    map      rows (the outer axes) around the lane axis; every index for itself
    row      rows around the inner axes, of which the last one has the lanes: a reduction folds its lanes at the end of a row
    column   rows around blocks of lanes around the inner axes: a reduction keeps its lanes

Depths number the loops from the outside: 0 the kernel, 1 a row, 2 ... the axes within. An expression belongs to the depth of the
innermost loop that it depends on, and is computed when that loop's body begins (`Scope`): what doesn't change in the inner loop
stands before it (emit_values.py). What doesn't depend on the lane axis is a scalar. Several blocks of lanes are worked on at once (`Copy`), and the
last, partial block of a row is masked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from .emit_key import children, key_of, ordered, roots_of, shaped, width
from .emit_reduce import Accumulator
from .emit_values import Copy, Values
from .emit_words import BOOL, cast, supported
from .ir import vector
from .nest import Buffer, Expr, Nest, Pass, Reduce, Store

__all__ = ["Emitted", "kernel", "lanes", "supported"]


@dataclass
class Emitted:
    """A kernel: its key, its text on demand, the integers that follow the operands among its arguments, and whether threads pay."""

    key: str
    build: Callable[[], str]
    integers: list[int]
    threads: bool


def kernel(nest: Nest, buffers: list[Buffer]) -> Emitted:
    """The kernel of a nest over buffers: slots 1.. are nest.operands, then the integers (rows, number of threads that pay)."""
    dtypes = [buffers[b].dtype for b in nest.operands]
    exprs = ordered(roots_of(nest))
    shape = shaped(nest, dtypes, exprs)
    return Emitted(
        key_of(nest, dtypes, shape, exprs), lambda: Writer(nest, dtypes, shape).text(), [shape.count, shape.threads], shape.threads > 1
    )


@cache
def lanes(dtype: np.dtype) -> int:
    """How many values of a dtype a vector of this machine holds."""
    return width() // np.dtype(dtype).itemsize


class Writer(Values):
    """Writes one kernel."""

    # ---- the kernel ---------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The module."""
        f, s, nest = self.f, self.shape, self.nest
        if s.empty:
            return f.text()
        self.runs = [self.run_of(p) for p in nest.passes]
        self.final = [Store(t.operand, t.offset, s.padded(t.strides), self.casted(t.expr, self.dtypes[t.operand])) for t in nest.final]
        self.last = ordered(t.expr for t in self.final)
        self.every = list({id(e): e for e in [*(e for run in self.runs for e in run.exprs), *self.last]}.values())
        self.stores = [t for run in self.runs for t in run.stores] + self.final
        for e in self.every:
            if self.wide(e):
                self.spread.update(id(c) for c in children(e) if not self.wide(c))
        self.spread.update(id(t.expr) for t in self.stores)
        self.spread.update(id(e) for run in self.runs for a in run.sums for e in (a.expr, a.position) if e is not None)
        count, useful = f.slot(1 + len(self.dtypes), "i64"), f.slot(2 + len(self.dtypes), "i64")
        length = str(s.extents[s.lane]) if s.lane >= 0 else "1"
        start, stop = self.share(count, useful, s.grain if s.loose else 1)
        with f.when(f.put(f"icmp slt i64 {start}, {stop}")), self.scope({}):
            self.prepare(self.every, self.stores, [Copy()])
            if not s.rows:
                with self.scope({}):
                    self.row(*((start, stop) if s.loose else ("0", length)))
            elif s.split_lanes:
                self.rows("0", str(s.row_count), lambda: self.row(start, stop))
            else:
                self.rows(start, stop, lambda: self.row("0", length))
        return f.text()

    def share(self, n: str, useful: str, grain: int) -> tuple[str, str]:
        """(start, stop): this thread's part of range(n); threads beyond the useful number get nothing."""
        f = self.f
        many = f.call("llvm.smin.i64", "i64", ("i64", "%nt"), ("i64", useful))
        mine = f.call("llvm.smin.i64", "i64", ("i64", "%tid"), ("i64", many))
        blocks = f.op("udiv", "i64", f.op("add", "i64", n, str(grain - 1)), str(grain)) if grain > 1 else n
        ends = []
        for t in (mine, f.call("llvm.smin.i64", "i64", ("i64", f.op("add", "i64", mine, "1")), ("i64", many))):
            x = f.op("udiv", "i64", f.op("mul", "i64", blocks, t), many)
            ends.append(f.call("llvm.smin.i64", "i64", ("i64", f.op("mul", "i64", x, str(grain))), ("i64", n)) if grain > 1 else x)
        return ends[0], ends[1]

    def rows(self, start: str, stop: str, body: Callable[[], None]) -> None:
        """The loop over rows start..stop: their indices are taken apart once and then counted up like an odometer."""
        f, s = self.f, self.shape
        axes = s.rows
        places = {}
        rest = start
        for a in axes[:0:-1]:
            n = str(s.extents[a])
            places[a] = f.variable("i64", f.op("urem", "i64", rest, n))
            rest = f.op("udiv", "i64", rest, n)
        places[axes[0]] = f.variable("i64", rest)
        with f.loop(start, stop) as i:
            single = len(axes) == 1
            indices = {axes[0]: i} if single else {a: f.load("i64", p) for a, p in places.items()}
            with self.scope(indices):
                body()
            if not single:
                carry = "1"
                for a in axes[::-1]:
                    up = f.op("add", "i64", indices[a], carry)
                    if a != axes[0]:
                        over = f.put(f"icmp eq i64 {up}, {s.extents[a]}")
                        up = f.select(over, "i64", "0", up)
                        carry = f.cast("zext", over, "i1", "i64")
                    f.store("i64", up, places[a])

    # ---- one row ------------------------------------------------------------------------------------------------

    def run_of(self, p: Pass) -> "Run":
        """A pass made ready: stores with values of their operand's dtype, accumulators, and all its expressions in order."""
        s = self.shape
        stores = [Store(t.operand, t.offset, s.padded(t.strides), self.casted(t.expr, self.dtypes[t.operand])) for t in p.stores]
        sums = [Accumulator(self, r, self.taken(r), self.position() if r.op in ("argmax", "argmin") else None) for r in p.reduces]
        roots = [t.expr for t in stores] + [x for a in sums for x in (a.expr, a.position) if x is not None]
        exprs, ends = ordered(roots), {id(e) for e in roots}
        for e in exprs:
            self.facts(e)
        return Run(stores, sums, exprs, [e for e in exprs if id(e) not in ends], s.flush() if any(a.flushes() for a in sums) else None)

    def taken(self, r: Reduce) -> Expr:
        """What a reduction takes in, in the dtype that it is kept in."""
        if r.op in ("any", "all"):
            return self.casted(r.expr, BOOL)
        if r.op in ("argmax", "argmin"):
            return self.casted(r.expr, np.dtype(np.int8)) if r.expr.dtype == BOOL else r.expr
        return self.casted(r.expr, r.dtype)

    def casted(self, e: Expr, dtype) -> Expr:
        """The expression in a dtype."""
        if e.dtype == dtype:
            return e
        made = Expr("cast", (e,), dtype)
        self.kept.append(made)
        return made

    def position(self) -> Expr:
        """The place in C order among the inner axes."""
        s, kind = self.shape, np.dtype(np.int64)
        total, step = Expr("const", (0,), kind), 1
        for a in range(len(s.extents) - 1, len(self.nest.outer) - 1, -1):
            if s.real[a]:
                term = Expr("multiply", (Expr("index", (a,), kind), Expr("const", (step,), kind)), kind)
                total = Expr("add", (term, total), kind)
            step *= s.extents[a]
        self.kept.append(total)
        return total

    def row(self, start: str, stop: str) -> None:
        """The body of a row: its passes over the lane axis start..stop."""
        if self.shape.form == "column":
            self.prepare(self.every, self.stores, [Copy()])
            self.over_lanes(start, stop, self.column)
        else:
            for run in self.runs:
                self.prepare(run.exprs, run.stores, [Copy()])
                for a in run.sums:
                    a.begin([0])
                if not self.shape.hollow:
                    self.inner(run, 0, start, stop)
                for a in run.sums:
                    self.keep(a.reduce, a.finish(0, True), Copy())
            self.finish([Copy()])

    def column(self, lane: dict[int, str], copies: list[Copy]) -> None:
        """All passes over one group of lane blocks."""
        with self.scope(lane):
            for run in self.runs:
                self.prepare(run.exprs, run.stores, copies)
                for a in run.sums:
                    a.begin([c.b for c in copies])
                if not self.shape.hollow:
                    self.inner(run, 0, "", "", copies)
                for a in run.sums:
                    for c in copies:
                        self.keep(a.reduce, a.finish(c.b, False), c)
            self.finish(copies)

    def keep(self, r: Reduce, x: str, copy: Copy) -> None:
        """A reduction's result, for all expressions that read it."""
        kind = np.dtype(np.int64) if r.op in ("argmax", "argmin") else BOOL if r.op in ("any", "all") else r.dtype
        for e in self.every:
            if e.op == "reduced" and e.args[0] is r:
                values = self.scopes[self.facts(e)[0]].values
                values[self.key(e, copy)] = cast(self.f, x, kind, e.dtype, self.lanes if self.wide(e) else 1)

    def finish(self, copies: list[Copy]) -> None:
        """What is stored once per outer index."""
        if self.final:
            self.prepare(self.last, self.final, copies)
            wide = self.shape.form == "column" and self.lanes > 1
            found = [(t, self.value(t.expr, c, wide), c) for t in self.final for c in copies]
            for t, x, c in found:
                self.store(t, x, c, wide)

    # ---- the loops within a row ---------------------------------------------------------------------------------

    def inner(self, run: "Run", depth: int, start: str, stop: str, copies: list[Copy] | None = None) -> None:
        """The loops over the inner axes from number `depth` on; `copies`: the column's lane blocks."""
        s, f = self.shape, self.f
        axes = s.loops
        if depth == len(axes):
            if s.form == "column":
                self.body(run, copies or [])
            else:
                self.over_lanes(start, stop, lambda lane, blocks: self.lane_body(run, lane, blocks), run)
            return
        a, flush = axes[depth], run.flush if run.flush and run.flush[0] == axes[depth] else None
        unroll = s.unroll if a == s.unrolled and (s.form == "column" or a == s.across) else 1

        def once(i: str, many: int) -> None:
            with self.scope({a: i}):
                these = [Copy(c.b, u, c.mask) for c in (copies or [Copy()]) for u in range(many)]
                self.tile = many if a == s.across else 1
                self.prepare(run.exprs, run.stores, these)
                self.inner(run, depth + 1, start, stop, these if copies is not None else None)
                self.tile = 1

        def between(first: str, last: str, count: int | None) -> None:
            if unroll > 1:
                main = (
                    str(int(count) // unroll * unroll)
                    if count is not None
                    else f.op("sub", "i64", last, f.op("urem", "i64", last, str(unroll)))
                )
                with f.loop(first, main, unroll) as i:
                    once(i, unroll)
                if count is None or count % unroll:
                    with f.loop(main, last) as i:
                        once(i, 1)
            else:
                with f.loop(first, last) as i:
                    once(i, 1)

        n = s.extents[a]
        if flush is None:
            between("0", str(n), n)
        else:  # in pieces, after each of which the partial sums are put aside
            with f.loop("0", str(n), flush[1]) as first:
                last = f.call("llvm.smin.i64", "i64", ("i64", f.op("add", "i64", first, str(flush[1]))), ("i64", str(n)))
                between(first, last, None)
                for acc in run.sums:
                    acc.flush()

    def over_lanes(self, start: str, stop: str, body: Callable, run: "Run | None" = None) -> None:
        """The loop over the lane axis start..stop: body(indices, copies) on groups of whole blocks, then on the rest by masks."""
        s, f, n = self.shape, self.f, self.lanes
        lane, group = s.lane, s.group
        if lane < 0:  # no axis at all: a single element
            body({}, [Copy()])
            return
        column = s.form == "column"

        def copies(count: int, masks: dict[int, str] | None = None) -> list[Copy]:
            masks = masks or {}
            if s.across >= 0:
                return [Copy(0, u, masks.get(0)) for u in range(self.tile)]
            return [Copy(k, 0, masks.get(k)) if column else Copy(0, k, masks.get(k)) for k in range(count)]

        size = None if s.loose else s.extents[lane]
        if size is not None and -(-size // n) <= group:  # few blocks: no loop
            count = -(-size // n)
            masks = {count - 1: self.first(size - (count - 1) * n)} if size % n else {}
            body({lane: "0"}, copies(count, masks))
            return
        piece = run.flush[1] if run and run.flush and run.flush[0] == lane else None
        step = group * n
        if size is not None:
            whole = str(size // step * step)
        else:
            whole = f.op("add", "i64", start, f.op("and", "i64", f.op("sub", "i64", stop, start), str(-step)))
        if piece is None:
            with f.loop(start, whole, step) as i:
                body({lane: i}, copies(group))
        else:
            with f.loop(start, whole, piece) as first:
                last = f.call("llvm.smin.i64", "i64", ("i64", f.op("add", "i64", first, str(piece))), ("i64", whole))
                with f.loop(first, last, step) as i:
                    body({lane: i}, copies(group))
                assert run is not None
                for acc in run.sums:
                    acc.flush()
        if size is not None and size % step == 0:
            return
        if n == 1 or (size is not None and size % n == 0):
            with f.loop(whole, stop, n) as i:
                body({lane: i}, copies(1))
        else:
            with f.loop(whole, stop, n) as i:
                left = f.cast("trunc", f.call("llvm.smin.i64", "i64", ("i64", f.op("sub", "i64", stop, i)), ("i64", str(n))), "i64", "i32")
                numbers = "<" + ", ".join(f"i32 {k}" for k in range(n)) + ">"
                mask = f.op("icmp slt", vector("i32", n), numbers, f.splat(left, "i32", n))
                body({lane: i}, copies(1, {0: mask}))

    def first(self, count: int) -> str:
        """The mask of the first lanes."""
        return "<" + ", ".join(f"i1 {str(k < count).lower()}" for k in range(self.lanes)) + ">"

    def lane_body(self, run: "Run", lane: dict[int, str], copies: list[Copy]) -> None:
        with self.scope(lane):
            self.body(run, copies)

    def body(self, run: "Run", copies: list[Copy]) -> None:
        """The innermost body: every copy's values, then its stores."""
        wide = self.lanes > 1
        found = []
        depth = len(self.scopes) - 1
        for c in copies:
            for e in run.inside:
                if self.facts(e)[0] == depth and e.op != "const":
                    self.value(e, c)
            found += [(t, self.value(t.expr, c, wide), c) for t in run.stores]
            for a in run.sums:
                a.take(c)
        for t, x, c in found:
            self.store(t, x, c, wide)


@dataclass
class Run:
    """A pass made ready to be written."""

    stores: list[Store]
    sums: list[Accumulator]
    exprs: list[Expr]
    inside: list[Expr]  # those of them that are parts of others
    flush: tuple | None  # see Shape.flush
