"""Tensors in several processes: shared by whichever way the processes start, errors told, results of dead workers kept."""

import os

import numpy as np
import pytest

import lightwell as torch
import lightwell.multiprocessing as mp

METHODS = [m for m in ("fork", "spawn", "forkserver") if m in mp.get_all_start_methods()]


def add_to(t, module, amount):
    """What a child does: writes into what it was given."""
    t += amount
    with torch.no_grad():
        module.weight.add_(amount)


def put_and_end(queue, dtype):
    """A child that is gone before its result is fetched."""
    queue.put(torch.arange(5).to(dtype))


def fail(i):
    """The second of the processes raises."""
    if i == 1:
        raise ValueError("the number one")


def leave(i):
    """A process that ends without a word."""
    os._exit(7)


def bump(i, t):
    """Each process writes its row."""
    t[i] += i + 1


@pytest.mark.parametrize("method", METHODS)
def test_children_write_into_shared_tensors_and_modules(method):
    net = torch.nn.Linear(2, 1)
    net.share_memory()
    assert net.weight.is_shared() and net.weight.data.is_shared() and net.weight[0].is_shared()
    before = net.weight.detach().clone()
    part = torch.zeros(3, 4).share_memory_()
    child = mp.get_context(method).Process(target=add_to, args=(part[1:, ::2], net, 2.0))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert part.tolist() == [[0, 0, 0, 0], [2, 0, 2, 0], [2, 0, 2, 0]]
    assert torch.equal(net.weight.detach(), before + 2)


def test_spawn_shares_its_arguments():
    t = torch.zeros(2, 3)
    assert not t.is_shared()
    mp.spawn(bump, args=(t,), nprocs=2)
    assert t.is_shared() and t.tolist() == [[1] * 3, [2] * 3]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool, torch.complex64])
def test_a_result_outlives_its_worker(dtype):
    context = mp.get_context("fork" if "fork" in METHODS else "spawn")
    queue = context.Queue()
    child = context.Process(target=put_and_end, args=(queue, dtype))
    child.start()
    child.join()
    got = queue.get(timeout=20)
    assert got.dtype is dtype and torch.equal(got, torch.arange(5).to(dtype))


def test_sending_within_a_process_keeps_one_memory():
    queue = mp.Queue()
    t = torch.zeros(3)
    queue.put(t)
    got = queue.get(timeout=20)
    got += 1
    assert t.tolist() == [1, 1, 1] and got.untyped_storage().data_ptr() == t.untyped_storage().data_ptr()
    queue.put(t[1:].detach())
    assert queue.get(timeout=20).tolist() == [1, 1]


def test_a_part_of_unshared_memory_travels_as_a_copy():
    whole = torch.arange(4.0)
    queue = mp.SimpleQueue()
    queue.put(whole[1:])
    got = queue.get()
    got.zero_()
    assert whole.tolist() == [0, 1, 2, 3] and not whole.is_shared()


def test_requires_grad_travels_and_graphs_do_not():
    queue = mp.SimpleQueue()
    queue.put(torch.ones(2, requires_grad=True))
    assert queue.get().requires_grad
    with pytest.raises(RuntimeError, match="non-leaf"):
        queue.put(torch.ones(2, requires_grad=True) * 2)


def test_values_survive_the_move_and_numpy_keeps_the_old_memory():
    t = torch.arange(6).reshape(2, 3).t()
    array = t.numpy()
    assert t.share_memory_() is t and t.tolist() == [[0, 3], [1, 4], [2, 5]]
    t[0, 0] = 9
    assert array[0, 0] == 0 and np.array_equal(array[1:], t.numpy()[1:])
    assert torch.zeros(0).share_memory_().shape == (0,)


def test_failures_are_told():
    with pytest.raises(mp.ProcessRaisedException, match=r"Process 1 terminated(.|\n)*the number one"):
        mp.spawn(fail, nprocs=2)
    with pytest.raises(mp.ProcessExitedException, match="exit code 7"):
        mp.spawn(leave, nprocs=1)
