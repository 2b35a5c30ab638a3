"""Recurrent layers in native code, against NumPy's: every word, size, direction and missing argument."""

import numpy as np
import pytest

from lightwell.compile.graph import Graph
from lightwell.compile.infer import infer
from tests.compile.words import native_and_numpy

pytest.importorskip("llvmlite")

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
# Steps, batch, input and hidden features: tails of every kind, one of each, more than two vectors of columns.
SIZES = [
    (4, 5, 3, 7),
    (3, 37, 20, 19),
    (1, 1, 1, 1),
    (2, 16, 9, 33),
    (5, 70, 2, 4),
    (2, 3, 40, 24),
    (7, 1, 20, 37),
    (4, 1, 3, 300),
    (2, 1, 3, 48),
]


def layer(word, size, dtype, bias=True, seed=0):
    """The inputs of a layer."""
    steps, batch, inputs, hidden = size
    rng, rows = np.random.default_rng([seed, *size]), GATES[word] * hidden
    make = lambda *shape: rng.uniform(-1, 1, shape).astype(dtype)
    states = [make(batch, hidden) for _ in range(2 if word == "lstm" else 1)]
    w = [make(rows, inputs), make(rows, hidden) / np.sqrt(hidden).astype(dtype)]
    return [2 * make(steps, batch, inputs), *states, *w, *([make(rows), make(rows)] if bias else [None, None])]


def ahead(word, relu):
    """The arguments in front of all others."""
    return (relu,) if word == "rnn" else ()


def agree(found, dtype):
    """Native results are NumPy's up to rounding, relative to the largest number."""
    assert found is not None
    for got, want in zip(*found):
        if want is not None:
            scale = max(float(np.abs(want).max()), 1e-3)
            np.testing.assert_allclose(got, want, rtol=0, atol=scale * (1e-5 if dtype == np.float32 else 1e-13))


WORDS = [("rnn", False), ("rnn", True), ("gru", False), ("lstm", False)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("word, relu", WORDS)
def test_forward(word, relu, dtype):
    for i, size in enumerate(SIZES):
        inputs = layer(word, size, dtype, bias=i % 3 != 1)
        agree(native_and_numpy(word, *ahead(word, relu), *inputs, i % 2 == 1), dtype)


@pytest.mark.parametrize("word, relu", WORDS)
def test_results_that_nobody_uses(word, relu):
    inputs = layer(word, (3, 6, 4, 5), np.float32)
    count = {"rnn": 3, "gru": 5, "lstm": 7}[word]
    for unused in [range(1, count), [0], [i for i in range(count) if i != count - 1], range(3, count)]:
        for reverse in (False, True):
            agree(native_and_numpy(word, *ahead(word, relu), *inputs, reverse, unused=tuple(unused)), np.float32)


def gradients(word, relu, size, dtype, needed=None, bias=True, gy=True, reverse=False, **more):
    """Native gradients and NumPy's, from the values that NumPy kept."""
    from lightwell.backend import recurrent as R

    inputs = layer(word, size, dtype, bias)
    states = 2 if word == "lstm" else 1
    found = getattr(R, word)(*ahead(word, relu), *inputs, reverse)
    rng = np.random.default_rng(1)
    g = [rng.standard_normal(v.shape).astype(dtype) for v in found[: 1 + states]]
    if not gy:
        g[0] = None
    needed = tuple(v is not None for v in inputs) if needed is None else needed
    args = (*ahead(word, relu), needed, tuple(g), tuple(inputs), found[1 + states :], reverse)
    agree(native_and_numpy(word + "_back", *args, same_bits=False, **more), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("word, relu", WORDS)
def test_backward(word, relu, dtype):
    for i, size in enumerate(SIZES):
        gradients(word, relu, size, dtype, bias=i % 3 != 1, gy=i % 3 != 2, reverse=i % 2 == 1)


@pytest.mark.parametrize("word, relu", WORDS)
def test_gradients_one_at_a_time(word, relu):
    count = 7 if word == "lstm" else 6
    for i in range(count):
        gradients(word, relu, (3, 4, 5, 6), np.float32, needed=tuple(k == i for k in range(count)), gy=i % 2 == 0)
    gradients(word, relu, (3, 4, 5, 6), np.float32, unused=(0, 2))


@pytest.mark.parametrize("word, relu", WORDS)
def test_not_a_number_and_infinity_stay_in_their_sequence(word, relu):
    inputs = layer(word, (3, 20, 3, 5), np.float32)
    inputs[0][1, 2, 0] = np.nan
    inputs[0][0, 17, 1] = np.inf
    inputs[0][2, 19, 1] = -np.inf
    got, want = native_and_numpy(word, *ahead(word, relu), *inputs, False)
    for a, b in zip(got, want):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert np.isnan(got[0][1:, 2]).all() and not np.isnan(got[0][:, 3]).any()


def test_one_kernel_serves_every_length():
    from lightwell.compile import calls
    from lightwell.compile.nest import Call, Ref

    keys = set()
    for steps in (20, 70):
        shapes = [(steps, 4, 3), (4, 5), (5, 3), (5, 5), (5,), (5,)]
        outs = [(steps, 4, 5), (4, 5), (steps + 1, 5, 4)]
        call = Call("rnn", (False, *(Ref(i, s) for i, s in enumerate(shapes)), False), {}, [6, 7, 8])
        told = shapes + outs
        (kernel,) = calls.lower(call, lambda x, told=told: (told[x.buffer if isinstance(x, Ref) else x], np.dtype(np.float32)))
        keys.add(kernel.key)
        assert kernel.integers == [steps]
    assert len(keys) == 1


def test_what_has_no_native_code():
    mixed = layer("gru", (2, 3, 4, 5), np.float32)
    mixed[0] = mixed[0].astype(np.float64)
    assert native_and_numpy("gru", *mixed, False) is None
    half = [v.astype(np.float16) for v in layer("gru", (2, 3, 4, 5), np.float32)]
    outs = [np.zeros((2, 3, 5), np.float16)] * 5
    assert native_and_numpy("gru", *half, False, reference=outs) is None
    empty = layer("rnn", (0, 3, 4, 5), np.float32)
    assert native_and_numpy("rnn", False, *empty, False, reference=[np.zeros((0, 3, 5), np.float32)] * 3) is None


@pytest.mark.parametrize("word, relu", WORDS)
def test_shapes_are_known_without_computing(word, relu):
    from lightwell.backend import recurrent as R

    inputs = layer(word, (3, 4, 5, 6), np.float32)
    graph = Graph()
    values = [graph.input(v.shape, v.dtype) for v in inputs]
    found = getattr(R, word)(*ahead(word, relu), *inputs, False)
    told = infer(word, (*ahead(word, relu), *values, False), {})
    assert told[2] == tuple((v.shape, v.dtype) for v in found)
    needed = (True, False) * 4
    states = 2 if word == "lstm" else 1
    kept = tuple(graph.input(v.shape, v.dtype) for v in found[1 + states :])
    told = infer(word + "_back", (*ahead(word, relu), needed[: len(values)], tuple(values[: 1 + states]), tuple(values), kept, False), {})
    assert [p is not None for p in told[2]] == list(needed[: len(values)])


@pytest.mark.parametrize("had", [frozenset({"avx", "avx2", "fma"}), frozenset()])
def test_processors_with_shorter_vectors(had, monkeypatch):
    from lightwell.compile import native, recurrent_parts

    monkeypatch.setattr(recurrent_parts, "features", lambda: had)
    monkeypatch.setenv("LIGHTWELL_CACHE", "")  # objects are told apart by the processor, which has not changed
    monkeypatch.setattr(native, "_found", {})
    for word, relu in WORDS:
        for size in ((3, 13, 5, 11), (3, 1, 5, 21)):
            agree(native_and_numpy(word, *ahead(word, relu), *layer(word, size, np.float32), False, threads=(2,)), np.float32)
            gradients(word, relu, size, np.float32, threads=(2,))
