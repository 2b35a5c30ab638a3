"""What a reader sees of the compiler: nests as loops, stages on request, the report of `lightwell explain-compile`."""

import os
import subprocess
import sys

import pytest

import lightwell as torch
from lightwell.compile import plan, pretty, trace

SCRIPT = """
import torch
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(20, 30), torch.nn.ReLU(), torch.nn.Linear(30, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

@torch.compile
def step(x, y):
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
    return loss

@torch.compile
def branch(x):
    return x * 2 if x.sum() > 0 else x

x, y = torch.randn(8, 20), torch.randint(4, (8,))
first = step(x, y).item()
for _ in range(20):
    last = step(x, y).item()
print("fell", last < first, branch(torch.ones(2)).tolist())
"""


def run(tmp_path, *words, **env):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    here = {**os.environ, "PYTHONWARNINGS": "ignore", "LIGHTWELL_CACHE": str(tmp_path / "cache"), **env}
    done = subprocess.run([sys.executable, "-m", "lightwell", *words, str(script)], capture_output=True, text=True, env=here, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "fell True [2.0, 2.0]" in done.stdout
    return done


def test_explain_compile(tmp_path):
    pytest.importorskip("llvmlite")
    told = run(tmp_path, "explain-compile").stdout
    assert "this machine:" in told and "GFLOP/s" in told
    assert "step(float32[8, 20], int64[8])" in told and "script.py" in told
    assert "gemm 8×20 · 20×30" in told and "nest" in told and "steps by" in told
    assert "branch runs eagerly" in told and "line 17" in told


@pytest.mark.parametrize("stage", ["graph", "simplify", "fuse", "plan", "ir"])
def test_stages_are_shown(tmp_path, stage):
    pytest.importorskip("llvmlite")
    told = run(tmp_path, LIGHTWELL_SHOW=stage).stderr
    assert f"---- {stage}" in told
    assert {"graph": "nll_pull(", "simplify": "matmul(", "fuse": "gemm", "plan": "for i < ", "ir": "define void @kernel"}[stage] in told
    assert told.count("---- ") == told.count(f"---- {stage}")


def test_without_native_code(tmp_path):
    told = run(tmp_path, LIGHTWELL_NATIVE="0", LIGHTWELL_SHOW="all").stderr
    assert "---- graph" in told and "---- ir" not in told


def test_a_nest_as_loops():
    graph = trace(lambda x, b: (torch.relu(x + b).sum(1), torch.where(x > 0, x, -x)), torch.ones(3, 4), torch.ones(4))
    text = pretty.show(plan.plan(graph))
    assert "for i < 3:" in text and "<- sum of relu((" in text and " if " in text and "else -" in text
    flipped = pretty.show(plan.plan(trace(lambda x: x.flip(0) * 2, torch.ones(5))))
    assert "- i" in flipped or "-1*i" in flipped
