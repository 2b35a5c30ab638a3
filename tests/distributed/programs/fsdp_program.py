"""FullyShardedDataParallel on two ranks; rank 0 prints. Runs under PyTorch and under lightwell alike."""

import functools
import os
import sys
import warnings

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn as nn
from torch.distributed.fsdp import FullStateDictConfig, MixedPrecision, ShardingStrategy, StateDictType
from torch.distributed.fsdp import FullyShardedDataParallel as FSDP
from torch.distributed.fsdp.wrap import ModuleWrapPolicy, enable_wrap, size_based_auto_wrap_policy, wrap

warnings.simplefilter("ignore")
CPU = torch.device("cpu")


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b = nn.Linear(10, 10), nn.LayerNorm(10), nn.Linear(10, 10)

    def forward(self, x):
        return x + self.b(torch.tanh(self.a(self.norm(x))))


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 10), Block(), nn.ReLU(), Block(), nn.Linear(10, 3))


def whole(state):
    return [f"{name} {tuple(value.shape)} {value.float().sum().item():.4f}" for name, value in state.items()]


def train(model, optimizer, rank, steps=4):
    torch.manual_seed(1)
    for step in range(steps):
        x, y = torch.randn(8, 6)[rank::2], torch.randn(8, 3)[rank::2]
        if step == 2:
            with model.no_sync():
                ((model(x) - y) ** 2).mean().backward()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        norm = f" {model.clip_grad_norm_(0.5).item():.4f}" if step == 1 else ""
        optimizer.step()
        optimizer.zero_grad()
        told = loss.detach().float()
        dist.all_reduce(told)
        yield f"{told.item() / 2:.4f}{norm}"


def run(rank, world, port):
    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = "127.0.0.1", port
    dist.init_process_group("gloo", rank=rank, world_size=world)
    say = print if rank == 0 else lambda *args, **kwargs: None
    policies = {
        "none": None,
        "size": functools.partial(size_based_auto_wrap_policy, min_num_params=100),
        "block": ModuleWrapPolicy({Block}),
    }
    for strategy, policy, orig in [
        ("FULL_SHARD", "block", False), ("FULL_SHARD", "size", True), ("SHARD_GRAD_OP", "block", True), ("NO_SHARD", "none", False),
    ]:  # fmt: skip
        model = FSDP(
            net(), auto_wrap_policy=policies[policy], sharding_strategy=ShardingStrategy[strategy], use_orig_params=orig, device_id=CPU
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        say(strategy, policy, orig, *train(model, optimizer, rank))
        with FSDP.state_dict_type(model, StateDictType.FULL_STATE_DICT, FullStateDictConfig()):
            state = model.state_dict()
        say(*whole(state), sep="\n  ")
        if not orig:
            kept = FSDP.optim_state_dict(model, optimizer)
            say(*(f"{k} {float(v['step'])} {v['exp_avg'].sum().item():.4f}" for k, v in sorted(kept["state"].items())))
            again = FSDP(net(), auto_wrap_policy=policies[policy], sharding_strategy=ShardingStrategy[strategy], device_id=CPU)
            again.load_state_dict(model.state_dict())
            other = torch.optim.Adam(again.parameters(), lr=0.05)
            other.load_state_dict(FSDP.optim_state_dict_to_load(again, other, kept))
            say(*train(model, optimizer, rank), "|", *train(again, other, rank))
        with FSDP.summon_full_params(model):
            say([tuple(p.shape) for name, p in sorted(model.named_parameters())][:4])
            with torch.no_grad():
                model.module[4].bias.fill_(2.0)
        say(model(torch.zeros(1, 6)).shape, f"{model.state_dict()['4.bias'].sum().item():.3f}")
    mixed = MixedPrecision(param_dtype=torch.bfloat16, reduce_dtype=torch.float32, buffer_dtype=torch.bfloat16)
    model = FSDP(net(), mixed_precision=mixed, auto_wrap_policy=policies["block"], device_id=CPU)
    x = torch.randn(4, 6)
    out = model(x)
    out.float().sum().backward()
    say(out.dtype, {p.dtype for p in model.parameters()}, {p.grad.dtype for p in model.parameters()})
    with enable_wrap(wrapper_cls=FSDP, device_id=CPU):
        model = wrap(nn.Sequential(wrap(nn.Linear(4, 4)), nn.Linear(4, 2)))
    say(type(model).__name__, type(model.module[0]).__name__, type(wrap(nn.ReLU())).__name__)
    dist.destroy_process_group()


if __name__ == "__main__":
    mp.spawn(run, args=(2, sys.argv[1]), nprocs=2)
