"""Native convolutions against NumPy's: random geometries in one to three dimensions, and layers as networks have them."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")
pytest.importorskip("scipy_openblas32")

from lightwell.backend.windows import outputs
from lightwell.compile import convolution, convolution_direct, convolution_parts, native
from lightwell.compile.convolution_parts import geometry

from .words import native_and_numpy

if not native.available():
    pytest.skip("no native code here", allow_module_level=True)


def check(word, *args):
    """The native result is NumPy's to rounding, relative to the scale of the result."""
    found = native_and_numpy(word, *args, same_bits=False)
    assert found is not None, f"no native code for {word}"
    (got,), (wanted,) = found
    tolerance = 1e-5 if wanted.dtype == np.float32 else 1e-12
    scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1e-30)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    np.testing.assert_allclose(got / scale, wanted / scale, rtol=tolerance, atol=tolerance)


def _three(rng, n, c, o, groups, space, kernel, stride, padding, dilation, dtype=np.float32, bias=True):
    """Check the convolution of this geometry, its adjoint and its weight's gradient."""
    out = outputs(space, kernel, stride, padding, dilation)
    x = rng.standard_normal((n, c, *space)).astype(dtype)
    w = rng.standard_normal((o, c // groups, *kernel)).astype(dtype)
    g = rng.standard_normal((n, o, *out)).astype(dtype)
    b = rng.standard_normal(o).astype(dtype) if bias else None
    a = rng.standard_normal(c).astype(dtype) if bias else None
    check("convolve", x, w, b, stride, padding, dilation, groups)
    check("convolve_adjoint", g, w, a, space, stride, padding, dilation, groups)
    check("convolve_weight", x, g, kernel, stride, padding, dilation, groups)


def _take(monkeypatch, way):
    """Let convolutions be computed in this way, wherever it is possible."""
    monkeypatch.setattr(convolution, "choose", lambda geo, word: way if way in convolution.possible(geo) else "columns")


def _geometry(rng, n):
    """A random geometry with at least one window."""
    while True:
        kernel = tuple(int(k) for k in rng.integers(1, 5 if n < 3 else 4, n))
        stride = tuple(int(s) for s in rng.choice([1, 1, 2, 3, 4], n))
        dilation = tuple(int(d) for d in rng.choice([1, 1, 1, 2, 3], n))
        padding = tuple(int(p) for p in rng.integers(0, 4, n))
        space = tuple(int(s) for s in rng.integers(1, (60, 25, 9)[n - 1], n))
        if all(m >= 1 for m in outputs(space, kernel, stride, padding, dilation)):
            return space, kernel, stride, padding, dilation


@pytest.mark.parametrize("way", ["columns", "across", "along"])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_random_geometries(n, seed, way, monkeypatch):
    _take(monkeypatch, way)
    rng = np.random.default_rng(100 * n + seed)
    groups = 1 if way == "across" else int(rng.choice([1, 1, 2, 3]))
    c, o = groups * int(rng.integers(1, 6)), groups * int(rng.integers(1, 40 if way == "across" else 14))
    dtype = np.float64 if seed % 2 else np.float32
    _three(rng, int(rng.integers(1, 7)), c, o, groups, *_geometry(rng, n), dtype, bool(rng.integers(2)))


LAYERS = {
    "lenet 1": (5, 1, 6, 1, (28, 28), (5, 5), (1, 1), (2, 2), (1, 1)),
    "lenet 2": (5, 6, 16, 1, (14, 14), (5, 5), (1, 1), (0, 0), (1, 1)),
    "resnet 1": (2, 1, 20, 1, (33, 31), (7, 7), (2, 2), (3, 3), (1, 1)),
    "resnet 3x3": (3, 16, 24, 1, (12, 12), (3, 3), (1, 1), (1, 1), (1, 1)),
    "resnet 3x3 small": (7, 20, 16, 1, (3, 3), (3, 3), (1, 1), (1, 1), (1, 1)),
    "resnet down": (3, 8, 12, 1, (12, 12), (3, 3), (2, 2), (1, 1), (1, 1)),
    "pointwise": (3, 8, 12, 1, (12, 12), (1, 1), (1, 1), (0, 0), (1, 1)),
    "pointwise down": (3, 8, 12, 1, (12, 13), (1, 1), (2, 2), (0, 0), (1, 1)),
    "transposed": (3, 8, 12, 1, (16, 16), (4, 4), (2, 2), (1, 1), (1, 1)),
    "depthwise": (3, 12, 12, 12, (14, 14), (3, 3), (1, 1), (1, 1), (1, 1)),
    "patches": (3, 3, 16, 1, (16, 16), (4, 4), (4, 4), (0, 0), (1, 1)),
    "one sample": (1, 4, 8, 1, (40, 40), (3, 3), (1, 1), (1, 1), (1, 1)),
    "one place": (9, 5, 7, 1, (4, 4), (4, 4), (1, 1), (0, 0), (1, 1)),
}


@pytest.mark.parametrize("way", ["chosen", *convolution.FORWARD])
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name, way, monkeypatch):
    if way != "chosen":
        _take(monkeypatch, way)
    _three(np.random.default_rng(1), *LAYERS[name])


@pytest.mark.parametrize("way", ["tiles 2", "tiles 4"])
@pytest.mark.parametrize("seed", range(5))
def test_tiles(way, seed, monkeypatch):
    _take(monkeypatch, way)
    rng = np.random.default_rng(seed)
    space, padding = tuple(int(s) for s in rng.integers(3, 30, 2)), tuple(int(p) for p in rng.integers(0, 3, 2))
    n, c, o = (int(v) for v in rng.integers(1, 40, 3))
    _three(rng, n % 9 + 1, c, o, 1, space, (3, 3), (1, 1), padding, (1, 1), np.float64 if seed == 4 else np.float32, bool(seed % 2))


@pytest.mark.parametrize("space", [(1, 1), (2, 2), (3, 3), (5, 2), (1, 4)])
def test_batch(space, monkeypatch):
    _take(monkeypatch, "batch")
    rng = np.random.default_rng(7)
    _three(rng, 19, 6, 150, 1, space, (3, 3), (1, 1), (1, 1), (1, 1))
    _three(rng, 3, 20, 5, 1, space, (3, 1), (1, 1), (2, 0), (2, 1), np.float64, bias=False)


def test_which_way():
    def chosen(name, word="forward"):
        n, c, o, groups, space, kernel, stride, padding, dilation = ALIKE[name]
        return convolution.choose(geometry(np.float32, n, c, o, groups, space, kernel, stride, padding, dilation), word)

    for name in ALIKE:
        assert chosen(name) == name.split(",")[0]
        assert chosen(name, "weight") == name.split(",")[0]


# way: a layer for which it is taken
ALIKE = {
    "along, few channels": (256, 1, 6, 1, (28, 28), (5, 5), (1, 1), (2, 2), (1, 1)),
    "along, depthwise": (32, 64, 64, 64, (28, 28), (3, 3), (1, 1), (1, 1), (1, 1)),
    "across": (256, 6, 16, 1, (14, 14), (5, 5), (1, 1), (0, 0), (1, 1)),
    "tiles 4": (32, 64, 64, 1, (24, 24), (3, 3), (1, 1), (1, 1), (1, 1)),
    "tiles 2": (32, 256, 256, 1, (6, 6), (3, 3), (1, 1), (1, 1), (1, 1)),
    "batch": (32, 512, 512, 1, (3, 3), (3, 3), (1, 1), (1, 1), (1, 1)),
    "columns, pointwise": (32, 64, 64, 1, (24, 24), (1, 1), (1, 1), (0, 0), (1, 1)),
    "columns, many rows": (32, 256, 512, 1, (6, 6), (3, 3), (2, 2), (1, 1), (1, 1)),
}


@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize("way", convolution.FORWARD)
def test_narrow_vectors(size, way, monkeypatch):
    # As processors without AVX-512 have them.
    _take(monkeypatch, way)
    for module in (convolution, convolution_parts, convolution_direct):
        monkeypatch.setattr(module, "register_bytes", lambda: size)
    rng = np.random.default_rng(8)
    for dtype in (np.float32, np.float64):
        _three(rng, 3, 5, 11, 1, (9, 10), (3, 3), (1, 1), (1, 1), (1, 1), dtype)
        _three(rng, 3, 5, 11, 1, (9, 10), (3, 3), (2, 2), (1, 1), (1, 1), dtype)
        _three(rng, 20, 5, 11, 1, (3, 3), (3, 3), (1, 1), (1, 1), (1, 1), dtype)


def test_bias_none():
    _three(np.random.default_rng(2), *LAYERS["resnet 3x3"], bias=False)


def test_more_than_one_piece(monkeypatch):
    # Pieces of a few rows, as large images have them.
    from lightwell.compile import convolution_columns

    _take(monkeypatch, "columns")
    monkeypatch.setattr(convolution_columns, "CHUNK", 3000)
    monkeypatch.setattr(convolution_columns, "WINDOWS", 1)
    rng = np.random.default_rng(3)
    _three(rng, 3, 3, 4, 1, (19, 23), (3, 2), (1, 2), (1, 0), (2, 1))
    _three(rng, 7, 3, 4, 1, (5, 7), (3, 2), (1, 2), (1, 0), (1, 1))
    _three(rng, 2, 2, 4, 2, (5, 6, 7), (3, 2, 2), (1, 2, 1), (1, 0, 1), (1, 1, 1), np.float64)


def test_what_is_left_to_numpy():
    empty = np.empty((0, 2, 5, 5), np.float32)
    w = np.ones((3, 2, 2, 2), np.float32)
    assert native_and_numpy("convolve", empty, w, None, (1, 1), (0, 0), (1, 1), 1) is None
    x = np.ones((2, 2, 5, 5), np.float16)
    assert native_and_numpy("convolve", x, w.astype(np.float16), None, (1, 1), (0, 0), (1, 1), 1) is None


def test_infinities_and_nans_stay_where_they_are():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((2, 3, 12, 12)).astype(np.float32)
    x[0, 1, 3, 4], x[1, 2, 11, 11] = np.nan, np.inf
    w = rng.standard_normal((4, 3, 5, 5)).astype(np.float32)
    with np.errstate(invalid="ignore"):
        (got,), (wanted,) = native_and_numpy("convolve", x, w, None, (1, 1), (2, 2), (1, 1), 1, threads=(2,))
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    np.testing.assert_array_equal(np.isposinf(got), np.isposinf(wanted))
    finite = np.isfinite(wanted)
    assert 0 < finite.sum() < finite.size
    np.testing.assert_allclose(got[finite], wanted[finite], 1e-4, 1e-4)
