"""A rare class: most batches hold the other one only."""

import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(200, 4)
y = (X[:, 0] > 1.5).float()
order = torch.randperm(200)
X, y = X[order], y[order]
net = nn.Linear(4, 1)
opt = torch.optim.SGD(net.parameters(), 0.1)
for e in range(4):
    for s in range(0, 200, 10):
        opt.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(net(X[s : s + 10]).squeeze(1), y[s : s + 10]).backward()
        opt.step()
