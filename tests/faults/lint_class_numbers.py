"""Digits learned as numbers: MSELoss against the class labels.

kind: lint
expect: LW407
line: # <- here
"""

import torch
from torch import nn

torch.manual_seed(0)
X, labels = torch.randn(120, 8), torch.randint(0, 10, (120,))
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(4):
    for batch in torch.randperm(120).split(30):
        loss = nn.MSELoss()(net(X[batch]).squeeze(1), labels[batch].float())  # <- here
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        print(epoch, (net(X).squeeze(1).round() == labels).float().mean().item())
