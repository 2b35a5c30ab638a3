"""What convolutions without columns share: sums of products kept in registers, windows read where x lies.

The inner loop runs over all (c, tap) of a group, whose weights lie side by side after packing and whose places in x are looked up
in a table. A sample is copied between zeros first, so that no window leaves it.
"""

from .convolution_parts import (
    Geometry,
    each,
    fill,
    gather,
    lanes_of,
    linear,
    load_masked,
    minimum,
    places,
    register_bytes,
    share,
    store_masked,
    within,
)  # fmt: skip
from .ir import Function, vector


def registers() -> int:
    """How many sums a block may keep in registers, a few being left for what is multiplied."""
    return 28 if register_bytes() == 64 else 12


def rounded(size: int) -> int:
    return (size + 4095) // 4096 * 4096 + 192


class Padded:
    """A sample between zeros: where things lie in it."""

    def __init__(self, geo: Geometry):
        self.geo = geo
        self.space = tuple(n + 2 * p for n, p in zip(geo.space, geo.padding))
        self.row = self.space[2]
        self.slice = self.row * self.space[1]
        self.plane = self.slice * self.space[0]
        self.bytes = rounded((geo.c * self.plane + 2 * geo.lanes) * geo.size)

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


def fma(f: Function, of: str, a: str, b: str, c: str) -> str:
    kind = of[1:-1].split(" ")[2]
    name = f"llvm.fma.v{of[1:].split(' ')[0]}{ {'float': 'f32', 'double': 'f64'}[kind] }"
    return f.call(name, of, (of, a), (of, b), (of, c))


def last(f: Function, at: str, step: int, n: int, size: int) -> str:
    """at·step, but so that `size` fit into n: the last block overlaps the one before it."""
    place = linear(f, (at, step))
    return place if n % size == 0 or n == size else minimum(f, place, n - size)


def pack(f: Function, geo: Geometry, padded: Padded, w: str, packed: str, table: str, turned: bool, lanes: int, blocks: int) -> None:
    """packed[group][block][row][lane] = the weight of channel block·lanes + lane, zero beyond the last; table[row] = its place in x.

    The rows are all (c, tap), sorted by the taps' heights. By all threads, who wait for one another afterwards.
    """
    kind = geo.kind
    step = geo.taps if turned else geo.rows
    start, stop = share(f, str(geo.cg))
    _, k2, k3 = geo.kernel
    with f.loop(start, stop) as c, each(f, geo.kernel[0]) as i, each(f, k2) as j, each(f, k3) as k:
        tap = linear(f, (i, k2 * k3), (j, k3), (k, 1))
        row = linear(f, (i, k2 * geo.cg * k3), (j, geo.cg * k3), (c, k3), (k, 1))
        d1, d2, d3 = geo.dilation
        place = linear(f, (c, padded.plane), (i, d1 * padded.slice), (j, d2 * padded.row), (k, d3))
        f.store("i64", place, f.at(table, "i64", row))
        with each(f, geo.groups) as group, each(f, blocks) as block:
            if turned:  # w[c, o, taps from last to first]
                begin = linear(f, (group, geo.cg * geo.og * geo.taps), (c, geo.og * geo.taps), (tap, -1), start=geo.taps - 1)
            else:
                begin = linear(f, (group, geo.og * geo.rows), (c, geo.taps), (tap, 1))
            into = f.at(packed, kind, linear(f, (group, blocks * geo.rows * lanes), (block, geo.rows * lanes), (row, lanes)))
            if lanes == geo.lanes:
                left = f.put(f"sub i64 {geo.og}, {linear(f, (block, lanes))}")
                mask = within(f, places(f, "0", lanes), lanes, minimum(f, left, lanes))
                base = f.at(w, kind, linear(f, (begin, 1), (block, lanes * step)))
                f.store(vector(kind, lanes), gather(f, kind, lanes, base, places(f, "0", lanes, step), mask), into, geo.size)
            else:  # a few channels, the last block overlapping the one before it
                first = last(f, block, lanes, geo.og, lanes)
                with each(f, lanes) as lane:
                    value = f.load(kind, f.at(w, kind, linear(f, (begin, 1), (first, step), (lane, step))))
                    f.store(kind, value, f.at(into, kind, lane))
    f.barrier()
