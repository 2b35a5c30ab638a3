"""A saved step runs again: within a program, and a script by the command line; files are there whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lightwell as torch
from lightwell import nn
from lightwell.explain.watch import Exploded, replay
from lightwell.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
ROOT = Path(__file__).parents[3]


def shell(*args, cwd):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LIGHTWELL_LANG": "en"}
    return subprocess.run(
        [sys.executable, "-m", "lightwell", *map(str, args)], capture_output=True, text=True, env=env, cwd=cwd, timeout=120
    )


def explode(path, net, optimizer, steps=9):
    """A training with dropout whose logarithm meets 0 in some step; gives the values of its operations there."""
    X, y = torch.rand(8, 4), torch.rand(8, 1)
    with pytest.raises(Exploded) as caught, torch.watch(net, optimizer, save=str(path)):
        for step in range(steps):
            out = net(X)
            loss = F.mse_loss(out, y) if step < 3 else -(torch.log(F.relu(out - out.mean())) * y).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return caught.value.finding, out.detach()


def make(seed):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.5), nn.Tanh(), nn.Linear(16, 1))
    return net, torch.optim.Adam(net.parameters(), lr=0.05)


def test_within_a_program(tmp_path):
    path = tmp_path / "step.pt"
    net, optimizer = make(0)
    finding, out = explode(path, net, optimizer)
    assert finding.step == 4 and finding.file == str(path) and [p.name for p in tmp_path.iterdir()] == ["step.pt"]
    other, _ = make(7)
    tape = replay(path, other, lambda out, y: -(torch.log(F.relu(out - out.mean())) * y).mean())
    assert tape.entries[tape.first].name == "log" and tape.finding.code == finding.code
    last = next(e for e in reversed(tape.entries[: tape.first]) if e.name == "linear")
    assert (last.low, last.high) == pytest.approx((float(out.min()), float(out.max())), rel=1e-6)  # the dropout drew the same again
    assert ">> →  log" in tape.text()
    page = tape.save_html(tmp_path / "tape.html")
    assert "LW510" in Path(page).read_text()


def test_state_before_an_optimizers_step(tmp_path):
    net = nn.Linear(2, 1)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    optimizer = torch.optim.Adam(net.parameters(), eps=0.0)
    with pytest.raises(Exploded), torch.watch(net, optimizer, save=str(tmp_path / "s.pt")):
        F.mse_loss(net(torch.zeros(3, 2)), torch.ones(3, 1)).backward()
        optimizer.step()
    found = torch.load(tmp_path / "s.pt", weights_only=True)
    assert all(torch.equal(found["models"][0]["state"][k], v) for k, v in before.items())
    assert not net.weight.isfinite().all()
    other = nn.Linear(2, 1)
    again = torch.optim.Adam(other.parameters(), eps=0.0)
    tape = replay(tmp_path / "s.pt", other, F.mse_loss, batch=(torch.zeros(3, 2), torch.ones(3, 1)), optimizer=again)
    assert tape.finding.code == "LW542"


def test_refused_files(tmp_path):
    torch.save({"a": 1}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="was not written by lightwell's watch"):
        replay(tmp_path / "other.pt")
    (tmp_path / "broken.pt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="can't be read"):
        replay(tmp_path / "broken.pt")
    path = tmp_path / "step.pt"
    explode(path, *make(0))
    with pytest.raises(ValueError, match="give its model"):
        replay(path)
    with pytest.raises(ValueError, match="other parameters"):
        replay(path, nn.Linear(3, 3), F.mse_loss)
    done = shell("replay", tmp_path / "missing.pt", cwd=tmp_path)
    assert done.returncode == 2 and "missing.pt" in done.stderr
    done = shell("replay", path, cwd=tmp_path)
    assert done.returncode == 0 and "within a program" in done.stdout and "Sequential" in done.stdout


def test_a_full_disk_does_not_hide_the_finding(tmp_path):
    with pytest.raises(Exploded) as caught, torch.watch(save=str(tmp_path / "no" / "such" / "folder.pt")):
        torch.zeros(1, requires_grad=True).log().backward()
    f = caught.value.finding
    assert f.code == "LW510" and f.file is None and "could not be saved" in str(f)


LOADER = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
net = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.ReLU(), nn.Linear(16, 1), nn.Softplus())
optimizer = torch.optim.Adam(net.parameters(), lr=0.3)
X, y = torch.randn(60, 4), torch.rand(60, 1)
test = DataLoader(TensorDataset(X, y), 20)
def train():
    for epoch in range(40):
        net.train()
        for a, b in DataLoader(TensorDataset(X, y), 10, shuffle=True):
            out = net(a) - 0.45; print(f"{out.min().item():.4g}")
            loss = -(b * torch.log(out)).mean() + out.mean()
            optimizer.zero_grad(); loss.backward(); optimizer.step()
        net.eval()
        with torch.no_grad():
            for a, b in test: (net(a) - b).abs().mean()
if __name__ == "__main__":
    with torch.no_grad():
        for a, b in test: net(a)
    train()
"""

BY_HAND = """
import random
import torch
from torch import nn
net = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.5), nn.ReLU(), nn.Linear(16, 1), nn.Softplus())
optimizer = torch.optim.Adam(net.parameters(), lr=0.3)
X, y = torch.randn(60, 4), torch.rand(60, 1)
def batches(n):
    order = list(range(60)); random.shuffle(order)
    for i in range(0, 60, n): yield X[order[i:i + n]], y[order[i:i + n]]
for epoch in range(40):
    for a, b in batches(10):
        out = net(a) - 0.45; print(f"{out.min().item():.4g}")
        loss = -(b * torch.log(out)).mean() + out.mean()
        optimizer.zero_grad(); loss.backward(); optimizer.step()
"""


@pytest.mark.parametrize("script", [LOADER, BY_HAND], ids=["DataLoader", "by hand"])
def test_script(script, tmp_path):
    """No seed is set: the file alone brings the same numbers back."""
    (tmp_path / "train.py").write_text(script)
    done = shell("run", "--watch", "train.py", cwd=tmp_path)
    assert done.returncode == 1 and "LW511" in done.stderr, done.stderr
    (file,) = tmp_path.glob("exploded-train-step*.pt")
    value = done.stdout.split()[-1]
    again = shell("replay", file, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    line = next(text for text in again.stdout.splitlines() if " sub " in text)
    assert value + " …" in line, (value, again.stdout)
    assert ">> →  log" in again.stdout
    told = shell("replay", "--summary", file, cwd=tmp_path)
    assert "model net (Sequential)" in told.stdout


def test_run_passes_arguments_and_healthy_scripts(tmp_path):
    (tmp_path / "s.py").write_text("import sys, torch\nprint(sys.argv[1:], torch.ones(2).sum().item())\n")
    done = shell("run", "--watch", "--html", "r.html", "s.py", "--lr", "3", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == "['--lr', '3'] 2.0\n" and (tmp_path / "r.html").exists()
    (tmp_path / "bad.py").write_text("raise SystemExit(3)\n")
    assert shell("run", "--watch", "bad.py", cwd=tmp_path).returncode == 3
    done = shell("run", "--watch", "nowhere.py", cwd=tmp_path)
    assert done.returncode == 2 and "nowhere.py" in done.stderr
