"""LW441"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)

X = torch.randint(0, 256, (128, 1, 8, 8)).float()
y = torch.randint(0, 3, (128,))
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 3))
opt = torch.optim.SGD(net.parameters(), lr=1e-4)
for xb, yb in DataLoader(TensorDataset(X, y), 16, shuffle=True):
    loss = nn.CrossEntropyLoss()(net(xb), yb)
    opt.zero_grad()
    loss.backward()
    opt.step()
