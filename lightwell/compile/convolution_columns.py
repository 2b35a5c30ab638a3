"""Convolutions as matrix products: windows are packed as columns in pieces that stay in the cache, BLAS multiplies them.

A piece is a run of rows of y: some rows of one sample, or several small samples whole, whose columns share one product and
whose results are put in place afterwards. Each thread takes pieces of its own; a weight's gradient is summed up in each thread
and then over the threads, in their order. "High performance convolutional neural networks for document processing"
(Chellapilla, Puri, Simard, 2006).
"""

import math

from .convolution_parts import (  # isort: skip
    Geometry, add_row, all_of, each, fill, gemm, lanes_of, line_of, linear, load_masked, minimum, reduce_partials, seen_at, share,
    store_masked, window_row, workers, working,
)  # fmt: skip
from .ir import Function, vector

CHUNK = 600_000  # bytes of columns made at a time
WINDOWS = 256  # columns at least, where a weight is so large that reading it costs more
MERGED = 100  # windows in a sample below which samples share a product


class _Pieces:
    """How the rows of y, counted over all samples, fall into pieces."""

    def __init__(self, geo: Geometry, whole: bool = False):
        self.lines = geo.out[0] * geo.out[1]  # of a sample
        width = geo.out[2]
        limit = max(CHUNK // (geo.rows * geo.groups * geo.size), WINDOWS)
        self.merged = geo.n > 1 and geo.area < MERGED
        if self.merged:
            shares = max(1, min(workers(), geo.n))
            count = shares * math.ceil(geo.n / shares / max(1, limit // geo.area))
            self.rows = math.ceil(geo.n / min(count, geo.n)) * self.lines
            self.count = math.ceil(geo.n * self.lines / self.rows)
            self.per = 0
        else:
            self.per = 1 if whole else math.ceil(self.lines / max(1, limit // width))  # pieces in a sample
            if geo.n < workers() and not whole:
                self.per = max(self.per, min(self.lines, workers()))
            self.rows = math.ceil(self.lines / self.per)
            self.per = math.ceil(self.lines / self.rows)
            self.count = geo.n * self.per
        self.samples = self.rows // self.lines if self.merged else 1
        self.total = geo.n * self.lines
        self.windows = self.rows * width  # the length of a row of columns

    def span(self, f: Function, piece: str) -> tuple[str, str, str]:
        """Of a piece: its first row, the number of its rows, and the row at which its first sample begins."""
        if self.merged:
            start = linear(f, (piece, self.rows))
            return start, minimum(f, str(self.rows), f.put(f"sub i64 {self.total}, {start}")), start
        sample = piece if self.per == 1 else f.put(f"udiv i64 {piece}, {self.per}")
        base = linear(f, (sample, self.lines))
        if self.per == 1:
            return base, str(self.lines), base
        local = f.put(f"mul i64 {f.put(f'urem i64 {piece}, {self.per}')}, {self.rows}")
        count = minimum(f, str(self.rows), f.put(f"sub i64 {self.lines}, {local}"))
        return linear(f, (base, 1), (local, 1)), count, base


def _pack(f: Function, geo: Geometry, x: str, cols: str, start: str, count: str, length: int) -> None:
    """cols[(c, tap), window] = x at the window's tap, for `count` rows of y from row `start` on."""
    kind, lanes, (_, height, width) = geo.kind, geo.lanes, geo.space
    _, k2, k3 = geo.kernel
    with each(f, geo.c) as c, each(f, geo.kernel[0]) as i, each(f, k2) as j, each(f, k3) as k:
        row = linear(f, (c, geo.taps), (i, k2 * k3), (j, k3), (k, 1))
        into = f.at(cols, kind, linear(f, (row, length)))
        column = linear(f, (k, geo.dilation[2]), start=-geo.padding[2])
        with f.loop("0", count) as line:
            sample, d, h = line_of(f, geo, f.put(f"add i64 {start}, {line}"))
            depth, in_depth = seen_at(f, geo, 0, d, i)
            high, in_height = seen_at(f, geo, 1, h, j)
            source = f.at(x, kind, linear(f, (sample, geo.c * geo.plane), (c, geo.plane), (depth, height * width), (high, width)))
            target = f.at(into, kind, linear(f, (line, geo.out[2])))
            with lanes_of(f, geo.out[2], lanes) as (at, mask):
                first = linear(f, (at, geo.stride[2]), (column, 1))
                got = window_row(f, kind, lanes, source, first, geo.stride[2], width, all_of(f, in_depth, in_height), mask)
                store_masked(f, kind, lanes, got, f.at(target, kind, at), mask)


def _collect(f: Function, geo: Geometry, y: str, start: str, count: str, into: str, length: int) -> None:
    """into[o, windows of several samples] = y's, sample after sample."""
    kind, lanes, lines = geo.kind, geo.lanes, geo.out[0] * geo.out[1]
    sample, number = f.put(f"udiv i64 {start}, {lines}"), f.put(f"udiv i64 {count}, {lines}")
    with each(f, geo.o) as o, f.loop("0", number) as s:
        whose = f.put(f"add i64 {s}, {sample}")
        source = f.at(y, kind, linear(f, (whose, geo.o * geo.area), (o, geo.area)))
        target = f.at(into, kind, linear(f, (o, length), (s, geo.area)))
        with lanes_of(f, geo.area, lanes) as (at, mask):
            store_masked(f, kind, lanes, load_masked(f, kind, lanes, f.at(source, kind, at), mask), f.at(target, kind, at), mask)


def _spread(f: Function, geo: Geometry, made: str, length: int, bias: str | None, y: str, start: str, count: str) -> None:
    """The opposite of `_collect`, adding the bias."""
    kind, lanes, lines = geo.kind, geo.lanes, geo.out[0] * geo.out[1]
    sample, number = f.put(f"udiv i64 {start}, {lines}"), f.put(f"udiv i64 {count}, {lines}")
    with each(f, geo.o) as o:
        add = None if bias is None else f.splat(f.load(kind, f.at(bias, kind, o)), kind, lanes)
        with f.loop("0", number) as s:
            whose = f.put(f"add i64 {s}, {sample}")
            source = f.at(made, kind, linear(f, (o, length), (s, geo.area)))
            target = f.at(y, kind, linear(f, (whose, geo.o * geo.area), (o, geo.area)))
            with lanes_of(f, geo.area, lanes) as (at, mask):
                got = load_masked(f, kind, lanes, f.at(source, kind, at), mask)
                if add is not None:
                    got = f.op("fadd", vector(kind, lanes), got, add)
                store_masked(f, kind, lanes, got, f.at(target, kind, at), mask)


def _turned(f: Function, geo: Geometry, w: str, into: str) -> None:
    """The weight of the adjoint of stride 1, a convolution: into[c, o, taps from last to first] = w[o, c, taps]; by all threads."""
    kind, last = geo.kind, geo.taps - 1
    start, stop = share(f, str(geo.c))
    with f.loop(start, stop) as channel:  # in `geo`, the convolution that is run: c and o have changed places
        group, c = "0", channel
        if geo.groups > 1:
            group, c = f.put(f"udiv i64 {channel}, {geo.cg}"), f.put(f"urem i64 {channel}, {geo.cg}")
        with each(f, geo.og) as o, each(f, geo.taps) as tap:
            back = f.put(f"sub i64 {last}, {tap}")
            value = f.load(kind, f.at(w, kind, linear(f, (channel, geo.og * geo.taps), (o, geo.taps), (back, 1))))
            row = linear(f, (group, geo.og), (o, 1))
            f.store(kind, value, f.at(into, kind, linear(f, (row, geo.rows), (c, geo.taps), (tap, 1))))
    f.barrier()


def _mine(f: Function, scratch: str, start: int, size: int) -> str:
    """This thread's part of the scratch memory, `size` bytes from `start` on."""
    return f.at(scratch, "i8", linear(f, ("%tid", size), start=start))


def _round(size: int) -> int:
    return (size + 4095) // 4096 * 4096 + 192  # threads' parts begin at different places of the cache


# ---- the three maps -------------------------------------------------------------------------------------------------


def forward_scratch(geo: Geometry, turned: bool) -> int:
    """Bytes that `forward` needs for all threads."""
    return _forward_sizes(geo, turned)[-1]


def _forward_sizes(geo: Geometry, turned: bool) -> tuple[int, int, int]:
    pieces = _Pieces(geo)
    cols = 0 if geo.pointwise and not pieces.merged else _round((geo.c * geo.taps * pieces.windows + geo.lanes) * geo.size)
    made = _round(geo.o * pieces.windows * geo.size) if pieces.merged else 0
    weight = _round(geo.o * geo.rows * geo.size) if turned else 0
    return cols, made, weight + (cols + made) * workers()


def forward(geo: Geometry, bias: bool, turned: bool) -> str:
    """Slots: x, w, the bias if any, y, scratch. `turned`: w is that of a convolution whose adjoint this one is."""
    f = Function()
    kind, lanes, pieces = geo.kind, geo.lanes, _Pieces(geo)
    x, w = f.slot(1), f.slot(2)
    b = f.slot(3) if bias else None
    y, scratch = f.slot(3 + bias), f.slot(4 + bias) if _forward_sizes(geo, turned)[2] else "null"
    before = _round(geo.o * geo.rows * geo.size) if turned else 0
    if turned:
        _turned(f, geo, w, scratch)
        w = scratch
    cols_size, made_size, _ = _forward_sizes(geo, turned)
    mine = _mine(f, scratch, before, cols_size + made_size)
    made = f.at(mine, "i8", str(cols_size))
    start, stop = share(f, str(pieces.count))
    with f.loop(start, stop) as piece:
        row, count, base = pieces.span(f, piece)
        windows = linear(f, (count, geo.out[2]))
        sample = f.put(f"udiv i64 {base}, {pieces.lines}")
        offset = linear(f, (f.put(f"sub i64 {row}, {base}"), geo.out[2]))
        if cols_size:
            _pack(f, geo, x, mine, row, count, pieces.windows)
            columns, length = mine, pieces.windows
        else:
            columns, length = f.at(x, kind, linear(f, (sample, geo.c * geo.area), (offset, 1))), geo.area
        if pieces.merged:
            target, wide = made, pieces.windows
        else:
            target, wide = f.at(y, kind, linear(f, (sample, geo.o * geo.area), (offset, 1))), geo.area
            if b is not None:
                with each(f, geo.o) as o:
                    value = f.splat(f.load(kind, f.at(b, kind, o)), kind, lanes)
                    line = f.at(target, kind, linear(f, (o, wide)))
                    with lanes_of(f, windows, lanes) as (at, mask):
                        store_masked(f, kind, lanes, value, f.at(line, kind, at), mask)
        with each(f, geo.groups) as g:
            one = f.at(w, kind, linear(f, (g, geo.og * geo.rows)))
            two = f.at(columns, kind, linear(f, (g, geo.rows * length)))
            out = f.at(target, kind, linear(f, (g, geo.og * wide)))
            beta = 1.0 if b is not None and not pieces.merged else 0.0
            gemm(f, kind, (False, False), (geo.og, windows, geo.rows), (one, geo.rows), (two, length), (out, wide), beta)
        if pieces.merged:
            _spread(f, geo, made, pieces.windows, b, y, row, count)
    return f.text()


def _weight_sizes(geo: Geometry) -> tuple[int, int, int]:
    pieces = _Pieces(geo)
    cols = 0 if geo.pointwise and not pieces.merged else _round((geo.c * geo.taps * pieces.windows + geo.lanes) * geo.size)
    grad = _round(geo.o * pieces.windows * geo.size) if pieces.merged else 0
    return cols, grad, _round(geo.o * geo.rows * geo.size)


def weight_scratch(geo: Geometry) -> int:
    """Bytes that `weight` needs for all threads."""
    return sum(_weight_sizes(geo)) * workers()


def weight(geo: Geometry) -> str:
    """Slots: x, g, the gradient of the weight, scratch."""
    f = Function()
    kind, lanes, pieces = geo.kind, geo.lanes, _Pieces(geo)
    x, g, result, scratch = (f.slot(i) for i in range(1, 5))
    cols_size, grad_size, sum_size = _weight_sizes(geo)
    numbers = geo.o * geo.rows
    total = _mine(f, scratch, 0, sum_size)
    mine = _mine(f, scratch, sum_size * workers(), cols_size + grad_size)
    grad = f.at(mine, "i8", str(cols_size))
    with working(f):
        fill(f, kind, lanes, total, numbers, "0.0")
    start, stop = share(f, str(pieces.count))
    with f.loop(start, stop) as piece:
        row, count, base = pieces.span(f, piece)
        windows = linear(f, (count, geo.out[2]))
        sample = f.put(f"udiv i64 {base}, {pieces.lines}")
        offset = linear(f, (f.put(f"sub i64 {row}, {base}"), geo.out[2]))
        if cols_size:
            _pack(f, geo, x, mine, row, count, pieces.windows)
            columns, length = mine, pieces.windows
        else:
            columns, length = f.at(x, kind, linear(f, (sample, geo.c * geo.area), (offset, 1))), geo.area
        if pieces.merged:
            _collect(f, geo, g, row, count, grad, pieces.windows)
            seen, wide = grad, pieces.windows
        else:
            seen, wide = f.at(g, kind, linear(f, (sample, geo.o * geo.area), (offset, 1))), geo.area
        with each(f, geo.groups) as group:
            one = f.at(seen, kind, linear(f, (group, geo.og * wide)))
            two = f.at(columns, kind, linear(f, (group, geo.rows * length)))
            out = f.at(total, kind, linear(f, (group, geo.og * geo.rows)))
            gemm(f, kind, (False, True), (geo.og, geo.rows, windows), (one, wide), (two, length), (out, geo.rows), 1.0)
    f.barrier()
    reduce_partials(f, kind, lanes, scratch, sum_size // geo.size, numbers, result)
    return f.text()


def _adjoint_sizes(geo: Geometry) -> tuple[int, int]:
    pieces = _Pieces(geo, whole=True)
    cols = _round((geo.c * geo.taps * pieces.windows + geo.lanes) * geo.size)
    return cols, _round(geo.o * pieces.windows * geo.size) if pieces.merged else 0


def adjoint_scratch(geo: Geometry) -> int:
    """Bytes that `adjoint` needs for all threads."""
    return sum(_adjoint_sizes(geo)) * workers()


def adjoint(geo: Geometry, bias: bool) -> str:
    """Slots: g, w, the bias if any, x, scratch. All columns by one product, then added up where their windows lie."""
    f = Function()
    kind, pieces = geo.kind, _Pieces(geo, whole=True)
    g, w = f.slot(1), f.slot(2)
    b = f.slot(3) if bias else None
    x, scratch = f.slot(3 + bias), f.slot(4 + bias)
    cols_size, grad_size = _adjoint_sizes(geo)
    mine = _mine(f, scratch, 0, cols_size + grad_size)
    grad = f.at(mine, "i8", str(cols_size))
    start, stop = share(f, str(pieces.count))
    with f.loop(start, stop) as piece:
        row, count, base = pieces.span(f, piece)
        windows = linear(f, (count, geo.out[2]))
        if pieces.merged:
            _collect(f, geo, g, row, count, grad, pieces.windows)
            seen, wide = grad, pieces.windows
        else:
            seen, wide = f.at(g, kind, linear(f, (f.put(f"udiv i64 {base}, {pieces.lines}"), geo.o * geo.area))), geo.area
        with each(f, geo.groups) as group:
            one = f.at(w, kind, linear(f, (group, geo.og * geo.rows)))
            two = f.at(seen, kind, linear(f, (group, geo.og * wide)))
            out = f.at(mine, kind, linear(f, (group, geo.rows * pieces.windows)))
            gemm(f, kind, (True, False), (geo.rows, windows, geo.og), (one, geo.rows), (two, wide), (out, pieces.windows), 0.0)
        _add_up(f, geo, mine, pieces.windows, row, count, b, x)
    return f.text()


def _add_up(f: Function, geo: Geometry, cols: str, length: int, start: str, count: str, bias: str | None, x: str) -> None:
    """x's samples = the bias + the columns of rows `start` …, each added where its window's tap lies."""
    kind, lanes, (_, height, width) = geo.kind, geo.lanes, geo.space
    _, k2, k3 = geo.kernel
    lines = geo.out[0] * geo.out[1]
    first, number = f.put(f"udiv i64 {start}, {lines}"), f.put(f"udiv i64 {count}, {lines}")
    with each(f, geo.c) as c:
        plane = f.at(x, kind, linear(f, (first, geo.c * geo.plane), (c, geo.plane)))
        value = "0.0" if bias is None else f.load(kind, f.at(bias, kind, c))
        with f.loop("0", number) as s:
            fill(f, kind, lanes, f.at(plane, kind, linear(f, (s, geo.c * geo.plane))), geo.plane, value)
        with each(f, geo.kernel[0]) as i, each(f, k2) as j, each(f, k3) as k:
            row = linear(f, (c, geo.taps), (i, k2 * k3), (j, k3), (k, 1))
            column = linear(f, (k, geo.dilation[2]), start=-geo.padding[2])
            source = f.at(cols, kind, linear(f, (row, length)))
            with f.loop("0", count) as line:
                sample, d, h = line_of(f, geo, line)
                depth, in_depth = seen_at(f, geo, 0, d, i)
                high, in_height = seen_at(f, geo, 1, h, j)
                there = all_of(f, in_depth, in_height)
                target = f.at(plane, kind, linear(f, (sample, geo.c * geo.plane), (depth, height * width), (high, width)))
                add_row(f, geo, f.at(source, kind, linear(f, (line, geo.out[2]))), target, column, there)
