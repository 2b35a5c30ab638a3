"""Warnings name the user's line, through modules, wrappers and helpers of the package."""

import warnings

import pytest

import lightwell as lw
from lightwell import nn

A, B = lw.rand(3, 1), lw.rand(3)


def scheduled():
    optimizer = lw.optim.SGD([lw.zeros(1, requires_grad=True)], lr=0.1)
    lw.optim.lr_scheduler.StepLR(optimizer, 1).step()


@pytest.mark.parametrize(
    "call",
    [
        lambda: nn.functional.mse_loss(A, B),
        lambda: nn.MSELoss()(A, B),
        lambda: nn.HuberLoss()(A, B),
        lambda: nn.functional.softmax(A),
        lambda: nn.LogSoftmax()(A),
        lambda: nn.functional.kl_div(B, B),
        lambda: nn.L1Loss(size_average=False)(B, B),
        lambda: nn.LSTM(2, 3, dropout=0.5),
        lambda: lw.tensor(B),
        lambda: lw.ones(1).std(),
        lambda: (lw.ones(2, requires_grad=True) * 2).grad,
        scheduled,
    ],
)
def test_a_warning_names_the_users_line(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert [w.filename for w in caught] == [__file__]
    assert call.__code__.co_firstlineno <= caught[0].lineno <= call.__code__.co_firstlineno + 4
