"""Successes in four trials: whole numbers that the inputs lead to in order."""

import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(100, 2)
successes = torch.distributions.Binomial(4, torch.sigmoid(X[:, 0])).sample().long()
net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
opt = torch.optim.Adam(net.parameters(), 0.01)
for i in range(10):
    loss = ((net(X).squeeze(1) - successes) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
