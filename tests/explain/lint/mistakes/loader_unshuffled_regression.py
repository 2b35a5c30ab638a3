"""LW442"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X = torch.randn(120, 6)
y = (X @ torch.randn(6, 1)).sort(0)[0]
train_loader = DataLoader(TensorDataset(X, y), batch_size=20)  # <- here
net = nn.Linear(6, 1)
opt = torch.optim.SGD(net.parameters(), 0.01)
for e in range(3):
    for a, b in train_loader:
        opt.zero_grad()
        nn.functional.mse_loss(net(a), b).backward()
        opt.step()
