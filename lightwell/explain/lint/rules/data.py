"""LW441-LW443: the data, and the random numbers."""

from ....errors.entry import Entry

_START = """import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
y = torch.arange(128) // 32
X = (torch.rand(128, 1, 6, 6) * 255).floor()
X = X / 255
net = nn.Sequential(nn.Flatten(), nn.Linear(36, 16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    for images, labels in DataLoader(TensorDataset(X, y), batch_size=16, shuffle=True):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""

ENTRIES = [
    Entry(
        "LW441",
        ("inputs that are not normalised", "输入没有归一化"),
        (
            "First layers are initialised for inputs with mean about 0 and deviation about 1. Pixels from 0 to 255, or columns in thousands, make the first "
            "outputs huge: training explodes, or units die in the first steps.",
            "第一层的初始化假定输入的均值约为 0、标准差约为 1。像素值 0 到 255，或者以千计的特征，会让第一层的输出非常大：训练发散，或者神经元在头几步就“死掉”。",
        ),
        (
            "Divide pixels by 255 (`transforms.ToTensor()` does), or subtract the mean and divide by the standard deviation of each column of the training set.",
            "像素除以 255（`transforms.ToTensor()` 会做这件事）；表格数据则按训练集每一列减去均值、除以标准差。",
        ),
        _START.replace("X = X / 255\n", "").replace("lr=0.1", "lr=0.0001"),
        _START,
        related=("torch.Tensor.mean", "torch.Tensor.std"),
        short=(
            "Divide pixels by 255; for other features subtract the mean and divide by the standard deviation.",
            "像素除以 255；其他特征减去均值、除以标准差。",
        ),
    ),
    Entry(
        "LW442",
        ("a training set that is not shuffled", "训练集没有打乱"),
        (
            "Batches in the order of the file see one class after another, and the network forgets the first while it learns the last; in the same order in "
            "every epoch, the steps' errors do not average out.",
            "按文件顺序取批量，网络先看完一类再看下一类，学最后一类时已忘了第一类；每个周期的顺序都相同，各步的误差也不会相互抵消。",
        ),
        (
            "`DataLoader(train, shuffle=True)`; by hand, batches in the order of `torch.randperm(n)`. Series in time are cut into windows first; where order matters, keep it and silence this.",
            "`DataLoader(train, shuffle=True)`；手工切批量时按 `torch.randperm(n)` 的顺序。时间序列先切成窗口；如果确实要保持顺序，就忽略这一条。",
        ),
        _START.replace(", shuffle=True", ""),
        _START,
        related=("torch.utils.data.DataLoader",),
        short=(
            "`DataLoader(..., shuffle=True)` for training; batches cut by hand: in the order of `torch.randperm(n)`, drawn anew in each epoch.",
            "训练用 `DataLoader(..., shuffle=True)`；手工切批量时，每个周期用 `torch.randperm(n)` 重新抽取顺序。",
        ),
    ),
    Entry(
        "LW443",
        ("no random seed", "没有设随机种子"),
        (
            "Weights, order and dropout are drawn at random. Without a seed no two runs agree: a change for the better cannot be told from luck, and a bug "
            "cannot be reproduced.",
            "权重、样本顺序、dropout 都是随机的。不设种子，两次运行的结果就不同：分不清是改进还是运气，出了问题也难以重现。",
        ),
        (
            "`torch.manual_seed(0)` at the top; also `numpy.random.seed` and `random.seed` where they are used.",
            "在开头写 `torch.manual_seed(0)`；用到 numpy 和 random 时也分别设种子。",
        ),
        _START.replace("torch.manual_seed(0)\n", ""),
        _START,
        related=("torch.manual_seed",),
    ),
]
