"""The generator raises the loss of a discriminator that is frozen meanwhile."""

import torch
from torch import nn

torch.manual_seed(0)
G = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
og, od = (torch.optim.Adam(G.parameters(), 0.001), torch.optim.Adam(D.parameters(), 0.001))
bce = nn.BCEWithLogitsLoss()
ones, zeros = (torch.ones(64, 1), torch.zeros(64, 1))
for step in range(100):
    real = torch.randn(64, 2) * 0.3 + torch.tensor([1.0, -1.0])
    D.requires_grad_(True)
    d_loss = bce(D(real), ones) + bce(D(G(torch.randn(64, 4)).detach()), zeros)
    od.zero_grad()
    d_loss.backward()
    od.step()
    D.requires_grad_(False)
    g_loss = -bce(D(G(torch.randn(64, 4))), zeros)
    og.zero_grad()
    g_loss.backward()
    og.step()
print(d_loss.item(), g_loss.item())
