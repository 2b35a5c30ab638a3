"""LW407"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X = torch.randn(256, 20)
y = torch.randint(0, 10, (256,))
loader = DataLoader(TensorDataset(X, y), batch_size=32, shuffle=True)
net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 1), nn.Flatten(0))
opt = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(2):
    for X, y in loader:
        loss = nn.MSELoss()(net(X), y.float())  # <- here
        opt.zero_grad()
        loss.backward()
        opt.step()
