"""LW406"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
X = torch.randn(300, 5)

y = X[:, :3].argmax(1)
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 3))
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(3):
    for i in torch.randperm(300).split(30):
        right = F.one_hot(y[i], 3).float()
        loss = (right * F.log_softmax(net(X[i]), dim=1)).sum(1).mean()
        opt.zero_grad()
        loss.backward()  # <-
        opt.step()
