"""LW401"""

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)


def accuracy(y_hat, y):
    if len(y_hat.shape) > 1 and y_hat.shape[1] > 1:
        y_hat = y_hat.argmax(axis=1)
    cmp = y_hat.type(y.dtype) == y
    return float(cmp.type(y.dtype).sum())


def evaluate_accuracy(net, data_iter):
    if isinstance(net, torch.nn.Module):
        net.eval()
    m = [0, 0]
    with torch.no_grad():
        for X, y in data_iter:
            m[0] += accuracy(net(X), y)
            m[1] += y.numel()
    return m[0] / m[1]


def train_epoch_ch3(net, train_iter, loss, updater):
    if isinstance(net, torch.nn.Module):
        net.train()
    m = [0, 0, 0]
    for X, y in train_iter:
        y_hat = net(X)
        l = loss(y_hat, y)
        if isinstance(updater, torch.optim.Optimizer):
            updater.zero_grad()
            l.mean().backward()
            updater.step()
        else:
            l.sum().backward()
            updater(X.shape[0])
        m[0] += float(l.sum())
        m[1] += accuracy(y_hat, y)
        m[2] += y.numel()
    return m[0] / m[2], m[1] / m[2]


net = nn.Sequential(nn.Flatten(), nn.Linear(16, 10), nn.Softmax(dim=1))
X, y = torch.rand(200, 1, 4, 4), torch.randint(0, 10, (200,))
it = DataLoader(TensorDataset(X, y), 20, shuffle=True)
for epoch in range(2):
    print(
        train_epoch_ch3(net, it, nn.CrossEntropyLoss(reduction="none"), torch.optim.SGD(net.parameters(), lr=0.1)),
        evaluate_accuracy(net, it),
    )
