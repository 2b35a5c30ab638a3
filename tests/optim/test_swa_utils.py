"""Averaged models and batch-norm statistics against PyTorch."""

import copy

import numpy as np
import pytest

import lightwell as lw

torch = pytest.importorskip("torch")


def models():
    rng = np.random.default_rng(0)
    made = []
    for lib in (lw, torch):
        net = lib.nn.Sequential(lib.nn.Linear(3, 4), lib.nn.BatchNorm1d(4))
        made.append(net)
    for a, b in zip(made[0].parameters(), made[1].parameters(), strict=True):
        v = rng.standard_normal(tuple(b.shape)).astype("float32")
        np.copyto(a._a, v)
        b.data.copy_(torch.tensor(v))
    return made


@pytest.mark.parametrize("how", ["swa", "ema", "ema one by one", "swa one by one", "swa lists"])
@pytest.mark.parametrize("use_buffers", [False, True])
def test_averages(how, use_buffers):
    if how == "swa lists" and use_buffers:
        pytest.skip("PyTorch itself divides its integer step buffers here, and fails")
    averages, nets = [], models()
    for lib, net in zip((lw, torch), nets, strict=True):
        S = lib.optim.swa_utils
        options = {
            "swa": {},
            "ema": dict(multi_avg_fn=S.get_ema_multi_avg_fn(0.8)),
            "ema one by one": dict(avg_fn=S.get_ema_avg_fn(0.8)),
            "swa one by one": dict(avg_fn=S.get_swa_avg_fn()),
            "swa lists": dict(multi_avg_fn=S.get_swa_multi_avg_fn()),
        }[how]
        average = S.AveragedModel(net, use_buffers=use_buffers, **options)
        for i in range(4):
            with lib.no_grad():
                for p in net.parameters():
                    p.add_(i + 1.0)
                net[1].running_mean.add_(1.0)
            average.update_parameters(net)
        averages.append(average)
    ours, theirs = (a.state_dict() for a in averages)
    assert list(ours) == list(theirs)
    for key in ours:
        np.testing.assert_allclose(ours[key].numpy(), theirs[key].numpy(), rtol=1e-6, atol=1e-6)


def test_update_bn_is_the_mean_over_batches():
    data = np.random.default_rng(1).standard_normal((3, 8, 3)).astype("float32")
    results = []
    for lib, net in zip((lw, torch), models(), strict=True):
        net.eval()
        lib.optim.swa_utils.update_bn([(lib.tensor(x), 0) for x in data], net)
        assert not net.training and net[1].momentum == 0.1
        results.append((net[1].running_mean.numpy(), net[1].running_var.numpy()))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5, atol=1e-6)


def test_one_function_only_and_decay_in_range():
    S = lw.optim.swa_utils
    net = lw.nn.Linear(1, 1)
    with pytest.raises(AssertionError, match="Only one"):
        S.AveragedModel(net, avg_fn=S.get_swa_avg_fn(), multi_avg_fn=S.get_swa_multi_avg_fn())
    with pytest.raises(ValueError, match="decay"):
        S.get_ema_avg_fn(2.0)
    average = S.AveragedModel(net)
    average.update_parameters(net)
    again = copy.deepcopy(average)
    assert int(again.n_averaged) == 1
