"""Samples of counts."""

from tests.ops.samples import T, sample

SAMPLES = [
    sample("bincount", lambda f, x: (x.abs() * 3).long().reshape(-1).bincount(), T(3, 4), nondiff=True),
    sample("bincount_weighted", lambda f, x: (x.abs() * 3).long().bincount(x.double()), T(7), nondiff=True, vary=False),
    sample("histogram", lambda f, x: x.histc(5, -1, 1), T(20), nondiff=True),
]
