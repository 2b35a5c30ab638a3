"""LW407"""

import torch
from torch import nn

torch.manual_seed(0)
digits, target = torch.rand(100, 1, 6, 6), torch.randint(0, 10, (100,))
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(3):
    for i in torch.randperm(100).split(20):
        optimizer.zero_grad()
        loss = nn.MSELoss()(net(digits[i]), target[i].float().unsqueeze(1))  # <- here
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
