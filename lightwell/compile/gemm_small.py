"""Products of unusual form, for which BLAS takes twice the time that it should: it would rearrange matrices that are read once or twice.

dots        x·Wᵀ for a few rows, as linear layers have it: rows of A meet rows of B as they lie. Blocks of sums stay in
            registers, each a vector of products along k, and are added up at their ends.
turned      B laid out anew, its columns beside one another, for BLAS: queries and keys of an attention's head.
"""

from ..errors.teaching import ValueError
from .ir import Function


def block(lanes: int) -> tuple[int, int]:
    """Rows of A and rows of B at a time, by what the registers hold."""
    return (4, 6) if lanes >= 16 else (2, 4)


def dots(f: Function, kind: str, lanes: int, size: dict[str, str], a: str, b: str, c: str) -> None:
    """Write C = A·Bᵀ (+ C where size["add"]): A has `rows` rows lda apart, B `cols` rows ldb apart, of k numbers each."""
    rows, columns = block(lanes)
    width = 4 if kind == "float" else 8
    last_row, last_col = f.op("sub", "i64", size["rows"], "1"), f.op("sub", "i64", size["cols"], "1")
    whole = f.op("and", "i64", size["k"], str(-lanes))
    rest = f.op("sub", "i64", size["k"], whole)
    kinds = f"<{lanes} x {kind}>"
    count = ", ".join(f"i64 {i}" for i in range(lanes))
    mask = f.put(f"icmp slt <{lanes} x i64> <{count}>, {f.splat(rest, 'i64', lanes)}")
    partial = f.op("icmp ne", "i64", rest, "0")
    adds = f.op("icmp ne", "i64", size["add"], "0")
    letter = "f32" if kind == "float" else "f64"
    masked = f"llvm.masked.load.v{lanes}{letter}.p0"
    f.declare(f"declare {kinds} @{masked}(ptr, i32, <{lanes} x i1>, {kinds})")
    f.declare(f"declare {kinds} @llvm.fma.v{lanes}{letter}({kinds}, {kinds}, {kinds})")
    sums = [[f.variable(kinds) for _ in range(columns)] for _ in range(rows)]

    def lines(base, first, last, distance, n):
        # A block that reaches over the end computes its last row several times, and keeps one.
        at = [f.call("llvm.smin.i64", "i64", ("i64", f.op("add", "i64", first, str(i))), ("i64", last)) for i in range(n)]
        return [f.at(base, kind, f.op("mul", "i64", i, distance)) for i in at]

    def add(read):
        left, right = [read(p) for p in mine], [read(p) for p in theirs]
        for i in range(rows):
            for j in range(columns):
                new = f"call {kinds} @llvm.fma.v{lanes}{letter}({kinds} {left[i]}, {kinds} {right[j]}, {kinds} {f.load(kinds, sums[i][j])})"
                f.store(kinds, f.put(new), sums[i][j])

    with f.loop("0", size["cols"], columns) as j0:
        theirs = lines(b, j0, last_col, size["ldb"], columns)
        with f.loop("0", size["rows"], rows) as i0:
            mine = lines(a, i0, last_row, size["lda"], rows)
            for row in sums:
                for place in row:
                    f.store(kinds, "zeroinitializer", place)
            with f.loop("0", whole, lanes) as q:
                add(lambda p: f.load(kinds, f.at(p, kind, q), width))
            with f.when(partial):
                add(
                    lambda p: f.put(
                        f"call {kinds} @{masked}(ptr {f.at(p, kind, whole)}, i32 {width}, <{lanes} x i1> {mask}, {kinds} zeroinitializer)"
                    )
                )
            _keep(f, kind, lanes, size, c, sums, i0, j0, adds)


def _keep(f: Function, kind: str, lanes: int, size: dict[str, str], c: str, sums: list, i0: str, j0: str, adds: str) -> None:
    """Add up each vector and write the sums that lie inside C, four beside one another at a time."""
    width = 4 if kind == "float" else 8
    letter = "f32" if kind == "float" else "f64"
    four = f"<4 x {kind}>"
    load, store = f"llvm.masked.load.v4{letter}.p0", f"llvm.masked.store.v4{letter}.p0"
    f.declare(f"declare {four} @{load}(ptr, i32, <4 x i1>, {four})")
    f.declare(f"declare void @{store}({four}, ptr, i32, <4 x i1>)")
    for i, row in enumerate(sums):
        at = f.op("add", "i64", i0, str(i))
        inside = f.op("icmp slt", "i64", at, size["rows"])
        start = f.at(c, kind, f.op("mul", "i64", at, size["ldc"]))
        for j in range(0, len(row), 4):
            vectors = [f.load(f"<{lanes} x {kind}>", place) for place in row[j : j + 4]]
            total = _totals(f, kind, lanes, vectors)
            first = f.op("add", "i64", j0, str(j))
            left = f.op("sub", "i64", size["cols"], first)
            left = f.select(inside, "i64", left, "0")
            if len(vectors) < 4:
                left = f.call("llvm.smin.i64", "i64", ("i64", left), ("i64", str(len(vectors))))
            mask = f.put(f"icmp slt <4 x i64> <i64 0, i64 1, i64 2, i64 3>, {f.splat(left, 'i64', 4)}")
            place = f.at(start, kind, first)
            with_old = f.put(f"and <4 x i1> {mask}, {f.splat(adds, 'i1', 4)}")
            old = f.put(f"call {four} @{load}(ptr {place}, i32 {width}, <4 x i1> {with_old}, {four} zeroinitializer)")
            total = f.op("fadd", four, total, old)
            f.do(f"call void @{store}({four} {total}, ptr {place}, i32 {width}, <4 x i1> {mask})")


def _totals(f: Function, kind: str, lanes: int, vectors: list[str]) -> str:
    """A vector of four sums, each of all lanes of one of up to four vectors: neighbours are paired, then halves folded."""
    vectors = vectors + ["zeroinitializer"] * (4 - len(vectors))

    def mixed(x: str, y: str, picks: list[int], n: int) -> str:
        indices = ", ".join(f"i32 {p}" for p in picks)
        return f.put(f"shufflevector <{n} x {kind}> {x}, <{n} x {kind}> {y}, <{len(picks)} x i32> <{indices}>")

    def paired(x: str, y: str, unit: int) -> str:
        # In each group of four lanes: even units of x and y beside one another, plus odd ones.
        even, odd = [], []
        for g in range(0, lanes, 4):
            for u in range(0, 4, 2 * unit):
                for base in (0, lanes):
                    even += [base + g + u + k for k in range(unit)]
                    odd += [base + g + u + unit + k for k in range(unit)]
        return f.op("fadd", f"<{lanes} x {kind}>", mixed(x, y, even, lanes), mixed(x, y, odd, lanes))

    if lanes < 4:
        raise ValueError("vectors of four lanes at least")
    # After the first step lanes are x, y, x, y; after the second a, b, c, d in each group of four.
    now = paired(paired(vectors[0], vectors[1], 1), paired(vectors[2], vectors[3], 1), 2)
    n = lanes
    while n > 4:
        half = n // 2
        low, high = mixed(now, "poison", list(range(half)), n), mixed(now, "poison", list(range(half, n)), n)
        now, n = f.op("fadd", f"<{half} x {kind}>", low, high), half
    return now


def strip(lanes: int) -> tuple[int, int]:
    """Rows of A and vectors of B's columns at a time, by what the registers hold."""
    return (8, 3) if lanes >= 16 else (4, 2)


def outer(f: Function, kind: str, lanes: int, size: dict[str, str], a: str, b: str, c: str) -> None:
    """Write C = A·B (+ C where size["add"]): A is `rows` × k, transposed in memory where size["ta"]; B's columns are neighbours."""
    rows, vectors = strip(lanes)
    width = 4 if kind == "float" else 8
    kinds, letter = f"<{lanes} x {kind}>", "f32" if kind == "float" else "f64"
    load, store, fma = (
        f"llvm.{name}.v{lanes}{letter}" + tail for name, tail in (("masked.load", ".p0"), ("masked.store", ".p0"), ("fma", ""))
    )
    f.declare(f"declare {kinds} @{load}(ptr, i32, <{lanes} x i1>, {kinds})")
    f.declare(f"declare void @{store}({kinds}, ptr, i32, <{lanes} x i1>)")
    f.declare(f"declare {kinds} @{fma}({kinds}, {kinds}, {kinds})")
    turned_a = f.op("icmp ne", "i64", size["ta"], "0")
    down, along = f.select(turned_a, "i64", "1", size["lda"]), f.select(turned_a, "i64", size["lda"], "1")
    adds = f.splat(f.op("icmp ne", "i64", size["add"], "0"), "i1", lanes)
    count = ", ".join(f"i64 {i}" for i in range(lanes))
    last = f.op("sub", "i64", size["rows"], "1")
    sums = [[f.variable(kinds) for _ in range(vectors)] for _ in range(rows)]

    def read(place, mask):
        return f.put(f"call {kinds} @{load}(ptr {place}, i32 {width}, <{lanes} x i1> {mask}, {kinds} zeroinitializer)")

    with f.loop("0", size["cols"], vectors * lanes) as j0:
        columns = [f.op("add", "i64", j0, str(v * lanes)) for v in range(vectors)]
        left = [f.splat(f.op("sub", "i64", size["cols"], j), "i64", lanes) for j in columns]
        masks = [f.put(f"icmp slt <{lanes} x i64> <{count}>, {rest}") for rest in left]
        with f.loop("0", size["rows"], rows) as i0:
            at = [f.op("add", "i64", i0, str(i)) for i in range(rows)]
            # A block that reaches over the end computes its last row several times, and keeps one.
            inside = [f.call("llvm.smin.i64", "i64", ("i64", i), ("i64", last)) for i in at]
            lines = [f.at(a, kind, f.op("mul", "i64", i, down)) for i in inside]
            starts = [f.at(c, kind, f.op("mul", "i64", i, size["ldc"])) for i in inside]
            for row, start in zip(sums, starts):
                for place, j, mask in zip(row, columns, masks):
                    f.store(kinds, read(f.at(start, kind, j), f.op("and", f"<{lanes} x i1>", mask, adds)), place)
            with f.loop("0", size["k"]) as q:
                line = f.at(b, kind, f.op("mul", "i64", q, size["ldb"]))
                theirs = [read(f.at(line, kind, j), mask) for j, mask in zip(columns, masks)]
                step = f.op("mul", "i64", q, along)
                for row, start in zip(sums, lines):
                    mine = f.splat(f.load(kind, f.at(start, kind, step), width), kind, lanes)
                    for place, other in zip(row, theirs):
                        now = f.put(f"call {kinds} @{fma}({kinds} {mine}, {kinds} {other}, {kinds} {f.load(kinds, place)})")
                        f.store(kinds, now, place)
            for row, start, i in zip(sums, starts, at):
                with f.when(f.op("icmp sle", "i64", i, last)):
                    for place, j, mask in zip(row, columns, masks):
                        f.do(
                            f"call void @{store}({kinds} {f.load(kinds, place)}, ptr {f.at(start, kind, j)}, i32 {width}, <{lanes} x i1> {mask})"
                        )


MOST = 8192  # numbers of B, its sides rounded up to whole vectors, that `turned` has room for


def turned(f: Function, kind: str, lanes: int, size: dict[str, str], b: str) -> tuple[str, str]:
    """(address, distance of rows) of B, given as `cols` rows ldb apart of k numbers each, laid out as k rows of `cols` numbers."""
    width = 4 if kind == "float" else 8
    kinds = f"<{lanes} x {kind}>"
    room = "%" + f.fresh("room")
    f.entry.append(f"  {room} = alloca [{MOST} x {kind}], align 64")
    distance = f.op("and", "i64", f.op("add", "i64", size["cols"], str(lanes - 1)), str(-lanes))
    masked = f"llvm.masked.load.v{lanes}{'f32' if kind == 'float' else 'f64'}.p0"
    f.declare(f"declare {kinds} @{masked}(ptr, i32, <{lanes} x i1>, {kinds})")
    count = ", ".join(f"i64 {i}" for i in range(lanes))
    last = f.op("sub", "i64", size["cols"], "1")
    with f.loop("0", size["k"], lanes) as q:
        rest = f.op("sub", "i64", size["k"], q)
        mask = f.put(f"icmp slt <{lanes} x i64> <{count}>, {f.splat(rest, 'i64', lanes)}")
        with f.loop("0", size["cols"], lanes) as j:
            rows = []
            for i in range(lanes):
                at = f.call("llvm.smin.i64", "i64", ("i64", f.op("add", "i64", j, str(i))), ("i64", last))
                place = f.at(b, kind, f.op("add", "i64", f.op("mul", "i64", at, size["ldb"]), q))
                rows.append(f.put(f"call {kinds} @{masked}(ptr {place}, i32 {width}, <{lanes} x i1> {mask}, {kinds} zeroinitializer)"))
            for i, row in enumerate(_transposed(f, kind, rows)):
                place = f.at(room, kind, f.op("add", "i64", f.op("mul", "i64", f.op("add", "i64", q, str(i)), distance), j))
                f.store(kinds, row, place, lanes * width)
    return room, distance


def _transposed(f: Function, kind: str, rows: list[str]) -> list[str]:
    """A square of vectors turned: squares of 1, 2, 4 ... lanes beside the diagonal change places."""
    n = len(rows)
    kinds = f"<{n} x {kind}>"
    side = 1
    while side < n:
        upper = ", ".join(f"i32 {n + i - side if i & side else i}" for i in range(n))
        lower = ", ".join(f"i32 {n + i if i & side else i + side}" for i in range(n))
        for i in range(n):
            if not i & side:
                a, b = rows[i], rows[i + side]
                rows[i] = f.put(f"shufflevector {kinds} {a}, {kinds} {b}, <{n} x i32> <{upper}>")
                rows[i + side] = f.put(f"shufflevector {kinds} {a}, {kinds} {b}, <{n} x i32> <{lower}>")
        side *= 2
    return rows
