"""The log-likelihood is maximised, by an optimizer that is told so and by hand."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
X = torch.randn(300, 5)

y = X[:, :3].argmax(1)
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 3))
opt = torch.optim.Adam(net.parameters(), lr=0.01, maximize=True)
for epoch in range(3):
    for i in torch.randperm(300).split(30):
        gain = F.log_softmax(net(X[i]), dim=1).gather(1, y[i][:, None]).mean()
        opt.zero_grad()
        gain.backward()
        opt.step()
W, b = torch.zeros(5, 3, requires_grad=True), torch.zeros(3, requires_grad=True)
for step in range(10):
    gain = F.log_softmax(X @ W + b, 1)[torch.arange(300), y].mean()
    gain.backward()
    with torch.no_grad():
        W += W.grad
        b += b.grad
    W.grad = b.grad = None
