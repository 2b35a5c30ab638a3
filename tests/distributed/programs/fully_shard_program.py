"""fully_shard on two ranks; rank 0 prints. Runs under PyTorch and under lightwell alike."""

import os
import sys
import warnings

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn as nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor

warnings.simplefilter("ignore")


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b = nn.Linear(9, 9), nn.LayerNorm(9), nn.Linear(9, 9)

    def forward(self, x):
        return x + self.b(torch.tanh(self.a(self.norm(x))))


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 9), Block(), nn.ReLU(), Block(), nn.Linear(9, 3))


def train(model, optimizer, rank, steps=4):
    torch.manual_seed(1)
    for step in range(steps):
        x, y = torch.randn(8, 6)[rank::2], torch.randn(8, 3)[rank::2]
        if step == 2:
            model.set_requires_gradient_sync(False)
            ((model(x) - y) ** 2).mean().backward()
            model.set_requires_gradient_sync(True)
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        told = loss.detach().float()
        dist.all_reduce(told)
        yield f"{told.item() / 2:.4f}"


def run(rank, world, port):
    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = "127.0.0.1", port
    dist.init_process_group("gloo", rank=rank, world_size=world)
    say = print if rank == 0 else lambda *args, **kwargs: None
    mesh = init_device_mesh("cpu", (2,))
    for reshard in (True, False):
        model = net()
        for part in (model[1], model[3]):
            fully_shard(part, mesh=mesh, reshard_after_forward=reshard)
        fully_shard(model, mesh=mesh)
        say(type(model).__name__, type(model[1]).__name__, isinstance(model, FSDPModule), [n for n, _ in model.named_parameters()][:3])
        weight = model[1].a.weight
        say(isinstance(weight, DTensor), weight.shape, weight.to_local().shape, weight.placements)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        say(*train(model, optimizer, rank))
        state = {name: value.full_tensor() for name, value in model.state_dict().items()}
        say(*(f"{name} {tuple(value.shape)} {value.sum().item():.4f}" for name, value in state.items()), sep="\n  ")
        moments = optimizer.state[model[1].a.weight]["exp_avg"]
        say(type(moments).__name__, f"{moments.full_tensor().sum().item():.5f}")
        with torch.no_grad():
            say(f"{model(torch.ones(1, 6)).sum().item():.4f}")
    model = fully_shard(net(), mesh=mesh, mp_policy=MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32))
    out = model(torch.randn(4, 6))
    out.float().sum().backward()
    say(out.dtype, {p.dtype for p in model.parameters()}, {p.grad.dtype for p in model.parameters()})
    model.unshard()
    say(isinstance(model[0].weight, DTensor), tuple(model[0].weight.shape))
    model.reshard()
    say(isinstance(model[0].weight, DTensor), tuple(model[0].weight.to_local().shape))
    dist.destroy_process_group()


if __name__ == "__main__":
    mp.spawn(run, args=(2, sys.argv[1]), nprocs=2)
