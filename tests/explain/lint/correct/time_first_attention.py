"""Softmax over time, which comes first."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class Pointer(nn.Module):
    """Scores every time step; time first: (T, B, D) -> (T, B)."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(4, 24)
        self.score = nn.Linear(24, 1)

    def forward(self, x):
        h, _ = self.rnn(x)
        return self.score(h).squeeze(-1)


net = Pointer()
opt = torch.optim.Adam(net.parameters(), 0.005)
for step in range(100):
    x = torch.randn(10, 32, 4)
    target = x[:, :, 0].argmax(0)
    logp = F.log_softmax(net(x), dim=0)
    loss = F.nll_loss(logp.t(), target)
    opt.zero_grad()
    loss.backward()
    opt.step()
net.eval()
with torch.no_grad():
    x = torch.randn(10, 200, 4)
    print(loss.item(), (net(x).argmax(0) == x[:, :, 0].argmax(0)).float().mean().item())
