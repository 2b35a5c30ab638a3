"""LW411"""

import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(42)

G = nn.Linear(2, 2)
D = nn.Linear(2, 1)
og = optim.Adam(G.parameters(), 1e-3)
od = optim.Adam(D.parameters(), 1e-3)
bce = nn.BCEWithLogitsLoss()
for _ in range(5):
    real = torch.randn(16, 2)
    z = torch.randn(16, 2)
    fake = G(z)
    ld = bce(D(real), torch.ones(16, 1)) + bce(D(fake.detach()), torch.zeros(16, 1))
    ld.backward()
    od.step()
    og.zero_grad()
    lg = bce(D(fake), torch.ones(16, 1))
    lg.backward()
    og.step()
