"""torch.signal.windows against PyTorch's, for every window, length and dtype."""

import inspect

import numpy as np
import pytest

import lightwell as lw

torch = pytest.importorskip("torch")

SETTINGS = {
    "exponential": ({}, {"tau": 3.0}), "gaussian": ({}, {"std": 0.9}), "kaiser": ({}, {"beta": 5.0}, {"beta": 0.0}),
    "general_cosine": ({"a": [0.46, 0.23, 0.31]},), "general_hamming": ({}, {"alpha": 0.3}),
}  # fmt: skip


@pytest.mark.parametrize("name", lw.signal.windows.__all__)
def test_values(name):
    ours, theirs = getattr(lw.signal.windows, name), getattr(torch.signal.windows, name)
    assert [(p.name, p.kind) for p in inspect.signature(ours).parameters.values()] == [
        (p.name, p.kind) for p in inspect.signature(theirs).parameters.values()
    ]
    for settings in SETTINGS.get(name, ({},)):
        for M in (0, 1, 2, 3, 8, 21):
            for sym in (True, False):
                for dtype in ("float32", "float64"):
                    a = ours(M, sym=sym, dtype=getattr(lw, dtype), **settings)
                    b = theirs(M, sym=sym, dtype=getattr(torch, dtype), **settings)
                    assert str(a.dtype) == str(b.dtype)
                    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-5 if dtype == "float32" else 1e-12, atol=1e-6)
    assert ours(4, requires_grad=True, **SETTINGS.get(name, ({},))[0]).requires_grad


def test_a_center_of_its_own():
    ours = lw.signal.windows.exponential(7, center=2.0, sym=False)
    np.testing.assert_allclose(ours.numpy(), torch.signal.windows.exponential(7, center=2.0, sym=False).numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    "name, M, settings",
    [
        ("cosine", -1, {}), ("cosine", 3, {"dtype": "float16"}), ("exponential", 3, {"tau": 0}), ("exponential", 3, {"center": 1.0}),
        ("gaussian", 3, {"std": -1}), ("kaiser", 3, {"beta": -1}), ("general_cosine", 3, {"a": []}), ("general_cosine", 3, {"a": 3}),
    ],
)  # fmt: skip
def test_errors(name, M, settings):
    raised = []
    for library in (lw, torch):
        given = {k: getattr(library, v) if k == "dtype" else v for k, v in settings.items()}
        with pytest.raises((ValueError, TypeError)) as error:
            getattr(library.signal.windows, name)(M, **given)
        raised.append((error.type, str(error.value)))
    assert raised[0] == raised[1]
