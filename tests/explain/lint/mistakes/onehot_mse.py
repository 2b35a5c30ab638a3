"""LW407"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.05)
X = torch.randn(64, 4)
labels = torch.randint(0, 5, (64,))
for _ in range(5):
    loss = F.mse_loss(net(X).squeeze(1), labels.float())
    opt.zero_grad()
    loss.backward()
    opt.step()
acc = (net(X).squeeze(1).round() == labels).float().mean()
