"""LW407"""

import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
o = optim.Adam(net.parameters())
X, labels = torch.randn(80, 6), torch.randint(0, 10, (80,))
dl = DataLoader(TensorDataset(X, labels), 16, shuffle=True)
for e in range(2):
    for a, b in dl:
        loss = nn.MSELoss()(net(a), b.float().unsqueeze(1))
        o.zero_grad()
        loss.backward()
        o.step()
