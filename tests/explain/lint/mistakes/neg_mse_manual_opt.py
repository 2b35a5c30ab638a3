"""LW406"""

import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(42)

net = nn.Linear(6, 1)
o = optim.SGD(net.parameters(), lr=0.1)
X = torch.randn(80, 6)
y = X.sum(1, keepdim=True)
for e in range(5):
    loss = -((net(X) - y) ** 2).mean()
    o.zero_grad()
    loss.backward()
    o.step()
    print(loss.item())
