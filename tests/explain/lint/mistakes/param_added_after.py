"""LW421"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Linear(6, 1)
o = optim.SGD(net.parameters(), lr=0.01)
scale = nn.Parameter(torch.ones(1))
X = torch.randn(80, 6)
y = X.sum(1, keepdim=True)
for e in range(4):
    l = F.mse_loss(net(X) * scale, y)
    o.zero_grad()
    l.backward()
    o.step()
