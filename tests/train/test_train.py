"""``lightwell train``: end to end on real digits, interrupted and resumed, and what it says about wrong arguments."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import lightwell
from lightwell import cli
from lightwell.train import checkpoint, tasks
from lightwell.train.progress import Progress
from lightwell.train.recipes import DATA, MODELS, Recipe, build
from lightwell.train.session import EpochOrder, Session, Stopped

ROOT = pathlib.Path(__file__).parents[2]


def lines(text):
    """The lines with results."""
    return [line for line in text.splitlines() if line.startswith(("epoch", "done"))]


def test_end_to_end(tmp_path, capsys):
    assert cli.main(["train", "lenet", "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    told = capsys.readouterr().out
    assert re.search(r"epoch 1/1  train loss [\d.]+  accuracy [\d.]+ %  test loss [\d.]+  accuracy [\d.]+ %", told)
    for part in ("model      lenet", "optimizer  Adam", "one cycle", "seed 0", "checkpoint"):
        assert part in told
    files = sorted(p.name for p in (tmp_path / "run").iterdir())
    state = lightwell.load(tmp_path / "run" / "checkpoint.pt")
    assert state["epoch"] == 1 and len(state["curve"]) == 46
    if "training.png" in files:
        assert (tmp_path / "run" / "training.png").read_bytes().startswith(b"\x89PNG")
    else:
        assert "lightwell[plot]" in told
    assert set(files) <= {"checkpoint.pt", "training.png"}


@pytest.mark.parametrize("model, least", [("lenet", 97), ("mlp", 96.5), ("softmax", 94)])
def test_accuracy_on_digits(model, least):
    recipe = Recipe(model)
    session = Session(recipe, tasks.load(recipe))
    while session.epoch < recipe.epochs:
        session.train_epoch()
    assert 100 * session.history[-1]["test_score"] >= least


def test_linear_comes_near_the_exact_solution():
    recipe = Recipe("linear")
    task = tasks.load(recipe)
    session = Session(recipe, task)
    while session.epoch < recipe.epochs:
        session.train_epoch()
    assert abs(np.sqrt(session.history[-1]["test_score"]) * task.scale - task.exact) < 0.02 * task.exact
    a, b = task.train.tensors
    assert abs(a.mean().item()) < 1e-5 and abs(b.std().item() - 1) < 1e-2


class StopAfter:
    """Presses Ctrl-C after so many batches."""

    def __init__(self, session, batches):
        self.session, self.left, self.real = session, batches, session.train_batch

    def __call__(self, x, y):
        self.real(x, y)
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("batches", [7, 46, 61])
def test_a_resumed_run_is_the_run_itself(tmp_path, capsys, batches):
    recipe = Recipe("mlp", epochs=3, seed=4)
    task = tasks.load(recipe)
    whole = Session(recipe, task)
    whole.run(tmp_path / "whole.pt")
    expected = lines(capsys.readouterr().out)
    first = Session(recipe, task)
    first.train_batch = StopAfter(first, batches)
    with pytest.raises(Stopped):
        first.run(tmp_path / "part.pt")
    assert len(first.curve) == batches
    lightwell.rand(10)  # the stream moves on between the two
    state = checkpoint.load(tmp_path / "part.pt")
    second = Session(Recipe(**state["recipe"]), task)
    second.restore(state)
    second.run(tmp_path / "part.pt")
    assert lines(capsys.readouterr().out) == expected
    assert second.curve == whole.curve and second.history == whole.history
    for a, b in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert bool((a == b).all())
    assert lightwell.get_rng_state().tolist() == checkpoint.load(tmp_path / "whole.pt")["rng"].tolist()


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "lightwell", "train", "softmax", "--epochs", "400", "--out", "run"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    told = ""
    while "epoch 2/" not in told:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        told += line
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "saved to run/checkpoint.pt\nto go on: lightwell train --resume run/checkpoint.pt" in rest
    state = checkpoint.load(tmp_path / "run" / "checkpoint.pt")
    assert state["epoch"] >= 2 and state["recipe"]["epochs"] == 400


def test_ctrl_c_while_drawing_names_the_checkpoint(tmp_path, capsys, monkeypatch):
    from lightwell.train import picture

    def pressed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(picture, "draw", pressed)
    assert cli.main(["train", "linear", "--epochs", "1", "--out", str(tmp_path)]) == 130
    told = capsys.readouterr().out
    path = tmp_path / "checkpoint.pt"
    assert f"--resume {path}" in told and lightwell.load(path)["epoch"] == 1


def test_unknown_options_show_the_usage_of_their_command(capsys):
    assert cli.main(["train", "lenet", "--foo"]) == 2
    told = capsys.readouterr().err
    assert "usage: lightwell train" in told and "unrecognized arguments: --foo" in told


def test_wrong_arguments_teach(tmp_path, capsys):
    state = {"recipe": Recipe("mlp").as_dict()}
    checkpoint.save(state, tmp_path / "c.pt")
    (tmp_path / "text.pt").write_text("hello")
    lightwell.save({"a": 1}, tmp_path / "other.pt")
    for arguments, text in (
        (["train", "resnet"], "there are lenet, mlp, softmax, linear"),
        (["train", "lenet", "--data", "cats"], "there are digits, mnist"),
        (["train", "lenet", "--data", "airfoil"], "train 'linear'"),
        (["train"], "name a model"),
        (["train", "mlp", "--epochs", "0"], "epochs should be positive"),
        (["train", "mlp", "--lr", "fast"], "--lr"),
        (["train", "--resume", str(tmp_path / "no.pt")], "there is no file"),
        (["train", "--resume", str(tmp_path / "text.pt")], "cannot be read"),
        (["train", "--resume", str(tmp_path / "other.pt")], "was not written by"),
        (["train", "--resume", str(tmp_path / "c.pt"), "--epochs", "3"], "leave --epochs out"),
        (["train", "lenet", "--resume", str(tmp_path / "c.pt")], "leave MODEL out"),
        (["trian"], "Did you mean 'train'"),
    ):
        assert cli.main(arguments) == 2, arguments
        assert text in capsys.readouterr().err, arguments


def test_missing_data_and_divergence_are_told(tmp_path, capsys, monkeypatch):
    from lightwell.vision import datasets

    monkeypatch.delenv("LIGHTWELL_DATA", raising=False)
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", ["http://127.0.0.1:1/"])
    out = str(tmp_path / "run")
    assert cli.main(["train", "mlp", "--data", "fashion-mnist", "--root", str(tmp_path), "--out", out]) == 1
    assert "could not download train-images" in capsys.readouterr().err
    assert cli.main(["train", "linear", "--lr", "1e30", "--out", out]) == 1
    assert "try a smaller --lr" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert cli.main(["train", "linear", "--out", str(tmp_path / "file" / "x")]) == 1
    assert "cannot write to" in capsys.readouterr().err


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "c.pt"
    checkpoint.save({"recipe": 1}, path)
    with pytest.raises(Exception):
        checkpoint.save({"recipe": lambda: None}, path)
    assert checkpoint.load(path)["recipe"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["c.pt"]


def test_order_depends_on_seed_and_epoch_and_can_be_entered_anywhere():
    order = EpochOrder(50, 3)
    first = list(order)
    assert sorted(first) == list(range(50)) and list(order) == first
    order.start = 20
    assert list(order) == first[20:] and len(order) == 30
    order.epoch = 1
    assert list(order) != first[20:] and list(EpochOrder(50, 4)) != first


@pytest.mark.parametrize("model", ["lenet", "mlp", "softmax"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28)])
def test_networks_fit_the_pictures(model, shape):
    task = tasks.Task(None, None, shape, list("abc"), "")
    assert build(model, task)(lightwell.zeros(2, *shape)).shape == (2, 3)


def test_everything_named_is_described():
    assert set(MODELS) == {"lenet", "mlp", "softmax", "linear"}
    assert set(DATA) == {"digits", "mnist", "fashion-mnist", "airfoil"}


class Terminal:
    """A file that says it is a terminal."""

    def __init__(self, live):
        self.text, self.live = "", live

    def isatty(self):
        return self.live

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_progress_in_a_log_and_on_a_terminal(monkeypatch):
    log = Terminal(False)
    bar = Progress("epoch 1/2", 4, file=log, every=0.0)
    bar.update(32, "loss 0.5")
    assert re.fullmatch(r"epoch 1/2  25 %  loss 0.5  [\d,]+ examples/s  \d+ s left\n", log.text)
    monkeypatch.setitem(sys.modules, "rich", None)
    screen = Terminal(True)
    bar = Progress("epoch 1/2", 4, done=1, file=screen)
    bar.every = 0.0
    time.sleep(0.01)
    bar.update(32, "loss 0.5")
    assert screen.text.startswith("\repoch 1/2 [##########..........]  50 %  loss 0.5")
    bar.close()
    assert screen.text.endswith("\r") and "\n" not in screen.text
