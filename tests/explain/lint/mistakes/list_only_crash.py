"""LW422"""

import torch
from torch import nn

torch.manual_seed(0)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)]

    def forward(self, x):
        for l in self.layers:
            x = l(x)
        return x


net = MLP()
opt = torch.optim.SGD(net.parameters(), 0.1)
