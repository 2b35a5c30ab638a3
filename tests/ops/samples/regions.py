"""Samples of regions resampled to a grid."""

import numpy as np

from tests.ops.samples import T, sample

OPTIONS = {"dtypes": False, "vary": False}


def _plans():
    """Three regions of two pictures (5, 6), two of them overlapping."""
    draw = np.random.RandomState(0)
    places = [(0, 0, 2, 1, 3), (0, 1, 4, 0, 6), (1, 3, 2, 2, 2)]
    return [(image, top, draw.rand(2, h), left, draw.rand(3, w)) for image, top, h, left, w in places]


def _resample(f, x):
    if f.__name__ == "torch":
        parts = [f.from_numpy(r) @ x[n, :, t : t + r.shape[1], c0 : c0 + c.shape[1]] @ f.from_numpy(c).T for n, t, r, c0, c in _plans()]
        return f.stack(parts)
    from lightwell.ops.regions import region_resample_

    return region_resample_(x, _plans(), (2, 3))


def _spread(f, x):
    if f.__name__ == "torch":
        out = f.zeros(2, 2, 5, 6, dtype=x.dtype)
        for k, (n, t, r, c0, c) in enumerate(_plans()):
            out[n, :, t : t + r.shape[1], c0 : c0 + c.shape[1]] += f.from_numpy(r).T @ x[k] @ f.from_numpy(c)
        return out
    from lightwell.ops.regions import region_spread_

    return region_spread_(x, _plans(), (2, 2, 5, 6))


SAMPLES = [
    sample("region_resample", _resample, T(2, 2, 5, 6), **OPTIONS),
    sample("region_spread", _spread, T(3, 2, 2, 3), **OPTIONS),
]
