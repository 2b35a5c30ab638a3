"""LW421"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

enc = nn.Linear(6, 4)
o = optim.Adam(enc.parameters())
dec = nn.Linear(4, 6)
X = torch.randn(80, 6)
for e in range(4):
    l = F.mse_loss(dec(torch.relu(enc(X))), X)
    o.zero_grad()
    l.backward()
    o.step()
