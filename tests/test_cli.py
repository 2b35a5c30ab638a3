"""The command `lightwell` as an installer writes it, a file in bin: its frames are nobody's code, and what a script says at its end is heard."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAUNCHER = """import re
import sys
from lightwell.cli import main
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(main())
"""
MISFIT = "import torch\ntorch.ones(2, 3) @ torch.ones(4, 5)\n"
STEEP = """import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=50.0)
for step in range(50):
    x = torch.randn(32, 4)
    loss = ((net(x) - x.sum(1, keepdim=True)) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
STOPPED = STEEP.replace("50.0", "0.01") + "    if step == 9:\n        import os, signal\n        os.kill(os.getpid(), signal.SIGINT)\n"


@pytest.fixture
def command(tmp_path):
    launcher = tmp_path / "bin" / "lightwell"
    launcher.parent.mkdir()
    launcher.write_text(LAUNCHER)

    def run(*words, script=None):
        if script is not None:
            (tmp_path / "script.py").write_text(script)
        env = {**os.environ, "PYTHONPATH": str(ROOT), "LIGHTWELL_LANG": "en"}
        return subprocess.run([sys.executable, str(launcher), *words], capture_output=True, text=True, env=env, cwd=tmp_path, timeout=120)

    return run


@pytest.mark.parametrize("words", ["run", "run --watch", "run --lint", "lint", "graph", "explain"])
def test_a_traceback_begins_with_the_script(command, words):
    done = command(*words.split(), "script.py", script=MISFIT)
    assert done.returncode != 0
    assert done.stderr.count("Traceback") == 1, done.stderr
    first = done.stderr.split("Traceback (most recent call last):\n")[1].splitlines()[0]
    assert first == '  File "script.py", line 2, in <module>'
    assert "LW103" in done.stderr


@pytest.mark.parametrize("words", ["run", "run --watch", "run --lint", "lint", "graph", "explain"])
def test_what_a_script_ends_with_is_heard(command, words):
    done = command(*words.split(), "script.py", script="import sys\nprint('begun')\nsys.exit('no data here')\n")
    assert done.returncode == (2 if "lint" in words else 1)
    assert "begun" in done.stdout and "no data here" in done.stderr


def test_ends_of_run(command):
    assert command("run", "script.py", script="raise SystemExit(3)\n").returncode == 3
    assert command("run", "script.py", script="raise SystemExit\n").returncode == 0


def test_the_watch_names_no_launcher(command, tmp_path):
    done = command("run", "--watch", "--no-save", "script.py", script=STEEP)
    assert done.returncode == 1 and "LW541" in done.stderr and "script.py:12" in done.stderr
    assert "called from" not in done.stderr and "sys.exit" not in done.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a process can't interrupt itself so here")
def test_a_watch_that_is_interrupted_tells_what_it_saw(command, tmp_path):
    done = command("run", "--watch", "--html", "seen.html", "script.py", script=STOPPED)
    assert done.returncode == 130 and "stopped" in done.stderr
    assert "watch: 10 steps" in done.stderr and (tmp_path / "seen.html").stat().st_size > 1000


def test_the_lint_finds_the_same_with_and_without_the_launcher(command, tmp_path):
    script = STEEP.replace("50.0", "0.01").replace("    optimizer.zero_grad()\n", "")
    found = command("lint", "script.py", script=script)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LIGHTWELL_LANG": "en"}
    other = subprocess.run([sys.executable, "-m", "lightwell", "lint", "script.py"], capture_output=True, text=True, env=env, cwd=tmp_path)
    assert found.stdout == other.stdout and found.returncode == other.returncode == 1 and "zero_grad" in found.stdout
