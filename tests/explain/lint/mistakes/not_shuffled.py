"""LW442"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)

X = torch.randn(120, 6)
y = torch.randint(0, 3, (120,))
net = nn.Linear(6, 3)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
train_loader = DataLoader(TensorDataset(X, y), batch_size=20, shuffle=False)
for epoch in range(3):
    for xb, yb in train_loader:
        loss = nn.CrossEntropyLoss()(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
