"""Convolutions whose lanes are channels of y: a register for each of some windows, whose values of x are spread over all lanes.

The sums of a block are transposed as they are written. For the weight's gradient there is a register for each of some (c, tap).
"Anatomy of high-performance deep learning convolutions on SIMD architectures" (Georganas et al., 2018).
"""

import math

from .convolution_direct import Padded, fma, last, pack, registers, rounded
from .convolution_parts import (
    Geometry,
    alike,
    both,
    each,
    fill,
    first,
    lanes_of,
    linear,
    load_masked,
    minimum,
    places,
    scatter,
    share,
    shuffle,
    store_masked,
    within,
    workers,
    working,
)  # fmt: skip
from .ir import Function, vector


def transpose(f: Function, kind: str, lanes: int, rows: list[str]) -> list[str]:
    """`lanes` vectors of `lanes` numbers, rows and columns exchanged by log₂(lanes) rounds of pairing."""
    half = lanes // 2
    while half:
        # Within blocks of 2·half the quarter above the diagonal changes places with the one below.
        made = list(rows)
        for i in range(lanes):
            if not i & half:
                low, high = rows[i], rows[i + half]
                up = [j if not j & half else lanes + j - half for j in range(lanes)]
                down = [j + half if not j & half else lanes + j for j in range(lanes)]
                made[i], made[i + half] = shuffle(f, kind, lanes, low, high, up), shuffle(f, kind, lanes, low, high, down)
        rows = made
        half //= 2
    return rows


def _blocks(geo: Geometry, most: int) -> tuple[int, int]:
    """Of a block of windows: how many rows (whole ones), or how many windows of one row where a row is too long."""
    height, width = geo.out[1], geo.out[2]
    if width > most:
        return 1, math.ceil(width / math.ceil(width / most))

    def waste(r):  # rows computed twice, and sums that are too few to keep the units busy
        return math.ceil(height / r) * r / height / min(1, r * width / 14)

    return min(range(1, min(height, most // width) + 1), key=lambda r: (waste(r), -r)), width


class _Across:
    """Sizes of the kernels whose lanes are y's channels."""

    def __init__(self, geo: Geometry):
        self.padded = Padded(geo)
        self.copies = any(geo.padding)
        self.blocks = math.ceil(geo.o / geo.lanes)
        self.weight = rounded(self.blocks * geo.rows * geo.lanes * geo.size)
        self.table = rounded(geo.rows * 8)
        self.sample = self.padded.bytes if self.copies else 0


def forward_scratch(geo: Geometry) -> int:
    """Bytes that `forward` needs for all threads."""
    sizes = _Across(geo)
    return sizes.weight + sizes.table + sizes.sample * workers()


def forward(geo: Geometry, bias: bool, turned: bool) -> str:
    """Slots: x, w, the bias if any, y, scratch."""
    f = Function()
    kind = geo.kind
    sizes = _Across(geo)
    padded = sizes.padded
    x, w = f.slot(1), f.slot(2)
    b = f.slot(3) if bias else None
    y, scratch = f.slot(3 + bias), f.slot(4 + bias)
    table = f.at(scratch, "i8", str(sizes.weight))
    mine = f.at(scratch, "i8", linear(f, ("%tid", sizes.sample), start=sizes.weight + sizes.table))
    pack(f, geo, padded, w, scratch, table, turned, geo.lanes, sizes.blocks)
    if sizes.copies:
        with working(f):
            padded.clear(f, mine)
    parts = sizes.blocks if geo.n < 4 * workers() else 1  # a sample's channels are shared too where samples are few
    start, stop = share(f, str(geo.n * parts))
    rows, width = _blocks(geo, registers())
    with f.loop(start, stop) as unit:
        sample = unit if parts == 1 else f.put(f"udiv i64 {unit}, {parts}")
        if sizes.copies:
            padded.copy(f, x, sample, mine)
            seen = mine
        else:
            seen = f.at(x, kind, linear(f, (sample, geo.c * geo.plane)))
        if parts == 1:
            with each(f, sizes.blocks) as block:
                _across_block(f, geo, padded, (rows, width), seen, scratch, table, b, y, sample, block)
        else:
            _across_block(f, geo, padded, (rows, width), seen, scratch, table, b, y, sample, f.put(f"urem i64 {unit}, {parts}"))
    return f.text()


def _across_block(f: Function, geo: Geometry, padded: Padded, shape, seen, packed, table, bias, y, sample, block) -> None:
    """All windows of a sample for one block of channels."""
    kind, lanes, of = geo.kind, geo.lanes, vector(geo.kind, geo.lanes)
    rows, width = shape
    weight = f.at(packed, kind, linear(f, (block, geo.rows * lanes)))
    left = f.put(f"sub i64 {geo.o}, {linear(f, (block, lanes))}")
    begin = "zeroinitializer"
    if bias is not None:
        mask = within(f, places(f, "0", lanes), lanes, minimum(f, left, lanes))
        begin = load_masked(f, kind, lanes, f.at(bias, kind, linear(f, (block, lanes))), mask)
    target = f.at(y, kind, linear(f, (sample, geo.o * geo.area), (block, lanes * geo.area)))
    with each(f, geo.out[0]) as d, each(f, math.ceil(geo.out[1] / rows)) as r, each(f, math.ceil(geo.out[2] / width)) as c:
        h, v = last(f, r, rows, geo.out[1], rows), last(f, c, width, geo.out[2], width)
        steps = [s * t for s, t in zip(geo.stride, (padded.slice, padded.row, 1))]
        source = f.at(seen, kind, linear(f, (d, steps[0]), (h, steps[1]), (v, steps[2])))
        ways = [padded.window((0, i, j)) for i in range(rows) for j in range(width)]
        sums = [f.variable(of, begin) for _ in ways]
        with f.loop("0", str(geo.rows)) as k:
            at = f.at(source, kind, f.load("i64", f.at(table, "i64", k)))
            values = f.load(of, f.at(weight, kind, linear(f, (k, lanes))), geo.size)
            for way, place in zip(ways, sums):
                number = f.splat(f.load(kind, f.at(at, kind, str(way))), kind, lanes)
                f.store(of, fma(f, of, number, values, f.load(of, place)), place)
        out = f.at(target, kind, linear(f, (d, geo.out[1] * geo.out[2]), (h, geo.out[2]), (v, 1)))
        for i in range(0, len(sums), lanes):
            part = [f.load(of, s) for s in sums[i : i + lanes]]
            turned = transpose(f, kind, lanes, part + ["poison"] * (lanes - len(part)))
            for o, values in enumerate(turned):
                mask = first(lanes, len(part))
                if geo.o % lanes:
                    mask = both(f, lanes, mask, alike(f, f.put(f"icmp sgt i64 {left}, {o}"), lanes))
                store_masked(f, kind, lanes, values, f.at(out, kind, str(o * geo.area + i)), mask)


# ---- the weight's gradient, lanes across channels -------------------------------------------------------------------


class _AcrossWeight:
    """Sizes of the weight's gradient whose lanes are y's channels."""

    def __init__(self, geo: Geometry):
        self.padded = Padded(geo)
        self.copies = any(geo.padding)
        self.blocks = math.ceil(geo.o / geo.lanes)
        self.length = math.ceil(geo.area / geo.lanes) * geo.lanes
        self.sum = rounded(self.blocks * geo.rows * geo.lanes * geo.size)
        self.grad = rounded(self.length * geo.lanes * geo.size)
        self.sample = self.padded.bytes if self.copies else 0
        most = registers()
        if geo.taps <= most:
            self.channels = max(c for c in range(1, geo.c + 1) if geo.c % c == 0 and c * geo.taps <= most)
            self.pieces = [[(c, tap) for c in range(self.channels) for tap in self.padded.taps()]]
        else:
            self.channels, taps = 1, self.padded.taps()
            size = math.ceil(len(taps) / math.ceil(len(taps) / most))
            self.pieces = [[(0, tap) for tap in taps[i : i + size]] for i in range(0, len(taps), size)]


def weight_scratch(geo: Geometry) -> int:
    """Bytes that `weight` needs for all threads."""
    sizes = _AcrossWeight(geo)
    return (sizes.sum + sizes.grad + sizes.sample) * workers()


def weight(geo: Geometry) -> str:
    """Slots: x, g, the gradient of the weight, scratch. A register for each of some (c, tap); a loop over the windows."""
    f = Function()
    kind, lanes, of = geo.kind, geo.lanes, vector(geo.kind, geo.lanes)
    sizes = _AcrossWeight(geo)
    padded = sizes.padded
    x, g, result, scratch = (f.slot(i) for i in range(1, 5))
    total = f.at(scratch, "i8", linear(f, ("%tid", sizes.sum)))
    turned = f.at(scratch, "i8", linear(f, ("%tid", sizes.grad + sizes.sample), start=sizes.sum * workers()))
    copy = f.at(turned, "i8", str(sizes.grad))
    with working(f):
        fill(f, kind, lanes, total, sizes.blocks * geo.rows * lanes, "0.0")
        if sizes.copies:
            padded.clear(f, copy)
    start, stop = share(f, str(geo.n))
    with f.loop(start, stop) as sample:
        if sizes.copies:
            padded.copy(f, x, sample, copy)
            seen = copy
        else:
            seen = f.at(x, kind, linear(f, (sample, geo.c * geo.plane)))
        with each(f, sizes.blocks) as block:
            left = f.put(f"sub i64 {geo.o}, {linear(f, (block, lanes))}")
            source = f.at(g, kind, linear(f, (sample, geo.o * geo.area), (block, lanes * geo.area)))
            _turn(f, geo, source, left, turned)
            with each(f, geo.c // sizes.channels) as c:
                here = f.at(seen, kind, linear(f, (c, sizes.channels * padded.plane)))
                sums_at = f.at(total, kind, linear(f, (block, geo.rows * lanes), (c, sizes.channels * geo.taps * lanes)))
                for number, piece in enumerate(sizes.pieces):
                    _across_sums(f, geo, padded, piece, here, turned, f.at(sums_at, kind, str(number * len(sizes.pieces[0]) * lanes)))
    f.barrier()
    begin, end = share(f, str(sizes.blocks * geo.rows))
    team = minimum(f, "%nt", workers())
    with f.loop(begin, end) as row:
        block, k = "0", row
        if sizes.blocks > 1:
            block, k = f.put(f"udiv i64 {row}, {geo.rows}"), f.put(f"urem i64 {row}, {geo.rows}")
        here = f.at(scratch, kind, linear(f, (row, lanes)))
        whole = f.variable(of, f.load(of, here, geo.size))
        with f.loop("1", team) as t:
            more = f.load(of, f.at(here, "i8", f.put(f"mul i64 {t}, {sizes.sum}")), geo.size)
            f.store(of, f.op("fadd", of, f.load(of, whole), more), whole)
        left = f.put(f"sub i64 {geo.o}, {linear(f, (block, lanes))}")
        mask = within(f, places(f, "0", lanes), lanes, minimum(f, left, lanes))
        target = f.at(result, kind, linear(f, (block, lanes * geo.rows), (k, 1)))
        scatter(f, kind, lanes, f.load(of, whole), target, places(f, "0", lanes, geo.rows), mask)
    return f.text()


def _turn(f: Function, geo: Geometry, source: str, left: str, target: str) -> None:
    """target[window][lane] = source[lane][window], zero for lanes that are no channels."""
    kind, lanes, of = geo.kind, geo.lanes, vector(geo.kind, geo.lanes)
    with lanes_of(f, geo.area, lanes) as (at, mask):
        rows = []
        for o in range(lanes):
            seen = mask
            if geo.o % lanes:
                seen = both(f, lanes, mask, alike(f, f.put(f"icmp sgt i64 {left}, {o}"), lanes))
            rows.append(load_masked(f, kind, lanes, f.at(source, kind, linear(f, (at, 1), start=o * geo.area)), seen))
        for i, values in enumerate(transpose(f, kind, lanes, rows)):
            f.store(of, values, f.at(target, kind, linear(f, (at, lanes), start=i * lanes)), geo.size)


def _across_sums(f: Function, geo: Geometry, padded: Padded, piece: list, seen: str, grad: str, into: str) -> None:
    """into[(c, tap)][lane] += Σ over the windows of one sample, for some (c, tap)."""
    kind, lanes, of = geo.kind, geo.lanes, vector(geo.kind, geo.lanes)
    places_ = [c * padded.plane + padded.offset(tap) for c, tap in piece]
    sums = [f.variable(of, "zeroinitializer") for _ in piece]
    steps = [s * t for s, t in zip(geo.stride, (padded.slice, padded.row, 1))]
    with each(f, geo.out[0]) as d, each(f, geo.out[1]) as h:
        row = f.at(seen, kind, linear(f, (d, steps[0]), (h, steps[1])))
        line = f.at(grad, kind, linear(f, (d, geo.out[1] * geo.out[2] * lanes), (h, geo.out[2] * lanes)))
        with each(f, geo.out[2]) as v:
            at = f.at(row, kind, linear(f, (v, steps[2])))
            values = f.load(of, f.at(line, kind, linear(f, (v, lanes))), geo.size)
            for place, total in zip(places_, sums):
                number = f.splat(f.load(kind, f.at(at, kind, str(place))), kind, lanes)
                f.store(of, fma(f, of, number, values, f.load(of, total)), total)
    for i, total in enumerate(sums):
        here = f.at(into, kind, str(i * lanes))
        f.store(of, f.op("fadd", of, f.load(of, here, geo.size), f.load(of, total)), here, geo.size)
