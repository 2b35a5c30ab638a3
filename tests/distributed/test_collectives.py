"""Process groups: collectives on real processes, what they refuse, and what they say when a rank fails."""

from datetime import timedelta

import pytest
from ranks import run

import lightwell as torch
import lightwell.distributed as dist


@pytest.mark.parametrize("ranks", [2, 5])
def test_all_collectives(ranks):
    assert run("collectives.py", ranks).lines == [f"done {r}" for r in range(ranks)]


PRELUDE = """
import sys, os, time, datetime, torch, torch.distributed as dist
dist.init_process_group("gloo", timeout=datetime.timedelta(seconds=TIMEOUT))
rank = dist.get_rank()
def tell(f):
    try: f()
    except RuntimeError as e: print(rank, type(e).__name__, e, flush=True)
"""


def told(code, ranks, timeout=20, ok=True):
    return run(PRELUDE.replace("TIMEOUT", str(timeout)) + code, ranks, ok=ok)


def test_a_dead_rank_is_named_by_all_others():
    # the launcher ends the others when it sees the first fail: here they say first what they know
    done = told(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nif rank == 1: os._exit(7)\ntell(lambda: dist.all_reduce(torch.ones(3)))\ntime.sleep(2)\nos._exit(0)",
        3,
        ok=False,
    )
    lines = [line for line in done.lines if "DistBackendError" in line]
    assert len(lines) == 2 and all("rank 1 died" in line for line in lines)
    assert "exitcode  : 7" in done.stderr and done.returncode == 1


def test_a_late_rank_is_a_timeout():
    done = told("if rank == 1: time.sleep(2)\nelse: tell(lambda: dist.barrier())\nos._exit(0)", 2, timeout=1)
    assert "Timed out waiting 1000ms for rank 1 (this is rank 0)" in done.stdout


def test_different_collectives_and_sizes_are_told():
    done = told(
        "tell(lambda: dist.all_reduce(torch.ones(2 + rank)))\n"
        "tell(lambda: dist.barrier() if rank else dist.broadcast(torch.ones(1), 1))\nos._exit(0)",
        2, timeout=3,
    )  # fmt: skip
    assert "all_reduce: rank 1 sent 12 bytes where rank 0 expects 8" in done.stdout
    assert "rank 1 called barrier while rank 0 called broadcast" in done.stdout


def test_monitored_barrier_names_the_missing():
    done = told(
        "tell(lambda: dist.monitored_barrier(timeout=datetime.timedelta(seconds=0.5), wait_all_ranks=True)) if rank == 0 else time.sleep(1.5)\n"
        "os._exit(0)",
        3,
    )
    assert "[Rank 0]: Ranks 1, 2 failed to pass monitoredBarrier in 500 ms" in done.stdout


@pytest.fixture
def alone():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_refusals(alone):
    with pytest.raises(ValueError, match="twice"):
        dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    with pytest.raises(TypeError, match="Expected parameter `tensor`"):
        dist.all_reduce([1])
    with pytest.raises(RuntimeError, match="non-integral"):
        dist.all_reduce(torch.ones(1), dist.ReduceOp.BAND)
    with pytest.raises(ValueError, match="complex"):
        dist.all_reduce(torch.ones(1, dtype=torch.complex64), dist.ReduceOp.MAX)
    with pytest.raises(RuntimeError, match="can't be cast"):
        dist.all_reduce(torch.ones(1, dtype=torch.int64), dist.ReduceOp.AVG)
    with pytest.raises(RuntimeError, match="invalid root rank: 3"):
        dist.broadcast(torch.ones(1), 3)
    with pytest.raises(RuntimeError, match="invalid tensor size at index 0"):
        dist.all_gather([torch.ones(2)], torch.ones(1))
    with pytest.raises(ValueError, match="different dtypes"):
        dist.all_gather([torch.ones(1)], torch.ones(1, dtype=torch.int64))
    with pytest.raises(ValueError, match="gather_list"):
        dist.gather(torch.ones(1))
    with pytest.raises(ValueError, match="same as the rank of the current process"):
        dist.send(torch.ones(1), 0)
    with pytest.raises(ValueError, match="world size"):
        dist.new_group([0, 1])
    with pytest.raises(ValueError, match="not part of group"):
        dist.get_group_rank(dist.group.WORLD, 4)


def test_uninitialised_and_unknown_backends(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="has not been initialized"):
        dist.get_rank()
    with pytest.raises(ValueError, match="RANK expected"):
        dist.init_process_group("gloo")
    with pytest.raises(RuntimeError, match="doesn't have NCCL built in"):
        dist.init_process_group("nccl")
    with pytest.raises(ValueError, match="Invalid backend"):
        dist.init_process_group("carrier-pigeon")
    with pytest.raises(AssertionError):
        dist.destroy_process_group()
    assert dist.get_default_backend_for_device("cpu") == "gloo" and not dist.is_nccl_available() and dist.is_gloo_available()


def test_a_group_of_one(alone):
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    dist.all_reduce(y)
    y.sum().backward()
    assert x.grad.tolist() == [2, 2] and dist.get_backend() == "gloo" and dist.get_world_size() == 1
    assert repr(dist.ReduceOp.SUM) == "<RedOpType.SUM: 0>" and isinstance(dist.ReduceOp.SUM, dist.ReduceOp)
    assert dist.group.WORLD.size() == 1 and dist.get_backend_config() == "cpu:gloo,cuda:gloo"


@pytest.mark.parametrize("kind", ["hash", "file", "tcp", "prefix"])
def test_stores(kind, tmp_path):
    if kind == "tcp":
        master = dist.TCPStore("localhost", 0, is_master=True)
        store = dist.TCPStore("localhost", master.port)
    else:
        store = dist.FileStore(tmp_path / "table", 1) if kind == "file" else dist.HashStore()
    store = dist.PrefixStore("run", store) if kind == "prefix" else store
    store.set("a", "b")
    assert store.get("a") == b"b" and store.add("n", 3) == 3 and store.add("n", -1) == 2 and store.get("n") == b"2"
    assert store.compare_set("a", "x", "c") == b"b" and store.compare_set("a", "b", "c") == b"c" and store.compare_set("q", "", "d") == b"d"
    assert store.check(["a", "q"]) and not store.check(["zz"]) and store.delete_key("q") and not store.delete_key("q")
    store.append("a", b"\x00\xff")
    store.multi_set(["k", "l"], ["1", "2"])
    assert store.multi_get(["a", "k"]) == [b"c\x00\xff", b"1"] and store.num_keys() == 4
    store.queue_push("j", "1"), store.queue_push("j", "")
    assert [store.queue_pop("j"), store.queue_pop("j"), store.queue_len("j")] == [b"1", b"", 0]
    with pytest.raises(dist.QueueEmptyError):
        store.queue_pop("j", block=False)
    with pytest.raises(dist.DistStoreError, match="wait timeout after 50ms, keys: /none"):
        store.wait(["none"], timedelta(seconds=0.05))
    with pytest.raises(TypeError, match="str or bytes"):
        store.set("a", 3)


def test_store_waits_for_another_thread():
    import threading

    store = dist.TCPStore("localhost", 0, is_master=True)
    client = dist.TCPStore("localhost", store.port)
    threading.Timer(0.1, store.set, ("late", "x")).start()
    assert client.get("late") == b"x"


def test_unreachable_store():
    with pytest.raises(dist.DistNetworkError, match="timed out after 200ms"):
        dist.TCPStore("localhost", 1, timeout=timedelta(seconds=0.2))


def test_init_methods(tmp_path):
    code = "import sys, torch.distributed as d; d.init_process_group('gloo', init_method=sys.argv[1], rank=int(__import__('os').environ['RANK']), world_size=2); d.barrier(); print(f'{d.get_rank()}\\n', end='', flush=True); d.destroy_process_group()"
    assert run(code, 2, f"file://{tmp_path}/meet").lines == ["0", "1"]
    with pytest.raises(ValueError, match="rank parameter missing"):
        dist.init_process_group("gloo", init_method="tcp://localhost:1")
    with pytest.raises(RuntimeError, match="No rendezvous handler"):
        dist.init_process_group("gloo", init_method="pigeon://x")
