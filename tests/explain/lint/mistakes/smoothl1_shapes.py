"""LW404"""

import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
o = optim.Adam(net.parameters())
X = torch.randn(64, 4)
y = X.sum(1)
dl = DataLoader(TensorDataset(X, y), batch_size=16, shuffle=True)
crit = nn.SmoothL1Loss()
for e in range(2):
    for a, b in dl:
        o.zero_grad()
        l = crit(net(a), b)
        l.backward()
        o.step()
