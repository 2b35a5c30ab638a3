"""LW431"""

import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 1))
crit = nn.MSELoss()
opt = optim.Adam(model.parameters())
X = torch.randn(100, 8)
y = X.mean(1, keepdim=True)
tr = DataLoader(TensorDataset(X[:80], y[:80]), 16, shuffle=True)
va = DataLoader(TensorDataset(X[80:], y[80:]), 20)
for epoch in range(3):
    model.train()
    for xb, yb in tr:
        opt.zero_grad()
        loss = crit(model(xb), yb)
        loss.backward()
        opt.step()
    val_loss = 0.0
    with torch.no_grad():
        for xb, yb in va:
            pred = model(xb)
            val_loss += crit(pred, yb).item() * xb.size(0)
    print(epoch, val_loss / 20)
