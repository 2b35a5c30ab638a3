"""LW425"""

import torch
import torch.nn as nn

torch.manual_seed(42)


class N(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(4, 8)
        self.l2 = nn.Linear(8, 2)

    def forward(self, x):
        x = self.l1(x)
        x = nn.ReLU(x)
        return self.l2(x)


try:
    N()(torch.randn(2, 4))
except Exception as e:
    print(e)
