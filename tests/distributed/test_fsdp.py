"""FullyShardedDataParallel: PyTorch's output where PyTorch does it on a CPU, and the whole module's numbers everywhere."""

import functools
import pathlib
import socket
import subprocess
import sys

import pytest

import lightwell as torch
from lightwell.distributed.fsdp import FullyShardedDataParallel as FSDP
from lightwell.distributed.fsdp import MixedPrecision, wrap

PROGRAMS = pathlib.Path(__file__).parent / "programs"


def run(name, *before, again=3):
    """What a program prints, run by lightwell (or by what `before` says)."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    command = [sys.executable, *before, str(PROGRAMS / name), port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=PROGRAMS.parents[2])
    if done.returncode and "lightwell" not in before and again:  # PyTorch's processes abort now and then on their way out
        return run(name, *before, again=again - 1)
    assert done.returncode == 0 or "lightwell" not in before, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["fsdp_program", "fully_shard_program"])
def test_prints_what_pytorch_prints(name):
    assert run(f"{name}.py", "-m", "lightwell") == (PROGRAMS / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", ["fsdp_program", "fully_shard_program"])
def test_the_expected_output_is_pytorchs(name):
    pytest.importorskip("torch")
    assert run(f"{name}.py", "-W", "ignore") == (PROGRAMS / f"{name}.txt").read_text()


def test_states_strategies_tied_and_frozen_parameters():
    assert run("fsdp_own.py", "-m", "lightwell") == "fine\n"


def test_needs_a_process_group():
    with pytest.raises(RuntimeError, match="init_process_group"):
        FSDP(torch.nn.Linear(2, 2))
    with pytest.raises(TypeError, match="must be an nn"):
        FSDP([1])


def test_policies():
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.ModuleList([torch.nn.Linear(9, 9)]), torch.nn.MultiheadAttention(4, 2))
    named = {name: m for name, m in net.named_modules() if name}

    def wrapped(policy):
        made = []
        wrap.wrap_children(__import__("copy").deepcopy(net), policy, lambda child: made.append(type(child).__name__) or child, set())
        return made

    assert wrapped(wrap.always_wrap_policy) == [type(named[n]).__name__ for n in ("0", "1.0", "1", "2.out_proj", "2")]
    assert wrapped(functools.partial(wrap.size_based_auto_wrap_policy, min_num_params=20)) == ["Linear", "MultiheadAttention"]
    assert wrapped(functools.partial(wrap.transformer_auto_wrap_policy, transformer_layer_cls={torch.nn.MultiheadAttention})) == [
        "MultiheadAttention"
    ]
    assert wrapped(functools.partial(wrap.lambda_auto_wrap_policy, lambda_fn=lambda m: getattr(m, "in_features", 0) == 3)) == ["Linear"]
    assert wrapped(wrap.ModuleWrapPolicy({torch.nn.ModuleList})) == ["ModuleList"]
    assert wrapped(wrap.CustomPolicy(lambda m: isinstance(m, torch.nn.ModuleList))) == ["ModuleList"]
    with pytest.raises(ValueError, match="lambda_fn should return"):
        wrapped(wrap.CustomPolicy(lambda m: None))
    layer = torch.nn.Linear(1, 1)
    assert wrap.wrap(layer) is layer
    with wrap.enable_wrap(wrapper_cls=torch.nn.Sequential):
        assert isinstance(wrap.wrap(layer), torch.nn.Sequential)
    assert MixedPrecision().param_dtype is None
