"""Softmax regression by hand: exp, sum, log of the picked probabilities, accuracy counted in an accumulator."""

import torch

torch.manual_seed(3)
X_all = torch.randn(300, 16)
y_all = (X_all[:, :3]).argmax(1)
W = torch.normal(0, 0.01, size=(16, 3), requires_grad=True)
b = torch.zeros(3, requires_grad=True)


def softmax(X):
    X_exp = torch.exp(X)
    return X_exp / X_exp.sum(1, keepdim=True)


def net(X):
    return softmax(torch.matmul(X.reshape((-1, W.shape[0])), W) + b)


def cross_entropy(y_hat, y):
    return -torch.log(y_hat[range(len(y_hat)), y])


def accuracy(y_hat, y):
    if len(y_hat.shape) > 1 and y_hat.shape[1] > 1:
        y_hat = y_hat.argmax(axis=1)
    cmp = y_hat.type(y.dtype) == y
    return float(cmp.type(y.dtype).sum())


def updater(batch_size, lr=0.1):
    with torch.no_grad():
        for param in (W, b):
            param -= lr * param.grad / batch_size
            param.grad.zero_()


for epoch in range(4):
    total_loss, right = 0.0, 0.0
    order = torch.randperm(300)
    for i in range(0, 300, 30):
        X, y = X_all[order[i : i + 30]], y_all[order[i : i + 30]]
        y_hat = net(X)
        l = cross_entropy(y_hat, y)
        l.sum().backward()
        updater(X.shape[0])
        total_loss += float(l.sum())
        right += accuracy(y_hat, y)
    with torch.no_grad():
        print(epoch, total_loss / 300, right / 300, accuracy(net(X_all), y_all) / 300)
