"""Schedules against PyTorch over thirty epochs: rates, momenta, checkpoints, resumption, warnings and mistakes."""

import numpy as np
import pytest

import lightwell.optim as O
from lightwell.tensor import wrap

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:Detected call of", "ignore:Seems like", "ignore:The epoch parameter")

CASES = {
    "lambda": lambda L, o: L.LambdaLR(o, [lambda e: 0.9**e, lambda e: 1 / (e + 1)]),
    "multiplicative": lambda L, o: L.MultiplicativeLR(o, lambda e: 0.95),
    "step": lambda L, o: L.StepLR(o, 4, gamma=0.3),
    "multistep": lambda L, o: L.MultiStepLR(o, [3, 3, 10], gamma=0.5),
    "constant": lambda L, o: L.ConstantLR(o, 0.25, total_iters=7),
    "linear": lambda L, o: L.LinearLR(o, 0.1, 0.8, total_iters=9),
    "exponential": lambda L, o: L.ExponentialLR(o, 0.9),
    "polynomial": lambda L, o: L.PolynomialLR(o, 12, power=1.5),
    "cosine": lambda L, o: L.CosineAnnealingLR(o, 7, eta_min=0.01),
    "restarts": lambda L, o: L.CosineAnnealingWarmRestarts(o, 3, 2, eta_min=0.01),
    "restarts even": lambda L, o: L.CosineAnnealingWarmRestarts(o, 5),
    "cyclic": lambda L, o: L.CyclicLR(o, 0.1, [0.5, 0.7], 4, 3),
    "cyclic2": lambda L, o: L.CyclicLR(o, 0.1, 0.5, 4, mode="triangular2", cycle_momentum=False),
    "cyclic exp": lambda L, o: L.CyclicLR(o, 0.1, 0.5, 4, mode="exp_range", gamma=0.9),
    "cyclic own": lambda L, o: L.CyclicLR(o, 0.1, 0.5, 4, scale_fn=lambda x: 1 / x, scale_mode="cycle"),
    "one cycle": lambda L, o: L.OneCycleLR(o, [0.5, 0.7], total_steps=31),
    "one cycle 3": lambda L, o: L.OneCycleLR(o, 0.5, epochs=4, steps_per_epoch=8, three_phase=True, anneal_strategy="linear"),
    "sequential": lambda L, o: L.SequentialLR(
        o, [L.LinearLR(o, 0.1, total_iters=4), L.CosineAnnealingLR(o, 10), L.ExponentialLR(o, 0.9)], [4, 15]
    ),
    "sequential restarts": lambda L, o: L.SequentialLR(o, [L.ConstantLR(o, 0.1, 4), L.CosineAnnealingWarmRestarts(o, 5, 2)], [4]),
    "chained": lambda L, o: L.ChainedScheduler([L.ConstantLR(o, 0.1, 5), L.ExponentialLR(o, 0.9)]),
    "swa": lambda L, o: L.SWALR(o, [0.05, 0.01], anneal_epochs=6),
    "swa linear": lambda L, o: L.SWALR(o, 0.05, anneal_epochs=0, anneal_strategy="linear"),
}


class Names:
    """The schedulers of one library, SWALR among them."""

    def __init__(self, optim):
        self.optim = optim

    def __getattr__(self, name):
        return getattr(self.optim.swa_utils if name == "SWALR" else self.optim.lr_scheduler, name)


OURS, THEIRS = Names(O), Names(torch.optim)


def optimizers(kind="SGD", lr=0.3):
    options = dict(momentum=0.9) if kind == "SGD" else {}

    def groups(p):
        return [{"params": [p()]}, {"params": [p()], "lr": 0.7}]

    ours = getattr(O, kind)(groups(lambda: wrap(np.ones(1)).requires_grad_()), lr=lr, **options)
    theirs = getattr(torch.optim, kind)(groups(lambda: torch.ones(1, requires_grad=True)), lr=lr, **options)
    return ours, theirs


def options_of(opt):
    return [{k: float(v) if hasattr(v, "item") else v for k, v in g.items() if k != "params"} for g in opt.param_groups]


def plain(x):
    """A scheduler's state with what differs by nature left out."""
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items() if k not in ("anneal_func",)}
    return [plain(v) for v in x] if isinstance(x, list) else x


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", CASES)
def test_thirty_epochs(name, kind):
    a, b = optimizers(kind)
    ours, theirs = CASES[name](OURS, a), CASES[name](THEIRS, b)
    for epoch in range(30):
        assert options_of(a) == options_of(b), epoch
        assert ours.get_last_lr() == theirs.get_last_lr(), epoch
        a.step(), b.step()
        ours.step(), theirs.step()
    assert plain(ours.state_dict()) == plain(theirs.state_dict())


@pytest.mark.parametrize("name", CASES)
def test_checkpoint_goes_on_as_if_never_stopped(name):
    a, b = optimizers()
    ours, theirs = CASES[name](OURS, a), CASES[name](THEIRS, b)
    for _ in range(8):
        ours.step(), theirs.step()
    c, _ = optimizers()
    again = CASES[name](OURS, c)
    again.load_state_dict(theirs.state_dict())
    c.load_state_dict(b.state_dict())
    for _ in range(8):
        ours.step(), again.step()
        assert again.get_last_lr() == ours.get_last_lr() and options_of(c) == options_of(a)


@pytest.mark.parametrize("name", ["step", "multistep", "constant", "linear", "exponential", "polynomial", "cosine", "restarts"])
def test_jump_to_an_epoch_and_resume_at_one(name):
    a, b = optimizers()
    ours, theirs = CASES[name](OURS, a), CASES[name](THEIRS, b)
    for epoch in (5, 9, 2):
        ours.step(epoch), theirs.step(epoch)
        assert ours.get_last_lr() == theirs.get_last_lr()
    make = {
        "step": lambda L, o: L.StepLR(o, 4, last_epoch=4),
        "exponential": lambda L, o: L.ExponentialLR(o, 0.9, last_epoch=4),
        "cosine": lambda L, o: L.CosineAnnealingLR(o, 7, last_epoch=4),
        "linear": lambda L, o: L.LinearLR(o, last_epoch=3),
    }.get(name)
    if make:
        ours, theirs = make(OURS, a), make(THEIRS, b)
        for _ in range(5):
            assert ours.get_last_lr() == theirs.get_last_lr()
            ours.step(), theirs.step()


@pytest.mark.parametrize(
    "options",
    [
        {},
        dict(mode="max", patience=1, factor=0.5),
        dict(patience=0, threshold=0.1, threshold_mode="abs", cooldown=2, min_lr=[0.01, 0.1]),
        dict(mode="max", patience=2, threshold_mode="abs", min_lr=0.05),
    ],
)
def test_plateau(options):
    a, b = optimizers()
    ours, theirs = OURS.ReduceLROnPlateau(a, **options), THEIRS.ReduceLROnPlateau(b, **options)
    for metric in np.round(np.random.default_rng(0).standard_normal(40), 1):
        ours.step(metric), theirs.step(metric)
        assert ours.get_last_lr() == theirs.get_last_lr()
    assert ours.state_dict() == theirs.state_dict()


def test_a_tensor_lr_is_filled_in_place():
    a = O.SGD([wrap(np.ones(1)).requires_grad_()], lr=wrap(np.array(0.5)))
    lr = a.param_groups[0]["lr"]
    schedule = OURS.StepLR(a, 1, gamma=0.5)
    schedule.step()
    assert a.param_groups[0]["lr"] is lr and float(lr) == 0.25 and float(schedule.base_lrs[0]) == 0.5


@pytest.mark.filterwarnings("default")
def test_warnings_about_order():
    a, _ = optimizers()
    schedule = OURS.StepLR(a, 1)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        schedule.step()
    a, _ = optimizers()
    schedule = OURS.StepLR(a, 1)
    a.step = lambda: None
    with pytest.warns(UserWarning, match="has been overridden"):
        schedule.step()
    with pytest.warns(UserWarning, match="get_last_lr"):
        schedule.get_lr()


MISTAKES = {
    "no optimizer": lambda L, o: L.StepLR(3, 2),
    "resume": lambda L, o: L.StepLR(o(), 2, last_epoch=3),
    "lambdas": lambda L, o: L.LambdaLR(o(), [abs]),
    "T_0": lambda L, o: L.CosineAnnealingWarmRestarts(o(), 0),
    "T_mult": lambda L, o: L.CosineAnnealingWarmRestarts(o(), 1, 0),
    "negative epoch": lambda L, o: L.CosineAnnealingWarmRestarts(o(), 3).step(-1),
    "factor": lambda L, o: L.ConstantLR(o(), factor=2),
    "start": lambda L, o: L.LinearLR(o(), start_factor=0),
    "end": lambda L, o: L.LinearLR(o(), end_factor=2),
    "mode": lambda L, o: L.CyclicLR(o(), 0.1, 0.2, mode="x"),
    "base_lr": lambda L, o: L.CyclicLR(o(), [0.1], 0.2),
    "no steps": lambda L, o: L.OneCycleLR(o(), 0.1, epochs=3),
    "steps": lambda L, o: L.OneCycleLR(o(), 0.1, total_steps=-1),
    "pct": lambda L, o: L.OneCycleLR(o(), 0.1, total_steps=10, pct_start=2),
    "anneal": lambda L, o: L.OneCycleLR(o(), 0.1, total_steps=10, anneal_strategy="x"),
    "plateau factor": lambda L, o: L.ReduceLROnPlateau(o(), factor=1.1),
    "plateau mode": lambda L, o: L.ReduceLROnPlateau(o(), mode="x"),
    "plateau min_lr": lambda L, o: L.ReduceLROnPlateau(o(), min_lr=[1]),
    "empty sequence": lambda L, o: L.SequentialLR(o(), [], []),
    "empty chain": lambda L, o: L.ChainedScheduler([]),
    "two optimizers": lambda L, o: L.ChainedScheduler([L.ExponentialLR(o(), 0.9), L.ExponentialLR(o(), 0.9)]),
    "swa strategy": lambda L, o: L.SWALR(o(), 0.1, anneal_strategy="x"),
    "swa epochs": lambda L, o: L.SWALR(o(), 0.1, anneal_epochs=-1),
    "get_lr": lambda L, o: L.LRScheduler(o()),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes(what):
    with pytest.raises(Exception) as expected:
        MISTAKES[what](THEIRS, lambda: optimizers()[1])
    with pytest.raises(Exception) as got:
        MISTAKES[what](OURS, lambda: optimizers()[0])
    assert type(got.value).__name__ == type(expected.value).__name__ and str(got.value)


def test_one_cycle_refuses_a_step_too_many():
    a, _ = optimizers()
    schedule = OURS.OneCycleLR(a, 0.1, total_steps=2)
    schedule.step(), schedule.step()
    with pytest.raises(ValueError, match="Tried to step 3 times"):
        schedule.step()
