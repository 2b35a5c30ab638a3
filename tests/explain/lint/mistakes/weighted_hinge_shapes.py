"""LW405"""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 1))
opt = torch.optim.SGD(net.parameters(), 0.05)
X = torch.randn(64, 5)
y = torch.sign(X[:, 0])
for i in range(10):
    margin = 1 - y * net(X)  # <- here
    loss = margin.clamp(min=0).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
