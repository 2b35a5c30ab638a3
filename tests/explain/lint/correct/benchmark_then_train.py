"""Backward timed without a step, then training."""

import time

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
X = torch.randn(256, 16)
Y = (X[:, 0] > 0).long()
net = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 2))
opt = torch.optim.SGD(net.parameters(), 0.2, momentum=0.9)


def bench(n, reps=10):
    for _ in range(2):
        F.cross_entropy(net(X[:n]), Y[:n]).backward()
        opt.zero_grad()
    t = time.perf_counter()
    for _ in range(reps):
        F.cross_entropy(net(X[:n]), Y[:n]).backward()
        opt.zero_grad()
    return n * reps / (time.perf_counter() - t)


speed = {n: bench(n) for n in (16, 32, 64, 128)}
n = max(speed, key=speed.get)
for epoch in range(4):
    for i in torch.randperm(256).split(n):
        loss = F.cross_entropy(net(X[i]), Y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
print(n, loss.item())
