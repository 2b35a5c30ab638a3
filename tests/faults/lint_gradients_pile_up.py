"""A training function that forgets zero_grad.

kind: lint
expect: LW411
line: # <- here
"""

import torch
from torch import nn
from torch.utils import data

torch.manual_seed(0)
X = torch.randn(160, 4)
dataset = data.TensorDataset(X, (X[:, 0] > 0).long())


def train_epoch(net, train_iter, loss, updater):
    net.train()
    total = 0.0
    for X, y in train_iter:
        l = loss(net(X), y)
        l.mean().backward()  # <- here
        updater.step()
        total += float(l.sum())
    return total / len(dataset)


net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
updater = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(2):
    print(train_epoch(net, data.DataLoader(dataset, 16, shuffle=True), nn.CrossEntropyLoss(reduction="none"), updater))
