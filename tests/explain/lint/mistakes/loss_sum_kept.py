"""LW417"""

import torch
from torch import nn

torch.manual_seed(0)


class Meter:
    def __init__(self):
        self.total, self.n = 0, 0

    def update(self, v, n):
        self.total += v * n  # <- here
        self.n += n


net = nn.Linear(5, 1)
opt = torch.optim.SGD(net.parameters(), 0.01)
X, y = torch.randn(100, 5), torch.randn(100, 1)
for e in range(2):
    m = Meter()
    for i in torch.randperm(100).split(10):
        l = nn.functional.mse_loss(net(X[i]), y[i])
        opt.zero_grad()
        l.backward()
        opt.step()
        m.update(l, 10)
    print(float(m.total / m.n))
