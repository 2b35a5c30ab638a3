"""LW405"""

import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(42)

net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
o = optim.Adam(net.parameters())
X = torch.randn(64, 4)
y = X.sum(1)
for e in range(3):
    out = net(X)
    loss = torch.sqrt(torch.mean(torch.pow(out - y, 2)))
    o.zero_grad()
    loss.backward()
    o.step()
