"""Random graphs: words in every mixture, on arrays whose values stay small."""

import math

import numpy as np

from lightwell.compile.graph import Graph, run
from lightwell.compile.plan import execute, plan, verify

SIZES = (1, 2, 3, 4, 6, 8)


class Maker:
    """One random graph after the other, from a seed."""

    def __init__(self, seed: int, dtype="float32", steps: int = 25):
        self.rng = np.random.default_rng(seed)
        self.g, self.dtype = Graph(), np.dtype(dtype)
        self.floats, self.inputs, self.numbers = [], [], []
        r = self.rng
        base = tuple(int(r.choice(SIZES)) for _ in range(r.integers(1, 4)))
        for shape in (
            base,
            base,
            base[-1:],
            (base[0],) + (1,) * (len(base) - 1),
            tuple(int(r.choice(SIZES)) for _ in range(r.integers(0, 5))),
        ):
            self.give(r.uniform(-1, 1, shape).astype(self.dtype))
        self.number = self.g.number()
        self.numbers.append(float(r.uniform(0.5, 1)))
        for _ in range(steps):
            for _ in range(20):
                word = r.choice(WORDS)
                try:
                    made = getattr(self, "do_" + word)(self.pick())
                except (Skip, ValueError):
                    continue
                if made is not None:
                    self.floats.append(made)
                    break
        count = int(r.integers(1, 5))
        for v in r.choice(len(self.floats), min(count, len(self.floats)), replace=False):
            self.g.results.append((None, self.floats[int(v)]))
        self.g.results.append((None, self.floats[-1]))
        for slot in range(len(self.inputs)):  # results that fit an input are written there now and then
            for i, (_, v) in enumerate(self.g.results):
                x = self.g.inputs[slot]
                if (
                    i not in self.g.writes
                    and slot not in self.g.writes.values()
                    and v.shape == x.shape
                    and v.dtype == x.dtype
                    and r.random() < 0.4
                ):
                    self.g.writes[i] = slot

    def give(self, array):
        self.inputs.append(array)
        v = self.g.input(array.shape, array.dtype)
        if array.dtype.kind == "f":
            self.floats.append(v)
        return v

    def pick(self):
        n = len(self.floats)
        return self.floats[int(n - 1 - min(self.rng.geometric(0.25) - 1, n - 1))]

    def call(self, word, *args, **kwargs):
        v = self.g.call(word, *args, **kwargs)
        if v.size > 3000 or v.ndim > 5 or not v.size:
            raise Skip
        return v

    def tame(self, v):
        return self.call("tanh", v)

    def index(self, shape, n):
        low = -n if self.rng.random() < 0.5 else 0
        array = self.rng.integers(low, n, shape)
        return self.g.constant(array) if self.rng.random() < 0.3 else self.give(array)

    def key(self, shape):
        out = []
        for n in shape:
            kind = self.rng.integers(0, 4)
            if kind == 0 and n:
                out.append(int(self.rng.integers(-n, n)))
            elif kind == 1:
                out.append(slice(None))
            else:
                a, b = sorted(self.rng.integers(0, n + 1, 2))
                out.append(slice(int(a), int(b) if b > a else n, int(self.rng.integers(1, 3))))
        return tuple(out)

    # ---- words ------------------------------------------------------------------------------------------------------

    def do_unary(self, x):
        return self.call(
            str(self.rng.choice("exp tanh sigmoid relu abs negative square erf_gelu log_sigmoid sin floor".split())), self.tame(x)
        )

    def do_binary(self, x):
        word = str(self.rng.choice("add subtract multiply maximum minimum relu_pull".split()))
        ys = [y for y in self.floats if _fits(x, y)]
        y = ys[self.rng.integers(len(ys))] if self.rng.random() < 0.7 else float(self.rng.uniform(-1, 1))
        if word == "relu_pull" and not hasattr(y, "shape"):
            raise Skip
        return self.call(word, x, y) if self.rng.random() < 0.5 or word == "relu_pull" else self.call(word, y, x)

    def do_number(self, x):
        return self.call("multiply", x, self.number)

    def do_where(self, x):
        ys = [y for y in self.floats if _fits(x, y)]
        y, z = (ys[self.rng.integers(len(ys))] for _ in "ab")
        return self.call("where", self.call("greater", x, 0), self.call("tanh", y), z if self.rng.random() < 0.5 else 0.5)

    def do_mask(self, x):
        return self.call("multiply", x, self.call("astype", self.call("less", x, 0.2), x.dtype))

    def do_reshape(self, x):
        dims, n = [], x.size
        while n > 1 and len(dims) < 4:
            choices = [d for d in range(2, n + 1) if n % d == 0]
            dims.append(int(self.rng.choice(choices)))
            n //= dims[-1]
        dims.append(n)
        self.rng.shuffle(dims)
        return self.call("reshape", x, tuple(dims))

    def do_permute(self, x):
        return self.call("permute_dims", x, tuple(int(d) for d in self.rng.permutation(x.ndim)))

    def do_expand(self, x):
        return self.call("expand_dims", x, int(self.rng.integers(0, x.ndim + 1)))

    def do_broadcast(self, x):
        shape = tuple(int(self.rng.choice(SIZES)) if n == 1 else n for n in x.shape)
        lead = (int(self.rng.choice((2, 3))),) if self.rng.random() < 0.4 else ()
        return self.call("broadcast_to", x, lead + shape)

    def do_slice(self, x):
        return self.call("getitem", x, self.key(x.shape))

    def do_flip(self, x):
        if not x.ndim:
            raise Skip
        return self.call("flip", x, int(self.rng.integers(x.ndim)))

    def do_roll(self, x):
        if not x.ndim:
            raise Skip
        return self.call("roll", x, int(self.rng.integers(-3, 4)), int(self.rng.integers(x.ndim)))

    def do_tile(self, x):
        return self.call("tile", x, tuple(int(n) for n in self.rng.integers(1, 3, max(x.ndim, 1))))

    def do_pad(self, x):
        pad = tuple((int(a), int(b)) for a, b in self.rng.integers(-1, 3, (x.ndim, 2)))
        if any(n + min(a, 0) + min(b, 0) < 1 for n, (a, b) in zip(x.shape, pad)):
            raise Skip
        return self.call("constant_pad", x, pad, float(self.rng.integers(0, 2)))

    def do_triangle(self, x):
        if x.ndim < 2:
            raise Skip
        return self.call(str(self.rng.choice(["tril", "triu"])), x, int(self.rng.integers(-1, 2)))

    def do_diagonal(self, x):
        if x.ndim < 2:
            raise Skip
        a, b = (int(d) for d in self.rng.permutation(x.ndim)[:2])
        v = self.call("diagonal", x, int(self.rng.integers(-1, 2)), a, b)
        if not v.size:
            raise Skip
        return v

    def do_sliding(self, x):
        if not x.ndim:
            raise Skip
        axis = int(self.rng.integers(x.ndim))
        return self.call("sliding", x, axis, int(self.rng.integers(1, x.shape[axis] + 1)), int(self.rng.integers(1, 3)))

    def do_strided(self, x):
        n = x.size
        shape = (int(self.rng.integers(1, 4)), int(self.rng.integers(1, 4)))
        strides = tuple(int(s) for s in self.rng.integers(0, 3, 2))
        reach = sum((m - 1) * s for m, s in zip(shape, strides))
        if reach >= n:
            raise Skip
        offset = int(self.rng.integers(0, n - reach))
        if self.rng.random() < 0.4:
            v = self.give(self.rng.uniform(-1, 1, shape).astype(self.dtype))
            if all(strides):
                return (
                    self.call("strided_add", x.shape, v, (shape[1] * max(strides[1], 1), strides[1]), 0)
                    if shape[0] * shape[1] * strides[1] < n
                    else None
                )
            raise Skip
        return self.call("strided", x, shape, strides, offset)

    def do_strided_set(self, x):
        if x.size < 4:
            raise Skip
        v = self.give(self.rng.uniform(-1, 1, (2,)).astype(self.dtype))
        return self.call("strided_set", x, v, (int(self.rng.integers(1, x.size // 2)),), int(self.rng.integers(0, 2)))

    def do_concat(self, x):
        if not x.ndim:
            raise Skip
        axis = int(self.rng.integers(x.ndim))
        ys = [y for y in self.floats if y.ndim == x.ndim and all(m == n or d == axis for d, (m, n) in enumerate(zip(x.shape, y.shape)))]
        return self.call("concat", [x, ys[self.rng.integers(len(ys))], x], axis)

    def do_stack(self, x):
        ys = [y for y in self.floats if y.shape == x.shape]
        return self.call("stack", [x, ys[self.rng.integers(len(ys))]], int(self.rng.integers(0, x.ndim + 1)))

    def do_index_set(self, x):
        key = self.key(x.shape)
        at = self.call("getitem", x, key)
        if not at.size:
            raise Skip
        v = self.call("multiply", at, 0.5) if self.rng.random() < 0.6 else 0.25
        return self.call("index_set", x, key, v)

    def do_index_add(self, x):
        if not x.ndim:
            raise Skip
        if self.rng.random() < 0.5:
            key = self.key(x.shape)
            at = self.call("getitem", x, key)
            return self.call("index_add", x.shape, key, self.call("exp", self.tame(at)))
        index = self.index((3,), x.shape[0])
        return self.call("index_add", x.shape, (index,), self.call("getitem", x, (index,)))

    def do_take(self, x):
        if not x.ndim:
            raise Skip
        axis = int(self.rng.integers(x.ndim))
        if self.rng.random() < 0.5:
            return self.call("take", x, self.index((int(self.rng.integers(1, 4)),) * int(self.rng.integers(1, 3)), x.shape[axis]), axis)
        index = self.index(tuple(1 if self.rng.random() < 0.3 else n for n in x.shape), x.shape[axis])
        return self.call("take_along_axis", x, index, axis)

    def do_gather(self, x):
        if x.ndim < 2:
            raise Skip
        i, j = self.index((2, 1), x.shape[0]), self.index((3,), x.shape[-1])
        return self.call("getitem", x, (i, Ellipsis, j))

    def do_reduce(self, x):
        word = str(self.rng.choice("sum max min mean prod square_sum var".split()))
        axes = tuple(d for d in range(x.ndim) if self.rng.random() < 0.5)
        if word == "prod":
            x = self.tame(x)
        if not axes and word != "sum":
            axes = tuple(range(x.ndim))
        return self.call(word, x, axis=axes, keepdims=bool(self.rng.random() < 0.5))

    def do_argmax(self, x):
        if not x.ndim:
            raise Skip
        axis = int(self.rng.integers(x.ndim))
        word = str(self.rng.choice(["argmax", "argmin"]))
        return self.call("astype", self.call(word, self.call("floor", self.call("multiply", self.tame(x), 3.0)), axis=axis), self.dtype)

    def do_count(self, x):
        if not x.ndim:
            raise Skip
        many = self.call("sum", self.call("greater", x, 0.1), axis=0)
        return self.call("divide", self.call("astype", many, self.dtype), 7.0)

    def do_every(self, x):
        some = self.call(str(self.rng.choice(["any", "all"])), self.call("greater", x, 0.1), axis=None if not x.ndim else x.ndim - 1)
        return self.call("astype", some, self.dtype)

    def do_softmax(self, x):
        if not x.ndim:
            raise Skip
        axis = int(self.rng.integers(-x.ndim, x.ndim))
        y = self.call(str(self.rng.choice(["softmax", "log_softmax"])), x, axis)
        kind = self.rng.integers(0, 4)
        if kind == 1:
            return self.call("softmax_pull", self.tame(x), self.tame(y), axis)
        if kind == 2:
            return self.call("log_softmax_pull", self.tame(x), self.tame(y), axis)
        if kind == 3:
            shape = list(x.shape)
            shape[axis] = 1
            return self.call("nll_pull", self.tame(y), self.give(self.rng.integers(0, x.shape[axis], shape)), 0.5, axis % x.ndim)
        return y

    def do_scatter(self, x):
        if not x.ndim:
            raise Skip
        axis = int(self.rng.integers(x.ndim))
        shape = list(x.shape)
        shape[axis] = 1 if self.rng.random() < 0.7 else shape[axis]
        index = self.give(self.rng.integers(0, x.shape[axis], shape))
        return self.call("scatter_add", x, index, self.give(self.rng.uniform(-1, 1, shape).astype(self.dtype)), axis)

    def do_norm(self, x):
        if x.ndim not in (2, 3):
            raise Skip
        axes = (1,) if x.ndim == 2 else (0, 2)
        wshape = (1, x.shape[1]) if x.ndim == 2 else (1, x.shape[1], 1)
        parts = self.g.call("moments", x, axes, 1e-2)
        m, r, var = (self.g.part(parts, i) for i in range(3))
        w, b = (self.give(self.rng.uniform(-1, 1, x.shape[1]).astype(self.dtype)) for _ in "wb")
        y = self.call("scaled", x, m, r, w, b, x.shape, x.shape, wshape)
        self.floats.append(var)
        if x.ndim == 2 and self.rng.random() < 0.5:
            h = self.call("multiply", self.call("subtract", x, m), r)
            return self.call("rows_pull", self.tame(y), h, r)
        return y

    def do_matmul(self, x):
        if x.ndim < 2:
            raise Skip
        y = x
        if self.rng.random() < 0.5:
            y = self.give(self.rng.uniform(-1, 1, (int(self.rng.choice(SIZES)), x.shape[-1])).astype(self.dtype))
        v = self.call("matmul", x, self.call("matrix_transpose", y))
        return self.call("multiply", v, 0.3)

    def do_product(self, x):
        ys = [
            y for y in self.floats if x.ndim and y.ndim and x.shape[-1] == (y.shape[-2] if y.ndim > 1 else y.shape[0]) and _fits_lead(x, y)
        ]
        if not ys:
            raise Skip
        return self.call("tanh", self.call("matmul", x, ys[self.rng.integers(len(ys))]))

    def do_heads(self, x):
        """A product whose operands and result are looked at through permutations and slices, put beside something else."""
        if x.ndim != 3 or x.shape[2] % 2:
            raise Skip
        b, t, c = x.shape
        order = tuple(int(d) for d in self.rng.permutation(4)) if self.rng.random() < 0.3 else (0, 2, 1, 3)
        q, k = (self.call("permute_dims", self.call("reshape", v, (b, t, 2, c // 2)), order) for v in (x, self.tame(x)))
        y = self.call("multiply", self.call("matmul", q, self.call("matrix_transpose", k)), 0.3)
        y = self.call("matmul", self.call("softmax", y, -1), k)
        y = self.call("reshape", self.call("permute_dims", y, tuple(int(d) for d in np.argsort(order))), (b, t, c))
        kind = self.rng.integers(0, 3)
        if kind == 0:
            return y
        parts = [y, x] if self.rng.random() < 0.5 else [x, y, self.tame(x)]
        return (
            self.call("concat", parts, int(self.rng.integers(0, 3)))
            if kind == 1
            else self.call("stack", parts, int(self.rng.integers(0, 4)))
        )

    def do_einsum(self, x):
        if x.ndim == 2:
            return self.tame(self.call("einsum", str(self.rng.choice(["ij,kj->ik", "ij,kj->ki", "ij,ij->i", "ij,kl->ik"])), x, x))
        if x.ndim == 3:
            return self.tame(self.call("einsum", str(self.rng.choice(["abc,abd->acd", "abc,adc->bda", "abc,abc->b"])), x, x))
        raise Skip

    def do_pool(self, x):
        if x.ndim != 3 or x.shape[2] < 2:
            raise Skip
        return self.call("window_sum", x, (2,), (1,), (0,), (x.shape[2] - 1,))

    def do_scan(self, x):
        if not x.ndim:
            raise Skip
        return self.tame(self.call("cumulative_sum", x, axis=int(self.rng.integers(x.ndim))))


class Skip(Exception):
    """The word doesn't fit the value that was drawn."""


WORDS = [n[3:] for n in dir(Maker) if n.startswith("do_")] + [
    "unary",
    "binary",
    "binary",
    "reduce",
    "reshape",
    "permute",
    "matmul",
    "softmax",
]


def _fits(x, y) -> bool:
    try:
        return math.prod(np.broadcast_shapes(x.shape, y.shape)) <= 2000
    except ValueError:
        return False


def _fits_lead(x, y) -> bool:
    try:
        np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except ValueError:
        return False
    return True


def compare(graph, inputs, numbers=(), tolerance=2e-4):
    """The plan of a graph, after its results were compared with those of the graph itself, in inputs that it writes too."""
    with np.errstate(all="ignore"):
        wanted = run(graph, [a.copy() for a in inputs], numbers)
    made = verify(plan(graph))
    mine = [a.copy() for a in inputs]
    got = execute(made, mine, numbers)
    for i, (a, b) in enumerate(zip(got, wanted)):
        a = np.asarray(a).reshape(b.shape)
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=f"result {i}")
        if i in graph.writes:
            np.testing.assert_allclose(mine[graph.writes[i]], b, rtol=tolerance, atol=tolerance)
    for slot, (a, b) in enumerate(zip(mine, inputs)):
        if slot not in graph.writes.values():
            assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), f"input {slot} was written"
    return made
