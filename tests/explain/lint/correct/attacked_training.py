"""Adversarial training: many gradients for the input, forgotten by zero_grad, before each step of the weights; then L-BFGS."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
X = torch.randn(300, 5)

y = X[:, :3].argmax(1)
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 3))
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for i in torch.randperm(300).split(60):
    x = X[i].clone().requires_grad_(True)
    for attack in range(5):
        opt.zero_grad()
        F.cross_entropy(net(x), y[i]).backward()
        x = (x + 0.01 * x.grad.sign()).detach().requires_grad_(True)
    loss = F.cross_entropy(net(x.detach()), y[i])
    opt.zero_grad()
    loss.backward()
    opt.step()
fine = torch.optim.LBFGS(net.parameters(), lr=0.5, max_iter=10)


def closure():
    fine.zero_grad()
    loss = F.cross_entropy(net(X), y)
    loss.backward()
    return loss


for step in range(2):
    fine.step(closure)
