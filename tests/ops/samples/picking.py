"""Samples of gather, scatter, masks and their relatives."""

from tests.ops.samples import T, sample

PLACES = [[0, 1, 3], [2, 2, 0]]

SAMPLES = [
    sample("index_select", lambda f, x: x.index_select(1, f.tensor([2, 0, 2])), T(2, 4)),
    sample("index_select", lambda f, x: x.index_select(0, f.tensor([1])), T(2, 4, transposed=True)),
    sample("gather", lambda f, x: x.gather(0, f.tensor(PLACES)), T(4, 3)),
    sample("gather", lambda f, x: x.gather(1, f.tensor([[1, 1, 2]])), T(4, 3, transposed=True)),
    sample("take", lambda f, x: x.take(f.tensor([[0, -1], [5, 5]])), T(4, 3)),
    sample("masked_select", lambda f, x: x.masked_select(x > 0), T(4, 3)),
    sample("masked_fill", lambda f, x: x.masked_fill(f.tensor([True, False, True]), 2.0), T(4, 3)),
    sample("masked_fill", lambda f, x: x.masked_fill(f.tensor([[True], [False]]), 2.0), T(3)),
    sample("masked_fill_tensor", lambda f, x, v: x.masked_fill(f.tensor([True, False, True]), v), T(4, 3), T(seed=1)),
    sample("masked_scatter", lambda f, x, v: x.masked_scatter(f.tensor([True, False, True]), v), T(3), T(4, seed=1)),
    sample("scatter", lambda f, x, v: x.scatter(0, f.tensor([[0, 1, 3], [2, 2, 0]]), v), T(4, 3), T(2, 3, seed=1)),
    sample("scatter_value", lambda f, x: x.scatter(0, f.tensor(PLACES), 2.0), T(4, 3)),
    sample("scatter_add", lambda f, x, v: x.scatter_add(0, f.tensor(PLACES), v), T(4, 3), T(2, 3, seed=1)),
    sample("index_add", lambda f, x, v: x.index_add(0, f.tensor([1, 1]), v, alpha=2), T(4, 3), T(2, 3, seed=1), dtypes=False),
    sample("index_copy", lambda f, x, v: x.index_copy(1, f.tensor([2, 0]), v), T(4, 3), T(4, 2, seed=1)),
    sample("scatter_prod", lambda f, x, v: x.scatter_reduce(0, f.tensor(PLACES), v, "prod"), T(4, 3), T(2, 3, seed=1)),
    sample("scatter_extreme", lambda f, x, v: x.scatter_reduce(0, f.tensor(PLACES), v, "amax"), T(4, 3), T(2, 3, seed=1)),
    sample("scatter_extreme", lambda f, x, v: x.scatter_reduce(0, f.tensor(PLACES), v, "amin"), T(4, 3), T(2, 3, seed=1)),
]
