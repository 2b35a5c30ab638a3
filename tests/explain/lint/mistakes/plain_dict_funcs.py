"""LW422"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


def block(i, o):
    return nn.Sequential(nn.Linear(i, o), nn.ReLU())


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.branches = {"a": block(4, 8), "b": block(4, 8)}
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        return self.out(self.branches["a"](x) + self.branches["b"](x))


X = torch.randn(64, 4)
y = torch.randint(0, 3, (64,))
net = MLP()
opt = torch.optim.SGD(net.parameters(), 0.1)
for _ in range(4):
    opt.zero_grad()
    F.cross_entropy(net(X), y).backward()
    opt.step()
