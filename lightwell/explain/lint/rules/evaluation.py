"""LW431-LW434: measuring a model."""

from ....errors.entry import Entry

_START = """import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
X, y = torch.randn(96, 5), torch.randint(0, 3, (96,))
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)


def train_epoch():
    net.train()
    for i in range(0, 64, 16):
        loss = F.cross_entropy(net(X[i : i + 16]), y[i : i + 16])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def evaluate():
    net.eval()
    right = 0
    with torch.no_grad():
        for i in range(64, 96, 16):
            right += int((net(X[i : i + 16]).argmax(1) == y[i : i + 16]).sum())
    return right / 32


for epoch in range(3):
    train_epoch()
    print(epoch, evaluate())
"""
_NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(5, 16), nn.Linear(16, 3)

    def forward(self, x):
        return self.b(F.dropout(self.a(x).relu(), 0.5, {training}))

net = Net()
"""
_OLD = "net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))\n"

ENTRIES = [
    Entry(
        "LW431",
        ("evaluation in training mode", "在训练模式下评估"),
        (
            "In training mode dropout still drops, and batch normalisation still uses the statistics of the batch at hand (and changes its own). The "
            "measure is noisy and mostly too low, and depends on what else is in the batch.",
            "训练模式下，dropout 还在丢弃，批量归一化还在用当前批量的统计量（并改写自己的统计量）。测出来的结果有噪声、通常偏低，还取决于批量里有哪些样本。",
        ),
        (
            "Call `net.eval()` before evaluation and `net.train()` before training goes on.",
            "评估之前调用 `net.eval()`，继续训练之前调用 `net.train()`。",
        ),
        _START.replace("    net.eval()\n", ""),
        _START,
        related=("nn.Module.eval", "nn.Dropout", "nn.BatchNorm1d"),
    ),
    Entry(
        "LW432",
        ("evaluation that records a graph", "评估时记录了计算图"),
        (
            "Outside `no_grad()` every forward keeps what backward would need: evaluation takes more memory and time than it has to, and a sum of such "
            "losses keeps all of it.",
            "在 `no_grad()` 之外，每次前向都会留下反向传播所需的一切：评估占用的内存和时间都比必要的多；如果把这样的损失加起来，就全都留着不放。",
        ),
        ("Put the evaluation under `with torch.no_grad():`.", "把评估放进 `with torch.no_grad():`。"),
        _START.replace("    with torch.no_grad():\n", "    if True:\n"),
        _START,
        related=("torch.no_grad", "torch.inference_mode"),
    ),
    Entry(
        "LW433",
        ("training goes on in evaluation mode", "在评估模式下继续训练"),
        (
            "After `eval()` the model stays in evaluation mode: from the second epoch on dropout does not drop, and batch normalisation no longer follows "
            "the data.",
            "`eval()` 之后模型一直处于评估模式：从第二个周期起，dropout 不再丢弃，批量归一化也不再跟随数据。",
        ),
        ("Call `net.train()` at the beginning of each epoch.", "在每个周期开始时调用 `net.train()`。"),
        _START.replace("    net.train()\n", ""),
        _START,
        related=("nn.Module.train", "nn.Module.eval"),
    ),
    Entry(
        "LW434",
        ("F.dropout without training=", "F.dropout 没有给 training="),
        (
            "`F.dropout` does not know the module it stands in: its `training` is True by default, and it drops after `eval()` too.",
            "`F.dropout` 不知道自己在哪个模块里：它的 `training` 默认是 True，`eval()` 之后照样丢弃。",
        ),
        (
            "Write `F.dropout(x, p, training=self.training)`, or use `nn.Dropout`.",
            "写成 `F.dropout(x, p, training=self.training)`，或者用 `nn.Dropout`。",
        ),
        _START.replace(_OLD, _NET.replace(", {training}", "")),
        _START.replace(_OLD, _NET.replace("{training}", "training=self.training")),
        related=("nn.functional.dropout", "nn.Dropout"),
    ),
]
