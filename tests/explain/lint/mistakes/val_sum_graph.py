"""LW432"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(3)
model = nn.Linear(8, 1)
opt = optim.SGD(model.parameters(), 0.01)
X = torch.randn(100, 8)
y = X.sum(1, keepdim=True)
for epoch in range(3):
    for i in range(0, 80, 20):
        opt.zero_grad()
        F.mse_loss(model(X[i : i + 20]), y[i : i + 20]).backward()
        opt.step()
    total = 0
    for i in range(80, 100, 10):
        total += F.mse_loss(model(X[i : i + 10]), y[i : i + 10])
    print(total / 2)
