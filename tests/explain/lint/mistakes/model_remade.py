"""LW421"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

net = nn.Linear(4, 3)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
X = torch.randn(64, 4)
y = torch.randint(0, 3, (64,))
for _ in range(4):
    opt.zero_grad()
    F.cross_entropy(net(X), y).backward()
    opt.step()
