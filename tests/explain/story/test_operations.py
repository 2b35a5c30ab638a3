"""An operation's own explanation, the examples behind it, the command line, and docs/ops/."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lightwell as lw
from lightwell import cli, nn
from lightwell.explain.story.examples import examples
from lightwell.explain.story.of_op import derivation_blocks, derivation_of, find, formula, registered

ROOT = Path(__file__).parents[3]


def test_every_operation_has_an_example_that_runs_it():
    known = {n for n, r in registered().items() if r.spec.__module__.startswith("lightwell.")}
    assert set(examples()) == known
    for op, e in examples().items():
        reading = e.reading()
        assert reading.record.name == op
        assert all(np.array_equal(a, b) for a, b in zip(e.arrays().values(), e.arrays().values()))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_differentiable_operation_is_derived(language):
    lw.set_language(language)
    try:
        untold = [n for n in examples() if registered()[n].differentiable and not derivation_blocks(n)]
        assert untold == []
    finally:
        lw.set_language(None)


@pytest.mark.parametrize(
    "asked, found",
    [("tanh", ["tanh"]), (lw.tanh, ["tanh"]), ("torch.tanh", ["tanh"]), (nn.Tanh, ["tanh"]), (nn.Linear(2, 2), ["linear"]), (nn.LSTM, ["lstm"]),
     (nn.LSTMCell, ["lstm_cell"]), (nn.functional.cross_entropy, ["cross_entropy"]), (nn.CrossEntropyLoss, ["cross_entropy"]),
     (nn.BatchNorm2d, ["native_batch_norm"]), (nn.Conv2d, ["convolution"]), (lw.Tensor.exp, ["exp"]), ("inv", ["linalg_inv"]),
     (nn.MSELoss, ["mse_loss"]), (nn.NLLLoss, ["nll_loss"]), (nn.GELU, ["erf_gelu", "tanh_gelu"]), (nn.MaxPool2d, ["max_pool2d"]), (nn.Softmax, ["softmax"]),
     (registered()["mm"], ["mm"]), ("nothing", []), (3, [])],
)  # fmt: skip
def test_what_is_asked_for_is_found(asked, found):
    assert find(asked) == found


def test_an_operation_explained():
    e = lw.explain("tanh", lang="en")
    text = str(e)
    assert "WHAT IT COMPUTES" in text and "gx    = gy·(1 - y²)" in text
    assert r"\tanh" in e.latex() and "它计算什么" in str(lw.explain(lw.tanh, lang="zh"))
    assert "gate" in str(lw.explain(nn.LSTM, lang="en"))
    with pytest.raises(ValueError, match=r"no operation is called 'tanhh'\. Did you mean 'tanh'"):
        lw.explain("tanhh")
    with pytest.raises(TypeError, match="adam is no operation with a derivation of its own"):
        lw.explain(type("adam", (), {}))
    assert derivation_of("mm") is derivation_of("mm")


def test_formulas_as_text():
    assert formula("tanh") == {"y": "tanh(x)", "gx": "gy - gy·y·y"}
    assert formula(lw.mm)["gx"] == "gz yᵀ"
    with pytest.raises(LookupError):
        formula("nothing")


SCRIPT = """
import torch
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
X = torch.randn(16, 2)
y = X.sum(1, keepdim=True)
for epoch in range(3):
    loss = nn.functional.mse_loss(net(X), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print("done", loss.item())
"""


def test_the_command_explains_a_script(tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)

    def run(*args):
        return subprocess.run(
            [sys.executable, "-m", "lightwell.cli", "explain", *args], cwd=tmp_path, capture_output=True, text=True, env=_env()
        )

    told = run("--lang", "en", "--numbers", "--wrt", "0.weight", "train.py")
    assert told.returncode == 0, told.stderr
    assert "done 0.88" in told.stdout and "loss = 0.8806" not in told.stdout.split("FORWARD")[0]
    assert "From loss to net.0.weight" in told.stdout and "train.py:10" in told.stdout and "= 0.8806" in told.stdout
    page = run("--html", "page.html", "--lang", "zh", "train.py")
    assert page.returncode == 0 and "链式法则" in (tmp_path / "page.html").read_text(encoding="utf-8")
    first = run("--lang", "en", "--numbers", "--at", "1", "train.py")
    assert "= 1.1" in first.stdout
    (tmp_path / "plain.py").write_text("print('no loss here')\n")
    none = run("plain.py")
    assert none.returncode == 1 and "backward() was never called" in none.stderr
    wrong = run("--wrt", "nothing", "train.py")
    assert wrong.returncode == 2 and "names no quantity" in wrong.stderr


def _env():
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}


def test_the_command_explains_operations(capsys, tmp_path):
    assert cli.main(["explain", "softmax", "--lang", "en"]) == 0
    assert "WHERE THE GRADIENT COMES FROM" in capsys.readouterr().out
    assert cli.main(["explain", "--latex", "tanh"]) == 0
    assert "\\begin{document}" in capsys.readouterr().out
    assert cli.main(["explain", "--save", str(tmp_path / "t.md"), "tanh"]) == 0 and (tmp_path / "t.md").exists()
    assert cli.main(["explain", "softmaxx"]) == 2
    assert "Did you mean 'softmax'" in capsys.readouterr().err
    assert cli.main(["explain", "missing.py"]) == 2
    capsys.readouterr()
    assert cli.main(["explain", "LW103", "--lang", "zh"]) == 0
    assert "LW103" in capsys.readouterr().out
    assert cli.main(["explain", "LW99999"]) == 2
    capsys.readouterr()
    for what in ("softmax", "LW103"):
        assert cli.main(["explain", what, "--format", "html"]) == 2
        told = capsys.readouterr()
        assert "--format html" in told.err and not told.out


def test_pages_are_what_the_generator_makes():
    spec = importlib.util.spec_from_file_location("make_op_docs", ROOT / "tools" / "make_op_docs.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    made = tool.pages()
    differ = tool.differing(made)
    assert not differ, f"run python tools/make_op_docs.py: {[str(p.relative_to(ROOT)) for p in differ[:5]]} and {len(differ)} in all"
    assert sum(len(t.encode()) for t in made.values()) < 6e6
