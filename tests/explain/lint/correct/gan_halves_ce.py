"""A discriminator that learns from its halves in turn."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
G = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 2))
og, od = (torch.optim.Adam(G.parameters(), 0.001), torch.optim.Adam(D.parameters(), 0.001))
for step in range(60):
    real = torch.randn(32, 2) * 0.3 + 1
    fake = G(torch.randn(32, 4))
    od.zero_grad()
    for batch, label in ((real, 1), (fake.detach(), 0)):
        d_loss = F.cross_entropy(D(batch), torch.full((32,), label))
        d_loss.backward()
    od.step()
    g_loss = F.cross_entropy(D(fake), torch.ones(32, dtype=torch.long))
    og.zero_grad()
    g_loss.backward()
    og.step()
print(d_loss.item(), g_loss.item())
