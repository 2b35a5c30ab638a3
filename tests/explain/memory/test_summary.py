"""model.summary: totals that equal parameters(), operations counted by hand, and a model that stays as it was."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest

import lightwell as torch
from lightwell import nn
from lightwell.explain.memory import summary


@pytest.fixture(autouse=True)
def english():
    torch.set_language("en")
    yield
    torch.set_language(None)


class Tied(nn.Module):
    """A language model: embedding tied to the output, a layer called twice, one never, one frozen, a state in and out."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.rnn = nn.LSTM(16, 16, 2)
        self.act = nn.Tanh()
        self.out = nn.Linear(16, 50)
        self.out.weight = self.embedding.weight
        self.unused = nn.Linear(3, 3)
        self.unused.requires_grad_(False)
        self.again = self.act

    def forward(self, x, state=None):
        h, state = self.rnn(self.embedding(x).transpose(0, 1), state)
        self.last = h
        return {"logits": self.again(self.act(self.out(h))), "state": state}


class Pair(nn.Module):
    """Two inputs and a dict among them."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, a, batch, scale=1.0):
        return self.fc(a) * scale, [self.fc(batch["b"])]


def _lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2, 2), nn.Flatten(),
        nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip


MODELS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(20, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10)), lambda: (torch.rand(2, 20),)),
    "lenet": (_lenet, lambda: (torch.rand(2, 1, 28, 28),)),
    "tied": (Tied, lambda: (torch.zeros(4, 7, dtype=torch.long),)),
    "pair": (Pair, lambda: (torch.rand(3, 4), {"b": torch.rand(5, 4)})),
    "attention": (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32), 2), lambda: (torch.rand(5, 2, 16),)),
    "norm": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True)), lambda: (torch.rand(2, 3, 8, 8),)),
    "gru": (lambda: nn.GRU(8, 16, bidirectional=True), lambda: (torch.rand(5, 2, 8),)),
    "lazy": (lambda: nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(2)), lambda: (torch.rand(3, 5),)),
    "resnet": (lambda: __import__("lightwell").vision.models.resnet18(), lambda: (torch.rand(2, 3, 32, 32),)),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_rows_add_up_to_the_parameters(name):
    make, inputs = MODELS[name]
    model = make()
    if name == "lazy":
        found = model.summary(*inputs())
        assert found.total_params == 5 * 8 + 8 + 8 * 2 + 2
        assert any(isinstance(p, nn.UninitializedParameter) for p in model.parameters())
        return
    for depth in (None, 1, 0):
        found = model.summary(*inputs(), depth=depth)
        assert sum(r.parameters for r in found.rows) == found.total_params == sum(p.numel() for p in model.parameters())
        assert sum(r.trainable for r in found.rows) == sum(p.numel() for p in model.parameters() if p.requires_grad)
        assert sum(r.multiply_adds for r in found.rows) == found.total_mult_adds
        assert found.param_bytes == 4 * found.total_params and found.buffers == sum(b.numel() for b in model.buffers())
    assert len(found.rows) == 1
    torch.set_language("zh")
    assert "参数" in str(model.summary(*inputs())) and "<table" in found._repr_html_()


def test_the_table_tells_what_happened():
    found = Tied().summary(torch.zeros(4, 7, dtype=torch.long))
    rows = {r.path: r for r in found.rows}
    assert rows["act"].calls == 2 and rows["again"].again and rows["unused"].calls == 0
    assert rows["out"].parameters == 50 and rows["out"].tied == "embedding.weight"
    text = str(found)
    assert "= embedding.weight" in text and "act: Tanh ×2" in text and "not called" in text and "9 frozen" not in text.split("unused")[0]
    assert "12 frozen" in text and "[(2, 4, 16), (2, 4, 16)]" in text and "{logits: (7, 4, 50)" in text
    assert "(3, 2), [(5, 2)]" in str(Pair().summary(*MODELS["pair"][1](), scale=2.0))


@pytest.mark.parametrize("name", [n for n in MODELS if n != "lazy"])
def test_the_model_stays_as_it_was(name):
    make, inputs = MODELS[name]
    model, args = make(), inputs()
    (model(*args)["logits"] if name == "tied" else torch.cat([t.reshape(-1) for t in _flat(model(*args))])).sum().backward()
    model.train()
    next(iter(model.modules())).__dict__["training"] = False
    torch.manual_seed(3)
    random.seed(3)
    before = {
        "state": {k: v.clone() for k, v in model.state_dict().items()},
        "grads": [(p, p.grad, None if p.grad is None else p.grad.clone()) for p in model.parameters()],
        "modes": [m.training for m in model.modules()],
        "attributes": [dict(m.__dict__) for m in model.modules()],
        "versions": [t._version for t in model.state_dict(keep_vars=True).values()],
    }
    with torch.no_grad():
        model.summary(*args)
        assert not torch.is_grad_enabled()
    after = torch.rand(3), random.random(), np.random.get_state()[1][:3].tolist()
    torch.manual_seed(3)
    random.seed(3)
    assert (torch.rand(3) == after[0]).all() and random.random() == after[1]
    for k, v in model.state_dict().items():
        assert (v == before["state"][k]).all(), k
    for p, g, values in before["grads"]:
        assert p.grad is g and (g is None or (g == values).all())
    assert [m.training for m in model.modules()] == before["modes"]
    assert [t._version for t in model.state_dict(keep_vars=True).values()] == before["versions"]
    for m, attributes in zip(model.modules(), before["attributes"]):
        assert m.__dict__.keys() == attributes.keys() and all(m.__dict__[k] is v for k, v in attributes.items())


def _flat(value):
    return [t for v in value for t in _flat(v)] if isinstance(value, (list, tuple)) else [value] if isinstance(value, torch.Tensor) else []


def test_operations_are_those_counted_by_hand():
    lenet = _lenet().summary(torch.rand(2, 1, 28, 28))
    by_hand = 2 * (28 * 28 * 6 * 25 + 10 * 10 * 16 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 10)
    assert lenet.total_mult_adds == by_hand
    others = 2 * (28 * 28 * 6 + 10 * 10 * 16 + 120 + 84 + 10)  # biases
    others += 2 * (28 * 28 * 6 + 10 * 10 * 16 + 120 + 84)  # sigmoids
    others += 2 * (14 * 14 * 6 * 4 + 5 * 5 * 16 * 4)  # means of four
    assert lenet.total_flops == 2 * by_hand + others
    lstm = nn.LSTM(8, 16).summary(torch.rand(5, 3, 8))
    assert lstm.total_mult_adds == 5 * 3 * 4 * 16 * (8 + 16)
    gru = nn.GRU(8, 16, bidirectional=True).summary(torch.rand(5, 3, 8))
    assert gru.total_mult_adds == 2 * 5 * 3 * 3 * 16 * (8 + 16)
    rnn = nn.RNN(8, 16).summary(torch.rand(5, 3, 8))
    assert rnn.total_mult_adds == 5 * 3 * 16 * (8 + 16) and rnn.total_flops == 2 * rnn.total_mult_adds + 4 * 5 * 3 * 16
    attention = nn.MultiheadAttention(16, 2).summary(*[torch.rand(5, 3, 16)] * 3)
    assert attention.total_mult_adds == 4 * 5 * 3 * 16 * 16 + 2 * 3 * 5 * 5 * 16
    transposed = nn.ConvTranspose2d(4, 6, 3, stride=2).summary(torch.rand(2, 4, 5, 5))
    assert transposed.total_mult_adds == 2 * 4 * 5 * 5 * 6 * 9
    grouped = nn.Conv1d(4, 8, 3, groups=2, bias=False).summary(torch.rand(2, 4, 10))
    assert grouped.total_mult_adds == 2 * 8 * 8 * 2 * 3 and grouped.total_flops == 2 * grouped.total_mult_adds
    moved = nn.Sequential(nn.Flatten(), nn.Unflatten(1, (2, 6)), nn.Identity()).summary(torch.rand(2, 3, 4))
    assert moved.total_flops == 0


def test_products_agree_with_pytorchs_counter():
    real = pytest.importorskip("torch")
    counter = pytest.importorskip("torch.utils.flop_counter")
    for make, shape in (
        (
            lambda t: t.nn.Sequential(t.nn.Conv2d(3, 8, 3, stride=2, groups=1), t.nn.ReLU(), t.nn.Flatten(), t.nn.Linear(8 * 49, 5)),
            (2, 3, 16, 16),
        ),
        (lambda t: t.nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1), (2, 3, 7, 7)),
        (lambda t: t.nn.Bilinear, None),
    ):
        if shape is None:
            continue
        with counter.FlopCounterMode(display=False) as counted:
            make(real)(real.rand(*shape))
        assert make(torch).summary(torch.rand(*shape)).total_mult_adds * 2 == counted.get_total_flops()


def test_ways_to_give_the_input():
    net = nn.Linear(4, 3)
    assert summary(net, input_size=(2, 4)).total_mult_adds == 24
    assert summary(net, (2, 4)).total_mult_adds == net.summary((2, 4)).total_mult_adds == 24
    assert summary(nn.Bilinear(3, 4, 2), [(5, 3), (5, 4)]).total_input == 5 * 7 * 4
    assert summary(net, input_size=(4,), batch_dim=0).input_size == [(1, 4)]
    two = nn.Bilinear(3, 4, 2)
    assert summary(two, input_size=[(5, 3), (5, 4)]).rows[0].output == (5, 2)
    assert summary(nn.Embedding(5, 3), input_size=(2, 2), dtypes=torch.long).rows[0].output == (2, 2, 3)
    with pytest.raises(TypeError, match="give the model's inputs"):
        net.summary()
    with pytest.raises(TypeError, match=r"must be nn\.Module, not list"):
        summary([])
    with pytest.raises(RuntimeError):
        net.summary(torch.rand(2, 5))
    assert "forward" not in net.__dict__  # also after an error nothing stays behind


def test_a_model_may_have_a_layer_of_this_name():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.summary = nn.Linear(2, 2)

    assert isinstance(Named().summary, nn.Linear)
    net = nn.Sequential()
    net.add_module("summary", nn.ReLU())
    assert isinstance(net.summary, nn.ReLU)
    net = nn.Module()
    net.summary = nn.Parameter(torch.ones(2))
    assert isinstance(net.summary, nn.Parameter)
    with pytest.raises(KeyError, match="already exists"):
        net.register_buffer("forward", torch.ones(1))


def test_the_stand_ins_of_torchinfo_and_torchsummary():
    program = """
import torch
from torch import nn
from torchinfo import summary as info
from torchsummary import summary as older
net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
found = info(net, input_size=(1, 4), col_names=("output_size", "num_params"), verbose=0)
print(found.total_params, net.training)
info(net, input_data=torch.rand(5, 4))
older(net, (4,))
"""
    # in a process of its own: in this one the real PyTorch may be imported already
    told = subprocess.run(
        [sys.executable, "-c", f"from lightwell.standin import install; install(){program}"],
        capture_output=True, text=True, check=True, env={**os.environ, "LIGHTWELL_LANG": "en"}, cwd=os.path.dirname(os.path.dirname(torch.__file__)),
    ).stdout  # fmt: skip
    assert told.startswith("21 True") and "(5, 3)" in told and "(2, 3)" in told and told.count("21 (84 bytes)") == 2


def test_it_is_written_to_files(tmp_path):
    found = nn.Linear(2, 2).summary(torch.rand(1, 2))
    found.save(tmp_path / "a.html")
    found.save(tmp_path / "a.txt")
    assert "<table" in (tmp_path / "a.html").read_text(encoding="utf-8") and "Linear" in (tmp_path / "a.txt").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="must end in"):
        found.save(tmp_path / "a.pdf")
