"""What shapes a nest's kernel: which loops it gets, how wide they are, what is baked into the code, and its key.

Baked in are the extents of all axes but the outermost one that is shared among the threads, so that one kernel serves all lengths
of a plain map and all batch sizes.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

from .emit_words import cost
from .nest import Expr, Nest, Reduce

SMALL = 8192  # weighted elements below which a second thread isn't worth its waking
PIECE = 128  # terms that one accumulator takes before it is added to the total: sums stay as exact as NumPy's pairwise ones


@cache
def width() -> int:
    """Bytes of a vector register."""
    from .vectormath import features

    names = features()
    return 64 if "avx512f" in names and "avx512vl" in names and "avx512bw" in names else 32 if "avx2" in names else 16


@dataclass
class Shape:
    """The plan of a kernel's loops; axes are numbered as in outer + inner."""

    form: str  # map, row or column
    extents: tuple
    outer: int  # how many axes are outer ones
    lane: int  # the axis of the lanes, -1: there is none
    lanes: int
    rows: list  # outer axes but the lane axis
    loops: list  # inner axes but the lane axis, those of more than one index
    real: list  # whether an axis has more than one index (or an unknown number)
    depth: list  # the depth of each axis's loop
    group: int  # blocks of lanes at once
    unrolled: int  # the axis that Copy.u counts along
    unroll: int  # and how many
    split_lanes: bool  # threads share the lane axis, not the rows
    loose: bool  # the extent of the lane axis isn't known when the kernel is written
    count: int  # what is shared: rows, or the lane axis's extent
    grain: int
    threads: int
    row_count: int
    hollow: bool  # inner axes of no elements
    empty: bool  # no elements at all, by a baked extent
    across: int  # a map's axis of which `unroll` indices are worked on at once, in square tiles with the lanes; or -1

    def padded(self, strides: tuple) -> tuple:
        """Strides over all axes."""
        return (*strides, *(0,) * (len(self.extents) - len(strides)))

    def flush(self) -> tuple | None:
        """(axis, length): partial sums are put aside after each piece of this length of this axis's loop; None: there are few terms."""
        axes = [(a, -(-self.extents[a] // (self.unroll if a == self.unrolled and self.form == "column" else 1))) for a in self.loops]
        if self.form == "row":
            axes.append((self.lane, self.extents[self.lane] // (self.group * self.lanes) if self.lane >= 0 else 1))
        if math.prod(n for _, n in axes) <= 4 * PIECE:
            return None
        below = 1
        for a, n in axes[::-1]:
            if below * n > 2 * PIECE:
                piece = max(1, PIECE // below)
                return a, piece * (self.group * self.lanes if a == self.lane else self.unroll if a == self.unrolled else 1)
            below *= max(n, 1)
        return None


def children(e: Expr) -> list[Expr]:
    """The expressions that an expression is made of."""
    return [a for a in e.args if isinstance(a, Expr)]


def ordered(roots: Iterable[Expr]) -> list[Expr]:
    """All expressions below the roots, each once, operands first; without recursion, as chains may be long."""
    done: set[int] = set()
    out: list[Expr] = []
    for root in roots:
        stack = [root]
        while stack:
            e = stack[-1]
            if id(e) in done:
                stack.pop()
                continue
            waiting = [a for a in e.args if isinstance(a, Expr) and id(a) not in done]
            if waiting:
                stack.extend(waiting[::-1])
            else:
                done.add(id(e))
                out.append(e)
                stack.pop()
    return out


def roots_of(nest: Nest) -> list[Expr]:
    """The expressions that a nest stores or reduces, in order."""
    return [x.expr for p in nest.passes for x in (*p.stores, *p.reduces)] + [s.expr for s in nest.final]


def shaped(nest: Nest, dtypes: list, exprs: list[Expr]) -> Shape:
    """The loops for a nest of these expressions."""
    extents, outer = (*nest.outer, *nest.inner), len(nest.outer)
    count = len(extents)
    inner = list(range(outer, count))
    lane = nest.lanes % count if count else -1
    form = "map" if not inner and all(not p.reduces for p in nest.passes) else "row" if lane >= outer or not outer else "column"
    if form == "row" and not inner:
        lane = -1
    elif count and extents[lane] == 1:  # lanes along an axis of more than one index
        lane = next((a for a in (inner[::-1] if form == "row" else range(outer - 1, -1, -1)) if extents[a] != 1), lane)
    weight = sum(cost(e.op) for e in exprs)
    lanes = width() // _size(exprs, dtypes, lane)
    if form == "map" and any(s.strides[lane] != 1 for s in nest.passes[0].stores if lane >= 0):  # better where stores are neighbours
        lane = next(
            (a for a, n in enumerate(extents) if n >= lanes and all(s.strides[a] == 1 for p in nest.passes for s in p.stores)), lane
        )
    across = _across(nest, exprs, lane, lanes) if form == "map" and weight <= 30 else -1
    rows = [a for a in range(outer) if a not in (lane, across)]
    loops = [across] if across >= 0 else [a for a in inner if a != lane and extents[a] != 1]
    row_count = math.prod(extents[a] for a in rows)
    length = extents[lane] if lane >= 0 else 1
    elements, hollow = math.prod(extents), any(extents[a] == 0 for a in inner)
    work = elements * max(1, len(nest.passes)) * max(1.0, weight / 8)
    split_lanes = form != "row" and bool(rows) and row_count < 32 and length > 4 * row_count
    loose = form != "row" and (not rows or split_lanes)
    shared = form == "row" or (bool(rows) and not split_lanes)  # threads share rows
    first = rows[0] if rows and not split_lanes else -1  # its extent isn't baked
    real = [extents[a] != 1 or a == first or (a == lane and loose) for a in range(count)]
    if lane < 0 or not real[lane]:
        lanes = 1
    elif not loose:
        lanes = min(lanes, 1 << max(length - 1, 0).bit_length())
    blocks = -(-length // lanes)
    group, unroll, unrolled = 1, 1, lane
    if form == "column":
        group = min(4, blocks) if blocks < 4 or blocks % 4 == 0 or blocks > 8 else 2
        if loose:
            group = 4 if blocks >= 4 else 1
        unroll = 4 // group if loops else 1
        unrolled = loops[-1] if loops else -1
    elif across >= 0:
        unroll, unrolled = lanes, across
    else:
        group = 4 if weight <= 10 else 2 if weight <= 30 else 1
        if form == "row" and any(p.reduces for p in nest.passes):
            group = 4 if weight <= 12 else 2
        if not loose:
            group = max(1, min(group, blocks))
    depth = [0] * count
    for a in rows:
        depth[a] = 1
    within = [*([lane] if lane >= 0 and form == "column" else []), *loops, *([lane] if lane >= 0 and form != "column" else [])]
    for i, a in enumerate(within):
        depth[a] = 2 + i
    grain = max(lanes * group, 16)
    total = row_count if shared else length
    units = total if shared else -(-total // grain)
    threads = 1 if work < SMALL else max(1, min(units, int(work // (SMALL // 2))))
    empty = any(extents[a] == 0 for a in range(outer) if a != first and not (a == lane and loose))
    return Shape(
        form, extents, outer, lane, lanes, rows, loops, real, depth, group, unrolled, unroll, split_lanes, loose, total, grain, threads,
        row_count, hollow, empty, across,
    )  # fmt: skip


def _across(nest: Nest, exprs: list[Expr], lane: int, lanes: int) -> int:
    """The axis along which a map reads neighbours while it writes them along the lanes, as a transposition does; -1: none.

    Such nests work on square tiles, which are read by whole vectors and turned in registers.
    """
    extents = nest.outer
    turned = [e.args[2] for e in exprs if e.op == "load" and e.args[2][lane] not in (0, 1)] if lane >= 0 else []
    if not turned or lanes == 1 or extents[lane] < lanes or any(s.strides[lane] != 1 for s in nest.passes[0].stores):
        return -1
    return next((a for a, n in enumerate(extents) if a != lane and n >= lanes and all(t[a] == 1 for t in turned)), -1)


def _size(exprs: list[Expr], dtypes: list, lane: int) -> int:
    """Bytes of the values that decide how many lanes there are: the widest floats; without floats the widest numbers in memory."""
    floats = [e.dtype.itemsize for e in exprs if e.dtype.kind == "f"]
    floats += [d.itemsize for d in dtypes if d.kind == "f"]
    size = max(floats) if floats else max((d.itemsize for d in dtypes), default=8)
    plain = all(e.op not in ("gather", "load_if") and (e.op != "load" or e.args[2][lane : lane + 1] in ((), (0,), (1,))) for e in exprs)
    return size if plain else max(size, 4)  # bytes that lie apart come one by one: no 64 of them at once


def key_of(nest: Nest, dtypes: list, shape: Shape, exprs: list[Expr]) -> str:
    """A text that is equal for nests of equal kernels: structure, dtypes, baked extents and strides, but no buffer."""
    numbers: dict[int, int] = {}
    reduces: dict[int, int] = {}
    parts = [f"nest1:{width()}{shape.form}{int(shape.split_lanes)}/{nest.lanes}/{shape.group},{shape.unroll},{shape.across}"]
    first = shape.rows[0] if shape.rows and not shape.split_lanes else shape.lane if shape.loose else -1
    parts.append(",".join("?" if a == first or (a == shape.lane and shape.loose) else str(n) for a, n in enumerate(shape.extents)))
    parts.append(f"{shape.outer}:{','.join(d.str for d in dtypes)}")

    for i, r in enumerate(r for p in nest.passes for r in p.reduces):
        reduces[id(r)] = i
    for e in exprs:
        words = []
        for a in e.args:
            if isinstance(a, Expr):
                words.append(f"%{numbers[id(a)]}")
            elif isinstance(a, Reduce):
                words.append(f"r{reduces[id(a)]}")
            elif isinstance(a, (float, np.floating)):
                words.append(float(a).hex())
            else:
                words.append(str(a))
        parts.append(f"{e.op} {' '.join(words)} {e.dtype.str}")
        numbers[id(e)] = len(numbers)
    for p in nest.passes:
        parts += [f"={s.operand} {s.offset} {s.strides} %{numbers[id(s.expr)]}" for s in p.stores]
        parts += [f"+{r.op} %{numbers[id(r.expr)]} {r.dtype.str}" for r in p.reduces]
        parts.append("|")
    parts += [f"={s.operand} {s.offset} {s.strides} %{numbers[id(s.expr)]}" for s in nest.final]
    return ";".join(parts)
