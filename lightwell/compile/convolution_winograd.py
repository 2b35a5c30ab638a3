"""Convolutions by 3×3 of stride 1 with fewer multiplications: tiles of m×m results by Winograd's minimal filtering.

A tile of y, m×m, follows from n×n of x (n = m+2) as Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A: n² multiplications instead of 9m², since polynomials
are multiplied by their values at n-1 points and infinity. Summed over channels, each of the n² places is a matrix product of its own,
U[e] (o × c) times V[e] (c × tiles), left to BLAS. The weight's gradient is Gᵀ[Σ (A g Aᵀ) ⊙ (Bᵀ x B)]G, products over the tiles.

The lanes of a vector are tiles. With m = 2 the points are 0, ±1; with m = 4 they are 0, ±3/4, ±4/3, whose rounding errors are
some times those of plain sums (about 1e-6 of the result's scale). Where x has an infinity or NaN, a whole tile of y becomes NaN.
"Fast algorithms for convolutional neural networks" (Lavin, Gray, 2015).
"""

import math
from fractions import Fraction
from functools import cache

from .convolution_direct import rounded

from .convolution_parts import (  # isort: skip
    Geometry, constants, each, fill, gather, gemm, lanes_of, linear, load_masked, minimum, places, scatter, share, store_masked,
    within, workers, working,
)  # fmt: skip
from .ir import Function, vector

POINTS = {2: (Fraction(1),), 4: (Fraction(3, 4), Fraction(4, 3))}
PIECE = 2_800_000  # bytes of transformed tiles made at a time, if the weight is small enough to be read for each piece
LARGE = 1_000_000  # bytes of a transformed weight that isn't


@cache
def matrices(m: int) -> tuple[list, list, list]:
    """(Aᵀ: m × n, G: n × 3, Bᵀ: n × n) as fractions: y = Aᵀ[(G w) ⊙ (Bᵀ x)] is the convolution of x (n) by w (3)."""
    points = [Fraction(0)]
    for p in POINTS[m]:
        points += [p, -p]
    n = m + 2

    def product(roots):  # the coefficients of Π (t - root), from the constant one on
        found, zero = [Fraction(1)], Fraction(0)
        for r in roots:
            found = [(found[k - 1] if k else zero) - (r * found[k] if k < len(found) else zero) for k in range(len(found) + 1)]
        return found

    at = [[p**i for p in points] + [Fraction(int(i == m - 1))] for i in range(m)]
    g, bt = [], []
    for i, p in enumerate(points):
        others = points[:i] + points[i + 1 :]
        scale = math.prod((p - q for q in others), start=Fraction(1))
        g.append([p**j / scale for j in range(3)])
        bt.append([*product(others), Fraction(0)])
    g.append([Fraction(0), Fraction(0), Fraction(1)])
    bt.append(product(points))
    assert all(len(row) == n for row in bt)
    return at, g, bt


def flipped(matrix: list) -> list:
    """The transpose."""
    return [list(row) for row in zip(*matrix)]


def _sum(f: Function, kind: str, lanes: int, terms: list) -> str:
    """Σ factor·value; `terms` are (factor, value)."""
    of = vector(kind, lanes)
    terms = sorted(((c, v) for c, v in terms if c), key=lambda t: abs(t[0]) != 1)  # plain ones first
    if not terms:
        return "zeroinitializer"
    made = None
    for factor, value in terms:
        if made is None:
            made = value if factor == 1 else f.op("fmul", of, value, constants(kind, [float(factor)] * lanes))
        elif abs(factor) == 1:
            made = f.op("fadd" if factor == 1 else "fsub", of, made, value)
        else:
            name = f"llvm.fma.v{lanes}{'f32' if kind == 'float' else 'f64'}"
            made = f.call(name, of, (of, value), (of, constants(kind, [float(factor)] * lanes)), (of, made))
    return made or ""


def _times(f: Function, kind: str, lanes: int, matrix: list, values: list[str]) -> list[str]:
    """matrix·values. Points come in pairs ±p, so pairs of rows or of columns are the same but for signs, and share their sums."""
    of, n = vector(kind, lanes), max(len(matrix), len(matrix[0]))
    pairs = [(i, i + 1) for i in range(1, n - 2, 2)]
    if len(matrix) == n:  # pairs of rows: even columns alike, odd ones opposite
        made = [""] * n
        for i, j in pairs:
            even = _sum(f, kind, lanes, [(c, v) for k, (c, v) in enumerate(zip(matrix[i], values)) if matrix[j][k] == c])
            odd = _sum(f, kind, lanes, [(c, v) for k, (c, v) in enumerate(zip(matrix[i], values)) if matrix[j][k] != c])
            made[i], made[j] = f.op("fadd", of, even, odd), f.op("fsub", of, even, odd)
        for i in (0, n - 1):
            made[i] = _sum(f, kind, lanes, list(zip(matrix[i], values)))
        return made
    sums = {i: (f.op("fadd", of, values[i], values[j]), f.op("fsub", of, values[i], values[j])) for i, j in pairs}
    made = []
    for row in matrix:
        terms = [(row[0], values[0]), (row[n - 1], values[n - 1])]
        terms += [(row[i], sums[i][0 if row[i] == row[j] else 1]) for i, j in pairs]
        made.append(_sum(f, kind, lanes, terms))
    return made


def _both_ways(f: Function, kind: str, lanes: int, matrix: list, tile: list[list[str]]) -> list[list[str]]:
    """matrix · tile · matrixᵀ."""
    columns = [_times(f, kind, lanes, matrix, [row[j] for row in tile]) for j in range(len(tile[0]))]
    return [_times(f, kind, lanes, matrix, [column[i] for column in columns]) for i in range(len(matrix))]


class Tiles:
    """How y falls into tiles, and the samples into pieces."""

    def __init__(self, geo: Geometry, m: int, weight: bool = False):
        self.geo, self.m, self.n = geo, m, m + 2
        self.places = self.n**2
        self.high, self.wide = math.ceil(geo.out[1] / m), math.ceil(geo.out[2] / m)
        self.each = self.high * self.wide
        lanes, size = geo.lanes, geo.size
        bytes_each = self.each * self.places * (geo.c + geo.o) * size
        most = math.ceil(geo.n / min(workers(), geo.n))
        samples = max(1, PIECE // bytes_each)
        if self.places * geo.c * geo.o * size > LARGE:
            samples = max(samples, math.ceil(160 / self.each))
        samples = min(samples, most)
        self.samples = math.ceil(most / math.ceil(most / samples))
        self.count = math.ceil(geo.n / self.samples)
        self.tiles = math.ceil(self.samples * self.each / lanes) * lanes
        # x between zeros: (samples, c, height, width); g likewise
        self.space = (self.high * m + 2, self.wide * m + 2)
        self.plane = self.space[0] * self.space[1]
        self.out = (self.high * m, self.wide * m)
        self.out_plane = self.out[0] * self.out[1]
        self.x_bytes = rounded(self.samples * geo.c * self.plane * size)
        self.g_bytes = rounded(self.samples * geo.o * self.out_plane * size) if weight and self.out != geo.out[1:] else 0
        self.v_bytes = rounded(self.places * geo.c * self.tiles * size)
        self.m_bytes = rounded(self.places * geo.o * self.tiles * size)
        self.u_bytes = rounded(self.places * geo.o * geo.c * size)
        self.t_bytes = rounded(self.tiles * 4) * 3
        self.mine = self.x_bytes + self.g_bytes + self.v_bytes + self.m_bytes

    def spread(self, f: Function, table: str, step: int, sample: int, width: int) -> None:
        """table[tile] = where it begins: `step` places from one to the next in both directions, rows of `width`; -1 beyond the last."""
        with each(f, self.samples) as s, each(f, self.high) as i, each(f, self.wide) as j:
            at = linear(f, (s, sample), (i, step * width), (j, step))
            f.store("i32", f.put(f"trunc i64 {at} to i32"), f.at(table, "i32", linear(f, (s, self.each), (i, self.wide), (j, 1))))
        with f.loop(str(self.samples * self.each), str(self.tiles)) as t:
            f.store("i32", "-1", f.at(table, "i32", t))


def _copy(f: Function, geo: Geometry, source: str, planes: str, space: tuple, into: tuple, shift: tuple, target: str) -> None:
    """Planes (height, width) into the middle of larger ones (height, width), `shift` from their corner."""
    kind, lanes = geo.kind, geo.lanes
    with f.loop("0", planes) as p, each(f, min(space[0], into[0] - shift[0])) as h:
        row = f.at(source, kind, linear(f, (p, space[0] * space[1]), (h, space[1])))
        to = f.at(target, kind, linear(f, (p, into[0] * into[1]), (h, into[1]), start=shift[0] * into[1] + shift[1]))
        with lanes_of(f, min(space[1], into[1] - shift[1]), lanes) as (at, mask):
            store_masked(f, kind, lanes, load_masked(f, kind, lanes, f.at(row, kind, at), mask), f.at(to, kind, at), mask)


def _gathered(f: Function, geo: Geometry, tiles: Tiles, base: str, channels: int, plane: int, table: str, size: int, row: int,
              matrix: list, into: str) -> None:  # fmt: skip
    """into[e][channel][tile] = the transforms of all tiles (size × size places of rows of `row`)."""
    kind, lanes, of = geo.kind, geo.lanes, vector(geo.kind, geo.lanes)
    with each(f, channels) as c, f.loop("0", str(tiles.tiles), lanes) as t:
        index = f.load(vector("i32", lanes), f.at(table, "i32", t), 4)
        mask = f.put(f"icmp sge <{lanes} x i32> {index}, zeroinitializer")
        here = f.at(base, kind, linear(f, (c, plane)))
        tile = [[gather(f, kind, lanes, f.at(here, kind, str(i * row + j)), index, mask) for j in range(size)] for i in range(size)]
        made = _both_ways(f, kind, lanes, matrix, tile)
        target = f.at(into, kind, linear(f, (c, tiles.tiles), (t, 1)))
        for i in range(tiles.n):
            for j in range(tiles.n):
                f.store(of, made[i][j], f.at(target, kind, str((i * tiles.n + j) * channels * tiles.tiles)), geo.size)


def _weights(f: Function, geo: Geometry, m: int, w: str, u: str, turned: bool) -> None:
    """u[e][o][c] = G w Gᵀ, all threads together; lanes are channels c."""
    kind, lanes, n = geo.kind, geo.lanes, m + 2
    step = geo.o * 9 if turned else 9
    g = matrices(m)[1]
    start, stop = share(f, str(geo.o))
    with f.loop(start, stop) as o, lanes_of(f, geo.c, lanes) as (at, mask):
        base = f.at(w, kind, linear(f, (o, 9), (at, step)) if turned else linear(f, (o, geo.c * 9), (at, 9)))
        index = places(f, "0", lanes, step)
        taps = [gather(f, kind, lanes, f.at(base, kind, str(8 - t if turned else t)), index, mask) for t in range(9)]
        made = _both_ways(f, kind, lanes, g, [taps[0:3], taps[3:6], taps[6:9]])
        target = f.at(u, kind, linear(f, (o, geo.c), (at, 1)))
        for i in range(n):
            for j in range(n):
                store_masked(f, kind, lanes, made[i][j], f.at(target, kind, str((i * n + j) * geo.o * geo.c)), mask)


def forward_scratch(geo: Geometry, m: int) -> int:
    """Bytes that `forward` needs for all threads."""
    tiles = Tiles(geo, m)
    return tiles.u_bytes + (tiles.mine + tiles.t_bytes) * workers()


def forward(geo: Geometry, bias: bool, turned: bool, m: int) -> str:
    """Slots: x, w, the bias if any, y, scratch."""
    f = Function()
    kind, tiles = geo.kind, Tiles(geo, m)
    x, w = f.slot(1), f.slot(2)
    b = f.slot(3) if bias else None
    y, scratch = f.slot(3 + bias), f.slot(4 + bias)
    mine = f.at(scratch, "i8", linear(f, ("%tid", tiles.mine + tiles.t_bytes), start=tiles.u_bytes))
    v = f.at(mine, "i8", str(tiles.x_bytes))
    product = f.at(v, "i8", str(tiles.v_bytes))
    table = f.at(mine, "i8", str(tiles.mine))
    rows = f.at(table, "i8", str(tiles.t_bytes // 3))
    _weights(f, geo, m, w, scratch, turned)
    with working(f):
        fill(f, kind, geo.lanes, mine, tiles.samples * geo.c * tiles.plane, "0.0")
        tiles.spread(f, table, m, geo.c * tiles.plane, tiles.space[1])
        tiles.spread(f, rows, m, geo.o * geo.area, geo.out[2])
        _corners(f, tiles, f.at(rows, "i8", str(tiles.t_bytes // 3)))
    f.barrier()
    start, stop = share(f, str(tiles.count))
    with f.loop(start, stop) as piece:
        first = linear(f, (piece, tiles.samples))
        count = minimum(f, f.put(f"sub i64 {geo.n}, {first}"), tiles.samples)
        source = f.at(x, kind, linear(f, (first, geo.c * geo.plane)))
        _copy(f, geo, source, linear(f, (count, geo.c)), geo.space[1:], tiles.space, geo.padding[1:], mine)
        _gathered(f, geo, tiles, mine, geo.c, tiles.plane, table, tiles.n, tiles.space[1], matrices(m)[2], v)
        with f.loop("0", str(tiles.places)) as e:
            one = f.at(scratch, kind, linear(f, (e, geo.o * geo.c)))
            two = f.at(v, kind, linear(f, (e, geo.c * tiles.tiles)))
            out = f.at(product, kind, linear(f, (e, geo.o * tiles.tiles)))
            sizes = (geo.o, tiles.tiles, geo.c)
            gemm(f, kind, (False, False), sizes, (one, geo.c), (two, tiles.tiles), (out, tiles.tiles), 0.0)
        _results(f, geo, tiles, product, b, rows, f.at(y, kind, linear(f, (first, geo.o * geo.area))), count)
    return f.text()


def _corners(f: Function, tiles: Tiles, table: str) -> None:
    """table[tile] = row·65536 + column at which it begins in y."""
    with each(f, tiles.samples) as s, each(f, tiles.high) as i, each(f, tiles.wide) as j:
        at = linear(f, (i, tiles.m << 16), (j, tiles.m))
        f.store("i32", f.put(f"trunc i64 {at} to i32"), f.at(table, "i32", linear(f, (s, tiles.each), (i, tiles.wide), (j, 1))))


def _results(f: Function, geo: Geometry, tiles: Tiles, product: str, bias: str | None, table: str, y: str, count: str) -> None:
    """y's tiles = Aᵀ (sums over channels) A + the bias, as far as they lie in y and in its samples."""
    kind, lanes, of, n, whole = geo.kind, geo.lanes, vector(geo.kind, geo.lanes), tiles.n, vector("i32", geo.lanes)
    corners = f.at(table, "i8", str(tiles.t_bytes // 3))
    cut = tiles.out != geo.out[1:]
    real = linear(f, (count, tiles.each))
    with each(f, geo.o) as o:
        add = None if bias is None else f.splat(f.load(kind, f.at(bias, kind, o)), kind, lanes)
        with f.loop("0", real, lanes) as t:
            source = f.at(product, kind, linear(f, (o, tiles.tiles), (t, 1)))
            tile = [[f.load(of, f.at(source, kind, str((i * n + j) * geo.o * tiles.tiles)), geo.size) for j in range(n)] for i in range(n)]
            made = _both_ways(f, kind, lanes, matrices(tiles.m)[0], tile)
            index = f.load(whole, f.at(table, "i32", t), 4)
            mask = within(f, places(f, "0", lanes), lanes, f.put(f"sub i64 {real}, {t}"))
            corner = f.load(whole, f.at(corners, "i32", t), 4) if cut else ""
            here = f.at(y, kind, linear(f, (o, geo.area)))
            for i in range(tiles.m):
                for j in range(tiles.m):
                    seen = mask
                    if cut:
                        for part, n_ in ((f.put(f"lshr {whole} {corner}, {constants('i32', [16] * lanes)}"), geo.out[1] - i),
                                         (f.put(f"and {whole} {corner}, {constants('i32', [65535] * lanes)}"), geo.out[2] - j)):  # fmt: skip
                            inside = f.put(f"icmp slt {whole} {part}, {constants('i32', [n_] * lanes)}")
                            seen = f.put(f"and <{lanes} x i1> {seen}, {inside}")
                    value = made[i][j] if add is None else f.op("fadd", of, made[i][j], add)
                    scatter(f, kind, lanes, value, f.at(here, kind, str(i * geo.out[2] + j)), index, seen)


def weight_scratch(geo: Geometry, m: int) -> int:
    """Bytes that `weight` needs for all threads."""
    tiles = Tiles(geo, m, True)
    return (tiles.u_bytes + tiles.mine + tiles.t_bytes) * workers()


def weight(geo: Geometry, m: int) -> str:
    """Slots: x, g, the gradient of the weight, scratch."""
    f = Function()
    kind, lanes, tiles = geo.kind, geo.lanes, Tiles(geo, m, True)
    x, g, result, scratch = (f.slot(i) for i in range(1, 5))
    total = f.at(scratch, "i8", linear(f, ("%tid", tiles.u_bytes)))
    mine = f.at(scratch, "i8", linear(f, ("%tid", tiles.mine + tiles.t_bytes), start=tiles.u_bytes * workers()))
    grad = f.at(mine, "i8", str(tiles.x_bytes))
    v = f.at(grad, "i8", str(tiles.g_bytes))
    pulled = f.at(v, "i8", str(tiles.v_bytes))
    table = f.at(mine, "i8", str(tiles.mine))
    rows = f.at(table, "i8", str(tiles.t_bytes // 3))
    plane, width = (tiles.out_plane, tiles.out[1]) if tiles.g_bytes else (geo.area, geo.out[2])
    with working(f):
        fill(f, kind, lanes, total, tiles.places * geo.o * geo.c, "0.0")
        fill(f, kind, lanes, mine, tiles.samples * geo.c * tiles.plane, "0.0")
        if tiles.g_bytes:
            fill(f, kind, lanes, grad, tiles.samples * geo.o * tiles.out_plane, "0.0")
        tiles.spread(f, table, m, geo.c * tiles.plane, tiles.space[1])
        tiles.spread(f, rows, m, geo.o * plane, width)
    start, stop = share(f, str(tiles.count))
    with f.loop(start, stop) as piece:
        first = linear(f, (piece, tiles.samples))
        count = minimum(f, f.put(f"sub i64 {geo.n}, {first}"), tiles.samples)
        used = linear(f, (count, tiles.each))
        with f.loop(used, str(tiles.samples * tiles.each)) as t:  # in the last piece: no tiles of samples that aren't there
            for which in (table, rows):
                f.store("i32", "-1", f.at(which, "i32", t))
        _copy(f, geo, f.at(x, kind, linear(f, (first, geo.c * geo.plane))), linear(f, (count, geo.c)), geo.space[1:], tiles.space,
              geo.padding[1:], mine)  # fmt: skip
        seen = f.at(g, kind, linear(f, (first, geo.o * geo.area)))
        if tiles.g_bytes:
            _copy(f, geo, seen, linear(f, (count, geo.o)), geo.out[1:], tiles.out, (0, 0), grad)
            seen = grad
        at, _, bt = matrices(m)
        _gathered(f, geo, tiles, mine, geo.c, tiles.plane, table, tiles.n, tiles.space[1], bt, v)
        _gathered(f, geo, tiles, seen, geo.o, plane, rows, m, width, flipped(at), pulled)
        with f.loop("0", str(tiles.places)) as e:
            one = f.at(pulled, kind, linear(f, (e, geo.o * tiles.tiles)))
            two = f.at(v, kind, linear(f, (e, geo.c * tiles.tiles)))
            out = f.at(total, kind, linear(f, (e, geo.o * geo.c)))
            sizes = (geo.o, geo.c, tiles.tiles)
            gemm(f, kind, (False, True), sizes, (one, tiles.tiles), (two, tiles.tiles), (out, geo.c), 1.0)
    f.barrier()
    _weights_back(f, geo, tiles, scratch, result)
    return f.text()


def _weights_back(f: Function, geo: Geometry, tiles: Tiles, partial: str, result: str) -> None:
    """result[o][c] = Gᵀ (the threads' sums) G."""
    kind, lanes, of, n = geo.kind, geo.lanes, vector(geo.kind, geo.lanes), tiles.n
    team = minimum(f, "%nt", workers())
    start, stop = share(f, str(geo.o))
    with f.loop(start, stop) as o, lanes_of(f, geo.c, lanes) as (at, mask):
        sums = [[f.variable(of, "zeroinitializer") for _ in range(n)] for _ in range(n)]
        with f.loop("0", team) as t:
            source = f.at(f.at(partial, "i8", f.put(f"mul i64 {t}, {tiles.u_bytes}")), kind, linear(f, (o, geo.c), (at, 1)))
            for i in range(n):
                for j in range(n):
                    more = load_masked(f, kind, lanes, f.at(source, kind, str((i * n + j) * geo.o * geo.c)), mask)
                    f.store(of, f.op("fadd", of, f.load(of, sums[i][j]), more), sums[i][j])
        made = _both_ways(f, kind, lanes, flipped(matrices(tiles.m)[1]), [[f.load(of, s) for s in row] for row in sums])
        target = f.at(result, kind, linear(f, (o, geo.c * 9), (at, 9)))
        for i in range(3):
            for j in range(3):
                scatter(f, kind, lanes, made[i][j], f.at(target, kind, str(3 * i + j)), places(f, "0", lanes, 9), mask)
