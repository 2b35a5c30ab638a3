"""The random streams by native code: NumPy's numbers to the bit, and NumPy's state behind them, wherever a draw begins and ends."""

import numpy as np
import pytest

from lightwell.random import draws, engine

pytest.importorskip("llvmlite")

from lightwell.compile import streams

SKIPS = (0, 1, 5, 622, 623, 624, 625, 1001, 1248)
SIZES = (1, 15, 16, 17, 311, 312, 313, 623, 624, 625, 1248, 4999, 5616, 5617, 20001)


@pytest.fixture(autouse=True)
def by_numpy(monkeypatch):
    """What draws.py does in these tests, it does by NumPy."""
    monkeypatch.setenv("LIGHTWELL_NATIVE", "0")
    monkeypatch.setattr(streams, "_usable", True)


def agree(native, plain, skip, seed=3):
    """Both give the same bits from the same place of the stream, and leave the generator in the same state."""
    one, two = engine.Generator().manual_seed(seed), engine.Generator().manual_seed(seed)
    one.words(skip), two.words(skip)
    got, want = native(one), plain(two)
    assert got is not None and got.dtype == want.dtype and got.shape == want.shape
    assert got.tobytes() == want.tobytes()
    assert one._get_state_array().tobytes() == two._get_state_array().tobytes()
    assert one.words(700).tobytes() == two.words(700).tobytes()


@pytest.mark.parametrize("skip", SKIPS)
def test_words(skip):
    for n in SIZES:
        agree(lambda g: streams.draw(g, "words", n, np.uint32), lambda g: g.words(n), skip)
        agree(lambda g: streams.draw(g, "words64", n, np.uint64), lambda g: g.words64(n), skip)
        agree(lambda g: streams.draw(g, "masked", n, np.uint64), lambda g: g.masked53(n), skip)


@pytest.mark.parametrize("skip", SKIPS)
def test_uniform(skip):
    for n in SIZES:
        for dtype in (np.float32, np.float64):
            for bounds in ((0.0, 1.0), (-0.3, 0.7), (2.0, 2.0), (0.0, 1e-30)):
                agree(lambda g: streams.uniform(g, n, dtype, *bounds), lambda g: draws.uniform(g, n, dtype, *bounds), skip)


def test_uniform_reaches_no_upper_bound():
    low, high = 1.0, float(np.nextafter(np.float32(1), np.float32(2)))
    agree(lambda g: streams.uniform(g, (50, 40), np.float32, low, high), lambda g: draws.uniform(g, (50, 40), np.float32, low, high), 0)


@pytest.mark.parametrize("skip", SKIPS)
def test_bernoulli(skip):
    for n in SIZES:
        agree(lambda g: streams.bernoulli(g, 0.3, n), lambda g: draws.bernoulli(g, 0.3, n), skip)


@pytest.mark.parametrize("dtype", "bool uint8 int16 int64 float16 bfloat16 float32 float64".split())
def test_bernoulli_of_every_type(dtype):
    import ml_dtypes

    dtype = np.dtype(getattr(ml_dtypes, dtype, dtype))
    for p in (0, 1, 0.5, 1e-12, 1 - 2.0**-53, 0.1):
        agree(lambda g: streams.bernoulli(g, p, (7, 181), dtype), lambda g: draws.bernoulli(g, p, (7, 181), dtype), 9)


@pytest.mark.parametrize("skip", SKIPS)
def test_normal(skip):
    for n in SIZES[2:]:
        for mean, std in ((0, 1), (0, 0.02), (1.5, 2), (3, 0), (0, 1e-42)):
            agree(lambda g: streams.normal(g, n, np.float32, mean, std), lambda g: draws.normal(g, n, np.float32, mean, std), skip)


def test_many_normals_on_several_threads():
    agree(lambda g: streams.normal(g, (300, 500)), lambda g: draws.normal(g, (300, 500)), 11)


def test_what_native_code_leaves_to_numpy():
    g = engine.Generator().manual_seed(1)
    before = g._get_state_array().tobytes()
    assert streams.normal(g, 15) is None and streams.normal(g, 100, np.float64) is None
    assert streams.uniform(g, 10, np.float16) is None
    assert streams.bernoulli(g, np.full(5, 0.5), (5,)) is None
    assert g._get_state_array().tobytes() == before
    assert streams.uniform(g, (0, 4)).shape == (0, 4) and g._get_state_array().tobytes() == before


def test_draws_use_it_for_many_numbers(monkeypatch):
    calls = []
    monkeypatch.setattr(engine, "_streams", None)
    monkeypatch.setattr(streams, "draw", lambda *args: calls.append(args[1]))
    draws.bernoulli(engine.Generator().manual_seed(0), 0.5, 5000)
    assert not calls
    monkeypatch.setenv("LIGHTWELL_NATIVE", "1")
    draws.bernoulli(engine.Generator().manual_seed(0), 0.5, 100)
    assert not calls
    monkeypatch.undo()
    monkeypatch.setattr(engine, "_streams", streams)
    seen = []
    made = streams.draw
    monkeypatch.setattr(streams, "draw", lambda *args: seen.append(args[1]) or made(*args))
    g = engine.Generator().manual_seed(0)
    draws.bernoulli(g, 0.5, 5000), draws.uniform(g, 5000), draws.normal(g, 5000), g.doubles(5000), g.words(5000), g.words64(5000)
    assert seen[:3] == ["mask", "floats", "floats"] and seen[-3:] == ["doubles", "words", "words64"]


def test_llvm_is_loaded_only_when_much_is_drawn():
    import os
    import subprocess
    import sys

    code = (
        "import sys, lightwell as torch; torch.rand(100000); torch.randn(50000); print('llvmlite' in sys.modules);"
        "from lightwell.random import engine; engine._ENOUGH = 0; torch.rand(5000); print('llvmlite' in sys.modules)"
    )
    env = {**os.environ, "LIGHTWELL_NATIVE": "1"}
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert made.stdout.split() == ["False", "True"]
