"""What the native recurrent layers are put together from: vectors along the batch, register tiles, transposed copies, products.

Within, a step's values lie as (features, batch), as in backend/recurrent.py: lanes run along the batch, whatever the
number of features, and a tile of a product W·h is a few rows of W against two vectors of the batch, held in registers
over the whole of the inner dimension. A tile that covers one feature in all its gates has all that the cell needs.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .ir import Function, real, vector
from .vectormath import Math, features

BITS = {"float": 32, "double": 64}


def lanes(kind: str) -> int:
    """How many values of a kind this processor's vectors hold."""
    had = features()
    return (64 if "avx512f" in had else 32 if "avx" in had else 16) * 8 // BITS[kind]


def registers() -> int:
    """How many vectors this processor's registers hold."""
    return 32 if "avx512f" in features() or "neon" in features() else 16


@dataclass(frozen=True)
class Vec:
    """A vector of a column block: its place, its lanes, and how many of them count."""

    offset: int
    lanes: int
    used: int


class Code:
    """A function being written whose arrays hold one kind of float, with vectors along a batch of `batch` columns."""

    def __init__(self, kind: str, batch: int):
        self.f, self.kind, self.batch, self.lanes = Function(), kind, batch, lanes(kind)
        self.bytes = BITS[kind] // 8
        self.count = "0"  # of steps

    # ---- arithmetic on vectors ----------------------------------------------------------------------------------

    def _typed(self, n: int) -> tuple[str, str]:
        """(the vector's type, its name within intrinsics)."""
        letter = f"f{BITS[self.kind]}"
        return vector(self.kind, n), letter if n == 1 else f"v{n}{letter}"

    def math(self, v: Vec) -> Math:
        """Arithmetic on such vectors."""
        return Math(self.f, self.kind, v.lanes)

    def fma(self, a: str, b: str, c: str, v: Vec) -> str:
        """a·b + c, rounded once."""
        return self.math(v).fma(a, b, c)

    def splat(self, scalar: str, v: Vec) -> str:
        """A vector full of a scalar."""
        return self.f.splat(scalar, self.kind, v.lanes)

    # ---- memory -------------------------------------------------------------------------------------------------

    def at(self, pointer: str, *indices: str | int) -> str:
        """The address `indices` elements further on, in all."""
        for i in indices:
            if str(i) != "0":
                pointer = self.f.at(pointer, self.kind, str(i))
        return pointer

    def scalar(self, pointer: str) -> str:
        """The number at an address."""
        return self.f.load(self.kind, pointer)

    def load(self, pointer: str, v: Vec, offset: int = 0) -> str:
        """The vector whose block begins at `pointer` + offset."""
        where, (kind, name) = self.at(pointer, offset + v.offset), self._typed(v.lanes)
        if v.used == v.lanes:
            return self.f.load(kind, where, self.bytes)
        mask = vector("i1", v.lanes)
        self.f.declare(f"declare {kind} @llvm.masked.load.{name}.p0(ptr, {mask}, {kind})")
        arguments = f"ptr align {self.bytes} {where}, {mask} {_mask(v)}, {kind} zeroinitializer"
        return self.f.put(f"call {kind} @llvm.masked.load.{name}.p0({arguments})")

    def store(self, x: str, pointer: str, v: Vec, offset: int = 0) -> None:
        """Write the vector whose block begins at `pointer` + offset."""
        where, (kind, name) = self.at(pointer, offset + v.offset), self._typed(v.lanes)
        if v.used == v.lanes:
            self.f.store(kind, x, where, self.bytes)
            return
        mask = vector("i1", v.lanes)
        self.f.declare(f"declare void @llvm.masked.store.{name}.p0({kind}, ptr, {mask})")
        self.f.do(f"call void @llvm.masked.store.{name}.p0({kind} {x}, ptr align {self.bytes} {where}, {mask} {_mask(v)})")

    def prefetch(self, pointer: str) -> None:
        """Ask for the line at an address to be brought near."""
        self.f.call("llvm.prefetch.p0", "void", ("ptr", pointer), ("i32", "0"), ("i32", "3"), ("i32", "1"))

    # ---- loops --------------------------------------------------------------------------------------------------

    def mul64(self, *factors: str | int) -> str:
        """A product of integers."""
        out = ""
        for x in map(str, factors):
            out = x if out in ("", "1") else out if x == "1" else self.f.put(f"mul i64 {out}, {x}")
        return out

    def add64(self, a: str | int, b: str | int) -> str:
        """A sum of integers."""
        return self.f.put(f"add i64 {a}, {b}")

    def columns(self, body: Callable[[str, list[Vec]], None]) -> None:
        """Write body(first column, vectors) for all columns: blocks of two vectors, and what is left of them."""
        whole, rest = divmod(self.batch, 2 * self.lanes)
        pair = [Vec(0, self.lanes, self.lanes), Vec(self.lanes, self.lanes, self.lanes)]
        if whole == 1:
            body("0", pair)
        elif whole:
            with self.f.loop("0", str(whole * 2 * self.lanes), 2 * self.lanes) as column:
                body(column, pair)
        if rest:
            body(str(whole * 2 * self.lanes), self.vectors(rest))

    def vectors(self, n: int) -> list[Vec]:
        """The vectors that cover n columns."""
        out = [Vec(i, self.lanes, self.lanes) for i in range(0, n - self.lanes + 1, self.lanes)]
        rest = n % self.lanes
        if rest:
            out.append(Vec(n - rest, 1 << (rest - 1).bit_length(), rest))
        return out

    def features(self, size: int, step: int, body: Callable[[str, int], None]) -> None:
        """Write body(first feature, how many) for this thread's part of `size` features, `step` at a time."""
        start, stop = self.f.share(str(size), step)
        whole = size // step * step
        if whole:
            last = stop
            if whole < size:
                last = self.f.call("llvm.smin.i64", "i64", ("i64", stop), ("i64", str(whole)))
            with self.f.loop(start, last, step) as j:
                body(j, step)
        if whole < size:
            some = self.f.put(f"icmp slt i64 {start}, {stop}")
            mine = self.f.put(f"icmp eq i64 {stop}, {size}")
            with self.f.when(self.f.put(f"and i1 {some}, {mine}")):
                body(str(whole), size - whole)

    @contextmanager
    def steps(self, reverse: bool) -> Iterator[tuple[str, str, str]]:
        """for each of `count` steps: (step, place of the state before it, place of the state after it)."""
        with self.f.loop("0", self.count) as s:
            if reverse:
                before = self.f.put(f"sub i64 {self.count}, {s}")
                after = self.f.put(f"sub i64 {before}, 1")
                yield after, before, after
            else:
                yield s, s, self.add64(s, 1)

    # ---- register tiles -----------------------------------------------------------------------------------------

    def product(
        self, start: list[list[str]], w: str, w_step: int, rows: list[int], b: str, inner: str | int, vecs: list[Vec], unroll: int = 0
    ) -> list:
        """start[i][v] + Σₖ w[k·w_step + rows[i]]·b[k·batch + v]: a tile of W·h, its sums in registers.

        An `inner` that is known only at run time is a multiple of `unroll`.
        """
        f, unroll = self.f, unroll or (4 if len(rows) * len(vecs) <= 16 else 2)
        sums = [[f.variable(self._typed(v.lanes)[0], x) for v, x in zip(vecs, row)] for row in start]

        def accumulate(k: str, copies: int) -> None:
            left, right = self.at(w, self.mul64(k, w_step)), self.at(b, self.mul64(k, self.batch))
            for u in range(copies):
                columns = [self.load(right, v, u * self.batch) for v in vecs]
                for i, row in enumerate(rows):
                    x = self.scalar(self.at(left, u * w_step + row))
                    wide = {v.lanes: self.splat(x, v) for v in vecs}
                    for place, column, v in zip(sums[i], columns, vecs):
                        kind = self._typed(v.lanes)[0]
                        f.store(kind, self.fma(wide[v.lanes], column, f.load(kind, place), v), place)

        if isinstance(inner, int):
            whole = inner // unroll * unroll
            if whole:
                with f.loop("0", str(whole), unroll) as k:
                    accumulate(k, unroll)
            if inner > whole:
                accumulate(str(whole), inner - whole)
        else:
            with f.loop("0", inner, unroll) as k:
                accumulate(k, unroll)
        return [[f.load(self._typed(v.lanes)[0], place) for v, place in zip(vecs, row)] for row in sums]

    def dots(self, w: str, h: str, inner: int, v: Vec) -> str:
        """Rows of W, one for each number that counts in v, times one column h: lanes along the inner dimension."""
        f, full = self.f, Vec(0, self.lanes, self.lanes)
        kind, m = self._typed(self.lanes)[0], self.math(full)
        sums = [f.variable(kind, "zeroinitializer") for _ in range(v.used)]

        def accumulate(k: str, part: Vec) -> None:
            column, row = self.load(self.at(h, k), part), self.at(w, k)
            for i, place in enumerate(sums):
                f.store(kind, m.fma(self.load(row, part, i * inner), column, f.load(kind, place)), place)

        whole = inner // self.lanes * self.lanes
        with f.loop("0", str(whole), self.lanes) as k:
            accumulate(k, full)
        if inner > whole:
            accumulate(str(whole), Vec(0, self.lanes, inner - whole))
        found = [f.load(kind, place) for place in sums] + ["zeroinitializer"] * (v.lanes - v.used)
        while len(found) > 1:  # neighbouring lanes are added, two vectors becoming one
            found = [self._neighbours(a, b, self.lanes) for a, b in zip(found[::2], found[1::2])]
        out, n = found[0], self.lanes
        while n > v.lanes:
            n //= 2
            out = self._neighbours(out, "poison", n, 2 * n)
        return out

    def _neighbours(self, a: str, b: str, n: int, had: int = 0) -> str:
        """The first n sums of two neighbouring lanes each of a, then b."""
        f, kind = self.f, vector(self.kind, had or n)
        halves = []
        for odd in range(2):
            lanes_ = ", ".join(f"i32 {2 * i + odd}" for i in range(n))
            halves.append(f.put(f"shufflevector {kind} {a}, {kind} {b}, <{n} x i32> <{lanes_}>"))
        if n == 1:
            halves = [f.put(f"extractelement <1 x {self.kind}> {x}, i64 0") for x in halves]
        return f.op("fadd", vector(self.kind, n), *halves)

    def spread(self, start: list[str], w: str, w_row: int, column: str, inner: str, vecs: list[Vec]) -> list[str]:
        """start[v] + Σₖ w[k·w_row + v]·column[k]: a row of W after the other, lanes along it."""
        f = self.f
        sums = [f.variable(self._typed(v.lanes)[0], x) for v, x in zip(vecs, start)]
        with f.loop("0", inner) as k:
            x, row = self.scalar(self.at(column, k)), self.at(w, self.mul64(k, w_row))
            wide = {v.lanes: self.splat(x, v) for v in vecs}
            for place, v in zip(sums, vecs):
                kind = self._typed(v.lanes)[0]
                f.store(kind, self.fma(wide[v.lanes], self.load(row, v), f.load(kind, place), v), place)
        return [f.load(self._typed(v.lanes)[0], place) for v, place in zip(vecs, sums)]

    # ---- copies -------------------------------------------------------------------------------------------------

    def transpose(self, source: str, target: str, rows: int, cols: int, source_row: str | int, target_row: str | int) -> None:
        """target[j, i] = source[i, j] for rows × cols, rows of either `source_row` and `target_row` elements apart."""
        f, size = self.f, min(self.lanes, 1 << (rows.bit_length() - 1), 1 << (cols.bit_length() - 1))
        tall, wide = rows // size * size, cols // size * size
        with f.loop("0", str(tall), size) as i, f.loop("0", str(wide), size) as j:
            self._square(
                self.at(source, self.mul64(i, source_row), j), self.at(target, self.mul64(j, target_row), i), size, source_row, target_row
            )
        for r0, r1, c0, c1 in ((tall, rows, 0, cols), (0, tall, wide, cols)):
            if r0 < r1 and c0 < c1:
                with f.loop(str(r0), str(r1)) as i, f.loop(str(c0), str(c1)) as j:
                    x = self.scalar(self.at(source, self.mul64(i, source_row), j))
                    f.store(self.kind, x, self.at(target, self.mul64(j, target_row), i))

    def _square(self, source: str, target: str, n: int, source_row: str | int, target_row: str | int) -> None:
        """A square of n × n, n a power of two: exchange the bits of row and lane one after the other."""
        f, v, kind = self.f, Vec(0, n, n), vector(self.kind, n)
        rows = []
        for i in range(n):
            rows.append(self.load(source, v))
            source = self.at(source, source_row) if i + 1 < n else source
        bit = n // 2
        while bit:
            for i in range(n):
                if i & bit:
                    continue
                a, b = rows[i], rows[i + bit]
                one = ", ".join(f"i32 {l if not l & bit else n + l - bit}" for l in range(n))
                two = ", ".join(f"i32 {l + bit if not l & bit else n + l}" for l in range(n))
                rows[i] = f.put(f"shufflevector {kind} {a}, {kind} {b}, <{n} x i32> <{one}>")
                rows[i + bit] = f.put(f"shufflevector {kind} {a}, {kind} {b}, <{n} x i32> <{two}>")
            bit //= 2
        for i, row in enumerate(rows):
            self.store(row, target, v)
            target = self.at(target, target_row) if i + 1 < n else target

    def copy_rows(self, source: str, target: str, count: str, source_row: str | int, target_row: str | int) -> None:
        """`count` rows of a batch each from one place to another."""
        with self.f.loop("0", count) as i:
            one, two = self.at(source, self.mul64(i, source_row)), self.at(target, self.mul64(i, target_row))

            def copy(column: str, vecs: list[Vec]) -> None:
                for v in vecs:
                    self.store(self.load(self.at(one, column), v), self.at(two, column), v)

            self.columns(copy)

    def sum_rows(self, source: str, rows: int, length: str, targets: list[str]) -> None:
        """target[r] = the sum of row r, of `length` elements, for each of the targets and this thread's part of the rows."""
        f, v = self.f, Vec(0, self.lanes, self.lanes)
        kind, name = self._typed(v.lanes)
        m, reduce = self.math(v), f"{self.kind} @llvm.vector.reduce.fadd.{name}"
        f.declare(f"declare {reduce}({self.kind}, {kind})")
        start, stop = f.share(str(rows))
        whole = f.put(f"and i64 {length}, {-4 * v.lanes}")
        with f.loop(start, stop) as r:
            base = self.at(source, self.mul64(r, length))
            sums = [f.variable(kind, "zeroinitializer") for _ in range(4)]
            with f.loop("0", whole, 4 * v.lanes) as i:
                place = self.at(base, i)
                for n, s in enumerate(sums):
                    f.store(kind, m.add(f.load(kind, s), self.load(place, v, n * v.lanes)), s)
            a, b, c, d = (f.load(kind, s) for s in sums)
            total = f.put(f"call reassoc {reduce}({self.kind} {real(0, self.kind)}, {kind} {m.add(m.add(a, b), m.add(c, d))})")
            place = f.variable(self.kind, total)
            with f.loop(whole, length) as i:
                f.store(self.kind, f.op("fadd", self.kind, f.load(self.kind, place), self.scalar(self.at(base, i))), place)
            for target in targets:
                f.store(self.kind, f.load(self.kind, place), self.at(target, r))

    def sum_columns(self, source: str, count: str, row: int, n: int, targets: list[str]) -> None:
        """target[i] = the sum of column i of `count` rows, for each of the targets and this thread's part of n columns."""

        def some(i: str, width: int) -> None:
            for v in self.vectors(width):
                kind, m = self._typed(v.lanes)[0], self.math(v)
                total = self.f.variable(kind, "zeroinitializer" if v.lanes > 1 else real(0, self.kind))
                with self.f.loop("0", count) as t:
                    x = self.load(self.at(source, self.mul64(t, row), i), v)
                    self.f.store(kind, m.add(self.f.load(kind, total), x), total)
                for target in targets:
                    self.store(self.f.load(kind, total), self.at(target, i), v)

        self.features(n, self.lanes, some)

    # ---- products by BLAS ---------------------------------------------------------------------------------------

    def gemm(self, split: str, ta: int, tb: int, m, n, k, a: str, lda, b: str, ldb, c: str, ldc, beta: float = 0.0) -> None:
        """C = op(A)·op(B) + beta·C, all threads together: each takes a part of the rows ("m") or the columns ("n") of C."""
        f = self.f
        start, stop = f.share(str(m if split == "m" else n), 16)
        part = f.put(f"sub i64 {stop}, {start}")
        if split == "m":
            a, c, m = self.at(a, start if ta else self.mul64(start, lda)), self.at(c, self.mul64(start, ldc)), part
        else:
            b, c, n = self.at(b, self.mul64(start, ldb) if tb else start), self.at(c, start), part
        with f.when(f.put(f"icmp sgt i64 {part}, 0")):
            numbers = [("i64", str(x)) for x in (ta, tb, m, n, k)]
            f.call(
                f"lw_{'s' if self.kind == 'float' else 'd'}gemm", "void", *numbers, (self.kind, real(1, self.kind)),
                ("ptr", a), ("i64", str(lda)), ("ptr", b), ("i64", str(ldb)),
                (self.kind, real(beta, self.kind)), ("ptr", c), ("i64", str(ldc)),
            )  # fmt: skip


def _mask(v: Vec) -> str:
    return "<" + ", ".join(f"i1 {'true' if i < v.used else 'false'}" for i in range(v.lanes)) + ">"


def tile(size: int, rows: int, vecs: int) -> int:
    """How many features a tile takes, each with `rows` rows: as many sums as fit the registers, evenly dealt if possible."""
    room = max((24 if registers() == 32 else 12) // (rows * vecs), 1)
    for n in range(room, 0, -1):
        if size % (2 * n) == 0 and n * rows * vecs * 2 >= room * rows * vecs:
            return n
    return min(room, size)
