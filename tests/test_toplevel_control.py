"""Branches and loops as functions."""

import pytest

import lightwell as torch


def test_cond_runs_one_branch_with_gradients():
    x = torch.tensor([1.0, -3.0], requires_grad=True)
    torch.cond(x.sum() > 0, lambda v: v.sin(), lambda v: (v * v).sum(), (x,)).backward()
    assert x.grad.tolist() == [2, -6]
    assert torch.cond(True, lambda: 1, lambda: 2) == 1
    for bad in ((1, len, len), (torch.ones(2), len, len), (True, 3, len)):
        with pytest.raises(RuntimeError):
            torch.cond(*bad)
    with pytest.raises(RuntimeError, match="operands"):
        torch.cond(True, len, len, 5)


def test_while_loop_carries_values():
    i, x = torch.while_loop(lambda i, x: i < 4, lambda i, x: (i + 1, x + i), (torch.tensor(0), torch.zeros(1)))
    assert i == 4 and x.item() == 6
    with pytest.raises(RuntimeError, match="as many values as it is given, 1, but gave 2"):
        torch.while_loop(lambda i: i < 4, lambda i: (i, i), (torch.tensor(0),))
    with pytest.raises(RuntimeError, match="callable"):
        torch.while_loop(1, 2, ())
