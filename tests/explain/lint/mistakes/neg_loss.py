"""LW406"""

import torch
from torch import nn

torch.manual_seed(0)

net = nn.Linear(4, 3)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
X = torch.randn(64, 4)
y = torch.randint(0, 3, (64,))
crit = nn.CrossEntropyLoss()
for _ in range(6):
    loss = crit(net(X), y)
    opt.zero_grad()
    (-loss).backward()
    opt.step()
