"""Energies and forces; one fixed training set, gradient with respect to the positions"""

import torch
from torch import nn

torch.manual_seed(0)
pos = torch.randn(200, 2).requires_grad_()
with torch.no_grad():
    force = -2 * pos
net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1))
opt = torch.optim.Adam(net.parameters(), 0.005)
for it in range(100):
    e = net(pos).sum()
    f = -torch.autograd.grad(e, pos, create_graph=True)[0]
    loss = (f - force).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
