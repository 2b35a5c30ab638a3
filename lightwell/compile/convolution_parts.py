"""What native convolutions and poolings share: the geometry of windows, the width of vectors, rows moved with masks.

Every array of one, two or three spatial dimensions is seen as one of three, the leading ones being 1. Rows (the last
dimension) are moved as vectors; lanes outside a row are masked, so that nothing is read or written beside an array and what
lies outside x reads as zero, whatever the padding.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np

from ..backend import threads
from ..backend.windows import outputs
from .ir import Function, real, type_of, vector


@cache
def register_bytes() -> int:
    """Bytes of one vector register of this processor."""
    from . import native

    features = native.cpu()[1].split(",")
    return 64 if "+avx512f" in features else 32 if "+avx" in features else 16


def workers() -> int:
    """How many threads share the work of a kernel: scratch memory is made for so many; should more come, they only wait."""
    return max(1, threads.get_num_threads())


def share(f: Function, n: str, grain: int = 1) -> tuple[str, str]:
    """(start, stop): this thread's part of range(n) in multiples of `grain`; nothing for those beyond `workers`."""
    team = minimum(f, "%nt", workers())
    blocks = linear(f, (n, 1), start=grain - 1) if grain > 1 else n
    blocks = f.put(f"udiv i64 {blocks}, {grain}") if grain > 1 else blocks
    ends = []
    for who in ("%tid", f.put("add i64 %tid, 1")):
        at = f.put(f"udiv i64 {f.put(f'mul i64 {blocks}, {who}')}, {team}")
        ends.append(minimum(f, linear(f, (at, grain)), n))
    return ends[0], ends[1]


@contextmanager
def working(f: Function) -> Iterator[None]:
    """Code for the threads among `workers` alone."""
    with f.when(f.put(f"icmp slt i64 %tid, {workers()}")):
        yield


@dataclass(frozen=True)
class Geometry:
    """A convolution x (n, c, *space) → y (n, o, *out), its spatial dimensions filled up to three with ones."""

    kind: str  # LLVM's "float" or "double"
    n: int
    c: int
    o: int
    groups: int
    space: tuple
    kernel: tuple
    stride: tuple
    padding: tuple
    dilation: tuple
    out: tuple

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return 4 if self.kind == "float" else 8

    @property
    def lanes(self) -> int:
        """Elements of a vector: a register full of them, but at least four, so that there are halves of two."""
        return max(4, register_bytes() // self.size)

    @property
    def area(self) -> int:
        """Places of y."""
        return math.prod(self.out)

    @property
    def plane(self) -> int:
        """Places of x."""
        return math.prod(self.space)

    @property
    def taps(self) -> int:
        """Places of the kernel."""
        return math.prod(self.kernel)

    @property
    def cg(self) -> int:
        """Channels of x in a group."""
        return self.c // self.groups

    @property
    def og(self) -> int:
        """Channels of y in a group."""
        return self.o // self.groups

    @property
    def rows(self) -> int:
        """Rows of a group's columns: numbers in a window."""
        return self.cg * self.taps

    @property
    def pointwise(self) -> bool:
        """Whether x itself is the columns."""
        return self.taps == 1 and set(self.stride) == {1} and not any(self.padding)

    @property
    def work(self) -> int:
        """Multiplications."""
        return self.n * self.o * self.area * self.rows

    def __str__(self):
        parts = (self.n, self.c, self.o, self.groups, self.space, self.kernel, self.stride, self.padding, self.dilation, self.out)
        return f"{self.kind} " + " ".join("x".join(map(str, p)) if isinstance(p, tuple) else str(p) for p in parts)


def geometry(dtype, n, c, o, groups, space, kernel, stride, padding, dilation, out=None) -> Geometry:
    """The geometry in three dimensions; `out` follows from the rest unless it is said."""
    out = outputs(space, kernel, stride, padding, dilation) if out is None else out
    more = 3 - len(space)
    one, none = (1,) * more, (0,) * more
    return Geometry(
        type_of(dtype), n, c, o, groups, one + tuple(space), one + tuple(kernel), one + tuple(stride), none + tuple(padding),
        one + tuple(dilation), one + tuple(out),
    )  # fmt: skip


def floating(*dtypes) -> bool:
    """Whether all are float32, or all float64."""
    return len(set(dtypes)) == 1 and np.dtype(dtypes[0]).name in ("float32", "float64")


# ---- arithmetic of indices ------------------------------------------------------------------------------------------


@contextmanager
def each(f: Function, n: int) -> Iterator[str]:
    """A loop over range(n) for a known n; none where n is 1."""
    if n == 1:
        yield "0"
    else:
        with f.loop("0", str(n)) as i:
            yield i


def linear(f: Function, *terms, start: int = 0) -> str:
    """start + Σ index·factor, indices being names or numbers, factors numbers."""
    found, total = [], start
    for index, factor in terms:
        if not str(index).startswith("%"):
            total += int(index) * factor
        elif factor == 1:
            found.append(index)
        elif factor:
            found.append(f.put(f"mul nsw i64 {index}, {factor}"))
    if not found:
        return str(total)
    made = found[0]
    for more in found[1:]:
        made = f.put(f"add nsw i64 {made}, {more}")
    return made if total == 0 else f.put(f"add nsw i64 {made}, {total}")


def minimum(f: Function, a: str, b: str | int) -> str:
    """The smaller of two i64."""
    return f.call("llvm.smin.i64", "i64", ("i64", a), ("i64", str(b)))


def inside(f: Function, index: str, n: int) -> str:
    """0 ≤ index < n as an i1."""
    return f.put(f"icmp ult i64 {index}, {n}")


def places(f: Function, start: str, lanes: int, step: int = 1) -> str:
    """The vector start + step·(0, 1, 2, …) of i32."""
    low = f.put(f"trunc i64 {start} to i32") if start.startswith("%") else start
    base = f.splat(low, "i32", lanes)
    steps = ", ".join(f"i32 {i * step}" for i in range(lanes))
    return f.put(f"add <{lanes} x i32> {base}, <{steps}>")


def within(f: Function, vector_: str, lanes: int, n: int | str) -> str:
    """The lanes of i32 with 0 ≤ lane < n."""
    if isinstance(n, int):
        bound = "<" + ", ".join([f"i32 {n}"] * lanes) + ">"
    else:
        bound = f.splat(f.put(f"trunc i64 {n} to i32"), "i32", lanes)
    return f.put(f"icmp ult <{lanes} x i32> {vector_}, {bound}")


def both(f: Function, lanes: int, a: str, b: str) -> str:
    """Lanes that are in both masks."""
    return f.put(f"and <{lanes} x i1> {a}, {b}")


def alike(f: Function, flag: str, lanes: int) -> str:
    """A mask of one flag for all lanes."""
    return f.splat(flag, "i1", lanes)


def constants(kind: str, values) -> str:
    """A constant vector of floating-point numbers or integers."""
    write = (lambda v: real(v, kind)) if kind in ("float", "double") else str
    return "<" + ", ".join(f"{kind} {write(v)}" for v in values) + ">"


def first(lanes: int, n: int) -> str:
    """A constant mask of the first n lanes."""
    return "<" + ", ".join(f"i1 {'true' if i < n else 'false'}" for i in range(lanes)) + ">"


def _suffix(kind: str, lanes: int) -> str:
    return f"v{lanes}{ {'float': 'f32', 'double': 'f64'}.get(kind, kind) }".replace(" ", "")


def load_masked(f: Function, kind: str, lanes: int, pointer: str, mask: str, other: str = "zeroinitializer") -> str:
    """The lanes of a mask from memory, the others from `other`; nothing else is read."""
    of, align = vector(kind, lanes), 8 if kind in ("double", "i64") else 4
    f.declare(f"declare {of} @llvm.masked.load.{_suffix(kind, lanes)}.p0(ptr, i32, <{lanes} x i1>, {of})")
    return f.put(f"call {of} @llvm.masked.load.{_suffix(kind, lanes)}.p0(ptr {pointer}, i32 {align}, <{lanes} x i1> {mask}, {of} {other})")


def store_masked(f: Function, kind: str, lanes: int, value: str, pointer: str, mask: str) -> None:
    """Write the lanes of a mask."""
    of, align = vector(kind, lanes), 8 if kind in ("double", "i64") else 4
    f.declare(f"declare void @llvm.masked.store.{_suffix(kind, lanes)}.p0({of}, ptr, i32, <{lanes} x i1>)")
    f.do(f"call void @llvm.masked.store.{_suffix(kind, lanes)}.p0({of} {value}, ptr {pointer}, i32 {align}, <{lanes} x i1> {mask})")


def gather(f: Function, kind: str, lanes: int, base: str, index: str, mask: str, other: str = "zeroinitializer") -> str:
    """base[index] for the lanes of a mask (index: i32), `other` for the others."""
    of, pointers, align = vector(kind, lanes), f"<{lanes} x ptr>", 8 if kind == "double" else 4
    at = f.put(f"getelementptr {kind}, ptr {base}, <{lanes} x i32> {index}")
    name = f"llvm.masked.gather.{_suffix(kind, lanes)}.v{lanes}p0"
    f.declare(f"declare {of} @{name}({pointers}, i32, <{lanes} x i1>, {of})")
    return f.put(f"call {of} @{name}({pointers} {at}, i32 {align}, <{lanes} x i1> {mask}, {of} {other})")


def scatter(f: Function, kind: str, lanes: int, value: str, base: str, index: str, mask: str) -> None:
    """base[index] = value for the lanes of a mask (index: i32)."""
    of, pointers, align = vector(kind, lanes), f"<{lanes} x ptr>", 8 if kind == "double" else 4
    at = f.put(f"getelementptr {kind}, ptr {base}, <{lanes} x i32> {index}")
    name = f"llvm.masked.scatter.{_suffix(kind, lanes)}.v{lanes}p0"
    f.declare(f"declare void @{name}({of}, {pointers}, i32, <{lanes} x i1>)")
    f.do(f"call void @{name}({of} {value}, {pointers} {at}, i32 {align}, <{lanes} x i1> {mask})")


def shuffle(f: Function, kind: str, lanes: int, a: str, b: str, order) -> str:
    """Lanes of a and b (counted on from a's) in an order; a negative number stands for any."""
    of, picks = vector(kind, lanes), ", ".join("i32 poison" if i < 0 else f"i32 {i}" for i in order)
    return f.put(f"shufflevector {of} {a}, {of} {b}, <{len(order)} x i32> <{picks}>")


# ---- rows -----------------------------------------------------------------------------------------------------------


@contextmanager
def lanes_of(f: Function, n: int | str, lanes: int) -> Iterator[tuple[str, str]]:
    """A loop over vectors of a row of n: yields the first place and the mask of lanes within the row."""
    if isinstance(n, int) and n <= lanes:
        yield "0", first(lanes, n)
        return
    with f.loop("0", str(n), lanes) as at:
        left = f.put(f"sub i64 {n}, {at}")
        yield at, within(f, places(f, "0", lanes), lanes, left) if not isinstance(n, int) or n % lanes else first(lanes, lanes)


def vectors_of(f: Function, n: int, lanes: int, most: int = 4) -> Iterator[tuple[str, str]]:
    """The same for use with `for`; written out where the row has few vectors."""
    if n <= most * lanes:
        for at in range(0, n, lanes):
            yield str(at), first(lanes, min(lanes, n - at))
    else:
        with lanes_of(f, n, lanes) as found:
            yield found


def window_row(
    f: Function, kind: str, lanes: int, row: str, column: str, step: int, width: int, flag: str | None, mask: str,
    other: str = "zeroinitializer",
) -> str:  # fmt: skip
    """row[column + step·(0, 1, …)] for the lanes of a mask whose place lies within the width, `other`, a vector, elsewhere.

    `flag`, an i1: whether the row exists at all.
    """
    there = None if flag is None else alike(f, flag, lanes)
    if step == 2:  # two loads and the even lanes of both
        start = f.put(f"getelementptr {kind}, ptr {row}, i64 {column}")
        halves = []
        for part in (0, lanes):
            seen = within(f, places(f, linear(f, (column, 1), start=part), lanes), lanes, width)
            seen = seen if there is None else both(f, lanes, seen, there)
            at = f.put(f"getelementptr {kind}, ptr {start}, i64 {part}") if part else start
            halves.append(load_masked(f, kind, lanes, at, seen, other))
        return shuffle(f, kind, lanes, halves[0], halves[1], [2 * i for i in range(lanes)])
    at = places(f, column, lanes, step)
    seen = both(f, lanes, mask, within(f, at, lanes, width))
    seen = seen if there is None else both(f, lanes, seen, there)
    if step == 1:
        return load_masked(f, kind, lanes, f.put(f"getelementptr {kind}, ptr {row}, i64 {column}"), seen, other)
    return gather(f, kind, lanes, row, at, seen, other)


def add_row(f: Function, geo: Geometry, source: str, target: str, column: str, there: str | None) -> None:
    """target[column + stride·i] += source[i] where that lies within the row, and the row within x."""
    kind, lanes, step, width = geo.kind, geo.lanes, geo.stride[2], geo.space[2]
    of = vector(kind, lanes)
    if step in (1, 2):  # at stride 2, half a vector is spread over a whole one
        part = lanes // step
        with lanes_of(f, geo.out[2], part) as (at, mask):
            got = load_masked(f, kind, part, f.at(source, kind, at), mask)
            begin = linear(f, (at, step), (column, 1))
            seen = within(f, places(f, begin, lanes), lanes, width)
            if there is not None:
                seen = both(f, lanes, seen, alike(f, there, lanes))
            if step == 2:
                got = shuffle(f, kind, part, got, "zeroinitializer", [i // 2 if i % 2 == 0 else part for i in range(lanes)])
                ones = f.put(f"shufflevector <{part} x i1> {mask}, <{part} x i1> zeroinitializer, <{lanes} x i32> <"
                             + ", ".join(f"i32 {i // 2 if i % 2 == 0 else part}" for i in range(lanes)) + ">")  # fmt: skip
            else:
                ones = mask
            seen = both(f, lanes, seen, ones)
            here = f.at(target, kind, begin)
            had = load_masked(f, kind, lanes, here, seen)
            store_masked(f, kind, lanes, f.op("fadd", of, had, got), here, seen)
        return
    with lanes_of(f, geo.out[2], lanes) as (at, mask):
        got = load_masked(f, kind, lanes, f.at(source, kind, at), mask)
        where = places(f, linear(f, (at, step), (column, 1)), lanes, step)
        seen = both(f, lanes, mask, within(f, where, lanes, width))
        if there is not None:
            seen = both(f, lanes, seen, alike(f, there, lanes))
        had = gather(f, kind, lanes, target, where, seen)
        scatter(f, kind, lanes, f.op("fadd", of, had, got), target, where, seen)


def line_of(f: Function, geo: Geometry, line: str) -> tuple[str, str, str]:
    """Sample, depth and height of a row of y."""
    d, h, _ = geo.out
    if d == h == 1:
        return line, "0", "0"
    sample = f.put(f"udiv i64 {line}, {d * h}")
    rest = f.put(f"urem i64 {line}, {d * h}")
    if d == 1:
        return sample, "0", rest
    return sample, f.put(f"udiv i64 {rest}, {h}"), f.put(f"urem i64 {rest}, {h}")


def seen_at(f: Function, geo: Geometry, axis: int, out: str, tap: str) -> tuple[str, str | None]:
    """The place of x that a window's tap sees along an axis, and whether it lies within x (None: always)."""
    s, p, d, n = geo.stride[axis], geo.padding[axis], geo.dilation[axis], geo.space[axis]
    at = linear(f, (out, s), (tap, d), start=-p)
    low, high = -p, (geo.out[axis] - 1) * s + (geo.kernel[axis] - 1) * d - p
    return at, None if low >= 0 and high < n else inside(f, at, n)


def all_of(f: Function, a: str | None, b: str | None) -> str | None:
    return b if a is None else a if b is None else f.put(f"and i1 {a}, {b}")


def fill(f: Function, kind: str, lanes: int, pointer: str, n: int, value: str) -> None:
    """pointer[0 … n) = value, a scalar."""
    whole = f.splat(value, kind, lanes)
    with lanes_of(f, n, lanes) as (at, mask):
        store_masked(f, kind, lanes, whole, f.at(pointer, kind, at), mask)


def gemm(f: Function, kind: str, sides: tuple, sizes: tuple, a: tuple, b: tuple, c: tuple, beta: float) -> None:
    """C = A·B + beta·C by BLAS in this thread alone; sides: (A transposed, B transposed), each matrix an (address, row length)."""
    numbers = [("i64", str(v)) for v in (*map(int, sides), *sizes)]
    matrix = [(("ptr", p), ("i64", str(ld))) for p, ld in (a, b, c)]
    one, scale = (kind, real(1.0, kind)), (kind, real(beta, kind))
    name = "lw_sgemm" if kind == "float" else "lw_dgemm"
    f.call(name, "void", *numbers, one, *matrix[0], *matrix[1], scale, *matrix[2])


def reduce_partials(f: Function, kind: str, lanes: int, partial: str, stride: int, n: int, result: str) -> None:
    """result[0 … n) = Σ_t partial[t·stride …) over the threads, in their order; each thread adds up its part of the range."""
    start, stop = share(f, str(n), 4 * lanes)
    team = minimum(f, "%nt", workers())
    iota = places(f, "0", lanes)
    with f.loop(start, stop, lanes) as at:
        mask = within(f, iota, lanes, f.put(f"sub i64 {stop}, {at}"))
        here = f.at(partial, kind, at)
        total = f.variable(vector(kind, lanes), load_masked(f, kind, lanes, here, mask))
        with f.loop("1", team) as t:
            more = load_masked(f, kind, lanes, f.at(here, kind, f.put(f"mul i64 {t}, {stride}")), mask)
            had = f.load(vector(kind, lanes), total)
            f.store(vector(kind, lanes), f.op("fadd", vector(kind, lanes), had, more), total)
        store_masked(f, kind, lanes, f.load(vector(kind, lanes), total), f.at(result, kind, at), mask)
