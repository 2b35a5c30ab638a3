"""Attention over the instances of a bag, in dimension 0."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


def bag():
    pos = torch.rand(()) < 0.5
    inst = torch.randn(torch.randint(6, 15, ()).item(), 10)
    if pos:
        inst[0] += 2.5
    return (inst, pos.float().view(1))


class MIL(nn.Module):
    def __init__(self, heads=3):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(10, 24), nn.ReLU())
        self.att = nn.Sequential(nn.Linear(24, 16), nn.Tanh(), nn.Linear(16, heads))
        self.cls = nn.Linear(24 * heads, 1)

    def forward(self, x):
        h = self.enc(x)
        a = F.softmax(self.att(h), dim=0)
        return self.cls((a.t() @ h).flatten())


net = MIL()
opt = torch.optim.Adam(net.parameters(), 0.003)
for step in range(150):
    x, y = bag()
    loss = F.binary_cross_entropy_with_logits(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
