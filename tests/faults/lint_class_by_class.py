"""A loader without shuffle over a set that is sorted by class, as image folders are.

kind: lint
expect: LW442
line: # <- here
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)


class Folder(Dataset):
    def __init__(self):
        self.samples = [(torch.randn(3, 6, 6) + c, c) for c in range(4) for _ in range(24)]

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        return self.samples[i]


train_loader = DataLoader(Folder(), batch_size=16)  # <- here
net = nn.Sequential(nn.Flatten(), nn.Linear(108, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for X, y in train_loader:
    loss = nn.functional.cross_entropy(net(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
