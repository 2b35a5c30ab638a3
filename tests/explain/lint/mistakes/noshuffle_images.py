"""LW442"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
X, y = torch.rand(64, 1, 6, 6), torch.randint(0, 10, (64,))
train_iter = DataLoader(TensorDataset(X, y), batch_size=16)
m = nn.Sequential(nn.Flatten(), nn.Linear(36, 10))
opt = optim.SGD(m.parameters(), 0.1)
for e in range(2):
    for a, b in train_iter:
        loss = F.cross_entropy(m(a), b)
        opt.zero_grad()
        loss.backward()
        opt.step()
