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
    loss = F.mse_loss(net(X), y)
    loss = torch.tensor(loss.item(), requires_grad=True)
    opt.zero_grad()
    loss.backward()
    opt.step()
