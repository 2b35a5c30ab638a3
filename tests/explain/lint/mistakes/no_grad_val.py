"""LW432"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

net = nn.Linear(6, 3)
o = optim.Adam(net.parameters())
tr = DataLoader(TensorDataset(torch.randn(60, 6), torch.randint(0, 3, (60,))), 20, shuffle=True)
va = DataLoader(TensorDataset(torch.randn(40, 6), torch.randint(0, 3, (40,))), 20)
for e in range(2):
    net.train()
    for a, b in tr:
        o.zero_grad()
        l = F.cross_entropy(net(a), b)
        l.backward()
        o.step()
    net.eval()
    val = 0
    for a, b in va:
        val += F.cross_entropy(net(a), b).item()
    print(val)
