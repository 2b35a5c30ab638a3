"""LW441"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(42)

X, y = torch.rand(60, 3, 8, 8) * 255, torch.randint(0, 3, (60,))
m = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
o = optim.Adam(m.parameters(), 1e-4)
for i in range(3):
    l = F.cross_entropy(m(X), y)
    o.zero_grad()
    l.backward()
    o.step()
