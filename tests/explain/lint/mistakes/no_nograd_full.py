"""LW432"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

X = torch.randn(96, 8)
y = X.sum(1, keepdim=True)
model = nn.Linear(8, 1)
opt = torch.optim.SGD(model.parameters(), 0.01)
for e in range(5):
    model.train()
    loss = F.mse_loss(model(X[:64]), y[:64])
    opt.zero_grad()
    loss.backward()
    opt.step()
    model.eval()
    val_loss = F.mse_loss(model(X[64:]), y[64:])
    print(loss.item(), val_loss.item())
