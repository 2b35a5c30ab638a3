"""LW411"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)

X = torch.randn(128, 4)
y = torch.randint(0, 3, (128,))
dl = DataLoader(TensorDataset(X, y), 16, shuffle=True)
net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
opt = torch.optim.Adam(net.parameters(), 1e-3)
for epoch in range(2):
    opt.zero_grad()
    for xb, yb in dl:
        loss = nn.CrossEntropyLoss()(net(xb), yb)
        loss.backward()
        opt.step()
