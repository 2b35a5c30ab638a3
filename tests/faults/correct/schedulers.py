"""Warm-up from 0 and cosine decay, then ReduceLROnPlateau: schedules that step after the optimizer."""

import math

import torch
from torch import nn
from torch.optim import lr_scheduler

torch.manual_seed(27)
X = torch.randn(64, 5)
y = X.pow(2).sum(1, keepdim=True)
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
warmup = lr_scheduler.LambdaLR(optimizer, lambda s: s / 4 if s < 4 else 0.5 * (1 + math.cos(math.pi * (s - 4) / 12)))
criterion = nn.MSELoss()
for step in range(12):
    optimizer.zero_grad()
    loss = criterion(net(X), y)
    loss.backward()
    optimizer.step()
    warmup.step()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
plateau = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
for epoch in range(4):
    optimizer.zero_grad()
    loss = criterion(net(X), y)
    loss.backward()
    optimizer.step()
    plateau.step(loss.detach())
    print(epoch, loss.item(), optimizer.param_groups[0]["lr"])
