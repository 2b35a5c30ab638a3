"""What PyTorch's FullyShardedDataParallel does on GPUs only, on two CPU ranks: prints "fine" where all of it holds."""

import os
import sys

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn as nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullStateDictConfig, ShardingStrategy, StateDictType, fully_shard
from torch.distributed.fsdp import FullyShardedDataParallel as FSDP
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.utils.checkpoint import checkpoint


class Tied(nn.Module):
    """A tied weight, a frozen layer, a checkpointed part."""

    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(7, 4), nn.Linear(4, 7, bias=False)
        self.head.weight = self.embed.weight
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.inner = nn.Sequential(nn.Linear(4, 4), nn.Tanh())

    def forward(self, x):
        h = checkpoint(self.inner, self.frozen(self.embed(x)), use_reentrant=False)
        return self.head(h)


def copy_of(module):
    import copy

    return copy.deepcopy(module)


def tensor_and_data_parallel(rank):
    """fully_shard of a module that tensor parallelism has cut: same step as the plain module's."""
    mesh = init_device_mesh("cpu", (2, 1), mesh_dim_names=("dp", "tp"))
    torch.manual_seed(5)
    plain = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    wrapped = copy_of(plain)
    parallelize_module(wrapped, mesh["tp"], {"0": ColwiseParallel(), "2": RowwiseParallel()})
    fully_shard(wrapped, mesh=mesh["dp"])
    x = torch.randn(6, 4)
    plain(x).pow(2).sum().backward()
    (wrapped(x[rank::2]).pow(2).sum() * 2).backward()
    for m in (plain, wrapped):
        torch.optim.SGD(m.parameters(), lr=0.1).step()
    for (name, p), q in zip(plain.named_parameters(), wrapped.parameters()):
        assert torch.allclose(p, q.full_tensor(), atol=1e-5), name


def run(rank, world, port):
    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = "127.0.0.1", port
    dist.init_process_group("gloo", rank=rank, world_size=world)
    torch.manual_seed(rank)
    model = FSDP(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), sync_module_states=True)
    with FSDP.state_dict_type(model, StateDictType.FULL_STATE_DICT, FullStateDictConfig(rank0_only=True)):
        assert len(model.state_dict()) == (7 if rank == 0 else 0)
    torch.manual_seed(0)
    assert torch.equal(model.state_dict()["0.weight"], nn.Linear(4, 4).weight)
    try:
        model.load_state_dict({**model.state_dict(), "0.weight": torch.zeros(3, 3)})
    except RuntimeError as error:
        assert "size mismatch for" in str(error)
    else:
        raise AssertionError("a wrong shape was taken")
    assert torch.equal(model.state_dict()["0.weight"], nn.Linear(4, 4).weight) is False
    alone = [dist.new_group([r]) for r in range(world)][rank]
    for strategy, groups in [
        (ShardingStrategy.FULL_SHARD, None), (ShardingStrategy.SHARD_GRAD_OP, None), (ShardingStrategy.NO_SHARD, None),
        (ShardingStrategy.HYBRID_SHARD, (alone, dist.group.WORLD)), (ShardingStrategy._HYBRID_SHARD_ZERO2, (dist.group.WORLD, alone)),
    ]:  # fmt: skip
        torch.manual_seed(3)
        plain = Tied()
        wrapped = FSDP(copy_of(plain), process_group=groups, sharding_strategy=strategy, use_orig_params=True)
        x = torch.arange(8).reshape(2, 4) % 7
        plain(x).pow(2).mean().backward()
        optimizers = [torch.optim.SGD(m.parameters(), lr=0.5) for m in (plain, wrapped)]
        wrapped(x[rank : rank + 1]).pow(2).mean().backward()
        for optimizer in optimizers:
            optimizer.step()
        state = wrapped.state_dict()
        assert list(state) == list(plain.state_dict())
        for name, value in plain.state_dict().items():
            assert torch.allclose(value, state[name], atol=1e-6), (strategy, name)
    for _ in range(2):
        with torch.no_grad():
            wrapped(x)
    with FSDP.state_dict_type(model, StateDictType.SHARDED_STATE_DICT):
        parts = model.state_dict()
        assert parts["0.weight"].to_local().shape == (2, 4) and parts["0.weight"].full_tensor().shape == (4, 4)
        model.load_state_dict({name: value * 2 for name, value in parts.items()})
    assert torch.equal(model.state_dict()["0.weight"], parts["0.weight"].full_tensor() * 2)
    tensor_and_data_parallel(rank)
    dist.barrier()
    if rank == 0:
        print("fine")
    dist.destroy_process_group()


if __name__ == "__main__":
    mp.spawn(run, args=(2, sys.argv[1]), nprocs=2)
