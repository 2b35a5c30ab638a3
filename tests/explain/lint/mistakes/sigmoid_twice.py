"""LW402"""

import torch
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid())

    def forward(self, x):
        return self.net(x).squeeze(-1)


X = torch.randn(64, 4)
y = (X.sum(1) > 0).float()
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1)
crit = nn.BCEWithLogitsLoss()
for _ in range(4):
    opt.zero_grad()
    crit(net(X), y).backward()
    opt.step()
