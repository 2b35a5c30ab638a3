"""LW406"""

import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(3)
m = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())
opt = optim.SGD(m.parameters(), 0.1)
X = torch.randn(50, 4)
y = (X.sum(1, keepdim=True) > 0).float()


def bce(p, y):
    return (y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()


for _ in range(5):
    loss = bce(m(X), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    print(loss.item())
