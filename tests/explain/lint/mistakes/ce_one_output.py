"""LW408"""

import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(42)

net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
o = optim.Adam(net.parameters())
X = torch.randn(80, 6)
y = (X.sum(1) > 0).float().unsqueeze(1)
for e in range(3):
    loss = nn.CrossEntropyLoss()(net(X), y)
    o.zero_grad()
    loss.backward()
    o.step()
