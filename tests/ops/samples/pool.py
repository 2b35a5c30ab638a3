"""Samples of pooling, resampling and padding."""

from tests.ops.samples import T, sample
from tests.ops.samples.conv import F

OPTIONS = {"dtypes": False, "vary": False}


def _pool(name, call, *specs):
    return sample(name, call, *specs, **OPTIONS)


def _record(name, ours, theirs):
    """A sample of a record that PyTorch has no public name for."""

    def call(f, x):
        from lightwell.ops import pool

        return theirs(f, x) if f.__name__ == "torch" else ours(pool, x)

    return call


def _index(f, x):
    """Places (2, 2, 3) in a space of 8."""
    return f.tensor([[[0, 3, 7], [1, 1, 5]], [[2, 6, 4], [7, 0, 3]]])


SAMPLES = [
    _pool("max_pool2d", lambda f, x: F(f).max_pool2d(x, 2), T(2, 2, 4, 6)),
    _pool("max_pool2d", lambda f, x: F(f).max_pool2d(x, 3, 2, 1, ceil_mode=True), T(2, 1, 6, 5)),
    _pool("max_pool2d", lambda f, x: F(f).max_pool1d(x, 2, 1, dilation=2), T(2, 2, 6)),
    _pool("max_pool3d", lambda f, x: F(f).max_pool3d(x, 2, 1), T(1, 2, 3, 3, 3)),
    _pool("max_pool2d_with_indices", lambda f, x: F(f).max_pool2d(x, 3, 1, 1, return_indices=True)[0], T(2, 2, 4, 5)),
    _pool("max_pool3d_with_indices", lambda f, x: F(f).max_pool3d(x, 2, return_indices=True)[0], T(1, 2, 4, 4, 4)),
    _pool("avg_pool2d", lambda f, x: F(f).avg_pool2d(x, 2), T(2, 2, 4, 6)),
    _pool("avg_pool2d", lambda f, x: F(f).avg_pool2d(x, 3, 2, 1, True, False), T(2, 1, 6, 5)),
    _pool("avg_pool3d", lambda f, x: F(f).avg_pool3d(x, 2, 1, 1, divisor_override=3), T(1, 2, 3, 3, 3)),
    _pool("adaptive_avg_pool2d", lambda f, x: F(f).adaptive_avg_pool2d(x, (2, 3)), T(2, 2, 5, 4)),
    _pool("adaptive_avg_pool3d", lambda f, x: F(f).adaptive_avg_pool3d(x, 2), T(1, 2, 3, 4, 5)),
    _pool("adaptive_max_pool2d", lambda f, x: F(f).adaptive_max_pool2d(x, (2, 3)), T(2, 2, 5, 4)),
    _pool("adaptive_max_pool3d", lambda f, x: F(f).adaptive_max_pool3d(x, 2), T(1, 2, 3, 4, 5)),
    _pool(
        "fractional_max_pool2d",
        lambda f, x: F(f).fractional_max_pool2d(x, 2, 3, _random_samples=f.full((1, 2, 2), 0.3, dtype=x.dtype)),
        T(1, 2, 6, 7),
    ),
    _pool(
        "fractional_max_pool3d",
        lambda f, x: F(f).fractional_max_pool3d(x, 2, 2, _random_samples=f.full((1, 2, 3), 0.6, dtype=x.dtype)),
        T(1, 2, 4, 5, 4),
    ),
    _pool("max_unpool2d", lambda f, x: F(f).max_unpool2d(x, f.tensor([[[[0, 2], [9, 15]]]]), 2), T(1, 1, 2, 2)),
    _pool("max_unpool3d", lambda f, x: F(f).max_unpool3d(x, f.tensor([[[[[0, 3], [5, 7]]]]]), (2, 1, 1)), T(1, 1, 1, 2, 2)),
    _pool(
        "pool_take",
        _record("pool_take", lambda p, x: p.pool_take_(x, _index(_lw(), x)), lambda f, x: x.flatten(2).gather(2, _index(f, x))),
        T(2, 2, 2, 4),
    ),
    _pool(
        "unpool",
        _record(
            "unpool",
            lambda p, x: p.unpool_(x, _index(_lw(), x), (2, 4)),
            lambda f, x: f.zeros(2, 2, 8, dtype=x.dtype).scatter_add(2, _index(f, x), x).reshape(2, 2, 2, 4),
        ),
        T(2, 2, 3),
    ),
    _pool(
        "window_sum",
        _record(
            "window_sum",
            lambda p, x: p.window_sum_(x, (2, 2), (1, 2), (1, 0), (5, 2)),
            lambda f, x: f.nn.functional.avg_pool2d(x, 2, (1, 2), (1, 0), divisor_override=1),
        ),
        T(2, 1, 4, 5),
    ),
    _pool(
        "window_spread",
        _record(
            "window_spread",
            lambda p, x: p.window_spread_(x, (2, 2), (1, 1), (0, 0), (3, 4)),
            lambda f, x: f.nn.functional.conv_transpose2d(x, f.ones(1, 1, 2, 2, dtype=x.dtype)),
        ),
        T(2, 1, 2, 3),
    ),
    _pool(
        "max_pool_back",
        _record(
            "max_pool_back",
            lambda p, x: p.max_pool_back_(x, *_maxima(_lw()), (2, 2), (2, 2), (0, 0), (1, 1)),
            lambda f, x: f.nn.functional.max_unpool2d(x, f.tensor([[[[5, 7], [13, 15]]]]), 2),
        ),
        T(1, 1, 2, 2),
    ),
    _pool("constant_pad_nd", lambda f, x: F(f).pad(x, (1, -1, 0, 2), value=1.5), T(3, 4)),
    _pool("reflection_pad1d", lambda f, x: F(f).pad(x, (2, 1), "reflect"), T(2, 4)),
    _pool("reflection_pad2d", lambda f, x: F(f).pad(x, (2, 1, 1, 0), "reflect"), T(2, 3, 4)),
    _pool("reflection_pad3d", lambda f, x: F(f).pad(x, (1, 1, 1, 0, 2, 1), "reflect"), T(1, 3, 3, 3)),
    _pool("replication_pad1d", lambda f, x: F(f).pad(x, (2, 1), "replicate"), T(2, 4)),
    _pool("replication_pad2d", lambda f, x: F(f).pad(x, (2, 1, -1, 0), "replicate"), T(2, 3, 4)),
    _pool("replication_pad3d", lambda f, x: F(f).pad(x, (1, 1, 1, 0, 2, 1), "replicate"), T(1, 3, 3, 3)),
    _pool("circular_pad", lambda f, x: F(f).pad(x, (2, 1, 1, 0), "circular"), T(2, 3, 4)),
]  # fmt: skip

for _name, _mode, _shape in (
    ("upsample_nearest1d", "nearest", (1, 2, 4)), ("upsample_nearest2d", "nearest", (1, 2, 3, 4)),
    ("upsample_nearest3d", "nearest", (1, 1, 2, 3, 2)), ("upsample_nearest_exact1d", "nearest-exact", (1, 2, 4)),
    ("upsample_nearest_exact2d", "nearest-exact", (1, 2, 3, 4)), ("upsample_nearest_exact3d", "nearest-exact", (1, 1, 2, 3, 2)),
    ("upsample_linear1d", "linear", (1, 2, 4)), ("upsample_bilinear2d", "bilinear", (1, 2, 3, 4)),
    ("upsample_trilinear3d", "trilinear", (1, 1, 2, 3, 2)), ("upsample_bicubic2d", "bicubic", (1, 2, 3, 4)),
):  # fmt: skip
    SAMPLES.append(_pool(_name, lambda f, x, m=_mode: F(f).interpolate(x, scale_factor=1.7, mode=m), T(*_shape)))
for _mode in ("bilinear", "bicubic"):
    _call = lambda f, x, m=_mode: F(f).interpolate(x, (3, 4), mode=m, antialias=True)
    SAMPLES.append(_pool(f"upsample_{_mode}2d_aa", _call, T(1, 2, 7, 6)))


def _resampled_back(f, x):
    import numpy as np

    if f.__name__ == "torch":
        return f.stack((x[..., 0] + x[..., 2], 2 * x[..., 1]), -1)
    from lightwell.ops.pool import resample_adjoint_

    return resample_adjoint_(x, ((1, 2, np.array([[0, 1, 0]]), np.array([[1.0, 2.0, 1.0]])),))


SAMPLES.append(_pool("resample_adjoint", _resampled_back, T(2, 3)))


def _lw():
    import lightwell

    return lightwell


def _maxima(f):
    x = f.arange(16.0, dtype=f.float64).reshape(1, 1, 4, 4)
    return x, f.tensor([[[[5.0, 7.0], [13.0, 15.0]]]], dtype=f.float64)
