"""Random inputs to measure on: parameters, aliases, tensors in odd places of memory."""

import pytest

import lightwell as lw
from lightwell.utils.benchmark.utils import fuzzer as fuzz


def test_fuzzed_inputs_obey_their_bounds_and_repeat():
    fuzzer = fuzz.Fuzzer(
        [
            fuzz.FuzzedParameter("k", 4, 64, "loguniform"),
            fuzz.FuzzedParameter("same", distribution={fuzz.ParameterAlias("k"): 0.5, 1: 0.5}),
            fuzz.FuzzedParameter("step", distribution={1: 0.5, 2: 0.5}),
        ],
        [[fuzz.FuzzedTensor("x", ("k", "same"), ("step", 1), min_elements=8, max_elements=900, probability_contiguous=0.3)]],
        constraints=[lambda k, **_: k % 2 == 0],
        seed=3,
    )
    first = list(fuzzer.take(8))
    for tensors, told, params in first:
        x = tensors["x"]
        assert x.shape == (params["k"], params["same"]) and 8 <= x.numel() <= 900 and params["k"] % 2 == 0
        assert told["x"]["numel"] == x.numel() and told["x"]["is_contiguous"] == x.is_contiguous()
    assert all(lw.equal(a[0]["x"], b[0]["x"]) for a, b in zip(first, fuzzer.take(8))) and 0 < fuzzer.rejection_rate < 1
    with pytest.raises(ValueError, match="twice"):
        fuzz.Fuzzer([fuzz.FuzzedParameter("x", 1, 2, "uniform")], [fuzz.FuzzedTensor("x", (1,))])
    with pytest.raises(ValueError, match="probabilities"):
        fuzz.FuzzedParameter("x", distribution={1: 0.2})
