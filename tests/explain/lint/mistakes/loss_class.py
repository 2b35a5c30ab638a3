"""LW425"""

import torch
from torch import nn

torch.manual_seed(0)

net = nn.Linear(4, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
X = torch.randn(64, 4)
y = X.sum(1, keepdim=True)
loss = nn.MSELoss(net(X), y)
loss.backward()
