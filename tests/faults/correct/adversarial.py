"""FGSM and PGD: gradients of the input, the loss made larger on purpose, the model trained on what comes out."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(33)
X, y = torch.rand(64, 10), torch.randint(0, 2, (64,))
net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)


def fgsm(x, y, eps=0.05):
    x = x.clone().requires_grad_(True)
    F.cross_entropy(net(x), y).backward()
    return (x + eps * x.grad.sign()).clamp(0, 1).detach()


def pgd(x, y, eps=0.1, steps=3):
    delta = torch.zeros_like(x, requires_grad=True)
    for _ in range(steps):
        loss = F.cross_entropy(net(x + delta), y)
        loss.backward()
        delta.data = (delta + 0.03 * delta.grad.detach().sign()).clamp(-eps, eps)
        delta.grad.zero_()
    return delta.detach()


for epoch in range(3):
    for batch in torch.randperm(64).split(16):
        adversarial = fgsm(X[batch], y[batch])
        optimizer.zero_grad()
        loss = F.cross_entropy(net(adversarial), y[batch])
        loss.backward()
        optimizer.step()
    perturbed = X + pgd(X, y)
    with torch.no_grad():
        print(epoch, (net(perturbed).argmax(1) == y).float().mean().item())
