"""What book-shaped programs and PyTorch's examples lean on, found by running many of them: one small test per mend."""

import numpy as np
import pytest

import lightwell as lw


def test_arange_with_a_fractional_step_rounds_as_pytorch_does():
    torch = pytest.importorskip("torch")
    for ends in ((-8.0, 8.0, 0.1), (0, 5, 0.01), (-7, 7, 0.01), (0.5, 9.3, 0.7), (2, 3, 0.0001)):
        for dtype in ("float32", "float64"):
            ours, theirs = lw.arange(*ends, dtype=getattr(lw, dtype)), torch.arange(*ends, dtype=getattr(torch, dtype))
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_arange_over_zero_keeps_the_rounding_of_its_steps():
    # a relu's derivative "at zero" is 1 here, as the book's plot shows
    x = lw.arange(-8.0, 8.0, 0.1)
    assert 0 < x[80].item() < 1e-15


def test_a_refused_device_draws_no_random_number():
    lw.manual_seed(0)
    expected = lw.rand(2)
    for draw in (
        lambda: lw.rand(2, 3, device="cuda:1"), lambda: lw.randn(3, device="cuda"), lambda: lw.randperm(5, device="cuda"),
        lambda: lw.randint(0, 5, (3,), device="cuda"), lambda: lw.normal(0, 1, (2, 2), device="cuda"),
    ):  # fmt: skip
        lw.manual_seed(0)
        with pytest.raises((AssertionError, RuntimeError)):
            draw()
        assert lw.equal(lw.rand(2), expected)


def test_schedulers_say_that_they_live_in_lr_scheduler():
    import pickle

    from lightwell.optim import lr_scheduler

    scheduler = lr_scheduler.StepLR(lw.optim.SGD([lw.zeros(1, requires_grad=True)], lr=0.1), 2)
    assert all(getattr(lr_scheduler, name).__module__ == lr_scheduler.__name__ for name in lr_scheduler.__all__)
    assert scheduler.__module__ == lr_scheduler.__name__
    assert pickle.loads(pickle.dumps(lr_scheduler.CosineAnnealingLR)) is lr_scheduler.CosineAnnealingLR


_TYPED_IN = """
import sys, warnings, multiprocessing
if {block}: sys.modules["cloudpickle"] = None
import lightwell as torch
class Squares(torch.utils.data.Dataset):
    def __len__(self): return 12
    def __getitem__(self, i): return torch.tensor([i, i * i])
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    for method in ("spawn", "forkserver"):
        loader = torch.utils.data.DataLoader(Squares(), 4, num_workers=1, multiprocessing_context=method, collate_fn=lambda b: sum(b))
        print(sum(b.sum().item() for b in loader), any("notebook" in str(w.message) for w in told))
"""


@pytest.mark.parametrize("block", [False, True])
def test_workers_get_what_a_notebook_defines_under_every_start_method(block):
    import importlib.util
    import multiprocessing
    import subprocess
    import sys

    if not {"fork", "forkserver"} <= set(multiprocessing.get_all_start_methods()):
        pytest.skip("this system has fewer start methods")
    if not block and importlib.util.find_spec("cloudpickle") is None:
        pytest.skip("without cloudpickle: the other case")
    done = subprocess.run([sys.executable, "-c", _TYPED_IN.format(block=block)], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"572 {block}\n" * 2, done.stderr


def test_nobody_having_chosen_a_start_method_workers_are_forked_on_linux(monkeypatch):
    import multiprocessing
    import sys

    from lightwell.utils.data._utils import start

    monkeypatch.setattr(multiprocessing, "get_start_method", lambda allow_none=False: None)
    monkeypatch.setattr(start, "_typed_in", lambda: False)  # pytest's own main module may be none that can be imported
    context, given = start.way_to_start(None, (1, 2))
    assert given == (1, 2)
    if sys.platform == "linux":
        assert context.get_start_method() == "fork"
    chosen = multiprocessing.get_context("spawn")
    assert start.way_to_start(chosen, (1,)) == (chosen, (1,))
