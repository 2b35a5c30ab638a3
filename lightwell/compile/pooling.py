"""Native code for pooling: maxima and sums over windows and their adjoints, one pass over each plane.

The lanes of a vector are neighbouring windows of a row, whose taps are rows of x seen at the stride. A maximum's gradient goes
to the first of equal places, a NaN's to the last NaN: both follow from looking at the taps in order and taking whatever is
larger than what was taken before, or NaN. Where windows don't overlap each place of x is written once, else added to.
"""

import itertools
from collections.abc import Callable, Iterator

from .calls import Kernel, native

from .convolution_parts import (  # isort: skip
    Geometry, add_row, all_of, each, fill, floating, geometry, lanes_of, line_of, linear, load_masked, minimum, register_bytes, seen_at,
    share, shuffle, store_masked, window_row, workers,
)  # fmt: skip
from .ir import Function, real, vector

UNROLLED = 9  # taps that are written out, without loops


def _told(shapes: Callable, *values) -> bool:
    found = [shapes(v) for v in values]
    return floating(*[d for _, d in found if d.kind == "f"]) and all(0 not in s for s, _ in found)


def _kernel(word: str, geo: Geometry, build: Callable, *values) -> Kernel:
    key = f"{word} {geo} registers {register_bytes()} threads {workers()}"
    return Kernel(key, build, [v if isinstance(v, int) else v.buffer for v in values], together=False)


def _geometry(shapes: Callable, x, kernel, stride, padding, dilation, out) -> Geometry:
    """The geometry of windows of x."""
    (n, c, *space), dtype = shapes(x)
    return geometry(dtype, n, c, c, c, tuple(space), tuple(kernel), tuple(stride), tuple(padding), tuple(dilation), tuple(out))


def _full(geo: Geometry) -> bool:
    """Whether each window sees at least one place of x."""
    for n, k, s, p, d, o in zip(geo.space, geo.kernel, geo.stride, geo.padding, geo.dilation, geo.out):
        if any(all(not 0 <= i * s - p + t * d < n for t in range(k)) for i in range(o)):
            return False
    return True


# ---- windows --------------------------------------------------------------------------------------------------------


def _taps(f: Function, geo: Geometry, body: Callable[[str, str, str], None]) -> None:
    """body(i, j, k) for each place of the kernel in order: written out where they are few."""
    if geo.taps <= UNROLLED:
        for place in itertools.product(*[range(n) for n in geo.kernel]):
            body(*map(str, place))
        return
    with each(f, geo.kernel[0]) as i, each(f, geo.kernel[1]) as j, each(f, geo.kernel[2]) as k:
        body(i, j, k)


def _rows(f: Function, geo: Geometry) -> Iterator[tuple[str, str, str, str]]:
    """Loops over this thread's planes and their rows of windows: plane, row within it, depth, height."""
    start, stop = share(f, str(geo.n * geo.c))
    with f.loop(start, stop) as plane, each(f, geo.out[0] * geo.out[1]) as row:
        _, d, h = line_of(f, geo, row)
        yield plane, row, d, h


class _Window:
    """What a vector of windows sees at a tap: the values, whether it lies within x (None: always), its place in the plane."""

    def __init__(self, f: Function, geo: Geometry, x: str, plane: str, place: tuple, at: str, mask: str, other: str = "zeroinitializer"):
        d, h, (i, j, k) = place[0], place[1], place[2]
        _, height, width = geo.space
        depth, in_depth = seen_at(f, geo, 0, d, i)
        high, in_height = seen_at(f, geo, 1, h, j)
        self.flag = all_of(f, in_depth, in_height)
        self.row = linear(f, (depth, height * width), (high, width))
        self.column = linear(f, (at, geo.stride[2]), (k, geo.dilation[2]), start=-geo.padding[2])
        source = f.at(x, geo.kind, linear(f, (plane, geo.plane), (self.row, 1)))
        self.values = window_row(f, geo.kind, geo.lanes, source, self.column, geo.stride[2], width, self.flag, mask, other)


def _running(geo: Geometry, op: Callable, start: float) -> str:
    """Slots: x, y; y = op over each window, beginning with `start`."""
    f = Function()
    kind, lanes, of = geo.kind, geo.lanes, vector(geo.kind, geo.lanes)
    x, y = f.slot(1), f.slot(2)
    nothing = f.splat(real(start, kind), kind, lanes)
    for plane, row, d, h in _rows(f, geo):
        target = f.at(y, kind, linear(f, (plane, geo.area), (row, geo.out[2])))
        with lanes_of(f, geo.out[2], lanes) as (at, mask):
            total = f.variable(of, nothing)

            def body(i, j, k):
                seen = _Window(f, geo, x, plane, (d, h, (i, j, k)), at, mask, nothing)
                f.store(of, op(f, of, f.load(of, total), seen.values), total)

            _taps(f, geo, body)
            store_masked(f, kind, lanes, f.load(of, total), f.at(target, kind, at), mask)
    return f.text()


def _larger(f: Function, of: str, had: str, new: str) -> str:
    """The maximum, NaN winning."""
    return f.select(_wins(f, of, had, new), of, new, had, f"<{of[1:].split(' ')[0]} x i1>" if of.startswith("<") else "i1")


def _wins(f: Function, of: str, had: str, new: str) -> str:
    """new > had, or new is NaN."""
    bits = f"<{of[1:].split(' ')[0]} x i1>" if of.startswith("<") else "i1"
    return f.op("or", bits, f.op("fcmp ogt", of, new, had), f.op("fcmp uno", of, new, new))


def _sum(f: Function, of: str, had: str, new: str) -> str:
    return f.op("fadd", of, had, new)


@native("max_pool")
def max_pool(call, shapes: Callable) -> Kernel | None:
    """The largest value in each window; NaN wins."""
    x, kernel, stride, padding, dilation, out = call.args
    y = call.outs[0]
    if not _told(shapes, x, y):
        return None
    geo = _geometry(shapes, x, kernel, stride, padding, dilation, out)
    return _kernel("max_pool", geo, lambda: _running(geo, _larger, float("-inf")), x, y)


@native("window_sum")
def window_sum(call, shapes: Callable) -> Kernel | None:
    """The sum of each window, zeros standing outside x."""
    x, kernel, stride, padding, out = call.args
    y = call.outs[0]
    if not _told(shapes, x, y):
        return None
    geo = _geometry(shapes, x, kernel, stride, padding, (1,) * len(kernel), out)
    return _kernel("window_sum", geo, lambda: _running(geo, _sum, 0.0), x, y)


# ---- where maxima lie -----------------------------------------------------------------------------------------------


def _where(f: Function, geo: Geometry, x: str, plane: str, d: str, h: str, at: str, mask: str, flat: bool) -> str:
    """For a vector of windows the place of the maximum, i32: in the flattened plane, or else the number of its tap."""
    lanes, of, whole, bits = geo.lanes, vector(geo.kind, geo.lanes), vector("i32", geo.lanes), f"<{geo.lanes} x i1>"
    low = f.splat(real(float("-inf"), geo.kind), geo.kind, lanes)
    best, place, begun = f.variable(of, low), f.variable(whole, "zeroinitializer"), f.variable(bits, "zeroinitializer")
    bounded = any(geo.padding) or any(
        (o - 1) * s + (k - 1) * e >= n for o, s, k, e, n in zip(geo.out, geo.stride, geo.kernel, geo.dilation, geo.space)
    )

    def body(i, j, k):
        seen = _Window(f, geo, x, plane, (d, h, (i, j, k)), at, mask, low)
        had, old = f.load(of, best), f.load(bits, begun)
        fresh = f.op("xor", bits, old, f.splat("true", "i1", lanes))  # windows that have seen nothing take what comes
        take = f.op("or", bits, _wins(f, of, had, seen.values), fresh)
        columns = None
        if flat or bounded:
            steps = f"<{', '.join(f'i32 {n * geo.stride[2]}' for n in range(lanes))}>"
            first = seen.column if not seen.column.startswith("%") else f.put(f"trunc i64 {seen.column} to i32")
            columns = f.op("add", whole, f.splat(first, "i32", lanes), steps)
        if bounded:
            real_ = f.put(f"icmp ult {whole} {columns}, {f.splat(str(geo.space[2]), 'i32', lanes)}")
            if seen.flag is not None:
                real_ = f.op("and", bits, real_, f.splat(seen.flag, "i1", lanes))
            take = f.op("and", bits, take, real_)
            f.store(bits, f.op("or", bits, old, real_), begun)
        else:
            f.store(bits, f.splat("true", "i1", lanes), begun)
        if flat:
            row = seen.row if not seen.row.startswith("%") else f.put(f"trunc i64 {seen.row} to i32")
            which = f.op("add", whole, columns or "zeroinitializer", f.splat(row, "i32", lanes))
        else:
            number = linear(f, (i, geo.kernel[1] * geo.kernel[2]), (j, geo.kernel[2]), (k, 1))
            which = f.splat(f.put(f"trunc i64 {number} to i32"), "i32", lanes)
        f.store(of, f.select(take, of, seen.values, had, bits), best)
        f.store(whole, f.select(take, whole, which, f.load(whole, place), bits), place)

    _taps(f, geo, body)
    return f.load(whole, place)


def _indices(geo: Geometry) -> str:
    """Slots: x, places (int64)."""
    f = Function()
    lanes = geo.lanes
    x, result = f.slot(1), f.slot(2)
    for plane, row, d, h in _rows(f, geo):
        target = f.at(result, "i64", linear(f, (plane, geo.area), (row, geo.out[2])))
        with lanes_of(f, geo.out[2], lanes) as (at, mask):
            place = _where(f, geo, x, plane, d, h, at, mask, True)
            store_masked(f, "i64", lanes, f.cast("zext", place, vector("i32", lanes), vector("i64", lanes)), f.at(target, "i64", at), mask)
    return f.text()


@native("max_pool_indices")
def max_pool_indices(call, shapes: Callable) -> Kernel | None:
    """Where each window's maximum lies in x's flattened space: the first of equal ones, the last NaN."""
    x, y, kernel, stride, padding, dilation = call.args
    places = call.outs[0]
    if not _told(shapes, x, y, places):
        return None
    geo = _geometry(shapes, x, kernel, stride, padding, dilation, shapes(y)[0][2:])
    if not _full(geo):
        return None
    return _kernel("max_pool_indices", geo, lambda: _indices(geo), x, places)


# ---- adjoints -------------------------------------------------------------------------------------------------------


def _tiled(geo: Geometry) -> bool:
    """Whether windows lie side by side, two wide, so that pairs of lanes are neighbours in x."""
    plain = not any(geo.padding) and set(geo.dilation) == {1} and geo.kernel == geo.stride
    return plain and geo.kernel[2] == 2 and geo.taps <= UNROLLED and all(o * k <= n for o, k, n in zip(geo.out, geo.kernel, geo.space))


def _covered(geo: Geometry) -> bool:
    return all(o * k == n for o, k, n in zip(geo.out, geo.kernel, geo.space))


def _pairs(f: Function, geo: Geometry, left: str, right: str, target: str, at: str) -> None:
    """target[2·at …) = left[0], right[0], left[1], … as far as there are windows."""
    kind, lanes = geo.kind, geo.lanes
    half = lanes // 2
    for part in (0, 1):
        both = shuffle(f, kind, lanes, left, right, [part * half + i // 2 + (i % 2) * lanes for i in range(lanes)])
        begin = linear(f, (at, 2), start=part * lanes)
        width = 2 * geo.out[2]
        if not begin.startswith("%"):
            room = max(0, min(lanes, width - int(begin)))
            if not room:
                return
            mask = "<" + ", ".join(f"i1 {'true' if i < room else 'false'}" for i in range(lanes)) + ">"
        else:
            steps = f"<{', '.join(f'i32 {i}' for i in range(lanes))}>"
            left_ = f.splat(f.put(f"trunc i64 {f.put(f'sub i64 {width}, {begin}')} to i32"), "i32", lanes)
            mask = f.put(f"icmp slt <{lanes} x i32> {steps}, {left_}")
        store_masked(f, kind, lanes, both, f.at(target, kind, begin), mask)


def _max_back(geo: Geometry) -> str:
    """Slots: g, x, gx."""
    f = Function()
    kind, lanes = geo.kind, geo.lanes
    g, x, gx = f.slot(1), f.slot(2), f.slot(3)
    tiled = _tiled(geo)
    room = f.variable(f"[{lanes} x i32]")
    start, stop = share(f, str(geo.n * geo.c))
    with f.loop(start, stop) as plane:
        into = f.at(gx, kind, linear(f, (plane, geo.plane)))
        if not (tiled and _covered(geo)):
            fill(f, kind, lanes, into, geo.plane, "0.0")
        with each(f, geo.out[0] * geo.out[1]) as row:
            _, d, h = line_of(f, geo, row)
            source = f.at(g, kind, linear(f, (plane, geo.area), (row, geo.out[2])))
            with lanes_of(f, geo.out[2], lanes) as (at, mask):
                place = _where(f, geo, x, plane, d, h, at, mask, not tiled)
                if tiled:
                    values = load_masked(f, kind, lanes, f.at(source, kind, at), mask)
                    _place_pairs(f, geo, into, d, h, at, place, values)
                else:
                    _add_lanes(f, geo, f.at(source, kind, at), place, room, minimum(f, f.put(f"sub i64 {geo.out[2]}, {at}"), lanes), into)
    return f.text()


def _add_lanes(f: Function, geo: Geometry, source: str, place: str, room: str, count: str, into: str) -> None:
    """into[place[lane]] += source[lane], lane after lane: windows may share a place. `room`: memory for the places."""
    kind = geo.kind
    f.store(vector("i32", geo.lanes), place, room, 4)
    with f.loop("0", count) as lane:
        here = f.at(into, kind, f.cast("zext", f.load("i32", f.at(room, "i32", lane)), "i32", "i64"))
        value = f.load(kind, f.at(source, kind, lane))
        f.store(kind, f.op("fadd", kind, f.load(kind, here), value), here)


def _place_pairs(f: Function, geo: Geometry, into: str, d: str, h: str, at: str, place: str, values: str) -> None:
    """Each window's value at its maximum's tap and zeros at the others, windows lying side by side."""
    kind, lanes, of, whole = geo.kind, geo.lanes, vector(geo.kind, geo.lanes), vector("i32", geo.lanes)
    _, height, width = geo.space
    for i, j in itertools.product(range(geo.kernel[0]), range(geo.kernel[1])):
        sides = []
        for k in range(2):
            tap = f.splat(str((i * geo.kernel[1] + j) * 2 + k), "i32", lanes)
            hit = f.put(f"icmp eq {whole} {place}, {tap}")
            sides.append(f.select(hit, of, values, "zeroinitializer", f"<{lanes} x i1>"))
        depth, high = linear(f, (d, geo.stride[0]), start=i), linear(f, (h, geo.stride[1]), start=j)
        target = f.at(into, kind, linear(f, (depth, height * width), (high, width)))
        _pairs(f, geo, sides[0], sides[1], target, at)


@native("max_pool_back")
def max_pool_back(call, shapes: Callable) -> Kernel | None:
    """The adjoint of taking maxima: each window's gradient goes to where its maximum lies."""
    g, x, y, kernel, stride, padding, dilation = call.args
    gx = call.outs[0]
    if not _told(shapes, g, x, gx):
        return None
    geo = _geometry(shapes, x, kernel, stride, padding, dilation, shapes(y)[0][2:])
    if not _full(geo) or geo.plane >= 2**31:
        return None
    return _kernel("max_pool_back", geo, lambda: _max_back(geo), g, x, gx)


def _spread(geo: Geometry) -> str:
    """Slots: g, x; each window's value at (or added to) the places that it sees."""
    f = Function()
    kind, lanes = geo.kind, geo.lanes
    g, x = f.slot(1), f.slot(2)
    tiled = _tiled(geo)
    _, height, width = geo.space
    start, stop = share(f, str(geo.n * geo.c))
    with f.loop(start, stop) as plane:
        into = f.at(x, kind, linear(f, (plane, geo.plane)))
        if not (tiled and _covered(geo)):
            fill(f, kind, lanes, into, geo.plane, "0.0")
        with each(f, geo.out[0] * geo.out[1]) as row:
            _, d, h = line_of(f, geo, row)
            source = f.at(g, kind, linear(f, (plane, geo.area), (row, geo.out[2])))
            if tiled:
                with lanes_of(f, geo.out[2], lanes) as (at, mask):
                    values = load_masked(f, kind, lanes, f.at(source, kind, at), mask)
                    for i, j in itertools.product(range(geo.kernel[0]), range(geo.kernel[1])):
                        depth, high = linear(f, (d, geo.stride[0]), start=i), linear(f, (h, geo.stride[1]), start=j)
                        _pairs(f, geo, values, values, f.at(into, kind, linear(f, (depth, height * width), (high, width))), at)
            else:
                _taps(f, geo, lambda i, j, k: _add_tap(f, geo, source, into, (d, h), (i, j, k)))
    return f.text()


def _add_tap(f: Function, geo: Geometry, source: str, into: str, place: tuple, tap: tuple) -> None:
    """A row of windows' values added to what one of their taps sees."""
    depth, in_depth = seen_at(f, geo, 0, place[0], tap[0])
    high, in_height = seen_at(f, geo, 1, place[1], tap[1])
    target = f.at(into, geo.kind, linear(f, (depth, geo.space[1] * geo.space[2]), (high, geo.space[2])))
    add_row(f, geo, source, target, linear(f, (tap[2], 1), start=-geo.padding[2]), all_of(f, in_depth, in_height))


@native("window_spread")
def window_spread(call, shapes: Callable) -> Kernel | None:
    """The adjoint of `window_sum`: each window's value added to all the places that it sees."""
    g, kernel, stride, padding, _ = call.args
    x = call.outs[0]
    if not _told(shapes, g, x):
        return None
    geo = _geometry(shapes, x, kernel, stride, padding, (1,) * len(kernel), shapes(g)[0][2:])
    return _kernel("window_spread", geo, lambda: _spread(geo), g, x)
