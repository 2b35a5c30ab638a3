"""DistributedDataParallel and what belongs to it, compared with one process and with PyTorch's own run."""

import importlib.util

import pytest
from ranks import run

import lightwell as torch
from lightwell import nn


def test_training_by_three_ranks_equals_one_process():
    assert len(run("ddp.py", 3, "check").lines) == 11


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_prints_what_pytorch_prints():
    ours = run("ddp.py", 2, "check")
    for _ in range(4):  # PyTorch's ranks abort now and then on their way out, and their launcher kills the others
        theirs = run("ddp.py", 2, launcher=("-m", "torch.distributed.run"), timeout=60, ok=False)
        if theirs.returncode == 0:
            break
    else:
        pytest.skip("PyTorch's own ranks aborted four times: " + theirs.stderr[-300:])
    assert ours.lines == theirs.lines


def test_optimizer_state_spread_over_ranks():
    assert run("zero.py", 2).lines == ["done 0", "done 1"]


def test_scatter_and_gather_nested():
    x = torch.arange(10.0).reshape(5, 2)
    args, kwargs = nn.parallel.scatter_gather.scatter_kwargs((x, [x, 3]), {"k": {"v": x}}, ["cpu", "cpu"])
    assert args[0][0].shape == (3, 2) and args[1][1][1] == 3 and kwargs[1]["k"]["v"].tolist() == x[3:].tolist()
    assert torch.equal(nn.parallel.gather([a[0] for a in args], "cpu"), x)
    assert nn.parallel.gather([torch.tensor(1.0), torch.tensor(2.0)], "cpu").tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="CPU"):
        nn.parallel.scatter(x, [0, 1])


def test_replicas_share_parameters_and_errors_come_through():
    net = nn.Sequential(nn.Linear(2, 1), nn.ReLU())
    copies = nn.parallel.replicate(net, ["cpu", "cpu"])
    assert copies[0] is not copies[1] and copies[1][0].weight is net[0].weight
    out = nn.parallel.parallel_apply(copies, [(torch.ones(3, 2),), (torch.ones(2, 2),)])
    nn.parallel.gather(out, "cpu").sum().backward()
    assert [o.shape[0] for o in out] == [3, 2] and net[0].weight.grad is not None
    with pytest.raises(RuntimeError):
        nn.parallel.parallel_apply(copies, [(torch.ones(3, 2),), (torch.ones(2, 5),)])


def test_ddp_needs_a_group_and_parameters():
    import lightwell.distributed as dist

    with pytest.raises(ValueError, match="not been initialized"):
        nn.parallel.DistributedDataParallel(nn.Linear(2, 2))
    dist.init_process_group(store=dist.HashStore(), rank=0, world_size=1)
    try:
        with pytest.raises(RuntimeError, match="doesn't have any parameter"):
            nn.parallel.DistributedDataParallel(nn.ReLU())
        with pytest.raises(ValueError, match="device_ids"):
            nn.parallel.DistributedDataParallel(nn.Linear(2, 2), device_ids=[0])
        ddp = nn.parallel.DistributedDataParallel(nn.Linear(2, 2), device_ids=[])
        data = ddp._get_ddp_logging_data()
        assert data["world_size"] == 1 and data["bucket_sizes"] == "24"
        sampler = torch.utils.data.DistributedSampler(range(5), shuffle=False)
        assert list(sampler) == [0, 1, 2, 3, 4]
    finally:
        dist.destroy_process_group()
