"""The benchmarks' training steps, at sizes small enough for a test: they run on lightwell and give the losses of PyTorch and JAX."""

import math

import pytest

import lightwell
from benchmarks import workloads


def losses(run):
    """The first three losses of a step."""
    return [float(run().item()) for _ in range(3)]


def prepared(module, row, quiet=False):
    """A row's step on its own batch."""
    training = workloads.build(module, row, tiny=True, quiet=quiet)
    return lambda: training.step(training.x, training.y)


@pytest.mark.parametrize("row", workloads.ROWS)
def test_step_trains(row):
    training = workloads.build(lightwell, row, tiny=True)
    before = {name: value.detach().clone() for name, value in training.net.state_dict().items()}
    loss = training.step(training.x, training.y)
    assert loss.shape == () and math.isfinite(loss.item())
    after = training.net.state_dict()
    assert list(after) == list(before)
    for name, parameter in training.net.named_parameters():
        if parameter.ndim > 1:  # the gradient of a bias ahead of a batch norm is nought but rounding
            assert not lightwell.equal(after[name], before[name]), name
        assert bool(lightwell.isfinite(parameter).all()), name


@pytest.mark.parametrize("row", workloads.ROWS)
def test_losses_are_pytorchs(row):
    torch = pytest.importorskip("torch")
    assert losses(prepared(lightwell, row)) == pytest.approx(losses(prepared(torch, row)), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("row", workloads.ROWS)
def test_losses_are_jaxs(row):
    pytest.importorskip("jax")
    from benchmarks import peers

    assert losses(prepared(lightwell, row, quiet=True)) == pytest.approx(losses(peers.build(row, tiny=True, quiet=True)), rel=1e-3)


@pytest.mark.parametrize("row", [name for name, row in workloads.ROWS.items() if row.random])
def test_quiet_drops_nothing(row):
    """Two quiet steps of the same numbers give the same losses though the random stream is elsewhere."""
    first = prepared(lightwell, row, quiet=True)
    wanted = losses(first)
    second = prepared(lightwell, row, quiet=True)
    lightwell.manual_seed(99)
    assert losses(second) == wanted
    assert losses(prepared(lightwell, row)) != wanted
