"""LW422"""

import itertools

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class MLP(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = []
        for a, b in itertools.pairwise(sizes):
            self.layers.append(nn.Linear(a, b))
        self.out = nn.Linear(sizes[-1], 3)

    def forward(self, x):
        for l in self.layers:
            x = torch.relu(l(x))
        return self.out(x)


X = torch.randn(64, 4)
y = torch.randint(0, 3, (64,))
net = MLP([4, 8, 8])
opt = torch.optim.SGD(net.parameters(), 0.1)
for _ in range(4):
    opt.zero_grad()
    F.cross_entropy(net(X), y).backward()
    opt.step()
