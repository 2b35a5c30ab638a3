"""LW407"""

import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(42)

net = nn.Linear(6, 1)
o = optim.Adam(net.parameters())
X = torch.randn(80, 6)
y = torch.sign(X.sum(1, keepdim=True))
for e in range(3):
    loss = nn.BCEWithLogitsLoss()(net(X), y)
    o.zero_grad()
    loss.backward()
    o.step()
