"""Samples of triangles."""

from tests.ops.samples import T, sample

SAMPLES = [
    sample("tril", lambda f, x: x.tril(), T(3, 4)),
    sample("tril", lambda f, x: f.tril(x, -1), T(2, 3, 3)),
    sample("triu", lambda f, x: x.triu(), T(3, 4, transposed=True)),
    sample("triu", lambda f, x: f.triu(x, 1), T(3, 3)),
]
