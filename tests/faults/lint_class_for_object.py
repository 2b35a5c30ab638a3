"""The activation is the class nn.ReLU; its call makes a layer, and the program stops far from there.

kind: lint
expect: LW425
line: # <- here
"""

import torch
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(6, 16), nn.Linear(16, 2)
        self.activation = nn.ReLU  # <- here

    def forward(self, x):
        return self.fc2(self.activation(self.fc1(x)))


try:
    print(Net()(torch.randn(4, 6)))
except TypeError as error:
    print(error)
