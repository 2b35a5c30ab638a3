"""LW431"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))
o = optim.Adam(net.parameters())
X = torch.randn(80, 6)
y = X.sum(1, keepdim=True)
for e in range(4):
    net.train()
    l = F.mse_loss(net(X[:60]), y[:60])
    o.zero_grad()
    l.backward()
    o.step()
    with torch.no_grad():
        v = F.mse_loss(net(X[60:]), y[60:])
    print(l.item(), v.item())
