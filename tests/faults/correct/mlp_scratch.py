"""A multilayer perceptron out of nn.Parameters, trained by torch.optim.SGD with a loss per example."""

import torch
from torch import nn

torch.manual_seed(4)
W1 = nn.Parameter(torch.randn(20, 32) * 0.1)
b1 = nn.Parameter(torch.zeros(32))
W2 = nn.Parameter(torch.randn(32, 4) * 0.1)
b2 = nn.Parameter(torch.zeros(4))
params = [W1, b1, W2, b2]


def relu(X):
    return torch.max(X, torch.zeros_like(X))


def net(X):
    return relu(X.reshape((-1, 20)) @ W1 + b1) @ W2 + b2


X, y = torch.randn(256, 4, 5), torch.randint(0, 4, (256,))
loss = nn.CrossEntropyLoss(reduction="none")
updater = torch.optim.SGD(params, lr=0.1)
for epoch in range(4):
    for batch in torch.randperm(256).split(32):
        l = loss(net(X[batch]), y[batch])
        updater.zero_grad()
        l.mean().backward()
        updater.step()
    with torch.no_grad():
        print(epoch, float((net(X).argmax(1) == y).float().mean()))
