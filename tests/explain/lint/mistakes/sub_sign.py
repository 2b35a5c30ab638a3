"""LW406"""

import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(3)
m = nn.Linear(4, 1)
opt = optim.SGD(m.parameters(), 0.05)
X = torch.randn(50, 4)
y = X.sum(1, keepdim=True)
crit = nn.MSELoss()
for _ in range(6):
    loss = 0 - crit(m(X), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
