"""An evaluation function in evaluation mode, but with gradients on.

kind: lint
expect: LW432
line: # <- here
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, y = torch.rand(96, 8), torch.randint(0, 3, (96,))
train_iter = DataLoader(TensorDataset(X[:64], y[:64]), 16, shuffle=True)
test_iter = DataLoader(TensorDataset(X[64:], y[64:]), 16)


def evaluate_loss(net, data_iter, loss):
    net.eval()
    total, n = 0.0, 0
    for X, y in data_iter:
        l = loss(net(X), y)  # <- here
        total, n = total + l.item() * len(y), n + len(y)
    return total / n


net, loss = nn.Linear(8, 3), nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    net.train()
    for X, y in train_iter:
        optimizer.zero_grad()
        loss(net(X), y).backward()
        optimizer.step()
    print(epoch, evaluate_loss(net, test_iter, loss))
