"""Samples of writing in place: on copies, so that the call leaves its inputs as they were."""

from tests.ops.samples import T, sample


def _through_a_view(f, x, y):
    z = x.clone()
    z[1:].mul_(y)
    return z


def _copy(f, x, y):
    return x.clone().copy_(y)


def _window(f, x, y):
    z = x.clone()
    z.t()[0].copy_(y)
    return z * z


SAMPLES = [
    sample("copy_slices", _through_a_view, T(3, 4), T(4)),
    sample("copy_slices", _window, T(3, 4), T(3)),
    sample("copy", _copy, T(3, 4), T(4)),
    sample("copy", _copy, T(2, 2), T()),
    sample("as_strided", lambda f, x: x.as_strided((2, 2), (1, 2), 1), T(3, 2), vary=False),
    sample("as_strided", lambda f, x: x.as_strided((3, 2), (1, 1)), T(6), vary=False),
    sample("strided_add", lambda f, x: x.as_strided((3, 2), (1, 1)) ** 3, T(6), vary=False),
]
