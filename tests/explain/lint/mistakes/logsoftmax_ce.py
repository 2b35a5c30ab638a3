"""LW401"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

net = nn.Sequential(nn.Linear(8, 4), nn.LogSoftmax(dim=1))
o = optim.Adam(net.parameters())
X, y = torch.randn(60, 8), torch.randint(0, 4, (60,))
for i in range(4):
    o.zero_grad()
    F.cross_entropy(net(X), y).backward()
    o.step()
