"""The CTC loss against PyTorch: values and gradients of the scores."""

import numpy as np
import pytest

import lightwell as lw

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("reduction", ("mean", "sum", "none"))
@pytest.mark.parametrize("flat", (False, True))
def test_ctc_loss(reduction, flat):
    rng = np.random.default_rng(0)
    scores, targets = rng.normal(size=(9, 3, 5)), np.array([[1, 2, 2, 4], [3, 3, 0, 0], [4, 1, 2, 0]])
    lengths = [4, 2, 3]
    if flat:
        targets = np.concatenate([row[:n] for row, n in zip(targets, lengths)])
    found = []
    for f in (lw, torch):
        x = f.tensor(scores, requires_grad=True)
        loss = f.nn.functional.ctc_loss(f.log_softmax(x, 2), f.tensor(targets), f.tensor([9, 7, 8]), f.tensor(lengths), reduction=reduction)
        loss.sum().backward()
        found.append((loss.detach().numpy(), x.grad.numpy()))
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, 1e-9, 1e-10)


def test_impossible_targets():
    logp = lw.log_softmax(lw.zeros(2, 1, 3), 2)
    args = (lw.tensor([[1, 1, 2]]), [2], [3])
    assert lw.nn.functional.ctc_loss(logp, *args).item() == float("inf")
    assert lw.nn.functional.ctc_loss(logp, *args, zero_infinity=True).item() == 0
