"""The collectives over MPI."""

import torch
import torch.distributed as dist

dist.init_process_group("mpi")
rank, n = dist.get_rank(), dist.get_world_size()
for dt in (torch.float32, torch.bfloat16, torch.bool, torch.int64):
    x = torch.ones(5).to(dt)
    dist.all_reduce(x)
x = torch.arange(6.0).reshape(2, 3).t() + rank
dist.all_reduce(x, op=dist.ReduceOp.AVG)
assert x[0, 0] == (n - 1) / 2
l = [torch.zeros(2) for _ in range(n)]
dist.all_gather(l, torch.full((2,), float(rank)))
assert [t[0].item() for t in l] == list(range(n))
b = torch.full((70,), float(rank))
dist.broadcast(b, src=n - 1)
assert (b == n - 1).all()
s = torch.zeros(2)
dist.scatter(s, [torch.ones(2) * i for i in range(n)] if rank == 0 else None)
assert s[0] == rank
g = [torch.zeros(2) for _ in range(n)] if rank == 0 else None
dist.gather(torch.ones(2) * rank, g)
rs = torch.zeros(2)
dist.reduce_scatter(rs, [torch.ones(2) * i for i in range(n)])
assert (rs == rank * n).all()
a = torch.arange(n * 2) + 100 * rank
out = torch.zeros(2 * n, dtype=torch.int64)
dist.all_to_all_single(out, a)
assert out[::2].tolist() == [100 * i + 2 * rank for i in range(n)]
r = torch.ones(3) * rank
dist.reduce(r, 0)
dist.barrier()
dist.monitored_barrier()
obs = [None] * n
dist.all_gather_object(obs, {"r": rank})
assert [o["r"] for o in obs] == list(range(n))
if rank == 0:
    t = torch.zeros(1)
    src = dist.recv(t)
    assert t.item() == src
elif rank == 1:
    dist.send(torch.tensor([1.0]), 0)
big = torch.ones(100000) * rank
got = torch.zeros(100000)
nxt, prv = (rank + 1) % n, (rank - 1) % n
[w.wait() for w in dist.batch_isend_irecv([dist.P2POp(dist.isend, big, nxt), dist.P2POp(dist.irecv, got, prv)])]
assert (got == prv).all()
sub = dist.new_group([0, 1])
t = torch.ones(1)
if rank < 2:
    dist.all_reduce(t, group=sub)
    assert t == 2
m = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(3, 1))
m(torch.ones(2, 3) * (rank + 1)).sum().backward()
assert m.module.weight.grad[0, 0] == sum(2 * (i + 1) for i in range(n)) / n
print("mpi ok", rank, n, dist.get_backend(), flush=True)
dist.destroy_process_group()
