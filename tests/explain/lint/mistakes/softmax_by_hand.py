"""LW401"""

import torch
import torch.nn.functional as F

torch.manual_seed(0)

W = torch.randn(20, 5, requires_grad=True)
b = torch.zeros(5, requires_grad=True)


def softmax(X):
    e = torch.exp(X)
    return e / e.sum(1, keepdim=True)


def net(X):
    return softmax(X @ W + b)


X = torch.randn(200, 20)
y = torch.randint(0, 5, (200,))
opt = torch.optim.SGD([W, b], lr=0.1)
for i in range(5):
    l = F.cross_entropy(net(X), y)
    opt.zero_grad()
    l.backward()
    opt.step()
