"""LW406"""

import torch

torch.manual_seed(0)

W = torch.normal(0, 0.01, (20, 5), requires_grad=True)
b = torch.zeros(5, requires_grad=True)


def softmax(X):
    e = torch.exp(X)
    return e / e.sum(1, keepdim=True)


def cross_entropy(y_hat, y):
    return torch.log(y_hat[range(len(y_hat)), y])


X = torch.randn(200, 20)
y = torch.randint(0, 5, (200,))
opt = torch.optim.SGD([W, b], lr=0.1)
for i in range(5):
    l = cross_entropy(softmax(X @ W + b), y).mean()
    opt.zero_grad()
    l.backward()
    opt.step()
