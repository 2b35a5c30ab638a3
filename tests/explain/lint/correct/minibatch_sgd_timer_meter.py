"""A meter that adds up detached losses."""

import time

import torch
from torch import nn

torch.manual_seed(0)


class Meter:
    def __init__(self):
        self.sum, self.n, self.history = 0.0, 0, []

    def update(self, loss, n):
        self.sum += loss.detach() * n
        self.n += n
        self.history.append(loss.item())


class Timer:
    def __init__(self):
        self.times = []

    def start(self):
        self.tik = time.time()

    def stop(self):
        self.times.append(time.time() - self.tik)


net = nn.Linear(4, 1)
opt = torch.optim.SGD(net.parameters(), 0.02)
X = torch.randn(100, 4)
y = X.sum(1, keepdim=True)
timer, m = Timer(), Meter()
for e in range(2):
    timer.start()
    for i in torch.randperm(100).split(10):
        l = nn.functional.mse_loss(net(X[i]), y[i])
        opt.zero_grad()
        l.backward()
        opt.step()
        m.update(l, 10)
    timer.stop()
print(float(m.sum / m.n), len(m.history))
