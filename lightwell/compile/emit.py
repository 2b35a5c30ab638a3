"""Nests as kernels: the text of loops over vectors. `kernel` is the entrance.

A nest's axes become loops of three shapes, by where the vector's lanes lie:

    map      rows (the outer axes) around the lane axis; every index for itself
    row      rows around the inner axes, of which the last one has the lanes: a reduction folds its lanes at the end of a row
    column   rows around blocks of lanes around the inner axes: a reduction keeps its lanes

Depths number the loops from the outside: 0 the kernel, 1 a row, 2 ... the axes within. An expression belongs to the depth of the
innermost loop that it depends on, and is computed when that loop's body begins (`Scope`): what doesn't change in the inner loop
stands before it. What doesn't depend on the lane axis is a scalar. Several blocks of lanes are worked on at once (`Copy`), and the
last, partial block of a row is masked.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np

from .emit_key import Shape, key_of, shaped
from .emit_reduce import Accumulator
from .emit_rewrite import rewritten
from .emit_words import BOOL, Word, cast, constant, narrow, register, supported, widen
from .ir import Function, type_of, vector
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
    shape = shaped(nest, dtypes)
    return Emitted(key_of(nest, dtypes, shape), lambda: Writer(nest, dtypes, shape).text(), [shape.count, shape.threads], shape.threads > 1)


@cache
def lanes(dtype: np.dtype) -> int:
    """How many values of a dtype a vector of this machine holds."""
    from .emit_key import width

    return width() // np.dtype(dtype).itemsize


@dataclass(frozen=True)
class Copy:
    """One of the blocks worked on at once: number `b` of lane blocks (column) and `u` of the innermost loop's; the mask of its lanes."""

    b: int = 0
    u: int = 0
    mask: str | None = None


class Scope:
    """What has been computed at one depth."""

    def __init__(self):
        self.values: dict[tuple, str] = {}
        self.indices: dict[int, str] = {}  # axis: its loop index


class Writer:
    """Writes one kernel."""

    def __init__(self, nest: Nest, dtypes: list, shape: Shape):
        self.nest, self.dtypes, self.shape, self.f = rewritten(nest), dtypes, shape, Function()
        self.lanes = shape.lanes
        self.scopes: list[Scope] = []
        self.about: dict[int, tuple[int, bool, bool]] = {}
        self.kept: list = []  # expressions made here, whose identity must last

    # ---- what an expression depends on --------------------------------------------------------------------------

    def facts(self, e: Expr) -> tuple[int, bool, bool]:
        """(depth, whether it varies along the lanes, whether along the unrolled axis)."""
        told = self.about.get(id(e))
        if told is None:
            told = self.about[id(e)] = self._facts(e)
        return told

    def _facts(self, e: Expr) -> tuple[int, bool, bool]:
        s = self.shape
        depth, wide, many = 0, False, False
        axes: Iterable[int] = ()
        if e.op == "load":
            axes = [a for a, t in enumerate(e.args[2]) if t and s.real[a]]
        elif e.op == "load_if":
            axes = [a for a, t in enumerate(e.args[3]) if t and s.real[a]]
        elif e.op == "index":
            axes = [e.args[0]] if s.real[e.args[0]] else []
        elif e.op == "reduced":
            depth, wide = (2, True) if s.form == "column" else (1, False)
        for a in axes:
            depth, wide, many = max(depth, s.depth[a]), wide or a == s.lane, many or a == s.unrolled
        for child in children(e):
            d, w, m = self.facts(child)
            depth, wide, many = max(depth, d), wide or w, many or m
        return depth, wide, many

    def order(self, roots: Iterable[Expr]) -> list[Expr]:
        """All expressions below the roots, operands first."""
        seen: set[int] = set()
        out: list[Expr] = []

        def visit(e):
            if id(e) not in seen:
                seen.add(id(e))
                for c in children(e):
                    visit(c)
                out.append(e)

        for r in roots:
            visit(r)
        return out

    # ---- values -------------------------------------------------------------------------------------------------

    def key(self, e: Expr, copy: Copy) -> tuple:
        """Under which name a copy's value is kept: copies share what doesn't vary between them."""
        _, along, many = self.facts(e)
        return id(e), copy.b if along and self.shape.form == "column" else 0, copy.u if many else 0

    def wide(self, e: Expr) -> bool:
        """Whether an expression's value is a vector."""
        return self.facts(e)[1] and self.lanes > 1

    def value(self, e: Expr, copy: Copy, wide: bool = False) -> str:
        """The register of an expression; `wide`: as a vector, even where it is the same in all lanes."""
        depth, own = self.facts(e)[0], self.wide(e)
        if e.op == "const":
            return constant(e.args[0], e.dtype, self.lanes if wide else 1)
        values, name = self.scopes[depth].values, self.key(e, copy)
        if name not in values:
            values[name] = self.compute(e, copy, own)
        if not wide or own or self.lanes == 1:
            return values[name]
        spread = ("spread", *name)
        if spread not in values:
            values[spread] = self.f.splat(values[name], register(e.dtype), self.lanes)
        return values[spread]

    def compute(self, e: Expr, copy: Copy, wide: bool) -> str:
        """Write the instructions of an expression whose operands are known."""
        f, n = self.f, self.lanes if wide else 1
        if e.op == "load":
            return self.load(e.args[0], e.args[1], e.args[2], copy, n)
        if e.op == "load_if":
            return self.load_if(e, copy, n)
        if e.op == "gather":
            operand, at = e.args
            dtype = self.dtypes[operand]
            base = self.base(operand)
            return self.fetch(dtype, base, self.value(at, copy, n > 1), n, copy.mask, None)
        if e.op == "number":
            x = f.load("double", f.at(f.slot(0), "double", str(e.args[0])))
            return cast(f, x, np.dtype(np.float64), e.dtype, 1)
        if e.op == "index":
            return self.index(e.args[0], copy, n)
        if e.op == "reduced":
            raise KeyError("a reduction is read before its pass")
        if e.op == "cast":
            return cast(f, self.value(e.args[0], copy, n > 1), e.args[0].dtype, e.dtype, n)
        return self.word(e, copy, n)

    def word(self, e: Expr, copy: Copy, n: int) -> str:
        """A word of the vocabulary, on operands of one dtype."""
        operands = [a for a in e.args if isinstance(a, Expr)]
        params = tuple(a for a in e.args if not isinstance(a, Expr))
        if e.op == "where":
            kinds = [BOOL, e.dtype, e.dtype]
        else:
            dtype = np.result_type(*(a.dtype for a in operands))
            if e.dtype.kind == "f" and dtype.kind != "f":
                dtype = e.dtype
            kinds = [dtype] * len(operands)
        args = [cast(self.f, self.value(a, copy, n > 1), a.dtype, k, n) for a, k in zip(operands, kinds)]
        exponent = operands[1].args[0] if e.op == "pow" and operands[1].op == "const" else None
        plain = tuple(i for i, a in enumerate(operands) if a.op == "const" and a.args[0] == a.args[0])
        dtype = kinds[-1]
        x = Word(self.f, dtype, n).call(e.op, args, params, exponent, plain)
        return cast(self.f, x, BOOL if e.op in TRUTH else dtype, e.dtype, n)

    def index(self, axis: int, copy: Copy, n: int) -> str:
        """A loop index, as int64."""
        f, s = self.f, self.shape
        if not s.real[axis]:
            return "0"
        i = self.scopes[s.depth[axis]].indices[axis]
        ahead = self.ahead(axis, copy)
        if axis == s.lane and n > 1:
            steps = "<" + ", ".join(f"i64 {ahead + k}" for k in range(n)) + ">"
            return f.op("add", vector("i64", n), f.splat(i, "i64", n), steps)
        return f.op("add", "i64", i, str(ahead)) if ahead else i

    def ahead(self, axis: int, copy: Copy) -> int:
        """How far a copy lies from the loop's index along an axis."""
        s = self.shape
        if axis == s.lane:
            return (copy.b if s.form == "column" else copy.u) * self.lanes
        return copy.u if axis == s.unrolled else 0

    # ---- memory -------------------------------------------------------------------------------------------------

    def base(self, operand: int) -> str:
        """The address of an operand's first element."""
        values = self.scopes[0].values
        if ("base", operand) not in values:
            values["base", operand] = self.f.slot(1 + operand)
        return values["base", operand]

    def address(self, operand: int, offset: int, strides: tuple, depth: int) -> str:
        """The address of a load or store at the indices of the loops down to a depth."""
        s = self.shape
        mine = [a for a, t in enumerate(strides) if t and s.real[a] and s.depth[a] == depth]
        if depth and not mine:
            return self.address(operand, offset, strides, depth - 1)
        upper = tuple(t if s.real[a] and s.depth[a] <= depth else 0 for a, t in enumerate(strides))
        values, name = self.scopes[depth].values, ("address", operand, offset, upper)
        if name not in values:
            kind = type_of(self.dtypes[operand])
            if not depth:
                base = self.base(operand)
                values[name] = self.f.put(f"getelementptr {kind}, ptr {base}, i64 {offset}") if offset else base
            else:
                above = self.address(operand, offset, strides, depth - 1)
                for a in mine:
                    i = self.scopes[depth].indices[a]
                    step = self.f.op("mul", "i64", i, str(strides[a])) if strides[a] != 1 else i
                    above = self.f.put(f"getelementptr {kind}, ptr {above}, i64 {step}")
                values[name] = above
        return values[name]

    def place(self, operand: int, offset: int, strides: tuple, copy: Copy, depth: int) -> str:
        """The address of a copy's (first) element."""
        p = self.address(operand, offset, strides, depth)
        s = self.shape
        moved = sum(strides[a] * self.ahead(a, copy) for a in {s.lane, s.unrolled} if a >= 0 and a < len(strides) and s.real[a])
        return self.f.put(f"getelementptr {type_of(self.dtypes[operand])}, ptr {p}, i64 {moved}") if moved else p

    def stride(self, strides: tuple) -> int:
        """The stride along the lanes."""
        s = self.shape
        return strides[s.lane] if s.lane < len(strides) and s.real[s.lane] else 0

    def load(self, operand: int, offset: int, strides: tuple, copy: Copy, n: int) -> str:
        """A scalar or a vector out of memory."""
        f, dtype = self.f, self.dtypes[operand]
        kind = type_of(dtype)
        p = self.place(operand, offset, strides, copy, len(self.scopes) - 1)
        if n == 1:
            return narrow(f, f.load(kind, p, dtype.itemsize), dtype, 1)
        step = self.stride(strides)
        if step == -1 and copy.mask is None:
            back = f.put(f"getelementptr {kind}, ptr {p}, i64 {1 - n}")
            x = f.load(vector(kind, n), back, dtype.itemsize)
            turn = ", ".join(f"i32 {n - 1 - k}" for k in range(n))
            x = f.put(f"shufflevector {vector(kind, n)} {x}, {vector(kind, n)} poison, <{n} x i32> <{turn}>")
            return narrow(f, x, dtype, n)
        if step == 1:
            return self.masked(dtype, p, n, copy.mask, None)
        return self.fetch(dtype, p, steps(step, n), n, copy.mask, None)

    def masked(self, dtype, p: str, n: int, mask: str | None, other: str | None) -> str:
        """Neighbouring elements at an address, those of the mask."""
        f, kind = self.f, vector(type_of(dtype), n)
        if mask is None:
            return narrow(f, f.load(kind, p, dtype.itemsize), dtype, n)
        name = f"llvm.masked.load.v{n}{short(dtype)}.p0"
        args = (("ptr", p), ("i32", str(dtype.itemsize)), (vector("i1", n), mask), (kind, other or "zeroinitializer"))
        return narrow(f, f.call(name, kind, *args), dtype, n)

    def fetch(self, dtype, base: str, at: str, n: int, mask: str | None, other: str | None) -> str:
        """Elements at places `at` behind an address."""
        f, kind = self.f, type_of(dtype)
        if n == 1:
            return narrow(f, f.load(kind, f.put(f"getelementptr {kind}, ptr {base}, i64 {at}"), dtype.itemsize), dtype, 1)
        pointers = f.put(f"getelementptr {kind}, ptr {base}, {vector('i64', n)} {at}")
        name = f"llvm.masked.gather.v{n}{short(dtype)}.v{n}p0"
        args = (
            (vector("ptr", n), pointers), ("i32", str(dtype.itemsize)), (vector("i1", n), mask or "splat (i1 true)"),
            (vector(kind, n), other or "zeroinitializer"),
        )  # fmt: skip
        return narrow(f, f.call(name, vector(kind, n), *args), dtype, n)

    def load_if(self, e: Expr, copy: Copy, n: int) -> str:
        """A load where a condition holds, which touches no memory elsewhere."""
        f = self.f
        cond, operand, offset, strides, other = e.args
        dtype = self.dtypes[operand]
        if not isinstance(other, Expr):
            other = Expr("const", (other,), dtype)
            self.kept.append(other)
        depth = len(self.scopes) - 1
        if n == 1:
            place = f.variable(register(dtype), cast(f, self.value(other, copy), other.dtype, dtype, 1))
            with f.when(self.value(cond, copy)):
                p = self.place(operand, offset, strides, copy, depth)
                f.store(register(dtype), narrow(f, f.load(type_of(dtype), p, dtype.itemsize), dtype, 1), place)
            return f.load(register(dtype), place)
        mask = self.value(cond, copy, True)
        if copy.mask is not None:
            mask = f.op("and", vector("i1", n), mask, copy.mask)
        rest = widen(f, cast(f, self.value(other, copy, True), other.dtype, dtype, n), dtype, n)
        p = self.place(operand, offset, strides, copy, depth)
        step = self.stride(strides)
        if step == 1:
            return self.masked(dtype, p, n, mask, rest)
        return self.fetch(dtype, p, steps(step, n), n, mask, rest)

    def store(self, s: Store, x: str, copy: Copy, wide: bool) -> None:
        """Write a value (of the operand's dtype) to its place."""
        f, dtype = self.f, self.dtypes[s.operand]
        kind, n = type_of(dtype), self.lanes if wide else 1
        x = widen(f, x, dtype, n)
        p = self.place(s.operand, s.offset, s.strides, copy, len(self.scopes) - 1)
        if n == 1:
            f.store(kind, x, p, dtype.itemsize)
            return
        step, bits = self.stride(s.strides), vector("i1", n)
        if step == 1 and copy.mask is None:
            f.store(vector(kind, n), x, p, dtype.itemsize)
        elif step == 1:
            args = ((vector(kind, n), x), ("ptr", p), ("i32", str(dtype.itemsize)), (bits, copy.mask))
            f.call(f"llvm.masked.store.v{n}{short(dtype)}.p0", "void", *args)
        else:
            pointers = f.put(f"getelementptr {kind}, ptr {p}, {vector('i64', n)} {steps(step, n)}")
            args = (
                (vector(kind, n), x),
                (vector("ptr", n), pointers),
                ("i32", str(dtype.itemsize)),
                (bits, copy.mask or "splat (i1 true)"),
            )
            f.call(f"llvm.masked.scatter.v{n}{short(dtype)}.v{n}p0", "void", *args)

    # ---- scopes -------------------------------------------------------------------------------------------------

    @contextmanager
    def scope(self, indices: dict[int, str]) -> Iterator[None]:
        """One depth more, whose loops' indices are given."""
        made = Scope()
        made.indices = indices
        self.scopes.append(made)
        yield
        self.scopes.pop()

    def prepare(self, exprs: list[Expr], stores: list[Store], copies: list[Copy]) -> None:
        """At the beginning of a loop's body: compute what belongs to this depth, and the addresses of what lies deeper."""
        depth = len(self.scopes) - 1
        for e in exprs:
            d, own = self.facts(e)[0], self.wide(e)
            if e.op == "const" or (e.op == "reduced" and not self.known(e, copies[0])):
                continue
            if d == depth:
                for c in copies:
                    self.value(e, c)
                    if not own and id(e) in self.spread:
                        self.value(e, c, True)
            elif d > depth and e.op in ("load", "load_if"):
                operand, offset, strides = e.args[:3] if e.op == "load" else e.args[1:4]
                self.address(operand, offset, strides, depth)
            elif d > depth and e.op == "gather":
                self.base(e.args[0])
        for s in stores:
            self.address(s.operand, s.offset, s.strides, depth)

    def known(self, e: Expr, copy: Copy) -> bool:
        """Whether a reduction's result is there."""
        return self.key(e, copy) in self.scopes[self.facts(e)[0]].values if self.facts(e)[0] < len(self.scopes) else False

    # ---- the kernel ---------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The module."""
        f, s, nest = self.f, self.shape, self.nest
        self.spread: set[int] = set()
        if s.empty:
            return f.text()
        self.runs = [self.run_of(p) for p in nest.passes]
        self.final = [Store(t.operand, t.offset, s.padded(t.strides), self.casted(t.expr, self.dtypes[t.operand])) for t in nest.final]
        self.last = self.order(t.expr for t in self.final)
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
        return Run(stores, sums, self.order(roots), s.flush() if any(a.flushes() for a in sums) else None)

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
        unroll = s.unroll if s.form == "column" and depth == len(axes) - 1 else 1

        def once(i: str, many: int) -> None:
            with self.scope({a: i}):
                these = [Copy(c.b, u, c.mask) for c in copies for u in range(many)] if copies is not None else None
                self.prepare(run.exprs, run.stores, these or [Copy()])
                self.inner(run, depth + 1, start, stop, these)

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
        for c in copies:
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
    flush: tuple | None  # see Shape.flush


TRUTH = frozenset(
    "equal not_equal less less_equal greater greater_equal isnan isinf isfinite signbit logical_and logical_or logical_xor logical_not".split()
)


def children(e: Expr) -> list[Expr]:
    """The expressions that an expression is made of."""
    return [a for a in e.args if isinstance(a, Expr)]


def steps(stride: int, n: int) -> str:
    """The constant vector 0, stride, 2·stride, ..."""
    return "<" + ", ".join(f"i64 {k * stride}" for k in range(n)) + ">"


def short(dtype) -> str:
    """A type as intrinsics' names have it."""
    kind = type_of(dtype)
    return {"float": "f32", "double": "f64"}.get(kind, kind)
