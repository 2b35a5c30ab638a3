"""LW442"""

import torch
from torch import nn

torch.manual_seed(0)


def batches(X, y, size):
    for start in range(0, len(X), size):
        yield X[start : start + size], y[start : start + size]


X = torch.cat([torch.randn(60, 4) - 1, torch.randn(60, 4) + 1])
y = torch.cat([torch.zeros(60, 1), torch.ones(60, 1)])
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for e in range(3):
    for a, b in batches(X, y, 20):
        opt.zero_grad()
        l = nn.functional.binary_cross_entropy_with_logits(net(a), b)  # <- here
        l.backward()
        opt.step()
