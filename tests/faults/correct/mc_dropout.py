"""Uncertainty by Monte-Carlo dropout: the model stays in training mode on purpose, and the same input goes through it many times."""

import torch
from torch import nn

torch.manual_seed(36)
X = torch.linspace(-1, 1, 80).reshape(-1, 1)
y = torch.sin(3 * X) + 0.1 * torch.randn_like(X)
net = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for step in range(20):
    batch = torch.randperm(80)[:40]
    loss = nn.functional.mse_loss(net(X[batch]), y[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
net.train()
with torch.no_grad():
    draws = torch.stack([net(X) for _ in range(10)])
mean, spread = draws.mean(0), draws.std(0)
print(loss.item(), mean[::20].flatten().tolist(), spread[::20].flatten().tolist())
