"""Gradients of four small batches added up on purpose: the loss divided by 4, one step and one zero_grad for all of them."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(18)
X = torch.randn(128, 6)
y = (X.sum(1) > 0).long()
loader = DataLoader(TensorDataset(X, y), batch_size=8, shuffle=True, drop_last=True)
model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2))
criterion, optimizer, steps = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.2), 4
for epoch in range(3):
    optimizer.zero_grad()
    running = 0.0
    for i, (xb, yb) in enumerate(loader):
        loss = criterion(model(xb), yb) / steps
        loss.backward()
        running += loss.item() * steps
        if (i + 1) % steps == 0:
            optimizer.step()
            optimizer.zero_grad()
    print(epoch, running / len(loader))
