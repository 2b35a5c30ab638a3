"""LW415"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

X = torch.randn(64, 4)
y = torch.randint(0, 3, (64,))
net = nn.Linear(4, 3)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
s = torch.optim.lr_scheduler.ExponentialLR(opt, 0.9)
for _ in range(4):
    s.step()
    opt.zero_grad()
    F.cross_entropy(net(X), y).backward()
    opt.step()
