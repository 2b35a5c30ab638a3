"""Sharpness-aware steps by hand, and batches that are left out for the norm of their gradient."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
c = torch.randn(3, 6) * 2
Y = torch.randint(3, (300,))
X = c[Y] + torch.randn(300, 6)
net = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 3))
opt = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
for epoch in range(3):
    for i in torch.randperm(300).split(50):
        F.cross_entropy(net(X[i]), Y[i]).backward()
        grads = [p.grad for p in net.parameters()]
        scale = 0.05 / (torch.stack([g.norm() for g in grads]).norm() + 1e-12)
        eps = [g * scale for g in grads]
        with torch.no_grad():
            for p, e in zip(net.parameters(), eps):
                p.add_(e)
        opt.zero_grad()
        loss = F.cross_entropy(net(X[i]), Y[i])
        loss.backward()
        with torch.no_grad():
            for p, e in zip(net.parameters(), eps):
                p.sub_(e)
        opt.step()
        opt.zero_grad()
skipped = 0
for _ in range(30):
    i = torch.randint(300, (30,))
    x = X[i] * (50 if torch.rand(()) < 0.8 else 1)
    loss = F.cross_entropy(net(x), Y[i])
    loss.backward()
    if nn.utils.clip_grad_norm_(net.parameters(), 5.0) > 5:
        opt.zero_grad()
        skipped += 1
        continue
    opt.step()
    opt.zero_grad()
print(loss.item(), skipped)
