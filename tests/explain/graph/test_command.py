"""`lightwell graph SCRIPT`: draws the last backward() of a script that knows nothing of it."""

import os
import re
import subprocess
import sys

import pytest

import lightwell

HOME = os.path.dirname(os.path.dirname(lightwell.__file__))

TRAIN = """
import sys
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(4, 5), nn.ReLU())
        self.out = nn.Linear(5, 2)
    def forward(self, x):
        return self.out(self.hidden(x))
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
state = torch.zeros(3, 2)
for step in range(3):
    y = net(torch.rand(3, 4)) + state
    state = y.detach()
    loss = nn.MSELoss()(y, torch.zeros(3, 2))
    opt.zero_grad()
    loss.backward()
    opt.step()
    print("step", step, *sys.argv[1:])
"""


def run(tmp_path, text, *options, script="s.py"):
    (tmp_path / script).write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "lightwell", "graph", *options],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": HOME, "LIGHTWELL_LANG": "en"},
    )


def test_the_last_backward_is_drawn_with_modules_by_name(tmp_path):
    done = run(tmp_path, TRAIN, "s.py", "-o", "g.svg", "--lang", "en", "--fold", "9")
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.count("step") == 3 and f"backward() number 3, {5} operations" in done.stdout and str(tmp_path / "g.svg") in done.stdout
    )
    text = (tmp_path / "g.svg").read_text(encoding="utf-8")
    for words in ("net.hidden", "Linear", "MSELoss", "ReluBackward0", "weight 5×4", "loss", ">input<"):
        assert words in text
    assert text.count('class="cell op"') == 5  # of one step alone: the detached state is data


def test_the_page_is_the_default_and_chinese_is_spoken(tmp_path):
    done = run(tmp_path, TRAIN, "--lang", "zh", "--first", "s.py", "--", "--epochs", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("step") == 0 and "第 1 次 backward()" in done.stdout
    assert 'lang="zh"' in (tmp_path / "s.graph.html").read_text(encoding="utf-8")


def test_the_scripts_own_arguments_reach_it(tmp_path):
    done = run(tmp_path, TRAIN, "s.py", "--epochs", "2", "-o", "g.dot", "--", "--fold", "7")
    assert "step 2 --epochs 2 --fold 7" in done.stdout and (tmp_path / "g.dot").read_text().startswith("digraph")


def test_without_a_backward_the_largest_call_is_drawn(tmp_path):
    text = "import torch\nfrom torch import nn\nnn.ReLU()(torch.ones(1))\nbig = nn.Sequential(nn.Linear(2, 3), nn.Tanh())\nbig(torch.ones(1, 2))\nnn.Tanh()(torch.ones(2))\n"
    done = run(tmp_path, text, "s.py", "-o", "g.mmd", "--no-backward")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "g.mmd").read_text()
    assert "tanh" in text and "big.0 Linear" in text and "Backward" not in text


def test_a_script_that_fails_is_still_drawn(tmp_path):
    done = run(tmp_path, TRAIN + "\nraise ValueError('too late')\n", "s.py", "-o", "g.svg")
    assert done.returncode == 1 and "too late" in done.stderr and (tmp_path / "g.svg").exists()
    assert "lightwell/" not in re.sub(r"site-packages.*", "", done.stderr.replace(str(tmp_path), ""))


@pytest.mark.parametrize("options, told", [(("s.py",), "nothing to draw"), (("s.py", "-o", "g.jpg"), "must end in"), ((), "name a script")])
def test_what_can_not_be_done(tmp_path, options, told):
    done = run(tmp_path, "x = 1\n", *options)
    assert done.returncode and told in done.stderr
