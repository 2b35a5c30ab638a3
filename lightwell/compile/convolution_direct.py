"""Convolutions without columns: sums of products kept in registers, windows read where x lies. Of one group.

    across    the lanes of a vector are channels of y: a register for each of some windows, whose values of x are spread over all
              lanes; the sums of a block are transposed as they are written
    along     the lanes are neighbouring windows of a row (stride 1), for y of few channels: a register for each channel and row

In both the inner loop runs over all (c, tap), whose weights lie side by side after packing and whose places in x are looked up in
a table. A sample is copied between zeros first, so that no window leaves it. "Anatomy of high-performance deep learning
convolutions on SIMD architectures" (Georganas et al., 2018).
"""

import math

from .convolution_parts import (  # isort: skip
    Geometry, alike, both, each, fill, first, gather, lanes_of, linear,  load_masked, minimum, places,
    register_bytes, scatter, share, shuffle, store_masked, vectors_of, within, workers, working,
)  # fmt: skip
from .ir import Function, vector


def registers() -> int:
    """How many sums a block may keep in registers, a few being left for what is multiplied."""
    return 28 if register_bytes() == 64 else 12


def _round(size: int) -> int:
    return (size + 4095) // 4096 * 4096 + 192


class _Padded:
    """A sample between zeros: where things lie in it."""

    def __init__(self, geo: Geometry):
        self.geo = geo
        self.space = tuple(n + 2 * p for n, p in zip(geo.space, geo.padding))
        self.row = self.space[2]
        self.slice = self.row * self.space[1]
        self.plane = self.slice * self.space[0]
        self.bytes = _round((geo.c * self.plane + 2 * geo.lanes) * geo.size)

    def offset(self, tap: tuple) -> int:
        """Where a tap of the first window lies, from the first tap on."""
        return sum(t * d * s for t, d, s in zip(tap, self.geo.dilation, (self.slice, self.row, 1)))

    def window(self, place: tuple) -> int:
        """Where a window begins."""
        return sum(o * t * s for o, t, s in zip(place, self.geo.stride, (self.slice, self.row, 1)))

    def taps(self) -> list[tuple[int, int, int]]:
        """All taps in order."""
        a, b, c = self.geo.kernel
        return [(i, j, k) for i in range(a) for j in range(b) for k in range(c)]

    def clear(self, f: Function, buffer: str) -> None:
        """Zeros everywhere, once."""
        fill(f, self.geo.kind, self.geo.lanes, buffer, self.geo.c * self.plane + 2 * self.geo.lanes, "0.0")

    def copy(self, f: Function, x: str, sample: str, buffer: str) -> None:
        """A sample's rows between the zeros."""
        geo = self.geo
        kind, lanes, (depth, height, width) = geo.kind, geo.lanes, geo.space
        start = sum(p * s for p, s in zip(geo.padding, (self.slice, self.row, 1)))
        whole = f.at(x, kind, linear(f, (sample, geo.c * geo.plane)))
        with each(f, geo.c) as c, each(f, depth) as d, each(f, height) as h:
            source = f.at(whole, kind, linear(f, (c, geo.plane), (d, height * width), (h, width)))
            target = f.at(buffer, kind, linear(f, (c, self.plane), (d, self.slice), (h, self.row), start=start))
            with lanes_of(f, width, lanes) as (at, mask):
                store_masked(f, kind, lanes, load_masked(f, kind, lanes, f.at(source, kind, at), mask), f.at(target, kind, at), mask)


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


def _fma(f: Function, of: str, a: str, b: str, c: str) -> str:
    kind = of[1:-1].split(" ")[2]
    name = f"llvm.fma.v{of[1:].split(' ')[0]}{ {'float': 'f32', 'double': 'f64'}[kind] }"
    return f.call(name, of, (of, a), (of, b), (of, c))


def _blocks(geo: Geometry, most: int) -> tuple[int, int]:
    """Of a block of windows: how many rows (whole ones), or how many windows of one row where a row is too long."""
    height, width = geo.out[1], geo.out[2]
    if width > most:
        return 1, math.ceil(width / math.ceil(width / most))

    def waste(r):  # rows computed twice, and sums that are too few to keep the units busy
        return math.ceil(height / r) * r / height / min(1, r * width / 14)

    return min(range(1, min(height, most // width) + 1), key=lambda r: (waste(r), -r)), width


def _last(f: Function, at: str, step: int, n: int, size: int) -> str:
    """at·step, but so that `size` fit into n: the last block overlaps the one before it."""
    place = linear(f, (at, step))
    return place if n % size == 0 or n == size else minimum(f, place, n - size)


# ---- lanes across channels ------------------------------------------------------------------------------------------


class _Across:
    """Sizes of the kernels whose lanes are y's channels."""

    def __init__(self, geo: Geometry):
        self.padded = _Padded(geo)
        self.copies = any(geo.padding)
        self.blocks = math.ceil(geo.o / geo.lanes)
        self.weight = _round(self.blocks * geo.rows * geo.lanes * geo.size)
        self.table = _round(geo.rows * 8)
        self.sample = self.padded.bytes if self.copies else 0


def across_scratch(geo: Geometry) -> int:
    """Bytes that `across` needs for all threads."""
    sizes = _Across(geo)
    return sizes.weight + sizes.table + sizes.sample * workers()


def _pack(f: Function, geo: Geometry, padded: _Padded, w: str, packed: str, table: str, turned: bool, lanes: int, blocks: int) -> None:
    """packed[block][row][lane] = the weight of channel block·lanes + lane, zero beyond the last; table[row] = its place in x.

    The rows are all (c, tap), sorted by the taps' heights. By all threads, who wait for one another afterwards.
    """
    kind = geo.kind
    step = geo.taps if turned else geo.rows
    start, stop = share(f, str(geo.c))
    _, k2, k3 = geo.kernel
    with f.loop(start, stop) as c, each(f, geo.kernel[0]) as i, each(f, k2) as j, each(f, k3) as k:
        tap = linear(f, (i, k2 * k3), (j, k3), (k, 1))
        row = linear(f, (i, k2 * geo.c * k3), (j, geo.c * k3), (c, k3), (k, 1))
        d1, d2, d3 = geo.dilation
        place = linear(f, (c, padded.plane), (i, d1 * padded.slice), (j, d2 * padded.row), (k, d3))
        f.store("i64", place, f.at(table, "i64", row))
        if turned:  # w[c, o, taps from last to first]
            begin = linear(f, (c, geo.o * geo.taps), (tap, -1), start=geo.taps - 1)
        else:
            begin = linear(f, (c, geo.taps), (tap, 1))
        with each(f, blocks) as block:
            if lanes == geo.lanes:
                left = f.put(f"sub i64 {geo.o}, {linear(f, (block, lanes))}")
                mask = within(f, places(f, "0", lanes), lanes, minimum(f, left, lanes))
                base = f.at(w, kind, linear(f, (begin, 1), (block, lanes * step)))
                values = gather(f, kind, lanes, base, places(f, "0", lanes, step), mask)
                f.store(vector(kind, lanes), values, f.at(packed, kind, linear(f, (block, geo.rows * lanes), (row, lanes))), geo.size)
            else:  # a few channels, the last block overlapping the one before it
                with each(f, lanes) as lane:
                    o = linear(f, (_last(f, block, lanes, geo.o, lanes), 1), (lane, 1))
                    value = f.load(kind, f.at(w, kind, linear(f, (begin, 1), (o, step))))
                    f.store(kind, value, f.at(packed, kind, linear(f, (block, geo.rows * lanes), (row, lanes), (lane, 1))))
    f.barrier()


def across(geo: Geometry, bias: bool, turned: bool) -> str:
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
    _pack(f, geo, padded, w, scratch, table, turned, geo.lanes, sizes.blocks)
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


def _across_block(f: Function, geo: Geometry, padded: _Padded, shape, seen, packed, table, bias, y, sample, block) -> None:
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
        h, v = _last(f, r, rows, geo.out[1], rows), _last(f, c, width, geo.out[2], width)
        steps = [s * t for s, t in zip(geo.stride, (padded.slice, padded.row, 1))]
        source = f.at(seen, kind, linear(f, (d, steps[0]), (h, steps[1]), (v, steps[2])))
        ways = [padded.window((0, i, j)) for i in range(rows) for j in range(width)]
        sums = [f.variable(of, begin) for _ in ways]
        with f.loop("0", str(geo.rows)) as k:
            at = f.at(source, kind, f.load("i64", f.at(table, "i64", k)))
            values = f.load(of, f.at(weight, kind, linear(f, (k, lanes))), geo.size)
            for way, place in zip(ways, sums):
                number = f.splat(f.load(kind, f.at(at, kind, str(way))), kind, lanes)
                f.store(of, _fma(f, of, number, values, f.load(of, place)), place)
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
        self.padded = _Padded(geo)
        self.copies = any(geo.padding)
        self.blocks = math.ceil(geo.o / geo.lanes)
        self.length = math.ceil(geo.area / geo.lanes) * geo.lanes
        self.sum = _round(self.blocks * geo.rows * geo.lanes * geo.size)
        self.grad = _round(self.length * geo.lanes * geo.size)
        self.sample = self.padded.bytes if self.copies else 0
        most = registers()
        if geo.taps <= most:
            self.channels = max(c for c in range(1, geo.c + 1) if geo.c % c == 0 and c * geo.taps <= most)
            self.pieces = [[(c, tap) for c in range(self.channels) for tap in self.padded.taps()]]
        else:
            self.channels, taps = 1, self.padded.taps()
            size = math.ceil(len(taps) / math.ceil(len(taps) / most))
            self.pieces = [[(0, tap) for tap in taps[i : i + size]] for i in range(0, len(taps), size)]


def across_weight_scratch(geo: Geometry) -> int:
    """Bytes that `across_weight` needs for all threads."""
    sizes = _AcrossWeight(geo)
    return (sizes.sum + sizes.grad + sizes.sample) * workers()


def across_weight(geo: Geometry) -> str:
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


def _across_sums(f: Function, geo: Geometry, padded: _Padded, piece: list, seen: str, grad: str, into: str) -> None:
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
                f.store(of, _fma(f, of, number, values, f.load(of, total)), total)
    for i, total in enumerate(sums):
        here = f.at(into, kind, str(i * lanes))
        f.store(of, f.op("fadd", of, f.load(of, here, geo.size), f.load(of, total)), here, geo.size)


# ---- lanes along rows -----------------------------------------------------------------------------------------------


class _Along:
    """Sizes of the kernels whose lanes are windows of a row."""

    def __init__(self, geo: Geometry):
        self.padded = _Padded(geo)
        self.vectors = math.ceil(geo.out[2] / geo.lanes)
        most = registers() - 4
        self.channels = math.ceil(geo.o / math.ceil(geo.o / 6))
        self.vectors_each = min(self.vectors, max(1, most // self.channels))
        room = max(1, most // (self.channels * self.vectors_each))

        def cycles(r):  # of a step: each register takes part in one sum at a time, which takes four
            step = max(4.5, r * self.vectors_each * self.channels / 2, r * self.vectors_each + self.channels / 2)
            tops = [min(i, geo.out[1] - r) for i in range(0, geo.out[1], r)]
            return sum(high - low for low, high in (self.heights(t, r) for t in tops)) * step

        self.rows = min(range(1, min(room, geo.out[1]) + 1), key=cycles) if self.vectors_each == self.vectors else 1
        self.blocks = math.ceil(geo.o / self.channels)
        self.weight = _round(self.blocks * geo.rows * self.channels * geo.size)
        self.table = _round(geo.rows * 8)

    def heights(self, top: int, rows: int) -> tuple[int, int]:
        """The taps' heights, from … to, at which the windows of some rows see anything of x."""
        geo = self.padded.geo
        if geo.dilation[1] != 1:
            return 0, geo.kernel[1]
        return max(0, geo.padding[1] - top - rows + 1), min(geo.kernel[1], geo.space[1] + geo.padding[1] - top)

    def seen(self, f: Function, top: str) -> tuple[str, str]:
        """The rows of the packed weight that go with these heights."""
        geo = self.padded.geo
        each_ = geo.c * geo.kernel[2]
        tops = [min(i, geo.out[1] - self.rows) for i in range(0, geo.out[1], self.rows)]
        if geo.kernel[0] > 1 or all(self.heights(t, self.rows) == (0, geo.kernel[1]) for t in tops):
            return "0", str(geo.rows)
        low = linear(f, (top, -1), start=geo.padding[1] - self.rows + 1)
        high = linear(f, (top, -1), start=geo.space[1] + geo.padding[1])
        low, high = f.call("llvm.smax.i64", "i64", ("i64", low), ("i64", "0")), minimum(f, high, geo.kernel[1])
        return linear(f, (low, each_)), linear(f, (high, each_))


def along_scratch(geo: Geometry) -> int:
    """Bytes that `along` needs for all threads."""
    sizes = _Along(geo)
    return sizes.weight + sizes.table + sizes.padded.bytes * workers()


def along(geo: Geometry, bias: bool, turned: bool) -> str:
    """Slots: x, w, the bias if any, y, scratch."""
    f = Function()
    kind, lanes, of = geo.kind, geo.lanes, vector(geo.kind, geo.lanes)
    sizes = _Along(geo)
    padded, channels, each_, rows = sizes.padded, sizes.channels, sizes.vectors_each, sizes.rows
    x, w = f.slot(1), f.slot(2)
    b = f.slot(3) if bias else None
    y, scratch = f.slot(3 + bias), f.slot(4 + bias)
    table = f.at(scratch, "i8", str(sizes.weight))
    mine = f.at(scratch, "i8", linear(f, ("%tid", padded.bytes), start=sizes.weight + sizes.table))
    _pack(f, geo, padded, w, scratch, table, turned, channels, sizes.blocks)
    with working(f):
        padded.clear(f, mine)
    start, stop = share(f, str(geo.n))
    with f.loop(start, stop) as sample:
        padded.copy(f, x, sample, mine)
        with each(f, sizes.blocks) as block, each(f, geo.out[0]) as d, each(f, math.ceil(geo.out[1] / rows)) as r:
            o, h = _last(f, block, channels, geo.o, channels), _last(f, r, rows, geo.out[1], rows)
            weight = f.at(scratch, kind, linear(f, (block, geo.rows * channels)))
            with each(f, math.ceil(sizes.vectors / each_)) as part:
                v = linear(f, (part, each_ * lanes))
                source = f.at(mine, kind, linear(f, (d, padded.slice), (h, padded.row), (v, 1)))
                out = f.at(y, kind, linear(f, (sample, geo.o * geo.area), (o, geo.area), (d, geo.out[1] * geo.out[2]),
                                           (h, geo.out[2]), (v, 1)))  # fmt: skip
                ways = [i * padded.row + j * lanes for i in range(rows) for j in range(each_)]
                sums = []
                for i in range(channels):
                    begin = "zeroinitializer"
                    if b is not None:
                        begin = f.splat(f.load(kind, f.at(b, kind, linear(f, (o, 1), start=i))), kind, lanes)
                    sums.append([f.variable(of, begin) for _ in ways])
                low, high = sizes.seen(f, h)
                with f.loop(low, high) as k:
                    at = f.at(source, kind, f.load("i64", f.at(table, "i64", k)))
                    values = [f.load(of, f.at(at, kind, str(way)), geo.size) for way in ways]
                    numbers = f.at(weight, kind, linear(f, (k, channels)))
                    for i in range(channels):
                        number = f.splat(f.load(kind, f.at(numbers, kind, str(i))), kind, lanes)
                        for value, place in zip(values, sums[i]):
                            f.store(of, _fma(f, of, number, value, f.load(of, place)), place)
                for j in range(each_):
                    mask = first(lanes, min(lanes, geo.out[2] - j * lanes))
                    if each_ < sizes.vectors:
                        mask = within(f, places(f, "0", lanes), lanes, f.call("llvm.smax.i64", "i64", ("i64", f.put(
                            f"sub i64 {geo.out[2] - j * lanes}, {v}")), ("i64", "0")))  # fmt: skip
                    for i in range(channels):
                        for q in range(rows):
                            place = f.at(out, kind, str(i * geo.area + q * geo.out[2] + j * lanes))
                            store_masked(f, kind, lanes, f.load(of, sums[i][q * each_ + j]), place, mask)
    return f.text()


# ---- the weight's gradient, lanes along rows ------------------------------------------------------------------------


class _AlongWeight:
    """Sizes of the weight's gradient whose lanes are windows of a row."""

    def __init__(self, geo: Geometry):
        self.padded = _Padded(geo)
        most = registers() - 4
        self.channels = max(c for c in range(1, geo.o + 1) if geo.o % c == 0 and (c == 1 or (c * geo.kernel[2] <= most and c <= 6)))
        self.sum = _round(geo.o * geo.rows * geo.lanes * geo.size)


def along_weight_scratch(geo: Geometry) -> int:
    """Bytes that `along_weight` needs for all threads."""
    sizes = _AlongWeight(geo)
    return (sizes.sum + sizes.padded.bytes) * workers()


def along_weight(geo: Geometry) -> str:
    """Slots: x, g, the gradient of the weight, scratch. Sums stay vectors to the end; only then are their lanes added up."""
    f = Function()
    kind, lanes, of = geo.kind, geo.lanes, vector(geo.kind, geo.lanes)
    sizes = _AlongWeight(geo)
    padded, channels, (_, k2, k3) = sizes.padded, sizes.channels, geo.kernel
    x, g, result, scratch = (f.slot(i) for i in range(1, 5))
    total = f.at(scratch, "i8", linear(f, ("%tid", sizes.sum)))
    mine = f.at(scratch, "i8", linear(f, ("%tid", padded.bytes), start=sizes.sum * workers()))
    with working(f):
        fill(f, kind, lanes, total, geo.o * geo.rows * lanes, "0.0")
        padded.clear(f, mine)
    start, stop = share(f, str(geo.n))
    with f.loop(start, stop) as sample:
        padded.copy(f, x, sample, mine)
        with each(f, geo.o // channels) as block, each(f, geo.c) as c, each(f, geo.kernel[0]) as i, each(f, k2) as j:
            grad = f.at(g, kind, linear(f, (sample, geo.o * geo.area), (block, channels * geo.area)))
            begin = linear(f, (c, padded.plane), (i, geo.dilation[0] * padded.slice), (j, geo.dilation[1] * padded.row))
            source = f.at(mine, kind, begin)
            sums = [[f.variable(of, "zeroinitializer") for _ in range(k3)] for _ in range(channels)]
            with each(f, geo.out[0]) as d, each(f, geo.out[1]) as h:
                row = f.at(source, kind, linear(f, (d, padded.slice), (h, padded.row)))
                line = f.at(grad, kind, linear(f, (d, geo.out[1] * geo.out[2]), (h, geo.out[2])))
                for at, mask in vectors_of(f, geo.out[2], lanes):
                    here = f.at(line, kind, at)
                    grads = [load_masked(f, kind, lanes, f.at(here, kind, str(o * geo.area)), mask) for o in range(channels)]
                    for k in range(k3):
                        # Beyond the row there is something else of x: were it infinite, even zero times it would count.
                        value = load_masked(f, kind, lanes, f.at(row, kind, linear(f, (at, 1), start=k * geo.dilation[2])), mask)
                        for o in range(channels):
                            f.store(of, _fma(f, of, value, grads[o], f.load(of, sums[o][k])), sums[o][k])
            for o in range(channels):
                number = linear(f, (block, channels * geo.rows), (c, geo.taps), (i, k2 * k3), (j, k3), start=o * geo.rows)
                for k in range(k3):
                    here = f.at(total, kind, linear(f, (number, lanes), start=k * lanes))
                    f.store(of, f.op("fadd", of, f.load(of, here, geo.size), f.load(of, sums[o][k])), here, geo.size)
    f.barrier()
    begin, end = share(f, str(geo.o * geo.rows))
    team = minimum(f, "%nt", workers())
    with f.loop(begin, end) as number:
        here = f.at(scratch, kind, linear(f, (number, lanes)))
        whole = f.variable(of, f.load(of, here, geo.size))
        with f.loop("1", team) as t:
            more = f.load(of, f.at(here, "i8", f.put(f"mul i64 {t}, {sizes.sum}")), geo.size)
            f.store(of, f.op("fadd", of, f.load(of, whole), more), whole)
        name = f"llvm.vector.reduce.fadd.v{lanes}{'f32' if kind == 'float' else 'f64'}"
        f.declare(f"declare {kind} @{name}({kind}, {of})")
        f.store(kind, f.put(f"call reassoc {kind} @{name}({kind} -0.0, {of} {f.load(of, whole)})"), f.at(result, kind, number))
    return f.text()
