"""LW421"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 10))
opt = torch.optim.Adam(net.parameters())
net[-1] = nn.Linear(8, 3)
X = torch.randn(64, 4)
y = torch.randint(0, 3, (64,))
for _ in range(4):
    opt.zero_grad()
    F.cross_entropy(net(X), y).backward()
    opt.step()
