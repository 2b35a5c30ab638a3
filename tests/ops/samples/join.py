"""Samples of joining and taking apart."""

from tests.ops.samples import T, sample

SAMPLES = [
    sample("cat", lambda f, x, y: f.cat((x, y), 1), T(3, 2), T(3, 4, seed=1)),
    sample("cat", lambda f, x, y: f.cat((x, y, x)), T(3, 2, transposed=True), T(1, 2, seed=1)),
    sample("cat", lambda f, x, y: f.hstack((x, y)), T(3), T(0, seed=1)),
    sample("stack", lambda f, x, y: f.stack((x, y)), T(3, 2), T(3, 2, seed=1)),
    sample("stack", lambda f, x, y: f.stack((x, y), -1), T(3, 2, transposed=True), T(3, 2, seed=1)),
    sample("stack", lambda f, x, y: f.stack((x, y)), T(), T(seed=1)),
    sample("split", lambda f, x: x.split(2, 1), T(3, 5)),
    sample("split", lambda f, x: x.chunk(2)[1], T(3, 5)),
    sample("split_with_sizes", lambda f, x: x.split((1, 0, 4), 1), T(3, 5)),
    sample("unbind", lambda f, x: x.unbind(1), T(3, 4)),
    sample("unbind", lambda f, x: x.unbind()[1], T(3, 4, transposed=True)),
]
