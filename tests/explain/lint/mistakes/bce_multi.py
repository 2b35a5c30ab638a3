"""LW407"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.05)
X = torch.randn(64, 4)
labels = torch.randint(0, 3, (64, 1)).float()
for _ in range(5):
    loss = F.binary_cross_entropy_with_logits(net(X), labels)
    opt.zero_grad()
    loss.backward()
    opt.step()
