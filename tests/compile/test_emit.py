"""Kernels of nests do what `evaluate` says a nest means: all forms of loops, accesses, dtypes and sizes."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from lightwell.compile import emit
from lightwell.compile.nest import Expr

from .kernels import Nest, Pass, Store, agree, both, buffers_of, call, const, load, mapped, op, reduction

F, D, I, B = np.float32, np.float64, np.int64, np.bool_
SIZES = [1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 65, 100, 127, 1003]


@pytest.fixture(autouse=True)
def no_disk(monkeypatch):
    """Kernels of tests are compiled here and now."""
    monkeypatch.setenv("LIGHTWELL_CACHE", "")


@pytest.fixture
def rng():
    """Random numbers."""
    return np.random.default_rng(5)


def some(rng, *shape, dtype=F):
    """An array of numbers that a dtype has."""
    if dtype == B:
        return rng.random(shape) < 0.5
    if np.dtype(dtype).kind in "iu":
        return rng.integers(-9 if np.dtype(dtype).kind == "i" else 0, 10, shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


# ---- maps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [F, D, I, np.int32, np.int8, np.uint8])
def test_map_of_any_length(rng, dtype):
    x, y = load(0, (1,), dtype), load(1, (1,), dtype)
    for n in SIZES:
        e = op("subtract", op("multiply", x, y), op("add", x, const(3, dtype)))
        agree(mapped((n,), [0, 1, 2], [Store(2, 0, (1,), e)]), [some(rng, n, dtype=dtype), some(rng, n, dtype=dtype), np.zeros(n, dtype)])


def test_one_kernel_serves_all_lengths_of_a_map(rng):
    keys = set()
    for n in (0, 1, 5, 1000, 100_000):
        nest = mapped((n,), [0, 1], [Store(1, 0, (1,), op("exp", load(0, (1,))))])
        keys.add(emit.kernel(nest, buffers_of([np.zeros(n, F)] * 2)).key)
        agree(nest, [some(rng, n), np.zeros(n, F)])
    assert len(keys) == 1


def test_a_map_touches_nothing_else(rng):
    for n in (1, 15, 16, 33, 100):
        nest = mapped((n,), [0, 1], [Store(1, 7, (1,), op("negative", load(0, (1,))))])
        got, want = both(nest, [some(rng, n), np.full(n + 20, 5, F)])
        np.testing.assert_array_equal(got[1], want[1])
        assert (got[1][:7] == 5).all() and (got[1][7 + n :] == 5).all()


def test_map_in_place(rng):
    nest = mapped((1000,), [0, 0], [Store(1, 0, (1,), op("square", load(0, (1,))))])
    agree(nest, [some(rng, 1000)])


@pytest.mark.parametrize("shape", [(3, 5), (64, 10), (2, 1000), (1000, 2), (7, 1, 33), (4, 3, 2, 17), (1, 1, 1), (5, 1), (40, 30, 20)])
def test_broadcast_map(rng, shape):
    n = int(np.prod(shape))
    strides = tuple(int(np.prod(shape[i + 1 :])) for i in range(len(shape)))
    row, column = (*(0,) * (len(shape) - 1), 1), (1, *(0,) * (len(shape) - 1))
    e = op("add", op("multiply", load(0, strides), op("exp", load(1, row))), op("tanh", load(2, column)))
    nest = mapped(shape, [0, 1, 2, 3], [Store(3, 0, strides, e)])
    agree(nest, [some(rng, n), some(rng, shape[-1]), some(rng, shape[0]), np.zeros(n, F)])


def test_permuted_reversed_and_strided_map(rng):
    a, b, c = 6, 20, 9
    x = some(rng, a, b, c)
    agree(mapped((c, a, b), [0, 1], [Store(1, 0, (a * b, b, 1), load(0, (1, b * c, c)))]), [x, np.zeros(x.size, F)])
    agree(mapped((c, a, b), [0, 1], [Store(1, 0, (a * b, b, 1), load(0, (1, b * c, c)))], lanes=0), [x, np.zeros(x.size, F)])
    agree(mapped((100,), [0, 1], [Store(1, 0, (1,), load(0, (-1,), offset=99))]), [some(rng, 100), np.zeros(100, F)])
    agree(mapped((100,), [0, 1], [Store(1, 99, (-1,), load(0, (2,)))]), [some(rng, 200), np.zeros(100, F)])
    agree(mapped((50,), [0, 1], [Store(1, 1, (2,), load(0, (3,), B))]), [some(rng, 150, dtype=B), np.zeros(100, B)])


def test_scalars_and_numbers(rng):
    n = Expr("number", (1,), F)
    e = op("add", op("multiply", load(0, (1,)), n), op("exp", load(1, (0,))))
    agree(mapped((50,), [0, 1, 2], [Store(2, 0, (1,), e)]), [some(rng, 50), some(rng, 1), np.zeros(50, F)], numbers=(1.0, 0.25))
    agree(mapped((), [0, 1], [Store(1, 0, (), op("exp", load(0, ())))]), [some(rng, 1), np.zeros(1, F)])
    agree(mapped((5,), [0], [Store(0, 0, (1,), const(2.5))]), [np.zeros(5, F)])


def test_index_and_gather(rng):
    table, at = some(rng, 40, 24), rng.integers(0, 40, 33)
    place = op("add", op("multiply", load(1, (1, 0), I), const(24, I)), Expr("index", (1,), I))
    nest = mapped((33, 24), [0, 1, 2], [Store(2, 0, (24, 1), Expr("gather", (0, place), F))])
    agree(nest, [table, at, np.zeros((33, 24), F)])
    sums = op("add", op("multiply", Expr("index", (0,), I), const(100, I)), Expr("index", (1,), I))
    agree(mapped((7, 19), [0], [Store(0, 0, (19, 1), sums)]), [np.zeros((7, 19), I)])
    one = mapped((7, 19), [0], [Store(0, 0, (19, 1), Expr("cast", (sums,), F))], lanes=0)
    agree(one, [np.zeros((7, 19), F)])


@pytest.mark.parametrize("dtype", [F, D, B, np.uint8])
def test_load_if_pads(rng, dtype):
    h, w, p = 5, 21, 2
    row, column = Expr("index", (0,), I), Expr("index", (1,), I)
    inside = None
    for index, size in ((row, h), (column, w)):
        for word, limit in (("greater_equal", p), ("less", p + size)):
            test = op(word, index, const(limit, I), dtype=B)
            inside = test if inside is None else op("logical_and", inside, test)
    e = Expr("load_if", (inside, 0, -p * w - p, (w, 1), const(1, dtype)), dtype)
    out = (h + 2 * p, w + 2 * p)
    agree(mapped(out, [0, 1], [Store(1, 0, (out[1], 1), e)]), [some(rng, h, w, dtype=dtype), np.zeros(out, dtype)])
    agree(mapped(out, [0, 1], [Store(1, 0, (out[1], 1), e)], lanes=0), [some(rng, h, w, dtype=dtype), np.zeros(out, dtype)])
    wide = Expr("load_if", (inside, 0, -p * w - p, (w, 1), const(0, dtype)), dtype)
    total, read = reduction("sum", Expr("cast", (wide,), D))
    agree(
        Nest([0, 1], (out[0],), (out[1],), [Pass([], [total])], [Store(1, 0, (1,), read)]), [some(rng, h, w, dtype=dtype), np.zeros(out[0])]
    )


# ---- dtypes ---------------------------------------------------------------------------------------------------------

KINDS = [B, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, I, np.uint64, F, D]


@pytest.mark.parametrize("old", KINDS)
def test_casts(rng, old):
    for new in KINDS:
        x = some(rng, 37, dtype=old)
        if np.dtype(old).kind == "f":
            x = x * 60 + 0.5
            if np.dtype(new).kind == "u":
                x = np.abs(x)
        agree(mapped((37,), [0, 1], [Store(1, 0, (1,), Expr("cast", (load(0, (1,), old),), new))]), [x, np.zeros(37, new)])


@pytest.mark.parametrize("old", [F, D])
def test_casts_of_what_does_not_fit(old):
    x = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 2.0**31, 2.0**63, -(2.0**63), -5.5, 3e9], old)
    for new in (np.int32, I):
        nest = mapped((10,), [0, 1], [Store(1, 0, (1,), Expr("cast", (load(0, (1,), old),), new))])
        arrays = [x, np.zeros(10, new)]
        call(nest, arrays)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(arrays[1], x.astype(new))
    agree(mapped((10,), [0, 1], [Store(1, 0, (1,), Expr("cast", (load(0, (1,), old),), B))]), [x, np.zeros(10, B)])


def test_mixed_dtypes(rng):
    mask, x, w, k = load(0, (1,), B), load(1, (1,)), load(2, (1,), D), load(3, (1,), I)
    e = op("add", op("where", mask, op("exp", x), const(0.0)), Expr("cast", (op("multiply", w, Expr("cast", (k,), D)),), F))
    arrays = [some(rng, 77, dtype=B), some(rng, 77), some(rng, 77, dtype=D), some(rng, 77, dtype=I), np.zeros(77, F), np.zeros(77, B)]
    nest = mapped((77,), [0, 1, 2, 3, 4, 5], [Store(4, 0, (1,), e), Store(5, 0, (1,), op("less", x, const(0.0), dtype=B))])
    agree(nest, arrays)


# ---- reductions -----------------------------------------------------------------------------------------------------


def reduced(op_, outer, inner, operands, expr, dtype, lanes=-1):
    """A nest that reduces `expr` into operand 1."""
    made, read = reduction(op_, expr, dtype)
    strides = tuple(int(np.prod(outer[i + 1 :])) for i in range(len(outer)))
    return Nest(operands, outer, inner, [Pass([], [made])], [Store(1, 0, strides, read)], lanes=lanes)


REDUCTIONS = ["sum", "prod", "max", "min", "any", "all", "argmax", "argmin"]


def result_of(op_, dtype):
    """The dtype of a reduction's result."""
    return {"any": B, "all": B, "argmax": I, "argmin": I}.get(op_, dtype)


@pytest.mark.parametrize("dtype", [F, D, I, np.int32, B])
@pytest.mark.parametrize("op_", REDUCTIONS)
def test_reductions_of_rows_and_columns(rng, op_, dtype):
    out = I if dtype == B and op_ in ("sum", "prod") else result_of(op_, dtype)
    for rows, n in ((1, 1), (3, 2), (5, 16), (4, 17), (2, 50), (3, 130), (70, 3)):
        x = some(rng, rows, n, dtype=dtype)
        agree(reduced(op_, (rows,), (n,), [0, 1], load(0, (n, 1), dtype), out), [x, np.zeros(rows, out)], rtol=1e-4, atol=1e-5)
        nest = reduced(op_, (n,), (rows,), [0, 1], load(0, (1, n), dtype), out, lanes=0)
        agree(nest, [x, np.zeros(n, out)], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("op_", REDUCTIONS)
def test_reductions_over_several_axes(rng, op_):
    x, out = some(rng, 6, 5, 4, 19), result_of(op_, F)
    rows = load(0, (380, 19, 76, 1))  # outer axes 0, 2; inner 1, 3
    agree(reduced(op_, (6, 4), (5, 19), [0, 1], rows, out), [x, np.zeros(24, out)], rtol=1e-4, atol=1e-5)
    agree(reduced(op_, (6, 4), (5, 19), [0, 1], rows, out, lanes=2), [x, np.zeros(24, out)], rtol=1e-4, atol=1e-5)
    columns = load(0, (19 * 4, 1, 380, 19))  # outer 1, 3; inner 0, 2
    agree(reduced(op_, (5, 19), (6, 4), [0, 1], columns, out, lanes=1), [x, np.zeros(95, out)], rtol=1e-4, atol=1e-5)
    agree(reduced(op_, (), (6, 5, 4, 19), [0, 1], load(0, (380, 76, 19, 1)), out), [x, np.zeros(1, out)], rtol=1e-4, atol=1e-5)


def test_nan_wins(rng):
    x = some(rng, 9, 40)
    x[1, 3] = x[2, 39] = x[3, 0] = x[3, 17] = x[4, 20] = np.nan
    x[5] = -np.inf
    x[6] = np.inf
    for op_ in ("max", "min", "argmax", "argmin", "sum"):
        agree(reduced(op_, (9,), (40,), [0, 1], load(0, (40, 1)), result_of(op_, F)), [x, np.zeros(9, result_of(op_, F))], rtol=1e-4)
        nest = reduced(op_, (40,), (9,), [0, 1], load(0, (1, 40)), result_of(op_, F), lanes=0)
        agree(nest, [x, np.zeros(40, result_of(op_, F))], rtol=1e-4)


def test_the_first_of_equals(rng):
    for dtype in (F, I, B):
        x = rng.integers(0, 2, (20, 3, 70)).astype(dtype)
        for op_ in ("argmax", "argmin"):
            agree(reduced(op_, (20,), (3, 70), [0, 1], load(0, (210, 70, 1), dtype), I), [x, np.zeros(20, I)])
            agree(reduced(op_, (20,), (3, 70), [0, 1], load(0, (210, 70, 1), dtype), I, lanes=1), [x, np.zeros(20, I)])


def test_empty_axes():
    for op_ in ("sum", "prod", "max", "any", "all"):
        out = result_of(op_, F)
        agree(reduced(op_, (5,), (0,), [0, 1], load(0, (0, 1)), out), [np.zeros(0, F), np.ones(5, out)])
        agree(reduced(op_, (5,), (0,), [0, 1], load(0, (1, 5)), out, lanes=0), [np.zeros(0, F), np.ones(5, out)])
        agree(reduced(op_, (0,), (5,), [0, 1], load(0, (5, 1)), out), [np.zeros(0, F), np.zeros(0, out)])
    agree(mapped((3, 0), [0, 1], [Store(1, 0, (0, 1), load(0, (0, 1)))]), [np.zeros(0, F), np.zeros(0, F)])
    agree(mapped((0, 3), [0, 1], [Store(1, 0, (3, 1), load(0, (3, 1)))]), [np.zeros(0, F), np.zeros(0, F)])


def softmax(shape, strides, split):
    """exp(x - max)/sum; the first `split` axes are outer ones."""
    x = load(0, strides)
    top, read = reduction("max", x)
    e = op("exp", op("subtract", x, read))
    total, added = reduction("sum", e)
    passes = [Pass([], [top]), Pass([], [total]), Pass([Store(1, 0, strides, op("divide", e, added))], [])]
    return Nest([0, 1], shape[:split], shape[split:], passes)


def test_softmax_of_rows_and_columns(rng):
    for rows, n in ((1, 1), (3, 10), (5, 16), (7, 100), (2, 1000), (64, 33)):
        x = some(rng, rows, n) * 5
        agree(softmax((rows, n), (n, 1), 1), [x, np.zeros((rows, n), F)])
        nest = softmax((n, rows), (1, n), 1)
        nest.lanes = 0
        agree(nest, [x, np.zeros((rows, n), F)])


def test_normalisation_of_channels(rng):
    n, c, h = 4, 6, 50
    x = load(0, (h, c * h, 1))  # outer: channel; inner: batch, space
    count = const(n * h)
    total, read = reduction("sum", x)
    mean = op("divide", read, count)
    d = op("subtract", x, mean)
    squares, read2 = reduction("sum", op("multiply", d, d))
    scale = op("multiply", op("rsqrt", op("add", op("divide", read2, count), const(1e-5))), load(1, (1, 0, 0)))
    y = op("add", op("multiply", d, scale), load(2, (1, 0, 0)))
    passes = [Pass([], [total]), Pass([], [squares]), Pass([Store(3, 0, (h, c * h, 1), y)], [])]
    nest = Nest([0, 1, 2, 3, 4], (c,), (n, h), passes, [Store(4, 0, (1,), mean)])
    arrays = [some(rng, n, c, h) + 3, some(rng, c), some(rng, c), np.zeros((n, c, h), F), np.zeros(c, F)]
    agree(nest, arrays, rtol=1e-5, atol=1e-5)


def test_a_pass_that_stores_and_reduces(rng):
    x = load(0, (40, 1))
    y = op("multiply", x, load(1, (0, 1)))
    total, read = reduction("sum", y)
    high, read_high = reduction("max", y)
    nest = Nest(
        [0, 1, 2, 3], (9,), (40,), [Pass([Store(2, 0, (40, 1), y)], [total, high])], [Store(3, 0, (1,), op("add", read, read_high))]
    )
    agree(nest, [some(rng, 9, 40), some(rng, 40), np.zeros((9, 40), F), np.zeros(9, F)])


@pytest.mark.parametrize("form", ["row", "column", "inner"])
def test_long_sums_stay_exact(rng, form):
    n = 400_000
    x = rng.random(n, dtype=F)
    exact = x.sum(dtype=D)
    if form == "row":
        nest = reduced("sum", (), (n,), [0, 1], load(0, (1,)), F)
    elif form == "inner":
        nest = reduced("sum", (), (n // 8, 8), [0, 1], load(0, (8, 1)), F)
    else:
        nest = reduced("sum", (1,), (n,), [0, 1], load(0, (0, 1)), F, lanes=0)
    out = np.zeros(1, F)
    call(nest, [x, out])
    assert abs(out[0] - exact) <= 1e-6 * exact
    if form == "column":
        x = rng.random((40_000, 10), dtype=F)
        out = np.zeros(10, F)
        call(reduced("sum", (10,), (40_000,), [0, 1], load(0, (1, 10)), F, lanes=0), [x, out])
        np.testing.assert_allclose(out, x.sum(0, dtype=D), rtol=1e-6)


# ---- keys -----------------------------------------------------------------------------------------------------------


def test_keys_tell_kernels_apart():
    def key(nest, *arrays):
        return emit.kernel(nest, buffers_of(arrays)).key

    x, d = np.zeros((4, 6), F), np.zeros((4, 6), D)

    def nest(word="exp", stride=1, outer=(4, 6), operands=(0, 1), dtype=F):
        return mapped(outer, list(operands), [Store(1, 0, (6, 1), op(word, load(0, (6, stride), dtype)))])

    same = key(nest(), x, x)
    assert key(nest(), x, x) == same
    assert key(nest(outer=(5, 6)), np.zeros((5, 6), F), x) == same  # the number of rows is an argument
    assert key(nest(operands=(1, 0)), x, x) == same  # which buffers they are doesn't matter
    others = [key(nest("log"), x, x), key(nest(stride=0), x, x), key(nest(outer=(4, 5)), x, x), key(nest(dtype=D), d, d)]
    assert len({same, *others}) == 5
    shared = op("exp", load(0, (6, 1)))
    once = mapped((4, 6), [0, 1], [Store(1, 0, (6, 1), op("add", shared, shared))])
    constants = [mapped((4, 6), [0, 1], [Store(1, 0, (6, 1), op("add", load(0, (6, 1)), const(v)))]) for v in (0.0, -0.0, 1.0, np.nan)]
    assert len({key(n, x, x) for n in [once, *constants]}) == 5


def test_threads_only_where_they_pay():
    def threads(n):
        nest = mapped((n,), [0, 1], [Store(1, 0, (1,), op("negative", load(0, (1,))))])
        return emit.kernel(nest, buffers_of([np.zeros(n, F)] * 2)).threads

    assert not threads(100) and threads(1_000_000)
    nest = reduced("sum", (), (1_000_000,), [0, 1], load(0, (1,)), F)
    assert not emit.kernel(nest, buffers_of([np.zeros(1_000_000, F), np.zeros(1, F)])).threads


# ---- nests at random ------------------------------------------------------------------------------------------------

ONE = {F: "exp tanh negative abs sqrt sigmoid relu square floor".split(), I: "negative abs square sign".split()}
TWO = {F: "add subtract multiply maximum minimum".split(), I: "add subtract multiply maximum remainder".split()}


def layout(rng, extents, axes):
    """Strides of an array that has the given axes, in a random order."""
    strides, step = [0] * len(extents), 1
    for a in rng.permutation([a for a in axes]).tolist():
        strides[a] = step
        step *= extents[a]
    return tuple(strides), max(step, 1)


class Made:
    """A nest put together at random."""

    def __init__(self, seed):
        self.rng = rng = np.random.default_rng(seed)
        self.dtype = [F, F, D, I][seed % 4]
        self.word_dtype = F if self.dtype != I else I
        outer, inner = int(rng.integers(0, 4)), int(rng.integers(0, 3))
        self.extents = tuple(int(rng.choice([1, 2, 3, 5, 8, 16, 17, 33, 40])) for _ in range(outer + inner))
        self.outer, self.inner = self.extents[:outer], self.extents[outer:]
        self.arrays = []
        self.depth = len(self.extents)

    def axes(self, upto):
        """Some of the first axes."""
        return [a for a in range(upto) if self.rng.random() < 0.7]

    def read(self, upto):
        """A load of a new array."""
        strides, size = layout(self.rng, self.extents, self.axes(upto))
        offset = int(self.rng.integers(0, 3))
        self.arrays.append(some(self.rng, size + offset, dtype=self.dtype))
        return load(len(self.arrays) - 1, strides, self.dtype, offset)

    def formula(self, leaves, upto, size):
        """Some expression, whose parts may be shared."""
        pool = [self.read(upto) for _ in range(2)] + leaves
        for _ in range(size):
            choice = self.rng.random()
            x, y = (pool[int(self.rng.integers(len(pool)))] for _ in range(2))
            if choice < 0.4:
                pool.append(op(str(self.rng.choice(ONE[self.word_dtype])), x))
            elif choice < 0.8:
                pool.append(op(str(self.rng.choice(TWO[self.word_dtype])), x, y))
            elif choice < 0.9:
                pool.append(op("where", op("less", x, y, dtype=B), x, y, dtype=self.dtype))
            elif self.depth:
                index = Expr("index", (int(self.rng.integers(upto)) if upto else 0,), I) if upto else const(2, I)
                pool.append(op("add", x, Expr("cast", (index,), self.dtype)))
        last = pool[-1]
        for x in leaves[:1]:
            last = op("add", last, x)
        return last if self.dtype == I else op("tanh", last)

    def target(self, upto):
        """A new array that takes one value for each index of the first axes."""
        strides, size = layout(self.rng, self.extents, range(upto))
        self.arrays.append(np.zeros(size, self.dtype))
        return len(self.arrays) - 1, strides

    def nest(self):
        """The nest."""
        leaves, passes, final = [], [], []
        for _ in range(int(self.rng.integers(1, 4))):
            stores, sums = [], []
            for _ in range(int(self.rng.integers(0, 3)) if self.inner else 0):
                word = str(self.rng.choice(["sum", "max", "min", "argmax"]))
                # What argmax looks at has to be the same to the last bit.
                x = (
                    op("subtract", self.read(self.depth), self.read(self.depth))
                    if word == "argmax"
                    else self.formula(leaves[:], self.depth, 3)
                )
                made, read = reduction(word, x, I if word == "argmax" else self.dtype)
                sums.append((made, Expr("cast", (read,), self.dtype)))
            if not sums or self.rng.random() < 0.5:
                operand, strides = self.target(self.depth)
                stores.append(Store(operand, 0, strides, self.formula(leaves[:], self.depth, 4)))
            passes.append(Pass(stores, [m for m, _ in sums]))
            leaves += [x for _, x in sums]
        for x in leaves[-2:]:
            operand, strides = self.target(len(self.outer))
            final.append(Store(operand, 0, strides[: len(self.outer)], op("add", x, self.read(len(self.outer)))))
        lanes = int(self.rng.integers(self.depth)) if self.depth else -1
        if self.rng.random() < 0.5:
            lanes = -1
        return Nest(list(range(len(self.arrays))), self.outer, self.inner, passes, final, lanes=lanes)


@pytest.mark.parametrize("group", range(8))
def test_nests_at_random(group):
    for seed in range(12 * group, 12 * group + 12):
        made = Made(seed)
        nest = made.nest()
        try:
            agree(nest, made.arrays, rtol=3e-4, atol=2e-4)
        except AssertionError as e:
            raise AssertionError(f"seed {seed}: {nest}") from e


def test_equal_expressions_are_computed_once(rng):
    x, y = (op("exp", load(0, (1,))) for _ in range(2))
    nest = mapped((500,), [0, 1], [Store(1, 0, (1,), op("add", x, op("multiply", y, y)))])
    agree(nest, [some(rng, 500), np.zeros(500, F)])
    once = mapped((500,), [0, 1], [Store(1, 0, (1,), op("add", x, op("multiply", x, x)))])
    both_texts = [emit.kernel(n, buffers_of([np.zeros(500, F)] * 2)).build() for n in (nest, once)]
    assert both_texts[0] == both_texts[1]


@pytest.mark.parametrize("have", [("avx2", "fma"), ()])
def test_machines_of_narrower_vectors(rng, monkeypatch, have):
    from lightwell.compile import emit_key, vectormath

    monkeypatch.setattr(vectormath, "features", lambda: frozenset(have))
    emit_key.width.cache_clear()
    try:
        assert emit_key.width() == (32 if have else 16)
        x = np.concatenate([some(rng, 200) * 30, [np.inf, -np.inf, np.nan, 0, 88.9, -103.5, -95, 1e6]]).astype(F)
        for word in ("exp", "exp2", "expm1", "log", "tanh", "sin", "erf", "sigmoid"):
            nest = mapped(x.shape, [0, 1], [Store(1, 0, (1,), op(word, load(0, (1,))))])
            agree(nest, [x, np.zeros_like(x)])
            agree(mapped(x.shape, [0, 1], [Store(1, 0, (1,), op(word, load(0, (1,), D)))]), [x.astype(D), np.zeros(x.shape)])
        for seed in range(300, 316):
            made = Made(seed)
            agree(made.nest(), made.arrays, rtol=3e-4, atol=2e-4)
    finally:
        emit_key.width.cache_clear()


def test_long_chains(rng):
    x = load(0, (1,))
    for _ in range(700):
        x = op("add", op("negative", x), const(1.0))
    agree(mapped((40,), [0, 1], [Store(1, 0, (1,), x)]), [some(rng, 40), np.zeros(40, F)])


def test_rows_of_a_table_are_read_whole(rng):
    place = op("add", op("multiply", load(1, (1, 0), I), const(50, I)), Expr("index", (1,), I))
    nest = mapped((9, 50), [0, 1, 2], [Store(2, 0, (50, 1), Expr("gather", (0, place), F))])
    arrays = [some(rng, 7, 50), rng.integers(0, 7, 9), np.zeros((9, 50), F)]
    agree(nest, arrays)
    assert "gather" not in emit.kernel(nest, buffers_of(arrays)).build()


@pytest.mark.parametrize("dtype", [F, D, I, np.int32, B])
def test_transpositions_work_on_tiles(rng, dtype):
    for a, b in ((16, 16), (33, 40), (100, 17), (8, 64), (3, 50)):
        x, y, bias, row = some(rng, b, a, dtype=dtype), some(rng, a, b, dtype=dtype), some(rng, a, dtype=dtype), some(rng, b, dtype=dtype)
        word = "logical_or" if dtype == B else "add"
        e = op(word, op(word, load(0, (1, a), dtype), load(1, (b, 1), dtype)), op(word, load(2, (1, 0), dtype), load(3, (0, 1), dtype)))
        for lanes in (0, 1):
            agree(mapped((a, b), [0, 1, 2, 3, 4], [Store(4, 0, (b, 1), e)], lanes), [x, y, bias, row, np.zeros((a, b), dtype)])
    x = some(rng, 5, 20, 3, 36, dtype=dtype)  # the second and the last axis exchanged
    e = load(0, (20 * 3 * 36, 1, 36, 3 * 36), dtype)
    agree(mapped((5, 36, 3, 20), [0, 1], [Store(1, 0, (36 * 3 * 20, 60, 20, 1), e)]), [x, np.zeros(x.size, dtype)])
    kernel = emit.kernel(mapped((64, 64), [0, 1], [Store(1, 0, (64, 1), load(0, (1, 64)))]), buffers_of([np.zeros((64, 64), F)] * 2))
    assert kernel.build().count("shufflevector") >= 8
