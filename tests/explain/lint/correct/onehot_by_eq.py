"""Compared with a scale, as many as the batch has examples."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
C = 10
protos = torch.randn(C, 16) * 2
y = torch.randint(C, (500,))
x = protos[y] + torch.randn(500, 16)
net = nn.Linear(16, C)
opt = torch.optim.SGD(net.parameters(), 0.1)
for epoch in range(3):
    for i in torch.randperm(500).split(20):
        loss = F.cross_entropy(net(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
confusion = torch.zeros(C, C)
net.eval()
with torch.no_grad():
    for i in torch.arange(500).split(10):
        pred = net(x[i]).argmax(dim=1, keepdim=True)
        onehot = (pred == torch.arange(C)).float()
        truth = (y[i].view(-1, 1) == torch.arange(C)).float()
        confusion += truth.t() @ onehot
print(confusion.diag().sum().item() / 500)
