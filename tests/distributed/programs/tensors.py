"""DTensors of every layout against plain tensors, tensor parallelism against one process, meshes."""

import copy

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_module, distribute_tensor
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    PrepareModuleInput,
    PrepareModuleOutput,
    RowwiseParallel,
    SequenceParallel,
    loss_parallel,
    parallelize_module,
)  # fmt: skip

mesh = init_device_mesh("cpu", (2,), mesh_dim_names=("tp",))
rank = dist.get_rank()
torch.manual_seed(0)
x, w = torch.randn(5, 6), torch.randn(4, 6)
ROLES = (
    lambda a, w: F.linear(a, w),
    lambda a, w: F.linear(a, w, w.sum(1)),
    lambda a, w: a @ w.t(),
    lambda a, w: (a.relu() * 2 + 1).sum(0),
    lambda a, w: a.mean() + w.mean(),
    lambda a, w: (a * w.sum(0)).softmax(-1),
    lambda a, w: a.reshape(30).exp(),
    lambda a, w: a.view(5, 3, 2).transpose(0, 1).sum((0, 2)),
    lambda a, w: F.layer_norm(a, (6,), w.sum(0)),
    lambda a, w: a[:, 1:3] * 2,
    lambda a, w: torch.cat([a, a]),
    lambda a, w: F.linear(a, w).pow(2).mean(),
    lambda a, w: (a @ w.t()).mean(0) + 3,
    lambda a, w: 2 - (a @ w.t()).sum(1),
    lambda a, w: a.max(),
    lambda a, w: a.norm() * w.std(),
    lambda a, w: a / a.sum(1, keepdim=True),
    lambda a, w: torch.where(a > 0, a, w.amax(0)),
    lambda a, w: torch.stack(a.chunk(2, 1)) ** 2,
    lambda a, w: a.unsqueeze(1).squeeze(1).permute(1, 0).flatten(),
    lambda a, w: torch.einsum("ij,kj->ik", a, w),
    lambda a, w: F.cross_entropy(a @ w.t(), torch.tensor([0, 3, 1, 2, -100])),
    lambda a, w: F.embedding(torch.tensor([[0, 3], [1, 1]]), w) if not isinstance(w, DTensor) else F.embedding(
        distribute_tensor(torch.tensor([[0, 3], [1, 1]]), mesh, [Replicate()]), w),
)  # fmt: skip
LAYOUTS = (Shard(0), Shard(1), Replicate())
for px in LAYOUTS:
    for pw in LAYOUTS:
        for i, f in enumerate(ROLES):
            a, b = x.clone().requires_grad_(), w.clone().requires_grad_()
            o = f(a, b)
            (o * o).sum().backward()
            da, db = distribute_tensor(x, mesh, [px]).requires_grad_(), distribute_tensor(w, mesh, [pw]).requires_grad_()
            d = f(da, db)
            assert d.shape == o.shape and torch.allclose(d.full_tensor(), o, atol=1e-5), (i, px, pw, d.full_tensor(), o)
            (d * d).sum().full_tensor().backward()
            for plain, laid in ((a, da), (b, db)):
                assert (plain.grad is None) == (laid.grad is None), (i, px, pw)
                if plain.grad is not None:
                    assert laid.grad.placements == laid.placements
                    assert torch.allclose(laid.grad.full_tensor(), plain.grad, atol=1e-4), (i, px, pw)

t = distribute_tensor(torch.arange(10.0).reshape(5, 2), mesh, [Shard(0)])
assert t.to_local().shape == (3 - rank, 2) and t.shape == (5, 2) and t.numel() == 10 and len(t) == 5
assert t.redistribute(placements=[Shard(1)]).to_local().tolist() == [[2.0 * i + rank] for i in range(5)]
p = DTensor.from_local(torch.full((4, 2), rank + 1.0), mesh, [Partial()])
assert p.redistribute(placements=[Shard(0)]).to_local().tolist() == [[3.0, 3.0]] * 2 and (p.full_tensor() == 3).all()
t.add_(1)
t[0] = 7
t.mul_(2)
assert t.full_tensor()[:2].tolist() == [[14, 14], [6, 8]] and t.placements == (Shard(0),)
for wrong in (
    lambda: t + torch.ones(5, 2),
    lambda: distribute_tensor(torch.ones(2), mesh, [Shard(1)]),
    lambda: t.redistribute(placements=[]),
):
    try:
        wrong()
        raise AssertionError("not refused")
    except (RuntimeError, IndexError):
        pass


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb, self.norm = nn.Embedding(12, 8), nn.LayerNorm(8)
        self.up, self.down, self.out = nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, 12)

    def forward(self, i):
        h = self.emb(i)
        return self.out(h + self.down(torch.relu(self.up(self.norm(h)))))


torch.manual_seed(1)
ref = Block()
plan = {
    "emb": RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1)), "norm": SequenceParallel(),
    "up": ColwiseParallel(input_layouts=Shard(1)), "down": RowwiseParallel(output_layouts=Shard(1)),
    "out": ColwiseParallel(input_layouts=Shard(1), use_local_output=False),
}  # fmt: skip
tp = parallelize_module(copy.deepcopy(ref), mesh, plan)
assert isinstance(tp.up.weight, nn.Parameter) and tp.up.weight.to_local().shape == (8, 8) and tp.down.weight.placements == (Shard(1),)
opts = torch.optim.AdamW(ref.parameters(), lr=0.01), torch.optim.AdamW(tp.parameters(), lr=0.01)
ids, target = torch.randint(0, 12, (3, 4)), torch.randint(0, 12, (12,))
for _ in range(3):
    opts[0].zero_grad(), opts[1].zero_grad()
    one = F.cross_entropy(ref(ids).flatten(0, 1), target)
    one.backward()
    with loss_parallel():
        many = F.cross_entropy(tp(ids).flatten(0, 1), target)
        many.backward()
    assert abs(one.item() - many.item()) < 1e-5
    opts[0].step(), opts[1].step()
for (name, a), b in zip(ref.named_parameters(), tp.parameters()):
    assert torch.allclose(a, b.full_tensor(), atol=1e-5), name
total = torch.nn.utils.clip_grad_norm_(tp.parameters(), 0.1)
assert abs(total.item() - torch.nn.utils.clip_grad_norm_(ref.parameters(), 0.1).item()) < 1e-5
assert torch.allclose(tp.up.weight.grad.full_tensor(), ref.up.weight.grad, atol=1e-5)

same = distribute_module(nn.Linear(3, 2), mesh)
prepared = PrepareModuleOutput(output_layouts=Shard(0), desired_output_layouts=Replicate())._apply(nn.Identity(), mesh)
prepared = PrepareModuleInput(input_layouts=Shard(0), desired_input_layouts=Shard(0))._apply(prepared, mesh)
assert same.weight.placements == (Replicate(),) and prepared(torch.full((1,), float(rank))).tolist() == [0, 1]

grid = init_device_mesh("cpu", (1, 2), mesh_dim_names=("dp", "tp"))
assert grid["tp"].size() == 2 and grid.get_local_rank("tp") == rank and grid["dp"].get_group().size() == 1 and grid["dp", "tp"] is grid
d = distribute_tensor(torch.arange(8.0).reshape(4, 2), grid, [Shard(0), Shard(0)])
assert d.redistribute(placements=[Replicate(), Shard(1)]).full_tensor().tolist() == torch.arange(8.0).reshape(4, 2).tolist()
assert grid["dp", "tp"]._flatten("all").size() == 2 and grid["all"].get_local_rank() == rank
from torch.distributed import tensor as dt

torch.manual_seed(5)
r = dt.randn(5, 2, device_mesh=mesh, placements=[Shard(0)], requires_grad=True)
torch.manual_seed(5)
assert torch.equal(r.full_tensor(), torch.randn(5, 2)) and r.requires_grad
assert dt.full((3, 2), 2.0, device_mesh=mesh, placements=[Shard(1)]).sum().full_tensor() == 12 and dt.zeros(
    2, 3, device_mesh=mesh
).shape == (2, 3)
assert (dt.ones((4,), device_mesh=mesh, placements=[Shard(0)]) + 1).full_tensor().tolist() == [2] * 4
print(f"{grid!r} {t.placements!r} {rank}\n", end="", flush=True)  # one write: ranks share the pipe
dist.destroy_process_group()
