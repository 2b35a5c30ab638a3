"""Samples of extremes and their places."""

from tests.ops.samples import T, sample

SAMPLES = [
    sample("max_full", lambda f, x: x.max(), T(3, 4)),
    sample("max_full", lambda f, x: x.max(), T()),
    sample("min_full", lambda f, x: x.min(), T(3, 4, transposed=True)),
    sample("amax", lambda f, x: x.amax((0, 2)), T(2, 3, 4)),
    sample("amax", lambda f, x: x.amax(1, keepdim=True), T(3, 4, transposed=True)),
    sample("amin", lambda f, x: x.amin(-1), T(2, 3, 4)),
    sample("aminmax", lambda f, x: tuple(x.aminmax()), T(3, 4)),
    sample("aminmax", lambda f, x: tuple(x.aminmax(dim=0, keepdim=True)), T(3, 4)),
    sample("max_dim", lambda f, x: x.max(1)[0], T(3, 4)),
    sample("max_dim", lambda f, x: x.max(0, keepdim=True)[0], T(3, 4, transposed=True)),
    sample("max_dim", lambda f, x: x.max(0)[0], T()),
    sample("min_dim", lambda f, x: x.min(1)[0], T(2, 3, 4)),
    sample("argmax", lambda f, x: x.argmax(1), T(3, 4), nondiff=True),
    sample("argmin", lambda f, x: x.argmin(), T(3, 4), nondiff=True),
    sample("put_along", lambda f, x: x.sort(1)[0] * x, T(3, 4)),
    sample("pick", lambda f, x: x.topk(2, 0)[0] ** 2, T(3, 4)),
]
