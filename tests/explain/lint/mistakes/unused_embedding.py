"""LW423"""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(3)


class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(20, 8)
        self.pos = nn.Embedding(10, 8)
        self.out = nn.Linear(8, 20)

    def forward(self, x):
        return self.out(self.tok(x))


m = M()
opt = optim.Adam(m.parameters())
x = torch.randint(0, 20, (8, 10))
for _ in range(4):
    loss = F.cross_entropy(m(x)[:, :-1].reshape(-1, 20), x[:, 1:].reshape(-1))
    opt.zero_grad()
    loss.backward()
    opt.step()
