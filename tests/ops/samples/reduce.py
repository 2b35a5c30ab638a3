"""Samples of sums, means, products and truth."""

from tests.ops.samples import T, sample

SAMPLES = [
    sample("trace", lambda f, x: f.trace(x), T(3, 4)),
    sample("trace", lambda f, x: x.trace(), T(3, 3, transposed=True)),
    sample("trace", lambda f, x: x.trace(), T(0, 2)),
    sample("sum", lambda f, x: x.sum(), T(3, 4)),
    sample("sum", lambda f, x: x.sum(), T()),
    sample("sum", lambda f, x: x.sum(), T(0, 3)),
    sample("sum", lambda f, x: x.sum(), T(3, 4, transposed=True)),
    sample("sum_dim", lambda f, x: x.sum(1), T(2, 3, 4)),
    sample("sum_dim", lambda f, x: x.sum((0, -1), keepdim=True), T(2, 3, 4)),
    sample("sum_dim", lambda f, x: x.sum(0), T(3, 4, transposed=True)),
    sample("sum_dim", lambda f, x: x.sum(0), T()),
    sample("nansum", lambda f, x: x.nansum(0), T(3, 4)),
    sample("nansum", lambda f, x: x.nansum(), T(3, 4)),
    sample("mean", lambda f, x: x.mean(), T(3, 4)),
    sample("mean", lambda f, x: x.mean(), T()),
    sample("mean_dim", lambda f, x: x.mean((0, 2)), T(2, 3, 4)),
    sample("mean_dim", lambda f, x: x.mean(-1, True), T(3, 4, transposed=True)),
    sample("prod", lambda f, x: x.prod(), T(2, 3)),
    sample("prod", lambda f, x: x.prod(), T()),
    sample("prod", lambda f, x: (x * f.tensor([0.0, 1.0, 1.0]).to(x.dtype)).prod(), T(3)),
    sample("prod_dim", lambda f, x: x.prod(1), T(2, 3, 2)),
    sample("prod_dim", lambda f, x: x.prod(0, True), T(3, 2, transposed=True)),
    sample("prod_dim", lambda f, x: (x * f.tensor([0.0, 1.0, 0.0, 1.0]).to(x.dtype)).prod(0), T(3, 4)),
    sample("all", lambda f, x: x.all(1), T(3, 4), nondiff=True),
    sample("any", lambda f, x: x.any((0, 1)), T(3, 4), nondiff=True),
    sample("count_nonzero", lambda f, x: x.count_nonzero(0), T(3, 4), nondiff=True),
]
