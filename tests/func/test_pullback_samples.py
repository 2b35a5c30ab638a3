"""vmap over the vjp of every sample of the registry walk, against one cotangent at a time: every backward rule on batches."""

import numpy as np
import pytest

import lightwell as lw
from lightwell.func import vjp, vmap
from tests.func.test_vmap_samples import outcome
from tests.ops.test_registry import IDS, SAMPLES, flat, numbers

CASES = [(c, n) for c, n in zip(SAMPLES, IDS) if not c.nondiff and c.specs and all(s.dtype != "bfloat16" for s in c.specs)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", [c for c, _ in CASES], ids=[n for _, n in CASES])
def test_cotangents_in_one_batch(case):
    arrays = [np.array(s.array(i)) for i, s in enumerate(case.specs)]
    places = [i for i, (a, s) in enumerate(zip(arrays, case.specs)) if a.dtype.kind in "fc" and s.grad]
    if not places:
        return

    def f(*some):
        full = [lw.from_numpy(a.copy()) for a in arrays]
        for i, t in zip(places, some):
            full[i] = t
        return tuple(t for t in flat(case.call(lw, *full)) if isinstance(t, lw.Tensor) and t.requires_grad)

    primals = [lw.from_numpy(arrays[i].copy()) for i in places]
    found, error = outcome(lambda: vjp(f, *primals))
    if error is not None or not found[0]:
        return
    y, back = found
    rng = np.random.default_rng(0)
    one = lambda t: rng.standard_normal((3, *t.shape))
    draw = lambda t: (one(t) + 1j * one(t) if t.is_complex() else one(t)).astype(t.numpy().dtype)
    cotangents = tuple(lw.from_numpy(np.asarray(draw(t))) for t in y)
    rows = [back(tuple(c[i] for c in cotangents)) for i in range(3)]
    for got, column in zip(vmap(lambda *c: back(c))(*cotangents), zip(*rows)):
        np.testing.assert_allclose(numbers(got), np.stack([numbers(t) for t in column]), rtol=1e-7, atol=1e-9)
