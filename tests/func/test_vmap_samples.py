"""vmap over every sample of the registry walk, against the same call example by example: all arguments mapped, and one only."""

import numpy as np
import pytest

import lightwell as lw
from lightwell.func import vmap
from tests.ops.samples import every
from tests.ops.test_registry import IDS, SAMPLES, flat, numbers

B = 3
REFUSED = ("dynamic shape", "no room for the batch", "called random operation")  # what PyTorch's vmap refuses too


@pytest.fixture(autouse=True)
def poison(monkeypatch):
    """An example's own numbers are garbage: whatever looked at them would show."""
    monkeypatch.setattr("lightwell.func.example.POISON", True)


def batches(case):
    """B arrays of each spec, each drawn anew."""
    return [np.stack([np.asarray(spec.array(i + 50 * b)) for b in range(B)]) for i, spec in enumerate(case.specs)]


def outcome(f, *args):
    try:
        with np.errstate(all="ignore"):
            return f(*args), None
    except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError) as error:
        return None, error


def tensors_of(case):
    def call(*tensors):
        out = [t for t in flat(case.call(lw, *tensors)) if isinstance(t, lw.Tensor)]
        return tuple(out)

    return call


def check(case, in_dims):
    arrays = batches(case)
    args = [lw.from_numpy(np.array(a)) if d == 0 else lw.from_numpy(np.array(a[0])) for a, d in zip(arrays, in_dims)]
    call = tensors_of(case)
    rows, error = outcome(lambda: [call(*[t[b].clone() if d == 0 else t.clone() for t, d in zip(args, in_dims)]) for b in range(B)])
    if error is not None or not rows[0]:
        return "the call itself fails, or gives no tensors"
    if len({tuple(tuple(t.shape) for t in row) for row in rows}) > 1:
        return "shapes differ between the examples"
    made, error = outcome(vmap(call, in_dims=tuple(in_dims)), *args)
    if error is not None:
        if any(text in str(error) for text in REFUSED):
            return "refused"
        raise error
    for k, (whole, column) in enumerate(zip(made, zip(*rows))):
        expected = np.stack([numbers(t) for t in column])
        assert tuple(whole.shape) == expected.shape, f"output {k}: shape {tuple(whole.shape)}, expected {expected.shape}"
        assert whole.dtype == column[0].dtype, f"output {k}: {whole.dtype}, expected {column[0].dtype}"
        np.testing.assert_allclose(numbers(whole), expected, rtol=1e-9, atol=1e-10)
    return None


CASES = [(case, name) for case, name in zip(SAMPLES, IDS) if case.specs and all(s.dtype != "bfloat16" for s in case.specs)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", [c for c, _ in CASES], ids=[n for _, n in CASES])
def test_all_arguments_mapped(case):
    check(case, [0] * len(case.specs))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", [c for c, _ in CASES if len(c.specs) > 1], ids=[n for c, n in CASES if len(c.specs) > 1])
def test_one_argument_mapped(case):
    for at in range(len(case.specs)):
        check(case, [0 if i == at else None for i in range(len(case.specs))])


def test_most_samples_are_compared():
    told = [check(case, [0] * len(case.specs)) for case, _ in CASES[::7]]
    assert sum(t is None for t in told) > 0.85 * len(told)
    assert len(every()) == len(SAMPLES)
