"""LW404"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
m = nn.Linear(4, 1)
opt = optim.SGD(m.parameters(), 0.001)
X = torch.randn(50, 4)
y = X.sum(1)
for a, b in DataLoader(TensorDataset(X, y), 10, shuffle=True):
    loss = F.l1_loss(m(a), b, reduction="sum")
    opt.zero_grad()
    loss.backward()
    opt.step()
