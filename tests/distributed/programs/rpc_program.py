"""Three workers that call each other; worker 0 prints what it learns. Runs under PyTorch and under lightwell alike."""

import os
import sys
import threading

import torch
import torch.distributed.autograd as dist_autograd
import torch.distributed.rpc as rpc
import torch.multiprocessing as mp
import torch.nn as nn
from torch.distributed.nn import RemoteModule
from torch.distributed.optim import DistributedOptimizer
from torch.distributed.rpc import RRef


class Part:
    """Half of a model, and calls of every kind."""

    def __init__(self, n):
        self.n, self.lock = n, threading.Lock()
        self.w = nn.Parameter(torch.ones(3, 3) * n)

    def forward(self, x):
        return torch.tanh(x @ self.w)

    def fail(self):
        raise ValueError("no such thing")

    def params(self):
        return [RRef(self.w)]

    @rpc.functions.async_execution
    def later(self, x):
        future = torch.futures.Future()
        threading.Timer(0.05, lambda: future.set_result(x + self.n)).start()
        return future


@rpc.functions.async_execution
def chain(to, x, y):
    return rpc.rpc_async(to, torch.add, args=(x, y)).then(lambda done: done.wait() * 2)


def nested(to, x):
    return rpc.rpc_sync(to, torch.mul, args=(x, 3))


def hold(rref):
    return rref.owner_name(), rref.to_here() + 1


def slow():
    import time

    time.sleep(3)


def main():
    print(rpc.get_worker_info(), rpc.get_worker_info("worker1"))
    print(
        rpc.rpc_sync("worker1", torch.add, args=(torch.ones(2), 3)),
        rpc.rpc_sync(2, torch.arange, args=(3,), kwargs={"dtype": torch.float64}),
    )
    print(
        rpc.rpc_sync("worker1", nested, args=("worker2", torch.ones(2))), rpc.rpc_sync("worker1", chain, args=("worker2", torch.ones(2), 1))
    )
    first, second = rpc.remote("worker1", Part, args=(0.2,)), rpc.remote("worker2", Part, args=(0.3,))
    print(round(first.rpc_sync().forward(torch.eye(3)).sum().item(), 5), first.owner_name(), first.is_owner())
    print(round(first.rpc_async().later(5).wait(), 3), round(first.remote().later(1).to_here(), 3))
    print(
        rpc.rpc_sync("worker2", hold, args=(rpc.remote("worker1", nested, args=("worker0", torch.ones(2))),)),
        RRef(torch.zeros(1)).to_here(),
    )
    for call in (lambda: first.rpc_sync().fail(), lambda: rpc.remote("worker1", int, args=("x",)).to_here()):
        try:
            call()
        except ValueError as error:
            print("ValueError", "no such thing" in str(error), "int()" in str(error))
    try:
        first.local_value()
    except RuntimeError:
        print("not the owner")
    try:
        rpc.rpc_sync("worker2", slow, timeout=0.3)
    except RuntimeError as error:
        print("RPC ran for more than set timeout" in str(error))
    w = torch.full((3, 3), 0.5, requires_grad=True)
    mark = RemoteModule("worker2/cpu", nn.Linear, args=(3, 1, False))
    with torch.no_grad():
        start = mark.remote_parameters()
    optimizer = DistributedOptimizer(torch.optim.SGD, first.rpc_sync().params() + second.rpc_sync().params() + [RRef(w)] + start, lr=0.1)
    weight = start[0].to_here().detach().clone()
    for _ in range(3):
        with dist_autograd.context() as context:
            hidden = second.rpc_sync().forward(first.rpc_sync().forward(torch.eye(3) + w))
            loss = (hidden * w).sum() + hidden.pow(2).mean() + 0 * mark(hidden).sum()
            dist_autograd.backward(context, [loss])
            print(f"{loss.item():.5f} {dist_autograd.get_gradients(context)[w].sum().item():.5f} {w.grad}")
            optimizer.step(context)
    print(
        f"{w.sum().item():.5f} {second.remote().params().to_here()[0].to_here().sum().item():.5f}", torch.equal(weight, start[0].to_here())
    )
    with dist_autograd.context() as context:
        a = torch.tensor([1.0, 2.0], requires_grad=True)
        square = rpc.remote("worker1", torch.mul, args=(a, a))
        dist_autograd.backward(context, [square.to_here().sum() + a.sum()])
        print(dist_autograd.get_gradients(context)[a])
    print(torch.futures.wait_all([rpc.rpc_async("worker1", divmod, args=(i, 2)) for i in range(5)]))


def run(rank, world, port):
    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = "127.0.0.1", port
    rpc.init_rpc(f"worker{rank}", rank=rank, world_size=world, rpc_backend_options=rpc.TensorPipeRpcBackendOptions(num_worker_threads=8))
    if rank == 0:
        main()
    rpc.shutdown()


if __name__ == "__main__":
    mp.spawn(run, args=(3, sys.argv[1]), nprocs=3, join=True)
