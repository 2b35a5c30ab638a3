"""LW425"""

import torch
import torch.nn as nn

torch.manual_seed(3)
layers = [nn.Linear(4, 8), nn.ReLU, nn.Linear(8, 2)]
try:
    net = nn.Sequential(*layers)
except TypeError as e:
    print(e)
