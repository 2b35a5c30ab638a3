"""LW405"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

X = torch.randn(100, 3)
y = (X.sum(1) > 0).float()
net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for e in range(5):
    loss = F.binary_cross_entropy_with_logits(net(X), y.unsqueeze(1))
    opt.zero_grad()
    loss.backward()
    opt.step()
with torch.no_grad():
    acc = ((net(X) > 0).float() == y).float().mean()
print(acc)
