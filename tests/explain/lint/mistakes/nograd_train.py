"""LW424"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

net = nn.Linear(4, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
X = torch.randn(64, 4)
y = X.sum(1, keepdim=True)
for _ in range(4):
    with torch.no_grad():
        out = net(X)
    loss = F.mse_loss(out, y)
    loss.requires_grad_(True)
    opt.zero_grad()
    loss.backward()
    opt.step()
