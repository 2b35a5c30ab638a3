"""Sobol's sequences, bit for bit as PyTorch draws them."""

import numpy as np
import pytest

import lightwell as lw


def test_one_dimension():
    engine = lw.quasirandom.SobolEngine(1)
    assert engine.draw_base2(3).flatten().tolist() == [0.0, 0.5, 0.75, 0.25, 0.375, 0.875, 0.625, 0.125]
    assert repr(engine) == "SobolEngine(dimension=1)"
    with pytest.raises(ValueError, match="power of 2"):
        engine.draw_base2(1)
    for dimension in (0, 21202):
        with pytest.raises(ValueError, match="dimensionality"):
            lw.quasirandom.SobolEngine(dimension)


@pytest.mark.parametrize("dimension", [1, 2, 7, 40])
@pytest.mark.parametrize("settings", [{}, {"scramble": True, "seed": 3}])
def test_as_pytorch_draws(dimension, settings):
    torch = pytest.importorskip("torch")
    pytest.importorskip("scipy")
    ours, theirs = (m.quasirandom.SobolEngine(dimension, **settings) for m in (lw, torch))
    np.testing.assert_array_equal(ours.sobolstate.numpy(), theirs.sobolstate.numpy())
    np.testing.assert_array_equal(ours.shift.numpy(), theirs.shift.numpy())
    for step in (1, 1, 6, "forward", 9, "double", "reset", "forward", 4, "reset", 5):
        if step == "forward":
            ours.fast_forward(11), theirs.fast_forward(11)
        elif step == "reset":
            assert ours.reset() is ours and theirs.reset() is theirs
        elif step == "double":
            np.testing.assert_array_equal(ours.draw(3, dtype=lw.float64).numpy(), theirs.draw(3, dtype=torch.float64).numpy())
        else:
            np.testing.assert_array_equal(ours.draw(step).numpy(), theirs.draw(step).numpy())
    assert ours.num_generated == theirs.num_generated and repr(ours) == repr(theirs)
    out = lw.zeros(1)
    assert ours.draw(2, out=out) is out and out.shape == (2, dimension)


def test_the_default_generator_scrambles():
    torch = pytest.importorskip("torch")
    pytest.importorskip("scipy")
    lw.manual_seed(5), torch.manual_seed(5)
    np.testing.assert_array_equal(*(m.quasirandom.SobolEngine(3, scramble=True).draw(8).numpy() for m in (lw, torch)))
