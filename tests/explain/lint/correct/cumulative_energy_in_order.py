"""A series whose target only grows, in order."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
t = torch.linspace(0, 6, 150)
load = torch.stack([torch.sin(t), torch.cos(t), t / 6], 1) + 0.02 * torch.randn(150, 3)
energy = torch.cumsum(torch.rand(150), 0).unsqueeze(1) / 150
dl = DataLoader(TensorDataset(load, energy), 25)
net = nn.Sequential(nn.Linear(3, 12), nn.Tanh(), nn.Linear(12, 1))
opt = torch.optim.Adam(net.parameters(), 0.01)
for e in range(3):
    for a, b in dl:
        opt.zero_grad()
        nn.functional.mse_loss(net(a), b).backward()
        opt.step()
