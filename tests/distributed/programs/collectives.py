"""Every collective, checked against what it says, on any number of ranks from 2 on."""

import torch
import torch.distributed as dist

dist.init_process_group("gloo")
rank, n = dist.get_rank(), dist.get_world_size()
op = dist.ReduceOp


def ranks(dtype=torch.float32, size=3):
    return [(torch.arange(size) % 7 + r).to(dtype) for r in range(n)]


for size in (3, 60000):  # the second goes around the ring
    for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.uint8, torch.complex64):
        x = ranks(dtype, size)[rank]
        dist.all_reduce(x)
        assert torch.equal(x, sum(ranks(dtype, size)[1:], ranks(dtype, size)[0])), dtype
    for kind, combine in ((op.MIN, torch.minimum), (op.MAX, torch.maximum), (op.PRODUCT, torch.mul), (op.BOR, torch.bitwise_or)):
        x, want = ranks(torch.int64, size)[rank], ranks(torch.int64, size)[0]
        for other in ranks(torch.int64, size)[1:]:
            want = combine(want, other)
        dist.all_reduce(x, op=kind)
        assert torch.equal(x, want), kind
flags = torch.tensor([rank == 0, False])
dist.all_reduce(flags)
assert flags.tolist() == [True, False]

x = torch.arange(6.0).reshape(2, 3).t() + rank  # not contiguous
base = torch.zeros(4, 6)
view = base[:, ::2]
dist.all_reduce(x, op=op.AVG)
assert torch.allclose(x, torch.arange(6.0).reshape(2, 3).t() + (n - 1) / 2) and x.stride() == (1, 3)
view += 1
dist.all_reduce(view)
assert base.sum() == 12 * n and base[0, 1] == 0

works = [dist.all_reduce(torch.ones(30000) * i, async_op=True) for i in range(5)]
for i, work in enumerate(works):
    assert work.wait() and work.is_completed() and work.is_success() and (work.result()[0] == i * n).all()
assert works[0].get_future().then(lambda f: f.value()[0][0].item()).wait() == 0


def again(future):  # a collective inside another's callback
    t = torch.ones(2)
    dist.all_reduce(t)
    return t[0].item() + future.value()[0][0].item()


first = dist.all_reduce(torch.ones(40000), async_op=True).get_future().then(again)
assert first.wait() == 2 * n

parts = [torch.zeros(2) for _ in range(n)]
dist.all_gather(parts, torch.full((2,), float(rank)))
assert [t[1].item() for t in parts] == list(range(n))
whole = torch.zeros(n, 2)
dist.all_gather_into_tensor(whole, torch.full((2,), float(rank)))
assert whole[:, 0].tolist() == list(range(n))
b = torch.full((70000,), float(rank))
dist.broadcast(b, src=n - 1)
assert (b == n - 1).all()
r = torch.ones(3) * rank
dist.reduce(r, dst=1)
assert (r == (sum(range(n)) if rank == 1 else rank)).all()
g = [torch.zeros(2) for _ in range(n)] if rank == 0 else None
dist.gather(torch.ones(2) * rank, g, dst=0)
assert rank or [t[0].item() for t in g] == list(range(n))
s = torch.zeros(2)
dist.scatter(s, [torch.ones(2) * i for i in range(n)] if rank == 0 else None, src=0)
assert (s == rank).all()
dist.reduce_scatter(s, [torch.ones(2) * i for i in range(n)])
assert (s == rank * n).all()
dist.reduce_scatter_tensor(s, torch.arange(2.0 * n))
assert torch.equal(s, torch.arange(2.0 * n)[2 * rank : 2 * rank + 2] * n)
out = torch.zeros(2 * n, dtype=torch.int64)
dist.all_to_all_single(out, torch.arange(n * 2) + 100 * rank)
assert out[::2].tolist() == [100 * i + 2 * rank for i in range(n)]
outs = [torch.zeros(i + 1) for i in range(n)]
dist.all_to_all(outs, [torch.full((rank + 1,), 10.0 * rank + j) for j in range(n)])
assert [t[-1].item() for t in outs] == [10.0 * i + rank for i in range(n)]
pair = [torch.ones(2) * rank, torch.ones(3)]
dist.all_reduce_coalesced(pair)
assert pair[0][0] == sum(range(n)) and pair[1][2] == n
dist.barrier()
dist.monitored_barrier()

found = [None] * n
dist.all_gather_object(found, {"rank": rank, "t": torch.ones(rank)})
assert [o["t"].numel() for o in found] == list(range(n))
box = ["a", {"b": 3}] if rank == 0 else [None, None]
dist.broadcast_object_list(box, src=0)
assert box == ["a", {"b": 3}]
mine = [None]
dist.scatter_object_list(mine, list(range(n)) if rank == 0 else None, src=0)
assert mine == [rank]
all_ = [None] * n if rank == 0 else None
dist.gather_object(rank * 2, all_, dst=0)
assert rank or all_ == [2 * i for i in range(n)]

big, got = torch.ones(500000) * rank, torch.zeros(500000)
ops = [dist.P2POp(dist.isend, big, (rank + 1) % n), dist.P2POp(dist.irecv, got, (rank - 1) % n)]
for work in dist.batch_isend_irecv(ops):
    work.wait()
assert (got == (rank - 1) % n).all()
if rank == 0:
    for _ in range(n - 1):
        t = torch.zeros(1)
        assert dist.recv(t) == t.item()
    dist.send_object_list(["x", 1], dst=1)
else:
    dist.send(torch.tensor([float(rank)]), dst=0)
    if rank == 1:
        box = [None, None]
        dist.recv_object_list(box, src=0)
        assert box == ["x", 1]

half = dist.new_group([0, 1])
if rank < 2:
    t = torch.ones(1)
    dist.all_reduce(t, group=half)
    assert t == 2 and dist.get_process_group_ranks(half) == [0, 1] and dist.get_group_rank(half, 1) == 1
else:
    assert dist.get_rank(half) == -1 and half == dist.GroupMember.NON_GROUP_MEMBER
    dist.all_reduce(torch.ones(1), group=half)  # nothing happens
alone, groups = dist.new_subgroups(1)
assert dist.get_world_size(alone) == 1 and len(groups) == n
dist.destroy_process_group()
assert not dist.is_initialized()
print(f"done {rank}\n", end="", flush=True)  # one write: ranks share the pipe
