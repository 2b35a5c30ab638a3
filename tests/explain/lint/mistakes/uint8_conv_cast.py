"""LW441"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

X = torch.randint(0, 256, (40, 28, 28), dtype=torch.uint8)
y = torch.randint(0, 10, (40,))
m = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
o = optim.SGD(m.parameters(), 1e-4)
for a, b in DataLoader(TensorDataset(X, y), 10, shuffle=True):
    l = F.cross_entropy(m(a.float()), b)
    o.zero_grad()
    l.backward()
    o.step()
