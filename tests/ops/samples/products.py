"""Samples of products of vectors and matrices."""

from tests.ops.samples import T, sample

SAMPLES = [
    sample("mm", lambda f, x, y: x @ y, T(2, 3), T(3, 4)),
    sample("mm", lambda f, x, y: f.mm(x, y), T(2, 3, transposed=True), T(3, 2, transposed=True)),
    sample("mm", lambda f, x, y: f.mm(x, y), T(0, 3), T(3, 2)),
    sample("mm", lambda f, x, y: x @ y, T(2, 2, dtype="complex128"), T(2, 2, dtype="complex128")),
    sample("bmm", lambda f, x, y: f.bmm(x, y), T(2, 2, 3), T(2, 3, 2)),
    sample("bmm", lambda f, x, y: x @ y, T(2, 1, 2, 2), T(3, 2, 2)),
    sample("mv", lambda f, x, y: f.mv(x, y), T(2, 3), T(3)),
    sample("mv", lambda f, x, y: x @ y, T(3, 2, transposed=True), T(2)),
    sample("dot", lambda f, x, y: f.dot(x, y), T(4), T(4)),
    sample("dot", lambda f, x, y: x @ y, T(0), T(0)),
    sample("addmm", lambda f, c, a, b: f.addmm(c, a, b), T(2, 4), T(2, 3), T(3, 4)),
    sample("addmm", lambda f, c, a, b: f.addmm(c, a, b, beta=0.5, alpha=2), T(4), T(2, 3), T(3, 4), dtypes=False),
    sample("linear", lambda f, x, w, b: f.nn.functional.linear(x, w, b), T(2, 3), T(4, 3), T(4)),
    sample("mm", lambda f, x, w: f.nn.functional.linear(x, w), T(2, 2, 3), T(4, 3)),
]
