"""Compiled layers: forward and backward of every layer on random options are those of the layer itself; whole training steps too."""

import copy
import zlib

import numpy as np
import pytest

pytest.importorskip("torch")  # the layers' options are drawn where they are compared with PyTorch's

import lightwell as lw
from lightwell.compile import compile
from tests.compile.same import check, compiled_whole, flat
from tests.compile.steps import STEPS
from tests.nn import differential
from tests.nn.test_differential_layers import FAMILIES

# Layers that look at numbers, with some options or with all.
LOOKING = {
    "AdaptiveLogSoftmaxWithLoss": "sorts the examples into clusters",
    "BatchNorm1d": "momentum=None divides by the number of batches, which Python reads",
    "BatchNorm2d": "momentum=None divides by the number of batches, which Python reads",
    "BatchNorm3d": "momentum=None divides by the number of batches, which Python reads",
    "CTCLoss": "lengths are numbers of tensors",
    "Embedding": "max_norm and scale_grad_by_freq look for the rows that are used",
    "EmbeddingBag": "offsets, max_norm and scale_grad_by_freq are looked at",
    "MaxUnpool1d": "indices are looked at: is one there twice?",
    "MaxUnpool2d": "indices are looked at: is one there twice?",
    "MaxUnpool3d": "indices are looked at: is one there twice?",
    "MultiLabelMarginLoss": "the labels' number differs from row to row",
    "LSTM": "packed sequences have lengths", "GRU": "packed sequences have lengths", "RNN": "packed sequences have lengths",
}  # fmt: skip


@pytest.fixture(autouse=True, params=["interpreter", "native"])
def engine(request, monkeypatch):
    if request.param == "interpreter":
        monkeypatch.setenv("LIGHTWELL_NATIVE", "0")
    else:
        pytest.importorskip("llvmlite")
        monkeypatch.delenv("LIGHTWELL_NATIVE", raising=False)
    return request.param


def run(case, layer, dtype):
    lw.manual_seed(3)
    return differential.run(lw, case, layer, dtype)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_layer(name, engine):
    make, *args = FAMILIES[name]
    tried = 0
    for k in range(16):
        case = make(np.random.default_rng(zlib.crc32(name.encode()) + k), *args)
        dtype = ("float64", "float32")[k % 2]
        if case.name == "Identity" or case.options.get("inplace") or tried == (3 if engine == "interpreter" else 1):
            continue  # in place on an argument that others have computed: eager, see test_capture.py
        with compiled_whole(refusals=True):
            try:
                layer = getattr(lw.nn, case.name)(**differential.options_for(lw, case.options)).to(getattr(lw, dtype))
                getattr(layer, case.mode)()
                compiled = compile(copy.deepcopy(layer))
                expected = run(case, layer, dtype)
            except (RuntimeError, ValueError, AssertionError):
                continue  # options that don't go together
        tried += 1
        with compiled_whole(refusals=name in LOOKING):
            found = run(case, compiled, dtype)
        for part, (a, b) in enumerate(zip(found, expected)):
            a, b = [list(v.values()) if isinstance(v, dict) else flat(v) for v in (a, b)]
            assert len(a) == len(b)
            scale = max([float(t.detach().abs().max()) for t in b if t is not None and t.numel() and t.is_floating_point()], default=0.0)
            for i, (x, y) in enumerate(zip(a, b)):
                if part == 2 and (x is None) != (y is None):
                    assert not (x if y is None else y).any()  # a gradient of zeros, or none
                    continue
                check(x, y, f"{case}: part {part}, {i}", 100, scale if part else 0.0)
    assert tried or name == "Identity" or make.__name__ == "stacked", "no options were tried"


@pytest.mark.parametrize("name", sorted(STEPS))
def test_training_step(name):
    step, batches, net = STEPS[name](lw)
    expected = [step(*b).item() for b in batches * 2]
    states = [t.detach().clone() for t in (*net.parameters(), *net.buffers())]
    stream = lw.rand(2)
    step, batches, net = STEPS[name](lw)
    compiled = compile(step)
    with compiled_whole():
        found = [compiled(*b).item() for b in batches * 2]
    np.testing.assert_allclose(found, expected, 2e-5)
    assert lw.equal(lw.rand(2), stream)
    for i, (a, b) in enumerate(zip((*net.parameters(), *net.buffers()), states)):
        check(a.detach(), b, f"{name}, state {i}", 500)
    assert compiled.compiled.count <= 2  # an optimizer's first step begins its states
