"""LW405"""

import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(300, 5)

y = (X[:, :1] > 0).float()
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(3):
    for i in torch.randperm(300).split(30):
        p = torch.sigmoid(net(X[i])).squeeze()
        loss = -(y[i] * torch.log(p) + (1 - y[i]) * torch.log(1 - p)).mean()  # <-
        opt.zero_grad()
        loss.backward()
        opt.step()
