"""Convolutions of many channels on planes of a few places, stride 1: the batch is what products run along.

On a plane of 3×3 nearly half of the windows of 3×3 see nothing but padding. So each tap has its own products, for those places
of y alone that it serves: y[p] += W[tap]·x[q] for all p whose tap sees q, where x[q] is the matrix (channels × samples). Neighbours
in a row are taken together. The weight's gradient is W[tap] += Σ g[p]·x[q]ᵀ.
"""

import math
from collections.abc import Iterator

from .convolution_direct import rounded
from .convolution_parts import Geometry, each, fill, gather, gemm, lanes_of, linear, minimum, places, scatter, share, store_masked, workers
from .ir import Function, vector

BLOCK = 128  # channels of y at a time


def runs(geo: Geometry) -> Iterator[tuple[int, int, int, int]]:
    """(tap, first place of y, first place of x, how many side by side) of all that see something."""
    (_, height, width), (_, k2, k3), (_, rows, columns) = geo.space, geo.kernel, geo.out
    for j in range(k2):
        for k in range(k3):
            shift = k * geo.dilation[2] - geo.padding[2]
            low, high = max(0, -shift), min(columns, width - shift)
            for r in range(rows):
                h = r + j * geo.dilation[1] - geo.padding[1]
                if 0 <= h < height and low < high:
                    yield j * k3 + k, r * columns + low, h * width + low + shift, high - low


class _Sizes:
    """Blocks of channels, and where things lie."""

    def __init__(self, geo: Geometry):
        self.size = math.ceil(geo.o / max(math.ceil(geo.o / BLOCK), min(workers(), geo.o)))
        self.count = math.ceil(geo.o / self.size)
        self.x = rounded(geo.c * geo.plane * geo.n * geo.size)
        self.y = rounded(self.size * geo.area * geo.n * geo.size)
        self.weight = rounded(geo.taps * self.size * geo.c * geo.size)

    def scratch(self) -> int:
        """Bytes for all threads."""
        return self.x + (self.y + self.weight) * workers()

    def lay(self, f: Function, scratch: str) -> tuple[str, str, str]:
        """Addresses of the turned x, which all threads share, and of this thread's turned y and weight."""
        mine = f.at(scratch, "i8", linear(f, ("%tid", self.y + self.weight), start=self.x))
        return scratch, mine, f.at(mine, "i8", str(self.y))


def scratch(geo: Geometry) -> int:
    """Bytes that the kernels need for all threads."""
    return _Sizes(geo).scratch()


def _turn(f: Function, geo: Geometry, source: str, step: int, start: str, stop: str, target: str) -> None:
    """target[i - start][sample] = source[sample][i] for i in range(start, stop), samples being `step` apart."""
    kind, lanes = geo.kind, geo.lanes
    with f.loop(start, stop) as i:
        into = f.at(target, kind, linear(f, (f.put(f"sub i64 {i}, {start}"), geo.n)))
        with lanes_of(f, geo.n, lanes) as (n, mask):
            base = f.at(source, kind, linear(f, (i, 1), (n, step)))
            store_masked(f, kind, lanes, gather(f, kind, lanes, base, places(f, "0", lanes, step), mask), f.at(into, kind, n), mask)


def _block(f: Function, geo: Geometry, sizes: _Sizes, block: str) -> tuple[str, str]:
    """The first channel of a block and the number of its channels."""
    first = linear(f, (block, sizes.size))
    return first, minimum(f, f.put(f"sub i64 {geo.o}, {first}"), sizes.size)


def _all_x(f: Function, geo: Geometry, x: str, target: str) -> None:
    """target[c, q][sample] = x[sample][c, q], by all threads."""
    numbers = geo.c * geo.plane
    start, stop = share(f, str(numbers))
    _turn(f, geo, x, numbers, start, stop, f.at(target, geo.kind, linear(f, (start, geo.n))))
    f.barrier()


def forward(geo: Geometry, bias: bool, turned: bool) -> str:
    """Slots: x, w, the bias if any, y, scratch."""
    f = Function()
    kind, lanes, sizes = geo.kind, geo.lanes, _Sizes(geo)
    x, w = f.slot(1), f.slot(2)
    b = f.slot(3) if bias else None
    y, seen, sums, packed = f.slot(3 + bias), *sizes.lay(f, f.slot(4 + bias))
    _all_x(f, geo, x, seen)
    start, stop = share(f, str(sizes.count))
    with f.loop(start, stop) as block:
        first, count = _block(f, geo, sizes, block)
        _pack(f, geo, sizes, w, first, count, packed, turned)
        with f.loop("0", count) as o:
            value = "0.0" if b is None else f.load(kind, f.at(b, kind, linear(f, (first, 1), (o, 1))))
            fill(f, kind, lanes, f.at(sums, kind, linear(f, (o, geo.area * geo.n))), geo.area * geo.n, value)
        for tap, p, q, length in runs(geo):
            one = (f.at(packed, kind, str(tap * sizes.size * geo.c)), sizes.size if turned else geo.c)
            two = (f.at(seen, kind, str(q * geo.n)), geo.plane * geo.n)
            out = (f.at(sums, kind, str(p * geo.n)), geo.area * geo.n)
            gemm(f, kind, (turned, False), (count, length * geo.n, geo.c), one, two, out, 1.0)
        numbers = linear(f, (count, geo.area))
        with each(f, geo.n) as n:
            target = f.at(y, kind, linear(f, (n, geo.o * geo.area), (first, geo.area)))
            with lanes_of(f, numbers, lanes) as (at, mask):
                base = f.at(sums, kind, linear(f, (at, geo.n), (n, 1)))
                store_masked(f, kind, lanes, gather(f, kind, lanes, base, places(f, "0", lanes, geo.n), mask), f.at(target, kind, at), mask)
    return f.text()


def _pack(f: Function, geo: Geometry, sizes: _Sizes, w: str, first: str, count: str, packed: str, turned: bool) -> None:
    """packed[tap][o][c] = w[first + o][c][tap]; for an adjoint packed[tap][c][o] = w[c][first + o][taps from last to first]."""
    kind, lanes, taps = geo.kind, geo.lanes, geo.taps
    rows, columns = (str(geo.c), count) if turned else (count, geo.c)
    index = places(f, "0", lanes, taps)
    with f.loop("0", rows) as row, lanes_of(f, columns, lanes) as (at, mask):
        if turned:
            base = f.at(w, kind, linear(f, (row, geo.o * taps), (first, taps), (at, taps), start=taps - 1))
        else:
            base = f.at(w, kind, linear(f, (first, geo.c * taps), (row, geo.c * taps), (at, taps)))
        target = f.at(packed, kind, linear(f, (row, sizes.size if turned else geo.c), (at, 1)))
        for tap in range(taps):
            values = gather(f, kind, lanes, f.at(base, kind, str(-tap if turned else tap)), index, mask)
            store_masked(f, kind, lanes, values, f.at(target, kind, str(tap * sizes.size * geo.c)), mask)


def weight(geo: Geometry) -> str:
    """Slots: x, g, the gradient of the weight, scratch."""
    f = Function()
    kind, lanes, sizes, taps = geo.kind, geo.lanes, _Sizes(geo), geo.taps
    x, g, result = (f.slot(i) for i in range(1, 4))
    seen, grads, sums = sizes.lay(f, f.slot(4))
    _all_x(f, geo, x, seen)
    start, stop = share(f, str(sizes.count))
    with f.loop(start, stop) as block:
        first, count = _block(f, geo, sizes, block)
        begin, end = linear(f, (first, geo.area)), linear(f, (f.put(f"add i64 {first}, {count}"), geo.area))
        _turn(f, geo, g, geo.o * geo.area, begin, end, grads)
        found = list(runs(geo))
        for tap in set(range(taps)) - {tap for tap, *_ in found}:
            fill(f, kind, lanes, f.at(sums, kind, str(tap * sizes.size * geo.c)), sizes.size * geo.c, "0.0")
        done = set()
        for tap, p, q, length in found:
            one = (f.at(grads, kind, str(p * geo.n)), geo.area * geo.n)
            two = (f.at(seen, kind, str(q * geo.n)), geo.plane * geo.n)
            out = (f.at(sums, kind, str(tap * sizes.size * geo.c)), geo.c)
            gemm(f, kind, (False, True), (count, geo.c, length * geo.n), one, two, out, 1.0 if tap in done else 0.0)
            done.add(tap)
        index = places(f, "0", lanes, taps)
        with f.loop("0", count) as o, lanes_of(f, geo.c, lanes) as (at, mask):
            source = f.at(sums, kind, linear(f, (o, geo.c), (at, 1)))
            target = f.at(result, kind, linear(f, (first, geo.c * taps), (o, geo.c * taps), (at, taps)))
            for tap in range(taps):
                here = f.at(source, kind, str(tap * sizes.size * geo.c))
                values = f.put(f"load {vector(kind, lanes)}, ptr {here}, align {geo.size}")
                scatter(f, kind, lanes, values, f.at(target, kind, str(tap)), index, mask)
    return f.text()
