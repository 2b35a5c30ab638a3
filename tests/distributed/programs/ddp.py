"""Training by several processes: prints what both lightwell and PyTorch must print; `check` compares with one process alone."""

import sys

import torch
import torch.distributed as dist
import torch.nn as nn
from torch.nn.parallel import DistributedDataParallel as DDP

dist.init_process_group("gloo")
rank, n = dist.get_rank(), dist.get_world_size()


def say(*words):
    if rank == 0:
        print(*words, flush=True)


def net(norm=True):
    torch.manual_seed(3)
    layers = [nn.Linear(10, 20), nn.BatchNorm1d(20) if norm else nn.Identity(), nn.ReLU(), nn.Linear(20, 5)]
    return nn.Sequential(*layers)


g = torch.Generator().manual_seed(7)
X, Y = torch.randn(12, 10, generator=g), torch.randn(12, 5, generator=g)
k = 12 // n
x, y = X[rank * k : (rank + 1) * k], Y[rank * k : (rank + 1) * k]
loss_of = nn.MSELoss()

# the joined batch in one process gives the same parameters
inner, one = net(False), net(False)
if rank:
    for p in inner.parameters():
        p.data += 1  # rank 0's are taken
model = DDP(inner, bucket_cap_mb=0.0005)
both = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), torch.optim.SGD(one.parameters(), lr=0.1, momentum=0.9)
for _ in range(4):
    for m, opt, a, b in ((model, both[0], x, y), (one, both[1], X, Y)):
        opt.zero_grad()
        loss_of(m(a), b).backward()
        opt.step()
for p, q in zip(model.parameters(), one.parameters()):
    assert torch.allclose(p, q, atol=1e-6), (p - q).abs().max()
assert list(model.state_dict()) == ["module." + name for name in one.state_dict()]

# with buffers, no_sync, unused parameters, hooks, uneven data
model = DDP(net())
opt = torch.optim.SGD(model.parameters(), lr=0.1)  # (Adam would make much of the rounding in gradients that are zero)
for _ in range(3):
    opt.zero_grad()
    loss = loss_of(model(x), y)
    loss.backward()
    opt.step()
    say(f"{loss.item():.4f}")
opt.zero_grad()
with model.no_sync():
    model(X[:4]).sum().backward()
model(x).sum().backward()
say(f"{model.module[0].weight.grad.sum().item():.3f}", [f"{v:.4f}" for v in model.module[1].running_mean[:3].tolist()])


class Sometimes(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x, short):
        return self.a(x) if short else self.b(self.a(x))


torch.manual_seed(0)
model = DDP(Sometimes(), find_unused_parameters=True)
for _ in range(2):
    model(torch.ones(2, 3), rank == 0).sum().backward()
say([None if p.grad is None else f"{p.grad.sum().item():.4f}" for p in model.parameters()])
model = DDP(Sometimes())
model(torch.ones(2, 3), True).sum().backward()
try:
    model(torch.ones(2, 3), True)
except RuntimeError as error:
    say("Expected to have finished reduction" in str(error), "2 3 4 5" in str(error))
    if sys.argv[1:]:
        assert "b.weight, b.bias, c.weight, c.bias" in str(error)
from torch.distributed.algorithms.ddp_comm_hooks import default_hooks

for hook in (default_hooks.allreduce_hook, default_hooks.fp16_compress_hook):
    model = DDP(nn.Linear(4, 2))
    model.register_comm_hook(None, hook)
    model(torch.ones(2, 4) * (rank + 1)).sum().backward()
    say(hook.__name__, model.module.weight.grad[0].tolist())
model = DDP(nn.Linear(4, 2))
steps = 0
with model.join():
    for _ in range(2 + rank):
        model.zero_grad()
        model(torch.ones(2, 4)).sum().backward()
        steps += 1
assert steps == 2 + rank
say("joined", model.module.weight.grad[0].tolist())

if sys.argv[1:]:  # PyTorch's SyncBatchNorm wants GPUs, and its group is of no use after this refusal
    try:
        DDP(nn.Linear(3 + rank, 2))
        raise AssertionError("shapes differ")
    except RuntimeError as error:
        assert "params[0]" in str(error)
    bn, sync = nn.BatchNorm1d(3), nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.BatchNorm1d(3)))[0]
    assert type(sync) is nn.SyncBatchNorm
    z, w = torch.randn(8, 3, 5, generator=g), torch.randn(8, 3, 5, generator=g)
    part = slice(0, 3) if rank == 0 else slice(3, 8) if rank == 1 else slice(0, 0)
    a, b = z.clone().requires_grad_(), z[part].clone().requires_grad_()
    (bn(a) * w).sum().backward()
    (sync(b) * w[part]).sum().backward()
    assert torch.allclose(b.grad, a.grad[part], atol=1e-5)
    grad = sync.weight.grad.clone()
    dist.all_reduce(grad)
    assert torch.allclose(grad, bn.weight.grad, atol=1e-5) and torch.allclose(sync.running_var, bn.running_var, atol=1e-6)

# collectives with gradients: of L = Σ over ranks and elements of o²
import torch.distributed.nn.functional as F

t = torch.tensor([1.0, 2.0 + rank], requires_grad=True)
(F.all_reduce(t) ** 2).sum().backward()
say("all_reduce", t.grad.tolist())
t.grad = None
((F.broadcast(t, 1) * (rank + 1)) ** 2).sum().backward()
say("broadcast", t.grad.tolist())

if sys.argv[1:]:
    ts = [torch.tensor([1.0, 2.0 + r]) for r in range(n)]
    mixed = [sum(ts[i] * (j + 1 + i) for i in range(n)) for j in range(n)]  # o of rank j
    back = sum(2 * mixed[j] * (j + 1 + rank) for j in range(n))
    first = 2 * ts[1] * sum((r + 1) ** 2 for r in range(n)) * (rank == 1)
    parts = [torch.empty(2) for _ in range(n)]
    for f, want, grad in (
        (lambda t: F.all_gather(t)[1] * (rank + 1), ts[1] * (rank + 1), first),
        (lambda t: F.reduce_scatter(parts[0], [t * (i + 1 + rank) for i in range(n)]), mixed[rank], back),
        (lambda t: sum(F.all_to_all(parts, [t * (i + 1 + rank) for i in range(n)])), mixed[rank], back),
    ):
        t.grad = None
        o = f(t)
        (o * o).sum().backward()
        assert torch.allclose(o, want) and torch.allclose(t.grad, grad), (o, want, t.grad, grad)
dist.destroy_process_group()
