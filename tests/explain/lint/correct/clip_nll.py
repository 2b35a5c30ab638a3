"""The same with nll_loss."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
fa, fb = (nn.Linear(12, 16), nn.Linear(9, 16))
A, B = (torch.randn(5, 12) / 2, torch.randn(5, 9) / 2)
opt = torch.optim.Adam([*fa.parameters(), *fb.parameters()], 0.01)
target = torch.arange(32)
for step in range(80):
    z = torch.randn(32, 5)
    sim = F.normalize(fa(z @ A), dim=1) @ F.normalize(fb(z @ B), dim=1).t() / 0.1
    loss = 0.5 * F.nll_loss(sim.log_softmax(1), target) + 0.5 * F.nll_loss(sim.log_softmax(0), target)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())
