"""Weights are copied from another layer before the optimizer is made."""

import torch
from torch import nn

torch.manual_seed(0)
old = nn.Embedding(10, 4)
net = nn.Sequential(nn.Embedding(14, 4), nn.Flatten(), nn.Linear(12, 2))
net[0].weight.data[:10] = old.weight.data
opt = torch.optim.Adam(net.parameters(), 0.01)
X, y = torch.randint(0, 14, (40, 3)), torch.randint(0, 2, (40,))
for i in range(6):
    opt.zero_grad()
    nn.functional.cross_entropy(net(X), y).backward()
    opt.step()
