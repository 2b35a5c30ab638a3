"""A net that learns to fool a frozen one."""

import torch
from torch import nn

torch.manual_seed(0)
victim = nn.Linear(6, 3).requires_grad_(False)
gen = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 6), nn.Tanh())
opt = torch.optim.Adam(gen.parameters(), 1e-2)
X = torch.randn(80, 6)
y = victim(X).argmax(1)
for e in range(3):
    for i in torch.randperm(80).split(20):
        fooled = victim(X[i] + 0.2 * gen(X[i]))
        loss = -nn.functional.cross_entropy(fooled, y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
