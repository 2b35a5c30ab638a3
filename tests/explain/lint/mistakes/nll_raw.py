"""LW403"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

X = torch.randn(64, 4)
y = torch.randint(0, 3, (64,))
net = nn.Linear(4, 3)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(4):
    opt.zero_grad()
    F.nll_loss(F.softmax(net(X), 1), y).backward()
    opt.step()
