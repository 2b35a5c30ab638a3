"""Accumulators: how a reduction is kept in registers while a loop runs, and folded into one value at its end.

Each of the copies that a loop works on has an accumulator of its own, so that they don't wait for one another; long sums of floats
are put aside piece by piece (`flush`), which keeps their rounding errors small.
"""

from typing import TYPE_CHECKING

import numpy as np

from .emit_words import BOOL, Word, constant, register
from .ir import vector
from .nest import Expr, Reduce

if TYPE_CHECKING:
    from .emit import Copy, Writer

LAST = 2**63 - 1  # a place behind all others


class Accumulator:
    """One reduction: `expr` is what it takes, `position` (argmax, argmin) the place of that among the inner axes."""

    def __init__(self, writer: "Writer", reduce: Reduce, expr: Expr, position: Expr | None):
        self.w, self.reduce, self.expr, self.position = writer, reduce, expr, position
        self.op, self.dtype = reduce.op, expr.dtype
        self.column = writer.shape.form == "column"
        self.places: dict[tuple[int, int], list[str]] = {}  # (b, u): where the accumulator lies, argmax: and its position
        self.totals: dict[int, str] = {}  # b: what has been put aside

    # ---- neutral elements and combination -----------------------------------------------------------------------

    def neutral(self, lanes: int) -> str:
        """What changes nothing."""
        dtype, op = self.dtype, self.op
        x: float
        if op in ("sum", "any"):
            x = 0
        elif op in ("prod", "all"):
            x = 1
        elif dtype.kind == "f":
            x = -np.inf if op in ("max", "argmax") else np.inf
        elif dtype == BOOL:
            x = op == "min"
        else:
            x = int(np.iinfo(dtype).min if op in ("max", "argmax") else np.iinfo(dtype).max)
        return constant(x, dtype, lanes)

    def combine(self, a: list[str], b: list[str], lanes: int) -> list[str]:
        """a and b as one; for argmax each is (value, place)."""
        word = Word(self.w.f, self.dtype, lanes)
        if self.op == "sum":
            return [word.do_add(a[0], b[0])]
        if self.op == "prod":
            return [word.do_multiply(a[0], b[0])]
        if self.op in ("max", "min"):
            return [word.extreme("gt" if self.op == "max" else "lt", b[0], a[0])]
        if self.op in ("any", "all"):
            return [word.f.op("or" if self.op == "any" else "and", word.type, a[0], b[0])]
        # The better value; of equal ones the earlier place; NaN before all.
        f, kind = self.w.f, vector("i64", lanes)
        earlier = f.op("icmp slt", kind, b[1], a[1])
        better = word.test("gt" if self.op == "argmax" else "lt", b[0], a[0])
        same = word.test("eq", b[0], a[0])
        if word.float:
            nan_a, nan_b = word.nan(a[0]), word.nan(b[0])
            better = word.either(better, word.both(nan_b, word.flip(nan_a)))
            same = word.either(same, word.both(nan_a, nan_b))
        take = word.either(better, word.both(same, earlier))
        return [word.pick(take, b[0], a[0]), f.select(take, kind, b[1], a[1], vector("i1", lanes))]

    def kinds(self, lanes: int) -> list[str]:
        """The registers that it occupies."""
        return [register(self.dtype, lanes)] + ([vector("i64", lanes)] if self.position else [])

    def start(self, lanes: int) -> list[str]:
        """Their values before anything was taken."""
        return [self.neutral(lanes)] + ([constant(LAST, np.dtype(np.int64), lanes)] if self.position else [])

    # ---- while the loop runs ------------------------------------------------------------------------------------

    def begin(self, blocks: list[int]) -> None:
        """Before the loop: all accumulators neutral."""
        s, f, n = self.w.shape, self.w.f, self.w.lanes
        copies = s.unroll if self.column else s.group
        self.places = {(b, u): [f.variable(k, x) for k, x in zip(self.kinds(n), self.start(n))] for b in blocks for u in range(copies)}
        self.totals = {b: f.variable(self.kinds(n)[0], self.neutral(n)) for b in blocks} if self.flushes() else {}

    def flushes(self) -> bool:
        """Whether long loops of it are cut into pieces."""
        return self.op == "sum" and self.dtype.kind == "f" and self.w.shape.flush() is not None

    def take(self, copy: "Copy") -> None:
        """One copy's value."""
        w, f, n = self.w, self.w.f, self.w.lanes
        kinds, places = self.kinds(n), self.places[copy.b, copy.u]
        old = [f.load(k, p) for k, p in zip(kinds, places)]
        e, masked = self.expr, copy.mask is not None and not self.column
        product = e.op in ("multiply", "square") and self.op == "sum" and e.dtype.kind == "f" and not masked and (w.wide(e) or n == 1)
        if product and all(isinstance(a, Expr) and a.dtype == e.dtype for a in e.args):
            factors = [w.value(a, copy, n > 1) for a in e.args]
            new = [Word(f, self.dtype, n).m.fma(factors[0], factors[-1], old[0])]
        else:
            taken = [w.value(e, copy, n > 1)] + ([w.value(self.position, copy, n > 1)] if self.position else [])
            if masked:
                taken = [f.select(str(copy.mask), k, x, y, vector("i1", n)) for k, x, y in zip(kinds, taken, self.start(n))]
            new = self.combine(old, taken, n)
        for k, x, p in zip(kinds, new, places):
            f.store(k, x, p)

    def gathered(self, b: int) -> list[str]:
        """All copies of a block as one."""
        f, n = self.w.f, self.w.lanes
        kinds = self.kinds(n)
        found = [[f.load(k, p) for k, p in zip(kinds, places)] for (block, _), places in self.places.items() if block == b]
        while len(found) > 1:
            found = [self.combine(found[i], found[i + 1], n) if i + 1 < len(found) else found[i] for i in range(0, len(found), 2)]
        return found[0]

    def flush(self) -> None:
        """Put the partial sums aside and begin anew."""
        f, n = self.w.f, self.w.lanes
        for b, place in self.totals.items():
            kind = self.kinds(n)[0]
            f.store(kind, self.combine([f.load(kind, place)], self.gathered(b), n)[0], place)
            for (block, _), places in self.places.items():
                if block == b:
                    f.store(kind, self.neutral(n), places[0])

    def finish(self, b: int, fold: bool) -> str:
        """The result of a block; `fold`: of all its lanes."""
        f, n = self.w.f, self.w.lanes
        found = self.gathered(b)
        if b in self.totals:
            found = self.combine([f.load(self.kinds(n)[0], self.totals[b])], found, n)
        while fold and n > 1:
            half = n // 2
            low, high = ([self.part(x, k, n, start, half) for x, k in zip(found, self.kinds(1))] for start in (0, half))
            found, n = self.combine(low, high, half), half
        return found[-1]

    def part(self, x: str, kind: str, lanes: int, start: int, count: int) -> str:
        """`count` lanes from `start` on."""
        f = self.w.f
        if count == 1:
            return f.put(f"extractelement {vector(kind, lanes)} {x}, i64 {start}")
        places = ", ".join(f"i32 {start + i}" for i in range(count))
        full = vector(kind, lanes)
        return f.put(f"shufflevector {full} {x}, {full} poison, <{count} x i32> <{places}>")
