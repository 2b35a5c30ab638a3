"""LW424"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)


class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(6, 4), nn.ReLU())
        self.dec = nn.Linear(4, 6)

    def forward(self, x):
        z = self.enc(x)
        return self.dec(z.detach())


m = AE()
o = optim.Adam(m.parameters())
X = torch.randn(80, 6)
for e in range(4):
    l = F.mse_loss(m(X), X)
    o.zero_grad()
    l.backward()
    o.step()
