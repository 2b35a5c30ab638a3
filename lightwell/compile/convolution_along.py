"""Convolutions whose lanes are neighbouring windows of a row: for y of few channels, stride 1.

There is a register for each of some channels and rows; rows of taps that see nothing of x are left out. For the weight's gradient
there is a register for each of some channels and taps of a row: sums stay vectors to the end, only then are their lanes added up.
"""

import math

from .convolution_direct import Padded, fma, last, pack, registers, rounded
from .convolution_parts import (
    Geometry,
    each,
    fill,
    first,
    linear,
    load_masked,
    minimum,
    places,
    share,
    store_masked,
    vectors_of,
    within,
    workers,
    working,
)  # fmt: skip
from .ir import Function, vector


class _Along:
    """Sizes of the kernels whose lanes are windows of a row."""

    def __init__(self, geo: Geometry):
        self.padded = Padded(geo)
        self.vectors = math.ceil(geo.out[2] / geo.lanes)
        most = registers() - 4
        self.channels = math.ceil(geo.og / math.ceil(geo.og / 6))
        self.vectors_each = min(self.vectors, max(1, most // self.channels))
        room = max(1, most // (self.channels * self.vectors_each))

        def cycles(r):  # of a step: each register takes part in one sum at a time, which takes four
            step = max(4.5, r * self.vectors_each * self.channels / 2, r * self.vectors_each + self.channels / 2)
            tops = [min(i, geo.out[1] - r) for i in range(0, geo.out[1], r)]
            return sum(high - low for low, high in (self.heights(t, r) for t in tops)) * step

        self.rows = min(range(1, min(room, geo.out[1]) + 1), key=cycles) if self.vectors_each == self.vectors else 1
        self.blocks = math.ceil(geo.og / self.channels)  # of a group
        self.weight = rounded(geo.groups * self.blocks * geo.rows * self.channels * geo.size)
        self.table = rounded(geo.rows * 8)

    def heights(self, top: int, rows: int) -> tuple[int, int]:
        """The taps' heights, from … to, at which the windows of some rows see anything of x."""
        geo = self.padded.geo
        if geo.dilation[1] != 1:
            return 0, geo.kernel[1]
        return max(0, geo.padding[1] - top - rows + 1), min(geo.kernel[1], geo.space[1] + geo.padding[1] - top)

    def seen(self, f: Function, top: str) -> tuple[str, str]:
        """The rows of the packed weight that go with these heights."""
        geo = self.padded.geo
        each_ = geo.cg * geo.kernel[2]
        tops = [min(i, geo.out[1] - self.rows) for i in range(0, geo.out[1], self.rows)]
        if geo.kernel[0] > 1 or all(self.heights(t, self.rows) == (0, geo.kernel[1]) for t in tops):
            return "0", str(geo.rows)
        low = linear(f, (top, -1), start=geo.padding[1] - self.rows + 1)
        high = linear(f, (top, -1), start=geo.space[1] + geo.padding[1])
        low, high = f.call("llvm.smax.i64", "i64", ("i64", low), ("i64", "0")), minimum(f, high, geo.kernel[1])
        return linear(f, (low, each_)), linear(f, (high, each_))


def forward_scratch(geo: Geometry) -> int:
    """Bytes that `forward` needs for all threads."""
    sizes = _Along(geo)
    return sizes.weight + sizes.table + sizes.padded.bytes * workers()


def forward(geo: Geometry, bias: bool, turned: bool) -> str:
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
    pack(f, geo, padded, w, scratch, table, turned, channels, sizes.blocks)
    with working(f):
        padded.clear(f, mine)
    start, stop = share(f, str(geo.n))
    with f.loop(start, stop) as sample:
        padded.copy(f, x, sample, mine)
        with (
            each(f, geo.groups) as group,
            each(f, sizes.blocks) as block,
            each(f, geo.out[0]) as d,
            each(f, math.ceil(geo.out[1] / rows)) as r,
        ):
            o = linear(f, (group, geo.og), (last(f, block, channels, geo.og, channels), 1))
            h = last(f, r, rows, geo.out[1], rows)
            weight = f.at(scratch, kind, linear(f, (group, sizes.blocks * geo.rows * channels), (block, geo.rows * channels)))
            with each(f, math.ceil(sizes.vectors / each_)) as part:
                v = linear(f, (part, each_ * lanes))
                source = f.at(mine, kind, linear(f, (group, geo.cg * padded.plane), (d, padded.slice), (h, padded.row), (v, 1)))
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
                            f.store(of, fma(f, of, number, value, f.load(of, place)), place)
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
        self.padded = Padded(geo)
        most = registers() - 4
        self.channels = max(c for c in range(1, geo.og + 1) if geo.og % c == 0 and (c == 1 or (c * geo.kernel[2] <= most and c <= 6)))
        self.sum = rounded(geo.o * geo.rows * geo.lanes * geo.size)


def weight_scratch(geo: Geometry) -> int:
    """Bytes that `weight` needs for all threads."""
    sizes = _AlongWeight(geo)
    return (sizes.sum + sizes.padded.bytes) * workers()


def weight(geo: Geometry) -> str:
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
        with each(f, geo.o // channels) as block, each(f, geo.cg) as c, each(f, geo.kernel[0]) as i, each(f, k2) as j:
            group = "0" if geo.groups == 1 else f.put(f"udiv i64 {block}, {geo.og // channels}")
            grad = f.at(g, kind, linear(f, (sample, geo.o * geo.area), (block, channels * geo.area)))
            begin = linear(
                f, (group, geo.cg * padded.plane), (c, padded.plane), (i, geo.dilation[0] * padded.slice), (j, geo.dilation[1] * padded.row)
            )
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
                            f.store(of, fma(f, of, value, grads[o], f.load(of, sums[o][k])), sums[o][k])
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
