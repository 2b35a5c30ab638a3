"""LW443"""

import numpy as np
import torch
import torch.nn as nn

np.random.seed(0)
X = torch.from_numpy(np.random.randn(100, 5)).float()
y = X.sum(1, keepdim=True)
m = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 1))
opt = torch.optim.Adam(m.parameters())
for _ in range(5):
    loss = nn.MSELoss()(m(X), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
