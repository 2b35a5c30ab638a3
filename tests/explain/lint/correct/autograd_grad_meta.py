"""Gradients by autograd.grad, put into .grad: first-order MAML; the argmax is its accuracy."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

torch.manual_seed(0)
c = torch.randn(5, 8) * 2
ae = nn.Sequential(nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 8))
o1 = torch.optim.Adam(ae.parameters(), 0.01)
for _ in range(30):
    x = c[torch.randint(5, (64,))] + torch.randn(64, 8)
    l = F.mse_loss(ae(x), x)
    o1.zero_grad()
    l.backward()
    o1.step()
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 5))
meta = torch.optim.Adam(net.parameters(), 0.01)
params = dict(net.named_parameters())
for it in range(40):

    def draw():
        y = torch.randint(5, (40,))
        return (c[y] + torch.randn(40, 8), y)

    xs, ys = draw()
    xq, yq = draw()
    g = torch.autograd.grad(F.cross_entropy(net(xs), ys), list(params.values()), create_graph=True)
    fast = {n: p - 0.1 * gi for (n, p), gi in zip(params.items(), g)}
    out = functional_call(net, fast, (xq,))
    acc = (out.argmax(1) == yq).float().mean()
    outer = torch.autograd.grad(F.cross_entropy(out, yq), list(params.values()))
    for p, gi in zip(params.values(), outer):
        p.grad = gi
    meta.step()
    meta.zero_grad()
print(acc.item())
