"""Batches are standardised by their own deviation; the last batch of the epoch has a single example, whose deviation is 0/0.

kind: explosion
expect: LW519
op: std
line: # <- here
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class Standardise(nn.Module):
    def forward(self, X):
        deviation = X.std(dim=0)  # <- here
        return (X - X.mean(dim=0)) / (deviation + 1e-5)


net = nn.Sequential(nn.Linear(4, 8), Standardise(), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
data = TensorDataset(torch.randn(33, 4), torch.randn(33, 1))
for X, y in DataLoader(data, batch_size=8):
    loss = nn.functional.mse_loss(net(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
