"""LW442"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
X = torch.sort(torch.rand(100, 1), 0)[0]
y = 2 * X + 1 + 0.05 * torch.randn(100, 1)
dl = DataLoader(TensorDataset(X, y), batch_size=10, shuffle=False)
m = nn.Linear(1, 1)
opt = optim.SGD(m.parameters(), 0.1)
for e in range(4):
    for a, b in dl:
        loss = F.mse_loss(m(a), b)
        opt.zero_grad()
        loss.backward()
        opt.step()
