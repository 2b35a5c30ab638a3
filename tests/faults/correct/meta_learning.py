"""MAML on sine waves: gradients of gradients through a step made by hand, the losses of several tasks summed for one backward."""

import math

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

torch.manual_seed(29)
net = nn.Sequential(nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 1))
outer = torch.optim.Adam(net.parameters(), lr=1e-3)


def task():
    a, p = torch.rand(()) * 4 + 0.1, torch.rand(()) * math.pi
    x = torch.rand(20, 1) * 10 - 5
    return x[:10], a * torch.sin(x[:10] + p), x[10:], a * torch.sin(x[10:] + p)


for iteration in range(4):
    outer.zero_grad()
    meta_loss = 0.0
    for _ in range(3):
        xs, ys, xq, yq = task()
        params = dict(net.named_parameters())
        inner = F.mse_loss(functional_call(net, params, (xs,)), ys)
        grads = torch.autograd.grad(inner, list(params.values()), create_graph=True)
        fast = {k: p - 0.01 * g for (k, p), g in zip(params.items(), grads)}
        meta_loss = meta_loss + F.mse_loss(functional_call(net, fast, (xq,)), yq)
    meta_loss.backward()
    outer.step()
    print(iteration, meta_loss.item() / 3)
