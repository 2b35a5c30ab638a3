"""A table with a missing value: NaN is in the data, no operation has made it. Item 37 of the dataset.

kind: explosion
expect: LW501
op: linear
line: # <- here
phase: data
items: 37
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
features = torch.randn(80, 6)
features[37, 2] = float("nan")
labels = features[:, :1].nan_to_num() * 2 + 0.1
net = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 1))
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(2):
    for X, y in DataLoader(TensorDataset(features, labels), batch_size=8, shuffle=True):
        loss = loss_fn(net(X), y)  # <- here
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
