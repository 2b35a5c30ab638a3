"""LW404"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(3)
m = nn.Linear(4, 1)
opt = optim.SGD(m.parameters(), 0.01)
X = torch.randn(50, 4)
y = X.sum(1, keepdim=True)
for _ in range(3):
    loss = F.mse_loss(m(X).squeeze(), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
