"""Bytes of images go into the network as they are.

kind: lint
expect: LW441
line: # <- here
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
images = torch.randint(0, 256, (128, 1, 12, 12), dtype=torch.uint8)
labels = torch.randint(0, 10, (128,))
net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(600, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)
for X, y in DataLoader(TensorDataset(images.float(), labels), batch_size=32, shuffle=True):
    loss = nn.functional.cross_entropy(net(X), y)  # <- here
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
