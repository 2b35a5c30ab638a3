"""Logistic regression by L-BFGS with a closure; the labels happen to be sorted, since every step sees the whole set."""

import torch
from torch import nn

torch.manual_seed(19)
X = torch.cat([torch.randn(40, 2) + 1, torch.randn(40, 2) - 1])
y = torch.cat([torch.ones(40, 1), torch.zeros(40, 1)])
model, criterion = nn.Linear(2, 1), nn.BCEWithLogitsLoss()
optimizer = torch.optim.LBFGS(model.parameters(), lr=1, max_iter=10)


def closure():
    optimizer.zero_grad()
    loss = criterion(model(X), y) + 1e-3 * model.weight.pow(2).sum()
    loss.backward()
    return loss


for step in range(4):
    loss = optimizer.step(closure)
    print(step, loss.item())
with torch.no_grad():
    print(((model(X) > 0).float() == y).float().mean().item())
