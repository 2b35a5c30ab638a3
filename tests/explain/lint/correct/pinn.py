"""A differential equation at fixed points, which require grad for the derivatives."""

import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
opt = torch.optim.Adam(net.parameters(), 0.003)
x = torch.linspace(0, 1, 60).view(-1, 1).requires_grad_(True)
for it in range(200):
    u = net(x) * x * (1 - x)
    (du,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    (d2u,) = torch.autograd.grad(du.sum(), x, create_graph=True)
    loss = (d2u + torch.pi**2 * torch.sin(torch.pi * x)).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
