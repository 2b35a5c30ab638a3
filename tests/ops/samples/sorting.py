"""Samples of orders and ranks."""

from tests.ops.samples import T, sample

SAMPLES = [
    sample("sort", lambda f, x: x.sort()[0], T(3, 4)),
    sample("sort", lambda f, x: x.sort(0, True)[0], T(3, 4, transposed=True)),
    sample("sort", lambda f, x: x.sort()[0], T()),
    sample("topk", lambda f, x: x.topk(2, 1)[0], T(3, 5)),
    sample("topk", lambda f, x: x.topk(3, 0, largest=False)[0], T(5, 3)),
    sample("kthvalue", lambda f, x: x.kthvalue(2, 1)[0], T(3, 4)),
    sample("median", lambda f, x: x.median(), T(3, 3)),
    sample("median_dim", lambda f, x: x.median(1, keepdim=True)[0], T(3, 4)),
    sample("nanmedian", lambda f, x: x.nanmedian(), T(3, 3)),
    sample("nanmedian_dim", lambda f, x: x.nanmedian(0)[0], T(5, 3)),
    sample("mode", lambda f, x: x.mode(1)[0], T(3, 4)),
    sample("searchsorted", lambda f, x: f.searchsorted(x.sort()[0], x), T(3, 4), nondiff=True),
    sample("isin", lambda f, x: f.isin(x, x[0]), T(3, 4), nondiff=True),
]
