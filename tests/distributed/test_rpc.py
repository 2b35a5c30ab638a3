"""Calls on other workers, remote references, distributed autograd and its optimizer: one program, PyTorch's output."""

import pathlib
import socket
import subprocess
import sys

import pytest

import lightwell as torch
import lightwell.distributed.autograd as dist_autograd
import lightwell.distributed.rpc as rpc

PROGRAMS = pathlib.Path(__file__).parent / "programs"


def free_port() -> str:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def run(name, *before, again=3):
    """What a program prints, run by lightwell (or by what `before` says)."""
    command = [sys.executable, *before, str(PROGRAMS / name), free_port()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=PROGRAMS.parents[2])
    if done.returncode and "lightwell" not in before and again:  # PyTorch's processes abort now and then on their way out
        return run(name, *before, again=again - 1)
    assert done.returncode == 0 or "lightwell" not in before, done.stderr
    return done.stdout


def test_prints_what_pytorch_prints():
    assert run("rpc_program.py", "-m", "lightwell") == (PROGRAMS / "rpc_program.txt").read_text()


def test_the_expected_output_is_pytorchs():
    pytest.importorskip("torch")
    assert run("rpc_program.py", "-W", "ignore") == (PROGRAMS / "rpc_program.txt").read_text()


def test_outside_of_a_group():
    for call in (rpc.get_worker_info, rpc.shutdown, lambda: rpc.rpc_sync("a", len), lambda: rpc.RRef(1)):
        with pytest.raises(RuntimeError, match="RPC has not been initialized"):
            call()
    with pytest.raises(ValueError, match="backend"):
        rpc.init_rpc("a", backend="carrier pigeon", rank=0, world_size=1)
    with pytest.raises(ValueError, match="num_worker_threads"):
        rpc.TensorPipeRpcBackendOptions(num_worker_threads=0)
    with pytest.raises(ValueError, match="computes on the CPU"):
        rpc.TensorPipeRpcBackendOptions(device_maps={"a": {"cuda:0": "cuda:1"}})
    with pytest.raises(RuntimeError, match="Could not find autograd context with id: 5"):
        dist_autograd.backward(5, [torch.zeros(())])


def test_alone_in_a_group(tmp_path):
    options = rpc.TensorPipeRpcBackendOptions(init_method=f"file://{tmp_path}/store", num_worker_threads=2)
    rpc.init_rpc("alone", rank=0, world_size=1, rpc_backend_options=options)
    try:
        with pytest.raises(RuntimeError, match="already initialized"):
            rpc.init_rpc("alone", rank=0, world_size=1, rpc_backend_options=options)
        assert rpc.rpc_sync("alone", divmod, args=(7, 2)) == (3, 1)
        with pytest.raises(RuntimeError, match=r"no worker 'other'; the workers are \['alone'\]"):
            rpc.rpc_sync("other", divmod, args=(7, 2))
        with pytest.raises(ZeroDivisionError, match="On WorkerInfo"):
            rpc.rpc_sync(0, divmod, args=(7, 0))
        with pytest.raises(TypeError, match="must be callable"):
            rpc.rpc_sync(0, "divmod")
        x = torch.ones(2, requires_grad=True)
        with dist_autograd.context() as context:
            loss = (rpc.rpc_sync(0, torch.mul, args=(x, x)) * x).sum()
            dist_autograd.backward(context, [loss])
            assert dist_autograd.get_gradients(context)[x].tolist() == [3, 3] and x.grad is None
            with pytest.raises(RuntimeError, match="not a scalar"):
                dist_autograd.backward(context, [x * 2])
            with pytest.raises(RuntimeError, match="requires_grad not set"):
                dist_autograd.backward(context, [torch.zeros(())])
        with pytest.raises(RuntimeError, match="Could not find autograd context"):
            dist_autograd.get_gradients(context)
        kept = rpc.RRef([1])
        with pytest.raises(RuntimeError, match="only be pickled when using RPC"):
            __import__("pickle").dumps(kept)
        assert kept.to_here() is kept.local_value()
    finally:
        rpc.shutdown()
