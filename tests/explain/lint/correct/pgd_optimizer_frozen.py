"""An attack: an input that makes the loss of a frozen net larger."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
X = torch.randn(50, 8)
y = (X[:, 0] > 0).long()
opt = torch.optim.Adam(net.parameters(), 0.02)
for _ in range(20):
    opt.zero_grad()
    nn.functional.cross_entropy(net(X), y).backward()
    opt.step()
net.requires_grad_(False).eval()
delta = torch.zeros_like(X, requires_grad=True)
attack = torch.optim.SGD([delta], lr=0.1)
for _ in range(6):
    loss = -nn.functional.cross_entropy(net(X + delta), y) + 0.1 * delta.pow(2).sum()
    attack.zero_grad()
    loss.backward()
    attack.step()
