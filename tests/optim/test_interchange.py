"""An optimizer's state, and a scheduler's, goes from PyTorch to lightwell and back through a file, and training goes on alike."""

import copy
import io
import warnings

import numpy as np
import pytest

import lightwell

torch = pytest.importorskip("torch")

OPTIMIZERS = {
    "SGD": dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": dict(lr=0.02, amsgrad=True),
    "AdamW": dict(lr=0.02, weight_decay=0.1),
    "NAdam": dict(lr=0.02),
    "RAdam": dict(lr=0.02),
    "Adamax": dict(lr=0.02),
    "Adagrad": dict(lr=0.05, lr_decay=0.1),
    "Adadelta": dict(lr=1.0),
    "RMSprop": dict(lr=0.02, momentum=0.5, centered=True),
    "Rprop": dict(lr=0.02),
    "ASGD": dict(lr=0.02, t0=3),
    "Adafactor": dict(lr=0.02),
    "LBFGS": dict(lr=0.5, max_iter=3, history_size=4),
}
SCHEDULERS = {
    "StepLR": dict(step_size=3, gamma=0.5),
    "MultiStepLR": dict(milestones=[2, 7]),
    "ExponentialLR": dict(gamma=0.9),
    "CosineAnnealingLR": dict(T_max=8),
    "CosineAnnealingWarmRestarts": dict(T_0=3),
    "OneCycleLR": dict(max_lr=0.1, total_steps=20),
    "CyclicLR": dict(base_lr=0.01, max_lr=0.1, step_size_up=4),
    "LinearLR": dict(total_iters=6),
    "PolynomialLR": dict(total_iters=9, power=2),
    "ConstantLR": dict(total_iters=5),
}


def build(lib, name, options):
    """A small net with fixed values, and its optimizer with two groups."""
    values = np.random.default_rng(0)
    net = lib.nn.Sequential(lib.nn.Linear(5, 7), lib.nn.Tanh(), lib.nn.Linear(7, 2))
    with lib.no_grad():
        for p in net.parameters():
            p.copy_(lib.tensor(values.standard_normal(tuple(p.shape)).astype("float32")))
    groups = (
        net.parameters() if name == "LBFGS" else [{"params": net[0].parameters(), "lr": options["lr"] / 2}, {"params": net[2].parameters()}]
    )
    return net, getattr(lib.optim, name)(groups, **options)


def train(lib, net, optimizer, steps, seed, scheduler=None):
    """The losses of some steps on random data."""
    data, losses = np.random.default_rng(seed), []
    for _ in range(steps):
        x = lib.tensor(data.standard_normal((6, 5)).astype("float32"))
        y = lib.tensor(data.standard_normal((6, 2)).astype("float32"))

        def closure():
            optimizer.zero_grad()
            loss = lib.nn.functional.mse_loss(net(x), y)
            loss.backward()
            return loss

        losses.append(optimizer.step(closure).item())
        if scheduler is not None:
            scheduler.step()
    return losses


def carry(state, source, target):
    """A state as the other library reads it from a file."""
    file = io.BytesIO()
    source.save(state, file)
    file.seek(0)
    return target.load(file)


def alike(a, b):
    """Two states with the same keys and numbers."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), (list(a), list(b))
        for key in a:
            alike(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for u, v in zip(a, b):
            alike(u, v)
    elif hasattr(a, "shape"):
        assert str(a.dtype) == str(b.dtype) and tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-4, atol=1e-6)
    elif isinstance(a, float):
        assert a == pytest.approx(b, rel=1e-6, abs=1e-12)
    else:
        assert a == b or (a is None) == (b is None)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("way", ["from", "to"])
def test_training_goes_on_with_the_others_state(name, way):
    source, target = (torch, lightwell) if way == "from" else (lightwell, torch)
    net, optimizer = build(source, name, OPTIMIZERS[name])
    train(source, net, optimizer, 4, seed=1)
    twin, other = build(target, name, OPTIMIZERS[name])
    twin.load_state_dict(carry(net.state_dict(), source, target))
    other.load_state_dict(carry(optimizer.state_dict(), source, target))
    alike(optimizer.state_dict(), other.state_dict())
    went_on = train(source, net, optimizer, 4, seed=2)
    np.testing.assert_allclose(train(target, twin, other, 4, seed=2), went_on, rtol=2e-4)
    alike(optimizer.state_dict(), other.state_dict())


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("way", ["from", "to"])
def test_schedules_go_on_with_the_others_state(name, way):
    source, target = (torch, lightwell) if way == "from" else (lightwell, torch)

    def pair(lib):
        net, optimizer = build(lib, "SGD", OPTIMIZERS["SGD"])
        return net, optimizer, getattr(lib.optim.lr_scheduler, name)(optimizer, **SCHEDULERS[name])

    net, optimizer, scheduler = pair(source)
    train(source, net, optimizer, 5, seed=1, scheduler=scheduler)
    twin, other, resumed = pair(target)
    state = copy.deepcopy(scheduler.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        resumed.load_state_dict(carry(state, source, target))
    twin.load_state_dict(carry(net.state_dict(), source, target))
    other.load_state_dict(carry(optimizer.state_dict(), source, target))
    assert resumed.get_last_lr() == pytest.approx(scheduler.get_last_lr())
    train(source, net, optimizer, 5, seed=2, scheduler=scheduler)
    train(target, twin, other, 5, seed=2, scheduler=resumed)
    assert resumed.get_last_lr() == pytest.approx(scheduler.get_last_lr())
    ours, theirs = set(resumed.state_dict()), set(scheduler.state_dict())
    assert ours == theirs
