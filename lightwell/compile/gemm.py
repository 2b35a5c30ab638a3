"""Matrix products: one kernel for each dtype, which all `Gemm` steps share; sizes and strides are integers in its slots.

The kernel divides the rows or the columns of C, or the matrices of a batch, among the threads; each calls single-threaded BLAS
on its part (two threads of OpenBLAS's own are slower, and would not meet at our barriers). Sums over k are never divided.
"""

import numpy as np

from .calls import Kernel
from .emit import lanes
from .gemm_small import MOST, dots, outer, turned
from .ir import Function, type_of
from .nest import Gemm, Side

ROWS, COLUMNS, BATCH = 0, 1, 2  # what is divided among the threads
BLAS, DOTS, TURNED, OUTER = "blas", "dots", "turned", "outer"  # ways to compute a product: for all but the first see `gemm_small.py`
RANK = 4  # axes of a batch that the kernel can walk along
GRAIN = 16  # rows or columns that BLAS computes at a time
ONE_THREAD = 1 << 17  # below so many multiply-adds the other threads don't pay

# Integers behind the addresses of A, B, C, from slot 4 on.
_NAMES = (
    "a0 b0 c0 m n k ta lda tb ldb ldc add divided batches e0 e1 e2 e3 a1 a2 a3 a4 b1 b2 b3 b4 c1 c2 c3 c4"
).split()  # fmt: skip


def lower(step: Gemm, threads: int) -> Kernel | None:
    """The kernel for a product; None where BLAS can't read or write its operands as they lie."""
    found = _arranged(step)
    if found is None:
        return None
    (a, b, c), (m, n, k, ta, lda, tb, ldb, ldc), extents, strides = found
    batches = 1
    for e in extents:
        batches *= e
    many = threads > 1 and m * n * k * batches >= ONE_THREAD
    if batches > 1 and (batches % threads == 0 or batches >= 4 * threads):
        divided = BATCH
    else:
        divided = ROWS if m >= n else COLUMNS
    integers = [a.offset, b.offset, c.offset, m, n, k, ta, lda, tb, ldb, ldc, int(step.add), divided, batches, *extents]
    for row in strides:
        integers += row
    kind = type_of(step.dtype)
    wide, way = lanes(step.dtype), BLAS
    if wide >= 4 and tb:
        way = DOTS if not ta and _few(m, n, k) else TURNED if _fits(m, n, k, wide) else BLAS
    if wide >= 4 and not tb and _flat(m, n, k):
        way = OUTER
    key = f"gemm {kind}" if way == BLAS else f"gemm {kind} {way} {wide}"
    return Kernel(key, lambda: text(kind, way, wide), [a.buffer, b.buffer, c.buffer], integers, threads=many, together=False)


def _few(m: int, n: int, k: int) -> bool:
    """Whether x·Wᵀ is quicker without BLAS."""
    return 1 < min(m, n) <= 64 and k >= 96


def _flat(m: int, n: int, k: int) -> bool:
    """Whether a product of few rows with a large matrix, or a large one of few terms (a weight's gradient), is quicker without BLAS."""
    return (4 <= m <= 32 and k >= 64 and n * k >= 1 << 17) or (k <= 32 and m >= 8 and m * n >= 1 << 15)


def _fits(m: int, n: int, k: int, wide: int) -> bool:
    """Whether Bᵀ is so small, and used so often, that turning it first pays."""
    return m >= 32 and m * n * k <= 1 << 20 and (-(-n // wide) * wide) * (-(-k // wide) * wide) <= MOST


def _side(side: Side, rows: int, cols: int) -> tuple[int, int] | None:
    """(transposed, distance of rows) by which BLAS reads a rows × cols matrix; None if it can't."""
    if rows == 0 or cols == 0:
        return 0, max(cols, 1)
    if (side.cols == 1 or cols <= 1) and (rows <= 1 or side.rows >= max(cols, 1)):
        return 0, max(side.rows if rows > 1 else cols, cols, 1)
    if (side.rows == 1 or rows <= 1) and (cols <= 1 or side.cols >= max(rows, 1)):
        return 1, max(side.cols if cols > 1 else rows, rows, 1)
    return None


def _arranged(step: Gemm):
    """Sides, sizes and batch axes such that C's columns lie next to one another: where its rows do, Cᵀ = Bᵀ·Aᵀ is computed."""
    a, b, c, m, n = step.a, step.b, step.c, step.m, step.n
    how = _side(c, m, n)
    if how is None:
        return None
    # A result of one row is computed as a column too: a matrix times a vector.
    if how[0] or (m == 1 and n > 1):
        turn = lambda s: Side(s.buffer, s.offset, s.cols, s.rows, s.batch)
        a, b, c, m, n = turn(b), turn(a), turn(c), n, m
        how = _side(c, m, n)
        if how is None or how[0]:
            return None
    of_a, of_b = _side(a, m, step.k), _side(b, step.k, n)
    if of_a is None or of_b is None:
        return None
    extents, strides = _collapsed(step.batch, [s.batch for s in (a, b, c)])
    if len(extents) > RANK:
        return None
    blank = RANK - len(extents)
    extents = [1] * blank + extents
    return (a, b, c), (m, n, step.k, *of_a, *of_b, how[1]), extents, [[0] * blank + row for row in strides]


def _collapsed(batch, rows) -> tuple[list, list]:
    """Axes of extent 1 dropped, and those joined that all three operands walk along in equal steps."""
    extents: list[int] = []
    strides: list[list[int]] = [[] for _ in rows]
    for i, e in enumerate(batch):
        if e == 1:
            continue
        if extents and all(s[-1] == row[i] * e for s, row in zip(strides, rows)):
            extents[-1] *= e
            for s, row in zip(strides, rows):
                s[-1] = row[i]
        else:
            extents.append(e)
            for s, row in zip(strides, rows):
                s.append(row[i])
    return extents, strides


def text(kind: str, way: str = BLAS, wide: int = 0) -> str:
    """The kernel for "float" or "double", with vectors of so many lanes where it has some of its own."""
    f = Function()
    size = 4 if kind == "float" else 8
    name = "lw_sgemm" if kind == "float" else "lw_dgemm"
    base = [f.slot(i) for i in (1, 2, 3)]
    x = {name: f.slot(4 + i, "i64") for i, name in enumerate(_NAMES)}
    one = {"float": "1.0", "double": "1.0"}[kind]
    adds = f.op("icmp ne", "i64", x["add"], "0")
    beta = f.select(adds, kind, one, "0.0")
    by = [f.op("icmp eq", "i64", x["divided"], str(what)) for what in (ROWS, COLUMNS, BATCH)]

    def part(total: str, mine: str, grain: int) -> tuple[str, str]:
        start, stop = f.share(total, grain)
        return f.select(mine, "i64", start, "0"), f.select(mine, "i64", stop, total)

    i0, i1 = part(x["m"], by[0], GRAIN)
    j0, j1 = part(x["n"], by[1], GRAIN)
    q0, q1 = part(x["batches"], by[2], 1)
    rows, cols = f.op("sub", "i64", i1, i0), f.op("sub", "i64", j1, j0)
    # Where this thread's part of a matrix begins: rows of A (columns, where it is transposed), columns of B.
    ta, tb = f.op("icmp ne", "i64", x["ta"], "0"), f.op("icmp ne", "i64", x["tb"], "0")
    a0 = f.op("add", "i64", x["a0"], f.op("mul", "i64", i0, f.select(ta, "i64", "1", x["lda"])))
    b0 = f.op("add", "i64", x["b0"], f.op("mul", "i64", j0, f.select(tb, "i64", x["ldb"], "1")))
    c0 = f.op("add", "i64", x["c0"], f.op("add", "i64", f.op("mul", "i64", i0, x["ldc"]), j0))
    work = f.op("and", "i1", f.op("icmp sgt", "i64", rows, "0"), f.op("icmp sgt", "i64", cols, "0"))
    starts = [f.variable("i64") for _ in "abc"]
    rest = f.variable("i64")
    with f.when(work), f.loop(q0, q1) as q:
        for place, start in zip(starts, (a0, b0, c0)):
            f.store("i64", start, place)
        f.store("i64", q, rest)
        several = f.op("icmp sgt", "i64", x["batches"], "1")
        with f.when(several):
            for axis in reversed(range(RANK)):
                extent = x[f"e{axis}"]
                with f.when(f.op("icmp sgt", "i64", extent, "1")):
                    now = f.load("i64", rest)
                    index = f.op("srem", "i64", now, extent)
                    f.store("i64", f.op("sdiv", "i64", now, extent), rest)
                    for place, letter in zip(starts, "abc"):
                        step = f.op("mul", "i64", index, x[f"{letter}{axis + 1}"])
                        f.store("i64", f.op("add", "i64", f.load("i64", place), step), place)
        a, b, c = (f.at(pointer, "i8", f.op("mul", "i64", f.load("i64", place), str(size))) for pointer, place in zip(base, starts))
        here = x | {"rows": rows, "cols": cols}
        if way == DOTS:
            dots(f, kind, wide, here, a, b, c)
        elif way == OUTER:
            outer(f, kind, wide, here, a, b, c)
        else:
            tb, ldb = x["tb"], x["ldb"]
            if way == TURNED:
                tb, (b, ldb) = "0", turned(f, kind, wide, here, b)
            f.call(
                name, "void", ("i64", x["ta"]), ("i64", tb), ("i64", rows), ("i64", cols), ("i64", x["k"]), (kind, one),
                ("ptr", a), ("i64", x["lda"]), ("ptr", b), ("i64", ldb), (kind, beta), ("ptr", c), ("i64", x["ldc"]),
            )  # fmt: skip
    return f.text()


def reference(step: Gemm, arrays: dict | list) -> None:
    """The product by NumPy, into the buffer of C: for operands that BLAS can't read as they lie."""

    def seen(side: Side, rows: int, cols: int) -> np.ndarray:
        flat = arrays[side.buffer].reshape(-1)[side.offset :]
        strides = [s * flat.itemsize for s in (*side.batch, side.rows, side.cols)]
        return np.lib.stride_tricks.as_strided(flat, (*step.batch, rows, cols), strides)

    c = seen(step.c, step.m, step.n)
    made = np.matmul(seen(step.a, step.m, step.k), seen(step.b, step.k, step.n))
    if step.add:
        c += made
    else:
        c[...] = made
