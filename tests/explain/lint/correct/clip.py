"""Pairs told from both sides: softmax over rows and over columns."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class CLIP(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(12, 16)
        self.b = nn.Linear(9, 16)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, u, v):
        return self.scale.exp() * F.normalize(self.a(u), dim=-1) @ F.normalize(self.b(v), dim=-1).t()


A, B = (torch.randn(5, 12), torch.randn(5, 9))
net = CLIP()
opt = torch.optim.Adam(net.parameters(), 0.01)
for step in range(80):
    z = torch.randn(32, 5)
    logits = net(z @ A / 2, z @ B / 2)
    loss = -(F.log_softmax(logits, dim=1).diag().mean() + F.log_softmax(logits, dim=0).diag().mean()) / 2
    opt.zero_grad()
    loss.backward()
    opt.step()
net.eval()
with torch.no_grad():
    z = torch.randn(50, 5)
    logits = net(z @ A / 2, z @ B / 2)
    t = torch.arange(50)
    print("i2t", (logits.argmax(1) == t).float().mean().item(), "t2i", (logits.argmax(0) == t).float().mean().item())
