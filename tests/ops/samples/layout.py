"""Samples of repeating, turning, diagonals and windows."""

from tests.ops.samples import T, sample

SAMPLES = [
    sample("repeat", lambda f, x: x.repeat(2, 3), T(3)),
    sample("repeat", lambda f, x: x.repeat(2, 1, 2), T(3, 4, transposed=True)),
    sample("repeat", lambda f, x: f.tile(x, (2,)), T()),
    sample("flip", lambda f, x: x.flip(0, 1), T(3, 4)),
    sample("flip", lambda f, x: x.flip(-1), T(3, 4, transposed=True)),
    sample("roll", lambda f, x: x.roll(2, 1), T(3, 4)),
    sample("roll", lambda f, x: x.roll(5), T(3, 4)),
    sample("roll", lambda f, x: f.roll(x, (1, -2), (0, 1)), T(3, 4, transposed=True)),
    sample("diagonal", lambda f, x: x.diagonal(), T(3, 4)),
    sample("diagonal", lambda f, x: x.diagonal(-1, 2, 0), T(3, 2, 4)),
    sample("diagonal", lambda f, x: x.diag(), T(4, 4)),
    sample("unfold", lambda f, x: x.unfold(0, 3, 1), T(5)),
    sample("unfold", lambda f, x: x.unfold(1, 2, 2), T(2, 5, 3)),
    sample("as_strided", lambda f, x: x.as_strided((2, 2), (1, 2), 1), T(3, 4), vary=False),
]
