"""Samples of running sums, products and extremes."""

from tests.ops.samples import T, sample

SAMPLES = [
    sample("cumsum", lambda f, x: x.cumsum(1), T(2, 3, 2)),
    sample("cumsum", lambda f, x: x.cumsum(0), T(3, 4, transposed=True)),
    sample("cumsum", lambda f, x: x.cumsum(0), T()),
    sample("cumprod", lambda f, x: x.cumprod(1), T(2, 3)),
    sample("cumprod", lambda f, x: (x * f.tensor([1.0, 0.0, 1.0, 1.0]).to(x.dtype)).cumprod(-1), T(2, 4)),
    sample("logcumsumexp", lambda f, x: x.logcumsumexp(1), T(2, 4)),
    sample("logcumsumexp", lambda f, x: x.logcumsumexp(0), T(4, 2, transposed=True)),
    sample("cummax", lambda f, x: x.cummax(1)[0], T(3, 5)),
    sample("cummin", lambda f, x: x.cummin(0)[0], T(5, 3)),
]
