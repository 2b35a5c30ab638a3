"""LW405"""

import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(300, 5)

y = X.sum(1, keepdim=True)
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(3):
    for i in torch.randperm(300).split(30):
        out = net(X[i]).squeeze()
        loss = (out - y[i]).abs().mean()  # <-
        opt.zero_grad()
        loss.backward()
        opt.step()
