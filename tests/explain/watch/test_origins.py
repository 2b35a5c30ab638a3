"""Where values came from: written over in place, held in buffers, made by hand; and what a training by hand tells."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lightwell as torch
from lightwell import nn
from lightwell.nn import functional as F

from .test_causes import found, inf, leaf, nan, train

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of the faults made here on purpose


def _divided(x, s):
    x /= s


def _row(x, s):
    x[3] = x[3] / 0


def _copied(x, s):
    x.copy_(x / s)


def _out(x, s):
    torch.div(x, s, out=x)


def _part(x, s):
    x[2:5] /= 0


@pytest.mark.parametrize("write", [_divided, _row, _copied, _out, _part])
@pytest.mark.parametrize("called", [True, False], ids=["a module", "by hand"])
def test_values_written_over_in_place_are_no_data(write, called):
    X = torch.rand(8, 3)
    scale = torch.ones(8, 1)
    scale[3] = 0.0
    net = nn.Linear(3, 1)
    by_hand = torch.zeros(3, 1, requires_grad=True)

    def program():
        F.mse_loss(net(X), torch.zeros(8, 1)).backward()  # the training has begun: nothing is preparation any more
        x = X.clone()
        write(x, scale)
        F.mse_loss(net(x) if called else x @ by_hand, torch.zeros(8, 1)).backward()

    (f,) = found(program)
    assert ((f.code, f.op) == ("LW512", "div") and "/" in f.place.text) or "div" in f.place.text, str(f)


def test_data_stay_data_beside_a_hidden_infinity():
    """An infinity of the same step that is masked away has nothing to do with the NaN in the data."""
    X = torch.rand(8, 3)
    X[5, 1] = nan

    def program():
        torch.where(torch.tensor(False), torch.log(torch.zeros(2)), torch.zeros(2))
        F.mse_loss(nn.Linear(3, 1)(X), torch.zeros(8, 1)).backward()

    f = found(program)[0]
    assert (f.code, f.op, f.rows) == ("LW501", "linear", [5])


class Masked(nn.Module):
    def __init__(self, mask):
        super().__init__()
        self.q = nn.Linear(4, 4)
        self.register_buffer("mask", mask)

    def forward(self, x):
        return torch.softmax(self.q(x) @ x.transpose(1, 2) + self.mask[: x.shape[1], : x.shape[1]], -1) @ x


def test_buffers_may_hold_masks():
    net = Masked(torch.full((6, 6), -inf).triu(1))
    assert found(lambda: train(net, torch.randn(2, 5, 4), torch.randn(2, 5, 4), F.mse_loss)) == []
    (f,) = found(lambda: train(Masked(torch.full((6, 6), -inf)), torch.randn(2, 5, 4), torch.randn(2, 5, 4), F.mse_loss))
    assert (f.code, f.op, f.module) == ("LW518", "softmax", "net")


def test_an_infinite_buffer_that_reaches_the_loss():
    net = nn.BatchNorm1d(3).eval()
    net.running_mean[1] = inf
    (f,) = found(lambda: net(torch.randn(4, 3)).sum().backward())
    assert f.code == "LW504" and "running_mean" in str(f)


def test_weights_and_examples_of_a_training_by_hand():
    def program():
        weights = [(torch.randn(64, 64) * 40).requires_grad_() for _ in range(20)]
        h = torch.randn(16, 64)
        for w in weights:
            h = torch.relu(h @ w)
        h.mean().backward()

    (f,) = found(program)
    assert (f.code, f.op, f.batch_size) == ("LW505", "mm", 16)

    def scratch():
        w = torch.zeros(3, 2, requires_grad=True)
        X = torch.ones(6, 3)
        X[4] = 1e3
        p = (X @ (w - 1)).exp()
        torch.log(p)[range(6), [0] * 6].sum().backward()

    (f,) = found(scratch)
    assert (f.code, f.op, f.rows, f.batch_size) == ("LW510", "log", [4], 6)


def test_names_by_hand():
    params = [torch.zeros(3, requires_grad=True), torch.zeros(1, requires_grad=True)]

    class Poisson(nn.Module):
        def __init__(self):
            super().__init__()
            self.beta = nn.Parameter(torch.zeros(3))

        def rate(self, x):
            return torch.exp(x @ self.beta)

    model = Poisson()
    X = torch.rand(20, 3) * 20
    with torch.watch(on="report", save=False) as w:
        (X @ params[0] + params[1]).square().mean().backward()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.03)
        for _ in range(3):
            rate = model.rate(X)
            loss = (rate - 5 * torch.log(rate)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    names = [name for name, _, _ in w.training.layers()]
    assert set(names) == {"params[0]", "params[1]", "model.beta"}
    f = w.findings[0]
    assert (f.code, f.op) == ("LW541", "SGD.step"), str(f)  # the update raised the loss: no gradient grew through depth or time


def test_learning_rate_by_hand_tells_the_updates():
    def program():
        w = torch.ones(3, requires_grad=True)
        X = torch.randn(50, 3) * 3
        for _ in range(60):
            ((X @ w) ** 2).mean().backward()
            with torch.no_grad():
                w -= 1.0 * w.grad
                w.grad.zero_()

    (f,) = found(program)
    assert f.code == "LW541" and any("0.1 to 1 % is usual" in en for en, _ in f.notes)


def test_second_derivatives_and_functions():
    """What `grad` differentiates isn't hidden where it is itself infinite."""

    def loss(p, y):
        return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).sum()

    (f,) = found(lambda: torch.func.grad(loss)(torch.tensor([0.5, 1.0]), torch.tensor([1.0, 0.0])))
    assert (f.code, f.op, f.phase) == ("LW510", "log", "forward")
    (f,) = found(lambda: torch.func.vmap(torch.func.grad(loss))(torch.tensor([0.5, 0.0]), torch.tensor([1.0, 0.0])))
    assert (f.code, f.op, f.phase) == ("LW510", "log", "forward")
    (f,) = found(lambda: torch.func.grad(lambda x: torch.where(x > 0, x.log(), x).sum())(torch.tensor([0.0, 1.0])))
    assert (f.code, f.phase) == ("LW534", "backward")


def test_vanishing_names_the_line_of_the_loop():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(5, 20), nn.Linear(20, 2)
            self.hidden = nn.ModuleList(nn.Linear(20, 20) for _ in range(12))

        def forward(self, x):
            h = torch.sigmoid(self.first(x))
            for layer in self.hidden:
                h = torch.sigmoid(layer(h))
            return self.last(h)

    f = found(lambda: train(Deep(), torch.randn(16, 5), torch.zeros(16, 2), F.mse_loss, steps=12))[0]
    assert f.code == "LW550" and f.place.text == "h = torch.sigmoid(layer(h))"


def test_a_parameter_is_no_module():
    net = nn.Linear(3, 2)

    def program():
        net(torch.zeros(4, 3)).mul(0).sqrt().sum().backward()

    (f,) = found(program)
    assert (f.code, f.module) == ("LW530", "") and "gradient of net." in str(f)


def test_the_users_own_error_under_a_scaler():
    net = nn.Linear(3, 1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**120)
    with pytest.raises(KeyError), torch.watch(save=False) as w:
        loss = (net(torch.ones(2, 3)) * 1e9).square().mean()
        scaler.scale(loss).backward()
        raise KeyError("of the user")
    assert w.findings == []


def test_replay_of_a_later_step_by_hand(tmp_path):
    script = tmp_path / "scratch.py"
    script.write_text("""import torch
torch.manual_seed(0)
X = torch.rand(40, 3)
X[33] = 0.0
w = torch.ones(3, 1, requires_grad=True)
for i in range(0, 40, 8):
    loss = torch.log(X[i:i + 8] @ w).pow(2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.01 * w.grad
        w.grad.zero_()
""")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LIGHTWELL_LANG": "en"}
    for arguments in (["run", "--watch", "--save", "step.pt", "scratch.py"], ["replay", "step.pt"]):
        done = subprocess.run([sys.executable, "-m", "lightwell", *arguments], capture_output=True, text=True, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    table = done.stdout.partition("LW510")[0]
    assert ">> →  log" in table and "→  mm" in table and "scratch.py:7" in table, done.stdout
    assert "examples    1 of the batch of 8" in done.stdout and "forward, step 5" in done.stdout


def test_a_hidden_quotient_stays_the_one_suspect():
    """Its backward gives two gradients that are not finite: both go back to the same forward value."""

    def program():
        v = torch.tensor([[1.0, 2.0], [0.0, 0.0]], requires_grad=True)
        b = torch.zeros(2, requires_grad=True)
        u = v - b
        n = (u * u).sum(1, keepdim=True)
        torch.where(n > 0, u / n, torch.zeros_like(u)).square().mean().backward()

    (f,) = found(program)
    assert (f.code, f.op, f.phase) == ("LW534", "div", "backward")


def test_a_power_that_overflows_backward_has_no_base_of_0():
    (f,) = found(lambda: (leaf(1e18) ** 2).backward(torch.tensor([1e30])))
    assert f.code in ("LW535", "LW540") and (f.op, f.phase) == ("pow", "backward") and "d pow at x = 1e+18, times gradient" in str(f)


def test_two_products_on_a_line():
    """The recurrent product's line is named by a product, not by the addition of a bias."""

    def program():
        w, u, b = torch.randn(4, 8), torch.eye(8) * 2, torch.zeros(8)
        for p in (w, u, b):
            p.requires_grad_()
        for _ in range(3):
            h = torch.zeros(2, 8)
            for _ in range(50):
                h = torch.mm(torch.ones(2, 4), w) + torch.mm(h, u) + b
            h.square().mean().backward()
            with torch.no_grad():
                for p in (w, u, b):
                    p -= 0.1 * p.grad
                    p.grad.zero_()

    f = found(program)[0]
    assert (f.code, f.op, f.module) == ("LW540", "mm", "") and "torch.mm(h, u)" in f.place.text
    assert "largest gradient" in str(f)


def test_a_table_normalised_before_it_became_a_parameter():
    def program():
        vectors = torch.randn(10, 4)
        vectors[7] = 0.0
        vectors /= vectors.norm(dim=1, keepdim=True)
        table, head = nn.Embedding.from_pretrained(vectors), nn.Linear(4, 2)
        F.cross_entropy(head(table(torch.arange(10))), torch.zeros(10, dtype=torch.long)).backward()

    (f,) = found(program)
    assert (f.code, f.op) == ("LW513", "div") and "vectors /=" in f.place.text


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss, F.smooth_l1_loss, lambda p, y: (p - y).square().mean()])
def test_infinite_labels(loss):
    y = torch.randn(6, 1)
    y[4] = -inf
    (f,) = found(lambda: loss(nn.Linear(3, 1)(torch.randn(6, 3)), y).backward())
    assert (f.code, f.rows) == ("LW503", [4])


def test_an_infinite_best_so_far_is_no_label():
    best = torch.tensor(inf)

    def program():
        loss = nn.Linear(3, 1)(torch.randn(6, 3)).square().mean()
        torch.minimum(best, best - loss.detach())
        (loss - best).item()
        loss.backward()

    assert found(program) == []


def test_replay_of_a_divergence_shows_its_step(tmp_path):
    script = tmp_path / "steep.py"
    script.write_text("""import torch
torch.manual_seed(0)
net = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
X = torch.randn(64, 4) * 3
for _ in range(60):
    loss = (net(X) - X[:, :1]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LIGHTWELL_LANG": "en"}
    for arguments in (["run", "--watch", "--save", "step.pt", "steep.py"], ["replay", "step.pt"]):
        done = subprocess.run([sys.executable, "-m", "lightwell", *arguments], capture_output=True, text=True, env=env, cwd=tmp_path)
    table = done.stdout.partition("LW541")[0]
    assert "→  linear" in table and "←  AddmmBackward0" in table and table.count("→  mean") == 1, done.stdout + done.stderr
