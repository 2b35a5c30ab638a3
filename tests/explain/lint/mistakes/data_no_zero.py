"""LW411"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

X = torch.randn(100, 2)
y = X @ torch.tensor([[2.0], [-3.0]]) + 4
net = nn.Linear(2, 1)
for e in range(6):
    l = F.mse_loss(net(X), y)
    l.backward()
    for p in net.parameters():
        p.data = p.data - 0.01 * p.grad
