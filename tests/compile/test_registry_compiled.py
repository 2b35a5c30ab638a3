"""The registry walk, compiled: every sample of every operation, as a function with its backward and as a step that differentiates.

By the interpreter of graphs all samples, by native code one of each operation. What a compiled function returns, and the gradients
behind it, are the function's own.
"""

import importlib
import pkgutil

import numpy as np
import pytest

import lightwell as lw
import lightwell.ops
from lightwell.compile import CompileWarning, compile
from tests.compile.same import check, compiled_whole, flat
from tests.ops.samples import every

for _module in pkgutil.iter_modules(lightwell.ops.__path__):  # some register their records at their first use
    importlib.import_module(f"lightwell.ops.{_module.name}")

# What can't be part of a program, and why. (record, number of the sample among the record's, or None for all)
REFUSED = {
    ("floor_divide", 1): "an integer divisor that is a tensor is looked at: is there a zero?",
    ("remainder", 1): "an integer divisor that is a tensor is looked at: is there a zero?",
    ("rrelu_with_noise", None): "as many random numbers are drawn as there are negative elements",
    ("masked_select", None): "the size of the result depends on the mask",
    ("masked_scatter", None): "the gradient's size depends on the mask",
    ("bincount", None): "the size of the result depends on the numbers",
    ("bincount_weighted", None): "the size of the result depends on the numbers",
}
BY_NAME: dict = {}
for _case in every():
    BY_NAME.setdefault(_case.name, []).append(_case)


def refused(name, k):
    return (name, k) in REFUSED or (name, None) in REFUSED


def tensors_of(case):
    out = []
    for i, spec in enumerate(case.specs):
        a = spec.array(i)
        t = lw.from_numpy(a.copy(order="K")) if a.dtype.num < 256 else lw.from_numpy(a.astype(np.float32)).bfloat16()
        out.append(t.requires_grad_() if spec.grad and not case.nondiff else t)
    return out


def loss_of(outs):
    """Σ of the results that carry a graph, by fixed weights; None where there is none."""
    rng, total = np.random.default_rng(5), None
    for o in outs:
        if isinstance(o, lw.Tensor):
            w = rng.standard_normal(tuple(o.shape))
            if o.requires_grad:
                o = lw.view_as_real(o).sum(-1) if o.is_complex() else o
                term = (o * lw.from_numpy(np.asarray(w)).to(o.dtype)).sum()
                total = term if total is None else total + term
    return total


def forward(case):
    return lambda *tensors: case.call(lw, *tensors)


def step(case):
    def f(*tensors):
        outs = flat(case.call(lw, *tensors))
        loss = loss_of(outs)
        if loss is not None:
            loss.backward()
        return [o.detach() for o in outs if isinstance(o, lw.Tensor)]

    return f


def results(f, case, differentiate):
    """What f returns, then the gradients of the inputs."""
    tensors = tensors_of(case)
    lw.manual_seed(3)
    outs = flat(f(*tensors))
    loss = loss_of(outs) if differentiate else None
    if loss is not None:
        loss.backward()
    return [o for o in outs if isinstance(o, lw.Tensor)] + [t.grad for t in tensors]


def compare(name, k, case, make, differentiate, calls=2):
    with compiled_whole(refusals=True):
        expected = results(make(case), case, differentiate)
    compiled = compile(make(case))
    with compiled_whole(refusals=refused(name, k)):
        for call in range(calls):
            found = results(compiled, case, differentiate)
            assert len(found) == len(expected)
            for i, (a, b) in enumerate(zip(found, expected)):
                check(a, b, f"{name}, sample {k}, call {call}, result {i}", loose=100 if "linalg" in name else 1)
    return compiled.compiled


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_interpreted(name, monkeypatch):
    monkeypatch.setenv("LIGHTWELL_NATIVE", "0")
    for k, case in enumerate(BY_NAME[name]):
        compare(name, k, case, forward, True)
        if not case.nondiff:
            compare(name, k, case, step, False)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_native(name, monkeypatch):
    pytest.importorskip("llvmlite")
    monkeypatch.delenv("LIGHTWELL_NATIVE", raising=False)
    k = next((k for k in range(len(BY_NAME[name])) if not refused(name, k)), None)
    if k is not None:
        compare(name, k, BY_NAME[name][k], step, False)


@pytest.mark.parametrize("name, k", sorted(REFUSED, key=str))
def test_refused_is_refused(name, k, monkeypatch):
    """What is on the list still needs to be."""
    monkeypatch.setenv("LIGHTWELL_NATIVE", "0")
    cases = BY_NAME[name] if k is None else [BY_NAME[name][k]]
    reasons = []
    for case in cases:
        with pytest.warns(CompileWarning):
            compiled = compile(step(case))
            compiled(*tensors_of(case))
        reasons += compiled.compiled.reasons
    assert reasons
