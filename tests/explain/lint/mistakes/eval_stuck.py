"""LW433"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

X = torch.randn(128, 4)
y = torch.randint(0, 3, (128,))
net = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
opt = torch.optim.Adam(net.parameters(), 1e-3)
net.train()
for e in range(3):
    for i in range(0, 96, 32):
        loss = F.cross_entropy(net(X[i : i + 32]), y[i : i + 32])
        opt.zero_grad()
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        print((net(X[96:]).argmax(1) == y[96:]).float().mean())
