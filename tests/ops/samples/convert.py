"""Samples of changes of dtype."""

from tests.ops.samples import T, sample

SAMPLES = [
    sample("to_copy", lambda f, x: x.to(f.float64, copy=True), T(3, 4), dtypes=False),
    sample("to_copy", lambda f, x: x.to(f.complex128), T(3)),
    sample("to_copy", lambda f, x: x.to(f.int32), T(3, 4), nondiff=True),
    sample("to_copy", lambda f, x: x.to(f.bool), T(0, 2), nondiff=True),
    sample("to_copy", lambda f, x: x.to(f.float64, copy=True), T(3, 4, transposed=True)),
]
