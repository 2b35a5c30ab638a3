"""Gates written out as 1 / (1 + exp(-x)), in the last layer too."""

import torch
from torch import nn

torch.manual_seed(0)


class GLU(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.a, self.b = nn.Linear(i, o), nn.Linear(i, o)

    def forward(self, x):
        return self.a(x) * (1 / (1 + torch.exp(-self.b(x))))


net = nn.Sequential(GLU(6, 12), GLU(12, 3))
opt = torch.optim.Adam(net.parameters(), 0.01)
X, y = torch.randn(60, 6), torch.randint(0, 3, (60,))
for i in torch.randperm(60).split(15):
    opt.zero_grad()
    nn.functional.cross_entropy(net(X[i]), y[i]).backward()
    opt.step()
