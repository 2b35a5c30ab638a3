"""LW442"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

X = torch.randn(100, 5)
y = X @ torch.randn(5, 1)
dl = DataLoader(TensorDataset(X, y), batch_size=10, shuffle=False)
net = nn.Linear(5, 1)
o = optim.SGD(net.parameters(), 0.01)
for e in range(3):
    for a, b in dl:
        o.zero_grad()
        F.mse_loss(net(a), b).backward()
        o.step()
