"""LW407"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Linear(30, 20)
        self.out = nn.Linear(20, 1)

    def forward(self, x):
        return self.out(torch.tanh(self.emb(x))).flatten()


net = Net()
opt = torch.optim.Adam(net.parameters(), 0.01)
X, topic = torch.randn(160, 30), torch.arange(160) % 4
for e in range(3):
    for i in torch.randperm(160).split(40):
        loss = F.l1_loss(net(X[i]), topic[i])  # <- here
        opt.zero_grad()
        loss.backward()
        opt.step()
