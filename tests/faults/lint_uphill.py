"""The likelihood of the labels is minimised: the minus of the negative log-likelihood is missing.

kind: lint
expect: LW406
line: # <- here
"""

import torch

torch.manual_seed(0)
X, y = torch.randn(200, 8), torch.randint(0, 3, (200,))
W, b = torch.normal(0, 0.01, size=(8, 3), requires_grad=True), torch.zeros(3, requires_grad=True)
optimizer = torch.optim.SGD([W, b], lr=0.1)


def softmax(X):
    X_exp = torch.exp(X)
    return X_exp / X_exp.sum(1, keepdim=True)


def cross_entropy(y_hat, y):
    return torch.log(y_hat[range(len(y_hat)), y])


for epoch in range(5):
    loss = cross_entropy(softmax(X @ W + b), y).mean()
    optimizer.zero_grad()
    loss.backward()  # <- here
    optimizer.step()
    print(epoch, loss.item())
