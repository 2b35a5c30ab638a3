"""LW442"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

X = torch.randn(100, 5)
y = torch.arange(100) // 25
dl = DataLoader(TensorDataset(X, y), batch_size=10)
net = nn.Linear(5, 4)
o = optim.SGD(net.parameters(), 0.01)
for a, b in dl:
    o.zero_grad()
    F.cross_entropy(net(a), b).backward()
    o.step()
