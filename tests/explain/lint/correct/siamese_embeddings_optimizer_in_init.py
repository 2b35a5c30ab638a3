"""A momentum encoder made after the optimizer, and not to be learned."""

import torch
from torch import nn

torch.manual_seed(0)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(5, 4)

    def forward(self, x):
        return nn.functional.normalize(self.l(x), dim=-1)


class Learner:
    def __init__(self):
        self.encoder = Encoder()
        self.opt = torch.optim.Adam(self.encoder.parameters(), 0.01)
        self.momentum = Encoder()
        self.momentum.load_state_dict(self.encoder.state_dict())
        for p in self.momentum.parameters():
            p.requires_grad = False

    def step(self, a, b):
        q = self.encoder(a)
        k = self.momentum(b)
        loss = nn.functional.cross_entropy(q @ k.T / 0.1, torch.arange(len(a)))
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        with torch.no_grad():
            for p, m in zip(self.encoder.parameters(), self.momentum.parameters()):
                m.mul_(0.99).add_(p, alpha=0.01)
        return loss.item()


X = torch.randn(64, 5)
L = Learner()
for i in torch.randperm(64).split(16):
    print(L.step(X[i], X[i] + 0.1 * torch.randn(16, 5)))
