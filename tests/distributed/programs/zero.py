"""ZeroRedundancyOptimizer trains as the plain optimizer does, and its state moves to and from it."""

import torch
import torch.distributed as dist
import torch.nn as nn
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn.parallel import DistributedDataParallel as DDP

dist.init_process_group("gloo")
rank, n = dist.get_rank(), dist.get_world_size()
torch.manual_seed(0)
X, Y = torch.randn(8, 6), torch.randn(8, 3)
one, many = (nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)) for _ in range(2))
many.load_state_dict(one.state_dict())
ddp = DDP(many)
plain = torch.optim.AdamW(one.parameters(), lr=0.1)
zero = ZeroRedundancyOptimizer(ddp.parameters(), torch.optim.AdamW, lr=0.1)
schedules = [torch.optim.lr_scheduler.StepLR(o, 1, 0.5) for o in (plain, zero)]


def train(steps):
    part = slice(rank * 8 // n, (rank + 1) * 8 // n)
    for _ in range(steps):
        for model, opt, a, b in ((one, plain, X, Y), (ddp, zero, X[part], Y[part])):
            opt.zero_grad()
            ((model(a) - b) ** 2).mean().backward()
            opt.step()
        for s in schedules:
            s.step()
    for p, q in zip(one.parameters(), many.parameters()):
        assert torch.allclose(p, q, atol=1e-4), (p - q).abs().max()


train(3)
own = sum(s["exp_avg"].numel() for s in zero.optim.state.values())
assert own < sum(p.numel() for p in one.parameters())  # only a part lives here
zero.consolidate_state_dict(to=0)
if rank == 0:
    state = zero.state_dict()
    fresh = torch.optim.AdamW(one.parameters(), lr=9.0)
    fresh.load_state_dict(state)
    for a, b in zip(plain.state.values(), fresh.state.values()):
        assert torch.allclose(a["exp_avg_sq"], b["exp_avg_sq"], atol=1e-4)
    assert fresh.param_groups[0]["lr"] == plain.param_groups[0]["lr"] == 0.1 / 8
else:
    try:
        zero.state_dict()
        raise AssertionError("there is no state here")
    except RuntimeError as error:
        assert "consolidate" in str(error)
zero = ZeroRedundancyOptimizer(ddp.parameters(), torch.optim.AdamW, lr=5.0)
zero.load_state_dict(plain.state_dict())
schedules = []
train(2)
print(f"done {rank}\n", end="", flush=True)  # one write: ranks share the pipe
dist.destroy_process_group()
