"""LW442"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)

X = torch.linspace(0, 1, 100).reshape(-1, 1)
y = 3 * X + 1
net = nn.Linear(1, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
dl = DataLoader(TensorDataset(X, y), batch_size=10)
for epoch in range(3):
    for xb, yb in dl:
        loss = nn.MSELoss()(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
