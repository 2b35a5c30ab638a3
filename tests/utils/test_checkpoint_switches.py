"""utils.checkpoint: the switch of early stopping, and its small helpers."""

import pytest

import lightwell as lw
from lightwell.utils import checkpoint as C


def _runs(library, C, enable):
    ends = []

    def f(x):
        y = x.exp()
        ends.append(1)
        return y

    x = library.ones(2, requires_grad=True)
    with C.set_checkpoint_early_stop(enable):
        y = C.checkpoint(f, x, use_reentrant=False)
    y.sum().backward()
    return len(ends), x.grad.tolist()


def test_early_stop():
    assert _runs(lw, C, True)[0] == 1 and _runs(lw, C, False)[0] == 2
    torch = pytest.importorskip("torch")
    import torch.utils.checkpoint as theirs

    for enable in (True, False):
        ours, other = _runs(lw, C, enable), _runs(torch, theirs, enable)
        assert ours[0] == other[0] and ours[1] == pytest.approx(other[1])


def test_helpers():
    with pytest.warns(UserWarning, match="Gradients will be None"):
        C.check_backward_validity([lw.ones(1), 3])
    C.check_backward_validity([lw.ones(1, requires_grad=True)])
    assert C.get_device_states(lw.ones(1)) == ([], []) and C.set_device_states([], []) is None
    with pytest.raises(RuntimeError, match="no accelerator"):
        C.set_device_states([0], [None])
